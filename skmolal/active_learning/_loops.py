"""How a campaign is played to its end: with labels at hand, or with calculations that take time."""

from numbers import Integral, Real

from skmolal.batch_sizes import as_schedule, check_size
from skmolal.stopping import stop_reason

__all__ = ["Loops"]


class Loops:
    """The two loops of a campaign, which does the rest."""

    def play(self, oracle, batch_sizes=None, n_initial=100, stopping=None):
        """Run rounds with labels from `oracle` until the schedule ends or the pool is empty.

        Labels that are still awaited are asked of `oracle` first.

        Parameters
        ----------
        oracle : callable
            ``oracle(ids)`` returns the labels of the records asked for.
        batch_sizes : sequence of int, schedule or None, default=None
            Sizes of the rounds after the first; None is one round of `n_initial`. See
            :mod:`skmolal.batch_sizes`.
        n_initial : int, default=100
            Size of the first round.
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
        if self._state.stopped is not None:
            return  # a stored campaign that had come to its end
        if len(self.pending):
            ids = self.pending
            self.tell(ids, oracle(ids))
        while len(self.unlabelled):
            size = schedule.next_size(self) if self._state.labels else n_initial
            if size == 0:
                break
            ids = self.ask(size)
            self.tell(ids, oracle(ids)).fit()
            reason = stop_reason(stopping, self)
            if reason is not None:
                self._record("note", stopped=reason)
            yield self
            if reason is not None:
                break

    def run(
        self,
        oracle,
        n_labels,
        *,
        target=None,
        executor=None,
        n_parallel=None,
        batch_size=None,
        n_initial=None,
        timeout=None,
        retries=1,
        max_failures=0.5,
        stopping=None,
        report=None,
        verbose=False,
        force=False,
    ):
        """Let an oracle label records, several at a time, until there are enough labels.

        Workers are kept busy: labels are taken in as they come, in any order, the model is fitted
        and asked for more while calculations go on, and what the next question is chosen by knows
        what is on its way. A failure is stored with its message and tried again; a record whose
        attempts have all failed is dropped. With a `storage`, a worker leaves its result on disk
        before it answers: a kill at any moment costs at most the calculations that were running,
        and the same call continues after :meth:`load`. Ctrl-C and SIGTERM end a run cleanly: what
        is finished is stored, the rest released (the second one ends it at once).

        Parameters
        ----------
        oracle : callable
            From one ``ase.Atoms`` (one item of `X`, as it was given) to a dict of floats, see
            :mod:`skmolal.oracles`. It is sent to the workers by cloudpickle, so functions of a
            script or notebook will do.
        n_labels : int
            Labels in all, those known before included.
        target : str, default=None
            The property that is the label. None is the oracle's ``target``, or its only property.
        executor : dask client, concurrent.futures.Executor or None, default=None
            Where calculations run. None is processes of this machine that never import the
            caller's main module, with one thread each. See the notes for what each promises.
        n_parallel : int, default=None
            Calculations at a time; as many again are asked for in reserve. None is the number of
            cores, or of the workers' threads of a dask client. An executor has to have as many
            workers.
        batch_size : int, default=None
            Records asked for at once. None is four times `n_parallel`.
        n_initial : int, default=None
            Records asked for before there is a label. None is a twentieth of all records, but 10
            to 100, and at most half of `n_labels`.
        timeout : float, default=None
            Seconds after which a calculation is ended and has failed.
        retries : int, default=1
            How often a record is tried again after a failure.
        max_failures : float, default=0.5
            Share of failures among the last 20 attempts (from the tenth on) above which the run
            stops.
        stopping : rule, sequence of rules or None, default=None
            When to end before `n_labels`, see :mod:`skmolal.stopping`; asked whenever there are
            new labels and room for more. What has been begun is finished then.
        report : path or callable, default=None
            Where to write :meth:`report`, or what to call with the campaign: at the end, and every
            30 s while it runs.
        verbose : bool, default=False
            Whether to show a progress bar.
        force : bool, default=False
            Whether to go on with another oracle or target than an earlier run has used.

        Returns
        -------
        summary : RunSummary
            ``reason`` (why it ended), ``n_told``, ``n_failed``, ``n_dropped``, ``seconds``,
            ``seconds_asking``, ``seconds_storing``, ``seconds_calculating`` and ``idle`` (share of
            the workers' time).

        Raises
        ------
        ValueError
            If a parameter is out of range, the oracle is not that of the labels which an earlier
            run has given, or it has several results and no `target` names one.
        ImportError
            If the workers lack a package, or the module of the oracle.
        RuntimeError
            If too many calculations failed, or the executor broke. All is stored, and nothing is
            left pending.

        Notes
        -----
        =============== ================ =================== =========================
        executor        time is up       a worker dies       where
        =============== ================ =================== =========================
        None            process killed   a failure of its    this machine
                                         record alone
        dask client     process killed   dask tries again,   dask's workers
                        in the worker    then a failure
        process pool    process killed   the pool is broken, this machine
                        in the worker    and the run ends
        thread pool     process killed   ends this process,  this machine (without a
                        in the thread    too                 timeout: this process)
        =============== ================ =================== =========================

        With a timeout, executors other than None start a process for each calculation.

        Examples
        --------
        >>> from skmolal import Campaign, make_fingerprint_model
        >>> from skmolal.datasets import load_qm9_sample
        >>> molecules, _ = load_qm9_sample(return_X_y=True)
        >>> def heaviest(atoms):
        ...     return {"mass": atoms.get_masses().sum()}
        >>> campaign = Campaign(
        ...     make_fingerprint_model(), molecules[:100], query_strategy="greedy_target",
        ...     query_options={"low": 125.0}, random_state=0
        ... )
        >>> campaign.run(heaviest, 30, n_parallel=2, n_initial=10).reason
        '30 labels reached'
        """
        from skmolal.active_learning._runner import Runner
        from skmolal.oracles import oracle_identity

        if not callable(oracle):
            raise TypeError(f"oracle must be callable, got {type(oracle).__name__}")
        if hasattr(oracle, "_validate_params"):
            oracle._validate_params()
        n_labels = check_size(n_labels, "n_labels")
        n_parallel = _count_workers(executor) if n_parallel is None else n_parallel
        n_parallel = check_size(n_parallel, "n_parallel")
        if batch_size is None:
            batch_size = 4 * n_parallel
        if n_initial is None:
            n_initial = max(10, min(100, self._state.n_samples // 20))
            n_initial = max(1, min(n_initial, n_labels // 2))
        if timeout is not None and not (_is_number(timeout) and timeout > 0):
            raise ValueError(f"timeout must be a positive number of seconds, got {timeout!r}")
        if not isinstance(retries, Integral) or isinstance(retries, bool) or retries < 0:
            raise ValueError(f"retries must be an integer of at least 0, got {retries!r}")
        if not _is_number(max_failures) or not 0 <= max_failures <= 1:
            raise ValueError(f"max_failures must be between 0 and 1, got {max_failures!r}")
        target = getattr(oracle, "target", None) if target is None else target
        started = {"oracle": oracle_identity(oracle), "target": target}
        self._check_continues(started, force)
        runner = Runner(
            self,
            oracle,
            n_labels,
            target=target,
            executor=executor,
            n_parallel=n_parallel,
            batch_size=check_size(batch_size, "batch_size"),
            n_initial=check_size(n_initial, "n_initial"),
            timeout=timeout,
            retries=retries,
            max_failures=max_failures,
            stopping=stopping,
            report=report,
            verbose=verbose,
        )
        self._take_spool()
        self._record("run", n_parallel=n_parallel, **started)
        return runner.run()

    def _check_continues(self, started, force):
        """Refuse labels of another kind than those of the last run that gave any."""
        if force or self._state.labelled_by is None:
            return
        for name, value in started.items():
            before = self._state.labelled_by[name]
            if before != value:
                raise ValueError(
                    f"{name} is not that of the labels which this campaign has, pass force=True "
                    f"(--force) to continue with another: it was {before}, got {value}"
                )


def _count_workers(executor):
    if executor is None:
        from joblib import cpu_count

        return cpu_count()
    for count in (
        lambda: sum(executor.nthreads().values()),  # of a dask client
        lambda: executor._max_workers,  # of the standard library's
    ):
        try:
            return max(1, int(count()))
        except (AttributeError, TypeError):
            continue
    raise ValueError("n_parallel must be given for this executor: how many workers it has")


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool)
