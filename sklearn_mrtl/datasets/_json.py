"""JSON files, plain or in a 7z archive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sklearn_mrtl._utils.optional import import_optional
from sklearn_mrtl.datasets._files import check_expansion, first_bytes, reading

MAGIC_7Z = b"7z\xbc\xaf\x27\x1c"


def load_json(path: Path) -> Any:
    """Return the content of a JSON file, or of the one JSON file in a 7z archive.

    Raises
    ------
    ValueError
        If the file is not JSON, not a 7z archive of one JSON file, damaged, or expands beyond what such files do.
    ImportError
        If it is a 7z archive and py7zr is not installed.
    """
    is_archive = path.suffix.lower() == ".7z" or first_bytes(path).startswith(MAGIC_7Z)
    content = _unpack(path) if is_archive else path.read_bytes()
    with reading(path, "JSON"):
        return json.loads(content)


def _unpack(path: Path) -> bytes:
    """Return the one JSON file of a 7z archive; nothing is written to the disk, whatever the names in the archive."""
    py7zr = import_optional(
        "py7zr", extra="sportvu", caller="read_sportvu of a .7z file", otherwise="unpack it and give the JSON file"
    )
    from py7zr.io import BytesIOFactory

    with reading(path, "a 7z archive"):
        archive = py7zr.SevenZipFile(path)
    with archive:
        with reading(path, "a 7z archive"):
            names = [entry.filename for entry in archive.list() if not entry.is_directory]
            n_bytes = sum(entry.uncompressed for entry in archive.list())
        games = [name for name in names if name.lower().endswith(".json")]
        if len(games) != 1:
            raise ValueError(f"{path} must contain one JSON file, got {names}.")
        # The files of an archive may be compressed as one, so that all of them have to be expanded.
        check_expansion(n_bytes, path, "its content", "If it is right, unpack it and give the JSON file")
        with reading(path, "a 7z archive"):
            content = BytesIOFactory(limit=n_bytes + 1)
            archive.extract(targets=games, factory=content)
            (game,) = content.products.values()
            return game.read()
