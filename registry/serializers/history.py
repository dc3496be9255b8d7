"""A model's history as JSON."""

from typing import Any

from keys.models import AuditEntry
from keys.principal import Principal, principal_of
from keys.serializers.audit import AuditEntrySerializer
from registry.models import may_see_uri

HIDDEN = "(hidden)"


class HistorySerializer(AuditEntrySerializer):
    """A change. The names of models that the key may not see read `(hidden)`."""

    def to_representation(self, instance: AuditEntry) -> dict[str, Any]:
        told: dict[str, Any] = super().to_representation(instance)
        principal = principal_of(self.context["request"])
        if principal.model_patterns is None:
            return told
        changes = {name: _seen(principal, name, values) for name, values in told["changes"].items()}
        name = told["object_name"] if principal.may_see(told["object_name"]) else HIDDEN
        return {**told, "object_name": name, "changes": changes}


def _seen(principal: Principal, name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_seen(principal, name, part) for part in value]
    if isinstance(value, str) and not (may_see_uri(principal, value) and (name != "name" or principal.may_see(value))):
        return HIDDEN
    return value
