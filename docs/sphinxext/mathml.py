"""Write formulas as MathML, which browsers draw themselves: no script, nothing to download."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.errors import ExtensionError

__all__ = ["visit_block", "visit_inline"]


def visit_inline(self, node):
    """Write a formula in a line of text."""
    self.body.append(_convert(node, as_block=False))
    raise nodes.SkipNode


def visit_block(self, node):
    """Write a formula of its own, several lines aligned at their ``&``."""
    self.body.append(f'<div class="formula">{_convert(node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def _convert(node, as_block):
    text = node.astext()
    try:
        return tex2mathml(text, as_block=as_block)
    except Exception as error:  # docutils raises SyntaxError, and others where TeX is odd
        raise ExtensionError(f"cannot write as MathML: {text!r}: {error}") from error


def setup(app):
    """Register the renderer, ``html_math_renderer = "mathml"``."""
    app.add_html_math_renderer(
        "mathml", inline_renderers=(visit_inline, None), block_renderers=(visit_block, None)
    )
    return {"parallel_read_safe": True}
