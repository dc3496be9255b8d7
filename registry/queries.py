"""What of the registry a principal may see."""

from django.db.models import QuerySet

from keys.principal import Principal
from registry.models import RegisteredModel


def visible_models(principal: Principal) -> QuerySet[RegisteredModel]:
    """The models on the key's allow-list; for all others it gets 404, as for models that do not exist."""
    models = RegisteredModel.objects.all()
    return models if principal.model_regex is None else models.filter(name__regex=principal.model_regex)
