"""What differs between two versions of a context."""

from collections.abc import Iterator, Sequence
from difflib import unified_diff
from typing import Any

from registry.models import ContextVersion

KEYS = {"variables": "name", "tools": "name", "resources": "uri"}  # by what the items of a list are told apart
MAX_LINES = 1_000  # that difflib gets: its time grows with their square

Change = dict[str, Any]


def differences(before: ContextVersion, after: ContextVersion) -> dict[str, Any]:
    """`changes` of the fields, each with what it was and what it is where it was and is there, and `messages` as the
    lines of a unified diff."""
    changes = [
        change for name in ContextVersion.CONTENT if name != "messages" for change in _field(name, before, after)
    ]
    return {
        "from": before.number,
        "to": after.number,
        "same": before.digest == after.digest,
        "changes": changes,
        "messages": _lines(_text(before), _text(after), before.number, after.number),
    }


def _field(name: str, before: ContextVersion, after: ContextVersion) -> Iterator[Change]:
    old, new = getattr(before, name), getattr(after, name)
    if name == "models":
        old, new = dict.fromkeys(old, True), dict.fromkeys(new, True)
    elif name in KEYS:
        old, new = ({item[KEYS[name]]: item for item in items} for items in (old, new))
    elif name == "output_schema":
        yield from [] if old == new else [{"field": name, "before": old, "after": new}]
        return
    for key in [*old, *(key for key in new if key not in old)]:
        if key not in new or key not in old or old[key] != new[key]:
            change = {"field": f"{name}.{key}"}
            change |= {"before": old[key]} if key in old else {}
            change |= {"after": new[key]} if key in new else {}
            yield change
    if name != "parameters" and old.keys() == new.keys() and list(old) != list(new):
        yield {"field": name, "before": list(old), "after": list(new)}  # their order


def _text(version: ContextVersion) -> list[str]:
    """Lines: the role of each message in brackets, then its template."""
    return [line for message in version.messages for line in (f"[{message['role']}]", *message["template"].split("\n"))]


def _lines(old: Sequence[str], new: Sequence[str], before: int, after: int) -> list[str]:
    if old == new:
        return []
    names = f"version {before}", f"version {after}"
    if max(len(old), len(new)) <= MAX_LINES:
        return list(unified_diff(old, new, *names, lineterm=""))
    removed, added = [f"-{line}" for line in old], [f"+{line}" for line in new]
    return [f"--- {names[0]}", f"+++ {names[1]}", f"@@ -1,{len(old)} +1,{len(new)} @@", *removed, *added]
