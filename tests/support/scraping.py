"""`GET /metrics`, read as Prometheus reads it."""

from prometheus_client.parser import text_string_to_metric_families

from tests.support.api import Api

Labels = frozenset[tuple[str, str]]


class Scrape:
    """The samples of a scrape. The process counts on from test to test, so tests look at what was added."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def added_since(self, before: "Scrape", name: str) -> dict[Labels, float]:
        grown = {key: value - before.samples.get(key, 0.0) for key, value in self.samples.items() if key[0] == name}
        return {labels: value for (_, labels), value in grown.items() if value}


def scrape() -> Scrape:
    response = Api().get("/metrics")
    assert (response.status_code, response["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return Scrape(response.content.decode())


def labels(**values: str) -> Labels:
    return frozenset(values.items())
