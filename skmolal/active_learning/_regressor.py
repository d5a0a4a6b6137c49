"""A simulated campaign as a scikit-learn estimator, for pipelines and grid searches."""

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin
from sklearn.utils import get_tags
from sklearn.utils.validation import (
    assert_all_finite,
    check_array,
    check_is_fitted,
    column_or_1d,
)
from tqdm.auto import tqdm

from skmolal._doc_link import DocLinkMixin
from skmolal._rows import n_rows
from skmolal.active_learning._campaign import Campaign
from skmolal.active_learning._pool import as_pool

__all__ = ["ActiveLearningRegressor"]


class ActiveLearningRegressor(DocLinkMixin, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Regressor that learns from the labels a query strategy picks.

    ``fit(X, y)`` plays one campaign: it starts from `n_initial` labels drawn at random and asks
    for the batches of `batch_sizes`, with `y` as the oracle. Labels that were not asked for stay
    hidden from the model.

    Parameters
    ----------
    estimator : estimator, default=None
        A regressor, or a Pipeline that ends in one. Its leading transformers that need no `y`
        are fitted once on all of `X`, the rest in every round on the labelled part. The default
        is :class:`~skmolal.GaussianProcessRegressor` with the kernel
        ``ConstantKernel() * Matern(nu=1.5) + WhiteKernel(0.1)``, the length scale starting at
        :func:`~skmolal.gaussian_process.median_length_scale` of `X` within a factor of 100, and
        ``normalize_y=True``.
    query_strategy : str, strategy or callable, default="random"
        A name from :func:`skmolal.query_strategies.get_query_strategy_names`, an object from
        :func:`skmolal.query_strategies.get_query_strategy`, or a function with modAL's signature.
    query_options : dict, default=None
        Options of a strategy given by name.
    n_initial : int, default=100
        Number of labels of the first round.
    batch_sizes : sequence of int, schedule or None, default=None
        Labels of each further round; None is one round of `n_initial`. See
        :mod:`skmolal.batch_sizes`.
    stopping : rule, sequence of rules or None, default=None
        When to end before `batch_sizes` does, see :mod:`skmolal.stopping`; the reason stands in
        the last entry of ``history_``, under ``stopped``.
    random_state : int, RandomState instance or None, default=None
        Seeds the campaign. Campaigns with the same seed start from the same labels, whatever
        the strategy.
    verbose : bool, default=False
        Whether to show a progress bar over rounds.

    Attributes
    ----------
    estimator_ : estimator
        Fitted on the labels asked for.
    query_idx_ : ndarray of shape (n_labelled,)
        Positions in `X` in the order of labelling.
    y_ : ndarray of shape (n_samples,)
        The oracle: all labels given to fit.
    history_ : list of dict
        One dict a round, see :class:`Campaign`.
    campaign_ : Campaign
        The campaign that was played.
    n_features_in_ : int
        Number of features seen in fit, where `X` is a table of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` is a DataFrame.

    See Also
    --------
    Campaign : Asks for labels that are not known yet.
    skmolal.model_selection.active_learning_curve : Compares strategies over seeds.

    References
    ----------
    .. [1] K. Ghosh et al., J. Chem. Phys. 162, 014103 (2025), arXiv:2408.11191.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import BayesianRidge
    >>> from skmolal import ActiveLearningRegressor
    >>> X = np.random.RandomState(0).uniform(size=(200, 2))
    >>> y = np.sin(6 * X[:, 0]) + X[:, 1]
    >>> learner = ActiveLearningRegressor(
    ...     BayesianRidge(), "uncertainty", n_initial=10, batch_sizes=[10, 20], random_state=0)
    >>> learner.fit(X, y).query_idx_.shape
    (40,)
    >>> [step["n_labelled"] for step in learner.history_]
    [10, 20, 40]
    """

    def __init__(
        self,
        estimator=None,
        query_strategy="random",
        *,
        query_options=None,
        n_initial=100,
        batch_sizes=None,
        stopping=None,
        random_state=None,
        verbose=False,
    ):
        self.estimator = estimator
        self.query_strategy = query_strategy
        self.query_options = query_options
        self.n_initial = n_initial
        self.batch_sizes = batch_sizes
        self.stopping = stopping
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y):
        """Play one campaign with `y` as the oracle.

        Parameters
        ----------
        X : array-like, sparse matrix, DataFrame or sequence of ase.Atoms, n_samples rows
            The pool: what `estimator` can be fitted on.
        y : array-like of shape (n_samples,)
            Labels; the model sees those that are asked for.

        Returns
        -------
        self : ActiveLearningRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If `X` and `y` differ in length, `y` is not finite, or a parameter is out of range.
        """
        rounds = self._play(X, y)
        if self.verbose:
            rounds = tqdm(rounds, desc="rounds", unit="round")
        for _ in rounds:
            pass
        return self

    def _play(self, X, y, campaign=None):
        """Yield self after each round; `campaign` is one to continue."""
        X = as_pool(X)
        allow_nan = self.estimator is not None and get_tags(self.estimator).input_tags.allow_nan
        if getattr(X, "ndim", 1) == 2 and not hasattr(X, "iloc") and not allow_nan:
            # The campaign would meet a NaN later, in a round that happens to pick it.
            assert_all_finite(X, input_name="X")
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target "
                "y is None"
            )
        y = column_or_1d(y, warn=True)
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        if n_rows(X) != len(y):
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: "
                f"X has {n_rows(X)}, y has {len(y)}"
            )
        self.y_ = y
        if campaign is None:
            campaign = Campaign(
                _default_estimator(X) if self.estimator is None else self.estimator,
                X,
                query_strategy=self.query_strategy,
                query_options=self.query_options,
                random_state=self.random_state,
            )
        self.campaign_ = campaign
        for _ in campaign.play(y.__getitem__, self.batch_sizes, self.n_initial, self.stopping):
            self.estimator_ = campaign.estimator_
            self.query_idx_ = campaign.labelled
            self.history_ = campaign.history
            yield self

    def predict(self, X, **params):
        """Predict with the model fitted on the labels asked for.

        Parameters
        ----------
        X : array-like, sparse matrix, DataFrame or sequence of ase.Atoms, n_samples rows
            What to predict for.
        **params : dict
            Passed to the estimator's ``predict``, such as ``return_std=True``.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
            Predicted means, or what the estimator returns for `params`.
        """
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict(X, **params)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")

    @property
    def n_features_in_(self):
        """Number of features seen in fit."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of the features seen in fit."""
        return self.estimator_.feature_names_in_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.estimator is None:
            tags.input_tags.sparse = True  # as the default estimator
            return tags
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.array_api_support = False
        return tags


def _default_estimator(X):
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    from skmolal.gaussian_process import GaussianProcessRegressor, median_length_scale

    scale = median_length_scale(X)
    kernel = ConstantKernel(1.0, (1e-2, 1e4)) * Matern(
        scale, (scale / 100, scale * 100), nu=1.5
    ) + WhiteKernel(0.1, (1e-6, 1e1))
    return GaussianProcessRegressor(kernel, normalize_y=True)
