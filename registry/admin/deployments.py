from functools import reduce
from operator import or_
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextInputWidget

from mcp_project.audit.actions import Action
from mcp_project.database.validators import printable
from mcp_project.errors import DomainError
from mcp_project.staff.pages import actor
from registry.admin.base import ResourceAdmin
from registry.admin.filters import OwnerFilter, UsesContextFilter, UsesModelFilter
from registry.admin.forms import EditionForm
from registry.admin.tables import LATEST, Table, latest, link
from registry.canonical import plain
from registry.models import ContextVersion, Deployment, DeploymentRevision, DeploymentStatus, RegisteredModel
from registry.models.deployment import MAX_MESSAGE
from registry.services import deployments as services
from registry.services.revisions import Change
from registry.services.targets import versions_of


class DeploymentForm(EditionForm):
    message = forms.CharField(
        required=False,
        max_length=MAX_MESSAGE,
        validators=[printable],
        widget=UnfoldAdminTextInputWidget,
        help_text="The reason for this change. The new revision records it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "status" in self.fields:
            was = self.instance.status
            can_be = {was, *services.MOVES[was]}
            self.fields["status"].widget.choices = [one for one in DeploymentStatus.choices if one[0] in can_be]

    def clean_status(self) -> str:
        status: str = self.cleaned_data["status"]
        try:
            services.require_allowed_status(self.instance.status, status, list(self.instance.targets.all()))
        except DomainError as error:
            raise forms.ValidationError(error.detail) from None
        return status

    def clean_metadata(self) -> dict[str, Any]:
        try:
            sealed: dict[str, Any] = plain(super().clean_metadata())
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        return sealed

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("message") and self.changed_data == ["message"]:
            raise forms.ValidationError("Nothing has changed, so there is no revision that would record the message.")
        return cleaned


class StatusFilter(admin.SimpleListFilter):
    title = parameter_name = "status"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in DeploymentStatus.choices]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(status=self.value()) if self.value() else rows


class EnvironmentFilter(admin.SimpleListFilter):
    title = parameter_name = "environment"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in settings.DEPLOYMENT_ENVIRONMENTS]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(environment=self.value()) if self.value() else rows


@admin.register(Deployment)
class DeploymentAdmin(ResourceAdmin):
    """The page of deployments. Targets and endpoints are changed over the API, which checks targets as a whole."""

    services = services
    form = DeploymentForm
    list_display = ("name", "environment", "status", "owner", "revision", "updated_at")
    sortable_by = ("name", "owner", "updated_at")  # each has an index
    list_filter = (StatusFilter, EnvironmentFilter, OwnerFilter, UsesModelFilter, UsesContextFilter)
    editable = ("status", "owner", "description", "tags", "metadata")
    form_only_fields = ("message", "loaded_edition")
    read_only_fields = (
        "name", "environment", "endpoint", "protocol", "timeout", "revision", "digest", "id", "created_at",
        "created_by", "updated_at",
    )  # fmt: skip

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Deployment, form: DeploymentForm, _change: bool) -> None:
        stored = Deployment.objects.get(pk=obj.pk)  # the locked row; `obj` has the form's values already
        why = Change(actor(request), Action.UPDATE, form.cleaned_data["message"])
        services.change_locked(why, stored, form.changes)

    def lost_with(self, obj: Deployment) -> list[Any]:
        return [f"its {obj.revision} revisions (the audit trail records its last state)"]

    def tables(self, obj: Deployment) -> list[Table]:
        return [_targets(obj), _revisions(obj)]


def _targets(deployment: Deployment) -> Table:
    targets = list(deployment.targets.all())
    models = RegisteredModel.objects.only("name").in_bulk({target.model_id for target in targets})
    versions = versions_of(targets)
    pinned = [Q(context=target.context_id, number=target.context_number) for target in targets if target.context_id]
    pinned_versions = ContextVersion.objects.filter(reduce(or_, pinned, Q(pk__in=[]))).only("context_id", "number")
    contexts: dict[Any, ContextVersion] = {(version.context_id, version.number): version for version in pinned_versions}
    rows = []
    for target in targets:
        model, version = models.get(target.model_id), versions.get((target.model_id, target.number))
        context = contexts.get((target.context_id, target.context_number))
        context_name = f"{target.context_name} {target.context_number}" if target.context_id else ""
        cells = (
            link(model) if model else f"{target.model_name} (deleted)",
            link(version, target.number) if version else f"{target.number} (deleted)",
            target.alias,
            link(context, context_name) if context else context_name and f"{context_name} (deleted)",
            f"{target.weight} %",
            target.digest,
        )
        rows.append({"cols": cells})
    headers = ("Model", "Version", "Followed alias", "Context", "Weight", "Digest")
    return Table("Targets", Deployment, headers, rows)


def _revisions(deployment: Deployment) -> Table:
    revisions = deployment.revisions.order_by("-number").defer("content")[:LATEST]
    rows = [(link(one, one.number), one.at, one.actor, one.message, one.digest) for one in revisions]
    headers = ("Revision", "At", "By", "Message", "Digest")
    return latest("Revisions", DeploymentRevision, headers, rows, deployment=deployment.pk)
