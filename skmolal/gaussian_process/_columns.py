"""A kernel that sees some of the features."""

import numpy as np
from scipy import sparse
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel
from sklearn.utils.validation import check_is_fitted

from skmolal._columns import column_key, format_columns, resolve_columns

__all__ = ["ColumnKernel", "feature_union_columns"]


class ColumnKernel(Kernel):
    """Compare samples by some of their features.

    ``k(x, y) = kernel(x[columns], y[columns])``. Sums and products of such kernels say how
    several sources of knowledge go together: a sum is a function of each, added; in a product
    two samples are alike where all agree. It is a kernel like any other, in scikit-learn's
    regressor too; in :class:`skmolal.GaussianProcessRegressor` it is compiled where `kernel` is.

    Parameters
    ----------
    kernel : kernel instance
        What compares the columns, with hyperparameters of its own: a vector of length scales has
        one for each of the columns.
    columns : slice or array-like of int or bool
        Which features it sees: ``slice(0, 6)``, a list of positions, negative ones from the end,
        or a mask with one entry for each feature.

    Raises
    ------
    ValueError
        When samples are compared, if `columns` are no such selection, none at all, or not among
        the features.

    See Also
    --------
    feature_union_columns : The columns of each part of a FeatureUnion.
    skmolal.delta.DeltaRegressor : A cheap estimate under a model that has no kernel.

    Notes
    -----
    Columns may overlap, and a kernel inside may be a ``ColumnKernel`` again, whose `columns` are
    counted within the outer ones. A ``WhiteKernel`` inside is the same noise as outside.

    Memory and time are those of one kernel on each selection: of the features that no kernel
    sees nothing is computed.

    Examples
    --------
    A straight line in the first two features and a smooth function of the others:

    >>> import numpy as np
    >>> from sklearn.gaussian_process.kernels import RBF, DotProduct, WhiteKernel
    >>> from skmolal import GaussianProcessRegressor
    >>> from skmolal.gaussian_process import ColumnKernel
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 5))
    >>> y = 10 * X[:, 0] + np.sin(X[:, 2]) + 0.1 * rng.normal(size=60)
    >>> line = ColumnKernel(DotProduct(), slice(0, 2))
    >>> kernel = line + ColumnKernel(RBF(2.0), slice(2, None)) + WhiteKernel(0.01)
    >>> kernel
    ColumnKernel(DotProduct(sigma_0=1), slice(0, 2)) + ColumnKernel(RBF(length_scale=2), \
slice(2, None)) + WhiteKernel(noise_level=0.01)
    >>> gpr = GaussianProcessRegressor(kernel, random_state=0).fit(X[:40], y[:40])
    >>> round(gpr.score(X[40:], y[40:]), 2)
    1.0
    """

    def __init__(self, kernel, columns):
        self.kernel = kernel
        self.columns = columns

    def get_params(self, deep=True):
        """Get parameters of this kernel.

        Parameters
        ----------
        deep : bool, default=True
            Whether to return the parameters of the kernel inside too, as ``kernel__<name>``.

        Returns
        -------
        params : dict
            Parameter names mapped to their values.
        """
        params = {"kernel": self.kernel, "columns": self.columns}
        if deep:
            nested = self.kernel.get_params().items()
            params.update((f"kernel__{name}", value) for name, value in nested)
        return params

    @property
    def hyperparameters(self):
        """Those of the kernel inside, named ``kernel__<name>``."""
        return [
            Hyperparameter(f"kernel__{inner.name}", *inner[1:])
            for inner in self.kernel.hyperparameters
        ]

    @property
    def theta(self):
        """Logarithms of the free hyperparameters of the kernel inside."""
        return self.kernel.theta

    @theta.setter
    def theta(self, theta):
        self.kernel.theta = theta

    @property
    def bounds(self):
        """Bounds of `theta`, shape (n_dims, 2)."""
        return self.kernel.bounds

    def __eq__(self, other):
        return (
            type(self) is type(other)
            and self.kernel == other.kernel
            and column_key(self.columns) == column_key(other.columns)
        )

    def _take(self, X):
        if not sparse.issparse(X):
            X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"ColumnKernel needs samples in a 2-D array, got {X.ndim} dimensions")
        return X[:, resolve_columns(self.columns, X.shape[1])]

    def __call__(self, X, Y=None, eval_gradient=False):
        """Evaluate the kernel.

        Parameters
        ----------
        X : array-like or CSR of shape (n_samples_X, n_features)
            Samples, with all features. CSR only where the kernel inside takes it.
        Y : array-like or CSR of shape (n_samples_Y, n_features), default=None
            Samples; None means `X`.
        eval_gradient : bool, default=False
            Whether to return the gradient with respect to `theta` too; `Y` must then be None.

        Returns
        -------
        K : ndarray of shape (n_samples_X, n_samples_Y)
            Covariances.
        K_gradient : ndarray of shape (n_samples_X, n_samples_X, n_dims)
            Only returned when `eval_gradient` is True.
        """
        return self.kernel(self._take(X), None if Y is None else self._take(Y), eval_gradient)

    def diag(self, X):
        """Evaluate the diagonal of ``kernel(X)``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, with all features.

        Returns
        -------
        diagonal : ndarray of shape (n_samples,)
            Variances.
        """
        return self.kernel.diag(self._take(X))

    def is_stationary(self):
        """Tell whether the kernel depends on differences only.

        Returns
        -------
        stationary : bool
            What the kernel inside says.
        """
        return self.kernel.is_stationary()

    @property
    def requires_vector_input(self):
        """Whether the kernel inside is defined on vectors of numbers only."""
        return self.kernel.requires_vector_input

    def __repr__(self):
        return f"ColumnKernel({self.kernel}, {format_columns(self.columns)})"


def feature_union_columns(union):
    """Find which columns of a fitted FeatureUnion come from which of its parts.

    Parameters
    ----------
    union : FeatureUnion
        Fitted. Its parts need ``get_feature_names_out``, as all of skmolal's transformers have.

    Returns
    -------
    columns : dict of str to slice
        For each part that is not dropped, its columns, for :class:`ColumnKernel`.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If `union` is not fitted.

    See Also
    --------
    sklearn.compose.ColumnTransformer : Has the same as ``output_indices_``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import FeatureUnion
    >>> from sklearn.preprocessing import PolynomialFeatures, StandardScaler
    >>> from skmolal.gaussian_process import feature_union_columns
    >>> union = FeatureUnion([("scaled", StandardScaler()), ("powers", PolynomialFeatures(2))])
    >>> feature_union_columns(union.fit(np.eye(2)))
    {'scaled': slice(0, 2, None), 'powers': slice(2, 8, None)}
    """
    check_is_fitted(union)
    columns, start = {}, 0
    for name, transformer in union.transformer_list:
        if isinstance(transformer, str) and transformer == "drop":
            continue
        stop = start + len(transformer.get_feature_names_out())
        columns[name] = slice(start, stop)
        start = stop
    return columns
