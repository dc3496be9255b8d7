"""Base classes of the pages of models, contexts and deployments."""

from typing import Any

from django.contrib import messages
from django.db import IntegrityError, models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from mcp_project.audit.actions import Action
from mcp_project.database import transactions
from mcp_project.staff.pages import JSON_IN_FORMS, TEXT_IN_FORMS, actor, redirect_to_audit_trail
from registry.admin.filters import IndexedFiltersAdmin
from registry.admin.forms import EditionForm
from registry.admin.tables import LATEST, Table
from registry.models import Named
from registry.search.words import MAX_SEARCH, having_words
from registry.services import followers
from registry.services.named import save


class ResourceAdmin(IndexedFiltersAdmin):
    services: Any  # the module of registry.services that changes the resource
    form = EditionForm
    change_form_outer_after_template = "admin/registry/tables.html"
    formfield_overrides = {models.JSONField: JSON_IN_FORMS, models.TextField: TEXT_IN_FORMS}  # noqa: RUF012
    editable: tuple[str, ...]
    form_only_fields: tuple[str, ...] = ("loaded_edition",)  # fields of the form that are not columns
    read_only_fields: tuple[str, ...]
    search_fields = ("name", "description", "tags")
    search_help_text = "Words of name, description, tags; -word leaves out"
    ordering = ("-pk",)

    def deferred_columns(self) -> tuple[str, ...]:
        return ("description", "tags", "metadata")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return self.editable
        form_only_fields = self.form_only_fields if self.has_change_permission(request, obj) else ()
        return (*self.editable, *form_only_fields, *self.read_only_fields)

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else self.read_only_fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if len(search_term) > MAX_SEARCH:
            self.message_user(request, f"A search has at most {MAX_SEARCH} characters.", messages.ERROR)
            return queryset.none(), False
        return (having_words(queryset, search_term) if search_term else queryset), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Lock the row if it will be written, so that the form is checked against what is stored when it is saved."""
        obj = super().get_object(request, object_id, from_field)
        if obj is None or request.method != "POST":
            return obj
        return self.model._default_manager.select_for_update().filter(pk=obj.pk).first()

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except IntegrityError:  # another request took the name meanwhile: the form now reports that
            return super().changeform_view(request, *args, **kwargs)

    def tables(self, obj: Any) -> list[Table]:
        """Return the tables below the form, of rows that belong to this one."""
        raise NotImplementedError

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        tables = [] if obj is None else self.tables(obj)
        page_of = self.admin_site.get_model_admin
        context["tables"] = [table for table in tables if page_of(table.of).has_view_permission(request)]
        response: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **kwargs)
        return response

    def history_view(self, _request: HttpRequest, object_id: str, _extra_context: Any = None) -> HttpResponse:
        return redirect_to_audit_trail(object_id)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[Any], Any, set[str], list[Any]]:
        """Return what the page "Are you sure?" shows. Django's own method would list every version."""
        sentences: list[Any] = []
        for obj in objs:
            sentences += [str(obj), self.lost_with(obj)]
        may_delete = all(self.has_delete_permission(request, obj) for obj in objs)
        counts = {self.opts.verbose_name_plural: len(objs)}
        return sentences, counts, set() if may_delete else {str(self.opts.verbose_name)}, []

    def lost_with(self, obj: Any) -> list[str]:
        """The consequences of the deletion, a sentence each: rows that are deleted with the object, and deployments
        that fail."""
        raise NotImplementedError

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.services.delete_locked(actor(request), obj)

    @transactions.change
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        # Lock all rows first, since every transaction locks models before deployments; then read them one by one.
        locked = list(queryset.select_for_update().order_by("pk").values_list("pk", flat=True))
        for pk in locked:
            self.delete_model(request, self.model._default_manager.get(pk=pk))


class NamedAdmin(ResourceAdmin):
    def save_model(self, request: HttpRequest, obj: Named, form: EditionForm, change: bool) -> None:
        if not change:
            obj.created_by = actor(request)
        names = form.changes if change else self.services.AUDITED_FIELDS
        save(actor(request), obj, Action.UPDATE if change else Action.CREATE, list(names))

    def delete_model(self, request: HttpRequest, obj: Named) -> None:
        followers.fail_users(actor(request), obj)  # the confirmation page has named them
        super().delete_model(request, obj)

    def lost_with(self, obj: Named) -> list[str]:
        users = followers.live_users(obj).order_by("name").values_list("name", "status")
        fail = [f"the deployment {name}, which is {status}, fails" for name, status in users]
        more = [f"{len(fail) - LATEST} more deployments fail"] if len(fail) > LATEST else []
        return [f"its versions, up to number {obj.last_number}, with their aliases", *fail[:LATEST], *more]
