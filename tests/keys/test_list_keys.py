"""GET /api/keys and GET /api/keys/{key_id}"""

from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.conftest import Api, api


def test_pages_hold_every_key_once_newest_first(admin: Api) -> None:
    made = [str(api(f"owner {n}", "read").row.pk) for n in range(5)]
    seen: list[str] = []
    url = "/api/keys?limit=2"

    while url:
        page = admin.get(url).json()
        assert len(page["results"]) <= 2
        seen += [key["id"] for key in page["results"]]
        url = page["next"]

    assert seen == [*reversed(made), str(admin.row.pk)]


def test_list_never_shows_a_secret_or_hash(admin: Api) -> None:
    text = admin.get("/api/keys").content.decode()

    assert admin.key is not None
    assert admin.key.partition(".")[2] not in text
    assert "sha512" not in text
    assert "hashed" not in text


def test_list_makes_one_query_for_the_view_and_one_for_the_limiter(
    admin: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    admin.get("/api/keys")  # now the key is remembered

    with django_assert_num_queries(2):
        assert admin.get("/api/keys").status_code == 200


def test_unknown_key_gets_404(admin: Api) -> None:
    assert admin.get(f"/api/keys/{uuid4()}").status_code == 404
    assert admin.get("/api/keys/not-a-uuid").status_code == 404


@pytest.mark.parametrize(
    "limit", ["0", "-1", "1001", "ten", "1.5", "", "٣", "9" * 5000, "000019999999", "00001" + "9" * 30]
)
def test_impossible_limit_gets_400(admin: Api, limit: str) -> None:
    response = admin.get(f"/api/keys?limit={limit}")

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["limit"]


@pytest.mark.parametrize("cursor", ["x", "%00", "cD0=", "cD1ub3QtYS11dWlk", "é", "bz0xMDAwMDAwMDAwMDA="])
def test_damaged_cursor_gets_400(admin: Api, cursor: str) -> None:
    response = admin.get(f"/api/keys?cursor={cursor}")

    assert (response.status_code, response.json()["code"]) == (400, "INVALID_CURSOR")
