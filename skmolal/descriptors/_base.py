"""What the molecule transformers share: reading molecules, blocks of rows, the outside manners."""

from abc import ABCMeta, abstractmethod
from collections.abc import Iterable
from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Options, StrOptions
from sklearn.utils.validation import check_is_fitted

from skmolal._doc_link import DocLinkMixin
from skmolal.descriptors._blocks import BlockRunner
from skmolal.descriptors._structures import flatten_molecules


class MoleculeTransformer(DocLinkMixin, TransformerMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of the transformers that describe each molecule by a row of features.

    A subclass has the parameters `sparse`, `dtype`, `n_jobs` and `verbose`, and says what it
    learns (`_learn`), how it fills a block of rows (`_make_fill`) and what its columns are
    called (`_feature_names`). Where molecules are more to it than their structures, it says how
    they are read (`_read`).
    """

    # Whether `_make_fill` fills a block by whole rows, ``block[i] = row``: then a sparse matrix is
    # made of the rows, without a dense block.
    _fills_rows: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict] = {
        "sparse": ["boolean"],
        "dtype": [StrOptions({"float32", "float64"}), Options(type, {np.float32, np.float64})],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the molecules and learn from them what the features depend on.

        Parameters
        ----------
        X : iterable of ase.Atoms, shape (n_samples,)
            Molecules: all that may be met later, labelled or not. Descriptors of graphs take
            SMILES as well.
        y : None
            Not used, present for API consistency.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        TypeError
            If `X` does not hold ``ase.Atoms`` (or SMILES, where these are taken).
        ValueError
            If a setting is invalid, if there is no molecule, or if one cannot be described; the
            message names it.
        """
        records = self._read(X)
        if len(records) == 0:
            raise ValueError("molecules must hold at least one molecule, got none")
        self._learn(records)
        self._n_features_out = len(self._feature_names())
        return self

    def transform(self, X):
        """Compute the features of molecules.

        Parameters
        ----------
        X : iterable of ase.Atoms, shape (n_samples,)
            Molecules. Descriptors of graphs take SMILES as well.

        Returns
        -------
        features : ndarray or csr_matrix of shape (n_samples, n_features)
            The features.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        TypeError
            If `X` does not hold ``ase.Atoms`` (or SMILES, where these are taken).
        ValueError
            If molecules cannot be described; the message names them.
        """
        check_is_fitted(self)
        records = self._check(self._read(X))
        runner = BlockRunner(
            fill=self._make_fill(),
            n_features=self._n_features_out,
            dtype=np.dtype(self.dtype),
            n_jobs=self.n_jobs,
            threads=False,
            verbose=bool(self.verbose),
            label=type(self).__name__.removesuffix("Transformer"),
            fills_rows=self._fills_rows,
        )
        return runner.compute_sparse(records) if self.sparse else runner.compute_dense(records)

    def fit_transform(self, X, y=None):
        """Learn from molecules and compute their features.

        Parameters
        ----------
        X : iterable of ase.Atoms, shape (n_samples,)
            Molecules. Descriptors of graphs take SMILES as well.
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
        """Get the names of the features.

        Parameters
        ----------
        input_features : None
            Not used, present for API consistency.

        Returns
        -------
        names : ndarray of str, shape (n_features,)
            One name per column.
        """
        check_is_fitted(self)
        return np.array(self._feature_names(), dtype=object)

    def _read(self, X):
        """Turn molecules into checked records with ``len`` and ``take``."""
        return flatten_molecules(X)

    def _check(self, records):
        """Return the records that can be described in place of all, or raise."""
        return records

    @abstractmethod
    def _learn(self, records):
        """Validate settings and set the learned attributes."""

    @abstractmethod
    def _make_fill(self):
        """Return a function for worker processes: ``fill(records, block)`` writes the rows.

        It may return a list that says which records cannot be described, and why.
        """

    @abstractmethod
    def _feature_names(self):
        """List the names of the columns."""

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_n_features_out")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def hold_records(X):
    """Return a container that can be read twice: a generator serves once only."""
    return list(X) if isinstance(X, Iterable) and not hasattr(X, "__len__") else X
