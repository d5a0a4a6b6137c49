"""What every molecule transformer promises: one `check_*` function per promise.

A check takes an unfitted transformer and raises where the promise is broken. They are run on all
molecule transformers by ``test_common.py``.
"""

import pickle
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from ase.build import molecule
from scipy import sparse as sp
from scipy.spatial.transform import Rotation
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skmolal import as_molecules


def make_molecules():
    """Build small molecules: linear, planar, chiral, two of the same size, a pair of atoms."""
    names = ["H2O", "NH3", "CH4", "CH3OH", "C2H2", "CO2", "H2CO", "N2", "C2H4", "HCN"]
    return as_molecules([molecule(name) for name in names])


# Of the molecules above.
SMILES = ["O", "N", "C", "CO", "C#C", "O=C=O", "C=O", "N#N", "C=C", "C#N"]


def takes_smiles(transformer):
    return transformer.__sklearn_tags__().input_tags.string


def check_fit_returns_self(transformer):
    assert transformer.fit(make_molecules()) is transformer


def check_shape_and_type(transformer):
    molecules = make_molecules()
    X = transformer.fit(molecules).transform(molecules)
    assert X.shape == (len(molecules), len(transformer.get_feature_names_out()))
    assert X.dtype == np.dtype(transformer.dtype)
    assert sp.issparse(X) == bool(transformer.sparse)
    assert np.isfinite(_dense(X)).all()


def check_no_row_is_zero(transformer):
    molecules = make_molecules()
    assert (_dense(transformer.fit(molecules).transform(molecules)) != 0).any(axis=1).all()


def check_fit_transform(transformer):
    molecules = make_molecules()
    expected = transformer.fit(molecules).transform(molecules)
    _assert_same(clone(transformer).fit_transform(molecules), expected)
    _assert_same(clone(transformer).fit_transform(iter(molecules), np.zeros(10)), expected)


def check_targets_are_ignored(transformer):
    molecules = make_molecules()
    expected = transformer.fit(molecules).transform(molecules)
    _assert_same(transformer.fit(molecules, np.arange(10.0)).transform(molecules), expected)


def check_containers(transformer):
    molecules = make_molecules()
    transformer.fit(molecules)
    expected = transformer.transform(molecules)
    column = pd.Series(molecules, index=np.arange(10)[::-1])
    for container in (list(molecules), tuple(molecules), column, column.to_frame()):
        _assert_same(transformer.transform(container), expected)
    _assert_same(transformer.transform(atoms for atoms in molecules), expected)


def check_parameters_are_untouched(transformer):
    params = deepcopy(transformer.get_params())
    transformer.fit(make_molecules()).transform(make_molecules())
    assert transformer.get_params() == params


def check_clone(transformer):
    transformer.fit(make_molecules())
    copy = clone(transformer)
    assert copy.get_params() == transformer.get_params()
    with pytest.raises(NotFittedError):
        copy.transform(make_molecules())


def check_repr(transformer):
    assert type(transformer).__name__ in repr(transformer)
    assert type(transformer).__name__ in transformer._repr_html_()


def check_pickle(transformer):
    molecules = make_molecules()
    expected = transformer.fit(molecules).transform(molecules)
    _assert_same(pickle.loads(pickle.dumps(transformer)).transform(molecules), expected)


def check_not_fitted(transformer):
    with pytest.raises(NotFittedError):
        transformer.transform(make_molecules())
    with pytest.raises(NotFittedError):
        transformer.get_feature_names_out()


def check_non_molecules(transformer):
    transformer.fit(make_molecules())
    for wrong in (make_molecules()[0], "CCO", 3, np.zeros((3, 2)).tolist()):
        with pytest.raises(TypeError, match=r"ase\.Atoms"):
            transformer.transform(wrong)
        with pytest.raises(TypeError, match=r"ase\.Atoms"):
            clone(transformer).fit(wrong)


