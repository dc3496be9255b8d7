"""Turns the clauses of a filter into a condition for the database.

A protocol that gives some clauses another meaning removes them from the list first and adds its own conditions.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_
from typing import Literal, NamedTuple

from django.db.models import BooleanField, F, Func, Q, TextField
from django.db.models import Value as Parameter
from django.db.models.expressions import Combinable

from registry.search.grammar import Clause, FilterError, Kind, Value, whole_number

MATCHING = ("=", "!=", "LIKE", "ILIKE")
LISTED = (*MATCHING, "IN", "NOT IN")
NUMERIC = ("=", "!=", "<", "<=", ">", ">=")
LOOKUPS = {"=": "exact", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte", "IN": "in"}
OPPOSITES = {"!=": "=", "NOT IN": "IN"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# In characters. Matching takes time in proportion to the lengths of the pattern and of each row's value: patterns of
# 1,200 characters against tags of 5 KB took 5 ms a row.
MAX_PATTERN = {"attribute": 500, "tag": 100}


class FilterField(NamedTuple):
    """An attribute that a filter may name: its column, the kind of its values, and the operators that it takes.

    A column of times is compared with milliseconds since 1970.
    """

    column: str
    kind: Literal["string", "number", "milliseconds"] = "string"
    operators: tuple[str, ...] = LISTED


class FilterFields(NamedTuple):
    """The names that a filter may use: attributes, and the keys of a JSONField `tags` that has a GIN index
    (jsonb_path_ops)."""

    attributes: Mapping[str, FilterField]
    tags: str = "tags"

    def check_key(self, kind: Kind, name: str) -> None:
        """Raise FilterError for an attribute that does not exist. Tags may have any key."""
        if kind == "attribute" and name not in self.attributes:
            raise FilterError(
                f"There is no {_label(kind, name)}: there are {', '.join(self.attributes)}, and tags.<key>."
            )


TIMES = {
    "creation_timestamp": FilterField("created_at", "milliseconds", NUMERIC),
    "last_updated_timestamp": FilterField("updated_at", "milliseconds", NUMERIC),
}
# MLflow 3.17 has `name` only.
MODEL_FIELDS = FilterFields(
    {
        "name": FilterField("name"),
        "owner": FilterField("owner"),
        "framework": FilterField("framework"),
        "task": FilterField("task"),
        **TIMES,
    }
)
DEPLOYMENT_FIELDS = FilterFields(
    {
        "name": FilterField("name"),
        "owner": FilterField("owner"),
        "environment": FilterField("environment"),
        "status": FilterField("status"),
        "protocol": FilterField("protocol"),
        **TIMES,
    }
)
# MLflow 3.17 has the first four only.
VERSION_FIELDS = FilterFields(
    {
        "name": FilterField("model__name"),
        "run_id": FilterField("run_id"),
        "source_path": FilterField("source", operators=MATCHING),
        "version_number": FilterField("number", "number", NUMERIC),
        "status": FilterField("status"),
        "stage": FilterField("stage"),
        "current_stage": FilterField("stage"),
        **TIMES,
    }
)
CONTEXT_FIELDS = FilterFields({"name": FilterField("name"), "owner": FilterField("owner"), **TIMES})
CONTEXT_VERSION_FIELDS = FilterFields(
    {
        "version_number": FilterField("number", "number", NUMERIC),
        "digest": FilterField("digest"),
        "creation_timestamp": TIMES["creation_timestamp"],
    }
)


class Like(Func):
    """SQL's LIKE with its wildcards `_` and `%`, which a backslash escapes. Django's own look-ups take no wildcards."""

    template = "(%(expressions)s)"
    arg_joiner = " LIKE "
    output_field = BooleanField()


class ILike(Like):
    arg_joiner = " ILIKE "


class Differs(Like):
    """SQL's `<>`, which does not match where the value is NULL; Django's `~Q` does."""

    arg_joiner = " <> "


def condition(clauses: Iterable[Clause], fields: FilterFields) -> Q:
    """Return the condition for rows that match all clauses. Raises FilterError."""
    return reduce(and_, (_condition(clause, fields) for clause in clauses), Q())


def _condition(clause: Clause, fields: FilterFields) -> Q:
    if clause.kind == "tag":
        return _tag(clause, fields.tags)
    fields.check_key(clause.kind, clause.name)
    field = fields.attributes[clause.name]
    _check_operator(clause, field.operators)
    if field.kind == "string":
        return _strings(field.column, clause)
    if field.kind == "number":
        return _compared(field.column, clause.operator, _number(clause))
    return _times(field.column, clause.operator, _number(clause))


def _tag(clause: Clause, tags: str) -> Q:
    """Compare a tag. Only `=` uses the index, by JSON containment."""
    _check_operator(clause, MATCHING)
    text = _string(clause)
    if clause.operator == "=":
        return Q(**{f"{tags}__contains": {clause.name: text}})
    # Not KeyTextTransform, which takes the key "1" for an index into an array.
    value = Func(F(tags), Parameter(clause.name), function="jsonb_extract_path_text", output_field=TextField())
    return Q(Differs(value, Parameter(text))) if clause.operator == "!=" else _like(value, clause, text)


def _strings(column: str, clause: Clause) -> Q:
    if isinstance(clause.value, tuple):
        return _compared(column, clause.operator, clause.value)
    text = _string(clause)
    return _like(F(column), clause, text) if "LIKE" in clause.operator else _compared(column, clause.operator, text)


def _like(value: Combinable, clause: Clause, pattern: str) -> Q:
    longest = MAX_PATTERN[clause.kind]
    if len(pattern) > longest:
        raise FilterError(f"The pattern for the {_label(clause.kind, clause.name)} has over {longest} characters.")
    if (len(pattern) - len(pattern.rstrip("\\"))) % 2:  # PostgreSQL would raise an error
        raise FilterError(
            f"The pattern for the {_label(clause.kind, clause.name)} ends in a backslash with nothing to escape."
        )
    return Q((Like if clause.operator == "LIKE" else ILike)(value, Parameter(pattern)))


def _times(column: str, operator: str, milliseconds: int) -> Q:
    """Compare times. The column has microseconds, so a millisecond is the interval up to the next one."""
    start, end = _moment(milliseconds), _moment(milliseconds + 1)
    if operator in {"=", "!="}:
        within = Q(**{f"{column}__gte": start, f"{column}__lt": end})
        return within if operator == "=" else ~within
    lookup = "lt" if operator in {"<", "<="} else "gte"
    return Q(**{f"{column}__{lookup}": end if operator in {"<=", ">"} else start})


def _moment(milliseconds: int) -> datetime:
    """Convert milliseconds since 1970, or return the first or last datetime if they are out of range."""
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return (datetime.max if milliseconds > 0 else datetime.min).replace(tzinfo=UTC)


def _compared(column: str, operator: str, value: Value) -> Q:
    """Compare a column. As in SQL, != and NOT IN do not match NULL."""
    if operator in OPPOSITES:
        return Q(**{f"{column}__isnull": False}) & ~_compared(column, OPPOSITES[operator], value)
    return Q(**{f"{column}__{LOOKUPS[operator]}": value})


def _check_operator(clause: Clause, operators: tuple[str, ...]) -> None:
    if clause.operator not in operators:
        raise FilterError(
            f"The {_label(clause.kind, clause.name)} is compared by {' '.join(operators)}, not by {clause.operator}."
        )


def _string(clause: Clause) -> str:
    if not isinstance(clause.value, str):
        raise FilterError(
            f"The {_label(clause.kind, clause.name)} is compared with a string in quotes, not with {clause.value}."
        )
    return clause.value


def _number(clause: Clause) -> int:
    """Return the clause's value as a number. A string of digits is accepted, as MLflow does."""
    number = whole_number(clause.value) if isinstance(clause.value, str) else clause.value
    if not isinstance(number, int):
        raise FilterError(
            f"The {_label(clause.kind, clause.name)} is compared with a whole number of at most 18 digits."
        )
    return number


def _label(kind: Kind, name: str) -> str:
    name = name if len(name) <= 50 else f"{name[:50]}…"
    return f"{kind} {name!r}"
