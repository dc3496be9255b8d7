"""The rivals of the service: the same application ungoverned, and the least that Django needs.

Each is a WSGI application for the same gunicorn, settings and database.
"""

import json
import os
import secrets
from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import UUID

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test.utils import override_settings
from django.urls import path
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mcp_project.settings")
django.setup()

from django.conf import settings  # noqa: E402

from keys.models import APIKey  # noqa: E402
from keys.principal import Principal  # noqa: E402
from mcp_project.audit.models import AuditEntry  # noqa: E402
from mcp_project.http.call import Request  # noqa: E402
from mcp_project.idempotency.models import KeptResponse  # noqa: E402
from mcp_project.wsgi import Application  # noqa: E402
from registry.models import ModelVersion, RegisteredModel  # noqa: E402

THREE = ["usage.middleware.UsageTrackingMiddleware", "keys.middleware.APIKeyMiddleware",
         "keys.middleware.ThrottleMiddleware"]  # fmt: skip
SHOWN_OF_MODEL = ("id", "name", "description", "owner", "framework", "task", "license", "tags", "metadata",
                  "latest_version", "aliases", "created_at", "created_by", "updated_at")  # fmt: skip
SHOWN_OF_VERSION = ("id", "source", "digest", "size", "run_id", "run_link", "status", "status_message", "metrics",
                    "params", "signature", "description", "tags", "stage", "created_at", "created_by",
                    "updated_at")  # fmt: skip


class SomebodyMiddleware:
    """Stands in for the three middlewares: the views need a principal."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        request.call.principal = somebody()
        return self.get_response(request)


@cache
def somebody() -> Principal:
    return Principal.of(APIKey(name="somebody", owner="bench", permissions=["admin"]))


def read(_request: HttpRequest, model_id: UUID) -> JsonResponse:
    """`GET /api/models/{id}`: the same SELECT, the same JSON."""
    model = RegisteredModel.objects.order_by().get(Q(name=str(model_id)) | Q(pk=model_id))
    return JsonResponse({name: getattr(model, name) for name in SHOWN_OF_MODEL})


def write(request: HttpRequest, model_id: UUID) -> JsonResponse:
    """`POST /api/models/{id}/versions`: the same three rows, in one transaction. Nothing is locked, looked up or
    checked, so the number is any that is free."""
    fields, number = json.loads(request.body), secrets.randbits(31)
    with transaction.atomic():
        version = ModelVersion.objects.create(model_id=model_id, number=number, created_by="bench", **fields)
        AuditEntry.objects.create(
            actor="bench", action="create_version", object_type="registeredmodel", object_id=str(model_id),
            object_name="bench", changes={"version": [None, number], "source": [None, version.source]}, request_id="",
        )  # fmt: skip
        shown = {**{name: getattr(version, name) for name in SHOWN_OF_VERSION},
                 "model": "bench", "version": number, "parents": [], "aliases": []}  # fmt: skip
        response = JsonResponse(shown, status=201)
        KeptResponse.objects.create(
            caller_id=somebody().key_id, idempotency_key=request.META["HTTP_IDEMPOTENCY_KEY"], request_digest=bytes(32),
            response=response.content, made_at=timezone.now(),
        )  # fmt: skip
    return response


urlpatterns = [path("api/models/<uuid:model_id>", read), path("api/models/<uuid:model_id>/versions", write)]


class BareRequest(WSGIRequest):
    urlconf = __name__


class BareHandler(WSGIHandler):
    request_class = BareRequest


def made(handler: type[WSGIHandler], middleware: list[str]) -> Any:
    with override_settings(MIDDLEWARE=middleware):
        return handler()


governed = made(Application, settings.MIDDLEWARE)
ungoverned = made(
    Application,
    [name if name != THREE[0] else f"{__name__}.SomebodyMiddleware"
     for name in settings.MIDDLEWARE if name not in THREE[1:]],
)  # fmt: skip
bare = made(BareHandler, [])
