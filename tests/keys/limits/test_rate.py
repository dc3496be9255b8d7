"""How rates are written."""

import pytest

from keys.limits.rate import Rate


@pytest.mark.parametrize(
    ("text", "limit", "period"),
    [("10/s", 10, 1), ("600/m", 600, 60), ("5000/h", 5000, 3600), ("100000/d", 100_000, 86400), ("600/5m", 600, 300)],
)
def test_rate_is_read(text: str, limit: int, period: int) -> None:
    assert Rate.parse(text) == Rate(limit, period)


@pytest.mark.parametrize(
    "text",
    ["", "10", "10/", "/m", "0/m", "-1/s", "1e9/s", "10/0s", "ten/m", "١٠/m", "10/w", "10 / m", "10/m ", "10/m\n",
     "1000000001/s", "1/367d", "1/999999d", "9" * 5000 + "/s", "1.5/s", "+1/s"],
)  # fmt: skip
def test_what_is_no_rate_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^A rate.*\.$"):
        Rate.parse(text)
