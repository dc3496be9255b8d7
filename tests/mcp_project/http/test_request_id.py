"""X-Request-ID and trailing slashes: RequestContextMiddleware."""

import pytest

from tests.support.api import Api


def test_given_request_id_comes_back(outsider: Api) -> None:
    response = outsider.get("/api/models", X_Request_ID="trace.1:a_b-C")

    assert response["X-Request-ID"] == response.json()["request_id"] == "trace.1:a_b-C"


@pytest.mark.parametrize("given", ["", " ", "a b", "a\tb", "é", "x" * 65, "<script>", "a\x00"])
def test_unusable_request_id_is_replaced(outsider: Api, given: str) -> None:
    made = outsider.get("/api/models", X_Request_ID=given)["X-Request-ID"]

    assert made != given
    assert len(made) == 32


def test_each_request_has_an_id_of_its_own(outsider: Api) -> None:
    assert outsider.get("/health/live")["X-Request-ID"] != outsider.get("/health/live")["X-Request-ID"]


@pytest.mark.parametrize("path", ["/health/live", "/api/models", "/api/keys", "/api/usage", "/api/schema"])
def test_trailing_slash_makes_no_difference_and_no_redirect(admin: Api, path: str) -> None:
    assert admin.get(path).status_code == 200
    assert admin.get(path + "/").status_code == 200


def test_post_takes_a_trailing_slash_too(owner: Api) -> None:
    assert owner.post("/api/models/", {"name": "m"}).status_code == 201


def test_admin_is_found_with_and_without_its_slash(outsider: Api, db: None) -> None:
    assert outsider.get("/admin")["Location"] == "/admin/"
    assert outsider.get("/admin/")["Location"].startswith("/admin/login/")


def test_index_says_where_to_go(outsider: Api) -> None:
    assert outsider.get("/").json()["documentation"] == "/api/docs"
