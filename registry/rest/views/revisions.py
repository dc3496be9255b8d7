"""/api/deployments/{deployment_id}/revisions"""

import json
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from mcp_project.http.fields import ShownFields
from mcp_project.http.preconditions import unless_known
from registry.differences import bounded, differences
from registry.models import DeploymentRevision
from registry.queries import find_revision, visible_revisions
from registry.rest.serializers.deployments import RevisionSerializer, VerificationSerializer, WholeRevisionSerializer
from registry.rest.serializers.differences import DiffQuery, DiffSerializer
from registry.rest.views.resources import DEPLOYMENT_ID, KNOWN, DeploymentView, ListView, RevisionView
from registry.services.revisions import verify


@extend_schema(tags=["deployments"], parameters=[DEPLOYMENT_ID])
@extend_schema_view(
    list=extend_schema(
        summary="List the revisions of a deployment, newest first",
        description="Without those in which it had targets that the key may not see.",
    )
)
class RevisionListView(ShownFields, ListView, DeploymentView):
    queryset = DeploymentRevision.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = WholeRevisionSerializer
    brief = RevisionSerializer
    large = ("content",)
    ordering = ("-number",)

    def get_queryset(self) -> QuerySet[DeploymentRevision]:
        return visible_revisions(self.principal, self.resource())


@extend_schema(tags=["deployments"], parameters=[DEPLOYMENT_ID])
class RevisionDetailView(RevisionView):
    serializer_class = WholeRevisionSerializer

    @extend_schema(summary="Read a revision", parameters=[KNOWN], responses={200: WholeRevisionSerializer, 304: None})
    def retrieve(self, request: Request, **_path: Any) -> Response:
        revision = self.find()
        return unless_known(request, revision.etag, lambda: WholeRevisionSerializer.show(revision))

    @extend_schema(
        summary="Verify a revision",
        description="Computes the digest of its content anew. docs/deployments.md says how to do so on your own.",
        responses=VerificationSerializer,
    )
    def verify(self, _request: Request, **_path: Any) -> Response:
        return Response(verify(self.find()))


@extend_schema(tags=["deployments"], parameters=[DEPLOYMENT_ID])
class RevisionDiffView(DeploymentView):
    def find(self, **numbers: int) -> tuple[DeploymentRevision, DeploymentRevision]:
        """Find the revisions `from` and `to`; by default the last two. Raises NotFound."""
        deployment = self.resource()
        to = numbers.get("to", deployment.revision)
        since = numbers.get("from", max(1, to - 1))
        before, after = (find_revision(self.principal, deployment, number) for number in (since, to))
        return before, after

    @extend_schema(summary="Compare two revisions of a deployment", parameters=[DiffQuery], responses=DiffSerializer)
    def diff(self, request: Request, **_path: Any) -> Response:
        before, after = self.find(**DiffQuery.of(request))
        changes = differences(json.loads(before.content), json.loads(after.content))
        return Response({"from": before.number, "to": after.number, **bounded(changes)})
