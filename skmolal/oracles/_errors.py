"""The one exception of a calculation that gave no result."""


class OracleError(RuntimeError):
    """A calculation gave no result; the message is one line with the program's own words.

    Not converged, an element without parameters, a charge that does not fit the spin, a result
    that is not finite: a failure of this molecule, from which a campaign goes on with the next.
    A missing package or an invalid parameter of the oracle, which would fail for every molecule,
    is an ``ImportError`` or a ``ValueError`` instead.

    Examples
    --------
    >>> from ase import Atoms
    >>> from skmolal.oracles import OracleError, XTBOracle
    >>> try:
    ...     XTBOracle()(Atoms("U"))
    ... except OracleError as error:
    ...     print(error)
    GFN2-xTB: No support for elements with Z >86.
    """


def one_line(words, limit=500):
    """Put a program's words on one line, the end of long ones."""
    words = " ".join(str(words).split())
    return words if len(words) <= limit else "... " + words[-limit:]
