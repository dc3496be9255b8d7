"""Whatever fits the OpenAPI document, and much that does not, gets an answer that fits it, too, and never a 5xx."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.server import Server, database_environment

pytestmark = pytest.mark.fuzz

EXAMPLES = 15  # of each operation
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]


@pytest.fixture(scope="module")
def busy(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with something in it."""
    folder: Path = tmp_path_factory.mktemp("any-request")
    variables = {
        **database_environment(module_database),
        "DEFAULT_RATE_LIMIT": "100000/s",
        "AUTH_FAILURE_RATE": "100000/s",
    }
    with Server(folder, variables) as server:
        with server.client(server.key) as client:
            client.post("/api/models", json={"name": "churn", "tags": {"a": "b"}})
            client.post("/api/models/churn/versions", json={"source": "s3://bucket/churn"})
            client.put("/api/models/churn/aliases/champion", json={"version": 1})
        yield server


generator = SchemaGenerator()  # type: ignore[no-untyped-call]
schema = schemathesis.openapi.from_dict(generator.get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


@pytest.mark.filterwarnings("ignore:Skipped test cases:UserWarning")  # of NDJSON, which schemathesis cannot write
@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_answer_fits_the_document(case: Case[Any], busy: Server) -> None:
    case.call_and_validate(base_url=busy.url, headers={"X-API-Key": busy.key}, checks=CHECKS)
