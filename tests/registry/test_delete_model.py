"""DELETE /api/models/{model_id} and of its versions."""

import pytest

from mcp_project.audit.models import AuditEntry
from registry.models import ModelVersion
from tests.support.api import Api, api

MODEL, VERSION = "/api/models/churn", "/api/models/churn/versions/1"


@pytest.mark.parametrize("path", [MODEL, VERSION])
def test_delete_may_be_bound_to_an_etag(owner: Api, churn: None, path: str) -> None:
    assert owner.delete(path, If_Match='"0"').status_code == 412
    assert owner.delete(path, If_Match=owner.get(path)["ETag"]).status_code == 204
    assert owner.get(path).status_code == 404


def test_deleting_a_model_takes_its_versions_but_not_its_history(owner: Api, churn: None) -> None:
    id_or_name = owner.get(MODEL).json()["id"]
    assert owner.delete(MODEL).status_code == 204

    assert not ModelVersion.objects.exists()
    told = AuditEntry.objects.filter(object_id=id_or_name).values_list("action", flat=True)
    assert list(told) == ["delete", "create_version", "create"]


@pytest.mark.parametrize("path", [MODEL, VERSION])
def test_what_others_own_is_deleted_by_admins_alone(admin: Api, churn: None, path: str) -> None:
    stranger = api("stranger", "read", "write")

    assert stranger("PATCH", path, {"description": "d"}, If_Match="*").status_code == 200
    assert (stranger.delete(path).status_code, stranger.delete(path).json()["code"]) == (403, "PERMISSION_DENIED")
    assert admin.delete(path).status_code == 204
