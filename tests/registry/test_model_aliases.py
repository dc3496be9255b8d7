"""/api/models/{model_id}/aliases/{alias}"""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from tests.support.api import Api, api
from tests.support.resources import errors, model, version
from tests.support.server import Server, at_once

CHAMPION = "/api/models/churn/aliases/champion"


@pytest.fixture(autouse=True)
def made(owner: Api) -> None:
    model(owner)
    for _ in range(3):
        version(owner)


def put(caller: Api, number: int, path: str = CHAMPION) -> None:
    assert caller("PUT", path, {"version": number}).status_code == 200


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_alias_names_the_version_that_it_was_set_to(owner: Api) -> None:
    assert owner.get(CHAMPION).status_code == 404
    put(owner, 2)

    assert owner.get(CHAMPION).json() == {"alias": "champion", "version": 2, "moving": False}
    assert owner.get("/api/models/churn").json()["aliases"] == {"champion": 2}
    assert owner.get("/api/models/churn/versions/2").json()["aliases"] == ["champion"]


def test_what_an_alias_named_at_a_time_has_an_answer(owner: Api) -> None:
    times = [now()]
    for number in (1, 3):
        put(owner, number)
        times.append(now())
    owner.delete(CHAMPION)
    times.append(now())

    answers = [owner.get(f"{CHAMPION}?at={quote(moment)}") for moment in times]
    assert [answer.status_code for answer in answers] == [404, 200, 200, 404]
    assert [answer.json().get("version") for answer in answers] == [None, 1, 3, None]
    assert owner.get(f"{CHAMPION}?at={times[1]}").json()["version"] == 1, "a + that was not encoded is understood"


def test_each_move_is_history_newest_first(owner: Api) -> None:
    put(owner, 1)
    put(owner, 1)
    put(owner, 2)
    owner.delete(CHAMPION)
    put(owner, 3, "/api/models/churn/aliases/other")

    moves = owner.get(f"{CHAMPION}/history").json()["results"]
    assert [(move["before"], move["after"]) for move in moves] == [(2, None), (1, 2), (None, 1)]
    assert {move["actor"] for move in moves} == {f"key:{owner.row.pk}"}


def test_rollback_undoes_the_last_move(owner: Api) -> None:
    for number in (1, 2):
        put(owner, number)

    assert owner.post(f"{CHAMPION}/rollback").json() == {"alias": "champion", "version": 1, "moving": False}
    assert owner.get(CHAMPION).json()["version"] == 1
    assert owner.post(f"{CHAMPION}/rollback").json()["version"] == 2


def test_rollback_to_nothing_or_to_a_deleted_version_gets_409(owner: Api) -> None:
    assert owner.post(f"{CHAMPION}/rollback").status_code == 404
    put(owner, 1)
    assert owner.post(f"{CHAMPION}/rollback").status_code == 409
    put(owner, 2)
    owner.delete("/api/models/churn/versions/1")

    refused = owner.post(f"{CHAMPION}/rollback")
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert owner.get(CHAMPION).json()["version"] == 2


def test_removed_alias_can_be_rolled_back_into_being(owner: Api) -> None:
    put(owner, 2)
    owner.delete(CHAMPION)

    assert owner.post(f"{CHAMPION}/rollback").json()["version"] == 2


def test_deleting_a_version_drops_its_aliases_into_history(owner: Api) -> None:
    put(owner, 2)
    put(owner, 3, "/api/models/churn/aliases/next")
    owner.delete("/api/models/churn/versions/2")

    assert owner.get("/api/models/churn").json()["aliases"] == {"next": 3}
    assert owner.get(f"{CHAMPION}/history").json()["results"][0]["after"] is None


@pytest.mark.parametrize(("alias", "number"), [("latest", 3), ("LATEST", 3), ("v2", 2), ("V3", 3)])
def test_reserved_names_are_read_and_never_set(owner: Api, alias: str, number: int) -> None:
    path = f"/api/models/churn/aliases/{alias}"

    assert owner.get(path).json()["version"] == number
    assert errors(owner("PUT", path, {"version": 1})) == {"alias"}


@pytest.mark.parametrize("alias", ["v4", "v0", "v99999999999", "nobody", "%00", "a b"])
def test_unknown_alias_gets_404(owner: Api, alias: str) -> None:
    path = f"/api/models/churn/aliases/{alias}"

    assert owner.get(path).status_code == 404
    assert owner.delete(path).status_code == 404


@pytest.mark.parametrize("alias", ["a b", "a.b", "x" * 256, "%F0%9F%98%80", "a:b"])
def test_bad_alias_gets_400(owner: Api, alias: str) -> None:
    assert errors(owner("PUT", f"/api/models/churn/aliases/{alias}", {"version": 1})) == {"alias"}


