"""How much faster is an active learning loop that keeps what it knows?

A stock modAL loop (`patch_modal`, modAL's own `ActiveLearner`, the most uncertain ten of the pool)
grows from 500 to 1,000 labels with a pool of 20,000 QM9 molecules and 1,500 MBTR features. With
scikit-learn's regressor a round is timed at both ends of the loop, and the picks there are
compared; with `skmolal.GaussianProcessRegressor(warm_start=True)` the whole loop is, after a
warm-up loop: the median of five. Only query and teach are timed, not the user's deletion of pool
rows. Then `ActiveLearningRegressor` does the same work by row numbers.

Expected on two cores: at least 80 times faster in total with modAL, and about 200 times
with `ActiveLearningRegressor`.

    python benchmarks/bench_loop.py            # two minutes
"""

import argparse
import tempfile
import time

import numpy as np
from bench_gpr import CONSTANT, NOISE, load_features
from machine import describe_machine, product_rate
from modAL.models import ActiveLearner
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor as Reference
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from skmolal import ActiveLearningRegressor, GaussianProcessRegressor
from skmolal.compat import patch_modal
from skmolal.gaussian_process import median_length_scale
from skmolal.query_strategies import uncertainty_sampling

N_REPEATS = 5


def play(model, X, y, labelled, n_rounds, batch):
    """Play rounds of a modAL loop; return seconds per round and the rows picked."""
    learner = ActiveLearner(model, uncertainty_sampling, X[labelled], y[labelled])
    pool = np.setdiff1d(np.arange(len(X)), labelled)
    X_pool, seconds, picks = X[pool], [], []
    for _ in range(n_rounds):
        start = time.perf_counter()
        idx, _ = learner.query(X_pool, n_instances=batch)
        queried = time.perf_counter()
        X_new, y_new = X_pool[idx], y[pool[idx]]
        taught = time.perf_counter()
        learner.teach(X_new, y_new)
        seconds.append(time.perf_counter() - taught + queried - start)
        picks.append(pool[idx])
        pool, X_pool = np.delete(pool, idx), np.delete(X_pool, idx, axis=0)
    return np.array(seconds), np.array(picks)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-pool", type=int, default=20_000)
    parser.add_argument("--n-initial", type=int, default=500)
    parser.add_argument("--n-rounds", type=int, default=50)
    parser.add_argument("--batch", type=int, default=10)
    args = parser.parse_args()
    patch_modal()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        X, y = load_features(args.n_initial + args.n_pool, 1500, folder)
    kernel = ConstantKernel(CONSTANT) * RBF(median_length_scale(X, random_state=0))
    params = {"alpha": NOISE, "optimizer": None}
    first = np.arange(args.n_initial)

    model = GaussianProcessRegressor(kernel, warm_start=True, **params)
    start = time.perf_counter()
    play(model, X, y, first, args.n_rounds, args.batch)
    print(f"warm-up loop, deletions included: {time.perf_counter() - start:.1f} s")
    loops = [play(model, X, y, first, args.n_rounds, args.batch) for _ in range(N_REPEATS)]
    seconds, picks = sorted(loops, key=lambda loop: loop[0].sum())[N_REPEATS // 2]
    total = seconds.sum()

    rate, n_features = 1e9 * product_rate("float64"), X.shape[1]
    n_labelled = args.n_initial + args.batch * np.arange(args.n_rounds)
    n_pool = args.n_pool - args.batch * np.arange(args.n_rounds)
    # Operations: of every round anew, and of new columns for all rows of the pool.
    anew = n_labelled**2 * (n_features + n_labelled / 3.0)
    anew += n_pool * n_labelled * (2 * n_features + n_labelled)
    grown = anew[0] + np.sum(n_pool * args.batch * 2.0 * (n_features + n_labelled))

    ends = []
    for done in (0, args.n_rounds - 1):
        labelled = np.concatenate([first, *picks[:done]])
        reference, expected = play(Reference(kernel, **params), X, y, labelled, 1, args.batch)
        np.testing.assert_array_equal(np.sort(picks[done]), np.sort(expected[0]))
        ends.append(reference[0])
    estimate = np.mean(ends) * args.n_rounds
    print(f"scikit-learn: {ends[0]:.2f} s the first round, {ends[1]:.2f} s the last")
    print(
        f"              about {estimate:.0f} s in {args.n_rounds} rounds, "
        f"{anew.sum() / estimate / rate:.0%} of the rate of a product, {rate / 1e9:.0f} GFLOP/s"
    )
    print(
        f"skmolal:      {total:.2f} s, the first round {seconds[0]:.2f} s, then "
        f"{1e3 * np.median(seconds[1:]):.0f} ms (median)"
    )
    print(
        f"ratio:        {estimate / total:.0f}; {grown / total / rate:.0%} if all rows were updated"
    )

    regressor = ActiveLearningRegressor(
        GaussianProcessRegressor(kernel, warm_start=True, **params),
        "uncertainty",
        n_initial=args.n_initial,
        batch_sizes=[args.batch] * args.n_rounds,
        random_state=0,
    )
    times = []
    for _ in range(1 + N_REPEATS):
        start = time.perf_counter()
        fitted = clone(regressor).fit(X, y)
        times.append(time.perf_counter() - start)
    seconds = np.median(times[1:])
    print(
        f"ActiveLearningRegressor: {seconds:.2f} s (warm-up {times[0]:.2f} s), "
        f"ratio {estimate / seconds:.0f}; {grown / seconds / rate:.0%}"
    )
    assert len(fitted.query_idx_) == args.n_initial + args.n_rounds * args.batch


if __name__ == "__main__":
    main()
