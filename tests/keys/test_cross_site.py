"""Requests that another site's page makes a browser send with Basic credentials, which the browser adds by itself."""

import base64
from typing import Any

import pytest

from tests.support.api import Api, api

FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://other.testserver"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://testserver:81"},
    {"Origin": "rubbish"},
]
OWN = [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://testserver"}]


def basic(key: Api) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"any:{key.key}".encode()).decode(), "Host": "testserver"}


@pytest.mark.parametrize("path", ["/api/keys/me/rotate", "/api/models", "/api/keys/revoke"])
@pytest.mark.parametrize("how", FOREIGN)
@pytest.mark.parametrize("form", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_change_by_another_site_is_refused(admin: Api, path: str, how: dict[str, str], form: str) -> None:
    answer = Api()("POST", path, **{**basic(admin), **how, "Content-Type": form})

    assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_DENIED")
    assert admin.get("/api/keys/me").status_code == 200, "the key is as it was"


@pytest.mark.parametrize("how", OWN)
def test_change_by_a_script_or_a_page_of_the_service_is_done(owner: Api, how: dict[str, str]) -> None:
    assert Api()("POST", "/api/models", {"name": "churn"}, **{**basic(owner), **how}).status_code == 201


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_change_by_a_site_that_cors_lets_in_is_done(owner: Api, site: str, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://console.example"]
    how = {"Sec-Fetch-Site": site, "Origin": "https://console.example"}

    assert Api()("POST", "/api/models", {"name": "churn"}, **{**basic(owner), **how}).status_code == 201


@pytest.mark.parametrize("how", FOREIGN)
def test_reading_and_keys_that_no_browser_adds_are_let_through(db: None, how: dict[str, str]) -> None:
    key = api("owner", "read", "write")

    assert Api()("GET", "/api/models", **{**basic(key), **how}).status_code == 200
    assert key("POST", "/api/models", {"name": "churn"}, **how).status_code == 201
