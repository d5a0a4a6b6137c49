"""Which descriptor learns best from the same labels?

Learning curves on QM9 (B3LYP HOMO energy, eV): per seed 8,000 training and 2,000 test molecules
drawn at random, of the training molecules the first 500, 1,000, 2,000, 4,000 and 8,000. All
descriptors see the same molecules. The regressor is the same too: a constant times an RBF or a
Matern 3/2 kernel, whichever has the higher evidence, plus white noise, learned on the first
1,000 training molecules at most and kept for the rest; for fingerprints the Tanimoto kernel. No
setting was searched for by the script. Two were settled after looking at the test errors of seed 0:
the MBTR's Gaussian width (0.02; with 0.05 k2 had 0.174 eV at 8,000 labels in place of 0.155) and
the bounds of the noise. Limits of time set the rest:

- the MBTR's grids have 100 (k2) and 50 (k3) points in place of 200 and 100;
- LMBTR, which was slow when this was measured, has pairs only and 25 points, with Gaussians wide
  enough for them (0.05 in place of 0.02).

PCA and scaling are fitted once on all 8,000 training molecules, as on the pool of a campaign.

A row per descriptor, seed and size is written to `results/descriptor_curves.csv` as it is
finished: errors (eV), the kernel, and seconds: to describe all 10,000 molecules, to reduce or
scale them, to learn the kernel (once from 1,000 molecules on), to fit with it, and to predict the
test molecules. Rows that are there are not computed again.

    python benchmarks/descriptor_curves.py         # a quarter of an hour on two cores; goes on
    python benchmarks/descriptor_curves.py --plot  # the figure alone, from the numbers

Needs the extra "qm9".
"""

import argparse
import os
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from sklearn.preprocessing import StandardScaler

from skmolal import GaussianProcessRegressor, MBTRTransformer
from skmolal.datasets import fetch_qm9
from skmolal.descriptors import (
    ACSFTransformer,
    CoulombMatrixTransformer,
    LMBTRTransformer,
    MorganFingerprintTransformer,
    RDKitDescriptorsTransformer,
    SOAPTransformer,
)
from skmolal.gaussian_process import TanimotoKernel, median_length_scale

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "descriptor_curves.csv"
FIGURE = HERE.parent / "docs" / "images" / "descriptor_curves.png"

SIZES, N_TEST, SEEDS = (500, 1000, 2000, 4000, 8000), 2000, (0, 1, 2)
N_LEARN = 1000  # training molecules that kernel and noise are learned on
SPECIES = ["H", "C", "N", "O", "F"]
N_ATOMS_MAX = 29


def make_pair_term(n, sigma):
    """Return the study's settings of pairs, inverse distances, on a grid of fixed limits."""
    return {
        "geometry": {"function": "inverse_distance"},
        "grid": {"min": 0, "max": 1.1, "n": n, "sigma": sigma},
        "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3},
    }


K2, K2_COARSE = make_pair_term(100, 0.02), make_pair_term(25, 0.05)
K3 = {
    "geometry": {"function": "cosine"},
    "grid": {"min": -1, "max": 1, "n": 50, "sigma": 0.1},
    "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3},
}

# name -> (transformer, what follows it, kernels, molecules to learn the kernel on)
STATIONARY = (RBF, Matern)
K2_K3 = MBTRTransformer(k2=K2, k3=K3, species=SPECIES)
DESCRIPTORS = {
    "MBTR k2": (MBTRTransformer(k2=K2, species=SPECIES), None, STATIONARY, N_LEARN),
    "MBTR k2+k3": (K2_K3, None, STATIONARY, N_LEARN),
    "MBTR k2+k3, PCA(400)": (K2_K3, PCA(400, random_state=0), STATIONARY, N_LEARN),
    "Coulomb matrix, sorted": (
        CoulombMatrixTransformer(n_atoms_max=N_ATOMS_MAX),
        None,
        STATIONARY,
        N_LEARN,
    ),
    "Coulomb matrix, eigenvalues": (
        CoulombMatrixTransformer("eigenspectrum", n_atoms_max=N_ATOMS_MAX),
        None,
        STATIONARY,
        N_LEARN,
    ),
    "SOAP": (SOAPTransformer(species=SPECIES), None, STATIONARY, N_LEARN),
    "ACSF": (ACSFTransformer(species=SPECIES), None, STATIONARY, N_LEARN),
    "Morgan counts": (
        MorganFingerprintTransformer(sparse=False),
        None,
        (TanimotoKernel,),
        N_LEARN,
    ),
    "RDKit descriptors": (
        RDKitDescriptorsTransformer(),
        StandardScaler(),
        STATIONARY,
        N_LEARN,
    ),
    # How much is lost by learning the kernel on few molecules; not in the figure.
    "MBTR k2+k3, kernel from 2,000": (K2_K3, None, STATIONARY, 2 * N_LEARN),
    "LMBTR": (LMBTRTransformer(k2=K2_COARSE, species=SPECIES), None, STATIONARY, N_LEARN),
}
STYLES = {  # colour (Okabe and Ito), marker, line
    "MBTR k2+k3": ("#0072B2", "o", "-"),
    "MBTR k2+k3, PCA(400)": ("#0072B2", "o", ":"),
    "MBTR k2": ("#56B4E9", "s", "-"),
    "LMBTR": ("#009E73", "v", "-"),
    "SOAP": ("#009E73", "^", "--"),
    "ACSF": ("#009E73", "D", "-."),
    "Morgan counts": ("#D55E00", "P", "-"),
    "RDKit descriptors": ("#E69F00", "X", "-"),
    "Coulomb matrix, sorted": ("#000000", "<", "-"),
    "Coulomb matrix, eigenvalues": ("#000000", ">", "--"),
}


