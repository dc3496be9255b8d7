"""The admin's pages in a browser, on a phone and on a small desktop: nothing is cut off."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from keys.models import APIKey
from mcp_project.audit.models import AuditEntry
from registry.models import Context, ContextVersion, Deployment, DeploymentRevision, ModelVersion, RegisteredModel
from tests.support import resources
from tests.support.api import Api, drain_own_journal
from tests.support.browser import Browser, cut_off
from tests.support.deployments import change, deploy
from tests.support.server import KEY
from usage.models import Event

pytestmark = pytest.mark.browser

WIDTHS = (390, 1280)
SHOWN = (
    RegisteredModel, ModelVersion, Context, ContextVersion, Deployment, DeploymentRevision, APIKey, AuditEntry, Event,
)  # fmt: skip
FORM = {
    "name": "laptop", "owner": "ann", "permissions": ["read"], "metadata": "{}", "enabled": "on", "expires_at_0": "",
    "expires_at_1": "",
}  # fmt: skip
BUTTON = "document.querySelector('main button[onclick], #main button[onclick]')"
COPY = f"{BUTTON}.click()"
LONG = "a-" + "long-" * 20 + "word-without-a-place-to-break" + "x" * 80


@pytest.fixture
def _registry(owner: Api) -> None:
    """One row of each kind, with values as long as real ones are."""
    resources.model(owner, description=f"words and a {LONG}", tags={"team": "growth", "source": LONG})
    resources.version(
        owner,
        source=f"s3://bucket/{LONG}/model.json",
        digest="sha256:" + "ab" * 32,
        run_id="0123456789abcdef0123456789abcdef",
        run_link=f"https://mlflow.example.com/{LONG}",
        metrics={f"metric-{number}": number / 7 for number in range(20)},
        params={"note": LONG},
        parents=[{"uri": f"s3://data/{LONG}", "digest": "sha256:" + "cd" * 32}],
    )
    owner("PUT", "/api/models/churn/aliases/champion", {"version": 1})
    resources.context(owner)
    resources.context_version(owner, description=LONG, resources=[{"uri": f"s3://docs/{LONG}"}])
    pinned = {"context": "support", "version": 1}
    deploy(owner, {"model": "churn", "alias": "champion", "context_version": pinned}, message=f"why: {LONG}")
    change(owner, "churn-live", endpoint=f"https://models.example.com/{LONG}", message="the endpoint " * 10)
    drain_own_journal()


@pytest.fixture
def browser(staff: Client, _registry: None) -> Iterator[Browser]:
    with Browser(staff) as running:
        yield running


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_on_the_pages_of_rows_is_cut_off(browser: Browser, width: int) -> None:
    cut = {}
    for model in SHOWN:
        row: Any = model._default_manager.first()
        path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/{row.pk}/change/"
        browser.open(path, width)
        cut[path] = cut_off(browser)

    assert {path: texts for path, texts in cut.items() if texts} == {}


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_on_the_lists_is_cut_off(browser: Browser, width: int) -> None:
    cut = {}
    for path in ["/admin/", *(f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in SHOWN)]:
        browser.open(path, width)
        cut[path] = cut_off(browser)

    assert {path: texts for path, texts in cut.items() if texts} == {}


@pytest.mark.parametrize("width", WIDTHS)
def test_secret_that_is_shown_once_is_not_cut_off_and_can_be_copied(
    staff: Client, browser: Browser, width: int
) -> None:
    page = staff.post("/admin/keys/apikey/add/", FORM)
    [secret] = KEY.findall(page.content.decode())

    browser.open("/admin/keys/apikey/add/", width, shows=page)

    assert cut_off(browser) == []
    browser.evaluate("navigator.clipboard = {writeText: async (text) => { window.copied = text }}")
    browser.evaluate(COPY)
    assert browser.evaluate("window.copied") == secret


def test_secret_is_selected_where_the_browser_has_no_clipboard(staff: Client, browser: Browser) -> None:
    page = staff.post("/admin/keys/apikey/add/", FORM)
    [secret] = KEY.findall(page.content.decode())

    browser.open("/admin/keys/apikey/add/", 390, shows=page)
    browser.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    browser.evaluate(COPY)

    assert browser.evaluate("getSelection().toString()") == secret
    assert browser.evaluate(f"{BUTTON}.textContent").startswith("Selected")
