"""The link from an estimator's HTML diagram to its page of the documentation."""

import skmolal

DOCUMENTATION = "https://skmolal.readthedocs.io/en/latest/"


class DocLinkMixin:
    """Link to our own documentation, where scikit-learn's estimators link to theirs.

    Left of ``BaseEstimator``, which draws the diagram and reads these names. A user's subclass,
    which has no page, gets no link.
    """

    _doc_link_module = "skmolal"
    _doc_link_template = DOCUMENTATION + "api/generated/{name}.html"

    def _doc_link_url_param_generator(self):
        cls = type(self)
        if cls.__name__ in skmolal.__all__:
            return {"name": f"skmolal.{cls.__name__}"}
        public_module = cls.__module__.split("._")[0]
        return {"name": f"{public_module}.{cls.__name__}"}
