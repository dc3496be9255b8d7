"""The cost of governing a read: authentication, limits and metering.

`GET /api/models/{id}` by the whole service; by the same without its three middlewares; and by a bare Django view.
"""

from contextlib import ExitStack
from functools import partial

from bench.harness import Claim, Pace, application, at_least, costs, fresh, lacks, ratios, redis_server, requester
from bench.served import Served, beside, in_turns, load, made

# The least that a governed read keeps of its rival, of CPU in process and of throughput.
AIMS = {
    ("postgresql", "ungoverned"): (0.85, 0.82),
    ("redis", "ungoverned"): (0.85, 0.82),
    ("postgresql", "bare"): (0.60, 0.60),
}
TEXT = "GET /api/models/{id}"
TAGS = {"team": "growth"}


def text_of(store: str, rival: str, how: str) -> str:
    against = "ungoverned" if rival == "ungoverned" else "a bare Django view"
    return f"{TEXT}, governed ({store}) ÷ {against}: {how}"


def in_process(pace: Pace) -> list[Claim]:
    from bench import rivals
    from keys.limits.limiter import limiter
    from keys.limits.stores import Store
    from keys.limits.stores.postgresql import PostgreSQLStore
    from keys.limits.stores.redis import RedisStore
    from keys.services import create_key
    from registry.models import RegisteredModel

    _, key = create_key("bench", owner="bench", name="reader", permissions=["read"])
    path = f"/api/models/{RegisteredModel.objects.create(name=fresh('bench'), tags=TAGS, owner='bench').pk}"
    served = requester(application(), path, key, 200)
    with redis_server() as redis_url:
        stores: dict[str, Store] = {"postgresql": PostgreSQLStore()}
        if redis_url is not None:
            stores["redis"] = RedisStore(redis_url)

        def on(store: str) -> None:
            limiter.store = stores[store]
            served()

        found = costs(
            {
                **{store: partial(on, store) for store in stores},
                "ungoverned": requester(rivals.ungoverned, path, key, 200),
                "bare": requester(rivals.bare, path, key, 200),
            },
            pace.rounds,
        )
        limiter.store = stores["postgresql"]
    return [
        at_least(aim[0], text_of(store, rival, "CPU in process"), ratios(found[rival].parts, found[store].parts))
        for (store, rival), aim in AIMS.items()
        if store in found
    ]


def through_gunicorn(service: Served, pace: Pace) -> list[Claim]:
    path = f"/api/models/{made(service, '/api/models', {'name': fresh('bench'), 'tags': TAGS})['id']}"
    with ExitStack() as stack:
        rivals = {"postgresql": service}
        for name in ("ungoverned", "bare"):
            rivals[name] = stack.enter_context(beside(service, 2, name))
        redis_url = stack.enter_context(redis_server())
        if redis_url is not None:
            rivals["redis"] = stack.enter_context(beside(service, 2, REDIS_URL=redis_url))
        found = in_turns({name: partial(load, rival, path, pace.seconds) for name, rival in rivals.items()}, pace)
    return [
        at_least(aim[1], text_of(store, rival, "throughput"), ratios(found[store], found[rival]))
        if store in found
        else Claim(text_of(store, rival, "throughput"), f"at least {aim[1]}", str(lacks("redis-server")), None)
        for (store, rival), aim in AIMS.items()
    ]
