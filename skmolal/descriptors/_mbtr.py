"""The many-body tensor representation as a scikit-learn transformer."""

from functools import partial
from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Options, StrOptions
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from skmolal._doc_link import DocLinkMixin
from skmolal.descriptors._base import hold_records
from skmolal.descriptors._blocks import BlockRunner
from skmolal.descriptors._dscribe import fill_with_dscribe
from skmolal.descriptors._features import count_features, feature_names
from skmolal.descriptors._limits import close_grid
from skmolal.descriptors._native import NativeMBTR
from skmolal.descriptors._params import TermParamsMixin
from skmolal.descriptors._species import select_known, species_numbers, symbols
from skmolal.descriptors._structures import flatten_molecules
from skmolal.descriptors._terms import TERMS, check_periodic_terms, check_term


class MBTRTransformer(DocLinkMixin, TermParamsMixin, TransformerMixin, BaseEstimator):
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
        which takes seconds, and keeps the result on disk where it may write.
    sparse : bool, default=False
        Whether to return a CSR matrix. Only small blocks of it are ever dense: 16 MiB, or one row
        if that is more, for each worker.
    dtype : {"float32", "float64"} or type, default="float32"
        Type of the features. They are summed up in float64 in any case.
    n_jobs : int, default=None
        Number of workers. None means 1 unless in a :obj:`joblib.parallel_config` context, -1 all
        processors.
    verbose : bool, default=False
        Whether to show a progress bar.
    drop_zero_features : bool, default=False
        Whether to leave out the features that are zero for all molecules given to `fit`, which
        then takes as long as `transform`. The others keep their names.

    Attributes
    ----------
    species_ : ndarray of str
        Chemical symbols of the elements described, lightest first.
    terms_ : dict
        The full settings of each term in use, grid limits learned in `fit` included.
    backend_ : str
        The backend that is in use.
    kept_features_ : ndarray of int or None
        Columns kept by `drop_zero_features`, counted among all features.

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
        **{term: [StrOptions({"default"}), dict, None] for term in TERMS},
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
        "drop_zero_features": ["boolean"],
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
        drop_zero_features=False,
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
        self.drop_zero_features = drop_zero_features

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
        structures = select_known(structures, numbers, self.handle_unknown)
        self._check_cells(structures)
        self.terms_ = {
            name: term | {"grid": close_grid(name, term, structures, numbers)}
            for name, term in terms.items()
        }
        self.species_ = np.array(symbols(numbers), dtype=object)
        self.backend_ = self._choose_backend()
        kept = None
        if self.drop_zero_features:
            kept = self._make_runner(numbers).find_nonzero(structures)
        if kept is not None and len(kept) == 0:
            raise ValueError(
                "drop_zero_features=True would drop all features: no grid has a point within reach "
                "of the molecules"
            )
        self.kept_features_ = kept
        return self

    def transform(self, X, out=None):
        """Compute the features of molecules.

        Parameters
        ----------
        X : iterable of ase.Atoms, shape (n_samples,)
            Molecules.
        out : ndarray of shape (n_samples, n_features), default=None
            C-contiguous array of type `dtype` to write the features into. With a memory map
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
        structures = flatten_molecules(X, self.periodic)
        structures = select_known(structures, numbers, self.handle_unknown)
        self._check_cells(structures)
        runner = self._make_runner(numbers)
        if self.sparse and out is None:
            return runner.compute_sparse(structures, self.kept_features_)
        if out is not None:
            self._check_out(out, len(structures))
        return runner.compute_dense(structures, self.kept_features_, out)

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
        X = hold_records(X)
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
        names = feature_names(self.terms_, self.species_)
        return names if self.kept_features_ is None else names[self.kept_features_]

    def _check_terms(self):
        terms = {name: check_term(name, getattr(self, name)) for name in TERMS}
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

    def _make_runner(self, numbers):
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
        return BlockRunner(
            fill=fill,
            n_features=count_features(self.terms_, len(numbers)),
            dtype=np.dtype(self.dtype),
            n_jobs=self.n_jobs,
            threads=native,
            verbose=bool(self.verbose),
            label="MBTR",
        )

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

    def _check_out(self, out, n_samples):
        if self.sparse:
            raise ValueError("out must be None with sparse=True")
        shape, dtype = (n_samples, len(self.get_feature_names_out())), np.dtype(self.dtype)
        if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != dtype:
            got = getattr(out, "shape", None), getattr(out, "dtype", type(out).__name__)
            raise ValueError(
                f"out must be an array of shape {shape} and type {dtype}, got {got[0]}, {got[1]}"
            )
        if not (out.flags.c_contiguous and out.flags.writeable):
            raise ValueError("out must be C-contiguous and writable")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags
