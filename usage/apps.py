from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "usage"
    verbose_name = "Usage"

    def ready(self) -> None:
        from mcp_project.serving.metrics import computed
        from usage.lag import journal_lag

        computed.register(journal_lag)
