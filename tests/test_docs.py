"""Pages are for readers: their code fits on a page of 75 characters, and what people search for is there."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted([*DOCS.glob("*.rst"), *(DOCS / "user_guide").glob("*.rst")])
WIDTH = 75


def code_lines(text):
    """Yield the lines of doctests, with their prompts, and of code blocks."""
    for block in re.split(r"^\.\. code-block:: \w+\n", text, flags=re.MULTILINE)[1:]:
        inside = re.match(r"(?:   .*\n|[ \t]*\n)*", block + "\n").group()
        yield from (line[3:] for line in inside.splitlines())
    yield from re.findall(r"^ *(?:>>>|\.\.\.) .*$", text, flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_is_not_cut(page):
    assert [line for line in code_lines(page.read_text(encoding="utf-8")) if len(line) > WIDTH] == []


@pytest.mark.parametrize("words", ["save a model", "uncertain", "cite", "install", "classification", "contribut"])
def test_what_people_search_for(words):
    assert any(words in page.read_text(encoding="utf-8").lower() for page in PAGES)
