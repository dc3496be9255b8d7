from django.apps import AppConfig
from django.core.signals import got_request_exception


class McpProjectConfig(AppConfig):
    name = "mcp_project"
    verbose_name = "MCP"

    def ready(self) -> None:
        from mcp_project import checks  # noqa: F401  (registers them)
        from mcp_project.http.handlers import report_uncaught

        got_request_exception.connect(report_uncaught, dispatch_uid="mcp_project.report_uncaught")
