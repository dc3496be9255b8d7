"""registry.canonical: one text for one value."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.canonical import LARGEST, canonical, digest, plain

SCALARS = st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.floats(-1e15, 1e15) | st.text()
VALUES = st.recursive(
    SCALARS.filter(lambda value: not isinstance(value, str) or value.isprintable()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdé", max_size=3), inner, max_size=4),
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
        ({"é": "€", "z": 0}, '{"z":0,"é":"€"}'),
        (1.0, "1"),
        (-0.0, "0"),
        (1e15, "1000000000000000"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (LARGEST, "9007199254740991"),
        ('"\\/\b\f\n\r\t\x1f\x7f\u2028', '"\\"\\\\/\\b\\f\\n\\r\\t\\u001f\x7f\u2028"'),
        ({}, "{}"),
        ([], "[]"),
    ],
)
def test_value_is_written_in_this_way(value: Any, text: str) -> None:
    assert canonical(plain(value)) == text.encode()


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        LARGEST + 1,
        -LARGEST - 1,
        1e300,
        10**400,
        "\ud800",
    ],
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(plain([value]))


@given(VALUES)
def test_order_of_names_and_a_way_through_json_change_nothing(value: Any) -> None:
    again = json.loads(json.dumps(value))
    if isinstance(again, dict):
        again = dict(reversed(again.items()))

    text = canonical(plain(value))
    assert canonical(plain(again)) == text == canonical(json.loads(text))


def test_digest_is_sha256_of_the_text() -> None:
    assert digest(plain({"a": 1.0})) == "sha256:" + hashlib.sha256(b'{"a":1}').hexdigest()
