"""A model's history as JSON."""

from typing import Any

from keys.principal import Principal, principal_of
from mcp_project.audit.models import AuditEntry
from mcp_project.audit.serializers import AuditEntrySerializer
from registry.uris import may_see_uri

HIDDEN = "(hidden)"


class HistorySerializer(AuditEntrySerializer):
    """A change. The names of models that the key may not see read `(hidden)`."""

    def to_representation(self, instance: AuditEntry) -> dict[str, Any]:
        entry: dict[str, Any] = super().to_representation(instance)
        principal = principal_of(self.context["request"])
        if principal.model_patterns is None:
            return entry
        of_a_model = entry["object_type"] == "registeredmodel"
        names = {"model", "name"} if of_a_model else {"model"}
        changes = {name: _seen(principal, names, name, values) for name, values in entry["changes"].items()}
        hidden = of_a_model and not principal.may_see(entry["object_name"])
        return {**entry, "object_name": HIDDEN if hidden else entry["object_name"], "changes": changes}


def _seen(principal: Principal, names: set[str], name: str, value: Any) -> Any:
    """The value of a field. Of fields in `names`, the value is the name of a model."""
    if isinstance(value, list):
        return [_seen(principal, names, name, part) for part in value]
    if isinstance(value, dict):
        return {inner: _seen(principal, names, inner, part) for inner, part in value.items()}
    if isinstance(value, str) and not (
        may_see_uri(principal, value) and (name not in names or principal.may_see(value))
    ):
        return HIDDEN
    return value
