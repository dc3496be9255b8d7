"""GET /api/contexts/{context_id}/diff"""

from time import monotonic
from typing import Any

import pytest

from tests.conftest import Api
from tests.registry.made import TEXT, context, context_version, errors

DIFF = "/api/contexts/support/diff"


def made(caller: Api, *versions: dict[str, Any]) -> dict[str, Any]:
    context(caller)
    for fields in versions:
        context_version(caller, **fields)
    return dict(caller.get(f"{DIFF}?from=1&to=2").json())


def test_versions_with_one_content_are_the_same(owner: Api) -> None:
    told = made(owner, {}, {"description": "again"})

    assert told == {"from": 1, "to": 2, "same": True, "changes": [], "messages": []}


def test_messages_differ_by_lines(owner: Api) -> None:
    before = [{"role": "system", "template": "Be kind.\nBe brief."}, {"role": "user", "template": "Hi"}]
    after = [{"role": "system", "template": "Be kind.\nBe exact."}, {"role": "user", "template": "Hi"}]

    told = made(owner, {"messages": before}, {"messages": after})

    assert told["changes"] == []
    assert told["messages"] == [
        "--- version 1", "+++ version 2", "@@ -1,5 +1,5 @@",
        " [system]", " Be kind.", "-Be brief.", "+Be exact.", " [user]", " Hi",
    ]  # fmt: skip


def test_other_fields_differ_item_by_item(owner: Api) -> None:
    old, new = ({"name": "search", "description": text} for text in ("old", "new"))
    gone: dict[str, Any] = {"name": "n", "schema": {}}
    more: dict[str, Any] = {"name": "m", "schema": {}, "default": None}
    before = {"tools": [old], "variables": [TEXT, gone], "parameters": {"seed": 1, "stop": ["x"]}}
    after = {
        "tools": [new],
        "variables": [TEXT, more],
        "parameters": {"seed": 2, "top_p": 1},
        "output_schema": {"type": "object"},
        "resources": [{"uri": "s3://a"}],
    }

    told = made(owner, before, after)

    assert told["messages"] == []
    assert told["changes"] == [
        {"field": "variables.n", "before": gone},
        {"field": "variables.m", "after": more},
        {"field": "parameters.seed", "before": 1, "after": 2},
        {"field": "parameters.stop", "before": ["x"]},
        {"field": "parameters.top_p", "after": 1},
        {"field": "tools.search", "before": old, "after": new},
        {"field": "resources.s3://a", "after": {"uri": "s3://a"}},
        {"field": "output_schema", "before": None, "after": {"type": "object"}},
    ]


def test_order_alone_is_a_difference(owner: Api) -> None:
    one, two = {"name": "a"}, {"name": "b"}

    told = made(owner, {"tools": [one, two]}, {"tools": [two, one]})

    assert (told["same"], told["changes"]) == (False, [{"field": "tools", "before": ["a", "b"], "after": ["b", "a"]}])


@pytest.mark.parametrize("count", [900, 60_000])
def test_unlucky_lines_take_no_longer_than_others(owner: Api, count: int) -> None:
    texts = ["\n".join(str(n * step % 83) for n in range(count)) for step in (1, 7)]
    start = monotonic()

    told = made(owner, *({"messages": [{"role": "user", "template": text}]} for text in texts))

    assert told["messages"][:2] == ["--- version 1", "+++ version 2"]
    assert monotonic() - start < 10


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", {"from", "to"}),
        ("from=1", {"to"}),
        ("from=0&to=x", {"from", "to"}),
        ("from=1&to=2&format=html", {"format"}),
        ("from=1&to=99999999999", {"to"}),
    ],
)
def test_bad_query_gets_400_that_names_the_parameter(owner: Api, query: str, fields: set[str]) -> None:
    made(owner, {}, {})

    assert errors(owner.get(f"{DIFF}?{query}")) == fields


def test_version_that_is_not_there_gets_404(owner: Api) -> None:
    made(owner, {}, {})

    assert owner.get(f"{DIFF}?from=1&to=3").status_code == 404
