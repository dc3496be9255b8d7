"""The audit trail as JSON."""

from rest_framework import serializers

from mcp_project.audit.models import AuditEntry


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """A change to a key, a model, a context or a deployment: who, when, from what to what."""

    changes = serializers.DictField(
        child=serializers.ListField(min_length=2, max_length=2),
        read_only=True,
        help_text="Each field that changed, with its values before and after.",
    )

    class Meta:
        model = AuditEntry
        fields = (
            "id", "at", "actor", "action", "object_type", "object_id", "object_name", "changes", "request_id",
        )  # fmt: skip
