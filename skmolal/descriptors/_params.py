"""Settings inside the terms of an MBTR as parameters of the estimator: ``k2__grid__sigma``."""

from copy import deepcopy

from skmolal.descriptors._terms import TERMS, expand_term

_SETTINGS = {
    "geometry": ("function",),
    "grid": ("min", "max", "n", "sigma"),
    "weighting": ("function", "scale", "threshold", "r_cut", "sharpness"),
}


class TermParamsMixin:
    """Adds the settings inside k1, k2 and k3 to the parameters of an estimator."""

    _terms = TERMS

    def get_params(self, deep=True):
        """Get parameters for this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to list the settings inside the terms too, like ``k2__grid__sigma``.

        Returns
        -------
        params : dict
            Parameter names mapped to their values.
        """
        params = super().get_params(deep=False)
        if deep:
            for term in self._terms:
                params |= _nested_params(term, params[term])
        return params

    def set_params(self, **params):
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Parameters, also settings inside the terms like ``k2__grid__sigma``. Whole terms are
            set before groups of settings like ``k2__grid``, and those before single settings.
            A dict that was passed as a term is not changed: it is replaced by a copy.

        Returns
        -------
        self : object
            This estimator.

        Raises
        ------
        ValueError
            If there is no such parameter, or if a setting is inside a term that is None.
        """
        nested = {key: value for key, value in params.items() if "__" in key}
        terms = {term: params.get(term, getattr(self, term)) for term in self._terms}
        for key in sorted(nested, key=lambda key: key.count("__")):
            term, *path = key.split("__")
            if term not in self._terms:
                raise ValueError(
                    f"Invalid parameter {key!r} for estimator {type(self).__name__}: only "
                    f"{list(self._terms)} have settings inside"
                )
            terms[term] = _replace_setting(term, terms[term], path, nested[key])
        plain = {key: value for key, value in params.items() if key not in nested}
        changed = {key.split("__")[0] for key in nested}
        return super().set_params(**plain | {term: terms[term] for term in changed})


def _nested_params(name, value):
    """List the settings inside a term as ``{"k2__grid": {...}, "k2__grid__sigma": 0.02, ...}``."""
    term = expand_term(name, value)
    params = {}
    for group, settings in term.items() if isinstance(term, dict) else ():
        params[f"{name}__{group}"] = settings
        if isinstance(settings, dict):
            params |= {f"{name}__{group}__{key}": value for key, value in settings.items()}
    return params


def _replace_setting(name, value, path, setting):
    """Return a copy of the term `value` with one group or one setting of a group replaced."""
    key = "__".join((name, *path))
    group = path[0]
    if group not in _SETTINGS or len(path) > 2 or (path[1:] and path[1] not in _SETTINGS[group]):
        known = [f"{name}__{g}" for g in _SETTINGS]
        known += [f"{name}__{g}__{s}" for g, settings in _SETTINGS.items() for s in settings]
        raise ValueError(f"Invalid parameter {key!r}: the settings of {name} are {known}")
    term = expand_term(name, value)
    if not isinstance(term, dict):
        raise ValueError(
            f"cannot set {key}: {name} is {term!r}; set {name}='default' or a dict first"
        )
    if len(path) == 1:
        term[group] = deepcopy(setting)
        return term
    if not isinstance(term.get(group), dict):
        raise ValueError(
            f"cannot set {key}: {name}__{group} is {term.get(group)!r}; set it to a dict first"
        )
    term[group][path[1]] = setting
    return term
