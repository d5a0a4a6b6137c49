"""``skmolal new``, ``ask``, ``tell``, ``label``, ...: campaigns whose labels do not exist yet."""

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np

from skmolal.active_learning import Campaign
from skmolal.active_learning._state import State
from skmolal.cli._baseline import add_baseline, check_baseline, choose_initial
from skmolal.cli._data import load_pool
from skmolal.cli._folder import CampaignFolder, Pool
from skmolal.cli._model import needs_coordinates
from skmolal.cli._report import write_atomically
from skmolal.cli._strategies import configure_strategy

__all__ = ["COMMANDS"]

_TOP_SHARE = 0.05  # what is searched for where nothing is said
_FAILED = {"failed", "fail", "error"}
_BATCH_COLUMNS = ("id", "smiles", "predicted", "std", "label")


# --------------------------------------------------------------------------------- beginning


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


# -------------------------------------------------------------------------- people and programs


def ask(options):
    """Reserve the next records and write them to a table, and their structures beside it."""
    folder = CampaignFolder.open(options.campaign)
    table = Path(options.out)
    structures = table.with_suffix(".extxyz")
    for path in (table, structures):
        if path.exists():
            raise ValueError(f"--out: {path} is there already, maybe with labels in it")
    with folder.load_campaign() as campaign:
        size = options.n_instances
        if size is None:
            size = (
                folder.settings["batch_size"] if len(campaign.y) else folder.settings["n_initial"]
            )
        ids = campaign.ask(size)
        try:
            rows = _describe(campaign, folder.pool, ids)
            write_atomically(table, lambda path: _write_table(path, _BATCH_COLUMNS, rows))
            _write_structures(structures, folder.pool, ids)
        except BaseException:
            campaign.release(ids, "they could not be written")
            raise
    print(
        f"{len(ids)} records to label in {table}; fill in the column label, then: "
        f"skmolal tell {folder.path} {table}"
    )


def _describe(campaign, pool, ids):
    """Return a row of the batch's table for each record."""
    places = _places(pool, ids)
    mean = std = [None] * len(ids)
    if len(campaign.y):
        rows = campaign._model.features[places]
        try:
            mean, std = campaign._model.regressor.predict(rows, return_std=True)
        except TypeError:  # a model without std
            mean = campaign._model.regressor.predict(rows)
    return [
        {
            "id": _plain(i),
            "smiles": pool.smiles[place],
            "predicted": _number(m),
            "std": _number(s),
            "label": "",
        }
        for i, place, m, s in zip(ids, places, mean, std, strict=True)
    ]


def _write_structures(path, pool, ids):
    if isinstance(pool.X[0], str):
        return
    from ase.io import write

    batch = []
    for i, place in zip(ids, _places(pool, ids), strict=True):
        atoms = pool.X[place].copy()
        atoms.info["id"] = _plain(i)
        batch.append(atoms)
    write_atomically(path, lambda beside: write(beside, batch, format="extxyz"))


def tell(options):
    """Read labels back from a table of `ask`: a number, "failed", or nothing yet."""
    folder = CampaignFolder.open(options.campaign)
    rows = _read_labels(options.table)
    with folder.load_campaign() as campaign:
        ids, labels, failed, problems = _sort_out(campaign, folder.pool, rows)
        if problems:
            raise ValueError(f"{options.table}: nothing was recorded: {'; '.join(problems)}")
        if ids:
            campaign.tell(ids, labels)
        if failed:
            campaign.drop(failed, "failed")
        waiting = len(campaign.pending)
    print(f"{len(ids)} labels and {len(failed)} failures recorded, {waiting} records pending")


def _read_labels(path):
    """Return (line, id, label text) of each row."""
    path = Path(path)
    text = path.read_text(encoding="utf-8-sig")
    dialect = csv.Sniffer().sniff(text.partition("\n")[0], ",;\t")  # spreadsheets choose by country
    reader = csv.DictReader(text.splitlines(), dialect=dialect)
    columns = {(name or "").strip().lower(): name for name in reader.fieldnames or []}
    for name in ("id", "label"):
        if name not in columns:
            raise ValueError(f"{path}: no column {name!r}; it has {sorted(columns)}")
    return [
        (reader.line_num, (row[columns["id"]] or "").strip(), (row[columns["label"]] or "").strip())
        for row in reader
    ]


