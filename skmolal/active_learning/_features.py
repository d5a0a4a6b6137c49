"""Which part of an estimator is fitted once on all molecules, and which on the labelled ones."""

from sklearn.base import clone, is_classifier, is_regressor
from sklearn.feature_selection import SelectorMixin, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

__all__ = ["join_steps", "set_missing_random_states", "split_steps"]


def split_steps(estimator):
    """Split an estimator into the steps that need no `y` and the rest.

    The first may be fitted on molecules without a label, and once is enough; the second is
    fitted again in each round on what is labelled.

    Parameters
    ----------
    estimator : estimator
        Any regressor; only a Pipeline can have steps that need no `y`.

    Returns
    -------
    preprocessor : Pipeline or None
        The leading transformers of a Pipeline, up to the first that may need `y`. Clones.
    regressor : estimator
        What remains, a Pipeline again if more than the last step. A clone.
    """
    if not isinstance(estimator, Pipeline):
        return None, clone(estimator)
    n_free = 0
    for _, step in estimator.steps[:-1]:
        if step not in (None, "passthrough") and _may_need_y(step):
            break
        n_free += 1
    preprocessor = clone(estimator[:n_free]) if n_free else None
    rest = estimator[n_free:]
    return preprocessor, clone(rest if len(rest) > 1 else rest.steps[0][1])


def _may_need_y(step):
    """Tell whether a step, or an estimator inside it, may look at `y` when it is fitted.

    The tag alone does not say: feature selectors do not set it. In doubt a step is fitted on the
    labelled part, which is always allowed.
    """
    if isinstance(step, FrozenEstimator):
        return False
    inside = step.get_params(deep=True).values()
    return any(
        get_tags(part).target_tags.required
        or is_regressor(part)
        or is_classifier(part)
        or (isinstance(part, SelectorMixin) and not isinstance(part, VarianceThreshold))
        for part in [step, *inside]
        if hasattr(part, "fit") and not isinstance(part, type)
    )


def join_steps(estimator, preprocessor, regressor):
    """Put the fitted parts of :func:`split_steps` together again, named as in `estimator`."""
    if preprocessor is None:
        return regressor
    tail = regressor.steps if isinstance(regressor, Pipeline) else [regressor]
    if not isinstance(regressor, Pipeline):
        tail = [(estimator.steps[-1][0], regressor)]
    return Pipeline([*preprocessor.steps, *tail])


def set_missing_random_states(estimator, random_state):
    """Give every `random_state` that is None a seed, so that a campaign can be repeated."""
    missing = {
        name: int(random_state.randint(2**31 - 1))
        for name, value in sorted(estimator.get_params(deep=True).items())
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    }
    return estimator.set_params(**missing) if missing else estimator
