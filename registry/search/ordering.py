"""Parses MLflow's `order_by`, such as `last_updated_timestamp DESC, name`, into columns that order rows uniquely."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from registry.search.grammar import Reader


class OrderError(ValueError):
    """A sentence for the client that says what is wrong with an order, and where."""


class OrderFields(NamedTuple):
    """The keys by which a list may be ordered.

    `columns` maps keys to columns, `default` is the order of a request that names none, and `ties` are columns that are
    unique together: they are appended where the order does not name them.
    """

    columns: Mapping[str, str]
    default: tuple[str, ...]
    ties: tuple[str, ...]


# The keys and defaults of MLflow 3.17's SqlAlchemyStore, in which a model's `timestamp` is the time of its last update.
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
    """Return columns for QuerySet.order_by and KeysetPagination, with `-` before descending ones.

    `order_by` is a text with commas, or several texts, which are joined. Raises only OrderError.
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
