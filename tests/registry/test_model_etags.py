"""ETags of models and versions: conditional GET, and changes that are bound to the state that was read."""

import pytest

from tests.support.api import Api
from tests.support.resources import model, version
from tests.support.server import Server, at_once

MODEL, VERSION = "/api/models/churn", "/api/models/churn/versions/1"


@pytest.mark.parametrize("path", [MODEL, VERSION])
def test_change_takes_the_etag_that_was_read(owner: Api, churn: None, path: str) -> None:
    etag = owner.get(path)["ETag"]

    changed = owner("PATCH", path, {"description": "new"}, If_Match=etag)
    stale = owner("PATCH", path, {"description": "newer"}, If_Match=etag)
    without = owner("PATCH", path, {"description": "newer"})

    assert [response.status_code for response in (changed, stale, without)] == [200, 412, 428]
    assert owner.get(path).json()["description"] == "new"
    assert owner.get(path)["ETag"] == changed["ETag"] != etag


@pytest.mark.parametrize("path", [MODEL, VERSION])
def test_what_is_known_is_not_sent_again(owner: Api, churn: None, path: str) -> None:
    etag = owner.get(path)["ETag"]

    for header in (etag, f'"x", {etag}', f"W/{etag}", "*"):
        known = owner.get(path, If_None_Match=header)
        assert (known.status_code, known.content, known["ETag"]) == (304, b"", etag)
    owner("PATCH", path, {"description": "new"}, If_Match="*")
    assert owner.get(path, If_None_Match=etag).status_code == 200


def test_alias_changes_the_etag_of_the_model_and_of_its_versions(owner: Api, churn: None) -> None:
    before = [owner.get(path)["ETag"] for path in (MODEL, VERSION)]
    owner("PUT", f"{MODEL}/aliases/champion", {"version": 1})

    assert all(owner.get(path)["ETag"] != etag for path, etag in zip((MODEL, VERSION), before, strict=True))


def test_etag_of_what_is_made_again_is_another(owner: Api, churn: None) -> None:
    before = owner.get(MODEL)["ETag"]
    owner.delete(MODEL)
    model(owner, tags={"a": "1"})
    version(owner)

    assert owner.get(MODEL)["ETag"] != before
    assert owner("PATCH", MODEL, {"task": "t"}, If_Match=before).status_code == 412


def test_of_many_changes_of_what_was_read_one_succeeds(shared_server: Server) -> None:
    with shared_server.client(shared_server.key) as client:
        client.post("/api/models", json={"name": "contested"})
        etag = client.get("/api/models/contested").headers["ETag"]

    def change() -> int:
        with shared_server.client(shared_server.key) as client:
            return client.patch("/api/models/contested", json={"task": "t"}, headers={"If-Match": etag}).status_code

    assert sorted(at_once(8, change)) == [200] + [412] * 7
