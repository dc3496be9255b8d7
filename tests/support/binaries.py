"""Debian's programs that some tests need."""

import os
import shutil

import pytest


def binary(name: str, package: str, required_by: str, untested: str) -> str:
    """The path of a program. Where it is missing, skips the test, or fails it if the environment variable
    `required_by` reads `required`, as in CI."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        reason = f"{name} is not installed (on Debian: apt install {package}): {untested} NOT tested"
        if os.environ.get(required_by) == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
