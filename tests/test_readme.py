"""The ```python blocks of README and SECURITY run, each in a namespace of its own."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "SECURITY.md"]
BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def blocks():
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            first_line = text.count("\n", 0, match.start(1)) + 1
            yield pytest.param(page, match[1], first_line, id=f"{page}_line_{first_line}")


@pytest.mark.parametrize(("page", "source", "first_line"), list(blocks()))
def test_block_runs(page, source, first_line, tmp_path, monkeypatch):
    if "skops" in source:
        pytest.importorskip("skops", reason="the block needs skops")
    monkeypatch.chdir(tmp_path)
    lines_above = "\n" * (first_line - 1)  # so that a traceback shows the page's own line
    exec(compile(lines_above + source, str(ROOT / page), "exec"), {"__name__": "__main__"})


def test_every_page_has_blocks():
    assert {block.values[0] for block in blocks()} == set(PAGES)
