"""The errors of the filters of lists."""

import pytest

from tests.support.api import Api


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("keys?status=lost", "active, disabled, expired, revoked"),
        ("keys?permission=fly", "read, write, invoke, verify, admin"),
        ("deployments?status=live", "pending, active, draining, retired, failed"),
        ("deployments?protocol=grpc", "openai, mlflow, http"),
    ],
)
def test_word_that_a_filter_does_not_know_is_refused_with_those_that_it_knows(
    admin: Api, query: str, words: str
) -> None:
    answer = admin.get(f"/api/{query}")

    [error] = answer.json()["errors"]
    word = query.partition("=")[2]
    assert (answer.status_code, error["code"]) == (400, "invalid_choice")
    assert error["detail"] == f'"{word}" is not one of {words}.'
