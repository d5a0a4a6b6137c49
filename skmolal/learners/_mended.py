"""What skmolal mends in modAL's learners: fit, teach and query."""

import warnings

import numpy as np
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils import assert_all_finite, check_random_state
from sklearn.utils.validation import _check_method_params

from skmolal._rows import as_rows, n_rows, stack_columns, take_rows
from skmolal.learners._display import DisplayMixin

_ENSEMBLES = (StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor)


def check_rows_and_labels(X, y):
    """Refuse data that cannot be learned from before anything is changed."""
    if y is None:
        raise ValueError("A learner requires y to be passed, but the target y is None")
    X = as_rows(X, "X")
    y = as_rows(y, "y")
    if n_rows(X) != n_rows(y):
        raise ValueError(
            "X and y must have the same number of rows, got "
            f"{n_rows(X)} rows in X and {n_rows(y)} in y"
        )
    if n_rows(X) == 0:
        raise ValueError("X and y must have at least one row, got none")
    labels = np.asarray(y)
    if labels.dtype.kind == "f":
        assert_all_finite(labels, input_name="y")
    return X, y


def fit_rows(estimator, X, y, *, bootstrap, fit_params, random_state=None):
    if bootstrap:
        # None is NumPy's global state, as in modAL: np.random.seed makes both draw the same rows.
        n = n_rows(X)
        idx = check_random_state(random_state).choice(n, n, replace=True)
        fit_params = _check_method_params(X, fit_params, indices=idx)
        X, y = take_rows(X, idx), take_rows(y, idx)
    estimator.fit(X, y, **fit_params)


def get_query_strategy(query_strategy):
    if isinstance(query_strategy, str):
        from skmolal import query_strategies

        return query_strategies.get_query_strategy(query_strategy)
    if not callable(query_strategy):
        raise TypeError(
            "query_strategy must be the name of a strategy or a callable "
            "f(learner, X_pool, ...) -> (query_idx, metrics), "
            f"got {query_strategy!r}"
        )
    return query_strategy


def check_strategy(query_strategy, estimator):
    """Refuse a strategy, or one that needs a prediction which the estimator does not make."""
    strategy = get_query_strategy(query_strategy)
    from skmolal.query_strategies._machinery.needs import check_needs

    check_needs(strategy, estimator)


