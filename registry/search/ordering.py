"""MLflow's `order_by`, `last_updated_timestamp DESC, name`, as columns that put any two rows in order."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from registry.search.grammar import Reader


class OrderError(ValueError):
    """One sentence: what is wrong with an order, and where. It is fit for the client's eyes."""


class OrderFields(NamedTuple):
    """By what a list may be ordered: keys and their columns, the order of a list for which none is asked, and the
    columns that together tell any two rows apart, which are added where they are missing."""

    columns: Mapping[str, str]
    default: tuple[str, ...]
    ties: tuple[str, ...]


# As MLflow 3.17's SqlAlchemyStore orders them; a model's `timestamp` is when it was last updated, there as here.
MODEL_ORDER = OrderFields(
    {
        "name": "name",
        "timestamp": "updated_at",
        "last_updated_timestamp": "updated_at",
        "creation_timestamp": "created_at",
    },
    default=("name",),
    ties=("name",),
)
VERSION_ORDER = OrderFields(
    {
        "name": "model__name",
        "version_number": "number",
        "creation_timestamp": "created_at",
        "last_updated_timestamp": "updated_at",
    },
    default=("-updated_at", "model__name", "-number"),
    ties=("model__name", "-number"),
)
CONTEXT_VERSION_ORDER = OrderFields(
    {"version_number": "number", "creation_timestamp": "created_at"}, default=("-number",), ties=("-number",)
)


def parse_order(order_by: str | Sequence[str], fields: OrderFields) -> tuple[str, ...]:
    """Columns for QuerySet.order_by and KeysetPagination, `-` before those that descend.

    `order_by` is a text with commas, or several, which are taken for one. Raises OrderError only.
    """
    reader = Reader(order_by if isinstance(order_by, str) else ",".join(order_by), OrderError)
    if reader.ended:
        return fields.default
    ordering: dict[str, str] = {}
    while True:
        column, descends = _column(reader, fields)
        if column in ordering:
            raise OrderError(f"The order names {_key_of(column, fields)} twice.")
        ordering[column] = f"-{column}" if descends else column
        if reader.ended:
            break
        if not reader.symbol(","):
            raise reader.expected("ASC, DESC or a comma")
    ties = (tie for tie in fields.ties if tie.lstrip("-") not in ordering)
    return (*ordering.values(), *ties)


def _column(reader: Reader, fields: OrderFields) -> tuple[str, bool]:
    keys = ", ".join(fields.columns)
    at = reader.position
    prefix, key = reader.key(f"one of {keys}")
    if prefix.startswith("tag") or key not in fields.columns:
        raise OrderError(f"At character {at}, one of {keys} was expected, and {(prefix + key)[:50]!r} was found.")
    return fields.columns[key], reader.keyword("ASC", "DESC") == "DESC"


def _key_of(column: str, fields: OrderFields) -> str:
    return " or ".join(key for key, other in fields.columns.items() if other == column)
