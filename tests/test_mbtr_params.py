"""MBTRTransformer's parameters: nested settings, cloning, grid search, validation."""

from copy import deepcopy

import numpy as np
import pytest
from ase.build import molecule
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skmolal import MBTRTransformer, as_molecules
from skmolal.descriptors._terms import DEFAULT_TERMS

MOLECULES = as_molecules([molecule(n) for n in ["H2O", "CH4", "CH3OH", "CO2", "H2CO", "C2H4"]])
K2 = {
    "geometry": {"function": "distance"},
    "grid": {"min": 0, "max": 5, "n": 20, "sigma": 0.1},
    "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3},
}


@pytest.fixture(autouse=True)
def _defaults_are_never_changed():
    before = deepcopy(DEFAULT_TERMS)
    yield
    assert before == DEFAULT_TERMS


def test_settings_inside_terms_are_listed():
    params = MBTRTransformer().get_params()
    assert params["k2"] == "default"
    assert params["k2__grid"] == {"min": 0, "max": None, "n": 200, "sigma": 0.02}
    assert params["k2__grid__sigma"] == 0.02
    assert params["k2__geometry__function"] == "inverse_distance"
    assert not any(key.startswith(("k1__", "k3__")) for key in params)
    assert "k3__weighting__scale" in MBTRTransformer(k3="default").get_params()
    assert MBTRTransformer(k2=K2).get_params()["k2__grid__n"] == 20
    assert not any("__" in key for key in MBTRTransformer().get_params(deep=False))


def test_listed_settings_are_copies():
    params = MBTRTransformer(k2=K2).get_params()
    params["k2__grid"]["sigma"] = 9
    MBTRTransformer().get_params()["k2__grid"]["sigma"] = 9
    assert K2["grid"]["sigma"] == 0.1


def test_every_listed_parameter_can_be_set_to_itself():
    mbtr = MBTRTransformer("default", K2, "default")
    again = MBTRTransformer().set_params(**mbtr.get_params())
    np.testing.assert_array_equal(again.fit_transform(MOLECULES), mbtr.fit_transform(MOLECULES))


def test_init_stores_what_it_is_given():
    mbtr = MBTRTransformer(k2=K2)
    assert mbtr.k2 is K2
    assert mbtr.get_params()["k2"] is K2


def test_set_params_copies_the_users_dict():
    before = deepcopy(K2)
    mbtr = MBTRTransformer(k2=K2).set_params(k2__grid__sigma=0.3, k2__weighting=None)
    assert before == K2
    assert mbtr.k2 == {**K2, "grid": {**K2["grid"], "sigma": 0.3}, "weighting": None}


def test_fit_leaves_the_users_dict_alone():
    before = deepcopy(K2)
    mbtr = MBTRTransformer(k2=K2).fit(MOLECULES)
    mbtr.terms_["k2"]["grid"]["n"] = 3
    assert before == K2


def test_terms_are_set_before_groups_before_settings():
    mbtr = MBTRTransformer(k2=None)
    grid = {"min": 0, "max": 2, "n": 30, "sigma": 0.5}
    mbtr.set_params(k2__grid__sigma=0.7, k2__grid=grid, k2="default", n_jobs=1)
    assert mbtr.k2["grid"] == {"min": 0, "max": 2, "n": 30, "sigma": 0.7}
    assert mbtr.k2["weighting"] == DEFAULT_TERMS["k2"]["weighting"]
    assert grid["sigma"] == 0.5
    assert mbtr.n_jobs == 1


def test_settings_inside_none_are_refused():
    with pytest.raises(ValueError, match="cannot set k3__grid__n: k3 is None; set k3='default'"):
        MBTRTransformer().set_params(k3__grid__n=3)
    with pytest.raises(ValueError, match="cannot set k2__grid__n: k2 is None"):
        MBTRTransformer().set_params(k2=None, k2__grid__n=3)
    with pytest.raises(ValueError, match="k2__weighting is None; set it to a dict"):
        MBTRTransformer(k2={**K2, "weighting": None}).set_params(k2__weighting__scale=3)


@pytest.mark.parametrize("key", ["k2__grid__width", "k2__grit__n", "k2__grid__n__x", "k2__grid__"])
def test_unknown_settings_are_refused(key):
    mbtr = MBTRTransformer()
    with pytest.raises(ValueError, match=f"'{key}': the settings of k2 are .*k2__grid__sigma"):
        mbtr.set_params(**{key: 3})
    assert mbtr.k2 == "default"


def test_unknown_parameters_are_refused():
    with pytest.raises(ValueError, match="Invalid parameter 'k4'"):
        MBTRTransformer().set_params(k4=None)
    with pytest.raises(ValueError, match="Invalid parameter 'species__x'"):
        MBTRTransformer().set_params(species__x=None)


def test_nothing_is_set_where_one_setting_is_refused():
    mbtr = MBTRTransformer()
    with pytest.raises(ValueError, match="k3 is None"):
        mbtr.set_params(sparse=True, k2__grid__n=7, k3__grid__n=7)
    assert mbtr.get_params() == MBTRTransformer().get_params()


def test_weighting_can_change_from_scale_to_radius():
    mbtr = MBTRTransformer(k2=K2).set_params(k2__weighting__scale=None, k2__weighting__r_cut=4)
    assert mbtr.fit(MOLECULES).terms_["k2"]["weighting"] == {
        "function": "exp",
        "threshold": 1e-3,
        "r_cut": 4,
    }


