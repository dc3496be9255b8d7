"""The answer to OPTIONS."""

from typing import Any

from rest_framework.metadata import SimpleMetadata


class PlainMetadata(SimpleMetadata):
    """What a view is called and which media types it takes. What its fields are is in the OpenAPI document; DRF would
    look for the object of a PUT in a way that not every view has."""

    def determine_actions(self, *_: Any) -> dict[str, Any]:
        return {}
