"""The terms k1, k2 and k3 of a many-body tensor representation: their settings and checks.

A term is dscribe's nested dict ``{"geometry": {...}, "grid": {...}, "weighting": {...}}``.
"""

from copy import deepcopy
from math import isfinite, log
from numbers import Integral, Real

TERMS = ("k1", "k2", "k3")
DEFAULT_TERMS = {
    "k1": {
        "geometry": {"function": "atomic_number"},
        "grid": {"min": None, "max": None, "n": 100, "sigma": 0.1},
        "weighting": {"function": "unity"},
    },
    # The study's own settings, arXiv 2408.11191.
    "k2": {
        "geometry": {"function": "inverse_distance"},
        "grid": {"min": 0, "max": None, "n": 200, "sigma": 0.02},
        "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3},
    },
    "k3": {
        "geometry": {"function": "cosine"},
        "grid": {"min": -1, "max": 1, "n": 100, "sigma": 0.1},
        "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3},
    },
}

GEOMETRIES = {
    "k1": ("atomic_number",),
    "k2": ("distance", "inverse_distance"),
    "k3": ("angle", "cosine"),
}
GRID_KEYS = ("min", "max", "n", "sigma")
# Weighting function: the keys it needs, then those it may have.
WEIGHTINGS = {
    "k1": {"unity": ((), ())},
    "k2": {
        "unity": ((), ()),
        "exp": (("threshold",), ("scale", "r_cut")),
        "inverse_square": (("r_cut",), ()),
    },
    "k3": {
        "unity": ((), ()),
        "exp": (("threshold",), ("scale", "r_cut")),
        "smooth_cutoff": (("r_cut",), ("sharpness",)),
    },
}


def expand_term(name, value):
    """Return the dict that `value` stands for, or None; a copy, never the caller's own."""
    if isinstance(value, str) and value == "default":
        value = DEFAULT_TERMS[name]
    return deepcopy(value)


def check_term(name, value):
    """Validate one term and return its full dict, or None."""
    term = expand_term(name, value)
    if term is None:
        return None
    if not isinstance(term, dict):
        raise ValueError(f"{name} must be None, 'default' or a dict, got {value!r}")
    _check_keys(name, term, needed=("geometry", "grid"), optional=("weighting",))
    return {
        "geometry": _check_geometry(name, term["geometry"]),
        "grid": _check_grid(name, term["grid"]),
        "weighting": _check_weighting(name, term.get("weighting")),
    }


def check_periodic_terms(terms):
    """Refuse terms whose sum over all periodic images would not converge."""
    for name, term in terms.items():
        if name != "k1" and term["weighting"]["function"] == "unity":
            valid = [function for function in WEIGHTINGS[name] if function != "unity"]
            raise ValueError(
                f"periodic=True needs a decaying weighting in {name}: "
                f"{name}__weighting__function must be one of {valid}, got 'unity'"
            )


def term_cutoff(name, term):
    """Radius in angstrom beyond which no pair contributes to a term, or None."""
    weighting = term["weighting"]
    if weighting["function"] == "exp":
        # x is one distance in k2; in k3 the way around three atoms, twice the reach at least.
        share = 0.5 if name == "k3" else 1.0
        if "r_cut" in weighting:
            return weighting["r_cut"]
        return -share * log(weighting["threshold"]) / weighting["scale"]
    if weighting["function"] == "smooth_cutoff":
        return 2 * weighting["r_cut"]
    return weighting.get("r_cut")


def exponential_scale(name, term):
    """Decay rate in 1/angstrom of a term with exponential weighting."""
    weighting = term["weighting"]
    if "scale" in weighting:
        return weighting["scale"]
    share = 0.5 if name == "k3" else 1.0
    return -share * log(weighting["threshold"]) / weighting["r_cut"]


def _check_keys(name, settings, needed, optional=()):
    if not isinstance(settings, dict):
        raise ValueError(f"{name} must be a dict with {list(needed)}, got {settings!r}")
    missing = [key for key in needed if key not in settings]
    unknown = [key for key in settings if key not in (*needed, *optional)]
    if missing or unknown:
        problem = f"{missing} missing" if missing else f"{unknown} unknown"
        also = f" and may have {list(optional)}" if optional else ""
        raise ValueError(f"{name} needs {list(needed)}{also}: {problem} in {settings!r}")


def _check_geometry(name, geometry):
    _check_keys(f"{name}__geometry", geometry, ("function",))
    if geometry["function"] not in GEOMETRIES[name]:
        raise ValueError(
            f"{name}__geometry__function must be one of {list(GEOMETRIES[name])}, "
            f"got {geometry['function']!r}"
        )
    return geometry


def _check_grid(name, grid):
    _check_keys(f"{name}__grid", grid, GRID_KEYS)
    n = grid["n"]
    if not isinstance(n, Integral) or isinstance(n, bool) or n < 2:
        raise ValueError(f"{name}__grid__n must be an int of at least 2, got {n!r}")
    _check_positive(f"{name}__grid__sigma", grid["sigma"])
    for key in ("min", "max"):
        limit = grid[key]
        if limit is not None and not _is_number(limit):
            raise ValueError(
                f"{name}__grid__{key} must be a finite number, or None to learn it in fit, "
                f"got {limit!r}"
            )
    if None not in (grid["min"], grid["max"]):
        check_limits(name, grid)
    return grid


def check_limits(name, grid):
    """Refuse a grid that does not ascend."""
    if not grid["min"] < grid["max"]:
        raise ValueError(
            f"{name}__grid__min must be smaller than {name}__grid__max, "
            f"got min={grid['min']} and max={grid['max']}"
        )


def _check_weighting(name, weighting):
    where = f"{name}__weighting"
    if weighting is None:
        return {"function": "unity"}
    if not isinstance(weighting, dict) or weighting.get("function") not in WEIGHTINGS[name]:
        got = weighting.get("function") if isinstance(weighting, dict) else weighting
        raise ValueError(f"{where}__function must be one of {list(WEIGHTINGS[name])}, got {got!r}")
    # None stands for "not given", so that set_params can change from scale to r_cut.
    weighting = {key: setting for key, setting in weighting.items() if setting is not None}
    function = weighting["function"]
    needed, optional = WEIGHTINGS[name][function]
    _check_keys(f"{where} with function {function!r}", weighting, ("function", *needed), optional)
    if function == "exp":
        if ("scale" in weighting) == ("r_cut" in weighting):
            raise ValueError(
                f"{where} with function 'exp' needs either 'scale' or 'r_cut', got {weighting!r}"
            )
        if not _is_number(weighting["threshold"]) or not 0 < weighting["threshold"] < 1:
            raise ValueError(
                f"{where}__threshold must lie between 0 and 1, got {weighting['threshold']!r}"
            )
    if function == "smooth_cutoff":
        weighting.setdefault("sharpness", 2)
    for key in ("scale", "r_cut", "sharpness"):
        if key in weighting:
            _check_positive(f"{where}__{key}", weighting[key])
    return weighting


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def _check_positive(name, value):
    if not _is_number(value) or value <= 0:
        raise ValueError(f"{name} must be a positive number, got {value!r}")
