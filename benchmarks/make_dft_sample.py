"""Make the file that :func:`skmolal.datasets.load_dft_sample` reads.

``python benchmarks/make_dft_sample.py`` computes (hours on two cores; needs the extras ``xtb`` and
``dft``) and ``python benchmarks/make_dft_sample.py --ship`` writes the file, from what there is.

Molecules of :func:`skmolal.datasets.load_qm9_sample` in random order, each from its SMILES alone:
a conformer by RDKit, relaxed by GFN2-xTB, and at that geometry the properties by GFN2-xTB and by
density functional theory. Each leaves one line of JSON in the file of rows, a failure too; lines
that are there are not computed again, so an interrupted run goes on where it stopped. ``--ship``
takes the rows up to the first that is missing, which are a random sample whenever it is called.
Rows may be computed on several machines: their seconds are told of one alone.
"""

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from skmolal import datasets
from skmolal.datasets import load_qm9_sample
from skmolal.datasets._storage import MoleculeTable, replacing
from skmolal.molecules._conformers import embed_smiles
from skmolal.oracles import OracleError, PySCFOracle, XTBOracle

PATH = Path(datasets.__file__).parent / "data" / "dft_sample.npz"
DESCR = Path(datasets.__file__).parent / "descr" / "dft_sample.rst"
BEGIN, END = ".. written by --ship", ".. end of what --ship writes"
ROWS = Path(__file__).parent / "results" / "dft_sample.jsonl"
SEED = 20250213
N_SAMPLES = 1500
# Properties are computed for the positions as they are stored, so rounding costs no accuracy.
RESOLUTION = 1e-4  # angstrom
N_DIGITS = 6  # of the properties and the seconds, after the point
XTB = XTBOracle()
DFT = PySCFOracle(grid_level=1)


def draw_order(n_molecules):
    """Return the order in which molecules are computed, as indices into the QM9 sample."""
    # RandomState, not Generator: its stream is frozen across numpy versions.
    return np.random.RandomState(SEED).permutation(n_molecules)


def make_recipe():
    """Return what the rows depend on; rows of another recipe are not mixed with these."""
    return {
        "seed": SEED,
        "resolution": RESOLUTION,
        "rdkit": version("rdkit"),
        "relax": XTBOracle(relax=True).identity,
        "xtb": XTB.identity,
        "dft": DFT.identity,
    }


class _Clock:
    """Processor seconds of named steps; they do not count what else the machine does."""

    def __init__(self):
        self.seconds = {}

    def time(self, step, function, *args):
        begin = time.process_time()
        try:
            return function(*args)
        finally:
            self.seconds[step] = round(time.process_time() - begin, N_DIGITS)


def compute_row(place, qm9_index, smiles):
    """Compute a molecule: geometry, properties by both methods, seconds of each step.

    A row with "error" in place of the geometry says which step failed, and why.
    """
    import pyscf.dft  # noqa: F401  not a part of the seconds
    import tblite.interface  # noqa: F401

    row = {"place": place, "qm9_index": qm9_index, "smiles": smiles}
    clock = _Clock()
    try:
        atoms = clock.time("embed", _embed, smiles)
        atoms = clock.time("relax", XTB.relaxed, atoms)
        grid = np.rint(atoms.positions / RESOLUTION).astype(int)
        atoms.positions = grid * RESOLUTION
        row |= {"numbers": atoms.numbers.tolist(), "grid": grid.tolist()}
        for name, oracle in (("xtb", XTB), ("dft", DFT)):
            values = clock.time(name, oracle, atoms)
            row[name] = {key: round(value, N_DIGITS) for key, value in values.items()}
    except OracleError as error:
        row["error"] = f"{list(clock.seconds)[-1]}: {error}"
    return row | {"seconds": clock.seconds}


def _embed(smiles):
    (atoms,), (reason,) = embed_smiles([smiles], random_state=0)
    if atoms is None:
        raise OracleError(reason)
    return atoms


def read_rows(path):
    """Return the recipe and the rows in the order of their places.

    A line that is not finished is not counted.
    """
    lines = path.read_bytes().split(b"\n")[:-1]
    recipe = json.loads(lines[0])["recipe"]
    return recipe, sorted(map(json.loads, lines[1:]), key=lambda row: row["place"])


def _open_rows(path):
    """Return the rows that are there, and a stream that adds to them."""
    recipe = make_recipe()
    content = path.read_bytes() if path.is_file() else b""
    finished = content.rfind(b"\n") + 1
    rows = []
    if finished:
        found, rows = read_rows(path)
        if found != recipe:
            raise SystemExit(f"{path} was made by another recipe: {found}, not {recipe}")
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = path.open("ab")
    stream.truncate(finished)  # drops the line that was being written when the run was killed
    if not finished:
        _write(stream, {"recipe": recipe})
    return rows, stream


def _write(stream, row):
    stream.write(json.dumps(row).encode() + b"\n")
    stream.flush()


