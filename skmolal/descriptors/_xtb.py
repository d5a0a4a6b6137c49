"""Properties of a cheap calculation as a scikit-learn transformer."""

from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from numbers import Real
from os import PathLike
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skmolal.descriptors._base import MoleculeTransformer
from skmolal.descriptors._structures import flatten_molecules, refuse_smiles
from skmolal.molecules import as_molecules
from skmolal.oracles import OracleError, XTBOracle, content_key
from skmolal.oracles._cache import ResultCache

# Column -> properties of XTBOracle that it is made of, the second where the first is missing.
_FEATURES = {
    "homo": ("homo",),
    "lumo": ("lumo",),
    "gap": ("gap",),
    "energy_per_atom": ("energy",),
    "dipole": ("dipole",),
    "homo_minus_1": ("homo_minus_1", "homo"),
    "lumo_plus_1": ("lumo_plus_1", "lumo"),
    "charge_min": ("charge_min",),
    "charge_max": ("charge_max",),
}
# Calculations after which they are put into the cache: what a kill may cost.
_STORE_EVERY = 64


class XTBTransformer(MoleculeTransformer):
    """Describe molecules by what an extended tight-binding calculation says of them.

    A GFN-xTB [1]_ single point at the given geometry takes milliseconds; it is computed by
    :class:`~skmolal.oracles.XTBOracle` (extra ``xtb``). Its orbital energies correlate with those
    of density functional theory, if label and features belong to the same geometry. Charge, spin
    and solvent of a molecule are read from ``atoms.info`` as the oracle does.

    Parameters
    ----------
    method : {"GFN2-xTB", "GFN1-xTB", "IPEA1-xTB"}, default="GFN2-xTB"
        The Hamiltonian.
    features : "all" or list of str, default="all"
        Columns out of ``"homo"``, ``"lumo"``, ``"gap"``, ``"energy_per_atom"`` (eV), ``"dipole"``
        (debye), ``"homo_minus_1"``, ``"lumo_plus_1"`` (eV; the frontier orbital again where a
        small molecule has no further one), ``"charge_min"`` and ``"charge_max"`` (extremes of the
        atomic charges, e).
    cache : str or path, default=None
        SQLite file of results, shared with :class:`~skmolal.oracles.CachedOracle`: nothing that
        is in it is computed again. Several processes may use it, and a killed one loses its
        last 64 calculations at most. None: nothing is kept.
    on_error : {"raise", "nan"}, default="raise"
        Whether a calculation that fails is an error or a row of NaN.
    sparse : bool, default=False
        Whether to return a CSR matrix.
    dtype : {"float32", "float64"} or type, default="float32"
        Type of the features.
    n_jobs : int, default=None
        Number of worker processes, with one thread each. None means 1 unless in a
        :obj:`joblib.parallel_config` context, -1 all processors.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    features_ : list of str
        Names of the columns without the prefix.

    See Also
    --------
    skmolal.oracles.XTBOracle : The same numbers as labels.

    Notes
    -----
    A molecule whose ``atoms.info`` has all properties of the columns under names with the prefix
    of the method (``gfn2_homo``, ``gfn2_energy`` for the total energy; ``gfn1_``, ``ipea1_``) is
    not calculated. A name without prefix is taken for a label and never read.

    A column that equals `y` is refused: by `fit_transform` any, by `fit` those in ``atoms.info``.

    References
    ----------
    .. [1] C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019),
       doi:10.1021/acs.jctc.8b01176.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from skmolal.descriptors import XTBTransformer
    >>> xtb = XTBTransformer(features=["homo", "lumo"])
    >>> xtb.fit_transform([molecule("CH3OH"), molecule("CH4")]).round(1)
    array([[-11.4,   1.4],
           [-12.7,   4.3]], dtype=float32)
    >>> xtb.get_feature_names_out()
    array(['gfn2_homo', 'gfn2_lumo'], dtype=object)
    """

    _parameter_constraints: ClassVar[dict] = {
        **MoleculeTransformer._parameter_constraints,
        "method": [StrOptions({"GFN2-xTB", "GFN1-xTB", "IPEA1-xTB"})],
        "features": [StrOptions({"all"}), "array-like"],
        "cache": [str, PathLike, None],
        "on_error": [StrOptions({"raise", "nan"})],
    }

    def __init__(
        self,
        method="GFN2-xTB",
        features="all",
        *,
        cache=None,
        on_error="raise",
        sparse=False,
        dtype="float32",
        n_jobs=None,
        verbose=False,
    ):
        self.method = method
        self.features = features
        self.cache = cache
        self.on_error = on_error
        self.sparse = sparse
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X, y=None):
        """Check the molecules and the names of the columns; nothing is calculated.

        Parameters
        ----------
        X : iterable of ase.Atoms, shape (n_samples,)
            Molecules.
        y : array-like of shape (n_samples,), default=None
            Labels, which are compared with the columns in ``atoms.info`` and not used.

        Returns
        -------
        self : object
            Fitted transformer.

        Raises
        ------
        TypeError
            If `X` does not hold ``ase.Atoms``.
        ValueError
            If a setting is invalid, if a molecule cannot be described, or if a column in
            ``atoms.info`` is `y`.
        """
        if not hasattr(X, "__len__"):  # a generator serves once only
            X = as_molecules(X)
        refuse_smiles(X)
        super().fit(X)
        rows = [
            _read_info(atoms, i, self.method, self.features_)
            for i, atoms in enumerate(as_molecules(X))
        ]
        known = [i for i, row in enumerate(rows) if row is not None]
        if y is not None and known and len(y) == len(rows):
            self._refuse_target(np.array([rows[i] for i in known]), np.asarray(y)[known])
        return self

    def fit_transform(self, X, y=None):
        """Calculate the columns of molecules.

        Parameters
        ----------
        X : iterable of ase.Atoms, shape (n_samples,)
            Molecules.
        y : array-like of shape (n_samples,), default=None
            Labels, which are compared with the columns and not used.

        Returns
        -------
        features : ndarray or csr_matrix of shape (n_samples, n_features)
            The columns.

        Raises
        ------
        TypeError
            If `X` does not hold ``ase.Atoms``.
        ValueError
            If a setting is invalid, if a molecule cannot be described, or if a column is `y`.
        """
        if not hasattr(X, "__len__"):
            X = as_molecules(X)
        features = self.fit(X).transform(X)
        if y is not None:
            self._refuse_target(features.toarray() if self.sparse else np.asarray(features), y)
        return features

    def _read(self, X):
        refuse_smiles(X)
        molecules = as_molecules(X)
        flatten_molecules(molecules)  # its checks are those of all descriptors
        return _Molecules(molecules)

    def _learn(self, records):
        features = list(_FEATURES) if isinstance(self.features, str) else list(self.features)
        unknown = [name for name in features if name not in _FEATURES]
        if unknown or not features or len(set(features)) < len(features):
            raise ValueError(
                f"features must be 'all' or distinct names out of {list(_FEATURES)}, "
                f"got {self.features}"
            )
        self.features_ = features

    def _make_fill(self):
        return partial(
            _fill_xtb,
            method=self.method,
            features=self.features_,
            cache=self.cache,
            on_error=self.on_error,
        )

    def _feature_names(self):
        return [_prefix(self.method) + name for name in self.features_]

    def _refuse_target(self, columns, y):
        y = np.asarray(y)
        if y.dtype.kind not in "iuf" or len(y) != len(columns):
            return
        for target in y.reshape(len(y), -1).T:
            labelled = np.isfinite(target) & np.isfinite(columns).all(axis=1)
            if labelled.sum() < 2:
                continue
            differences = np.abs(columns[labelled] - target[labelled, None]).max(axis=0)
            same = differences <= 1e-6 * np.abs(target[labelled]).max()
            if same.any():
                name = self._feature_names()[np.argmax(same)]
                raise ValueError(
                    f"feature {name!r} is the target y; leave it out of `features`, or give labels "
                    "a name without prefix in atoms.info"
                )


