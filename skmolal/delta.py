"""A cheap estimate under any regressor: the regressor learns the difference."""

from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import LinearRegression
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from skmolal._columns import resolve_columns
from skmolal._doc_link import DocLinkMixin

__all__ = ["DeltaRegressor"]


class DeltaRegressor(DocLinkMixin, RegressorMixin, BaseEstimator):
    """Learn what a simple model of a few features leaves over.

    `baseline` is fitted to some columns, such as the orbital energies of a cheap calculation;
    `regressor` is fitted to the difference between the targets and what the baseline says, by
    all features. A prediction is the sum of both [1]_.

    It is for forests, networks and ensembles of them. A Gaussian process does better without: a
    ``ColumnKernel(DotProduct(), columns)`` added to its kernel is a line with uncertain
    coefficients, fitted together with the rest, whose uncertainty the predicted std knows.

    Parameters
    ----------
    regressor : estimator
        Learns the difference. It sees all features, those of the baseline included.
    baseline : estimator, default=None
        Learns the targets from `columns`. None is a
        :class:`~sklearn.linear_model.LinearRegression`, which is for few columns: with as many
        as there are samples it leaves nothing over.
    columns : slice or array-like of int or bool
        Which features the baseline sees: ``slice(0, 2)``, positions, or a mask.

    Attributes
    ----------
    baseline_ : estimator
        The fitted baseline.
    regressor_ : estimator
        The fitted regressor, of the difference.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where all are strings.

    See Also
    --------
    skmolal.gaussian_process.ColumnKernel : The same for a Gaussian process, in its kernel.
    skmolal.ensemble.EnsembleRegressor : Gives a standard deviation to forests and networks.

    Notes
    -----
    Both are cloned by each fit, so that a `regressor` with warm starts starts anew. Missing values
    and CSR matrices are taken where both take them; with missing values in no column of the
    baseline, where `regressor` takes them.

    References
    ----------
    .. [1] R. Ramakrishnan, P. O. Dral, M. Rupp and O. A. von Lilienfeld, "Big data meets quantum
       chemistry approximations: the Delta-machine learning approach", J. Chem. Theory Comput. 11,
       2087 (2015), doi:10.1021/acs.jctc.5b00099.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from skmolal.delta import DeltaRegressor
    >>> from skmolal.ensemble import EnsembleRegressor
    >>> X = np.random.default_rng(0).normal(size=(300, 4))
    >>> y = 5 * X[:, 0] + np.sin(X[:, 1])
    >>> forest = EnsembleRegressor(
    ...     RandomForestRegressor(50), n_estimators=1, bootstrap=False, random_state=0
    ... )
    >>> round(forest.fit(X[:200], y[:200]).score(X[200:], y[200:]), 2)
    0.99
    >>> model = DeltaRegressor(forest, columns=[0]).fit(X[:200], y[:200])
    >>> round(model.score(X[200:], y[200:]), 2)
    1.0
    >>> mean, std = model.predict(X[200:], return_std=True)
    >>> mean.shape, std.shape
    ((100,), (100,))
    """

    def __init__(self, regressor, baseline=None, *, columns):
        self.regressor = regressor
        self.baseline = baseline
        self.columns = columns

    def fit(self, X, y):
        """Fit the baseline, then the regressor to the difference.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.

        Returns
        -------
        self : DeltaRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If `columns` are no selection of columns, none at all, or not among the features.
        """
        multi_output = self.__sklearn_tags__().target_tags.multi_output
        X, y = validate_data(
            self, X, y, y_numeric=True, multi_output=multi_output, **self._input_checks()
        )
        baseline = LinearRegression() if self.baseline is None else clone(self.baseline)
        self.baseline_ = baseline.fit(self._take_columns(X), y)
        difference = y - self._predict_baseline(X, y.shape)
        self.regressor_ = clone(self.regressor).fit(X, difference)
        return self

    def predict(self, X, **predict_params):
        """Predict the sum of both.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            What to predict for.
        **predict_params : dict
            Passed on to the regressor, such as ``return_std=True`` or ``return_cov=True``.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predicted targets.
        *more : tuple of ndarray
            What else the regressor returns, such as the standard deviation of the difference.
            What the baseline does not know is not in it.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, **self._input_checks())
        predicted = self.regressor_.predict(X, **predict_params)
        if not isinstance(predicted, tuple):
            return predicted + self._predict_baseline(X, predicted.shape)
        mean, *more = predicted
        return (mean + self._predict_baseline(X, mean.shape), *more)

    def _input_checks(self):
        # The parts check for missing values, each in what it sees.
        return {"accept_sparse": ["csr", "csc"], "dtype": "numeric", "ensure_all_finite": False}

    def _take_columns(self, X):
        return X[:, resolve_columns(self.columns, X.shape[1])]

    def _predict_baseline(self, X, shape):
        return self.baseline_.predict(self._take_columns(X)).reshape(shape)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        baseline = LinearRegression() if self.baseline is None else self.baseline
        parts = get_tags(self.regressor), get_tags(baseline)
        tags.input_tags.sparse = all(part.input_tags.sparse for part in parts)
        tags.input_tags.allow_nan = all(part.input_tags.allow_nan for part in parts)
        tags.target_tags.multi_output = all(part.target_tags.multi_output for part in parts)
        return tags
