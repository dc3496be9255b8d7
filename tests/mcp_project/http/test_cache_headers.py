"""Which answers a cache may keep, and for whom."""

import pytest
from django.test import Client

from tests.support.api import Api, drain_own_journal

UNKEPT = ["/api/models", "/api/keys", "/api/usage", "/api/nothing", "/api/audit"]


@pytest.mark.parametrize("path", [*UNKEPT, "/health", "/metrics", "/nothing"])
def test_answer_is_kept_by_no_cache(admin: Api, path: str) -> None:
    assert admin.get(path)["Cache-Control"] == "no-store"
    assert Api().get(path)["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/admin/nothing", "/admin/keys/apikey/"])
def test_page_for_staff_is_kept_by_no_cache(staff: Client, path: str) -> None:
    assert "no-store" in staff.get(path)["Cache-Control"]
    assert "no-store" in Client().get(path)["Cache-Control"]


@pytest.mark.parametrize("headers", [{}, {"If_None_Match": "*"}])
def test_what_has_an_etag_may_be_kept_by_its_client_alone(owner: Api, headers: dict[str, str]) -> None:
    owner.post("/api/models", {"name": "churn"})

    assert owner.get("/api/models/churn", **headers)["Cache-Control"] == "private, no-cache"
    assert owner.post("/api/models", {"name": "fraud"})["Cache-Control"] == "no-store"
    assert owner.get("/api/models/absent")["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/api/models", "/api/models/churn", "/api/nothing", "/api/models?limit=x"])
def test_answer_varies_with_the_key(owner: Api, path: str) -> None:
    owner.post("/api/models", {"name": "churn"})

    for caller in (owner, Api()):
        assert {"Authorization", "X-API-Key"} <= set(caller.get(path)["Vary"].split(", "))


@pytest.mark.parametrize("path", ["/api/usage", "/api/usage/timeseries", "/api/usage/events", "/api/models/churn/card"])
@pytest.mark.parametrize("form", ["application/json", "text/csv", "text/html", "*/*"])
def test_answer_of_several_forms_varies_with_accept(owner: Api, path: str, form: str) -> None:
    owner.post("/api/models", {"name": "churn"})
    drain_own_journal()

    answer = owner.get(path, Accept=form)
    answer.getvalue()  # to its end, where an export gives its slot back

    assert {"Authorization", "X-API-Key", "Accept"} <= set(answer["Vary"].split(", "))
