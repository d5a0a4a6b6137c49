"""Repair of the stock modAL classes on current scikit-learn and pandas."""

import importlib
import sys
import warnings
from contextlib import contextmanager
from functools import reduce

import numpy as np
import scipy.sparse as sp
from modAL import models
from modAL.acquisition import max_EI
from modAL.models import base, learners
from modAL.utils import data
from sklearn.utils import check_X_y

from skmolal._rows import holds_molecules, n_rows, stack_columns, stack_rows, take_rows
from skmolal.learners import CommitteeRegressor
from skmolal.learners._mended import fit_rows

__all__ = ["patch_modal"]

# modAL's own functions, kept for the containers that they handle well.
_stock_vstack = data.data_vstack
_stock_hstack = data.data_hstack
_stock_retrieve_rows = data.retrieve_rows
_stock_add_row = data.add_row
_stock_drop_rows = data.drop_rows
_stock_enumerate_data = data.enumerate_data


def patch_modal():
    """Repair the stock modAL classes in this process.

    modAL 0.4.2 calls scikit-learn and pandas by names that are gone: on scikit-learn 1.8 and newer
    its learners cannot be taught, and with DataFrames they take columns for rows. After this call
    ``modAL.models.ActiveLearner``, ``BayesianOptimizer``, ``Committee`` and
    ``CommitteeRegressor`` fit, teach and query on scikit-learn 1.6 and newer, with NumPy arrays
    (object arrays of ``ase.Atoms`` included), sparse matrices, DataFrames and Series, whose rows
    are taken by position. ``modAL.expected_error``, which cannot be imported where NumPy has no
    ``numpy.float``, is imported.

    The repair acts on modAL itself and so on all code of the process that uses modAL. It is never
    made by an import, and a second call changes nothing. New code has no need of it:
    :class:`skmolal.ActiveLearner`, :class:`skmolal.BayesianOptimizer` and
    :class:`skmolal.CommitteeRegressor` do without, and mend more (see Notes).

    Notes
    -----
    What is repaired: the call of :func:`sklearn.utils.check_X_y`; stacking, taking, adding,
    dropping and enumerating rows of DataFrames, Series, lists and sparse matrices; bootstrapping
    and the maximum of the optimizer, which took the labels of pandas objects for positions; the
    votes of a committee on a sparse matrix. What is left as modAL made it: the stock classes cannot
    be cloned or printed, a strategy that raises is run a second time, an index array of length 2
    that a strategy returns without metrics is taken apart, and a failed ``teach`` keeps the new
    rows.

    Examples
    --------
    >>> from modAL.models import ActiveLearner
    >>> from skmolal.compat import patch_modal
    >>> patch_modal()  # doctest: +SKIP
    >>> learner = ActiveLearner(estimator)  # doctest: +SKIP
    """
    for holder, name, repaired in _repairs():
        setattr(holder, name, repaired)


def _import_expected_error():
    """Import modAL's module that asks NumPy for the name that it once had for Python's float."""
    if "modAL.expected_error" in sys.modules:
        return
    names = vars(np)
    lent = "float" not in names
    if lent:
        names["float"] = float
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # it compares strings by `is`
            importlib.import_module("modAL.expected_error")
    finally:
        if lent:
            del names["float"]


@contextmanager
def _modal_patched():
    """Repair modAL for the length of a with block; for tests."""
    stock = [(holder, name, getattr(holder, name)) for holder, name, _ in _repairs()]
    patch_modal()
    try:
        yield
    finally:
        for holder, name, original in stock:
            setattr(holder, name, original)


