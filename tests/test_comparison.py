"""compare_strategies: against scipy and by hand, and honest about chance."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_rel
from sklearn.neighbors import KNeighborsRegressor
from sklearn.utils import Bunch

from skmolal.metrics import compare_strategies, data_savings
from skmolal.model_selection import active_learning_curve

N_LABELLED = (100, 200, 400)


def make_frame(scores, n_labelled=N_LABELLED, metric="score", **times):
    """Scores: dict strategy -> (n_repeats, n_rounds)."""
    return pd.DataFrame(
        [
            {"strategy": name, "repeat": r, "n_labelled": n, metric: value}
            | {column: values[name] for column, values in times.items()}
            for name, table in scores.items()
            for r, row in enumerate(table)
            for n, value in zip(n_labelled, row, strict=True)
        ]
    )


def noisy(slope, seed, n_repeats=8, scale=0.02):
    noise = np.random.RandomState(seed).normal(scale=scale, size=(n_repeats, 3))
    return slope * np.log2(np.array(N_LABELLED) / 100) + noise


def test_without_correction_it_is_the_paired_t_test():
    ours, theirs = noisy(0.11, 0), noisy(0.1, 1)
    row = compare_strategies(make_frame({"random": theirs, "s": ours}), test_ratio=0).iloc[0]
    # rounds are doublings: along log2 the trapezoid has weights 1/4, 1/2, 1/4
    a, b = (table @ [0.25, 0.5, 0.25] for table in (ours, theirs))
    expected = ttest_rel(a, b)
    assert row["p_value"] == pytest.approx(expected.pvalue)
    assert row["area"] == pytest.approx(a.mean())
    assert row["area_baseline"] == pytest.approx(b.mean())
    interval = expected.confidence_interval(0.95)
    assert (row["difference_low"], row["difference_high"]) == pytest.approx(tuple(interval))


def test_correction_widens_the_interval_as_published():
    frame = make_frame({"random": noisy(0.1, 1), "s": noisy(0.11, 0)})

    def half(ratio):
        row = compare_strategies(frame, test_ratio=ratio).iloc[0]
        assert row["difference"] == pytest.approx(
            (row["difference_low"] + row["difference_high"]) / 2
        )
        return row["difference_high"] - row["difference"]

    assert half(0.25) / half(0) == pytest.approx(np.sqrt((1 / 8 + 0.25) / (1 / 8)))


def test_linear_labels_weigh_each_label_the_same():
    frame = make_frame({"random": [[0.0, 0.0, 0.0]] * 6, "s": [[0.0, 0.3, 0.6]] * 6})
    linear = compare_strategies(frame, test_ratio=0.2, label_scale="linear").iloc[0]
    assert linear["area"] == pytest.approx((0.15 * 100 + 0.45 * 200) / 300)
    log = compare_strategies(frame, test_ratio=0.2).iloc[0]
    assert log["area"] == pytest.approx(0.3)


def test_curves_are_compared_where_both_have_labels():
    ours = make_frame({"s": [[0.0, 1.0, 1.0]] * 6}, (100, 200, 400))
    theirs = make_frame({"random": [[0.0, 1.0]] * 6}, (100, 200))
    row = compare_strategies(pd.concat([theirs, ours]), test_ratio=0.2).iloc[0]
    assert row["area"] == row["area_baseline"] == pytest.approx(0.5)
    assert row["verdict"] == "not distinguishable"
    apart = make_frame({"random": [[0.0, 1.0]] * 6}, (500, 600))
    with pytest.raises(ValueError, match="must share a stretch of labels"):
        compare_strategies(pd.concat([apart, ours]), test_ratio=0.2)


def test_savings_are_those_of_data_savings_where_the_strategy_ends_ahead():
    scores = {"random": [[0.1, 0.2, 0.3]] * 6, "s": [[0.1, 0.5, 0.9]] * 6}
    frame = make_frame(scores)
    row = compare_strategies(frame, test_ratio=0.25).iloc[0]
    assert row["savings"] == pytest.approx(data_savings(frame, "s", metric="score").mean)
    assert row["savings_low"] == row["savings_high"] == pytest.approx(row["savings"])
    assert row["n_never_reached"] == 0
    swapped = compare_strategies(frame, "s", test_ratio=0.25).iloc[0]
    assert 1 - swapped["savings"] == pytest.approx(1 / (1 - row["savings"]))
    assert swapped["n_never_reached"] == 6
    assert (row["verdict"], swapped["verdict"]) == ("better", "worse")


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n_repeats=st.integers(2, 9), ratio=st.floats(0, 1))
@example(seed=652040, n_repeats=2, ratio=1.0)  # an interval over 84 powers of two
def test_swapping_the_two_changes_the_sign_and_nothing_else(seed, n_repeats, ratio):
    scores = {name: noisy(0.1, seed + k, n_repeats, 0.2) for k, name in enumerate("ab")}
    frame = make_frame(scores)
    one, other = (compare_strategies(frame, b, test_ratio=ratio).iloc[0] for b in "ba")
    assert one["difference"] == pytest.approx(-other["difference"])
    assert one["difference_low"] == pytest.approx(-other["difference_high"])
    assert one["p_value"] == pytest.approx(other["p_value"])
    lost = np.log2(1 - one["savings_low"])
    # Savings near one are rounded: of 1 - 2**-42 ten bits tell where the interval ends.
    rounding = 2 * np.finfo(float).eps * 2.0 ** abs(lost)
    tolerance = max(1e-6 * abs(lost), 1e-12, rounding)
    assert lost == pytest.approx(-np.log2(1 - other["savings_high"]), rel=0, abs=tolerance)
    opposite = {"better": "worse", "worse": "better"}
    assert opposite.get(one["verdict"], one["verdict"]) == other["verdict"]


def test_holm_steps_down_over_strategies_and_metrics():
    frame = make_frame({"random": noisy(0, 0)} | {f"s{k}": noisy(0.01 * k, k) for k in (1, 2, 3)})
    frame["other"] = frame["score"] ** 2
    table = compare_strategies(frame, test_ratio=0.1)
    assert len(table) == 6
    ordered = table.sort_values("p_value")
    p = ordered["p_value"].to_numpy()
    expected = [min(1.0, max(p[: k + 1] * np.arange(6, 5 - k, -1))) for k in range(6)]
    np.testing.assert_allclose(ordered["p_adjusted"], expected)
    alone = compare_strategies(frame, metrics="score", test_ratio=0.1)
    assert set(alone["metric"]) == {"score"}
    assert (alone["p_adjusted"].to_numpy() <= table.query("metric == 'score'")["p_adjusted"]).all()


@pytest.mark.parametrize(("confidence", "needed"), [(0.95, 6), (0.99, 8), (0.9, 5), (0.75, 3)])
def test_too_few_seeds_get_no_verdict(confidence, needed):
    for n_repeats in (1, needed - 1, needed):
        frame = make_frame({"random": noisy(0, 0, n_repeats), "s": noisy(1, 1, n_repeats)})
        row = compare_strategies(frame, test_ratio=0.1, confidence=confidence).iloc[0]
        assert row["verdict"] == ("better" if n_repeats == needed else "too few seeds")
        assert np.isnan(row["p_value"]) == (n_repeats == 1)
        if n_repeats < needed:
            assert row["remarks"] == f"{n_repeats} of the {needed} seeds needed"


def test_undefined_scores_leave_the_repeat_out():
    scores = {"random": noisy(0.1, 0, 7), "s": noisy(0.1, 1, 7)}
    scores["s"][3, 1] = np.nan
    kept = {name: np.delete(table, 3, axis=0) for name, table in scores.items()}
    with_nan, without = (compare_strategies(make_frame(s), test_ratio=0.1) for s in (scores, kept))
    assert with_nan["n_repeats"].tolist() == [6]
    pd.testing.assert_frame_equal(with_nan, without)
    scores["s"][:] = np.nan
    row = compare_strategies(make_frame(scores), test_ratio=0.1).iloc[0]
    assert row["verdict"] == "too few seeds"
    assert np.isnan(row["difference"])


class Molecules:
    """Curves of strategies that are equal, over seeds that redraw the same 400 molecules.

    Every molecule has a difficulty as test molecule, a usefulness as training molecule and, with
    `taste`, a difficulty of its own under each strategy, which is zero in the mean over all
    molecules there are, but not over the 80 of a test set.
    """

    n_samples, n_test, rounds = 400, 80, np.array([20, 40, 80, 160])

    def __init__(self, random, taste, n_strategies=3):
        self.random = random
        self.difficulty = random.exponential(size=self.n_samples)
        self.usefulness = random.normal(size=self.n_samples)
        self.wanted = np.argsort(self.difficulty) >= self.n_samples * 9 // 10
        self.taste = taste * random.normal(size=(n_strategies, self.n_samples))

    def play(self, n_repeats):
        rows = []
        for repeat in range(n_repeats):
            test, pool = np.split(self.random.permutation(self.n_samples), [self.n_test])
            for k, taste in enumerate(self.taste):
                first, rest = np.split(pool, self.rounds[:1])
                order = np.concatenate([first, self.random.permutation(rest)])
                useful = np.cumsum(self.usefulness[order])[self.rounds - 1] / self.rounds
                hard = self.difficulty[test].mean() + taste[test].mean() * (self.rounds > 20)
                error = (self.rounds / 20) ** -0.3 * (hard - 0.5 * useful)
                found = np.cumsum(self.wanted[order])[self.rounds - 1] / self.wanted[pool].sum()
                name = f"random {k}" if k else "random"
                rows += [
                    (name, repeat, n, -e, f)
                    for n, e, f in zip(self.rounds, error, found, strict=True)
                ]
        return pd.DataFrame(rows, columns=["strategy", "repeat", "n_labelled", "mae", "found"])


@pytest.mark.parametrize("n_repeats", [6, 12])
@pytest.mark.parametrize("taste", [0.0, 0.7])
def test_random_against_random_is_called_different_in_at_most_one_of_twenty(n_repeats, taste):
    random = np.random.RandomState(n_repeats)
    called, uncorrected, n_studies = 0, 0, 200
    for _ in range(n_studies):
        molecules = Molecules(random, taste)
        frame = molecules.play(n_repeats)
        ratio = molecules.n_test / (molecules.n_samples - molecules.n_test)
        table = compare_strategies(frame, test_ratio=ratio)
        assert len(table) == 4
        called += table["verdict"].isin(["better", "worse"]).any()
        if taste:
            table = compare_strategies(frame, test_ratio=0.0)
            uncorrected += table["verdict"].isin(["better", "worse"]).any()
    assert called / n_studies <= 0.05
    if taste:  # what the correction is for
        assert uncorrected / n_studies > 0.07


def test_real_differences_are_found():
    random = np.random.RandomState(0)
    found = 0
    for _ in range(20):
        frame = Molecules(random, taste=0.0).play(10)
        ahead = (frame["strategy"] == "random 2") & (frame["n_labelled"] > 20)
        frame.loc[ahead, "mae"] += 0.3
        table = compare_strategies(frame, test_ratio=0.25).set_index(["strategy", "metric"])
        found += table.loc[("random 2", "mae"), "verdict"] == "better"
        assert table.loc[("random 1", "mae"), "verdict"] == "not distinguishable"
    assert found >= 18


def remarks(scores, **times):
    row = compare_strategies(make_frame(scores, **times), test_ratio=0.1).iloc[0]
    return row["verdict"], row["remarks"]


def test_what_went_wrong_is_said_in_words():
    rising = noisy(0.3, 0)
    assert remarks({"random": noisy(0.1, 1), "s": rising}) == ("better", "")
    assert remarks({"random": rising, "s": noisy(0.1, 1)}) == ("worse", "worse than random")
    flat = noisy(0.0, 2)
    verdict, text = remarks({"random": flat, "s": noisy(0.0, 3)})
    assert verdict == "not distinguishable"
    assert text == "flat while the set grows: at 400 labels not distinguishable from 100"
    assert (
        "falls while the set grows: lower at 400 labels than at 100"
        in remarks({"random": flat, "s": noisy(-0.3, 3)})[1]
    )
    early = noisy(0.0, 4) + np.array([0.0, 0.5, 0.5])
    text = remarks({"random": flat, "s": early})[1]
    assert text.startswith("early plateau: 95% of the gain with the first")
    assert text.endswith("of 400 labels")


def test_cost_without_gain_is_said():
    scores = {"random": noisy(0.2, 0), "s": noisy(0.2, 1)}
    fits = {"random": 1.0, "s": 1.0}
    cheap = remarks(scores, fit_time=fits, query_time={"random": 0.0, "s": 0.1})
    dear = remarks(scores, fit_time=fits, query_time={"random": 0.0, "s": 9.0})
    assert cheap == ("not distinguishable", "")
    assert dear == ("not distinguishable", "cost without gain: 30 s a campaign against 3 s")
    quick = {"random": 0.01, "s": 0.01}  # of these nobody notices a tenth of a second
    waits = remarks(scores, fit_time=quick, query_time={"random": 0.0, "s": 0.1})
    assert waits == ("not distinguishable", "")
    gain = {"random": noisy(0.1, 0), "s": noisy(0.3, 1)}
    assert remarks(gain, fit_time=fits, query_time={"random": 0.0, "s": 9.0}) == ("better", "")


def test_the_ratio_comes_from_the_curve():
    X = np.random.RandomState(0).uniform(size=(60, 2))
    curve = active_learning_curve(
        KNeighborsRegressor(2),
        X,
        X.sum(axis=1),
        query_strategies=["random", "k_center"],
        n_initial=5,
        batch_sizes=[5, 10],
        test_size=12,
        n_repeats=6,
        random_state=0,
    )
    table = compare_strategies(curve)
    assert table["metric"].tolist() == ["neg_mean_absolute_error"]
    pd.testing.assert_frame_equal(table, compare_strategies(curve.frame, test_ratio=12 / 48))
    with pytest.raises(ValueError, match="test_ratio must be given"):
        compare_strategies(curve.frame)
    assert (
        compare_strategies(Bunch(frame=curve.frame, settings={"n_test": 0, "n_pool": 1}))
        is not None
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baseline": "none"}, r"baseline must be one of the curve's strategies \['random', 's'\]"),
        ({"metrics": ["mae"]}, r"metrics must be among the columns \['score'\], got \['mae'\]"),
        ({"metrics": []}, "metrics must be among the columns"),
        ({"confidence": 1.0}, r"confidence must lie in \[0.5, 1\), got 1.0"),
        ({"label_scale": "sqrt"}, "label_scale must be 'log' or 'linear', got 'sqrt'"),
        ({"test_ratio": -1}, "test_ratio must be a number that is not negative"),
    ],
)
def test_wrong_options_are_named(options, message):
    frame = make_frame({"random": noisy(0, 0), "s": noisy(0, 1)})
    with pytest.raises(ValueError, match=message):
        compare_strategies(frame, **({"test_ratio": 0.1} | options))


def test_curves_that_cannot_be_paired_are_refused():
    frame = make_frame({"random": noisy(0, 0), "s": noisy(0, 1)})
    with pytest.raises(ValueError, match="must have the same repeats"):
        compare_strategies(frame.query("strategy == 'random' or repeat < 7"), test_ratio=0.1)
    with pytest.raises(ValueError, match="no strategy to compare with 'random'"):
        compare_strategies(frame.query("strategy == 'random'"), test_ratio=0.1)
