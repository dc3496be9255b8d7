"""The time of reads of the registry with a million models, against those with a thousand.

Two services, each with a database of its own: 1,000 models in the one, 1,000,000 in the other, each with three versions
and three tags. The same calls to both, in turns, over HTTP.
"""

import http.client
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import psycopg

from bench.harness import Claim, Pace
from bench.served import Served, served

FEW, MANY = 1_000, 1_000_000
WARM_UP, ROUNDS = 5, 60
AIM_RATIO = 1.5
AIM_MS = 20

# A UUID of version 7 from the row's number, so that those made later come later.
MODEL_ID = (
    "('01900000-' || lpad(to_hex(n >> 16), 4, '0') || '-7' || lpad(to_hex((n >> 4) & 4095), 3, '0')"
    " || '-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
)
LOAD_MODELS = f"""
INSERT INTO registry_registeredmodel (id, name, description, owner, framework, task, license, tags, metadata,
    created_at, created_by, updated_at, edition, aliases, last_number, latest_version)
SELECT {MODEL_ID}, 'model-' || n, 'Predicts word' || n || ' of ' || md5(n::text), 'owner-' || mod(n, 100),
    'xgboost', 'classification', 'MIT',
    jsonb_build_object('team', 'team-' || mod(n, 50), 'serial', 's' || n, 'tier', mod(n, 3)::text), '{{}}', now(),
    'bench', now() + n * interval '1 second', 4, '{{"champion": 2}}', 3, 3
FROM generate_series(1, %(count)s) AS n
"""  # noqa: S608  (of constants, as the next)
LOAD_VERSIONS = f"""
INSERT INTO registry_modelversion (id, model_id, number, description, tags, created_at, created_by, updated_at, edition,
    source, digest, run_id, run_link, status, status_message, metrics, params, signature, stage)
SELECT gen_random_uuid(), {MODEL_ID}, number, '', '{{}}', now(), 'bench', now() + n * interval '1 second', 1,
    's3://bucket/' || n || '/' || number, '', 'run-' || n, '', 'ready', '', '{{"auc": 0.9}}', '{{}}', '{{}}', 'None'
FROM generate_series(1, %(count)s) AS n, generate_series(1, 3) AS number
"""  # noqa: S608
TABLES = "registry_registeredmodel, registry_modelversion"
Ask = Callable[[str], Any]  # the answer to a GET of a path


def alone(pace: Pace) -> list[Claim]:
    if pace.quick:
        aim = f"at most {AIM_RATIO}, under {AIM_MS} ms"
        return [Claim(text_of("the registry"), aim, "not measured: takes minutes", None)]
    sizes = {"few": pace.size(FEW, 50), "many": pace.size(MANY, 100)}
    with served(workers=1) as few, served(workers=1) as many:
        for service, count in ((few, sizes["few"]), (many, sizes["many"])):
            begin = time.monotonic()
            load(service, count)
            print(
                f"  {count:9,} models and {3 * count:,} versions loaded in {time.monotonic() - begin:.0f} s", flush=True
            )
        with caller(few) as ask_few, caller(many) as ask_many:
            callers = [(ask_few, calls(ask_few, sizes["few"])), (ask_many, calls(ask_many, sizes["many"]))]
            return [claim(name, callers, pace) for name in callers[0][1]]


def claim(name: str, callers: Sequence[tuple[Ask, Mapping[str, Callable[[], str]]]], pace: Pace) -> Claim:
    rivals = [(ask, paths[name]) for ask, paths in callers]
    few_seconds, many_seconds = in_turns(rivals, pace.size(ROUNDS, 1))
    ratio, milliseconds = many_seconds / few_seconds, many_seconds * 1000
    met = ratio <= AIM_RATIO and milliseconds < AIM_MS
    measured = f"{ratio:.2f} ({milliseconds:.1f} ms)"
    return Claim(text_of(name), f"at most {AIM_RATIO}, under {AIM_MS} ms", measured, met)


def text_of(name: str) -> str:
    return f"{name}: time with {MANY:,} models ÷ with {FEW:,}"


def load(service: Served, count: int) -> None:
    from mcp_project.database.embedded_postgres import EmbeddedPostgres

    cluster = EmbeddedPostgres(service.postgres)
    with psycopg.connect(host=str(cluster.socket_dir), user=cluster.user, dbname="mcp", autocommit=True) as session:
        session.execute("SET statement_timeout = 0")
        session.execute(LOAD_MODELS, {"count": count})
        session.execute(LOAD_VERSIONS, {"count": count})
        session.execute(f"VACUUM ANALYZE {TABLES}")


def calls(ask: Ask, count: int) -> dict[str, Callable[[], str]]:
    """For each kind of call the path of one, chosen at random, to a registry of so many models."""

    def any_one(first: int = 1, last: int = count) -> int:
        return random.randint(first, last)  # noqa: S311

    def model_id() -> str:
        number = any_one()
        return f"01900000-{number >> 16:04x}-7{(number >> 4) & 4095:03x}-8000-{number:012x}"

    def filtered(text: str) -> str:
        return f"/api/models?limit=20&filter={quote(text)}"

    def deep_page() -> str:
        """The cursor of the page after this row, in the form of `next`."""
        number = any_one(21, count // 2)
        names = quote(f"name IN ('model-{number}', 'model-{number - 1}')")
        two = ask(f"/api/models?limit=1&filter={names}")
        return f"/api/models?limit=20&cursor={two['next'].partition('cursor=')[2].partition('&')[0]}"

    return {
        "model by id": lambda: f"/api/models/{model_id()}",
        "model by name": lambda: f"/api/models/model-{any_one()}",
        "version by number": lambda: f"/api/models/model-{any_one()}/versions/2",
        "version by alias": lambda: f"/api/models/model-{any_one()}/aliases/champion",
        "first page": lambda: "/api/models?limit=20",
        "deep page": deep_page,
        "first page by name": lambda: "/api/models?limit=20&order_by=name",
        "page of one owner": lambda: f"/api/models?limit=10&owner=owner-{any_one(1, 99)}",
        "search by word": lambda: f"/api/models?limit=20&search=word{any_one()}",
        "filter by tag": lambda: filtered(f"tags.serial = 's{any_one()}'"),
    }


@contextmanager
def caller(service: Served) -> Iterator[Ask]:
    """Sends a GET on a connection that is kept, insists on 200, and gives what the answer holds."""
    connection = http.client.HTTPConnection(service.address, timeout=60)

    def ask(path: str) -> Any:
        connection.request("GET", path, headers={"X-API-Key": service.key})
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise AssertionError(f"{path} answered {response.status}: {body[:300]!r}")
        return json.loads(body)

    yield ask
    connection.close()


def in_turns(rivals: Sequence[tuple[Ask, Callable[[], str]]], rounds: int) -> tuple[float, ...]:
    """The median seconds of each."""
    times: list[list[float]] = [[] for _ in rivals]
    for round_ in range(WARM_UP + rounds):
        for (ask, path_of), measured in zip(rivals, times, strict=True):
            path = path_of()
            begin = time.perf_counter()
            ask(path)
            if round_ >= WARM_UP:
                measured.append(time.perf_counter() - begin)
    return tuple(statistics.median(measured) for measured in times)
