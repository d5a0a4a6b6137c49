"""modAL's committee of regressors, mended."""

import numpy as np
from modAL import models
from modAL.disagreement import max_std_sampling
from sklearn.base import RegressorMixin
from sklearn.utils import get_tags

from skmolal._rows import as_rows, n_rows
from skmolal.learners._active_learner import ActiveLearner
from skmolal.learners._mended import Mended, get_query_strategy


class CommitteeRegressor(RegressorMixin, Mended, models.CommitteeRegressor):
    """Committee of regressors of modAL, mended for current scikit-learn and for molecules.

    A drop-in for :class:`modAL.models.CommitteeRegressor`: it predicts the mean of its members,
    and their spread is its uncertainty.

    Parameters
    ----------
    learner_list : list of ActiveLearner
        The members. As in modAL they are trained themselves, not clones.
    query_strategy : str or callable, default=modAL.disagreement.max_std_sampling
        Who is asked next: a name of :func:`skmolal.query_strategies.get_query_strategy_names`, an
        object from :func:`skmolal.query_strategies.get_query_strategy`, or a function
        ``f(committee, X_pool, ...)``. The members' own strategies are not used.
    on_transformed : bool, default=False
        Read by modAL's batch strategies: whether they work on the features that the last steps of
        the members' Pipelines see (:meth:`transform_without_estimating`) instead of the raw pool.

    Attributes
    ----------
    n_features_in_ : int
        Number of features that the members have seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of these features, where they had names.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> from skmolal import ActiveLearner, CommitteeRegressor
    >>> X = np.arange(20.0).reshape(-1, 1)
    >>> y = X[:, 0] ** 2
    >>> first, second = (
    ...     ActiveLearner(DecisionTreeRegressor(), X_training=X[idx], y_training=y[idx])
    ...     for idx in ([0, 5], [1, 19])
    ... )
    >>> committee = CommitteeRegressor([first, second])
    >>> query_idx, X_query = committee.query(X, n_instances=2)
    >>> committee.teach(X_query, y[query_idx])
    >>> mean, std = committee.predict(X_query, return_std=True)
    >>> bool(np.allclose(mean, y[query_idx]))
    True
    """

    def __init__(self, learner_list, query_strategy=max_std_sampling, on_transformed=False):
        get_query_strategy(query_strategy)
        if not isinstance(learner_list, list) or not all(
            isinstance(learner, ActiveLearner) for learner in learner_list
        ):
            raise TypeError(
                "learner_list must be a list of skmolal.ActiveLearner, got "
                f"{[type(learner).__name__ for learner in learner_list]}"
                if isinstance(learner_list, list)
                else f"learner_list must be a list, got {type(learner_list).__name__}"
            )
        if not learner_list:
            raise ValueError("learner_list must have at least one learner, got none")
        super().__init__(learner_list, query_strategy=query_strategy, on_transformed=on_transformed)

    def vote(self, X, **predict_kwargs):
        """Predict with every member.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            The samples.
        **predict_kwargs : dict
            Passed to the members' ``predict``.

        Returns
        -------
        votes : ndarray of shape (n_samples, n_learners)
            One column per member.
        """
        X = as_rows(X)
        votes = np.empty((n_rows(X), len(self.learner_list)))
        for i, learner in enumerate(self.learner_list):
            votes[:, i] = np.reshape(learner.predict(X, **predict_kwargs), -1)
        return votes

    def _facts(self):
        return {"Members": str(len(self.learner_list)), **super()._facts()}

    def _learners(self):
        return self.learner_list

    @property
    def n_features_in_(self):
        """Number of features that the members have seen in fit."""
        return self.learner_list[0].n_features_in_

    @property
    def feature_names_in_(self):
        """Names of these features, where they had names."""
        return self.learner_list[0].feature_names_in_

    def __sklearn_tags__(self):
        # What every member takes, the committee takes.
        tags = super().__sklearn_tags__()
        members = [get_tags(learner).input_tags for learner in self.learner_list]
        tags.input_tags.sparse = all(member.sparse for member in members)
        tags.input_tags.allow_nan = all(member.allow_nan for member in members)
        return tags

    def __sklearn_is_fitted__(self):
        return all(learner.__sklearn_is_fitted__() for learner in self.learner_list)
