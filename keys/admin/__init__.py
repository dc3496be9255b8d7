from keys.admin import audit, keys  # noqa: F401  (they register themselves)
