"""`GET /health` says whether this process can do its work, `GET /health/live` only that it responds."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, NamedTuple

from django.conf import settings
from django.db import Error, connection
from django.utils.module_loading import import_string
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mcp_project import __version__
from mcp_project.database.initialise import pending_migrations
from mcp_project.http.call import call_of
from mcp_project.http.rest import DOCS
from mcp_project.serving import pool

LONGEST_WAIT_SECONDS = 1.5

Checks = dict[str, str]


class HealthCheck(NamedTuple):
    """A check that an app adds to `GET /health`. `settings.HEALTH_CHECKS` lists them by dotted path."""

    name: str
    description: str  # for readers of the OpenAPI document
    state: Callable[[], str | None]  # returns "ok", "ok: …" or the fault; None when there is nothing to check


def health_checks() -> tuple[HealthCheck, ...]:
    """Return the checks that the settings name."""
    return tuple(import_string(name) for name in settings.HEALTH_CHECKS)


# Waits of sessions are visible only if this role may see them in pg_stat_activity.
STATE = """
SELECT current_setting('transaction_read_only') = 'on', count(*) FILTER (
    WHERE wait_event_type = 'Lock' AND query_start < clock_timestamp() - interval '0.5 seconds'
) FROM pg_stat_activity WHERE datname = current_database()
"""


class HealthProbe:
    """Runs the checks on a separate thread, one run at a time.

    A database that hangs therefore blocks one thread and delays no response. Concurrent requests share a run and its
    deadline.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._running: Future[Checks] | None = None
        self._deadline = 0.0  # the time.monotonic() until which requests wait for the run
        self._migrated = False

    def checks(self) -> Checks:
        with self._lock:
            if self._executor is None:  # created at the first use: a thread does not survive the fork of a worker
                self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="health")
            if self._running is None or self._running.done():
                self._running = self._executor.submit(self._check)
                self._deadline = time.monotonic() + LONGEST_WAIT_SECONDS
            running, deadline = self._running, self._deadline
        try:
            return running.result(timeout=max(0.0, deadline - time.monotonic()))
        except FutureTimeoutError:
            return {"database": "no answer", "migrations": "unknown"}

    def _check(self) -> Checks:
        try:
            with connection.cursor() as cursor:
                cursor.execute(STATE)
                read_only, waiting = cursor.fetchone()
            # This reads every migration file. A process that has found none pending does not look again.
            self._migrated = self._migrated or not pending_migrations()
        except Error:
            return {"database": "unreachable", "migrations": "unknown"}
        finally:
            connection.close()
        states = {check.name: check.state() for check in health_checks()}
        others = {name: state for name, state in states.items() if state is not None}
        # Waits for locks are no fault of this host: other hosts would wait for the same rows.
        writable = f"ok: statements that wait for a lock: {waiting}" if waiting else "ok"
        database = "read-only" if read_only else writable
        return {"database": database, "migrations": "ok" if self._migrated else "pending", **others}


probe = HealthProbe()


class ChecksSerializer(serializers.Serializer[Checks]):
    """The state of each part of the service."""

    database = serializers.CharField(
        help_text="`ok`, `unreachable`, `no answer`, `read-only`, or `ok:` and how many statements wait for a lock."
    )
    migrations = serializers.CharField()
    threads = serializers.CharField(
        help_text="`ok`, or `ok:` and how many requests wait for a thread, or that the queue is full or all hang."
    )

    def get_fields(self) -> dict[str, Any]:
        added = {
            check.name: serializers.CharField(required=False, help_text=check.description) for check in health_checks()
        }
        return {**super().get_fields(), **added}


class LiveSerializer(serializers.Serializer[dict[str, str]]):
    """The state and version of this process."""

    status = serializers.CharField(help_text="`ok`, or `failing`.")
    version = serializers.CharField()


class HealthSerializer(LiveSerializer):
    """The state of this process and of each part that it needs."""

    checks = ChecksSerializer()


class OpenView(APIView):
    """Base of views that need no API key."""

    authentication_classes = ()
    permission_classes = ()


class IndexView(OpenView):
    @extend_schema(exclude=True)
    def get(self, _request: Request) -> Response:
        """Name the service's version and its other addresses."""
        return Response({"service": "mcp", "version": __version__, "documentation": DOCS, "health": "/health"})


class HealthView(OpenView):
    @extend_schema(tags=["health"], auth=[], responses={200: HealthSerializer, 503: HealthSerializer})
    def get(self, request: Request) -> Response:
        """Check whether this process can do its work: 200 if every check is `ok`, otherwise 503, within two seconds.

        The database must respond, accept writes and be migrated, and threads must be free.
        """
        checks = {**probe.checks(), "threads": pool.health()}
        healthy = all(state.startswith("ok") for state in checks.values())
        body = {"status": "ok" if healthy else "failing", "version": __version__, "checks": checks}
        call_of(request).error_code = ""  # keeps errors.in_shape from replacing this body, although the status is 503
        return Response(body, status=200 if healthy else 503)


class LiveView(OpenView):
    @extend_schema(tags=["health"], auth=[], responses=LiveSerializer)
    def get(self, _request: Request) -> Response:
        """Answer that the process is alive, without any check."""
        return Response({"status": "ok", "version": __version__})
