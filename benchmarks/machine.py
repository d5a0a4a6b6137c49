"""What a benchmark says of the machine it ran on."""

import os
import platform
import time
from pathlib import Path

import numpy as np

_SIDE, _REPEATS = 2048, 8
ISA_FLAG = "--xla_cpu_max_isa="
# Products are by YNNPACK, which takes the widest instructions whatever that flag says. Without it
# they are by Eigen in float64, 10% slower than by YNNPACK's AVX2 loops, and by oneDNN in float32.
NO_YNNPACK = "--xla_cpu_experimental_ynn_fusion_type="


def describe_machine():
    """Name the processor, its cores, what instructions XLA and BLAS may use, and the load."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, {instruction_set()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def instruction_set():
    """Name the widest instructions in use: those of the processor, or what limits XLA to fewer.

    A processor with AVX-512 becomes one with AVX2 by
    ``export XLA_FLAGS="--xla_cpu_max_isa=AVX2 --xla_cpu_experimental_ynn_fusion_type="`` and
    ``export ONEDNN_MAX_CPU_ISA=AVX2 OPENBLAS_CORETYPE=Haswell``.
    """
    flags = os.environ.get("XLA_FLAGS", "").split()
    for flag in flags:
        if flag.startswith(ISA_FLAG):
            limited = NO_YNNPACK in flags and os.environ.get("ONEDNN_MAX_CPU_ISA") == "AVX2"
            products = "" if limited else " but for products"
            blas = os.environ.get("OPENBLAS_CORETYPE", "not limited")
            return f"XLA limited to {flag.removeprefix(ISA_FLAG)}{products}, OpenBLAS {blas}"
    try:
        processor = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    known = {"avx512f": "AVX-512", "avx2": "AVX2", "asimd": "NEON"}
    return next((name for flag, name in known.items() if flag in processor), platform.machine())


def product_rate(dtype):
    """Rate of a matrix product in GFLOP/s: the better of XLA's and of NumPy's BLAS."""
    import jax
    import jax.numpy as jnp

    from skmolal.gaussian_process._engine.precision import numerics

    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(_SIDE, _SIDE)).astype(dtype) for _ in range(2))
    with numerics():
        left, right = jnp.asarray(a), jnp.asarray(b)
        multiply = jax.jit(jnp.matmul)
        times = [
            *_times(lambda: multiply(left, right).block_until_ready()),
            *_times(lambda: np.matmul(a, b)),
        ]
    return 2 * _SIDE**3 / min(times) / 1e9


def _times(function):
    function()
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return times
