"""Text that is sent as a key and is none; and Basic, whose password is one."""

import base64

import pytest
from django.test import Client

from keys.crypto import checksum
from tests.support.api import Api


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


BODY = "mcp_abcdefgh." + "x" * 32


WHOLE = BODY + checksum(BODY)


HOSTILE = [
    # nothing, or next to nothing
    {"Authorization": ""}, {"Authorization": " "}, {"Authorization": "\t"}, {"X_API_Key": ""}, {"X_API_Key": "   "},
    {"Authorization": "Bearer"}, {"Authorization": "Bearer "}, {"Authorization": "Basic"}, {"Authorization": "Basic "},
    {"Authorization": "Api-Key"}, {"Authorization": ":"}, {"Authorization": ","},
    # other schemes, and schemes that are none
    {"Authorization": "Digest username=x"}, {"Authorization": "Token " + WHOLE}, {"Authorization": WHOLE},
    {"Authorization": "Bearer:" + WHOLE}, {"Authorization": "Bearer=" + WHOLE}, {"Authorization": "Bearer\t" + WHOLE},
    {"Authorization": "BearerBearer " + WHOLE}, {"Authorization": "Negotiate ////"},
    # words that programs send by mistake
    {"Authorization": "Bearer null"}, {"Authorization": "Bearer undefined"}, {"Authorization": "Bearer None"},
    {"Authorization": "Bearer $KEY"}, {"Authorization": "Bearer <key>"}, {"Authorization": "Bearer [object Object]"},
    # the right form and something wrong
    {"Authorization": "Bearer mcp_"}, {"Authorization": "Bearer mcp_."}, {"Authorization": "Bearer .."},
    {"Authorization": "Bearer mcp_abcdefgh." + "x" * 38}, {"Authorization": "Bearer " + WHOLE[:-1]},
    {"Authorization": "Bearer " + WHOLE + "x"}, {"Authorization": "Bearer " + WHOLE[1:]},
    {"Authorization": "Bearer " + WHOLE.upper()}, {"Authorization": "Bearer " + WHOLE.swapcase()},
    {"Authorization": "Bearer " + WHOLE.replace(".", "..")}, {"Authorization": "Bearer " + WHOLE.replace(".", "")},
    {"Authorization": "Bearer " + WHOLE.replace("x", "y", 1)}, {"Authorization": "Bearer " + WHOLE[::-1]},
    {"Authorization": f"Bearer {WHOLE} {WHOLE}"}, {"Authorization": f"Bearer {WHOLE},{WHOLE}"},
    {"Authorization": f'Bearer "{WHOLE}"'}, {"Authorization": f"Bearer {WHOLE};"},
    {"Authorization": "Bearer MCP_" + WHOLE[4:]}, {"Authorization": "Bearer sk_" + WHOLE[4:]},
    {"X_API_Key": "Bearer " + WHOLE},
    # two that differ
    {"Authorization": "Bearer " + WHOLE, "X_API_Key": WHOLE[:-1]},
    {"Authorization": basic(f"u:{WHOLE}"), "X_API_Key": "x"},
    # characters that break parsers, logs and databases
    {"Authorization": "Bearer \x00"}, {"Authorization": f"Bearer {WHOLE}\x00"}, {"Authorization": "Bearer \x7f\x01"},
    {"Authorization": f"Bearer {WHOLE}\r\nX-Admin: yes"}, {"Authorization": "Bearer kéy"},
    {"Authorization": "Bearer " + "٣" * 51}, {"Authorization": "Bearer mcp_аbcdefgh." + "x" * 38},
    {"Authorization": "Bearer \ud800"}, {"Authorization": "Bearer 🔑"}, {"X_API_Key": "\u202e" + WHOLE[:-1]},
    {"Authorization": "Bearer ' OR 1=1 --"}, {"Authorization": "Bearer %"}, {"Authorization": "Bearer {{7*7}}"},
    {"Authorization": "Bearer ../../etc/passwd"}, {"Authorization": "Bearer ${jndi:ldap://x}"},
    # size
    {"Authorization": "Bearer " + "x" * 1_000_000}, {"X_API_Key": "mcp_abcdefgh." + "x" * 1_000_000},
    {"Authorization": "Basic " + "A" * 1_000_000}, {"Authorization": " " * 100_000 + "Bearer x"},
    # Basic that is no Basic
    {"Authorization": "Basic !!!!"}, {"Authorization": "Basic " + WHOLE}, {"Authorization": "Basic dXNlcg"},
    {"Authorization": basic("no colon")}, {"Authorization": basic("user:")}, {"Authorization": basic(":")},
    {"Authorization": basic("user:password")}, {"Authorization": basic(f"{WHOLE}:")},
    {"Authorization": basic(f"u:{WHOLE}:")},
    {"Authorization": "Basic " + base64.b64encode(b"u:\xff\xfe").decode()}, {"Authorization": basic("u:\x00")},
]  # fmt: skip


@pytest.mark.parametrize("headers", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_key_gets_401_without_a_query(headers: dict[str, str]) -> None:  # no `db`: a query would fail
    sent = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}
    client = Client(raise_request_exception=False)

    response = client.get("/api/models", **sent)  # type: ignore[arg-type]

    assert response.status_code == 401, response.content
    assert response.json()["code"] in {"INVALID_API_KEY", "API_KEY_MISSING"}
    assert response["WWW-Authenticate"] == 'Bearer realm="mcp", Basic realm="mcp"'
    assert set(response.json()) == {"detail", "code", "timestamp", "request_id"}


def test_there_are_sixty_of_them() -> None:
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("user", ["", "anyone", "üser", "a b"])
def test_basic_takes_the_key_as_password_whatever_the_user(teammate: Api, outsider: Api, user: str) -> None:
    assert outsider.get("/api/models", Authorization=basic(f"{user}:{teammate.key}")).status_code == 200
