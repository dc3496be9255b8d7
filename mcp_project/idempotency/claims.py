"""The claim on an idempotency key, and the response that is kept for repeats.

The claim, what the view does and the kept response are one transaction. So a worker that is killed leaves all of it or
nothing, and a repeat at the same time, on any host, waits in the database for the first request to end.
"""

import json
import re
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.db import OperationalError, connection
from django.http import HttpResponse
from psycopg.errors import LockNotAvailable, QueryCanceled

from mcp_project.errors import FieldError, Forbidden, Invalid
from mcp_project.http.call import Request
from mcp_project.idempotency.errors import IdempotencyKeyInUse, IdempotencyKeyReused, IdempotencyStoreFull
from mcp_project.idempotency.models import KeptResponse
from mcp_project.idempotency.scope import Scope, scope_of
from mcp_project.idempotency.sealing import Seal

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
FORM = re.compile(r"[\x20-\x7e]{1,255}", re.ASCII)
KEPT = "24 hours"
PATIENCE = "3s"  # how long a repeat waits for the first, holding a thread; less than DATABASE_STATEMENT_TIMEOUT
# Statuses that are not the view's decision on this request, or that pass: the repeat is decided anew.
NOT_KEPT = frozenset({401, 403, 429})

OVERHEAD = 400  # bytes of a row beside its response, indexes included

CLAIM = """
SELECT claimed, kept_digest, kept_response, (
    SELECT coalesce(sum(bytes), 0) FROM idempotency_keptbytes
    WHERE account_id = %s AND hour > clock_timestamp() - %s::interval
) FROM idempotency_claim(%s::uuid, %s::text, %s::bytea, %s::interval, %s::text)
"""
KEEP = """
WITH kept AS (UPDATE idempotency_keptresponse SET response = %s WHERE caller_id = %s AND idempotency_key = %s)
INSERT INTO idempotency_keptbytes AS counted (account_id, hour, bytes)
VALUES (%s, date_trunc('hour', clock_timestamp(), 'UTC'), %s)
ON CONFLICT (account_id, hour) DO UPDATE SET bytes = counted.bytes + excluded.bytes
"""


class Claim(NamedTuple):
    """A request's claim on its idempotency key, within a transaction."""

    scope: Scope
    idempotency_key: str
    seal: Seal
    digest: bytes

    @classmethod
    def of(cls, request: Request) -> "Claim":
        """Raises Invalid for an idempotency key of another form."""
        idempotency_key = request.META["HTTP_IDEMPOTENCY_KEY"]
        if not FORM.fullmatch(idempotency_key):
            raise Invalid(FieldError(HEADER, "From 1 to 255 printable characters of ASCII."))
        scope = scope_of(request)
        seal = Seal(scope.secret, idempotency_key, scope.rights)
        query = request.META.get("QUERY_STRING", "")
        words = [word.encode("utf-8", "backslashreplace") for word in (request.method or "", request.path_info, query)]
        return cls(scope, idempotency_key, seal, seal.digest(*words, request.body))

    def find(self) -> bytes | None:
        """The sealed response of the first request; None if this is the first. Until the transaction ends, all other
        requests with the same key wait.

        Raises IdempotencyKeyReused when the first was another request, IdempotencyKeyInUse when it takes longer than
        PATIENCE, IdempotencyStoreFull when this is the first and nothing more may be kept.
        """
        scope = self.scope
        values: list[Any] = [
            scope.account_id, KEPT, scope.caller_id, self.idempotency_key, self.digest, KEPT, PATIENCE,
        ]  # fmt: skip
        try:
            with connection.cursor() as cursor:
                cursor.execute(CLAIM, values)
                claimed, digest, response, kept_bytes = cursor.fetchone()
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable | QueryCanceled):
                raise IdempotencyKeyInUse(retry_after=1) from error
            raise
        if claimed:
            if kept_bytes >= settings.IDEMPOTENCY_MAX_BYTES:
                raise IdempotencyStoreFull
            return None
        if bytes(digest) != self.digest:
            raise IdempotencyKeyReused
        return bytes(response)

    def keep(self, request: Request, response: HttpResponse) -> None:
        """Keep the response for repeats."""
        scope = self.scope
        sealed = self.seal.close(packed(request, response))
        size = len(sealed) + OVERHEAD
        with connection.cursor() as cursor:
            cursor.execute(KEEP, [sealed, scope.caller_id, self.idempotency_key, scope.account_id, size])

    def release(self) -> None:
        """Keep what the request did, and no response: a repeat is carried out as a request of its own."""
        KeptResponse.objects.filter(caller_id=self.scope.caller_id, idempotency_key=self.idempotency_key).delete()

    def replay(self, request: Request, sealed: bytes) -> HttpResponse:
        """The response to a repeat. Raises Forbidden if the caller's rights have changed since the first request, and
        NotFound if it may no longer see what the request was about, or what it created."""
        try:
            text = self.seal.open(sealed)
        except InvalidTag:
            raise Forbidden("The key's rights have changed since the first request; its answer is not shown.") from None
        response = unpacked(request, text)
        self.scope.require_visible("POST", request.path_info)
        if "Location" in response:
            self.scope.require_visible("GET", response["Location"])
        response[REPLAYED] = "true"
        return response


def is_kept(response: HttpResponse) -> bool:
    """Whether repeats get this response."""
    return response.status_code < 500 and response.status_code not in NOT_KEPT


def packed(request: Request, response: HttpResponse) -> bytes:
    """The response as bytes, with what its row in the ledger needs."""
    subject = {name: str(value) for name, value in request.call.subject.items()}
    head = {
        "status": response.status_code,
        "headers": list(
            response.headers.items()
        ),  # the view's; the middlewares further out add theirs to each response
        "error_code": request.call.error_code,
        "subject": subject,
    }
    return json.dumps(head).encode() + b"\0" + response.content


def unpacked(request: Request, text: bytes) -> HttpResponse:
    """The response that `packed` wrote. Notes its error code and subject on the call."""
    head, _, body = text.partition(b"\0")
    kept = json.loads(head)
    response = HttpResponse(body, status=kept["status"], headers=dict(kept["headers"]))
    request.call.error_code = kept["error_code"]
    request.call.subject = kept["subject"]
    return response