class Mended(DisplayMixin):
    """Fit, teach and query for a learner and for a committee of learners.

    `_learners()` are those that are trained: the learner itself, or the committee's members.
    """

    # modAL's own difference: with only_new, its optimizer and its committees still add the new
    # rows to the training data, its learner does not.
    _keeps_only_new = True

    def fit(self, X, y, bootstrap=False, *, random_state=None, **fit_kwargs):
        """Fit to `X` and `y` alone, and forget what was taught before.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            The training samples; molecules, an array, a sparse matrix, a DataFrame or a list.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Their labels.
        bootstrap : bool, default=False
            Train on as many rows, drawn with replacement, in a committee for each member anew.
        random_state : int, RandomState instance or None, default=None
            Seed of that draw; None is NumPy's global random state, as in modAL.
        **fit_kwargs : dict
            Passed to the ``fit`` of the estimator.

        Returns
        -------
        self : object
            The fitted learner.
        """
        X, y = check_rows_and_labels(X, y)
        rng = check_random_state(random_state)
        for learner in self._learners():
            fit_rows(
                learner.estimator,
                X,
                y,
                bootstrap=bootstrap,
                fit_params=fit_kwargs,
                random_state=rng,
            )
        for learner in self._learners():
            learner._remember(X, y)
        return self

    def teach(self, X, y, bootstrap=False, only_new=False, *, random_state=None, **fit_kwargs):
        """Add `X` and `y` to the training data and fit again.

        If `X` and `y` do not fit together or to the training data, or if the fit fails, the
        training data stays as it was; in what state a failed fit leaves the estimator is up to
        the estimator.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            The new samples, in a container that can be stacked below the training data.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Their labels.
        bootstrap : bool, default=False
            Train on as many rows, drawn with replacement, in a committee for each member anew.
        only_new : bool, default=False
            Train on `X` and `y` alone, for estimators that do not start over in ``fit``. As in
            modAL, an ActiveLearner then does not keep the new rows; a BayesianOptimizer and a
            committee do.
        random_state : int, RandomState instance or None, default=None
            Seed of that draw; None is NumPy's global random state, as in modAL.
        **fit_kwargs : dict
            Passed to the ``fit`` of the estimator.

        Raises
        ------
        ValueError
            If `X` and `y` differ in length, are empty, do not stack below the training data, or
            `y` is not finite.
        """
        X, y = check_rows_and_labels(X, y)
        learners = self._learners()
        known = [learner._stacked(X, y) for learner in learners]
        rng = check_random_state(random_state)
        for learner, (X_known, y_known) in zip(learners, known, strict=True):
            X_fit, y_fit = (X, y) if only_new else (X_known, y_known)
            fit_rows(
                learner.estimator,
                X_fit,
                y_fit,
                bootstrap=bootstrap,
                fit_params=fit_kwargs,
                random_state=rng,
            )
        if self._keeps_only_new or not only_new:
            for learner, (X_known, y_known) in zip(learners, known, strict=True):
                learner._remember(X_known, y_known)

    def query(self, X_pool, *query_args, return_metrics=False, **query_kwargs):
        """Ask the query strategy, once, which rows of the pool to label next.

        Parameters
        ----------
        X_pool : array-like or sparse matrix of shape (n_pool, ...)
            The samples without labels. The strategy receives molecules as an object array of
            shape (n_pool,), anything else as it is.
        *query_args : tuple
            Passed to the query strategy after the pool.
        return_metrics : bool, default=False
            Also return what the strategy says about its choice.
        **query_kwargs : dict
            Passed to the query strategy, such as ``n_instances``.

        Returns
        -------
        query_idx : int or ndarray of shape (n_instances,)
            Positions in `X_pool`, as the strategy returned them.
        X_query : array-like or sparse matrix of shape (n_instances, ...)
            The rows of `X_pool` at these positions, in its container.
        query_metrics : object
            Only with ``return_metrics=True``: the second value of the strategy; None, with a
            warning, where it returned indices only.
        """
        strategy = get_query_strategy(self.query_strategy)
        answer = strategy(self, as_rows(X_pool, "X_pool"), *query_args, **query_kwargs)
        # Only a tuple is a pair: an index array of length 2 is two indices.
        is_pair = isinstance(answer, tuple) and len(answer) == 2
        query_idx, query_metrics = answer if is_pair else (answer, None)
        X_query = take_rows(X_pool, query_idx)
        if not return_metrics:
            return query_idx, X_query
        if query_metrics is None:
            warnings.warn(
                "The query strategy does not support return_metrics: it returned indices only",
                stacklevel=2,
            )
        return query_idx, X_query, query_metrics

    def transform_without_estimating(self, X):
        """Compute the features that the last step of the estimator's Pipeline sees.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            The samples.

        Returns
        -------
        X_transformed : array-like or sparse matrix of shape (n_samples, n_features)
            The features; side by side for a voting or stacking ensemble and for a committee. `X`
            itself where there is no Pipeline.
        """
        blocks = []
        for learner in self._learners():
            estimator = learner.estimator
            estimators = estimator.estimators_ if isinstance(estimator, _ENSEMBLES) else [estimator]
            features = [_transform(pipe, X) for pipe in estimators if isinstance(pipe, Pipeline)]
            blocks.extend(features or [X])
        return stack_columns(blocks)

    def _fit_to_known(self, bootstrap=False, *, random_state=None, **fit_kwargs):
        rng = check_random_state(random_state)
        for learner in self._learners():
            if learner.X_training is None:
                raise NotFittedError(
                    f"this {type(self).__name__} has no training data yet; call fit or teach first"
                )
            fit_rows(
                learner.estimator,
                learner.X_training,
                learner.y_training,
                bootstrap=bootstrap,
                fit_params=fit_kwargs,
                random_state=rng,
            )
        return self


def _transform(pipeline, X):
    # The class is kept because the Pipelines of other libraries have steps of their own.
    features = type(pipeline)(steps=[*pipeline.steps[:-1], ("passthrough", "passthrough")])
    return features.transform(X)
