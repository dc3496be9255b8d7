from contextlib import nullcontext
from pathlib import Path

import pytest

from registry.transfer import exporter
from tests.support.exports import registry_in_use


@pytest.fixture
def in_the_tests_transaction(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    """Which has begun already, and cannot be made a snapshot: test_between_processes.py tests that."""
    monkeypatch.setattr(exporter, "snapshot", nullcontext)


@pytest.fixture
def data(in_the_tests_transaction: None) -> bytes:
    return registry_in_use().data


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.ndjson"
