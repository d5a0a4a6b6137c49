"""What does a graphics processor save? The same Gaussian process on it and on the cores beside it.

Features are random but of low rank, as a descriptor's are, so nothing is downloaded. Both compute
in processes of their own that have compiled what they need; their means and deviations are
compared before anything is printed. Needs a build of JAX for the device.

    python benchmarks/bench_gpu.py                      # about two minutes
    python benchmarks/bench_gpu.py --cells 32000,100000 --devices gpu
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import describe_machine, product_rate

N_FEATURES, RANK = 1500, 30
CELLS = ["4000,100000", "16000,100000"]
LARGEST_OPTIMIZED = 4000
NOISE = 1e-2


def make_problem(n_samples):
    """Return float32 features and labels of that many samples."""
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(n_samples, RANK))
    X = (latent @ rng.normal(size=(RANK, N_FEATURES)) / RANK**0.5).astype(np.float32)
    y = np.sin(latent[:, :5]).sum(axis=1) + NOISE**0.5 * rng.normal(size=n_samples)
    return X, y


def make_model(dtype, optimize):
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    from skmolal import GaussianProcessRegressor

    kernel = ConstantKernel(5.0, (0.1, 100)) * RBF(50.0, (5, 5000))
    optimizer = "fmin_l_bfgs_b" if optimize else None
    return GaussianProcessRegressor(kernel, alpha=NOISE, dtype=dtype, optimizer=optimizer)


def work(cell, out):
    """Time fits and predictions in this process, on the device that JAX takes."""
    import jax

    n_train, n_pool = cell
    X, y = make_problem(n_train + n_pool)
    times, answers = {"device": jax.devices()[0].device_kind}, {}
    for dtype in ("float64", "float32"):
        times[f"{dtype} rate"] = product_rate(dtype)
        for _ in range(2):  # the first compiles
            model = make_model(dtype, optimize=False)
            start = time.perf_counter()
            model.fit(X[:n_train], y[:n_train])
            fitted = time.perf_counter()
            mean, std = model.predict(X[n_train:], return_std=True)
            times[f"{dtype} fit"] = fitted - start
            times[f"{dtype} predict"] = time.perf_counter() - fitted
        answers |= {f"{dtype} mean": mean, f"{dtype} std": std}
    if n_train <= LARGEST_OPTIMIZED:
        for _ in range(2):
            start = time.perf_counter()
            model = make_model("float64", optimize=True).fit(X[:n_train], y[:n_train])
            times["optimized fit"] = time.perf_counter() - start
        answers["evidence"] = model.log_marginal_likelihood_value_
    np.savez(out, times=json.dumps(times), **answers)


def run(device, cell, folder):
    """Run :func:`work` in a process that sees this device alone."""
    out = Path(folder) / f"{device}.npz"
    environment = os.environ | {"JAX_PLATFORMS": {"gpu": "cuda", "cpu": "cpu"}[device]}
    subprocess.run(
        [sys.executable, __file__, "--work", ",".join(map(str, cell)), str(out)],
        env=environment,
        check=True,
    )
    with np.load(out) as data:
        answers = dict(data)
    return json.loads(str(answers.pop("times"))), answers


def check_equal(answers, expected):
    for name, value in expected.items():
        tolerance = 1e-3 if name.startswith("float32") else 1e-6
        error = np.max(abs(answers[name] - value) / np.maximum(abs(value), 1))
        assert error < tolerance, (name, error)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=CELLS, help="n_train,n_pool")
    parser.add_argument("--devices", nargs="+", default=["gpu", "cpu"], choices=["gpu", "cpu"])
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        cell, out = args.work
        work(tuple(map(int, cell.split(","))), out)
        return
    print(describe_machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for cell in args.cells:
            n_train, n_pool = cell = tuple(map(int, cell.split(",")))
            results = {device: run(device, cell, folder) for device in args.devices}
            _, expected = results[args.devices[-1]]
            print(f"\nn = {n_train:,}, pool {n_pool:,}, {N_FEATURES:,} features")
            for device, (times, answers) in results.items():
                check_equal(answers, expected)
                print(f"  {device} ({times.pop('device')})")
                for name, value in times.items():
                    unit = "GFLOP/s" if name.endswith("rate") else "s"
                    print(f"    {name:16s} {value:10.3f} {unit}", flush=True)


if __name__ == "__main__":
    main()
