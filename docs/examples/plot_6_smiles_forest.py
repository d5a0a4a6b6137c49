"""
From SMILES, with a forest
==========================

**You will see** a search that needs no coordinates and no kernel: fingerprints of the molecular
graphs, and a random forest whose trees say how sure it is.

**Limits.** 1,000 molecules, one seed. Fingerprints predict the HOMO less well than coordinates do
(:doc:`../guide/descriptors`); they cost next to nothing.
"""

# %%
# The fingerprints are made from the SMILES that the molecules carry in ``atoms.info["smiles"]``;
# counts tell more about small molecules than bits.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import RandomForestRegressor

from skmolal import Campaign
from skmolal.datasets import load_qm9_sample
from skmolal.descriptors import MorganFingerprintTransformer
from skmolal.ensemble import EnsembleRegressor
from skmolal.plotting import MoleculesDisplay

molecules, homo = load_qm9_sample(return_X_y=True)
molecules, homo = molecules[:1000], homo[:1000]
print(*(atoms.info["smiles"] for atoms in molecules[:5]))
X = MorganFingerprintTransformer(n_bits=512, counts=True).fit_transform(molecules)

# %%
# A forest predicts a mean; wrapped so, also the spread of its trees, which strategies take for a
# standard deviation.
forest = RandomForestRegressor(n_estimators=50, max_features=0.3)
model = EnsembleRegressor(forest, n_estimators=1, bootstrap=False)

low = np.quantile(homo, 0.95)
campaigns = {}
for strategy, options in [("random", None), ("target", {"low": low})]:
    campaign = Campaign(model, X, query_strategy=strategy, query_options=options, random_state=0)
    for size in [50] * 5:
        ids = campaign.ask(size)
        campaign.tell(ids, homo[ids])
    campaigns[strategy] = campaign

# %%
# Targets found along the way: the 50 molecules with the highest HOMO.
fig, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
for strategy, color in [("random", "black"), ("target", "#009E73")]:
    found = np.cumsum(campaigns[strategy].y >= low)
    ax.plot(np.arange(1, len(found) + 1), found, color=color, label=strategy)
ax.set(xlabel="labels", ylabel="targets found")
ax.spines[["top", "right"]].set_visible(False)
_ = ax.legend(frameon=False)

# %%
# What it asked for: at random in round 0, molecules with a high HOMO in round 3.
display = MoleculesDisplay.from_campaign(
    campaigns["target"], molecules, rounds=[0, 3], n_per_round=6, n_columns=3, unit="eV"
)
