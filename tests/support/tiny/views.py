"""Views of a protocol: most are Django REST framework's, one is a function."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keys.models import APIKey
from keys.principal import principal_of


class About(APIView):
    """Open to all."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, _request: Request) -> Response:
        return Response({"protocol": "tiny"})


class Hello(APIView):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({"hello": principal_of(request).owner})


@csrf_exempt
def hello(_request: HttpRequest, name: str) -> HttpResponse:
    return HttpResponse(f"hello {name}")


class Echo(APIView):
    def post(self, request: Request) -> HttpResponse:
        """The length of the body, as Django reads it."""
        return HttpResponse(str(len(request._request.body)))


class Stream(APIView):
    """Stream as many parts as `parts` says, one every 20 ms, made by the event loop, after a query."""

    def get(self, request: Request) -> StreamingHttpResponse:
        APIKey.objects.count()
        return StreamingHttpResponse(parts(int(request.query_params.get("parts", 5))))

    post = get


class Breaks(APIView):
    """Fails after two parts."""

    def get(self, _request: Request) -> StreamingHttpResponse:
        return StreamingHttpResponse(parts(5, fails_at=2))


async def parts(count: int, fails_at: int = -1) -> AsyncIterator[bytes]:
    for number in range(count):
        if number == fails_at:
            raise RuntimeError("the upstream has gone")
        yield b"part %d\n" % number
        await asyncio.sleep(0.02)


class Thread(APIView):
    """Made by the view's thread. Says whether the thread holds a connection to the database."""

    def get(self, _request: Request) -> StreamingHttpResponse:
        APIKey.objects.count()

        def made() -> Iterator[bytes]:
            yield b"connected" if connection.connection is not None else b"not connected"

        return StreamingHttpResponse(made())


class Fails(APIView):
    def get(self, _request: Request) -> Any:
        raise RuntimeError("a fault of the view")
