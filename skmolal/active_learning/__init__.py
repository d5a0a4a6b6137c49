"""The active-learning loop: one campaign's state, and a simulated campaign as an estimator."""

from skmolal.active_learning._campaign import Campaign
from skmolal.active_learning._regressor import ActiveLearningRegressor
from skmolal.active_learning._runner import OracleFailuresError, RunSummary

__all__ = ["ActiveLearningRegressor", "Campaign", "OracleFailuresError", "RunSummary"]
