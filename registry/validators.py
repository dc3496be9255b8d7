"""Rules for what the registry stores. Each raises Django's ValidationError.

Names, tags, aliases and sources follow MLflow's model registry (its `mlflow.utils.validation`).
"""

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ValidationError

from mcp_project.database.validators import JSONObject, printable, storable
from registry.schemas import check
from registry.spelling import validate_spelling

MAX_TAGS = 100
MAX_TAG_KEY = 250
MAX_TAG_VALUE = 5_000
MAX_TAGS_BYTES = 65_536  # of all metadata together: PostgreSQL indexes at most a megabyte of words
MAX_METADATA_BYTES = 65_536
MAX_ALIASES = 100
MAX_SOURCE = 2_000

# Characters for which a browser or this host would read another place than the artifact's.
REFUSED_SCHEMES = {"file", "javascript", "data", "vbscript", "blob", "about", "local", "jar"}
PLACEHOLDERS = {"dummy-source", "prompt-template"}  # that MLflow's own prompt calls send
MODEL_URI = re.compile(r"models:/(?P<name>[^/:]+)/(?P<number>[1-9][0-9]{0,8})", re.ASCII)
RESERVED_ALIAS = re.compile(r"latest|v[0-9]+", re.ASCII | re.IGNORECASE)


def validate_model_name(name: str) -> None:
    """MLflow's rule: no `/` and no `:`, which separate the parts of a model's URI."""
    if "/" in name or ":" in name:
        raise ValidationError("A name holds neither `/` nor `:`.", "invalid_name")
    if name in (".", ".."):
        raise ValidationError("Clients take `.` and `..` in a path for folders.", "invalid_name")
    validate_spelling(name)


def validate_tags(tags: Any) -> None:
    if not isinstance(tags, dict):
        raise ValidationError("A JSON object of tags is wanted: key → value.", "not_an_object")
    if len(tags) > MAX_TAGS:
        raise ValidationError(f"At most {MAX_TAGS} tags; these are {len(tags)}.", "too_many")
    JSONObject(MAX_TAGS_BYTES)(tags)
    for key, value in tags.items():
        if not 1 <= len(key) <= MAX_TAG_KEY:
            raise ValidationError(f"A tag's key has from 1 to {MAX_TAG_KEY} characters.", "invalid_tag")
        printable(key)
        if not isinstance(value, str) or len(value) > MAX_TAG_VALUE:
            raise ValidationError(f"A tag's value is a string of at most {MAX_TAG_VALUE} characters.", "invalid_tag")


def validate_alias(alias: str) -> None:
    validate_spelling(alias)
    if not re.fullmatch(r"[\w-]{1,255}", alias):
        raise ValidationError("An alias has from 1 to 255 letters, digits, `_` and `-`.", "invalid_alias")
    if RESERVED_ALIAS.fullmatch(alias):
        raise ValidationError("`latest` and `v1`, `v2` … name versions by themselves.", "reserved_alias")


def validate_source(source: str) -> None:
    """A URI of an artifact: never of this host's files, and nothing that leads out of where it points to."""
    if source in PLACEHOLDERS:
        return
    printable(source)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/", source)  # of two letters at least: C:/ is a disk
    if scheme is None or scheme[1].lower() in REFUSED_SCHEMES:
        raise ValidationError("A URI is wanted, such as s3://bucket/model; not a file of this host.", "invalid_source")
    path = unquote(unquote(source)).replace("\\", "/")
    if ".." in re.split(r"[/?#]", path):
        raise ValidationError("A source holds no `..`.", "invalid_source")


def validate_link(link: str) -> None:
    """An address that a browser may be sent to."""
    printable(link)
    try:
        parts = urlsplit(link)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        port_is_good = False
    if not port_is_good or parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValidationError("A link begins with http:// or https:// and a host.", "invalid_link")


def validate_digest(digest: str) -> None:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest, re.ASCII):
        raise ValidationError("A digest reads sha256: and 64 digits of hexadecimal.", "invalid_digest")


def validate_schema(schema: Any) -> None:
    """JSON Schema, draft 2020-12. References to elsewhere are not followed."""
    if not isinstance(schema, dict | bool):
        raise ValidationError("A JSON Schema is an object.", "invalid_schema")
    storable(schema)
    check(schema)


def validate_signature(signature: Any) -> None:
    """`inputs` and `outputs`, each a JSON Schema."""
    JSONObject(MAX_METADATA_BYTES)(signature)
    unknown = set(signature) - {"inputs", "outputs"}
    if unknown:
        raise ValidationError("A signature has `inputs` and `outputs`, and nothing else.", "unknown_field")
    for name in signature:
        validate_schema(signature[name])


def validate_metrics(metrics: Any) -> None:
    """Name → number."""
    JSONObject(MAX_METADATA_BYTES)(metrics)
    for name, value in metrics.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError(f"The metric {name[:50]!r} is not a number.", "invalid_metric")
