"""GET /api/contexts/{context_id}/diff"""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.resources import TEXT, context, context_version, errors

DIFF = "/api/contexts/support/diff"


def made(caller: Api, *versions: dict[str, Any]) -> dict[str, Any]:
    context(caller)
    for fields in versions:
        context_version(caller, **fields)
    return dict(caller.get(f"{DIFF}?from=1&to=2").json())


def test_versions_with_one_content_are_the_same(owner: Api) -> None:
    told = made(owner, {}, {"description": "again"})

    assert told == {"from": 1, "to": 2, "same": True, "differences": [], "cut": False, "messages": []}


def test_messages_differ_by_lines(owner: Api) -> None:
    before = [{"role": "system", "template": "Be kind.\nBe brief."}, {"role": "user", "template": "Hi"}]
    after = [{"role": "system", "template": "Be kind.\nBe exact."}, {"role": "user", "template": "Hi"}]

    told = made(owner, {"messages": before}, {"messages": after})

    assert told["differences"] == []
    assert told["messages"] == [
        "--- version 1", "+++ version 2", "@@ -1,5 +1,5 @@",
        " [system]", " Be kind.", "-Be brief.", "+Be exact.", " [user]", " Hi",
    ]  # fmt: skip


def test_line_of_a_template_that_reads_like_a_role_is_none(owner: Api) -> None:
    context(owner)
    context_version(owner, messages=[{"role": "system", "template": "a\n[user]\n\\b"}])
    context_version(owner, messages=[{"role": "system", "template": "a"}, {"role": "user", "template": "\\b"}])

    assert owner.get(DIFF).json()["messages"][3:] == [" [system]", " a", "-\\[user]", "+[user]", " \\\\b"]


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
    assert {(part["op"], part["path"]): (part["before"], part["after"]) for part in told["differences"]} == {
        ("remove", "/variables/n"): (gone, None),
        ("add", "/variables/m"): (None, more),
        ("replace", "/parameters/seed"): (1, 2),
        ("remove", "/parameters/stop"): (["x"], None),
        ("add", "/parameters/top_p"): (None, 1),
        ("replace", "/tools/search/description"): ("old", "new"),
        ("add", "/resources/s3:~1~1a"): (None, {"uri": "s3://a"}),
        ("replace", "/output_schema"): (None, {"type": "object"}),
    }


def test_order_alone_is_a_difference(owner: Api) -> None:
    one, two = {"name": "a"}, {"name": "b"}

    told = made(owner, {"tools": [one, two]}, {"tools": [two, one]})

    assert told["same"] is False
    assert told["differences"] == [{"op": "replace", "path": "/tools", "before": ["a", "b"], "after": ["b", "a"]}]


def test_true_is_not_one(owner: Api) -> None:
    told = made(owner, {"parameters": {"extra": {"a": 1}}}, {"parameters": {"extra": {"a": True}}})

    assert told["differences"] == [{"op": "replace", "path": "/parameters/extra/a", "before": 1, "after": True}]


def test_very_many_lines_are_told_as_all_out_and_all_in(owner: Api) -> None:
    texts = ["\n".join(str(n * step % 83) for n in range(60_000)) for step in (1, 7)]

    told = made(owner, *({"messages": [{"role": "user", "template": text}]} for text in texts))

    signs = [line[0] for line in told["messages"][3:]]
    assert told["messages"][:2] == ["--- version 1", "+++ version 2"]
    assert signs == ["-"] * 60_001 + ["+"] * 60_001


def test_without_numbers_the_last_change_is_told(owner: Api) -> None:
    made(owner, {}, {"parameters": {"seed": 1}})

    assert owner.get(DIFF).json() == owner.get(f"{DIFF}?from=1&to=2").json()
    assert owner.get(f"{DIFF}?from=2").json()["same"] is True


@pytest.mark.parametrize(
    ("query", "fields"),
    [
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
