"""/api/models/{model_id}/versions"""

from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery, Sum, prefetch_related_objects
from django.db.models.functions import Length
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from keys.principal import Principal
from mcp_project.http.fields import ShownFields
from mcp_project.http.preconditions import expected_etags, unless_known
from mcp_project.http.rest import PREFIX
from registry.models import ModelVersion, Parent
from registry.rest.filters import VersionFilter, ordering_of
from registry.rest.serializers.force import ForceQuery, wants_force
from registry.rest.serializers.versions import TransitionSerializer, VersionSerializer
from registry.rest.views.resources import IF_MATCH, KNOWN, MAY_MATCH, MODEL_ID, ListView, ModelView, VersionView
from registry.search.ordering import VERSION_ORDER
from registry.services import versions as services

PARENTS = Prefetch("parents", Parent.objects.with_names())


def shown(version: ModelVersion, principal: Principal) -> dict[str, Any]:
    prefetch_related_objects([version], PARENTS)
    return VersionSerializer.show(version, principal=principal)


@extend_schema(tags=["versions"], parameters=[MODEL_ID])
@extend_schema_view(list=extend_schema(summary="List the versions of a model, newest first"))
class VersionListView(ShownFields, ListView, ModelView):
    queryset = ModelVersion.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = VersionSerializer
    filterset_class = VersionFilter
    large = ("description", "metrics", "params", "signature", "parents")

    def get_queryset(self) -> QuerySet[ModelVersion]:
        versions: QuerySet[ModelVersion] = self.resource().versions.all()
        if "parents" not in self.shown:
            return versions
        uris = Parent.objects.order_by().filter(version=OuterRef("pk")).values("version")
        size = Subquery(uris.annotate(bytes=Sum(Length("uri"))).values("bytes"))
        return versions.annotate(more_bytes=size).prefetch_related(PARENTS)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "principal": self.principal}

    @property
    def ordering(self) -> tuple[str, ...]:
        return ordering_of(self.request, VERSION_ORDER, ("-number",))

    @extend_schema(summary="Register a version", responses={201: VersionSerializer})
    def create(self, request: Request, model_id: str) -> Response:
        version = services.create_version(self.principal, model_id, **VersionSerializer.read(request.data))
        self.note(model=version.model.pk)
        location = f"{PREFIX}models/{version.model.pk}/versions/{version.number}"
        headers = {"Location": location, "ETag": version.etag}
        return Response(shown(version, self.principal), status=status.HTTP_201_CREATED, headers=headers)


@extend_schema(tags=["versions"], parameters=[MODEL_ID])
class VersionDetailView(VersionView):
    serializer_class = VersionSerializer

    @extend_schema(summary="Read a version", parameters=[KNOWN], responses={200: VersionSerializer, 304: None})
    def retrieve(self, request: Request, **_path: Any) -> Response:
        found = self.find()
        return unless_known(request, found.etag, lambda: shown(found, self.principal))

    @extend_schema(
        summary="Change a version",
        description="Only what is sent changes. What defines a version is fixed once it is `ready`: 409.",
        parameters=[IF_MATCH],
        request=VersionSerializer(partial=True),
    )
    def partial_update(self, request: Request, model_id: str, version: int) -> Response:
        etags = expected_etags(request)
        changes = VersionSerializer.read(request.data, self.find(), partial=True)
        changed = services.update_version(self.principal, model_id, version, etags, changes)
        return Response(shown(changed, self.principal), headers={"ETag": changed.etag})

    @extend_schema(
        summary="Delete a version",
        description="Its number is not given again. Only an `admin` key may delete what another owner owns. While "
        "deployments need it, it is deleted with `force` only.",
        parameters=[MAY_MATCH, ForceQuery],
        responses={204: None},
    )
    def destroy(self, request: Request, model_id: str, version: int) -> Response:
        self.resource()
        etags, force = expected_etags(request, required=False), wants_force(request)
        services.delete_version(self.principal, model_id, version, etags, force)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Move a version to a stage", request=TransitionSerializer, responses=VersionSerializer)
    def stage(self, request: Request, model_id: str, version: int) -> Response:
        transition = TransitionSerializer.read(request.data)
        self.resource()
        moved = services.set_stage(self.principal, model_id, version, **transition)
        return Response(shown(moved, self.principal), headers={"ETag": moved.etag})
