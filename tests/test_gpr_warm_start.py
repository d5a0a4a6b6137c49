"""A warm start changes what a fit and a prediction cost, not what they give."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

from skmolal import GaussianProcessRegressor
from skmolal.gaussian_process._engine import pool_cache
from skmolal.gaussian_process._engine.fingerprint import RowIndex, fingerprint_rows
from skmolal.gaussian_process._engine.precision import numerics
from skmolal.query_strategies import uncertainty_sampling

KERNEL = 2.0 * Matern(6.0, nu=1.5) + WhiteKernel(0.01)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 20))
    return X, np.sin(X[:, 0]) + 0.3 * X[:, 1] + 0.1 * rng.normal(size=300)


@pytest.fixture(scope="module", autouse=True)
def small_tiles():
    """Tiles of 32 instead of 512 reach every branch on small data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skmolal.gaussian_process._gpr.choose_tile", lambda *_: 32)
        yield


def make_model(**params):
    params = {"kernel": KERNEL, "alpha": 0.05, "optimizer": None, **params}
    return GaussianProcessRegressor(**params)


def assert_like_fresh(model, X, y, X_pool, result=None):
    fresh = clone(model).set_params(warm_start=False, reoptimize_growth=None, optimizer=None)
    fresh.set_params(kernel=model.kernel_).fit(X, y)
    result = model.predict(X_pool, return_std=True) if result is None else result
    for ours, expected in zip(result, fresh.predict(X_pool, return_std=True), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-8)
    np.testing.assert_allclose(model.L_, fresh.L_, atol=1e-8)
    np.testing.assert_allclose(model.alpha_, fresh.alpha_, atol=1e-8)
    np.testing.assert_allclose(
        model.log_marginal_likelihood_value_, fresh.log_marginal_likelihood_value_, rtol=1e-8
    )


def labelled_growing(batches, n_first=11, n_all=300, seed=0):
    """Yield rows labelled and rows of the pool of a loop."""
    rng = np.random.default_rng(seed)
    labelled, pool = np.arange(n_first), np.arange(n_first, n_all)
    for batch in [0, *batches]:
        new = rng.choice(len(pool), batch, replace=False)
        labelled, pool = np.concatenate([labelled, pool[new]]), np.delete(pool, new)
        yield labelled, pool


@pytest.mark.parametrize("normalize_y", [False, True])
@pytest.mark.parametrize("pool_cache_bytes", [2**31, 100_000, 0])
def test_a_loop_gives_what_fresh_fits_give(data, pool_cache_bytes, normalize_y):
    X, y = data
    model = make_model(warm_start=True, pool_cache_bytes=pool_cache_bytes, normalize_y=normalize_y)
    by_rows = clone(model)
    for labelled, pool in labelled_growing([1, 5, 16, 3, 50, 2, 128, 7]):
        for one in (model, by_rows):
            one.fit(X[labelled], y[labelled])
        assert_like_fresh(model, X[labelled], y[labelled], X[pool])
        result = by_rows._predict_rows(X, pool)
        assert_like_fresh(by_rows, X[labelled], y[labelled], X[pool], result)


def count_advances(monkeypatch):
    """Make blocks of 32 rows; return a list of those brought up to date."""
    monkeypatch.setattr(pool_cache, "block_rows", lambda *_: 32)
    advanced, advance = [], pool_cache._Block.advance
    monkeypatch.setattr(
        pool_cache._Block,
        "advance",
        lambda self, posterior: (advanced.append(self), advance(self, posterior)),
    )
    return advanced


def predict_by_number(model, X, pool):
    return model._predict_rows(X, pool)


def predict_by_content(model, X, pool):
    return model.predict(X[pool], return_std=True)


def most_uncertain_by_number(model, X, pool, n):
    return model._most_uncertain_rows(X, pool, n)


def most_uncertain_by_content(model, X, pool, n):
    return model._most_uncertain(X[pool], n)


BY_NUMBER = most_uncertain_by_number, predict_by_number
BY_CONTENT = most_uncertain_by_content, predict_by_content


