"""Whose address counts behind proxies."""

from typing import Any

import pytest
from django.test import RequestFactory

from mcp_project.http.client_address import client_address
from mcp_project.serving.environ import is_trusted
from tests.support.api import Api, api


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        ([], "192.0.2.1", "198.51.100.9", "192.0.2.1"),  # a forged header changes nothing
        (["10.0.0.0/8"], "192.0.2.1", "198.51.100.9", "192.0.2.1"),  # nor from a peer that is no proxy
        (["10.0.0.0/8"], "10.1.1.1", "198.51.100.9", "198.51.100.9"),
        (["10.0.0.0/8"], "10.1.1.1", "203.0.113.5, 198.51.100.9", "198.51.100.9"),  # the client wrote the first
        (["10.0.0.0/8"], "10.1.1.1", "198.51.100.9, 10.2.2.2", "198.51.100.9"),
        (["10.0.0.0/8"], "10.1.1.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"),
        (["10.0.0.0/8"], "10.1.1.1", "", "10.1.1.1"),
        (["10.0.0.0/8"], "10.1.1.1", "rubbish", "0.0.0.0"),
        (["10.0.0.0/8"], "10.1.1.1", "198.51.100.9, <script>", "0.0.0.0"),
        (["10.0.0.0/8"], "10.1.1.1", "198.51.100.9:4711", "198.51.100.9"),
        (["10.0.0.0/8"], "10.1.1.1", "[2001:db8::7]:80", "2001:db8::7"),
        (["10.0.0.0/8"], "10.1.1.1", "::ffff:198.51.100.9", "198.51.100.9"),
        (["10.0.0.0/8"], "::ffff:10.1.1.1", "198.51.100.9", "198.51.100.9"),
        (["10.0.0.0/8"], "10.1.1.1", "fe80::1%evil", "fe80::1"),
        (["::1", "127.0.0.1"], "::1", "2001:db8::7", "2001:db8::7"),
        (["127.0.0.1"], "", "198.51.100.9", "198.51.100.9"),  # a Unix socket
        ([], "fe80::1%eth0", "", "fe80::1"),
    ],
)
def test_address(trusted: list[str], peer: str, forwarded: str, expected: str, settings: Any) -> None:
    settings.TRUSTED_PROXIES = trusted
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)

    assert client_address(request.META) == expected


@pytest.mark.parametrize("network", ["0.0.0.0/0", "0.0.0.0", "::/0"])
def test_address_that_nobody_can_read_is_on_no_list(db: None, network: str, settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    settings.METRICS_ALLOWED_IPS = [network]
    bound = api("bound", "read", allowed_ips=[network])

    for forwarded in ("rubbish", "198.51.100.9, <script>", "192.0.2.1, unknown"):
        assert bound.get("/api/models", X_Forwarded_For=forwarded).json()["code"] == "IP_NOT_ALLOWED"
        assert Api().get("/metrics", X_Forwarded_For=forwarded).status_code == 403


def test_nothing_is_read_beyond_an_address_that_nobody_can_read(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["0.0.0.0/0"]
    request = RequestFactory().get("/", REMOTE_ADDR="10.1.1.1", HTTP_X_FORWARDED_FOR="192.0.2.1, rubbish")

    assert client_address(request.META) == "0.0.0.0"


def test_proxy_is_trusted_also_where_a_socket_for_both_families_names_it(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert is_trusted("10.1.2.3")
    assert is_trusted("::ffff:10.1.2.3")
    assert not is_trusted("::ffff:11.1.2.3")
    assert not is_trusted("")
