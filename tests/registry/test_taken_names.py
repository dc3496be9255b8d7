"""A name that is taken is no statement that fails: PostgreSQL logs those whole, with all that a client has sent."""

from typing import Any

import pytest
from django.db import Error, connection

from tests.support.api import Api
from tests.support.deployments import body, deploy, make_model

LARGE = {"description": "d" * 60_000, "metadata": {"m": "m" * 60_000}}


class Failures:
    """Notes the statements that fail."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    def __call__(self, execute: Any, sql: str, *rest: Any) -> Any:
        try:
            return execute(sql, *rest)
        except Error:
            self.noted.append(sql)
            raise


@pytest.mark.parametrize("kind", ["models", "contexts", "deployments"])
def test_taken_name_is_refused_without_a_statement_that_fails(owner: Api, kind: str) -> None:
    make_model("churn", 1)
    for name in ("taken", "other"):
        owner.post("/api/models", {"name": name})
        owner.post("/api/contexts", {"name": name})
        deploy(owner, name=name)
    wanted = body(name="taken", **LARGE) if kind == "deployments" else {"name": "taken", **LARGE}
    failures = Failures()

    with connection.execute_wrapper(failures):
        answers = [
            owner.post(f"/api/{kind}", wanted),
            owner("PATCH", f"/api/{kind}/other", {"name": "taken", **LARGE}, If_Match="*"),
        ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "CONFLICT")] * 2
    assert failures.noted == []
    assert owner.get(f"/api/{kind}/other").json()["description"] == ""
    assert len(owner.get(f"/api/{kind}?name=taken").json()["results"]) == 1
