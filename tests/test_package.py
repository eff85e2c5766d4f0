"""What holds for the package as a whole."""

import re
import subprocess
import sys
from pathlib import Path

import sklearn_mrtl

ROOT = Path(__file__).parent.parent
EXTRAS = {"xarray", "pandas", "h5netcdf", "matplotlib", "polars", "pyarrow"}


def test_import_takes_no_extra():
    modules = ["sklearn_mrtl", "sklearn_mrtl.datasets", "sklearn_mrtl.preprocessing"]
    code = f"import sys, {', '.join(modules)}; print(*sorted({EXTRAS} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert loaded.split() == []


def test_one_version_everywhere():
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sklearn_mrtl.__version__ == cited[1]


def test_public_names_exist():
    for name in sklearn_mrtl.__all__:
        assert hasattr(sklearn_mrtl, name)
