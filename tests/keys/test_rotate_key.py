"""POST /api/keys/{key_id}/rotate and POST /api/keys/me/rotate"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from keys.authentication import known_keys
from keys.models import APIKey
from tests.support.api import Api, api
from tests.support.server import Server, at_once


def rotate(admin: Api, key: APIKey, **body: Any) -> Any:
    return admin.post(f"/api/keys/{key.pk}/rotate", body)


def test_successor_has_the_same_rights_and_limits_and_a_new_secret(admin: Api) -> None:
    old = api(
        "ann", "read", "write", model_patterns=["m*"], allowed_ips=["127.0.0.0/8"], rate_limit="9/m",
        daily_quota=5, monthly_quota=50, metadata={"a": 1},
    )  # fmt: skip

    answer = rotate(admin, old.row)

    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    new = answer.json()
    before = admin.get(f"/api/keys/{old.row.pk}").json()
    same = (
        "name", "owner", "permissions", "models", "allowed_ips", "rate_limit", "daily_quota", "monthly_quota",
        "enabled", "metadata",
    )  # fmt: skip
    assert {name: new[name] for name in same} == {name: before[name] for name in same}
    assert new["rotated_from"] == before["id"]
    assert Api(new["key"]).get("/api/models").status_code == 200


def test_old_secret_ends_at_once_without_overlap(admin: Api, owner: Api) -> None:
    rotate(admin, owner.row)

    known_keys.clear()
    assert owner.get("/api/models").json()["code"] == "API_KEY_REVOKED"


def test_old_secret_works_until_the_overlap_ends(admin: Api, owner: Api) -> None:
    new = rotate(admin, owner.row, overlap_seconds=3600).json()

    known_keys.clear()
    assert owner.get("/api/models").status_code == 200
    assert Api(new["key"]).get("/api/models").status_code == 200
    ends = APIKey.objects.get(pk=owner.row.pk).expires_at
    assert ends is not None
    assert timedelta(minutes=59) < ends - timezone.now() <= timedelta(hours=1)
    APIKey.objects.filter(pk=owner.row.pk).update(expires_at=timezone.now())
    known_keys.clear()
    assert owner.get("/api/models").json()["code"] == "API_KEY_EXPIRED"


def test_overlap_does_not_prolong_the_old_key(admin: Api) -> None:
    ends = timezone.now() + timedelta(minutes=5)
    old = api("ann", "read", expires_at=ends)

    rotate(admin, old.row, overlap_seconds=3600)

    assert APIKey.objects.get(pk=old.row.pk).expires_at == ends


def test_both_secrets_spend_from_one_bucket(admin: Api) -> None:
    old = api("ann", "read", rate_limit="4/d")
    new = Api(rotate(admin, old.row, overlap_seconds=3600).json()["key"])
    newer = Api(new.post("/api/keys/me/rotate", {"overlap_seconds": 3600}).json()["key"])

    statuses = [caller.get("/api/models").status_code for caller in (old, new, newer, old, new)]

    assert statuses == [200, 200, 200, 429, 429], "one was spent on the rotation itself"


def test_successor_of_a_key_whose_end_nobody_chose_lives_as_long_again(admin: Api, settings: Any) -> None:
    settings.KEY_DEFAULT_TTL_DAYS = 10
    old = api("ann", "read")
    APIKey.objects.filter(pk=old.row.pk).update(expires_at=timezone.now() + timedelta(days=1))

    first = rotate(admin, old.row).json()
    APIKey.objects.filter(pk=first["id"]).update(expires_at=timezone.now() + timedelta(days=1))
    second = Api(first["key"]).post("/api/keys/me/rotate").json()

    for made in (first, second):
        expires = datetime.fromisoformat(made["expires_at"])
        assert timedelta(days=9, hours=23) < expires - timezone.now() <= timedelta(days=10)


@pytest.mark.parametrize("end", [datetime(2199, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC), None])
def test_chosen_end_binds_every_successor(admin: Api, end: datetime | None) -> None:
    made = api("contractor", "read", expires_at=end)

    first = Api(made.post("/api/keys/me/rotate").json()["key"])
    second = first.post("/api/keys/me/rotate").json()

    expires = second["expires_at"]
    assert (None if expires is None else datetime.fromisoformat(expires)) == end


def test_end_that_is_chosen_later_binds_successors_too(admin: Api, owner: Api) -> None:
    end = "2199-01-01T00:00:00Z"
    admin("PATCH", f"/api/keys/{owner.row.pk}", {"expires_at": end}, If_Match="*")

    assert owner.post("/api/keys/me/rotate").json()["expires_at"] == end


@pytest.mark.parametrize("overlap", [0, 60])
def test_revoking_a_stolen_key_ends_what_the_thief_has_made_of_it(admin: Api, owner: Api, overlap: int) -> None:
    first = Api(owner.post("/api/keys/me/rotate", {"overlap_seconds": overlap}).json()["key"])
    second = Api(first.post("/api/keys/me/rotate", {"overlap_seconds": overlap}).json()["key"])
    assert second.get("/api/models").status_code == 200

    assert admin.delete(f"/api/keys/{owner.row.pk}").status_code == 204

    known_keys.clear()
    assert {caller.get("/api/models").json()["code"] for caller in (owner, first, second)} == {"API_KEY_REVOKED"}


def test_revoking_an_old_key_leaves_the_successor_that_an_admin_made(admin: Api, owner: Api) -> None:
    new = Api(rotate(admin, owner.row, overlap_seconds=3600).json()["key"])

    admin.delete(f"/api/keys/{owner.row.pk}")

    known_keys.clear()
    assert owner.get("/api/models").json()["code"] == "API_KEY_REVOKED"
    assert new.get("/api/models").status_code == 200


@pytest.mark.parametrize("end", ["revoked_at", "expires_at"])
def test_key_that_has_ended_cannot_be_rotated(admin: Api, owner: Api, end: str) -> None:
    APIKey.objects.filter(pk=owner.row.pk).update(**{end: timezone.now() - timedelta(seconds=1)})

    assert rotate(admin, owner.row).status_code == 409


def test_key_is_rotated_once(admin: Api, owner: Api) -> None:
    rotate(admin, owner.row, overlap_seconds=60)

    answer = rotate(admin, owner.row, overlap_seconds=60)

    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert "successor" in answer.json()["detail"]


def test_of_many_rotations_at_once_one_succeeds(shared_server: Server) -> None:
    with shared_server.client(shared_server.key) as client:
        new = {"name": "n", "owner": "o", "permissions": ["read"]}
        key_id = client.post("/api/keys", json=new).json()["id"]

    def rotate_it() -> int:
        with shared_server.client(shared_server.key) as client:
            return client.post(f"/api/keys/{key_id}/rotate", json={"overlap_seconds": 60}).status_code

    assert sorted(at_once(8, rotate_it)) == [201] + [409] * 7


@pytest.mark.parametrize("overlap", [-1, 30 * 86400 + 1, "long", 1.5, None])
def test_impossible_overlap_gets_400(admin: Api, owner: Api, overlap: Any) -> None:
    answer = rotate(admin, owner.row, overlap_seconds=overlap)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "overlap_seconds"
    assert not APIKey.objects.filter(rotated_from=owner.row).exists()


def test_any_key_may_renew_itself_and_only_itself(teammate: Api, owner: Api) -> None:
    new = teammate.post("/api/keys/me/rotate")

    assert new.status_code == 201
    assert new.json()["rotated_from"] == str(teammate.row.pk)
    assert new.json()["permissions"] == ["read"]
    assert owner.post(f"/api/keys/{teammate.row.pk}/rotate").status_code == 403


def test_unknown_key_gets_404(admin: Api) -> None:
    assert admin.post(f"/api/keys/{uuid4()}/rotate").status_code == 404


@pytest.mark.parametrize("which", ["old", "successor"])
def test_limits_of_old_and_successor_change_together(admin: Api, owner: Api, which: str) -> None:
    made = admin.post(f"/api/keys/{owner.row.pk}/rotate", {"overlap_seconds": 600}).json()
    ids = {"old": str(owner.row.pk), "successor": made["id"]}
    limits = {"rate_limit": "5/h", "daily_quota": 7, "monthly_quota": 70, "on_outage": "open"}

    changed = admin("PATCH", f"/api/keys/{ids[which]}", {**limits, "name": "renamed"}, If_Match="*")

    assert changed.status_code == 200
    keys = [admin.get(f"/api/keys/{key_id}").json() for key_id in ids.values()]
    assert [{name: key[name] for name in limits} for key in keys] == [limits, limits]
    assert sorted(key["name"] == "renamed" for key in keys) == [False, True], "only limits are shared"
    for key_id in ids.values():
        [entry] = admin.get(f"/api/audit?object={key_id}&action=update&limit=1").json()["results"]
        assert entry["changes"]["rate_limit"][1] == "5/h"


def test_limits_of_a_revoked_key_stay_what_they_were(admin: Api, owner: Api) -> None:
    made = admin.post(f"/api/keys/{owner.row.pk}/rotate").json()

    admin("PATCH", f"/api/keys/{made['id']}", {"rate_limit": "5/h"}, If_Match="*")

    assert APIKey.objects.get(pk=owner.row.pk).rate_limit == ""
