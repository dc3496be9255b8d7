"""The service's addresses and a few more, whose views are slow or long."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from mcp_project.settings import VAR_DIR

PART = b"x" * 65536


@csrf_exempt
def echo(request: HttpRequest) -> HttpResponse:
    """The length of the body."""
    return HttpResponse(str(len(request.body)))


def large(_request: HttpRequest) -> HttpResponse:
    """4 MiB at once."""
    return HttpResponse(PART * 64)


@csrf_exempt
def wait(_request: HttpRequest) -> HttpResponse:
    """Holds its thread until there is a file `go` in VAR_DIR, and says in a file that it has come."""
    with Path(VAR_DIR / "came").open("a") as file:
        file.write("x")
    while not Path(VAR_DIR / "go").exists():
        time.sleep(0.01)
    return HttpResponse("gone")


def made_by_thread(_request: HttpRequest) -> StreamingHttpResponse:
    """64 MiB, made by the view's thread."""

    def parts() -> Iterator[bytes]:
        for _ in range(1024):
            yield PART

    return StreamingHttpResponse(parts())


def made_by_loop(request: HttpRequest) -> StreamingHttpResponse:
    """A part every 20 ms, made by the loop: as many as `parts` says, 10 without; at `fail` it fails."""
    count, fails_at = int(request.GET.get("parts", 10)), int(request.GET.get("fail", -1))

    async def parts() -> AsyncIterator[bytes]:
        try:
            for number in range(count):
                if number == fails_at:
                    raise RuntimeError("the view failed")
                yield b"part %d\n" % number
                await asyncio.sleep(0.02)
        finally:
            await asyncio.sleep(0.1)
            with Path(VAR_DIR / "ended").open("a") as file:
                file.write("x")

    return StreamingHttpResponse(parts())


def broken_header(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    response = StreamingHttpResponse([b"x"]) if "stream" in request.GET else HttpResponse("x")
    response["X-Broken"] = "a\x7fb"
    return response


def leaves(_request: HttpRequest) -> HttpResponse:
    raise SystemExit


def nothing(request: HttpRequest) -> HttpResponse:
    """A response without a body, as the statuses 204 and 304 require."""
    return HttpResponse(status=int(request.GET["status"]))


urlpatterns: list[Any] = [
    path("api/test/echo", echo),
    path("api/test/large", large),
    path("api/test/wait", wait),
    path("api/test/made-by-thread", made_by_thread),
    path("api/test/made-by-loop", made_by_loop),
    path("api/test/broken-header", broken_header),
    path("api/test/leaves", leaves),
    path("api/test/nothing", nothing),
    path("", include("mcp_project.urls")),
]
handler400 = handler403 = handler404 = "mcp_project.http.handlers.client_error"
handler500 = "mcp_project.http.handlers.server_error"
