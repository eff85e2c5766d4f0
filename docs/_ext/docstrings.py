"""Docstrings as they are meant, and classes without what scikit-learn adds to every estimator."""

import re

STAR = re.compile(r"(?<![*\w\\])\*(?=[a-z])")  # (*shape, K): not the start of emphasis
UNDERSCORE = re.compile(r"(?<=\w)_(?!\w)")  # (n_features_in_,): not the end of a link's name
NESTED = re.compile(r" {4}\w+ : ")  # a name of a Bunch, which needs a description to be one


def skip_inherited(app, what, name, obj, skip, options):
    """Leave out members that scikit-learn defines; they are in its manual."""
    module = getattr(obj, "__module__", None) or getattr(getattr(obj, "fget", None), "__module__", None) or ""
    return True if module.startswith("sklearn.") else None


def escape(app, what, name, obj, options, lines):
    """Shapes and fitted names are plain text where a docstring has them outside of code."""
    nested = [n for n, line in enumerate(lines) if NESTED.match(line) and not "".join(lines[n + 1 : n + 2]).strip()]
    for number in reversed(nested):
        lines.insert(number + 1, " " * 8 + "\\ ")
    in_example = in_formula = False
    for number, line in enumerate(lines):
        in_example = (in_example and bool(line.strip())) or line.lstrip().startswith(">>>")
        in_formula = (in_formula and bool(line.strip())) or ".. math::" in line
        if in_example or in_formula:
            continue
        pieces = re.split(r"(`+[^`]*`+)", line)  # code is every second piece
        pieces[::2] = [UNDERSCORE.sub(r"\\_", STAR.sub(r"\\*", piece)) for piece in pieces[::2]]
        lines[number] = "".join(pieces)


def setup(app):
    """Connect; before numpydoc, which takes docstrings apart."""
    app.connect("autodoc-skip-member", skip_inherited)
    app.connect("autodoc-process-docstring", escape, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
