"""GET /api/models with `search`, `filter` and `order_by`."""

import pytest

from tests.support.api import Api
from tests.support.resources import errors, model


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("search=gradient", ["churn"]), ("search=GROWTH", ["churn"]), ("search=leavers", ["leavers-v2"]),
        ("search=team", ["churn"]), ("search=gradient growth", ["churn"]), ("search=gradient -growth", []),
        ("search=%27%3B DROP", []), ("framework=xgboost", ["churn"]), ("name=churn", ["churn"]),
        ("filter=name LIKE 'l%25'", ["leavers-v2"]), ("filter=tags.team = 'growth'", ["churn"]),
        ("order_by=name", ["churn", "leavers-v2"]), ("order_by=name DESC", ["leavers-v2", "churn"]),
    ],
)  # fmt: skip
def test_models_are_searched_filtered_and_ordered(owner: Api, query: str, names: list[str]) -> None:
    model(owner, description="A gradient-boosted tree", tags={"team": "growth"}, framework="xgboost")
    model(owner, "leavers-v2")

    response = owner.get(f"/api/models?{query}")
    assert response.status_code == 200, response.content
    assert [row["name"] for row in response.json()["results"]] == names


def test_words_of_many_models_are_found_in_pages(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.search.words.FEW", 3)
    for number in range(5):
        model(owner, f"model {number}", description="common" + (" rare" if number < 3 else ""))

    for word, numbers in (("rare", [2, 1, 0]), ("common", [4, 3, 2, 1, 0])):
        first = owner.get(f"/api/models?search={word}&limit=2").json()
        second = owner.get(first["next"]).json()["results"]
        assert [row["name"] for row in [*first["results"], *second]] == [f"model {n}" for n in numbers[:4]]


@pytest.mark.parametrize("query", ["filter=x = 1", "order_by=owner", f"search={'x' * 201}"])
def test_bad_query_gets_400(owner: Api, query: str) -> None:
    assert errors(owner.get(f"/api/models?{query}")) == {query.partition("=")[0]}
