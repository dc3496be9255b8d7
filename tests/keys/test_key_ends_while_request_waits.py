"""A request that waits for a lock while its key ends is refused, and nothing of it is done: against a real server."""

import http.client
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import httpx
import pytest

from mcp_project.database.locks import HOLD, Lock
from tests.support.server import WAITING, Server, count, database_of, until

pytestmark = pytest.mark.wire

HOLDS_WITHIN_SECONDS = 1.0  # the promise: KEY_CACHE_SECONDS
EXPIRES_AFTER_SECONDS = 5.0  # more than it takes to say so, on a slow machine


class Way(NamedTuple):
    """How a key ends, by an admin's request, and what its waiting request gets then."""

    name: str
    end: Callable[[httpx.Client, dict[str, Any]], httpx.Response]
    status: int
    code: str | None


def patch(**fields: Any) -> Callable[[httpx.Client, dict[str, Any]], httpx.Response]:
    return lambda admin, key: admin.patch(f"/api/keys/{key['id']}", json=fields, headers={"If-Match": "*"})


def soon(admin: httpx.Client, key: dict[str, Any]) -> httpx.Response:
    end = datetime.now(UTC) + timedelta(seconds=EXPIRES_AFTER_SECONDS)
    return patch(expires_at=end.isoformat())(admin, key)


WAYS = [
    Way("revoked", lambda admin, key: admin.delete(f"/api/keys/{key['id']}"), 401, "API_KEY_REVOKED"),
    Way(
        "owner-revoked",
        lambda admin, key: admin.post("/api/keys/revoke", json={"owner": key["owner"]}),
        401,
        "API_KEY_REVOKED",
    ),
    Way("expired", soon, 401, "API_KEY_EXPIRED"),
    Way("disabled", patch(enabled=False), 401, "API_KEY_DISABLED"),
    Way("other-address", patch(allowed_ips=["192.0.2.7"]), 401, "IP_NOT_ALLOWED"),
    Way("write-taken", patch(permissions=["read"]), 403, "PERMISSION_DENIED"),
    Way("other-models", patch(models=["other*"]), 403, "PERMISSION_DENIED"),
    Way("renamed", patch(name="renamed"), 201, None),
]


@contextmanager
def waiting(
    server: Server, lock: Any, requests: Sequence[Callable[[], httpx.Response]], seconds: float = HOLDS_WITHIN_SECONDS
) -> "Iterator[list[Future[Any]]]":
    """All requests wait for what `lock` holds, until the block ends and so many seconds have passed since."""
    with (
        database_of(server) as holding,
        database_of(server) as watching,
        ThreadPoolExecutor(len(requests)) as pool,
        holding.transaction(),
    ):
        holding.execute(*lock)
        coming = [pool.submit(request) for request in requests]
        until(lambda: count(watching, WAITING) == len(requests), "all requests wait")
        yield coming
        ended = time.monotonic()
        until(lambda: time.monotonic() - ended > seconds, "the promised second has passed")


