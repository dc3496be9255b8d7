"""The errors of bodies that are not JSON."""

import pytest

from tests.support.api import Api


@pytest.mark.parametrize(
    ("body", "name", "place"),
    [
        (b'{"name": "a", "metadata": {"auc": NaN}}', "NaN", "line 1, column 35"),
        (b'{"name": "NaN \\" NaN",\n "metadata": {"auc": Infinity}}', "Infinity", "line 2, column 22"),
        (b'{"name": "a", "metadata": {"auc": [1, -Infinity]}}', "-Infinity", "line 1, column 39"),
    ],
)
def test_number_that_json_does_not_have_is_named_with_its_place(owner: Api, body: bytes, name: str, place: str) -> None:
    response = owner.post("/api/models", body)

    assert (response.status_code, response.json()["code"]) == (400, "MALFORMED_JSON")
    assert f"JSON has no {name}: " in response.json()["detail"]
    assert response.json()["detail"].endswith(f", at {place}.")


def test_line_of_ndjson_is_named_with_the_column(owner: Api) -> None:
    lines = b'{"name": "a"}\n\n{"name": "b", "metadata": {"auc": NaN}}\n'

    response = owner.post("/api/models:batch", lines, Content_Type="application/x-ndjson")

    assert response.status_code == 400
    assert response.json()["detail"].endswith("at column 35 (line 3)")
    assert owner.get("/api/models").json()["results"] == []
