"""The contracts of all query strategies and of all molecule transformers, run on each.

A check is in ``strategy_checks`` or ``transformer_checks``; here stand the configurations and, with
a reason each, the checks that do not apply.
"""

from importlib.util import find_spec

import pytest
from sklearn.base import clone

from skmolal.descriptors import (
    ACSFTransformer,
    AtomPairFingerprintTransformer,
    CoulombMatrixTransformer,
    LMBTRTransformer,
    MBTRTransformer,
    MorganFingerprintTransformer,
    RDKitDescriptorsTransformer,
    RDKitFingerprintTransformer,
    SOAPTransformer,
    TopologicalTorsionFingerprintTransformer,
    XTBTransformer,
)
from skmolal.query_strategies import get_query_strategy, get_query_strategy_names
from tests.strategy_checks import STRATEGY_CHECKS
from tests.transformer_checks import TRANSFORMER_CHECKS

# Options with which each strategy is checked; by default none.
STRATEGY_OPTIONS = {
    "active_search": [{"low": 0.3}, {"low": -0.2, "high": 0.4, "budget": 40, "n_candidates": 20}],
    "expected_improvement": [{}, {"maximize": False, "xi": 0.1}, {"update_variance": False}],
    "greedy": [{}, {"maximize": False}],
    "probability_of_improvement": [{}, {"maximize": False, "update_variance": False}],
    "straddle": [
        {"threshold": 0.3},
        {"threshold": 0.0, "kappa": "random"},
        {"threshold": 0.3, "update_variance": False},
    ],
    "target": [
        {"low": 0.3, "rule": "probability"},
        {"low": -0.2, "high": 0.4},
        {"top": 0.2},
        {"top": 0.3, "maximize": False},
        {"low": -0.6, "high": 0.4, "rule": "mean"},
        {"low": 0.3, "rule": "uncertain"},
        {"low": 0.3, "rule": "optimistic"},
        {"low": 0.3, "rule": "random"},
        {"low": -0.2, "rule": "cluster"},
    ],
    "target_variance_reduction": [{"low": 0.3}, {"low": 0.3, "high": 0.3, "n_reference": 20}],
    "thompson": [{}, {"maximize": False, "n_candidates": 20}],
    "upper_confidence_bound": [{}, {"maximize": False}, {"update_variance": False}],
    "uncertainty_cluster": [{}, {"fraction": 0.2}, {"fraction": 1.0}],
}

NO_PREDICTION = "makes no prediction"
PREDICTS = "needs a fitted estimator"
NO_STD = "needs no standard deviation"
DISTANCE = "the metric is the distance at the time of choice, not what is chosen by"
LABELS = "needs labelled rows"
FUNCTIONS = "each pick is the best of another function"
CLUSTERS = "other clusters for another batch size"
DRAWS = "candidates in range come in random order, whatever their probability"
RULE = "those the rule chose come first, whatever their probability"

# (name, rule or None): check -> why it does not hold.
NOT_PROMISED = {
    ("cluster", None): {
        "check_bad_predictions": NO_PREDICTION,
        "check_no_std": NO_PREDICTION,
        "check_prefers_first": CLUSTERS,
    },
    ("greedy", None): {
        "check_bad_predictions": NO_STD,
        "check_no_std": NO_STD,
        "check_unfitted": PREDICTS,
    },
    ("greedy_target", None): {
        "check_bad_predictions": NO_STD,
        "check_no_std": NO_STD,
        "check_unfitted": LABELS,
    },
    ("k_center", None): {
        "check_bad_predictions": NO_PREDICTION,
        "check_no_std": NO_PREDICTION,
    },
    ("kmeans_plus_plus", None): {
        "check_bad_predictions": NO_PREDICTION,
        "check_no_std": NO_PREDICTION,
        "check_metrics_descend": DISTANCE,
    },
    ("lcmd", None): {
        "check_bad_predictions": NO_PREDICTION,
        "check_no_std": NO_PREDICTION,
        "check_metrics_descend": DISTANCE,
    },
    ("max_det", None): {"check_unfitted": PREDICTS},
    ("random", None): {
        "check_bad_predictions": NO_PREDICTION,
        "check_no_std": NO_PREDICTION,
    },
    ("active_search", None): {"check_unfitted": PREDICTS},
    ("expected_improvement", None): {"check_unfitted": PREDICTS},
    ("probability_of_improvement", None): {"check_unfitted": PREDICTS},
    ("straddle", None): {"check_unfitted": PREDICTS},
    ("target_variance_reduction", None): {"check_unfitted": PREDICTS},
    ("thompson", None): {"check_unfitted": PREDICTS, "check_metrics_descend": FUNCTIONS},
    ("uncertainty", None): {"check_unfitted": PREDICTS},
    ("upper_confidence_bound", None): {"check_unfitted": PREDICTS},
    ("uncertainty_cluster", None): {
        "check_unfitted": PREDICTS,
        "check_prefers_first": CLUSTERS,
    },
    ("variance_reduction", None): {"check_unfitted": PREDICTS},
    ("target", "probability"): {"check_unfitted": PREDICTS},
    ("target", "mean"): {"check_unfitted": PREDICTS, "check_metrics_descend": RULE},
    ("target", "uncertain"): {"check_unfitted": PREDICTS, "check_metrics_descend": RULE},
    ("target", "optimistic"): {"check_unfitted": PREDICTS, "check_metrics_descend": DRAWS},
    ("target", "random"): {"check_unfitted": PREDICTS, "check_metrics_descend": DRAWS},
    ("target", "cluster"): {
        "check_unfitted": PREDICTS,
        "check_prefers_first": CLUSTERS,
        "check_metrics_descend": RULE,
    },
}


