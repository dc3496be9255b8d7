"""The view of a resource: something that the path names, and that the caller may see or not."""

from contextlib import suppress
from typing import Any

from rest_framework.generics import GenericAPIView
from rest_framework.response import Response

from mcp_project.errors import Fault, NotFound, Unavailable
from mcp_project.http.call import call_of
from mcp_project.http.errors import from_exception


class ResourceView(GenericAPIView[Any]):
    """A view whose path may name a resource: something that has to exist and that the caller has to be allowed to see.

    `explain` calls `find`, too: its rule "visibility" answers with the error that a request would get.
    """

    def find(self) -> Any:
        """Find what the path names, and note it on the call. Raises NotFound."""
        raise NotImplementedError

    def note(self, **subject: Any) -> None:
        """Note on the call what the request is about, such as `model=id`: it exists, and the caller may see it."""
        call_of(self.request).subject.update(subject)

    def handle_exception(self, exc: Exception) -> Response:
        """Attribute a request that failed before it found its resource, as by a wrong body, to the resource as well."""
        is_new_error = not isinstance(from_exception(exc), NotFound | Unavailable | Fault)
        if is_new_error and self.kwargs and not call_of(self.request).subject:
            with suppress(Exception):  # the response is for the first error, whatever this look-up meets
                self.find()
        return super().handle_exception(exc)
