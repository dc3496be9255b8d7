"""What the apps' pages in the Django admin share."""

from typing import Any

from django import forms
from django.contrib import admin
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import ActionForm
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminTextareaWidget

from mcp_project.validators import TOO_DEEP, storable


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


class OnlyTicked(ActionForm):  # type: ignore[misc]
    """Actions act on the rows that were ticked, never on all that there are, which nobody has seen."""

    def clean_select_across(self) -> bool:
        return False


class LongListAdmin(ModelAdmin):  # type: ignore[misc]
    """Of rows that may be a million: nothing on the list's page counts them."""

    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_disable_select_all = True
    action_form = OnlyTicked


class ReadOnlyAdmin(LongListAdmin):
    """Pages of what is not written by hand."""

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False
