"""The WSGI application, for gunicorn or any other WSGI server."""

import os
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mcp_project.settings")


class UTF8Request(WSGIRequest):
    """Queries and bodies are UTF-8, as JSON is (RFC 8259), whatever charset the Content-Type names.

    Django takes any codec of Python's for one. Those that are not of text fail while the request is made, before any
    of our layers; and `punycode` takes two minutes for a megabyte.
    """

    @property
    def encoding(self) -> str | None:
        return None

    @encoding.setter
    def encoding(self, value: Any) -> None:
        pass


class Application(WSGIHandler):
    request_class = UTF8Request


django.setup(set_prefix=False)
application = Application()
