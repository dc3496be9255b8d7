"""Making what the registry's tests are about, over the API."""

from typing import Any

from tests.conftest import Api


def model(caller: Api, name: str = "churn", **fields: Any) -> dict[str, Any]:
    response = caller.post("/api/models", {"name": name, **fields})
    assert response.status_code == 201, response.content
    return dict(response.json())


def version(caller: Api, name: str = "churn", **fields: Any) -> dict[str, Any]:
    response = caller.post(f"/api/models/{name}/versions", {"source": "s3://bucket/model", **fields})
    assert response.status_code == 201, response.content
    return dict(response.json())


def errors(response: Any) -> set[str]:
    """The fields that an answer complains of."""
    assert response.status_code == 400, response.content
    return {error["field"].partition(".")[0] for error in response.json()["errors"]}
