"""Features that every page of the admin has: times, names, History, search."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from keys.models import APIKey
from mcp_project.audit.models import AuditEntry
from registry.models import ContextVersion, DeploymentRevision, ModelVersion, RegisteredModel
from tests.support import resources
from tests.support.admin_pages import page_of, text_of
from tests.support.api import Api, drain_own_journal
from tests.support.deployments import deploy
from usage.models import Event

READ_ONLY = (ModelVersion, ContextVersion, DeploymentRevision, AuditEntry, Event)
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC"


@pytest.fixture
def _registry(owner: Api) -> None:
    resources.model(owner)
    resources.version(owner)
    resources.context(owner)
    resources.context_version(owner)
    deploy(owner, {"model": "churn", "version": 1})
    drain_own_journal()


def address(model: Any, view: str = "") -> str:
    path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    return f"{path}{model._default_manager.first().pk}/{view}/" if view else path


@pytest.mark.usefixtures("_registry")
@pytest.mark.parametrize("model", [RegisteredModel, APIKey, *READ_ONLY])
def test_times_have_seconds_and_a_zone(staff: Client, model: Any) -> None:
    for path in (address(model), address(model, "change")):
        page = text_of(staff.get(path))

        assert re.search(TIME, page), path
        assert not re.search(r"[ap]\.m\.|midnight|noon", page), path


def test_expiry_at_midnight_is_shown_as_a_time(staff: Client, owner: Api) -> None:
    APIKey.objects.update(expires_at=datetime(2031, 12, 1, tzinfo=UTC))

    assert "2031-12-01 00:00:00 UTC" in text_of(staff.get(address(APIKey)))


@pytest.mark.usefixtures("_registry")
def test_page_of_an_audit_entry_has_all_its_fields(staff: Client) -> None:
    entry = AuditEntry.objects.get(action="create_version", object_name="churn")

    page = text_of(staff.get(f"/admin/audit/auditentry/{entry.pk}/change/"))

    for value in (f"{entry.at:%Y-%m-%d %H:%M:%S} UTC", entry.actor, entry.object_id, entry.request_id, str(entry.pk)):
        assert value in page


@pytest.mark.parametrize("name", ["churn", "Churn", "embed-37 1"])
@pytest.mark.parametrize("view", ["change", "delete"])
def test_names_of_rows_are_shown_as_they_are(staff: Client, owner: Api, name: str, view: str) -> None:
    resources.model(owner, name)

    page = staff.get(page_of(RegisteredModel.objects.get(), view)).content.decode()

    [shown] = re.findall(rf"(?i)/change/\"[^>]*tracking-tight[^>]*>\s*({name})\s*<", page)
    assert shown == name


@pytest.mark.usefixtures("_registry")
@pytest.mark.parametrize("model", [ModelVersion, ContextVersion, DeploymentRevision])
def test_history_of_a_part_is_that_of_what_it_belongs_to(staff: Client, model: Any) -> None:
    assert address(model, "history") in staff.get(address(model, "change")).content.decode()

    page = text_of(staff.get(address(model, "history"), follow=True))

    assert re.search(TIME, page)
    assert "create" in page


@pytest.mark.usefixtures("_registry")
@pytest.mark.parametrize("model", [AuditEntry, Event])
def test_what_has_no_history_has_no_button_for_it(staff: Client, model: Any) -> None:
    page = staff.get(address(model, "change")).content.decode()

    assert "/history/" not in page
    assert staff.get(address(model, "history")).status_code == 404


@pytest.mark.usefixtures("_registry")
@pytest.mark.parametrize("model", [ModelVersion, ContextVersion, DeploymentRevision])
def test_search_of_a_list_that_has_none_is_refused(staff: Client, model: Any) -> None:
    assert "1 " in text_of(staff.get(address(model)))

    response = staff.get(f"{address(model)}?q=churn")

    assert "This list has no search" in text_of(response)
    assert list(response.context["cl"].result_list) == []


def test_browsers_get_an_icon(outsider: Api) -> None:
    response = outsider.get("/favicon.ico")

    assert (response.status_code, b"".join(response.streaming_content)[:4]) == (200, b"\0\0\1\0")  # type: ignore[attr-defined]
