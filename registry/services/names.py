"""Names are unique: no two models, contexts or deployments have the same one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError
from django.db.models import Manager, Model, QuerySet

from keys.principal import Principal
from mcp_project.database.statements import insert_if_absent
from mcp_project.errors import Conflict, NotFound
from registry.models import Context, Deployment, RegisteredModel
from registry.queries import visible_contexts, visible_deployments, visible_models

OTHER_NAMES = "The key is bound to models with other names."
SEPARATORS = frozenset("-._ ")
KINDS: dict[type[Model], tuple[str, Callable[[Principal], QuerySet[Any]]]] = {
    RegisteredModel: ("model", visible_models),
    Context: ("context", visible_contexts),
    Deployment: ("deployment", visible_deployments),
}


@contextmanager
def unique_name(principal: Principal, kind: type[Model], name: str | None) -> Iterator[None]:
    """Wrap a block that gives a resource of this kind this name; None for a block that gives none.

    Raises Conflict for a name that is taken: the unique index decides that, also between two requests at once. A bound
    key that may not see the resource with that name gets the NotFound of `require_name`.
    """
    try:
        yield
    except IntegrityError as error:
        if name is None:
            raise
        word, visible = KINDS[kind]
        # After an error of the database itself, this transaction can look nothing up.
        if principal.model_patterns is not None and not (
            isinstance(error, NameTaken) and visible(principal).filter(name=name).exists()
        ):
            raise NotFound(OTHER_NAMES) from None
        raise Conflict(f"A {word} named {name!r} exists already.") from None


def require_name(principal: Principal, kind: type[Model], name: str) -> None:
    """A key that is bound to models gives only names on its list, whether or not they are taken: else it could find out
    which are. Contexts and deployments may also be called by such a name and more: `churn`, `churn-live`, `churn.v2`.
    Raises NotFound."""
    names = [name]
    if kind is not RegisteredModel:
        names += [name[:place] for place, character in enumerate(name) if character in SEPARATORS]
    if not any(map(principal.may_see, names)):
        raise NotFound(OTHER_NAMES)


class NameTaken(IntegrityError):
    """The error of a unique index, raised before the index is violated: PostgreSQL logs each statement that fails."""


def create(resource: Model) -> None:
    """Raises NameTaken."""
    if not insert_if_absent(resource):
        raise NameTaken


def require_free(rows: Manager[Any], name: str) -> None:
    """Before a row gets another name. The index decides all the same, between two at once. Raises NameTaken."""
    if rows.filter(name=name).exists():
        raise NameTaken
