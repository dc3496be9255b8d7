"""`python -m bench`: a script that fails is reported, and differences as small as the noise decide nothing."""

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from bench import report
from bench.__main__ import PACES, WHOLE, decided, main
from bench.harness import Claim, Pace, at_least, at_most

QUICK = PACES["--quick"]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[Pace], list[Claim]]], None]:
    def add(name: str, alone: Callable[[Pace], list[Claim]]) -> None:
        module = ModuleType(f"bench.{name}")
        module.alone = alone  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)

    return add


def test_script_that_fails_is_reported_and_the_others_are_kept(
    script: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_pace: Pace) -> list[Claim]:
        raise ValueError("the cursor was refused\nand more")

    script("failing", fail)
    script("working", lambda _: [Claim("a claim", "at least 1", "2", True)])

    assert main(["failing", "working"]) == 1

    table = capsys.readouterr().out.partition("Took")[2]
    assert "failing, alone" in table
    assert "ValueError: the cursor was refused" in table
    assert report.FAILED in table
    assert "a claim" in table


def test_scripts_that_all_work_end_with_status_0(script: Callable[..., None]) -> None:
    script("working", lambda _: [Claim("a claim", "at least 1", "0", False)])

    assert main(["working", "--smoke"]) == 0


def test_quick_measurement_that_could_be_noise_is_repeated_for_longer_and_then_undecided() -> None:
    paces = []

    def measure(pace: Pace) -> list[Claim]:
        paces.append(pace)
        return [at_least(1.0, "noise", [0.7, 0.9, 1.4]), at_least(1.0, "missed", [0.5, 0.5, 0.5])]

    noise, missed = decided(measure, QUICK)

    assert [pace.slices for pace in paces] == [QUICK.slices, 2 * QUICK.slices, 4 * QUICK.slices]
    assert (report.said(noise), report.said(missed)) == ("undecided", "NOT MET")


def test_quick_measurement_that_is_clear_is_not_repeated() -> None:
    paces = []

    def measure(pace: Pace) -> list[Claim]:
        paces.append(pace)
        return [at_most(2, "met", [1.0, 1.1, 1.2])]

    [claim] = decided(measure, QUICK)

    assert (len(paces), report.said(claim)) == (1, "met")


def test_whole_measurement_decides() -> None:
    [claim] = decided(lambda _: [at_least(1.0, "close", [0.7, 0.9, 1.4])], WHOLE)

    assert report.said(claim) == "NOT MET"
