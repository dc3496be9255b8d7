"""The cost of the limiter for a request, and the cost of a refused request.

The same view, `GET /api/models/{model_id}`, in one process: without the limiter, with it on PostgreSQL, with it on
Redis; and refused by it.
"""

from collections.abc import Callable

from bench.harness import (
    Claim,
    Cost,
    Pace,
    application,
    at_most,
    costs,
    differences,
    fresh,
    lacks,
    ratios,
    redis_server,
    requester,
)

AIM_POSTGRESQL = 120  # microseconds of CPU in the worker
AIM_REDIS = 80
AIM_REFUSED = 0.5  # of a served request


def in_process(pace: Pace) -> list[Claim]:
    with redis_server() as redis_url:
        return claims(measure(redis_url, pace))


def measure(redis_url: str | None, pace: Pace) -> dict[str, Cost]:
    from keys.limits.limiter import limiter
    from keys.limits.stores import Store
    from keys.limits.stores.postgresql import PostgreSQLStore
    from keys.limits.stores.redis import RedisStore
    from keys.services import create_key
    from registry.models import RegisteredModel

    _, key = create_key("bench", owner="bench", name="limits", permissions=["read"], rate_limit="1000000/s")
    _, eager = create_key("bench", owner="bench", name="eager", permissions=["read"], rate_limit="1/90d")
    path = f"/api/models/{RegisteredModel.objects.create(name=fresh('bench-limits'), owner='bench').pk}"
    whole, without = application(), application("keys.middleware.ThrottleMiddleware")

    served = requester(whole, path, key, 200)
    requester(whole, path, eager, 200)()
    refused = requester(whole, path, eager, 429)

    def on(store: Store, request: Callable[[], None]) -> Callable[[], None]:
        def on_store() -> None:
            limiter.store = store
            request()

        return on_store

    postgresql = PostgreSQLStore()
    rivals = {
        "no limiter": requester(without, path, key, 200),
        "postgresql": on(postgresql, served),
        "refused": on(postgresql, refused),
    }
    if redis_url is not None:
        rivals["redis"] = on(RedisStore(redis_url), served)
    try:
        return costs(rivals, pace.rounds)
    finally:
        limiter.store = postgresql


def claims(found: dict[str, Cost]) -> list[Claim]:
    made = []
    for store, aim in (("postgresql", AIM_POSTGRESQL), ("redis", AIM_REDIS)):
        text = f"limiter on {store}: CPU that it adds to a request in the worker"
        if store not in found:
            made.append(Claim(text, f"at most {aim} µs", str(lacks("redis-server")), None))
            continue
        cpu = differences(found[store].parts, found["no limiter"].parts)
        wall = found[store].wall - found["no limiter"].wall
        made.append(at_most(aim, text, cpu, " µs", f" (in all {wall:.0f} µs)"))
    text = "refused over the limit ÷ served: CPU of a request in the worker"
    made.append(at_most(AIM_REFUSED, text, ratios(found["refused"].parts, found["postgresql"].parts)))
    return made
