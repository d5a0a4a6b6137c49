"""The directive ``strategies``: a table of all query strategies, made from the registry."""

import inspect
import re

from numpydoc.docscrape import FunctionDoc
from sphinx.util.docutils import SphinxDirective

from skmolal import query_strategies

__all__ = ["format_strategies"]

_NOT_OPTIONS = ("learner", "X_pool", "n_instances", "random_state")
_NEEDS = (  # what the docstring says of the learner, and what that means in a word
    ("Not used", "nothing"),
    ("the mean alone", "mean"),
    ("return_cov=True", "joint posterior"),
    ("return_std=True)``. Where it is or holds a Pipeline", "mean and std, features"),
    ("return_std=True", "mean and std"),
    ("no standard deviation", "mean, features, labelled rows"),
    ("Labelled rows are", "features, labelled rows"),
    ("transformers make the features", "features"),
)
_SYMBOLS = {
    "n_pool": "N",
    "n_labelled": "n",
    "n_instances": "b",
    "n_features": "p",
    "n_reference": "r",
    "n_candidates": "c",
    "log": r"\log ",
    "**": "^",  # before the product
    "*": r"\,",
}


class _Strategy:
    """What the docstring of a strategy says, piece by piece."""

    def __init__(self, name):
        self.name = name
        self.function = getattr(query_strategies, f"{name}_sampling")
        self._doc = FunctionDoc(self.function)
        letter = re.match(r"Strategy ([A-Z])\b", inspect.getmodule(self.function).__doc__ or "")
        self.letter = letter.group(1) if letter else ""

    @property
    def summary(self):
        return " ".join(self._doc["Summary"])

    @property
    def needs(self):
        text = " ".join(next(p.desc for p in self._doc["Parameters"] if p.name == "learner"))
        meanings = [meaning for phrase, meaning in _NEEDS if phrase in text]
        meaning = meanings[0] if meanings else text.partition(". ")[0].rstrip(".")
        if "update_variance" in inspect.signature(self.function).parameters:
            meaning += ", or mean and std"
        return meaning

    @property
    def cost(self):
        """The growth of time beyond the prediction, as its docstring says."""
        growth = re.findall(r"O\(((?:[^()]|\([^()]*\))*)\)", " ".join(self._doc["Notes"]))
        formula = growth[-1]  # memory comes first, time last
        for name, symbol in _SYMBOLS.items():
            formula = formula.replace(name, symbol)
        return f":math:`O({formula})`"

    @property
    def options(self):
        signature = inspect.signature(self.function).parameters
        described = {p.name: p for p in self._doc["Parameters"]}
        for name, parameter in signature.items():
            if name not in _NOT_OPTIONS:
                text = " ".join("\n".join(described[name].desc).partition("\n\n")[0].split())
                choices = re.match(r"{.*?}", described[name].type)
                if choices:
                    text = f"{text.rstrip('.')}: one of ``{choices.group()}``."
                yield name, parameter.default, _without_citations(text)

    @property
    def references(self):
        text = inspect.cleandoc("\n".join(self._doc["References"]))
        for entry in re.split(r"^\.\. \[\d+\] ", text, flags=re.MULTILINE):
            if entry.strip():
                yield " ".join(entry.split())


def format_strategies(uses=None):
    """Return the table, and the options and references of each strategy, as reST.

    Parameters
    ----------
    uses : dict, default=None
        Name of each strategy, and when to use it.
    """
    strategies = [_Strategy(name) for name in query_strategies.get_query_strategy_names()]
    strategies.sort(key=lambda s: (s.letter or "Z", s.name))
    page = [
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 28 36 18 18",
        "   :class: strategies",  # on a phone its rows are stacked
        "",
        "   * - Name",
        "     - What it does",
        "     - Needs",
        "     - Cost beside the prediction",
    ]
    for s in strategies:
        letter = f" ({s.letter})" if s.letter else ""
        page += [
            f'   * - :func:`"{s.name}" <skmolal.query_strategies.{s.function.__name__}>`{letter}',
            f"     - {s.summary}",
            f"     - {s.needs}",
            f"     - {s.cost}",
        ]
    if uses is not None:
        page += ["", ".. rubric:: When to use which", ""]
        for s in strategies:
            page += [f'``"{s.name}"``', f"   {uses[s.name]}"]
    page += ["", ".. rubric:: Options", ""]
    for s in strategies:
        options = list(s.options)
        if not options:
            continue
        page += [f'``"{s.name}"``']
        for name, default, text in options:
            page += [f"   - ``{name}={default!r}``: {text}"]
        page += [""]
    without = [f'``"{s.name}"``' for s in strategies if not list(s.options)]
    page += [f"{', '.join(without[:-1])} and {without[-1]} have no options.", ""]
    page += [".. rubric:: References", ""]
    names = {}  # by references: some strategies share theirs
    for s in strategies:
        names.setdefault(tuple(s.references), []).append(f'``"{s.name}"``')
    for references, sharing in names.items():
        page += [
            ", ".join(sharing),
            *(f"   - {_format_reference(text)}" for text in references),
            "",
        ]
    return "\n".join(page)


def _without_citations(text):
    return re.sub(r"\s*\[\d+\]_", "", text)


def _format_reference(text):
    text = re.sub(r"^(?=\w\. )", r"\\", text)  # an initial starts no numbered list
    text = re.sub(r"doi:(10\.\S+\w)", r"`doi:\1 <https://doi.org/\1>`__", text)
    return re.sub(r"arXiv:([\d.]+\d)", r"`arXiv:\1 <https://arxiv.org/abs/\1>`__", text)


class Strategies(SphinxDirective):
    """Insert what :func:`format_strategies` returns; the content says when to use which."""

    has_content = True

    def run(self):
        fields = re.split(r"^:(\w+): ", "\n".join(self.content), flags=re.MULTILINE)
        pairs = zip(fields[1::2], fields[2::2], strict=True)
        uses = {n: " ".join(text.split()) for n, text in pairs}
        wrong = set(uses).symmetric_difference(query_strategies.get_query_strategy_names())
        if wrong:
            raise self.error(f"one line for each strategy, not so for {sorted(wrong)}")
        return self.parse_text_to_nodes(format_strategies(uses))


def setup(app):
    """Register the directive."""
    app.add_directive("strategies", Strategies)
    return {"parallel_read_safe": True}
