"""Latencies in buckets of growing width, and all buckets of many requests in one number.

A bucket holds the durations d (in µs) with GAMMA^(bucket-1) < d <= GAMMA^bucket. Whatever in a bucket is told as its
`middle` is wrong by at most (GAMMA - 1) / (GAMMA + 1) of itself, here 4.8 %: the rule and the formulas are DDSketch's
(Masson, Rim and Lee, "DDSketch", VLDB 2019, section 2). Buckets can be added up, which percentiles cannot.

A histogram is the sum of count * WIDTH^bucket over its buckets: a number whose digits, DIGITS at a time, are the
counts. Adding up such numbers adds up the histograms, so that PostgreSQL's own `+` and `sum` on numeric do it, and an
hour of a series is one row of the roll-up, not one for each bucket.
"""

import math
from collections.abc import Mapping
from decimal import Decimal

GAMMA = 1.1
LARGEST_ERROR = (GAMMA - 1) / (GAMMA + 1)
LAST = 300  # 30 days: longer ones count there
DIGITS = 12  # of the count of a bucket
WIDTH = 10**DIGITS
PLACES = [WIDTH**bucket for bucket in range(LAST + 1)]  # what a duration of each bucket adds to a histogram
_LOG_GAMMA = math.log(GAMMA)


def bucket_of(microseconds: int) -> int:
    return min(LAST, math.ceil(math.log(microseconds) / _LOG_GAMMA)) if microseconds > 1 else 0


def middle(bucket: int) -> float:
    """In microseconds: equally far, in proportion, from the shortest and the longest duration of the bucket."""
    return 2 * GAMMA**bucket / (GAMMA + 1)


def counts(histogram: Decimal) -> dict[int, int]:
    """Of each bucket that is not empty."""
    digits = f"{histogram:f}"
    found = {}
    for bucket, end in enumerate(range(len(digits), 0, -DIGITS)):
        count = int(digits[max(0, end - DIGITS) : end])
        if count:
            found[bucket] = count
    return found


def percentile(buckets: Mapping[int, int], percent: float) -> float | None:
    """In microseconds: the duration that `percent` of those counted do not exceed (the nearest rank); None without
    any. `buckets` counts the durations of each bucket."""
    rank = math.ceil(sum(buckets.values()) * percent / 100)
    for bucket in sorted(buckets):
        rank -= buckets[bucket]
        if rank <= 0:
            return middle(bucket)
    return None
