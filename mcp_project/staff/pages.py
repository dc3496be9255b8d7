"""What the apps' pages in the Django admin share."""

import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.forms.fields import InvalidJSONInput
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.forms import ActionForm
from unfold.paginator import InfinitePaginator
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextareaWidget

from mcp_project.database.validators import TOO_DEEP, storable


class JSONFormField(forms.JSONField):
    """Django's, for JSON that cannot be stored, or is so deep that Python gives up on it: told in the form, which shows
    it again as it was typed."""

    def to_python(self, value: Any) -> Any:
        try:
            parsed = super().to_python(value)
        except RecursionError:
            raise forms.ValidationError(TOO_DEEP) from None
        except ValueError:
            raise forms.ValidationError("A number has too many digits.") from None
        storable(parsed)
        return parsed

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            self.to_python(data)
        except forms.ValidationError:
            return InvalidJSONInput(data)
        return super().bound_data(data, initial)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return super().has_changed(initial, data)
        except RecursionError:
            return True


class TextFormField(forms.CharField):
    """Of several lines, which browsers send with CRLF: a text that nobody touched is not changed by that."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if isinstance(text, str) else text

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.to_python(initial), data)


# For ModelAdmin.formfield_overrides. What has changed is told by what is stored, and not by what the browser says was.
JSON_IN_FORMS = {"form_class": JSONFormField, "widget": UnfoldAdminTextareaWidget, "show_hidden_initial": False}
TEXT_IN_FORMS = {"form_class": TextFormField, "widget": UnfoldAdminTextareaWidget}


def actor(request: HttpRequest) -> str:
    """How the audit trail names who works in the admin."""
    return f"user:{request.user.get_username()}"


def to_audit_trail(object_id: object) -> HttpResponse:
    """A redirect to the audit entries about the row with this id."""
    return redirect(f"{reverse('admin:keys_auditentry_changelist')}?object_id={object_id}")


class OnlyTicked(ActionForm):  # type: ignore[misc]
    """Actions act on the rows that were ticked, never on all that there are, which nobody has seen."""

    def clean_select_across(self) -> bool:
        return False


class NarrowChangeList(ChangeList):  # type: ignore[misc]
    """A list that leaves the columns in `not_listed` unread."""

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(*args, **kwargs)
        return rows.defer(*self.model_admin.not_listed())


def preformatted(text: str) -> str:
    return format_html("<pre>{}</pre>", text)


def pretty(value: Any) -> str:
    return preformatted(json.dumps(value, indent=2, ensure_ascii=False))


def in_lines(column: str) -> Callable[[Any], str]:
    """A read-only field with the JSON of a column; unfold itself has it on one line, unless Pygments is installed."""

    @admin.display(description=column.replace("_", " "))
    def shown(obj: Any) -> str:
        return pretty(getattr(obj, column))

    return shown


class LongListAdmin(ModelAdmin):  # type: ignore[misc]
    """Of rows that may be a million: nothing on the list's page counts them."""

    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_disable_select_all = True
    action_form = OnlyTicked

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        """Refuses to search a list that has no search, instead of showing all of it."""
        if search_term and not self.get_search_fields(request):
            self.message_user(request, "This list has no search (q): use its filters.", messages.ERROR)
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def not_listed(self) -> tuple[str, ...]:
        """Columns that may be large, and that the list does not show."""
        return ()

    def get_changelist(self, _request: HttpRequest, **_options: Any) -> type[NarrowChangeList]:
        return NarrowChangeList


class ReadOnlyAdmin(LongListAdmin):
    """Pages of what is not written by hand, with all fields of a row, those too that no form can have."""

    def get_fields(self, _request: HttpRequest, _obj: Any = None) -> Any:
        return self.fields or [field.name for field in self.opts.concrete_fields]

    def with_the_history_of(self, _obj: Any) -> Any:
        """The row whose audit trail tells how this one came to be. Default: none, and the page has no History."""
        return None

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> Any:
        context["show_history"] = self.with_the_history_of(obj) is not None
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, _extra_context: Any = None) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id))
        changed = None if obj is None else self.with_the_history_of(obj)
        if changed is None:
            raise Http404
        return to_audit_trail(changed.pk)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False
