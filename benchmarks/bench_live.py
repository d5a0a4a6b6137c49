"""A campaign whose labels are calculated while it runs: what it finds, and what it costs.

The 5,000 shipped molecules with their labels hidden; GFN2-xTB calculates the gap in two workers;
the top 5% are searched for as ``skmolal new`` and ``skmolal label`` do, beside random choice with
the same budget. The truth is the shipped GFN2-xTB gap of all of them. Printed are the share found,
the seconds of model and store for each label, and the share of the time in which workers stood
idle when a calculation takes two seconds.

With ``--faults`` one calculation in fifty fails, one in a hundred hangs, and workers are killed:
the budget has to be spent and every failure has to be in the report.

Expected: at most 0.15 s of model and store a label, workers idle less than 15% of the time.
"""

import argparse
import hashlib
import os
import re
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from ase.io import write

from skmolal.cli import main
from skmolal.cli._folder import CampaignFolder
from skmolal.datasets import load_qm9_sample
from skmolal.oracles import OracleError, XTBOracle

N_LABELS = 400
TOP = 0.05
SEEDS = (0, 1, 2)


class Faulty:
    """GFN2-xTB with the accidents of a long campaign, the same ones in every run."""

    target = "gap"

    def __init__(self):
        self.oracle = XTBOracle("gap")

    def __call__(self, atoms):
        draw = int(hashlib.sha256(atoms.positions.tobytes()).hexdigest(), 16) % 1000
        if draw < 20:
            raise OracleError("the licence server is busy")
        if draw < 30:
            time.sleep(3600)
        values = self.oracle(atoms)
        Faulty.n_done = getattr(Faulty, "n_done", 0) + 1
        if Faulty.n_done == 20:  # of this worker; its successor begins to count anew
            os.kill(os.getpid(), signal.SIGKILL)
        return values


def slow(atoms):
    """Two seconds of a calculation that leaves the cores to the model."""
    start = time.perf_counter()
    values = XTBOracle("gap")(atoms)
    time.sleep(2 - (time.perf_counter() - start))
    return values


def begin(folder, molecules, strategy, seed):
    """Make the folder of a campaign, as the command does."""
    pool = folder / "pool.extxyz"
    if not pool.exists():
        bare = [atoms.copy() for atoms in molecules]
        for place, atoms in enumerate(bare):
            atoms.info = {"smiles": atoms.info["smiles"], "place": place}
        write(pool, bare, format="extxyz")
    name = str(folder / f"{strategy}-{seed}")
    arguments = ["new", name, "--data", str(pool), "--target", "gap", "--top-share", str(TOP)]
    arguments += ["--id", "place", "--strategy", strategy, "--random-state", str(seed), "--quiet"]
    if main(arguments) != 0:
        raise SystemExit(1)
    return CampaignFolder.open(name)


def play(folder, oracle, n_labels=N_LABELS, **options):
    """Let the oracle label, as the command does, and return summary, ids and labels."""
    settings = folder.settings
    sizes = {"batch_size": settings["batch_size"], "n_initial": settings["n_initial"]}
    with folder.load_campaign() as campaign:
        summary = campaign.run(oracle, n_labels, target="gap", n_parallel=2, **sizes, **options)
        ids = campaign._records.names(campaign.labelled)
        return summary, ids, campaign.y


def search(folder, molecules, truth, wanted):
    """Print what the search and random choice find."""
    rows = []
    for seed in SEEDS:
        for strategy in ("target", "random"):
            summary, ids, y = play(begin(folder, molecules, strategy, seed), XTBOracle("gap"))
            np.testing.assert_allclose(y, truth[ids], atol=2e-3)
            model = (summary.seconds_asking + summary.seconds_storing) / summary.n_told
            rows.append((strategy, seed, wanted[ids].sum() / wanted.sum(), model, summary.seconds))
            print(
                "{:8} seed {}: {:5.1%} found, model and store {:.3f} s a label, {:.0f} s".format(
                    *rows[-1]
                ),
                flush=True,
            )
    frame = pd.DataFrame(rows, columns=["strategy", "seed", "found", "model", "seconds"])
    print(frame.groupby("strategy")[["found", "model", "seconds"]].agg(["mean", "std"]).round(3))


def idle(folder, molecules):
    """Print the share of the time in which workers stood idle."""
    summary, _, _ = play(begin(folder, molecules, "target", 10), slow, n_labels=200)
    print(
        f"calculations of 2 s, 200 labels: idle {summary.idle:.1%} of the time "
        f"({summary.seconds:.0f} s, {summary.seconds_asking:.0f} s of them fitting and choosing)"
    )


def faults(folder, molecules, wanted):
    """Play with accidents, and look into the report for every one of them."""
    campaign_folder = begin(folder, molecules, "target", 20)
    report = folder / "report.html"
    summary, ids, y = play(campaign_folder, Faulty(), timeout=2.0, report=str(report))
    with campaign_folder.load_campaign(read_only=True) as campaign:
        reasons = pd.Series([failure["reason"] for failure in campaign.failures]).value_counts()
        pending = len(campaign.pending)
    text = report.read_text(encoding="utf-8")
    print(f"with accidents: {summary}")
    print(reasons.to_string())
    assert len(y) == len(set(ids.tolist())) == N_LABELS
    assert pending == 0
    for reason in reasons.index:
        assert re.sub(r"[()]", "", reason)[:20] in re.sub(r"[()]", "", text)
    print(f"{N_LABELS} labels, {wanted[ids].sum() / wanted.sum():.1%} found, all failures reported")


def run(options):
    molecules, _ = load_qm9_sample(return_X_y=True, xtb=True)
    truth = np.array([atoms.info["gfn2_gap"] for atoms in molecules])
    wanted = truth >= np.quantile(truth, 1 - TOP)
    with tempfile.TemporaryDirectory() as folder:
        if options.faults:
            faults(Path(folder), molecules, wanted)
        else:
            search(Path(folder), molecules, truth, wanted)
            idle(Path(folder), molecules)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faults", action="store_true", help="with failures, hangs and kills")
    run(parser.parse_args())
