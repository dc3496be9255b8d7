"""What the apps' pages in the Django admin share."""

from typing import Any

from django import forms
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest
from unfold.admin import ModelAdmin
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


JSON_IN_FORMS = {"form_class": JSONFormField, "widget": UnfoldAdminTextareaWidget}  # for ModelAdmin.formfield_overrides


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    """Pages of what is not written by hand."""

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False
