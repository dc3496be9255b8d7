"""Clients' JSON Schemas, checked and applied by `jsonschema` within bounds.

Each keyword that is evaluated costs steps, by the sizes of what it reads, and the steps are counted: a schema of a few
hundred bytes can take 2**30 of them, or never end. Nothing is fetched: references lead to the schema's own `$defs`.
`pattern` is matched in linear time (registry.regex), and `uniqueItems` sorts texts instead of comparing each pair.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import pairwise
from time import thread_time
from typing import Any

from django.core.exceptions import ValidationError
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError as Mismatch
from jsonschema_specifications import REGISTRY as SPECIFICATIONS
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from registry.canonical import canonical, plain
from registry.regex import Pattern, PatternError

STEPS_TO_APPLY = 1_000_000  # about a second of CPU
STEPS_TO_CHECK = 6_000_000  # about a second, too: a step of a check is shorter
A_KEYWORD = 10  # steps, besides those for sizes
A_TEXT = 8  # steps for each value that is written as canonical text

ONE = {"additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"}
LISTS = {"allOf", "anyOf", "oneOf", "prefixItems"}
MAPPINGS = {"$defs", "properties"}
PLAIN = {
    "$comment", "$ref", "$schema", "const", "default", "dependentRequired", "deprecated", "description", "enum",
    "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "maxContains", "maxItems", "maxLength",
    "maxProperties", "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf",
    "pattern", "readOnly", "required", "title", "type", "uniqueItems", "writeOnly",
}  # fmt: skip
KNOWN = ONE | LISTS | MAPPINGS | PLAIN


class TooMuch(Exception):
    """The steps are used up."""


class Budget:
    """The work that is left to a request, about a second: a share that begins at 1, which is worth `whole` steps."""

    def __init__(self, whole: int) -> None:
        self.left = 1.0
        self.whole = whole
        self.sizes: dict[int, int] = {}  # by id, so only for the data that is being validated

    def spend(self, steps: float) -> None:
        self.left -= steps / self.whole
        if self.left < 0:
            raise TooMuch

    def pattern(self, text: str) -> Pattern:
        """The compiled pattern. Compiling one costs the seconds of CPU that it takes. Raises PatternError."""
        began = thread_time()
        try:
            return Pattern.compile(text)
        finally:
            self.spend((thread_time() - began) * self.whole)

    def size(self, data: Any) -> int:
        """The number of values in it, and a part for the length of each text."""
        if isinstance(data, str):
            return 1 + len(data) // 64
        if not isinstance(data, dict | list):
            return 1
        if id(data) not in self.sizes:
            inner = data.values() if isinstance(data, dict) else data
            self.sizes[id(data)] = 1 + sum(map(self.size, inner)) + (len(data) if isinstance(data, dict) else 0)
        return self.sizes[id(data)]


_budget: ContextVar[Budget] = ContextVar("budget")


@contextmanager
def bounded(steps: int) -> Iterator[Budget]:
    """Limits the work inside the block to `steps`. Nested blocks spend a part of the outermost block's budget."""
    budget = _budget.get(None) or Budget(steps)
    token = _budget.set(budget)
    outer, budget.whole = budget.whole, steps
    try:
        yield budget
    finally:
        budget.whole = outer
        _budget.reset(token)


Keyword = Callable[[Any, Any, Any, Any], Iterable[Mismatch] | None]


def _counted(keyword: Keyword, validator: Any, value: Any, instance: Any, schema: Any) -> Iterable[Mismatch] | None:
    steps = _budget.get()
    # The size of the instance, because a mismatch writes it out; of the keyword's value, where that is not a schema.
    steps.spend(A_KEYWORD + steps.size(instance))
    if keyword in SIZED:
        steps.spend(steps.size(value))
    if keyword in EACH and isinstance(instance, dict | list):
        steps.spend(4 * len(instance))
    return keyword(validator, value, instance, schema)


def _pattern(_validator: Any, text: str, instance: Any, _schema: Any) -> Iterator[Mismatch]:
    steps = _budget.get()
    if isinstance(instance, str) and not steps.pattern(text).search(instance, steps.spend):
        yield Mismatch(f"{instance[:100]!r} does not match {text[:100]!r}")


def _unique(_validator: Any, wanted: bool, instance: Any, _schema: Any) -> Iterator[Mismatch]:
    if wanted and isinstance(instance, list):
        steps = _budget.get()
        steps.spend(A_TEXT * steps.size(instance))
        texts = sorted(map(_text, instance))
        if any(one == other for one, other in pairwise(texts)):
            yield Mismatch("An item is there twice.")


def _any_of(validator: Any, schemas: Any, instance: Any, _schema: Any) -> Iterator[Mismatch]:
    """`jsonschema`'s own keeps every mismatch, each with the instance written out: gigabytes, of a long one."""
    if not any(validator.evolve(schema=schema).is_valid(instance) for schema in schemas):
        yield Mismatch(f"{instance!r} is not valid under any of the given schemas")


def _one_of(validator: Any, schemas: Any, instance: Any, _schema: Any) -> Iterator[Mismatch]:
    """Likewise."""
    valid = sum(validator.evolve(schema=schema).is_valid(instance) for schema in schemas)
    if valid != 1:
        yield Mismatch(f"{instance!r} is valid under {valid} of the given schemas, not under one")


