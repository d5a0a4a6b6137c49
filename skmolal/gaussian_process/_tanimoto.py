"""A kernel for fingerprints."""

import numpy as np
from scipy import sparse
from sklearn.gaussian_process.kernels import Kernel, NormalizedKernelMixin

__all__ = ["TanimotoKernel"]


class TanimotoKernel(NormalizedKernelMixin, Kernel):
    """Compare fingerprints by the Tanimoto (Jaccard) similarity.

    ``k(x, y) = x.y / (|x|^2 + |y|^2 - x.y)``, and 1 for two rows of zeros: on binary fingerprints
    the number of bits that both have over the number that either has [1]_. It has no
    hyperparameter; multiply it by a constant and add noise, e.g.
    ``2.0 * TanimotoKernel() + WhiteKernel()``. It works with scikit-learn's regressor too.

    See Also
    --------
    skmolal.make_fingerprint_model : A Pipeline of a fingerprint and this kernel.

    Notes
    -----
    Counts are taken as they are, in the same formula. That is not the other common form for
    counts, ``sum(min(x, y)) / sum(max(x, y))`` [2]_: both agree on bits and both are positive
    semidefinite, but inner products are matrix products, also of CSR matrices.

    The form here is so for all real features, since ``1 / (s + t)**m`` is for positive s and t,
    and with ``s = |x|^2``, ``t = |y|^2``, where ``2 |x.y| <= s + t``, it is the sum over
    m = 1, 2, ... of ``(x.y)**m / (s + t)**m``: a product of such kernels each.

    References
    ----------
    .. [1] L. Ralaivola, S. J. Swamidass, H. Saigo and P. Baldi, "Graph kernels for chemical
       informatics", Neural Networks 18, 1093 (2005), doi:10.1016/j.neunet.2005.07.009.
    .. [2] A. Tripp, S. Bacallado, S. Singh and J. M. Hernandez-Lobato, "Tanimoto random features
       for scalable molecular machine learning", NeurIPS 36 (2023), arXiv:2306.14809.

    Examples
    --------
    >>> import numpy as np
    >>> from skmolal.gaussian_process import TanimotoKernel
    >>> TanimotoKernel()(np.array([[1, 1, 0], [1, 0, 1]]))
    array([[1.        , 0.33333333],
           [0.33333333, 1.        ]])
    """

    def __init__(self):
        # scikit-learn reads the parameters off this signature; object's has others.
        pass

    def __call__(self, X, Y=None, eval_gradient=False):
        """Evaluate the kernel.

        Parameters
        ----------
        X : array-like or CSR of shape (n_samples_X, n_features)
            Fingerprints.
        Y : array-like or CSR of shape (n_samples_Y, n_features), default=None
            Fingerprints; None means `X`.
        eval_gradient : bool, default=False
            Whether to return the gradient too, which is empty.

        Returns
        -------
        K : ndarray of shape (n_samples_X, n_samples_Y)
            Similarities.
        K_gradient : ndarray of shape (n_samples_X, n_samples_X, 0)
            Only returned when `eval_gradient` is True.

        Raises
        ------
        ValueError
            If the gradient is asked for with `Y`.
        """
        if Y is not None and eval_gradient:
            raise ValueError("Gradient can only be evaluated when Y is None.")
        X = _as_float(X)
        Y = X if Y is None else _as_float(Y)
        inner = X @ Y.T
        inner = inner.toarray() if sparse.issparse(inner) else np.asarray(inner)
        union = _squared_norms(X)[:, None] + _squared_norms(Y)[None, :] - inner
        K = np.divide(inner, union, out=np.ones_like(inner), where=union > 0)
        return (K, np.empty((*K.shape, 0))) if eval_gradient else K

    def is_stationary(self):
        """Tell whether the kernel depends on differences only.

        Returns
        -------
        stationary : bool
            False.
        """
        return False

    def __repr__(self):
        return "TanimotoKernel()"


def _as_float(X):
    if sparse.issparse(X):
        return X.astype(np.float64)
    return np.atleast_2d(np.asarray(X, dtype=np.float64))


def _squared_norms(X):
    return np.asarray((X.multiply(X) if sparse.issparse(X) else X * X).sum(axis=1)).ravel()
