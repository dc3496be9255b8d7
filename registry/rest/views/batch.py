"""/api/models:batch"""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keys.principal import principal_of
from mcp_project.errors import Invalid
from mcp_project.http.codes import status_of
from mcp_project.http.errors import field_errors
from mcp_project.http.parsers import StrictJSONParser, StrictNDJSONParser
from mcp_project.http.serializers import ChoiceField, StrictQuery
from registry.rest.serializers.models import ModelSerializer
from registry.services.batch import Outcome, register_models

MAX_ROWS = 1_000


class BatchQuery(StrictQuery):
    mode = ChoiceField(
        ["all", "each"], default="all", help_text="`all` registers all rows or none; `each` leaves out rows that fail."
    )


class FieldErrorSerializer(serializers.Serializer[Any]):
    """The error of one field."""

    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ResultSerializer(serializers.Serializer[Any]):
    """The outcome of one row."""

    row = serializers.IntegerField(help_text="The number of the row, from 0.")
    status = serializers.IntegerField(help_text="201, or the status that a request for this row alone would get.")
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
        each = BatchQuery.of(request)["mode"] == "each"
        rows = request.data
        if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_ROWS:
            raise ValidationError({"body": [f"A list of 1 to {MAX_ROWS} models is wanted."]})
        models = [_read(row) for row in rows]
        invalid = {number: error for number, error in enumerate(models) if isinstance(error, Invalid)}
        if invalid and not each:
            errors = [
                one._replace(field=f"{number}.{one.field}") for number, row in invalid.items() for one in row.errors
            ]
            raise Invalid(*errors[:MAX_ROWS])
        outcomes = register_models(principal_of(request), models, each)
        results = [_result(number, outcome) for number, outcome in enumerate(outcomes)]
        created = sum(outcome.model is not None for outcome in outcomes)
        return Response({"created": created, "failed": len(outcomes) - created, "results": results})


def _read(row: Any) -> dict[str, Any] | Invalid:
    try:
        return ModelSerializer.read(row)
    except ValidationError as error:
        return Invalid(*field_errors(error.detail))


def _result(number: int, outcome: Outcome) -> dict[str, Any]:
    model, error = outcome
    if model is not None:
        return {"row": number, "status": 201, "id": model.pk, "name": model.name}
    assert error is not None  # noqa: S101  (it is one or the other)
    result = {"row": number, "status": status_of(type(error)), "code": error.code, "detail": error.detail}
    return result | ({"errors": [one._asdict() for one in error.errors]} if error.errors else {})
