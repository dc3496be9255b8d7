"""POST /api/models/{model_id}/versions/{version}/stage"""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.resources import errors, model, version


@pytest.fixture(autouse=True)
def made(owner: Api) -> None:
    model(owner)
    for _ in range(3):
        version(owner)


def to(caller: Api, number: int, stage: str, **fields: Any) -> Any:
    return caller.post(f"/api/models/churn/versions/{number}/stage", {"stage": stage, **fields})


def stages(caller: Api) -> list[str]:
    return [row["stage"] for row in caller.get("/api/models/churn/versions").json()["results"]][::-1]


def test_version_moves_to_a_stage_in_any_case(owner: Api) -> None:
    assert to(owner, 1, "pRoDuCtIoN").json()["stage"] == "Production"
    to(owner, 2, "Production")

    assert stages(owner) == ["Production", "Production", "None"]


def test_what_the_stage_held_is_archived_if_wanted(owner: Api) -> None:
    to(owner, 1, "Production")
    to(owner, 2, "Staging")

    to(owner, 3, "Production", archive_existing=True)

    assert stages(owner) == ["Archived", "Staging", "Production"]
    entry = owner.get("/api/models/churn/history").json()["results"][0]
    assert entry["changes"] == {"version 3": ["None", "Production"], "version 1": ["Production", "Archived"]}


@pytest.mark.parametrize("stage", ["None", "Archived"])
def test_stages_that_hold_nothing_archive_nothing(owner: Api, stage: str) -> None:
    assert to(owner, 1, stage, archive_existing=True).status_code == 409


def test_move_bumps_the_model_and_no_move_does_not(owner: Api) -> None:
    before = owner.get("/api/models/churn")["ETag"]
    to(owner, 1, "None")
    assert owner.get("/api/models/churn")["ETag"] == before

    to(owner, 1, "Staging")
    assert owner.get("/api/models/churn")["ETag"] != before


@pytest.mark.parametrize(
    ("body", "field"), [({"stage": "live"}, "stage"), ({}, "stage"), ({"stage": "None", "x": 1}, "x")]
)
def test_bad_body_gets_400(owner: Api, body: dict[str, Any], field: str) -> None:
    assert errors(owner.post("/api/models/churn/versions/1/stage", body)) == {field}


def test_unknown_version_gets_404(owner: Api) -> None:
    assert to(owner, 9, "Staging").status_code == 404
