"""Squared distances within a pool and to what is labelled, a column at a time.

Never pool by pool: a strategy asks for the distances to the one row that it has just chosen.
"""

import numpy as np
import sklearn
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from skmolal._rows import stack_rows
from skmolal.query_strategies._machinery.posterior import PoolView

__all__ = ["check_representation", "pool_distances"]


def check_representation(representation="features"):
    """Check the option `representation` of the strategies that need distances."""
    if isinstance(representation, str) and representation in ("features", "kernel"):
        return
    if isinstance(representation, type) or not hasattr(representation, "transform"):
        raise ValueError(
            f"representation must be 'features', 'kernel' or a transformer, got {representation!r}"
        )


def pool_distances(view, representation):
    """Build the distances of a pool.

    Parameters
    ----------
    view : PoolView
        The pool as the learner sees it.
    representation : {"features", "kernel"} or transformer
        See :func:`skmolal.query_strategies.k_center_sampling`.

    Returns
    -------
    distances : EuclideanDistances or KernelDistances
        Distances within the pool and to the labelled rows.
    """
    if isinstance(representation, str):
        features, labelled = view.features(), view.labelled_features()
        if representation == "features":
            return EuclideanDistances(features, labelled)
        kernel = getattr(view.estimator, "kernel_", None)
        if kernel is None:
            raise ValueError(
                "representation='kernel' needs a fitted Gaussian process, an estimator with the "
                f"attribute kernel_, got {type(view.estimator).__name__}"
            )
        return KernelDistances(kernel, features, labelled)
    labelled, X_pool = view.as_they_came()
    if labelled is None and view.labelled_features() is not None:
        raise ValueError(
            "a transformer as representation needs the labelled rows as they came, X_training "
            f"of a learner, and {type(view.learner).__name__} does not keep them: query with "
            "skmolal.ActiveLearner"
        )
    try:
        check_is_fitted(representation)
    except NotFittedError:  # a clone, as in a grid search
        rows = X_pool if labelled is None else stack_rows(labelled, X_pool)
        representation = clone(representation).fit(rows)
    features = PoolView(None, representation.transform(X_pool)).features()
    if labelled is not None:
        labelled = PoolView(None, representation.transform(labelled)).features()
    return EuclideanDistances(features, labelled)


class _Distances:
    """Squared distances ``k(x, x) + k(x', x') - 2 k(x, x')`` of some inner product ``k``.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n_pool, n_features)
        The pool.
    labelled : {ndarray, CSR} of shape (n_labelled, n_features) or None
        The labelled rows.
    """

    def __init__(self, X, labelled):
        if labelled is not None and labelled.shape[1] != X.shape[1]:
            raise ValueError(
                f"the labelled rows have {labelled.shape[1]} features, X_pool has {X.shape[1]}"
            )
        self.X, self.labelled = X, labelled
        self.n_labelled = 0 if labelled is None else labelled.shape[0]

    def column(self, i):
        """Compute the squared distances of the pool to its row `i`, shape (n_pool,)."""
        column = self._product(self.X, self.X[i : i + 1])[:, 0]
        column = self.diagonal + self.diagonal[i] - 2.0 * column
        np.maximum(column, 0.0, out=column)
        column[i] = 0.0
        return column

    def to_labelled(self):
        """Iterate over blocks of rows: a slice, and squared distances to all labelled rows."""
        diagonal = self._diagonal(self.labelled)
        n_rows = int(sklearn.get_config()["working_memory"] * 2**20 / (24 * self.n_labelled))
        for rows in gen_batches(self.X.shape[0], max(1, n_rows)):
            block = -2.0 * self._product(self.X[rows], self.labelled)
            block += self.diagonal[rows, None]
            block += diagonal
            yield rows, np.maximum(block, 0.0, out=block)

    def nearest_labelled(self):
        """Find the nearest labelled row of each row of the pool.

        Returns
        -------
        nearest : ndarray of shape (n_pool,), dtype float64
            Squared distance to it.
        owner : ndarray of shape (n_pool,), dtype intp
            Its position, the first of near ties.
        """
        nearest = np.empty(self.X.shape[0])
        owner = np.empty(self.X.shape[0], dtype=np.intp)
        near = 1e-10 * float(self.diagonal.max())
        for rows, block in self.to_labelled():
            nearest[rows] = block.min(axis=1)
            owner[rows] = np.argmax(block <= (nearest[rows] + near)[:, None], axis=1)
        return nearest, owner


class EuclideanDistances(_Distances):
    """Distances of features, from matrix products in their own precision.

    Dense features are centred first, in a copy, so that float32 keeps its digits.
    """

    def __init__(self, X, labelled):
        super().__init__(X, labelled)
        if issparse(X) or issparse(labelled):
            self.X = X.astype(np.float64)
            self.labelled = None if labelled is None else labelled.astype(np.float64)
        else:
            centre = X.mean(axis=0, dtype=np.float64).astype(X.dtype)
            self.X = X - centre
            self.labelled = None if labelled is None else labelled.astype(X.dtype) - centre
        self.diagonal = self._diagonal(self.X)

    @staticmethod
    def _product(left, right):
        product = left @ right.T
        return product.toarray() if issparse(product) else product

    @staticmethod
    def _diagonal(X):
        if issparse(X):
            return np.asarray(X.multiply(X).sum(axis=1), dtype=np.float64).ravel()
        return np.einsum("ij,ij->i", X, X)


class KernelDistances(_Distances):
    """Distances in the feature space of a kernel, without its white noise."""

    def __init__(self, kernel, X, labelled):
        super().__init__(X, labelled)
        self.kernel = kernel
        self.diagonal = self._diagonal(X)

    def _product(self, left, right):
        return self.kernel(left, right)

    def _diagonal(self, X):
        # Not kernel.diag, which counts white noise: that is no distance between molecules.
        if self.kernel.is_stationary():
            return np.full(X.shape[0], self.kernel(X[:1], X[:1])[0, 0])
        return np.concatenate(
            [np.diagonal(self.kernel(X[rows], X[rows])) for rows in gen_batches(X.shape[0], 16)]
        )
