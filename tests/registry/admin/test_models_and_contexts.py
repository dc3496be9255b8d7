"""Models, contexts and their versions in the Django admin."""

from typing import Any

import pytest
from django.test import Client

from mcp_project.audit.models import AuditEntry
from registry.admin.tables import LATEST
from registry.models import Context, ContextVersion, ModelVersion, RegisteredModel
from tests.support import resources
from tests.support.admin_pages import SITE, complaints, form_on, page_of, save, text_of, trail, viewer
from tests.support.api import Api
from tests.support.deployments import deploy, make_model

NEW = {"name": "by hand", "owner": "o", "description": "", "tags": "{}", "metadata": "{}"}
ADD = f"{SITE}registeredmodel/add/"


def test_models_page_shows_the_latest_versions_and_where_all_are(staff: Client, owner: Api) -> None:
    model = make_model("churn", LATEST + 3, champion=LATEST + 1)
    ModelVersion.objects.filter(number=LATEST + 2).update(stage="Production", status="pending")
    deploy(owner, {"model": "churn", "alias": "champion"})

    response = staff.get(page_of(model))

    page = text_of(response)
    assert f"{LATEST + 1} ready None champion s3://b/churn/{LATEST + 1}" in page
    assert f"{LATEST + 2} pending Production s3://b/churn/{LATEST + 2}" in page
    assert "s3://b/churn/4 " in page
    assert "s3://b/churn/3 " not in page
    assert "churn-live production pending owner" in page
    whole = f"{SITE}modelversion/?model={model.pk}"
    assert whole in response.content.decode()
    assert [row.number for row in staff.get(whole).context["cl"].result_list] == list(range(LATEST + 3, 0, -1))
    assert f"{SITE}deployment/?model={model.pk}" in response.content.decode()


def test_versions_page_is_read_only_and_shows_all_of_it(staff: Client, owner: Api) -> None:
    resources.model(owner, "<b>base")
    resources.version(owner, "%3Cb%3Ebase")
    resources.model(owner)
    said: dict[str, Any] = {"metrics": {"auc": 0.91}, "params": {"x": "<script>alert(1)</script>"}, "run_id": "r1"}
    parents = [{"uri": "models:/<b>base/1"}]
    resources.version(owner, run_link="https://runs.example.com/1", description="<i>", parents=parents, **said)
    version = ModelVersion.objects.get(model__name="churn")

    response = staff.get(page_of(version))

    page = text_of(response)
    for text in ('"auc": 0.91', "models:/<b>base/1", "https://runs.example.com/1", "s3://bucket/model"):
        assert text in page
    assert "<script>alert" not in response.content.decode()
    assert staff.post(page_of(version), {"source": "s3://other"}).status_code == 403
    assert staff.post(page_of(version, "delete"), {"post": "yes"}).status_code == 403
    assert staff.get(f"{SITE}modelversion/add/").status_code == 403
    assert [row.pk for row in staff.get(f"{SITE}modelversion/?run_id=r1").context["cl"].result_list] == [version.pk]


def test_contexts_pages_show_what_is_said(staff: Client, owner: Api) -> None:
    resources.context(owner)
    resources.context_version(owner)
    said = [{"role": "system", "template": "You <help>\n{{who}}."}, {"role": "user", "template": "second"}]
    tools = [{"name": "search", "parameters": {"type": "object"}}]
    resources.context_version(owner, messages=said, parameters={"temperature": 0.2}, tools=tools)
    owner("PUT", "/api/contexts/support/aliases/live", {"version": 2})
    context, version = Context.objects.get(), ContextVersion.objects.get(number=2)

    assert f"2 live {version.digest}" in text_of(staff.get(page_of(context)))
    page = text_of(staff.get(page_of(version)))
    for text in ("system You <help> {{who}}.", "user second", '"temperature": 0.2', '"name": "search"', "live"):
        assert text in page
    assert "<help>" not in staff.get(page_of(version)).content.decode()
    assert staff.post(page_of(version), {"digest": "x"}).status_code == 403
    listed = staff.get(f"{SITE}contextversion/?context=support").context["cl"].result_list
    assert [row.number for row in listed] == [2, 1]


def test_change_meanwhile_is_not_overwritten(staff: Client, owner: Api) -> None:
    model = make_model("churn")
    shown = form_on(staff, page_of(model))
    for body in ({"description": "from the API"}, {"description": "", "tags": {"a": "1"}}):
        assert owner("PATCH", "/api/models/churn", body, If_Match="*").status_code == 200

        answer = staff.post(page_of(model), {**shown, "owner": "ann"})

        assert "changed since this page was loaded" in complaints(answer)
    again = staff.post(page_of(model), form_on_answer(answer))
    assert "changed since this page was loaded" in complaints(again), "also of the page that said so"
    model.refresh_from_db()
    assert (model.owner, model.tags) == ("owner", {"a": "1"})
    assert save(staff, page_of(model), owner="ann").status_code == 302
    model.refresh_from_db()
    assert (model.owner, model.tags) == ("ann", {"a": "1"})


def form_on_answer(response: Any) -> dict[str, Any]:
    form = response.context["adminform"].form
    return {field.html_name: "" if field.value() is None else field.value() for field in form}


def test_save_without_an_edition_is_refused(staff: Client) -> None:
    model = make_model("churn")

    for edition in ("", "0", "x", "9" * 30):
        assert "load" in complaints(save(staff, page_of(model), loaded_edition=edition))


