"""Parts of docstrings that several objects share."""

from __future__ import annotations

import re
from collections.abc import Callable
from textwrap import indent
from typing import TypeVar

T = TypeVar("T")


def substitute(**parts: str) -> Callable[[T], T]:
    r"""Return a decorator that fills parts into the docstring of a class or function.

    Parameters
    ----------
    **parts : str
        Text that replaces the line ``{name}`` of the docstring, indented as that line.

    Raises
    ------
    ValueError
        If the docstring has no line for one of the parts.

    Examples
    --------
    >>> from sklearn_mrtl._utils.docstrings import substitute
    >>> @substitute(copy="copy : bool, default=True\n    Work on a copy.")
    ... def scale(X, copy=True):
    ...     '''Scale X.
    ...
    ...     Parameters
    ...     ----------
    ...     {copy}
    ...     '''
    >>> "Work on a copy." in scale.__doc__
    True
    """

    def fill(target: T) -> T:
        text = target.__doc__
        if text is None:  # python -OO
            return target
        for name, part in parts.items():
            line = re.compile(rf"^( *)\{{{name}\}}$", re.MULTILINE)
            found = line.search(text)
            if found is None:
                raise ValueError(f"the docstring of {target!r} has no line {{{name}}}.")
            text = text[: found.start()] + indent(part, found[1]) + text[found.end() :]
        target.__doc__ = text
        return target

    return fill
