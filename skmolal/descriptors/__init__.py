"""Molecules to features."""

from skmolal.descriptors._acsf import ACSFTransformer
from skmolal.descriptors._coulomb import CoulombMatrixTransformer
from skmolal.descriptors._lmbtr import LMBTRTransformer
from skmolal.descriptors._mbtr import MBTRTransformer
from skmolal.descriptors._morgan import MorganFingerprintTransformer
from skmolal.descriptors._path_fingerprints import (
    AtomPairFingerprintTransformer,
    RDKitFingerprintTransformer,
    TopologicalTorsionFingerprintTransformer,
)
from skmolal.descriptors._rdkit_descriptors import RDKitDescriptorsTransformer
from skmolal.descriptors._soap import SOAPTransformer
from skmolal.descriptors._xtb import XTBTransformer

__all__ = [
    "ACSFTransformer",
    "AtomPairFingerprintTransformer",
    "CoulombMatrixTransformer",
    "LMBTRTransformer",
    "MBTRTransformer",
    "MorganFingerprintTransformer",
    "RDKitDescriptorsTransformer",
    "RDKitFingerprintTransformer",
    "SOAPTransformer",
    "TopologicalTorsionFingerprintTransformer",
    "XTBTransformer",
]
