"""modAL's Bayesian optimizer, mended."""

import numpy as np
from modAL import models
from modAL.acquisition import max_EI

from skmolal._rows import take_rows
from skmolal.learners._active_learner import ActiveLearner


class BayesianOptimizer(ActiveLearner, models.BayesianOptimizer):
    """Bayesian optimizer of modAL, mended for current scikit-learn and for molecules.

    A drop-in for :class:`modAL.models.BayesianOptimizer`: an :class:`~skmolal.ActiveLearner` that
    maximises the label and keeps the best sample so far.

    Parameters
    ----------
    estimator : estimator object
        A regressor with ``predict(X, return_std=True)``, or a Pipeline that ends in one. It is
        this object that is fitted, not a clone.
    query_strategy : str or callable, default=modAL.acquisition.max_EI
        Who is asked next: a name of :func:`skmolal.query_strategies.get_query_strategy_names`, an
        object from :func:`skmolal.query_strategies.get_query_strategy`, or a function
        ``f(learner, X_pool, ...)`` such as :func:`modAL.acquisition.max_UCB`.
    X_training : array-like or sparse matrix of shape (n_samples, ...), default=None
        First training samples; if given, the estimator is fitted at once.
    y_training : array-like of shape (n_samples,) or (n_samples, 1), default=None
        Their labels.
    bootstrap_init : bool, default=False
        Whether that first fit is on rows drawn with replacement.
    on_transformed : bool, default=False
        Read by modAL's batch strategies: whether they work on the features that the last step of
        the Pipeline sees (:meth:`transform_without_estimating`) instead of the raw pool.

    Attributes
    ----------
    X_training : array-like or sparse matrix of shape (n_samples, ...)
        All training samples so far, None before the first. Molecules are an object array.
    y_training : array-like of shape (n_samples,) or (n_samples, 1)
        Their labels.
    n_features_in_ : int
        Number of features that the estimator has seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of these features, where they had names.
    X_max : object
        The row of `X_training` with the largest label, None before the first.
    y_max : float
        The largest label of `y_training`, ``-inf`` before the first.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skmolal import BayesianOptimizer
    >>> X = np.linspace(0, 3, 31).reshape(-1, 1)
    >>> y = np.sin(X[:, 0])
    >>> optimizer = BayesianOptimizer(
    ...     GaussianProcessRegressor(optimizer=None), X_training=X[[0, 30]], y_training=y[[0, 30]]
    ... )
    >>> for _ in range(4):
    ...     query_idx, X_query = optimizer.query(X)
    ...     optimizer.teach(X_query, y[query_idx])
    >>> X_max, y_max = optimizer.get_max()
    >>> round(float(y_max), 2)
    1.0
    """

    _keeps_only_new = True

    # Before the first training data.
    X_max = None
    y_max = -np.inf

    def __init__(
        self,
        estimator,
        query_strategy=max_EI,
        X_training=None,
        y_training=None,
        bootstrap_init=False,
        on_transformed=False,
    ):
        super().__init__(
            estimator,
            query_strategy=query_strategy,
            X_training=X_training,
            y_training=y_training,
            bootstrap_init=bootstrap_init,
            on_transformed=on_transformed,
        )

    def _remember(self, X, y):
        super()._remember(X, y)
        # The first of equal labels, as in modAL.
        max_idx = np.argmax(np.asarray(y))
        self.X_max, self.y_max = take_rows(X, max_idx), take_rows(y, max_idx)

    def _facts(self):
        return {**super()._facts(), "Largest label": str(self.y_max)}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False  # the largest label is one number
        return tags
