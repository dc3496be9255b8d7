from typing import Any

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from registry.rest.views.aliases import AliasHistoryView, AliasView, ContextAliasHistoryView, ContextAliasView
from registry.rest.views.audit import AuditListView
from registry.rest.views.batch import BatchView
from registry.rest.views.cards import CardView
from registry.rest.views.context_versions import (
    ContextDiffView,
    ContextVersionDetailView,
    ContextVersionListView,
    RenderView,
)
from registry.rest.views.contexts import (
    ContextDetailView,
    ContextHistoryView,
    ContextListView,
)
from registry.rest.views.deployments import DeploymentDetailView, DeploymentListView
from registry.rest.views.lineage import LineageView
from registry.rest.views.models import ModelDetailView, ModelHistoryView, ModelListView
from registry.rest.views.revisions import RevisionDetailView, RevisionDiffView, RevisionListView
from registry.rest.views.versions import VersionDetailView, VersionListView

LIST: dict[str, Any] = {"get": "list", "post": "create"}
DETAIL: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}


class Word(StringConverter):
    """A part of a path: PostgreSQL can look for any text but one with NUL."""

    regex = "[^/\0]+"


register_converter(Word, "word")
MODEL = "models/<word:model_id>"
VERSION = f"{MODEL}/versions/<int:version>"
ALIAS = f"{MODEL}/aliases/<word:alias>"
ALIAS_ACTIONS: dict[str, Any] = {"get": "retrieve", "put": "update", "delete": "destroy"}
CONTEXT = "contexts/<word:context_id>"
CONTEXT_VERSION = f"{CONTEXT}/versions/<int:version>"
CONTEXT_ALIAS = f"{CONTEXT}/aliases/<word:alias>"
DEPLOYMENT = "deployments/<word:deployment_id>"
REVISION = f"{DEPLOYMENT}/revisions/<int:revision>"

urlpatterns = [
    path("models", ModelListView.as_view(LIST), name="model-list"),
    path("models:batch", BatchView.as_view(), name="model-batch"),
    path(MODEL, ModelDetailView.as_view(DETAIL), name="model-detail"),
    path(f"{MODEL}/card", CardView.as_view({"get": "retrieve"}), name="model-card"),
    path(f"{MODEL}/history", ModelHistoryView.as_view({"get": "list"}), name="model-history"),
    path(f"{MODEL}/lineage", LineageView.as_view({"get": "retrieve"}), name="model-lineage"),
    path(f"{MODEL}/versions", VersionListView.as_view(LIST), name="version-list"),
    path(VERSION, VersionDetailView.as_view(DETAIL), name="version-detail"),
    path(f"{VERSION}/stage", VersionDetailView.as_view({"post": "stage"}), name="version-stage"),
    path(ALIAS, AliasView.as_view(ALIAS_ACTIONS), name="alias-detail"),
    path(f"{ALIAS}/history", AliasHistoryView.as_view({"get": "list"}), name="alias-history"),
    path(f"{ALIAS}/rollback", AliasView.as_view({"post": "rollback"}), name="alias-rollback"),
    path("contexts", ContextListView.as_view(LIST), name="context-list"),
    path(CONTEXT, ContextDetailView.as_view(DETAIL), name="context-detail"),
    path(f"{CONTEXT}/history", ContextHistoryView.as_view({"get": "list"}), name="context-history"),
    path(f"{CONTEXT}/diff", ContextDiffView.as_view({"get": "diff"}), name="context-diff"),
    path(f"{CONTEXT}/versions", ContextVersionListView.as_view(LIST), name="context-version-list"),
    path(CONTEXT_VERSION, ContextVersionDetailView.as_view({"get": "retrieve"}), name="context-version-detail"),
    path(f"{CONTEXT_VERSION}/render", RenderView.as_view({"post": "render"}), name="context-version-render"),
    path(CONTEXT_ALIAS, ContextAliasView.as_view(ALIAS_ACTIONS), name="context-alias-detail"),
    path(f"{CONTEXT_ALIAS}/history", ContextAliasHistoryView.as_view({"get": "list"}), name="context-alias-history"),
    path(f"{CONTEXT_ALIAS}/rollback", ContextAliasView.as_view({"post": "rollback"}), name="context-alias-rollback"),
    path("deployments", DeploymentListView.as_view(LIST), name="deployment-list"),
    path(DEPLOYMENT, DeploymentDetailView.as_view(DETAIL), name="deployment-detail"),
    path(f"{DEPLOYMENT}/diff", RevisionDiffView.as_view({"get": "diff"}), name="deployment-diff"),
    path(f"{DEPLOYMENT}/rollback", DeploymentDetailView.as_view({"post": "rollback"}), name="deployment-rollback"),
    path(f"{DEPLOYMENT}/revisions", RevisionListView.as_view({"get": "list"}), name="revision-list"),
    path(REVISION, RevisionDetailView.as_view({"get": "retrieve"}), name="revision-detail"),
    path("audit", AuditListView.as_view({"get": "list"}), name="audit-list"),
    path(f"{REVISION}/verify", RevisionDetailView.as_view({"get": "verify"}), name="revision-verify"),
]
