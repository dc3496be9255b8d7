"""The registries of the metrics that `GET /metrics` shows. Each app registers its own."""

import platform
from collections.abc import Iterable

import django
from prometheus_client import CollectorRegistry, Metric, disable_created_metrics, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from mcp_project import __version__
from mcp_project.serving import shared_metrics

if (
    shared_metrics.state.folder is None
):  # whatever PROMETHEUS_MULTIPROC_DIR says: it is for servers, which choose their own
    values.ValueClass = values.MutexValue
# A series more for each, which workers that count together do not have.
disable_created_metrics()  # type: ignore[no-untyped-call]

counted = CollectorRegistry()  # as things happen, by each worker
computed = CollectorRegistry()  # when they are asked for, by any


class BuildInfo(Collector):
    """What runs here: the constant 1, whose labels tell it."""

    def collect(self) -> Iterable[Metric]:
        versions = {"version": __version__, "python": platform.python_version(), "django": django.__version__}
        info = GaugeMetricFamily("mcp_build_info", "What this service is built of.", labels=list(versions))
        info.add_metric(list(versions.values()), 1)
        yield info


computed.register(BuildInfo())


class Everything(Collector):
    """Of all workers, whichever is asked."""

    def collect(self) -> Iterable[Metric]:
        folder = shared_metrics.state.folder
        yield from counted.collect() if folder is None else of_all_workers(str(folder))
        yield from computed.collect()


def of_all_workers(folder: str) -> Iterable[Metric]:
    try:
        metrics = MultiProcessCollector(None, folder).collect()  # type: ignore[no-untyped-call]
    except (ValueError, OSError):
        return []  # somebody has removed the folder: nothing is known, rather than a part
    return sorted(metrics, key=lambda metric: metric.name)


def as_text() -> bytes:
    """In Prometheus' text format, version 0.0.4."""
    return generate_latest(Everything())
