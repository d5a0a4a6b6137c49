"""The model of the command: a descriptor by its name, a regressor by its name."""

import importlib
import sys
import warnings

from sklearn.base import is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, Matern, WhiteKernel
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skmolal import descriptors
from skmolal.ensemble import EnsembleRegressor
from skmolal.gaussian_process import (
    GaussianProcessRegressor,
    TanimotoKernel,
    median_length_scale,
)
from skmolal.models import make_baseline_model

__all__ = ["build_model", "make_descriptor", "needs_coordinates"]

# Name -> class, options.
_FINGERPRINTS = {
    "morgan": ("MorganFingerprintTransformer", {}),
    "feature_morgan": ("MorganFingerprintTransformer", {"use_features": True}),
    "atom_pair": ("AtomPairFingerprintTransformer", {}),
    "topological_torsion": ("TopologicalTorsionFingerprintTransformer", {}),
    "rdkit_path": ("RDKitFingerprintTransformer", {}),
}
_GRAPHS = {**_FINGERPRINTS, "rdkit": ("RDKitDescriptorsTransformer", {})}
_STRUCTURES = {
    "mbtr": ("MBTRTransformer", {}),
    "coulomb": ("CoulombMatrixTransformer", {}),
    "soap": ("SOAPTransformer", {}),
    "acsf": ("ACSFTransformer", {}),
    "lmbtr": ("LMBTRTransformer", {}),
}
_DESCRIPTORS = {**_STRUCTURES, **_GRAPHS}
_SAMPLE = 500  # molecules from which a length scale is guessed


def needs_coordinates(descriptor):
    """Tell whether a descriptor looks at positions; if not, SMILES will do."""
    return descriptor in _STRUCTURES


def build_model(
    X, descriptor="mbtr", model="gpr", kernel=None, noise=None, warm_start=False, baseline=None
):
    """Build the Pipeline that the command's options name.

    Parameters
    ----------
    X : ndarray of shape (n_samples,), dtype object
        All molecules, or SMILES; only elements and, for a length scale to start from, features
        are looked at, no property.
    descriptor : str, default="mbtr"
        A name of the option ``--descriptor``.
    model : str, default="gpr"
        "gpr", "forest", "ensemble", or ``"module:function"``, which is called without arguments
        and returns a regressor that sees the features.
    kernel : str, default=None
        For "gpr", a name of the option ``--kernel``. None is the study's for MBTR, "tanimoto" for
        fingerprints, and "rbf" otherwise.
    noise : float, default=None
        For "gpr": noise variance as a share of the variance of the labels; None learns it.
    warm_start : bool, default=False
        Whether a Gaussian process goes on from its last fit, for campaigns that grow by a few
        labels at a time; its hyperparameters are then searched for again whenever the labels have
        grown by a quarter.
    baseline : {None, "xtb"}, default=None
        Calculation under the model, see :func:`~skmolal.make_baseline_model`, whose descriptor,
        pairs and triples, is then meant by "mbtr".

    Returns
    -------
    pipeline : Pipeline
        Steps ``"descriptor"``, where it helps ``"scaler"``, and ``"model"``; those of
        :func:`~skmolal.make_baseline_model` with a `baseline`.
    """
    if baseline is not None:
        return _make_baseline_model(X, descriptor, noise, warm_start)
    steps = [("descriptor", make_descriptor(X, descriptor))]
    if descriptor == "rdkit":  # columns of all kinds of units
        steps.append(("scaler", StandardScaler()))
    if model != "gpr" and (kernel is not None or noise is not None):
        raise ValueError(f"--kernel and --noise are for --model gpr, got --model {model}")
    if model == "gpr":
        regressor = _make_gpr(X, steps, descriptor, kernel, noise, warm_start)
    elif model == "forest":
        forest = RandomForestRegressor(n_estimators=100)
        regressor = EnsembleRegressor(forest, n_estimators=1, bootstrap=False)
    elif model == "ensemble":
        regressor = EnsembleRegressor(_make_network(), n_estimators=5, bootstrap=False)
    else:
        regressor = _import_model(model)
    return Pipeline([*steps, ("model", regressor)])


