"""The environment: types, defaults, and what production refuses."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from redis import Redis

from mcp_project import env
from mcp_project.env import ENV
from tests.support.redis_server import RedisServer
from tests.support.server import manage

ROOT = Path(__file__).resolve().parents[2]
SAFE = {
    "PRODUCTION": "true",
    "SECRET_KEY": "k" + "0123456789abcdefghij" * 3,
    "ALLOWED_HOSTS": "mcp.example.com",
    "DATABASE_URL": "postgres://mcp:a-password-of-its-own@db.example.com:5432/mcp",
}


def start(folder: Path, **variables: str) -> list[str]:
    """The lines that any command prints under these variables; none when all is well."""
    done = manage(folder, variables, "check")
    assert "Traceback" not in done.stderr, done.stderr
    assert (done.returncode == 0) == (done.stderr == ""), done.stderr
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("APP_PORT", "0", "APP_PORT must be a whole number from 1 to 65535; it is '0'."),
        ("APP_PORT", "٨٠٠٠", "APP_PORT must be a whole number"),
        ("APP_WORKERS", "many", "APP_WORKERS must be a whole number from 1 to 256"),
        ("DEBUG", "maybe", "DEBUG must be true or false; it is 'maybe'."),
        ("PRODUCTION", "ture", "PRODUCTION must be true or false"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR; it is 'LOUD'."),
        ("LOG_FORMAT", "xml", "LOG_FORMAT must be one of console, json"),
        ("DB_PORT", "-1", "DB_PORT must be a whole number"),
        ("KEY_CACHE_SECONDS", "soon", "KEY_CACHE_SECONDS must be a number of seconds"),
        ("KEY_CACHE_SECONDS", "1.1", "KEY_CACHE_SECONDS must be a number of seconds from 0 to 1, such as 0.5"),
        ("KEY_CACHE_SECONDS", "-1", "KEY_CACHE_SECONDS must be a number of seconds from 0 to 1"),
        ("METRICS_ALLOWED_IPS", "everyone", "METRICS_ALLOWED_IPS must be addresses or networks, separated by commas"),
        ("METRICS_ALLOWED_IPS", "10.0.0.0/8,10.0.0.0/33", "METRICS_ALLOWED_IPS must be addresses or networks"),
        ("METRICS_ALLOWED_IPS", ",", "METRICS_ALLOWED_IPS must be addresses or networks"),
        ("DEPLOYMENT_ENVIRONMENTS", ",", "DEPLOYMENT_ENVIRONMENTS must be names of a-z, 0-9, _ and -"),
        ("DEPLOYMENT_ENVIRONMENTS", "Production", "DEPLOYMENT_ENVIRONMENTS must be names"),
        ("DATABASE_URL", "mysql://u:pw@h/d", "DATABASE_URL must read postgres://user:password@host:port/name, "),
        ("DATABASE_URL", "postgres://u:12/pw@h/d", "DATABASE_URL must read"),
        ("DATABASE_URL", "postgres://u:12#/pw@h/d", "DATABASE_URL must read"),
        ("DATABASE_URL", "postgres://u:a@pw/b@h/d", "DATABASE_URL must read"),
        ("DATABASE_URL", "postgres://u:12?pw@h/d", "DATABASE_URL must read"),
        ("DATABASE_DIRECT_URL", "postgres://u:12/pw@h/d", "DATABASE_DIRECT_URL must read"),
        ("DATABASE_STATEMENT_TIMEOUT", "5s", "DATABASE_STATEMENT_TIMEOUT must be a number of seconds"),
        ("PGBOUNCER", "true", "PGBOUNCER needs DATABASE_DIRECT_URL"),
        ("DATABASE_URL", "postgres://u:pw@h:port/d", "DATABASE_URL must read"),
        ("DATABASE_URL", "postgres://u:pw@h", "DATABASE_URL must read"),
    ],
)
def test_impossible_value_is_told_in_one_sentence(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    [line] = start(tmp_path, **{name: value})

    assert line.startswith(f"The configuration is wrong: {sentence}")
    assert "pw" not in line


@pytest.mark.parametrize(
    ("name", "value", "check"),
    [
        ("DEFAULT_RATE_LIMIT", "0/m", "keys.E001"),
        ("AUTH_FAILURE_RATE", "often", "keys.E002"),
        ("ADMIN_LOGIN_RATE", "1/0s", "keys.E003"),
        ("TRUSTED_PROXIES", "10.0.0.0/33", "mcp_project.E001"),
        ("ALLOWED_HOSTS", "https://mcp.example.com", "mcp_project.E002"),
        ("ALLOWED_HOSTS", "mcp.example.com:8000", "mcp_project.E002"),
        ("CORS_ALLOWED_ORIGINS", "app.example.com", "corsheaders.E013"),
    ],
)
def test_what_the_types_cannot_show_is_a_system_check(tmp_path: Path, name: str, value: str, check: str) -> None:
    assert any(check in line for line in start(tmp_path, **{name: value}))


def test_production_with_all_it_needs_starts(tmp_path: Path) -> None:
    assert start(tmp_path, **SAFE) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": "django-insecure-" + "x1y2z3" * 10}, "SECRET_KEY"),
        ({"SECRET_KEY": env.DEVELOPMENT_SECRET_KEY}, "SECRET_KEY"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY"),
        ({"DEBUG": "true"}, "DEBUG"),
        ({"APP_DEBUG": "true"}, "DEBUG"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
        ({"DATABASE_URL": "postgres://mcp:postgres@db.example.com/mcp"}, "default database password"),
        ({"DATABASE_URL": "", "DB_HOST": "db.example.com"}, "default database password"),
        ({"DATABASE_URL": ""}, "embedded database"),
    ],
)
def test_production_refuses_in_one_sentence(tmp_path: Path, change: dict[str, str], words: str) -> None:
    [line] = start(tmp_path, **{**SAFE, **change})

    assert line.startswith("The configuration is wrong: PRODUCTION ")
    assert words in line


def test_production_names_every_problem_at_once(tmp_path: Path) -> None:
    assert len(start(tmp_path, PRODUCTION="true", DEBUG="true")) == 4


def test_production_takes_the_embedded_database_when_told(tmp_path: Path) -> None:
    assert start(tmp_path, **{**SAFE, "DATABASE_URL": "", "ALLOW_EMBEDDED_DATABASE": "true"}) == []


def test_production_refuses_the_debug_option(tmp_path: Path) -> None:
    done = manage(tmp_path, SAFE, "serve", "--debug")

    assert done.returncode != 0
    assert "PRODUCTION refuses --debug." in done.stderr


def test_password_that_begins_with_a_dollar_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "$ecret")

    assert env.read("DB_PASSWORD") == "$ecret"


def test_variable_set_to_nothing_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_PORT", "")

    assert env.read("APP_PORT") == 8000


def test_file_adds_to_the_environment_and_does_not_overrule_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_HOST", "10.0.0.1")
    monkeypatch.setenv("APP_PORT", "placeholder, so that the test takes back what the file sets")
    monkeypatch.delenv("APP_PORT")
    file = tmp_path / ".env"
    file.write_text("# a comment\n\nAPP_HOST=10.9.9.9\nexport APP_PORT=8123\n")

    env.load(file)

    assert (env.read("APP_HOST"), env.read("APP_PORT")) == ("10.0.0.1", 8123)


def test_file_may_begin_with_a_byte_order_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_PORT", "placeholder, so that the test takes back what the file sets")
    monkeypatch.delenv("APP_PORT")
    file = tmp_path / ".env"
    file.write_text("\ufeffAPP_PORT=8124\n", encoding="utf-8")

    env.load(file)

    assert env.read("APP_PORT") == 8124


@pytest.mark.parametrize("line", ["APP_PORT = 8123", "APP_PORT: 8123", "just words"])
def test_line_that_would_be_skipped_is_told(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# one\n{line}\n")

    with pytest.raises(ImproperlyConfigured, match=r"Line 2 of .* is not NAME=value"):
        env.load(file)


def documented() -> dict[str, str]:
    """README's table of settings: name → default."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]*) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    return {name: default.strip().strip("`") for name, default in rows if name in ENV.scheme or "_" in name}


