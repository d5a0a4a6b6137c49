"""What a query strategy sees of a campaign: modAL's learner, by rows instead of by copies."""

from functools import cached_property
from time import perf_counter

import numpy as np

from skmolal._rows import n_rows, read_all, take_rows
from skmolal.query_strategies._machinery.posterior import PoolView

__all__ = ["CampaignLearner"]


class CampaignLearner:
    """The fitted regressor, its training data and the pool of one round.

    It has what modAL's query strategies use of a learner: ``estimator``, ``predict``,
    ``X_training`` and ``y_training``. These rows are features, described once for the whole
    campaign; :meth:`as_they_came` has the molecules.

    Parameters
    ----------
    regressor : estimator
        Fitted on the labelled rows.
    X : array-like, n_samples rows
        What the campaign was given.
    preprocessor : transformer or None
        Fitted; makes `features` of `X`.
    features : array-like, n_samples rows
        What `regressor` sees of `X`.
    labelled, pool : ndarray of int
        Positions of the training data, in order of labelling, and of the candidates.
    y : ndarray of shape (n_labelled,)
        The labels.
    by_rows : bool
        Whether the strategy may be given the pool as rows that are copied only where they are
        read; a user's own function gets an array.
    shards : Shards, default=None
        The pool on workers.
    """

    def __init__(
        self, regressor, X, preprocessor, features, labelled, y, pool, by_rows, shards=None
    ):
        self.shards = shards
        self.estimator = regressor
        self._X = X
        self._preprocessor = preprocessor
        self.predict_time = 0.0  # seconds
        self.threshold = None  # of a share of the best, once a strategy has estimated it
        self.pool_posterior = None  # mean and std of the pool, once a strategy has asked for them
        self.y_training = y
        self._features = features
        self._labelled = labelled
        self._pool = pool
        self._strategy_is_ours = by_rows
        knows_rows = getattr(regressor, "warm_start", False) and hasattr(regressor, "_predict_rows")
        self._by_rows = by_rows and knows_rows and type(features) is np.ndarray

    @cached_property
    def X_training(self):
        return read_all(take_rows(self._features, self._labelled))

    @cached_property
    def X_pool(self):
        if self._by_rows:
            return _Rows(self._features, self._pool)
        rows = take_rows(self._features, self._pool)
        return rows if self._strategy_is_ours else read_all(rows)

    @property
    def excluded(self):
        """Positions of the records that are not in the pool, ascending."""
        left = np.ones(n_rows(self._features), dtype=bool)
        left[self._pool] = False
        return np.flatnonzero(left)

    def find_in_pool(self, positions):
        """Return the rows of the pool at which these records are."""
        return np.searchsorted(self._pool, positions)

    def as_they_came(self):
        """Return the labelled rows and the pool as the campaign was given them."""
        return take_rows(self._X, self._labelled), take_rows(self._X, self._pool)

    def describe(self, X):
        """Return the features of further rows, given as the campaign's were."""
        return X if self._preprocessor is None else self._preprocessor.transform(X)

    def predict(self, X, **kwargs):
        start = perf_counter()
        prediction = self._predict(X, **kwargs)
        self.predict_time += perf_counter() - start
        if X is self.X_pool and kwargs == {"return_std": True}:
            self.pool_posterior = prediction
        return prediction

    def predict_pool(self):
        """Predict mean and std of the pool, once."""
        if self.pool_posterior is None:
            self.pool_posterior = PoolView(self, self.X_pool).posterior()
        return self.pool_posterior

    def _predict(self, X, **kwargs):
        if isinstance(X, _Rows) and set(kwargs) <= {"return_std"}:
            return self.estimator._predict_rows(X.all, X.rows, kwargs.get("return_std", False))
        return self.estimator.predict(np.asarray(X) if isinstance(X, _Rows) else X, **kwargs)

    def predict_most_uncertain(self, X, n):
        """Predict the std of the rows of `X` that may be among the `n` most uncertain.

        Returns
        -------
        candidates : ndarray of int, shape (n_candidates,)
            Places in `X`.
        std : ndarray of shape (n_candidates,)
            Theirs. None, not a tuple, where nothing is known that would save work.
        """
        if not (isinstance(X, _Rows) and hasattr(self.estimator, "_most_uncertain_rows")):
            return None
        start = perf_counter()
        answer = self.estimator._most_uncertain_rows(X.all, X.rows, n)
        self.predict_time += perf_counter() - start
        return answer

    def predict_picked(self, query_idx):
        """Predict the rows of the pool that were picked.

        Returns
        -------
        mean : ndarray of shape (n_picked,)
            Posterior mean.
        std : ndarray of shape (n_picked,) or None
            Posterior standard deviation; None where the estimator has none.
        """
        picked = self._pool[query_idx]
        rows = read_all(take_rows(self._features, picked))
        if self._by_rows:
            rows = _Rows(self._features, picked)
        try:
            return PoolView(self, rows).posterior()
        except TypeError:
            mean = self.estimator.predict(read_all(take_rows(self._features, picked)))
            return np.asarray(mean, dtype=float).ravel(), None


class _Rows:
    """Rows of an array, copied when they are first read: most strategies only predict them."""

    def __init__(self, array, rows):
        self.all = array
        self.rows = rows
        self.shape = (len(rows), *array.shape[1:])
        self.ndim = array.ndim
        self.dtype = array.dtype

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        return self._copied[key]

    def __array__(self, dtype=None, copy=None):
        return (
            np.array(self._copied, dtype=dtype, copy=copy)
            if copy
            else np.asarray(self._copied, dtype=dtype)
        )

    @cached_property
    def _copied(self):
        return self.all[self.rows]
