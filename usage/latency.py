"""Latency histograms that PostgreSQL can add up, and percentiles from them.

A bucket counts the durations d (in µs) with GAMMA^(bucket-1) < d <= GAMMA^bucket. Each of them is reported as the
bucket's `middle`, with a relative error of at most (GAMMA - 1) / (GAMMA + 1), here 4.8 %. Source of the rule and the
formulas: Masson, Rim and Lee, "DDSketch", VLDB 2019, section 2. Histograms can be added up, which percentiles cannot.

A histogram is stored as one number, the sum of count * WIDTH^bucket over its buckets: its decimal digits, DIGITS at a
time, are the counts. PostgreSQL's `+` and `sum` on `numeric` therefore add up histograms, and the roll-up has one row
for each hour and series instead of one for each bucket.
"""

import math
from collections.abc import Mapping
from decimal import Decimal

GAMMA = 1.1
LARGEST_ERROR = (GAMMA - 1) / (GAMMA + 1)
LAST = 300  # the bucket of 30 days, which counts longer durations as well
DIGITS = 12  # decimal digits for the count of a bucket
WIDTH = 10**DIGITS
BUCKET_WEIGHTS = [WIDTH**bucket for bucket in range(LAST + 1)]  # added to a histogram for a duration of each bucket
_LOG_GAMMA = math.log(GAMMA)


def bucket_of(microseconds: int) -> int:
    return min(LAST, math.ceil(math.log(microseconds) / _LOG_GAMMA)) if microseconds > 1 else 0


def middle(bucket: int) -> float:
    """Return the duration, in µs, with the same relative distance to the bucket's shortest and longest one."""
    return 2 * GAMMA**bucket / (GAMMA + 1)


def counts(histogram: Decimal) -> dict[int, int]:
    """Return the count of each bucket that is not empty."""
    digits = f"{histogram:f}"
    buckets = {}
    for bucket, end in enumerate(range(len(digits), 0, -DIGITS)):
        count = int(digits[max(0, end - DIGITS) : end])
        if count:
            buckets[bucket] = count
    return buckets


def percentile(buckets: Mapping[int, int], percent: float) -> float | None:
    """Return a percentile by the nearest-rank method, in µs; None if nothing was counted.

    `buckets` maps each bucket to its count.
    """
    rank = math.ceil(sum(buckets.values()) * percent / 100)
    for bucket in sorted(buckets):
        rank -= buckets[bucket]
        if rank <= 0:
            return middle(bucket)
    return None
