"""Exact Gaussian process regression for many features and large pools."""

import copy
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, _fit_context, clone
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Kernel
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import assert_all_finite, check_is_fitted, validate_data

from skmolal._doc_link import DocLinkMixin
from skmolal._rows import LazyRows, read_all, stack_rows
from skmolal.gaussian_process._engine.column_kinds import find_kinds
from skmolal.gaussian_process._engine.diagnostics import (
    clip_variance,
    warn_equal_std,
    warn_fallback,
    warn_slow_kernel,
)
from skmolal.gaussian_process._engine.exact import make_posterior
from skmolal.gaussian_process._engine.factor import choose_tile
from skmolal.gaussian_process._engine.fingerprint import fingerprint_rows
from skmolal.gaussian_process._engine.gram import HostGram, make_gram
from skmolal.gaussian_process._engine.kernels import parse_kernel
from skmolal.gaussian_process._engine.leave_one_out import leave_one_out
from skmolal.gaussian_process._engine.optimize import make_likelihood, optimize_kernel, set_theta
from skmolal.gaussian_process._engine.pool_cache import PoolCache
from skmolal.gaussian_process._engine.precision import numerics

__all__ = ["GaussianProcessRegressor"]


class GaussianProcessRegressor(DocLinkMixin, MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Predict with an exact Gaussian process.

    A drop-in for :class:`sklearn.gaussian_process.GaussianProcessRegressor`: it takes
    scikit-learn's kernel objects and gives the same numbers, but computes distances by matrix
    products (JAX, on the CPU or a GPU), grows its Cholesky factor in tiles and streams the pool
    through it, so that neither a pool-by-training nor a second training matrix is ever held.

    Constant, white, RBF and Matern (``nu`` 0.5, 1.5, 2.5, inf; one or many length scales),
    rational quadratic, dot product, exp-sine-squared and Tanimoto kernels, their sums, products
    and powers, on all features or on some (:class:`~skmolal.gaussian_process.ColumnKernel`), are
    compiled. Every other kernel, a subclass of one of these included, works through its own
    ``__call__``, slower.

    Parameters
    ----------
    kernel : kernel instance, default=None
        Covariance function, an object of :mod:`sklearn.gaussian_process.kernels`. None means
        ``ConstantKernel() * RBF()``. Its hyperparameters are optimised during fit unless their
        bounds are ``"fixed"`` or `optimizer` is None.
    alpha : float or ndarray of shape (n_samples,), default=1e-10
        Variance of the noise of each (normalised) label, sigma_n^2: added to the diagonal of the
        kernel matrix of the training samples.
    optimizer : "fmin_l_bfgs_b", callable or None, default="fmin_l_bfgs_b"
        How to maximise the log marginal likelihood. A callable is called as
        ``optimizer(obj_func, initial_theta, bounds=bounds)``, where
        ``obj_func(theta, eval_gradient=True)`` is to be minimised, and returns
        ``(theta_opt, func_min)``. None keeps the hyperparameters. The default goes on by small
        steps where it met hyperparameters without a positive definite matrix, and begins with
        some of the samples where there are 2,000 or more.
    n_restarts_optimizer : int, default=0
        Number of further starts of the optimiser, drawn log-uniformly within the bounds, which
        must then be finite. The default optimiser gives up a start that leads to an optimum that
        is known.
    normalize_y : bool, default=False
        Whether to shift and scale the targets to mean 0 and variance 1 before fitting. Predictions
        are on the original scale.
    copy_X_train : bool, default=True
        Whether to keep a copy of the training data; otherwise a reference.
    n_targets : int, default=None
        Number of targets, for predictions and samples before fit. None means 1.
    random_state : int, RandomState instance or None, default=None
        Draws the starts of the optimiser and the samples of `max_optimizer_samples`.
    dtype : {"float64", "float32"}, default="float64"
        Type of the Cholesky factor. ``"float32"`` is for speed and half the memory: kernels,
        dual weights and means stay float64, the weights by refinement; predicted stds of some
        training samples are checked to 1e-4 of the prior std. Where refinement or check fails,
        the fit is repeated in float64, and predict says so. Hyperparameters are always optimised
        in float64, and predictions are float64 arrays.
    warm_start : bool, default=False
        Whether fit continues from the fit before. The optimiser starts from the last optimum, and
        from `kernel` again where that explains no more than noise alone does (a callable one from
        the last optimum only). Where the new training samples begin with the old ones, at the
        same hyperparameters and noise, the Cholesky factor is extended, and predictions with
        ``return_std=True`` keep what they computed of each pool row, recognised by its content: a
        loop pays for new samples only. Results are those of a fresh fit up to rounding. Nothing
        that is kept travels with a clone or a pickle.
    max_optimizer_samples : int, default=None
        Hyperparameters are optimised on at most this many training samples, drawn without
        replacement. None means all.
    reoptimize_growth : float, default=None
        With `warm_start`, hyperparameters are optimised again only when the training set has
        grown by this factor since the last time, or does not begin with the old one. None means
        at each fit. While `warm_start` is False each fit starts from nothing, so hyperparameters
        are optimised at each whatever this is set to.
    pool_cache_bytes : int, default=2**31
        With `warm_start`, the memory for what is kept of pool rows: their features, and one
        number per training sample. Rows that a prediction does not ask for make room for those it
        does; rows that do not fit are computed anew each time.

    Attributes
    ----------
    kernel_ : kernel instance
        The kernel with the hyperparameters used for prediction.
    X_train_ : ndarray of shape (n_samples, n_features) or list of object
        Training samples.
    y_train_ : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Training targets, normalised if `normalize_y`.
    L_ : ndarray of shape (n_samples, n_samples)
        Lower Cholesky factor of the kernel matrix of the training samples, with the noise. Stored
        in tiles and assembled on access.
    alpha_ : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Dual weights.
    log_marginal_likelihood_value_ : float
        Log marginal likelihood at ``kernel_.theta``.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where all are strings.

    Notes
    -----
    A fit costs of order n^3 / 3 + n^2 d operations for n samples of d features, and memory for
    n^2 / 2 numbers; each step of the search for hyperparameters n^3, and in all memory for 2 n^2
    numbers. Where n is too large for that, scikit-learn's
    ``make_pipeline(Nystroem(gamma=0.5 / length_scale**2, n_components=2000), BayesianRidge())``
    approximates an RBF kernel and predicts stds too.

    References
    ----------
    .. [1] C. E. Rasmussen and C. K. I. Williams, "Gaussian Processes for Machine Learning", MIT
       Press (2006), doi:10.7551/mitpress/3206.001.0001.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn.gaussian_process.kernels import RBF, WhiteKernel
    >>> from skmolal import GaussianProcessRegressor
    >>> X, y = make_friedman1(n_samples=300, noise=0.5, random_state=0)
    >>> kernel = 10.0 * RBF(1.0) + WhiteKernel(1.0)
    >>> gpr = GaussianProcessRegressor(kernel, normalize_y=True).fit(X[:200], y[:200])
    >>> round(gpr.score(X[200:], y[200:]), 2)
    0.92
    >>> mean, std = gpr.predict(X[200:], return_std=True)
    >>> mean.shape, std.shape
    ((100,), (100,))
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "kernel": [None, Kernel],
        "alpha": [Interval(Real, 0, None, closed="left"), np.ndarray],
        "optimizer": [StrOptions({"fmin_l_bfgs_b"}), callable, None],
        "n_restarts_optimizer": [Interval(Integral, 0, None, closed="left")],
        "normalize_y": ["boolean"],
        "copy_X_train": ["boolean"],
        "n_targets": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "dtype": [StrOptions({"float32", "float64"})],
        "warm_start": ["boolean"],
        "max_optimizer_samples": [Interval(Integral, 1, None, closed="left"), None],
        "reoptimize_growth": [Interval(Real, 1, None, closed="left"), None],
        "pool_cache_bytes": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        kernel=None,
        *,
        alpha=1e-10,
        optimizer="fmin_l_bfgs_b",
        n_restarts_optimizer=0,
        normalize_y=False,
        copy_X_train=True,
        n_targets=None,
        random_state=None,
        dtype="float64",
        warm_start=False,
        max_optimizer_samples=None,
        reoptimize_growth=None,
        pool_cache_bytes=2**31,
    ):
        self.kernel = kernel
        self.alpha = alpha
        self.optimizer = optimizer
        self.n_restarts_optimizer = n_restarts_optimizer
        self.normalize_y = normalize_y
        self.copy_X_train = copy_X_train
        self.n_targets = n_targets
        self.random_state = random_state
        self.dtype = dtype
        self.warm_start = warm_start
        self.max_optimizer_samples = max_optimizer_samples
        self.reoptimize_growth = reoptimize_growth
        self.pool_cache_bytes = pool_cache_bytes

    # --- fit ------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Fit the Gaussian process.

        Parameters
        ----------
        X : array-like or CSR of shape (n_samples, n_features) or list of object
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.

        Returns
        -------
        self : GaussianProcessRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If `y` has not `n_targets` columns, if `alpha` fits neither as a number nor as one
            number per sample, or if restarts are asked for with infinite bounds.
        numpy.linalg.LinAlgError
            If the kernel matrix is not positive definite; increase `alpha`.
        """
        return self._fit(X, y)

    def _fit(self, X, y, theta=None):
        """Fit; where hyperparameters were to be optimised, set them to `theta` if it is given.

        A loop that stored ``kernel_.theta`` after each fit comes back to the same state, bit for
        bit, by the same sequence of calls with the stored values.
        """
        template = ConstantKernel() * RBF() if self.kernel is None else clone(self.kernel)
        continued = self.warm_start and "_posterior" in self.__dict__ and self._template == template
        kernel = clone(self.kernel_ if continued else template)
        rng = check_random_state(self.random_state)
        noise = self._set_training_data(X, y, kernel)
        previous = self.__dict__.pop("_posterior", None)  # if this fails, nothing is fitted
        self._template = template
        keys = self._training_keys(self.X_train_)
        grows = continued and begins_with(keys, self._keys)
        self._keys = keys
        with numerics():
            if self._must_optimize(len(noise), grows):
                if theta is None:
                    optimize_kernel(
                        kernel,
                        self.X_train_,
                        self._y_columns(),
                        noise,
                        self.optimizer,
                        self.n_restarts_optimizer,
                        self.max_optimizer_samples,
                        rng,
                        origin=template.theta if continued else None,
                    )
                else:
                    set_theta(kernel, theta)
                self._n_optimized = len(noise)
            if not (grows and self._extend(previous, noise)):
                tile = choose_tile(len(noise), self.dtype, self.warm_start)
                gram = make_gram(kernel, self.X_train_, noise, tile, self._column_kinds())
                cache = PoolCache(self.pool_cache_bytes) if self.warm_start else None
                too_narrow = grows and previous.factor.dtype != np.float64 and previous.fallback
                dtype = "float64" if too_narrow else self.dtype
                previous = make_posterior(kernel, gram, self._y_columns(), dtype, cache)
                previous.fallback = previous.fallback or too_narrow or None
            self._posterior = previous
            self._fitted_with = clone(kernel), noise, self.dtype
            self.log_marginal_likelihood_value_ = self._posterior.log_likelihood()
        return self

    def _expect(self, table):
        """Prepare the fits of a loop, whose samples are all rows of `table`."""
        self._expected = find_kinds(table)

    def _column_kinds(self):
        """Tell which columns need no products, or few; None where that is not known."""
        expected = self.__dict__.get("_expected")
        if expected is not None and expected.constant.shape == np.shape(self.X_train_)[1:]:
            return expected
        return None if self.warm_start else find_kinds(self.X_train_)

    def _extend(self, posterior, noise):
        """Try to extend the factor of the first training samples."""
        kernel, old_noise, dtype = self._fitted_with
        if not (
            self.kernel_ == kernel
            and np.array_equal(noise[: len(old_noise)], old_noise)
            and self.dtype == dtype
        ):
            return False
        posterior.cache.n_bytes = self.pool_cache_bytes
        try:
            posterior.gram.extend(self.X_train_, noise)
            posterior.extend(self._y_columns())
        except np.linalg.LinAlgError as error:
            # A fit from nothing may fall back, or say what is wrong; what float32 cannot extend now
            # it could not in the next round either.
            if posterior.factor.dtype != np.float64:
                posterior.fallback = str(error)
            return False
        return True

    def _set_training_data(self, X, y, kernel):
        """Check the training data and keep them; return the noise of each sample."""
        X, y = validate_data(
            self, read_all(X), y, multi_output=True, y_numeric=True, **self._input_checks(kernel)
        )
        n_targets_seen = y.shape[1] if y.ndim > 1 else 1
        if self.n_targets is not None and n_targets_seen != self.n_targets:
            raise ValueError(
                "The number of targets seen in `y` is different from the parameter "
                f"`n_targets`. Got {n_targets_seen} != {self.n_targets}."
            )
        noise = self._noise(len(y))
        self._y_train_mean, self._y_train_std = self._target_scale(y)
        self.X_train_ = X.copy() if self.copy_X_train else X
        self.y_train_ = (
            (y - self._y_train_mean) / self._y_train_std
            if self.normalize_y
            else (y.copy() if self.copy_X_train else y)
        )
        self.kernel_ = kernel
        return noise

    def _training_problem(self, X, y):
        """The kernel matrix without noise, the normalised targets, and the std of each."""
        noise = np.zeros(len(self._set_training_data(X, y, clone(self.kernel))))
        gram = make_gram(self.kernel_, self.X_train_, noise, choose_tile(len(noise)))
        return gram, self._y_columns(), np.ravel(self._y_train_std)

    def _training_keys(self, X):
        """Fingerprints of the training samples, where a warm start may ask for them."""
        if not self.warm_start or getattr(X, "ndim", 1) != 2 or X.dtype == object:
            return None
        return fingerprint_rows(X)

    def _must_optimize(self, n_samples, grows):
        if self.optimizer is None or self.kernel_.n_dims == 0:
            return False
        if self.reoptimize_growth is None or not grows:
            return True
        return n_samples >= self.reoptimize_growth * self._n_optimized

    def _input_checks(self, kernel):
        if kernel is None or kernel.requires_vector_input:
            compiled = kernel is None or parse_kernel(kernel).spec is not None
            accept_sparse = "csr" if compiled else False
            return {"dtype": "numeric", "ensure_2d": True, "accept_sparse": accept_sparse}
        return {"dtype": None, "ensure_2d": False}

    def _noise(self, n_samples):
        """The noise variance of each training sample, shape (n_samples,)."""
        noise = np.asarray(self.alpha, dtype=np.float64).ravel()
        if noise.size not in (1, n_samples):
            raise ValueError(
                "alpha must be a scalar or an array with same number of entries as y. "
                f"({noise.size} != {n_samples})"
            )
        return np.broadcast_to(noise, n_samples)

    def _target_scale(self, y):
        """Mean and std of the targets, 0 and 1 without `normalize_y`."""
        if not self.normalize_y:
            shape = (y.shape[1],) if y.ndim == 2 else 1
            return np.zeros(shape), np.ones(shape)
        mean, std = np.mean(y, axis=0), np.std(y, axis=0)
        # A constant target keeps its scale; its std is zero up to the rounding of its mean.
        constant = std <= 10 * np.finfo(np.float64).eps * np.abs(mean)
        return mean, np.where(constant, 1.0, std)

    def _y_columns(self):
        return self.y_train_.reshape(len(self.y_train_), -1).astype(np.float64, copy=False)

    # --- what was fitted ------------------------------------------------------------------------

    @property
    def L_(self):
        """Lower Cholesky factor, assembled from its tiles, shape (n_samples, n_samples)."""
        return self._fitted("L_").factor.to_dense()

    @property
    def alpha_(self):
        """Dual weights, shape (n_samples,) or (n_samples, n_targets)."""
        return self._fitted("alpha_").alpha.reshape(self.y_train_.shape)

    def _fitted(self, name):
        if "_posterior" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r} before fit")
        return self._posterior

    def log_marginal_likelihood(self, theta=None, eval_gradient=False, clone_kernel=True):
        """Compute the log marginal likelihood of the training data.

        Parameters
        ----------
        theta : array-like of shape (n_kernel_params,), default=None
            Logarithms of the hyperparameters. None returns the value found in fit.
        eval_gradient : bool, default=False
            Whether to return the gradient with respect to `theta` too, which must then be given.
        clone_kernel : bool, default=True
            Whether to leave ``kernel_`` alone; otherwise it is set to `theta`.

        Returns
        -------
        log_likelihood : float
            Log marginal likelihood, summed over targets.
        log_likelihood_gradient : ndarray of shape (n_kernel_params,)
            Its gradient. Only returned when `eval_gradient` is True.

        Raises
        ------
        ValueError
            If the gradient is asked for without `theta`.
        """
        if theta is None:
            if eval_gradient:
                raise ValueError("Gradient can only be evaluated for theta!=None")
            return self.log_marginal_likelihood_value_
        if clone_kernel:
            kernel = self.kernel_.clone_with_theta(theta)
        else:
            kernel = self.kernel_
            kernel.theta = theta
        with numerics():
            y = self._y_columns()
            likelihood = make_likelihood(kernel, self.X_train_, y, self._noise(len(y)))
            value, gradient = likelihood(kernel.theta, eval_gradient)
        return (value, gradient) if eval_gradient else value

    # --- predict --------------------------------------------------------------------------------

    def predict(self, X, return_std=False, return_cov=False):
        """Predict with the Gaussian process, by its prior if it is not fitted.

        Parameters
        ----------
        X : array-like or CSR of shape (n_samples, n_features) or list of object
            Samples to predict. They are streamed in blocks within
            ``sklearn.get_config()["working_memory"]``; of a CSR only blocks become dense.
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

        Raises
        ------
        RuntimeError
            If both `return_std` and `return_cov` are True.
        """
        if return_std and return_cov:
            raise RuntimeError("At most one of return_std or return_cov can be requested.")
        cached = return_std and self._recognises_rows(X)
        # Rows that the cache knows were finite when it met them.
        X = self._check_pool(X, ensure_all_finite=not cached)
        if not hasattr(self, "X_train_"):
            return self._predict_prior(read_all(X), return_std, return_cov)
        posterior = self._fitted_to_predict()
        with numerics():
            if return_cov:
                mean, covariance = posterior.covariance(X)
                return self._rescale_mean(mean), self._rescale_variance(covariance)
            if cached:
                mean, variance = posterior.cache.predict(posterior, X, self._check_finite)
            else:
                mean, variance = posterior.predict(X, return_std)
        if not return_std:
            return self._rescale_mean(mean)
        return self._rescale_mean(mean), self._standard_deviation(variance, X)

    def _predict_rows(self, X, rows, return_std=True):
        """Predict ``X[rows]``, for loops that know the rows of their pool by number.

        With `warm_start`, rows seen before are recognised by number, so hardly anything but the
        first call reads `X`, which must stay the same unchanged object.

        Parameters
        ----------
        X : array-like of shape (n_all, n_features)
            All samples of the loop.
        rows : ndarray of int, shape (n_rows,)
            Which to predict.
        return_std : bool, default=True
            Whether to return the standard deviation too.

        Returns
        -------
        y_mean, y_std : ndarray
            As from :meth:`predict`.
        """
        rows = np.asarray(rows)
        posterior = self._fitted("_predict_rows")
        if not return_std or not self._keeps_rows(posterior):
            return self.predict(X[rows], return_std=return_std)
        with numerics():
            mean, variance = posterior.cache.predict_rows(posterior, self._check_once(X), rows)
        return self._rescale_mean(mean), self._standard_deviation(variance, X)

    def _most_uncertain(self, X, n):
        """Find the rows of `X` that may have the `n` largest stds, and theirs.

        With `warm_start`, for a model of one target: others are not even computed where they were
        seen before.

        Parameters
        ----------
        X : array-like or CSR of shape (n_samples, n_features) or list of object
            Samples, as for :meth:`predict`.
        n : int
            How many are wanted.

        Returns
        -------
        candidates : ndarray of int, shape (n_candidates,)
            Rows of `X`.
        y_std : ndarray of shape (n_candidates,)
            Their standard deviations. None, not a tuple, where nothing is known of rows.
        """
        if not self._recognises_rows(X) or self.y_train_.ndim > 1:
            return None
        X = self._check_pool(X, ensure_all_finite=False)
        posterior = self._fitted_to_predict()
        with numerics():
            answer = posterior.cache.most_uncertain(posterior, X, n, self._check_finite)
        return self._with_std(*answer, X, X.shape[0])

    def _most_uncertain_rows(self, X, rows, n):
        """Do the same for ``X[rows]``, known by number; returns places in `rows`."""
        rows = np.asarray(rows)
        posterior = self._fitted("_most_uncertain_rows")
        if not self._keeps_rows(posterior) or self.y_train_.ndim > 1:
            return np.arange(len(rows)), self._predict_rows(X, rows)[1]
        with numerics():
            answer = posterior.cache.most_uncertain_rows(posterior, self._check_once(X), rows, n)
        return self._with_std(*answer, X, len(rows))

    def _with_std(self, candidates, variance, X, n_rows):
        if len(candidates) == n_rows:
            return candidates, self._standard_deviation(variance, X)
        return candidates, np.sqrt(self._rescale_variance(clip_variance(variance, self.dtype)))

    def _may_contest(self, n_rows, lazy, by_std_alone):
        """Tell whether a query should look for contenders among `n_rows` rows, lazy or not.

        Not where what is known of all of them is kept, so that it costs little; nor by the std
        alone where the factor is one tile, so that none would drop out half way.
        """
        posterior = self._fitted("_may_contest")
        if self.y_train_.ndim > 1 or isinstance(posterior.gram, HostGram):
            return False
        if by_std_alone and posterior.factor.n_tiles == 1 and not lazy:
            return False
        cached = self._keeps_rows(posterior) and not lazy
        n_bytes = n_rows * len(self.y_train_) * posterior.factor.dtype.itemsize
        return not cached or n_bytes > self.pool_cache_bytes

    def _check_once(self, X):
        """Check a pool that is known by its rows when it is seen first."""
        known = self.__dict__.get("_known_pool", (None, None))
        if known[0] is not X:
            known = self._known_pool = (X, self._check_pool(X))
        return known[1]

    def _standard_deviation(self, variance, X):
        variance = clip_variance(variance, self.dtype)
        warn_equal_std(np.sqrt(variance), X, self.kernel_)
        return np.sqrt(self._rescale_variance(variance))

    def _fitted_to_predict(self):
        """Return the posterior, with a warning where it is slow or not of the type wanted."""
        posterior = self._fitted("predict")
        if isinstance(posterior.gram, HostGram):
            warn_slow_kernel(self.kernel_)
        elif posterior.fallback is not None:
            warn_fallback(posterior.fallback)
        return posterior

    def _recognises_rows(self, X):
        """Tell whether rows of `X` that were seen before are known by their content."""
        return self._keeps_rows(self.__dict__.get("_posterior")) and not isinstance(X, LazyRows)

    def _keeps_rows(self, posterior):
        """Tell whether `posterior`, None before a fit, keeps what it knows of pool rows."""
        return posterior is not None and posterior.cache is not None and self._keys is not None

    def _check_finite(self, X):
        assert_all_finite(X, estimator_name=type(self).__name__, input_name="X")

    def _check_pool(self, X, ensure_all_finite=True):
        if isinstance(X, LazyRows):  # checked when they were stored
            if X.shape[1] != getattr(self, "n_features_in_", X.shape[1]):
                raise ValueError(
                    f"X has {X.shape[1]} features, but {type(self).__name__} is expecting "
                    f"{self.n_features_in_} features as input"
                )
            return X
        checks = self._input_checks(self.kernel)
        return validate_data(self, X, reset=False, ensure_all_finite=ensure_all_finite, **checks)

    def _predict_prior(self, X, return_std, return_cov):
        kernel = ConstantKernel() * RBF() if self.kernel is None else self.kernel
        n_targets = 1 if self.n_targets is None else self.n_targets
        n_samples = X.shape[0] if hasattr(X, "shape") else len(X)

        def spread(array):
            return array if n_targets == 1 else np.repeat(array[..., np.newaxis], n_targets, -1)

        if sparse.issparse(X):
            X = X.toarray()
        mean = spread(np.zeros(n_samples))
        if return_cov:
            return mean, spread(kernel(X))
        return (mean, spread(np.sqrt(kernel.diag(X)))) if return_std else mean

    def _rescale_mean(self, mean):
        mean = mean * self._y_train_std + self._y_train_mean
        return mean[:, 0] if mean.shape[1] == 1 else mean

    def _rescale_variance(self, variance):
        scale = np.ravel(self._y_train_std) ** 2
        return variance * scale[0] if scale.size == 1 else variance[..., np.newaxis] * scale

    def believe(self, X):
        """Suppose that further samples had been labelled, each with its predicted mean.

        The kriging believer [1]_: means stay what they are, and standard deviations fall near
        these samples, whose labels are on their way. Hyperparameters, and with `normalize_y` mean
        and variance of the targets, are those of the labels that are known.

        Parameters
        ----------
        X : array-like or CSR of shape (n_samples, n_features) or list of object
            Samples whose labels are awaited. Their noise is `alpha`, its mean where it is an
            array.

        Returns
        -------
        believer : GaussianProcessRegressor
            Fitted to the known and the believed labels; this regressor is not changed. Its
            factor is this one's, extended.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the regressor is not fitted.
        numpy.linalg.LinAlgError
            If without noise the labels follow from each other or from known ones.

        References
        ----------
        .. [1] D. Ginsbourger, R. Le Riche and L. Carraro, "Kriging is well-suited to parallelize
           optimization", in Computational Intelligence in Expensive Optimization Problems (2010),
           doi:10.1007/978-3-642-10701-6_6.

        Examples
        --------
        >>> import numpy as np
        >>> from skmolal import GaussianProcessRegressor
        >>> gpr = GaussianProcessRegressor(optimizer=None).fit([[0.0], [4.0]], [1.0, 2.0])
        >>> mean, std = gpr.predict([[2.0]], return_std=True)
        >>> believed_mean, believed_std = gpr.believe([[2.1]]).predict([[2.0]], return_std=True)
        >>> bool(np.isclose(mean[0], believed_mean[0])), bool(believed_std[0] < std[0])
        (True, True)
        """
        check_is_fitted(self, "X_train_")
        X = self._check_pool(read_all(X))
        posterior = self._fitted("believe")
        twin = copy.copy(self)
        with numerics():
            mean, _ = posterior.predict(X, return_var=False)
            noise = posterior.gram.host_noise
            noise = np.concatenate([noise, np.full(len(mean), np.mean(noise))])
            twin.X_train_ = stack_rows(self.X_train_, X)
            twin.y_train_ = np.concatenate(
                [self.y_train_, mean.reshape(-1, *self.y_train_.shape[1:])]
            )
            twin._posterior = posterior.fork()
            twin._posterior.gram.extend(twin.X_train_, noise)
            twin._posterior.extend(twin._y_columns())
            twin.log_marginal_likelihood_value_ = twin._posterior.log_likelihood()
        return twin

    def loo_predict(self, return_std=False):
        """Predict each training sample from all others, without fitting again.

        Hyperparameters, and with `normalize_y` mean and variance of the targets, are those of all
        samples.

        Parameters
        ----------
        return_std : bool, default=False
            Whether to return the standard deviation too. It is that of the label: the noise
            `alpha` is included, as it is not in :meth:`predict`.

        Returns
        -------
        y_mean : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Leave-one-out predictions.
        y_std : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Their standard deviation. Only returned when `return_std` is True.
        """
        check_is_fitted(self, "X_train_")
        with numerics():
            posterior = self._fitted("loo_predict")
            mean, variance = leave_one_out(posterior.factor, posterior.alpha, self._y_columns())
        mean = self._rescale_mean(mean)
        return (mean, np.sqrt(self._rescale_variance(variance))) if return_std else mean

    def sample_y(self, X, n_samples=1, random_state=0):
        """Draw functions from the Gaussian process and evaluate them at `X`.

        Their distribution is that of scikit-learn's. With the same seed the functions themselves
        may differ: random numbers are multiplied by the singular vectors of the covariance of
        `X`. Where its singular values lie well apart, the last bit of the covariance decides at
        most the sign of a vector (seldom). Where some are nearly equal, as for points in a
        symmetric arrangement, it turns the vectors within the space that belongs to these values.

        Parameters
        ----------
        X : array-like of shape (n_samples_X, n_features) or list of object
            Where to evaluate.
        n_samples : int, default=1
            Number of functions.
        random_state : int, RandomState instance or None, default=0
            Draws the functions.

        Returns
        -------
        y_samples : ndarray of shape (n_samples_X, n_samples) or \
                (n_samples_X, n_targets, n_samples)
            Values of the functions.
        """
        rng = check_random_state(random_state)
        mean, covariance = self.predict(X, return_cov=True)
        if mean.ndim == 1:
            return rng.multivariate_normal(mean, covariance, n_samples).T
        return np.stack(
            [
                rng.multivariate_normal(mean[:, k], covariance[..., k], n_samples).T
                for k in range(mean.shape[1])
            ],
            axis=1,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        kernel = self.kernel
        tags.input_tags.sparse = kernel is None or parse_kernel(kernel).spec is not None
        return tags

    def __getstate__(self):
        state = super().__getstate__()
        state.pop("_known_pool", None)
        return state


def begins_with(keys, old_keys):
    """Tell whether the rows with `keys` begin with the rows with `old_keys`."""
    if keys is None or old_keys is None:
        return False
    return len(keys) >= len(old_keys) and np.array_equal(keys[: len(old_keys)], old_keys)