def _sort_out(campaign, pool, rows):
    """Return ids and labels, ids that failed, and everything that is wrong."""
    by_text = {str(i): i for i in pool.ids.tolist()}
    place = {str(i): k for k, i in enumerate(pool.ids.tolist())}
    known, dropped = campaign._state.labels, campaign._state.dropped
    ids, labels, failed, problems, seen = [], [], [], [], set()
    for line, name, text in rows:
        if name not in by_text:
            problems.append(f"line {line}: unknown id {name!r}")
        elif name in seen:
            problems.append(f"line {line}: id {name!r} is there twice")
        elif text.lower() in _FAILED:
            if place[name] in known:
                problems.append(f"line {line}: {name!r} is labelled already")
            elif place[name] not in dropped:
                failed.append(by_text[name])
        elif text:
            label = _parse_number(text)
            if label is None:
                problems.append(
                    f"line {line}: label {text!r} is neither a number nor 'failed' nor empty"
                )
            elif place[name] not in known:
                ids.append(by_text[name])
                labels.append(label)
            elif known[place[name]] != label:
                problems.append(
                    f"line {line}: {name!r} has the label {known[place[name]]} already, got {label}"
                )
        seen.add(name)
    return ids, labels, failed, problems


def _parse_number(text):
    try:
        value = float(text)
    except ValueError:
        try:
            value = float(text.replace(",", "."))  # a spreadsheet's decimal comma
        except ValueError:
            return None
    return value if math.isfinite(value) else None


# -------------------------------------------------------------------------------- calculators


def label(options):
    """Let an oracle label records until a number of labels is reached."""
    from skmolal.active_learning._runner import OracleFailuresError
    from skmolal.oracles import CommandOracle, get_oracle

    folder = CampaignFolder.open(options.campaign)
    state, _ = _read_state(folder)
    target = options.target or _target(folder, state)
    if options.oracle == "xtb" and folder.settings.get("baseline") == "xtb":
        raise ValueError(
            "--oracle xtb calculates what --baseline xtb has: nothing is to be learned"
        )
    if options.program is not None:
        # The oracle ends its program itself, with all that this has started, before it is killed.
        timeout = None if options.timeout is None else 0.95 * options.timeout
        oracle = CommandOracle(options.program, target, timeout=timeout)
    elif options.oracle is None:
        raise ValueError("give --oracle xtb, dft or module:function, or --command")
    elif ":" in options.oracle:
        oracle = get_oracle(options.oracle)
    else:
        oracle = get_oracle(options.oracle, target=target)
    if isinstance(folder.pool.X[0], str):
        raise ValueError(
            "an oracle needs coordinates, and this campaign has SMILES alone: make it with a "
            "descriptor of structures, or label by ask and tell"
        )
    with folder.load_campaign() as campaign:
        report = None if options.report is None else _reporter(folder, options.report, target)
        try:
            summary = campaign.run(
                oracle,
                options.n_labels,
                target=target,
                n_parallel=options.workers,
                batch_size=options.batch_size or folder.settings["batch_size"],
                n_initial=folder.settings["n_initial"],
                timeout=options.timeout,
                retries=options.retries,
                max_failures=options.max_failures,
                report=report,
                force=options.force,
                verbose=sys.stderr.isatty() and not options.quiet,
            )
        except OracleFailuresError as error:
            put_back = f"skmolal release {folder.path} --dropped puts back what was dropped"
            raise OracleFailuresError(f"{error}; {put_back}") from error
        print(
            f"{len(campaign.y):,} labels, {len(campaign.dropped):,} records dropped: "
            f"{summary.reason}"
        )


def release(options):
    """Put pending records back into the pool."""
    folder = CampaignFolder.open(options.campaign)
    with folder.load_campaign() as campaign:
        if options.ids and options.dropped:
            raise ValueError("--dropped stands in place of ids: give one or the other")
        if options.ids:
            ids = _named(folder.pool, options.ids)
        else:
            ids = list(campaign.dropped if options.dropped else campaign.pending)
        if ids:
            campaign.release(ids)
    print(f"{len(ids)} records released")


