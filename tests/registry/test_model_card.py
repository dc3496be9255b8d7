"""GET /api/models/{model_id}/card"""

import pytest

from tests.support.api import Api, api
from tests.support.resources import errors, model, version

CARD = "/api/models/churn/card"
HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))",
    "<a href='data:text/html,x'>",
    "![x](data:image/svg+xml;base64,AAAA)", "<svg onload=alert(1)>", "</textarea><script>", "<style>*{}</style>",
    "[x]: javascript:alert(1)\n\n[x]", "<iframe src=//evil>", "&lt;script&gt;", "```\n<script>\n", "[a](vbscript:x)",
]  # fmt: skip


def test_card_tells_of_the_model_and_its_latest_version(owner: Api) -> None:
    model(owner, description="## Use\n\nPredicts *churn*.", license="MIT", tags={"team": "a|b"})
    version(owner)
    version(owner, metrics={"auc": 0.9}, params={"depth": "6"}, signature={"inputs": {"type": "object"}})
    owner("PUT", "/api/models/churn/aliases/champion", {"version": 2})

    answer = owner.get(CARD)

    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    text = answer.content.decode()
    assert text.startswith("# churn\n\n- **owner**: owner\n- **license**: MIT\n- **tag team**: a\\|b\n\n## Use")
    assert "| 2 | None | champion | ready |" in text
    assert "| auc | 0\\.9 |" in text
    assert '"type": "object"' in text


@pytest.mark.parametrize("how", [{"Accept": "text/html"}, {"Accept": "text/html,*/*;q=0.8"}, {}])
def test_it_comes_as_html(owner: Api, how: dict[str, str]) -> None:
    model(owner, description="Predicts *churn*.\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    version(owner)

    answer = owner.get(CARD if how else f"{CARD}?format=html", **how)

    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert "sandbox" in answer["Content-Security-Policy"]
    text = answer.content.decode()
    assert "<em>churn</em>" in text
    assert text.count("<table>") == 2


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_runs_in_it(owner: Api, text: str) -> None:
    model(owner, description=text, tags={"t": text.replace("\n", " ")}, license=text[:40].replace("\n", " "))
    version(owner, description=text, params={"p": text}, tags={})

    html = owner.get(f"{CARD}?format=html").content.decode().lower()

    for bad in (
        "<script",
        "<img src=x",
        "onerror=alert(1)>",
        "<svg",
        "<iframe",
        "<style",
        'href="javascript',
        'href="data',
    ):
        assert bad not in html
    assert 'src="data' not in html
    assert 'href="vbscript' not in html


def test_name_is_text_and_nothing_else(owner: Api) -> None:
    model(owner, "<b>*x*<script>")

    html = owner.get("/api/models/%3Cb%3E*x*%3Cscript%3E/card?format=html").content.decode()
    assert "<h1>&lt;b&gt;*x*&lt;script&gt;</h1>" in html
    assert "<title>&lt;b&gt;*x*&lt;script&gt;</title>" in html


def test_errors_have_the_shape(owner: Api) -> None:
    model(owner)
    blind = api("blind", "read", model_patterns=["other*"])

    assert errors(owner.get(f"{CARD}?format=pdf")) == {"format"}
    assert errors(owner.get(f"{CARD}?x=1")) == {"x"}
    assert (blind.get(CARD).status_code, blind.get(CARD, Accept="text/html").json()["code"]) == (404, "NOT_FOUND")


def test_card_is_known_by_its_etag_until_what_it_shows_changes(owner: Api) -> None:
    model(owner)
    version(owner, status="pending")
    known = owner.get(CARD)["ETag"]

    assert owner.get(CARD, If_None_Match=known).status_code == 304
    assert owner.get(f"{CARD}?format=html", If_None_Match=known).status_code == 200
    owner("PATCH", "/api/models/churn/versions/1", {"metrics": {"auc": 0.5}}, If_Match="*")
    assert owner.get(CARD, If_None_Match=known).status_code == 200


def test_it_loads_nothing_and_links_to_its_images(owner: Api) -> None:
    text = '![a "graph"](https://elsewhere.example/g.png "t") [![badge](http://elsewhere.example/b.svg)](https://ci)'
    model(owner, description=f"{text}\n\n![by name][it]\n\n[it]: //elsewhere.example/i.png")

    answer = owner.get(f"{CARD}?format=html")

    html = answer.content.decode()
    assert "<img" not in html
    assert '<a href="https://elsewhere.example/g.png"' in html
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize("path", [CARD, "/api/models/churn/lineage", "/api/models/churn"])
def test_what_has_changed_since_is_not_read_with_its_old_etag(owner: Api, path: str) -> None:
    model(owner)

    answer = owner.get(path, If_Match='"stale"')

    assert answer.status_code == (200 if path.endswith("churn") else 412), "which has a condition only for changes"
    assert answer.json()["code"] == "PRECONDITION_FAILED" if answer.status_code == 412 else True
