"""GET /api/keys/{key_id}/explain, and the request itself: on every route, with every method, by six kinds of key."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from keys.explanation import explain
from keys.models import APIKey
from keys.principal import Principal
from tests.support.api import Api, api
from tests.support.deployments import deploy
from tests.support.resources import context, context_version, model, version
from tests.support.routes import Route, all_routes, paths

HERE = "127.0.0.1"
REFUSALS = {401, 403, 404, 405, 413, 429}
KINDS: dict[str, dict[str, Any]] = {
    "no right": {"permissions": ["invoke"]},
    "read": {"permissions": ["read"]},
    "write": {"permissions": ["read", "write"]},
    "admin": {"permissions": ["admin"]},
    "bound to other models": {"permissions": ["admin"], "model_patterns": ["fraud*"]},
    "revoked": {"permissions": ["admin"], "revoked_at": timezone.now()},
}
ABSENT = {
    "model_id": "absent", "context_id": "absent", "deployment_id": "absent", "version": 99, "revision": 99,
    "alias": "absent", "key_id": uuid4(),
}  # fmt: skip


# Bodies that views take, where they look at the body before they look for what the path names.
BODIES: dict[str | None, dict[str, Any]] = {
    "model-detail": {},
    "version-list": {"source": "s3://bucket/model"},
    "version-stage": {"stage": "production"},
    "alias-detail": {"version": 1},
    "context-detail": {},
    "context-alias-detail": {"version": 1},
    "key-detail": {},
    "key-rotate": {},
}


@pytest.fixture
def examples(owner: Api) -> dict[str, object]:
    """Existing resources, by the name of the argument that names them."""
    model(owner)
    version(owner)
    context(owner)
    context_version(owner)
    for kind in ("models/churn", "contexts/support"):
        assert owner("PUT", f"/api/{kind}/aliases/champion", {"version": 1}).status_code == 200
    deploy(owner)
    return {
        "model_id": "churn",
        "context_id": "support",
        "deployment_id": "churn-live",
        "version": 1,
        "revision": 1,
        "alias": "champion",
        "key_id": owner.row.pk,
    }


def answer(caller: Api, method: str, path: str, route: Route) -> tuple[int, str | None]:
    """The status and the code of the request, which has a body that most views refuse. What it does is undone."""
    with transaction.atomic():
        response: Any = caller(method, path, BODIES.get(route.name, {"no such field": 1}), If_Match="*")
        transaction.set_rollback(True)
    return response.status_code, response.wsgi_request.call.error_code


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_the_request_gets(examples: dict[str, object], kind: str) -> None:
    caller = api("owner", "read", rate_limit="100000/s")  # the owner of the resources
    APIKey.objects.filter(pk=caller.row.pk).update(**KINDS[kind])
    principal = Principal.of(APIKey.objects.get(pk=caller.row.pk))
    wrong = []
    for route in all_routes():
        for path in paths(route, examples, ABSENT):
            for method in route.methods:
                told = explain(principal, method, path, HERE)
                status, code = answer(caller, method, path, route)
                expected = (status, code) if status in REFUSALS else (None, None)
                if (told["status"], told["code"]) != expected:
                    wrong.append(
                        f"{method} {path}: {told['status']} {told['code']}, and the request got {status} {code}"
                    )

    assert not wrong, "\n".join(wrong)


def test_route_without_an_example_fails_with_a_sentence() -> None:
    route = Route("/api/things/{thing_id}", ("thing_id",), "thing-detail", ("GET",))

    with pytest.raises(AssertionError, match="add one for 'thing_id'"):
        list(paths(route, {}, {}))
