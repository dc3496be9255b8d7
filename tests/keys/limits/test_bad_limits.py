"""Invalid rates and quotas are refused by the API, the command and the admin, with the same words."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from keys.limits.quota import parse_quota
from keys.models import APIKey
from tests.support.api import Api

RATES = ["0/m", "-1/s", "10/", "1e9/s", "10/0s", "ten/m", "١٠/m", "１０/m", "10", "/m", "10/m/m", "1.5/s",
         "10 /m", "10/91d", "1000001/s", "1000000001/d", "10/w", "\u00bd/s"]  # fmt: skip
QUOTAS = ["-1", str(2**53 + 1), "١٠", "１０", "1e3", "1.0", "ten", "0x10", "1_000", "9" * 400]
BAD = [
    *(("rate_limit", text) for text in RATES),
    *((name, text) for name in ("daily_quota", "monthly_quota") for text in QUOTAS),
]
IDS = [f"{name}-{ascii(text)[:20]}" for name, text in BAD]


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff"))
    return client


def fields_of(answer: Any) -> set[str]:
    assert answer.status_code == 400, answer.content
    return {error["field"] for error in answer.json()["errors"]}


@pytest.mark.parametrize(("field", "text"), BAD, ids=IDS)
def test_api_names_the_field(admin: Api, field: str, text: str) -> None:
    new = {"name": "n", "owner": "o", "permissions": ["read"], field: text}

    assert fields_of(admin.post("/api/keys", new)) == {field}
    assert fields_of(admin("PATCH", f"/api/keys/{admin.row.pk}", {field: text}, If_Match="*")) == {field}
    assert APIKey.objects.count() == 1


@pytest.mark.parametrize("value", [-1, 2**53 + 1, 1.5, 1.0, True, [], {}, 1e300])
@pytest.mark.parametrize("field", ["daily_quota", "monthly_quota"])
def test_api_takes_whole_numbers_alone(admin: Api, field: str, value: object) -> None:
    new = {"name": "n", "owner": "o", "permissions": ["read"], field: value}

    assert fields_of(admin.post("/api/keys", new)) == {field}


@pytest.mark.parametrize(("field", "text"), BAD, ids=IDS)
def test_command_names_the_field(db: None, field: str, text: str) -> None:
    option = {"rate_limit": "--rate", "daily_quota": "--daily-quota", "monthly_quota": "--monthly-quota"}[field]

    with pytest.raises(CommandError, match=f"{field}|{option}"):
        call_command("create_key", "--owner=o", "--name=n", f"{option}={text}", stdout=StringIO(), stderr=StringIO())
    assert not APIKey.objects.exists()


@pytest.mark.parametrize(("field", "text"), BAD, ids=IDS)
def test_admin_names_the_field(staff: Client, field: str, text: str) -> None:
    form = {"name": "n", "owner": "o", "permissions": ["read"], "metadata": "{}", field: text}

    page = staff.post("/admin/keys/apikey/add/", form)

    assert page.status_code == 200
    assert list(page.context["adminform"].form.errors) == [field]
    assert not APIKey.objects.exists()


@pytest.mark.parametrize("value", [0, 1, 2**53, "7", " 7 "])
def test_what_is_a_quota_is_taken(value: object) -> None:
    assert parse_quota(value) == int(str(value))


@pytest.mark.parametrize("mode", ["shut", "CLOSED", 1, True, ""])
def test_unknown_mode_of_an_outage_is_refused(admin: Api, mode: object) -> None:
    new = {"name": "n", "owner": "o", "permissions": ["read"], "on_outage": mode}

    assert fields_of(admin.post("/api/keys", new)) == {"on_outage"}