def drop(options):
    """Take records out of the pool."""
    folder = CampaignFolder.open(options.campaign)
    with folder.load_campaign() as campaign:
        ids = _named(folder.pool, options.ids)
        campaign.drop(ids, options.reason)
    print(f"{len(ids)} records dropped")


# ------------------------------------------------------------------------------------ looking


def _read_state(folder):
    """Return the state of a campaign, without its model, also while another process drives it."""
    from skmolal.storage import CampaignStorage

    with CampaignStorage(folder.storage) as storage:
        settings, events = storage.read()
        results = storage.results()
    state = State(settings["n_samples"])
    for event in events:
        state.apply(event)
    return state, results


def status(options):
    """Say how far a campaign is."""
    folder = CampaignFolder.open(options.campaign)
    state, _ = _read_state(folder)
    failed = {failure["position"] for failure in state.failures} - state.labels.keys()
    failed |= {p for p, reason in state.dropped.items() if reason == "failed"}
    best = max if folder.settings["maximize"] else min
    thresholds = [entry.threshold for entry in state.entries if entry.threshold is not None]
    figures = {
        "n_pool": state.n_samples,
        "n_labelled": len(state.labels),
        "n_pending": len(state.pending),
        "n_failed": len(failed),
        "n_dropped": len(state.dropped),
        "best": best(state.labels.values()) if state.labels else None,
        "threshold": thresholds[-1] if thresholds else None,
        "stopped": state.stopped,
    }
    if options.json:
        print(json.dumps(figures))
    else:
        print(", ".join(f"{name.removeprefix('n_')} {_say(v)}" for name, v in figures.items()))


def export(options):
    """Write all labels, with everything that the calculations gave, to a table."""
    folder = CampaignFolder.open(options.campaign)
    state, results = _read_state(folder)
    by_key = {result["key"]: result["properties"] for result in results}
    properties = {p: by_key[key] for p, key in state.keys.items() if key in by_key}
    names = sorted({name for found in properties.values() for name in found})
    pool = folder.pool
    rows = [
        {
            "id": _plain(pool.ids[pick["position"]]),
            "name": pool.names[pick["position"]],
            "smiles": pool.smiles[pick["position"]],
            "label": pick["label"],
            "predicted": _number(pick["predicted"]),
            "round": "" if pick["round"] is None else pick["round"],
            **properties.get(pick["position"], {}),
        }
        for pick in state.picks(lambda position: position)
    ]
    columns = ["id", "name", "smiles", "label", "predicted", "round", *names]
    write_atomically(Path(options.out), lambda path: _write_table(path, columns, rows))
    print(f"{len(rows)} labels written to {options.out}")


def report(options):
    """Write the report."""
    folder = CampaignFolder.open(options.campaign)
    with folder.load_campaign(read_only=True) as campaign:
        _reporter(folder, options.out, _target(folder, campaign._state))(campaign)
    print(f"report written to {options.out}")


def _target(folder, state):
    """Return the name of the property: as the campaign has it, or as calculations gave it."""
    return folder.settings["target"] or (state.labelled_by or {}).get("target")


def _reporter(folder, path, target):
    """Return what writes the report of a folder's campaign."""

    def write(campaign):
        campaign.report(
            path,
            title=folder.path.name,
            target=target,
            maximize=folder.settings["maximize"],
            smiles=folder.pool.smiles,
            names=folder.pool.names,
        )

    return write


# ------------------------------------------------------------------------------------ helpers


def _named(pool, texts):
    """Return the ids that a user has typed."""
    by_text = {str(i): i for i in pool.ids.tolist()}
    unknown = [text for text in texts if text not in by_text]
    if unknown:
        raise ValueError(f"unknown ids {', '.join(unknown)}")
    return [by_text[text] for text in texts]


def _places(pool, ids):
    place = {i: k for k, i in enumerate(pool.ids.tolist())}
    return [place[_plain(i)] for i in ids]


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value


def _number(value):
    return "" if value is None else float(f"{float(value):.8g}")


def _say(value):
    if value is None:
        return "none"
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:.6g}"
        if isinstance(value, float)
        else str(value)
    )


def _write_table(path, columns, rows):
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


COMMANDS = {
    function.__name__: function
    for function in (new, ask, tell, label, release, drop, status, export, report)
}
