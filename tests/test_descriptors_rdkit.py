"""The descriptors made by RDKit: its numbers, from SMILES or from perceived bonds."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from rdkit import Chem
from scipy import sparse as sp
from scipy.spatial.transform import Rotation
from sklearn.base import clone

from skmolal import as_molecules, molecules_from_smiles
from skmolal.datasets import load_qm9_sample
from skmolal.descriptors import (
    AtomPairFingerprintTransformer,
    MorganFingerprintTransformer,
    RDKitDescriptorsTransformer,
    RDKitFingerprintTransformer,
    TopologicalTorsionFingerprintTransformer,
)

SMILES = ["CCO", "c1ccccc1O", "C[C@H](N)C(=O)O", "C#N", "FC(F)(F)C=C", "[NH4+]", "CC(=O)[O-]"]
TRANSFORMERS = [
    MorganFingerprintTransformer(n_bits=256, counts=False, sparse=False),
    MorganFingerprintTransformer(3, 256, sparse=False),
    RDKitDescriptorsTransformer(dtype="float64"),
]


@pytest.fixture(scope="module")
def with_smiles():
    molecules = molecules_from_smiles(SMILES, random_state=0)
    for atoms, text in zip(molecules, SMILES, strict=True):
        atoms.info["charge"] = Chem.GetFormalCharge(Chem.MolFromSmiles(text))
    return molecules


@pytest.fixture
def without_smiles(with_smiles):
    bare = as_molecules([atoms.copy() for atoms in with_smiles])
    for atoms in bare:
        del atoms.info["smiles"]
    return bare


# RDKit's generator and its settings, and what asks for them here.
FINGERPRINTS = [
    ("Morgan", {"radius": 3}, MorganFingerprintTransformer(3, 512)),
    (
        "Morgan",
        {"radius": 2, "includeChirality": True},
        MorganFingerprintTransformer(n_bits=512, include_chirality=True),
    ),
    (
        "Morgan",
        {"radius": 2, "atomInvariantsGenerator": "features"},
        MorganFingerprintTransformer(n_bits=512, use_features=True),
    ),
    ("AtomPair", {}, AtomPairFingerprintTransformer(n_bits=512)),
    (
        "AtomPair",
        {"maxDistance": 3, "includeChirality": True},
        AtomPairFingerprintTransformer(3, 512, include_chirality=True),
    ),
    ("TopologicalTorsion", {}, TopologicalTorsionFingerprintTransformer(n_bits=512)),
    (
        "TopologicalTorsion",
        {"torsionAtomCount": 3, "includeChirality": True},
        TopologicalTorsionFingerprintTransformer(3, 512, include_chirality=True),
    ),
    ("RDKitFP", {}, RDKitFingerprintTransformer(n_bits=512)),
    ("RDKitFP", {"minPath": 2, "maxPath": 3}, RDKitFingerprintTransformer(3, 512, min_path=2)),
]


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize(("kind", "settings", "transformer"), FINGERPRINTS)
def test_fingerprints_are_those_of_rdkit(with_smiles, kind, settings, transformer, counts):
    from rdkit.Chem import rdFingerprintGenerator

    settings = {"fpSize": 512, **settings}
    if "atomInvariantsGenerator" in settings:
        invariants = rdFingerprintGenerator.GetMorganFeatureAtomInvGen()
        settings["atomInvariantsGenerator"] = invariants
    generator = getattr(rdFingerprintGenerator, f"Get{kind}Generator")(**settings)
    expected = np.zeros((len(SMILES), 512))
    for row, text in zip(expected, SMILES, strict=True):
        mol = Chem.MolFromSmiles(text)
        if counts:
            found = generator.GetCountFingerprint(mol).GetNonzeroElements()
            row[list(found)] = list(found.values())
        else:
            row[list(generator.GetFingerprint(mol).GetOnBits())] = 1
    assert expected.max() >= (2 if counts else 1)
    fingerprint = clone(transformer).set_params(counts=counts)
    for molecules in (SMILES, with_smiles):
        X = fingerprint.set_params(sparse=False).fit_transform(molecules)
        np.testing.assert_array_equal(X, expected)
        rows = fingerprint.set_params(sparse=True).fit_transform(molecules)
        assert sp.issparse(rows)
        assert rows.nnz == np.count_nonzero(expected)
        np.testing.assert_array_equal(rows.toarray(), expected)


def test_sparse_fingerprints_need_no_dense_array():
    import tracemalloc

    morgan = MorganFingerprintTransformer(n_bits=2**20).fit(SMILES)
    morgan.transform(SMILES)  # what is imported
    tracemalloc.start()
    rows = morgan.transform(SMILES * 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # a row of RDKit's at a time, in place of 560 MiB
    assert peak < 2**24
    assert rows.shape == (140, 2**20)


def test_smiles_of_several_blocks_are_described_in_order():
    smiles = ["C" * (1 + i % 30) for i in range(1100)]
    X = AtomPairFingerprintTransformer(n_bits=64).fit_transform(smiles)
    n = np.array([len(text) for text in smiles])
    np.testing.assert_array_equal(np.asarray(X.sum(axis=1)).ravel(), n * (n - 1) // 2)


def test_bad_smiles_of_all_blocks_are_named():
    smiles = ["C"] * 1100
    for i in (3, 700, 1099):
        smiles[i] = "C("
    expected = r"(?s)^3 molecules.*smiles\[3\].*smiles\[700\].*smiles\[1099\].*'C\('$"
    for sparse in (True, False):
        with pytest.raises(ValueError, match=expected):
            MorganFingerprintTransformer(n_bits=16, sparse=sparse).fit_transform(smiles)
    with pytest.raises(ValueError, match=r"(?s)^150 molecules.*smiles\[99\].*and 50 more$"):
        MorganFingerprintTransformer(n_bits=16).fit_transform(["C("] * 150)


def test_nothing_is_printed_of_bad_smiles(capfd):
    with pytest.raises(ValueError, match="cannot parse"):
        MorganFingerprintTransformer().fit_transform(["C", "C("])
    assert "".join(capfd.readouterr()) == ""


def test_descriptors_are_those_of_rdkit(with_smiles):
    from rdkit.Chem import Descriptors

    transformer = RDKitDescriptorsTransformer(dtype="float64", fill_value=np.nan)
    X = transformer.fit_transform(with_smiles)
    for row, text in zip(X, SMILES, strict=True):
        expected = Descriptors.CalcMolDescriptors(Chem.MolFromSmiles(text), missingVal=np.nan)
        assert list(expected) == transformer.get_feature_names_out().tolist()
        np.testing.assert_array_equal(row, list(expected.values()))


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_perceived_bonds_give_what_the_smiles_gives(transformer, with_smiles, without_smiles):
    expected = clone(transformer).fit_transform(with_smiles)
    random = np.random.RandomState(0)
    for k, atoms in enumerate(without_smiles):
        turn = Rotation.random(random_state=k).as_matrix()
        atoms.positions = atoms.positions @ turn.T + random.normal(size=3)
        without_smiles[k] = atoms[random.permutation(len(atoms))]
    X = clone(transformer).fit_transform(without_smiles)
    np.testing.assert_allclose(X, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("transformer", TRANSFORMERS[1:], ids=repr)
def test_qm9_is_described_the_same_by_smiles_and_by_bonds(transformer):
    molecules = load_qm9_sample().data[:200]
    fitted = clone(transformer).fit(molecules)
    names, X = fitted.get_feature_names_out(), fitted.transform(molecules)
    assert np.isfinite(X).all()
    bare = as_molecules([atoms.copy() for atoms in molecules])
    for atoms in bare:
        del atoms.info["smiles"]
    again = clone(transformer).fit_transform(bare)
    differ = ~np.isclose(X, again, rtol=1e-6, atol=1e-6)
    # the SMILES of QM9 leave the chirality open that coordinates have
    open_in_smiles = {"SPS", "NumAtomStereoCenters", "NumUnspecifiedAtomStereoCenters"}
    assert set(names[differ.any(axis=0)]) <= open_in_smiles


def test_long_bonds_and_pieces_are_perceived():
    dimer = molecule("H2O") + molecule("H2O")
    dimer.positions[3:] += [0, 0, 3]
    fluorine = Atoms("F2", [[0, 0, 0], [0, 0, 1.42]])
    counts = RDKitDescriptorsTransformer(["HeavyAtomCount", "NumRadicalElectrons", "MolWt"])
    weights = [36.03, 37.997]
    expected = [[2, 0, weights[0]], [2, 0, weights[1]]]
    np.testing.assert_allclose(counts.fit_transform([dimer, fluorine]), expected, atol=1e-2)
    for atoms, text in [(dimer, "O.O"), (fluorine, "FF")]:
        drawn = atoms.copy()
        drawn.info["smiles"] = text
        first, second = MorganFingerprintTransformer(sparse=False).fit_transform([atoms, drawn])
        np.testing.assert_array_equal(first, second)


def test_mirror_images_differ_only_if_asked(without_smiles):
    alanine = without_smiles[2]
    mirrored = alanine.copy()
    mirrored.positions[:, 0] *= -1
    morgan = MorganFingerprintTransformer(sparse=False)
    first, second = morgan.fit_transform([alanine, mirrored])
    assert (first == second).all()
    first, second = morgan.set_params(include_chirality=True).fit_transform([alanine, mirrored])
    assert (first != second).any()


def test_lone_atoms_and_hydrogen_are_described():
    molecules = [Atoms("H"), Atoms("O"), molecule("H2"), Atoms("He")]
    assert MorganFingerprintTransformer().fit_transform(molecules).sum(axis=1).tolist()[0] == [1]
    weights = RDKitDescriptorsTransformer(["MolWt"]).fit_transform(molecules)
    # no hydrogen is added to an atom that has none
    np.testing.assert_allclose(weights[:, 0], [1.008, 15.999, 2.016, 4.003], atol=2e-3)


def test_descriptors_that_are_not_defined_get_the_fill_value():
    platinum = Atoms("PtCl2", [[0, 0, 0], [2.3, 0, 0], [-2.3, 0, 0]])
    platinum.info["smiles"] = "Cl[Pt]Cl"
    names = ["MaxPartialCharge", "MolWt"]
    for fill in (0.0, -1.0, np.nan):
        X = RDKitDescriptorsTransformer(names, fill_value=fill).fit_transform([platinum])
        np.testing.assert_array_equal(X[0, 0], fill)
        assert X[0, 1] > 200


def test_values_too_large_for_the_type_get_the_fill_value(monkeypatch, with_smiles):
    from rdkit.Chem import Descriptors

    functions = [("big", lambda mol: 1e300), ("fails", lambda mol: 1 / 0), ("one", lambda mol: 1)]
    monkeypatch.setattr(Descriptors, "descList", functions)
    X = RDKitDescriptorsTransformer(fill_value=-1.0).fit_transform(with_smiles[:2])
    assert X.tolist() == [[-1, -1, 1]] * 2
    X = RDKitDescriptorsTransformer(dtype="float64").fit_transform(with_smiles[:2])
    assert X.tolist() == [[1e300, 0, 1]] * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"smiles": "nonsense"}, r"molecules\[1\].*cannot parse the SMILES 'nonsense'"),
        ({"smiles": "CCN"}, r"molecules\[1\].*'CCN'.*other elements than the atoms"),
        ({"smiles": 3}, r"molecules\[1\]\.info\['smiles'\] must be a str, got 3"),
        ({"charge": 0.5}, r"molecules\[1\]\.info\['charge'\] must be an int, got 0.5"),
        ({"charge": "1"}, r"molecules\[1\]\.info\['charge'\] must be an int, got '1'"),
        ({"charge": np.nan}, r"molecules\[1\]\.info\['charge'\] must be an int, got nan"),
        ({"charge": 1}, r"molecules\[1\].*cannot perceive the bonds.*charge 1"),
    ],
)
def test_molecules_without_a_graph_are_named(change, message):
    molecules = [molecule("CH4"), molecule("CH3CH2OH"), molecule("CH4")]
    molecules[1].info.update(change)
    with pytest.raises(ValueError, match=message):
        MorganFingerprintTransformer().fit_transform(molecules)


def test_the_index_counts_from_the_first_molecule_of_all():
    molecules = [molecule("CH4") for _ in range(1100)]  # more than a block of rows
    molecules[1050].info["smiles"] = "C("
    with pytest.raises(ValueError, match=r"molecules\[1050\]: RDKit cannot parse"):
        MorganFingerprintTransformer(n_bits=16).fit_transform(molecules)


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        (RDKitDescriptorsTransformer(["MolWt", "Beauty"]), r"got \['Beauty'\]"),
        (RDKitDescriptorsTransformer([]), r"descriptors must be 'all' or names.*got \[\]"),
        (RDKitDescriptorsTransformer(["MolWt", "MolWt"]), "must be distinct"),
        (RDKitDescriptorsTransformer("some"), "'descriptors' parameter"),
        (MorganFingerprintTransformer(-1), "'radius' parameter"),
        (MorganFingerprintTransformer(n_bits=0), "'n_bits' parameter"),
        (AtomPairFingerprintTransformer(0), "'max_distance' parameter"),
        (TopologicalTorsionFingerprintTransformer(1), "'n_atoms' parameter"),
        (RDKitFingerprintTransformer(3, min_path=4), "min_path must be at most max_path=3, got 4"),
    ],
)
def test_invalid_settings_are_named(transformer, message):
    with pytest.raises(ValueError, match=message):
        transformer.fit([molecule("CH4")])
