"""The registries of the metrics that `GET /metrics` shows. Each app registers its own."""

import platform
from collections.abc import Iterable

import django
from prometheus_client import CollectorRegistry, Metric, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from mcp_project import __version__
from mcp_project.patches.prometheus_client import count_in_memory
from mcp_project.serving import shared_metrics

if shared_metrics.state.folder is None:
    # Overrides PROMETHEUS_MULTIPROC_DIR: only a server's workers share metrics, and it sets its own folder.
    count_in_memory()
# A `_created` series for each metric, which multi-process metrics lack anyway.
disable_created_metrics()  # type: ignore[no-untyped-call]

counted = CollectorRegistry()  # metrics that each worker counts as things happen
computed = CollectorRegistry()  # metrics that are computed at a scrape, by the worker that answers it


class BuildInfo(Collector):
    """The constant 1, whose labels are the versions of the service, of Python and of Django."""

    def collect(self) -> Iterable[Metric]:
        versions = {"version": __version__, "python": platform.python_version(), "django": django.__version__}
        info = GaugeMetricFamily("mcp_build_info", "What this service is built of.", labels=list(versions))
        info.add_metric(list(versions.values()), 1)
        yield info


computed.register(BuildInfo())


class Everything(Collector):
    """The metrics of all workers of this host, whichever of them answers the scrape."""

    def collect(self) -> Iterable[Metric]:
        folder = shared_metrics.state.folder
        yield from counted.collect() if folder is None else of_all_workers(str(folder))
        yield from computed.collect()


def of_all_workers(folder: str) -> Iterable[Metric]:
    try:
        metrics = MultiProcessCollector(None, folder).collect()  # type: ignore[no-untyped-call]
    except (ValueError, OSError):
        return []  # the folder has been removed: no metrics are better than those of some workers only
    return sorted(metrics, key=lambda metric: metric.name)


def as_text() -> bytes:
    """Return all metrics in Prometheus' text format, version 0.0.4."""
    return generate_latest(Everything())