def make_kernel(kind, X):
    """Return a kernel whose length scale starts at the median distance of the training rows."""
    if kind is TanimotoKernel:
        shape = TanimotoKernel()
    else:
        start = median_length_scale(X)
        bounds = (start / 100, start * 100)
        shape = Matern(start, bounds, nu=1.5) if kind is Matern else RBF(start, bounds)
    return ConstantKernel(10.0, (1e-2, 1e7)) * shape + WhiteKernel(0.1, (1e-4, 2.0))


def learn(X, y, kinds):
    """Learn a kernel of each kind and return the model of the highest evidence."""
    learned = []
    with warnings.catch_warnings():
        # Without repeated fingerprints among 500 molecules the best noise is none: a bound.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for kind in kinds:
            gpr = GaussianProcessRegressor(make_kernel(kind, X), normalize_y=True)
            learned.append(gpr.fit(X, y))
    return max(learned, key=lambda gpr: gpr.log_marginal_likelihood_value_)


def run_sizes(X, y, X_test, y_test, sizes, kinds, n_learn):
    """Yield for each training size errors, kernel and seconds."""
    kernels = {}
    for size in sizes:
        n_learn_now = min(size, n_learn)
        if n_learn_now not in kernels:
            start = time.perf_counter()
            kernel = learn(X[:n_learn_now], y[:n_learn_now], kinds).kernel_
            kernels[n_learn_now] = kernel, time.perf_counter() - start
        kernel, learn_time = kernels[n_learn_now]
        gpr = GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True)
        start = time.perf_counter()
        gpr.fit(X[:size], y[:size])
        fitted = time.perf_counter()
        error = np.abs(gpr.predict(X_test) - y_test)
        yield {
            "n_train": size,
            "mae": error.mean(),
            "rmse": np.sqrt(np.mean(error**2)),
            "mae_of_mean": np.abs(y[:size].mean() - y_test).mean(),
            "n_features": X.shape[1],
            "kernel": type(kernel.k1.k2).__name__,
            "noise": kernel.k2.noise_level,
            "learn_time": learn_time,
            "fit_time": fitted - start,
            "predict_time": time.perf_counter() - fitted,
        }


def read_results():
    return pd.read_csv(RESULTS) if RESULTS.exists() else pd.DataFrame()


def add_result(row):
    """Append a row, so that no reader ever sees half of one."""
    table = pd.concat([read_results(), pd.DataFrame([row])])
    RESULTS.parent.mkdir(exist_ok=True)
    beside = RESULTS.with_suffix(".part")
    table.to_csv(beside, index=False, float_format="%.5g")
    os.replace(beside, RESULTS)


