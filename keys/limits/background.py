"""The limiter's background task and health check, which the settings BACKGROUND_TASKS and HEALTH_CHECKS name."""

from django.conf import settings
from redis import RedisError

from keys.limits.limiter import limiter
from keys.limits.stores.redis import RedisStore
from mcp_project.serving.health import HealthCheck
from mcp_project.serving.periodic import Periodic


def store_state() -> str | None:
    """For `/health`: whether Redis can be written to. None without Redis: PostgreSQL, which then holds the counters,
    has a check of its own. Without the store a host is healthy, unless it refuses every request."""
    if not isinstance(limiter.store, RedisStore):
        return None
    if limiter.store.answers():
        return "ok"
    mode = settings.THROTTLE_ON_OUTAGE
    return "unreachable" if mode == "closed" else f"ok: the counters are away, the mode is {mode}"


STORE_CHECK = HealthCheck(
    name="limiter",
    description="Only where Redis holds the limiter's counters: `ok`; `ok:` and the mode that replaces the counters "
    "while Redis is unavailable; or `unreachable`.",
    state=store_state,
)


class QuotaWriter(Periodic):
    """Writes the quotas that were used in Redis to PostgreSQL, so that the loss of Redis loses at most a second of
    them."""

    name = "quota_write"
    seconds = 1.0
    expected_errors = (*Periodic.expected_errors, RedisError)

    def act(self, last: bool) -> None:  # noqa: ARG002
        if isinstance(limiter.store, RedisStore):
            limiter.store.write_quotas()


quota_writer = QuotaWriter()
