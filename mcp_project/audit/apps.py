from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "mcp_project.audit"
    label = "audit"
    verbose_name = "Audit trail"
