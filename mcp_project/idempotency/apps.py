from django.apps import AppConfig


class IdempotencyConfig(AppConfig):
    name = "mcp_project.idempotency"
    label = "idempotency"
    verbose_name = "Kept responses"
