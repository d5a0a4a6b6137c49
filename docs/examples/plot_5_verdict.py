"""
A verdict: is the difference real?
==================================

**You will see** which strategies find more targets than random choice, with intervals and a verdict
for each, and that five seeds are too few for any.

**Limits.** 500 molecules, a fixed kernel, six seeds that redraw the same molecules: the verdict
speaks of this pool, and of others like it. The intervals allow for the redrawing.
"""

# %%
# Six campaigns with each strategy. Strategies of a seed share first labels and test molecules.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.gaussian_process.kernels import RBF

from skmolal import GaussianProcessRegressor, MBTRTransformer
from skmolal.datasets import load_qm9_sample
from skmolal.metrics import compare_strategies, make_discovery_scorer
from skmolal.model_selection import active_learning_curve
from skmolal.query_strategies import get_query_strategy

molecules, homo = load_qm9_sample(return_X_y=True)
molecules, homo = molecules[:500], homo[:500]
low = np.quantile(homo, 0.9)
X = MBTRTransformer(drop_zero_features=True).fit_transform(molecules)
model = GaussianProcessRegressor(20.0 * RBF(700.0), alpha=0.05, normalize_y=True, optimizer=None)

curve = active_learning_curve(
    model,
    X,
    homo,
    query_strategies=[
        "random",
        "cluster",
        "uncertainty",
        get_query_strategy("target", low=low),
    ],
    n_initial=40,
    batch_sizes=[20, 40, 80],
    n_repeats=6,
    random_state=0,
    scoring={"found": make_discovery_scorer(low)},
)

# %%
# The difference from random choice in the share of targets found, averaged along the curve, and
# what may be said of it. Several comparisons are made at once, and the verdict allows for that.
table = compare_strategies(curve)
columns = ["strategy", "difference", "difference_low", "difference_high", "verdict"]
print(table[columns].round(3).to_string(index=False))

# %%
# The same as a picture. An interval that holds zero may still hold a useful gain: "not
# distinguishable" is no proof of equality.
COLORS = {"better": "#009E73", "worse": "#D55E00"}
fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for place, row in enumerate(table.itertuples()):
    color = COLORS.get(row.verdict, "0.5")
    ax.plot([row.difference_low, row.difference_high], [place, place], color=color, lw=3)
    ax.plot(row.difference, place, "o", color=color)
ax.axvline(0, color="0.7", lw=1, zorder=0)
ax.set_yticks(range(len(table)), table["strategy"])
ax.invert_yaxis()
_ = ax.set(xlabel="share found, beyond random choice")
ax.spines[["top", "right", "left"]].set_visible(False)

# %%
# With five seeds nothing is said, however large the difference looks: five may agree by chance.
few = curve.frame[curve.frame["repeat"] < 5]
ratio = curve.settings["n_test"] / curve.settings["n_pool"]
table = compare_strategies(few, test_ratio=ratio)
print(table[["strategy", "difference", "verdict"]].round(3).to_string(index=False))
