"""The local many-body tensor representation as a scikit-learn transformer."""

from itertools import product
from typing import ClassVar

from sklearn.utils._param_validation import StrOptions

from skmolal._docstrings import share_docs
from skmolal.descriptors._atomic import AtomicTransformer
from skmolal.descriptors._docs import SHARED
from skmolal.descriptors._features import _grid_labels
from skmolal.descriptors._limits import close_grid
from skmolal.descriptors._params import TermParamsMixin
from skmolal.descriptors._species import species_numbers
from skmolal.descriptors._terms import check_periodic_terms, check_term, exponential_scale


@share_docs(**SHARED)
class LMBTRTransformer(TermParamsMixin, AtomicTransformer):
    """Describe molecules by the local many-body tensor representation (LMBTR) of their atoms.

    As :class:`MBTRTransformer`, but of each atom with its surroundings [1]_, and then averaged
    over the atoms of a molecule. The numbers are those of dscribe [2]_.

    Parameters
    ----------
    k2 : "default", dict or None, default="default"
        Term of pairs of the central atom and another, or None to leave it out. A dict has the
        form ``{"geometry": {...}, "grid": {...}, "weighting": {...}}`` with the settings of
        :class:`MBTRTransformer`; "default" stands for::

            {"geometry": {"function": "inverse_distance"},
             "grid": {"min": 0, "max": None, "n": 200, "sigma": 0.02},
             "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3}}

        An open grid limit, None, is learned in `fit`. The weighting functions are "unity" and
        "exp".
    k3 : "default", dict or None, default=None
        Term of triplets with the central atom at one end or in the middle; "default" stands
        for::

            {"geometry": {"function": "cosine"},
             "grid": {"min": -1, "max": 1, "n": 100, "sigma": 0.1},
             "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3}}
    normalize_gaussians : bool, default=True
        Whether a Gaussian has area 1 or, if False, height 1.
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
    terms_ : dict
        The full settings of each term in use, grid limits learned in `fit` included.

    See Also
    --------
    MBTRTransformer : Of the molecule as a whole, and much faster.

    Notes
    -----
    In the names of columns X is the central atom. Settings inside a term are parameters:
    ``set_params(k2__grid__sigma=0.1)``, as in :class:`MBTRTransformer`. All features of an atom
    without another within reach are zero.

    References
    ----------
    .. [1] H. Huo, M. Rupp, Mach. Learn.: Sci. Technol. 3, 045017 (2022),
       doi:10.1088/2632-2153/aca005.
    .. [2] L. Himanen et al., Comput. Phys. Commun. 247, 106949 (2020),
       doi:10.1016/j.cpc.2019.106949.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from skmolal.descriptors import LMBTRTransformer
    >>> lmbtr = LMBTRTransformer().set_params(k2__grid__n=20)
    >>> lmbtr.fit_transform([molecule("H2O"), molecule("CH4")]).shape
    (2, 240)
    >>> lmbtr.get_feature_names_out()[25]
    'lmbtr_H_k2_X-H_0.2717'
    """

    _parameter_constraints: ClassVar[dict] = {
        **AtomicTransformer._parameter_constraints,
        "k2": [StrOptions({"default"}), dict, None],
        "k3": [StrOptions({"default"}), dict, None],
        "normalize_gaussians": ["boolean"],
        "per_species": ["boolean"],
    }
    _label = "lmbtr"
    _terms = ("k2", "k3")

    def __init__(
        self,
        k2="default",
        k3=None,
        *,
        normalize_gaussians=True,
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
        self.k2 = k2
        self.k3 = k3
        self.normalize_gaussians = normalize_gaussians
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
        terms = {name: check_term(name, getattr(self, name)) for name in self._terms}
        terms = {name: term for name, term in terms.items() if term is not None}
        if not terms:
            raise ValueError("at least one of k2 and k3 must not be None")
        for name, term in terms.items():
            function = term["weighting"]["function"]
            if function not in ("unity", "exp"):
                raise ValueError(
                    f"{name}__weighting__function must be one of ['unity', 'exp'] in an LMBTR, "
                    f"got {function!r}"
                )
        if self.periodic:
            check_periodic_terms(terms)
        self.terms_ = {
            name: term | {"grid": close_grid(name, term, records, numbers)}
            for name, term in terms.items()
        }

    def _make_descriptors(self):
        from dscribe.descriptors import LMBTR

        return [
            LMBTR(
                geometry=dict(term["geometry"]),
                grid=dict(term["grid"]),
                weighting=_weighting(name, term),
                normalize_gaussians=self.normalize_gaussians,
                species=species_numbers(self.species_).tolist(),
                periodic=self.periodic,
                dtype="float64",
            )
            for name, term in self.terms_.items()
        ]

    def _atom_names(self):
        names = []
        for (name, term), lmbtr in zip(self.terms_.items(), self._make_descriptors(), strict=True):
            points = _grid_labels(term["grid"])
            found = {}
            for elements in product(["X", *self.species_], repeat=int(name[1])):
                if "X" in elements:  # of two orders of the same elements the first is the name
                    found.setdefault(lmbtr.get_location(elements).start, "-".join(elements))
            for start in sorted(found):
                names += [f"{name}_{found[start]}_{point}" for point in points]
        return names


def _weighting(name, term):
    """Return the weighting as dscribe's LMBTR knows it: exponential only by `scale`."""
    weighting = dict(term["weighting"])
    if weighting["function"] == "exp":
        weighting.pop("r_cut", None)
        weighting["scale"] = exponential_scale(name, term)
    return weighting
