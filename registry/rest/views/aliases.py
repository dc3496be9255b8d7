"""…/aliases/{alias}, of models and of contexts."""

import re
from datetime import UTC
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from mcp_project.errors import NotFound, Stale
from mcp_project.http.preconditions import expected_etags, unless_known
from registry.models import ContextAliasMove, ModelAliasMove, Named, RegisteredModel
from registry.models.base import AliasMove
from registry.rest.serializers.versions import AliasMoveSerializer, AliasSerializer
from registry.rest.views.resources import (
    CONTEXT_ID,
    KNOWN,
    MAY_MATCH,
    MODEL_ID,
    ContextView,
    ListView,
    ModelView,
    RegistryView,
)
from registry.services import aliases as services
from registry.validators import RESERVED_ALIAS, validate_alias

ALIAS = OpenApiParameter(
    "alias", str, "path", description="Its name; also `latest`, and `v12` for version 12, to read."
)
ONLY_NEW = OpenApiParameter("If-None-Match", str, "header", description="`*`: 412 when there is such an alias.")
AT = OpenApiParameter("at", OpenApiTypes.DATETIME, description="What it named then: 2026-01-31T12:00:00Z.")


class AliasActions(RegistryView):
    """The actions on an alias, of a model or of a context."""

    serializer_class = AliasSerializer

    def find(self) -> Named:
        """Find the model or context, if it has the alias that the method needs: PUT needs none, and a rollback one that
        was ever set. Raises NotFound."""
        resource, alias = self.resource(), self.kwargs["alias"]
        match self.request.method:
            case "GET" | "HEAD":
                exists = version_named(resource, alias, None) is not None
            case "DELETE":
                exists = alias in resource.aliases
            case "POST":
                exists = resource.alias_moves.filter(alias=alias).exists()
            case _:
                exists = True
        if not exists:
            raise NotFound
        return resource  # type: ignore[no-any-return]

    @extend_schema(
        summary="Read which version an alias names, or named",
        parameters=[AT, KNOWN],
        responses={200: AliasSerializer, 304: None},
    )
    def retrieve(self, request: Request, alias: str, **_path: Any) -> Response:
        resource = self.resource()
        unknown = set(request.query_params) - {"at"}
        if unknown:
            raise ValidationError({name: ["Not a parameter here. There is `at`."] for name in unknown})
        number = version_named(resource, alias, request.query_params.get("at"))
        if number is None:
            raise NotFound
        return unless_known(request, resource.etag, lambda: shown(resource, alias, number))

    @extend_schema(summary="Set or move an alias", parameters=[MAY_MATCH, ONLY_NEW])
    def update(self, request: Request, alias: str, **_path: Any) -> Response:
        try:
            validate_alias(alias)
        except DjangoValidationError as error:
            raise ValidationError({"alias": error.messages}) from None
        number = AliasSerializer.read(request.data)["version"]
        self.resource()
        etags = expected_etags(request, required=False)
        only_new = request.headers.get("If-None-Match", "").strip() == "*"
        lock = partial(self._without, alias) if only_new else partial(self.resource, lock=True)
        resource = services.set_alias(self.principal, lock, alias, number, etags)
        return Response(shown(resource, alias, number), headers={"ETag": resource.etag})

    def _without(self, alias: str) -> Named:
        """Lock the resource. Raises NotFound, and Stale if it has such an alias."""
        resource: Named = self.resource(lock=True)
        if alias in resource.aliases:
            raise Stale(f"There is an alias {alias!r} already.")
        return resource

    @extend_schema(summary="Remove an alias", parameters=[MAY_MATCH], responses={204: None})
    def destroy(self, request: Request, alias: str, **_path: Any) -> Response:
        self.resource()
        etags = expected_etags(request, required=False)
        services.delete_alias(self.principal, partial(self.resource, lock=True), alias, etags)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Undo the last move of an alias",
        description="It names again what it named before; done twice, it is where it was.",
        request=None,
    )
    def rollback(self, _request: Request, alias: str, **_path: Any) -> Response:
        self.resource()
        number = services.roll_alias_back(self.principal, partial(self.resource, lock=True), alias)
        return Response(shown(self.resource(), alias, number))


def shown(resource: Named, alias: str, number: int) -> dict[str, Any]:
    moving = isinstance(resource, RegisteredModel) and alias in resource.moving
    return {"alias": alias, "version": number, "moving": moving}


@extend_schema_view(list=extend_schema(summary="List the moves of an alias, newest first"))
class AliasMoves(ListView):
    """The moves of an alias, of a model or of a context."""

    serializer_class = AliasMoveSerializer
    ordering = ("-edition",)

    def get_queryset(self) -> QuerySet[AliasMove]:
        moves: QuerySet[AliasMove] = self.resource().alias_moves.filter(alias=self.kwargs["alias"])
        return moves


@extend_schema(tags=["aliases"], parameters=[MODEL_ID, ALIAS])
class AliasView(AliasActions, ModelView):
    pass


@extend_schema(tags=["aliases"], parameters=[MODEL_ID, ALIAS])
class AliasHistoryView(AliasMoves, ModelView):
    queryset = ModelAliasMove.objects.none()  # for the OpenAPI document


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID, ALIAS])
class ContextAliasView(AliasActions, ContextView):
    pass


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID, ALIAS])
class ContextAliasHistoryView(AliasMoves, ContextView):
    queryset = ContextAliasMove.objects.none()


def version_named(resource: Named, alias: str, at: str | None) -> int | None:
    """The version that an alias names, now or at a moment. Raises ValidationError."""
    if at is not None:
        moment = _moment(at)
        if RESERVED_ALIAS.fullmatch(alias):
            raise ValidationError({"at": [f"`{alias}` names a version by itself, and has no history."]})
        return services.alias_at(resource, alias, moment)
    if alias.lower() == "latest":
        return resource.latest_version
    match = re.fullmatch(r"[vV]([1-9][0-9]{0,8})", alias, re.ASCII)
    if match is not None:
        number = int(match[1])
        return number if resource.versions.filter(number=number).exists() else None
    number_of: Any = resource.aliases.get(alias)
    return None if number_of is None else int(number_of)


def _moment(text: str) -> Any:
    try:
        moment = parse_datetime(re.sub(r" (?=\d\d:?\d\d$)", "+", text))  # a `+` that was not encoded
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValidationError({"at": ["A time with its offset, such as 2026-01-31T12:00:00Z."]})
