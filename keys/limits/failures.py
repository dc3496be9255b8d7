"""Wrong keys and wrong passwords: the limiter counts them by the address that sends them."""

import ipaddress
import math
import time
from contextlib import suppress
from itertools import count
from uuid import UUID, uuid5

from django.conf import settings
from django.db import Error

from keys.errors import TooManyFailures
from keys.limits.decision import Limits
from keys.limits.limiter import limiter
from keys.limits.rate import NANOSECONDS, Rate
from keys.limits.stores.postgresql import sweep
from keys.memory import Memory

MOST_ADDRESSES = 10_000
IPV6_PREFIX = 64  # a client that has one IPv6 address has its whole /64
FAILURES_BETWEEN_SWEEPS = 1000
NAMESPACE = UUID("4d1c86a9-3c50-4c6e-9f0e-5a4f1d0a7b2e")  # for the ids of the pools

# The addresses that this process refuses without a query, and until when, on time.monotonic's clock.
blocked: Memory[str, float] = Memory()
_failures = count(1)


def require_unblocked(address: str) -> None:
    """Raises TooManyFailures for an address that this process knows to be over AUTH_FAILURE_RATE. Its right keys are
    refused, too, because it takes a query to tell them from wrong ones."""
    if len(blocked):
        until = blocked.get(_network(address))
        if until is not None:
            raise _too_many(until - time.monotonic())


def require_few_failures(address: str, remember: bool = True) -> None:
    """Raises TooManyFailures for an address that may send no more wrong keys now, by the counters that all workers
    share. Unless `remember` is false, as for a report, this process then refuses the address without a query."""
    _require_admitted(address, cost=0, remember=remember)


def count_wrong_key(address: str) -> None:
    """Count a wrong key. Raises TooManyFailures as `require_few_failures`. Do not call it for a text that is no key by
    its checksum: that took no query, and counting it would."""
    if next(_failures) % FAILURES_BETWEEN_SWEEPS == 0:
        with suppress(Error):  # while the database takes no writes, a wrong key gets 401 nevertheless
            sweep()
    _require_admitted(address, cost=1, remember=True)


def count_login(address: str) -> None:
    """Count an attempt to log in to the admin. Raises TooManyFailures above ADMIN_LOGIN_RATE."""
    wait = _wait("login", settings.ADMIN_LOGIN_RATE, address, cost=1)
    if wait:
        raise _too_many(wait)


def _require_admitted(address: str, cost: int, remember: bool) -> None:
    wait = _wait("key", settings.AUTH_FAILURE_RATE, address, cost)
    if not wait:
        return
    if remember:
        until = time.monotonic() + wait
        blocked.put(_network(address), until, until, MOST_ADDRESSES)
    raise _too_many(wait)


def _wait(purpose: str, rate: str, address: str, cost: int) -> float:
    """Charge the address's pool. Returns the seconds after which it admits the next attempt; 0 if it admits this one.

    While the store is unavailable, each worker admits its share.
    """
    limits = Limits(uuid5(NAMESPACE, f"{purpose} {_network(address)}"), Rate.parse(rate), on_outage="local")
    decision = limiter.spend(limits, cost)
    return 0 if decision.admitted else (decision.refused_by.wait or 0) / NANOSECONDS


def _too_many(seconds: float) -> TooManyFailures:
    return TooManyFailures(retry_after=max(1, math.ceil(seconds)))


def _network(address: str) -> str:
    """The part of an address that is counted as one client."""
    return str(ipaddress.ip_network(f"{address}/{IPV6_PREFIX}", strict=False)) if ":" in address else address
