"""The whole registry as lines of JSON, out of one database and into another: docs/registry_export.md."""


class Unreadable(Exception):
    """What is wrong with an export, in words for whoever imports it."""
