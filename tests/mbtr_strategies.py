"""Random molecules and random MBTR settings for hypothesis, and dscribe as it stands alone."""

import numpy as np
from ase import Atoms
from dscribe.descriptors import MBTR
from hypothesis import strategies as st

from skmolal import as_molecules
from skmolal.descriptors._dscribe import calling_dscribe

ELEMENTS = ["H", "C", "O", "S", "Br"]


@st.composite
def molecule_lists(draw, max_molecules=4, max_atoms=7, elements=ELEMENTS):
    """Draw molecules on a jittered lattice, so that no two atoms come close."""
    molecules = []
    for _ in range(draw(st.integers(1, max_molecules))):
        n_atoms = draw(st.integers(1, max_atoms))
        random = np.random.RandomState(draw(st.integers(0, 2**32 - 1)))
        sites = random.permutation(27)[:n_atoms]
        lattice = np.stack(np.unravel_index(sites, (3, 3, 3)), axis=1)
        spacing = random.uniform(0.9, 3.0)
        positions = spacing * (lattice + random.uniform(-0.2, 0.2, size=(n_atoms, 3)))
        molecules.append(Atoms(random.choice(elements, n_atoms), positions))
    return as_molecules(molecules)


def _numbers(low, high):
    return st.floats(low, high, allow_nan=False)


def grids(low, high):
    """Draw grids; `low` and `high` bound both limits, so part of the values may lie outside."""

    def build(limits, n, width):
        start, stop = sorted(limits)
        return {"min": start, "max": stop + 0.1 * (high - low), "n": n, "sigma": width}

    span = high - low
    limits = st.tuples(_numbers(low, high), _numbers(low, high))
    sigma = st.sampled_from([0.001, 0.01, 0.03, 0.2]).map(lambda share: share * span)
    return st.builds(build, limits, st.integers(2, 60), sigma)


EXPONENTIAL = st.one_of(
    st.builds(
        lambda s, t: {"function": "exp", "scale": s, "threshold": t},
        _numbers(0.2, 2),
        _numbers(1e-4, 0.2),
    ),
    st.builds(
        lambda r, t: {"function": "exp", "r_cut": r, "threshold": t},
        _numbers(1, 9),
        _numbers(1e-4, 0.2),
    ),
)
UNITY = st.sampled_from([None, {"function": "unity"}])
RADIUS = _numbers(1, 9)
K1 = st.builds(
    lambda grid, weighting: {
        "geometry": {"function": "atomic_number"},
        "grid": grid,
        "weighting": weighting,
    },
    grids(0, 36),
    UNITY,
)
K2 = st.one_of(
    st.builds(
        lambda grid, weighting, function=function: {
            "geometry": {"function": function},
            "grid": grid,
            "weighting": weighting,
        },
        grids(0, high),
        UNITY
        | EXPONENTIAL
        | RADIUS.map(lambda radius: {"function": "inverse_square", "r_cut": radius}),
    )
    for function, high in (("distance", 8.0), ("inverse_distance", 1.2))
)
K3 = st.one_of(
    st.builds(
        lambda grid, weighting, function=function: {
            "geometry": {"function": function},
            "grid": grid,
            "weighting": weighting,
        },
        grids(low, high),
        UNITY
        | EXPONENTIAL
        | st.builds(
            lambda radius, more: {"function": "smooth_cutoff", "r_cut": radius} | more,
            RADIUS,
            st.sampled_from([{}, {"sharpness": 1.5}, {"sharpness": 3}]),
        ),
    )
    for function, low, high in (("angle", 0.0, 180.0), ("cosine", -1.0, 1.0))
)
NORMALIZATIONS = st.fixed_dictionaries(
    {
        "normalization": st.sampled_from(["none", "l2", "n_atoms"]),
        "normalize_gaussians": st.booleans(),
    }
)


@st.composite
def one_term(draw):
    """Draw settings with exactly one term."""
    name, term = draw(st.sampled_from([("k1", K1), ("k2", K2), ("k3", K3)]))
    return {"k1": None, "k2": None, "k3": None, name: draw(term)} | draw(NORMALIZATIONS)


@st.composite
def any_terms(draw):
    """Draw settings with one to three terms."""
    one = draw(one_term())
    more = {"k1": K1, "k2": K2, "k3": K3}
    return one | {name: draw(st.none() | more[name]) for name in more if one[name] is None}


def compute_with_dscribe(molecules, species, k1, k2, k3, **settings):
    """Concatenate dscribe's own descriptors; its 0/0 for an empty term is taken as 0."""
    blocks = []
    for term in (k1, k2, k3):
        if term is not None:
            mbtr = MBTR(**term, species=species, **settings)
            with calling_dscribe(), np.errstate(invalid="ignore"):
                rows = [mbtr.create(atoms) for atoms in molecules]
            blocks.append(np.nan_to_num(np.array(rows)))
    return np.hstack(blocks)
