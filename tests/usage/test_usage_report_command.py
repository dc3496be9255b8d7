"""`manage.py usage_report`"""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from registry.models import RegisteredModel
from tests.support.api import Api
from tests.support.events import event, record
from usage.journal import Journal

pytestmark = pytest.mark.django_db

DAY = {"from": "2026-03-10", "to": "2026-03-11"}


def report(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command("usage_report", *arguments, stdout=out, **(DAY | options))
    return out.getvalue()


@pytest.fixture(autouse=True)
def recorded(tmp_path: Path) -> None:
    record(tmp_path, event(), event(), event(route="model-detail", status=404, owner="bob"))


def test_table_has_a_line_a_group_and_the_total() -> None:
    title, heading, *lines = report().splitlines()

    assert title == "Usage from 2026-03-10 00:00 to 2026-03-11 00:00, UTC"
    assert heading.split()[:4] == ["route", "requests", "errors", "refusals"]
    assert [line.split()[:3] for line in lines] == [
        ["model-detail", "1", "1"],
        ["model-list", "2", "0"],
        ["total", "3", "1"],
    ]


def test_it_groups_and_narrows_as_the_api_does() -> None:
    [heading, row] = csv.reader(StringIO(report(group_by="owner,day", owner="bob", format="csv")))

    assert heading[:3] == ["owner", "day", "requests"]
    assert row[:3] == ["bob", "2026-03-10", "1"]


def test_json_is_what_the_api_answers(admin: Api) -> None:
    document = json.loads(report(group_by="status", format="json"))

    assert document == admin.get("/api/usage?from=2026-03-10&to=2026-03-11&group_by=status").json()


def test_csv_is_what_the_api_answers(tmp_path: Path, admin: Api) -> None:
    record(tmp_path, event(owner="=1+1"))

    answer = admin.get("/api/usage?from=2026-03-10&to=2026-03-11&group_by=owner,hour&format=csv")

    sent = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert report(group_by="owner,hour", format="csv").encode() == sent


def test_events_that_wait_to_be_counted_are_told(tmp_path: Path, settings: Any) -> None:
    journal = Journal()
    journal.append(settings.USAGE_JOURNAL_DIR, event())
    err = StringIO()

    call_command("usage_report", stdout=StringIO(), stderr=err)

    assert err.getvalue().startswith("1 more events of this host are not counted yet")


def test_without_groups_there_is_one_line() -> None:
    assert [line.split()[0] for line in report(group_by="").splitlines()[1:]] == ["requests", "3"]


def test_model_is_named_by_its_id_or_its_name(tmp_path: Path) -> None:
    model = RegisteredModel.objects.create(name="churn", owner="ann")
    record(tmp_path, event(model_id=str(model.pk)))

    assert report(model="churn") == report(model=str(model.pk))
    assert report(model="churn").splitlines()[-1].split()[:2] == ["total", "1"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"from": "2026-03-12"}, "--from: `from` must be before `to`"),
        ({"group_by": "planet"}, "--group-by: 'planet' is not one of"),
        ({"time_zone": "Mars"}, "--time-zone: There is no such time zone"),
        ({"time_zone": "Asia/Kolkata", "group_by": "day"}, "--time-zone: .* days of Asia/Kolkata do not begin"),
        ({"key": "x"}, "--key: "),
        ({"model": "nothing"}, "--model: There is no such model"),
        ({"from": "2026-03-10T10:00"}, "or name a --time-zone"),
    ],
)
def test_error_names_the_option(options: dict[str, str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        report(**options)
