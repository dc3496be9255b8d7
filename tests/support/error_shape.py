"""The shape of every error response."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from mcp_project.http.codes import CODES

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

JSON = "application/json"


def check_shape(response: "Response", status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == JSON
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert CODES[code].status == status
    assert set(body) - {"errors"} == {"detail", "code", "timestamp", "request_id"}
    assert ("errors" in body) == (code == "VALIDATION_ERROR")
    assert all(set(error) == {"field", "code", "detail"} for error in body.get("errors", []))
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    assert body["request_id"] == response["X-Request-ID"]
    return body
