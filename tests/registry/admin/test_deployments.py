"""Deployments and their revisions in the Django admin."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from mcp_project.audit.models import AuditEntry
from registry.models import Deployment, DeploymentRevision, RegisteredModel
from registry.services.followers import live_users
from tests.support import resources
from tests.support.admin_pages import SITE, complaints, form_on, page_of, save, text_of, trail, viewer
from tests.support.api import Api
from tests.support.deployments import change, deploy, make_model, revisions

LIST = f"{SITE}deployment/"


@pytest.fixture(autouse=True)
def _churn(db: None) -> None:
    make_model("churn", 3, champion=2)


@pytest.fixture
def live(owner: Api) -> Deployment:
    resources.context(owner)
    resources.context_version(owner)
    deploy(
        owner,
        {"model": "churn", "alias": "champion", "weight": 90, "context_version": {"context": "support", "version": 1}},
        {"model": "churn", "version": 1, "weight": 10},
        message="the first",
    )
    return Deployment.objects.get()


def test_page_shows_targets_and_revisions(staff: Client, live: Deployment) -> None:
    page = text_of(staff.get(page_of(live)))

    assert "champion support 1 90 %" in page
    assert "10 %" in page
    assert f"sha256:{2:064x}" in page
    assert "the first" in page
    assert live.digest in page
    listed = text_of(staff.get(f"{SITE}deploymentrevision/?deployment=churn-live"))
    assert "churn-live 1" in listed


def test_change_makes_a_revision_and_an_audit_entry(staff: Client, owner: Api, live: Deployment) -> None:
    typed = {"description": "two\r\nlines", "tags": '{"team": "growth"}', "status": "active", "message": "go live"}

    assert save(staff, page_of(live), **typed).status_code == 302

    _, last = revisions(owner)
    assert (last["actor"], last["message"]) == ("user:staff", "go live")
    assert last["content"]["description"] == "two\nlines"
    assert last["content"]["tags"] == {"team": "growth"}
    assert last["content"]["status"] == "active"
    assert owner.get("/api/deployments/churn-live/revisions/2/verify").json()["intact"]
    assert trail(live) == [("user:staff", "update")]
    changes = AuditEntry.objects.get(object_id=live.pk, actor="user:staff").changes
    assert set(changes) == {"description", "tags", "status", "revision"}


def test_saving_what_nobody_touched_makes_no_revision(staff: Client, owner: Api, live: Deployment) -> None:
    change(owner, "churn-live", description=" two\nlines ", metadata={"a": 0.5, "b": [True, "ü"]})

    sent = form_on(staff, page_of(live))
    sent["description"] = sent["description"].replace("\n", "\r\n")  # as browsers send it
    assert staff.post(page_of(live), sent).status_code == 302

    assert len(revisions(owner)) == 2
    assert trail(live) == []


@pytest.mark.parametrize(
    ("was", "becomes", "allowed"),
    [
        ("pending", "draining", "active, failed, retired"),
        ("active", "pending", "draining, failed"),
        ("retired", "active", "none"),
    ],
)
def test_status_that_does_not_follow_is_told_in_the_form(
    staff: Client, live: Deployment, was: str, becomes: str, allowed: str
) -> None:
    Deployment.objects.update(status=was)

    said = complaints(save(staff, page_of(live), status=becomes))

    assert f"A deployment that is {was} cannot become {becomes}; allowed: {allowed}." in said
    assert Deployment.objects.get().status == was


def test_form_offers_the_moves_that_are_allowed(staff: Client, live: Deployment) -> None:
    offered = staff.get(page_of(live)).context["adminform"].form.fields["status"].widget.choices

    assert [value for value, _ in offered] == ["pending", "active", "retired", "failed"]


def test_failed_deployment_of_a_deleted_version_does_not_come_back(staff: Client, owner: Api, live: Deployment) -> None:
    owner.delete("/api/models/churn/versions/1?force=true")

    assert "Version 1 of 'churn', which it pins, is deleted" in complaints(save(staff, page_of(live), status="pending"))
    assert "1 (deleted)" in text_of(staff.get(page_of(live)))


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("tags", '{"a":' * 100 + "1" + "}" * 100, "nested more than"),
        ("tags", "[" * 100_000, "nested more than"),
        ("tags", '{"a": 1}', "value is a string"),
        ("metadata", '{"a": "\\u0000"}', "NUL character"),
        ("metadata", '{"a": 1e999}', "too large"),
        ("metadata", '{"a": 1e17}', "readers lose digits"),
        ("metadata", '{"a": ' + "9" * 5_000 + "}", "too many digits"),
        ("metadata", "[1]", "JSON object is wanted"),
        ("description", "a\0b", "Null characters"),
        ("description", "x" * 65_537, "at most 65536"),
        ("owner", "", "required"),
        ("owner", "a\u202eb", "invisible"),
        ("message", "a\u2028b", "invisible"),
        ("message", "x" * 1_001, "at most 1000"),
        ("message", "why", "Nothing has changed"),
        ("status", "nonsense", "nonsense"),
    ],
)
def test_mistake_is_told_in_the_form_and_nothing_is_changed(
    staff: Client, live: Deployment, field: str, value: str, sentence: str
) -> None:
    assert sentence in complaints(save(staff, page_of(live), **{field: value}))
    assert Deployment.objects.get().revision == 1


@pytest.mark.parametrize("empty", ["", "null"])
def test_emptied_json_is_an_empty_object(staff: Client, live: Deployment, empty: str) -> None:
    Deployment.objects.update(metadata={"a": 1})

    assert save(staff, page_of(live), tags=empty, metadata=empty).status_code == 302

    live.refresh_from_db()
    assert (live.tags, live.metadata) == ({}, {})


def test_change_meanwhile_is_not_overwritten(staff: Client, owner: Api, live: Deployment) -> None:
    shown = form_on(staff, page_of(live))
    change(owner, "churn-live", description="from the API")

    answer = staff.post(page_of(live), {**shown, "owner": "ann"})

    assert "changed since this page was loaded" in complaints(answer)
    live.refresh_from_db()
    assert (live.description, live.owner, live.revision) == ("from the API", "owner", 2)


def test_seal_is_verified_on_the_revisions_page(staff: Client, live: Deployment) -> None:
    revision = DeploymentRevision.objects.get()

    page = text_of(staff.get(page_of(revision)))
    assert "Intact" in page
    assert '"environment": "production"' in page
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE registry_deploymentrevision DISABLE TRIGGER USER")
        for content in (revision.content.replace("churn-live", "churn-fake"), "no JSON <b>"):
            cursor.execute("UPDATE registry_deploymentrevision SET content = %s", [content])
            assert "BROKEN" in text_of(staff.get(page_of(revision)))


def test_revisions_are_read_only(staff: Client, live: Deployment) -> None:
    revision = DeploymentRevision.objects.get()

    assert staff.post(page_of(revision), {"message": "x"}).status_code == 403
    assert staff.post(page_of(revision, "delete"), {"post": "yes"}).status_code == 403
    assert staff.get(f"{SITE}deploymentrevision/add/").status_code == 403
    assert staff.get(f"{LIST}add/").status_code == 403


@pytest.mark.parametrize("many", [False, True])
def test_deleted_deployment_is_in_the_trail_as_the_api_has_it(staff: Client, live: Deployment, many: bool) -> None:
    if many:
        form = {"action": "delete_selected", "_selected_action": [str(live.pk)]}
        asked = staff.post(LIST, form)
        answer = staff.post(LIST, {**form, "post": "yes"})
    else:
        asked = staff.get(page_of(live, "delete"))
        answer = staff.post(page_of(live, "delete"), {"post": "yes"})

    assert "its 1 revisions" in text_of(asked)
    assert answer.status_code == 302
    assert not Deployment.objects.exists()
    assert not DeploymentRevision.objects.exists()
    entry = AuditEntry.objects.get(object_id=live.pk, action="delete")
    assert entry.actor == "user:staff"
    assert entry.changes["targets"][0][0]["model"] == "churn"


def test_delete_page_of_a_model_names_the_deployments_that_fail(staff: Client, owner: Api, live: Deployment) -> None:
    change(owner, "churn-live", status="active")
    deploy(owner, name="<old>")
    change(owner, "%3Cold%3E", status="retired")
    model = RegisteredModel.objects.get()

    page = staff.get(page_of(model, "delete"))
    assert "the deployment churn-live, which is active, fails" in text_of(page)
    assert "<old>" not in text_of(page)
    assert "its versions, up to number 3" in text_of(page)
    assert staff.post(page_of(model, "delete"), {"post": "yes"}).status_code == 302

    last = live.revisions.first()
    assert last is not None
    assert (last.actor, last.message) == ("user:staff", "Failed, because the model churn was deleted by force.")
    assert json.loads(last.content)["status"] == "failed"
    assert trail(model) == [("user:staff", "delete")]
    assert "churn (deleted)" in text_of(staff.get(page_of(live)))


def test_delete_page_of_a_context_names_them_too(staff: Client, live: Deployment) -> None:
    context = live.targets.all()[0].context_id

    page = text_of(staff.get(f"{SITE}context/{context}/delete/"))
    assert "the deployment churn-live, which is pending, fails" in page
    assert staff.post(f"{SITE}context/{context}/delete/", {"post": "yes"}).status_code == 302
    live.refresh_from_db()
    assert live.status == "failed"


def test_delete_page_names_no_more_than_a_few(staff: Client, owner: Api) -> None:
    for number in range(23):
        deploy(owner, name=f"live-{number:02}")

    page = text_of(staff.get(page_of(RegisteredModel.objects.get(), "delete")))

    assert "live-19, which is pending, fails 3 more deployments fail" in page
    assert live_users(RegisteredModel.objects.get()).count() == 23


def test_renamed_model_makes_revisions(staff: Client, live: Deployment) -> None:
    model = RegisteredModel.objects.get()

    assert save(staff, page_of(model), name="attrition").status_code == 302

    last = live.revisions.first()
    assert last is not None
    assert (last.actor, last.message) == ("user:staff", "A model that it pins is now named attrition.")
    assert [target.model_name for target in live.targets.all()] == ["attrition", "attrition"]


def test_list_is_searched_and_filtered(staff: Client, owner: Api, live: Deployment) -> None:
    make_model("other")
    deploy(owner, {"model": "other", "version": 1}, name="second", environment="staging", owner="ann")

    def found(query: str) -> list[str]:
        return [row.name for row in staff.get(f"{LIST}?{query}").context["cl"].result_list]

    assert found("") == ["second", "churn-live"]
    assert found("q=second") == found("owner=ann") == found("environment=staging") == found("model=other") == ["second"]
    assert found("context=support") == ["churn-live"]
    assert found("status=active") == found("model=nobody") == found("owner=an") == []


def test_viewers_see_and_change_nothing(live: Deployment) -> None:
    client = viewer("deployment")

    page = text_of(client.get(page_of(live)))
    assert "10 %" in page
    assert "Revisions" not in page, "which they may not view"
    assert 'name="owner"' not in client.get(page_of(live)).content.decode()
    for path in (page_of(live), page_of(live, "delete")):
        assert client.post(path, {"post": "yes", "owner": "me"}).status_code == 403
    act: Any = {"action": "delete_selected", "_selected_action": [str(live.pk)], "post": "yes"}
    client.post(LIST, act)
    assert Deployment.objects.get().revision == 1
    assert client.get(f"{SITE}registeredmodel/").status_code == 403
