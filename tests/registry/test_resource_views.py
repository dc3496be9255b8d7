"""A path's resource is found by its ResourceView, and noted on the call even if the request fails."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import resolve

from mcp_project.http.resources import ResourceView
from registry.models import RegisteredModel
from tests.support.api import Api, api
from tests.support.deployments import deploy
from tests.support.resources import model, version
from tests.support.routes import all_routes

pytestmark = pytest.mark.django_db

EXAMPLES: dict[str, object] = {
    "model_id": "churn", "context_id": "support", "deployment_id": "churn-live", "version": 1, "revision": 1,
    "alias": "champion", "key_id": "00000000-0000-0000-0000-000000000000",
}  # fmt: skip
STALE = {"If_Match": '"another"'}


def view_class(path: str) -> Any:
    function: Any = resolve(path).func
    return function.cls


def test_every_route_with_an_argument_under_the_api_has_a_view_that_finds_what_it_names() -> None:
    routes = [route for route in all_routes() if route.arguments and route.template.startswith("/api/")]

    views: dict[str, Any] = {route.template: view_class(route.path(EXAMPLES)) for route in routes}

    assert len(views) > 20
    assert {template for template, view in views.items() if not issubclass(view, ResourceView)} == set()


FAILURES: dict[str, tuple[int, Callable[[Api], Any]]] = {
    "PATCH without If-Match": (428, lambda caller: caller("PATCH", "/api/models/churn", {})),
    "PATCH with a stale ETag": (412, lambda caller: caller("PATCH", "/api/models/churn", {}, **STALE)),
    "PATCH with a wrong body": (400, lambda caller: caller("PATCH", "/api/models/churn", {"no": 1}, If_Match="*")),
    "PATCH to a taken name": (
        409,
        lambda caller: caller("PATCH", "/api/models/churn", {"name": "fraud"}, If_Match="*"),
    ),
    "DELETE with a stale ETag": (412, lambda caller: caller("DELETE", "/api/models/churn", None, **STALE)),
    "DELETE of what a deployment needs": (409, lambda caller: caller.delete("/api/models/churn")),
    "POST of a wrong version": (400, lambda caller: caller.post("/api/models/churn/versions", {"source": 1})),
    "DELETE of a version that does not exist": (404, lambda caller: caller.delete("/api/models/churn/versions/9")),
    "POST of a wrong stage": (400, lambda caller: caller.post("/api/models/churn/versions/1/stage", {"stage": "x"})),
    "PUT of a wrong alias": (400, lambda caller: caller("PUT", "/api/models/churn/aliases/a", {"version": "x"})),
    "a method that the path does not take": (405, lambda caller: caller.post("/api/models/churn", {})),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failed_request_is_about_its_model(owner: Api, name: str) -> None:
    churn = model(owner)
    version(owner)
    model(owner, "fraud")
    deploy(owner)
    status, request = FAILURES[name]

    response: Any = request(owner)

    assert response.status_code == status
    assert str(response.wsgi_request.call.subject["model"]) == churn["id"]


def test_request_without_the_permission_is_about_its_model(owner: Api) -> None:
    churn = model(owner)

    response: Any = api("reader", "read")("PATCH", "/api/models/churn", {}, If_Match="*")

    assert response.status_code == 403
    assert str(response.wsgi_request.call.subject["model"]) == churn["id"]


def test_request_that_may_not_see_the_model_is_about_none(owner: Api) -> None:
    model(owner)
    blind = api("blind", "read", "write", model_patterns=["other*"])

    responses: list[Any] = [
        blind("PATCH", "/api/models/churn", {}),
        blind("PATCH", "/api/models/churn", {}, If_Match="*"),
        blind.delete("/api/models/churn"),
    ]

    assert [response.status_code for response in responses] == [428, 404, 404]
    assert [response.wsgi_request.call.subject for response in responses] == [{}, {}, {}]


def test_deletion_is_about_the_model_that_it_deleted(owner: Api) -> None:
    churn = model(owner)

    response: Any = owner.delete("/api/models/churn")

    assert response.status_code == 204
    assert not RegisteredModel.objects.exists()
    assert str(response.wsgi_request.call.subject["model"]) == churn["id"]
