"""Conformers: functions of the molecule and the seed, of every SMILES that has one."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from skmolal import molecules_from_smiles
from skmolal.molecules._embedding import match_order

# RDKit's two usual tries give up on each of these molecules of QM9.
CAGES = ["OC1CC23CC(C2)CC13", "CN1C2C3CC2(O3)C1=O", "C1C2OC3C4C=C1C2C34"]


def to_mol(smiles, atoms):
    """Put a conformer on the graph of its SMILES."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    conformer = Chem.Conformer(mol.GetNumAtoms())
    for k, position in enumerate(atoms.positions.tolist()):
        conformer.SetAtomPosition(k, position)
    mol.AddConformer(conformer)
    return mol


def stereo_of(smiles, atoms):
    """Return the SMILES with the stereo that the coordinates have."""
    mol = to_mol(smiles, atoms)
    Chem.RemoveStereochemistry(mol)
    Chem.AssignStereochemistryFrom3D(mol)
    return Chem.MolToSmiles(Chem.RemoveHs(mol))


def test_conformers_depend_on_molecule_and_seed_only():
    ethanol = molecules_from_smiles(["CCO", "CCN"], random_state=3)[0]
    elsewhere = molecules_from_smiles(["CCC", "CCO", "CCO"], random_state=3)
    np.testing.assert_array_equal(elsewhere[1].positions, ethanol.positions)
    np.testing.assert_array_equal(elsewhere[2].positions, ethanol.positions)
    assert elsewhere[1] is not elsewhere[2]
    other = molecules_from_smiles(["CCO"], random_state=4)[0]
    assert not np.allclose(ethanol.positions, other.positions)
    # MMFF94 has relaxed it: the C-O bond of ethanol is 1.41 to 1.44 angstrom
    assert ethanol.get_distance(1, 2) == pytest.approx(1.42, abs=0.03)


@settings(max_examples=10)
@given(seed=st.integers(1, 2**31 - 1))
def test_another_writing_of_a_smiles_gives_the_same_conformer(seed):
    given = "OC[C@H](N)C(=O)OC"
    mol = Chem.MolFromSmiles(given)
    other = Chem.MolToRandomSmilesVect(mol, 1, randomSeed=seed)[0]
    first, second = molecules_from_smiles([given, other], random_state=0)
    rows = [tuple(row) for row in np.c_[first.numbers, first.positions].tolist()]
    assert sorted(rows) == sorted(map(tuple, np.c_[second.numbers, second.positions].tolist()))


@pytest.mark.parametrize("smiles", ["OC(C(=O)[O-])C[NH3+]", "[2H]OC", "[H][H]", "c1cc[nH]c1"])
def test_atoms_stand_in_the_order_of_the_smiles(smiles):
    atoms = molecules_from_smiles([smiles], random_state=0)[0]
    mol = to_mol(smiles, atoms)
    assert atoms.numbers.tolist() == [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    for bond in mol.GetBonds():
        assert atoms.get_distance(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) < 1.7
    parsed = Chem.MolFromSmiles(smiles)
    Chem.MolToSmiles(parsed)
    assert sorted(match_order(parsed)) == list(range(len(atoms)))


@pytest.mark.parametrize("smiles", CAGES)
def test_strained_cages_are_embedded_as_what_they_are(smiles):
    atoms = molecules_from_smiles([smiles], random_state=0)[0]
    mol = to_mol(smiles, atoms)
    bonds = {frozenset((b.GetBeginAtomIdx(), b.GetEndAtomIdx())) for b in mol.GetBonds()}
    for i in range(len(atoms)):
        for j in range(i):
            distance = atoms.get_distance(i, j)
            assert distance < 1.75 if frozenset((i, j)) in bonds else distance > 1.4
    # With the stereo centres of that conformer named, they are kept.
    named = stereo_of(smiles, atoms)
    assert "@" in named
    assert stereo_of(named, molecules_from_smiles([named], random_state=1)[0]) == named


def test_stereo_centres_are_kept_and_the_impossible_is_refused():
    for smiles in ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "C/C=C/O", "C/C=C\\O"):
        atoms = molecules_from_smiles([smiles], random_state=0)[0]
        assert stereo_of(smiles, atoms) == Chem.CanonSmiles(smiles)
    impossible = "CN1C(=O)[C@]23C[C@H](O2)[C@@H]13"  # the bridge would have to turn inside out
    with pytest.raises(ValueError, match=r"record 0 .*: cannot be embedded"):
        molecules_from_smiles([impossible], random_state=0)


