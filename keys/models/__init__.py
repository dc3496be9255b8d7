from keys.models.api_key import APIKey, Permission
from keys.models.audit import AuditEntry
from keys.models.counters import Bucket, DoorCounter, Quota

__all__ = ["APIKey", "AuditEntry", "Bucket", "DoorCounter", "Permission", "Quota"]
