"""Displays of a campaign: pool, property, uncertainty and molecules hold what they draw."""

import sys

import matplotlib as mpl
import numpy as np
import pytest
from scipy import sparse
from scipy.stats import norm
from sklearn.decomposition import PCA
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmolal import ActiveLearningRegressor, Campaign
from skmolal.datasets import load_qm9_sample
from skmolal.model_selection import active_learning_curve
from skmolal.plotting import MoleculesDisplay, PoolDisplay, PropertyDisplay, UncertaintyDisplay

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def data():
    X = np.random.RandomState(0).normal(size=(120, 4)) * [4, 2, 1, 1]
    return X, X[:, 0] + 0.1 * X[:, 1]


def play(data, n_rounds=3, **options):
    learner = ActiveLearningRegressor(
        BayesianRidge(), "uncertainty", n_initial=10, batch_sizes=[5] * (n_rounds - 1)
    )
    return learner.set_params(random_state=0, **options).fit(*data)


@pytest.fixture(scope="module")
def curve(data):
    return active_learning_curve(
        BayesianRidge(), *data, n_initial=10, batch_sizes=[5, 5], n_repeats=2, random_state=0
    )


def draw(display):
    """Render, so that a mistake matplotlib finds only when drawing is found too."""
    display.figure_.canvas.draw()
    return display


def test_pool_shows_every_molecule_once(data):
    learner = play(data)
    display = draw(PoolDisplay.from_estimator(learner))
    coordinates = PCA(2).fit_transform(data[0])
    assert sorted(display.picks_) == [0, 1, 2]
    drawn = [display.pool_, *display.picks_.values()]
    assert [len(points.get_offsets()) for points in drawn] == [100, 10, 5, 5]
    np.testing.assert_allclose(
        np.abs(display.picks_[1].get_offsets()),
        np.abs(coordinates[np.sort(learner.query_idx_[10:15])]),
    )
    share = PCA(2).fit(data[0]).explained_variance_ratio_[0]
    assert display.ax_.get_xlabel() == f"component 1 ({share:.0%} of variance)"
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["pool", "round 0 (10)", "round 1 (5)", "round 2 (5)"]


def test_pool_of_a_campaign_a_pipeline_and_a_curve(data, curve):
    X, y = data
    learner = play(data)
    from_campaign = PoolDisplay.from_campaign(learner.campaign_)
    np.testing.assert_array_equal(from_campaign.rounds, PoolDisplay.from_estimator(learner).rounds)
    pipeline = make_pipeline(StandardScaler(), play(data)).fit(X, y)
    assert (PoolDisplay.from_estimator(pipeline).rounds >= 0).sum() == 20
    from_results = PoolDisplay.from_results(curve, X, "uncertainty", repeat=1)
    picks = curve.picks.query("strategy == 'uncertainty' and repeat == 1")
    np.testing.assert_array_equal(from_results.rounds[picks["position"]], picks["round"])
    assert (from_results.rounds == -1).sum() == 100
    sparse_pool = PoolDisplay.from_results(curve, sparse.csr_array(X), "random", random_state=0)
    assert sparse_pool.embedding.shape == (120, 2)


def test_many_rounds_get_a_color_bar_and_some_can_be_chosen(data):
    learner = play(data, n_rounds=12)
    display = draw(PoolDisplay.from_estimator(learner))
    assert display.ax_.get_legend() is None
    assert len(display.figure_.axes) == 2
    labels = [text.get_text() for text in display.figure_.axes[1].get_yticklabels()]
    assert (labels[0], labels[-1]) == ("0", "11")
    some = PoolDisplay.from_estimator(learner, rounds=[11, 0])
    assert list(some.picks_) == [0, 11]
    with pytest.raises(ValueError, match=r"rounds must be among \[0, .*got \[12\]"):
        PoolDisplay.from_estimator(learner, rounds=[12])


@pytest.mark.filterwarnings("ignore")  # its own, of packages it would like to have
def test_umap_is_used_where_it_is_installed(data):
    pytest.importorskip("umap")
    display = PoolDisplay.from_estimator(play(data), method="umap", random_state=0)
    assert display.embedding.shape == (120, 2)
    assert display.ax_.get_xlabel() == "UMAP 1"


