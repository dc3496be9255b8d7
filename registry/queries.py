"""Queries of the registry, each limited to what a principal may see."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from keys.patterns import as_like
from keys.principal import Principal
from mcp_project.audit.models import AuditEntry
from mcp_project.database.statements import Lookup
from mcp_project.errors import NotFound
from registry.models import (
    Context,
    ContextVersion,
    Deployment,
    DeploymentRevision,
    DeploymentTarget,
    ModelVersion,
    RegisteredModel,
)
from registry.uris import SQL_NOTATION, SQL_OF_MODELS, may_see_uri

Row = TypeVar("Row", RegisteredModel, Context, Deployment)

_models_named = Lookup(RegisteredModel, "name = %s OR id = %s")


def visible_models(principal: Principal) -> QuerySet[RegisteredModel]:
    """The models on the key's allow-list; for all others it gets 404, as for models that do not exist."""
    models = RegisteredModel.objects.all()
    if principal.model_patterns is None:
        return models
    likes = _likes(principal)
    # Not LIKE ANY, for which PostgreSQL would use no index.
    any_of_them = " OR ".join(["registry_registeredmodel.name LIKE %s"] * len(likes))
    return models.filter(RawSQL(f"({any_of_them})", likes, output_field=BooleanField()))  # noqa: S611


def find_model(principal: Principal, id_or_name: str, lock: bool = False) -> RegisteredModel:
    """The model with this id or name. If `id_or_name` is one model's id and another's name, the first. Raises NotFound.

    With `lock` its row is locked until the transaction ends: changes of its versions and aliases take turns.
    """
    models = [
        model for model in _models_named(id_or_name, _as_uuid(id_or_name), lock=lock) if principal.may_see(model.name)
    ]
    if not models:
        raise NotFound
    return min(models, key=lambda model: model.name == id_or_name)


def _as_uuid(id_or_name: str) -> UUID | None:
    try:
        return UUID(id_or_name)
    except ValueError:
        return None


def find_named(rows: QuerySet[Row], id_or_name: str, lock: bool = False) -> Row:
    """The row of this queryset with this id or name, like `find_model`. Raises NotFound."""
    condition = Q(name=id_or_name)
    with suppress(ValueError):
        condition |= Q(pk=UUID(id_or_name))
    if lock:
        rows = rows.select_for_update(of=("self",))
    matches = sorted(rows.filter(condition)[:2], key=lambda row: row.name == id_or_name)
    if not matches:
        raise NotFound
    return matches[0]


def find_version(model: RegisteredModel, number: int, lock: bool = False) -> ModelVersion:
    """Raises NotFound."""
    versions = ModelVersion.objects.filter(model=model, number=number)
    # Without the key: so that children may be registered meanwhile, which point to it.
    version = (versions.select_for_update(no_key=True) if lock else versions).first()
    if version is None:
        raise NotFound(f"There is no version {number}.")
    version.model = model
    return version


