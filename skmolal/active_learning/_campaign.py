"""One campaign: ask for labels, tell them when they have come, in any order, whenever."""

import html
import time
import warnings
from time import perf_counter

import numpy as np
from sklearn.utils import check_random_state

from skmolal._rows import n_rows, take_rows
from skmolal.active_learning._first import choose_best, find_baseline
from skmolal.active_learning._loops import Loops
from skmolal.active_learning._model import CampaignModel, describe_estimator
from skmolal.active_learning._pool import as_pool
from skmolal.active_learning._recorded import FORMAT, Recorded, store_strategy
from skmolal.active_learning._records import Records
from skmolal.active_learning._state import State
from skmolal.batch_sizes import check_size
from skmolal.query_strategies import check_query_result, check_query_strategy, cluster_sampling
from skmolal.query_strategies._machinery.needs import check_needs
from skmolal.query_strategies._machinery.posterior import PoolView
from skmolal.query_strategies._target import estimate_threshold

__all__ = ["Campaign"]

_INITIAL = ("random", "spread", "strategy")


class Campaign(Loops, Recorded):
    """Ask for the next labels, tell them when they are known.

    A campaign knows nothing of where labels come from: an array, a calculator or a person. What
    :meth:`ask` returns is reserved: it is not asked for again until it is told, dropped or
    released. While labels are on their way the next question is chosen knowing it: a Gaussian
    process believes its own predictions of them (its means stay, its variances fall near them),
    and strategies that look at features see them as labelled; no record is asked for twice.
    Labels come in any part and any order, also of records that were never asked for.

    The first questions are chosen by `initial`; as soon as there is a label, the model, fitted to
    all labels so far, and the query strategy choose.

    Parameters
    ----------
    estimator : estimator
        A regressor, or a Pipeline that ends in one. It is cloned. Its leading transformers that
        need no `y` are fitted once, on all of `X`; the rest is fitted on the labelled part.
    X : array-like, sparse matrix, DataFrame, Library or sequence of ase.Atoms, n_samples rows
        Everything that may be labelled. Never put test molecules here. A
        :class:`~skmolal.library.Library` stays on disk; `estimator` begins with the transformer
        that has described it, or is the regressor alone.
    query_strategy : str, strategy or callable, default="random"
        A name from :func:`skmolal.query_strategies.get_query_strategy_names`, an object from
        :func:`skmolal.query_strategies.get_query_strategy`, or a function with modAL's signature.
    query_options : dict, default=None
        Options of a strategy given by name.
    ids : array-like of shape (n_samples,), default=None
        The records' own names (str or int, unique), by which labels are asked and told. By
        default the positions in `X`.
    initial : {"random", "spread", "strategy"} or array-like of ids, default="random"
        What is asked for before the first label is known: records at random, those nearest to the
        centres of a k-means clustering of the pool, or these, in this order (when they are used
        up, records at random). "strategy": half of them those that are best by the feature
        `baseline`, at the end that the query strategy wants, half at random.
    baseline : str, default=None
        For ``initial="strategy"``: name of the feature that estimates the label before there is
        one, such as ``"gfn2_homo"`` of :func:`~skmolal.make_baseline_model`; what a Pipeline or
        FeatureUnion puts before the name may be left out. It must grow with the label; its unit
        does not matter.
    random_state : int, RandomState instance or None, default=None
        Seeds the first questions, the strategy in each round and every `random_state` of
        `estimator` that is None.
    storage : path, SQLAlchemy URL or skmolal.storage.CampaignStorage, default=None
        Where every question, label, failure and release is stored as it happens, in one
        transaction each: an SQLite file, or a database named by a URL such as
        ``"postgresql+psycopg://host/database"``. :meth:`load` continues from there, also after a
        kill at any moment. None keeps the campaign in memory; see :meth:`to_json`.
    client : distributed.Client, default=None
        Of a dask cluster, among whose workers the pool is divided, for a
        :class:`~skmolal.GaussianProcessRegressor`. Strategies of a utility (target by
        probability, greedy, upper confidence bound, improvement, straddle) predict there, and pick
        the same as without; others predict here. Rows of a
        :class:`~skmolal.library.Library` are read by the workers, which have to see its folder.

    Attributes
    ----------
    n_rounds : int
        Number of questions so far: one :meth:`ask` is one round.
    labelled : ndarray of shape (n_labelled,)
        Positions in `X`, in the order of labelling.
    y : ndarray of shape (n_labelled,)
        The labels, in the same order.
    pending : ndarray of shape (n_pending,)
        Ids that were asked for and whose labels have not come, in the order of asking.
    unlabelled : ndarray of shape (n_samples - n_labelled - n_pending - n_dropped,)
        Positions in `X` that may still be asked for, ascending.
    dropped : dict
        Id of each record that was taken out of the pool, mapped to the reason or None.
    failures : list of dict
        Attempts at labels that failed: ``id``, ``reason``, ``time`` (s since 1970).
    history : list of dict
        One dict for each question: ``round``, ``n_labelled`` (labels known once those of the
        question had come), ``batch_size`` (labels of it that have come), ``n_asked``,
        ``n_pending`` (of these, still awaited), ``query_time`` (s),
        ``predict_time`` (s, the part of it spent in the model's ``predict``; joint posteriors are
        not counted), ``fit_time`` (s, of fits that its labels made necessary), ``batch_mae`` (mean
        absolute error of what the model had predicted for the batch before it saw the labels),
        ``threshold`` (of the target, for a strategy with ``top``), ``hyperparameters`` (the
        regressor's ``kernel_.theta``), ``pool_variance`` (mean posterior variance of what is
        left, where something asked for it) and ``stopped`` (why a stopping rule ended the
        campaign); None where there is no such value. Labels that were never asked for have
        entries of their own, whose ``round`` is None.

    Raises
    ------
    TypeError
        If the strategy needs a prediction that `estimator` does not make, such as a std; the
        message names a way out. With a `client`, if `estimator` ends in another regressor than
        our Gaussian process.
    ValueError
        If a parameter is out of range, ``initial="strategy"`` without such a feature or with a
        strategy that wants neither end, or `storage` holds a campaign already.

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
        initial="random",
        baseline=None,
        random_state=None,
        storage=None,
        client=None,
    ):
        random_state = check_random_state(random_state)
        strategy = check_query_strategy(query_strategy, query_options)
        seed = int(random_state.randint(2**31 - 1))
        self._build(estimator, X, strategy, ids, seed, client)
        self._initial, self._baseline = self._check_initial(initial), baseline
        if self._initial == "strategy":  # refused here, not at the first question
            find_baseline(self._model, strategy, baseline)
        elif baseline is not None:
            raise ValueError(f"baseline={baseline!r} is for initial='strategy', got {initial!r}")
        self._settings = {
            "format": FORMAT,
            "created": time.time(),
            "n_samples": self._state.n_samples,
            "X_digest": None,  # of all the pool, so made when it is written
            "ids": self._records.to_list(),
            "seed": self._seed,
            "initial": self._initial,
            "baseline": baseline,
            "query_strategy": store_strategy(strategy),
            "estimator": describe_estimator(estimator),
        }
        self._store(storage)

    def _build(self, estimator, X, strategy, ids, seed, client=None):
        """Set what a new campaign and a loaded one have in common."""
        self.strategy = strategy
        self._X = as_pool(X)
        self._records = Records(ids, n_rows(self._X))
        self._seed = seed
        self._model = CampaignModel(estimator, self._X, self._round_seed("estimator"), client)
        check_needs(strategy, self._model.last_step)
        self._model.features  # noqa: B018 - a record without descriptor is refused here
        self._state = State(n_rows(self._X))
        self._predicted = (None, None)  # version of the pool, and its posterior

    def _check_initial(self, initial):
        if isinstance(initial, str):
            if initial not in _INITIAL:
                raise ValueError(
                    f"initial must be one of {', '.join(map(repr, _INITIAL))} or a sequence of "
                    f"ids, got {initial!r}"
                )
            return initial
        return [int(p) for p in self._records.positions(initial)]

    # ------------------------------------------------------------------ what is known so far

    @property
    def n_rounds(self):
        return self._state.n_rounds

    @property
    def labelled(self):
        return self._state.labelled

    @property
    def y(self):
        return self._state.y

    @property
    def pending(self):
        return self._records.names(self._state.awaited)

    @property
    def unlabelled(self):
        return self._state.free

    @property
    def dropped(self):
        return {self._records.name(p): reason for p, reason in self._state.dropped.items()}

    @property
    def failures(self):
        return [
            {"id": self._records.name(f["position"]), "reason": f["reason"], "time": f["time"]}
            for f in self._state.failures
        ]

    @property
    def results(self):
        """All that the oracle's calculations gave, a list of dict in order of storage.

        Keys ``key`` (of molecule and method), ``id``, ``oracle``, ``properties`` (dict of float)
        and ``seconds``.
        """
        return [
            {
                "key": result["key"],
                "id": self._records.name(result["record"]),
                "oracle": result["oracle"],
                "properties": dict(result["properties"]),
                "seconds": result["seconds"],
            }
            for result in self._results.values()
        ]

    @property
    def estimator_(self):
        """The estimator fitted on all labels so far; it predicts from what `X` holds."""
        self.fit()
        return self._model.joined()

    @property
    def features(self):
        """What the regressor sees of `X`: the leading transformers' output, made once."""
        return self._model.features

    @property
    def history(self):
        return self._state.history()

    def picks(self):
        """List every labelled record: what was asked, predicted and told.

        Returns
        -------
        picks : list of dict
            In the order of labelling. Keys ``id``, ``position``, ``round`` (None of a record that
            was never asked for), ``predicted`` (None where the model had seen no label yet, or
            the record was not asked for), ``std`` (of the prediction; None also where the model
            has none) and ``label``.
        """
        return self._state.picks(self._records.name)

    def report(self, path, *, title=None, target=None, maximize=None, smiles=None, names=None):
        """Write a report of the campaign for people: one HTML file that needs no network.

        It shows what was asked for, predicted and told, how good the predictions were, the
        molecules, failures, time, settings, and how many finds are still to be expected. The
        campaign is left as it is, so one that was loaded to be read will do.

        Parameters
        ----------
        path : str or path-like
            File to write; it is replaced in one step, never left half-written.
        title : str, default=None
            Heading; None is "Campaign".
        target : str, default=None
            Name of the property, and its unit if wanted; None is "label".
        maximize : bool, default=None
            Whether the largest labels are the best. None is what the strategy is after: its
            option `maximize`, False where its range has an upper end only, else True.
        smiles : sequence of str, n_samples, default=None
            Of each record, empty where unknown. None takes what `X` knows of itself: SMILES, or
            ``atoms.info["smiles"]``.
        names : sequence of str, n_samples, default=None
            Of each record, beside its id; empty where unknown.

        Raises
        ------
        ValueError
            If `smiles` or `names` are not as many as the records.
        """
        from skmolal.report import write_report

        write_report(
            self, path, title=title, target=target, maximize=maximize, smiles=smiles, names=names
        )

    def __repr__(self):
        state = self._state
        parts = [f"{state.n_samples} records", f"{len(state.labels)} labelled"]
        parts += [f"{len(state.pending)} pending"] if state.pending else []
        parts += [f"{len(state.dropped)} dropped"] if state.dropped else []
        return f"<Campaign: {', '.join(parts)}; query_strategy={self.strategy!r}>"

    def _repr_html_(self):
        state = self._state
        rows = {
            "records": state.n_samples,
            "labelled": len(state.labels),
            "pending": len(state.pending),
            "dropped": len(state.dropped),
            "failed attempts": len(state.failures),
            "rounds": state.n_rounds,
            "strategy": repr(self.strategy),
            "model": type(self._model.last_step).__name__,
        }
        errors = [entry.mae for entry in state.entries if entry.mae is not None]
        if errors:
            rows["error of the last predictions"] = f"{errors[-1]:.4g}"
        if state.failures:
            rows["last failure"] = state.failures[-1]["reason"]
        if state.stopped:
            rows["stopped"] = state.stopped
        body = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(str(value))}</td></tr>"
            for name, value in rows.items()
        )
        return f"<table><caption>Campaign</caption>{body}</table>"

    # ------------------------------------------------------------------------------ the loop

    def ask(self, n_instances=1):
        """Choose the records to label next, and reserve them.

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
            If nothing is left to ask for, or the strategy returns something other than distinct
            indices into the pool.
        """
        return self._records.names(self._ask(check_size(n_instances, "n_instances")))

    def _ask(self, n_instances, **more):
        """Choose, and record that, with what else the event is to hold; return positions."""
        state = self._state
        pool = state.free
        if len(pool) == 0:
            raise ValueError(
                f"nothing left to ask for: all {state.n_samples} records are labelled, pending "
                "or dropped"
            )
        if n_instances > len(pool):
            warnings.warn(
                f"a batch of {n_instances} was clipped to the {len(pool)} records left",
                stacklevel=3,
            )
            n_instances = len(pool)
        seed = self._round_seed(state.n_rounds)
        event = {"seed": seed, "n_labelled": len(state.labels), "n_pending": len(state.pending)}
        if state.labels:
            self.fit()
            start = perf_counter()
            learner = self._model.learner(state, self.strategy)
            query_idx, _ = check_query_result(
                self.strategy(learner, learner.X_pool, n_instances, random_state=seed),
                len(pool),
                n_instances,
                self.strategy,
            )
            chosen = pool[query_idx]
            event["predict_time"] = learner.predict_time
            mean, std = learner.predict_picked(query_idx)
            event |= {
                "predicted": mean.tolist(),
                "std": None if std is None else std.tolist(),
                "threshold": self._threshold(learner),
            }
        else:
            start = perf_counter()
            chosen = self._choose_first(pool, n_instances, seed)
            event |= {"predict_time": 0.0, "predicted": None, "std": None, "threshold": None}
        event["query_time"] = perf_counter() - start
        self._record("ask", positions=[int(p) for p in chosen], **event, **more)
        return chosen

    def _choose_first(self, pool, n_instances, seed):
        """Choose while no label is known."""
        if self._initial == "spread":
            rows = take_rows(self.features, pool)
            return pool[cluster_sampling(None, rows, n_instances, random_state=seed)[0]]
        if self._initial == "strategy":
            score = find_baseline(self._model, self.strategy, self._baseline)
            wanted = choose_best(score, pool, len(self._state.pending), n_instances)
        else:
            wanted = [] if self._initial == "random" else self._initial
            wanted = [p for p in wanted if p in set(pool.tolist())][:n_instances]
        rest = np.setdiff1d(pool, wanted)
        order = np.random.RandomState(seed).permutation(len(rest))[: n_instances - len(wanted)]
        return np.concatenate([np.array(wanted, dtype=np.intp), rest[order]])

    def _threshold(self, learner):
        """The end of the target range, where the strategy estimates it."""
        options = getattr(self.strategy, "options", {})
        if options.get("top") is None:
            return None
        if learner.threshold is None:
            view = PoolView(learner, learner.X_pool)
            estimate_threshold(view, options["top"], options.get("maximize", True))
        return learner.threshold

    def tell(self, ids, y):
        """Take in labels.

        Parameters
        ----------
        ids : array-like of shape (n_labels,)
            Records, in any order: what :meth:`ask` returned, a part of it, or others that were
            never asked for. The label of a record that was dropped is welcome, too.
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
        labels = self._check_labels(positions, y)
        self._refuse(positions, self._state.labels, "already labelled: correct(ids, y) changes it")
        self._record("tell", positions=positions, y=labels)
        return self

    def correct(self, ids, y=None):
        """Change labels that were told, or take them back.

        Parameters
        ----------
        ids : array-like of shape (n_labels,)
            Labelled records.
        y : array-like of shape (n_labels,) or None, default=None
            The right labels. None takes the labels back: the records may be asked for again.

        Returns
        -------
        self : Campaign
            The campaign itself.

        Raises
        ------
        ValueError
            If an id is not labelled, or a label is not a finite number; nothing is recorded then.
        """
        positions = self._records.positions(ids)
        for position in positions:
            if position not in self._state.labels:
                raise ValueError(f"record {self._records.name(position)!r} has no label to correct")
        if y is None:
            labels = [None] * len(positions)
        else:
            labels = self._check_labels(positions, y)
        self._record("correct", positions=positions, y=labels)
        return self

    def release(self, ids=None, reason=None):
        """Put records that were asked for, or dropped, back into the pool.

        Parameters
        ----------
        ids : array-like, default=None
            Pending or dropped records; None is all that are pending.
        reason : str, default=None
            Why, for the report.

        Returns
        -------
        self : Campaign
            The campaign itself.

        Raises
        ------
        ValueError
            If an id is neither pending nor dropped; nothing is recorded then.
        """
        positions = list(self._state.pending) if ids is None else self._records.positions(ids)
        for position in positions:
            if position not in self._state.pending and position not in self._state.dropped:
                raise ValueError(
                    f"record {self._records.name(position)!r} is not pending, nor dropped"
                )
        if positions:
            self._record("release", positions=positions, reason=reason)
        return self

    def drop(self, ids, reason=None):
        """Take records that cannot be labelled out of the pool.

        What the model had predicted for others of their round, and its error, stay.

        Parameters
        ----------
        ids : array-like
            Records that were not labelled.
        reason : str, default=None
            Why, for the report.

        Returns
        -------
        self : Campaign
            The campaign itself.

        Raises
        ------
        ValueError
            If an id is labelled or dropped; nothing is recorded then.
        """
        positions = self._records.positions(ids)
        self._refuse(positions, self._state.labels, "already labelled")
        self._refuse(positions, self._state.dropped, "already dropped")
        self._record("drop", positions=positions, reason=reason)
        return self

    def fail(self, ids, reason):
        """Record that an attempt at labels failed; the records stay pending.

        Parameters
        ----------
        ids : array-like
            Pending records.
        reason : str
            What went wrong, for the report.

        Returns
        -------
        self : Campaign
            The campaign itself.

        Raises
        ------
        ValueError
            If an id is not pending; nothing is recorded then.
        """
        positions = self._records.positions(ids)
        for position in positions:
            if position not in self._state.pending:
                raise ValueError(f"record {self._records.name(position)!r} is not pending")
        self._record("fail", positions=positions, reason=str(reason))
        return self

    def fit(self):
        """Fit the model on all labels so far, unless it has seen them.

        Returns
        -------
        self : Campaign
            The campaign itself.

        Raises
        ------
        ValueError
            If there is no label yet.
        """
        if not self._state.labels:
            raise ValueError("there is no label yet: ask for some and tell them first")
        if self._model.fitted_version != self._state.version:
            seconds = self._model.fit(self._state)
            self._record("fit", hyperparameters=self._model.hyperparameters, fit_time=seconds)
        return self

    def pool_posterior(self):
        """Predict everything that may be asked for.

        Returns
        -------
        mean, std : ndarray of shape (n_unlabelled,)
            In the order of :attr:`unlabelled`. Computed once per round. Labels that are awaited
            are not believed here.

        Raises
        ------
        TypeError
            If the estimator has no ``predict(X, return_std=True)``.
        """
        self.fit()
        if self._predicted[0] != self._state.pool_version:
            posterior = np.empty(0), np.empty(0)
            if len(self.unlabelled):
                posterior = self._model.learner(self._state).predict_pool()
            self._predicted = self._state.pool_version, posterior
        return self._predicted[1]

    def pool_variance(self):
        """Compute the mean posterior variance of the pool; the history keeps it.

        Returns
        -------
        variance : float
            Mean of the squared standard deviations, in squared units of y; 0 of an empty pool.
        """
        _, std = self.pool_posterior()
        variance = float(np.mean(std**2)) if len(std) else 0.0
        self._record("note", pool_variance=variance)
        return variance

    # ------------------------------------------------------------------------------- checks

    def _round_seed(self, round_):
        """Draw a seed of its own for each round, and one for the estimator."""
        key = 2**32 - 1 if round_ == "estimator" else round_
        return int(np.random.SeedSequence([self._seed, key]).generate_state(1)[0] >> 1)

    def _check_labels(self, positions, y):
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
        return labels.tolist()

    def _refuse(self, positions, known, what):
        for position in positions:
            if position in known:
                raise ValueError(f"record {self._records.name(position)!r} is {what}")
