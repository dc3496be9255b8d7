"""Base classes of the apps' pages in the Django admin."""

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
    """Django's field, which also reports JSON that cannot be stored or parsed as an error in the form.

    The form then shows the text again as it was typed.
    """

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
    """Text of several lines. Browsers send line ends as CRLF; they become LF, so that unedited text stays unchanged."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if isinstance(text, str) else text

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.to_python(initial), data)


# For ModelAdmin.formfield_overrides. Without hidden initial values, a change is a difference from the stored value.
JSON_IN_FORMS = {"form_class": JSONFormField, "widget": UnfoldAdminTextareaWidget, "show_hidden_initial": False}
TEXT_IN_FORMS = {"form_class": TextFormField, "widget": UnfoldAdminTextareaWidget}


def actor(request: HttpRequest) -> str:
    """Return the audit trail's name for the user of the admin."""
    return f"user:{request.user.get_username()}"


def redirect_to_audit_trail(object_id: object) -> HttpResponse:
    """Redirect to the list of audit entries about the object with this id."""
    return redirect(f"{reverse('admin:audit_auditentry_changelist')}?object_id={object_id}")


class SelectedRowsForm(ActionForm):  # type: ignore[misc]
    """An action form without "select all": actions apply to the rows that the user has ticked on the page."""

    def clean_select_across(self) -> bool:
        return False


class NarrowChangeList(ChangeList):  # type: ignore[misc]
    """A list whose query leaves out the columns of LongListAdmin.deferred_columns."""

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(*args, **kwargs)
        return rows.defer(*self.model_admin.deferred_columns())


def preformatted(text: str) -> str:
    return format_html("<pre>{}</pre>", text)


def pretty(value: Any) -> str:
    return preformatted(json.dumps(value, indent=2, ensure_ascii=False))


def pretty_json(column: str) -> Callable[[Any], str]:
    """Make a read-only field that shows a JSON column indented. Unfold's own shows one line unless Pygments exists."""

    @admin.display(description=column.replace("_", " "))
    def field(obj: Any) -> str:
        return pretty(getattr(obj, column))

    return field


class LongListAdmin(ModelAdmin):  # type: ignore[misc]
    """A list of rows that may be a million: its page never counts them."""

    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_disable_select_all = True
    action_form = SelectedRowsForm

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        """Refuse to search a list that has no search fields, instead of showing all rows."""
        if search_term and not self.get_search_fields(request):
            self.message_user(request, "This list has no search (q): use its filters.", messages.ERROR)
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def deferred_columns(self) -> tuple[str, ...]:
        """Return the columns that the list does not read, because they may be large and it does not show them."""
        return ()

    def get_changelist(self, _request: HttpRequest, **_options: Any) -> type[NarrowChangeList]:
        return NarrowChangeList


class ReadOnlyAdmin(LongListAdmin):
    """Pages that show all fields of rows that the service writes, and change none."""

    def get_fields(self, _request: HttpRequest, _obj: Any = None) -> Any:
        return self.fields or [field.name for field in self.opts.concrete_fields]

    def audited_object(self, _obj: Any) -> Any:
        """Return the object whose audit trail the page's History shows; None (the default): the page has no History."""
        return None

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> Any:
        context["show_history"] = self.audited_object(obj) is not None
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, _extra_context: Any = None) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id))
        subject = None if obj is None else self.audited_object(obj)
        if subject is None:
            raise Http404
        return redirect_to_audit_trail(subject.pk)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False
