"""The descriptors made by dscribe: its numbers, their names, and what leaves them as they are."""

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations_with_replacement

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.singlepoint import SinglePointCalculator
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation
from sklearn.base import clone

from skmolal.descriptors import (
    ACSFTransformer,
    CoulombMatrixTransformer,
    LMBTRTransformer,
    SOAPTransformer,
    _dscribe,
)
from skmolal.descriptors._dscribe import calling_dscribe

K2 = {
    "geometry": {"function": "distance"},
    "grid": {"min": 0, "max": 4, "n": 8, "sigma": 0.3},
    "weighting": {"function": "exp", "r_cut": 5, "threshold": 1e-3},
}
K3 = {
    "geometry": {"function": "angle"},
    "grid": {"min": None, "max": None, "n": 5, "sigma": 20},
    "weighting": {"function": "unity"},
}
PER_ATOM = [
    SOAPTransformer(n_max=3, l_max=2, dtype="float64"),
    SOAPTransformer(n_max=2, l_max=1, average="inner", dtype="float64"),
    SOAPTransformer(n_max=2, l_max=2, average="sum", compression="mu1nu1", dtype="float64"),
    SOAPTransformer(n_max=2, l_max=2, rbf="polynomial", compression="crossover", dtype="float64"),
    ACSFTransformer(g3_params=[0.5, 1.0], g5_params=[[0.1, 2, -1]], dtype="float64"),
    ACSFTransformer(average="sum", per_species=False, dtype="float64"),
    LMBTRTransformer(K2, K3, dtype="float64"),
    LMBTRTransformer(K2, average="sum", per_species=False, dtype="float64"),
]
TRANSFORMERS = [
    *PER_ATOM,
    CoulombMatrixTransformer(dtype="float64"),
    CoulombMatrixTransformer("eigenspectrum", dtype="float64"),
]
SPECIES = ["H", "C", "N", "O"]


def make_random(numbers, coordinates):
    """Build atoms on a jittered lattice, so that no two come close and nothing is symmetric."""
    n_atoms = len(numbers)
    lattice = np.indices((2, 2, 2)).reshape(3, -1).T[:n_atoms] * 1.4
    return Atoms(numbers, lattice + 0.3 * coordinates[:n_atoms])


molecules_of = st.builds(
    make_random,
    st.lists(st.sampled_from([1, 6, 7, 8]), min_size=2, max_size=6),
    arrays(float, (6, 3), elements=st.floats(-1, 1, width=32)),
)


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
@settings(max_examples=5)
@given(atoms=molecules_of, seed=st.integers(0, 100))
def test_motions_mirrors_and_the_order_of_atoms_do_not_matter(transformer, atoms, seed):
    transformer = clone(transformer)
    if "species" in transformer.get_params():
        transformer.set_params(species=SPECIES)
    random = np.random.RandomState(seed)
    turn = Rotation.random(random_state=random).as_matrix()
    moved = atoms.copy()
    moved.positions = atoms.positions @ turn.T + random.normal(size=3)
    mirrored = atoms.copy()
    mirrored.positions[:, 0] *= -1
    shuffled = atoms[random.permutation(len(atoms))]
    X = transformer.fit_transform([atoms, moved, mirrored, shuffled])
    matrix = CoulombMatrixTransformer("none").fit_transform([atoms]).reshape(len(atoms), -1)
    norms = np.sort(np.linalg.norm(matrix, axis=1))
    rows = X if np.diff(norms).min() > 1e-4 else X[:3]  # ties keep the order of atoms
    np.testing.assert_allclose(rows, np.tile(X[0], (len(rows), 1)), atol=1e-7 * np.abs(X).max())


