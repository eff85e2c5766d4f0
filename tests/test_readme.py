"""The README's ```python blocks run, each in a namespace of its own."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def blocks():
    text = README.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        first_line = text.count("\n", 0, match.start(1)) + 1
        yield pytest.param(match[1], first_line, id=f"line_{first_line}")


@pytest.mark.parametrize(("source", "first_line"), list(blocks()))
def test_block_runs(source, first_line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines_above = "\n" * (first_line - 1)  # so that a traceback shows the README's own line
    exec(compile(lines_above + source, str(README), "exec"), {"__name__": "__main__"})


def test_there_are_blocks():
    assert list(blocks())
