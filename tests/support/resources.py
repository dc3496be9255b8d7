"""Making what the registry's tests are about, over the API."""

from typing import Any

from tests.support.api import Api

TEXT = {"name": "who", "schema": {"type": "string"}}  # a variable of a context


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


def context(caller: Api, name: str = "support", **fields: Any) -> dict[str, Any]:
    response = caller.post("/api/contexts", {"name": name, **fields})
    assert response.status_code == 201, response.content
    return dict(response.json())


def context_version(caller: Api, name: str = "support", **fields: Any) -> dict[str, Any]:
    """One that says what `{{who}}` is, unless it is given other messages."""
    said = {"messages": [{"role": "system", "template": "Hello {{who}}"}], "variables": [TEXT]}
    response = caller.post(f"/api/contexts/{name}/versions", {**said, **fields})
    assert response.status_code == 201, response.content
    return dict(response.json())
