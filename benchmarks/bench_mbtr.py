"""How much faster is the native MBTR backend than dscribe, at the same numbers?

Compares `MBTRTransformer(backend="native", n_jobs=2)` with dscribe's own `MBTR.create` in two
processes, in one run, on QM9 molecules and on alkane chains of up to 200 atoms. The answers are
compared before anything is timed. Expected on two cores: at least 25 times on k2, 10 times on k3.

    python benchmarks/bench_mbtr.py            # about three minutes
    python benchmarks/bench_mbtr.py --full     # all of QM9 in addition (extra "qm9", 8 GB)
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import psutil
from ase import Atoms
from dscribe.descriptors import MBTR
from joblib import Parallel, delayed
from machine import describe_machine

from skmolal import MBTRTransformer
from skmolal.datasets import fetch_qm9, load_qm9_sample
from skmolal.descriptors._dscribe import calling_dscribe

N_JOBS = 2
EXPONENTIAL = {"function": "exp", "scale": 0.5, "threshold": 1e-3}


def make_terms(n1, n2, n3):
    """Settings with fixed grids of so many points, as in dscribe's documentation."""
    return {
        "k1": {
            "geometry": {"function": "atomic_number"},
            "grid": {"min": 0, "max": 10, "n": n1, "sigma": 0.1},
            "weighting": {"function": "unity"},
        },
        "k2": {
            "geometry": {"function": "inverse_distance"},
            "grid": {"min": 0, "max": 1.1, "n": n2, "sigma": 0.02},
            "weighting": EXPONENTIAL,
        },
        "k3": {
            "geometry": {"function": "cosine"},
            "grid": {"min": -1, "max": 1, "n": n3, "sigma": 0.1},
            "weighting": EXPONENTIAL,
        },
    }


def make_native(terms, species):
    unused = {name: None for name in ("k1", "k2", "k3") if name not in terms}
    return MBTRTransformer(**terms, **unused, species=species, backend="native", n_jobs=N_JOBS)


def run_dscribe(molecules, terms, species):
    blocks = []
    for term in terms.values():
        mbtr = MBTR(**term, species=species, dtype="float32")
        parts = np.array_split(np.arange(len(molecules)), N_JOBS)
        rows = Parallel(N_JOBS)(delayed(create)(mbtr, list(molecules[part])) for part in parts)
        blocks.append(np.vstack(rows))
    return np.hstack(blocks)


def create(mbtr, molecules):
    """Call dscribe in one process; its own pool would not work with ase 3.27 and newer."""
    with calling_dscribe():
        return np.atleast_2d(mbtr.create(molecules))


def best_time(function, n_repeats):
    times = []
    for _ in range(n_repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_memory(function):
    """Most memory in MB that this process and its workers held beyond what they held before."""

    def resident():
        total = me.memory_info().rss
        for child in me.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += child.memory_info().rss
        return total

    def watch():
        while not done.wait(0.002):
            peak[0] = max(peak[0], resident())

    me, done = psutil.Process(), threading.Event()
    before = resident()
    peak = [before]
    watcher = threading.Thread(target=watch)
    watcher.start()
    result = function()
    peak[0] = max(peak[0], resident())
    done.set()
    watcher.join()
    del result
    return (peak[0] - before) / 2**20


def compare(label, molecules, terms, species, n_repeats=2, memory=False):
    """Check that both give the same numbers, then time both and print one row."""
    native = make_native(terms, species).fit(molecules)
    X, expected = native.transform(molecules), run_dscribe(molecules, terms, species)
    difference, largest = np.abs(X - expected).max(), np.abs(expected).max()
    np.testing.assert_allclose(X, expected, rtol=0, atol=1e-6 * largest)
    del X, expected
    ours = best_time(lambda: native.transform(molecules), 5)
    theirs = best_time(lambda: run_dscribe(molecules, terms, species), n_repeats)
    n = len(molecules)
    row = [label, f"{n / theirs:.0f}", f"{n / ours:.0f}", f"{theirs / ours:.0f}"]
    row += [f"{difference:.0e}", f"{largest:.0f}"]
    if memory:
        row.append(f"{peak_memory(lambda: run_dscribe(molecules, terms, species)):.0f}")
        row.append(f"{peak_memory(lambda: native.transform(molecules)):.0f}")
    print("| " + " | ".join(row) + " |", flush=True)


def print_header(title, memory=False):
    columns = ["", "dscribe, molecules/s", "native, molecules/s", "ratio", "max difference"]
    columns += ["largest entry"] + ["dscribe, peak MB", "native, peak MB"] * memory
    print(f"\n{title}\n")
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))


