"""The answer to OPTIONS."""

from typing import Any

from rest_framework.metadata import SimpleMetadata


class PlainMetadata(SimpleMetadata):
    """The response to OPTIONS: the view's name and media types. The OpenAPI document describes the fields; DRF would
    look up the object of a PUT in a way that some views do not support."""

    def determine_actions(self, *_: Any) -> dict[str, Any]:
        return {}
