"""What every serializer of the API does with a body."""

from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know or that only the service sets: a typo must not pass for success."""

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        writable = {name for name, field in self.fields.items() if not field.read_only}
        unknown = [str(name) for name in data if name not in writable]
        if unknown:
            known = ", ".join(sorted(writable))
            raise serializers.ValidationError(
                {
                    name: serializers.ErrorDetail(f"Not a field that can be set. Those are: {known}.", "unknown_field")
                    for name in unknown[:20]
                }
            )
        return value
