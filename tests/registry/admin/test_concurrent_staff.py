"""Several staff at once in the admin of a real server."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.support.server import Server, manage

pytestmark = pytest.mark.wire

PASSWORD = "not-so-short-a-word"
NEW = {"name": "churn", "owner": "o", "description": "", "tags": "{}", "metadata": "{}"}
LIST = "/admin/registry/registeredmodel/"


@pytest.fixture
def log_in(server: Server) -> Iterator[Callable[[], httpx.Client]]:
    variables = {**server.variables, "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    made = manage(server.folder, variables, "createsuperuser", "--noinput", "--username=s", "--email=s@example.com")
    assert made.returncode == 0, made.stderr

    def browser() -> httpx.Client:
        client = closing.enter_context(server.client())
        client.get("/admin/login/")
        answer = send(client, "/admin/login/", {"username": "s", "password": PASSWORD})
        assert answer.status_code == 302, answer.text
        return client

    with ExitStack() as closing:
        yield browser


def send(client: httpx.Client, path: str, form: dict[str, Any]) -> httpx.Response:
    return client.post(path, data={**form, "csrfmiddlewaretoken": client.cookies["csrftoken"]})


def edition_on(client: httpx.Client, path: str) -> str:
    found = re.search(r'name="loaded_edition" value="(\d+)"', client.get(path).text)
    assert found is not None
    return found[1]


def all_send(browsers: list[httpx.Client], path: str, form: dict[str, Any]) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(browsers)) as pool:
        return list(pool.map(lambda browser: send(browser, path, form), browsers))


def test_of_all_at_once_one_wins_and_the_others_are_told(server: Server, log_in: Callable[[], httpx.Client]) -> None:
    browsers = [log_in() for _ in range(5)]

    answers = all_send(browsers, f"{LIST}add/", NEW)
    assert Counter(answer.status_code for answer in answers) == {302: 1, 200: 4}
    assert all("already exists" in answer.text for answer in answers if answer.status_code == 200)

    with server.client(server.key) as key:
        page = f"{LIST}{key.get('/api/models/churn').json()['id']}/"
        for turn in range(5):
            save_while_the_api_changes_it(browsers, key, f"{page}change/", turn)
        endings = all_send(browsers, f"{page}delete/", {"post": "yes"})
        assert {answer.status_code for answer in endings} == {302}
        assert key.get("/api/models/churn").status_code == 404


def save_while_the_api_changes_it(browsers: list[httpx.Client], key: httpx.Client, page: str, turn: int) -> None:
    form = {**NEW, "loaded_edition": edition_on(browsers[0], page), "description": f"turn {turn}"}
    with ThreadPoolExecutor(1) as pool:
        change = {"tags": {"turn": str(turn)}}
        api = pool.submit(key.patch, "/api/models/churn", json=change, headers={"If-Match": "*"})
        answers = all_send(browsers, page, form)
    assert api.result().status_code == 200
    won = [answer.status_code for answer in answers].count(302)
    assert won <= 1, "none where the API was first"
    assert all("changed since this page" in answer.text for answer in answers if answer.status_code != 302)
    model = key.get("/api/models/churn").json()
    assert model["tags"] == {"turn": str(turn)}
    assert (model["description"] == f"turn {turn}") == (won == 1)