def call_dscribe(name, atoms, species=SPECIES, periodic=False):
    """Compute per-atom rows by dscribe, for the settings of the transformer of that name."""
    import sparse
    from dscribe.descriptors import ACSF, LMBTR, SOAP, lmbtr

    species = {"species": species, "periodic": periodic}
    if name == "soap":
        descriptors = [SOAP(r_cut=4.0, n_max=3, l_max=2, sigma=0.4, **species)]
    elif name == "acsf":
        functions = [[1, 2]], [0.5], [[0.1, 1, 1]], [[0.1, 2, -1]]
        descriptors = [ACSF(4.0, *functions, **species)]
    else:
        exp = {"function": "exp", "scale": -np.log(1e-3) / 5, "threshold": 1e-3}
        terms = [(K2["geometry"], K2["grid"], exp)]
        if not periodic:
            terms.append((K3["geometry"], K3["grid"] | {"min": 0, "max": 180}, K3["weighting"]))
        descriptors = [LMBTR(*term, normalize_gaussians=False, **species) for term in terms]
    with calling_dscribe():
        lmbtr.sparse = sparse  # LMBTR as dscribe has it; put back at the end of the context
        return np.hstack([descriptor.create(atoms) for descriptor in descriptors])


SAME = {
    "soap": SOAPTransformer(4.0, 3, 2, 0.4, dtype="float64"),
    "acsf": ACSFTransformer(
        4.0, [[1, 2]], [0.5], [[0.1, 1, 1]], [[0.1, 2, -1]], per_species=False, dtype="float64"
    ),
    "lmbtr": LMBTRTransformer(
        K2, K3, normalize_gaussians=False, per_species=False, dtype="float64"
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_the_numbers_are_those_of_dscribe(name):
    molecules = [molecule(formula) for formula in ("CH3OH", "HCN", "H2O")]
    rows = [call_dscribe(name, atoms) for atoms in molecules]
    transformer = clone(SAME[name]).set_params(species=SPECIES)
    mean = transformer.fit_transform(molecules)
    np.testing.assert_allclose(mean, [row.mean(axis=0) for row in rows], atol=1e-12)
    total = transformer.set_params(average="sum").fit_transform(molecules)
    np.testing.assert_allclose(total, [row.sum(axis=0) for row in rows], atol=1e-12)
    if name == "soap":
        return
    apart = transformer.set_params(per_species=True).fit_transform(molecules)
    blocks = apart.reshape(3, len(SPECIES), -1)
    for atoms, row, block in zip(molecules, rows, blocks, strict=True):
        for symbol, part in zip(transformer.species_, block, strict=True):
            expected = row[atoms.symbols == symbol].sum(axis=0)
            np.testing.assert_allclose(part, expected, atol=1e-12)


@pytest.mark.parametrize("name", SAME)
def test_periodic_images_count_if_asked(name):
    crystal = bulk("NaCl", "rocksalt", a=4.0)
    transformer = clone(SAME[name]).set_params(periodic=True)
    if name == "lmbtr":
        transformer.set_params(k3=None)
    expected = call_dscribe(name, crystal, ["Na", "Cl"], periodic=True).mean(axis=0)
    X = transformer.fit_transform([crystal])
    np.testing.assert_allclose(X[0], expected, atol=1e-12)
    finite = transformer.set_params(periodic=False).fit_transform([crystal])
    assert np.abs(finite - X).max() > 0.1 * np.abs(X).max()


@pytest.mark.parametrize("permutation", ["sorted_l2", "eigenspectrum", "none"])
def test_the_coulomb_matrix_is_that_of_dscribe(permutation):
    from dscribe.descriptors import CoulombMatrix

    random = np.random.RandomState(0)
    molecules = [
        make_random(random.choice([1, 6, 8], n), random.uniform(-1, 1, (6, 3))) for n in (6, 3, 1)
    ]
    X = CoulombMatrixTransformer(permutation, dtype="float64").fit_transform(molecules)
    expected = CoulombMatrix(n_atoms_max=6, permutation=permutation).create(molecules)
    np.testing.assert_allclose(X, expected, atol=1e-12)
    assert X[2, 0] == pytest.approx(0.5 * molecules[2].numbers[0] ** 2.4)


def test_symmetric_molecules_keep_their_sorted_matrix_when_turned():
    molecules = [molecule("C6H6"), molecule("C2H4"), molecule("CH4")]
    X = CoulombMatrixTransformer(dtype="float64").fit_transform(molecules)
    for seed in range(5):
        turn = Rotation.random(random_state=seed).as_matrix()
        turned = [atoms.copy() for atoms in molecules]
        for atoms in turned:
            atoms.positions = atoms.positions @ turn.T
        again = CoulombMatrixTransformer(dtype="float64").fit_transform(turned)
        np.testing.assert_allclose(again, X, atol=1e-9)


def test_a_molecule_larger_than_the_matrix_is_named():
    coulomb = CoulombMatrixTransformer().fit([molecule("H2O"), molecule("CH4")])
    assert coulomb.n_atoms_max_ == 5
    with pytest.raises(ValueError, match=r"molecules\[1\] has 6 atoms.*n_atoms_max=6"):
        coulomb.transform([molecule("H2O"), molecule("CH3OH")])
    assert coulomb.set_params(n_atoms_max=6).fit_transform([molecule("H2O")]).shape == (1, 36)
    with pytest.raises(ValueError, match=r"molecules\[0\] has 9 atoms"):
        coulomb.fit([molecule("CH3CH2OH")])


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_lone_atoms_and_hydrogen_alone_are_described(transformer):
    molecules = [molecule("CH3OH"), molecule("H2"), Atoms("O"), Atoms("H")]
    X = clone(transformer).fit_transform(molecules)
    assert np.isfinite(X).all()
    assert X[1].any()
    lone = isinstance(transformer, (SOAPTransformer, CoulombMatrixTransformer))
    assert X[2:].any(axis=1).tolist() == [lone, lone]  # others describe neighbours only
    only = clone(transformer).fit_transform([molecule("H2"), Atoms("H")])
    assert only[0].any()


@pytest.mark.parametrize("transformer", PER_ATOM, ids=repr)
def test_unknown_elements_are_refused_or_left_out(transformer):
    transformer = clone(transformer).set_params(species=["C", "H"])
    with pytest.raises(ValueError, match=r"molecules\[1\] has the element 'O'.*species="):
        transformer.fit([molecule("CH4"), molecule("CH3OH")])
    transformer.set_params(handle_unknown="ignore")
    bare = molecule("CH3OH")
    del bare[bare.symbols == "O"]
    X = transformer.fit_transform([molecule("CH3OH"), bare, molecule("CO2"), Atoms("O")])
    np.testing.assert_array_equal(X[0], X[1])
    assert not X[3].any()
    assert transformer.species_.tolist() == ["H", "C"]


@pytest.mark.parametrize(("compression", "n_blocks"), [("off", 3), ("crossover", 2)])
def test_names_of_soap_say_which_coefficients(compression, n_blocks):
    # All coefficients of atoms that are nearly at one place have degree 0, and those of the
    # pair are the products of those of the elements.
    atoms = Atoms("HC", [[0, 0, 0], [0, 0, 0.002]])
    soap = SOAPTransformer(n_max=3, l_max=1, compression=compression, dtype="float64")
    values = name_values(soap, atoms)
    assert len({name.split("_")[1] for name in values}) == n_blocks
    largest = max(map(abs, values.values()))
    for name, value in values.items():
        _, pair, n, m, degree = name.split("_")
        if degree != "l0":
            assert abs(value) < 1e-4 * largest
            continue
        first, second = pair.split("-")
        square = values[f"soap_{first}-{first}_{n}_{n}_l0"]
        other = values[f"soap_{second}-{second}_{m}_{m}_l0"]
        assert value**2 == pytest.approx(square * other, rel=1e-3, abs=1e-6 * largest**2)


def name_values(transformer, atoms):
    """Return a dict from the names of the features to their values."""
    X = transformer.fit_transform([atoms])
    return dict(zip(transformer.get_feature_names_out(), X[0], strict=True))


def test_names_of_compressed_soap_fit_the_columns():
    off = SOAPTransformer(n_max=2, l_max=1, dtype="float64")
    full = name_values(off, molecule("CH3OH"))
    for compression, n_features in [("mu1nu1", 24), ("mu2", 6), ("crossover", 18)]:
        soap = clone(off).set_params(compression=compression)
        values = name_values(soap, molecule("CH3OH"))
        assert len(values) == n_features
        for name, value in values.items():
            _, pair, n, m, degree = name.split("_")
            expected = 0.0
            for first in soap.species_:
                for second in soap.species_:
                    if pair in (f"{first}-{second}", f"{first}-all", "all-all"):
                        expected += full_value(full, first, second, n, m, degree, soap.species_)
            assert value == pytest.approx(expected, abs=1e-9), (compression, name)


def full_value(full, first, second, n, m, degree, species):
    """Look up a coefficient of SOAP, which lists each pair of elements and functions once."""
    order = list(species)
    if order.index(first) > order.index(second) or (first == second and n > m):
        first, second, n, m = second, first, m, n
    return full[f"soap_{first}-{second}_{n}_{m}_{degree}"]


def test_names_of_acsf_say_which_neighbours():
    acsf = ACSFTransformer(g3_params=[1.0], g5_params=[[0.1, 1, 1]], species=SPECIES)
    names = acsf.fit([Atoms("H")]).get_feature_names_out()
    for pair in combinations_with_replacement(["H", "C", "O"], 2):
        # the only neighbours of the nitrogen atom are these two
        atoms = Atoms(["N", *pair], [[0, 0, 0], [1.0, 0.1, 0], [0, 1.2, 0]])
        seen = names[acsf.transform([atoms])[0] != 0]
        centred = [name.removeprefix("acsf_N_") for name in seen if name.startswith("acsf_N_")]
        singles = {name.split("_")[1] for name in centred if name[:2] in ("g1", "g2", "g3")}
        pairs = {name.split("_")[1] for name in centred if name[:2] in ("g4", "g5")}
        assert singles == set(pair)
        assert pairs == {"-".join(sorted(pair))}


def test_names_of_lmbtr_say_which_neighbours():
    lmbtr = LMBTRTransformer(K2, K3, species=SPECIES)
    names = lmbtr.fit([Atoms("H")]).get_feature_names_out()
    atoms = Atoms("NCO", [[0, 0, 0], [1.0, 0.1, 0], [0, 1.2, 0]])
    seen = names[lmbtr.transform([atoms])[0] > 1e-6]
    assert {name.rsplit("_", 1)[0] for name in seen if name.startswith("lmbtr_N")} == {
        "lmbtr_N_k2_X-C",
        "lmbtr_N_k2_X-O",
        "lmbtr_N_k3_X-C-O",
        "lmbtr_N_k3_X-O-C",
        "lmbtr_N_k3_C-X-O",
    }
    column = names.tolist().index("lmbtr_N_k2_X-C_1.1429")
    k2 = [i for i, name in enumerate(names) if name.startswith("lmbtr_N_k2_X-C_")]
    assert k2[np.argmax(lmbtr.transform([atoms])[0, k2])] == column  # they are 1.005 angstrom apart


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        (SOAPTransformer(r_cut=None), "r_cut must be given where weighting is None"),
        (SOAPTransformer(r_cut=0.5), "bigger than 1 angstrom"),
        (SOAPTransformer(average="off"), "'average' parameter"),
        (ACSFTransformer(g2_params=[1.0, 2.0]), r"g2_params must be None or.*\(n, 2\)"),
        (ACSFTransformer(g2_params=[[-1.0, 2.0]]), "g2_params must have positive eta"),
        (ACSFTransformer(g3_params=[[1.0]]), r"g3_params must be None or.*\(n,\)"),
        (ACSFTransformer(g4_params=[[1.0, 2.0, "a"]]), "g4_params must be None or"),
        (ACSFTransformer(g5_params=[]), "g5_params must be None or"),
        (LMBTRTransformer(None), "at least one of k2 and k3"),
        (
            LMBTRTransformer(K2 | {"weighting": {"function": "inverse_square", "r_cut": 3}}),
            r"k2__weighting__function must be one of \['unity', 'exp'\]",
        ),
        (LMBTRTransformer(None, K3, periodic=True), "periodic=True needs a decaying weighting"),
        (CoulombMatrixTransformer("random"), "'permutation' parameter"),
        (CoulombMatrixTransformer(n_atoms_max=0), "'n_atoms_max' parameter"),
    ],
)
def test_invalid_settings_are_named(transformer, message):
    with pytest.raises(ValueError, match=message):
        transformer.fit([molecule("H2O")])