def _text(value: Any) -> bytes:
    try:
        return canonical(plain(value))
    except ValueError:  # a number that loses digits
        return repr(value).encode()


OWN: dict[str, Keyword] = {"anyOf": _any_of, "oneOf": _one_of, "pattern": _pattern, "uniqueItems": _unique}
KEYWORDS: dict[str, Keyword] = {**Draft202012Validator.VALIDATORS, **OWN}
SIZED = {KEYWORDS[name] for name in ("const", "enum", "not", "required", "properties", "dependentRequired")}
EACH = {KEYWORDS[name] for name in ("additionalProperties", "contains", "items", "propertyNames")}
Counting: Any = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {name: partial(_counted, keyword) for name, keyword in KEYWORDS.items()}
)


def _undeclared(schema: Any) -> Any:
    """The schema without its `$schema`: `jsonschema` would leave `Counting` for the class that this names."""
    return {name: value for name, value in schema.items() if name != "$schema"} if isinstance(schema, dict) else schema


META_SCHEMA = _undeclared(Draft202012Validator.META_SCHEMA)
VOCABULARIES: Registry[Any] = (
    Registry()
    .with_resources(
        (uri, DRAFT202012.create_resource(_undeclared(SPECIFICATIONS.contents(uri))))
        for uri in SPECIFICATIONS
        if "/2020-12/" in uri
    )
    .crawl()  # so that references to anchors, too, find these and not the originals
)


def check(schema: Any) -> None:
    """Check that it is a JSON Schema, draft 2020-12. Its patterns are not checked: only those that the service applies
    must be in its language. Raises ValidationError."""
    mismatch = _first(META_SCHEMA, schema, STEPS_TO_CHECK)
    if mismatch is not None:
        where = "/".join(map(str, mismatch.absolute_path))[:200] or "its top"
        raise ValidationError(f"Not a JSON Schema, at {where}: {mismatch.message[:200]}", "invalid_schema")


def check_applicable(schema: Any) -> None:
    """Check that the service can apply it: it has only keywords whose work is bounded, and refers only to its own
    `$defs`. To be called after `check`. Raises ValidationError."""
    try:
        with bounded(STEPS_TO_CHECK) as budget:
            for inner, where in _schemas(schema, ""):
                unknown = [name for name in inner if name not in KNOWN]
                if unknown:
                    _refuse(where, f"{unknown[0][:50]!r} is not one of {', '.join(sorted(KNOWN))}.")
                if where and "$schema" in inner:
                    _refuse(where, "`$schema` stands at a schema's top.")
                _check_pattern(inner.get("pattern"), where, budget)
                _check_reference(schema, inner.get("$ref"), where)
    except TooMuch:
        raise _too_much() from None


def mismatch_of(schema: Any, value: Any) -> str | None:
    """How the value differs from a schema that `check_applicable` accepted; None if it is valid. Raises ValidationError
    if validation takes too long."""
    mismatch = _first(_undeclared(schema), value, STEPS_TO_APPLY)
    if mismatch is None:
        return None
    where = "".join(f"/{part}" for part in mismatch.absolute_path)[:200]
    message = mismatch.message if len(mismatch.message) <= 300 else f"{mismatch.message[:300]}…"
    return f"At {where}: {message}" if where else message


def _first(schema: Any, data: Any, steps: int) -> Mismatch | None:
    try:
        with bounded(steps) as budget:
            budget.sizes = {}
            return next(iter(Counting(schema, registry=VOCABULARIES).iter_errors(data)), None)
    except (TooMuch, RecursionError):
        raise _too_much() from None
    except (ArithmeticError, Unresolvable) as error:  # of numbers beyond a double; of references
        raise ValidationError(f"The JSON Schema cannot be applied: {str(error)[:200]}", "invalid_schema") from None


def _too_much() -> ValidationError:
    return ValidationError("The JSON Schemas take too long to apply, or one refers to itself without end.", "too_much")


def _schemas(schema: Any, where: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Every schema inside the schema that is an object, with its place."""
    if not isinstance(schema, dict):
        return
    yield schema, where
    for name, value in schema.items():
        if name in ONE:
            yield from _schemas(value, f"{where}/{name}")
        elif name in LISTS or name in MAPPINGS:
            for key, inner in enumerate(value) if name in LISTS else value.items():
                yield from _schemas(inner, f"{where}/{name}/{key}")


def _check_pattern(text: Any, where: str, budget: Budget) -> None:
    try:
        if text is not None:
            budget.pattern(text)
    except PatternError as error:
        _refuse(f"{where}/pattern", str(error))


def _check_reference(root: Any, reference: Any, where: str) -> None:
    """References lead only to `$defs`: these checks see no schema elsewhere."""
    if reference is None or reference == "#":
        return
    name = reference.removeprefix("#/$defs/")
    if name == reference or name not in root.get("$defs", {}) or any(mark in name for mark in "~%/"):
        _refuse(f"{where}/$ref", "A reference reads # or #/$defs/name, of a definition that the schema has.")


def _refuse(where: str, reason: str) -> None:
    raise ValidationError(f"At {where[:200] or 'its top'}: {reason}", "schema_not_applicable")
