"""A campaign as one HTML file that needs no network."""

from skmolal.report._render import write_report

__all__ = ["write_report"]
