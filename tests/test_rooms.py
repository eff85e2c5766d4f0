"""Which room may import which, read from the source files without importing them."""

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "sklearn_mrtl"
LONGEST = 300  # lines of a module

# Each room with the rooms it may import besides itself and _warnings. modes is the vocabulary of all others and imports
# none.
MAY_IMPORT = {
    "modes": [],
    "_warnings": [],
    "_utils": ["modes"],
    "core": ["modes"],
    "distributed": ["core"],
    "_estimators": ["core", "distributed", "_utils", "modes"],
    "preprocessing": ["_utils", "modes"],
    "references": ["_utils"],
    "datasets": ["_utils", "modes"],
    "model_selection": ["_estimators", "references", "_utils", "modes"],
    "inspection": ["_estimators", "core", "_utils", "modes"],
}
CORE_LIBRARIES = {"torch", "numpy", "tensorly", "scipy"}


def module_name(path):
    """The dotted name of a source file, without the package's own name: "core.data.fields"."""
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
ROOMS = {name: sorted(m for m in MODULES if m.split(".")[0] == name) for name in MAY_IMPORT}


def imports(module, *, at_module_level=False):
    """Pairs (full dotted module, imported name or None) of every import statement of a module."""
    nodes = [ast.parse(MODULES[module].read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} has a relative import; imports are absolute"
            yield from ((node.module, alias.name) for alias in node.names)
        elif at_module_level and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        elif at_module_level and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            nodes += node.orelse
        else:
            nodes += ast.iter_child_nodes(node)


def own_imports(module, **options):
    """Pairs (module of the package, imported name or None)."""
    for target, name in imports(module, **options):
        if target.split(".")[0] != "sklearn_mrtl":
            continue
        inside = target.removeprefix("sklearn_mrtl").removeprefix(".")
        submodule = f"{inside}.{name}".removeprefix(".")
        yield (submodule, None) if submodule in MODULES else (inside, name)


def room(module):
    return module.split(".")[0]


def test_every_module_has_a_room():
    assert {room(module) for module in MODULES} - {""} == set(MAY_IMPORT)


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(name):
    found = {(module, target) for module in ROOMS[name] for target, _ in own_imports(module)}
    forbidden = {
        (module, target) for module, target in found if room(target) not in [name, "_warnings", *MAY_IMPORT[name]]
    }
    assert forbidden == set()


def test_core_knows_its_four_libraries_only():
    libraries = {target.split(".")[0] for module in ROOMS["core"] for target, _ in imports(module)}
    assert libraries - sys.stdlib_module_names - {"sklearn_mrtl"} <= CORE_LIBRARIES


def test_modes_knows_no_other_library_than_numpy():
    libraries = {target.split(".")[0] for target, _ in imports("modes")}
    assert libraries - sys.stdlib_module_names <= {"numpy"}


def test_no_module_is_too_long():
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    too_long = {name: length for name, length in lengths.items() if length > LONGEST}
    assert too_long == {}


def test_warnings_are_raised_by_the_one_function_that_finds_the_users_line():
    calls = {module for module, path in MODULES.items() if "warnings.warn(" in path.read_text(encoding="utf-8")}
    assert calls == {"_warnings"}


def test_no_circle_of_imports():
    graph = {
        module: {target for target, _ in own_imports(module, at_module_level=True)} - {module} for module in MODULES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {' -> '.join(error.args[1])}")


def test_no_private_name_is_imported_across_rooms():
    """Of a module or of what it defines; the underscore of _utils and _estimators is the room's own name."""
    private = set()
    for module in MODULES:
        for target, name in own_imports(module):
            parts = [*target.split(".")[1:], *([name] if name else [])]
            if room(target) != room(module) and module and any(is_private(part) for part in parts):
                private.add((module, target))
    assert private == set()


def is_private(name):
    return name.startswith("_") and not name.startswith("__")
