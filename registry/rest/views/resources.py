"""The registry's resources, as paths name them."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import mixins
from rest_framework.settings import api_settings
from rest_framework.viewsets import GenericViewSet

from keys.principal import Principal, principal_of
from mcp_project.http.resources import ResourceView
from registry.models import Context, ContextVersion, Deployment, DeploymentRevision, ModelVersion, RegisteredModel
from registry.queries import (
    find_context,
    find_deployment,
    find_model,
    find_revision,
    find_version,
    read_context_version,
)

IF_MATCH = OpenApiParameter(
    "If-Match", str, "header", required=True, description="The `ETag` of what was read, or `*`."
)
MAY_MATCH = OpenApiParameter("If-Match", str, "header", description="The `ETag` of what was read.")
KNOWN = OpenApiParameter("If-None-Match", str, "header", description="An `ETag`: 304 while it is still the same.")
MODEL_ID = OpenApiParameter("model_id", str, "path", description="The model's id or name.")
CONTEXT_ID = OpenApiParameter("context_id", str, "path", description="The context's id or name.")
DEPLOYMENT_ID = OpenApiParameter("deployment_id", str, "path", description="The deployment's id or name.")


class RegistryView(GenericViewSet[Any], ResourceView):
    """A view of one resource. `resource` is the model, context or deployment of its path, and `find` all that the path
    names."""

    filter_backends: Any = ()
    pagination_class: Any = None

    @property
    def principal(self) -> Principal:
        return principal_of(self.request)

    def resource(self, lock: bool = False) -> Any:
        """Find the model, context or deployment, and note it on the call. With `lock`, its row is locked until the
        transaction ends. Raises NotFound."""
        raise NotImplementedError

    def find(self) -> Any:
        return self.resource()


class ListView(mixins.ListModelMixin, RegistryView):
    """A view of a list, of the whole registry or of one resource, with the filters and pages that the settings name."""

    filter_backends = api_settings.DEFAULT_FILTER_BACKENDS
    pagination_class = api_settings.DEFAULT_PAGINATION_CLASS


class ModelView(RegistryView):
    """A view of a model, or of a part of it."""

    queryset: QuerySet[Any] = (
        RegisteredModel.objects.none()
    )  # its columns describe the path's parameters in the OpenAPI document

    def resource(self, lock: bool = False) -> RegisteredModel:
        model = find_model(self.principal, self.kwargs["model_id"], lock)
        self.note(model=model.pk)
        return model


class VersionView(ModelView):
    """A view of a version of a model."""

    def find(self) -> ModelVersion:
        return find_version(self.resource(), self.kwargs["version"])


class ContextView(RegistryView):
    """A view of a context, or of a part of it."""

    queryset: QuerySet[Any] = Context.objects.none()

    def resource(self, lock: bool = False) -> Context:
        context = find_context(self.principal, self.kwargs["context_id"], lock)
        self.note(context=context.pk)
        return context


class ContextVersionView(ContextView):
    """A view of a version of a context."""

    def find(self) -> ContextVersion:
        return read_context_version(self.principal, self.resource(), self.kwargs["version"])


class DeploymentView(RegistryView):
    """A view of a deployment, or of a part of it."""

    queryset: QuerySet[Any] = Deployment.objects.none()

    def resource(self, lock: bool = False) -> Deployment:
        deployment = find_deployment(self.principal, self.kwargs["deployment_id"], lock)
        self.note(deployment=deployment.pk)
        return deployment


class RevisionView(DeploymentView):
    """A view of a revision of a deployment."""

    def find(self) -> DeploymentRevision:
        return find_revision(self.principal, self.resource(), self.kwargs["revision"])
