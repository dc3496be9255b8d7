"""The cost of a governed, audited and idempotent write, against bare Django INSERTs of the same rows.

`POST /api/models/{id}/versions`, each with an Idempotency-Key of its own, to MODELS models in turn: a write waits for
the one before it to the same model, since versions are numbered without gaps.
"""

import json
import tempfile

from bench.harness import Claim, Pace, application, at_least, costs, fresh, ratios, requester
from bench.served import Served, beside, in_turns, load, made

AIM_CPU, AIM_THROUGHPUT = 0.40, 0.42
MODELS = 50
BODY = json.dumps({"source": "s3://bucket/model/1", "run_id": "run-1", "metrics": {"auc": 0.9}, "params": {"depth": 6}})
TEXT = "POST /api/models/{id}/versions, governed, audited, idempotent ÷ bare INSERTs: "
SCRIPT = """
local paths, made = {%(paths)s}, 0
local headers = {["Content-Type"] = "application/json", ["X-API-Key"] = "%(key)s"}
math.randomseed(os.time() + %(seed)d)
local run = tostring(math.random(1, 2^31))
request = function()
    made = made + 1
    headers["Idempotency-Key"] = run .. "-" .. made
    return wrk.format("POST", paths[made %% #paths + 1], headers, '%(body)s')
end
"""


def in_process(pace: Pace) -> list[Claim]:
    from bench import rivals
    from keys.services import create_key
    from registry.models import RegisteredModel

    _, key = create_key("bench", owner="bench", name="writer", permissions=["write"])
    path = f"/api/models/{RegisteredModel.objects.create(name=fresh('bench-writes'), owner='bench').pk}/versions"
    found = costs(
        {
            "governed write": requester(application(), path, key, 201, BODY.encode()),
            "bare write": requester(rivals.bare, path, key, 201, BODY.encode()),
        },
        pace.rounds // 2,
    )
    return [
        at_least(AIM_CPU, TEXT + "CPU in process", ratios(found["bare write"].parts, found["governed write"].parts))
    ]


def through_gunicorn(service: Served, pace: Pace) -> list[Claim]:
    ids = [made(service, "/api/models", {"name": fresh("bench-writes")})["id"] for _ in range(MODELS)]
    paths = ", ".join(f'"/api/models/{id_}/versions"' for id_ in ids)
    runs = iter(range(1_000_000))

    def write(rival: Served) -> float:
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(SCRIPT % {"paths": paths, "key": service.key, "body": BODY, "seed": next(runs)})
            script.flush()
            return load(rival, "/", pace.seconds, "-s", script.name)

    with beside(service, 2, "bare") as bare:
        found = in_turns({"governed write": lambda: write(service), "bare write": lambda: write(bare)}, pace)
    return [at_least(AIM_THROUGHPUT, TEXT + "throughput", ratios(found["governed write"], found["bare write"]))]