@dataclass(frozen=True)
class _Molecules:
    """Checked molecules with their ``info``."""

    molecules: np.ndarray
    first: int = 0  # index of the first molecule among all, for messages

    def __len__(self):
        return len(self.molecules)

    def take(self, rows):
        """Return the molecules of a slice of consecutive rows."""
        return replace(self, molecules=self.molecules[rows], first=self.first + rows.start)


def _prefix(method):
    return method.split("-")[0].lower() + "_"


def _read_info(atoms, i, method, features):
    """Return the row of a molecule if its ``info`` has all that it takes, else None."""
    names = [_prefix(method) + _FEATURES[name][0] for name in features]
    if any(atoms.info.get(name) is None for name in names):
        return None
    values = {}
    for feature, name in zip(features, names, strict=True):
        value = atoms.info[name]
        if not isinstance(value, Real) or not isfinite(value):
            raise ValueError(
                f"molecules[{i}].info[{name!r}] must be a finite number, got {value!r}"
            )
        values[_FEATURES[feature][0]] = float(value)
    return _make_row(values, len(atoms), features)


def _make_row(values, n_atoms, features):
    row = []
    for feature in features:
        value = next(values[name] for name in _FEATURES[feature] if name in values)
        row.append(value / n_atoms if feature == "energy_per_atom" else value)
    return row


def _fill_xtb(records, block, *, method, features, cache, on_error):
    rows = [
        _read_info(atoms, records.first + i, method, features)
        for i, atoms in enumerate(records.molecules)
    ]
    missing = [i for i, row in enumerate(rows) if row is None]
    calculation = _Calculation(XTBOracle(method=method), cache, records.molecules[missing])
    with calculation:
        for i in missing:
            atoms = records.molecules[i]
            try:
                rows[i] = _make_row(calculation.calculate(atoms), len(atoms), features)
            except OracleError as error:
                if on_error == "raise":
                    raise ValueError(f"molecules[{records.first + i}]: {error}") from error
                rows[i] = np.nan
    for i, row in enumerate(rows):
        block[i] = row


class _Calculation:
    """An oracle with a cache that is asked once, and given results many at a time."""

    def __init__(self, oracle, cache, molecules):
        self.oracle = oracle
        self.identity = oracle.identity
        self.cache = None if cache is None else ResultCache(cache)
        self.known, self.fresh = {}, {}
        if self.cache is not None:
            self.known = self.cache.get(filter(None, map(self._key, molecules)))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._store()

    def calculate(self, atoms):
        """Return the properties of a molecule."""
        if self.cache is None:
            return self.oracle(atoms)
        key = content_key(self.identity, atoms)
        if key not in self.known:
            self.known[key] = self.fresh[key] = self.oracle(atoms)
            if len(self.fresh) == _STORE_EVERY:
                self._store()
        return self.known[key]

    def _key(self, atoms):
        try:
            return content_key(self.identity, atoms)
        except OracleError:
            return None  # it fails again, where it is calculated

    def _store(self):
        if self.fresh:
            self.cache.put(self.fresh, self.identity)
            self.fresh = {}
