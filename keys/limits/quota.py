"""The form in which quotas are written: whole numbers of requests, a day or a month in UTC."""

import re

MAX_QUOTA = 2**53  # what every JSON reader, and Lua, takes for a whole number


def parse_quota(value: object) -> int:
    """Convert a whole number, or text in ASCII digits as forms and commands have it. Raises ValueError, with a sentence
    for the user."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,20}", value.strip(), re.ASCII):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"A quota is a whole number; not {value!r}.")
    if not 0 <= value <= MAX_QUOTA:
        raise ValueError(f"A quota is from 0 to {MAX_QUOTA}; not {value}.")
    return value
