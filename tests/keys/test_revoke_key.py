"""DELETE /api/keys/{key_id}"""

from keys.authentication import known_keys
from keys.models import APIKey
from tests.conftest import Api


def test_revoked_key_is_refused_and_stays_on_record(admin: Api, owner: Api) -> None:
    assert owner.get("/api/models").status_code == 200

    assert admin.delete(f"/api/keys/{owner.row.pk}").status_code == 204

    known_keys.clear()  # as KEY_CACHE_SECONDS does
    response = owner.get("/api/models")
    assert (response.status_code, response.json()["code"]) == (401, "API_KEY_REVOKED")
    record = admin.get(f"/api/keys/{owner.row.pk}").json()
    assert record["status"] == "revoked"
    assert record["revoked_at"] is not None


def test_revoking_twice_keeps_the_first_time(admin: Api, owner: Api) -> None:
    admin.delete(f"/api/keys/{owner.row.pk}")
    first = APIKey.objects.get(pk=owner.row.pk).revoked_at

    assert admin.delete(f"/api/keys/{owner.row.pk}").status_code == 204

    assert APIKey.objects.get(pk=owner.row.pk).revoked_at == first


def test_key_without_admin_cannot_revoke(owner: Api, teammate: Api) -> None:
    assert teammate.delete(f"/api/keys/{owner.row.pk}").status_code == 403
    assert not APIKey.objects.get(pk=owner.row.pk).revoked
