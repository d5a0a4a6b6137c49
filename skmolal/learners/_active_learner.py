"""modAL's active learner, mended."""

from modAL import models
from modAL.uncertainty import uncertainty_sampling
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skmolal._rows import as_rows, stack_rows
from skmolal.learners._mended import Mended, check_rows_and_labels, check_strategy


def _estimator_has(name):
    return lambda learner: hasattr(learner.estimator, name)


class ActiveLearner(Mended, models.ActiveLearner):
    """Active learner of modAL, mended for current scikit-learn and for molecules.

    A drop-in for :class:`modAL.models.ActiveLearner` that works on scikit-learn 1.6 and newer, can
    be cloned, printed and searched over by ``GridSearchCV``, runs its query strategy exactly once,
    and takes pools of ``ase.Atoms``, NumPy arrays, sparse matrices and pandas objects, always
    by position.

    Parameters
    ----------
    estimator : estimator object
        What is trained, such as a Pipeline from molecules to a regressor. As in modAL, it is
        this object that is fitted, not a clone.
    query_strategy : str or callable, default=modAL.uncertainty.uncertainty_sampling
        Who is asked next: a name of :func:`skmolal.query_strategies.get_query_strategy_names`, an
        object from :func:`skmolal.query_strategies.get_query_strategy`, or a function
        ``f(learner, X_pool, ...)`` that returns ``(query_idx, metrics)`` or, not in a tuple,
        indices alone. The default is modAL's and is for classifiers.
    X_training : array-like or sparse matrix of shape (n_samples, ...), default=None
        First training samples; if given, the estimator is fitted at once.
    y_training : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
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
    y_training : array-like of shape (n_samples,) or (n_samples, n_targets)
        Their labels.
    n_features_in_ : int
        Number of features that the estimator has seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of these features, where they had names.

    Notes
    -----
    ``get_params`` and ``clone`` know the training data given to the constructor, not what was
    taught since: a clone starts where the learner started.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from sklearn.gaussian_process.kernels import RBF
    >>> from skmolal import ActiveLearner
    >>> def largest_std(learner, X_pool, n_instances=1):
    ...     std = learner.predict(X_pool, return_std=True)[1]
    ...     return np.argsort(-std, kind="stable")[:n_instances], None
    >>> X = np.arange(10.0).reshape(-1, 1)
    >>> y = np.sin(X[:, 0])
    >>> gpr = GaussianProcessRegressor(RBF(3.0), optimizer=None)
    >>> learner = ActiveLearner(gpr, largest_std, X_training=X[:2], y_training=y[:2])
    >>> query_idx, X_query = learner.query(X[:8], n_instances=2)
    >>> query_idx
    array([7, 6])
    >>> learner.teach(X_query, y[query_idx])
    >>> learner.X_training.shape
    (4, 1)
    """

    _keeps_only_new = False

    def __init__(
        self,
        estimator,
        query_strategy=uncertainty_sampling,
        X_training=None,
        y_training=None,
        bootstrap_init=False,
        on_transformed=False,
    ):
        # modAL's own constructors would refuse a name and fit unchecked data.
        check_strategy(query_strategy, estimator)
        self.estimator = estimator
        self.query_strategy = query_strategy
        self.X_training = X_training
        self.y_training = y_training
        self.bootstrap_init = bootstrap_init
        self.on_transformed = on_transformed
        if (X_training is None) != (y_training is None):
            raise ValueError("X_training and y_training must be given together, got only one")
        if X_training is not None:
            self.fit(X_training, y_training, bootstrap=bootstrap_init)

    # The public attribute is the training data so far, as modAL's strategies expect it; the
    # constructor's parameter of the same name is kept beside it for get_params.
    @property
    def X_training(self):
        return self._X_known

    @X_training.setter
    def X_training(self, X):
        self._X_initial = self._X_known = X

    @property
    def y_training(self):
        return self._y_known

    @y_training.setter
    def y_training(self, y):
        self._y_initial = self._y_known = y

    def get_params(self, deep=True):
        """Get the parameters as they were given to the constructor or to ``set_params``.

        Parameters
        ----------
        deep : bool, default=True
            Also the parameters of the estimator, as ``estimator__<name>``.

        Returns
        -------
        params : dict
            Parameter names and values.
        """
        params = super().get_params(deep=deep)
        params.update(X_training=self._X_initial, y_training=self._y_initial)
        return params

    def predict(self, X, **predict_kwargs):
        """Predict with the estimator.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            The samples.
        **predict_kwargs : dict
            Passed to the estimator's ``predict``, such as ``return_std=True``.

        Returns
        -------
        y_pred : object
            What the estimator predicts.
        """
        return self.estimator.predict(as_rows(X), **predict_kwargs)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X, **predict_proba_kwargs):
        """Predict class probabilities; only where the estimator does.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            The samples.
        **predict_proba_kwargs : dict
            Passed to the estimator's ``predict_proba``.

        Returns
        -------
        proba : object
            What the estimator predicts.
        """
        return self.estimator.predict_proba(as_rows(X), **predict_proba_kwargs)

    def score(self, X, y, **score_kwargs):
        """Score the estimator.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Their labels.
        **score_kwargs : dict
            Passed to the estimator's ``score``.

        Returns
        -------
        score : float
            Larger is better.
        """
        return self.estimator.score(as_rows(X), y, **score_kwargs)

    @property
    def classes_(self):
        """Class labels of the fitted estimator; only for classifiers."""
        return self.estimator.classes_

    @property
    def n_features_in_(self):
        """Number of features that the estimator has seen in fit."""
        return self.estimator.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of these features, where they had names."""
        return self.estimator.feature_names_in_

    def _learners(self):
        return [self]

    def _stacked(self, X, y):
        if self._X_known is None:
            return X, y
        return stack_rows(self._X_known, X), stack_rows(self._y_known, y)

    def _remember(self, X, y):
        self._X_known, self._y_known = X, y

    def _add_training_data(self, X, y):
        self._remember(*self._stacked(*check_rows_and_labels(X, y)))

    def __sklearn_is_fitted__(self):
        try:
            check_is_fitted(self.estimator)
        except NotFittedError:
            return False
        return True

    def __sklearn_tags__(self):
        # To scikit-learn a learner is what its estimator is: a regressor or a classifier.
        tags = get_tags(self.estimator)
        tags.array_api_support = False  # rows are stacked by NumPy, SciPy or pandas
        return tags
