"""The cost of metering a request, the speed of draining journals, and the time of reports."""

import random
import statistics
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.harness import Claim, Pace, application, at_most, costs, differences, fresh, requester

AIM_COST = 40  # microseconds of CPU in the worker
AIM_DRAIN = 30_000  # events a second
AIM_REPORT = 1.5  # of the time with a thousand events
FEW, MANY = 1000, 1_000_000
FEW_DAY, MANY_DAY = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)
REPORTS = ("/api/usage?group_by=route", "/api/usage?group_by=key,status", "/api/usage/timeseries?step=hour",
           "/api/usage/events?limit=100")  # fmt: skip


def in_process(pace: Pace) -> list[Claim]:
    return [tracking(pace), *(() if pace.quick else ledger(pace))]


def tracking(pace: Pace) -> Claim:
    from keys.services import create_key
    from registry.models import RegisteredModel

    _, key = create_key("bench", owner="bench", name="tracking", permissions=["read"], rate_limit="1000000/s")
    path = f"/api/models/{RegisteredModel.objects.create(name=fresh('bench-usage'), owner='bench').pk}"
    without = application("usage.middleware.UsageTrackingMiddleware")
    rivals = {"metered": requester(application(), path, key, 200), "not metered": requester(without, path, key, 200)}
    found = costs(rivals, pace.rounds)
    cpu = differences(found["metered"].parts, found["not metered"].parts)
    text = "metering: CPU that it adds to a request in the worker, journal and metrics"
    return at_most(AIM_COST, text, cpu, " µs", f" of {found['metered'].cpu:.0f}")


def ledger(pace: Pace) -> list[Claim]:
    """The same keys, routes and hours, with a thousand events and with a million."""
    from django.db import connection

    from keys.services import create_key
    from usage.reconcile import reconcile

    load(FEW_DAY, pace.size(FEW, 10))
    rates = [load(MANY_DAY, pace.size(MANY, 100) // 10) for _ in range(10)]
    rate = statistics.median(rates)
    claims = [Claim("drain: events moved into the ledger in a second", f"at least {AIM_DRAIN}", f"{rate:.0f}",
                    rate >= AIM_DRAIN)]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE usage_hourlyusage, usage_event")
    _, key = create_key("bench", owner="bench", name="reader", permissions=["admin"], rate_limit="1000000/s")
    whole = application()
    for report in REPORTS:
        rivals = {name: requester(whole, about(report, day), key, 200)
                  for name, day in (("few", FEW_DAY), ("many", MANY_DAY))}  # fmt: skip
        found = costs(rivals, pace.size(30, 1), requests=2)
        ratio = found["many"].wall / found["few"].wall
        measured = f"{ratio:.2f} ({found['many'].wall / 1000:.1f} ms)"
        claims.append(Claim(f"{report}: time with a million events ÷ with a thousand", f"at most {AIM_REPORT}",
                            measured, ratio <= AIM_REPORT))  # fmt: skip
    books = reconcile(Path("/nonexistent"))
    measured = f"{len(books.differences)} differences in {books.events} events"
    text = "roll-ups ÷ a slow count over the events, each hour and series"
    return [*claims, Claim(text, "equal", measured, not books.differences)]


def load(day: datetime, count: int) -> float:
    """Put so many events, spread over a day, 10 keys and 2 routes, into the ledger; how many a second."""
    from django.conf import settings

    from usage.drain import drain
    from usage.events import Event
    from usage.journal import Journal

    chance, journal = random.Random(count), Journal()  # noqa: S311
    keys = [str(uuid.UUID(int=number)) for number in range(10)]
    for number in range(count):
        key = chance.randrange(10)
        journal.append(
            settings.USAGE_JOURNAL_DIR,
            Event(
                time=day.timestamp() + 86_400 * number / count, request_id=uuid.uuid4().hex, key_id=keys[key],
                owner=f"owner {key}", method="GET", route=chance.choice(["model-list", "model-detail"]),
                status=200 if chance.random() < 0.95 else 404, code="", request_bytes=0, response_bytes=700,
                duration_us=int(chance.lognormvariate(7.5, 0.6)), client="10.0.0.1",
            ),
        )  # fmt: skip
    path = journal.path
    assert path is not None  # noqa: S101
    journal.retire()
    begin = time.perf_counter()
    drain(path)
    return count / (time.perf_counter() - begin)


def about(report: str, day: datetime) -> str:
    return f"{report}&from={day:%Y-%m-%d}&to={day + timedelta(days=1):%Y-%m-%d}"
