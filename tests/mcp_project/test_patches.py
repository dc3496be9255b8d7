"""mcp_project.patches: every patch and undocumented use of a library is in one package, and checked."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from mcp_project.checks import libraries_have_what_is_patched
from mcp_project.patches import CHECKS, Part, missing, require_all

ROOT = Path(__file__).parents[2]
OWN = ("mcp_project", "keys", "registry", "usage")
# Names with an underscore that their libraries document.
DOCUMENTED = {"_meta", "_state", "_default_manager", "_base_manager", "_replace", "_fields", "_asdict"}
# file → names that it may use, and why
ALLOWED = {
    # Replaces the pool's check; mcp_project/patches/psycopg_pool.py has its parts.
    "mcp_project/database/postgresql/base.py": {"_check", "_pool", "_WaitTimeout"},
    # Wraps a method that Django documents; a site of our own would have to take the place of unfold's.
    "keys/admin/login.py": {"admin.site.login"},
}


def parts() -> list[tuple[str, Part]]:
    return [(library, part) for library in CHECKS for part in import_module(f"mcp_project.patches.{library}").parts()]


@pytest.mark.parametrize(("library", "part"), parts(), ids=str)
def test_missing_part_of_a_library_stops_the_start_with_a_sentence(
    library: str, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert missing(library) == ""
    target = part.method or part.name
    if hasattr(part.owner, "__mro__"):
        for owner in part.owner.__mro__:
            if target in vars(owner) and owner is not object:
                monkeypatch.delattr(owner, target)
    else:
        monkeypatch.delattr(part.owner, target)

    assert f"mcp_project/patches/{library}.py" in missing(library)
    with pytest.raises(ImproperlyConfigured, match=f"patches/{library}.py"):
        require_all()
    assert CHECKS[library] in {message.id for message in libraries_have_what_is_patched()}


def test_method_that_no_longer_uses_a_name_is_noticed() -> None:
    class Library:
        def method(self) -> None:
            self._kept = 1

    assert Part(Library, "_kept", method="method").exists()
    assert not Part(Library, "_renamed", method="method").exists()


def test_each_library_has_a_module_and_an_id_of_its_own() -> None:
    modules = {path.stem for path in (ROOT / "mcp_project/patches").glob("*.py")} - {"__init__"}

    assert modules == set(CHECKS)
    assert len(set(CHECKS.values())) == len(CHECKS)
    assert all(import_module(f"mcp_project.patches.{module}").__doc__ for module in modules)


def sources() -> dict[str, ast.Module]:
    files = [path for app in OWN for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
    names = {str(path.relative_to(ROOT)): path for path in files}
    return {name: ast.parse(path.read_text()) for name, path in names.items() if "/patches/" not in name}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and len(name) > 1 and name not in DOCUMENTED


def names_of_the_project(trees: dict[str, ast.Module]) -> set[str]:
    """Names that the project itself defines or assigns."""
    names: set[str] = set()
    for node in (node for tree in trees.values() for node in ast.walk(tree)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
            names.add(node.attr)
    return names


def is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def from_libraries(tree: ast.Module) -> set[str]:
    """Names that the module imports from elsewhere than the project."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] not in OWN:
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
    return names


def offences(tree: ast.Module, own: set[str]) -> Iterator[str]:
    imported = from_libraries(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] not in OWN:
            yield from (alias.name for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Attribute):
            is_super = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "super"
            if is_private(node.attr) and (node.attr not in own or is_super):
                yield node.attr
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(node.ctx, ast.Store | ast.Del) and isinstance(root, ast.Name) and root.id in imported:
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "delattr"):
            target = ast.unparse(node.args[0]).split(".")[0]
            if target in imported:
                yield ast.unparse(node)


def test_no_other_file_changes_a_library_or_uses_its_private_names() -> None:
    trees = sources()
    own = names_of_the_project(trees)
    found = {name: set(offences(tree, own)) - ALLOWED.get(name, set()) for name, tree in trees.items()}

    assert {name: names for name, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from library import thing\nthing.attribute = 1",
        "import library\nlibrary.thing.attribute = 1",
        "from library import thing\nsetattr(thing, 'attribute', 1)",
        "from library import _thing",
        "def f(x): return x._hidden",
        "class A:\n    def f(self): super()._hidden()",
    ],
)
def test_the_search_finds(source: str) -> None:
    assert list(offences(ast.parse(source), set()))
