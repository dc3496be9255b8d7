"""The lineage of versions: parents, which a version was made from, and children, which were made from it."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.db import IntegrityError, connection
from django.db.models import F, Q, QuerySet

from keys.principal import Principal
from mcp_project.database.locks import Lock, hold
from mcp_project.errors import FieldError, Invalid
from registry.models import ModelVersion, Parent
from registry.queries import visible_models
from registry.uris import may_see_uri
from registry.validators import MODEL_URI

MAX_EDGES = 1_000  # of a graph that is shown

DESCENDANTS = """
WITH RECURSIVE below (id) AS (
    SELECT version_id FROM registry_parent WHERE parent_id = %(version)s
    UNION SELECT version_id FROM registry_parent JOIN below ON parent_id = below.id
)
SELECT id FROM below WHERE id = ANY(%(parents)s)
"""

Edge = tuple[ModelVersion, "ModelVersion | str"]  # from a version to what it was made from: a version, or a data set


def set_parents(
    principal: Principal, version: ModelVersion, parents: Sequence[Mapping[str, str]], new: bool = False
) -> tuple[list[str], list[str]]:
    """Let the version have these parents, each with its `uri` and, for a data set, maybe a `digest`; which URIs there
    were, and are. Those that the principal may not see stay. In the caller's transaction. Raises Invalid."""
    before = [] if new else list(version.parents.all().with_names())
    kept = [edge for edge in before if not edge.visible_to(principal)]
    versions = _versions_of(principal, [parent["uri"] for parent in parents])
    requested = {
        parent["uri"]: Parent(
            version=version, parent=versions.get(parent["uri"]), uri=parent["uri"], digest=parent.get("digest", "")
        )
        for parent in parents
    }
    if not new:
        _require_no_cycle(version, versions)
    same = [edge for edge in before if _is_same(edge, requested.get(edge.shown_uri))]
    gone = [edge.pk for edge in before if edge not in kept and edge not in same]
    added = [edge for uri, edge in requested.items() if uri not in {edge.shown_uri for edge in same}]
    version.parents.filter(pk__in=gone).delete()
    _store(added)
    return [edge.shown_uri for edge in before], [edge.shown_uri for edge in (*kept, *same, *added)]


def _is_same(edge: Parent, requested: Parent | None) -> bool:
    return requested is not None and requested.digest == edge.digest


def _store(edges: list[Parent]) -> None:
    """A parent that is being deleted at the same time is refused now, not when the transaction ends."""
    try:
        Parent.objects.bulk_create(edges)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except IntegrityError:
        raise Invalid(FieldError("parents", "One of them is being deleted, or is there already.")) from None


def _require_no_cycle(version: ModelVersion, parents: Mapping[str, ModelVersion]) -> None:
    """Nothing descends from a version that is new, so that this is for others."""
    requested = {parent.pk: uri for uri, parent in parents.items()}
    if not requested:
        return
    hold(Lock.LINEAGE)
    with connection.cursor() as cursor:
        cursor.execute(DESCENDANTS, {"version": version.pk, "parents": list(requested)})
        below = {pk for (pk,) in cursor.fetchall()} | ({version.pk} & set(requested))
    if below:
        uris = ", ".join(sorted(requested[pk] for pk in below))
        raise Invalid(FieldError("parents", f"Made from this version itself: {uris}."))


def _versions_of(principal: Principal, uris: Sequence[str]) -> dict[str, ModelVersion]:
    """The versions that `models:/name/3` name, by those; URIs of data sets are left out. Raises Invalid."""
    named = {uri: MODEL_URI.fullmatch(uri) for uri in uris if uri.lower().startswith("models:")}
    conditions = [Q(model__name=match["name"], number=int(match["number"])) for match in named.values() if match]
    found: dict[str, ModelVersion] = {}
    if conditions:
        versions = ModelVersion.objects.filter(reduce(or_, conditions), model__in=visible_models(principal))
        versions = versions.select_related("model").only("number", "model__name")
        found = {uri_of(version): version for version in versions}
    for uri in named:
        if uri not in found:
            raise Invalid(FieldError("parents", f"There is no {uri[:300]}; write models:/name/3."))
    return found


def touch_children(versions: QuerySet[ModelVersion]) -> None:
    """Give the versions that were made from these a new edition: they show the names of their parents."""
    edges = Parent.objects.order_by().filter(parent__in=versions.order_by().values("pk"))
    ModelVersion.objects.filter(pk__in=edges.values("version")).update(edition=F("edition") + 1)


def leave_children(versions: QuerySet[ModelVersion]) -> None:
    """Prepare the deletion of these versions: lock them, so that no child is registered meanwhile, and give the
    existing children a new edition. Only ids are read, since a version may have 300 KB."""
    list(versions.select_for_update().order_by("pk").values_list("pk", flat=True))
    touch_children(versions)


def graph(principal: Principal, version: ModelVersion, depth: int) -> dict[str, Any]:
    """Nodes and edges around a version, `depth` steps in each direction; `cut` when there are more than MAX_EDGES. It
    ends at models that the principal may not see: they are not in it, nor what lies beyond them."""
    up, more_up = _edges(principal, [version], depth, "version")
    down, more_down = _edges(principal, [version], depth, "parent")
    edges = {(uri_of(parent), uri_of(child)) for child, parent in (*up, *down)}
    nodes = {uri_of(version): _node(version)} | {uri_of(end): _node(end) for edge in (*up, *down) for end in edge}
    edge_list = [{"from": parent, "to": child} for parent, child in sorted(edges)]
    return {"nodes": list(nodes.values()), "edges": edge_list, "cut": more_up or more_down}


def _edges(principal: Principal, versions: list[ModelVersion], depth: int, near: str) -> tuple[list[Edge], bool]:
    """From the versions, which are the edges' `near` ends (`version`: to their ancestors; `parent`: to descendants);
    and whether there are more."""
    found: list[Edge] = []
    seen = {version.pk for version in versions}
    level = versions
    for _ in range(depth):
        rows = Parent.objects.filter(**{f"{near}__in": level}).with_names()
        level = []
        for row in rows.order_by("pk")[: MAX_EDGES + 1]:
            if len(found) >= MAX_EDGES:
                return found, True
            far: ModelVersion | str = (row.parent or row.uri) if near == "version" else row.version
            if not may_see_uri(principal, uri_of(far)):
                continue
            found.append((row.version, row.parent or row.uri))
            if isinstance(far, ModelVersion) and far.pk not in seen:
                seen.add(far.pk)
                level.append(far)
        if not level:
            break
    return found, False


def uri_of(end: ModelVersion | str) -> str:
    return end if isinstance(end, str) else f"models:/{end.model.name}/{end.number}"


def _node(end: ModelVersion | str) -> dict[str, Any]:
    if isinstance(end, str):
        return {"id": end, "kind": "deleted" if MODEL_URI.fullmatch(end) else "dataset"}
    return {"id": uri_of(end), "kind": "version", "model": end.model.name, "version": end.number, "stage": end.stage}
