"""/api/deployments"""

from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from keys.principal import principal_of
from mcp_project.http.fields import ShownFields
from mcp_project.http.preconditions import expected_etags, unless_known
from registry.models import Deployment, DeploymentTarget
from registry.queries import find_deployment, visible_deployments
from registry.rest.filters import DeploymentFilter, ordering_of
from registry.rest.serializers.deployments import DeploymentSerializer, RollbackSerializer
from registry.rest.views.models import IF_MATCH, KNOWN, MAY_MATCH
from registry.search.ordering import MODEL_ORDER
from registry.services import deployments as services

BYTES_OF_TARGET = 500  # about, as it is shown
DEPLOYMENT_ID = OpenApiParameter("deployment_id", str, "path", description="The deployment's id or name.")


class DeploymentSubject(GenericViewSet[Any]):
    """A view whose address has a deployment's id or name."""

    def get_object(self) -> Any:
        """As of `ModelSubject`."""
        return self.deployment(self.kwargs["deployment_id"])

    def deployment(self, deployment_id: str) -> Deployment:
        """The one that the request is about. Raises NotFound."""
        return find_deployment(principal_of(self.request), deployment_id)


class OfDeployment(DeploymentSubject):
    """A view of one deployment, or of something of it."""

    queryset = Deployment.objects.none()  # for the OpenAPI document
    filter_backends: Any = ()
    pagination_class: Any = None


@extend_schema(tags=["deployments"])
@extend_schema_view(
    list=extend_schema(
        summary="List deployments, newest first",
        description="`filter` and `order_by` are MLflow's; `search` finds words of name, description and tags.",
    )
)
class DeploymentViewSet(ShownFields, mixins.ListModelMixin, GenericViewSet[Deployment]):
    """Versions of models, bound to an environment and an endpoint."""

    queryset = Deployment.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = DeploymentSerializer
    filterset_class = DeploymentFilter
    large = ("description", "metadata")

    def get_queryset(self) -> QuerySet[Deployment]:
        targets = DeploymentTarget.objects.order_by().filter(deployment=OuterRef("pk")).values("deployment")
        size = Subquery(targets.annotate(bytes=Count("pk") * BYTES_OF_TARGET).values("bytes"))
        return visible_deployments(principal_of(self.request)).annotate(more_bytes=size)

    @property
    def ordering(self) -> tuple[str, ...]:
        return ordering_of(self.request, MODEL_ORDER, ("-pk",))

    @extend_schema(
        summary="Make a deployment",
        description="Its targets name versions that are ready, or aliases that it is to follow.",
        responses={201: DeploymentSerializer},
    )
    def create(self, request: Request) -> Response:
        wanted = DeploymentSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        deployment = services.create_deployment(principal_of(request), **wanted.validated_data)
        headers = {"Location": f"/api/deployments/{deployment.pk}", "ETag": deployment.etag}
        return Response(DeploymentSerializer(deployment).data, status=status.HTTP_201_CREATED, headers=headers)


@extend_schema(tags=["deployments"], parameters=[DEPLOYMENT_ID])
class OneDeploymentViewSet(OfDeployment):
    serializer_class = DeploymentSerializer

    @extend_schema(summary="Read a deployment", parameters=[KNOWN], responses={200: DeploymentSerializer, 304: None})
    def retrieve(self, request: Request, deployment_id: str) -> Response:
        deployment = self.deployment(deployment_id)
        return unless_known(request, deployment.etag, lambda: DeploymentSerializer(deployment).data)

    @extend_schema(
        summary="Change a deployment",
        description="Only what is sent changes, and each change makes a revision. A change by somebody else since the "
        "deployment was read, or a move of an alias that it follows, is a 412; a status that does not follow a 409.",
        parameters=[IF_MATCH],
        request=DeploymentSerializer(partial=True),
    )
    def partial_update(self, request: Request, deployment_id: str) -> Response:
        etags = expected_etags(request)
        self.deployment(deployment_id)
        wanted = DeploymentSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        changes = dict(wanted.validated_data)
        message = changes.pop("message", "")
        deployment = services.update_deployment(principal_of(request), deployment_id, etags, changes, message)
        return Response(DeploymentSerializer(deployment).data, headers={"ETag": deployment.etag})

    @extend_schema(
        summary="Delete a deployment",
        description="With its revisions; the audit trail stays. Only an `admin` key may delete what another owner "
        "owns.",
        parameters=[MAY_MATCH],
        responses={204: None},
    )
    def destroy(self, request: Request, deployment_id: str) -> Response:
        services.delete_deployment(principal_of(request), deployment_id, expected_etags(request, required=False))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Roll a deployment back to a revision",
        description="A new revision, with all that the earlier one had but its status. An alias that names another "
        "version by now is not followed any more.",
        parameters=[MAY_MATCH],
        request=RollbackSerializer,
    )
    def rollback(self, request: Request, deployment_id: str) -> Response:
        self.deployment(deployment_id)
        wanted = RollbackSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        deployment = services.roll_back(
            principal_of(request),
            deployment_id,
            wanted.validated_data["revision"],
            expected_etags(request, required=False),
            wanted.validated_data.get("message", ""),
        )
        return Response(DeploymentSerializer(deployment).data, headers={"ETag": deployment.etag})
