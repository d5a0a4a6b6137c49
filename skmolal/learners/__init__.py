"""modAL's learners, mended for current scikit-learn and for molecules.

The classes are subclasses of modAL's and take their place. To repair the stock classes themselves
see :mod:`skmolal.compat`.
"""

from skmolal.learners._active_learner import ActiveLearner
from skmolal.learners._bayesian_optimizer import BayesianOptimizer
from skmolal.learners._committee import CommitteeRegressor

__all__ = ["ActiveLearner", "BayesianOptimizer", "CommitteeRegressor"]
