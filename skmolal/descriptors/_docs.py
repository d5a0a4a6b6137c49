"""What the transformers say of the parameters that they share."""

SHARED = {
    "species": """
        species : list of str or int, default=None
            Chemical symbols or atomic numbers of all elements that may occur. None: those of the
            molecules given to `fit`.
        """,
    "periodic": """
        periodic : bool, default=False
            Whether to respect the boundary conditions (``atoms.pbc``) of each molecule.
        """,
    "handle_unknown": """
        handle_unknown : {"error", "ignore"}, default="error"
            What to do about an element that is not in `species_`: refuse the molecule, or leave
            its atoms out as if they were not there.
        """,
    "sparse": """
        sparse : bool, default=False
            Whether to return a CSR matrix.
        """,
    "dtype": """
        dtype : {"float32", "float64"} or type, default="float32"
            Type of the features. They are computed in float64 in any case.
        """,
    "workers": """
        n_jobs : int, default=None
            Number of worker processes. None means 1 unless in a :obj:`joblib.parallel_config`
            context, -1 all processors.
        verbose : bool, default=False
            Whether to show a progress bar.
        """,
    "average": """
        average : {"mean", "sum"}, default="mean"
            Whether the features are the mean or the sum over atoms.
        """,
    "per_species": """
        per_species : bool, default=True
            Whether the atoms of each element are averaged by themselves, in columns of their own:
            the descriptor of an atom does not tell which element it is. An element that a molecule
            does not have gives zeros.
        """,
    "species_": """
        species_ : ndarray of str
            Chemical symbols of the elements described, lightest first.
        """,
}
