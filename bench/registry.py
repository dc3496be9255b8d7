"""Whether reading the registry takes as long with a million models as with a thousand.

Two services, each with a database of its own: 1,000 models in the one, 1,000,000 in the other, each with three versions
and three tags. The same calls to both, in turns, over HTTP.
"""

import http.client
import json
import random
import statistics
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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


def alone(pace: Pace) -> list[Claim]:
    if pace.quick:
        aim = f"at most {AIM_RATIO}, under {AIM_MS} ms"
        return [Claim(text_of("the registry"), aim, "not measured: takes minutes", None)]
    with served(workers=1) as few, served(workers=1) as many:
        for service, count in ((few, FEW), (many, MANY)):
            begin = time.monotonic()
            load(service, count)
            print(
                f"  {count:9,} models and {3 * count:,} versions loaded in {time.monotonic() - begin:.0f} s", flush=True
            )
        with caller(few) as ask_few, caller(many) as ask_many:
            claims = []
            for name, paths in calls().items():
                few_seconds, many_seconds = in_turns([(ask_few, FEW), (ask_many, MANY)], paths)
                ratio, milliseconds = many_seconds / few_seconds, many_seconds * 1000
                met = ratio <= AIM_RATIO and milliseconds < AIM_MS
                measured = f"{ratio:.2f} ({milliseconds:.1f} ms)"
                claims.append(Claim(text_of(name), f"at most {AIM_RATIO}, under {AIM_MS} ms", measured, met))
    return claims


def text_of(name: str) -> str:
    return f"{name}: time with {MANY:,} models ÷ with {FEW:,}"


def load(service: Served, count: int) -> None:
    from mcp_project.embedded_postgres import EmbeddedPostgres

    cluster = EmbeddedPostgres(service.postgres)
    with psycopg.connect(host=str(cluster.socket_dir), user=cluster.user, dbname="mcp", autocommit=True) as session:
        session.execute("SET statement_timeout = 0")
        session.execute(LOAD_MODELS, {"count": count})
        session.execute(LOAD_VERSIONS, {"count": count})
        session.execute(f"VACUUM ANALYZE {TABLES}")


def calls() -> dict[str, Callable[[int], str]]:
    """Of each kind the path of a call, at random, to a registry of so many models."""

    def any_of(count: int) -> int:
        return random.randint(1, count)  # noqa: S311

    def model_id(number: int) -> str:
        return f"01900000-{number >> 16:04x}-7{(number >> 4) & 4095:03x}-8000-{number:012x}"

    def cursor(number: int) -> str:
        """As mcp_project.pagination writes it: what comes after this model, newest first."""
        return urlsafe_b64encode(json.dumps([["-pk"], [model_id(number)], False]).encode()).decode()

    def tag(number: int) -> str:
        return quote(f"tags.serial = 's{number}'")

    return {
        "model by id": lambda count: f"/api/models/{model_id(any_of(count))}",
        "model by name": lambda count: f"/api/models/model-{any_of(count)}",
        "version by number": lambda count: f"/api/models/model-{any_of(count)}/versions/2",
        "version by alias": lambda count: f"/api/models/model-{any_of(count)}/aliases/champion",
        "first page": lambda _: "/api/models?limit=20",
        "deep page": lambda count: f"/api/models?limit=20&cursor={cursor(random.randint(21, count // 2))}",  # noqa: S311
        "first page by name": lambda _: "/api/models?limit=20&order_by=name",
        "page of one owner": lambda _: f"/api/models?limit=10&owner=owner-{any_of(100)}",
        "search by word": lambda count: f"/api/models?limit=20&search=word{any_of(count)}",
        "filter by tag": lambda count: f"/api/models?limit=20&filter={tag(any_of(count))}",
    }


@contextmanager
def caller(service: Served) -> Iterator[Callable[[str], None]]:
    """Sends a GET on a connection that is kept, and insists on 200."""
    connection = http.client.HTTPConnection(service.address, timeout=60)

    def ask(path: str) -> None:
        connection.request("GET", path, headers={"X-API-Key": service.key})
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise AssertionError(f"{path} answered {response.status}: {body[:300]!r}")

    yield ask
    connection.close()


def in_turns(rivals: Sequence[tuple[Callable[[str], None], int]], paths: Callable[[int], str]) -> tuple[float, ...]:
    """The median seconds of each, of which the number of its models is told."""
    times: list[list[float]] = [[] for _ in rivals]
    for round_ in range(WARM_UP + ROUNDS):
        for (ask, count), measured in zip(rivals, times, strict=True):
            path = paths(count)
            begin = time.perf_counter()
            ask(path)
            if round_ >= WARM_UP:
                measured.append(time.perf_counter() - begin)
    return tuple(statistics.median(measured) for measured in times)
