"""How accurate is the model of QM9 at the study's sizes, with random labels?

Everything is chosen on training molecules alone. The descriptor is the MBTR of pairs or of pairs
and triples, with Gaussians of width 0.02 or 0.05: the one under which the first 1,000 training
labels have the highest evidence. The kernel is RBF or Matern 3/2, by the evidence too, learned on
at most 4,000 of the training molecules; the noise has the smallest leave-one-out error on at most
16,000 of them. 10,000 test molecules, three seeds, the largest size with the first seed only.

    python benchmarks/study_accuracy.py         # continues if killed
    python benchmarks/study_accuracy.py --draw  # the table and the figure, from the numbers

Writes results/study_accuracy.csv and docs/images/study_accuracy.png.
"""

import argparse
import os
import time

import numpy as np
import pandas as pd
from descriptor_curves import K3, SPECIES, STATIONARY, learn, make_pair_term
from study import IMAGES, RESULTS, finish_axes

from skmolal import GaussianProcessRegressor, MBTRTransformer
from skmolal.datasets import fetch_qm9
from skmolal.gaussian_process import GaussianProcessRegressorCV

PATH = RESULTS / "study_accuracy.csv"
SIZES = {1000: (0, 1, 2), 4000: (0, 1, 2), 16_000: (0, 1, 2), 32_000: (0,)}
N_TEST, N_CHOOSE, N_KERNEL, N_NOISE = 10_000, 1000, 4000, 16_000
NOISES = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2)  # shares of the variance of the labels
DESCRIPTORS = {
    f"{terms}, width {width}": MBTRTransformer(
        k2=make_pair_term(100, width), k3=K3 if "k3" in terms else None, species=SPECIES
    )
    for terms in ("k2", "k2+k3")
    for width in (0.02, 0.05)
}


def choose_descriptor(molecules, y):
    """Return the name of the descriptor under which the labels are the likeliest."""
    evidence = {}
    for name, descriptor in DESCRIPTORS.items():
        gpr = learn(descriptor.fit_transform(molecules), y, STATIONARY)
        evidence[name] = gpr.log_marginal_likelihood_value_
    print({name: round(float(value), 1) for name, value in evidence.items()}, flush=True)
    return max(evidence, key=evidence.get)


def learn_kernel(X, y):
    return learn(X, y, STATIONARY).kernel_.k1


def choose_noise(kernel, X, y):
    model = GaussianProcessRegressorCV(NOISES, kernel, optimizer=None, normalize_y=True)
    return model.fit(X, y).best_alpha_


def timed(function, *arguments):
    """Return what a function returns, and its seconds."""
    start = time.perf_counter()
    return function(*arguments), time.perf_counter() - start


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
        molecules, y = qm9.data[rows], qm9.target[rows]
        first = slice(N_TEST, N_TEST + N_CHOOSE)
        name, choose_time = timed(choose_descriptor, molecules[first], y[first])
        X, describe_time = timed(DESCRIPTORS[name].fit_transform, molecules)  # learns nothing
        X_test, y_test, X, y = X[:N_TEST], y[:N_TEST], X[N_TEST:], y[N_TEST:]
        kernels, noises = {}, {}
        for n in sizes:
            m = min(n, N_KERNEL)
            kernels[m] = kernels.get(m) or timed(learn_kernel, X[:m], y[:m])
            kernel, kernel_time = kernels[m]
            m = min(n, N_NOISE)
            noises[m] = noises.get(m) or timed(choose_noise, kernel, X[:m], y[:m])
            noise, noise_time = noises[m]
            gpr = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None, normalize_y=True)
            gpr, fit_time = timed(gpr.fit, X[:n], y[:n])
            predicted, predict_time = timed(gpr.predict, X_test)
            row = {
                "seed": seed,
                "n_train": n,
                "mae": np.abs(predicted - y_test).mean(),
                "rmse": np.sqrt(np.mean((predicted - y_test) ** 2)),
                "descriptor": name,
                "n_features": X.shape[1],
                "kernel": type(kernel.k2).__name__,
                "length_scale": kernel.k2.length_scale,
                "noise": noise,
                "choose_time": choose_time,
                "n_described": len(molecules),
                "describe_time": describe_time,
                "kernel_time": kernel_time,
                "noise_time": noise_time,
                "fit_time": fit_time,
                "predict_time": predict_time,
            }
            add_row(row)
            print(f"seed {seed}, {n:,} labels: {row['mae']:.4f} eV, {row}", flush=True)


def draw():
    """Print the table and draw the learning curve."""
    import matplotlib.pyplot as plt

    table = read()
    summary = table.groupby("n_train")[["mae", "rmse"]].agg(["mean", "min", "max", "count"])
    print(summary.round(4).to_string())
    figure, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
    ax.plot(table["n_train"], table["mae"], "o", color="#0072B2", alpha=0.5, label="one seed")
    ax.plot(summary["mae"]["mean"], "-", color="#0072B2", label="mean")
    finish_axes(ax, list(SIZES))
    ax.set(yscale="log", ylabel="mean absolute error (eV)")
    ax.set_yticks([0.1, 0.12, 0.15, 0.2], ["0.10", "0.12", "0.15", "0.20"])
    ax.tick_params(axis="y", which="minor", left=False, labelleft=False)
    ax.legend(frameon=False)
    figure.savefig(IMAGES / "study_accuracy.png", dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draw", action="store_true")
    args = parser.parse_args()
    if not args.draw:
        run()
    draw()


if __name__ == "__main__":
    main()
