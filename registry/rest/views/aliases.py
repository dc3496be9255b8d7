"""…/aliases/{alias}, of models and of contexts."""

import re
from abc import abstractmethod
from datetime import UTC
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from keys.principal import note_model, principal_of
from mcp_project.errors import NotFound, Stale
from mcp_project.http.preconditions import expected_etags, unless_known
from registry.models import ModelAliasMove, Named, RegisteredModel
from registry.models.base import AliasMove
from registry.queries import find_model
from registry.rest.serializers.versions import AliasMoveSerializer, AliasSerializer
from registry.rest.views.models import KNOWN, MAY_MATCH, MODEL_ID
from registry.services import aliases as services
from registry.validators import RESERVED_ALIAS, validate_alias

ALIAS = OpenApiParameter(
    "alias", str, "path", description="Its name; also `latest`, and `v12` for version 12, to read."
)
ONLY_NEW = OpenApiParameter("If-None-Match", str, "header", description="`*`: 412 when there is such an alias.")
AT = OpenApiParameter("at", OpenApiTypes.DATETIME, description="What it named then: 2026-01-31T12:00:00Z.")


class OfNamed(GenericViewSet[Any]):
    """A view of what belongs to a model or a context, whose id or name is in the address."""

    @abstractmethod
    def find(self, lock: bool = False) -> Named:
        """Raises NotFound."""

    def resource(self) -> Named:
        """The one that the request is about. Raises NotFound."""
        return self.find()

    def get_object(self) -> Any:
        """As of `ModelSubject`."""
        return self.resource()


class OfModelNamed(OfNamed):
    def find(self, lock: bool = False) -> RegisteredModel:
        return find_model(principal_of(self.request), self.kwargs["model_id"], lock)

    def resource(self) -> RegisteredModel:
        model = self.find()
        note_model(self.request, model.pk)
        return model


class AliasActions(OfNamed):
    filter_backends = ()
    pagination_class = None
    serializer_class = AliasSerializer

    def get_object(self) -> Named:
        """The model or context, if it has the alias, or, where a move is to be undone, had it. PUT makes one."""
        resource, alias = self.resource(), self.kwargs["alias"]
        match self.request.method:
            case "GET" | "HEAD":
                there = named(resource, alias, None) is not None
            case "DELETE":
                there = alias in resource.aliases
            case "POST":
                there = resource.alias_moves.filter(alias=alias).exists()
            case _:
                there = True
        if not there:
            raise NotFound
        return resource

    @extend_schema(
        summary="Read which version an alias names, or named",
        parameters=[AT, KNOWN],
        responses={200: AliasSerializer, 304: None},
    )
    def retrieve(self, request: Request, alias: str, **_ident: str) -> Response:
        resource = self.resource()
        unknown = set(request.query_params) - {"at"}
        if unknown:
            raise ValidationError({name: ["Not a parameter here. There is `at`."] for name in unknown})
        number = named(resource, alias, request.query_params.get("at"))
        if number is None:
            raise NotFound
        return unless_known(request, resource.etag, lambda: shown(resource, alias, number))

    @extend_schema(summary="Set or move an alias", parameters=[MAY_MATCH, ONLY_NEW])
    def update(self, request: Request, alias: str, **_ident: str) -> Response:
        try:
            validate_alias(alias)
        except DjangoValidationError as error:
            raise ValidationError({"alias": error.messages}) from None
        wanted = AliasSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        self.resource()
        number, etags = wanted.validated_data["version"], expected_etags(request, required=False)
        only_new = request.headers.get("If-None-Match", "").strip() == "*"
        lock = partial(self._without, alias) if only_new else partial(self.find, lock=True)
        resource = services.set_alias(principal_of(request), lock, alias, number, etags)
        return Response(shown(resource, alias, number), headers={"ETag": resource.etag})

    def _without(self, alias: str) -> Named:
        """The resource, held. Raises NotFound, Stale when it has such an alias."""
        resource = self.find(lock=True)
        if alias in resource.aliases:
            raise Stale(f"There is an alias {alias!r} already.")
        return resource

    @extend_schema(summary="Remove an alias", parameters=[MAY_MATCH], responses={204: None})
    def destroy(self, request: Request, alias: str, **_ident: str) -> Response:
        self.resource()
        etags = expected_etags(request, required=False)
        services.delete_alias(principal_of(request), partial(self.find, lock=True), alias, etags)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Undo the last move of an alias",
        description="It names again what it named before; done twice, it is where it was.",
        request=None,
    )
    def rollback(self, request: Request, alias: str, **_ident: str) -> Response:
        self.resource()
        number = services.roll_alias_back(principal_of(request), partial(self.find, lock=True), alias)
        return Response(shown(self.find(), alias, number))


def shown(resource: Named, alias: str, number: int) -> dict[str, Any]:
    moving = isinstance(resource, RegisteredModel) and alias in resource.moving
    return {"alias": alias, "version": number, "moving": moving}


class AliasMoves(mixins.ListModelMixin, OfNamed):
    serializer_class = AliasMoveSerializer
    ordering = ("-edition",)

    def get_queryset(self) -> QuerySet[AliasMove]:
        moves: QuerySet[AliasMove] = self.resource().alias_moves.filter(alias=self.kwargs["alias"])
        return moves

    @extend_schema(summary="List the moves of an alias, newest first")
    def list(self, request: Request, **_names: str) -> Response:
        return super().list(request)


@extend_schema(tags=["aliases"], parameters=[MODEL_ID, ALIAS])
class AliasViewSet(OfModelNamed, AliasActions):
    queryset = RegisteredModel.objects.none()  # for the OpenAPI document


@extend_schema(tags=["aliases"], parameters=[MODEL_ID, ALIAS])
class AliasHistoryView(OfModelNamed, AliasMoves):
    queryset = ModelAliasMove.objects.none()


def named(resource: Named, alias: str, at: str | None) -> int | None:
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