def iterate_strategy_checks():
    for name in get_query_strategy_names():
        for options in STRATEGY_OPTIONS.get(name, [{}]):
            strategy = get_query_strategy(name, **options)
            rule = strategy.get_params().get("rule")
            reasons = NOT_PROMISED.get((name, rule), {})
            for check in STRATEGY_CHECKS:
                reason = reasons.get(check.__name__)
                marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
                test_id = f"{strategy!r}-{check.__name__.removeprefix('check_')}"
                yield pytest.param(strategy, check, marks=marks, id=test_id)


@pytest.mark.parametrize(("strategy", "check"), list(iterate_strategy_checks()))
def test_query_strategy(strategy, check):
    check(strategy)


# Short grids, as there are many checks.
K2, K3 = (
    {
        "geometry": {"function": function},
        "grid": {"min": low, "max": high, "n": 5, "sigma": 0.3},
        "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3},
    }
    for function, low, high in [("distance", 0, None), ("cosine", -1, 1)]
)

MOLECULE_TRANSFORMERS = [
    MBTRTransformer(),
    MBTRTransformer(backend="dscribe", dtype="float64", normalization="n_atoms"),
    MBTRTransformer("default", k3="default", sparse=True, normalization="l2"),
    MBTRTransformer(drop_zero_features=True),
    CoulombMatrixTransformer(),
    CoulombMatrixTransformer("eigenspectrum", dtype="float64"),
    CoulombMatrixTransformer("none", sparse=True),
    SOAPTransformer(n_max=3, l_max=2),
    SOAPTransformer(n_max=3, l_max=2, average="inner", compression="mu1nu1", dtype="float64"),
    ACSFTransformer(),
    ACSFTransformer(per_species=False, average="sum", sparse=True),
    LMBTRTransformer(),
    LMBTRTransformer(K2, K3, per_species=False, dtype="float64", sparse=True),
    MorganFingerprintTransformer(),
    MorganFingerprintTransformer(counts=False, sparse=False, include_chirality=True),
    MorganFingerprintTransformer(use_features=True, dtype="float64"),
    AtomPairFingerprintTransformer(),
    TopologicalTorsionFingerprintTransformer(2, counts=False, sparse=False),
    RDKitFingerprintTransformer(n_bits=256),
    RDKitDescriptorsTransformer(),
    RDKitDescriptorsTransformer(["MolWt", "TPSA"], dtype="float64", sparse=True),
    XTBTransformer(),
    XTBTransformer("GFN1-xTB", ["gap", "energy_per_atom"], dtype="float64", sparse=True),
]

NEEDS_TBLITE = pytest.mark.skipif(find_spec("tblite") is None, reason="tblite is not installed")

SYMMETRIC = "atoms that symmetry maps onto each other keep their order"
AS_GIVEN = "atoms are taken in the order they have"
BONDS = "a heavy atom alone has no bond to another"

# (class, permutation): check -> why it does not hold.
NOT_PROMISED_BY_TRANSFORMERS = {
    ("CoulombMatrixTransformer", "sorted_l2"): {"check_order_of_atoms": SYMMETRIC},
    ("CoulombMatrixTransformer", "none"): {"check_order_of_atoms": AS_GIVEN},
    ("AtomPairFingerprintTransformer", None): {"check_no_row_is_zero": BONDS},
    ("TopologicalTorsionFingerprintTransformer", None): {"check_no_row_is_zero": BONDS},
    ("RDKitFingerprintTransformer", None): {"check_no_row_is_zero": BONDS},
}


def iterate_transformer_checks():
    for transformer in MOLECULE_TRANSFORMERS:
        permutation = transformer.get_params().get("permutation")
        name = type(transformer).__name__
        reasons = NOT_PROMISED_BY_TRANSFORMERS.get((name, permutation), {})
        for check in TRANSFORMER_CHECKS:
            reason = reasons.get(check.__name__)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            if name == "XTBTransformer":
                marks.append(NEEDS_TBLITE)
            test_id = f"{transformer!r}-{check.__name__.removeprefix('check_')}"
            yield pytest.param(transformer, check, marks=marks, id=test_id)


@pytest.mark.parametrize(("transformer", "check"), list(iterate_transformer_checks()))
def test_molecule_transformer(transformer, check):
    check(clone(transformer))
