"""Models, contexts and deployments whose rows are as large as they may be, and what memory it takes to act on them."""

import tracemalloc
from collections.abc import Callable
from typing import Any

from django.db import connection

from registry.models import ModelVersion, RegisteredModel

KILOBYTES = 300  # of one version, about

VERSIONS = """
INSERT INTO registry_modelversion (
    id, model_id, number, source, digest, run_id, run_link, status, status_message, stage, created_by, created_at,
    updated_at, edition, description, tags, metrics, params, signature
)
SELECT gen_random_uuid(), %s, number, 's3://b/m', '', '', '', 'ready', '', 'None', '', now(), now(), 1,
    repeat('d', 60000), json_build_object('t', repeat('t', 4900)),
    (SELECT json_object_agg('metric ' || n, n) FROM generate_series(1, 3000) AS n),
    json_build_object('p', repeat('p', 60000)),
    json_build_object('inputs', json_build_object('title', repeat('s', 60000)))
FROM generate_series(1, %s) AS number
"""


def large_versions(name: str, count: int) -> RegisteredModel:
    """A model with so many versions, all but at the limits of what a version may hold."""
    model = RegisteredModel.objects.create(name=name, owner="owner", last_number=count, latest_version=count)
    with connection.cursor() as cursor:
        cursor.execute(VERSIONS, [model.pk, count])
    assert ModelVersion.objects.filter(model=model).count() == count
    return model


def peak_megabytes(act: Callable[[], Any]) -> float:
    """How much more memory than before Python held at once while `act` ran."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
