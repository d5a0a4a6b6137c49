"""``skmolal describe``: a library of SMILES on disk."""

import sys

from skmolal.cli._model import make_descriptor

__all__ = ["describe"]


def describe(options):
    """Describe SMILES files, or go on with it."""
    from skmolal.library import describe_library

    library = describe_library(
        options.files,
        make_descriptor(None, options.descriptor),
        options.out,
        smiles_column=options.smiles_column,
        name_column=options.id,
        n_jobs=options.n_jobs,
        verbose=not options.quiet and sys.stderr.isatty(),
    )
    n_left_out = library.n_read - len(library)
    left_out = f", {n_left_out:,} records left out" if n_left_out else ""
    print(
        f"{options.out}: {len(library):,} molecules{left_out}; next: "
        f"skmolal new CAMPAIGN --library {options.out} --descriptor {options.descriptor}"
    )