@pytest.mark.parametrize("body", [{}, {"version": 0}, {"version": "x"}, {"version": 1, "x": 1}, {"version": 2**40}])
def test_bad_body_gets_400(owner: Api, body: dict[str, object]) -> None:
    assert owner("PUT", CHAMPION, body).status_code == 400


def test_alias_of_a_version_that_is_not_there_gets_404(owner: Api) -> None:
    assert owner("PUT", CHAMPION, {"version": 4}).status_code == 404


@pytest.mark.parametrize(
    "at", ["yesterday", "2026-01-31", "2026-01-31T12:00:00", "2026-02-31T12:00:00Z", "", "0001-01-01T00:00:00%2B23:59"]
)
def test_bad_moment_gets_400(owner: Api, at: str) -> None:
    assert errors(owner.get(f"{CHAMPION}?at={at}")) == {"at"}


def test_alias_is_bound_to_what_was_read_if_wanted(owner: Api) -> None:
    etag = owner.get("/api/models/churn")["ETag"]
    put(owner, 1)

    assert owner("PUT", CHAMPION, {"version": 2}, If_Match=etag).status_code == 412
    assert owner.delete(CHAMPION, If_Match=etag).status_code == 412


def test_101st_alias_gets_409(owner: Api) -> None:
    for number in range(100):
        put(owner, 1, f"/api/models/churn/aliases/a{number}")

    assert owner("PUT", CHAMPION, {"version": 1}).status_code == 409
    put(owner, 2, "/api/models/churn/aliases/a7")


@pytest.mark.parametrize("path", ["", "/history", "/rollback"])
def test_key_that_may_not_see_the_model_learns_nothing(owner: Api, path: str) -> None:
    put(owner, 1)
    blind = api("blind", "read", "write", model_patterns=["other*"])

    assert blind("POST" if path == "/rollback" else "GET", f"{CHAMPION}{path}").status_code == 404


def test_order_of_moves_is_theirs_whatever_a_hosts_clock_says(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, seconds in ((1, 0), (2, 60), (3, 30)):
        at = datetime(2026, 1, 31, 12, tzinfo=UTC) + timedelta(seconds=seconds)
        monkeypatch.setattr("registry.services.aliases.timezone.now", lambda at=at: at)
        monkeypatch.setattr("mcp_project.database.ids.time.time_ns", lambda at=at: int(at.timestamp()) * 10**9)
        put(owner, number)
    monkeypatch.undo()

    moves = owner.get(f"{CHAMPION}/history").json()["results"]
    assert [(move["before"], move["after"]) for move in moves] == [(2, 3), (1, 2), (None, 1)]
    assert owner.get(f"{CHAMPION}?at=2026-01-31T12:01:00Z").json()["version"] == 3
    assert owner.get(f"{CHAMPION}?at=2026-01-31T12:00:30Z").json()["version"] == 1


@pytest.mark.parametrize("path", ["%00?at=2026-01-31T12:00:00Z", "%00/history", "x%00/rollback"])
def test_nul_in_a_path_gets_404(owner: Api, path: str) -> None:
    for method in ("GET", "POST"):
        assert owner(method, f"/api/models/churn/aliases/{path}").status_code in {404, 405}


@pytest.mark.parametrize("alias", ["latest", "v1"])
def test_names_of_versions_have_no_history(owner: Api, alias: str) -> None:
    assert errors(owner.get(f"/api/models/churn/aliases/{alias}?at=2026-01-31T12:00:00Z")) == {"at"}


def test_history_has_no_gap_when_many_move_an_alias_at_once(shared_server: Server) -> None:
    with shared_server.client(shared_server.key) as client:
        client.post("/api/models", json={"name": "m"})
        for _ in range(4):
            client.post("/api/models/m/versions", json={"source": "s3://b/m"})

        def move() -> None:
            with shared_server.client(shared_server.key) as mover:
                for number in (1, 2, 3, 4):
                    mover.put("/api/models/m/aliases/a", json={"version": number})

        at_once(4, move)
        moves = client.get("/api/models/m/aliases/a/history?limit=100").json()["results"][::-1]
        assert client.get("/api/models/m/aliases/a").json()["version"] == moves[-1]["after"]

    assert [move["before"] for move in moves] == [None, *(move["after"] for move in moves[:-1])]
    assert [move["at"] for move in moves] == sorted(move["at"] for move in moves)


def test_alias_is_only_made_and_not_moved_where_the_client_asks_for_that(owner: Api) -> None:
    path = "/api/models/churn/aliases/fresh"

    assert owner("PUT", path, {"version": 1}, If_None_Match="*").status_code == 200
    assert owner("PUT", path, {"version": 2}, If_None_Match="*").status_code == 412
    assert owner.get(path).json()["version"] == 1


def test_version_that_is_not_there_is_named(owner: Api) -> None:
    answer = owner("PUT", "/api/models/churn/aliases/fresh", {"version": 9})

    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no version 9.")
