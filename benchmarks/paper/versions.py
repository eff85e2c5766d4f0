"""Which code made a trial: the commit, and a hash of the package's training path; the machine and its packages."""

import ast
import hashlib
import os
import platform
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import sklearn
import torch

import sklearn_mrtl

ROOT = Path(__file__).resolve().parents[2]
TRAINING = ["_estimators", "core", "modes.py"]  # of the package: what decides the numbers of a fit
NO_TRAINING = "none"  # in the place of the hash, for trials of other packages


@cache
def commit() -> str:
    """The commit at which this process began."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()


@cache
def training_code() -> str:
    """A hash of the training path, which comments and docstrings do not change."""
    return code_of(Path(sklearn_mrtl.__file__).parent, TRAINING)


def code_of(folder, names) -> str:
    """A hash of Python files and of folders of them."""
    digest = hashlib.sha256()
    for name in names:
        for path in sorted((folder / name).rglob("*.py")) or [folder / name]:
            digest.update(f"{path.relative_to(folder)}\n{without_words(path.read_text())}\n".encode())
    return digest.hexdigest()[:12]


def without_words(source: str) -> str:
    """The syntax tree of a source without its docstrings, as text."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def made_at(trials) -> str:
    """In words: the commits of trials, and how many were made with training code that has changed since."""
    words = "made at " + ", ".join(sorted(set(trials.commit.dropna())))
    code = trials["code"] if "code" in trials else trials.commit.map(lambda _: "")
    n_old = int((~code.isin([training_code(), NO_TRAINING])).sum())
    if not n_old:
        return words + ", with the training code of this page's commit"
    return words + f"; {n_old} of them before the training code last changed (`RENEW=1 make paper` runs these again)"


def machine() -> str:
    """Processor, cores and versions, in a line."""
    versions = {
        "sklearn_mrtl": sklearn_mrtl.__version__,
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "Python": platform.python_version(),
    }
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), "")
    return f"{cpu or platform.machine()}, one thread of {os.cpu_count()} cores, " + ", ".join(
        f"{name} {version}" for name, version in versions.items()
    )
