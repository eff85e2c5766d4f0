"""Formulas as MathML, which browsers draw by themselves: the pages need no network to be read."""

import latex2mathml.converter


def inline(self, node):
    """A formula in a line of text."""
    self.body.append(latex2mathml.converter.convert(node.astext()))
    raise_skip()


def display(self, node):
    """A formula on a line of its own; several are separated by an empty line."""
    formulas = [part for part in node.astext().split("\n\n") if part.strip()]
    for number, formula in enumerate(formulas):
        mathml = latex2mathml.converter.convert(formula.replace("\n", " "), display="block")
        label = f'<span class="equation-number">({node["number"]})</span>' if node.get("number") and not number else ""
        self.body.append(f'<div class="math-display"><div class="formula">{mathml}</div>{label}</div>\n')
    raise_skip()


def raise_skip():
    """Nothing of the node is left to be written."""
    from docutils import nodes

    raise nodes.SkipNode


def setup(app):
    """Register the renderer."""
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