@pytest.mark.parametrize("relax", ["mmff94", None])
def test_the_parts_of_a_salt_do_not_overlap(relax):
    smiles = ["[Na+].[Cl-]", "CC(=O)[O-].O.[NH4+]", "c1ccccc1.c1ccccc1"]
    salt, hydrate, dimer = molecules_from_smiles(smiles, random_state=0, relax=relax)
    assert 2.0 < salt.get_distance(0, 1) < 3.5
    assert hydrate.get_all_distances()[np.triu_indices(len(hydrate), 1)].min() > 0.9
    # Neither ring is threaded through the other.
    assert np.linalg.norm(dimer.positions[:6].mean(0) - dimer.positions[6:12].mean(0)) > 3.0
    assert "charge" not in salt.info


def test_charges_are_told():
    cation, anion, neutral = molecules_from_smiles(["[NH4+]", "[O-]C=O", "C"], random_state=0)
    assert (cation.info["charge"], anion.info["charge"]) == (1, -1)
    assert neutral.info == {"smiles": "C"}


def test_processes_do_not_change_conformers():
    smiles = ["CCO", "CCN", "C1CC1"]
    alone = molecules_from_smiles(smiles, random_state=0)
    together = molecules_from_smiles(smiles, random_state=0, n_jobs=2)
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a.positions, b.positions)


def test_every_bad_smiles_is_named_at_once():
    bad = ["C", None, "", "c1ccc1C(", "CC(C)(C)(C)C", "*CC"]
    with pytest.raises(ValueError, match=r"^5 of 6 records cannot be used: ") as caught:
        molecules_from_smiles(bad)
    message = str(caught.value)
    for part in (
        "record 1: no SMILES",
        "record 2 (''): no SMILES",
        "record 3 ('c1ccc1C('): cannot be parsed",
        "record 4 ('CC(C)(C)(C)C'): cannot be parsed: Explicit valence",
        r"record 5 ('*CC'): cannot be embedded: an atom is left open",
    ):
        assert part in message


def test_relaxations_lower_the_forces_of_their_own_method():
    pytest.importorskip("tblite")
    from tblite.ase import TBLite

    largest = {}
    for relax in (None, "mmff94", "gfn2-xtb"):
        atoms = molecules_from_smiles(["[O-]CC"], random_state=0, relax=relax)[0]
        assert atoms.calc is None
        atoms.calc = TBLite(method="GFN2-xTB", charge=-1, verbosity=0)
        largest[relax] = np.linalg.norm(atoms.get_forces(), axis=1).max()
    assert largest["gfn2-xtb"] < 0.1 < largest["mmff94"]
    assert largest[None] != largest["mmff94"]


def test_what_does_not_relax_is_said(monkeypatch):
    pytest.importorskip("tblite")
    from sklearn.exceptions import ConvergenceWarning

    monkeypatch.setattr("skmolal.molecules._relaxation._STEPS", 1)
    with pytest.warns(ConvergenceWarning, match=r"1 of 2 conformers .*: records 1$"):
        molecules_from_smiles(["[He]", "CCO"], random_state=0, relax="gfn2-xtb")


def test_what_relaxation_needs_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tblite.ase", None)
    with pytest.raises(ImportError, match="needs tblite: python -m pip install tblite"):
        molecules_from_smiles(["C"], relax="gfn2-xtb")
    with pytest.raises(ValueError, match="'relax' parameter"):
        molecules_from_smiles(["C"], relax="pm6")
