"""Keys in the admin: made, changed, revoked, disabled and rotated by staff, each change in the audit trail."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import Error, models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from rest_framework_api_key.models import APIKey as UnusedAPIKey
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from keys import revocation, services
from keys.limits.limiter import limiter
from keys.models import APIKey, Permission
from keys.models.api_key import STATUSES, validate_quota
from mcp_project.errors import DomainError
from mcp_project.http.errors import from_exception
from mcp_project.staff.pages import JSON_IN_FORMS, actor, redirect_to_audit_trail

admin.site.unregister(UnusedAPIKey)  # the library's own, which has no table here

Secrets = list[tuple[APIKey, str]]


class QuotaField(forms.CharField):
    """A form's field for a quota, in the form that keys.limits.quota accepts."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if text in self.empty_values:
            return None
        validate_quota(text)
        return int(str(text))


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    permissions = forms.MultipleChoiceField(
        choices=Permission.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="admin includes the others.",
    )

    daily_quota = QuotaField(
        required=False, widget=UnfoldAdminTextInputWidget, help_text="Requests a day, in UTC. Empty: no limit."
    )
    monthly_quota = QuotaField(
        required=False, widget=UnfoldAdminTextInputWidget, help_text="Requests a month, in UTC. Empty: no limit."
    )
    loaded_edition = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = APIKey
        fields = (
            "name", "owner", "permissions", "model_patterns", "allowed_ips", "rate_limit", "daily_quota",
            "monthly_quota", "on_outage", "enabled", "metadata", "expires_at",
        )  # fmt: skip
        help_texts = {  # noqa: RUF012
            "model_patterns": "Models that the key may see, separated by commas; * for anything. Empty: all.",
            "allowed_ips": "Addresses or networks that it may be used from, separated by commas. Empty: everywhere.",
            "rate_limit": "N/period, such as 10/s or 600/5m. Empty: the service's default.",
            "on_outage": "While the limiter's counters are unavailable: closed refuses, open admits, local lets each "
            "worker count its share for itself. Empty: the service's default.",
            "expires_at": "In UTC. Empty: never.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and not self.instance._state.adding:
            self.initial["loaded_edition"] = self.instance.edition

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.instance._state.adding and cleaned.get("loaded_edition") != self.instance.edition:
            raise forms.ValidationError("Somebody else has changed this key meanwhile: load the page again.")
        return cleaned

    def clean_expires_at(self) -> datetime | None:
        moment: datetime | None = self.cleaned_data["expires_at"]
        if "expires_at" in self.changed_data and moment is not None and moment <= timezone.now():
            raise forms.ValidationError("This time is past.")
        return moment

    def clean_model_patterns(self) -> list[str] | None:
        return self.cleaned_data["model_patterns"] or None

    def clean_metadata(self) -> dict[str, Any]:
        return self.cleaned_data["metadata"] or {}

    def clean_allowed_ips(self) -> list[str] | None:
        return self.cleaned_data["allowed_ips"] or None


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [(status, status) for status in STATUSES]

    def queryset(self, _request: HttpRequest, keys: QuerySet[APIKey]) -> QuerySet[APIKey]:
        return keys.filter(APIKey.objects.status_is(self.value())) if self.value() in STATUSES else keys  # type: ignore[arg-type]


class ExpiryFilter(admin.SimpleListFilter):
    title = "expiry"
    parameter_name = "expires"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [("soon", "within 14 days"), ("never", "never")]

    def queryset(self, _request: HttpRequest, keys: QuerySet[APIKey]) -> QuerySet[APIKey]:
        now = timezone.now()
        match self.value():
            case "soon":
                return keys.filter(expires_at__gte=now, expires_at__lt=now + timedelta(days=14), revoked_at=None)
            case "never":
                return keys.filter(expires_at__isnull=True)
            case _:
                return keys


@admin.register(APIKey)
class APIKeyAdmin(ModelAdmin):  # type: ignore[misc]
    form = KeyForm
    formfield_overrides = {models.JSONField: JSON_IN_FORMS}  # noqa: RUF012
    list_display = ("prefix", "name", "owner", "permissions", "status", "expires_at", "last_used_at", "created_at")
    list_filter = (StatusFilter, ExpiryFilter, "owner")
    search_fields = ("prefix", "name", "owner")
    fields = KeyForm.Meta.fields
    shown = (
        "id", "prefix", "pool_id", "status", "what_is_left", "last_used_at", "revoked_at", "rotated_from", "created_at",
        "created_by",
    )  # fmt: skip
    actions = ("revoke", "disable", "enable", "rotate")
    ordering = ("-pk",)
    show_full_result_count = False

    @admin.display(description="what is left")
    def what_is_left(self, key: APIKey) -> str:
        try:
            decision = limiter.spend(key.limits, cost=0)
        except DomainError as error:
            return error.detail
        left = [f"{limit.name}: {limit.remaining} of {limit.limit}" for limit in decision.standings]
        return ", ".join(left) or "unknown: the limiter's counters are unavailable"

    def get_fields(self, _request: HttpRequest, obj: APIKey | None = None) -> tuple[str, ...]:
        return self.fields if obj is None else (*self.fields, "loaded_edition", *self.shown)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return not lookup.startswith("hashed_key") and super().lookup_allowed(lookup, value, request)

    def get_readonly_fields(self, _request: HttpRequest, obj: APIKey | None = None) -> tuple[str, ...]:
        return () if obj is None else self.shown

    def has_change_permission(self, request: HttpRequest, obj: APIKey | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj is not None and obj.revoked)

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False  # a key is revoked, and stays on record

    def save_model(self, request: HttpRequest, obj: APIKey, form: KeyForm, change: bool) -> None:
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data if name in self.fields}
            services.update_key(actor(request), obj.pk, [f'"{form.cleaned_data["loaded_edition"]}"'], changes)
        else:
            request.new_secret = (obj, services.save_new_key(actor(request), obj))  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, _obj: APIKey, _post_url_continue: str | None = None) -> HttpResponse:
        return self.secrets_page(request, [request.new_secret])  # type: ignore[attr-defined]

    def history_view(self, _request: HttpRequest, object_id: str, _extra_context: Any = None) -> HttpResponse:
        return redirect_to_audit_trail(object_id)

    @admin.action(description="Revoke (final)", permissions=["change"])
    def revoke(self, request: HttpRequest, keys: QuerySet[APIKey]) -> HttpResponse | None:
        return self.confirmed(request, keys, lambda key: revocation.revoke_key(actor(request), key.pk))

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, keys: QuerySet[APIKey]) -> HttpResponse | None:
        change = {"enabled": False}
        return self.confirmed(request, keys, lambda key: services.update_key(actor(request), key.pk, None, change))

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, keys: QuerySet[APIKey]) -> HttpResponse | None:
        change = {"enabled": True}
        return self.confirmed(request, keys, lambda key: services.update_key(actor(request), key.pk, None, change))

    @admin.action(description="Rotate (the old secrets end at once)", permissions=["change"])
    def rotate(self, request: HttpRequest, keys: QuerySet[APIKey]) -> HttpResponse | None:
        made: Secrets = []
        page = self.confirmed(request, keys, lambda key: made.append(services.rotate_key(actor(request), key.pk, 0)))
        return self.secrets_page(request, made) if made else page

    def confirmed(
        self, request: HttpRequest, keys: QuerySet[APIKey], act: Callable[[APIKey], Any]
    ) -> HttpResponse | None:
        """Show a page that lists the keys and asks for confirmation; once confirmed, act on each key, and report which
        were refused."""
        action = request.POST["action"]
        if "confirmed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": self.get_action(action)[2],
                "opts": self.opts,
                "keys": keys,
                "action": action,
                "checkbox": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "admin/keys/apikey/confirm.html", context)
        done = 0
        for key in keys:
            try:
                act(key)
                done += 1
            except (DomainError, Error) as error:  # the others are done, and of a rotation, shown
                self.message_user(request, f"{key.prefix}: {from_exception(error).detail}", "error")
        self.message_user(request, f"{action}: {done} of {len(keys)} keys.")
        return None

    def secrets_page(self, request: HttpRequest, made: Secrets) -> HttpResponse:
        """The one page that shows the secrets; they go into no message, which a session would keep."""
        context = {**self.admin_site.each_context(request), "title": "Shown once", "opts": self.opts, "made": made}
        response = TemplateResponse(request, "admin/keys/apikey/secrets.html", context)
        response["Cache-Control"] = "no-store"
        return response
