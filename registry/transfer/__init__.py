"""The whole registry as lines of JSON, out of one database and into another: docs/registry_export.md."""


class Unreadable(Exception):
    """An export that cannot be imported. The message is for the operator."""
