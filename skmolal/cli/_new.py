"""``skmolal new``: the folder of a campaign whose labels do not exist yet."""

import numpy as np

from skmolal.active_learning import Campaign
from skmolal.cli._baseline import add_baseline, check_baseline, choose_initial
from skmolal.cli._data import load_pool
from skmolal.cli._folder import CampaignFolder, Pool
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
    data = load_pool(options, conformers=needs_coordinates(options.descriptor))
    pool = Pool(data.X, data.ids, [str(n) for n in data.names], [s or "" for s in data.smiles])
    n_initial = options.n_initial or min(len(pool), max(10, min(100, len(pool) // 20)))
    strategy = configure_strategy(
        options.strategy,
        low=options.low,
        high=options.high,
        top=top,
        maximize=options.maximize,
    )
    initial, column = choose_initial(options, strategy)
    if options.baseline is not None:
        add_baseline(pool.X, data.y, pool.ids, options)
    settings = {
        "data": str(options.data),
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
    known = np.flatnonzero(np.isfinite(data.y))
    try:
        with Campaign(
            folder.build_estimator(),
            pool.X,
            query_strategy=strategy,
            ids=pool.ids,
            initial=initial,
            baseline=column,
            random_state=options.random_state,
            storage=folder.storage,
        ) as campaign:
            if len(known):
                campaign.tell(pool.ids[known], data.y[known])
        if len(data.rejected):
            path = folder.path / "rejected.csv"
            write_atomically(path, lambda beside: data.rejected.to_csv(beside, index=False))
            print(data.describe_rejected(path))
    except BaseException:
        folder.remove()
        raise
    print(
        f"{folder.path}: {len(pool):,} records, {len(known):,} of them labelled; searching "
        f"{_describe_aim(options, strategy)}; next: "
        f"skmolal ask {folder.path} {n_initial} --out batch.csv, or "
        f"skmolal label {folder.path} --oracle xtb --n-labels {min(10 * n_initial, len(pool))}"
    )


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
