"""Helpers of the tests of registry_export and registry_import: a registry in which every feature was used, made over
the API."""

import hashlib
import json
from collections.abc import Callable
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from registry.canonical import canonical
from registry.transfer.exporter import export_registry
from registry.transfer.files import check_whole
from registry.transfer.importer import import_registry
from tests.support.api import Api, api
from tests.support.deployments import change, deploy
from tests.support.resources import context, context_version, model, version

Line = dict[str, Any]
MODEL = "0190a1b2-c3d4-7e5f-8a6b-{:012x}"

READ = (
    "/api/models",
    "/api/models?search=growth",
    "/api/models?filter=tags.team%20%3D%20%27growth%27",
    "/api/models/kept",
    "/api/models/kept/history",
    "/api/models/kept/versions",
    "/api/models/kept/versions/3",
    "/api/models/kept/lineage?version=3",
    "/api/models/base/lineage",
    "/api/models/kept/aliases/champion",
    "/api/models/kept/aliases/champion/history",
    "/api/models/kept/card",
    "/api/contexts",
    "/api/contexts?search=customers",
    "/api/contexts/support",
    "/api/contexts/support/history",
    "/api/contexts/support/versions",
    "/api/contexts/support/versions/2",
    "/api/contexts/support/aliases/live/history",
    "/api/deployments",
    "/api/deployments?model=kept",
    "/api/deployments/kept-live",
    "/api/deployments/kept-live/revisions",
    "/api/deployments/kept-live/revisions/1",
    "/api/deployments/kept-live/revisions/1/verify",
    "/api/deployments/kept-live/diff",
)


class Made(NamedTuple):
    data: bytes
    answers: dict[str, Any]


@cache
def registry_in_use() -> Made:
    """The export of that registry, and the API's responses about it. It is rolled back then, since the database lets no
    user delete from the audit trail."""
    with transaction.atomic():
        owner = api("owner", "read", "write")
        use_everything(owner)
        made = Made(export(), answers(owner))
        transaction.set_rollback(True)
    return made


def use_everything(api: Api) -> None:
    """A model that was renamed, and has versions deleted, staged, pending and made from others; aliases moved, rolled
    back and removed; contexts, deployments, and of each kind one that is deleted."""
    model(api, "base")
    version(api, "base", digest="sha256:" + "0b" * 32)
    model(api, "gone")
    version(api, "gone")
    model(
        api,
        "first name",
        description="Über « churn »\u2028\n",
        tags={"team": "growth"},
        metadata={"a": [1.5, 1e-7, True]},
    )
    parents = [
        {"uri": "models:/base/1"},
        {"uri": "models:/gone/1"},
        {"uri": "s3://sets/1", "digest": "sha256:" + "ab" * 32},
    ]
    for number in range(1, 5):
        version(api, "first name", metrics={"auc": number / 7}, parents=parents if number == 3 else [])
    version(api, "first name", status="pending", signature={"inputs": {"type": "object"}}, size=2**40)
    deploy(api, {"model": "gone", "version": 1}, name="gone-live")
    assert api.delete("/api/models/gone?force=true").status_code == 204
    assert api("PATCH", "/api/models/first name", {"name": "kept"}, If_Match="*").status_code == 200
    assert api.delete("/api/models/kept/versions/4").status_code == 204
    for number in (1, 2, 3):
        assert api("PUT", "/api/models/kept/aliases/champion", {"version": number}).status_code == 200
    assert api.post("/api/models/kept/aliases/champion/rollback").status_code == 200
    assert api("PUT", "/api/models/kept/aliases/old", {"version": 1}).status_code == 200
    assert api.delete("/api/models/kept/aliases/old").status_code == 204
    assert api.post("/api/models/kept/versions/1/stage", {"stage": "Production"}).status_code == 200
    _use_contexts(api)
    _use_deployments(api)


def _use_contexts(api: Api) -> None:
    context(api, description="for customers")
    context_version(api, models=["kept"])
    context_version(api, parameters={"temperature": 0.2, "extra": {"big": 1e15, "small": 1e-9}}, tags={"a": "b"})
    for number in (1, 2):
        assert api("PUT", "/api/contexts/support/aliases/live", {"version": number}).status_code == 200
    context(api, "gone")
    assert api.delete("/api/contexts/gone").status_code == 204


def _use_deployments(api: Api) -> None:
    followed = {"model": "kept", "alias": "champion", "weight": 90}
    pinned = {"model": "kept", "version": 1, "weight": 10, "context_version": {"context": "support", "version": 1}}
    deploy(api, followed, pinned, name="kept-live", status="active", metadata={"a": [0.1, None]}, message="Ja!")
    assert api("PUT", "/api/models/kept/aliases/champion", {"version": 3}).status_code == 200  # it follows
    assert change(api, "kept-live", status="draining", message="enough").status_code == 200
    assert api.post("/api/deployments/kept-live/rollback", {"revision": 1}).status_code == 200
    deploy(api, {"model": "kept", "version": 1}, name="deleted")
    assert api.delete("/api/deployments/deleted").status_code == 204


def answers(api: Api) -> dict[str, Any]:
    """The API's responses about that registry."""
    moves = api.get("/api/models/kept/aliases/champion/history").json()["results"]
    paths = [*READ, *(f"/api/models/kept/aliases/champion?at={move['at']}" for move in moves)]
    got = {path: api.get(path) for path in paths}
    assert {path: answer.status_code for path, answer in got.items()} == dict.fromkeys(paths, 200)
    return {path: (answer.content, answer.headers.get("ETag")) for path, answer in got.items()}


def export() -> bytes:
    file = BytesIO()
    for _ in export_registry(file):
        pass
    return file.getvalue()


def import_(data: bytes) -> tuple[int, int]:
    """How many rows were written, and how many were there."""
    file = BytesIO(data)
    check_whole(file)
    file.seek(0)
    outcomes = [outcome for batch in import_registry(file) for outcome in batch]
    return sum(outcome.written for outcome in outcomes), sum(outcome.there for outcome in outcomes)


def parsed(data: bytes) -> list[Line]:
    """The lines between the first and the last."""
    return [json.loads(line) for line in data.splitlines()][1:-1]


def sealed(lines: list[Line | bytes], **header: Any) -> bytes:
    """A whole file of these lines."""
    first = {"kind": "registry", "format": 1, "counts": {}, **header}
    body = b"".join((line if isinstance(line, bytes) else canonical(line)) + b"\n" for line in (first, *lines))
    end = {"kind": "end", "lines": len(lines) + 1, "sha256": hashlib.sha256(body).hexdigest()}
    return body + canonical(end) + b"\n"


def changed(data: bytes, kind: str, change: Callable[[Line], Any] | Line) -> bytes:
    """The export with something else in the first line of a kind."""
    lines: list[Any] = parsed(data)
    line = next(line for line in lines if line["kind"] == kind)
    change(line) if callable(change) else line.update(change)
    return sealed(lines)


def imported(file: Path, data: bytes) -> str:
    """Import the data with the command, and return its output."""
    file.write_bytes(data)
    call_command("registry_import", str(file), stdout=(said := StringIO()))
    return said.getvalue()


def refused(file: Path, data: bytes) -> str:
    with pytest.raises(CommandError) as error:
        imported(file, data)
    return str(error.value)


def models(count: int) -> list[Any]:
    line = next(line for line in parsed(registry_in_use().data) if line["kind"] == "model")
    return [{**line, "id": MODEL.format(n), "name": f"m{n}", "aliases": {}} for n in range(1, count + 1)]
