"""The cost of a refused request, against a served one: a flood of refused requests must not be worth sending.

Over the limit: a key whose rate is used up. Unknown key: one that has the form of a key and was never issued, again and
again from one address, which AUTH_FAILURE_RATE soon refuses; so served and refused requests come from two addresses, by
a proxy's header.
"""

from functools import partial

from bench.harness import Claim, Pace, application, at_least, costs, fresh, ratios, requester
from bench.served import Served, ask, beside, in_turns, load, made

AIM = 2.5
SPENT = {"owner": "bench", "name": "spent", "permissions": ["read"], "rate_limit": "1/90d"}
SERVED_FROM, REFUSED_FROM = "192.0.2.1", "192.0.2.2"


def unknown_key() -> str:
    from keys.crypto import KeyGenerator

    return KeyGenerator().generate()[0]


def in_process(pace: Pace) -> list[Claim]:
    from keys.services import create_key
    from registry.models import RegisteredModel

    _, key = create_key("bench", owner="bench", name="reader", permissions=["read"])
    _, spent = create_key("bench", **SPENT)
    path = f"/api/models/{RegisteredModel.objects.create(name=fresh('bench-refused'), owner='bench').pk}"
    whole = application()
    requester(whole, path, spent, 200)()
    found = costs(
        {
            "served": requester(whole, path, key, 200),
            "over the limit": requester(whole, path, spent, 429),
            "unknown key": requester(whole, path, unknown_key(), (401, 429), REMOTE_ADDR=REFUSED_FROM),
        },
        pace.rounds,
    )
    return [claim(name, "CPU in process", ratios(found["served"].parts, found[name].parts)) for name in list(found)[1:]]


def through_gunicorn(service: Served, pace: Pace) -> list[Claim]:
    path = f"/api/models/{made(service, '/api/models', {'name': fresh('bench-refused')})['id']}"
    spent = made(service, "/api/keys", SPENT)["key"]
    with beside(service, 2, TRUSTED_PROXIES="127.0.0.1") as behind:

        def flood(name: str, key: str, address: str) -> float:
            words = ("-H", f"X-API-Key: {key}", "-H", f"X-Forwarded-For: {address}")
            return load(behind, path, pace.seconds, *words, refused=name != "served")

        flooders = {"served": (service.key, SERVED_FROM), "over the limit": (spent, SERVED_FROM),
                    "unknown key": (unknown_key(), REFUSED_FROM)}  # fmt: skip
        ask(behind, "GET", path, **{"X-API-Key": spent})  # the one that it may
        found = in_turns({name: partial(flood, name, *sent) for name, sent in flooders.items()}, pace)
    return [claim(name, "throughput", ratios(found[name], found["served"])) for name in list(found)[1:]]


def claim(name: str, how: str, samples: list[float]) -> Claim:
    return at_least(AIM, f"GET /api/models/{{id}}, refused ({name}) ÷ served: {how}", samples)
