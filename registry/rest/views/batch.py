"""/api/models:batch"""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keys.principal import principal_of
from mcp_project.http.errors import ApiError, from_exception
from mcp_project.http.parsers import StrictJSONParser, StrictNDJSONParser
from mcp_project.http.serializers import ChoiceField, StrictQuery
from registry.rest.serializers.models import ModelSerializer
from registry.services.batch import Outcome, register_models

MAX_ROWS = 1_000


class BatchQuery(StrictQuery):
    mode = ChoiceField(
        ["all", "each"], default="all", help_text="`all`: all rows, or none. `each`: a row that fails is left out."
    )


class FieldErrorSerializer(serializers.Serializer[Any]):
    """The error of one field."""

    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ResultSerializer(serializers.Serializer[Any]):
    """The outcome of one row."""

    row = serializers.IntegerField(help_text="From 0.")
    status = serializers.IntegerField(help_text="201, or what a request of its own would have got.")
    id = serializers.UUIDField(required=False)
    name = serializers.CharField(required=False)
    code = serializers.CharField(required=False)
    detail = serializers.CharField(required=False)
    errors = FieldErrorSerializer(many=True, required=False)  # type: ignore[assignment]  # not Serializer's own


class BatchSerializer(serializers.Serializer[Any]):
    """The outcome of all rows."""

    created = serializers.IntegerField()
    failed = serializers.IntegerField()
    results = ResultSerializer(many=True)


class BatchView(APIView):
    parser_classes = (StrictJSONParser, StrictNDJSONParser)

    @extend_schema(
        tags=["models"],
        summary="Register many models",
        description=f"A JSON list, or a line of JSON a model (`application/x-ndjson`); at most {MAX_ROWS:,}.",
        parameters=[BatchQuery],
        request=ModelSerializer(many=True),
        responses=BatchSerializer,
    )
    def post(self, request: Request) -> Response:
        each = BatchQuery.read(request)["mode"] == "each"
        rows = request.data
        if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_ROWS:
            raise ValidationError({"body": [f"A list of 1 to {MAX_ROWS} models is wanted."]})
        checked = [_checked(row) for row in rows]
        wrong = {number: row for number, row in enumerate(checked) if isinstance(row, ApiError)}
        if wrong and not each:
            told = [(number, error) for number, row in wrong.items() for error in row.errors or []]
            errors = [{**error, "field": f"{number}.{error['field']}"} for number, error in told]
            raise ApiError("VALIDATION_ERROR", errors=errors[:MAX_ROWS])
        outcomes = register_models(principal_of(request), checked, each)
        results = [_shown(number, outcome) for number, outcome in enumerate(outcomes)]
        created = sum(outcome.model is not None for outcome in outcomes)
        return Response({"created": created, "failed": len(outcomes) - created, "results": results})


def _checked(row: Any) -> dict[str, Any] | ApiError:
    try:
        return ModelSerializer.read(row)
    except ValidationError as error:
        return from_exception(error)


def _shown(number: int, outcome: Outcome) -> dict[str, Any]:
    model, error = outcome
    if model is not None:
        return {"row": number, "status": 201, "id": model.pk, "name": model.name}
    assert error is not None  # noqa: S101  (it is one or the other)
    told = {"row": number, "status": error.status_code, "code": error.code, "detail": str(error.detail)}
    return told | ({"errors": error.errors} if error.errors else {})
