"""How accurate is the model of QM9 at the study's sizes, with random labels?

MBTR of pairs and triples (the settings of `descriptor_curves.py`), Gaussian process with the RBF or
the Matern 3/2 kernel, whichever has the higher evidence. Kernel and noise are learned on at most
4,000 of the training molecules; nothing is chosen by test errors. 10,000 test molecules, three
seeds, the largest size with the first seed only.

    python benchmarks/study_accuracy.py         # continues if killed
    python benchmarks/study_accuracy.py --plot  # the table and the figure, from the numbers

Writes results/study_accuracy.csv and docs/images/study_accuracy.png.
"""

import argparse
import os
import time
import warnings

import numpy as np
import pandas as pd
from descriptor_curves import K2_K3, learn_kernel
from sklearn.gaussian_process.kernels import RBF, Matern
from study import IMAGES, RESULTS

from skmolal import GaussianProcessRegressor
from skmolal.datasets import fetch_qm9

PATH = RESULTS / "study_accuracy.csv"
SIZES = {1000: (0, 1, 2), 4000: (0, 1, 2), 16_000: (0, 1, 2), 32_000: (0,)}
ASKED = {1000: 0.205, 4000: 0.165, 16_000: 0.125}  # eV
N_TEST, N_LEARN = 10_000, 4000


def add_row(row):
    """Append a row, so that no reader ever sees half of one."""
    table = pd.concat([read(), pd.DataFrame([row])])
    RESULTS.mkdir(exist_ok=True)
    beside = PATH.with_suffix(".part")
    table.to_csv(beside, index=False, float_format="%.5g")
    os.replace(beside, PATH)


def read():
    return pd.read_csv(PATH) if PATH.exists() else pd.DataFrame(columns=["seed", "n_train"])


def run():
    """Compute the rows that are missing."""
    qm9 = fetch_qm9()
    done = set(zip(read()["seed"], read()["n_train"], strict=True))
    missing = [(s, n) for n, seeds in SIZES.items() for s in seeds if (s, n) not in done]
    for seed in sorted({seed for seed, _ in missing}):
        sizes = [n for s, n in missing if s == seed]
        rows = np.random.RandomState(seed).permutation(len(qm9.data))[: N_TEST + max(sizes)]
        start = time.perf_counter()
        X, y = K2_K3.fit_transform(qm9.data[rows]), qm9.target[rows]
        described = time.perf_counter() - start
        X_test, y_test, X_train, y_train = X[:N_TEST], y[:N_TEST], X[N_TEST:], y[N_TEST:]
        kernels = {}
        for n in sizes:
            n_learn = min(n, N_LEARN)
            start = time.perf_counter()
            if n_learn not in kernels:
                kernels[n_learn] = learn_kernel(X_train[:n_learn], y_train[:n_learn], (RBF, Matern))
            kernel = kernels[n_learn]
            learned = time.perf_counter()
            gpr = GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True)
            gpr.fit(X_train[:n], y_train[:n])
            fitted = time.perf_counter()
            error = np.abs(gpr.predict(X_test) - y_test)
            row = {
                "seed": seed,
                "n_train": n,
                "mae": error.mean(),
                "rmse": np.sqrt(np.mean(error**2)),
                "kernel": type(kernel.k1.k2).__name__,
                "length_scale": kernel.k1.k2.length_scale,
                "noise": kernel.k2.noise_level,
                "describe_time": described,
                "learn_time": learned - start,
                "fit_time": fitted - learned,
                "predict_time": time.perf_counter() - fitted,
            }
            add_row(row)
            print(f"seed {seed}, {n:,} labels: MAE {row['mae']:.4f} eV, {row}", flush=True)


def plot():
    """Print the table and draw the learning curve."""
    import matplotlib.pyplot as plt

    table = read()
    summary = table.groupby("n_train")[["mae", "rmse"]].agg(["mean", "std", "count"])
    print(summary.round(4).to_string())
    figure, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
    ax.plot(table["n_train"], table["mae"], "o", color="#0072B2", alpha=0.5, label="one seed")
    ax.plot(summary["mae"]["mean"], "-", color="#0072B2", label="mean")
    ax.plot(list(ASKED), list(ASKED.values()), "_", color="black", ms=18, label="asked: at most")
    ax.set(xscale="log", yscale="log", xlabel="labels", ylabel="mean absolute error (eV)")
    ax.set_xticks(list(SIZES), [f"{n:,}" for n in SIZES])
    ax.set_yticks([0.1, 0.12, 0.15, 0.2], ["0.10", "0.12", "0.15", "0.20"])
    ax.tick_params(which="minor", bottom=False, left=False, labelleft=False)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    figure.savefig(IMAGES / "study_accuracy.png", dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", action="store_true")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", message="The optimal value found")
    if not args.plot:
        run()
    plot()


if __name__ == "__main__":
    main()
