"""The log: its events, its forms, and the secrets that it never has."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
import structlog
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from keys.crypto import KeyGenerator
from mcp_project.serving.logs import REDACTED, configure, escape_controls, redact_names, text_redactor
from tests.support.api import Api
from tests.support.server import Server, database_environment, until


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_json_file_has_one_line_a_request_with_its_id(tmp_path: Path, database: str) -> None:
    log = tmp_path / "service.log"
    variables = {**database_environment(database), "LOG_FILE": str(log), "LOG_FORMAT": "json"}
    with Server(tmp_path, variables) as server, server.client(server.key) as client:
        client.get("/api/models?limit=3", headers={"X-Request-ID": "the-one"})
        httpx.get(f"{server.url}/api/keys", headers={"X-Request-ID": "the-other"}, timeout=30)
        server.stop()

        requests = [line for line in lines(log) if line["event"] == "request"]
        [one] = [line for line in requests if line["request_id"] == "the-one"]
        [other] = [line for line in requests if line["request_id"] == "the-other"]
        assert (one["method"], one["path"], one["status"], one["client"]) == ("GET", "/api/models", 200, "127.0.0.1")
        assert one["duration_ms"] > 0
        assert one["key"] in server.key
        assert (other["status"], other["key"]) == (401, None)
        assert all({"timestamp", "level", "event"} <= set(line) for line in lines(log)), "gunicorn's lines too"
        assert "Booting worker" in log.read_text()


def test_console_form_is_for_eyes(tmp_path: Path, database: str) -> None:
    with Server(tmp_path, {**database_environment(database), "LOG_FORMAT": "console"}) as server:
        httpx.get(f"{server.url}/health/live", headers={"X-Request-ID": "seen"}, timeout=30)

        until(lambda: "request_id=seen" in server.said(), "the line is written")
        assert "\x1b[" not in server.said(), "no colours into a file"


def send_everywhere(client: httpx.Client, key: str, admin_key: str) -> None:
    """Send the key in every place where a client can put one."""
    client.get("/api/models", headers={"Authorization": f"Bearer {key}"})
    client.get("/api/models", headers={"X-API-Key": key})
    client.get("/api/models", headers={"X-API-Key": key[:-1]})
    client.get("/api/models", headers={"Authorization": "Basic " + base64.b64encode(key.encode()).decode()})
    client.get(f"/api/models?api_key={key}", headers={"X-API-Key": key})
    client.get(f"/api/{key}/{key[:-3]}", headers={"X-API-Key": key})
    client.get("/api/models", headers={"X-API-Key": key, "X-Request-ID": key})
    client.get(f"/{key}", headers={"Host": f"{key}.example"})
    client.request(f"MCP{key[4:12]}", "/api/models", headers={"Cookie": f"k={key}"})
    client.post("/api/models", json={"name": key, key: key}, headers={"X-API-Key": key})
    client.post("/api/keys", json={"name": key, "owner": "o"}, headers={"X-API-Key": admin_key})


def test_no_key_or_password_ever_reaches_a_log(tmp_path: Path, database: str) -> None:
    """At the chattiest level, with secrets in every place where a client or an operator can put one."""
    log = tmp_path / "service.log"
    secret_key = "a-secret-key-of-the-service-that-nobody-may-read-0123456789"
    database_password = "the-database-password"
    variables = {
        **database_environment(database),
        "LOG_FILE": str(log),
        "LOG_LEVEL": "DEBUG",
        "SECRET_KEY": secret_key,
        "DB_PASSWORD": database_password,
    }
    stranger = KeyGenerator().generate()[0]
    with Server(tmp_path, variables) as server:
        secrets = [key.partition(".")[2] for key in (server.key, stranger)]
        with server.client() as client:
            for key in (server.key, stranger):
                send_everywhere(client, key, server.key)
            created = client.post(
                "/api/keys",
                json={"name": "n", "owner": "o", "permissions": ["read"]},
                headers={"X-API-Key": server.key},
            )
            secrets.append(created.json()["key"].partition(".")[2])
            form = client.get("/admin/login/")
            token = form.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
            login = {"username": "root", "password": "the-admin-password", "csrfmiddlewaretoken": token}
            client.post("/admin/login/", data=login)
        server.stop()

    written = log.read_text()
    assert len(written.splitlines()) > 20
    assert "/api/models" in written
    for secret in [*secrets, *(secret[:-3] for secret in secrets), secret_key, database_password, "the-admin-password"]:
        assert secret not in written
    assert base64.b64encode(stranger.encode()).decode() not in written


@pytest.mark.parametrize(
    "name", ["password", "DB_PASSWORD", "secret_key", "Authorization", "x-api-key", "apikey", "token", "Cookie"]
)
def test_fields_named_like_secrets_are_hidden_at_any_depth(name: str) -> None:
    event = redact_names(None, "info", {"event": "e", name: "hidden", "inner": {"deeper": {name: "hidden"}}})

    assert event == {"event": "e", name: REDACTED, "inner": {"deeper": {name: REDACTED}}}


def test_what_looks_like_a_secret_is_taken_out_of_the_finished_line() -> None:
    key = KeyGenerator().generate()[0]
    redact = text_redactor(["long-enough-secret", "short", ""])

    line = redact(None, "info", f"a {key} b {key[:20]} c postgres://user:pa55@host/db d long-enough-secret e short")

    assert line == (f"a mcp_{REDACTED} b mcp_{REDACTED} c postgres://{REDACTED}@host/db d {REDACTED} e short")


def test_what_a_terminal_would_obey_is_written_as_an_escape(tmp_path: Path, database: str) -> None:
    with Server(tmp_path, {**database_environment(database), "LOG_FORMAT": "console"}) as server:
        httpx.get(
            f"{server.url}/a%1b%5b31m%0d%0aforged%07%00%e2%80%ae%c2%9bz",
            headers={"X-Request-ID": "hostile"},
            timeout=30,
        )

        [line] = until(
            lambda: [line for line in server.said().split("\n") if "request_id=hostile" in line], "it is logged"
        )
        assert r"/a\x1b[31m\r\nforged\x07\x00\u202e\x9bz" in line
        assert line.isprintable()


def test_traceback_shows_no_local_variable() -> None:
    configure({"level": "INFO", "format": "json", "file": "", "secrets": []})
    try:
        render = structlog.get_config()["processors"][-3]
    finally:
        configure(settings.LOGGING)

    def fail() -> None:
        password = "hunter2hunter2"
        raise ValueError(len(password))

    with pytest.raises(ValueError, match="14") as raised:
        fail()
    assert "hunter2hunter2" not in str(render(None, "error", {"event": "e", "exc_info": raised.value}))


def test_service_serves_when_its_log_cannot_be_written(tmp_path: Path, database: str) -> None:
    with Server(tmp_path, {**database_environment(database), "LOG_FILE": "/dev/full"}) as server:
        with server.client(server.key) as client:
            assert client.get("/api/models").status_code == 200
        assert server.stop() == 0


def test_ordinary_lines_are_left_as_they_are() -> None:
    line = "GET http://127.0.0.1:8000/api/models?x=a@b mcp_project.http.errors postgres"

    assert text_redactor(["postgres"])(None, "info", line) == line


def percent(text: str, share: set[int]) -> str:
    return "".join(f"%{ord(letter):02X}" if place in share else letter for place, letter in enumerate(text))


@given(st.data(), st.integers(0, 4), st.sampled_from(["mcp_", "", "Basic ", "X-", "/api/", "0x", "k="]))
def test_no_encoding_of_a_key_is_in_a_line(data: st.DataObject, times: int, before: str) -> None:
    key = KeyGenerator().generate()[0]
    sent = data.draw(st.sampled_from([key, key.partition(".")[2], base64.b64encode(key.encode()).decode()]))
    newline = data.draw(st.integers(0, len(sent)) | st.none())
    written = sent if newline is None else f"{sent[:newline]}\n{sent[newline:]}"
    for _ in range(times):
        written = (
            percent(written, data.draw(st.sets(st.integers(0, 70))))
            if times > 1
            else percent(written, {4, newline or 0})
        )
        written = written.replace("\n", "%0A").replace("%", "%25")

    event = escape_controls(None, "info", {"event": "e", "path": f"{before}{written}"})
    line = text_redactor([])(None, "info", json.dumps(event))

    plain = line
    for _ in range(9):
        plain = unquote(plain)
    plain = plain.replace("\n", "").replace("\\", "").replace("n", "")
    assert sent.replace("n", "")[-20:] not in plain


def test_text_that_is_encoded_a_thousand_times_is_not_decoded_to_its_end() -> None:
    """This would take a worker 20 ms for each request of a client without a key."""
    line = text_redactor([])(None, "info", f"path=/api/%{'25' * 1900}41 status=404")

    assert line == f"{REDACTED} status=404"


@pytest.mark.parametrize(
    "text", ["0f" * 32, "0f" * 16, "/api/models/01234567-89ab-cdef-0123-456789abcdef/versions", "a b"]
)
def test_ids_digests_and_paths_stay(text: str) -> None:
    assert text_redactor([])(None, "info", f"path={text}") == f"path={text}"


@pytest.mark.parametrize("path", ["/api/models", "/api/contexts"])
def test_name_that_is_a_key_is_refused(owner: Api, path: str) -> None:
    """Before it reaches PostgreSQL, whose log has what it refuses."""
    key = KeyGenerator().generate()[0]

    for wrong in (
        {"name": key},
        {"name": f"of {key}"},
        {"name": "churn", "tags": {key: "x"}},
        {"name": "n", "owner": key},
    ):
        answer = owner.post(path, wrong)
        assert answer.status_code == 400
        assert key not in answer.json()["errors"][0]["detail"]
