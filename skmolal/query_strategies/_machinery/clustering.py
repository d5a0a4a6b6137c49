"""k-means of a pool, bounded in time and memory, and one row from each cluster."""

import warnings

import numpy as np
from scipy.sparse import issparse
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin_min

from skmolal._threads import thread_pools
from skmolal.query_strategies._machinery.selection import first_best, top_n

__all__ = ["cluster_rows", "farthest_first", "reduce_features", "representatives"]

MAX_FEATURES = 64
MAX_ITER = 100
# Multiplications that Lloyd's iterations of one query may cost, about half a minute on two cores,
# and iterations done in any case.
MAX_WORK = 1e12
MIN_ITER = 5
# Above this many distances k-means++ costs more than the iterations it saves.
MAX_PLUS_PLUS = 2e7
# Below this many multiplications a product, BLAS threads wait for each other longer than they work.
MIN_THREADED = 2e9


def reduce_features(features, random_state):
    """Reduce wide features to what k-means needs of them.

    Parameters
    ----------
    features : {ndarray, CSR} of shape (n_samples, n_features)
        Features of the candidates.
    random_state : RandomState instance
        Stream for the randomised decomposition.

    Returns
    -------
    reduced : ndarray of shape (n_samples, min(n_features, 64))
        The features themselves, dense, or their projection on the 64 leading right singular
        vectors. Distances within the projection are those of the best approximation of rank 64.
    """
    n_samples, n_features = features.shape
    if min(n_samples, n_features) > MAX_FEATURES:
        svd = TruncatedSVD(MAX_FEATURES, n_iter=4, random_state=random_state)
        small = n_samples * n_features * MAX_FEATURES < MIN_THREADED
        with thread_pools("blas").limit(limits=1 if small else None):
            return svd.fit_transform(features)
    return features.toarray() if issparse(features) else features


def cluster_rows(features, n_clusters, random_state):
    """Partition rows by k-means.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
        From :func:`reduce_features`.
    n_clusters : int
        Clusters wanted, at most ``n_samples``.
    random_state : RandomState instance
        Stream for the first centres.

    Returns
    -------
    labels : ndarray of shape (n_samples,), dtype int
        Cluster of each row. With fewer distinct rows than clusters, some clusters are empty.
    distance : ndarray of shape (n_samples,), dtype float64
        Euclidean distance of each row to the centre of its cluster.
    """
    n_samples, n_features = features.shape
    if n_clusters == n_samples:
        return np.arange(n_samples), np.zeros(n_samples)
    work = n_samples * n_clusters * n_features
    kmeans = KMeans(
        n_clusters,
        init="k-means++" if n_samples * n_clusters <= MAX_PLUS_PLUS else "random",
        n_init=1,
        max_iter=int(np.clip(MAX_WORK / work, MIN_ITER, MAX_ITER)),
        random_state=random_state,
    )
    with warnings.catch_warnings(), thread_pools("openmp").limit(limits=_n_threads()):
        # "distinct clusters found smaller than n_clusters": duplicates, which callers fill up.
        warnings.simplefilter("ignore", ConvergenceWarning)
        labels = kmeans.fit_predict(features)
    centres = kmeans.cluster_centers_
    distance = np.empty(n_samples)
    for start in range(0, n_samples, 4096):  # row by row alike, so that equal rows are equally far
        rows = slice(start, start + 4096)
        difference = features[rows].astype(np.float64) - centres[labels[rows]]
        distance[rows] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return labels, distance


def farthest_first(features, picked, n):
    """Add rows, one by one, each the farthest from all those chosen before.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
        From :func:`reduce_features`.
    picked : ndarray of int
        Rows chosen already, at least one.
    n : int
        Rows wanted in all.

    Returns
    -------
    picked : ndarray of shape (n,), dtype intp
        The rows given, then the rows added. Once only duplicates of chosen rows remain, they
        follow in order of position.
    """
    features = features.astype(np.float64)
    features -= features.mean(axis=0)
    # Equal rows may differ by round-off, after a projection in float32 above all.
    duplicate = 1e-10 * np.einsum("ij,ij->i", features, features).max()
    _, nearest = pairwise_distances_argmin_min(features, features[picked], metric="sqeuclidean")
    picked = list(picked)
    taken = np.zeros(len(features), dtype=bool)
    taken[picked] = True
    while len(picked) < n:
        nearest[taken] = -np.inf
        row = top_n(nearest, 1)[0]
        if nearest[row] <= duplicate:
            picked.extend(np.flatnonzero(~taken)[: n - len(picked)])
            break
        picked.append(row)
        taken[row] = True
        difference = features - features[row]
        np.minimum(nearest, np.einsum("ij,ij->i", difference, difference), out=nearest)
    return np.array(picked, dtype=np.intp)


def representatives(features, n, random_state):
    """Choose the row nearest to each of `n` k-means centres, among the rows of its cluster.

    Parameters
    ----------
    features : {ndarray, CSR} of shape (n_samples, n_features)
        Features of the candidates.
    n : int
        Rows wanted, at most ``n_samples``.
    random_state : RandomState instance
        Stream for the decomposition and the first centres.

    Returns
    -------
    idx : ndarray of shape (n,), dtype intp
        Distinct positions, those of large clusters first. Where duplicates leave clusters
        empty, the batch is filled farthest first.
    size : ndarray of shape (n,), dtype float64
        Rows in the cluster of each; 0 for rows that fill.
    """
    features = reduce_features(features, random_state)
    labels, distance = cluster_rows(features, n, random_state)
    idx = first_best(labels, n, -distance)
    idx.sort()
    size = np.bincount(labels, minlength=n)[labels[idx]].astype(np.float64)
    order = top_n(size, len(size))
    idx, size = idx[order], size[order]
    if len(idx) < n:
        size = np.concatenate([size, np.zeros(n - len(idx))])
        idx = farthest_first(features, idx, n)
    return idx, size


def _n_threads():
    """Count the threads for k-means: at most two.

    Each thread sums its rows and the sums are added in the order in which threads end. Two
    summands commute, three do not: with more threads a last bit, and so a pick, would be luck.
    """
    return min([2, *(pool.num_threads for pool in thread_pools("openmp").lib_controllers)])
