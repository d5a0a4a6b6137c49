"""Rows of any container: counted, taken and stacked by position."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from skmolal._rows import as_rows, n_rows, stack_columns, stack_rows, take_rows


def make_molecules(n):
    # Pairs of atoms: np.array would unfold such a list into shape (n, 2).
    return [Atoms("CO", positions=[[0, 0, 0], [0, 0, 1 + i / 10]]) for i in range(n)]


def to_object_array(molecules):
    rows = np.empty(len(molecules), dtype=object)
    for i, atoms in enumerate(molecules):
        rows[i] = atoms
    return rows


TABLE = np.arange(12.0).reshape(6, 2)
MOLECULES = make_molecules(6)
# The labels contradict the positions, in rows and in columns.
LABELS = [3, 0, 1, 5, 2, 4]
CONTAINERS = {
    "array": TABLE,
    "vector": np.arange(6.0),
    "csr_matrix": sp.csr_matrix(TABLE),
    "csr_array": sp.csr_array(TABLE),
    "coo_matrix": sp.coo_matrix(TABLE),
    "frame": pd.DataFrame(TABLE, index=LABELS, columns=[1, 0]),
    "series": pd.Series(np.arange(6.0), index=LABELS),
    "list": [[float(i), float(j)] for i, j in TABLE],
    "molecules": to_object_array(MOLECULES),
    "molecule_list": MOLECULES,
    "molecule_series": pd.Series(to_object_array(MOLECULES), index=LABELS),
}


def unpack(X):
    """Rows as a list of plain objects, the oracle's form."""
    if sp.issparse(X):
        X = X.toarray()
    if hasattr(X, "iloc"):
        X = X.to_numpy()
    return [row if isinstance(row, Atoms) else np.asarray(row).tolist() for row in X]


@pytest.mark.parametrize("name", CONTAINERS)
@settings(max_examples=20)
@given(idx=st.lists(st.integers(0, 5)), as_mask=st.booleans())
def test_taken_rows_are_those_of_a_list(name, idx, as_mask):
    X = CONTAINERS[name]
    if as_mask:
        idx = np.isin(np.arange(6), idx)
    expected = [unpack(X)[i] for i in (np.flatnonzero(idx) if as_mask else idx)]
    taken = take_rows(X, idx)
    assert unpack(taken) == expected
    assert n_rows(taken) == len(expected)


@pytest.mark.parametrize("name", CONTAINERS)
def test_an_integer_takes_the_row_itself(name):
    X = CONTAINERS[name]
    row = take_rows(X, np.int64(4))
    if sp.issparse(X):
        assert row.shape == (1, 2)
        row = row.toarray()[0]
    assert (row if isinstance(row, Atoms) else np.asarray(row).tolist()) == unpack(X)[4]


@pytest.mark.parametrize("name", CONTAINERS)
def test_stacked_rows_are_those_of_a_list_in_the_container_of_the_first(name):
    X = CONTAINERS[name]
    stacked = stack_rows(take_rows(X, [2, 0]), take_rows(X, [5]))
    assert unpack(stacked) == [unpack(X)[i] for i in (2, 0, 5)]
    assert type(stacked) is (type(X) if not isinstance(X, sp.coo_matrix) else sp.csr_matrix)


@pytest.mark.parametrize("first", ["molecules", "molecule_list", "molecule_series"])
@pytest.mark.parametrize("second", ["molecules", "molecule_list", "molecule_series"])
def test_molecules_of_equal_size_stay_molecules(first, second):
    stacked = stack_rows(CONTAINERS[first], CONTAINERS[second])
    assert [*stacked] == MOLECULES + MOLECULES
    assert n_rows(stacked) == 12


@pytest.mark.parametrize("name", ["molecules", "molecule_list", "molecule_series"])
def test_molecules_pass_the_gate_as_an_object_array(name):
    rows = as_rows(CONTAINERS[name])
    assert rows.shape == (6,)
    assert all(a is b for a, b in zip(rows, MOLECULES, strict=True))


@pytest.mark.parametrize("name", ["array", "csr_array", "frame", "series", "list"])
def test_other_containers_pass_the_gate_as_they_are(name):
    assert as_rows(CONTAINERS[name]) is CONTAINERS[name]


@pytest.mark.parametrize("X", [3, "CCO", np.array(1.0), iter([1]), MOLECULES[0]])
def test_what_has_no_rows_is_refused(X):
    with pytest.raises(TypeError, match=r"X must be an array|single Atoms"):
        as_rows(X)


def test_frames_are_stacked_by_column_label_and_keep_their_index():
    frame = CONTAINERS["frame"]
    stacked = stack_rows(frame, frame[[0, 1]].iloc[[1]])
    assert stacked.columns.tolist() == [1, 0]
    assert stacked.index.tolist() == [*LABELS, 0]
    assert stacked.iloc[6].tolist() == TABLE[1].tolist()


def test_frames_of_other_columns_are_refused():
    with pytest.raises(ValueError, match=r"same columns.*\[0, 1\] and \[0, 2\]"):
        stack_rows(pd.DataFrame(TABLE), pd.DataFrame(TABLE, columns=[0, 2]))
    with pytest.raises(TypeError, match="got DataFrame and ndarray"):
        stack_rows(pd.DataFrame(TABLE), TABLE)


def test_a_series_and_an_array_become_an_array():
    stacked = stack_rows(pd.Series([1.0], index=[7]), np.array([2.0]))
    assert isinstance(stacked, np.ndarray)
    assert stacked.tolist() == [1.0, 2.0]


def test_columns_are_stacked_side_by_side():
    frame = CONTAINERS["frame"]
    expected = np.hstack([TABLE, TABLE])
    assert isinstance(stack_columns([frame, frame]), pd.DataFrame)
    for block in (TABLE, sp.csr_array(TABLE), frame):
        stacked = stack_columns([block, block])
        stacked = stacked.toarray() if sp.issparse(stacked) else np.asarray(stacked)
        np.testing.assert_array_equal(stacked, expected)
    assert stack_columns([frame]) is frame


def test_a_row_of_a_frame_is_stacked_as_a_row():
    frame = pd.DataFrame(
        {
            "n": [1, 2, 3],
            "x": [0.5, 1.5, 2.5],
            "name": ["a", "b", "c"],
            "kind": pd.Categorical(["u", "v", "u"]),
            "flag": [True, False, True],
        },
        index=[7, 5, 6],
    )
    stacked = stack_rows(frame.iloc[:2], take_rows(frame, 2))
    pd.testing.assert_frame_equal(stacked, frame)
    other_order = take_rows(frame, 2)[["kind", "x", "flag", "n", "name"]]
    pd.testing.assert_frame_equal(stack_rows(frame.iloc[:2], other_order), frame)
    fraction = take_rows(frame[["n", "x"]], 2) + 0.5  # is not cut to the column's integers
    assert stack_rows(frame[["n", "x"]], fraction)["n"].tolist() == [1, 2, 3, 3.5]
    with pytest.raises(ValueError, match="same columns"):
        stack_rows(frame, pd.Series([1.0, 2.0]))


def test_what_numpy_can_read_passes_the_gate_as_an_array():
    class Rows:
        def __array__(self, dtype=None, copy=None):
            return TABLE

    np.testing.assert_array_equal(as_rows(Rows()), TABLE)