def make_descriptor(X, name):
    """Make the transformer of that name; those of structures look at the elements of `X`."""
    class_name, options = _DESCRIPTORS[name]
    options = dict(options)
    if name in _STRUCTURES:
        # A rare element may be in the test set alone.
        options["species"] = sorted({symbol for atoms in X for symbol in set(atoms.symbols)})
        if name == "coulomb":
            del options["species"]
            options["n_atoms_max"] = max(len(atoms) for atoms in X)
    return getattr(descriptors, class_name)(**options)


def _make_gpr(X, steps, descriptor, kernel, noise, warm_start):
    if kernel is None and descriptor == "mbtr":
        # The study's, bounds a factor of 100 each way.
        covariance = ConstantKernel(20.0, (0.2, 2000.0)) * RBF(700.0, (7.0, 70_000.0))
        white, least = WhiteKernel(0.1, (1e-5, 1.0)), 1e-10
    else:
        name = kernel or ("tanimoto" if descriptor in _FINGERPRINTS else "rbf")
        covariance = ConstantKernel(1.0, (1e-10, 1e4)) * _make_kernel(name, X, steps, descriptor)
        # Kernels of counts tell nearly all molecules apart, so that the best noise is often none
        # at all: bounds that are never met, and a little noise that keeps the matrix regular.
        white, least = WhiteKernel(0.1, (1e-10, 1e4)), 1e-6
        if name == "tanimoto":
            least = 1e-3
    return GaussianProcessRegressor(
        covariance + white if noise is None else covariance,
        alpha=least if noise is None else noise,
        n_restarts_optimizer=0 if warm_start else 2,
        normalize_y=True,
        **_go_on(warm_start),
    )


def _go_on(warm_start):
    return {"warm_start": warm_start, "reoptimize_growth": 1.25 if warm_start else None}


def _make_baseline_model(X, descriptor, noise, warm_start):
    given = None if descriptor == "mbtr" else make_descriptor(X, descriptor)
    model = make_baseline_model(X, descriptor=given)
    model["gpr"].set_params(**_go_on(warm_start))
    if noise is not None:
        model["gpr"].set_params(kernel=model["gpr"].kernel.k1, alpha=noise)  # without white
    return model


def _make_kernel(name, X, steps, descriptor):
    if name == "tanimoto":
        if descriptor not in _FINGERPRINTS:
            raise ValueError(
                "--kernel tanimoto compares fingerprints; give --descriptor one of "
                f"{', '.join(_FINGERPRINTS)}, got {descriptor}"
            )
        return TanimotoKernel()
    if name == "linear":
        return DotProduct()
    features = Pipeline(steps).fit(X).transform(X[:_SAMPLE])
    scale = median_length_scale(features, random_state=0)
    bounds = (scale / 100, scale * 100)
    return RBF(scale, bounds) if name == "rbf" else Matern(scale, bounds, nu=1.5)


class _Network(MLPRegressor):
    """Stops after its epochs: that is all that is wanted, no reason to warn."""

    def fit(self, X, y):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().fit(X, y)


def _make_network():
    network = _Network(hidden_layer_sizes=(200, 100), alpha=1e-3, max_iter=150)
    # With sparse features only the scale can be taken out.
    scaled = make_pipeline(StandardScaler(with_mean=False), network)
    return TransformedTargetRegressor(scaled, transformer=StandardScaler())


def _import_model(path):
    module, _, name = path.partition(":")
    if not (module and name):
        raise ValueError(f"--model must be gpr, forest, ensemble or module:function, got {path!r}")
    if "" not in sys.path:
        sys.path.append("")  # a file of the user's, in the folder where the command is called
    try:
        make = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"--model {path}: {error}") from error
    regressor = make()
    if not (hasattr(regressor, "predict") and is_regressor(regressor)):
        raise ValueError(
            f"--model {path} must return a scikit-learn regressor, got {type(regressor).__name__}"
        )
    return regressor
