"""Helpers of the tests of the registry's admin."""

import re
from html import unescape
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client

from mcp_project.audit.models import AuditEntry

SITE = "/admin/registry/"


def page_of(row: Model, view: str = "change") -> str:
    return f"{SITE}{row._meta.model_name}/{row.pk}/{view}/"


def text_of(response: Any) -> str:
    """The text that a reader sees."""
    assert response.status_code == 200, response.status_code
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def form_on(staff: Client, path: str) -> dict[str, Any]:
    """The form that a browser would send from the page if the user typed nothing."""
    form = staff.get(path).context["adminform"].form
    return {field.html_name: "" if field.value() is None else field.value() for field in form}


def save(staff: Client, path: str, **typed: Any) -> Any:
    return staff.post(path, {**form_on(staff, path), **typed})


def complaints(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return unescape(str(response.context["adminform"].form.errors))


def viewer(*models: str, verb: str = "view") -> Client:
    """Staff who may only view these, or do what else `verb` says."""
    user = User.objects.create_user(f"{verb}er", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=[f"{verb}_{name}" for name in models]))
    client = Client()
    client.force_login(user)
    return client


def trail(row: Model) -> list[tuple[str, str]]:
    """The audit entries of changes in the admin."""
    entries = AuditEntry.objects.filter(object_id=row.pk, actor__startswith="user:").order_by("pk")
    return list(entries.values_list("actor", "action"))