def compute(path, n_samples, n_jobs):
    """Add rows to the file until `n_samples` molecules have been computed."""
    from joblib import Parallel, delayed
    from tqdm.auto import tqdm

    rows, stream = _open_rows(path)
    frame = load_qm9_sample().frame
    order = draw_order(len(frame))
    done = {row["place"] for row in rows}
    n_good = sum("error" not in row for row in rows)
    with stream, tqdm(total=n_samples, initial=n_good, unit="molecule") as bar:
        while n_good < n_samples:  # again for each that failed
            todo = [place for place in range(len(order)) if place not in done]
            todo = todo[: n_samples - n_good]
            names = frame.loc[order[todo], ["qm9_index", "smiles"]].itertuples(index=False)
            calls = [
                delayed(compute_row)(place, int(qm9_index), smiles)
                for place, (qm9_index, smiles) in zip(todo, names, strict=True)
            ]
            for row in Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls):
                _write(stream, row)
                done.add(row["place"])
                n_good += "error" not in row
                bar.update("error" not in row)


def take_sample(rows):
    """Return the rows of the sample, and those that failed, up to the first missing place.

    Those behind it were done early because they are easy.
    """
    reached = [row for place, row in enumerate(rows) if row["place"] == place]
    good = [row for row in reached if "error" not in row][:N_SAMPLES]
    last = good[-1]["place"] if good else 0
    failed = [row for row in reached if "error" in row and row["place"] < last]
    return good, failed


def make_table(rows):
    """Make the table of the rows of the sample."""
    columns = {
        "qm9_index": np.array([row["qm9_index"] for row in rows], dtype=np.int32),
        "smiles": [row["smiles"] for row in rows],
    }
    for prefix, name in (("", "dft"), ("gfn2_", "xtb")):
        for key in rows[0][name]:
            columns[prefix + key] = np.array([row[name][key] for row in rows])
    for step in rows[0]["seconds"]:
        seconds = [row["seconds"].get(step, np.nan) for row in rows]
        columns[f"{step}_time"] = np.array(seconds, dtype=np.float32)
    geometries = [(row["numbers"], np.array(row["grid"]) * RESOLUTION) for row in rows]
    return MoleculeTable.from_geometries(geometries, columns)


def describe(table, failed, recipe):
    """Write the part of the description that depends on what was computed."""
    steps = {"embed": "conformer", "relax": "relaxation", "xtb": "GFN2-xTB", "dft": "B3LYP"}
    named = [f"``{row['smiles']}`` ({row['error']})" for row in failed]
    lines = [f"{len(table):,} molecules. Failed: {', '.join(named) or 'none'}."]
    versions = {"rdkit": recipe["rdkit"]}
    for name in ("relax", "xtb", "dft"):
        versions |= recipe[name]["versions"]
    lines += ["", f"Versions: {', '.join(' '.join(pair) for pair in versions.items())}.", ""]
    lines += ["========== ============ ============", "step       mean seconds 95% quantile"]
    lines += ["========== ============ ============"]
    for step, name in steps.items():
        seconds = table.columns[f"{step}_time"]
        known = seconds[np.isfinite(seconds)]
        lines += [f"{name:10} {known.mean():<12.3f} {np.quantile(known, 0.95):.3f}"]
    n_elsewhere = int(np.isnan(table.columns["dft_time"]).sum())
    if n_elsewhere:
        lines[1:1] = [f"The seconds of {n_elsewhere:,} are missing: those of another machine."]
    return "\n".join([*lines, "========== ============ ============"])


def ship(rows_path, path=PATH, descr_path=DESCR):
    """Write the shipped file, and its numbers into the description."""
    recipe, rows = read_rows(rows_path)
    good, failed = take_sample(rows)
    if not good:
        raise SystemExit(f"{rows_path} does not have the first molecule yet")
    table = make_table(good)
    table.save(path, resolution=RESOLUTION, compress=True)
    text = descr_path.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    part = "\n\n" + describe(table, failed, recipe) + "\n\n"
    with replacing(descr_path) as unfinished:
        unfinished.write_text(before + BEGIN + part + END + after, encoding="utf-8")
    print(f"{len(table)} molecules, {len(failed)} failed, {path.stat().st_size / 1e6:.2f} MB")


def main(argv=None):
    """Compute rows, or make the shipped file of them."""
    parser = argparse.ArgumentParser(description="Make the DFT sample of skmolal.")
    parser.add_argument("--rows", type=Path, default=ROWS, help="the file of rows")
    parser.add_argument("--n-samples", type=int, default=N_SAMPLES, help="molecules in all")
    parser.add_argument("--n-jobs", type=int, default=1, help="number of processes")
    parser.add_argument("--ship", action="store_true", help="make the shipped file, then end")
    options = parser.parse_args(argv)
    if options.ship:
        ship(options.rows)
    else:
        compute(options.rows, options.n_samples, options.n_jobs)


if __name__ == "__main__":
    main()
