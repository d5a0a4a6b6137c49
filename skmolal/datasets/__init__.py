"""Molecules with computed properties: ``load_`` what is shipped, ``fetch_`` what is downloaded."""

from skmolal.datasets._aa import fetch_aa
from skmolal.datasets._amino_acids import load_amino_acids
from skmolal.datasets._dft_sample import load_dft_sample
from skmolal.datasets._enamine10k import fetch_enamine10k
from skmolal.datasets._fetching import get_data_home
from skmolal.datasets._oe62 import fetch_oe62
from skmolal.datasets._overlap_task import make_overlap_task
from skmolal.datasets._qm9 import fetch_qm9
from skmolal.datasets._qm9_sample import load_qm9_sample

__all__ = [
    "fetch_aa",
    "fetch_enamine10k",
    "fetch_oe62",
    "fetch_qm9",
    "get_data_home",
    "load_amino_acids",
    "load_dft_sample",
    "load_qm9_sample",
    "make_overlap_task",
]
