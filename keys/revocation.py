"""Revocation of keys. One statement revokes them all, however many they are, and writes the audit entry of each."""

import json
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from keys import judgement
from keys.models import APIKey
from mcp_project.audit import trail
from mcp_project.audit.actions import Action
from mcp_project.database import transactions
from mcp_project.database.initialise import without_time_limit
from mcp_project.database.locks import Lock, hold

# A key and what it has made of itself, at any number of rotations; not successors that an admin made. A subquery, and
# arrays in the statements below: PostgreSQL underestimates how many rows a recursion gives, and with joins instead,
# 1,500 successors took it 2 s instead of 10 ms.
CHAIN = """
WITH RECURSIVE chosen (id) AS (
    SELECT %(key_id)s::uuid
    UNION ALL
    SELECT (
        SELECT heir.id FROM keys_apikey AS heir
        WHERE heir.rotated_from_id = chosen.id AND heir.created_by = 'key:' || chosen.id
    )
    FROM chosen WHERE chosen.id IS NOT NULL
)
"""
OF_OWNER = "WITH chosen (id) AS (SELECT id FROM keys_apikey WHERE owner = %(owner)s)"
# Locks the chosen keys by ascending id, as all code does. Returns whether the caller's own key is among them.
HOLD = """,
held AS (
    SELECT id FROM keys_apikey
    WHERE id = ANY(ARRAY(SELECT id FROM chosen)) AND revoked_at IS NULL ORDER BY id FOR UPDATE
)
SELECT coalesce(bool_or('key:' || id = %(actor)s), false) FROM held
"""
# The entries' ids are UUIDs of version 7, as all are: time and version come from one that Python made.
REVOKE = """,
revoked AS (
    UPDATE keys_apikey SET revoked_at = %(now)s, edition = edition + 1
    WHERE id = ANY(ARRAY(SELECT id FROM chosen)) AND revoked_at IS NULL RETURNING id, name
)
INSERT INTO audit_entry (id, at, actor, action, object_type, object_id, object_name, changes, request_id)
SELECT overlay(gen_random_uuid()::text PLACING %(id)s FROM 1)::uuid, %(now)s, %(actor)s, %(action)s, %(object_type)s,
    id::text, name, %(changes)s::jsonb, %(request_id)s
FROM revoked
"""


@transactions.change
def revoke_key(actor: str, key_id: UUID) -> APIKey:
    """Revoke a key and all its successors, for good. Revoking again changes nothing: the first time stands. Raises
    NotFound.

    Successors are revoked too because a thief may have rotated the key before the theft was noticed.
    """
    hold(Lock.POOL, str(APIKey.objects.with_id(key_id).pool_id))
    _revoke(actor, CHAIN, {"key_id": key_id})
    row: APIKey = APIKey.objects.get(pk=key_id)
    return row


@transactions.change
def revoke_keys_of(actor: str, owner: str) -> int:
    """Revoke every key of an owner, or, if anything fails, none; how many there were to revoke."""
    hold(Lock.OWNER, owner)
    return _revoke(actor, OF_OWNER, {"owner": owner})


def _revoke(actor: str, chosen: str, parameters: dict[str, Any]) -> int:
    """Revoke the chosen keys that are not revoked yet; how many there were."""
    # A thief may have made so many successors that under a time limit none of them would be revoked.
    with without_time_limit(), connection.cursor() as cursor:
        cursor.execute(chosen + HOLD, {**parameters, "actor": actor})
        (is_own,) = cursor.fetchone()
        if is_own:
            judgement.settle()
        now = timezone.now()
        entry = trail.entry(actor, Action.REVOKE, APIKey(), {"revoked_at": (None, now)})
        columns: dict[str, Any] = {
            "now": now,
            "id": str(entry.pk)[:18],
            "actor": actor,
            "action": entry.action,
            "object_type": entry.object_type,
            "changes": json.dumps(entry.changes),
            "request_id": entry.request_id,
        }
        cursor.execute(chosen + REVOKE, {**parameters, **columns})
        return int(cursor.rowcount)
