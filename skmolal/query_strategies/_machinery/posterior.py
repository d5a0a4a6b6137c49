"""What a strategy asks of a learner: features of the pool, posterior mean and std.

A Pipeline's transformers run once per query: its features serve the prediction and the
clustering alike.
"""

import inspect

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.validation import _num_samples

from skmolal._rows import LazyRows, read_all, take_rows
from skmolal.query_strategies._machinery.contest import is_our_process

__all__ = ["PoolView"]

BLOCK = 50_000  # rows of a library that other estimators than ours predict at a time


class PoolView:
    """A pool as one learner sees it, for the duration of one query.

    Parameters
    ----------
    learner : estimator or modAL learner
        A fitted regressor, or an object with an ``estimator`` and a ``predict`` that hands its
        keywords on, or a committee of such.
    X_pool : {array-like, sparse matrix, DataFrame} of shape (n_pool, n_features) or \
            ndarray of shape (n_pool,), dtype object
        Candidates; molecules where a Pipeline turns them into features.
    """

    def __init__(self, learner, X_pool):
        self.learner = learner
        self.X_pool = X_pool
        # `_inner` is the estimator itself; `_model` is asked to predict, and is the learner where
        # possible, whose predict may know more than its estimator.
        self._inner, self._model = _unwrap(learner)
        self._pipeline = self._inner if isinstance(self._inner, Pipeline) else None
        if self._pipeline is not None:
            self._inner = self._model = self._pipeline.steps[-1][1]
        # A process that chose its noise itself holds the one that it fitted with it.
        if hasattr(self._inner, "kernel_") and hasattr(self._inner, "regressor_"):
            self._inner = self._inner.regressor_
        self._features = None
        # A committee predicts together, but has no features of its own.
        members = getattr(learner, "learner_list", None)
        self._first_member = PoolView(members[0], X_pool) if members else None

    @property
    def n_pool(self):
        """Return the number of rows in the pool."""
        return _num_samples(self.X_pool)

    @property
    def estimator(self):
        """Return the fitted estimator, the last step of a Pipeline."""
        return self._inner

    @property
    def is_predicted_plainly(self):
        """Whether the learner predicts what its estimator does, by no code of the user's."""
        if self._model is self._inner:
            return True
        predict = getattr(type(self._model), "predict", None)
        module = getattr(predict, "__module__", None) or ""
        return module.partition(".")[0] in ("modAL", "skmolal", "sklearn")

    def rows(self):
        """Return the pool as the estimator receives it, transformed once per query."""
        if self._pipeline is None or len(self._pipeline) == 1:
            return self.X_pool
        if self._features is None:
            self._features = self._pipeline[:-1].transform(read_all(self.X_pool))
        return self._features

    def part(self, rows):
        """View some rows of the pool, as the fitted estimator."""
        return PoolView(self.estimator, take_rows(self.rows(), rows))

    def white_noise(self):
        """Compute the part of a variance that two rows, however equal, do not share."""
        if not hasattr(self._inner, "kernel_"):
            return 0.0
        kernel, row = self._inner.kernel_, self._inner.X_train_[:1]
        row = row.toarray() if issparse(row) else row  # scikit-learn's kernels take no other
        scale = float(np.mean(getattr(self._inner, "_y_train_std", 1.0))) ** 2
        return scale * float(kernel.diag(row)[0] - kernel(row, row)[0, 0])

    def add_time(self, seconds):
        """Count seconds that were spent in the model."""
        if hasattr(self.learner, "predict_time"):
            self.learner.predict_time += seconds

    def remember(self, threshold):
        """Tell a campaign what its strategy took for the end of the target range."""
        if hasattr(self.learner, "threshold"):
            self.learner.threshold = threshold

    def features(self, rows=None):
        """Compute the numeric features of the pool.

        Parameters
        ----------
        rows : ndarray of int, default=None
            Rows wanted; None is all.

        Returns
        -------
        features : {ndarray, CSR} of shape (n_rows, n_features), dtype float32 or float64
            What the last step of a Pipeline receives, else `X_pool` itself. Of a committee of
            Pipelines, the features of its first member.

        Raises
        ------
        ValueError
            If there is no Pipeline and `X_pool` is not a finite numeric table.
        """
        if self._first_member is not None:
            return self._first_member.features(rows)
        features = self.rows()
        if self._pipeline is None and getattr(features, "ndim", 2) == 1:
            raise ValueError(
                "X_pool must be a table of numbers here, got a 1-D array: to query molecules, "
                "give the learner a Pipeline that begins with a transformer such as "
                "MBTRTransformer"
            )
        if isinstance(features, LazyRows):
            features, rows = features[:] if rows is None else features[rows], None
        features = _check_features(features, "X_pool")
        return features if rows is None else features[rows]

    def beside(self, rows):
        """View further rows, such as reference rows, given as the user's pool was.

        A campaign has described its pool once, and describes these too.
        """
        describe = getattr(self.learner, "describe", None)
        return PoolView(self.learner, rows if describe is None else describe(rows))

    def as_they_came(self):
        """Find the labelled rows, None where they are not known, and the pool, as users gave them.

        Of a campaign these are molecules where its pool is features.
        """
        if hasattr(self.learner, "as_they_came"):
            return self.learner.as_they_came()
        return getattr(self.learner, "X_training", None), self.X_pool

    def labelled_features(self):
        """Find the features of the labelled rows.

        Returns
        -------
        features : {ndarray, CSR} of shape (n_labelled, n_features) or None
            ``X_train_`` of the estimator, or else ``X_training`` of the learner, through the
            transformers of a Pipeline. None where neither is known. Of a committee, those of its
            first member.
        """
        if self._first_member is not None:
            return self._first_member.labelled_features()
        features = getattr(self._inner, "X_train_", None)
        if features is None:
            features = getattr(self.learner, "X_training", None)
            if features is None:
                return None
            if self._pipeline is not None and len(self._pipeline) > 1:
                features = self._pipeline[:-1].transform(features)
        return _check_features(features, "X_training")

    def labels(self):
        """Find the labels of the labelled rows.

        Returns
        -------
        y : ndarray of shape (n_labelled,), dtype float64, or None
            ``y_train_`` of the estimator in units of y, or else ``y_training`` of the learner.
            Of a committee, those of its first member.
        """
        if self._first_member is not None:
            return self._first_member.labels()
        y = getattr(self._inner, "y_train_", None)
        if y is None:
            y = getattr(self.learner, "y_training", None)
        elif getattr(self._inner, "normalize_y", False):
            y = y * self._inner._y_train_std + self._inner._y_train_mean
        return None if y is None else np.asarray(y, dtype=np.float64).ravel()

    def check_std(self):
        """Refuse an estimator that predicts no standard deviation."""
        _check_returns_std(self._inner)

    def mean(self):
        """Predict the mean alone.

        Returns
        -------
        mean : ndarray of shape (n_pool,), dtype float64
            Prediction of each row of the pool.

        Raises
        ------
        ValueError
            If the prediction has another shape or is not finite.
        """
        return self.check_mean(self._predict())

    def _predict(self, **kwargs):
        """Predict the pool; where its rows lie on disk, in blocks."""
        rows = self.rows()
        shards = getattr(self.learner, "shards", None)
        if shards is not None and not kwargs:  # of our own process
            return shards.predict_mean(self._inner, self.learner.excluded)
        if not isinstance(rows, LazyRows) or hasattr(self._inner, "_may_contest"):
            return self._model.predict(rows, **kwargs)
        parts = [
            self._model.predict(rows[start : start + BLOCK], **kwargs)
            for start in range(0, len(rows), BLOCK)
        ]
        if isinstance(parts[0], tuple):
            return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))
        return np.concatenate(parts)

    def check_mean(self, mean):
        """Refuse predicted means of the pool that have another shape or are not finite."""
        return _check_column(mean, self.n_pool, type(self._inner).__name__, "mean")

    def posterior(self):
        """Predict the pool.

        Returns
        -------
        mean, std : ndarray of shape (n_pool,), dtype float64
            Posterior mean and standard deviation.

        Raises
        ------
        TypeError
            If the estimator cannot predict a standard deviation.
        ValueError
            If a prediction has another shape, is not finite, or a `std` is negative.
        """
        name = _check_returns_std(self._inner)
        prediction = self._predict(return_std=True)
        if not (isinstance(prediction, tuple) and len(prediction) == 2):
            raise TypeError(
                f"{name}.predict(X, return_std=True) must return (mean, std), "
                f"got {type(prediction).__name__}"
            )
        mean, std = (
            _check_column(values, self.n_pool, name, what)
            for values, what in zip(prediction, ("mean", "std"), strict=True)
        )
        if (std < 0).any():
            raise ValueError(f"{name} predicted a negative std, {std.min()}")
        return mean, std

    def most_uncertain(self, n):
        """Predict the std where it may be among the `n` largest.

        Parameters
        ----------
        n : int
            How many are wanted.

        Returns
        -------
        candidates : ndarray of int, shape (n_candidates,)
            Rows of the pool, ascending; all of them, unless the learner knows better.
        std : ndarray of shape (n_candidates,), dtype float64
            Their standard deviations.
        """
        _check_returns_std(self._inner)
        ask = getattr(self._model, "predict_most_uncertain", None)
        if ask is not None:
            answer = ask(self.rows(), n)
        elif is_our_process(self._inner) and self.is_predicted_plainly:
            answer = self._inner._most_uncertain(self.rows(), n)
        else:
            answer = None
        return (np.arange(self.n_pool), self.posterior()[1]) if answer is None else answer


