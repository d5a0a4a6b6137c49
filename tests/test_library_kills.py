"""A campaign on a large library continues after kills with the picks of one never killed."""

import signal
import subprocess
import sys
import textwrap
import time

import pytest
from make_library import iterate_library

from skmolal.descriptors import MorganFingerprintTransformer
from skmolal.library import describe_library
from skmolal.storage import CampaignStorage

N_ROUNDS, N_BATCH, N_KILLS = 5, 200, 3

SCRIPT = textwrap.dedent("""
    import sys, warnings
    from pathlib import Path
    from skmolal import Campaign, make_fingerprint_model
    from skmolal.library import Library
    warnings.simplefilter("ignore")
    folder, storage, n_rounds, n_batch = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])
    library, model = Library(folder), make_fingerprint_model(dtype="float32")
    if storage.exists():
        campaign = Campaign.load(storage, model, library)
    else:
        campaign = Campaign(model, library, query_strategy="target", query_options={"top": 0.01},
                            random_state=0, storage=storage)
    def measure(rows):
        return [text.count("N") + 0.3 * text.count("O") for text in library.smiles(rows)]
    with campaign:
        print("ready", flush=True)
        if len(campaign.pending):
            campaign.tell(campaign.pending, measure(campaign.pending))
        while campaign.n_rounds < n_rounds:
            print("round", flush=True)
            rows = campaign.ask(n_batch)
            campaign.tell(rows, measure(rows))
""")


def start(folder, storage):
    arguments = [str(folder), str(storage), str(N_ROUNDS), str(N_BATCH)]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments], stdout=subprocess.PIPE, text=True
    )


def play_to_the_end(folder, storage):
    with start(folder, storage) as process:
        process.communicate()
    assert process.returncode == 0


def read_labelled(storage):
    with CampaignStorage(storage) as stored:
        events = stored.read()[1]
    return [position for e in events if e["kind"] == "tell" for position in e["positions"]]


@pytest.mark.slow
def test_three_kills_change_no_pick(tmp_path):
    path = tmp_path / "molecules.smi"
    with path.open("w") as file:
        file.writelines(f"{text}\n" for text in iterate_library(200_000))
    folder = tmp_path / "library"
    describe_library(path, MorganFingerprintTransformer(), folder, n_jobs=-1)

    play_to_the_end(folder, tmp_path / "whole.db")
    for kill in range(N_KILLS):
        with start(folder, tmp_path / "killed.db") as process:
            for line in process.stdout:
                if line == "round\n":
                    break
            time.sleep(0.3 + 0.7 * kill)  # in a fit, in the means, while molecules drop out
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    play_to_the_end(folder, tmp_path / "killed.db")

    labelled = read_labelled(tmp_path / "killed.db")
    assert len(labelled) == N_ROUNDS * N_BATCH
    assert labelled == read_labelled(tmp_path / "whole.db")
