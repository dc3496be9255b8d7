"""ThrottleMiddleware, with a bucket behind it."""

import pytest

from tests.support.api import Api, api

pytestmark = pytest.mark.usefixtures("stopped_clock")


def test_bucket_admits_its_limit_and_then_refuses(db: None) -> None:
    caller = api("eager", "read", rate_limit="3/d")

    answers = [caller.get("/api/models") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert {answer["X-RateLimit-Limit"] for answer in answers} == {"3"}
    refused = answers[-1]
    assert refused.json()["code"] == "RATE_LIMIT_EXCEEDED"
    assert int(refused["Retry-After"]) == 28800, "a third of a day"


def test_keys_have_buckets_of_their_own(db: None) -> None:
    first, second = (api(name, "read", rate_limit="1/d") for name in ("first", "second"))

    assert [first.get("/api/models").status_code for _ in range(2)] == [200, 429]
    assert second.get("/api/models").status_code == 200


def test_body_of_a_wrong_length_costs_as_every_error_does(db: None) -> None:
    caller = api("large", "write", rate_limit="2/d")

    assert caller.post("/api/models", b"x" * 2_000_000).status_code == 413
    assert caller.post("/api/models", Transfer_Encoding="chunked").status_code == 411
    assert caller.post("/api/models", b"x" * 2_000_000).status_code == 429


@pytest.mark.parametrize("path", ["/health", "/health/live", "/api/schema", "/api/docs"])
def test_open_paths_are_not_limited(db: None, outsider: Api, path: str) -> None:
    response = outsider.get(path)

    assert response.status_code == 200
    assert "X-RateLimit-Limit" not in response
