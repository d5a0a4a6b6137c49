"""Leave out the examples of docstrings whose program is not installed, and say so."""

from importlib.util import find_spec

_EXAMPLES = {
    "tblite": [
        "skmolal/descriptors/_xtb.py",
        "skmolal/oracles/_cache.py",
        "skmolal/oracles/_errors.py",
        "skmolal/oracles/_xtb.py",
    ],
    "pyscf": ["skmolal/oracles/_pyscf.py"],
}
_MISSING = [package for package in _EXAMPLES if find_spec(package) is None]
collect_ignore = [path for package in _MISSING for path in _EXAMPLES[package]]


def pytest_report_header():
    """Name what is missing."""
    return [
        f"{package} is not installed: its tests and examples are left out" for package in _MISSING
    ]