def run(names, seeds, n_jobs):
    """Compute the rows that are missing, all descriptors of one seed after the other."""
    table = read_results()
    done = set()
    if len(table):
        done = set(zip(table["descriptor"], table["seed"], table["n_train"], strict=True))
    qm9 = fetch_qm9()
    for seed in seeds:
        rows = np.random.RandomState(seed).permutation(len(qm9.data))[: N_TEST + max(SIZES)]
        molecules, y = qm9.data[rows], qm9.target[rows]
        for name in names:
            transformer, step, kinds, n_learn = DESCRIPTORS[name]
            # A limit above the usual changes nothing for smaller sets.
            sizes = [size for size in SIZES if n_learn == N_LEARN or size > n_learn]
            sizes = [size for size in sizes if (name, seed, size) not in done]
            if not sizes:
                continue
            transformer.set_params(n_jobs=n_jobs)
            transformer.fit(molecules[:1]).transform(molecules[:1])  # compiles
            start = time.perf_counter()
            X = transformer.transform(molecules)
            describe_time = time.perf_counter() - start
            start = time.perf_counter()
            if step is not None:
                X = step.fit(X[N_TEST:]).transform(X)  # needs no labels: as of a pool
            reduce_time = time.perf_counter() - start
            times = {"describe_time": describe_time, "reduce_time": reduce_time}
            X_test, y_test, X_train, y_train = X[:N_TEST], y[:N_TEST], X[N_TEST:], y[N_TEST:]
            results = run_sizes(X_train, y_train, X_test, y_test, sizes, kinds, n_learn)
            for result in results:
                add_result({"descriptor": name, "seed": seed, **result, **times})
                print(
                    f"{name}, seed {seed}, {result['n_train']}: MAE {result['mae']:.3f} eV; s: "
                    f"describe {describe_time:.0f}, learn {result['learn_time']:.0f}, "
                    f"fit {result['fit_time']:.0f}",
                    flush=True,
                )


def summarize(table):
    """Return mean and standard deviation over seeds of the MAE, a column per size."""
    grouped = table.groupby(["descriptor", "n_train"])["mae"]
    return grouped.mean().unstack(), grouped.std().unstack()


def spread_labels(heights, gap):
    """Move labels apart (in log10) where they would overlap, keeping their order."""
    heights = np.asarray(heights, dtype=float)
    order = np.argsort(heights)
    placed = heights.copy()
    for _ in range(1000):
        steps = np.diff(placed[order])
        close = np.flatnonzero(steps < gap - 1e-9)
        if not len(close):
            break
        for i in close:
            push = (gap - (placed[order[i + 1]] - placed[order[i]])) / 2
            if push > 0:
                placed[order[i]] -= push
                placed[order[i + 1]] += push
    return placed


def plot():
    """Draw the curves, named at their ends."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullLocator

    table = read_results()
    mean, std = summarize(table)
    names = [name for name in STYLES if name in mean.index]
    figure, ax = plt.subplots(figsize=(8, 5.2), layout="constrained")
    for name in names:
        colour, marker, line = STYLES[name]
        ax.errorbar(
            mean.columns,
            mean.loc[name],
            yerr=std.loc[name],
            color=colour,
            marker=marker,
            linestyle=line,
            markersize=6,
            markerfacecolor="white" if line != "-" else colour,
            capsize=2,
            linewidth=1.5,
        )
    ax.axhline(table["mae_of_mean"].mean(), color="#777777", linewidth=1, linestyle=(0, (1, 3)))
    ax.set(xscale="log", yscale="log")
    ends = [np.log10(mean.loc[name].dropna().iloc[-1]) for name in names]
    names = [*names, "the training labels' mean"]
    ends = [*ends, np.log10(table["mae_of_mean"].mean())]
    low, high = np.log10(ax.get_ylim())
    last = mean.columns.max()
    for name, end, place in zip(
        names, ends, spread_labels(ends, 0.042 * (high - low)), strict=True
    ):
        colour = STYLES[name][0] if name in STYLES else "#777777"
        ax.annotate(
            name,
            (last * 1.04, 10**end),
            (last * 1.3, 10**place),
            color=colour,
            va="center",
            fontsize=9,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.6,
                "relpos": (0, 0.5),
            },
        )
    ax.xaxis.set_major_locator(FixedLocator(SIZES))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xticklabels([f"{size:,}" for size in SIZES])
    ax.yaxis.set_major_locator(FixedLocator([0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    ax.grid(color="#DDDDDD", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_xlabel("labels in the training set")
    ax.set_ylabel("mean absolute error of the HOMO energy (eV)")
    ax.set_title(f"QM9, {N_TEST:,} test molecules, {table['seed'].nunique()} seeds", fontsize=10)
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(FIGURE, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", action="store_true", help="draw the figure, compute nothing")
    parser.add_argument("--descriptors", nargs="+", choices=DESCRIPTORS, default=list(DESCRIPTORS))
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--n-jobs", type=int, default=2, help="workers of the descriptors")
    args = parser.parse_args()
    if not args.plot:
        run(args.descriptors, args.seeds, args.n_jobs)
    plot()
    mean, std = summarize(read_results())
    text = mean.map("{:.3f}".format) + " +- " + std.map("{:.3f}".format)
    print(text.loc[mean[max(SIZES)].sort_values().index].to_string())


if __name__ == "__main__":
    main()
