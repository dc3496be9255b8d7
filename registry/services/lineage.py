"""What a version was made from, and what was made from it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection
from rest_framework.exceptions import ValidationError

from keys.principal import Principal
from registry.models import ModelVersion, Parent, may_see_uri
from registry.queries import visible_models
from registry.validators import MODEL_URI

LINEAGE_LOCK = 1_307_675  # the database's advisory lock: of two edges that would close a circle, one comes second
MAX_NODES = 1_000

Edge = tuple[ModelVersion, "ModelVersion | str"]  # from a version to what it was made from: a version, or a data set


def set_parents(
    principal: Principal, version: ModelVersion, parents: Sequence[Mapping[str, str]]
) -> tuple[list[str], list[str]]:
    """Let the version have these parents, each with its `uri` and, for a data set, maybe a `digest`; which URIs there
    were, and are. In the caller's transaction. Raises ValidationError."""
    before = list(version.parents.values_list("uri", flat=True))
    if not parents and not before:
        return [], []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LINEAGE_LOCK])
    edges = [_edge(principal, version, **parent) for parent in parents]
    below = {node.pk for node, _ in edges_down([version], 100)} | {version.pk}
    for edge in edges:
        if edge.parent is not None and edge.parent.pk in below:
            raise ValidationError({"parents": [f"{edge.uri} was itself made from this version."]})
    version.parents.all().delete()
    Parent.objects.bulk_create(edges)
    return before, [edge.uri for edge in edges]


def edges_up(versions: Iterable[ModelVersion], depth: int) -> list[Edge]:
    """From the versions to their ancestors, `depth` steps at most, and MAX_NODES edges about."""
    found: list[Edge] = []
    seen = {version.pk for version in versions}
    level = list(versions)
    for _ in range(depth):
        edges = Parent.objects.filter(version__in=level).select_related("parent__model", "version__model")
        level = []
        for edge in edges[:MAX_NODES]:
            found.append((edge.version, edge.parent or edge.uri))
            if edge.parent is not None and edge.parent.pk not in seen:
                seen.add(edge.parent.pk)
                level.append(edge.parent)
        if not level or len(found) >= MAX_NODES:
            break
    return found


def edges_down(versions: Iterable[ModelVersion], depth: int) -> list[Edge]:
    """From descendants to the versions, likewise."""
    found: list[Edge] = []
    seen = {version.pk for version in versions}
    level = list(versions)
    for _ in range(depth):
        edges = Parent.objects.filter(parent__in=level).select_related("parent__model", "version__model")
        level = []
        for edge in edges[:MAX_NODES]:
            assert edge.parent is not None  # noqa: S101  (by the filter)
            found.append((edge.version, edge.parent))
            if edge.version.pk not in seen:
                seen.add(edge.version.pk)
                level.append(edge.version)
        if not level or len(found) >= MAX_NODES:
            break
    return found


def _edge(principal: Principal, version: ModelVersion, uri: str, digest: str = "") -> Parent:
    return Parent(version=version, parent=_version_of(principal, uri), uri=uri, digest=digest)


def _version_of(principal: Principal, uri: str) -> ModelVersion | None:
    """The version that a `models:/name/3` names; None for the URI of a data set. Raises ValidationError."""
    if not uri.startswith("models:"):
        return None
    match = MODEL_URI.fullmatch(uri)
    if match is not None:
        versions = ModelVersion.objects.filter(model__in=visible_models(principal), model__name=match["name"])
        version = versions.filter(number=int(match["number"])).first()
        if version is not None:
            return version
    raise ValidationError({"parents": [f"There is no {uri[:300]}; write models:/name/3."]})


def graph(principal: Principal, version: ModelVersion, depth: int) -> dict[str, Any]:
    """Nodes and edges around a version. Models that the principal may not see are left out, with their edges."""
    edges = [*edges_up([version], depth), *edges_down([version], depth)]
    nodes: dict[str, dict[str, Any]] = {uri_of(version): _node(version)}
    shown = set()
    for child, parent in edges:
        if may_see_uri(principal, uri_of(child)) and may_see_uri(principal, uri_of(parent)):
            shown.add((uri_of(child), uri_of(parent)))
            nodes |= {uri_of(end): _node(end) for end in (child, parent)}
    return {"nodes": list(nodes.values()), "edges": [{"from": parent, "to": child} for child, parent in sorted(shown)]}


def uri_of(end: ModelVersion | str) -> str:
    return end if isinstance(end, str) else f"models:/{end.model.name}/{end.number}"


def _node(end: ModelVersion | str) -> dict[str, Any]:
    if isinstance(end, str):
        return {"id": end, "kind": "deleted" if MODEL_URI.fullmatch(end) else "dataset"}
    return {"id": uri_of(end), "kind": "version", "model": end.model.name, "version": end.number, "stage": end.stage}
