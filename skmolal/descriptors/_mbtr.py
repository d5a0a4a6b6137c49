"""The many-body tensor representation as a scikit-learn transformer."""

from functools import partial
from numbers import Integral
from typing import ClassVar

import numpy as np
from ase.data import chemical_symbols
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Options, StrOptions
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from skmolal.descriptors._blocks import build_features
from skmolal.descriptors._dscribe import fill_with_dscribe
from skmolal.descriptors._features import count_features, feature_names
from skmolal.descriptors._native import NativeMBTR
from skmolal.descriptors._structures import (
    distance_range,
    flatten_molecules,
    keep_atoms,
    species_numbers,
)
from skmolal.descriptors._terms import (
    check_limits,
    check_periodic_terms,
    check_term,
    nested_params,
    replace_setting,
    term_cutoff,
)
from skmolal.molecules import as_molecules

_TERMS = ("k1", "k2", "k3")


class MBTRTransformer(TransformerMixin, BaseEstimator):
    """Describe molecules by their many-body tensor representation (MBTR).

    Atoms, pairs and triplets of atoms are mapped to a number each (atomic number, distance,
    angle, ...), weighted, and smeared by Gaussians on a grid, separately for each combination of
    elements [1]_. The result does not change when a molecule is moved, rotated, mirrored or its
    atoms are listed in another order. The numbers are those of dscribe [2]_.

    Parameters
    ----------
    k1 : "default", dict or None, default=None
        Term of single atoms, or None to leave it out. A dict has the form
        ``{"geometry": {...}, "grid": {...}, "weighting": {...}}``; "default" stands for::

            {"geometry": {"function": "atomic_number"},
             "grid": {"min": None, "max": None, "n": 100, "sigma": 0.1},
             "weighting": {"function": "unity"}}

        An open grid limit, None, is learned in `fit`: from one below the lightest to one above
        the heaviest element. The only geometry function is "atomic_number", the only weighting
        "unity", which is also what None means.
    k2 : "default", dict or None, default="default"
        Term of pairs of atoms at distance d; "default", the settings of [3]_, stands for::

            {"geometry": {"function": "inverse_distance"},
             "grid": {"min": 0, "max": None, "n": 200, "sigma": 0.02},
             "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3}}

        Geometry functions: "distance" (d, in angstrom) and "inverse_distance" (1/d). Open grid
        limits: 0 and the longest distance in the set that is within the weighting's reach; 0 and
        1 over the shortest distance. Weighting functions: "unity"; "exp", ``exp(-scale * d)``,
        zero below `threshold`, with `r_cut`, the distance where the threshold is met, in place
        of `scale` if wanted; "inverse_square", ``1/d**2`` up to `r_cut`.
    k3 : "default", dict or None, default=None
        Term of triplets, the angle at the second atom of three; "default" stands for::

            {"geometry": {"function": "cosine"},
             "grid": {"min": -1, "max": 1, "n": 100, "sigma": 0.1},
             "weighting": {"function": "exp", "scale": 0.5, "threshold": 1e-3}}

        Geometry functions: "angle" (degrees; open grid limits are 0 and 180) and "cosine" (open
        limits -1 and 1). Weighting functions: "unity"; "exp", as above, of the way around the
        three atoms, `r_cut` being half of it; "smooth_cutoff", a product of
        ``1 + s * (d / r_cut)**(s + 1) - (s + 1) * (d / r_cut)**s`` over the two distances from
        the second atom, with s the `sharpness` (2 if left out).
    species : list of str or int, default=None
        Chemical symbols or atomic numbers of all elements that may occur. None: those of the
        molecules given to `fit`.
    normalization : {"none", "l2", "n_atoms", "valle_oganov"}, default="none"
        Each term of each molecule is left as it is, divided by its Euclidean norm, divided by
        the number of atoms, or (k2 and k3, periodic only) multiplied by the cell volume over the
        numbers of atoms of the elements concerned [4]_.
    normalize_gaussians : bool, default=True
        Whether a Gaussian has area 1 or, if False, height 1.
    periodic : bool, default=False
        Whether to respect the boundary conditions (``atoms.pbc``) of each molecule. If False
        they are ignored.
    handle_unknown : {"error", "ignore"}, default="error"
        What to do about an element that is not in `species_`: refuse the molecule, or leave
        its atoms out as if they were not there.
    backend : {"auto", "native", "dscribe"}, default="auto"
        What computes the features: "native", compiled loops for finite molecules, run by threads;
        or "dscribe", run by processes. Both give the same numbers, to 1e-6 of the largest.
        "auto" is "native" unless `periodic`. The first call of "native" on a machine compiles it,
        which takes seconds, and keeps the result on disk.
    sparse : bool, default=False
        Whether to return a CSR matrix. Only small blocks of it are ever dense: 16 MiB for each
        worker.
    dtype : {"float32", "float64"} or type, default="float32"
        Type of the features. They are summed up in float64 in any case.
    n_jobs : int, default=None
        Number of workers. None means 1 unless in a :obj:`joblib.parallel_config` context, -1 all
        processors.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    species_ : ndarray of str
        Chemical symbols of the elements described, lightest first.
    terms_ : dict
        The full settings of each term in use, grid limits learned in `fit` included.
    backend_ : str
        The backend that is in use.

    See Also
    --------
    skmolal.as_molecules : What a molecule array is.

    Notes
    -----
    Elements and grid limits are learned from the molecules given to `fit`, so fit on all
    molecules that may be met later: they need no labels. In a modAL loop give `species` and the
    limits, or put ``FrozenEstimator(MBTRTransformer().fit(molecules))`` into the Pipeline.

    Settings inside a term are parameters: ``set_params(k2__grid__sigma=0.1)``, also in a grid
    search. If terms and settings inside them are set together, the terms come first.

    References
    ----------
    .. [1] H. Huo, M. Rupp, Mach. Learn.: Sci. Technol. 3, 045017 (2022),
       doi:10.1088/2632-2153/aca005.
    .. [2] L. Himanen et al., Comput. Phys. Commun. 247, 106949 (2020),
       doi:10.1016/j.cpc.2019.106949.
    .. [3] K. Ghosh, M. Todorovic, A. Vehtari, P. Rinke, J. Chem. Phys. 162, 014103 (2025),
       arXiv:2408.11191.
    .. [4] M. Valle, A. R. Oganov, Acta Crystallogr. A 66, 507 (2010),
       doi:10.1107/S0108767310026395.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from skmolal import MBTRTransformer
    >>> molecules = [molecule("H2O"), molecule("CH4"), molecule("CH3OH")]
    >>> mbtr = MBTRTransformer().set_params(k2__grid__n=50)
    >>> mbtr.fit_transform(molecules).shape
    (3, 300)
    >>> mbtr.species_
    array(['H', 'C', 'O'], dtype=object)
    >>> mbtr.get_feature_names_out()[60]
    'k2_C-H_0.2107'
    """

    _parameter_constraints: ClassVar[dict] = {
        **{term: [StrOptions({"default"}), dict, None] for term in _TERMS},
        "species": ["array-like", None],
        "normalization": [StrOptions({"none", "l2", "n_atoms", "valle_oganov"})],
        "normalize_gaussians": ["boolean"],
        "periodic": ["boolean"],
        "handle_unknown": [StrOptions({"error", "ignore"})],
        "backend": [StrOptions({"auto", "native", "dscribe"})],
        "sparse": ["boolean"],
        "dtype": [StrOptions({"float32", "float64"}), Options(type, {np.float32, np.float64})],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    # `out` says where to write; it is no metadata to route.
    __metadata_request__transform: ClassVar[dict] = {"out": UNUSED}

    def __init__(
        self,
        k1=None,
        k2="default",
        k3=None,
        *,
        species=None,
        normalization="none",
        normalize_gaussians=True,
        periodic=False,
        handle_unknown="error",
        backend="auto",
        sparse=False,
        dtype="float32",
        n_jobs=None,
        verbose=False,
    ):
        self.k1 = k1
        self.k2 = k2
        self.k3 = k3
        self.species = species
        self.normalization = normalization
        self.normalize_gaussians = normalize_gaussians
        self.periodic = periodic
        self.handle_unknown = handle_unknown
        self.backend = backend
        self.sparse = sparse
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.verbose = verbose

    def get_params(self, deep=True):
        """Get parameters for this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to list the settings inside the terms too, like ``k2__grid__sigma``.

        Returns
        -------
        params : dict
            Parameter names mapped to their values.
        """
        params = super().get_params(deep=False)
        if deep:
            for term in _TERMS:
                params |= nested_params(term, params[term])
        return params

    def set_params(self, **params):
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Parameters, also settings inside the terms like ``k2__grid__sigma``. Whole terms are
            set before groups of settings like ``k2__grid``, and those before single settings.
            A dict that was passed as a term is not changed: it is replaced by a copy.

        Returns
        -------
        self : MBTRTransformer
            This estimator.

        Raises
        ------
        ValueError
            If there is no such parameter, or if a setting is inside a term that is None.
        """
        nested = {key: value for key, value in params.items() if "__" in key}
        terms = {term: params.get(term, getattr(self, term)) for term in _TERMS}
        for key in sorted(nested, key=lambda key: key.count("__")):
            term, *path = key.split("__")
            if term not in _TERMS:
                raise ValueError(
                    f"Invalid parameter {key!r} for estimator {type(self).__name__}: only "
                    f"{list(_TERMS)} have settings inside"
                )
            terms[term] = replace_setting(term, terms[term], path, nested[key])
        plain = {key: value for key, value in params.items() if key not in nested}
        changed = {key.split("__")[0] for key in nested}
        return super().set_params(**plain | {term: terms[term] for term in changed})

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the elements and the open grid limits.

        Parameters
        ----------
        X : iterable of ase.Atoms, shape (n_samples,)
            Molecules: all that may be met later, labelled or not.
        y : None
            Not used, present for API consistency.

        Returns
        -------
        self : MBTRTransformer
            Fitted estimator.

        Raises
        ------
        TypeError
            If `X` does not hold ``ase.Atoms``.
        ValueError
            If a setting is invalid, if there is no molecule, or if one is empty, has coincident
            atoms, coordinates that are not finite or an element that is not in `species`.
        """
        terms = self._check_terms()
        structures = flatten_molecules(X, self.periodic)
        if len(structures) == 0:
            raise ValueError("molecules must hold at least one molecule, got none")
        if self.species is None:
            numbers = np.unique(structures.numbers)
        else:
            numbers = species_numbers(self.species)
        structures = self._known_atoms(structures, numbers)
        self._check_cells(structures)
        self.terms_ = {
            name: term | {"grid": _close_grid(name, term, structures, numbers)}
            for name, term in terms.items()
        }
        self.species_ = np.array([chemical_symbols[z] for z in numbers], dtype=object)
        self.backend_ = self._choose_backend()
        return self

    def transform(self, X, out=None):
        """Compute the features of molecules.

        Parameters
        ----------
        X : iterable of ase.Atoms, shape (n_samples,)
            Molecules.
        out : ndarray of shape (n_samples, n_features), default=None
            Array of type `dtype` to write the features into. With a memory map
            (:func:`numpy.lib.format.open_memmap`) the result may exceed the memory.

        Returns
        -------
        features : ndarray or csr_matrix of shape (n_samples, n_features)
            `out`, if given.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        TypeError
            If `X` does not hold ``ase.Atoms``.
        ValueError
            If a molecule is empty, has coincident atoms, coordinates that are not finite or an
            element that is not in `species_`, or if `out` does not fit.
        """
        check_is_fitted(self)
        numbers = species_numbers(self.species_)
        structures = self._known_atoms(flatten_molecules(X, self.periodic), numbers)
        self._check_cells(structures)
        n_features = count_features(self.terms_, len(numbers))
        if out is not None:
            self._check_out(out, (len(structures), n_features))
        settings = {
            "terms": self.terms_,
            "species": numbers,
            "normalization": self.normalization,
            "normalize_gaussians": self.normalize_gaussians,
        }
        native = self.backend_ == "native"
        if native:
            fill = NativeMBTR(**settings)
        else:
            fill = partial(fill_with_dscribe, **settings, periodic=self.periodic)
        return build_features(
            fill,
            structures,
            n_features,
            out=out,
            dtype=np.dtype(self.dtype),
            sparse=self.sparse,
            n_jobs=self.n_jobs,
            threads=native,
            verbose=bool(self.verbose),
            label="MBTR",
        )

    def fit_transform(self, X, y=None):
        """Learn the elements and grid limits of molecules and compute their features.

        Parameters
        ----------
        X : iterable of ase.Atoms, shape (n_samples,)
            Molecules.
        y : None
            Not used, present for API consistency.

        Returns
        -------
        features : ndarray or csr_matrix of shape (n_samples, n_features)
            The features.
        """
        if not hasattr(X, "__len__"):  # a generator serves once only
            X = as_molecules(X)
        return self.fit(X).transform(X)

    def get_feature_names_out(self, input_features=None):
        """Get the names of the features, like ``k2_C-H_0.3250``.

        Parameters
        ----------
        input_features : None
            Not used, present for API consistency.

        Returns
        -------
        names : ndarray of str, shape (n_features,)
            Term, elements and grid point of each column. The elements of a pair, and the outer
            two of a triplet, are in alphabetical order.
        """
        check_is_fitted(self)
        return feature_names(self.terms_, self.species_)

    def _check_terms(self):
        terms = {name: check_term(name, getattr(self, name)) for name in _TERMS}
        terms = {name: term for name, term in terms.items() if term is not None}
        if not terms:
            raise ValueError("at least one of k1, k2 and k3 must not be None")
        if self.periodic:
            check_periodic_terms(terms)
        elif self.normalization == "valle_oganov":
            raise ValueError(
                "normalization='valle_oganov' needs the volume of a cell: set periodic=True, or "
                "use one of ['none', 'l2', 'n_atoms']"
            )
        return terms

    def _choose_backend(self):
        if self.backend == "native" and self.periodic:
            raise ValueError(
                "backend='native' is for finite molecules: with periodic=True use one of "
                "['auto', 'dscribe']"
            )
        if self.backend == "auto":
            return "dscribe" if self.periodic else "native"
        return self.backend

    def _check_cells(self, structures):
        if self.normalization == "valle_oganov":
            flat = np.isclose(np.linalg.det(structures.cells), 0.0)
            if flat.any():
                raise ValueError(
                    f"molecules[{np.argmax(flat)}] has a cell without volume, which "
                    "normalization='valle_oganov' needs"
                )

    def _check_out(self, out, shape):
        if self.sparse:
            raise ValueError("out must be None with sparse=True")
        dtype = np.dtype(self.dtype)
        if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != dtype:
            got = getattr(out, "shape", None), getattr(out, "dtype", type(out).__name__)
            raise ValueError(
                f"out must be an array of shape {shape} and type {dtype}, got {got[0]}, {got[1]}"
            )

    def _known_atoms(self, structures, numbers):
        """Refuse atoms of elements outside `numbers`, or leave them out."""
        known = np.isin(structures.numbers, numbers)
        if not known.all() and self.handle_unknown == "error":
            i, _ = structures.owner(np.argmin(known))
            alien = chemical_symbols[structures.numbers[np.argmin(known)]]
            everything = np.union1d(numbers, structures.numbers)
            raise ValueError(
                f"molecules[{i}] has the element {alien!r}, which is not among the known "
                f"{[chemical_symbols[z] for z in numbers]}: pass "
                f"species={[chemical_symbols[z] for z in everything]}, fit on all molecules that "
                "may be met, or leave such atoms out with handle_unknown='ignore'"
            )
        return keep_atoms(structures, known)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def _close_grid(name, term, structures, numbers):
    """Return the grid of a term with open limits replaced by what the molecules span."""
    grid = dict(term["grid"])
    if grid["min"] is None or grid["max"] is None:
        limits = _natural_limits(name, term, structures, numbers)
        for key, limit in zip(("min", "max"), limits, strict=True):
            if grid[key] is None:
                grid[key] = float(limit)
        check_limits(name, grid)
    return grid


def _natural_limits(name, term, structures, numbers):
    geometry = term["geometry"]["function"]
    if geometry == "atomic_number":
        return numbers.min() - 1, numbers.max() + 1
    if geometry == "angle":
        return 0, 180
    if geometry == "cosine":
        return -1, 1
    shortest, longest = distance_range(structures, term_cutoff(name, term))
    if np.isnan(shortest):
        raise ValueError(
            f"{name}__grid has an open limit, but no molecule to learn it from has two atoms "
            f"within reach: give {name}__grid__min and {name}__grid__max"
        )
    return (0, 1 / shortest) if geometry == "inverse_distance" else (0, longest)
