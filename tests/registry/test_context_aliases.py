"""/api/contexts/{context_id}/aliases/{alias}"""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from tests.support.api import Api
from tests.support.resources import context, context_version, errors

LIVE = "/api/contexts/support/aliases/live"


@pytest.fixture(autouse=True)
def made(owner: Api) -> None:
    context(owner)
    for _ in range(3):
        context_version(owner)


def put(caller: Api, number: int) -> None:
    assert caller("PUT", LIVE, {"version": number}).status_code == 200


def test_alias_is_set_moved_rolled_back_and_removed(owner: Api) -> None:
    assert owner.get(LIVE).status_code == 404
    put(owner, 1)
    put(owner, 3)
    assert owner.get(LIVE).json() == {"alias": "live", "version": 3, "moving": False}
    assert owner.get("/api/contexts/support").json()["aliases"] == {"live": 3}
    assert owner.get("/api/contexts/support/versions/3").json()["aliases"] == ["live"]

    assert owner.post(f"{LIVE}/rollback").json() == {"alias": "live", "version": 1, "moving": False}
    assert owner.delete(LIVE).status_code == 204
    assert owner.delete(LIVE).status_code == 404

    moves = owner.get(f"{LIVE}/history").json()["results"]
    assert [(move["before"], move["after"]) for move in moves] == [(1, None), (3, 1), (1, 3), (None, 1)]
    told = owner.get("/api/contexts/support/history").json()["results"]
    assert [entry["action"] for entry in told][:4] == ["move_alias"] * 4


def test_what_an_alias_named_at_a_time_has_an_answer(owner: Api) -> None:
    put(owner, 1)
    between = quote(datetime.now(UTC).isoformat())
    put(owner, 2)

    assert owner.get(f"{LIVE}?at={between}").json()["version"] == 1
    assert owner.get(f"{LIVE}?at=2020-01-01T00:00:00Z").status_code == 404
    assert errors(owner.get(f"{LIVE}?at=yesterday")) == {"at"}


def test_latest_and_v2_are_read_and_never_set(owner: Api) -> None:
    for alias, number in (("latest", 3), ("v2", 2), ("V1", 1)):
        path = f"/api/contexts/support/aliases/{alias}"
        assert owner.get(path).json()["version"] == number
        assert errors(owner("PUT", path, {"version": 1})) == {"alias"}
    assert owner.get("/api/contexts/support/aliases/v9").status_code == 404


def test_alias_changes_the_etag_and_takes_one(owner: Api) -> None:
    before = owner.get("/api/contexts/support")["ETag"]
    version = owner.get("/api/contexts/support/versions/1")["ETag"]
    put(owner, 1)

    assert owner("PUT", LIVE, {"version": 2}, If_Match=before).status_code == 412
    assert owner.delete(LIVE, If_Match=before).status_code == 412
    now = owner.get(LIVE)["ETag"]
    assert owner.get(LIVE, If_None_Match=now).status_code == 304
    assert owner.get("/api/contexts/support/versions/1", If_None_Match=version).status_code == 200
    assert owner("PUT", LIVE, {"version": 2}, If_Match=now).status_code == 200


@pytest.mark.parametrize("body", [{}, {"version": 0}, {"version": "x"}, {"version": None}, {"version": 2**31}])
def test_bad_version_gets_400(owner: Api, body: object) -> None:
    assert errors(owner("PUT", LIVE, body)) == {"version"}


def test_version_that_is_not_there_and_rollback_to_nothing_are_refused(owner: Api) -> None:
    assert owner("PUT", LIVE, {"version": 4}).status_code == 404
    assert owner.post(f"{LIVE}/rollback").status_code == 404
    put(owner, 1)
    assert owner.post(f"{LIVE}/rollback").status_code == 409
