"""No query string or action makes a page of the admin fail."""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.db import transaction
from django.db.models import Field
from django.test import Client

from tests.support.api import Api, drain_own_journal
from tests.support.deployments import deploy, make_model
from tests.support.resources import context, context_version

VALUES = ["\0", "x", "1" + "0" * 30, "-1", "\ud7ff["]
LOOKUPS = [
    ("", "x"), ("__gt", "x"), ("__gt", "9" * 30), ("__year", "99999999"), ("__date", "x"), ("__in", "x,,1"),
    ("__isnull", "x"), ("__regex", "["), ("__nothing", "x"),
]  # fmt: skip
OF_LISTS = ["q", "o", "p", "_facets", "_to_field", "id__in", "nothing"]
LISTS = {f"{model._meta.app_label}/{model._meta.model_name}": model for model in admin.site._registry}


@pytest.fixture
def browser(staff: Client, owner: Api) -> Client:
    make_model("churn")
    context(owner)
    context_version(owner)
    deploy(owner)
    drain_own_journal()
    return Client(raise_request_exception=False, headers={"Cookie": staff.cookies.output(header="", sep=";").strip()})


def queries_of(page: str) -> list[tuple[str, str]]:
    """Parameters of the list and of its filters with each value, and its columns with each lookup."""
    model = LISTS[page]
    listed = [one[0] if isinstance(one, tuple) else one for one in admin.site._registry[model].list_filter]
    filters = [str(getattr(one, "parameter_name", one)) for one in listed]
    columns = [field.name for field in model._meta.get_fields() if isinstance(field, Field)]
    return [
        *product([*OF_LISTS, *filters], VALUES),
        *((f"{column}{lookup}", value) for column, (lookup, value) in product(columns, LOOKUPS)),
    ]


def breaks(send: Callable[[], Any]) -> bool:
    """Sends a request. What it did to the database is undone: also to the test's transaction, if it failed."""
    with transaction.atomic():
        status = send().status_code
        transaction.set_rollback(True)
    return bool(status >= 500)


@pytest.mark.parametrize("page", sorted(LISTS))
@pytest.mark.fuzz
def test_no_query_breaks_a_list(browser: Client, page: str) -> None:
    asked = [f"/admin/{page}/?{name}={quote(value)}" for name, value in queries_of(page)]

    assert [path for path in asked if breaks(partial(browser.get, path))] == []
    assert browser.get(f"/admin/{page}/").status_code == 200


@pytest.mark.parametrize("page", sorted(LISTS))
@pytest.mark.fuzz
def test_no_id_breaks_a_page(browser: Client, page: str) -> None:
    asked = [
        f"/admin/{page}/{quote(value, safe='')}/{rest}"
        for value, rest in product(VALUES, ("change/", "delete/", "history/"))
    ]

    assert [path for path in asked if breaks(partial(browser.get, path))] == []


@pytest.mark.parametrize("page", sorted(LISTS))
@pytest.mark.fuzz
def test_no_query_breaks_the_page_of_a_row(browser: Client, page: str) -> None:
    row = LISTS[page]._default_manager.first()
    asked = [
        f"/admin/{page}/{rest}?{name}={quote(value)}"
        for rest, name, value in product(
            ([] if row is None else [f"{row.pk}/{view}/" for view in ("change", "delete", "history")]) + ["add/"],
            ("_to_field", "_popup", "_changelist_filters", "name", "e=1&_to_field"),
            ["", *VALUES],
        )
    ]

    assert [path for path in asked if breaks(partial(browser.get, path))] == []


@pytest.mark.parametrize("page", sorted(LISTS))
@pytest.mark.fuzz
def test_no_selection_breaks_an_action(browser: Client, page: str) -> None:
    actions = [
        *admin.site._registry[LISTS[page]].get_actions(browser.get(f"/admin/{page}/").wsgi_request),
        "nothing",
        "\0",
    ]
    forms = [
        {"action": action, "_selected_action": value, "index": index, "select_across": value, "post": "yes"}
        for action, value, index in product(actions, VALUES, ("0", "x"))
    ]

    assert [form for form in forms if breaks(partial(browser.post, f"/admin/{page}/", form))] == []


@pytest.mark.parametrize("query", ["lifetime__gt=x", "e=1&lifetime__gt=x"])
def test_lookup_that_fails_is_told_on_the_list_without_it(staff: Client, query: str) -> None:
    answer = staff.get(f"/admin/keys/apikey/?{query}")

    assert (answer.status_code, answer["Location"]) == (302, "/admin/keys/apikey/?e=1")


@pytest.mark.parametrize("path", ["/admin/keys/apikey/?owner=%00", "/admin/?x=%00", "/admin/login/?next=%00"])
def test_nul_is_refused_on_a_page(staff: Client, path: str) -> None:
    answer = staff.get(path)

    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/html")