@pytest.mark.parametrize(("ask", "predict"), [BY_NUMBER, BY_CONTENT], ids=["number", "content"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("pool_cache_bytes", [2**31, 100_000])
def test_the_most_uncertain_are_those_of_a_fresh_fit(
    data, pool_cache_bytes, dtype, ask, predict, monkeypatch
):
    X, y = data
    advanced = count_advances(monkeypatch)
    model = make_model(warm_start=True, pool_cache_bytes=pool_cache_bytes, dtype=dtype)
    share = []
    for labelled, pool in labelled_growing([5, 16, 3, 40, 2, 7, 1]):
        model.fit(X[labelled], y[labelled])
        advanced.clear()
        candidates, std = ask(model, X, pool, 10)
        share.append(len(candidates) / len(pool))
        assert len(advanced) * 32 >= len(candidates)
        fresh = clone(model).set_params(warm_start=False, optimizer=None, dtype="float64")
        fresh.kernel = model.kernel_
        _, expected = fresh.fit(X[labelled], y[labelled]).predict(X[pool], return_std=True)
        tolerance = 1e-8 if dtype == "float64" else 1e-4
        np.testing.assert_allclose(std, expected[candidates], atol=tolerance)
        if dtype == "float64":
            assert set(np.argsort(-expected)[:10]) <= set(candidates)
        # What was left alone is brought up to date when it is asked for.
        if len(labelled) > 60:
            _, all_std = predict(model, X, pool)
            np.testing.assert_allclose(all_std, expected, atol=tolerance)
    if pool_cache_bytes == 2**31:
        assert min(share) < 0.5


@pytest.mark.parametrize(("ask", "predict"), [BY_NUMBER, BY_CONTENT], ids=["number", "content"])
def test_a_block_nobody_asks_for_is_not_mixed_with_others(data, ask, predict, monkeypatch):
    X, y = data
    monkeypatch.setattr(pool_cache, "block_rows", lambda *_: 32)
    model = make_model(warm_start=True, pool_cache_bytes=200_000)
    labelled, pool = np.arange(11), np.arange(11, len(X))
    for n_new in (32, 40, 5, 60, 3, 1, 1, 1, 1, 1, 1, 1, 1):  # first a whole block, past a tile
        model.fit(X[labelled], y[labelled])
        ask(model, X, pool, 5)
        cache = model._posterior.cache
        assert sum(block.n_bytes for block in cache._blocks) <= 200_000
        labelled, pool = np.concatenate([labelled, pool[:n_new]]), pool[n_new:]
    model.fit(X[labelled], y[labelled])
    result = predict(model, X, pool)
    assert_like_fresh(model, X[labelled], y[labelled], X[pool], result)


@pytest.mark.parametrize("form", ["float64", "float32", "CSR", "repeated rows"])
def test_a_loop_of_users_updates_few_rows_and_picks_the_same(data, form, monkeypatch):
    X, y = data
    if form == "CSR":
        X = sparse.csr_matrix(np.where(X > 1, X, 0.0))
    elif form == "repeated rows":
        X, y = np.vstack([X[:150], X[:150]]), np.concatenate([y[:150], y[:150]])
    else:
        X = X.astype(form)
    advanced = count_advances(monkeypatch)
    model, fresh = make_model(warm_start=True), make_model()
    for k, (labelled, pool) in enumerate(labelled_growing([5, 16, 3, 40, 2, 7])):
        advanced.clear()
        picks = [
            uncertainty_sampling(one.fit(X[labelled], y[labelled]), X[pool], 4)[0]
            for one in (model, fresh)
        ]
        np.testing.assert_array_equal(*picks)
        if k >= 2:  # first all are computed, then brought up to date and grouped
            assert len(advanced) < len(model._posterior.cache._blocks)


def test_a_test_set_stays_known_beside_the_pool(data, monkeypatch):
    X, y = data
    advanced = count_advances(monkeypatch)
    made = []
    init = pool_cache._Block.__init__
    monkeypatch.setattr(
        pool_cache._Block, "__init__", lambda self, *args: (made.append(self), init(self, *args))[1]
    )
    model, test = make_model(warm_start=True), X[240:]
    for k, (labelled, pool) in enumerate(labelled_growing([5, 16, 3, 4, 2], n_all=240)):
        model.fit(X[labelled], y[labelled])
        made.clear()
        advanced.clear()
        uncertainty_sampling(model, X[pool], 4)
        if k >= 2:
            assert len(advanced) < 7
        assert_like_fresh(model, X[labelled], y[labelled], test)
        assert len(made) == 0 or k == 0


def test_pools_of_two_types_share_a_row_of_zeros(data, monkeypatch):
    X, y = data
    X = X.copy()
    X[[100, 250]] = 0.0  # whose fingerprint is zero in every type
    count_advances(monkeypatch)
    model = make_model(warm_start=True)
    for n_labelled in (20, 30, 40, 50):
        model.fit(X[:n_labelled], y[:n_labelled])
        assert_like_fresh(model, X[:n_labelled], y[:n_labelled], X[200:])
        pool = X[60:200].astype(np.float32)
        candidates, _ = model._most_uncertain(pool, 5) or (np.arange(140), None)
        std = make_model().fit(X[:n_labelled], y[:n_labelled]).predict(pool, return_std=True)[1]
        assert set(np.argsort(-std)[:3]) <= set(candidates)


def test_an_interrupt_while_rows_are_grouped_leaves_a_cache_that_works(data, monkeypatch):
    X, y = data
    count_advances(monkeypatch)
    model, pool = make_model(warm_start=True), np.arange(60, 300)
    take, calls = pool_cache._take, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return take(*args)

    for k, n_labelled in enumerate((20, 25, 30, 35)):
        model.fit(X[:n_labelled], y[:n_labelled])
        if k == 1:
            monkeypatch.setattr(pool_cache, "_take", interrupted)
            with pytest.raises(KeyboardInterrupt):
                model._most_uncertain(X[pool], 5)
        assert_like_fresh(model, X[:n_labelled], y[:n_labelled], X[pool])


class Scaled:
    """A learner whose predictions are its own."""

    def __init__(self, model):
        self.estimator = model

    def predict(self, X, return_std=False):
        mean, std = self.estimator.predict(X, return_std=True)
        return (mean, std / (1 + X[:, 0] ** 2)) if return_std else mean


def test_a_learner_that_predicts_by_itself_is_asked(data, monkeypatch):
    X, y = data
    monkeypatch.setattr("skmolal.query_strategies._machinery.contest.LEAST_ROWS", 10)
    for warm_start in (False, True):
        model = make_model(warm_start=warm_start)
        for n_labelled in (20, 50, 60):
            learner = Scaled(model.fit(X[:n_labelled], y[:n_labelled]))
            expected = np.argsort(-learner.predict(X[60:], return_std=True)[1])[:4]
            picks, _ = uncertainty_sampling(learner, X[60:], 4)
            np.testing.assert_array_equal(picks, expected)


def test_several_targets_are_refused_in_so_many_words(data):
    X, y = data
    model = make_model(warm_start=True).fit(X[:20], np.column_stack([y, -y])[:20])
    with pytest.raises(ValueError, match="must predict one mean per row"):
        uncertainty_sampling(model, X[20:], 4)


@given(batches=st.lists(st.integers(1, 40), min_size=1, max_size=5), seed=st.integers(0, 99))
@settings(max_examples=6)
def test_any_batches_give_what_fresh_fits_give(batches, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 20))
    y = rng.normal(size=300)
    model = make_model(warm_start=True)
    for labelled, pool in labelled_growing(batches, seed=seed):
        model.fit(X[labelled], y[labelled])
        model.predict(X[pool], return_std=True)
    assert_like_fresh(model, X[labelled], y[labelled], X[pool])


def test_only_new_rows_are_solved_for(data, monkeypatch):
    X, y = data
    solved = []
    init = pool_cache._Block.__init__

    def count(self, posterior, X, names, *args):
        solved.append(len(names))
        init(self, posterior, X, names, *args)

    monkeypatch.setattr(pool_cache._Block, "__init__", count)
    model = make_model(warm_start=True)
    for labelled, pool in labelled_growing([5, 5, 5]):
        factor = getattr(model, "_posterior", None)
        model.fit(X[labelled], y[labelled])
        assert factor is None or model._posterior is factor
        model.predict(X[pool][::-1], return_std=True)
    assert solved == [289]
    model.predict(X[:40], return_std=True)  # some were never in the pool
    assert len(solved) == 2
    assert solved[1] <= 26


def test_rows_are_recognised_by_content_not_by_place(data):
    X, y = data
    model = make_model(warm_start=True).fit(X[:20], y[:20])
    pool = X[20:].copy()
    model.predict(pool, return_std=True)
    pool[3] = pool[4]
    pool[7, 2] += 1e-9
    assert_like_fresh(model, X[:20], y[:20], pool)
    assert_like_fresh(model, X[:20], y[:20], np.repeat(pool[::-1], 2, axis=0))


def test_old_data_that_changed_mean_a_fit_from_nothing(data):
    X, y = data
    model = make_model(warm_start=True).fit(X[:50], y[:50])
    model.predict(X[50:], return_std=True)
    changed = X[:60].copy()
    changed[5, 5] += 1.0
    for X_train, y_train in [
        (X[:60], y[:60] + 1.0),  # other labels
        (changed, y[:60]),
        (changed[:30], y[:30]),  # fewer samples
        (changed[:40].astype(np.float32), y[:40]),
    ]:
        model.fit(X_train, y_train)
        assert_like_fresh(model, X_train, y_train, X[60:].astype(X_train.dtype))
    model.set_params(alpha=0.2).fit(X[:60], y[:60])
    assert_like_fresh(model, X[:60], y[:60], X[60:])
    model.set_params(kernel=2.0 * RBF(5.0)).fit(X[:70], y[:70])
    assert_like_fresh(model, X[:70], y[:70], X[70:])


def test_data_changed_in_place_are_noticed(data):
    X, y = data[0].copy(), data[1]
    model = make_model(warm_start=True, copy_X_train=False).fit(X[:50], y[:50])
    X[3] += 1.0
    model.fit(X[:60], y[:60])
    assert_like_fresh(model, X[:60], y[:60], X[60:])


def test_an_extension_that_fails_is_an_error_and_the_next_fit_works(data):
    X, y = data
    model = make_model(kernel=RBF(5.0), alpha=0.0, warm_start=True).fit(X[:20], y[:20])
    twice = np.vstack([X[:20], X[:1]])
    with pytest.raises(np.linalg.LinAlgError, match="alpha"):
        model.fit(twice, y[:21])
    model.fit(X[:25], y[:25])
    assert_like_fresh(model, X[:25], y[:25], X[25:])


def test_csr_pool(data):
    X, y = sparse.csr_matrix(np.where(data[0] > 0.5, data[0], 0.0)), data[1]
    model = make_model(warm_start=True)
    for labelled, pool in labelled_growing([5, 9]):
        model.fit(X[labelled], y[labelled])
        assert_like_fresh(model, X[labelled], y[labelled], X[pool])
    assert model._posterior.cache.n_rows == 289


def test_rows_nobody_asks_for_are_forgotten(data):
    X, y = data
    model = make_model(warm_start=True).fit(X[:20], y[:20])
    model.predict(X[20:], return_std=True)
    for _ in range(pool_cache._PATIENCE + 1):
        model.predict(X[20:60], return_std=True)
    assert model._posterior.cache.n_rows == 40
    assert_like_fresh(model, X[:20], y[:20], X[20:])


def test_memory_stays_within_the_limit(data):
    X, y = data
    model = make_model(warm_start=True, pool_cache_bytes=2**17).fit(X[:20], y[:20])
    for start in (20, 120, 220):
        model.predict(X[start : start + 80], return_std=True)
        cache = model._posterior.cache
        assert 0 < sum(block.n_bytes for block in cache._blocks) <= 2**17
    assert cache.n_rows <= 160


@pytest.mark.parametrize("copy_of", [clone, lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
def test_nothing_kept_travels_with_a_copy(data, copy_of):
    X, y = data
    model = make_model(warm_start=True).fit(X[:50], y[:50])
    expected = model.predict(X[50:], return_std=True)
    model._predict_rows(X, np.arange(50, 300))
    size = len(pickle.dumps(model))
    other = copy_of(model)
    if not hasattr(other, "X_train_"):
        other.fit(X[:50], y[:50])
    assert other._posterior.cache.n_rows == 0
    assert "_known_pool" not in vars(other)
    np.testing.assert_allclose(other.predict(X[50:], return_std=True), expected, atol=1e-12)
    model._posterior.cache = None
    assert size < len(pickle.dumps(model)) + 1000
    other.fit(X[:60], y[:60])
    assert_like_fresh(other, X[:60], y[:60], X[60:])


# --- hyperparameters ----------------------------------------------------------------------------


def _count_optimizer():
    calls = []

    def optimizer(obj_func, initial_theta, bounds):
        calls.append(np.array(initial_theta))
        return initial_theta + 0.1, obj_func(initial_theta + 0.1, eval_gradient=False)

    return optimizer, calls


def test_hyperparameters_are_optimised_by_growth_from_the_last_optimum(data):
    X, y = data
    optimizer, calls = _count_optimizer()
    model = make_model(warm_start=True, optimizer=optimizer, reoptimize_growth=2.0)
    optimised_at = []
    for n_samples in (10, 15, 19, 20, 30, 39, 40, 100):
        before = len(calls)
        model.fit(X[:n_samples], y[:n_samples])
        assert_like_fresh(model, X[:n_samples], y[:n_samples], X[100:])
        if len(calls) > before:
            optimised_at.append(n_samples)
    assert optimised_at == [10, 20, 40, 100]
    for k, start in enumerate(calls):
        np.testing.assert_allclose(start, KERNEL.theta + 0.1 * k)
    model.fit(X[5:50], y[5:50])  # other samples, not more
    assert len(calls) == 5


def test_a_search_leaves_hyperparameters_that_explain_nothing():
    """Those of the first few labels are often such, and the slope is zero there."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = np.sin(X).sum(axis=1) + 0.1 * rng.normal(size=60)
    kernel = ConstantKernel(1.0, (0.2, 1e3)) * RBF(3.0, (1e-2, 1e2)) + WhiteKernel(0.1, (1e-5, 1))
    model = GaussianProcessRegressor(kernel, warm_start=True, normalize_y=True)
    model._fit(X[:10], y[:10], theta=np.log([0.2, 0.01, 0.8]))
    assert np.ptp(model.predict(X[10:])) < 1e-6
    fresh = clone(model).fit(X, y)
    model.fit(X, y)
    np.testing.assert_allclose(
        model.log_marginal_likelihood_value_, fresh.log_marginal_likelihood_value_, atol=1e-3
    )
    assert fresh.score(X, y) > 0.9


def test_without_growth_each_fit_optimises(data):
    X, y = data
    optimizer, calls = _count_optimizer()
    model = make_model(warm_start=True, optimizer=optimizer)
    for n_samples in (10, 11, 12):
        model.fit(X[:n_samples], y[:n_samples])
    assert len(calls) == 3


def test_a_stored_campaign_comes_back_bit_for_bit(data):
    X, y = data
    optimizer, _ = _count_optimizer()
    params = {"warm_start": True, "reoptimize_growth": 2.0}
    model = make_model(optimizer=optimizer, **params)
    stored = []
    sizes = (10, 15, 22, 30, 50)
    for n_samples in sizes:
        model.fit(X[:n_samples], y[:n_samples])
        stored.append(model.kernel_.theta.tolist())
        expected = model.predict(X[60:], return_std=True)
    again = make_model(**params, optimizer="fmin_l_bfgs_b")
    for n_samples, theta in zip(sizes, stored, strict=True):
        again._fit(X[:n_samples], y[:n_samples], theta)
        result = again.predict(X[60:], return_std=True)
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(again.L_, model.L_)
    np.testing.assert_array_equal(again.kernel_.theta, model.kernel_.theta)
    assert again._n_optimized == model._n_optimized


# --- fingerprints -------------------------------------------------------------------------------


@given(seed=st.integers(0, 10_000), bit=st.integers(0, 31))
@settings(max_examples=40)
def test_any_flipped_bit_changes_a_fingerprint(seed, bit):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 3, size=(20, 6)).astype(np.float32)
    flipped = X.copy()
    rows, columns = np.arange(20), rng.integers(0, 6, 20)
    flipped.view(np.uint32)[rows, columns] ^= np.uint32(1) << np.uint32(bit)
    assert (fingerprint_rows(X) != fingerprint_rows(flipped)).any(axis=1).all()
    equal_rows = (X[:, None] == X[None]).all(axis=-1)
    keys = fingerprint_rows(X)
    np.testing.assert_array_equal((keys[:, None] == keys[None]).all(axis=-1), equal_rows)


def test_fingerprints_of_csr_and_of_odd_types():
    X = sparse.random(30, 40, density=0.2, format="csr", random_state=0)
    keys = fingerprint_rows(X)
    assert len(np.unique(keys, axis=0)) == len(np.unique(X.toarray(), axis=0))
    np.testing.assert_array_equal(fingerprint_rows(X[10:15]), keys[10:15])
    for dtype in (np.int8, np.float16, bool, np.longdouble):
        dense = (X.toarray() > 0.5).astype(dtype)
        np.testing.assert_array_equal(fingerprint_rows(dense[3:]), fingerprint_rows(dense)[3:])
    index = RowIndex(keys[:20])
    np.testing.assert_array_equal(index.find(keys[[3, 25, 0]]), [3, -1, 0])
    assert RowIndex(keys[:0]).find(keys[:2]).tolist() == [-1, -1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fingerprints_do_not_depend_on_threads(dtype, monkeypatch):
    X = np.random.default_rng(0).normal(size=(3500, 5)).astype(dtype)
    X[X < 0.5] = 0
    for rows in (X, sparse.csr_matrix(X)):
        keys = []
        for n_threads in (1, 3):
            monkeypatch.setattr(
                "skmolal.gaussian_process._engine.host.count_threads", lambda n=n_threads: n
            )
            keys.append(fingerprint_rows(rows))
        np.testing.assert_array_equal(*keys)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_with_and_without_a_cache(data, bad, make):
    X, y = data
    X_pool = X[100:].copy()
    warm, fresh = (make_model(warm_start=w).fit(X[:50], y[:50]) for w in (True, False))
    X_bad = X_pool.copy()
    X_bad[7, 3] = bad
    for _ in range(2):  # of rows never seen, then of one among those that are known
        messages = []
        for model in (warm, fresh):
            with pytest.raises(ValueError, match="Input X contains") as caught:
                model.predict(make(X_bad), return_std=True)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]
        assert_like_fresh(warm, X[:50], y[:50], make(X_pool))


@pytest.mark.parametrize("growth", [1.0, 1e6])
def test_without_warm_start_growth_has_no_effect(data, growth):
    X, y = data
    optimizer, calls = _count_optimizer()
    model = make_model(warm_start=False, optimizer=optimizer, reoptimize_growth=growth)
    for n_samples in (10, 11, 40):
        model.fit(X[:n_samples], y[:n_samples])
    np.testing.assert_array_equal(calls, [KERNEL.theta] * 3)  # each time, and from the start


def test_samples_that_are_kept_later_count_to_the_limit():
    """A new label must not push out what was computed a moment before."""
    X = np.random.default_rng(0).normal(size=(100, 40))
    gpr = GaussianProcessRegressor(RBF(5.0), alpha=0.01, optimizer=None, warm_start=True)
    gpr.fit(X[:20], np.arange(20.0))
    gpr._predict_rows(X, np.arange(20, 100))
    (block,) = gpr._posterior.cache._blocks
    assert block.kept is None
    with numerics():  # elsewhere old versions of JAX count float64 as float32
        before = block.n_bytes
    gpr.fit(X[:21], np.arange(21.0))
    gpr._predict_rows(X, np.arange(21, 100))
    assert block.kept is not None
    with numerics():
        assert before <= block.n_bytes <= 1.05 * before