def _repairs():
    """List (holder, name, repaired object) for everything that is still to be replaced."""
    _import_expected_error()
    functions = [
        (_stock_vstack, _data_vstack),
        (_stock_hstack, _data_hstack),
        (_stock_retrieve_rows, _retrieve_rows),
        (_stock_add_row, _add_row),
        (_stock_drop_rows, _drop_rows),
        (_stock_enumerate_data, _enumerate_data),
    ]
    modules = [
        module
        for name, module in sys.modules.items()
        if name.split(".")[0] == "modAL" and module is not None
    ]
    # modAL imports its helpers by name, so every module that has done so holds its own reference.
    imported_by_name = [
        (module, name, repaired)
        for module in modules
        for name, value in vars(module).items()
        for stock, repaired in functions
        if value is stock
    ]
    members = [
        (learners, "check_X_y", _check_X_y),
        (base.BaseLearner, "_fit_on_new", _fit_on_new),
        (models.ActiveLearner, "_fit_to_known", _fit_to_known),
        (models.BayesianOptimizer, "__init__", _optimizer_init),
        (models.BayesianOptimizer, "_set_max", _set_max),
        (models.CommitteeRegressor, "vote", CommitteeRegressor.vote),
    ]
    return imported_by_name + members


def _check_X_y(X, y, *args, force_all_finite=True, **kwargs):
    # In a molecule there is nothing to check; as many finite numbers stand in for the array.
    X_checked = np.zeros(n_rows(X)) if holds_molecules(X) else X
    # scikit-learn 1.6 renamed the argument, 1.8 dropped the old name.
    check_X_y(X_checked, y, *args, ensure_all_finite=force_all_finite, **kwargs)
    return X, y


def _data_vstack(blocks):
    if any(sp.issparse(X) or hasattr(X, "iloc") or holds_molecules(X) for X in blocks):
        return reduce(stack_rows, blocks)
    return _stock_vstack(blocks)


def _data_hstack(blocks):
    if any(sp.issparse(X) or hasattr(X, "iloc") for X in blocks):
        return stack_columns(blocks)
    return _stock_hstack(blocks)


def _retrieve_rows(X, idx):
    if sp.issparse(X) or hasattr(X, "iloc") or isinstance(X, list):
        return take_rows(X, idx)
    return _stock_retrieve_rows(X, idx)


def _add_row(X, row):
    if isinstance(X, np.ndarray) and X.ndim > 1:
        return _stock_add_row(X, row)
    if hasattr(X, "iloc") and X.ndim > 1:
        return stack_rows(X, row)
    if isinstance(X, (list, np.ndarray)) or hasattr(X, "iloc"):
        return stack_rows(X, [row])
    return _data_vstack([X, row])


def _drop_rows(X, idx):
    if sp.issparse(X) or hasattr(X, "iloc") or isinstance(X, list):
        return take_rows(X, np.delete(np.arange(n_rows(X)), idx))
    return _stock_drop_rows(X, idx)


def _enumerate_data(X):
    if not (sp.issparse(X) or hasattr(X, "iloc")):
        return _stock_enumerate_data(X)
    X = X.tocsr() if sp.issparse(X) else X
    return ((i, take_rows(X, i)) for i in range(n_rows(X)))


def _fit_on_new(self, X, y, bootstrap=False, **fit_kwargs):
    fit_rows(self.estimator, X, y, bootstrap=bootstrap, fit_params=fit_kwargs)
    return self


def _fit_to_known(self, bootstrap=False, **fit_kwargs):
    return _fit_on_new(self, self.X_training, self.y_training, bootstrap=bootstrap, **fit_kwargs)


def _optimizer_init(
    self,
    estimator,
    query_strategy=max_EI,
    X_training=None,
    y_training=None,
    bootstrap_init=False,
    on_transformed=False,
    **fit_kwargs,
):
    models.ActiveLearner.__init__(
        self,
        estimator,
        query_strategy,
        X_training,
        y_training,
        bootstrap_init,
        on_transformed,
        **fit_kwargs,
    )
    self.X_max, self.y_max = None, -np.inf
    if y_training is not None:
        self._set_max(X_training, y_training)


def _set_max(self, X, y):
    max_idx = np.argmax(np.asarray(y))
    y_max = take_rows(y, max_idx)
    if np.all(y_max > self.y_max):
        self.X_max, self.y_max = take_rows(X, max_idx), y_max