def make_alkane(n_carbon):
    """Build a stretched chain C(n)H(2n+2) with ideal bonds: 3n + 2 atoms."""
    i = np.arange(-1, n_carbon + 1)
    bond, half = 1.53, np.deg2rad(112) / 2
    chain = np.stack(
        [i * bond * np.sin(half), (i % 2) * bond * np.cos(half), np.zeros(len(i))], axis=1
    )
    carbons = chain[1:-1]
    outward = np.where(i[1:-1] % 2, 1.0, -1.0)[:, None] * [0, np.cos(0.95), 0]
    sideways = np.array([0, 0, np.sin(0.95)])
    ends = [
        carbons[0] + (chain[0] - carbons[0]) * 1.09 / bond,
        carbons[-1] + (chain[-1] - carbons[-1]) * 1.09 / bond,
    ]
    hydrogens = [carbons + 1.09 * (outward + side * sideways) for side in (-1, 1)]
    positions = np.concatenate([carbons, *hydrogens, ends])
    return Atoms(f"C{n_carbon}H{2 * n_carbon + 2}", positions)


def time_compilation():
    """Print the time of a first transform in a fresh process, without and with compiled code."""
    code = (
        "import time; from ase.build import molecule; from skmolal import MBTRTransformer;"
        "m = [molecule('H2O')]; t = time.perf_counter();"
        "MBTRTransformer('default', k3='default').fit(m).transform(m);"
        "print(time.perf_counter() - t)"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}
        for label in ("compiling", "compiled before"):
            done = subprocess.run(
                [sys.executable, "-c", code],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            print(f"first call of a process, {label}: {float(done.stdout):.1f} s")


def run_full():
    """Time all of QM9 from `fetch_qm9` to a float32 array."""
    start = time.perf_counter()
    molecules = fetch_qm9().data
    read = time.perf_counter()
    mbtr = MBTRTransformer(**make_terms(100, 100, 50), n_jobs=N_JOBS)
    memory = []
    memory.append(peak_memory(lambda: memory.append(mbtr.fit_transform(molecules).nbytes)))
    end = time.perf_counter()
    n_bytes, peak = memory
    print(
        f"\nall of QM9, k1 + k2 + k3, 100 + 100 + 50 points: {len(molecules)} molecules, fetch_qm9 "
        f"{read - start:.0f} s, fit_transform {end - read:.0f} s; result {n_bytes / 2**20:.0f} MB, "
        f"peak {peak:.0f} MB"
    )
    k2 = MBTRTransformer(n_jobs=N_JOBS)
    memory.clear()
    memory.append(peak_memory(lambda: memory.append(k2.fit_transform(molecules).nbytes)))
    print(f"k2 alone, 200 points: result {memory[0] / 2**20:.0f} MB, peak {memory[1]:.0f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-molecules", type=int, default=1000)
    parser.add_argument("--n-grid", type=int, default=200)
    parser.add_argument("--full", action="store_true", help="also run all of QM9")
    args = parser.parse_args()
    print(f"{describe_machine()}, n_jobs={N_JOBS}")
    time_compilation()

    molecules = load_qm9_sample().data[: args.n_molecules]
    species = ["H", "C", "N", "O", "F"]
    terms = make_terms(args.n_grid, args.n_grid, args.n_grid)
    run_dscribe(molecules[:10], terms, species)  # starts its worker processes
    print_header(f"{len(molecules)} QM9 molecules, {args.n_grid} grid points", memory=True)
    for name, term in terms.items():
        compare(name, molecules, {name: term}, species, memory=True)
    compare("k1 + k2 + k3", molecules, terms, species, memory=True)

    print_header(f"alkane chains, {args.n_grid} grid points")
    for n_carbon, n_copies in ((2, 400), (6, 200), (16, 60), (33, 20), (66, 6)):
        chain = make_alkane(n_carbon)
        for name in ("k2", "k3"):
            label = f"{name}, {len(chain)} atoms"
            compare(label, [chain] * n_copies, {name: terms[name]}, ["H", "C"])

    if args.full:
        run_full()


if __name__ == "__main__":
    main()