def _check_features(features, name):
    return check_array(
        features, accept_sparse="csr", dtype=[np.float64, np.float32], input_name=name
    )


def _unwrap(learner):
    """Find the fitted estimator of a learner, and the object to be asked for predictions."""
    inner = learner
    # The `estimator` of a meta-estimator is a template that was never fitted, that of a learner is
    # its model. Learners teach, or are no scikit-learn estimators at all.
    is_learner = hasattr(learner, "teach") or not isinstance(learner, BaseEstimator)
    if hasattr(learner, "estimator") and (is_learner or isinstance(learner, FrozenEstimator)):
        inner = learner.estimator
    if hasattr(inner, "best_estimator_"):  # a grid search does not hand return_std on
        return inner.best_estimator_, inner.best_estimator_
    return inner, learner


def _check_returns_std(estimator):
    """Refuse an estimator without std, by the signature of its ``predict``."""
    name = type(estimator).__name__
    if is_our_process(estimator):  # a signature takes 0.2 ms
        return name
    parameters = inspect.signature(estimator.predict).parameters.values()
    takes = any(p.name == "return_std" or p.kind is p.VAR_KEYWORD for p in parameters)
    if not takes or type(estimator) is TransformedTargetRegressor:  # it takes, and then fails
        raise TypeError(
            "this query strategy needs an estimator with predict(X, return_std=True), which "
            f"{name} lacks: use GaussianProcessRegressor (with normalize_y=True to normalise y) "
            "or a committee, or query by 'random' or 'cluster', which need no prediction"
        )
    return name


def _check_column(values, n_pool, name, what):
    values = np.asarray(values, dtype=np.float64)
    if values.shape == (n_pool, 1):
        values = values[:, 0]
    if values.shape != (n_pool,):
        raise ValueError(
            f"{name} must predict one {what} per row, shape ({n_pool},), got {values.shape}"
        )
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(
            f"{name} predicted a {what} that is not finite, {values[row]} at row {row}"
        )
    return values
