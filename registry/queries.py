"""What of the registry a principal may see."""

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from keys.patterns import as_like
from keys.principal import Principal
from registry.models import RegisteredModel


def visible_models(principal: Principal) -> QuerySet[RegisteredModel]:
    """The models on the key's allow-list; for all others it gets 404, as for models that do not exist."""
    models = RegisteredModel.objects.all()
    if principal.model_patterns is None:
        return models
    patterns = [as_like(pattern) for pattern in principal.model_patterns]
    on_the_list = RawSQL("registry_registeredmodel.name LIKE ANY(%s)", [patterns], output_field=BooleanField())
    return models.filter(on_the_list)