def test_umap_is_named_where_it_is_missing(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match="needs umap-learn: python -m pip install umap-learn"):
        PoolDisplay.from_estimator(play(data), method="umap")


def test_property_histograms_count_what_was_picked(data):
    learner = play(data)
    display = draw(PropertyDisplay.from_estimator(learner, low=2.0, bins=8, name="energy (eV)"))
    density, edges, _ = display.pool_.get_data()
    np.testing.assert_allclose(density, np.histogram(data[1], 8, density=True)[0])
    first, same_edges, _ = display.picks_[0].get_data()
    np.testing.assert_array_equal(edges, same_edges)
    labels = data[1][learner.query_idx_[:10]]
    np.testing.assert_allclose(first, np.histogram(labels, edges, density=True)[0])
    assert display.target_.get_x() == 2.0
    assert display.target_.get_x() + display.target_.get_width() == pytest.approx(edges[-1])
    assert display.ax_.get_xlabel() == "energy (eV)"


def test_property_of_a_campaign_whose_pool_is_not_known(data, curve):
    X, y = data
    campaign = Campaign(BayesianRidge(), X, random_state=0)
    with pytest.raises(ValueError, match="campaign has no labels yet"):
        PropertyDisplay.from_campaign(campaign)
    ids = campaign.ask(12)
    display = draw(PropertyDisplay.from_campaign(campaign.tell(ids, y[ids])))
    assert display.pool_ is None
    assert display.target_ is None
    assert list(display.picks_) == [0]
    display = PropertyDisplay.from_results(curve, "random", repeat=1, y=y, high=0.0)
    picks = curve.picks.query("strategy == 'random' and repeat == 1")
    np.testing.assert_array_equal(display.labels, picks["label"])
    with pytest.raises(ValueError, match="low must not be above high"):
        PropertyDisplay.from_results(curve, "random", low=1.0, high=0.0)
    six = PropertyDisplay.from_estimator(play(data, n_rounds=12))
    assert list(six.picks_) == [0, 2, 4, 7, 9, 11]


def test_names_of_a_curve_are_checked(data, curve):
    with pytest.raises(ValueError, match=r"strategy must be one of \['random', 'uncertainty'\]"):
        PropertyDisplay.from_results(curve, "target")
    with pytest.raises(ValueError, match=r"repeat must be one of \[0, 1\], got 2"):
        PoolDisplay.from_results(curve, data[0], "random", repeat=2)
    with pytest.raises(TypeError, match=r"must be a fitted ActiveLearningRegressor.*BayesianRidge"):
        PoolDisplay.from_estimator(BayesianRidge())
    with pytest.raises(ValueError, match="method must be 'pca' or 'umap', got 'tsne'"):
        PoolDisplay.from_results(curve, data[0], "random", method="tsne")


def test_a_calibrated_model_lies_on_the_diagonal():
    random = np.random.RandomState(0)
    y_std = random.uniform(0.1, 1.0, size=20_000)
    error = random.normal(scale=y_std)
    display = draw(UncertaintyDisplay.from_predictions(np.zeros(20_000), error, y_std, n_bins=8))
    np.testing.assert_allclose(display.bin_error_, display.bin_std_, rtol=0.05)
    assert display.coverage_[0.68] == pytest.approx(0.68, abs=0.01)
    assert display.coverage_[0.95] == pytest.approx(0.95, abs=0.01)
    sure = UncertaintyDisplay.from_predictions(np.zeros(20_000), error, y_std / 2)
    np.testing.assert_allclose(sure.bin_error_, 2 * sure.bin_std_, rtol=0.06)
    assert sure.coverage_[0.95] == pytest.approx(2 * norm.cdf(0.98) - 1, abs=0.01)


