"""Packages that only some users need."""

from importlib import import_module


def import_optional(module, user, package=None):
    """Import a module, or say how to install it.

    Parameters
    ----------
    module : str
        What to import, such as ``"tblite.interface"``.
    user : str
        What needs it, the first words of the message.
    package : str, default=None
        The name to install it by, that of the module unless given. Not an extra of this project:
        that name is unknown to an index on which the project is not.

    Returns
    -------
    module : module
        The imported module.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    top = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != top:
            raise  # it is there, and misses something itself
        package = package or top
        raise ImportError(f"{user} needs {package}: python -m pip install {package}") from error
