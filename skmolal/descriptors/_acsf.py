"""Atom-centred symmetry functions as a scikit-learn transformer."""

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skmolal._docstrings import share_docs
from skmolal.descriptors._atomic import AtomicTransformer
from skmolal.descriptors._docs import SHARED
from skmolal.descriptors._species import species_numbers

_COLUMNS = {
    "g2_params": ("eta", "R_s"),
    "g3_params": ("kappa",),
    "g4_params": ("eta", "zeta", "lambda"),
    "g5_params": ("eta", "zeta", "lambda"),
}
_DEFAULTS = {
    "g2_params": [[1.0, 1.0], [1.0, 2.0], [1.0, 3.0], [1.0, 4.0], [1.0, 5.0]],
    "g4_params": [[0.01, 1.0, 1.0], [0.01, 1.0, -1.0], [0.01, 4.0, 1.0], [0.01, 4.0, -1.0]],
}


@share_docs(**SHARED)
class ACSFTransformer(AtomicTransformer):
    """Describe molecules by atom-centred symmetry functions (ACSF), averaged over atoms.

    Sums over the neighbours of an atom (G1, G2, G3) and over pairs of them (G4, G5), for each
    element or pair of elements [1]_. The numbers are those of dscribe [2]_.

    Parameters
    ----------
    r_cut : float, default=6.0
        Radius of the neighbourhood, in angstrom.
    g2_params : "default", array-like of shape (n, 2) or None, default="default"
        Pairs of eta (1/angstrom^2) and R_s (angstrom), a G2 each; "default" stands for::

            [[1, 1], [1, 2], [1, 3], [1, 4], [1, 5]]
    g3_params : array-like of shape (n,) or None, default=None
        The kappa (1/angstrom) of each G3.
    g4_params : "default", array-like of shape (n, 3) or None, default="default"
        Triplets of eta (1/angstrom^2), zeta and lambda, a G4 each; "default" stands for::

            [[0.01, 1, 1], [0.01, 1, -1], [0.01, 4, 1], [0.01, 4, -1]]
    g5_params : array-like of shape (n, 3) or None, default=None
        Triplets of eta, zeta and lambda, a G5 each.
    %(average)s
    %(per_species)s
    %(species)s
    %(periodic)s
    %(handle_unknown)s
    %(sparse)s
    %(dtype)s
    %(workers)s

    Attributes
    ----------
    %(species_)s

    See Also
    --------
    SOAPTransformer : A complete set of functions with fewer settings.

    Notes
    -----
    All functions of an atom without a neighbour within `r_cut` are zero: so is the whole row of a
    molecule of one atom.

    References
    ----------
    .. [1] J. Behler, J. Chem. Phys. 134, 074106 (2011), doi:10.1063/1.3553717.
    .. [2] L. Himanen et al., Comput. Phys. Commun. 247, 106949 (2020),
       doi:10.1016/j.cpc.2019.106949.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from skmolal.descriptors import ACSFTransformer
    >>> acsf = ACSFTransformer(g4_params=None)
    >>> acsf.fit_transform([molecule("H2O"), molecule("CH4")]).shape
    (2, 54)
    >>> acsf.get_feature_names_out()[:4]
    array(['acsf_H_g1_H', 'acsf_H_g2_H_0', 'acsf_H_g2_H_1', 'acsf_H_g2_H_2'],
          dtype=object)
    """

    _parameter_constraints: ClassVar[dict] = {
        **AtomicTransformer._parameter_constraints,
        "r_cut": [Interval(Real, 0, None, closed="neither")],
        "g2_params": [StrOptions({"default"}), "array-like", None],
        "g3_params": ["array-like", None],
        "g4_params": [StrOptions({"default"}), "array-like", None],
        "g5_params": ["array-like", None],
        "per_species": ["boolean"],
    }
    _label = "acsf"

    def __init__(
        self,
        r_cut=6.0,
        g2_params="default",
        g3_params=None,
        g4_params="default",
        g5_params=None,
        *,
        average="mean",
        per_species=True,
        species=None,
        periodic=False,
        handle_unknown="error",
        sparse=False,
        dtype="float32",
        n_jobs=None,
        verbose=False,
    ):
        self.r_cut = r_cut
        self.g2_params = g2_params
        self.g3_params = g3_params
        self.g4_params = g4_params
        self.g5_params = g5_params
        self.average = average
        self.per_species = per_species
        self.species = species
        self.periodic = periodic
        self.handle_unknown = handle_unknown
        self.sparse = sparse
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _learn_settings(self, records, numbers):
        self._functions = {
            name: _check_function(name, getattr(self, name), columns)
            for name, columns in _COLUMNS.items()
        }

    def _make_descriptors(self):
        from dscribe.descriptors import ACSF

        acsf = ACSF(
            r_cut=self.r_cut,
            **self._functions,
            species=species_numbers(self.species_).tolist(),
            periodic=self.periodic,
            dtype="float64",
        )
        return [acsf]

    def _atom_names(self):
        """Name the columns: function, elements of the neighbours, place among the functions."""
        n = {name[:2]: 0 if f is None else len(f) for name, f in self._functions.items()}
        names = []
        for symbol in self.species_:
            names.append(f"g1_{symbol}")
            names += [f"{g}_{symbol}_{i}" for g in ("g2", "g3") for i in range(n[g])]
        for j, second in enumerate(self.species_):
            for first in self.species_[: j + 1]:
                pair = "-".join(sorted([first, second]))
                names += [f"{g}_{pair}_{i}" for g in ("g4", "g5") for i in range(n[g])]
        return names


def _check_function(name, value, columns):
    """Return the settings of one kind of symmetry function as an array, or None."""
    if value is None:
        return None
    if isinstance(value, str):
        value = _DEFAULTS[name]
    try:
        settings = np.array(value, dtype=float)
    except (TypeError, ValueError):
        settings = np.array(np.nan)
    shape = "(n,)" if len(columns) == 1 else f"(n, {len(columns)})"
    fits = settings.ndim == 1 if len(columns) == 1 else settings.shape[1:] == (len(columns),)
    if not fits or len(settings) == 0 or not np.isfinite(settings).all():
        raise ValueError(
            f"{name} must be None or finite numbers of shape {shape}, the columns being "
            f"{list(columns)}; got {value!r}"
        )
    if columns[0] == "eta" and (settings[:, 0] <= 0).any():
        raise ValueError(f"{name} must have positive eta, got {settings[:, 0].tolist()}")
    return settings
