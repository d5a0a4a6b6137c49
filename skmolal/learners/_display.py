"""How a learner shows itself: as a line of text, and as HTML in a notebook."""

from html import escape

from sklearn import get_config
from sklearn.utils import estimator_html_repr

from skmolal._doc_link import DocLinkMixin
from skmolal._rows import n_rows

_MAX_MEMBERS = 3


class DisplayMixin(DocLinkMixin):
    """``repr`` and HTML of a learner and of a committee of learners.

    The training data is shown by its size: the data itself would fill the page.
    """

    def __repr__(self):
        shown = []
        for name, value in self.get_params(deep=False).items():
            if name in ("X_training", "y_training") or value is False:
                continue
            if name == "query_strategy":
                text = _format_strategy(value)
            elif name == "learner_list":
                text = _format_members(value)
            else:
                text = repr(value)
            shown.append(f"{name}={text}")
        shown.append(f"n_labelled={self._n_labelled()}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def _n_labelled(self):
        """Size of the training set; a list where members of a committee differ."""
        sizes = [
            0 if learner.X_training is None else n_rows(learner.X_training)
            for learner in self._learners()
        ]
        return sizes[0] if len(set(sizes)) == 1 else sizes

    def _facts(self):
        """What the HTML says in words, a dict from label to text."""
        return {
            "Labelled samples": str(self._n_labelled()),
            "Query strategy": _format_strategy(self.query_strategy),
        }

    def _html_repr(self):
        name, link = type(self).__name__, self._get_doc_link()
        title = f'<a href="{escape(link)}" target="_blank">{name}</a>' if link else name
        rows = "".join(
            f"<tr><th style='text-align: left'>{escape(label)}</th>"
            f"<td style='text-align: left'>{escape(text)}</td></tr>"
            for label, text in self._facts().items()
        )
        # Members of a committee are often alike.
        distinct = {repr(learner.estimator): learner.estimator for learner in self._learners()}
        diagrams = "".join(estimator_html_repr(estimator) for estimator in distinct.values())
        return f"<div><strong>{title}</strong><table>{rows}</table>{diagrams}</div>"

    # Up to scikit-learn 1.6 these two do not ask for _html_repr.
    def _repr_html_inner(self):
        return self._html_repr()

    def _repr_mimebundle_(self, **kwargs):
        bundle = {"text/plain": repr(self)}
        if get_config()["display"] == "diagram":
            bundle["text/html"] = self._html_repr()
        return bundle


def _format_strategy(strategy):
    # The repr of a function ends in an address.
    return getattr(strategy, "__qualname__", None) or repr(strategy)


def _format_members(learners):
    shown = [repr(learner) for learner in learners[:_MAX_MEMBERS]]
    if len(learners) > _MAX_MEMBERS:
        shown.append(f"... {len(learners)} in all")
    return f"[{', '.join(shown)}]"
