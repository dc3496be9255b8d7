from keys.admin import keys, login  # noqa: F401  (they register themselves)
