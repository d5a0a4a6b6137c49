"""How much faster are hyperparameters optimised, from the same starts?

A fit of `skmolal.GaussianProcessRegressor` and one of scikit-learn's: constant times RBF on QM9
molecules with 1,500 MBTR features, the same kernel, bounds and starts (two restarts, none at
n = 4,000, which takes scikit-learn minutes). Ours must end at an evidence that is not lower. Each
library has a process of its own, in which it has compiled on an earlier fit. Then one evaluation
of the evidence with its gradient, whose n^3 operations are compared with a matrix product.

Expected on two cores with AVX2: at least 4 times faster at n = 200, 12 times at 1,000 and 4,000; an
evaluation at 4,000 at 60% of the rate of a product or better.

    python benchmarks/bench_optimize.py             # a quarter of an hour
    python benchmarks/bench_optimize.py --sizes 200 1000

``benchmarks/machine.py`` tells how to limit a processor with AVX-512 to AVX2.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
from bench_gpr import CONSTANT, NOISE, load_features, make_sklearn_like
from machine import describe_machine, product_rate

LIBRARIES = ("scikit-learn", "skmolal float64")
SIZES = (200, 1000, 4000)
N_FEATURES = 1500
REPEATS = {200: 9, 1000: 5}  # fits; one at other sizes


def make_model(library, length_scale, n_samples):
    model = make_sklearn_like(library, length_scale, optimize=True)
    return model.set_params(n_restarts_optimizer=2 if n_samples <= 1000 else 0, random_state=0)


def work(library, n_samples, folder):
    """Time one library; this runs in a process of its own."""
    from skmolal.gaussian_process import median_length_scale

    X, y = load_features(n_samples, N_FEATURES, folder)
    y = y - y.mean()
    length_scale = median_length_scale(X, random_state=0)
    ours = library != "scikit-learn"
    model = make_model(library, length_scale, n_samples)
    warnings.simplefilter("ignore")  # bounds that are reached
    seconds = []
    for repeat in range(REPEATS.get(n_samples, 1) + ours):
        start = time.perf_counter()
        model.fit(X, y)
        if repeat or not ours:
            seconds.append(time.perf_counter() - start)
    theta, times = model.kernel_.theta, []
    if ours:
        from skmolal.gaussian_process._engine.optimize import make_likelihood
        from skmolal.gaussian_process._engine.precision import numerics

        with numerics():
            likelihood = make_likelihood(
                model.kernel_, X, model.y_train_[:, None], np.full(len(y), NOISE)
            )
            for shift in np.linspace(0, 1e-3, 6 if n_samples > 1000 else 30):
                start = time.perf_counter()
                likelihood(theta + shift, eval_gradient=True)
                times.append(time.perf_counter() - start)
    result = {
        "fit": np.median(seconds),
        "evidence": model.log_marginal_likelihood_value_,
        "evaluation": np.median(times) if ours else None,
        "rate": product_rate("float64") if ours else None,
    }
    print(json.dumps(result))


def bench(n_samples, folder):
    results = {}
    for library in LIBRARIES:
        arguments = ["--work", library, str(n_samples), folder]
        done = subprocess.run(
            [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True
        )
        results[library] = json.loads(done.stdout)
    expected, ours = results["scikit-learn"], results["skmolal float64"]
    shortfall = (expected["evidence"] - ours["evidence"]) / abs(expected["evidence"])
    assert shortfall <= 1e-5, (expected["evidence"], ours["evidence"])
    share = n_samples**3 / ours["evaluation"] / 1e9 / ours["rate"]
    print(
        f"{n_samples:6,d} {expected['fit']:12.3f} {ours['fit']:10.3f} "
        f"{expected['fit'] / ours['fit']:7.1f} {1e3 * ours['evaluation']:14.2f} "
        f"{share:8.0%} of {ours['rate']:.0f} GFLOP/s",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        library, n_samples, folder = args.work
        work(library, int(n_samples), folder)
        return
    print(f"{describe_machine()}; constant {CONSTANT} times RBF, {N_FEATURES:,} features")
    print("     n scikit-learn s     ours s   ratio  evaluation ms  share of product rate")
    with tempfile.TemporaryDirectory() as folder:
        for n_samples in args.sizes:
            load_features(n_samples, N_FEATURES, folder)
            bench(n_samples, folder)


if __name__ == "__main__":
    main()
