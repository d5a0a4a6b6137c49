"""Make the file of GFN2-xTB columns that ``load_qm9_sample(xtb=True)`` reads.

``python benchmarks/make_qm9_xtb.py`` computes them at the shipped geometries, which takes two
minutes on one core (extra ``xtb``). ``--full`` fills a cache for all of QM9 instead, in under half
an hour with ``--n-jobs 2``; an interrupted run goes on where it stopped. Such a cache serves as
``XTBTransformer(cache=path)`` with the same version of tblite and the molecules of ``fetch_qm9``
from the same source. ``--help`` lists the options.
"""

import argparse
from pathlib import Path

import numpy as np

from skmolal import datasets
from skmolal.datasets import fetch_qm9, get_data_home, load_qm9_sample
from skmolal.datasets._columns import save_columns
from skmolal.descriptors import XTBTransformer

PATH = Path(datasets.__file__).parent / "data" / "qm9_sample_gfn2.npz"
N_DIGITS = 5  # eV, debye and elementary charges, after the point


def make_columns(molecules, n_jobs=1, verbose=False):
    """Calculate the columns, under the names of XTBTransformer in ``atoms.info``."""
    xtb = XTBTransformer(dtype="float64", n_jobs=n_jobs, verbose=verbose)
    X = xtb.fit_transform(molecules)
    columns = dict(zip(xtb.get_feature_names_out(), X.T, strict=True))
    per_atom = columns.pop("gfn2_energy_per_atom")
    return columns | {"gfn2_energy": per_atom * np.array([len(atoms) for atoms in molecules])}


def fill_cache(path, n_jobs):
    """Calculate all of QM9, as far as it is not in the cache."""
    molecules, _ = fetch_qm9(return_X_y=True, verbose=True)
    XTBTransformer(cache=path, n_jobs=n_jobs, verbose=True, on_error="nan").fit_transform(molecules)


def main(argv=None):
    """Write the file, or fill the cache."""
    parser = argparse.ArgumentParser(description="Compute GFN2-xTB columns of QM9.")
    parser.add_argument("--full", action="store_true", help="all of QM9, into a cache")
    parser.add_argument("--out", type=Path, help="the file or the cache to write")
    parser.add_argument("--n-jobs", type=int, default=1, help="number of processes")
    options = parser.parse_args(argv)
    if options.full:
        path = options.out or Path(get_data_home()) / "qm9_gfn2.sqlite"
        path.parent.mkdir(parents=True, exist_ok=True)
        fill_cache(path, options.n_jobs)
    else:
        molecules = load_qm9_sample().data
        columns = make_columns(molecules, options.n_jobs, verbose=True)
        path = options.out or PATH
        save_columns(path, columns, N_DIGITS)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
