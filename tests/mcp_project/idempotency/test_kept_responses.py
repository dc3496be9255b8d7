"""Kept responses: for how long and for which caller, and that no other caller can read them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from keys.authentication import known_keys
from mcp_project.database.initialise import connection_parameters
from mcp_project.idempotency.models import KeptBytes, KeptResponse
from mcp_project.idempotency.sweeper import BATCH, sweep, sweeper
from registry.models import RegisteredModel
from tests.support.api import Api, api
from tests.support.error_shape import check_shape
from tests.support.resources import context, context_version

KEY = {"name": "n", "owner": "ann", "permissions": ["read"]}


def age(hours: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE idempotency_keptresponse SET made_at = made_at - %s * interval '1 hour'", [hours])


def test_answer_is_forgotten_after_a_day(owner: Api) -> None:
    first = owner.post("/api/models", {"name": "m"}, Idempotency_Key="a")
    age(hours=23.9)
    assert owner.post("/api/models", {"name": "m"}, Idempotency_Key="a").content == first.content

    age(hours=0.2)
    check_shape(owner.post("/api/models", {"name": "m"}, Idempotency_Key="a"), 409, "CONFLICT")
    assert KeptResponse.objects.count() == 1


def test_forgotten_answers_are_swept_in_batches(owner: Api) -> None:
    for name in ("m", "n"):
        owner.post("/api/models", {"name": name}, Idempotency_Key=name)
    copies = f"""INSERT INTO idempotency_keptresponse
        SELECT caller_id, idempotency_key || n, request_digest, response, made_at
        FROM idempotency_keptresponse, generate_series(1, {BATCH}) AS n WHERE idempotency_key = 'm'"""  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(copies)
        cursor.execute(
            "UPDATE idempotency_keptresponse SET made_at = made_at - interval '1 day' WHERE idempotency_key <> 'n'"
        )

    assert sweep() == BATCH
    sweeper.act(last=False)

    assert [row.idempotency_key for row in KeptResponse.objects.all()] == ["n"]


def test_table_holds_no_secret_and_nothing_of_request_or_answer(admin: Api) -> None:
    made = admin.post("/api/keys", KEY, Idempotency_Key="a").json()
    rotated = admin.post(f"/api/keys/{made['id']}/rotate", Idempotency_Key="b").json()
    admin.post("/api/keys/me/rotate", {"overlap_seconds": 60}, Idempotency_Key="c")

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM idempotency_keptresponse")
        rows = cursor.fetchall()
    assert len(rows) == 3
    assert admin.key is not None
    known = [key.partition(".")[2] for key in (admin.key, made["key"], rotated["key"])] + [
        made["id"],
        "ann",
        "Location",
    ]
    for row in rows:
        text = b"\n".join(bytes(value) if isinstance(value, memoryview) else str(value).encode() for value in row)
        assert [word for word in known if word.encode() in text] == []


def test_answer_is_not_shown_to_a_key_that_has_lost_the_right(admin: Api) -> None:
    maker = api("maker", "admin")
    maker.post("/api/keys", KEY, Idempotency_Key="a")
    change = {"permissions": ["read"]}
    admin("PATCH", f"/api/keys/{maker.row.pk}", change, If_Match="*")
    known_keys.clear()

    check_shape(maker.post("/api/keys", KEY, Idempotency_Key="a"), 403, "PERMISSION_DENIED")


def test_repeat_waits_for_the_first_and_not_for_ever(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_project.idempotency.claims.PATIENCE", "10ms")
    claim = "SELECT idempotency_claim(%s, 'a', 'digest', '1 day', '1s')"
    with psycopg.connect(**connection_parameters()) as first:
        first.execute(claim, [owner.row.pk])
        refused = owner.post("/api/models", {"name": "m"}, Idempotency_Key="a")
        assert owner.post("/api/models", {"name": "n"}, Idempotency_Key="b").status_code == 201, (
            "of others nobody waits"
        )
        first.rollback()

    check_shape(refused, 409, "IDEMPOTENCY_KEY_IN_USE")
    assert refused["Retry-After"] == "1"
    assert owner.post("/api/models", {"name": "m"}, Idempotency_Key="a").status_code == 201


def test_patience_is_the_claims_and_not_the_views(db: None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '77s'")
        cursor.execute("SELECT idempotency_claim(%s, 'a', 'digest', '1 day', '1s')", [uuid4()])
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("77s",)


def test_key_keeps_so_many_bytes_a_day_and_its_successor_no_more(owner: Api, settings: Any) -> None:
    settings.IDEMPOTENCY_MAX_BYTES = 20_000
    body = {"name": "m", "description": "d" * 15_000}
    first = owner.post("/api/models", body, Idempotency_Key="a")
    assert owner.post("/api/models", {**body, "name": "n"}, Idempotency_Key="b").status_code == 201

    for caller in (owner, Api(owner.post("/api/keys/me/rotate", {"overlap_seconds": 60}).json()["key"])):
        refused = caller.post("/api/models", {"name": "o"}, Idempotency_Key="c")
        check_shape(refused, 409, "IDEMPOTENCY_STORE_FULL")
    assert not RegisteredModel.objects.filter(name="o").exists()
    assert owner.post("/api/models", body, Idempotency_Key="a").content == first.content, "repeats are answered"
    assert owner.post("/api/models", {"name": "o"}).status_code == 201, "without the header it is done"
    assert KeptResponse.objects.count() == 2


def test_bytes_are_forgotten_with_the_answers(owner: Api, settings: Any) -> None:
    settings.IDEMPOTENCY_MAX_BYTES = 10
    owner.post("/api/models", {"name": "m"}, Idempotency_Key="a")
    assert owner.post("/api/models", {"name": "n"}, Idempotency_Key="b").status_code == 409

    KeptBytes.objects.update(hour=timezone.now() - timedelta(hours=25))
    assert owner.post("/api/models", {"name": "n"}, Idempotency_Key="b").status_code == 201
    sweep()
    assert KeptBytes.objects.count() == 1


def test_what_only_reads_keeps_nothing(teammate: Api, owner: Api) -> None:
    context(owner)
    context_version(owner)
    path = "/api/contexts/support/versions/1/render"

    for who in ("ann", "bob"):
        answer = teammate.post(path, {"variables": {"who": who}}, Idempotency_Key="a")
        assert (answer.status_code, answer.json()["messages"][0]["content"]) == (200, f"Hello {who}")
        assert "Idempotency-Replayed" not in answer
    assert not KeptResponse.objects.exists()
