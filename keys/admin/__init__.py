from keys.admin import audit, keys, login  # noqa: F401  (they register themselves)
