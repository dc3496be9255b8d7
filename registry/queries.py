"""What of the registry a principal may see."""

from contextlib import suppress
from uuid import UUID

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import Http404

from keys.patterns import as_like
from keys.principal import Principal
from registry.models import ModelVersion, RegisteredModel


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
    models = visible_models(principal)
    wanted = Q(name=ident)
    with suppress(ValueError):
        wanted |= Q(pk=UUID(ident))
    if lock:
        models = models.select_for_update(of=("self",))
    found = sorted(models.filter(wanted)[:2], key=lambda model: model.name == ident)
    if not found:
        raise Http404
    return found[0]


def find_version(model: RegisteredModel, number: int, lock: bool = False) -> ModelVersion:
    """Raises Http404."""
    versions = ModelVersion.objects.filter(model=model, number=number)
    # Without the key: so that children may be registered meanwhile, which point to it.
    version = (versions.select_for_update(no_key=True) if lock else versions).first()
    if version is None:
        raise Http404
    version.model = model
    return version
