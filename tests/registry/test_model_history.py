"""GET /api/models/{model_id}/history."""

from tests.support.api import Api, api
from tests.support.resources import model, version

MODEL = "/api/models/churn"


def test_history_stays_with_a_model_that_is_renamed(owner: Api, churn: None) -> None:
    id_or_name = owner.get(MODEL).json()["id"]
    assert owner("PATCH", MODEL, {"name": "leavers"}, If_Match="*").json()["name"] == "leavers"

    assert owner.get(MODEL).status_code == 404
    assert owner.get("/api/models/leavers/versions/1").json()["model"] == "leavers"
    entries = owner.get("/api/models/leavers/history").json()["results"]
    assert [entry["action"] for entry in entries] == ["update", "create_version", "create"]
    assert entries[0]["changes"] == {"name": ["churn", "leavers"]}
    assert entries == owner.get(f"/api/models/{id_or_name}/history").json()["results"]


def test_history_does_not_tell_of_models_that_the_key_may_not_see(owner: Api, churn: None) -> None:
    model(owner, "secret")
    version(owner, "secret")
    version(owner, status="pending")
    owner("PATCH", "/api/models/churn/versions/2", {"parents": [{"uri": "models:/secret/1"}]}, If_Match="*")
    version(owner, source="models:/secret/1")
    owner("PATCH", "/api/models/churn", {"name": "hidden"}, If_Match="*")
    owner("PATCH", "/api/models/hidden", {"name": "public"}, If_Match="*")
    bound = api("bound", "read", model_patterns=["public"])

    for path in ("history", "versions", "versions/2", "versions/3", "card", "lineage?version=2", "lineage?version=3"):
        answer = bound.get(f"/api/models/public/{path}")
        assert answer.status_code == 200
        assert b"secret" not in answer.content
        assert b'"hidden"' not in answer.content
    assert b"secret" in owner.get("/api/models/public/history").content
