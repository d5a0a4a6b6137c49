"""Utilities from a confidence interval: optimism, and doubt about a threshold."""

import numpy as np

from skmolal.acquisition._checks import check_posterior

__all__ = ["straddle", "upper_confidence_bound"]


def straddle(mean, std, threshold, kappa=1.96):
    """Compute how likely each value is to be on either side of a threshold.

    The utility of level-set estimation: high where the posterior is uncertain and its mean is
    near the threshold [1]_. The randomised straddle draws `kappa` anew for each query, as the
    square root of a chi-squared variable with two degrees of freedom [2]_.

    Parameters
    ----------
    mean : array-like of shape (n_samples,)
        Posterior mean.
    std : array-like of shape (n_samples,)
        Posterior standard deviation, not negative.
    threshold : float
        The level whose crossing is sought.
    kappa : float, default=1.96
        Weight of the standard deviation.

    Returns
    -------
    utility : ndarray of shape (n_samples,)
        ``kappa * std - |mean - threshold|``: positive where the threshold lies within `kappa`
        standard deviations of the mean.

    References
    ----------
    .. [1] B. Bryan et al., "Active learning for identifying function threshold boundaries",
       Advances in Neural Information Processing Systems 18, 2005.
    .. [2] Y. Inatsu, S. Takeno, K. Kutsukake and I. Takeuchi, "Active learning for level set
       estimation using randomized straddle algorithms", 2024, arXiv:2408.03144.

    Examples
    --------
    >>> from skmolal.acquisition import straddle
    >>> straddle([0.0, 2.0], [1.0, 1.0], threshold=0.0)
    array([ 1.96, -0.04])
    """
    mean, std = check_posterior(mean, std)
    return kappa * std - np.abs(mean - threshold)


def upper_confidence_bound(mean, std, kappa=1.96, maximize=True):
    """Compute an optimistic estimate of each value.

    Parameters
    ----------
    mean : array-like of shape (n_samples,)
        Posterior mean.
    std : array-like of shape (n_samples,)
        Posterior standard deviation, not negative.
    kappa : float, default=1.96
        Weight of the standard deviation, beta to the power 1/2 in [1]_.
    maximize : bool, default=True
        Whether large values are sought. If False, small ones are, and the utility is the lower
        confidence bound with its sign turned.

    Returns
    -------
    utility : ndarray of shape (n_samples,)
        ``kappa * std + mean``, or ``kappa * std - mean`` to minimise.

    References
    ----------
    .. [1] N. Srinivas et al., "Information-theoretic regret bounds for Gaussian process
       optimization in the bandit setting", IEEE Trans. Inf. Theory 58, 3250, 2012,
       doi:10.1109/TIT.2011.2182033.

    Examples
    --------
    >>> from skmolal.acquisition import upper_confidence_bound
    >>> upper_confidence_bound([0.0, 2.0], [1.0, 0.0])
    array([1.96, 2.  ])
    """
    mean, std = check_posterior(mean, std)
    return kappa * std + (mean if maximize else -mean)
