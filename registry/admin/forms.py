from typing import Any

from django import forms


class EditionForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that is refused if the row has changed since it was shown, as the API refuses a stale `If-Match`."""

    loaded_edition = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["loaded_edition"] = self.instance.edition

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.instance._state.adding and cleaned.get("loaded_edition") != self.instance.edition:
            raise forms.ValidationError("It has been changed since this page was loaded. Load the page again.")
        return cleaned

    def clean_tags(self) -> dict[str, Any]:
        return self.cleaned_data["tags"] or {}

    def clean_metadata(self) -> dict[str, Any]:
        return self.cleaned_data["metadata"] or {}

    @property
    def changes(self) -> dict[str, Any]:
        """The changed columns of the row and their new values."""
        columns = {field.name for field in self.instance._meta.fields}
        return {name: self.cleaned_data[name] for name in self.changed_data if name in columns}
