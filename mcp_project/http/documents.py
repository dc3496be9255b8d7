"""The OpenAPI document and the page that shows it. Both are public, so each process makes them once."""

import gzip
import hashlib
from collections.abc import Callable
from threading import Lock
from typing import ClassVar, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.template.loader import render_to_string
from django.utils.http import parse_etags
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerView
from rest_framework.request import Request

from mcp_project.http.rest import SCHEMA
from mcp_project.serving.health import OpenView


class Document(NamedTuple):
    """A document in one encoding. The ETag is the same in every process that serves this version."""

    content: bytes
    etag: str


class MadeOnce:
    """A document that is made when it is first read: while one thread makes it, the others wait."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._make = make
        self._lock = Lock()
        self._documents: tuple[Document, Document] | None = None

    def get(self, compressed: bool) -> Document:
        with self._lock:
            if self._documents is None:
                content = self._make()
                digest = hashlib.sha256(content).hexdigest()[:32]
                packed = gzip.compress(content, mtime=0)
                self._documents = Document(content, f'"{digest}"'), Document(packed, f'"{digest}-gzip"')
            return self._documents[compressed]


class DocumentView(OpenView):
    """Answers with the document, compressed for clients that take gzip, or with 304 to those that have it. It takes no
    parameter."""

    document: ClassVar[MadeOnce]
    content_type: ClassVar[str]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        compressed = takes_gzip(request.headers.get("Accept-Encoding", ""))
        content, etag = self.document.get(compressed)
        known = parse_etags(request.headers.get("If-None-Match", ""))
        if etag in known or f"W/{etag}" in known or known == ["*"]:
            response: HttpResponse = HttpResponseNotModified()
        else:
            response = HttpResponse(content, content_type=self.content_type)
            if compressed:
                response["Content-Encoding"] = "gzip"
        response["ETag"] = etag
        response["Vary"] = "Accept-Encoding"
        response["Cache-Control"] = "public, no-cache"  # it may be kept, and is read anew when it has changed
        return response


def takes_gzip(accept_encoding: str) -> bool:
    for part in accept_encoding.lower().split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip() == "gzip":
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _schema() -> bytes:
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    rendered: bytes = OpenApiJsonRenderer().render(document)
    return rendered


def _docs() -> bytes:
    view = SpectacularSwaggerView(url=SCHEMA)
    page = view.get(HttpRequest())  # type: ignore[no-untyped-call]
    return render_to_string(view.template_name, page.data).encode()


class SchemaView(DocumentView):
    document = MadeOnce(_schema)
    content_type = "application/vnd.oai.openapi+json"


class DocsView(DocumentView):
    document = MadeOnce(_docs)
    content_type = "text/html; charset=utf-8"
