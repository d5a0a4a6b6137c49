"""The model of a campaign: features made once, a regressor fitted to what is labelled."""

import re
from time import perf_counter

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skmolal._rows import LazyRows, read_all, take_rows
from skmolal.active_learning._believer import believe
from skmolal.active_learning._features import join_steps, set_missing_random_states, split_steps
from skmolal.active_learning._learner import CampaignLearner
from skmolal.query_strategies import QueryStrategy

__all__ = ["CampaignModel", "alone", "describe_estimator"]


class CampaignModel:
    """What learns in a campaign.

    Parameters
    ----------
    estimator : estimator
        As the user gave it. It is cloned.
    X : array-like, n_samples rows
        The records, from :func:`as_pool`.
    seed : int
        Of every `random_state` that is None.
    client : distributed.Client, default=None
        On whose workers the pool is.
    """

    def __init__(self, estimator, X, seed, client=None):
        self.client, self._shards = client, None
        self.template = estimator
        self.X = X
        self.preprocessor, regressor = split_steps(estimator)
        self.regressor = set_missing_random_states(regressor, np.random.RandomState(seed))
        self._features = X if self.preprocessor is None else None
        if client is not None and not hasattr(self.regressor, "_may_contest"):
            raise TypeError(
                "client needs GaussianProcessRegressor as the last step, and no step before it "
                f"that needs y; got {type(self.regressor).__name__}"
            )
        self.fitted_version = None  # of the labels that the regressor has seen

    @property
    def features(self):
        """What the regressor sees of the records: the leading transformers' output, made once."""
        if self._features is None and isinstance(self.X, LazyRows):
            self._fit_to_library()
            self._features = self.X
        elif self._features is None:
            self._features = self.preprocessor.fit_transform(self.X)
        return self._features

    def _fit_to_library(self):
        """Make sure that a library was described by the leading transformers, and fit these."""
        steps = [step for _, step in self.preprocessor.steps]
        mine = [describe_estimator(alone(step)) for step in steps]
        if mine != [self.X.transformer]:
            raise ValueError(
                f"the library was described by {self.X.transformer}, but the estimator begins "
                f"with {', '.join(mine)}: describe it with the same, or leave the step out"
            )
        self.preprocessor.fit(list(self.X.smiles([0])))

    @property
    def last_step(self):
        """The regressor itself, without transformers that need `y`."""
        regressor = self.regressor
        return regressor.steps[-1][1] if isinstance(regressor, Pipeline) else regressor

    @property
    def starts_warm(self):
        """Whether a fit depends on earlier ones."""
        return bool(getattr(self.last_step, "warm_start", False))

    @property
    def hyperparameters(self):
        """``kernel_.theta`` of the fitted regressor as a list, None where there is none."""
        theta = getattr(getattr(self.last_step, "kernel_", None), "theta", None)
        return None if theta is None else np.asarray(theta, dtype=float).tolist()

    def joined(self):
        """Return one fitted estimator that predicts from what `X` holds."""
        self.features  # noqa: B018 - fits the preprocessor
        return join_steps(self.template, self.preprocessor, self.regressor)

    def fit(self, state, theta=None):
        """Fit to the labels of a state; do not search again for hyperparameters `theta`.

        Returns
        -------
        seconds : float
            It took.
        """
        start = perf_counter()
        if self.fitted_version is None and hasattr(self.regressor, "_expect"):
            self.regressor._expect(self.features)
        X = read_all(take_rows(self.features, state.labelled))
        if theta is not None and hasattr(self.regressor, "_predict_rows"):
            self.regressor._fit(X, state.y, theta=np.array(theta))
        else:
            self.regressor.fit(X, state.y)
        self.fitted_version = state.version
        return perf_counter() - start

    def learner(self, state, strategy=None):
        """Return the learner that a strategy is shown, with labels on their way believed."""
        regressor, labelled, y = self.regressor, state.labelled, state.y
        if strategy is not None and len(state.pending):
            awaited, pool = state.awaited, state.free
            if self.starts_warm and hasattr(regressor, "_predict_rows"):
                # What the model keeps of the pool is kept without believed labels, too.
                self._learner(regressor, labelled, y, pool, True).predict_pool()
            rows = read_all(take_rows(self.features, awaited))
            believed = np.asarray(regressor.predict(rows), dtype=float).ravel()
            regressor = believe(regressor, rows)
            labelled = np.concatenate([labelled, awaited])
            y = np.concatenate([y, believed])
        # A user's own function gets the pool as an array.
        by_rows = strategy is None or isinstance(strategy, QueryStrategy)
        return self._learner(regressor, labelled, y, state.free, by_rows)

    def _learner(self, regressor, labelled, y, pool, by_rows):
        return CampaignLearner(
            regressor,
            self.X,
            self.preprocessor,
            self.features,
            labelled,
            y,
            pool,
            by_rows,
            self.shards if by_rows else None,
        )

    @property
    def shards(self):
        """The pool on the workers of the client, None without one."""
        if self.client is not None and self._shards is None:
            from skmolal.active_learning._shards import Shards

            self._shards = Shards(self.client, self.features)
        return self._shards


def alone(transformer):
    """What a library is described with: parameters that change no feature are those of one job."""
    transformer = clone(transformer)
    for name, value in (("n_jobs", 1), ("verbose", False)):
        if name in transformer.get_params():
            transformer.set_params(**{name: value})
    return transformer


def describe_estimator(estimator):
    """Return a text by which an estimator is recognised: its class and all parameters."""
    text = " ".join(_full_repr(estimator).split())
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def _full_repr(estimator):
    try:
        return estimator.__repr__(N_CHAR_MAX=10**6)
    except TypeError:  # not scikit-learn's repr
        return repr(estimator)
