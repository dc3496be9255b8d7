"""The endpoint of a deployment: what may be one, and what would lead into the network behind the service."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from registry.endpoints import validate_endpoint
from tests.support.api import Api
from tests.support.deployments import change, deploy, make_model

INNER = [
    "https://kubernetes.default.svc/", "https://168.63.129.16/", "https://192.88.99.1", "https://192.0.0.8",
    "https://[2001:4860::5efe:7f00:1]", "https://[2001:4860::200:5efe:a00:1]", "https://router.arpa",
    "https://box.fritz.box",
    "http://127.0.0.1", "http://127.1.2.3:8000/v1", "http://0.0.0.0", "http://10.0.0.1", "http://172.16.0.1",
    "http://192.168.1.1", "http://169.254.169.254/latest", "http://100.64.0.1", "http://198.18.0.1",
    "http://192.0.2.1", "http://224.0.0.1", "http://240.0.0.1", "http://255.255.255.255",
    "http://2130706433", "http://0x7f000001", "http://017700000001",
    "http://0177.0.0.1", "http://0x7f.1", "http://127.1",
    "http://127.0.0.1.", "http://3232235777", "http://8.8.2056", "http://010.8.8.8",
    "http://[::1]", "http://[::]", "http://[fe80::1]",
    "http://[fc00::1]", "http://[fd12:3456::1]", "http://[fec0::1]",
    "http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]", "http://[::127.0.0.1]", "http://[64:ff9b::127.0.0.1]",
    "http://[3fff::1]", "http://[5f00::1]", "http://[100::1]", "http://[2001:2::1]", "http://[2001:4:112::1]",
    "http://[2001:20::1]", "http://[2620:4f:8000::1]", "http://[4000::1]", "http://192.31.196.1", "http://192.52.193.1",
    "http://192.175.48.1", "http://203.0.113.1", "http://198.51.100.1",
    "http://[64:ff9b:1::1]", "http://[2002:7f00:1::]", "http://[2001:db8::1]", "http://[ff02::1]",
    "http://[0:0:0:0:0:ffff:a9fe:a9fe]", "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "http://localhost", "http://LOCALHOST:80", "http://localhost.", "http://a.localhost", "http://printer.local",
    "http://db.internal", "http://localhost.localdomain",
    "http://models", "http://router.home.arpa", "http://x.LAN./",
]  # fmt: skip
PUBLIC = [
    "https://models.example.com", "http://models.example.com:8080/v1/chat?version=2", "HTTPS://Models.Example.COM/",
    "https://xn--bcher-kva.example", "https://8.8.8.8/",
    "https://[2606:4700::1111]:443/x", "https://local.example.com",
    "https://[64:ff9b::808:808]", "https://example.com.", "https://a_b.example.com", "https://10.example",
    "https://localhost.example.com", "https://[::ffff:8.8.8.8]/",
]  # fmt: skip
NONE = [
    "models.example.com", "//models.example.com", "http:/models.example.com", "http:models.example.com", "http://",
    "http:///path", "http://:80", "ftp://example.com",
    "file:///etc/passwd", "javascript:alert(1)", "gopher://example.com",
    "unix:///run/x", "data:text/plain,x",
    "http://user@example.com", "http://user:pw@example.com", "http://@example.com",
    "http://example.com@127.0.0.1", "http://example.com:0", "http://example.com:65536", "http://example.com:x",
    "http://example.com:", "http://example.com:+80", "http://example.com:８０", "http://exa mple.com",
    "http://example.com\\@127.0.0.1", "http://example.com/#top", "http://example.com#", "http://ex\tample.com",
    "http://example.com\r\nX: y", "http://１２７.0.0.1",
    "http://ⓛocalhost", "http://%31%32%37.0.0.1", "http://bücher.example",
    "http://-a.example.com", "http://a..example.com", "http://.example.com", "http://" + "a" * 64 + ".example.com",
    "http://" + "a." * 130 + "com", "http://[::1", "http://::1]", "http://[::1]x", "http://[fe80::1%25eth0]",
    "http://[example.com]", "http://[v1.x]", "http://256.1.1.1",
    "http://1.2.3.4.5", "http://1.2.3.0x", "http://999999999999",
    "http://exam*ple.com", "http://example.com,evil.com",
]  # fmt: skip


@pytest.mark.parametrize("url", PUBLIC)
def test_public_address_is_taken(url: str) -> None:
    validate_endpoint(url)


@pytest.mark.parametrize("url", [*INNER, *NONE])
def test_inner_address_and_what_is_no_address_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        validate_endpoint(url)


@pytest.mark.parametrize("url", INNER)
def test_inner_address_is_taken_where_the_setting_allows(url: str, settings: Any) -> None:
    settings.DEPLOYMENT_PRIVATE_ENDPOINTS = True

    validate_endpoint(url)


@pytest.mark.parametrize("url", NONE)
def test_what_is_no_address_is_refused_also_there(url: str, settings: Any) -> None:
    settings.DEPLOYMENT_PRIVATE_ENDPOINTS = True

    with pytest.raises(ValidationError):
        validate_endpoint(url)


def test_no_name_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("a look-up")

    for name in ("getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(f"socket.{name}", fail)

    validate_endpoint("https://models.example.com")


def test_rollback_to_an_endpoint_that_is_not_allowed_any_more_is_refused(owner: Api, settings: Any) -> None:
    make_model("churn")
    settings.DEPLOYMENT_PRIVATE_ENDPOINTS = True
    deploy(owner, endpoint="http://127.0.0.1:9000")
    change(owner, "churn-live", endpoint="https://example.com")
    settings.DEPLOYMENT_PRIVATE_ENDPOINTS = False

    assert owner.post("/api/deployments/churn-live/rollback", {"revision": 1}).status_code == 409


def test_environments_are_those_of_the_setting(owner: Api, settings: Any) -> None:
    make_model("churn")
    settings.DEPLOYMENT_ENVIRONMENTS = ["canary"]
    deploy(owner, environment="canary")
    settings.DEPLOYMENT_ENVIRONMENTS = ["production"]

    assert owner.get("/api/deployments/churn-live").json()["environment"] == "canary"
    assert change(owner, "churn-live", timeout=7).status_code == 200
    assert change(owner, "churn-live", environment="canary").status_code == 400
    assert owner.post("/api/deployments/churn-live/rollback", {"revision": 1}).status_code == 409
