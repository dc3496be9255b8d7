"""Configures logging: structlog for the service's events, and the same format for those of Django and libraries.

Lines are readable text or JSON (LOG_FORMAT), on standard error or in LOG_FILE. The last processor searches each
finished line, tracebacks included, and replaces everything that looks like a key or is a configured secret.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any, TextIO, cast
from urllib.parse import unquote

import structlog
from django.core.exceptions import ImproperlyConfigured
from structlog.typing import EventDict, Processor, WrappedLogger

from mcp_project.env import DEFAULT_DB_PASSWORD

REDACTED = "[redacted]"
SENSITIVE_NAME = re.compile(r"password|passwd|secret|token|authorization|api[-_]?key$|cookie", re.IGNORECASE)
# An API key, whole or cut; the user and password of a URL; the admin's session cookie.
SENSITIVE_TEXT = re.compile(r"(?<=mcp_)[0-9A-Za-z]{8}\.[0-9A-Za-z]+|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)|(?<=sessionid=)\w+")
# The secret half of a key by itself, and a key in base64. Words are shorter than that; ids and digests are hexadecimal.
LONG_RUN = re.compile(r"[0-9A-Za-z]{32,}+")
HEXADECIMAL = re.compile(r"[0-9a-f]+|[0-9A-F]+")
WORD = re.compile(r"""[^\s"',;]{20,}""")
ESCAPE = re.compile(r"\\+(?:[abfnrtv0]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})|\s")
MOST_ENCODINGS = 5  # nested percent-encodings that are undone: each takes a pass, and a path may nest a thousand
SHORTEST_SECRET = 8  # a shorter secret may be an ordinary word and is not replaced

QUIET = {"django.server", "django.request", "django.security", "psycopg.pool", "environ"}


def configure(options: dict[str, Any]) -> None:
    """Configure logging by settings.LOGGING: level, format ("console", "json"), file ("": standard error), secrets."""
    level = logging.getLevelNamesMapping()[options["level"]]
    stream = cast(TextIO, FailsafeStream(_open(options["file"])))
    colors = options["format"] == "console" and not options["file"] and sys.stderr.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact_names,
        escape_controls,
    ]
    rendering: list[Processor] = [
        *(_render_json() if options["format"] == "json" else _render_console(colors)),
        cast(Processor, text_redactor(options["secrets"])),  # takes the line that the renderer returned
    ]
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    for other in logging.root.handlers.copy():
        logging.root.removeHandler(other)
    logging.root.addHandler(handler)
    logging.root.setLevel(level)
    for name in QUIET:  # the service's own request and error events have the same content
        logging.getLogger(name).setLevel(logging.CRITICAL)


def redact_names(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide the values of fields that are named like secrets, at any depth."""
    for name, value in event.items():
        if _is_sensitive(name):
            event[name] = REDACTED
        elif isinstance(value, dict):
            event[name] = redact_names(_logger, _method, dict(value))
    return event


@lru_cache(maxsize=1024)  # there are few names, all of them in the code, and a search takes half a microsecond
def _is_sensitive(name: str) -> bool:
    return SENSITIVE_NAME.search(name) is not None


def escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape control characters, which a terminal would obey, and line ends: clients choose paths and headers."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = "".join(
                character if character.isprintable() else character.encode("unicode_escape").decode()
                for character in value
            )
    return event


def text_redactor(secrets: Iterable[str]) -> Callable[[WrappedLogger, str, str], str]:
    """Return a processor that replaces the secrets, and what looks like a key, in a finished line."""
    known = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET and secret != DEFAULT_DB_PASSWORD]

    def redact_text(_logger: WrappedLogger, _method: str, line: str) -> str:
        for secret in known:
            if secret in line:
                line = line.replace(secret, REDACTED)
        if "%" in line or "\\" in line:
            line = WORD.sub(_without_encoded_key, line)
        if "mcp_" in line or "://" in line or "sessionid=" in line:
            line = SENSITIVE_TEXT.sub(REDACTED, line)
        return LONG_RUN.sub(_without_half_a_key, line)

    return redact_text


def _without_half_a_key(run: re.Match[str]) -> str:
    return run[0] if HEXADECIMAL.fullmatch(run[0]) else REDACTED


def _without_encoded_key(word: re.Match[str]) -> str:
    """Return REDACTED if the word is an encoded key, else the word.

    It is decoded first: percent-encodings are undone, escapes and white space removed. More than MOST_ENCODINGS nested
    encodings are taken for an attempt to hide a key.
    """
    text = word[0]
    for _ in range(MOST_ENCODINGS):
        encoded, text = text, unquote(text)
        if text == encoded:
            break
    else:
        return REDACTED
    text = ESCAPE.sub("", text)
    if text == word[0]:
        return text
    hidden = SENSITIVE_TEXT.search(text) or any(not HEXADECIMAL.fullmatch(run) for run in LONG_RUN.findall(text))
    return REDACTED if hidden else word[0]


def _render_json() -> list[Processor]:
    # Tracebacks without local variables, which structlog's dict_tracebacks would show: they may hold keys and bodies.
    tracebacks = structlog.processors.ExceptionRenderer(
        structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    )
    return [tracebacks, structlog.processors.JSONRenderer(ensure_ascii=False)]


def _render_console(colors: bool) -> list[Processor]:
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0, exception_formatter=plain)]


class FailsafeStream:
    """A stream that ignores errors such as a full disk: a service that cannot log still serves."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def _open(path: str) -> TextIO:
    if not path:
        return sys.stderr
    try:
        # Appends whole lines, so that workers can share the file and logrotate's `copytruncate` works.
        return open(path, "a", buffering=1, encoding="utf-8")
    except OSError as error:
        raise ImproperlyConfigured(f"LOG_FILE {path} cannot be written: {error.strerror}.") from error
