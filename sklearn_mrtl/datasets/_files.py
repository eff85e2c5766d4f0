"""Files of any format: finding them, telling what they are, and naming them where they are damaged."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

# Real grids and game files are 4 to 25 times as large as their compressed files (PRISM, ERSST, SportVU). What is larger
# than both limits was made to fill the memory, or its header is damaged.
MAX_EXPANSION = 200
ALWAYS_ALLOWED = 64 * 2**20  # bytes


def find_files(path: str | PathLike | Sequence[str | PathLike]) -> list[Path]:
    """Return the files of a path, a glob pattern or a sequence of both, each pattern's in order of their names.

    Raises
    ------
    FileNotFoundError
        If one of them has no file.
    """
    patterns = [path] if isinstance(path, str | PathLike) else list(path)
    files = [file for pattern in patterns for file in _matching(str(pattern))]
    if not files:
        raise FileNotFoundError("path names no file: got an empty sequence.")
    return files


def _matching(pattern: str) -> list[Path]:
    found = [Path(pattern)] if Path(pattern).is_file() else sorted(map(Path, glob.glob(pattern)))
    files = [file for file in found if file.is_file()]
    if not files:
        raise FileNotFoundError(f"no file matches {pattern!r}.")
    return files


def first_bytes(file: Path, n: int = 8) -> bytes:
    """Return the first bytes of a file, by which its format is known."""
    with file.open("rb") as stream:
        return stream.read(n)


@contextmanager
def reading(file, file_format: str) -> Iterator[None]:
    """Turn every error of a library that reads a file into a ValueError that names the file.

    Libraries raise errors of all kinds on damaged files (IndexError, RecursionError, zlib.error, ...), so put nothing
    but calls of the library under it.

    Raises
    ------
    ValueError
        If the library fails, but not because a package is missing.
    """
    try:
        yield
    except ImportError:
        raise
    except Exception as error:
        cause = str(error).rstrip(".") or type(error).__name__
        raise ValueError(f"{file} cannot be read as {file_format}; it may be damaged: {cause}.") from error


def check_expansion(n_bytes: int, file: Path, what: str, advice: str) -> None:
    """Refuse to make far more bytes of a file than real data have.

    Raises
    ------
    ValueError
        If `n_bytes` is more than 64 MiB and more than 200 times the size of the file.
    """
    size = file.stat().st_size
    if n_bytes > max(ALWAYS_ALLOWED, MAX_EXPANSION * size):
        raise ValueError(
            f"{file} has {size} bytes, but {what} would take {n_bytes}, more than {MAX_EXPANSION} times as many: it "
            f"may be damaged or made to fill the memory. {advice}."
        )
