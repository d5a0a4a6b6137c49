"""
A small training set: can a strategy beat random choice?
========================================================

**You will see** that for the error on other molecules no strategy can be told from random choice
here, and how ``compare_strategies`` keeps you from believing otherwise.

**Limits.** 500 molecules, up to 160 labels and a fixed kernel. Eight seeds of this size cannot show
a gain of a few percent, which some strategies may have on larger sets.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.gaussian_process.kernels import RBF

from skmolal import GaussianProcessRegressor, MBTRTransformer
from skmolal.datasets import load_qm9_sample
from skmolal.metrics import compare_strategies
from skmolal.model_selection import active_learning_curve
from skmolal.plotting import ActiveLearningCurveDisplay

molecules, homo = load_qm9_sample(return_X_y=True)
molecules, homo = molecules[:500], homo[:500]
# Elements are no secret, so the descriptor may see all molecules; a real study would use a
# Pipeline, which keeps the test molecules away from it.
X = MBTRTransformer(drop_zero_features=True).fit_transform(molecules)
model = GaussianProcessRegressor(20.0 * RBF(700.0), alpha=0.05, normalize_y=True, optimizer=None)

curve = active_learning_curve(
    model,
    X,
    homo,
    query_strategies=["random", "uncertainty", "uncertainty_cluster", "lcmd"],
    n_initial=40,
    batch_sizes=[40, 80],
    n_repeats=8,
    random_state=0,
    scoring="neg_mean_absolute_error",
)

# %%
# The bands are one standard deviation over seeds: all overlap.
fig, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
_ = ActiveLearningCurveDisplay.from_results(
    curve,
    metric="neg_mean_absolute_error",
    negate_score=True,
    score_name="error on test molecules (eV)",
    spread="std",
    log_scale=True,
    ax=ax,
)

# %%
# Strategies of a seed share first labels and test set, so their *difference* is sharper than the
# bands suggest. This is what can be said of it: ``difference`` is positive where a strategy is
# better.
table = compare_strategies(curve)
columns = ["strategy", "difference", "difference_low", "difference_high", "verdict"]
print(table[columns].round(4).to_string(index=False))
for row in table.itertuples():
    if row.remarks:
        print(f"{row.strategy}: {row.remarks}")
