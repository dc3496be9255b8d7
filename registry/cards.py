"""Model cards: the main facts about a model on one page, as Markdown or as HTML."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from keys.principal import Principal
from registry.models import ModelVersion, RegisteredModel

MAX_VERSIONS = 50
TAGS = nh3.ALLOWED_TAGS - {"img"}
PUNCTUATION = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&:@])")


def image_as_link(_renderer: Any, tokens: Sequence[Token], index: int, *_others: Any) -> str:
    """A render rule of markdown-it."""
    address = str(tokens[index].attrGet("src") or "")
    return f'<a href="{escape(address)}">{escape(tokens[index].content or address)}</a>'


# Descriptions are Markdown (CommonMark, with tables); HTML in them is text.
_renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
# An image would tell its server who reads the page, and when: it becomes a link to it.
_renderer.add_render_rule("image", image_as_link)


def card(principal: Principal, model: RegisteredModel) -> str:
    """The card as Markdown, with what the principal may see."""
    versions = _versions(model)
    parts = [f"# {plain(model.name)}", _facts(model), model.description]
    if versions:
        parts += ["## Versions", _table(("version", "stage", "aliases", "status", "registered"), map(_row, versions))]
        parts += _details(versions[0], versions[0].source_for(principal))
    return "\n\n".join(part for part in parts if part) + "\n"


def as_html(markdown: str, title: str) -> str:
    """A page in which nothing runs, and that loads nothing: no scripts, styles, frames, images, other schemes."""
    body = nh3.clean(_renderer.render(markdown), tags=TAGS, url_schemes={"http", "https", "mailto"})
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{nh3.clean_text(title)}</title></head>'
    return f"{head}<body>{body}</body></html>\n"


def _versions(model: RegisteredModel) -> list[ModelVersion]:
    """The latest, newest first. The first one is shown in full; of the others only what their row of the table has."""
    newest_first = model.versions.order_by("-number")
    brief = newest_first.only("model_id", "number", "stage", "status", "created_at")[1:MAX_VERSIONS]
    return [*newest_first[:1], *brief]


def plain(text: str) -> str:
    """Text that Markdown is to leave as it is, on one line."""
    return PUNCTUATION.sub(r"\\\1", " ".join(text.split()))


def _facts(model: RegisteredModel) -> str:
    facts = {name: getattr(model, name) for name in ("owner", "task", "framework", "license")}
    facts |= {f"tag {key}": value for key, value in sorted(model.tags.items())}
    return "\n".join(f"- **{plain(name)}**: {plain(value)}" for name, value in facts.items() if value)


def _row(version: ModelVersion) -> Sequence[str]:
    aliases = ", ".join(version.aliases)
    return (str(version.number), version.stage, aliases, version.status, f"{version.created_at:%Y-%m-%d}")


def _details(version: ModelVersion, source: str) -> Iterable[str]:
    yield f"## Version {version.number}"
    yield version.description
    facts = {"source": source, "digest": version.digest, "run": version.run_id}
    yield "\n".join(f"- **{name}**: {plain(value)}" for name, value in facts.items() if value)
    for title, values in (("Metrics", version.metrics), ("Parameters", version.params)):
        if values:
            yield f"### {title}"
            yield _table(("name", "value"), _pairs(values))
    if version.signature:
        yield "### Signature"
        yield _code(json.dumps(version.signature, indent=2, ensure_ascii=False, sort_keys=True))


def _pairs(values: Mapping[str, Any]) -> Iterable[Sequence[str]]:
    for name, value in sorted(values.items()):
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *([plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    """Within a fence that is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}json\n{text}\n{fence}"
