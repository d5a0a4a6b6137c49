"""
Length scale and noise
======================

**You will see** why a Gaussian process with scikit-learn's starting length scale of 1 learns
nothing from an MBTR, and that length scale and noise go together.

**Limits.** One descriptor, one property, 400 training molecules. The best numbers are others
elsewhere; the picture is the same.
"""

# %%
# Distances between molecules are in the hundreds. A kernel sees a neighbour only within about one
# length scale.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.gaussian_process.kernels import RBF
from sklearn.metrics import euclidean_distances

from skmolal import GaussianProcessRegressor, MBTRTransformer
from skmolal.datasets import load_qm9_sample
from skmolal.gaussian_process import median_length_scale
from skmolal.plotting import UncertaintyDisplay

molecules, homo = load_qm9_sample(return_X_y=True)
X, y = MBTRTransformer().fit_transform(molecules[:700]), homo[:700]
X_train, X_test, y_train, y_test = X[:400], X[400:], y[:400], y[400:]
scale = median_length_scale(X_train)

distances = euclidean_distances(X_train.astype(float))[np.triu_indices(400, k=1)]
fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.hist(distances, bins=60, color="0.7")
ax.axvline(1, color="#D55E00", label="length scale 1")
ax.axvline(scale, color="#0072B2", label=f"median distance, {scale:.0f}")
ax.set(xlabel="distance between two molecules", ylabel="pairs")
ax.spines[["top", "right"]].set_visible(False)
_ = ax.legend(frameon=False)

# %%
# Error on test molecules over the length scale, at three noises. Left of about 30 the model
# predicts the mean for every molecule, whatever the noise. Beyond, the best length scale moves with
# the noise, so the two are set together: let the likelihood choose one where you fix the other.
length_scales = np.geomspace(1, 30_000, 19)
fig, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
for alpha, color in ((1e-4, "#E69F00"), (0.05, "#0072B2"), (1.0, "#009E73")):
    error = []
    for length_scale in length_scales:
        gpr = GaussianProcessRegressor(
            20.0 * RBF(length_scale), alpha=alpha, normalize_y=True, optimizer=None
        )
        error.append(np.abs(gpr.fit(X_train, y_train).predict(X_test) - y_test).mean())
    ax.plot(length_scales, error, "o-", ms=4, color=color, label=f"alpha = {alpha:g}")
ax.axvline(scale, color="0.7", lw=1, zorder=0)
ax.set(xscale="log", xlabel="length scale", ylabel="error on test molecules (eV)")
ax.spines[["top", "right"]].set_visible(False)
_ = ax.legend(frameon=False)

# %%
# Are the error bars right? Predicted standard deviation against the error, the length scale learned
# for each noise. It makes up for much of a noise that is too small: both models are nearly
# calibrated. (The predicted std is that of the property without noise, so the noise is added.)
fig, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
for ax, alpha in zip(axes, (1e-4, 0.05), strict=True):
    kernel = 20.0 * RBF(scale, (scale / 100, scale * 100))
    gpr = GaussianProcessRegressor(kernel, alpha=alpha, normalize_y=True).fit(X_train, y_train)
    noise_std = np.sqrt(alpha) * y_train.std()
    UncertaintyDisplay.from_estimator(gpr, X_test, y_test, noise_std=noise_std, ax=ax)
    ax.set_title(f"alpha = {alpha:g}")
# sphinx_gallery_thumbnail_number = 2
