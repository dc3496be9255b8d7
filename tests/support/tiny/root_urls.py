"""The protocol's addresses alone, for tests in process. (Importing mcp_project.urls here would let it keep a table of
protocols that a test has overridden.)"""

from django.urls import include, path

urlpatterns = [path("tiny/", include("tests.support.tiny.urls"))]
