"""Physico-chemical descriptors as a scikit-learn transformer."""

from functools import partial
from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skmolal.descriptors._graphs import GraphTransformer


class RDKitDescriptorsTransformer(GraphTransformer):
    """Describe molecules by RDKit's physico-chemical descriptors.

    Weight, logP [1]_, polar surface, counts of rings and groups, topological indices and so on.
    Takes SMILES, or molecules: the graph of bonds is that of the SMILES in
    ``atoms.info["smiles"]``; where there is none, bonds are perceived from the coordinates [2]_
    for a molecule of charge ``atoms.info["charge"]``, zero if left out.

    Parameters
    ----------
    descriptors : "all" or list of str, default="all"
        Names out of ``rdkit.Chem.Descriptors.descList``. How many "all" are depends on the
        version of RDKit.
    fill_value : float, default=0.0
        What stands for a descriptor that a molecule does not have (partial charges of an element
        without parameters, for example) or whose value is not finite in `dtype`. With NaN the
        next step can be :class:`sklearn.impute.SimpleImputer`.
    sparse : bool, default=False
        Whether to return a CSR matrix.
    dtype : {"float32", "float64"} or type, default="float32"
        Type of the features.
    n_jobs : int, default=None
        Number of worker processes. None means 1 unless in a :obj:`joblib.parallel_config`
        context, -1 all processors.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    descriptors_ : ndarray of str
        Names of the descriptors, in the order of the columns.

    See Also
    --------
    MorganFingerprintTransformer : Fingerprints of the same graphs.

    Notes
    -----
    The descriptors have very different units: scale them
    (:class:`sklearn.preprocessing.StandardScaler`). Bonds are perceived as in
    :class:`MorganFingerprintTransformer`.

    References
    ----------
    .. [1] S. A. Wildman, G. M. Crippen, J. Chem. Inf. Comput. Sci. 39, 868 (1999),
       doi:10.1021/ci990307l.
    .. [2] Y. Kim, W. Y. Kim, Bull. Korean Chem. Soc. 36, 1769 (2015), doi:10.1002/bkcs.10334.

    Examples
    --------
    >>> from skmolal.descriptors import RDKitDescriptorsTransformer
    >>> rdkit = RDKitDescriptorsTransformer(["MolWt", "NumHDonors"])
    >>> rdkit.fit_transform(["CO", "C"]).round(1)
    array([[32., 1.],
           [16., 0.]], dtype=float32)
    """

    _parameter_constraints: ClassVar[dict] = {
        **GraphTransformer._parameter_constraints,
        "descriptors": [StrOptions({"all"}), "array-like"],
        "fill_value": [Real],
    }

    def __init__(
        self,
        descriptors="all",
        *,
        fill_value=0.0,
        sparse=False,
        dtype="float32",
        n_jobs=None,
        verbose=False,
    ):
        self.descriptors = descriptors
        self.fill_value = fill_value
        self.sparse = sparse
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _learn(self, records):
        known = _functions()
        names = list(known) if isinstance(self.descriptors, str) else list(self.descriptors)
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise ValueError(
                "descriptors must be 'all' or names out of rdkit.Chem.Descriptors.descList, such "
                f"as {list(known)[:3]}; got {unknown or names}"
            )
        if len(set(names)) < len(names):
            raise ValueError(f"descriptors must be distinct names, got {names}")
        self.descriptors_ = np.array(names, dtype=object)

    def _make_fill(self):
        return partial(_fill_descriptors, names=list(self.descriptors_), fill=self.fill_value)

    def _feature_names(self):
        return list(self.descriptors_)


def _functions():
    from rdkit.Chem import Descriptors

    return dict(Descriptors.descList)


def _fill_descriptors(graphs, block, *, names, fill):
    known = _functions()
    functions = [known[name] for name in names]
    limit = np.finfo(block.dtype).max

    def describe(mol):
        values = np.array([_value(function, mol) for function in functions])
        return np.where(np.abs(values) <= limit, values, fill)  # NaN is not <= limit

    return graphs.describe(block, describe)


def _value(function, mol):
    try:
        return float(function(mol))
    except Exception:  # RDKit's descriptors raise anything where they are not defined
        return np.nan
