"""Verify a revision of a deployment, with nothing but Python: is its content what was sealed?

    MCP_KEY=mcp_… python3 verify_revision.py http://127.0.0.1:8000 churn-live 3

Ends with status 0 when it is, 1 when it is not, and 2 when the revision cannot be read.
"""

import hashlib
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request


def read_revision(service: str, deployment: str, number: str, key: str) -> dict[str, object]:
    path = f"/api/deployments/{urllib.parse.quote(deployment, safe='')}/revisions/{int(number)}"
    headers = {"Authorization": f"Bearer {key}"}
    request = urllib.request.Request(service.rstrip("/") + path, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  (the address is the caller's own)
        revision: dict[str, object] = json.load(response)
    return revision


def digest(content: object) -> str:
    """UTF-8, keys sorted, no spaces, nothing escaped that need not be."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def main() -> int:
    if len(sys.argv) != 4 or not os.environ.get("MCP_KEY"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        revision = read_revision(sys.argv[1], sys.argv[2], sys.argv[3], os.environ["MCP_KEY"])
    except urllib.error.HTTPError as error:
        print(f"The revision cannot be read: {error}: {error.read().decode(errors='replace')}", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        print(f"The revision cannot be read: {error}", file=sys.stderr)
        return 2
    computed = digest(revision["content"])
    if computed == revision["digest"]:
        print(f"intact: {computed}")
        return 0
    print(f"NOT intact: recorded {revision['digest']}, computed {computed}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
