"""The JAX settings under which the Gaussian process computes, whatever the user's program set.

JAX computes in float32 unless its global flag ``jax_enable_x64`` is on, and a library must not
touch a global flag. Every public method therefore enters :func:`numerics`, which holds for the
current thread and the duration of a ``with`` block only.
"""

from contextlib import ExitStack, contextmanager

import jax
import numpy as np

try:  # public since JAX 0.8; its predecessor is deprecated there
    from jax import enable_x64 as _enable_x64
except ImportError:
    from jax.experimental import enable_x64 as _enable_x64

__all__ = ["DeviceState", "numerics", "put"]


@contextmanager
def numerics():
    """Allow float64, and neutralise strict or debugging flags of the user's program.

    A failed Cholesky factor is NaN by design and is checked for, so ``jax_debug_nans`` must not
    stop it. Matrix products state their precision themselves.
    """
    with ExitStack() as stack:
        stack.enter_context(_enable_x64(True))
        stack.enter_context(jax.numpy_dtype_promotion("standard"))
        stack.enter_context(jax.numpy_rank_promotion("allow"))
        stack.enter_context(jax.debug_nans(False))
        yield


def put(arrays):
    """Put host arrays on the device, where they may share memory: nobody may change them later.

    ``jnp.asarray`` may share it as well, and compiles a function for each shape. A call takes
    about 50 us, whether for one array or for a tree of them.
    """
    return jax.device_put(arrays)


class DeviceState:
    """Pickle attributes that hold device arrays as host arrays.

    JAX's own pickling would read a float64 array back as float32 where x64 is off.
    """

    _device_attributes = ()

    def __getstate__(self):
        state = dict(self.__dict__)
        for name in self._device_attributes:
            state[name] = jax.tree.map(np.asarray, state[name])
        return state

    def __setstate__(self, state):
        with numerics():
            for name in self._device_attributes:
                state[name] = put(state[name])
        self.__dict__.update(state)