@pytest.mark.parametrize("idempotent", [False, True], ids=["", "idempotent"])
def test_nothing_is_done_for_a_key_that_ended_while_its_request_waited_for_a_row(
    patient_server: Server, idempotent: bool
) -> None:
    server = patient_server
    with server.client(server.key) as admin:
        rights = {"permissions": ["read", "write"], "rate_limit": "1000/s"}
        keys = [admin.post("/api/keys", json={"name": way.name, "owner": way.name, **rights}).json() for way in WAYS]
        for way in WAYS:
            assert admin.post("/api/models", json={"name": way.name}).status_code == 201

        def register(key: dict[str, Any]) -> httpx.Response:
            headers = {"Idempotency-Key": "a"} if idempotent else {}
            with server.client(key["key"]) as client:
                return client.post(f"/api/models/{key['owner']}/versions", json={"source": "s3://b/m"}, headers=headers)

        requests = [partial(register, key) for key in keys]
        lock = ["SELECT FROM registry_registeredmodel FOR UPDATE"]
        with waiting(server, lock, requests, EXPIRES_AFTER_SECONDS) as coming:
            for way, key in zip(WAYS, keys, strict=True):
                assert way.end(admin, key).status_code in {200, 204}, way.name
        answers = [future.result() for future in coming]

        for way, answer in zip(WAYS, answers, strict=True):
            assert (way.name, answer.status_code, answer.json().get("code")) == (way.name, way.status, way.code)
            versions = admin.get(f"/api/models/{way.name}/versions").json()["results"]
            assert len(versions) == (way.status == 201), way.name
            entries = admin.get("/api/audit?action=create_version").json()["results"]
        assert [entry["object_name"] for entry in entries] == ["renamed"]
    with database_of(server) as session:
        assert count(session, "SELECT count(*) FROM idempotency_keptresponse") == idempotent


@pytest.mark.parametrize("idempotent", [False, True], ids=["", "idempotent"])
def test_revoked_admin_key_makes_and_changes_no_keys(patient_server: Server, idempotent: bool) -> None:
    """The key's requests had begun, and waited for the lock on the owner of the keys."""
    server = patient_server
    new = {"name": "n", "owner": "thief", "permissions": ["admin"]}
    with server.client(server.key) as admin:
        stolen = admin.post("/api/keys", json={**new, "owner": "victim"}).json()
        others = [admin.post("/api/keys", json=new).json()["id"] for _ in range(2)]

        def send(method: str, path: str, body: Any) -> httpx.Response:
            headers = {"If-Match": "*"} | ({"Idempotency-Key": path} if idempotent else {})
            with server.client(stolen["key"]) as client:
                return client.request(method, path, json=body, headers=headers)

        requests = [
            lambda: send("POST", "/api/keys", new),
            lambda: send("POST", f"/api/keys/{others[0]}/rotate", {}),
            lambda: send("PATCH", f"/api/keys/{others[1]}", {"enabled": False}),
            lambda: send("POST", "/api/keys/revoke", {"owner": "thief"}),
        ]
        lock = [HOLD, [Lock.OWNER, "thief"]]
        with waiting(server, lock, requests) as coming:
            assert admin.delete(f"/api/keys/{stolen['id']}").status_code == 204
        answers = [future.result() for future in coming]

        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "API_KEY_REVOKED")}
        keys = admin.get("/api/keys?owner=thief").json()["results"]
        assert sorted(key["id"] for key in keys) == sorted(others)
        assert {key["status"] for key in keys} == {"active"}


@pytest.mark.parametrize("idempotent", [False, True], ids=["", "idempotent"])
def test_stolen_admin_key_makes_no_key_when_its_request_ends_after_the_revocation(
    server: Server, idempotent: bool
) -> None:
    """All but the last byte of the body was sent before."""
    body = json.dumps({"name": "n", "owner": "thief", "permissions": ["admin"]}).encode()
    with server.client(server.key) as admin:
        stolen = admin.post("/api/keys", json={"name": "s", "owner": "victim", "permissions": ["admin"]}).json()
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
        connection.putrequest("POST", "/api/keys")
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "X-API-Key": stolen["key"]}
        for name, value in (headers | ({"Idempotency-Key": "a"} if idempotent else {})).items():
            connection.putheader(name, value)
        connection.endheaders(body[:-1])
        assert admin.delete(f"/api/keys/{stolen['id']}").status_code == 204
        ended = time.monotonic()
        until(lambda: time.monotonic() - ended > HOLDS_WITHIN_SECONDS, "the promised second has passed")
        connection.send(body[-1:])
        answer = connection.getresponse()

        assert (answer.status, json.loads(answer.read())["code"]) == (401, "API_KEY_REVOKED")
        assert admin.get("/api/keys?owner=thief").json()["results"] == []
    connection.close()
