"""What the fingerprints share: RDKit's generators, counts or bits, rows that are mostly zero."""

from abc import abstractmethod
from numbers import Integral
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from skmolal.descriptors._graphs import GraphTransformer


class FingerprintTransformer(GraphTransformer):
    """Base of the fingerprints: parts of a molecule, hashed to `n_bits` columns.

    A subclass has the parameters `n_bits` and `counts` besides those of all transformers, makes
    RDKit's generator of itself (`_make_generator`) and names its columns (`_prefix`).
    """

    _parameter_constraints: ClassVar[dict] = {
        **GraphTransformer._parameter_constraints,
        "n_bits": [Interval(Integral, 1, None, closed="left")],
        "counts": ["boolean"],
    }
    _fills_rows = True
    _prefix: ClassVar[str]

    def _learn(self, records):
        """Learn nothing: settings are checked, and molecules when described."""

    @abstractmethod
    def _make_generator(self):
        """Return one of the generators of ``rdkit.Chem.rdFingerprintGenerator``."""

    def _make_fill(self):
        return self._fill

    def _fill(self, graphs, block):
        generator = self._make_generator()
        if self.counts:
            return graphs.describe(block, generator.GetCountFingerprintAsNumPy)
        return graphs.describe(block, generator.GetFingerprintAsNumPy)

    def _feature_names(self):
        return [f"{self._prefix}_{i}" for i in range(self.n_bits)]
