"""MLflow's order_by, as columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.search.ordering import MODEL_ORDER, VERSION_ORDER, OrderError, parse_order

KEYS = "one of name, timestamp, last_updated_timestamp, creation_timestamp"


@pytest.mark.parametrize(
    ("order_by", "columns"),
    [
        ("", ("name",)),
        ([], ("name",)),
        (["", " "][:1], ("name",)),
        ("name", ("name",)),
        ("name ASC", ("name",)),
        ("name DESC", ("-name",)),
        (" name\n desc ", ("-name",)),
        ("timestamp", ("updated_at", "name")),
        ("last_updated_timestamp DESC", ("-updated_at", "name")),
        ("creation_timestamp aSc", ("created_at", "name")),
        ("timestamp DESC, name DESC", ("-updated_at", "-name")),
        (["timestamp DESC", "name DESC"], ("-updated_at", "-name")),
        (["timestamp DESC,name"], ("-updated_at", "name")),
        ("`name` DESC", ("-name",)),
        ('"name" DESC', ("-name",)),
        ("attribute.name DESC", ("-name",)),
        ("attributes.`name`", ("name",)),
    ],
)
def test_order_of_models(order_by: str | list[str], columns: tuple[str, ...]) -> None:
    assert parse_order(order_by, MODEL_ORDER) == columns


@pytest.mark.parametrize(
    ("order_by", "columns"),
    [
        ("", ("-updated_at", "model__name", "-number")),
        ("name", ("model__name", "-number")),
        ("name DESC", ("-model__name", "-number")),
        ("version_number", ("number", "model__name")),
        ("version_number DESC, name", ("-number", "model__name")),
        ("creation_timestamp", ("created_at", "model__name", "-number")),
        ("last_updated_timestamp DESC, version_number", ("-updated_at", "number", "model__name")),
    ],
)
def test_order_of_versions(order_by: str, columns: tuple[str, ...]) -> None:
    assert parse_order(order_by, VERSION_ORDER) == columns


@pytest.mark.parametrize(
    ("order_by", "sentence"),
    [
        ("owner", f"At character 1, {KEYS} was expected, and 'owner' was found."),
        ("Name", f"At character 1, {KEYS} was expected, and 'Name' was found."),
        ("name, rank", f"At character 7, {KEYS} was expected, and 'rank' was found."),
        ("tags.name", f"At character 1, {KEYS} was expected, and 'tags.name' was found."),
        ("x" * 90, f"At character 1, {KEYS} was expected, and '{'x' * 50}' was found."),
        ("name,", f"At character 6, {KEYS} was expected, and the end was found."),
        (["name", ""], f"At character 6, {KEYS} was expected, and the end was found."),
        (",", f"At character 1, {KEYS} was expected, and ',' was found."),
        ("-name", f"At character 1, {KEYS} was expected, and '-name' was found."),
        ("name descending", "At character 6, ASC, DESC or a comma was expected, and 'descending' was found."),
        ("name DESC NULLS LAST", "At character 11, ASC, DESC or a comma was expected, and 'NULLS' was found."),
        ("name; DROP", "At character 5, ASC, DESC or a comma was expected, and ';' was found."),
        ("`name", "The ` at character 1 is never closed."),
        ("name, name DESC", "The order names name twice."),
        ("timestamp, last_updated_timestamp", "The order names timestamp or last_updated_timestamp twice."),
        ("name\0", r"Character 5 is '\x00', which text must not contain."),
        (["name"] * 3_000, "The text has 14999 characters; at most 10000 are allowed."),
    ],
)
def test_what_is_wrong_is_said_with_its_place(order_by: str | list[str], sentence: str) -> None:
    with pytest.raises(OrderError) as raised:
        parse_order(order_by, MODEL_ORDER)

    assert str(raised.value) == sentence


@given(
    st.text() | st.lists(st.sampled_from(["name", "timestamp", " ", "DESC", ",", "`", '"', ".", "tag."])).map("".join)
)
def test_any_text_is_an_order_or_refused_with_one_sentence(text: str) -> None:
    try:
        columns = parse_order(text, MODEL_ORDER)
    except OrderError as error:
        sentence = str(error)
        assert sentence.endswith(".")
    else:
        assert len({column.lstrip("-") for column in columns}) == len(columns) <= 3