def with_visible_sources(principal: Principal, versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """The versions, without those whose source is a version of a model that the key may not see."""
    if principal.model_patterns is None:
        return versions
    visible = RawSQL(
        "(source !~* %s OR substring(lower(substr(source, 1, 7)) || substr(source, 8) from %s) LIKE ANY(%s))",
        [SQL_OF_MODELS, SQL_NOTATION, _likes(principal)],
        output_field=BooleanField(),
    )
    return versions.filter(visible)


def visible_contexts(principal: Principal) -> QuerySet[Context]:
    """A bound key sees the contexts that are meant for no model, and those none of whose versions is meant for a model
    that is not on its list; for all others it gets 404. The names are those that the versions were written with."""
    contexts = Context.objects.all()
    if principal.model_patterns is None:
        return contexts
    all_on_the_list = RawSQL(
        "NOT EXISTS (SELECT FROM unnest(registry_context.models) AS name WHERE NOT name LIKE ANY(%s))",
        [_likes(principal)],
        output_field=BooleanField(),
    )
    return contexts.filter(all_on_the_list)


def find_context(principal: Principal, id_or_name: str, lock: bool = False) -> Context:
    """The context with this id or name, like `find_model`. Raises NotFound."""
    return find_named(visible_contexts(principal), id_or_name, lock)


def find_context_version(context: Context, number: int) -> ContextVersion:
    """Raises NotFound."""
    version = ContextVersion.objects.filter(context=context, number=number).first()
    if version is None:
        raise NotFound(f"There is no version {number}.")
    version.context = context
    return version


def read_context_version(principal: Principal, context: Context, number: int) -> ContextVersion:
    """A version of a context as the principal may see it: without the resources that are versions of models which the
    key may not see. The digest covers all of them. Raises NotFound."""
    version = find_context_version(context, number)
    version.resources = [resource for resource in version.resources if may_see_uri(principal, resource["uri"])]
    return version


def visible_deployments(principal: Principal) -> QuerySet[Deployment]:
    """The deployments whose targets all have models and contexts that the key may see."""
    deployments = Deployment.objects.prefetch_related("targets")
    if principal.model_patterns is None:
        return deployments
    hidden = RawSQL(
        """EXISTS (SELECT FROM registry_deploymenttarget AS target
        LEFT JOIN registry_context AS context ON context.id = target.context_id
        WHERE target.deployment_id = registry_deployment.id
        AND (NOT target.model_name LIKE ANY(%s)
        OR EXISTS (SELECT FROM unnest(context.models) AS name WHERE NOT name LIKE ANY(%s))))""",
        [_likes(principal), _likes(principal)],
        output_field=BooleanField(),
    )
    return deployments.exclude(hidden)


def find_deployment(principal: Principal, id_or_name: str, lock: bool = False) -> Deployment:
    """The deployment with this id or name, like `find_model`. Its targets are checked again, because they may have
    changed since the query chose the row. Raises NotFound."""
    deployment = find_named(visible_deployments(principal), id_or_name, lock)
    if not may_see_targets(principal, deployment.targets.all()):
        raise NotFound
    return deployment


def may_see_targets(principal: Principal, targets: Iterable[DeploymentTarget]) -> bool:
    """Whether the principal may see the models and contexts of these targets. The models of a deleted context are not
    known any more."""
    if principal.model_patterns is None:
        return True
    names = {target.model_name for target in targets}
    pinned = {target.context_id for target in targets if target.context_id is not None}
    for models in Context.objects.filter(pk__in=pinned).values_list("models", flat=True) if pinned else ():
        names |= {*models}
    return all(principal.may_see(name) for name in names)


def visible_revisions(principal: Principal, deployment: Deployment) -> QuerySet[DeploymentRevision]:
    """The revisions, without those in which the deployment had targets whose models or contexts the key may not see, by
    the names that they had then or, where they still exist, by their present names."""
    revisions = DeploymentRevision.objects.filter(deployment=deployment)
    if principal.model_patterns is None:
        return revisions
    hidden = RawSQL(
        """EXISTS (SELECT FROM jsonb_array_elements(content::jsonb -> 'targets') AS target
        LEFT JOIN registry_registeredmodel AS model ON model.id = (target ->> 'model_id')::uuid
        LEFT JOIN registry_context AS context ON context.id = (target -> 'context_version' ->> 'context_id')::uuid
        WHERE NOT target ->> 'model' LIKE ANY(%s) OR NOT model.name LIKE ANY(%s)
        OR EXISTS (SELECT FROM unnest(context.models) AS name WHERE NOT name LIKE ANY(%s)))""",
        [_likes(principal)] * 3,
        output_field=BooleanField(),
    )
    return revisions.exclude(hidden)


def find_revision(principal: Principal, deployment: Deployment, number: int) -> DeploymentRevision:
    """Raises NotFound."""
    revision = visible_revisions(principal, deployment).filter(number=number).first()
    if revision is None:
        raise NotFound(f"There is no revision {number}, or the key may not see it.")
    return revision


def visible_entries(principal: Principal) -> QuerySet[AuditEntry]:
    """The audit trail. A bound key sees the entries of keys, and of the models, contexts and deployments that it may
    see; of deleted resources, those of models whose names are on its list."""
    entries = AuditEntry.objects.all()
    if principal.model_patterns is None:
        return entries
    models = Q(object_type="registeredmodel") & RawSQL(
        """(object_name LIKE ANY(%s) AND NOT EXISTS (SELECT FROM registry_registeredmodel AS model
        WHERE model.id::text = object_id AND NOT model.name LIKE ANY(%s)))""",
        [_likes(principal)] * 2,
        output_field=BooleanField(),
    )
    others = Q()
    for kind, rows in (("context", visible_contexts(principal)), ("deployment", visible_deployments(principal))):
        others |= Q(object_type=kind, object_id__in=ids_of(rows, "text"))
    return entries.filter(~Q(object_type__in=["registeredmodel", "context", "deployment"]) | models | others)


def ids_of(rows: QuerySet[Any], kind: str = "uuid") -> RawSQL:
    """A subquery of their ids, as PostgreSQL's type `kind`, for a condition on columns of another table. The conditions
    of this module name their tables, which Django would rename within a query of another table."""
    sql, parameters = rows.order_by().values("pk").query.sql_with_params()
    return RawSQL(f"SELECT visible.id::{kind} FROM ({sql}) AS visible (id)", parameters)  # noqa: S608, S611  (none of a client's)


def _likes(principal: Principal) -> list[str]:
    return [as_like(pattern) for pattern in principal.model_patterns or ()]
