"""What holds for the package as a whole."""

import re
import subprocess
import sys
from pathlib import Path

import sklearn_mrtl

ROOT = Path(__file__).parent.parent
OPTIONAL = ["xarray", "pandas", "h5netcdf", "matplotlib", "polars", "pyarrow", "dask", "cftime", "rich"]


def test_import_needs_no_extra():
    block = f"import sys; sys.modules.update(dict.fromkeys({OPTIONAL}))"  # None there makes an import fail
    modules = ("datasets", "inspection", "model_selection", "preprocessing")
    code = f"{block}; import sklearn_mrtl, {', '.join(f'sklearn_mrtl.{name}' for name in modules)}"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_one_version_everywhere():
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sklearn_mrtl.__version__ == cited[1]


def test_public_names_exist():
    for name in sklearn_mrtl.__all__:
        assert hasattr(sklearn_mrtl, name)
