"""/api/deployments/{deployment_id}/revisions"""

import json
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from keys.principal import principal_of
from mcp_project.http.fields import ShownFields
from mcp_project.http.preconditions import unless_known
from registry.differences import bounded, differences
from registry.models import DeploymentRevision
from registry.queries import find_revision, visible_revisions
from registry.rest.serializers.deployments import RevisionSerializer, VerificationSerializer, WholeRevisionSerializer
from registry.rest.serializers.differences import DiffQuery, DiffSerializer
from registry.rest.views.deployments import DEPLOYMENT_ID, DeploymentSubject, OfDeployment
from registry.rest.views.models import KNOWN
from registry.services.revisions import verify


@extend_schema(tags=["deployments"], parameters=[DEPLOYMENT_ID])
class RevisionListView(ShownFields, mixins.ListModelMixin, DeploymentSubject):
    queryset = DeploymentRevision.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = WholeRevisionSerializer
    brief = RevisionSerializer
    large = ("content",)
    ordering = ("-number",)

    def get_queryset(self) -> QuerySet[DeploymentRevision]:
        return visible_revisions(principal_of(self.request), self.get_object())

    @extend_schema(
        summary="List the revisions of a deployment, newest first",
        description="Without those in which it had targets that the key may not see.",
    )
    def list(self, request: Request, deployment_id: str) -> Response:  # noqa: ARG002
        return super().list(request)


@extend_schema(tags=["deployments"], parameters=[DEPLOYMENT_ID])
class RevisionViewSet(OfDeployment):
    serializer_class = WholeRevisionSerializer

    def get_object(self) -> Any:
        """The revision, or the two that are compared."""
        ident, number = self.kwargs["deployment_id"], self.kwargs.get("number")
        return self.compared(ident) if number is None else self.revision(ident, number)

    @extend_schema(summary="Read a revision", parameters=[KNOWN], responses={200: WholeRevisionSerializer, 304: None})
    def retrieve(self, request: Request, deployment_id: str, number: int) -> Response:
        revision = self.revision(deployment_id, number)
        return unless_known(request, revision.etag, lambda: WholeRevisionSerializer(revision).data)

    @extend_schema(
        summary="Verify a revision",
        description="Computes the digest of its content anew. docs/deployments.md says how to do so on your own.",
        responses=VerificationSerializer,
    )
    def verify(self, request: Request, deployment_id: str, number: int) -> Response:  # noqa: ARG002
        return Response(verify(self.revision(deployment_id, number)))

    @extend_schema(summary="Compare two revisions of a deployment", parameters=[DiffQuery], responses=DiffSerializer)
    def diff(self, request: Request, deployment_id: str) -> Response:
        before, after = self.compared(deployment_id, **DiffQuery.read(request))
        changes = differences(json.loads(before.content), json.loads(after.content))
        return Response({"from": before.number, "to": after.number, **bounded(changes)})

    def compared(self, deployment_id: str, **numbers: int) -> tuple[DeploymentRevision, DeploymentRevision]:
        """The revisions `from` and `to`: the last two, unless they are given. Raises NotFound."""
        to = numbers.get("to", self.deployment(deployment_id).revision)
        since = numbers.get("from", max(1, to - 1))
        return self.revision(deployment_id, since), self.revision(deployment_id, to)

    def revision(self, deployment_id: str, number: int) -> DeploymentRevision:
        """Raises NotFound."""
        return find_revision(principal_of(self.request), self.deployment(deployment_id), number)
