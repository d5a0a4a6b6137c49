"""How much faster does an exact Gaussian process fit and predict, at the same numbers?

Compares `skmolal.GaussianProcessRegressor` (float64 and float32) with scikit-learn's, and with
GPyTorch, GPJax and tinygp where they are installed, on MBTR features of QM9 molecules: a fit at
fixed hyperparameters, and mean and std of a pool. Every
timed run has a fresh clone of its estimator, in a process of its own that has compiled what it
needs on the first run; peak memory is that of the process, features included.

Expected on two cores at (4,000, 20,000, 1,500): predict at least 15 times faster than
scikit-learn in float32 and 8 times in float64, fit at least 12 and 6 times.

    python benchmarks/bench_gpr.py                           # n = 1,000 and 4,000: 10 minutes
    python benchmarks/bench_gpr.py --cells 16000,100000,1500 32000,20000,1500    # ours only
    python benchmarks/bench_gpr.py --nystroem    # what an approximation costs at n = 16,000
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import describe_machine, product_rate

CELLS = ["1000,20000,1500", "4000,20000,1500", "4000,5000,18000"]
OURS = ["skmolal float64", "skmolal float32"]
OTHERS = ["scikit-learn", "gpytorch", "gpjax", "tinygp"]
LARGEST_FOR_OTHERS = 4000
CONSTANT, NOISE = 20.0, 0.03  # the published study's; labels in eV


def load_features(n_samples, n_features, folder):
    """MBTR features of that many random QM9 molecules, float32, and their HOMO in eV."""
    path = Path(folder) / f"qm9_{n_samples}_{n_features}.npz"
    if not path.exists():
        from skmolal import MBTRTransformer
        from skmolal.datasets import fetch_qm9

        qm9 = fetch_qm9()
        rows = np.random.default_rng(0).choice(len(qm9.data), n_samples, replace=False)
        weighting = {"function": "exp", "scale": 0.5, "threshold": 1e-3}
        n_grid = {1500: 100, 18000: 200}[n_features]  # 15 pairs, 75 triples of elements
        k2 = {
            "geometry": {"function": "inverse_distance"},
            "grid": {"min": 0, "max": 1.1, "n": n_grid, "sigma": 0.02},
            "weighting": weighting,
        }
        k3 = {
            "geometry": {"function": "cosine"},
            "grid": {"min": -1, "max": 1, "n": n_grid, "sigma": 0.1},
            "weighting": weighting,
        }
        mbtr = MBTRTransformer(k2=k2, k3=k3 if n_features == 18000 else None, species=list("HCNOF"))
        np.savez(path, X=mbtr.fit_transform(qm9.data[rows]), y=qm9.target[rows])
    with np.load(path) as data:
        return data["X"], data["y"]


def make_sklearn_like(library, length_scale, optimize):
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    kernel = ConstantKernel(CONSTANT, (0.2, 2e3)) * RBF(
        length_scale, (length_scale / 100, length_scale * 100)
    )
    params = {"alpha": NOISE, "optimizer": "fmin_l_bfgs_b" if optimize else None}
    if library == "scikit-learn":
        from sklearn.gaussian_process import GaussianProcessRegressor

        return GaussianProcessRegressor(kernel, **params)
    from skmolal import GaussianProcessRegressor

    return GaussianProcessRegressor(kernel, dtype=library.split()[1], **params)


class GPyTorch:
    """Exact GP of GPyTorch by Cholesky, float64."""

    def __init__(self, length_scale):
        self.length_scale = length_scale

    def fit(self, X, y):
        import gpytorch
        import torch

        class Model(gpytorch.models.ExactGP):
            def __init__(self, X, y, likelihood):
                super().__init__(X, y, likelihood)
                self.mean_module = gpytorch.means.ZeroMean()
                self.covar_module = gpytorch.kernels.ScaleKernel(gpytorch.kernels.RBFKernel())

            def forward(self, x):
                return gpytorch.distributions.MultivariateNormal(
                    self.mean_module(x), self.covar_module(x)
                )

        likelihood = gpytorch.likelihoods.GaussianLikelihood()
        model = Model(torch.as_tensor(X).double(), torch.as_tensor(y).double(), likelihood)
        model = model.double()
        model.covar_module.outputscale = CONSTANT
        model.covar_module.base_kernel.lengthscale = self.length_scale
        likelihood.noise = NOISE
        self.model = model.eval()
        self.exact = gpytorch.settings.fast_computations(False, False, False)
        return self

    def predict(self, X, return_std):
        import gpytorch
        import torch

        mean, std = [], []
        with torch.no_grad(), self.exact, gpytorch.settings.skip_posterior_variances(False):
            for part in np.array_split(X, max(1, len(X) // 2000)):
                posterior = self.model(torch.as_tensor(part).double())
                mean.append(posterior.mean.numpy())
                std.append(posterior.variance.sqrt().numpy())
        return np.concatenate(mean), np.concatenate(std)


class GPJax:
    """Exact posterior of GPJax 1.0, float64, the pool in blocks."""

    def __init__(self, length_scale):
        self.length_scale = length_scale

    def fit(self, X, y):
        import gpjax
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        kernel = gpjax.kernels.RBF(lengthscale=self.length_scale, variance=CONSTANT)
        prior = gpjax.gps.Prior(mean_function=gpjax.mean_functions.Zero(), kernel=kernel)
        model = prior * gpjax.likelihoods.Gaussian(obs_stddev=jnp.sqrt(NOISE))
        data = gpjax.Dataset(jnp.asarray(X, float), jnp.asarray(y, float)[:, None])
        self.posterior = model.condition(data)
        return self

    def predict(self, X, return_std):
        import jax.numpy as jnp

        mean, std = [], []
        for part in np.array_split(X, max(1, len(X) // 2000)):
            latent = self.posterior(jnp.asarray(part, float), covariance="diagonal")
            mean.append(np.asarray(latent.mean))
            std.append(np.sqrt(np.asarray(latent.variance)))
        return np.concatenate(mean), np.concatenate(std)


class TinyGP:
    """GaussianProcess of tinygp, float64, the pool in blocks."""

    def __init__(self, length_scale):
        self.length_scale = length_scale

    def fit(self, X, y):
        import jax
        import jax.numpy as jnp
        import tinygp

        jax.config.update("jax_enable_x64", True)
        kernel = CONSTANT * tinygp.kernels.ExpSquared(
            self.length_scale, distance=tinygp.kernels.distance.L2Distance()
        )
        self.y = jnp.asarray(y, float)
        self.gp = tinygp.GaussianProcess(kernel, jnp.asarray(X, float), diag=NOISE)
        return self

    def predict(self, X, return_std):
        import jax.numpy as jnp

        mean, std = [], []
        for part in np.array_split(X, max(1, len(X) // 200)):
            _, conditioned = self.gp.condition(self.y, jnp.asarray(part, float), diag=0.0)
            mean.append(np.asarray(conditioned.loc))
            std.append(np.sqrt(np.asarray(conditioned.variance)))
        return np.concatenate(mean), np.concatenate(std)


def make_model(library, length_scale):
    wrappers = {"gpytorch": GPyTorch, "gpjax": GPJax, "tinygp": TinyGP}
    if library in wrappers:
        return wrappers[library](length_scale)
    return make_sklearn_like(library, length_scale, optimize=False)


def work(library, cell, folder, out):
    """Time one library in one cell; this runs in a process of its own."""
    n_train, n_pool, n_features = cell
    X, y = load_features(n_train + n_pool, n_features, folder)
    X_train, y_train, X_pool = X[:n_train], y[:n_train], X[n_train:]
    from skmolal.gaussian_process import median_length_scale

    length_scale = median_length_scale(X, random_state=0)
    ours = library in OURS
    if ours:  # compile; nothing depends on the number of samples but the side of a tile
        small = make_model(library, length_scale)
        n_small = n_train if n_train <= LARGEST_FOR_OTHERS else 9000
        small.fit(X_train[:n_small], y_train[:n_small]).predict(X_pool[:4096], return_std=True)
        del small
    result = {"rate": product_rate(library.split()[1]) if ours else None}
    model = make_model(library, length_scale)
    start = time.perf_counter()
    model.fit(X_train, y_train)
    fitted = time.perf_counter()
    mean, std = model.predict(X_pool, return_std=True)
    result["fit"], result["predict"] = fitted - start, time.perf_counter() - fitted
    result["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    np.savez(out, mean=mean, std=std, result=json.dumps(result))


def run(library, cell, folder):
    """Run :func:`work` in a new process; None where the library is missing or fails."""
    out = Path(folder) / "result.npz"
    out.unlink(missing_ok=True)
    arguments = ["--work", library, ",".join(map(str, cell)), folder, str(out)]
    done = subprocess.run(
        [sys.executable, __file__, *arguments], capture_output=True, text=True, check=False
    )
    if not out.exists():
        lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        print(f"  {library:16s} did not run: {lines[-1][:100]}")
        return None
    with np.load(out) as data:
        return json.loads(str(data["result"])), data["mean"], data["std"]


def check_equal(library, answer, reference):
    """Assert the accuracy that is promised."""
    _, mean, std = answer
    _, expected_mean, expected_std = reference
    off = abs(mean - expected_mean)
    if library == "skmolal float32":
        assert off.max() < 5e-4, off.max()
        assert np.sqrt(np.mean(off**2)) < 1e-4, np.sqrt(np.mean(off**2))
        assert abs(std - expected_std).max() < 1e-4 * np.sqrt(CONSTANT)
    else:
        tolerance = 1e-8 if library in OURS else 1e-4
        assert off.max() < tolerance, off.max()
        assert abs(std - expected_std).max() < tolerance


def bench(cell, folder):
    n_train, n_pool, n_features = cell
    print(f"\nn = {n_train:,}, pool {n_pool:,}, {n_features:,} features")
    answers = {}
    for library in OURS + (OTHERS if n_train <= LARGEST_FOR_OTHERS else []):
        answer = run(library, cell, folder)
        if answer is not None:
            answers[library] = answer
    reference = answers.get("scikit-learn", answers["skmolal float64"])
    print("  library               fit s  predict s  peak GiB   ratio of fit, predict;  share of")
    print("                                                                         product rate")
    flops = {
        "fit": n_train**2 * n_features + n_train**3 / 3,
        "predict": 2 * n_train * n_pool * n_features + n_train**2 * n_pool,
    }
    for library, answer in answers.items():
        check_equal(library, answer, reference)
        times, base = answer[0], reference[0]
        line = f"  {library:16s} {times['fit']:10.2f} {times['predict']:10.2f} "
        line += f"{times['peak']:9.2f}  "
        line += "".join(f" {base[job] / times[job]:6.1f}" for job in flops)
        if times["rate"]:
            shares = [flops[job] / times[job] / 1e9 / times["rate"] for job in flops]
            line += f"   {shares[0]:.0%} {shares[1]:.0%} of {times['rate']:.0f} GFLOP/s"
        print(line, flush=True)


def compare_nystroem(folder, n_train=16000, n_test=4000):
    """Print the test error of the exact GP and of Nystroem + BayesianRidge, and their times."""
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import BayesianRidge
    from sklearn.pipeline import make_pipeline

    from skmolal.gaussian_process import median_length_scale

    X, y = load_features(n_train + n_test, 1500, folder)
    X_train, y_train, X_test, y_test = X[:n_train], y[:n_train], X[n_train:], y[n_train:]
    length_scale = median_length_scale(X, random_state=0)
    models = {"exact, float64": make_model("skmolal float64", length_scale)}
    for n_components in (500, 2000):
        features = Nystroem(gamma=0.5 / length_scale**2, n_components=n_components, random_state=0)
        models[f"Nystroem({n_components})"] = make_pipeline(features, BayesianRidge())
    print(f"n = {n_train:,}, {n_test:,} test molecules     MAE eV   RMSE eV   fit + predict s")
    for name, model in models.items():
        start = time.perf_counter()
        mean, _ = model.fit(X_train, y_train).predict(X_test, return_std=True)
        seconds = time.perf_counter() - start
        error = mean - y_test
        mae, rmse = np.mean(abs(error)), np.sqrt(np.mean(error**2))
        print(f"  {name:34s} {mae:10.4f} {rmse:9.4f} {seconds:17.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=CELLS, help="n_train,n_pool,n_features")
    parser.add_argument("--nystroem", action="store_true", help="only compare with Nystroem")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        library, cell, folder, out = args.work
        work(library, tuple(map(int, cell.split(","))), folder, out)
        return
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        if args.nystroem:
            compare_nystroem(folder)
            return
        for cell in args.cells:
            cell = tuple(map(int, cell.split(",")))
            load_features(cell[0] + cell[1], cell[2], folder)
            bench(cell, folder)


if __name__ == "__main__":
    main()