def test_bins_hold_equal_numbers_in_order_of_the_deviation():
    y_std = np.array([3.0, 1.0, 2.0, 4.0])
    error = np.array([0.3, 0.1, 0.2, 0.4])
    display = UncertaintyDisplay.from_predictions(error, np.zeros(4), y_std, n_bins=2)
    np.testing.assert_allclose(display.bin_std_, np.sqrt([2.5, 12.5]))
    np.testing.assert_allclose(display.bin_error_, np.sqrt([0.025, 0.125]))


def test_noise_that_the_model_leaves_out_is_added(data):
    X, y = data
    model = BayesianRidge().fit(X[:60], y[:60])
    display = draw(
        UncertaintyDisplay.from_estimator(model, X[60:], y[60:], noise_std=3.0, n_bins=4)
    )
    std = model.predict(X[60:], return_std=True)[1]
    np.testing.assert_allclose(display.y_std, np.sqrt(std**2 + 9))
    np.testing.assert_allclose(display.error, model.predict(X[60:]) - y[60:])
    constant = UncertaintyDisplay.from_predictions([1.0, 2.0], [1.5, 2.0], [0.5, 0.5], n_bins=1)
    draw(constant)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [1, 2], [1, -1]), "y_std must not be negative, got -1"),
        (([1, 2], [1, 2], [1]), "inconsistent numbers of samples"),
        (([1, 2], [1, 2], [1, 1]), "n_bins must lie between 1 and 2, got 10"),
    ],
)
def test_wrong_predictions_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        UncertaintyDisplay.from_predictions(*arguments)


def test_molecules_are_the_first_picks_of_each_round(data, curve):
    molecules = load_qm9_sample().data[:120]
    learner = play(data)
    display = draw(MoleculesDisplay.from_estimator(learner, molecules, n_per_round=3, unit="eV"))
    expected = [molecules[i].info["smiles"] for i in learner.query_idx_[[0, 1, 2, 10, 11, 12]]]
    assert display.smiles[:6] == expected
    assert len(display.smiles) == 9
    assert display.legends[3] == f"round 1: {data[1][learner.query_idx_[10]]:#.3g} eV"
    assert display.image_.get_array().shape == (3 * 220, 3 * 220, 3)
    assert display.image_.get_array().min() < 0.5  # something is drawn
    last = MoleculesDisplay.from_campaign(learner.campaign_, molecules, rounds=[2], n_columns=2)
    assert last.image_.get_array().shape == (3 * 220, 2 * 220, 3)
    from_curve = MoleculesDisplay.from_results(curve, molecules, "random", n_per_round=1)
    assert [text.split(":")[0] for text in from_curve.legends] == ["round 0", "round 1", "round 2"]


def test_molecules_that_cannot_be_drawn_are_named(data):
    learner = play(data)
    molecules = [atoms.copy() for atoms in load_qm9_sample().data[:120]]
    with pytest.raises(ValueError, match="molecules must hold the whole pool"):
        MoleculesDisplay.from_estimator(learner, molecules[:5])
    with pytest.raises(ValueError, match="n_per_round must be a positive integer, got 0"):
        MoleculesDisplay.from_estimator(learner, molecules, n_per_round=0)
    del molecules[learner.query_idx_[0]].info["smiles"]
    with pytest.raises(ValueError, match=r"has no atoms.info\['smiles'\]"):
        MoleculesDisplay.from_estimator(learner, molecules)
    with pytest.raises(ValueError, match="RDKit cannot read the SMILES 'C1CC'"):
        MoleculesDisplay(smiles=["C", "C1CC"], legends=["", ""]).plot()


def test_a_display_draws_where_it_is_told(data):
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(1, 3)
    learner = play(data)
    displays = [
        PoolDisplay.from_estimator(learner, ax=axes[0]),
        PropertyDisplay.from_estimator(learner, ax=axes[1]),
        UncertaintyDisplay.from_estimator(learner, *data, ax=axes[2]),
    ]
    assert [display.ax_ for display in displays] == list(axes)
    assert all(display.figure_ is axes[0].figure for display in displays)


def test_molecules_must_be_features_to_be_embedded(curve):
    molecules = load_qm9_sample().data[:120]
    with pytest.raises(ValueError, match=r"X must be a table of features.*120 molecules"):
        PoolDisplay.from_results(curve, molecules, "random")
