"""The kinds of lines in an export: the table of each, and the checks of its rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject

from mcp_project.audit.models import AuditEntry
from registry.models import (
    Context,
    ContextAliasMove,
    ContextVersion,
    Deployment,
    DeploymentRevision,
    DeploymentTarget,
    ModelAliasMove,
    ModelVersion,
    Parent,
    RegisteredModel,
)
from registry.transfer import checks
from registry.transfer.values import Field, Row, as_json, check, from_json


def _any(row: Row) -> None:
    pass


@dataclass(frozen=True)
class Kind:
    name: str
    model: type[models.Model]
    rule: Callable[[Row], None] = _any  # for the row as a whole
    key: tuple[str, ...] = ("id",)  # the columns by which a row is found again
    where: Q = Q()  # noqa: RUF009  (it is never changed)
    apart: tuple[str, ...] = ()  # columns with work in progress of this service, which are not exported
    inner: "Kind | None" = None  # whose rows are written within, as a list, and stored in the same transaction

    @cached_property
    def fields(self) -> list[Field]:
        """All but numbers that the database gives: nothing names them, and here they may be taken."""
        fields = self.model._meta.concrete_fields
        return [field for field in fields if not isinstance(field, models.AutoField) and field.name not in self.apart]

    def rows(self) -> QuerySet[Any, Row]:
        names = [field.attname for field in self.fields]
        lists = {self.inner.name: self.inner.as_list()} if self.inner else {}
        return self.model._default_manager.filter(self.where).values(*names, **lists)

    def read(self, line: Any, defaults: Mapping[str, Row]) -> Row:
        """The row of a line, which `check` has not seen yet. `defaults` has the values of fields that the export does
        not have, by kind (registry.transfer.header). Raises ValidationError."""
        row = from_json(self.fields, _completed(line, defaults.get(self.name)), [self.inner.name] if self.inner else [])
        if self.inner:
            row[self.inner.name] = self.inner.read_list(line[self.inner.name], defaults.get(self.inner.name))
        return row

    def check(self, row: Row) -> None:
        """Raises ValidationError."""
        check(self.fields, row)
        if self.inner:
            for part in row[self.inner.name]:
                check(self.inner.inner_fields, part)
        self.rule(row)

    def key_of(self, row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in self.key)

    # Of an inner kind, whose key begins with the row that it is within.

    @property
    def inner_fields(self) -> list[Field]:
        return [field for field in self.fields if field.attname != self.key[0]]

    def as_list(self) -> ArraySubquery:
        part = JSONObject(**{field.attname: field.attname for field in self.inner_fields})
        rows = self.model._default_manager.filter(**{self.key[0]: OuterRef("pk")})
        return ArraySubquery(rows.order_by(*self.key[1:]).values(part=part))

    def read_list(self, parts: Any, defaults: Row | None) -> list[Row]:
        """The rows of the list within a line, as JSON, like those of `as_list`."""
        if not isinstance(parts, list):
            raise ValidationError(f"{self.name}: a list is wanted")
        return [as_json(from_json(self.inner_fields, _completed(part, defaults))) for part in parts]


def _completed(line: Any, defaults: Row | None) -> Any:
    return {**defaults, **line} if defaults and isinstance(line, dict) else line


# In this order, in which each row finds those that it refers to.
KINDS = {
    kind.name: kind
    for kind in (
        Kind("model", RegisteredModel, checks.check_aliases, apart=("moving",)),
        Kind("model_version", ModelVersion),
        Kind("parent", Parent, key=("version_id", "uri")),
        Kind("model_alias_move", ModelAliasMove),
        Kind("context", Context, checks.check_aliases),
        Kind("context_version", ContextVersion, checks.check_context_version),
        Kind("context_alias_move", ContextAliasMove),
        Kind(
            "deployment",
            Deployment,
            checks.check_deployment,
            inner=Kind("pinned_targets", DeploymentTarget, key=("deployment_id", "position")),
        ),
        Kind("deployment_revision", DeploymentRevision, checks.check_revision),
        Kind("audit_entry", AuditEntry, checks.check_audit_entry, where=Q(object_type__in=checks.AUDITED)),
    )
}