@pytest.mark.parametrize("k2", ["default", K2])
def test_clone(k2):
    mbtr = MBTRTransformer(k2=k2).set_params(k2__grid__sigma=0.3)
    copy = clone(mbtr)
    assert copy.get_params() == mbtr.get_params()
    copy.set_params(k2__grid__sigma=0.4)
    assert mbtr.k2["grid"]["sigma"] == 0.3


def test_grid_search_over_settings_and_terms():
    y = np.arange(6.0)
    pipeline = Pipeline([("mbtr", MBTRTransformer(species=["H", "C", "O"])), ("ridge", Ridge())])
    grid = {
        "mbtr__k2__grid__sigma": [0.02, 0.1],
        "mbtr__k3": [None, "default"],
        "ridge__alpha": [0.1, 1.0],
    }
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(MOLECULES, y)
    assert len(search.cv_results_["params"]) == 8
    scores = search.cv_results_["mean_test_score"].round(12)
    assert len(set(scores)) == 8
    assert search.predict(MOLECULES).shape == (6,)


def test_frozen_transformer_keeps_its_species_in_cross_validation():
    frozen = FrozenEstimator(MBTRTransformer().fit(MOLECULES))
    search = GridSearchCV(
        Pipeline([("mbtr", frozen), ("ridge", Ridge())]),
        {"ridge__alpha": [0.1, 1.0]},
        cv=6,
        scoring="neg_mean_absolute_error",
        error_score="raise",
    )
    assert np.isfinite(search.fit(MOLECULES, np.arange(6.0)).best_score_)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("k1", 3, "k1.*'default'"),
        ("k2", "paper", "k2.*'default'"),
        ("k2", {}, "k2 needs .*'geometry', 'grid'.* missing"),
        ("k2", {**K2, "wait": 1}, "k2 needs .*'weighting'.*'wait'.* unknown"),
        ("k2__geometry", {}, r"k2__geometry needs \['function'\]"),
        ("k2__geometry__function", "angle", r"one of \['distance', 'inverse_distance'\].*'angle'"),
        ("k3__geometry__function", "distance", r"one of \['angle', 'cosine'\].*'distance'"),
        ("k1__geometry__function", None, r"one of \['atomic_number'\].*None"),
        ("k2__grid", None, "k2__grid must be a dict"),
        ("k2__grid", {"n": 3}, r"k2__grid needs .*\['min', 'max', 'sigma'\] missing"),
        ("k2__grid__n", 1, "k2__grid__n must be an int of at least 2, got 1"),
        ("k2__grid__n", 20.0, "k2__grid__n must be an int"),
        ("k2__grid__sigma", 0, "k2__grid__sigma must be a positive number, got 0"),
        ("k2__grid__sigma", "wide", "k2__grid__sigma must be a positive number"),
        ("k2__grid__max", np.inf, "k2__grid__max must be a finite number, or None"),
        ("k2__grid__max", -1, "k2__grid__min must be smaller than k2__grid__max"),
        ("k2__weighting", "exp", r"one of \['unity', 'exp', 'inverse_square'\], got 'exp'"),
        ("k3__weighting__function", "inverse_square", r"\['unity', 'exp', 'smooth_cutoff'\]"),
        ("k1__weighting__function", "exp", r"one of \['unity'\], got 'exp'"),
        ("k2__weighting__scale", None, "either 'scale' or 'r_cut'"),
        ("k2__weighting__r_cut", 3, "either 'scale' or 'r_cut'"),
        ("k2__weighting__threshold", None, "'threshold'.* missing"),
        ("k2__weighting__threshold", 1, "k2__weighting__threshold must lie between 0 and 1"),
        ("k2__weighting__scale", -1, "k2__weighting__scale must be a positive number, got -1"),
        ("k2__weighting__function", "inverse_square", "'r_cut'.* missing"),
        ("k3__weighting", {"function": "smooth_cutoff", "r_cut": 0}, "k3__weighting__r_cut"),
        ("normalization", "l1", "'normalization'.*'l2'.*'l1'"),
        ("normalization", "valle_oganov", "set periodic=True, or use one of"),
        ("handle_unknown", "drop", "'handle_unknown'.*'ignore'.*'drop'"),
        ("backend", "gpu", "'backend'.*'dscribe'.*'gpu'"),
        ("dtype", "float16", "'dtype'.*'float32'.*'float16'"),
        ("sparse", "yes", "'sparse'.*'yes'"),
        ("n_jobs", 1.5, "'n_jobs'.*1.5"),
    ],
)
def test_invalid_settings_are_refused_in_fit(setting, value, message):
    mbtr = MBTRTransformer("default", K2, "default").set_params(**{setting: value})
    with pytest.raises(ValueError, match=message):
        mbtr.fit(MOLECULES)


def test_periodic_needs_a_decaying_weighting():
    mbtr = MBTRTransformer("default", periodic=True).set_params(k2__weighting=None)
    with pytest.raises(ValueError, match=r"k2__weighting__function must be one of \['exp'"):
        mbtr.fit(MOLECULES)


def test_at_least_one_term():
    with pytest.raises(ValueError, match="at least one of k1, k2 and k3"):
        MBTRTransformer(k2=None).fit(MOLECULES)
