"""Every parameter of every route accepts any text that a client can write: the response is a 4xx, or the requested
resource."""

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit
from uuid import UUID

import pytest
from drf_spectacular.generators import SchemaGenerator

from tests.support.api import Api, api
from tests.support.deployments import deploy, make_model
from tests.support.resources import context, context_version
from tests.support.server import Server

HOSTILE = [
    "\0", "a\r\nX: y", "\x7f", "", "1" + "0" * 30, "-1", "1e999", "[]", "\ud7ff\U0001f600", "%00", "'\"\\", "x" * 3000,
    "99999999-99-99T99:99:99Z",
]  # fmt: skip
ODD = ["\0", "\n", "\x7f", "'\"\\", "x" * 3000]  # for what every operation takes
EVERYWHERE = [
    *({"name": name, "in": "header"} for name in ("X-Request-ID", "If-Match", "Idempotency-Key", "Accept")),
    {"name": "unknown", "in": "query"},
]
NEEDED = {"If-Match": "*"}
SHARES = 20
THINGS = {
    "model_id": "churn", "context_id": "support", "deployment_id": "churn-live", "alias": "champion", "number": "1",
}  # fmt: skip


class Sent(NamedTuple):
    method: str
    path: str
    query: str
    headers: dict[str, str]


def operations() -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Method, path and parameters of each: first what only reads, last what would end what the others need."""
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    found = [
        (method.upper(), path, [one for one in operation.get("parameters", ()) if "in" in one])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return sorted(found, key=lambda one: (one[0] != "GET", one[0] == "DELETE" or "rotate" in one[1], one[1]))


def requests(things: dict[str, str]) -> Iterator[Sent]:
    """For each parameter each hostile value, with the others as they should be."""
    for method, path, parameters in operations():
        for one in [*parameters, *EVERYWHERE]:
            for value in ODD if one in EVERYWHERE or one["name"] in THINGS else HOSTILE:
                filled = {**things, one["name"]: quote(value, safe="")} if one["in"] == "path" else things
                where = path
                for name, text in filled.items():
                    where = where.replace(f"{{{name}}}", text)
                query = f"{one['name']}={quote(value, safe='')}" if one["in"] == "query" else ""
                headers = {**NEEDED, one["name"]: value} if one["in"] == "header" else NEEDED
                yield Sent(method, where, query, headers)


def fill(owner: Api) -> dict[str, str]:
    """Something for each parameter of a path to name."""
    make_model("churn", champion=1)
    context(owner)
    context_version(owner)
    deploy(owner)
    return {**THINGS, "key_id": str(api("other", "read").row.pk)}


@pytest.mark.parametrize("share", [0, *(pytest.param(share, marks=pytest.mark.fuzz) for share in range(1, SHARES))])
def test_no_value_of_any_parameter_breaks_the_service(admin: Api, owner: Api, settings: Any, share: int) -> None:
    """Each share is a sample of all requests. One of them is enough for the core."""
    settings.DEFAULT_RATE_LIMIT = "100000/s"
    things = fill(owner)

    def send(sent: Sent) -> int:
        caller = api("admin", "admin") if "/me" in sent.path and sent.method != "GET" else admin
        headers = {name.replace("-", "_"): value for name, value in sent.headers.items()}
        return caller(
            sent.method, f"{sent.path}?{sent.query}", {} if sent.method != "GET" else None, **headers
        ).status_code

    assert [
        (status, sent) for sent in islice(requests(things), share, None, SHARES) if (status := send(sent)) >= 500
    ] == []


@pytest.mark.parametrize("name", ["owner", "limit", "unknown", "a%00b"])
def test_nul_in_a_parameter_is_told_with_its_name(owner: Api, name: str) -> None:
    answer = owner.get(f"/api/models?{name}=x%00")

    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert [error["field"] for error in answer.json()["errors"]] == [name.replace("%00", "\\x00")]


@pytest.mark.fuzz
def test_none_does_over_http(server: Server) -> None:
    with server.client(server.key) as client:
        client.patch(
            f"/api/keys/{client.get('/api/keys/me').json()['id']}", json={"rate_limit": "100000/s"}, headers=NEEDED
        )
        client.post("/api/models", json={"name": "churn"})
        client.post("/api/models/churn/versions", json={"source": "s3://bucket/churn"})

    def send(sent: Sent) -> int:
        if "\n" in "".join(sent.headers.values()) or not "".join(sent.headers.values()).isascii():
            return 0  # http.client does not send it
        try:
            connection.request(
                sent.method, f"{sent.path}?{sent.query}", headers={**sent.headers, "X-API-Key": server.key}
            )
            answer = connection.getresponse()
            answer.read()
        except (HTTPException, OSError):  # the server closes after what it cannot read
            connection.close()
            return 0
        return answer.status

    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    read = [sent for sent in requests({**THINGS, "key_id": str(UUID(int=0))}) if sent.method == "GET"]

    with closing(connection):
        assert [(status, sent) for sent in read if (status := send(sent)) >= 500] == []
    with server.client(server.key) as client:
        assert client.get("/api/models/churn").status_code == 200
