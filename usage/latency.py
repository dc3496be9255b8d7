"""Latencies in buckets of growing width, so that a percentile costs no more than a few counters.

A bucket holds the durations d (in µs) with GAMMA^(bucket-1) < d <= GAMMA^bucket. Whatever in a bucket is told as its
`middle` is wrong by at most (GAMMA - 1) / (GAMMA + 1) of itself, here 4.8 %: the rule and the formulas are DDSketch's
(Masson, Rim and Lee, "DDSketch", VLDB 2019, section 2). Buckets can be added up, which percentiles cannot.
"""

import math
from collections.abc import Mapping

GAMMA = 1.1
LARGEST_ERROR = (GAMMA - 1) / (GAMMA + 1)
_LOG_GAMMA = math.log(GAMMA)


def bucket_of(microseconds: int) -> int:
    return math.ceil(math.log(microseconds) / _LOG_GAMMA) if microseconds > 1 else 0


def middle(bucket: int) -> float:
    """In microseconds: equally far, in proportion, from the shortest and the longest duration of the bucket."""
    return 2 * GAMMA**bucket / (GAMMA + 1)


def percentile(buckets: Mapping[int, int], percent: float) -> float | None:
    """In microseconds: the duration that `percent` of those counted do not exceed (the nearest rank); None without
    any. `buckets` counts the durations of each bucket."""
    rank = math.ceil(sum(buckets.values()) * percent / 100)
    for bucket in sorted(buckets):
        rank -= buckets[bucket]
        if rank <= 0:
            return middle(bucket)
    return None
