"""The WSGI application, for gunicorn or any other WSGI server."""

import os

import django
from django.core.handlers.wsgi import WSGIHandler

from mcp_project.patches import require_all
from mcp_project.patches.django import UTF8Request

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mcp_project.settings")


class Application(WSGIHandler):
    request_class = UTF8Request


django.setup(set_prefix=False)
require_all()
application = Application()
