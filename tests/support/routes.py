"""Every route of the service, with examples for the arguments of its path."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

METHODS = ("POST", "PUT", "PATCH", "DELETE", "GET", "HEAD", "OPTIONS")


class Route(NamedTuple):
    template: str  # such as /api/models/{model_id}
    arguments: tuple[str, ...]
    name: str | None
    methods: tuple[str, ...]  # those that its view takes, and one that it does not take

    def path(self, examples: Mapping[str, object]) -> str:
        """The path with these arguments. Fails with a sentence for an argument without an example."""
        for argument in self.arguments:
            assert argument in examples, f"{self.template} has an argument without an example: add one for {argument!r}"
        return self.template.format_map(examples)


def all_routes() -> list[Route]:
    """All but the admin's, whose pages a session admits."""
    return list(_routes(get_resolver().url_patterns, "/", ()))


def _routes(patterns: list[Any], before: str, arguments: tuple[str, ...]) -> Iterator[Route]:
    for entry in patterns:
        assert isinstance(entry, URLPattern | URLResolver)
        names = (*arguments, *entry.pattern.converters)
        template = before + _template(entry.pattern)
        if template.startswith("/admin"):
            continue
        if isinstance(entry, URLResolver):
            yield from _routes(entry.url_patterns, template, names)
        else:
            yield Route(template, names, entry.name, _methods(entry.callback))


def _methods(function: Any) -> tuple[str, ...]:
    view_class = getattr(function, "cls", None) or getattr(function, "view_class", None)
    assert view_class is not None, f"{function} is a function: which methods it takes is not known"
    actions = getattr(function, "actions", None)
    names = [name for name in view_class.http_method_names if hasattr(view_class, name)]
    taken = {name.upper() for name in (names if actions is None else [*actions, "options"])}
    if "GET" in taken:
        taken.add("HEAD")
    return (*sorted(taken), *[method for method in METHODS if method not in taken][:1])


def _template(pattern: Any) -> str:
    if not isinstance(pattern, RoutePattern):
        return str(pattern)  # a regular expression: of the admin alone
    template = str(pattern)
    for name in pattern.converters:
        before, _, rest = template.partition("<")
        template = f"{before}{{{name}}}{rest.partition('>')[2]}"
    return template


def paths(route: Route, examples: Mapping[str, object], absent: Mapping[str, object]) -> Iterator[str]:
    """The route's path to things that are there, and the same with each of them replaced by one that is not."""
    yield route.path(examples)
    for argument in route.arguments:
        if argument in absent:
            yield route.path({**examples, argument: absent[argument]})
