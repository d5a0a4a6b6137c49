"""The state of one campaign: which labels were asked for, which came, what was learned."""

import warnings
from time import perf_counter

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from skmolal._rows import n_rows, take_rows
from skmolal.active_learning._features import (
    join_steps,
    set_missing_random_states,
    split_steps,
)
from skmolal.active_learning._learner import CampaignLearner
from skmolal.active_learning._pool import as_pool, digest
from skmolal.active_learning._records import Records
from skmolal.active_learning._rounds import Round, Rounds
from skmolal.active_learning._store import read_state, write_state
from skmolal.batch_sizes import as_schedule, check_size
from skmolal.query_strategies import (
    QueryStrategy,
    check_query_result,
    check_query_strategy,
)
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.stopping import stop_reason

__all__ = ["Campaign"]


class Campaign:
    """Ask for the next labels, tell them when they are known.

    A campaign knows nothing of where labels come from: an array, a calculator or a person. Each
    call of :meth:`tell` is a round. The first round is drawn at random, since nothing is known
    yet; then the model, fitted on all labels so far, and the query strategy choose.

    Parameters
    ----------
    estimator : estimator
        A regressor, or a Pipeline that ends in one. It is cloned. Its leading transformers that
        need no `y` are fitted once, on all of `X`; the rest is fitted on the labelled part.
    X : array-like, sparse matrix, DataFrame or sequence of ase.Atoms, n_samples rows
        Everything that may be labelled. Never put test molecules here.
    query_strategy : str, strategy or callable, default="random"
        A name from :func:`skmolal.query_strategies.get_query_strategy_names`, an object from
        :func:`skmolal.query_strategies.get_query_strategy`, or a function with modAL's signature.
    query_options : dict, default=None
        Options of a strategy given by name.
    ids : array-like of shape (n_samples,), default=None
        The records' own names (str or int, unique), by which labels are asked and told. By
        default the positions in `X`.
    random_state : int, RandomState instance or None, default=None
        Seeds the first round, the strategy of each round and every `random_state` of
        `estimator` that is None.

    Attributes
    ----------
    n_rounds : int
        Number of calls of :meth:`tell` so far.
    labelled : ndarray of shape (n_labelled,)
        Positions in `X`, in the order of labelling.
    y : ndarray of shape (n_labelled,)
        The labels, in the same order.
    unlabelled : ndarray of shape (n_samples - n_labelled - n_dropped,)
        Positions in `X` that may still be asked for, ascending.
    history : list of dict
        One dict a round: ``round``, ``n_labelled``, ``batch_size``, ``query_time`` (s),
        ``predict_time`` (s, the part of it spent in the model's ``predict``; joint posteriors are
        not counted), ``fit_time``
        (s), ``batch_mae`` (mean absolute error of what the model had predicted for
        the batch before it saw the labels), ``hyperparameters`` (the regressor's
        ``kernel_.theta``), ``pool_variance`` (mean posterior variance of what is left, where
        something asked for it) and ``stopped`` (why a stopping rule ended the campaign); None
        where there is no such value.

    See Also
    --------
    ActiveLearningRegressor : Plays a whole campaign with known labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import BayesianRidge
    >>> from skmolal import Campaign
    >>> X = np.linspace(0, 1, 20).reshape(-1, 1)
    >>> measure = lambda ids: np.sin(6 * X[ids, 0])
    >>> campaign = Campaign(BayesianRidge(), X, query_strategy="uncertainty", random_state=0)
    >>> for _ in range(3):
    ...     ids = campaign.ask(4)
    ...     campaign = campaign.tell(ids, measure(ids))
    >>> len(campaign.labelled)
    12
    """

    def __init__(
        self,
        estimator,
        X,
        *,
        query_strategy="random",
        query_options=None,
        ids=None,
        random_state=None,
    ):
        random_state = check_random_state(random_state)
        self._seed = int(random_state.randint(2**31 - 1))
        self._template = estimator
        self._preprocessor, regressor = split_steps(estimator)
        self._regressor = set_missing_random_states(
            regressor, np.random.RandomState(self._round_seed("estimator"))
        )
        self.strategy = check_query_strategy(query_strategy, query_options)
        self._X = as_pool(X)
        self._n_samples = n_rows(self._X)
        self._records = Records(ids, self._n_samples)
        self._features = self._X if self._preprocessor is None else None
        self._rounds = Rounds()
        self._pending = None
        self._dropped = []
        self._n_fitted = 0  # labels that the regressor has seen
        self._predicted = (0, None)  # number of labels, and the posterior of the pool after them

    # ------------------------------------------------------------------ what is known so far

    @property
    def n_rounds(self):
        return len(self._rounds)

    @property
    def labelled(self):
        return self._rounds.positions

    @property
    def y(self):
        return self._rounds.y

    @property
    def unlabelled(self):
        free = np.ones(self._n_samples, dtype=bool)
        free[self.labelled] = False
        free[self._dropped] = False
        return np.flatnonzero(free)

    @property
    def estimator_(self):
        """The estimator fitted on all labels so far; it predicts from what `X` holds."""
        self.fit()
        return join_steps(self._template, self._preprocessor, self._regressor)

    @property
    def history(self):
        return self._rounds.history()

    def picks(self):
        """List every labelled record: what was asked, predicted and told.

        Returns
        -------
        picks : list of dict
            Keys ``id``, ``position``, ``round``, ``predicted`` (None where the model had seen
            no label yet, or the record was not asked for) and ``label``.
        """
        return self._rounds.picks(self._records.name)

    # ------------------------------------------------------------------------------ the loop

    def ask(self, n_instances=1):
        """Choose the records to label next.

        Asking again before telling gives the same answer for the same number.

        Parameters
        ----------
        n_instances : int, default=1
            How many; clipped, with a warning, to what is left.

        Returns
        -------
        ids : ndarray of shape (n_instances,)
            In order of preference.

        Raises
        ------
        ValueError
            If nothing is left to label, or the strategy returns something other than distinct
            indices into the pool.
        """
        n_instances = check_size(n_instances, "n_instances")
        pool = self.unlabelled
        if len(pool) == 0:
            raise ValueError(f"nothing left to ask for: all {self._n_samples} records are used up")
        if n_instances > len(pool):
            warnings.warn(
                f"a batch of {n_instances} was clipped to the {len(pool)} records left",
                stacklevel=2,
            )
            n_instances = len(pool)
        seed = self._round_seed(self.n_rounds)
        if not self._rounds:
            start = perf_counter()
            order = np.random.RandomState(seed).permutation(len(pool))[:n_instances]
            chosen, predicted, predict_time = pool[order], None, 0.0
        else:
            self.fit()
            start = perf_counter()
            learner = self._learner(pool)
            query_idx, _ = check_query_result(
                self.strategy(learner, learner.X_pool, n_instances, random_state=seed),
                len(pool),
                n_instances,
                self.strategy,
            )
            chosen = pool[query_idx]
            predict_time = learner.predict_time
            predicted = np.asarray(learner.predict_picked(query_idx), dtype=float).tolist()
        self._pending = {
            "positions": chosen.tolist(),
            "predicted": predicted,
            "query_time": perf_counter() - start,
            "predict_time": predict_time,
        }
        return self._records.names(chosen)

    def tell(self, ids, y):
        """Record labels; one call is one round.

        Parameters
        ----------
        ids : array-like of shape (n_labels,)
            Records, usually what :meth:`ask` returned, a part of it, or labels that were known
            before the first question.
        y : array-like of shape (n_labels,)
            Their labels.

        Returns
        -------
        self : Campaign
            The campaign itself.

        Raises
        ------
        ValueError
            If an id is unknown, told twice or already labelled, or a label is not a finite
            number; nothing is recorded then.
        """
        positions = self._records.positions(ids)
        labels = np.asarray(y, dtype=np.float64)
        if labels.shape != (len(positions),):
            raise ValueError(
                f"y must hold one number for each of the {len(positions)} ids, "
                f"got shape {labels.shape}"
            )
        if len(positions) == 0:
            raise ValueError("ids must name at least one record, got none")
        if not np.isfinite(labels).all():
            bad = int(np.flatnonzero(~np.isfinite(labels))[0])
            name = self._records.name(positions[bad])
            raise ValueError(
                f"the label of record {name!r} is {labels[bad]}; labels must be finite: take a "
                "record that cannot be labelled out with drop(ids)"
            )
        self._refuse_used(positions)
        told = Round([int(p) for p in positions], labels.tolist())
        if self._pending is not None:
            told.query_time = self._pending["query_time"]
            told.predict_time = self._pending["predict_time"]
            predicted = self._pending["predicted"] or []
            asked = dict(zip(self._pending["positions"], predicted, strict=False))
            if all(p in asked for p in told.positions):
                told.predicted = [asked[p] for p in told.positions]
        self._rounds.append(told)
        self._pending = None
        return self

    def drop(self, ids):
        """Take records out of the pool that cannot be labelled.

        Parameters
        ----------
        ids : array-like
            Records that were not labelled.

        Returns
        -------
        self : Campaign
            The campaign itself.
        """
        positions = self._records.positions(ids)
        self._refuse_used(positions)
        self._dropped.extend(int(p) for p in positions)
        self._pending = None
        return self

    def fit(self):
        """Fit the model on all labels so far, unless it has seen them.

        Returns
        -------
        self : Campaign
            The campaign itself.
        """
        return self._fit()

    def _fit(self, theta=None):
        """Fit; hyperparameters that were found before, `theta`, are not searched for again."""
        y = self.y
        if len(y) == 0:
            raise ValueError("there is no label yet: ask for some and tell them first")
        if self._n_fitted != len(y):
            start = perf_counter()
            X = take_rows(self.features, self.labelled)
            if theta is not None and hasattr(self._regressor, "_predict_rows"):
                self._regressor._fit(X, y, theta=np.array(theta))
            else:
                self._regressor.fit(X, y)
            self._n_fitted = len(y)
            self._rounds[-1].fit_time = perf_counter() - start
            self._rounds[-1].hyperparameters = _theta(self._regressor)
        return self

    def pool_posterior(self):
        """Predict everything that is not labelled.

        Returns
        -------
        mean, std : ndarray of shape (n_unlabelled,)
            In the order of :attr:`unlabelled`. Computed once per round.

        Raises
        ------
        TypeError
            If the estimator has no ``predict(X, return_std=True)``.
        """
        self.fit()
        pool = self.unlabelled
        if self._predicted[0] != (len(self.y), len(pool)):
            if len(pool):
                learner = self._learner(pool)
                posterior = PoolView(learner, learner.X_pool).posterior()
            else:
                posterior = np.empty(0), np.empty(0)
            self._predicted = (len(self.y), len(pool)), posterior
        return self._predicted[1]

    def pool_variance(self):
        """Compute the mean posterior variance of the pool; the round's history keeps it.

        Returns
        -------
        variance : float
            Mean of the squared standard deviations, in squared units of y; 0 of an empty pool.
        """
        _, std = self.pool_posterior()
        variance = float(np.mean(std**2)) if len(std) else 0.0
        self._rounds[-1].pool_variance = variance
        return variance

    def play(self, oracle, batch_sizes=None, n_initial=100, stopping=None):
        """Run rounds with labels from `oracle` until the schedule ends or the pool is empty.

        Parameters
        ----------
        oracle : callable
            ``oracle(ids)`` returns the labels of the records asked for.
        batch_sizes : sequence of int, schedule or None, default=None
            Sizes of the rounds after the first; None is one round of `n_initial`. See
            :mod:`skmolal.batch_sizes`.
        n_initial : int, default=100
            Size of the first, random round.
        stopping : rule, sequence of rules or None, default=None
            When to end before the schedule does, see :mod:`skmolal.stopping`. The reason is kept
            in the last entry of :attr:`history`.

        Yields
        ------
        campaign : Campaign
            The campaign itself, fitted, after each round.
        """
        n_initial = check_size(n_initial, "n_initial")
        schedule = as_schedule(batch_sizes, n_initial)
        if self._rounds and self._rounds[-1].stopped is not None:
            return  # a stored campaign that had come to its end
        while len(self.unlabelled):
            size = schedule.next_size(self) if self._rounds else n_initial
            if size == 0:
                break
            ids = self.ask(size)
            self.tell(ids, oracle(ids)).fit()
            self._rounds[-1].stopped = stop_reason(stopping, self)
            yield self
            if self._rounds[-1].stopped is not None:
                break

    @property
    def features(self):
        """What the regressor sees of `X`: the leading transformers' output, made once."""
        if self._features is None:
            self._features = self._preprocessor.fit_transform(self._X)
        return self._features

    def _learner(self, pool):
        ours = isinstance(self.strategy, QueryStrategy)
        return CampaignLearner(
            self._regressor,
            self._X,
            self._preprocessor,
            self.features,
            self.labelled,
            self.y,
            pool,
            by_rows=ours,
        )

    def _round_seed(self, round_):
        """Draw a seed of its own for each round, and one for the estimator."""
        key = 2**32 - 1 if round_ == "estimator" else round_
        return int(np.random.SeedSequence([self._seed, key]).generate_state(1)[0] >> 1)

    def _refuse_used(self, positions):
        used = np.zeros(self._n_samples, dtype=bool)
        used[self.labelled] = True
        used[self._dropped] = True
        for position in positions:
            if used[position]:
                name = self._records.name(position)
                raise ValueError(f"record {name!r} is already labelled or dropped")

    # ----------------------------------------------------------------------------------- JSON

    def to_json(self, path=None):
        """Write the whole state, data and fitted model aside, as JSON.

        Parameters
        ----------
        path : str or path-like, default=None
            File to write; it is replaced in one step, never left half-written.

        Returns
        -------
        text : str
            The JSON text.
        """
        return write_state(
            {
                "n_samples": self._n_samples,
                "X_digest": digest(self._X),
                "ids": self._records.to_list(),
                "seed": self._seed,
                "batches": self._rounds.to_list(),
                "dropped": self._dropped,
                "pending": self._pending,
            },
            self.strategy,
            path,
        )

    @classmethod
    def from_json(cls, source, estimator, X, *, query_strategy=None):
        """Continue a campaign that :meth:`to_json` wrote.

        The model is fitted again on the same labels in the same rounds, so the continued
        campaign asks what the interrupted one would have asked.

        Parameters
        ----------
        source : str or path-like
            The JSON text, or the path of a file that holds it.
        estimator : estimator
            As given to the first campaign.
        X : array-like, sparse matrix, DataFrame or sequence of ase.Atoms
            As given to the first campaign; a different pool is refused.
        query_strategy : str, strategy or callable, default=None
            Needed only where the first strategy was a function or had options that JSON cannot
            hold.

        Returns
        -------
        campaign : Campaign
            Ready for :meth:`ask` or :meth:`tell`.

        Raises
        ------
        ValueError
            If the text is not a campaign, or `X` is not the pool it was made with.
        """
        state, strategy = read_state(source)
        if query_strategy is None:
            if strategy is None:
                raise ValueError(
                    "the strategy of this campaign could not be stored: pass query_strategy="
                )
            query_strategy = strategy
        campaign = cls(estimator, X, query_strategy=query_strategy, ids=state["ids"])
        if campaign._n_samples != state["n_samples"] or digest(campaign._X) != state["X_digest"]:
            raise ValueError(
                f"X is not the pool of this campaign: it had {state['n_samples']} records, got "
                f"{campaign._n_samples}, or records that differ"
            )
        return campaign._restore(state)

    def _restore(self, state):
        self._seed = state["seed"]
        self._preprocessor, regressor = split_steps(self._template)
        self._regressor = set_missing_random_states(
            regressor, np.random.RandomState(self._round_seed("estimator"))
        )
        self._dropped = state["dropped"]
        rounds = [Round(**fields) for fields in state["batches"]]
        for stored in rounds:
            self._rounds.append(stored)
            fit_time = stored.fit_time
            # A regressor that starts warm depends on its earlier fits, so all are played again.
            warm = getattr(_last(regressor), "warm_start", False)
            if fit_time is not None and (stored is rounds[-1] or warm):
                self._fit(theta=stored.hyperparameters)
                stored.fit_time = fit_time
        self._pending = state["pending"]
        if self._pending is not None:
            self._pending.setdefault("predict_time", None)
        return self


def _last(regressor):
    return regressor.steps[-1][1] if isinstance(regressor, Pipeline) else regressor


def _theta(regressor):
    kernel = getattr(_last(regressor), "kernel_", None)
    theta = getattr(kernel, "theta", None)
    return None if theta is None else np.asarray(theta, dtype=float).tolist()
