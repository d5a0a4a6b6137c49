"""``skmolal label``: records are labelled by calculations."""

import sys

from skmolal.cli._folder import CampaignFolder
from skmolal.cli._records import make_reporter, name_target, read_state

__all__ = ["label"]


def label(options):
    """Let an oracle label records until a number of labels is reached."""
    from skmolal.active_learning._runner import OracleFailuresError
    from skmolal.oracles import CommandOracle, get_oracle

    folder = CampaignFolder.open(options.campaign)
    state, _ = read_state(folder)
    target = options.target or name_target(folder, state)
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
    if not hasattr(folder.pool.X[0], "positions"):
        raise ValueError(
            "an oracle needs coordinates, and this campaign has SMILES alone: make it with a "
            "descriptor of structures, or label by ask and tell"
        )
    with folder.load_campaign() as campaign:
        report = None if options.report is None else make_reporter(folder, options.report, target)
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
