"""What does a batch cost beyond the prediction of the pool?

Asks strategies that choose one by one, and the study's, for 1,000 of 60,000 QM9 molecules (1,500
MBTR features) with 8,000 training molecules, a Gaussian process with fixed hyperparameters. Each
runs in a process of its own: fit, one prediction of the pool with std (the cost of the posterior,
which every strategy that needs it pays once), then the query. That greedy picks are those of a
refit after each pick is tested in `tests/`, on small pools.

Expected on two cores: max_det, lcmd and k_center under 90 s, variance_reduction with 1,000
reference molecules under 240 s, both beyond the prediction; less than 8 GiB.

    python benchmarks/bench_strategies.py            # about ten minutes
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time

from bench_gpr import CONSTANT, NOISE, load_features
from machine import describe_machine

STRATEGIES = {
    "uncertainty": {},
    "max_det": {},
    "lcmd": {},
    "k_center": {},
    "variance_reduction": {"n_reference": 1000},
    "kmeans_plus_plus": {},
    "greedy_target": {},
    "cluster": {},
    "uncertainty_cluster": {},
}


def work(name, n_train, n_pool, batch, folder):
    """Time one strategy; this runs in a process of its own."""
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    from skmolal import GaussianProcessRegressor
    from skmolal.gaussian_process import median_length_scale
    from skmolal.query_strategies import get_query_strategy

    X, y = load_features(n_train + n_pool, 1500, folder)
    kernel = ConstantKernel(CONSTANT) * RBF(median_length_scale(X, random_state=0))
    model = GaussianProcessRegressor(kernel, alpha=NOISE, optimizer=None)
    X_train, X_pool = X[:n_train], X[n_train:]
    strategy = get_query_strategy(name, **STRATEGIES[name])
    model.fit(X_train, y[:n_train])
    model.predict(X_pool[:2048], return_std=True)
    strategy(model, X_pool[:4096], 128, random_state=0)  # compile
    start = time.perf_counter()
    model.predict(X_pool, return_std=True)
    predicted = time.perf_counter()
    picks, _ = strategy(model, X_pool, batch, random_state=0)
    asked = time.perf_counter()
    assert len(set(picks)) == batch
    print(
        json.dumps(
            {
                "predict": predicted - start,
                "query": asked - predicted,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
            }
        )
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-train", type=int, default=8000)
    parser.add_argument("--n-pool", type=int, default=60_000)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.work[0], args.n_train, args.n_pool, args.batch, args.work[1])
        return
    print(describe_machine())
    print(f"{args.n_train:,} training molecules, pool {args.n_pool:,}, batch {args.batch:,}")
    print("strategy              predict s   query s   beyond it s   peak GiB")
    with tempfile.TemporaryDirectory() as folder:
        load_features(args.n_train + args.n_pool, 1500, folder)
        for name in args.strategies:
            sizes = ["--n-train", args.n_train, "--n-pool", args.n_pool, "--batch", args.batch]
            command = [sys.executable, __file__, *map(str, sizes), "--work", name, folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
                print(f"{name:20s} did not run: {lines[-1]}")
                continue
            found = json.loads(done.stdout.strip().splitlines()[-1])
            # These need no prediction of the whole pool with std.
            alone = name in ("cluster", "lcmd", "k_center", "kmeans_plus_plus", "greedy_target")
            beyond = found["query"] if alone else found["query"] - found["predict"]
            print(
                f"{name:20s} {found['predict']:10.1f} {found['query']:9.1f} {beyond:13.1f} "
                f"{found['peak']:10.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
