"""The Django admin, as staff see it."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from keys.models import APIKey
from mcp_project.audit.models import AuditEntry
from registry.models import RegisteredModel
from tests.support.api import Api, drain_own_journal
from usage.models import Event


@pytest.fixture
def busy(owner: Api) -> Api:
    owner.post("/api/models", {"name": "churn"})
    drain_own_journal()
    return owner


@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/keys/apikey/", "/admin/registry/registeredmodel/", "/admin/usage/event/"]
)
def test_page_opens_and_shows_no_secret(staff: Client, busy: Api, path: str) -> None:
    response = staff.get(path)

    assert response.status_code == 200
    assert busy.key is not None
    assert busy.key.partition(".")[2] not in response.content.decode()
    assert "sha512" not in response.content.decode()


def test_dashboard_counts(staff: Client, busy: Api) -> None:
    assert dict(staff.get("/admin/").context["figures"]) == {
        "Keys in use": 1,
        "Models": 1,
        "Live deployments": 0,
        "Requests in 24 h": 1,
        "Errors in 24 h": 0,
    }


@pytest.mark.parametrize(
    ("right", "seen"),
    [
        (None, set()),
        ("view_apikey", {"Keys in use"}),
        ("view_registeredmodel", {"Models"}),
        ("view_deployment", {"Live deployments"}),
        ("view_event", {"Requests in 24 h", "Errors in 24 h"}),
    ],
)
def test_dashboard_shows_the_figures_of_what_one_may_view(busy: Api, right: str | None, seen: set[str]) -> None:
    user = User.objects.create_user("narrow", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename=right))
    browser = Client()
    browser.force_login(user)

    assert set(dict(browser.get("/admin/").context["figures"])) == seen


def test_impossible_rate_is_refused_in_the_form(staff: Client, owner: Api) -> None:
    form = {"name": "n", "owner": "o", "rate_limit": "0/m", "expires_at_0": "", "expires_at_1": ""}

    response = staff.post(f"/admin/keys/apikey/{owner.row.pk}/change/", form)

    assert "A rate admits from 1" in response.content.decode()
    assert APIKey.objects.get(pk=owner.row.pk).name == owner.row.name


def test_events_are_read_only(staff: Client, busy: Api) -> None:
    event = Event.objects.get()

    assert staff.get("/admin/usage/event/add/").status_code == 403
    assert staff.post(f"/admin/usage/event/{event.pk}/delete/").status_code == 403
    assert staff.get(f"/admin/usage/event/{event.pk}/change/").status_code == 200
    assert staff.post(f"/admin/usage/event/{event.pk}/change/", {"status": 1}).status_code == 403


def test_models_can_be_registered_by_hand(staff: Client) -> None:
    form = {"name": "by hand", "owner": "o", "description": "", "tags": "{}", "metadata": "{}"}

    assert staff.post("/admin/registry/registeredmodel/add/", form).status_code == 302
    model = RegisteredModel.objects.get()
    assert (model.name, model.created_by) == ("by hand", "user:staff")
    change = {**form, "description": "changed", "loaded_edition": 1}
    assert staff.post(f"/admin/registry/registeredmodel/{model.pk}/change/", change).status_code == 302
    end = {"action": "delete_selected", "_selected_action": [str(model.pk)], "post": "yes"}
    assert staff.post("/admin/registry/registeredmodel/", end).status_code == 302

    trail = AuditEntry.objects.filter(object_id=model.pk).order_by("pk")
    assert [(entry.actor, entry.action) for entry in trail] == [
        ("user:staff", "create"),
        ("user:staff", "update"),
        ("user:staff", "delete"),
    ]
    assert trail[1].changes == {"description": ["", "changed"]}


@pytest.mark.parametrize("tags", ['{"a": "\\u0000"}', '{"a": "\\ud800"}', "[" * 5000, '{"a": 1}', "7"])
def test_impossible_json_is_told_in_the_form(staff: Client, tags: str) -> None:
    form = {"name": "by hand", "owner": "o", "description": "", "tags": tags, "metadata": "{}"}

    assert staff.post("/admin/registry/registeredmodel/add/", form).status_code == 200
    assert not RegisteredModel.objects.exists()


def test_login_is_refused_after_too_many_attempts(settings: Any, db: None) -> None:
    settings.ADMIN_LOGIN_RATE = "3/h"
    client = Client()

    answers = [client.post("/admin/login/", {"username": "staff", "password": "guess"}) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert "text/html" in answers[-1]["Content-Type"]
    assert 1 <= int(answers[-1]["Retry-After"]) <= 3600
    assert client.get("/admin/login/").status_code == 200, "the page itself still opens"
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert elsewhere.post("/admin/login/", {"username": "staff", "password": "guess"}).status_code == 200


def test_staff_session_is_no_key(staff: Client) -> None:
    assert staff.get("/api/models").status_code == 401
