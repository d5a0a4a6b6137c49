"""
Find rare molecules
===================

**You will see** a search that finds most of the molecules with a high HOMO energy while random
choice finds the share of the pool it has labelled, and the price: a larger error on other
molecules.

**Limits.** 700 molecules, a fixed kernel and three seeds, so that it runs in seconds: the bands are
the range over seeds, no confidence intervals. How much a search saves depends on how rare the
targets are; here they are 6%.
"""

# %%
# The molecules, and the model: a descriptor and a Gaussian process.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.gaussian_process.kernels import RBF
from sklearn.pipeline import make_pipeline

from skmolal import GaussianProcessRegressor, MBTRTransformer
from skmolal.datasets import load_qm9_sample
from skmolal.metrics import data_savings, make_discovery_scorer
from skmolal.model_selection import active_learning_curve
from skmolal.plotting import ActiveLearningCurveDisplay, PropertyDisplay
from skmolal.query_strategies import get_query_strategy

molecules, homo = load_qm9_sample(return_X_y=True)
molecules, homo = molecules[:700], homo[:700]
low = np.quantile(homo, 0.94)

model = make_pipeline(
    MBTRTransformer(species=["C", "F", "H", "N", "O"]),
    GaussianProcessRegressor(20.0 * RBF(700.0), alpha=0.05, normalize_y=True, optimizer=None),
)

# %%
# Campaigns of 200 labels with three strategies. The labels of the pool are hidden until a strategy
# asks for them, and the test molecules are seen by nobody.
curve = active_learning_curve(
    model,
    molecules,
    homo,
    query_strategies=["random", "uncertainty_cluster", get_query_strategy("target", low=low)],
    n_initial=50,
    batch_sizes=[25] * 6,
    n_repeats=3,
    random_state=0,
    scoring={
        "found": make_discovery_scorer(low),
        "neg_mean_absolute_error": "neg_mean_absolute_error",
    },
)

fig, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
_ = ActiveLearningCurveDisplay.from_results(
    curve, metric="found", score_name="share of the pool's targets found", ax=ax
)

# %%
# The price: a model that has seen little else than targets errs more on other molecules.
fig, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
_ = ActiveLearningCurveDisplay.from_results(
    curve,
    metric="neg_mean_absolute_error",
    negate_score=True,
    score_name="error on test molecules (eV)",
    ax=ax,
)

# %%
# The labels the search saves: at the share that random choice ends with, per seed.
saved = data_savings(curve, "target", metric="found")
print("labels needed by random ", saved.n_baseline.round())
print("labels needed by target ", saved.n_strategy.round())
print(f"saved on average         {saved.mean:.0%}")

# %%
# What the search labelled: round 0 is a random sample, round 1 goes for the target range, and in
# round 6 hardly a target is left, so it labels the nearest to the range.
fig, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
_ = PropertyDisplay.from_results(
    curve, "target", y=homo, low=low, rounds=[0, 1, 6], name="HOMO (eV)", ax=ax
)
