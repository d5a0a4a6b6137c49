"""Make a large library of SMILES, by joining the molecules of the shipped sample in pairs.

``python benchmarks/make_library.py library.smi.gz --n-molecules 1000000`` takes some 10 seconds a
million. Two molecules are joined by a single bond in place of a hydrogen on each; which two, and
where, follows from the number of the molecule and a seed. Molecules are like QM9's, of twice the
size; a few in a million are equal.
"""

import argparse
import gzip
import re
from pathlib import Path

import numpy as np

SEED = 20261127
# Atoms outside brackets, bonds, ring closures, and all else one by one.
_TOKENS = re.compile(r"\[[^\]]*\]|Cl|Br|%\d\d|.")
_FIRST_RING = 20  # of the second molecule, so that no number is that of an open ring


def find_sites(smiles):
    """Return the SMILES of each molecule, begun at each atom that has a hydrogen to give away."""
    from rdkit import Chem

    sites = []
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        for atom in mol.GetAtoms():
            begun = Chem.MolToSmiles(mol, rootedAtAtom=atom.GetIdx(), isomericSmiles=False)
            if atom.GetTotalNumHs() and begun[0] in "CNOc":
                sites.append(begun)
    return sites


def shift_rings(smiles):
    """Number the rings of a SMILES from 20 on."""
    tokens = _TOKENS.findall(smiles)
    return "".join(f"%{_FIRST_RING + int(t)}" if t.isdigit() else t for t in tokens)


def join(first, second):
    """Bond the first atom of two SMILES; `second` has rings of its own."""
    tokens = _TOKENS.findall(first)
    head = 1
    while head < len(tokens) and (tokens[head].isdigit() or tokens[head].startswith("%")):
        head += 1  # ring closures belong to the first atom
    return f"{''.join(tokens[:head])}({second}){''.join(tokens[head:])}"


def iterate_library(n_molecules):
    """Yield the SMILES of a library."""
    from skmolal.datasets import load_qm9_sample

    sites = find_sites(load_qm9_sample().frame["smiles"])
    shifted = [shift_rings(text) for text in sites]
    # RandomState, not Generator: its stream is frozen across numpy versions.
    random_state = np.random.RandomState(SEED)
    for begin in range(0, n_molecules, 10_000):
        for first, second in random_state.randint(len(sites), size=(10_000, 2))[
            : n_molecules - begin
        ]:
            yield join(sites[first], shifted[second])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, help="SMILES file to write, .smi or .smi.gz")
    parser.add_argument("--n-molecules", type=int, default=1_000_000)
    options = parser.parse_args()
    opener = gzip.open if options.path.suffix == ".gz" else open
    level = {"compresslevel": 1} if opener is gzip.open else {}
    with opener(options.path, "wt", **level) as file:
        for number, smiles in enumerate(iterate_library(options.n_molecules)):
            file.write(f"{smiles} J{number}\n")


if __name__ == "__main__":
    main()
