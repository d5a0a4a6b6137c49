"""Docking scores: which model and which strategy find the 100 best of 10,449 molecules.

MolPAL's protocol (Graff et al. 2021): 104 labels at random, 1% of the library, then five batches of
104; what counts is how many of the 100 best have been labelled then, ties at the threshold up to
100. Five seeds; all models and strategies of a seed start from the same labels. Models are
`make_fingerprint_model` with Morgan's and with atom pair counts, a forest on Morgan's counts, and
the forest that MolPAL takes by default: 100 trees of at most eight levels on bits of atom pairs up
to three bonds apart.

    python benchmarks/study_docking.py          # continues if killed
    python benchmarks/study_docking.py --draw   # figure and table alone, from the numbers

Writes results/study_docking.csv, docs/images/study_docking.png and the table of the manual,
docs/guide/study_docking.inc.
"""

import numpy as np
import pandas as pd
from scipy.stats import t as student
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import make_pipeline
from study import COLOURS, IMAGES, RESULTS, finish_axes, make_parser, play, write_table

from skmolal import make_fingerprint_model
from skmolal.datasets import fetch_enamine10k
from skmolal.descriptors import AtomPairFingerprintTransformer, MorganFingerprintTransformer
from skmolal.ensemble import EnsembleRegressor
from skmolal.metrics import make_discovery_scorer
from skmolal.query_strategies import get_query_strategy

NAME = "study_docking"
N_BEST, BATCH, N_BATCHES = 100, 104, 5
MORGAN, PAIRS = "Gaussian process, Morgan counts", "Gaussian process, atom pair counts"
FOREST, MOLPAL = "forest, Morgan counts", "forest as in MolPAL"
STRATEGIES = {
    "random": "random",
    "greedy": get_query_strategy("greedy", maximize=False),
    "target": get_query_strategy("target", top=0.01, maximize=False),
    "upper_confidence_bound": get_query_strategy("upper_confidence_bound", maximize=False),
    "expected_improvement": get_query_strategy("expected_improvement", maximize=False),
}
PLAYED = {  # in the order of the table
    MORGAN: list(STRATEGIES),
    PAIRS: ["greedy", "target"],
    FOREST: ["greedy", "target"],
    MOLPAL: ["greedy"],
}
DRAWN = {
    (MORGAN, "target"): (COLOURS["target"], "-"),
    (MORGAN, "greedy"): (COLOURS["uncertainty"], "-"),
    (FOREST, "greedy"): (COLOURS["cluster"], "-"),
    (MOLPAL, "greedy"): (COLOURS["cluster"], ":"),
    (MORGAN, "random"): (COLOURS["random"], "-"),
}


def make_model(name):
    """Return a Pipeline from SMILES to a score."""
    if name == MORGAN:
        return make_fingerprint_model()
    if name == PAIRS:
        return make_fingerprint_model(AtomPairFingerprintTransformer())
    if name == FOREST:
        forest = EnsembleRegressor(RandomForestRegressor(100), n_estimators=1, bootstrap=False)
        return make_pipeline(MorganFingerprintTransformer(), forest)
    pairs = AtomPairFingerprintTransformer(max_distance=3, counts=False)
    return make_pipeline(pairs, RandomForestRegressor(100, max_depth=8))


def make_cases():
    smiles, score = fetch_enamine10k(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(score))  # the file is sorted by score
    threshold = float(np.sort(score)[N_BEST - 1])
    return [
        (
            {"model": model},
            {
                "estimator": make_model(model),
                "X": smiles[rows],
                "y": score[rows],
                "query_strategies": {name: STRATEGIES[name] for name in names},
                "batch_sizes": [BATCH] * N_BATCHES,
                "n_initial": BATCH,
                "test_size": 0,
                "scoring": {"found": make_discovery_scorer(high=threshold, n_best=N_BEST)},
            },
        )
        for model, names in PLAYED.items()
    ]


def summarize(frame):
    """Return mean, ends of the 95% interval and seconds of each line of the table."""
    seconds = frame.groupby(["model", "strategy", "repeat"])[["fit_time", "query_time"]].sum()
    rows = []
    for model, names in PLAYED.items():
        for name in names:
            ours = frame[(frame["model"] == model) & (frame["strategy"] == name)]
            if ours.empty:
                continue
            found = ours.pivot(index="n_labelled", columns="repeat", values="found")
            last = found.iloc[-1]
            half = student.ppf(0.975, len(last) - 1) * last.std() / np.sqrt(len(last))
            rows.append(
                {
                    "model": model,
                    "strategy": name,
                    "half_way": found.loc[BATCH * 3].mean(),
                    "found": last.mean(),
                    "low": max(0.0, last.mean() - half),
                    "high": min(1.0, last.mean() + half),
                    "seconds": seconds.loc[model, name].sum(axis=1).mean(),
                }
            )
    return pd.DataFrame(rows)


def tabulate(table):
    rows = [("model", "asked by", "found, 312 labels", "624 labels (95% interval)", "seconds")]
    for row in table.itertuples():
        found = f"{row.found:.0%} ({row.low:.0%} to {row.high:.0%})"
        strategy = f"``{row.strategy}``"
        rows.append((row.model, strategy, f"{row.half_way:.0%}", found, f"{row.seconds:.1f}"))
    write_table(NAME, "34 24 14 24 10", rows)


def draw(frame):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    for (model, strategy), (colour, line) in DRAWN.items():
        ours = frame[(frame["model"] == model) & (frame["strategy"] == strategy)]
        found = ours.groupby("n_labelled")["found"]
        label = "random choice" if strategy == "random" else f"{model}, {strategy}"
        ax.plot(found.mean(), line, color=colour, marker=".", label=label)
        ax.fill_between(
            found.mean().index, found.min(), found.max(), color=colour, alpha=0.15, lw=0
        )
    ax.set(xlabel="labels, of 10,449 molecules", ylabel="share of the 100 best found", ylim=(0, 1))
    ax.set_xticks([BATCH * (k + 1) for k in range(N_BATCHES + 1)])
    ax.yaxis.set_major_formatter("{x:.0%}")
    finish_axes(ax)
    ax.legend(frameon=False)
    figure.savefig(IMAGES / f"{NAME}.png", dpi=150)


def main():
    options = make_parser(__doc__, n_seeds=5).parse_args()
    if not options.draw:
        play(make_cases(), NAME, options.seeds, options.n_jobs)
    frame = pd.read_csv(RESULTS / f"{NAME}.csv")
    table = summarize(frame)
    print(table.to_string(index=False, float_format="%.3f"))
    tabulate(table)
    draw(frame)


if __name__ == "__main__":
    main()
