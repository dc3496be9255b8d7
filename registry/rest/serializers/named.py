"""The JSON that models, contexts and deployments share."""

from rest_framework import serializers

from mcp_project.database.validators import JSONObject, printable
from mcp_project.http.serializers import StrictModelSerializer, StringField
from registry.validators import MAX_METADATA_BYTES, validate_model_name, validate_tags


class TagsField(serializers.DictField):
    def __init__(self, **options: object) -> None:
        child = StringField(allow_blank=True, trim_whitespace=False)
        super().__init__(child=child, validators=[validate_tags], **options)  # type: ignore[arg-type]


class NamedSerializer(StrictModelSerializer):
    # Declared, so that DRF adds no uniqueness query: the index decides, and a taken name is 409, not 400.
    name = StringField(max_length=255, validators=[printable, validate_model_name])
    owner = StringField(
        max_length=100, required=False, validators=[printable], help_text="The owner; by default the owner of the key."
    )
    tags = TagsField(required=False)
    metadata = serializers.DictField(required=False, validators=[JSONObject(MAX_METADATA_BYTES)])
