"""What every loader returns."""

from pathlib import Path

import numpy as np
from sklearn.utils import Bunch


def make_bunch(table, *, name, info, target_column, return_X_y, as_frame, targets=None):
    """Turn a MoleculeTable into what a loader returns.

    `name` is the file of the description in ``descr/``, `info` are the columns that go into
    ``atoms.info``, `targets` those that `target_column` may name, all properties by default.
    """
    if targets is None:
        targets = [key for key, column in table.columns.items() if _is_property(column)]
    if target_column not in targets:
        raise ValueError(f"target_column must be one of {targets}, got {target_column!r}")
    data = table.to_molecules(info)
    target = table.columns[target_column].astype(np.float64)
    if as_frame:
        import pandas as pd

        data = pd.DataFrame({"molecule": data})
        target = pd.Series(target, name=target_column)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=table.to_frame(),
        feature_names=["molecule"],
        target_names=[target_column],
        DESCR=load_descr(name),
    )


def _is_property(column):
    # Integer columns are indices and counts, which nobody predicts.
    return isinstance(column, np.ndarray) and column.dtype.kind == "f"


def load_descr(name):
    """Read the description of a data set."""
    return (Path(__file__).parent / "descr" / f"{name}.rst").read_text(encoding="utf-8")
