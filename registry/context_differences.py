"""Differences between two versions of a context."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from itertools import chain
from typing import Any

from registry.differences import Difference, bounded, differences
from registry.models import ContextVersion

KEYS = {"variables": "name", "tools": "name", "resources": "uri"}  # the field that identifies an item of a list
MAX_LINES = 1_000  # that difflib gets: its time grows with their square


def compare(before: ContextVersion, after: ContextVersion) -> dict[str, Any]:
    """`differences` of all but the messages, in which variables and tools go by their names and resources by their
    URIs, not by their places; and `messages` as the lines of a unified diff."""
    old, new = (_by_name(version.content) for version in (before, after))
    return {
        "from": before.number,
        "to": after.number,
        "same": before.digest == after.digest,
        **bounded(chain(differences(old, new), _orders(before, after))),
        "messages": _lines(_text(before), _text(after), before.number, after.number),
    }


def _by_name(content: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: {item[key]: item for item in content[name]} for name, key in KEYS.items()}
    return {name: named.get(name, value) for name, value in content.items() if name != "messages"}


def _orders(before: ContextVersion, after: ContextVersion) -> Iterator[Difference]:
    """Where the same names stand in another order."""
    for field, key in KEYS.items():
        old, new = ([item[key] for item in version.content[field]] for version in (before, after))
        if old != new and sorted(old) == sorted(new):
            yield {"op": "replace", "path": f"/{field}", "before": old, "after": new}


def _text(version: ContextVersion) -> list[str]:
    """Lines: the role of each message in brackets, then its template."""
    return [
        line
        for message in version.messages
        for line in (f"[{message['role']}]", *map(_escaped, message["template"].split("\n")))
    ]


def _escaped(line: str) -> str:
    """A line of a template that could be taken for a role's: else messages that differ could have the same lines."""
    return f"\\{line}" if line.startswith(("[", "\\")) else line


def _lines(old: Sequence[str], new: Sequence[str], before: int, after: int) -> list[str]:
    if old == new:
        return []
    names = f"version {before}", f"version {after}"
    if max(len(old), len(new)) <= MAX_LINES:
        return list(unified_diff(old, new, *names, lineterm=""))
    removed, added = [f"-{line}" for line in old], [f"+{line}" for line in new]
    return [f"--- {names[0]}", f"+++ {names[1]}", f"@@ -1,{len(old)} +1,{len(new)} @@", *removed, *added]
