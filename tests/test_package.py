"""What holds for the package as a whole."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import sklearn_mrtl

ROOT = Path(__file__).parent.parent
OPTIONAL = ["xarray", "pandas", "h5netcdf", "matplotlib", "polars", "pyarrow", "dask", "cftime", "rich"]


def test_import_needs_no_extra():
    block = f"import sys; sys.modules.update(dict.fromkeys({OPTIONAL}))"  # None there makes an import fail
    modules = ("datasets", "inspection", "model_selection", "preprocessing", "references")
    code = f"{block}; import sklearn_mrtl, {', '.join(f'sklearn_mrtl.{name}' for name in modules)}"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_one_version_everywhere():
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sklearn_mrtl.__version__ == cited[1]


def test_public_names_exist():
    for name in sklearn_mrtl.__all__:
        assert hasattr(sklearn_mrtl, name)


def test_oldest_constraints_are_the_declared_floors():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = [
        *project["dependencies"],
        *(line for extra, lines in extras.items() if extra not in ("docs", "maps", "test-peers") for line in lines),
    ]
    floors = dict(re.fullmatch(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", line).groups() for line in declared if ">=" in line)
    pinned = dict(
        re.findall(r"^([\w-]+)==([\d.]+)$", (ROOT / "constraints-oldest.txt").read_text(), flags=re.MULTILINE)
    )
    for name, version in pinned.items():
        assert re.fullmatch(re.escape(floors[name]) + r"(\.0)*", version), name
    assert floors.keys() - pinned.keys() == {"torch", "ruff", "mypy"}  # torch is `make test-oldest TORCH=...`
