"""Several staff at once in the admin of a real server."""

import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.server import Server, at_once, manage

PASSWORD = "not-so-short-a-word"
NEW = {"name": "churn", "owner": "o", "description": "", "tags": "{}", "metadata": "{}"}
LIST = "/admin/registry/registeredmodel/"


@pytest.fixture
def log_in(server: Server) -> Callable[[], httpx.Client]:
    variables = {**server.variables, "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    made = manage(server.folder, variables, "createsuperuser", "--noinput", "--username=s", "--email=s@example.com")
    assert made.returncode == 0, made.stderr

    def browser() -> httpx.Client:
        client = server.client()
        client.get("/admin/login/")
        answer = send(client, "/admin/login/", {"username": "s", "password": PASSWORD})
        assert answer.status_code == 302, answer.text
        return client

    return browser


def send(client: httpx.Client, path: str, form: dict[str, Any]) -> httpx.Response:
    return client.post(path, data={**form, "csrfmiddlewaretoken": client.cookies["csrftoken"]})


def edition_on(client: httpx.Client, path: str) -> str:
    found = re.search(r'name="loaded_edition" value="(\d+)"', client.get(path).text)
    assert found is not None
    return found[1]


def test_of_all_at_once_one_wins_and_the_others_are_told(server: Server, log_in: Callable[[], httpx.Client]) -> None:
    browsers = [log_in() for _ in range(5)]
    key = server.client(server.key)

    def all_send(path: str, form: dict[str, Any]) -> list[httpx.Response]:
        with ThreadPoolExecutor(len(browsers)) as pool:
            return list(pool.map(lambda browser: send(browser, path, form), browsers))

    answers = all_send(f"{LIST}add/", NEW)
    assert Counter(answer.status_code for answer in answers) == {302: 1, 200: 4}
    assert all("already exists" in answer.text for answer in answers if answer.status_code == 200)

    page = f"{LIST}{key.get('/api/models/churn').json()['id']}/change/"
    for turn in range(5):
        shown = {**NEW, "loaded_edition": edition_on(browsers[0], page), "description": f"turn {turn}"}
        with ThreadPoolExecutor(1) as pool:
            change = {"tags": {"turn": str(turn)}}
            api = pool.submit(key.patch, "/api/models/churn", json=change, headers={"If-Match": "*"})
            answers = all_send(page, shown)
        assert api.result().status_code == 200
        won = [answer.status_code == 302 for answer in answers].count(True)
        assert won <= 1, "none where the API was first"
        assert all("changed since this page" in answer.text for answer in answers if answer.status_code != 302)
        model = key.get("/api/models/churn").json()
        assert model["tags"] == {"turn": str(turn)}
        assert (model["description"] == f"turn {turn}") == (won == 1)

    endings = at_once(4, lambda: send(browsers[0], page.replace("change", "delete"), {"post": "yes"}).status_code)
    assert set(endings) == {302}
    assert key.get("/api/models/churn").status_code == 404