def test_terms_of_an_lmbtr_are_parameters():
    lmbtr = LMBTRTransformer().set_params(k2__grid__sigma=0.1, k3="default", k3__grid__n=7)
    assert lmbtr.get_params()["k2__grid__sigma"] == 0.1
    assert lmbtr.get_params()["k3__grid__n"] == 7
    with pytest.raises(ValueError, match=r"only \['k2', 'k3'\] have settings inside"):
        lmbtr.set_params(k1__grid__n=3)


def test_the_weighting_of_soap_stays_the_callers():
    weighting = {"function": "pow", "r0": 2, "c": 1, "d": 1, "m": 4}
    soap = SOAPTransformer(None, 2, 1, weighting=weighting)
    assert soap.fit_transform([molecule("H2O")]).any()
    assert soap.weighting is weighting
    assert weighting == {"function": "pow", "r0": 2, "c": 1, "d": 1, "m": 4}
    assert "threshold" not in weighting


@pytest.fixture(params=["installed", "new"])
def ase_constructor(request, monkeypatch):
    """The constructor of ase.Atoms as it is installed, and as it is from ase 3.27 on."""
    if request.param == "new":
        monkeypatch.setattr(_dscribe, "_positional_parameters", lambda function: ["info"])


@pytest.mark.usefixtures("ase_constructor")
def test_what_dscribe_is_told_of_a_molecule_is_kept():
    from dscribe.core.system import System

    atoms = molecule("CH3OH")
    atoms.info["id"] = 7
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0)
    stock = System.__init__
    with calling_dscribe():
        system = System.from_atoms(atoms)
        again = System.from_atoms(system)
    assert System.__init__ is stock
    for made in (system, again):
        assert made.info == {"id": 7}
        assert made.calc is atoms.calc
        np.testing.assert_array_equal(made.positions, atoms.positions)
        np.testing.assert_array_equal(made.numbers, atoms.numbers)
    assert again.info is not atoms.info


@pytest.mark.usefixtures("ase_constructor")
def test_dscribe_is_left_as_it_was_when_a_call_fails():
    from dscribe.core.system import System

    stock = System.__init__
    with pytest.raises(ZeroDivisionError), calling_dscribe():
        raise ZeroDivisionError
    assert System.__init__ is stock


@pytest.mark.usefixtures("ase_constructor")
def test_threads_describe_crystals_at_the_same_time():
    from dscribe.core.system import System

    stock = System.__init__
    crystals = [bulk("NaCl", "rocksalt", a=a) for a in np.linspace(3.6, 4.4, 8)]
    lmbtr = LMBTRTransformer(periodic=True).set_params(k2__grid__n=10).fit(crystals)
    expected = lmbtr.transform(crystals)
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda crystal: lmbtr.transform([crystal]), crystals))
    np.testing.assert_array_equal(np.vstack(rows), expected)
    assert System.__init__ is stock
