"""A run that is killed at any moment continues and ends as if it had not been killed."""

import os
import random
import subprocess
import sys
import time

import pandas as pd
import pytest
from ase.io import write

from skmolal.datasets import load_qm9_sample

TIMES = ["transform_time", "fit_time", "query_time", "predict_time", "score_time"]


@pytest.mark.slow
def test_twenty_kills_change_nothing(tmp_path):
    bunch = load_qm9_sample()
    molecules = []
    for atoms, homo in zip(bunch.data[:120], bunch.target[:120], strict=True):
        atoms.info = {"homo": float(homo)}
        molecules.append(atoms)
    write(tmp_path / "pool.extxyz", molecules)
    command = [sys.executable, "-m", "skmolal.cli", "run", "--data", str(tmp_path / "pool.extxyz")]
    command += "--target homo --low-quantile 0.8 --seeds 3 --n-jobs 1 --quiet".split()
    command += "--strategies random target --n-initial 40 --batches 10 20 --resume --out".split()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(out):
        return subprocess.Popen([*command, str(out)], env=environment)

    # The first run compiles what the others find in a cache.
    for out in (tmp_path / "compiling", tmp_path / "whole"):
        begin = time.monotonic()
        assert start(out).wait() == 0
        duration = time.monotonic() - begin
    expected = read(tmp_path / "whole")

    moments = random.Random(0)
    killed = finished = 0
    out = tmp_path / "killed0"
    while killed < 20:
        process = start(out)
        try:
            process.wait(timeout=moments.uniform(0.4, 1.0) * duration)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
            continue
        assert process.returncode == 0
        assert_same(read(out), expected)
        finished += 1
        out = tmp_path / f"killed{finished}"
    assert start(out).wait() == 0
    assert_same(read(out), expected)
    assert sorted(p.name for p in out.iterdir() if not p.name.startswith(".")) == [
        *("curves.csv", "curves.png", "picks.csv", "summary.json")
    ]


def read(out):
    return (
        pd.read_csv(out / "curves.csv").drop(columns=TIMES),
        pd.read_csv(out / "picks.csv"),
    )


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
