"""Differences between two JSON values."""

from collections.abc import Iterable, Iterator
from typing import Any

Difference = dict[str, Any]
MAX_PATHS = 1_048_576  # characters: a key of 30,000 stands in the path of each of 4,000 values below it


def bounded(found: Iterable[Difference]) -> dict[str, Any]:
    """The differences for an answer, and whether there are more: their paths have at most MAX_PATHS characters."""
    listed: list[Difference] = []
    room = MAX_PATHS
    for difference in found:
        room -= len(difference["path"])
        if room < 0:
            return {"differences": listed, "cut": True}
        listed.append(difference)
    return {"differences": listed, "cut": False}


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """Each smallest part that differs, with its JSON Pointer (RFC 6901): `op` is that of a JSON Patch (RFC 6902), and
    `before` and `after` are null where there is nothing."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            own = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
            yield from _part(name in before, before.get(name), name in after, after.get(name), own)
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            pair = [part[index] if index < len(part) else None for part in (before, after)]
            yield from _part(index < len(before), pair[0], index < len(after), pair[1], f"{path}/{index}")
    elif type(before) is not type(after) or before != after:
        yield {"op": "replace", "path": path, "before": before, "after": after}


def _part(was: bool, before: Any, is_there: bool, after: Any, path: str) -> Iterator[Difference]:
    if was and is_there:
        yield from differences(before, after, path)
    else:
        yield {"op": "add" if is_there else "remove", "path": path, "before": before, "after": after}
