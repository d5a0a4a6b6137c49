"""What blocks of columns cost: a fit with two column kernels against a fit with one kernel.

Fixed hyperparameters, equal total columns, n = 4,000. Both fits alternate, and the ratio of each
pair is taken, so that what else the machine does meets both. Expected: at most 1.5, the
factorisation being the same. Run ``python benchmarks/bench_columns.py [n_samples] [n_pairs]``.
"""

import sys
from statistics import median
from time import perf_counter

import numpy as np
from sklearn.gaussian_process.kernels import RBF

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process import ColumnKernel

N_FEATURES = 1500


def seconds(kernel, X, y):
    """Time one fit; the model is kept until the clock has stopped."""
    start = perf_counter()
    model = GaussianProcessRegressor(kernel, alpha=0.05, optimizer=None).fit(X, y)
    return perf_counter() - start, model


def main(n_samples=4000, n_pairs=7):
    """Print the times and their ratio for halves, and for 6 columns beside the others."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, N_FEATURES)).astype(np.float32)
    y = X[:, 0] + 0.1 * rng.normal(size=n_samples)
    one = RBF(40.0)
    for first in (N_FEATURES // 2, 6):
        two = ColumnKernel(RBF(30.0), slice(0, first)) + ColumnKernel(RBF(30.0), slice(first, None))
        for kernel in (one, two):
            seconds(kernel, X, y)  # compiles
        pairs = [(seconds(one, X, y)[0], seconds(two, X, y)[0]) for _ in range(n_pairs)]
        times = [median(column) for column in zip(*pairs, strict=True)]
        ratio = median(b / a for a, b in pairs)
        print(
            f"n = {n_samples}, {first} + {N_FEATURES - first} of {N_FEATURES} columns: one kernel "
            f"{times[0]:.2f} s, two {times[1]:.2f} s, median ratio {ratio:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
