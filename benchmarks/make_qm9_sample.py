"""Make the file that :func:`skmolal.datasets.load_qm9_sample` reads.

Run ``python benchmarks/make_qm9_sample.py`` where qm9pack is installed; it writes the same
molecules each time. An argument names another file to write.
"""

import sys
from pathlib import Path

import numpy as np

from skmolal import datasets
from skmolal.datasets._qm9_readers import find_qm9pack, read_qm9pack

SEED = 20241122
N_SAMPLES = 5000
# Half a grid step is 5e-6 angstrom, far below any effect on a descriptor.
RESOLUTION = 1e-5
PATH = Path(datasets.__file__).parent / "data" / "qm9_sample.npz"


def make_qm9_sample(table):
    """Draw the sample from all of QM9, in random order so that any part of it is a sample too."""
    # RandomState, not Generator: its stream is frozen across numpy versions.
    drawn = np.random.RandomState(SEED).permutation(len(table))[:N_SAMPLES]
    return table.take(drawn, columns=("qm9_index", "smiles", "homo", "lumo"))


def main(path=PATH):
    """Write the sample to `path`."""
    sources = find_qm9pack()
    if not sources:
        raise SystemExit("qm9pack is not installed: python -m pip install qm9pack")
    sample = make_qm9_sample(read_qm9pack(sources, verbose=True))
    sample.save(path, resolution=RESOLUTION, compress=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
