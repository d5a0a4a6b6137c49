"""Whether a warm started Gaussian process knows the std of a pool, however it is asked."""

import numpy as np
from numpy.testing import assert_allclose


def assert_stds_of_a_pool(gpr, theirs, X, pool, by_number, atol):
    """Compare with a fitted regressor of scikit-learn: all rows of the pool, and the best five."""
    std = theirs.predict(X[pool].astype(float), return_std=True)[1]
    if by_number:
        found = gpr._predict_rows(X, pool)[1]
        some, some_std = gpr._most_uncertain_rows(X, pool, 5)
    else:
        found = gpr.predict(X[pool], return_std=True)[1]
        some, some_std = gpr._most_uncertain(X[pool], 5)
    assert_allclose(found, std, atol=atol)
    assert_allclose(some_std, std[some], atol=atol)
    assert set(np.argsort(-std)[:5]) <= set(some)
