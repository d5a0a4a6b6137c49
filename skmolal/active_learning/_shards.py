"""The pool of a campaign on the workers of a dask cluster, a part on each.

A query sends the fitted regressor to all workers; each predicts the means of its part, keeps them,
and returns the rows that may be among the best. The batch is chosen among these where the campaign
is. What a worker that dies has known is computed again by another.
"""

import warnings

import numpy as np

from skmolal._rows import LazyRows, n_rows, take_rows
from skmolal.gaussian_process._contest import Contenders, find_contenders, scan_pool

__all__ = ["Shards"]


class Shards:
    """Parts of a pool on workers.

    Parameters
    ----------
    client : distributed.Client
        Of the cluster.
    features : array-like or LazyRows, n_samples rows
        Of all records. Rows of a library are read by the workers themselves, so they have to see
        its folder; an array is sent, once.
    """

    def __init__(self, client, features):
        self.client, self.features = client, features
        n_shards = max(1, len(client.nthreads()))
        self.ends = np.linspace(0, n_rows(features), n_shards + 1).astype(int)
        self._parts = None

    def _send_parts(self):
        spans = list(zip(self.ends[:-1], self.ends[1:], strict=True))
        if isinstance(self.features, LazyRows):
            return [_Span(self.features, start, stop) for start, stop in spans]
        return [self._send(take_rows(self.features, np.arange(a, b))) for a, b in spans]

    def hold_contest(self, regressor, excluded, n, make_utility, white):
        """Find the rows of the pool that may be among the `n` best.

        Parameters
        ----------
        regressor : GaussianProcessRegressor
            Fitted.
        excluded : ndarray of int
            Records that are not in the pool, ascending.
        n, make_utility, white
            As for :func:`~skmolal.query_strategies._machinery.contest.hold_contest`.

        Returns
        -------
        contenders : Contenders
            Its rows are positions among all records.
        mean : ndarray of shape (n_found,)
            Posterior mean of these.
        scale : float
            Of the utility of the whole pool.
        """
        submit, gather = self.client.submit, self.client.gather
        model, scans = self._scan(regressor, excluded)
        scale = max(gather([submit(_find_scale, s, make_utility, pure=False) for s in scans]))
        answers = gather(
            [
                submit(_contest, model, part, s, n, make_utility, scale, white, pure=False)
                for part, s in zip(self._parts, scans, strict=True)
            ]
        )
        starts = self.ends[:-1]
        rows = np.concatenate([a[0].rows + start for a, start in zip(answers, starts, strict=True)])
        contenders = Contenders(
            rows,
            np.concatenate([found.std for found, _ in answers]),
            max(found.bound for found, _ in answers),
            float(np.mean([found.work for found, _ in answers])),
        )
        return contenders, np.concatenate([mean for _, mean in answers]), scale

    def predict_mean(self, regressor, excluded):
        """Predict the means of the pool."""
        _, scans = self._scan(regressor, excluded)
        means = [self.client.submit(_mean, scan, pure=False) for scan in scans]
        return np.concatenate(self.client.gather(means))

    def _scan(self, regressor, excluded):
        """Let each worker predict the means of its part; returns futures, also of the model."""
        if self._parts is None:
            self._parts = self._send_parts()
        model = self._send(regressor)
        return model, [
            self.client.submit(_scan, model, part, left, pure=False)
            for part, left in zip(self._parts, self._split(excluded), strict=True)
        ]

    def _split(self, excluded):
        """Positions within each part that are not in the pool."""
        cuts = np.searchsorted(excluded, self.ends)
        return [
            excluded[a:b] - start
            for a, b, start in zip(cuts[:-1], cuts[1:], self.ends[:-1], strict=True)
        ]

    def _send(self, value):
        """Put a value on a worker, as the result of a task: another computes what one loses.

        What is scattered is lost with its worker, and to scatter waits forever for one that dies.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")
            return self.client.submit(_identity, value, pure=False)


def _identity(value):
    return value


class _Span:
    """Consecutive rows of a library, opened where they are needed."""

    def __init__(self, library, start, stop):
        self.library, self.start, self.stop = library, int(start), int(stop)

    def take(self, rows):
        return self.library.take(self.start + rows)

    @property
    def shape(self):
        return (self.stop - self.start, self.library.shape[1])


def _pool_of(part, excluded):
    left = np.ones(part.shape[0], dtype=bool)
    left[excluded] = False
    rows = np.flatnonzero(left)
    return rows, part.take(rows) if isinstance(part, _Span) else take_rows(part, rows)


def _scan(regressor, part, excluded):
    rows, pool = _pool_of(part, excluded)
    return rows, scan_pool(regressor, pool)


def _mean(scan):
    return scan[1].mean


def _find_scale(scan, make_utility):
    mean = scan[1].mean
    if not np.isfinite(mean).all():
        raise ValueError("GaussianProcessRegressor predicted a mean that is not finite")
    return make_utility(mean).scale if len(mean) else 0.0


def _contest(regressor, part, scan, n, make_utility, scale, white):
    rows, known = scan
    if len(rows) == 0:
        nothing = np.empty(0)
        return Contenders(np.empty(0, dtype=int), nothing, -np.inf, 0.0), nothing
    pool = part.take(rows) if isinstance(part, _Span) else take_rows(part, rows)
    utility = make_utility(known.mean)
    utility.scale = scale
    found = find_contenders(regressor, pool, known.prior, n, utility, white)
    return found._replace(rows=rows[found.rows]), known.mean[found.rows]
