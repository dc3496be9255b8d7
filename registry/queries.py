"""What of the registry a principal may see."""

from contextlib import suppress
from typing import TypeVar
from uuid import UUID

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import Http404

from keys.patterns import as_like
from keys.principal import Principal
from registry.models import Context, ContextVersion, ModelVersion, Named, RegisteredModel

Resource = TypeVar("Resource", bound=Named)


def visible_models(principal: Principal) -> QuerySet[RegisteredModel]:
    """The models on the key's allow-list; for all others it gets 404, as for models that do not exist."""
    models = RegisteredModel.objects.all()
    if principal.model_patterns is None:
        return models
    patterns = [as_like(pattern) for pattern in principal.model_patterns]
    on_the_list = RawSQL("registry_registeredmodel.name LIKE ANY(%s)", [patterns], output_field=BooleanField())
    return models.filter(on_the_list)


def find_model(principal: Principal, ident: str, lock: bool = False) -> RegisteredModel:
    """The model with this id or name; of a name that reads like another's id, that other. Raises Http404.

    With `lock` its row is held until the transaction ends: whoever changes its versions or aliases takes turns.
    """
    return _find(visible_models(principal), ident, lock)


def find_version(model: RegisteredModel, number: int, lock: bool = False) -> ModelVersion:
    """Raises Http404."""
    versions = ModelVersion.objects.filter(model=model, number=number)
    version = (versions.select_for_update() if lock else versions).first()
    if version is None:
        raise Http404
    version.model = model
    return version


def visible_contexts(principal: Principal) -> QuerySet[Context]:
    """A bound key sees the contexts that are meant for no model, and those none of whose versions is meant for a model
    that is not on its list; for all others it gets 404. The names are those that the versions were written with."""
    contexts = Context.objects.all()
    if principal.model_patterns is None:
        return contexts
    patterns = [as_like(pattern) for pattern in principal.model_patterns]
    all_on_the_list = RawSQL(
        "NOT EXISTS (SELECT 1 FROM unnest(registry_context.models) AS name WHERE NOT name LIKE ANY(%s))",
        [patterns],
        output_field=BooleanField(),
    )
    return contexts.filter(all_on_the_list)


def find_context(principal: Principal, ident: str, lock: bool = False) -> Context:
    """As `find_model`."""
    return _find(visible_contexts(principal), ident, lock)


def find_context_version(context: Context, number: int) -> ContextVersion:
    """Raises Http404."""
    version = ContextVersion.objects.filter(context=context, number=number).first()
    if version is None:
        raise Http404
    version.context = context
    return version


def _find(visible: QuerySet[Resource], ident: str, lock: bool) -> Resource:
    if "\0" in ident:
        raise Http404
    wanted = Q(name=ident)
    with suppress(ValueError):
        wanted |= Q(pk=UUID(ident))
    if lock:
        visible = visible.select_for_update(of=("self",))
    found = sorted(visible.filter(wanted)[:2], key=lambda resource: resource.name == ident)
    if not found:
        raise Http404
    return found[0]