def check_smiles(transformer):
    molecules = make_molecules()
    expected = transformer.fit(molecules).transform(molecules)
    series = pd.Series(SMILES, index=list("abcdefghij"))
    column = np.array(SMILES, dtype=object)[:, None]
    for smiles in (SMILES, np.array(SMILES), column, series, series.to_frame("smiles")):
        if takes_smiles(transformer):
            # sums run over atoms, in an order of their own
            _assert_close(transformer.transform(smiles), expected)
            _assert_close(clone(transformer).fit(smiles).transform(molecules), expected)
        else:
            with pytest.raises(TypeError, match=r"got SMILES.*skmolal\.molecules_from_smiles"):
                transformer.transform(smiles)
            with pytest.raises(TypeError, match=r"got SMILES.*skmolal\.molecules_from_smiles"):
                clone(transformer).fit_transform(smiles)


def check_smiles_are_as_good_as_molecules(transformer):
    if not takes_smiles(transformer):
        return
    expected = transformer.fit(SMILES).transform(SMILES)
    _assert_same(clone(transformer).fit_transform(text for text in SMILES), expected)
    _assert_same(clone(transformer).set_params(n_jobs=2).fit_transform(SMILES), expected)
    frame = pd.DataFrame({"smiles": SMILES}, index=list("abcdefghij"))
    named = clone(transformer).set_params(sparse=False).set_output(transform="pandas")
    named = named.fit_transform(frame)
    assert list(named.index) == list(frame.index)
    np.testing.assert_array_equal(named.to_numpy(), _dense(expected))
    model = make_pipeline(transformer, Ridge())
    assert np.isfinite(cross_val_score(model, SMILES, np.arange(10.0), cv=3)).all()


def check_bad_smiles_are_all_named(transformer):
    if not takes_smiles(transformer):
        return
    bad = [*SMILES, "C(", "CC", "", "nonsense"]
    transformer.fit(SMILES)
    message = (
        r"3 molecules cannot be described:\nsmiles\[10\].*cannot parse the SMILES 'C\('"
        r"\nsmiles\[12\].*no atoms\nsmiles\[13\].*'nonsense'$"
    )
    for n_jobs in (1, 2):
        with pytest.raises(ValueError, match=message):
            transformer.set_params(n_jobs=n_jobs).transform(bad)
    with pytest.raises(
        TypeError, match=r"must be str.*smiles\[1\] is None, smiles\[3\] is a Atoms"
    ):
        transformer.transform(["C", None, "CC", make_molecules()[0]])


def check_no_molecules(transformer):
    transformer.fit(make_molecules())
    n_features = len(transformer.get_feature_names_out())
    assert transformer.transform([]).shape == (0, n_features)
    with pytest.raises(ValueError, match="at least one molecule"):
        clone(transformer).fit([])


def check_empty_molecule(transformer):
    molecules = make_molecules()
    molecules[3] = molecules[3][:0]
    with pytest.raises(ValueError, match=r"molecules\[3\] is empty"):
        transformer.fit(molecules)


def check_non_finite_coordinates(transformer):
    for bad in (np.nan, np.inf):
        molecules = make_molecules()
        molecules[4].positions[1, 2] = bad
        with pytest.raises(ValueError, match=r"molecules\[4\].*not finite.*atom 1"):
            transformer.fit(molecules)


def check_coincident_atoms(transformer):
    molecules = make_molecules()
    transformer.fit(molecules)
    molecules[5].positions[2] = molecules[5].positions[0]
    with pytest.raises(ValueError, match=r"molecules\[5\].*coincident.*atoms 0 and 2"):
        transformer.transform(molecules)


def check_one_molecule(transformer):
    molecules = make_molecules()
    X = transformer.fit(molecules).transform(molecules)
    for i in (0, len(molecules) - 1):
        _assert_same(transformer.transform(molecules[i : i + 1]), X[[i]])


