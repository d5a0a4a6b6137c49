"""Choose the noise by leave-one-out cross-validation, in closed form."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, _fit_context, clone
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Kernel, WhiteKernel
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skmolal._doc_link import DocLinkMixin
from skmolal.gaussian_process._engine.leave_one_out import leave_one_out_path
from skmolal.gaussian_process._engine.precision import numerics
from skmolal.gaussian_process._gpr import GaussianProcessRegressor

__all__ = ["GaussianProcessRegressorCV"]


class GaussianProcessRegressorCV(DocLinkMixin, MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Fit a Gaussian process and choose the noise by leave-one-out cross-validation.

    In the manner of :class:`sklearn.linear_model.RidgeCV`: the kernel matrix is computed once, and
    the leave-one-out predictions for each noise variance follow in closed form [1]_ from
    one orthogonal decomposition of it.

    Hyperparameters of the kernel are optimised once, together with a noise variance within the
    range of `alphas` that starts at the largest, by the log marginal likelihood; that noise is then
    forgotten.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,), default=(1e-4, 1e-3, 1e-2, 1e-1, 1.0)
        Noise variances to choose from, as `alpha` of :class:`GaussianProcessRegressor`. With
        `normalize_y` they are in units of the variance of the targets. A ``WhiteKernel`` in
        `kernel` stays: its noise adds to each of them.
    kernel : kernel instance, default=None
        Covariance function, as for :class:`GaussianProcessRegressor`.
    scoring : {"neg_mean_squared_error", "log_predictive_density"}, \
            default="neg_mean_squared_error"
        What to maximise: minus the mean squared leave-one-out error, or the mean logarithm of the
        density that the leave-one-out prediction gives to the label, which judges stds too. Both
        are averaged over targets, in the units of `y`.
    optimizer : "fmin_l_bfgs_b", callable or None, default="fmin_l_bfgs_b"
        As for :class:`GaussianProcessRegressor`.
    n_restarts_optimizer : int, default=0
        As for :class:`GaussianProcessRegressor`.
    normalize_y : bool, default=False
        As for :class:`GaussianProcessRegressor`. Mean and variance are those of all targets, the
        left-out one included.
    max_optimizer_samples : int, default=None
        As for :class:`GaussianProcessRegressor`.
    random_state : int, RandomState instance or None, default=None
        As for :class:`GaussianProcessRegressor`.
    dtype : {"float64", "float32"}, default="float64"
        Of the final fit, as for :class:`GaussianProcessRegressor`. Leave-one-out predictions are
        float64.

    Attributes
    ----------
    best_alpha_ : float
        The noise variance chosen.
    best_score_ : float
        Its score.
    scores_ : ndarray of shape (n_alphas,)
        Score of each of `alphas`; NaN where the kernel matrix is not positive definite.
    regressor_ : GaussianProcessRegressor
        Fitted with ``alpha=best_alpha_``.
    kernel_ : kernel instance
        The kernel with its hyperparameters.
    alpha_ : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Dual weights of `regressor_`.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where all are strings.

    References
    ----------
    .. [1] C. E. Rasmussen and C. K. I. Williams, "Gaussian Processes for Machine Learning", MIT
       Press (2006), section 5.4.2, doi:10.7551/mitpress/3206.001.0001.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn.gaussian_process.kernels import RBF
    >>> from skmolal.gaussian_process import GaussianProcessRegressorCV
    >>> X, y = make_friedman1(n_samples=200, noise=1.0, random_state=0)
    >>> model = GaussianProcessRegressorCV([1e-3, 1e-2, 1e-1], 4.0 * RBF(2.0), normalize_y=True)
    >>> model.fit(X, y).best_alpha_
    0.01
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "alphas": ["array-like"],
        "kernel": [None, Kernel],
        "scoring": [StrOptions({"neg_mean_squared_error", "log_predictive_density"})],
        "optimizer": [StrOptions({"fmin_l_bfgs_b"}), callable, None],
        "n_restarts_optimizer": [Interval(Integral, 0, None, closed="left")],
        "normalize_y": ["boolean"],
        "max_optimizer_samples": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "dtype": [StrOptions({"float32", "float64"})],
    }

    def __init__(
        self,
        alphas=(1e-4, 1e-3, 1e-2, 1e-1, 1.0),
        kernel=None,
        *,
        scoring="neg_mean_squared_error",
        optimizer="fmin_l_bfgs_b",
        n_restarts_optimizer=0,
        normalize_y=False,
        max_optimizer_samples=None,
        random_state=None,
        dtype="float64",
    ):
        self.alphas = alphas
        self.kernel = kernel
        self.scoring = scoring
        self.optimizer = optimizer
        self.n_restarts_optimizer = n_restarts_optimizer
        self.normalize_y = normalize_y
        self.max_optimizer_samples = max_optimizer_samples
        self.random_state = random_state
        self.dtype = dtype

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Choose the noise and fit.

        Parameters
        ----------
        X : array-like or CSR of shape (n_samples, n_features) or list of object
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.

        Returns
        -------
        self : GaussianProcessRegressorCV
            The fitted estimator.

        Raises
        ------
        ValueError
            If `alphas` is empty or has a negative or infinite value.
        numpy.linalg.LinAlgError
            If the kernel matrix is not positive definite for any of `alphas`.
        """
        alphas = np.asarray(self.alphas, dtype=np.float64)
        if alphas.ndim != 1 or alphas.size == 0 or not np.all((alphas >= 0) & (alphas < np.inf)):
            raise ValueError(
                f"alphas must be one or more finite numbers that are not negative, got {alphas}"
            )
        template = ConstantKernel() * RBF() if self.kernel is None else self.kernel
        model = GaussianProcessRegressor(
            clone(template),
            alpha=float(alphas.max()),
            optimizer=self.optimizer,
            n_restarts_optimizer=self.n_restarts_optimizer,
            normalize_y=self.normalize_y,
            max_optimizer_samples=self.max_optimizer_samples,
            random_state=self.random_state,
            dtype=self.dtype,
        )
        if self.optimizer is not None and template.n_dims > 0:
            model.set_params(kernel=self._optimize(clone(model), X, y, alphas))
        model.set_params(optimizer=None)
        with numerics():
            gram, targets, y_std = model._training_problem(X, y)
            path = leave_one_out_path(gram, targets, alphas)
            self.scores_ = np.array([self._score(targets, found, y_std) for found in path])
        if np.isnan(self.scores_).all():
            raise np.linalg.LinAlgError(
                f"The kernel matrix of {model.kernel} is not positive definite for any of "
                f"alphas={alphas}: add larger ones."
            )
        best = int(np.nanargmax(self.scores_))
        self.best_alpha_, self.best_score_ = float(alphas[best]), float(self.scores_[best])
        self.regressor_ = model.set_params(alpha=self.best_alpha_).fit(X, y)
        self.n_features_in_ = getattr(self.regressor_, "n_features_in_", 1)
        if hasattr(self.regressor_, "feature_names_in_"):
            self.feature_names_in_ = self.regressor_.feature_names_in_
        return self

    def _optimize(self, model, X, y, alphas):
        """Find the kernel's hyperparameters beside a noise within the range of `alphas`."""
        low, high = max(alphas.min(), 1e-10), max(alphas.max(), 1e-10)
        bounds = (low, high) if low < high else "fixed"
        # From the largest noise: from a small one the optimiser may explain scattered labels by a
        # vanishing length scale and stay there (QM9, 800 labels, from 0.0055: 4 of 6 training
        # sets, evidence -1136 in place of -650; from the largest: none).
        noise = WhiteKernel(high, bounds)
        with warnings.catch_warnings():
            # The noise may lie at its bounds: they are the user's list, and it is forgotten.
            warnings.filterwarnings("ignore", ".*of parameter k2__noise_level.*")
            model.set_params(kernel=model.kernel + noise, alpha=0.0).fit(X, y)
        return model.kernel_.k1

    def _score(self, targets, found, y_std):
        if found is None:
            return np.nan
        mean, variance = found
        errors = (targets - mean) * y_std
        if self.scoring == "neg_mean_squared_error":
            return -np.mean(errors**2)
        spread = variance[:, None] * y_std**2
        return np.mean(-0.5 * (errors**2 / spread + np.log(2 * np.pi * spread)))

    @property
    def kernel_(self):
        """The kernel with its hyperparameters."""
        return self._fitted("kernel_").kernel_

    @property
    def alpha_(self):
        """Dual weights, shape (n_samples,) or (n_samples, n_targets)."""
        return self._fitted("alpha_").alpha_

    def _fitted(self, name):
        if "regressor_" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r} before fit")
        return self.regressor_

    def predict(self, X, return_std=False, return_cov=False):
        """Predict with the noise chosen.

        Parameters
        ----------
        X : array-like or CSR of shape (n_samples, n_features) or list of object
            Samples to predict.
        return_std : bool, default=False
            Whether to return the standard deviation too.
        return_cov : bool, default=False
            Whether to return the covariance of all pairs too. At most one of the two.

        Returns
        -------
        y_mean : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Posterior mean.
        y_std : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Posterior standard deviation. Only returned when `return_std` is True.
        y_cov : ndarray of shape (n_samples, n_samples) or (n_samples, n_samples, n_targets)
            Posterior covariance. Only returned when `return_cov` is True.
        """
        check_is_fitted(self)
        return self.regressor_.predict(X, return_std=return_std, return_cov=return_cov)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = (
            GaussianProcessRegressor(self.kernel).__sklearn_tags__().input_tags.sparse
        )
        return tags
