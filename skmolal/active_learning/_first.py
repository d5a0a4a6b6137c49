"""The first question where an estimate of the label is known before any label."""

import numpy as np
from scipy import sparse

from skmolal.query_strategies import QueryStrategy

__all__ = ["choose_best", "find_baseline", "wants_large"]


def find_baseline(model, strategy, name):
    """Find the column of the features that estimates the label, and which end is wanted.

    Parameters
    ----------
    model : CampaignModel
        Whose features have names.
    strategy : QueryStrategy
        Its options `low`, `high` and `maximize` say which end.
    name : str
        Name of the feature, without what a Pipeline or FeatureUnion puts before it.

    Returns
    -------
    score : ndarray of shape (n_samples,)
        Larger is better; NaN where there is no estimate.

    Raises
    ------
    ValueError
        If no feature or several have this name, or the strategy wants no end.
    """
    names = _feature_names(model)
    found = [i for i, full in enumerate(names) if name in (full, full.rpartition("__")[2])]
    if name is None or len(found) != 1:
        some = ", ".join(names[:3]) or "without names"
        raise ValueError(
            "initial='strategy' needs baseline, the name of one feature that estimates the label, "
            f"such as 'gfn2_homo' of make_baseline_model; got {name!r}, the features are {some}"
            + (", ..." if len(names) > 3 else "")
        )
    features, at = model.features, found[0]
    column = features.iloc[:, at] if hasattr(features, "iloc") else features[:, [at]]
    if sparse.issparse(column):
        column = column.toarray()
    large = wants_large(strategy)
    if large is None:
        raise ValueError(
            "initial='strategy' needs a query strategy that wants the largest or the smallest "
            f"labels, such as 'target' with one end of its range or top; got {strategy!r}"
        )
    values = np.asarray(column, dtype=np.float64).ravel()
    return values if large else -values


def choose_best(score, pool, n_before, n_instances):
    """Choose half of a question by the estimate.

    Parameters
    ----------
    score : ndarray of shape (n_samples,)
        From :func:`find_baseline`.
    pool : ndarray of int
        Positions that may be asked for.
    n_before : int
        How many were asked for before: however the first labels are split into questions, half
        of them, rounded up, is chosen here.
    n_instances : int
        Size of the question.

    Returns
    -------
    chosen : ndarray of int
        The best first; ties in order of position.
    """
    n_best = (n_before + n_instances + 1) // 2 - (n_before + 1) // 2
    return pool[np.argsort(-score[pool], kind="stable")[:n_best]]


def _feature_names(model):
    if model.preprocessor is None:
        return [str(name) for name in getattr(model.X, "columns", [])]
    model.features  # noqa: B018 - fits the preprocessor
    return [str(name) for name in model.preprocessor.get_feature_names_out()]


def wants_large(strategy):
    """Tell whether a strategy wants the largest labels, or else the smallest; None if neither."""
    options = strategy.get_params(deep=False) if isinstance(strategy, QueryStrategy) else {}
    ends = [np.isfinite(options.get("low", -np.inf)), np.isfinite(options.get("high", np.inf))]
    if sum(ends) == 1:
        return bool(ends[0])
    if any(ends) or "maximize" not in options:
        return None
    return bool(options["maximize"])
