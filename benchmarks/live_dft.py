"""A live campaign with density functional theory: the largest gaps of 300 small molecules.

300 molecules of at most 7 heavy atoms of QM9 (``fetch_qm9``, the first of a fixed permutation),
their labels hidden; PySCF calculates the gap (B3LYP/def2-SVP) of 60 of them in two workers while
the model is asked for the top 10%. Killed, it continues where it was. The report that the manual
links to is written to ``docs/_static/live_dft.html``.

    python benchmarks/live_dft.py              # about ten minutes
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.pipeline import make_pipeline

from skmolal import Campaign, GaussianProcessRegressor, MBTRTransformer
from skmolal.datasets import fetch_qm9
from skmolal.gaussian_process import median_length_scale
from skmolal.oracles import PySCFOracle

HERE = Path(__file__).parent
N_MOLECULES, N_LABELS, TOP = 300, 60, 0.1


def load_molecules():
    """Return the molecules, in the order of a fixed permutation."""
    bunch = fetch_qm9()
    order = np.random.RandomState(0).permutation(len(bunch.data))
    small = [k for k in order if (bunch.data[k].numbers > 1).sum() <= 7][:N_MOLECULES]
    molecules = bunch.data[small]
    for atoms in molecules:
        atoms.info = {"smiles": atoms.info["smiles"]}
    return molecules


def make_model(molecules):
    """Return MBTR pairs and a Gaussian process that learns its noise."""
    mbtr = MBTRTransformer(species=["H", "C", "N", "O", "F"])
    scale = median_length_scale(mbtr.fit_transform(molecules), random_state=0)
    kernel = ConstantKernel() * RBF(scale) + WhiteKernel(0.05)
    return make_pipeline(mbtr, GaussianProcessRegressor(kernel, normalize_y=True, warm_start=True))


def run(folder, report):
    molecules = load_molecules()
    model = make_model(molecules)
    storage = Path(folder) / "live_dft.db"
    if storage.exists():
        campaign = Campaign.load(storage, model, molecules)
    else:
        options = {"query_options": {"top": TOP}, "random_state": 0, "initial": "spread"}
        campaign = Campaign(model, molecules, query_strategy="target", storage=storage, **options)
    oracle = PySCFOracle("gap", functional="b3lyp", basis="def2-svp")
    with campaign:
        summary = campaign.run(
            oracle, N_LABELS, n_parallel=2, n_initial=16, batch_size=4, timeout=600, verbose=True
        )
        print(summary)
        campaign.report(
            report,
            title="300 small molecules, B3LYP/def2-SVP",
            target="gap",
            maximize=True,
            smiles=[atoms.info["smiles"] for atoms in molecules],
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", default=".", help="where the campaign is kept")
    parser.add_argument("--report", default=HERE.parent / "docs" / "_static" / "live_dft.html")
    options = parser.parse_args()
    run(options.folder, options.report)
