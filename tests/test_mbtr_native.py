"""The compiled MBTR backend: dscribe's numbers, from any thread, in little memory."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.collections import g2
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import Parallel, delayed
from scipy.stats import norm

import skmolal
from skmolal import MBTRTransformer
from skmolal.descriptors import _blocks, _kernels
from skmolal.descriptors._native import tabulate_grid
from tests.mbtr_strategies import ELEMENTS, compute_with_dscribe, molecule_lists, one_term

G2 = [atoms for atoms in map(molecule, g2.names) if len(atoms) > 1]
ALL_TERMS = {"k1": "default", "k2": "default", "k3": "default"}


def assert_close(X, expected, rtol=1e-7):
    np.testing.assert_allclose(X, expected, rtol=0, atol=rtol * np.abs(expected).max() + 1e-13)


@settings(max_examples=150)
@given(molecule_lists(), one_term())
def test_native_is_dscribe_on_random_molecules_and_settings(molecules, kwargs):
    mbtr = MBTRTransformer(**kwargs, species=ELEMENTS, backend="native", dtype="float64")
    X = mbtr.fit(molecules).transform(molecules)
    expected = compute_with_dscribe(molecules, ELEMENTS, **kwargs)
    if kwargs["normalization"] == "l2":
        # A row of nothing but far tails is rounding, in dscribe too: its norm says nothing.
        plain = compute_with_dscribe(molecules, ELEMENTS, **kwargs | {"normalization": "none"})
        rows = np.abs(plain).max(axis=1) > 1e-6
        X, expected = X[rows], expected[rows]
    if X.size:
        assert_close(X, expected)


@pytest.mark.parametrize("normalization", ["none", "l2", "n_atoms"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_native_is_dscribe_on_the_g2_molecules(normalization, dtype):
    kwargs = {**ALL_TERMS, "normalization": normalization, "dtype": dtype}
    native = MBTRTransformer(backend="native", **kwargs).fit(G2)
    dscribe = MBTRTransformer(backend="dscribe", **kwargs).fit(G2)
    some = G2[::7]
    assert_close(native.transform(some), dscribe.transform(some))


@pytest.mark.parametrize("function", ["angle", "cosine"])
def test_native_is_dscribe_on_straight_angles(function):
    molecules = [molecule("CO2"), molecule("C2H2"), Atoms("C4", np.eye(4)[:, :3] * 0)]
    molecules[2].positions[:, 0] = [0, 1, 2.5, 3]
    mbtr = MBTRTransformer(k2=None, k3="default", dtype="float64")
    high, low = (180, 0) if function == "angle" else (1, -1)
    mbtr.set_params(
        k3__geometry__function=function,
        k3__grid={"min": low, "max": high, "n": 90, "sigma": (high - low) / 90},
    )
    native = mbtr.fit(molecules).transform(molecules)
    assert_close(native, mbtr.set_params(backend="dscribe").fit(molecules).transform(molecules))


@settings(max_examples=60)
@given(st.floats(-3, 3), st.floats(-12, 0.5), st.integers(2, 80))
def test_gaussians_of_any_width_are_exact(centre, log_sigma, n):
    grid, table = tabulate_grid(min=-1.0, max=1.0, n=n, sigma=float(np.exp(log_sigma)))
    row = np.zeros(n)
    _kernels._add_gaussian(row, 0, centre, 2.0, grid, table)
    edges = grid.start + grid.step * np.arange(n + 1)
    expected = 2 * np.diff(norm.cdf(edges, centre, grid.sigma))
    peak = 2 * (2 * norm.cdf(grid.step / 2 / grid.sigma) - 1)
    np.testing.assert_allclose(row, expected, rtol=0, atol=1e-9 * peak + 1e-15)


def test_auto_says_what_it_takes():
    assert MBTRTransformer().fit(G2).backend_ == "native"
    assert MBTRTransformer(backend="dscribe").fit(G2).backend_ == "dscribe"
    assert MBTRTransformer(periodic=True).fit(G2[:2]).backend_ == "dscribe"
    with pytest.raises(ValueError, match=r"backend='native' is for finite.*\['auto', 'dscribe'\]"):
        MBTRTransformer(backend="native", periodic=True).fit(G2)


def test_threads_give_the_same_bits():
    mbtr = MBTRTransformer(**ALL_TERMS).fit(G2)
    expected = mbtr.transform(G2)
    with ThreadPoolExecutor(4) as pool:
        for X in pool.map(mbtr.transform, [G2] * 6):
            np.testing.assert_array_equal(X, expected)
    for n_jobs in (2, 3, -1):
        np.testing.assert_array_equal(mbtr.set_params(n_jobs=n_jobs).transform(G2), expected)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_inside_joblib(backend):
    mbtr = MBTRTransformer(n_jobs=2).fit(G2)
    expected = mbtr.transform(G2)
    for X in Parallel(n_jobs=2, backend=backend)(delayed(mbtr.transform)(G2) for _ in range(3)):
        np.testing.assert_array_equal(X, expected)


def test_no_threads_are_left_behind(monkeypatch):
    monkeypatch.setattr(_blocks, "BLOCK_BYTES", 1000)
    mbtr = MBTRTransformer(n_jobs=3).fit(G2)
    before = threading.active_count()
    mbtr.transform(G2)
    monkeypatch.setattr(_kernels, "fill_pairs", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        mbtr.transform(G2)
    assert threading.active_count() == before


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("sparse", [False, True])
def test_blocks_do_not_show(monkeypatch, n_jobs, sparse):
    mbtr = MBTRTransformer(**ALL_TERMS, sparse=sparse, n_jobs=n_jobs).fit(G2)
    expected = mbtr.transform(G2)
    monkeypatch.setattr(_blocks, "BLOCK_BYTES", 300_000)
    X = mbtr.transform(G2)
    if sparse:
        X, expected = X.toarray(), expected.toarray()
    np.testing.assert_array_equal(X, expected)


def test_sparse_holds_no_large_dense_block(monkeypatch):
    monkeypatch.setattr(_blocks, "BLOCK_BYTES", 300_000)
    seen, to_csr = [], _blocks._to_csr

    def spy(block, kept):
        seen.append(block.nbytes)
        return to_csr(block, kept)

    monkeypatch.setattr(_blocks, "_to_csr", spy)
    X = MBTRTransformer(sparse=True).fit(G2).transform(G2)
    assert len(seen) > 10
    assert max(seen) <= 300_000
    assert X.shape == (len(G2), MBTRTransformer().fit(G2).get_feature_names_out().size)


def test_kernels_compile_where_nothing_can_be_written(tmp_path):
    """A read-only package without a home: compiled in memory, and no warning."""
    code = (
        "import numba.core.caching as c, warnings; warnings.simplefilter('error')\n"
        "c.CacheImpl._locator_classes = []\n"
        "from skmolal.descriptors import _kernels; import numpy as np\n"
        "print(_kernels.pair_extremes(np.eye(3), np.array([0, 3]))[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(skmolal.__file__).parents[1],
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("[1.41")
