from keys.models.api_key import APIKey, Permission
from keys.models.counters import Bucket, Quota

__all__ = ["APIKey", "Bucket", "Permission", "Quota"]
