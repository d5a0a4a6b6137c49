"""Which record was labelled in which round: of a campaign, or of one replicate of a curve."""

import numpy as np
from sklearn.pipeline import Pipeline

__all__ = ["campaign_of", "picks_of_campaign", "picks_of_curve", "select_rounds"]


def campaign_of(estimator):
    """Return the campaign that an estimator, or the last step of a Pipeline, has played."""
    final = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    if not hasattr(final, "campaign_"):
        raise TypeError(
            "estimator must be a fitted ActiveLearningRegressor, or a Pipeline that ends in one; "
            f"got {type(final).__name__}"
        )
    return final.campaign_


def picks_of_campaign(campaign):
    """Return positions, rounds and labels, in the order of labelling, of what was asked for."""
    picks = [pick for pick in campaign.picks() if pick["round"] is not None]
    if not picks:
        raise ValueError("campaign has no labels yet; ask and tell at least once")
    return _columns(picks)


def picks_of_curve(curve, strategy, repeat):
    """Return positions, rounds and labels of one strategy in one repeat."""
    picks = curve["picks"]
    for column, value in (("strategy", strategy), ("repeat", repeat)):
        known = list(dict.fromkeys(picks[column]))
        if value not in known:
            raise ValueError(f"{column} must be one of {known}, got {value!r}")
        picks = picks[picks[column] == value]
    return _columns(picks.to_dict("records"))


def select_rounds(found, rounds, at_most):
    """Return the rounds to draw: those asked for, or `at_most` evenly spaced ones."""
    found = np.unique(found).tolist()
    if rounds is None:
        places = np.linspace(0, len(found) - 1, int(min(at_most, len(found)))).round().astype(int)
        return [found[k] for k in places]
    unknown = [r for r in rounds if r not in found]
    if unknown or not len(rounds):
        raise ValueError(f"rounds must be among {found}, got {list(rounds)}")
    return sorted(rounds)


def _columns(picks):
    return (
        np.array([pick["position"] for pick in picks], dtype=int),
        np.array([pick["round"] for pick in picks], dtype=int),
        np.array([pick["label"] for pick in picks], dtype=float),
    )
