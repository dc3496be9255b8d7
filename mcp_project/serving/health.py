"""`GET /health`: whether this process can do its work. `GET /health/live`: whether it answers at all."""

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
    """A check that an app adds to `GET /health`. `settings.HEALTH_CHECKS` names them, as dotted paths."""

    name: str
    description: str  # for readers of the OpenAPI document
    state: Callable[[], str | None]  # "ok", "ok: …", or what is wrong; None when there is nothing to check


def health_checks() -> tuple[HealthCheck, ...]:
    """The checks that the settings name."""
    return tuple(import_string(name) for name in settings.HEALTH_CHECKS)


# Sessions whose role this one may not look at show no wait.
STATE = """
SELECT current_setting('transaction_read_only') = 'on', count(*) FILTER (
    WHERE wait_event_type = 'Lock' AND query_start < clock_timestamp() - interval '0.5 seconds'
) FROM pg_stat_activity WHERE datname = current_database()
"""


class HealthProbe:
    """Runs the checks on a thread of its own, one run at a time, so that a database that hangs (rather than
    refuses) can hold up neither the answer nor more than one thread. All who wait for a run share its deadline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._running: Future[Checks] | None = None
        self._deadline = 0.0  # of the run, on time.monotonic's clock
        self._migrated = False

    def checks(self) -> Checks:
        with self._lock:
            if self._executor is None:  # made here, not at import: a thread does not survive the fork of a worker
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
            # The plan reads every migration file; once it was empty it stays so for this process's code.
            self._migrated = self._migrated or not pending_migrations()
        except Error:
            return {"database": "unreachable", "migrations": "unknown"}
        finally:
            connection.close()
        states = {check.name: check.state() for check in health_checks()}
        others = {name: state for name, state in states.items() if state is not None}
        # A held row fails what needs that row: the host is well, and the others would meet the same row.
        well = f"ok: statements that wait for a lock: {waiting}" if waiting else "ok"
        database = "read-only" if read_only else well
        return {"database": database, "migrations": "ok" if self._migrated else "pending", **others}


probe = HealthProbe()


class ChecksSerializer(serializers.Serializer[Checks]):
    """The state of each part of the service."""

    database = serializers.CharField(
        help_text="`ok`, `unreachable`, `no answer`, `read-only`, or `ok:` and how many statements wait for a lock."
    )
    migrations = serializers.CharField()
    threads = serializers.CharField(
        help_text="`ok`, and how many requests wait for one; or that the queue is full, or that none becomes free."
    )

    def get_fields(self) -> dict[str, Any]:
        added = {
            check.name: serializers.CharField(required=False, help_text=check.description) for check in health_checks()
        }
        return {**super().get_fields(), **added}


class LiveSerializer(serializers.Serializer[dict[str, str]]):
    """Whether the process answers."""

    status = serializers.CharField(help_text="`ok`, or `failing`.")
    version = serializers.CharField()


class HealthSerializer(LiveSerializer):
    """Whether the service can do its work, and which part cannot."""

    checks = ChecksSerializer()


class OpenView(APIView):
    """A view outside of what keys govern."""

    authentication_classes = ()
    permission_classes = ()


class IndexView(OpenView):
    @extend_schema(exclude=True)
    def get(self, _request: Request) -> Response:
        """Where to go from here."""
        return Response({"service": "mcp", "version": __version__, "documentation": DOCS, "health": "/health"})


class HealthView(OpenView):
    @extend_schema(tags=["health"], auth=[], responses={200: HealthSerializer, 503: HealthSerializer})
    def get(self, request: Request) -> Response:
        """Whether the database answers, takes writes and is migrated, and a thread is free; 503 when not, within two
        seconds."""
        checks = {**probe.checks(), "threads": pool.health()}
        healthy = all(said.startswith("ok") for said in checks.values())
        body = {"status": "ok" if healthy else "failing", "version": __version__, "checks": checks}
        call_of(request).error_code = ""  # a report with the status of an error: errors.in_shape leaves it
        return Response(body, status=200 if healthy else 503)


class LiveView(OpenView):
    @extend_schema(tags=["health"], auth=[], responses=LiveSerializer)
    def get(self, _request: Request) -> Response:
        """Whether the process answers, without any check."""
        return Response({"status": "ok", "version": __version__})
