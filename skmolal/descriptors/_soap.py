"""The smooth overlap of atomic positions as a scikit-learn transformer."""

from copy import deepcopy
from itertools import combinations_with_replacement
from numbers import Integral, Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from skmolal._docstrings import share_docs
from skmolal.descriptors._atomic import AtomicTransformer
from skmolal.descriptors._docs import SHARED
from skmolal.descriptors._species import species_numbers


@share_docs(**SHARED)
class SOAPTransformer(AtomicTransformer):
    """Describe molecules by the smooth overlap of atomic positions (SOAP), averaged over atoms.

    The density of neighbours of each element around an atom is expanded in `n_max` radial
    functions and spherical harmonics up to degree `l_max`; the features are the power spectrum
    of the coefficients [1]_, averaged over the atoms of a molecule [2]_. The numbers are those
    of dscribe [3]_.

    Parameters
    ----------
    r_cut : float or None, default=5.0
        Radius of the neighbourhood, in angstrom. None: where `weighting` has decayed.
    n_max : int, default=6
        Number of radial functions.
    l_max : int, default=4
        Largest degree of the spherical harmonics.
    sigma : float, default=0.5
        Width of the Gaussian that stands for an atom, in angstrom.
    rbf : {"gto", "polynomial"}, default="gto"
        Radial functions. "gto" needs an `r_cut` above 1.
    weighting : dict, default=None
        Weighting of neighbours by distance, in dscribe's form, such as
        ``{"function": "pow", "r0": 2, "c": 1, "d": 1, "m": 4}``. None: all alike.
    average : {"mean", "sum", "inner"}, default="mean"
        The mean or the sum of the power spectra of all atoms, or the power spectrum of the mean
        of their coefficients.
    compression : {"off", "mu1nu1", "mu2", "crossover"}, default="off"
        Which pairs of elements get features [4]_: all; each element with the sum of all; the sum
        with itself; each element with itself.
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
    ACSFTransformer : Fewer features, with settings for each.

    References
    ----------
    .. [1] A. P. Bartók, R. Kondor, G. Csányi, Phys. Rev. B 87, 184115 (2013),
       doi:10.1103/PhysRevB.87.184115.
    .. [2] S. De, A. P. Bartók, G. Csányi, M. Ceriotti, Phys. Chem. Chem. Phys. 18, 13754
       (2016), doi:10.1039/C6CP00415F.
    .. [3] L. Himanen et al., Comput. Phys. Commun. 247, 106949 (2020),
       doi:10.1016/j.cpc.2019.106949.
    .. [4] J. P. Darby, J. R. Kermode, G. Csányi, npj Comput. Mater. 8, 166 (2022),
       doi:10.1038/s41524-022-00847-y.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from skmolal.descriptors import SOAPTransformer
    >>> soap = SOAPTransformer(n_max=3, l_max=2)
    >>> soap.fit_transform([molecule("H2O"), molecule("CH4")]).shape
    (2, 135)
    >>> soap.get_feature_names_out()[20]
    'soap_H-C_n0_n2_l0'
    """

    _parameter_constraints: ClassVar[dict] = {
        **AtomicTransformer._parameter_constraints,
        "r_cut": [Interval(Real, 0, None, closed="neither"), None],
        "n_max": [Interval(Integral, 1, None, closed="left")],
        "l_max": [Interval(Integral, 0, 20, closed="both")],  # dscribe's own limit
        "sigma": [Interval(Real, 0, None, closed="neither")],
        "rbf": [StrOptions({"gto", "polynomial"})],
        "weighting": [dict, None],
        "average": [StrOptions({"mean", "sum", "inner"})],
        "compression": [StrOptions({"off", "mu1nu1", "mu2", "crossover"})],
    }
    _label = "soap"

    def __init__(
        self,
        r_cut=5.0,
        n_max=6,
        l_max=4,
        sigma=0.5,
        *,
        rbf="gto",
        weighting=None,
        average="mean",
        compression="off",
        species=None,
        periodic=False,
        handle_unknown="error",
        sparse=False,
        dtype="float32",
        n_jobs=None,
        verbose=False,
    ):
        self.r_cut = r_cut
        self.n_max = n_max
        self.l_max = l_max
        self.sigma = sigma
        self.rbf = rbf
        self.weighting = weighting
        self.average = average
        self.compression = compression
        self.species = species
        self.periodic = periodic
        self.handle_unknown = handle_unknown
        self.sparse = sparse
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _make_descriptors(self):
        from dscribe.descriptors import SOAP

        if self.r_cut is None and not self.weighting:
            raise ValueError("r_cut must be given where weighting is None, got None")
        soap = SOAP(
            r_cut=self.r_cut,
            n_max=self.n_max,
            l_max=self.l_max,
            sigma=self.sigma,
            rbf=self.rbf,
            weighting=deepcopy(self.weighting),  # dscribe writes into it
            average="inner" if self.average == "inner" else "off",
            compression={"mode": self.compression, "species_weighting": None},
            species=species_numbers(self.species_).tolist(),
            periodic=self.periodic,
            dtype="float64",
        )
        return [soap]

    def _atom_names(self):
        """Name the columns: elements and radial functions of both factors, degree."""
        radial = range(self.n_max)
        square = [(n, m) for n in radial for m in radial]
        triangle = [(n, m) for n, m in square if n <= m]
        if self.compression == "off":
            blocks = [
                (f"{first}-{second}", triangle if first == second else square)
                for first, second in combinations_with_replacement(self.species_, 2)
            ]
        elif self.compression == "mu1nu1":
            blocks = [(f"{symbol}-all", square) for symbol in self.species_]
        elif self.compression == "crossover":
            blocks = [(f"{symbol}-{symbol}", triangle) for symbol in self.species_]
        else:
            blocks = [("all-all", triangle)]
        return [
            f"{elements}_n{n}_n{m}_l{degree}"
            for elements, pairs in blocks
            for degree in range(self.l_max + 1)
            for n, m in pairs
        ]
