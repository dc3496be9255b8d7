"""/api/deployments"""

from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from mcp_project.http.fields import ShownFields
from mcp_project.http.preconditions import expected_etags, unless_known
from mcp_project.http.rest import PREFIX
from registry.models import Deployment, DeploymentTarget
from registry.queries import visible_deployments
from registry.rest.filters import DeploymentFilter, ordering_of
from registry.rest.serializers.deployments import DeploymentSerializer, RollbackSerializer
from registry.rest.views.resources import DEPLOYMENT_ID, IF_MATCH, KNOWN, MAY_MATCH, DeploymentView, ListView
from registry.search.ordering import MODEL_ORDER
from registry.services import deployments as services

BYTES_OF_TARGET = 500  # about, as JSON


@extend_schema(tags=["deployments"])
@extend_schema_view(
    list=extend_schema(
        summary="List deployments, newest first",
        description="`filter` and `order_by` are MLflow's; `search` finds words of name, description and tags.",
    )
)
class DeploymentListView(ShownFields, ListView):
    """Versions of models, bound to an environment and an endpoint."""

    queryset = Deployment.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = DeploymentSerializer
    filterset_class = DeploymentFilter
    large = ("description", "metadata")

    def get_queryset(self) -> QuerySet[Deployment]:
        targets = DeploymentTarget.objects.order_by().filter(deployment=OuterRef("pk")).values("deployment")
        size = Subquery(targets.annotate(bytes=Count("pk") * BYTES_OF_TARGET).values("bytes"))
        return visible_deployments(self.principal).annotate(more_bytes=size)

    @property
    def ordering(self) -> tuple[str, ...]:
        return ordering_of(self.request, MODEL_ORDER, ("-pk",))

    @extend_schema(
        summary="Make a deployment",
        description="Its targets name versions that are ready, or aliases that it is to follow.",
        responses={201: DeploymentSerializer},
    )
    def create(self, request: Request) -> Response:
        deployment = services.create_deployment(self.principal, **DeploymentSerializer.read(request.data))
        self.note(deployment=deployment.pk)
        headers = {"Location": f"{PREFIX}deployments/{deployment.pk}", "ETag": deployment.etag}
        return Response(DeploymentSerializer.show(deployment), status=status.HTTP_201_CREATED, headers=headers)


@extend_schema(tags=["deployments"], parameters=[DEPLOYMENT_ID])
class DeploymentDetailView(DeploymentView):
    serializer_class = DeploymentSerializer

    @extend_schema(summary="Read a deployment", parameters=[KNOWN], responses={200: DeploymentSerializer, 304: None})
    def retrieve(self, request: Request, **_path: Any) -> Response:
        deployment = self.find()
        return unless_known(request, deployment.etag, lambda: DeploymentSerializer.show(deployment))

    @extend_schema(
        summary="Change a deployment",
        description="Only what is sent changes, and each change makes a revision. A change by somebody else since the "
        "deployment was read, or a move of an alias that it follows, is a 412; a status that does not follow a 409.",
        parameters=[IF_MATCH],
        request=DeploymentSerializer(partial=True),
    )
    def partial_update(self, request: Request, deployment_id: str) -> Response:
        etags = expected_etags(request)
        self.find()
        changes = DeploymentSerializer.read(request.data, partial=True)
        message = changes.pop("message", "")
        deployment = services.update_deployment(self.principal, deployment_id, etags, changes, message)
        return Response(DeploymentSerializer.show(deployment), headers={"ETag": deployment.etag})

    @extend_schema(
        summary="Delete a deployment",
        description="With its revisions; the audit trail stays. Only an `admin` key may delete what another owner "
        "owns.",
        parameters=[MAY_MATCH],
        responses={204: None},
    )
    def destroy(self, request: Request, deployment_id: str) -> Response:
        etags = expected_etags(request, required=False)
        deleted_id = services.delete_deployment(self.principal, deployment_id, etags)
        self.note(deployment=deleted_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Roll a deployment back to a revision",
        description="A new revision, with all that the earlier one had but its status. An alias that names another "
        "version by now is not followed any more.",
        parameters=[MAY_MATCH],
        request=RollbackSerializer,
    )
    def rollback(self, request: Request, deployment_id: str) -> Response:
        self.find()
        rollback = RollbackSerializer.read(request.data)
        etags = expected_etags(request, required=False)
        deployment = services.roll_back(
            self.principal, deployment_id, rollback["revision"], etags, rollback.get("message", "")
        )
        return Response(DeploymentSerializer.show(deployment), headers={"ETag": deployment.etag})
