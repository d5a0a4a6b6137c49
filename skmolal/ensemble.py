"""A predictive standard deviation for any regressor: the spread of an ensemble."""

import numpy as np
from sklearn.ensemble import BaggingRegressor, ExtraTreesRegressor, RandomForestRegressor
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skmolal._doc_link import DocLinkMixin

__all__ = ["EnsembleRegressor"]


class EnsembleRegressor(DocLinkMixin, BaggingRegressor):
    """Bagging with a standard deviation, for strategies that need one.

    All of scikit-learn's :class:`~sklearn.ensemble.BaggingRegressor`, and
    ``predict(X, return_std=True)``: the standard deviation over the members. Members differ by
    the samples they are fitted on (``bootstrap=True``), by their random initialisation
    (``bootstrap=False`` with networks: a deep ensemble), or both. A member that is a random
    forest stands for its trees.

    Parameters
    ----------
    estimator : estimator, default=None
        The regressor whose clones are the members; None is a decision tree.
    n_estimators : int, default=10
        Number of members. One is enough for a random forest, whose trees are counted.
    max_samples : int or float, default=1.0
        Number or share of samples drawn for each member.
    max_features : int or float, default=1.0
        Features drawn for each member.
    bootstrap : bool, default=True
        Whether samples are drawn with replacement; with False and all samples every member sees
        the same data.
    bootstrap_features : bool, default=False
        Whether features are drawn with replacement.
    n_jobs : int, default=None
        Members fitted at once, as in joblib.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws and the members.
    verbose : int, default=0
        Controls the messages of joblib.

    See Also
    --------
    skmolal.GaussianProcessRegressor : Has a posterior, not a spread.
    skmolal.CommitteeRegressor : A committee of modAL learners.
    skmolal.delta.DeltaRegressor : Puts a cheap estimate under it.

    References
    ----------
    .. [1] L. Breiman, Mach. Learn. 24, 123 (1996), doi:10.1007/BF00058655.
    .. [2] B. Lakshminarayanan, A. Pritzel and C. Blundell, "Simple and scalable predictive
       uncertainty estimation using deep ensembles", NeurIPS 30 (2017), arXiv:1612.01474.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from skmolal.ensemble import EnsembleRegressor
    >>> X = np.linspace(0, 1, 50).reshape(-1, 1)
    >>> forest = RandomForestRegressor(n_estimators=20)
    >>> model = EnsembleRegressor(forest, n_estimators=1, bootstrap=False, random_state=0)
    >>> mean, std = model.fit(X, X.ravel() ** 2).predict([[0.5], [2.0]], return_std=True)
    >>> mean.shape, bool((std >= 0).all())
    ((2,), True)
    """

    def __init__(
        self,
        estimator=None,
        n_estimators=10,
        *,
        max_samples=1.0,
        max_features=1.0,
        bootstrap=True,
        bootstrap_features=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            estimator,
            n_estimators,
            max_samples=max_samples,
            max_features=max_features,
            bootstrap=bootstrap,
            bootstrap_features=bootstrap_features,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
        )

    def predict(self, X, return_std=False):
        """Predict the mean over the members, and their spread.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            What to predict for.
        return_std : bool, default=False
            Whether to return the standard deviation over the members too.

        Returns
        -------
        y_mean : ndarray of shape (n_samples,)
            Mean over the members.
        y_std : ndarray of shape (n_samples,)
            Standard deviation over the members (``ddof=1``). Only with `return_std`.

        Raises
        ------
        ValueError
            If a standard deviation is asked for and there are fewer than two members.
        """
        if not return_std:
            return super().predict(X)
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse=["csr", "csc"], dtype=None, ensure_all_finite=False, reset=False
        )
        predictions = np.array(
            [
                prediction
                for estimator, features in zip(
                    self.estimators_, self.estimators_features_, strict=True
                )
                for prediction in _predictions(estimator, _take_columns(X, features))
            ]
        )
        if len(predictions) < 2:
            raise ValueError(
                "return_std needs at least two members, got n_estimators=1 of "
                f"{type(self.estimators_[0]).__name__}"
            )
        return predictions.mean(axis=0), predictions.std(axis=0, ddof=1)


def _take_columns(X, features):
    """Take the columns; all of them in their order, as by default, are no copy."""
    if np.array_equal(features, np.arange(X.shape[1])):
        return X
    return X[:, features]


def _predictions(estimator, X):
    """Predict with an estimator, or with each tree of a forest."""
    if not isinstance(estimator, (RandomForestRegressor, ExtraTreesRegressor)):
        return [estimator.predict(X)]
    # Trees work on float32: converted here, X is converted once and not by each of them.
    X = check_array(X, dtype=np.float32, accept_sparse="csr", ensure_all_finite=False)
    return [tree.predict(X) for tree in estimator.estimators_]
