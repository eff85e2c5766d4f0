import inspect

import pytest

import sklearn_mrtl.preprocessing
from sklearn_mrtl._utils.docstrings import substitute

PART = "copy : bool, default=True\n    Work on a copy.\n\n    Really."


def test_parts_are_indented_as_their_line():
    @substitute(copy=PART)
    class Thing:
        """A thing.

        Parameters
        ----------
        {copy}
        other : int
        """

    text = inspect.cleandoc(Thing.__doc__)
    assert text == f"A thing.\n\nParameters\n----------\n{PART}\nother : int"


def test_a_part_without_a_line_is_refused():
    def function():
        """Do {copy} inline."""

    with pytest.raises(ValueError, match="has no line {copy}"):
        substitute(copy=PART)(function)


def test_no_docstring_no_change():
    def function():
        pass

    assert substitute(copy=PART)(function) is function and function.__doc__ is None


@pytest.mark.parametrize("name", sklearn_mrtl.preprocessing.__all__)
def test_no_line_is_left_unfilled(name):
    text = inspect.getdoc(getattr(sklearn_mrtl.preprocessing, name))
    assert not any(line.strip().startswith("{") for line in text.splitlines())
