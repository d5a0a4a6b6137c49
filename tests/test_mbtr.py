"""MBTRTransformer: its numbers, what it learns and what it refuses."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from skmolal import MBTRTransformer, as_molecules
from tests.mbtr_strategies import ELEMENTS, any_terms, compute_with_dscribe, molecule_lists

WATERS = [molecule("H2O"), molecule("CH3OH"), molecule("CO2")]
ALL_TERMS = {"k1": "default", "k2": "default", "k3": "default"}


@settings(max_examples=40)
@given(molecule_lists(), any_terms())
def test_dscribe_backend_is_dscribe(molecules, kwargs):
    mbtr = MBTRTransformer(**kwargs, species=ELEMENTS, backend="dscribe", dtype="float64")
    expected = compute_with_dscribe(molecules, ELEMENTS, **kwargs)
    np.testing.assert_allclose(mbtr.fit(molecules).transform(molecules), expected, rtol=1e-12)
    assert mbtr.backend_ == "dscribe"


@settings(max_examples=25)
@given(molecule_lists(), st.integers(0, 2**32 - 1), st.booleans())
def test_rotation_translation_mirror_and_order_of_atoms(molecules, seed, mirror):
    mbtr = MBTRTransformer(**ALL_TERMS, species=ELEMENTS, dtype="float64")
    mbtr.set_params(k2__grid__max=1.5)
    random = np.random.RandomState(seed)
    moved = []
    for atoms in molecules:
        rotation = Rotation.random(random_state=random).as_matrix() * (-1 if mirror else 1)
        order = random.permutation(len(atoms))
        positions = atoms.positions @ rotation.T + random.normal(scale=10, size=3)
        moved.append(Atoms(atoms.numbers[order], positions[order]))
    X = mbtr.fit(molecules).transform(molecules)
    np.testing.assert_allclose(mbtr.transform(moved), X, rtol=0, atol=1e-8 * np.abs(X).max())


def test_dense_sparse_and_precision_agree():
    exact = MBTRTransformer(**ALL_TERMS, dtype="float64").fit_transform(WATERS)
    for dtype in ("float32", "float64", np.float32):
        for sparse in (False, True):
            X = MBTRTransformer(**ALL_TERMS, dtype=dtype, sparse=sparse).fit_transform(WATERS)
            assert X.dtype == dtype
            X = X.toarray() if sparse else X
            np.testing.assert_array_equal(X, exact.astype(dtype))


def test_area_under_a_term_is_the_sum_of_weights():
    mbtr = MBTRTransformer(dtype="float64")
    mbtr.set_params(k2__grid={"min": -1, "max": 3, "n": 300, "sigma": 0.05})
    distances = pdist(WATERS[1].positions)
    area = mbtr.fit(WATERS).transform(WATERS)[1].sum() * 4 / 299
    np.testing.assert_allclose(area, np.exp(-0.5 * distances).sum(), rtol=1e-9)


def test_species_are_learned_or_given():
    assert list(MBTRTransformer().fit(WATERS).species_) == ["H", "C", "O"]
    for species in (["O", "H", "C", "H", "N"], [8, 6, 1, 7], np.array([1, 6, 7, 8])):
        assert list(MBTRTransformer(species=species).fit(WATERS).species_) == ["H", "C", "N", "O"]


@pytest.mark.parametrize("species", [[], "CH", ["Xy"], [-1], [1.5], [200]])
def test_species_are_checked(species):
    with pytest.raises(ValueError, match="species"):
        MBTRTransformer(species=species).fit(WATERS)


def test_open_limits_are_those_of_the_set():
    shortest = min(pdist(atoms.positions).min() for atoms in WATERS)
    longest = max(pdist(atoms.positions).max() for atoms in WATERS)

    def limits(term, function, low=None, high=None, **more):
        mbtr = MBTRTransformer(**ALL_TERMS).set_params(
            **{f"{term}__geometry__function": function},
            **{f"{term}__grid__min": low, f"{term}__grid__max": high},
            **more,
        )
        grid = mbtr.fit(WATERS).terms_[term]["grid"]
        return grid["min"], grid["max"]

    assert limits("k1", "atomic_number") == (0, 9)
    assert limits("k2", "inverse_distance") == pytest.approx((0, 1 / shortest))
    assert limits("k2", "distance") == pytest.approx((0, longest))
    assert limits("k2", "distance", high=2) == (0, 2)
    near = {"function": "inverse_square", "r_cut": 1.2}
    assert limits("k2", "distance", k2__weighting=near) == pytest.approx((0, 1.2))
    assert limits("k3", "cosine") == (-1, 1)
    assert limits("k3", "angle") == (0, 180)


def test_open_limits_need_a_pair():
    with pytest.raises(ValueError, match=r"k2__grid has an open limit.*give k2__grid__min"):
        MBTRTransformer().fit([Atoms("H"), Atoms("O")])
    far = [Atoms("H2", [[0, 0, 0], [0, 0, 50]])]
    with pytest.raises(ValueError, match="k2__grid has an open limit"):
        MBTRTransformer().fit(far)
    with pytest.raises(ValueError, match="k2__grid__min must be smaller"):
        MBTRTransformer().set_params(k2__grid__min=5).fit(WATERS)


def test_lone_atoms_have_no_pairs():
    for normalization in ("none", "l2", "n_atoms"):
        mbtr = MBTRTransformer(**ALL_TERMS, normalization=normalization).fit(WATERS)
        X = mbtr.transform([Atoms("H"), *WATERS])
        assert not X[0, 300:].any()
        assert X[0, :100].any()
        assert np.isfinite(X).all()


def test_hydrogen_only():
    X = MBTRTransformer(**ALL_TERMS).fit_transform([molecule("H2"), Atoms("H3", np.eye(3))])
    assert X.shape == (2, 400)
    assert not X[0, 300:].any()


@pytest.mark.parametrize("shift", [-1e-9, 1e-9])
def test_pair_at_the_threshold(shift):
    reach = -np.log(1e-3) / 0.5
    pair = Atoms("H2", [[0, 0, 0], [0, 0, reach + shift]])
    mbtr = MBTRTransformer(dtype="float64").set_params(k2__grid__max=1)
    assert mbtr.fit([pair]).transform([pair]).any() == (shift < 0)


def test_unseen_element_is_named_with_the_remedy():
    mbtr = MBTRTransformer().fit(WATERS)
    with pytest.raises(ValueError, match=r"molecules\[1\].*'F'.*\['H', 'C', 'O'\]") as error:
        mbtr.transform([WATERS[0], molecule("CH3Cl")[:0] + molecule("HF"), molecule("CH3Cl")])
    assert "species=['H', 'C', 'O', 'F', 'Cl']" in str(error.value)
    with pytest.raises(ValueError, match=r"molecules\[2\].*'C'"):
        MBTRTransformer(species=["H", "O"]).fit([WATERS[0], WATERS[0], WATERS[1]])


def test_unknown_atoms_can_be_left_out():
    mbtr = MBTRTransformer(
        **ALL_TERMS, species=["H", "C"], handle_unknown="ignore", normalization="n_atoms"
    )
    mbtr.fit(WATERS)
    bare = [atoms[np.isin(atoms.numbers, [1, 6])] for atoms in WATERS]
    np.testing.assert_array_equal(mbtr.transform(WATERS), mbtr.transform(bare))
    assert not mbtr.transform([Atoms("O2", [[0, 0, 0], [0, 0, 1.2]])]).any()


def test_feature_names_say_what_the_columns_are():
    mbtr = MBTRTransformer(**ALL_TERMS).fit(WATERS)
    names, X = mbtr.get_feature_names_out(), mbtr.transform([Atoms("HO", np.eye(3)[:2])])
    assert X.shape[1] == len(names) == 3 * 100 + 6 * 200 + 18 * 100
    prefixes = {name.rsplit("_", 1)[0] for name in names[X[0] > 0]}
    assert prefixes == {"k1_H", "k1_O", "k2_H-O"}
    peak = names[300:][X[0, 300:].argmax()]
    assert float(peak.split("_")[2]) == pytest.approx(1 / np.sqrt(2), abs=0.01)
    assert {"k2_C-H_0.0000", "k3_H-O-H_-1.0000", "k3_C-H-O_1.0000"} <= set(names)
    bent = mbtr.transform([Atoms("OCH", [[1.2, 0, 0], [0, 0, 0], [0, 1.1, 0]])])[0]
    best = names[1500:][bent[1500:].reshape(-1, 100).sum(axis=1).argmax() * 100]
    assert best.startswith("k3_C-H-O") or best.startswith("k3_H-C-O")


@settings(max_examples=50)
@given(st.floats(-5, 5), st.floats(1e-7, 1e3), st.integers(2, 400))
def test_feature_names_are_unique_on_any_grid(start, span, n):
    mbtr = MBTRTransformer(species=["H"])
    mbtr.set_params(k2__grid={"min": start, "max": start + span, "n": n, "sigma": 0.1})
    names = mbtr.fit([molecule("H2")]).get_feature_names_out()
    assert len(set(names)) == n


def test_out_receives_the_result(tmp_path):
    mbtr = MBTRTransformer(**ALL_TERMS)
    expected = mbtr.fit_transform(WATERS)
    out = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, expected.shape)
    out[:] = 7
    assert mbtr.transform(WATERS, out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_out_must_fit():
    mbtr = MBTRTransformer().fit(WATERS)
    for wrong in (np.empty((2, 1200), np.float32), np.empty((3, 1200)), [[0.0]]):
        with pytest.raises(ValueError, match=r"out must be an array of shape \(3, 1200\)"):
            mbtr.transform(WATERS, out=wrong)
    for wrong in (np.empty((1200, 3), np.float32).T, np.broadcast_to(np.float32(0), (3, 1200))):
        with pytest.raises(ValueError, match="out must be C-contiguous and writable"):
            mbtr.transform(WATERS, out=wrong)
    with pytest.raises(ValueError, match="out must be None with sparse=True"):
        mbtr.set_params(sparse=True).transform(WATERS, out=np.empty((3, 1200), np.float32))


def test_progress_is_shown_on_request(capsys):
    mbtr = MBTRTransformer().fit(WATERS)
    mbtr.transform(WATERS)
    assert capsys.readouterr().err == ""
    mbtr.set_params(verbose=True).transform(WATERS)
    assert "3/3" in capsys.readouterr().err


def test_boundary_conditions_are_ignored_unless_asked_for():
    boxed = [atoms.copy() for atoms in WATERS]
    for atoms in boxed:
        atoms.set_cell([3.0, 3.0, 3.0])
        atoms.pbc = True
    mbtr = MBTRTransformer(**ALL_TERMS).set_params(
        k2__weighting__threshold=0.2, k3__weighting__threshold=0.2
    )
    X = mbtr.fit(WATERS).transform(WATERS)
    np.testing.assert_array_equal(mbtr.transform(boxed), X)
    periodic = MBTRTransformer(periodic=True, **mbtr.terms_).fit(boxed)
    assert periodic.backend_ == "dscribe"
    assert (periodic.transform(boxed) - X).max() > 1
    np.testing.assert_allclose(periodic.transform(WATERS), X, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("normalization", ["none", "valle_oganov"])
def test_crystals(normalization):
    crystals = as_molecules([bulk("NaCl", "rocksalt", a=5.64), bulk("Cu"), bulk("Na")])
    kwargs = {
        "k2": {
            "geometry": {"function": "distance"},
            "grid": {"min": 0, "max": 6, "n": 50, "sigma": 0.1},
            "weighting": {"function": "inverse_square", "r_cut": 6},
        },
        "k3": {
            "geometry": {"function": "angle"},
            "grid": {"min": 0, "max": 180, "n": 20, "sigma": 5},
            "weighting": {"function": "smooth_cutoff", "r_cut": 4},
        },
        "periodic": True,
        "normalization": normalization,
    }
    mbtr = MBTRTransformer(**kwargs, dtype="float64").fit(crystals)
    expected = compute_with_dscribe(crystals, ["Na", "Cl", "Cu"], k1=None, **kwargs)
    np.testing.assert_allclose(mbtr.transform(crystals), expected, rtol=1e-12)
    assert (mbtr.transform(crystals) != 0).any(axis=1).all()


def test_crystals_open_limit_sees_images():
    copper = bulk("Cu", a=3.6)
    mbtr = MBTRTransformer(periodic=True).fit([copper])
    assert mbtr.terms_["k2"]["grid"]["max"] == pytest.approx(np.sqrt(2) / 3.6)
    with pytest.raises(ValueError, match=r"molecules\[1\].*coincident"):
        mbtr.transform([copper, Atoms("Cu2", [[0, 0, 0], [0, 0, 4]], cell=[4, 4, 4], pbc=True)])
    with pytest.raises(ValueError, match=r"molecules\[1\] has a cell without volume"):
        mbtr.set_params(normalization="valle_oganov").fit([copper, WATERS[0]])


@pytest.mark.parametrize("backend", ["native", "dscribe"])
@pytest.mark.parametrize("sparse", [False, True])
def test_zero_features_are_dropped_and_names_kept(backend, sparse, tmp_path):
    full = MBTRTransformer(**ALL_TERMS, backend=backend).fit(WATERS)
    X, names = full.transform(WATERS), full.get_feature_names_out()
    mbtr = MBTRTransformer(**ALL_TERMS, backend=backend, sparse=sparse, drop_zero_features=True)
    reduced = mbtr.fit_transform(WATERS)
    reduced = reduced.toarray() if sparse else reduced
    kept = X.any(axis=0)
    np.testing.assert_array_equal(reduced, X[:, kept])
    np.testing.assert_array_equal(mbtr.get_feature_names_out(), names[kept])
    np.testing.assert_array_equal(mbtr.kept_features_, np.flatnonzero(kept))
    if not sparse:
        out = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, reduced.shape)
        np.testing.assert_array_equal(mbtr.transform(WATERS, out=out), reduced)


def test_dropping_all_features_is_refused():
    mbtr = MBTRTransformer(drop_zero_features=True).set_params(k2__grid__max=1)
    with pytest.raises(ValueError, match="would drop all features"):
        mbtr.fit([Atoms("H")])
