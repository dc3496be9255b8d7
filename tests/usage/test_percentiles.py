"""Percentiles by log-spaced buckets are within 5 % of the exact ones."""

import math
import random
from collections import Counter
from collections.abc import Callable

import pytest

from usage.latency import LARGEST_ERROR, bucket_of, middle, percentile

DISTRIBUTIONS: dict[str, Callable[[random.Random], float]] = {
    "lognormal": lambda chance: chance.lognormvariate(8, 1.5),
    "uniform": lambda chance: chance.uniform(2, 5_000_000),
    "two humps": lambda chance: chance.gauss(300, 20) if chance.random() < 0.9 else chance.gauss(2_000_000, 100_000),
    "heavy tail": lambda chance: 100 * chance.paretovariate(0.7),
    "constant": lambda _: 1234,
}


@pytest.mark.parametrize("count", [1, 2, 99, 10_000])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_percentile_is_within_five_percent_of_the_exact_one(name: str, count: int) -> None:
    chance = random.Random(f"{name} {count}")
    durations = sorted(max(2, round(DISTRIBUTIONS[name](chance))) for _ in range(count))
    buckets = Counter(map(bucket_of, durations))

    for percent in (50, 95, 99, 100):
        exact = durations[math.ceil(count * percent / 100) - 1]
        assert percentile(buckets, percent) == pytest.approx(exact, rel=0.05)


def test_no_duration_is_told_with_a_larger_error_than_promised() -> None:
    assert LARGEST_ERROR < 0.05
    for exponent in range(10, 3600):  # 2 µs to an hour
        duration = round(1.00635**exponent) + 1
        assert abs(middle(bucket_of(duration)) - duration) <= LARGEST_ERROR * duration * 1.000001


def test_shortest_durations_have_a_bucket() -> None:
    assert bucket_of(-5) == bucket_of(0) == bucket_of(1) == 0


def test_nothing_counted_has_no_percentile() -> None:
    assert percentile({}, 50) is None
