from keys.models.api_key import APIKey, Permission
from keys.models.counters import Bucket, Quota
from keys.models.idempotency import KeptAnswer, KeptBytes

__all__ = ["APIKey", "Bucket", "KeptAnswer", "KeptBytes", "Permission", "Quota"]
