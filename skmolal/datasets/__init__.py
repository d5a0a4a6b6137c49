"""Molecules with computed properties: ``load_`` what is shipped, ``fetch_`` what is downloaded."""

from skmolal.datasets._qm9_sample import load_qm9_sample

__all__ = ["load_qm9_sample"]