def check_rows_are_independent(transformer):
    molecules = make_molecules()
    X = transformer.fit(molecules).transform(molecules)
    order = np.random.RandomState(0).permutation(len(molecules))
    _assert_same(transformer.transform(molecules[order]), X[order])
    _assert_same(transformer.transform(molecules[order[:4]]), X[order[:4]])


def check_workers_do_not_matter(transformer):
    molecules = make_molecules()
    expected = transformer.fit(molecules).transform(molecules)
    _assert_same(transformer.set_params(n_jobs=2).transform(molecules), expected)


def check_molecules_are_untouched(transformer):
    molecules, before = make_molecules(), make_molecules()
    transformer.fit(molecules).transform(molecules)
    for atoms, reference in zip(molecules, before, strict=True):
        assert atoms == reference
        assert atoms.info == reference.info
        assert set(atoms.arrays) == set(reference.arrays)


def check_rigid_motions(transformer):
    molecules = make_molecules()
    X = _dense(transformer.fit(molecules).transform(molecules))
    random = np.random.RandomState(0)
    for atoms in molecules:
        rotation = Rotation.random(random_state=random).as_matrix()
        atoms.positions = atoms.positions @ rotation.T + random.normal(scale=5, size=3)
    moved = _dense(transformer.transform(molecules))
    np.testing.assert_allclose(moved, X, rtol=0, atol=_tolerance(X))


def check_order_of_atoms(transformer):
    molecules = make_molecules()
    X = _dense(transformer.fit(molecules).transform(molecules))
    random = np.random.RandomState(0)
    shuffled = [atoms[random.permutation(len(atoms))] for atoms in molecules]
    again = _dense(transformer.transform(shuffled))
    np.testing.assert_allclose(again, X, rtol=0, atol=_tolerance(X))


def check_feature_names(transformer):
    names = transformer.fit(make_molecules()).get_feature_names_out()
    assert isinstance(names, np.ndarray)
    assert names.ndim == 1
    assert all(isinstance(name, str) for name in names)
    assert len(set(names)) == len(names)


def check_set_output(transformer):
    # scikit-learn takes the index of a Series from 1.7 on only
    molecules = pd.Series(make_molecules(), index=list("abcdefghij")).to_frame("molecule")
    expected = transformer.set_params(sparse=False).fit(molecules).transform(molecules)
    frame = transformer.set_output(transform="pandas").transform(molecules)
    assert list(frame.columns) == list(transformer.get_feature_names_out())
    assert list(frame.index) == list(molecules.index)
    np.testing.assert_array_equal(frame.to_numpy(), expected)
    pd.testing.assert_frame_equal(clone(transformer).fit_transform(molecules), frame)


def check_pipeline(transformer):
    molecules, y = make_molecules(), np.arange(10.0)
    transformer.fit(molecules)
    for first in (clone(transformer), FrozenEstimator(transformer)):
        model = make_pipeline(first, Ridge()).fit(molecules, y)
        assert model.predict(molecules).shape == y.shape
    # every fold sees all elements only because the frozen transformer was fitted on all
    assert np.isfinite(cross_val_score(model, molecules, y, cv=3)).all()


def check_tags(transformer):
    tags = transformer.__sklearn_tags__()
    assert not tags.input_tags.two_d_array
    assert tags.requires_fit
    assert not hasattr(transformer.fit(make_molecules()), "n_features_in_")


TRANSFORMER_CHECKS = [value for name, value in list(globals().items()) if name[:6] == "check_"]


def _dense(X):
    return X.toarray() if sp.issparse(X) else X


def _assert_same(X, expected):
    assert type(X) is type(expected)
    assert X.dtype == expected.dtype
    np.testing.assert_array_equal(_dense(X), _dense(expected))


def _assert_close(X, expected):
    assert type(X) is type(expected)
    np.testing.assert_allclose(
        _dense(X), _dense(expected), rtol=0, atol=_tolerance(_dense(expected))
    )


def _tolerance(X):
    return np.abs(X).max() * (1e-5 if X.dtype == np.float32 else 1e-8)
