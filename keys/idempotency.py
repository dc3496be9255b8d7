"""`Idempotency-Key`: a request that is repeated is done once, and each repeat gets the first one's answer.

The claim on the key, what the view does, and the answer that is kept are one transaction. So a worker that is killed
leaves all or nothing, and a repeat at the same time, on whichever host, waits in the database for the first to end.
"""

import json
import re
from typing import Any, NamedTuple, cast
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.db import OperationalError, connection
from django.http import HttpResponse
from psycopg.errors import LockNotAvailable, QueryCanceled

from keys.credentials import credential
from keys.errors import IdempotencyKeyInUse, IdempotencyKeyReused, IdempotencyStoreFull
from keys.models import KeptAnswer
from keys.principal import Principal
from keys.sealing import Seal
from keys.visibility import require_visible
from mcp_project.errors import FieldError, Forbidden, Invalid
from mcp_project.http.call import Request
from mcp_project.serving.periodic import Periodic

log = structlog.get_logger()

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
FORM = re.compile(r"[\x20-\x7e]{1,255}", re.ASCII)
KEPT = "24 hours"
PATIENCE = "3s"  # how long a repeat waits for the first, holding a thread; less than DATABASE_STATEMENT_TIMEOUT
# Not the view's decision on this request, or one that passes: the repeat is to be decided anew.
NOT_KEPT = frozenset({401, 403, 429})
BATCH = 1000

OVERHEAD = 400  # bytes of a row beside its answer, indexes included

CLAIM = """
SELECT claimed, found_digest, found_answer, (
    SELECT coalesce(sum(bytes), 0) FROM keys_keptbytes
    WHERE pool_id = %s AND hour > clock_timestamp() - %s::interval
) FROM keys_claim(%s::uuid, %s::text, %s::bytea, %s::interval, %s::text)
"""
KEEP = """
WITH kept AS (UPDATE keys_keptanswer SET answer = %s WHERE key_id = %s AND idempotency_key = %s)
INSERT INTO keys_keptbytes AS counted (pool_id, hour, bytes)
VALUES (%s, date_trunc('hour', clock_timestamp(), 'UTC'), %s)
ON CONFLICT (pool_id, hour) DO UPDATE SET bytes = counted.bytes + excluded.bytes
"""
SWEEP = """
DELETE FROM keys_keptanswer WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM keys_keptanswer WHERE made_at <= clock_timestamp() - %s::interval
    ORDER BY made_at LIMIT %s FOR UPDATE SKIP LOCKED
))
"""
SWEEP_BYTES = "DELETE FROM keys_keptbytes WHERE hour <= clock_timestamp() - %s::interval"


class Claim(NamedTuple):
    """A request's claim on its idempotency key, within a transaction."""

    key_id: UUID
    pool_id: UUID
    idempotency_key: str
    seal: Seal
    digest: bytes

    @classmethod
    def of(cls, request: Request) -> "Claim":
        """Raises Invalid."""
        given = request.META["HTTP_IDEMPOTENCY_KEY"]
        if not FORM.fullmatch(given):
            raise Invalid(FieldError(HEADER, "From 1 to 255 printable characters of ASCII."))
        principal = cast(Principal, request.call.principal)
        seal = Seal(credential(request.META), given, rights_of(principal))
        query = request.META.get("QUERY_STRING", "")
        words = [word.encode("utf-8", "backslashreplace") for word in (request.method or "", request.path_info, query)]
        pool_id = principal.limits.pool_id
        return cls(principal.key_id, pool_id, given, seal, seal.digest(*words, request.body))

    def find(self) -> bytes | None:
        """The sealed answer of the first request; None when this is the first. Until the transaction ends, all others
        with the same key wait.

        Raises IdempotencyKeyReused when the first was another request, IdempotencyKeyInUse when it takes longer than
        PATIENCE, IdempotencyStoreFull when this is the first and nothing more may be kept.
        """
        values: list[Any] = [self.pool_id, KEPT, self.key_id, self.idempotency_key, self.digest, KEPT, PATIENCE]
        try:
            with connection.cursor() as cursor:
                cursor.execute(CLAIM, values)
                claimed, digest, answer, kept_bytes = cursor.fetchone()
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
        return bytes(answer)

    def keep(self, request: Request, response: HttpResponse) -> None:
        with connection.cursor() as cursor:
            sealed = self.seal.close(packed(request, response))
            size = len(sealed) + OVERHEAD
            cursor.execute(KEEP, [sealed, self.key_id, self.idempotency_key, self.pool_id, size])

    def release(self) -> None:
        """Keep what was done, and no answer."""
        KeptAnswer.objects.filter(key_id=self.key_id, idempotency_key=self.idempotency_key).delete()

    def replay(self, request: Request, answer: bytes) -> HttpResponse:
        """Raises Forbidden when the key's rights are no longer those that the answer was for, and NotFound when it may
        not see any more what the request was about, or what it made."""
        try:
            text = self.seal.open(answer)
        except InvalidTag:
            raise Forbidden("The key's rights have changed since the first request; its answer is not shown.") from None
        response = unpacked(request, text)
        require_visible(cast(Principal, request.call.principal), "POST", request.path_info)
        if "Location" in response:
            require_visible(cast(Principal, request.call.principal), "GET", response["Location"])
        response[REPLAYED] = "true"
        return response


def rights_of(principal: Principal) -> bytes:
    """What a view may have decided by: who has lost a right must not get from here what the view would refuse."""
    return json.dumps([sorted(principal.permissions), principal.model_patterns]).encode()


def is_kept(response: HttpResponse) -> bool:
    return response.status_code < 500 and response.status_code not in NOT_KEPT


def packed(request: Request, response: HttpResponse) -> bytes:
    """The response, and what its ledger row needs."""
    subject = {name: str(value) for name, value in request.call.subject.items()}
    head = {
        "status": response.status_code,
        "headers": list(response.headers.items()),  # the view's: those of a request come from further out
        "error_code": request.call.error_code,
        "subject": subject,
    }
    return json.dumps(head).encode() + b"\0" + response.content


def unpacked(request: Request, text: bytes) -> HttpResponse:
    head, _, body = text.partition(b"\0")
    kept = json.loads(head)
    response = HttpResponse(body, status=kept["status"], headers=dict(kept["headers"]))
    request.call.error_code = kept["error_code"]
    request.call.subject = kept["subject"]
    return response


class Sweeper(Periodic):
    """Deletes what is no longer kept, in each worker: whichever comes first has the work of it."""

    name = "idempotency_sweep"
    seconds = 60.0

    def act(self, last: bool) -> None:
        if last:
            return
        swept = batch = sweep()
        while batch == BATCH and not self._stopping.is_set():
            batch = sweep()
            swept += batch
        if swept:
            log.info("idempotency_swept", answers=swept)


def sweep() -> int:
    """Delete at most BATCH answers; how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(SWEEP_BYTES, [KEPT])
        cursor.execute(SWEEP, [KEPT, BATCH])
        return int(cursor.rowcount)


sweeper = Sweeper()
