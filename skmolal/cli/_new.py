"""``skmolal new``: the folder of a campaign whose labels do not exist yet."""

from pathlib import Path

import numpy as np

from skmolal.active_learning import Campaign
from skmolal.cli._baseline import add_baseline, check_baseline, choose_initial
from skmolal.cli._data import load_pool
from skmolal.cli._folder import CampaignFolder, LibraryPool, Pool
from skmolal.cli._model import needs_coordinates
from skmolal.cli._report import write_atomically
from skmolal.cli._strategies import configure_strategy

__all__ = ["new"]

_TOP_SHARE = 0.05  # what is searched for where nothing is said


def new(options):
    """Make the folder of a campaign, and tell it the labels that the file has."""
    has_range = options.low is not None or options.high is not None
    if has_range and options.top_share is not None:
        raise ValueError("--top-share stands in place of --low and --high: give one or the other")
    top = options.top_share or (None if has_range else _TOP_SHARE)
    check_baseline(options)
    CampaignFolder.check_free(options.campaign)
    strategy = configure_strategy(
        options.strategy,
        low=options.low,
        high=options.high,
        top=top,
        maximize=options.maximize,
    )
    initial, column = choose_initial(options, strategy)
    data, pool, ids, known = _find_pool(options)
    n_initial = options.n_initial or min(len(pool), max(10, min(100, len(pool) // 20)))
    settings = {
        "data": None if options.data is None else str(options.data),
        "library": None if options.library is None else str(Path(options.library).resolve()),
        "target": options.target,
        "maximize": options.maximize,
        "descriptor": options.descriptor,
        "model": options.model,
        "kernel": options.kernel,
        "noise": options.noise,
        "baseline": options.baseline,
        "n_initial": n_initial,
        "batch_size": options.batch_size,
        "random_state": options.random_state,
        "storage": options.storage,
    }
    folder = CampaignFolder.create(options.campaign, settings, pool)
    try:
        with Campaign(
            folder.build_estimator(),
            pool.X,
            query_strategy=strategy,
            ids=ids,
            initial=initial,
            baseline=column,
            random_state=options.random_state,
            storage=folder.storage,
        ) as campaign:
            if len(known):
                campaign.tell(ids[known], data.y[known])
        if data is not None and len(data.rejected):
            path = folder.path / "rejected.csv"
            write_atomically(path, lambda beside: data.rejected.to_csv(beside, index=False))
            print(data.describe_rejected(path))
    except BaseException:
        folder.remove()
        raise
    _remove_cache(options)
    by_oracle = ""
    if hasattr(pool.X[0], "positions"):
        n_labels = min(10 * n_initial, len(pool))
        by_oracle = f", or skmolal label {folder.path} --oracle xtb --n-labels {n_labels}"
    print(
        f"{folder.path}: {len(pool):,} records, {len(known):,} of them labelled; searching "
        f"{_describe_aim(options, strategy)}; next: "
        f"skmolal ask {folder.path} {n_initial} --out batch.csv{by_oracle}"
    )


def _find_pool(options):
    """Return the data, None of a library, the pool, its ids, and which records have labels."""
    if (options.data is None) == (options.library is None):
        raise ValueError("give --data, a file of molecules, or --library, one of them")
    if options.library is None:
        data = load_pool(options, conformers=needs_coordinates(options.descriptor))
        if options.baseline is not None:
            cache = _baseline_cache(options)
            cache.parent.mkdir(parents=True, exist_ok=True)
            try:
                data = add_baseline(data, options, cache)
            except ValueError as error:
                kept = f"; what is calculated is kept in {cache}" if cache.exists() else ""
                raise ValueError(f"{error}{kept}") from error
        names, smiles = [str(n) for n in data.names], [s or "" for s in data.smiles]
        pool = Pool(data.X, data.ids, names, smiles)
        return data, pool, pool.ids, np.flatnonzero(np.isfinite(data.y))
    from skmolal.library import Library

    if options.baseline is not None or needs_coordinates(options.descriptor):
        raise ValueError(
            "a --library holds no coordinates: give the --descriptor that it was described with, "
            "and no --baseline"
        )
    return None, LibraryPool(Library(options.library)), None, []


def _baseline_cache(options):
    """Return the file beside the folder that is to be where calculations are kept until it is."""
    path = Path(options.campaign)
    return path.with_name(f"{path.name}.xtb.db")


def _remove_cache(options):
    for suffix in ("", "-journal"):  # what SQLite leaves of a transaction that was killed
        Path(f"{_baseline_cache(options)}{suffix}").unlink(missing_ok=True)


def _describe_aim(options, strategy):
    """Say in words what is searched for."""
    known = getattr(strategy, "options", {})
    target = options.target or "label"
    if known.get("top") is not None:
        extreme = "largest" if options.maximize else "smallest"
        return f"the {100 * known['top']:.3g}% with the {extreme} {target}"
    ends = [(">=", options.low), ("<=", options.high)]
    wanted = " and ".join(f"{target} {sign} {end:g}" for sign, end in ends if end is not None)
    return wanted or f"by {strategy!r}"
