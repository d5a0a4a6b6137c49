"""Active learning on molecules for scikit-learn and modAL.

Names are imported when they are first used, so that ``import skmolal`` stays fast: JAX, dscribe
and matplotlib are loaded only by what needs them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOME = {
    "as_molecules": "molecules",
    "read_molecules": "molecules",
    "molecules_from_smiles": "molecules",
    "MBTRTransformer": "descriptors",
    "GaussianProcessRegressor": "gaussian_process",
    "make_baseline_model": "models",
    "make_fingerprint_model": "models",
    "ActiveLearner": "learners",
    "BayesianOptimizer": "learners",
    "CommitteeRegressor": "learners",
    "Campaign": "active_learning",
    "ActiveLearningRegressor": "active_learning",
}

__all__ = [
    "ActiveLearner",
    "ActiveLearningRegressor",
    "BayesianOptimizer",
    "Campaign",
    "CommitteeRegressor",
    "GaussianProcessRegressor",
    "MBTRTransformer",
    "acquisition",
    "active_learning",
    "as_molecules",
    "batch_sizes",
    "compat",
    "datasets",
    "delta",
    "descriptors",
    "ensemble",
    "gaussian_process",
    "learners",
    "library",
    "make_baseline_model",
    "make_fingerprint_model",
    "metrics",
    "model_selection",
    "models",
    "molecules",
    "molecules_from_smiles",
    "oracles",
    "plotting",
    "query_strategies",
    "read_molecules",
    "report",
    "stopping",
    "storage",
]

if TYPE_CHECKING:
    from skmolal.active_learning import ActiveLearningRegressor, Campaign
    from skmolal.descriptors import MBTRTransformer
    from skmolal.gaussian_process import GaussianProcessRegressor
    from skmolal.learners import ActiveLearner, BayesianOptimizer, CommitteeRegressor
    from skmolal.models import make_baseline_model, make_fingerprint_model
    from skmolal.molecules import as_molecules, molecules_from_smiles, read_molecules


def __getattr__(name):
    if name in _HOME:
        return getattr(import_module(f"skmolal.{_HOME[name]}"), name)
    if name in __all__:
        return import_module(f"skmolal.{name}")
    raise AttributeError(f"module 'skmolal' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
