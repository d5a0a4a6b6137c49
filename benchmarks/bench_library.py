"""A library of a million SMILES on one machine: describe, predict, and choose a batch.

The library is that of ``make_library.py``; 5,000 of its molecules are labelled (Crippen's logP,
as a stand-in for something expensive), the model is that of ``make_fingerprint_model`` in float32.
The plain way predicts the standard deviation of every molecule; the batch of a strategy solves
only for those that may win; "solved" is the share of the arithmetic of all standard deviations that
this takes. Utilities of both ways are compared before anything is printed.

    python benchmarks/bench_library.py /tmp/library                 # a million: quarter of an hour
    python benchmarks/bench_library.py /tmp/library10 --n-molecules 10000000 --no-plain

The library stays in the folder: a second run does not describe again. Peak memory is that of the
process that predicts.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from machine import describe_machine

N_LABELLED, N_BATCH = 5000, 1000
STRATEGIES = ["target", "target, best 1%", "upper confidence bound"]


def describe(folder, n_molecules):
    """Make and describe the library; seconds of the description."""
    from make_library import iterate_library

    from skmolal.descriptors import MorganFingerprintTransformer
    from skmolal.library import describe_library

    path = folder / f"molecules_{n_molecules}.smi"
    if not path.exists():
        with open(path, "w") as file:
            for number, smiles in enumerate(iterate_library(n_molecules)):
                file.write(f"{smiles} J{number}\n")
    start = time.perf_counter()
    describe_library(
        path, MorganFingerprintTransformer(), folder / f"library_{n_molecules}", n_jobs=-1
    )
    return time.perf_counter() - start


def make_problem(folder, n_molecules):
    from rdkit import Chem
    from rdkit.Chem.Crippen import MolLogP

    from skmolal.library import Library
    from skmolal.models import make_fingerprint_model

    library = Library(folder / f"library_{n_molecules}")
    rows = np.random.default_rng(0).permutation(len(library))
    labelled, pool = np.sort(rows[:N_LABELLED]), np.sort(rows[N_LABELLED:])
    y = np.array([MolLogP(Chem.MolFromSmiles(text)) for text in library.smiles(labelled)])
    model = make_fingerprint_model(dtype="float32", random_state=0)[-1]
    model.set_params(max_optimizer_samples=1000)
    return model, library[labelled], y, library.take(pool)


def timed(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def record_shares():
    """Return a list that each contest of this process appends its share of the work to."""
    from skmolal.gaussian_process import _contest

    shares, find_contenders = [], _contest.find_contenders

    def find(*args, **kwargs):
        found = find_contenders(*args, **kwargs)
        shares.append(found.work)
        return found

    _contest.find_contenders = find
    return shares


def work(folder, n_molecules, names, plain):
    """Fit, predict and choose in this process, and print seconds as JSON."""
    from skmolal.query_strategies import target_sampling, upper_confidence_bound_sampling

    seconds, solved, shares = {}, {}, record_shares()
    model, X, y, pool = make_problem(folder, n_molecules)
    seconds["fit"], _ = timed(lambda: model.fit(X, y))
    low = float(np.quantile(y, 0.99))
    strategies = {
        "target": lambda rows, n: target_sampling(model, rows, n, low=low),
        "target, best 1%": lambda rows, n: target_sampling(model, rows, n, top=0.01),
        "upper confidence bound": lambda rows, n: upper_confidence_bound_sampling(model, rows, n),
    }
    strategies = {name: strategies[name] for name in names}
    few = pool.take(np.arange(min(30_000, len(pool))))
    for choose in strategies.values():  # compiles
        choose(few, N_BATCH)
    model.predict(few)
    seconds["means"], mean = timed(lambda: model.predict(pool))
    found = {}
    for name, choose in strategies.items():
        shares.clear()
        seconds[name], found[name] = timed(lambda choose=choose: choose(pool, N_BATCH))
        solved[name] = sum(shares)
    seconds["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if plain:
        from skmolal.acquisition import log_probability_in_range

        model.predict(few, return_std=True)
        seconds["plain"], (expected, std) = timed(lambda: model.predict(pool, return_std=True))
        assert abs(expected - mean).max() < 1e-6
        values = np.sort(log_probability_in_range(mean, std, low, np.inf))[-N_BATCH:]
        if "target" in found:
            assert abs(np.exp(values[::-1]) - found["target"][1]).max() < 1e-5
        if "upper confidence bound" in found:
            bound = mean + 1.96 * np.sqrt(std**2 - _white(model))
            assert abs(bound.max() - found["upper confidence bound"][1][0]) < 1e-4
    print(json.dumps({"seconds": seconds, "solved": solved}))


def _white(model):
    row = model.X_train_[:1]
    white = model.kernel_.diag(row)[0] - model.kernel_(row, row)[0, 0]
    return white * float(np.ravel(model._y_train_std)[0]) ** 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n-molecules", type=int, default=1_000_000)
    parser.add_argument("--strategies", nargs="+", default=STRATEGIES, choices=STRATEGIES)
    parser.add_argument("--no-plain", action="store_true", help="not all standard deviations")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.work:
        work(args.folder, args.n_molecules, args.strategies, not args.no_plain)
        return
    print(describe_machine(), flush=True)
    seconds = describe(args.folder, args.n_molecules)
    print(f"describe {args.n_molecules:,} molecules  {seconds:8.1f} s")
    command = [sys.executable, *sys.argv, "--work"]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    result = json.loads(answer.splitlines()[-1])
    seconds, solved = result["seconds"], result["solved"]
    peak = seconds.pop("peak")
    for name, value in seconds.items():
        line = f"{name:30s} {value:8.1f} s"
        if "plain" in seconds:
            line += f", {value / seconds['plain']:.0%} of plain"
        print(f"{line}, solved {solved[name]:.2%}" if name in solved else line)
    print(f"peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
