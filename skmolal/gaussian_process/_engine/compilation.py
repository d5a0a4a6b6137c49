"""Compile functions of arrays, those of small arrays in less time.

The loops that XLA makes for processors nowadays take twice as long to compile as those that it
made before. Of arrays that a processor's cache holds, both run equally long: the kernel between 256
and 256 molecules (300 features) takes 1.0 ms with either, and 140 or 105 ms to compile, on all
cores 220 or 110. Of large ones the new loops gain 5%, in a prediction of 20,000 molecules from
4,000.
"""

from functools import cache, wraps
from inspect import signature

import jax

__all__ = ["compiled"]

SMALL = 2**18  # numbers in all arguments
QUICKLY = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
    "xla_backend_optimization_level": 1,
}


def compiled(function, **options):
    """Compile a function like :func:`jax.jit`, with its `options`.

    Called by another that is being compiled, it becomes a part of it.
    """
    thorough = jax.jit(function, **options)
    quick = None
    names = options.get("static_argnames", ())
    static = [i for i, name in enumerate(signature(function).parameters) if name in names]

    @wraps(function)
    def call(*args):
        nonlocal quick
        n_numbers = 0
        for leaf in jax.tree.leaves([arg for i, arg in enumerate(args) if i not in static]):
            if isinstance(leaf, jax.core.Tracer):
                return function(*args)
            n_numbers += getattr(leaf, "size", 1)
        if n_numbers > SMALL or not _knows_options():
            return thorough(*args)
        if quick is None:
            quick = jax.jit(function, compiler_options=QUICKLY, **options)
        return quick(*args)

    return call


@cache
def _knows_options():
    """Tell whether this version of JAX has the options: they are not part of its interface."""
    if jax.devices()[0].platform != "cpu":
        return False
    try:
        jax.jit(lambda: 0, compiler_options=QUICKLY)()
    except (TypeError, RuntimeError):
        return False
    return True
