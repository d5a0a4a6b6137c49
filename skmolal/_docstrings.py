"""Paragraphs that several docstrings share, each in one place."""

import inspect
import re
from textwrap import indent


def share_docs(**paragraphs):
    """Decorate a function or class whose docstring has lines ``%(name)s``: put paragraphs there.

    The paragraphs are given by name; each is indented as the line that it replaces.
    """
    texts = {name: inspect.cleandoc(text) for name, text in paragraphs.items()}

    def fill(documented):
        if documented.__doc__ is not None:  # `python -OO` strips docstrings
            documented.__doc__ = re.sub(
                r"^( *)%\((\w+)\)s$",
                lambda line: indent(texts[line[2]], line[1]),
                documented.__doc__,
                flags=re.MULTILINE,
            )
        return documented

    return fill