def test_saving_what_nobody_touched_changes_nothing(staff: Client, owner: Api) -> None:
    body: dict[str, Any] = {"description": "two\nlines", "tags": {"a": "é"}, "metadata": {"n": 1.0, "l": [True, None]}}
    resources.model(owner, **body)
    model = RegisteredModel.objects.get()

    assert save(staff, page_of(model)).status_code == 302

    shown = owner.get("/api/models/churn").json()
    assert {name: shown[name] for name in body} == body
    assert trail(model) == []
    assert RegisteredModel.objects.get().edition == 1


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "churn", "already exists"),
        ("name", "a/b", "neither"),
        ("name", "a\0b", "Null characters"),
        ("name", "", "required"),
        ("name", "x" * 256, "at most 255"),
        ("owner", "a\u202eb", "invisible"),
        ("description", "x" * 65_537, "at most 65536"),
        ("tags", '{"a":' * 100 + "1" + "}" * 100, "nested more than"),
        ("tags", "{", "valid JSON"),
        ("metadata", "9" * 5_000, "too many digits"),
        ("metadata", '"javascript:alert(1)"', "JSON object is wanted"),
    ],
)
def test_mistake_is_told_in_the_form(staff: Client, field: str, value: str, sentence: str) -> None:
    make_model("churn")
    other = make_model("other")

    assert sentence in complaints(staff.post(ADD, {**NEW, field: value}))
    assert sentence in complaints(save(staff, page_of(other), **{field: value}))
    assert RegisteredModel.objects.count() == 2
    other.refresh_from_db()
    assert other.edition == 1


@pytest.mark.parametrize("kind", ["registeredmodel", "context"])
def test_emptied_json_is_an_empty_object(staff: Client, kind: str) -> None:
    assert staff.post(f"{SITE}{kind}/add/", {**NEW, "tags": "", "metadata": "null"}).status_code == 302

    made_one = (RegisteredModel if kind == "registeredmodel" else Context).objects.get()
    assert (made_one.tags, made_one.metadata) == ({}, {})


def test_name_that_is_taken_a_moment_before_the_write_is_told_in_the_form(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model("churn")
    looked: list[Any] = []
    look = RegisteredModel.validate_unique

    def too_early(model: RegisteredModel, *args: Any, **options: Any) -> None:
        looked.append(model)
        if len(looked) > 1:
            look(model, *args, **options)

    monkeypatch.setattr(RegisteredModel, "validate_unique", too_early)

    assert "already exists" in complaints(staff.post(ADD, {**NEW, "name": "churn"}))
    assert len(looked) == 2


def test_deleted_or_renamed_parent_is_new_to_those_who_read_its_child(staff: Client, owner: Api) -> None:
    resources.model(owner, "base")
    resources.version(owner, "base")
    resources.model(owner)
    resources.version(owner, parents=[{"uri": "models:/base/1"}])
    base = RegisteredModel.objects.get(name="base")
    etags = [owner.get("/api/models/churn/versions/1")["ETag"]]

    assert save(staff, page_of(base), name="basis").status_code == 302
    etags.append(owner.get("/api/models/churn/versions/1")["ETag"])
    assert staff.post(page_of(base, "delete"), {"post": "yes"}).status_code == 302
    etags.append(owner.get("/api/models/churn/versions/1")["ETag"])

    assert len(set(etags)) == 3


def test_delete_page_does_not_list_what_may_be_a_hundred_thousand(
    staff: Client, django_assert_max_num_queries: Any
) -> None:
    model = make_model("churn", 50)

    with django_assert_max_num_queries(12):
        page = text_of(staff.get(page_of(model, "delete")))

    assert "its versions, up to number 50" in page
    assert "churn 49" not in page


def test_history_is_the_audit_trail(staff: Client, owner: Api) -> None:
    resources.model(owner)
    model = RegisteredModel.objects.get()

    page = text_of(staff.get(page_of(model, "history"), follow=True))

    assert f"key:{owner.row.pk} create churn" in page


def test_viewers_see_and_change_nothing(owner: Api) -> None:
    model = make_model("churn", 2)
    client = viewer("registeredmodel", "modelversion")

    page = client.get(page_of(model)).content.decode()
    assert "s3://b/churn/2" in page
    assert 'name="description"' not in page
    assert "Deployments" not in page, "which they may not view"
    for path in (page_of(model), page_of(model, "delete"), ADD):
        assert client.post(path, {**NEW, "post": "yes"}).status_code == 403
    assert client.get(f"{SITE}context/").status_code == 403
    index = client.get("/admin/").content.decode()
    assert f"{SITE}modelversion/" in index
    assert f"{SITE}deployment/" not in index
    assert list(RegisteredModel.objects.values_list("name", "edition")) == [("churn", 1)]


def test_changers_may_not_delete(db: None) -> None:
    model = make_model("churn")
    client = viewer("registeredmodel", verb="change")

    assert save(client, page_of(model), owner="ann").status_code == 302
    assert client.post(page_of(model, "delete"), {"post": "yes"}).status_code == 403
    client.post(f"{SITE}registeredmodel/", {"action": "delete_selected", "_selected_action": [model.pk], "post": "y"})
    assert AuditEntry.objects.get(object_id=model.pk).action == "update"
    assert RegisteredModel.objects.get().owner == "ann"
