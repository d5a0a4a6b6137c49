"""What a query strategy sees of a campaign: modAL's learner, by rows instead of by copies."""

from functools import cached_property

from skmolal._rows import take_rows

__all__ = ["CampaignLearner"]


class CampaignLearner:
    """The fitted regressor, its training data and the pool of one round.

    It has what modAL's query strategies use of a learner: ``estimator``, ``predict``,
    ``X_training`` and ``y_training``.
    """

    def __init__(self, regressor, features, labelled, y, pool):
        self.estimator = regressor
        self.y_training = y
        self._features = features
        self._labelled = labelled
        self._pool = pool

    @cached_property
    def X_training(self):
        return take_rows(self._features, self._labelled)

    @cached_property
    def X_pool(self):
        return take_rows(self._features, self._pool)

    def predict(self, X, **kwargs):
        return self.estimator.predict(X, **kwargs)

    def predict_picked(self, query_idx):
        """Predict the mean of the rows of the pool that were picked."""
        return self.estimator.predict(take_rows(self._features, self._pool[query_idx]))
