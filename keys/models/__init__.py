from keys.models.api_key import APIKey, Permission
from keys.models.audit import AuditEntry
from keys.models.counters import Bucket, DoorCounter, Quota
from keys.models.idempotency import KeptAnswer, KeptBytes

__all__ = ["APIKey", "AuditEntry", "Bucket", "DoorCounter", "KeptAnswer", "KeptBytes", "Permission", "Quota"]
