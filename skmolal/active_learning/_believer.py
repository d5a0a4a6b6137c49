"""A fitted model that believes its own predictions of labels that are on their way."""

import copy

import numpy as np
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.pipeline import Pipeline

from skmolal._rows import stack_rows

__all__ = ["believe"]


def believe(regressor, X):
    """Condition a fitted model on rows whose labels are awaited, each at its predicted mean.

    Parameters
    ----------
    regressor : estimator
        Fitted; not changed.
    X : array-like, n_pending rows
        As the model takes them.

    Returns
    -------
    believer : estimator
        Of a Gaussian process, one with the same means and smaller variances near `X`, at the same
        hyperparameters and normalisation of the labels; any other model as it is. So is a process
        without noise for which the rows of `X` follow from each other or from known ones.
    """
    try:
        return _believe(regressor, X)
    except np.linalg.LinAlgError:
        return regressor


def _believe(regressor, X):
    if hasattr(regressor, "believe"):
        return regressor.believe(X)
    if isinstance(regressor, Pipeline):
        last = _believe(regressor.steps[-1][1], regressor[:-1].transform(X))
        return Pipeline([*regressor.steps[:-1], (regressor.steps[-1][0], last)])
    if hasattr(regressor, "regressor_") and hasattr(regressor, "kernel_"):  # it chose its noise
        twin = copy.copy(regressor)
        twin.regressor_ = _believe(regressor.regressor_, X)
        return twin
    if type(regressor) is GaussianProcessRegressor:
        return _believe_scikit_learn(regressor, X)
    return regressor


def _believe_scikit_learn(regressor, X):
    """Fit anew with the believed labels: this process cannot be extended."""
    mean, std = regressor._y_train_mean, regressor._y_train_std
    believed = (regressor.predict(X) - mean) / std
    alpha = regressor.alpha
    if np.ndim(alpha):
        alpha = np.concatenate([alpha, np.full(len(believed), np.mean(alpha))])
    twin = clone(regressor).set_params(
        kernel=regressor.kernel_, optimizer=None, normalize_y=False, alpha=alpha
    )
    twin.fit(stack_rows(regressor.X_train_, X), np.concatenate([regressor.y_train_, believed]))
    twin._y_train_mean, twin._y_train_std = mean, std
    return twin
