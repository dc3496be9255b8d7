"""/api/models/{model_id}/aliases/{alias}"""

import re
from datetime import UTC
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django.http import Http404
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from keys.principal import note_model, principal_of
from mcp_project.preconditions import expected_etags, unless_known
from registry.models import ModelAliasMove, RegisteredModel
from registry.queries import find_model
from registry.serializers.versions import AliasMoveSerializer, AliasSerializer
from registry.services import aliases as services
from registry.validators import RESERVED_ALIAS, validate_alias
from registry.views.models import KNOWN, MAY_MATCH, MODEL_ID, OfModel

ALIAS = OpenApiParameter(
    "alias", str, "path", description="Its name; also `latest`, and `v12` for version 12, to read."
)
AT = OpenApiParameter("at", OpenApiTypes.DATETIME, description="What it named then: 2026-01-31T12:00:00Z.")


@extend_schema(tags=["aliases"], parameters=[MODEL_ID, ALIAS])
class AliasViewSet(OfModel):
    serializer_class = AliasSerializer

    @extend_schema(
        summary="Read which version an alias names, or named",
        parameters=[AT, KNOWN],
        responses={200: AliasSerializer, 304: None},
    )
    def retrieve(self, request: Request, model_id: str, alias: str) -> Response:
        model = self.model(model_id)
        unknown = set(request.query_params) - {"at"}
        if unknown:
            raise ValidationError({name: ["Not a parameter here. There is `at`."] for name in unknown})
        number = named(model, alias, request.query_params.get("at"))
        if number is None:
            raise Http404
        return unless_known(request, model.etag, lambda: {"alias": alias, "version": number})

    @extend_schema(summary="Set or move an alias", parameters=[MAY_MATCH])
    def update(self, request: Request, model_id: str, alias: str) -> Response:
        try:
            validate_alias(alias)
        except DjangoValidationError as error:
            raise ValidationError({"alias": error.messages}) from None
        wanted = AliasSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        self.model(model_id)
        number = wanted.validated_data["version"]
        etags = expected_etags(request, required=False)
        model = services.set_alias(principal_of(request), model_id, alias, number, etags)
        return Response({"alias": alias, "version": number}, headers={"ETag": model.etag})

    @extend_schema(summary="Remove an alias", parameters=[MAY_MATCH], responses={204: None})
    def destroy(self, request: Request, model_id: str, alias: str) -> Response:
        self.model(model_id)
        services.delete_alias(principal_of(request), model_id, alias, expected_etags(request, required=False))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Undo the last move of an alias",
        description="It names again what it named before; done twice, it is where it was.",
        request=None,
    )
    def rollback(self, request: Request, model_id: str, alias: str) -> Response:
        self.model(model_id)
        return Response({"alias": alias, "version": services.roll_alias_back(principal_of(request), model_id, alias)})


@extend_schema(tags=["aliases"], parameters=[MODEL_ID, ALIAS])
class AliasHistoryView(mixins.ListModelMixin, GenericViewSet[ModelAliasMove]):
    queryset = ModelAliasMove.objects.none()
    serializer_class = AliasMoveSerializer
    ordering = ("-edition",)

    def get_queryset(self) -> QuerySet[ModelAliasMove]:
        model = find_model(principal_of(self.request), self.kwargs["model_id"])
        note_model(self.request, model.pk)
        return ModelAliasMove.objects.filter(model=model, alias=self.kwargs["alias"])

    @extend_schema(summary="List the moves of an alias, newest first")
    def list(self, request: Request, model_id: str, alias: str) -> Response:  # noqa: ARG002
        return super().list(request)


def named(model: RegisteredModel, alias: str, at: str | None) -> int | None:
    """The version that an alias names, now or at a moment. Raises ValidationError."""
    if at is not None:
        moment = _moment(at)
        if RESERVED_ALIAS.fullmatch(alias):
            raise ValidationError({"at": [f"`{alias}` names a version by itself, and has no history."]})
        return services.alias_at(model, alias, moment)
    if alias.lower() == "latest":
        return model.latest_version
    match = re.fullmatch(r"[vV]([1-9][0-9]{0,8})", alias, re.ASCII)
    if match is not None:
        number = int(match[1])
        return number if model.versions.filter(number=number).exists() else None
    number_of: Any = model.aliases.get(alias)
    return None if number_of is None else int(number_of)


def _moment(text: str) -> Any:
    try:
        moment = parse_datetime(re.sub(r" (?=\d\d:?\d\d$)", "+", text))  # a `+` that was not encoded
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValidationError({"at": ["A time with its offset, such as 2026-01-31T12:00:00Z."]})
