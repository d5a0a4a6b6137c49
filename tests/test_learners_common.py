"""What scikit-learn's estimator checks ask of a learner, and what a learner cannot promise."""

import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmolal import (
    ActiveLearner,
    BayesianOptimizer,
    CommitteeRegressor,
    GaussianProcessRegressor,
)

FITS_WHAT_IT_IS_GIVEN = "as in modAL, the estimator itself is fitted, not a clone"
FITS_IN_INIT = "as in modAL, the constructor fits to training data, and so checks its parameters"
SETS_IN_INIT = "modAL's constructor of committees sets X_training"
PASSES_LABELS_ON = "labels of shape (n_samples, 1) go to the estimator, and Ridge takes them"
MAXIMUM = "the best sample so far is X_max and y_max, as in modAL, without an underscore"

LEARNER = {
    "check_estimators_overwrite_params": FITS_WHAT_IT_IS_GIVEN,
    "check_do_not_raise_errors_in_init_or_set_params": FITS_IN_INIT,
}
COMMITTEE = {
    **LEARNER,
    "check_no_attributes_set_in_init": SETS_IN_INIT,
    "check_supervised_y_2d": PASSES_LABELS_ON,
}
EXPECTED_FAILURES = {
    ActiveLearner: LEARNER,
    BayesianOptimizer: {
        **LEARNER,
        "check_dont_overwrite_parameters": MAXIMUM,
        "check_supervised_y_2d": PASSES_LABELS_ON,
    },
    CommitteeRegressor: COMMITTEE,
}


@pytest.mark.filterwarnings("ignore:Predicted variances smaller than 0")
@pytest.mark.filterwarnings("ignore:All .* predicted standard deviations are equal")
@parametrize_with_checks(
    [
        ActiveLearner(Ridge(), "random"),
        ActiveLearner(GaussianProcessRegressor(alpha=1e-3, optimizer=None), "uncertainty"),
        ActiveLearner(make_pipeline(StandardScaler(), Ridge()), "random"),
        BayesianOptimizer(Ridge()),
        CommitteeRegressor([ActiveLearner(Ridge(1.0)), ActiveLearner(Ridge(2.0))]),
    ],
    expected_failed_checks=lambda learner: EXPECTED_FAILURES[type(learner)],
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