def as_written(default: Any) -> str:
    if default in ("", [], env.DEVELOPMENT_SECRET_KEY):
        return ""
    if isinstance(default, list):
        return ",".join(default)
    return (
        str(default).lower()
        if isinstance(default, bool)
        else f"{default:g}"
        if isinstance(default, float)
        else str(default)
    )


def test_readme_documents_every_setting_with_its_default() -> None:
    from mcp_project.http.codes import CODES

    table = {name: default for name, default in documented().items() if name not in CODES}

    assert table == {name: as_written(default) for name, (_, default) in ENV.scheme.items()}


def test_env_example_names_every_setting_and_starts_as_it_is(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text()
    examples = dict(re.findall(r"^#? ?([A-Z_]+)=(.*)$", text, re.MULTILINE))

    assert set(examples) == set(ENV.scheme)
    active = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))
    assert start(tmp_path, **active) == []


def test_readme_documents_every_error_code_with_its_status() -> None:
    from mcp_project.http.codes import CODES

    rows = re.findall(r"^\| ([0-9]{3}) \| `([A-Z_]+)` \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)

    assert [(int(status), name, meaning) for status, name, meaning in rows] == [
        (code.status, name, code.meaning) for name, code in CODES.items()
    ]


@pytest.mark.parametrize(
    "text",
    ["localhost:6379", "http://h", "redis://", "redis://localhost:abc", "redis://h:99999", "redis://h?foo=1",
     "redis://h?socket_timeout=abc", "redis://[::1", "redis://h/x", "unix://", "redis:///0", "redis://h?decode_responses=true",
     "rediss://h/0?ssl_cert_reqs=foo", "redis://h?protocol=4"],
)  # fmt: skip
def test_what_no_redis_can_be_reached_by_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must read redis://"):
        env.redis_url(text)


@pytest.mark.parametrize(
    "text",
    ["redis://h", "redis://:p@h:6379/0", "redis://u:p@[::1]:6379/15", "rediss://h:6380/2", "unix:///tmp/r.sock?db=2"],
)
def test_address_of_a_redis_is_taken(text: str) -> None:
    assert env.redis_url(text) == text


@pytest.mark.parametrize("url", ["redis://:hunter2@h:abc", "redis://:hunter2/x@h:1/0", "redis://:hunter2#x@h:1/0"])
def test_password_of_redis_is_not_told(tmp_path: Path, url: str) -> None:
    [line] = start(tmp_path, REDIS_URL=url)

    assert line.startswith("The configuration is wrong: REDIS_URL must read")
    assert "hunter2" not in line


def test_redis_is_djangos_cache_where_it_is_named(redis_server: RedisServer, tmp_path: Path) -> None:
    code = "from django.core.cache import cache; cache.set('of-the-cache', 7); print(cache.get('of-the-cache'))"

    done = manage(tmp_path, {"REDIS_URL": redis_server.url}, "shell", "--no-imports", "-c", code)

    assert done.stdout.split()[-1:] == ["7"], done.stderr
    with Redis.from_url(redis_server.url) as redis:
        assert len(redis.keys("*of-the-cache")) == 1


def test_pool_has_a_connection_for_each_thread_that_uses_the_database(settings: Any) -> None:
    size = settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]

    assert size == settings.APP_THREADS + len(settings.BACKGROUND_TASKS) + len(["the check for /health"])
