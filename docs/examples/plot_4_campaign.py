"""
A campaign: labels that are not known yet
=========================================

**You will see** a campaign as it runs in a laboratory: it asks for molecules, somebody brings
labels, and all of it is put away overnight in between.

**Limits.** The labels are known here, so that the page can be built; what brings them is one
function. 800 molecules and a fixed kernel.
"""

# %%
# The pool, and what brings a label: replace the function by a calculation, or by a person who fills
# in a table.
import matplotlib.pyplot as plt
from sklearn.gaussian_process.kernels import RBF
from sklearn.pipeline import make_pipeline

from skmolal import Campaign, GaussianProcessRegressor, MBTRTransformer
from skmolal.datasets import load_qm9_sample
from skmolal.plotting import PropertyDisplay
from skmolal.query_strategies import get_query_strategy

data = load_qm9_sample()
molecules, names = data.data[:800], data.frame["qm9_index"][:800]
known = dict(zip(names, data.target, strict=False))


def measure(ids):
    """Return the HOMO energies (eV) of molecules."""
    return [known[i] for i in ids]


# %%
# We want molecules whose HOMO lies above -5.6 eV. The model sees all molecules, whose structures
# are no secret, and the labels that it is told.
model = make_pipeline(
    MBTRTransformer(),
    GaussianProcessRegressor(20.0 * RBF(700.0), alpha=0.05, normalize_y=True, optimizer=None),
)
search = get_query_strategy("target", low=-5.6)
campaign = Campaign(model, molecules, query_strategy=search, ids=names, random_state=0)

# %%
# The first batch is drawn at random, the others by the strategy. The ids are those of the data set.
first = campaign.ask(40)
_ = campaign.tell(first, measure(first))
second = campaign.ask(20)
print("asked for:", *second[:5], "...")

# %%
# Overnight. The state is text: which records, which labels, in which order. The molecules and the
# model are yours, and are given again.
state = campaign.to_json()
print(f"{len(state):,} characters")
campaign = Campaign.from_json(state, model, molecules, query_strategy=search)
_ = campaign.tell(second, measure(second))

# %%
# A few more rounds. Each entry of the history says what the model had got wrong by before it saw
# the labels of the batch.
for _ in range(5):
    ids = campaign.ask(20)
    campaign.tell(ids, measure(ids))
for step in campaign.history:
    error = step["batch_mae"]
    said = "" if error is None else f", predicted to {error:.2f} eV"
    print(f"round {step['round']}: {step['n_labelled']} labels{said}")
print(f"{(campaign.y >= -5.6).sum()} found of {(data.target[:800] >= -5.6).sum()}")

# %%
# What was asked for: at random, then at the edge of what was known, then what was left.
fig, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
_ = PropertyDisplay.from_campaign(
    campaign, y=data.target[:800], low=-5.6, rounds=[0, 1, 6], name="HOMO (eV)", ax=ax
)
