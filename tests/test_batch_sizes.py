"""Schedules: how many labels each round asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skmolal.batch_sizes import as_schedule, constant, power_law


@given(total=st.integers(1, 500), size=st.integers(1, 100))
def test_constant_batches_sum_to_the_total(total, size):
    sizes = constant(total, size)
    assert sum(sizes) == total
    assert set(sizes[:-1]) <= {size}
    assert 0 < sizes[-1] <= size


@given(n_initial=st.integers(1, 50), n_batches=st.integers(1, 6), base=st.integers(2, 4))
def test_power_law_multiplies_the_training_set(n_initial, n_batches, base):
    n_labelled = n_initial
    for size in power_law(n_initial, n_batches, base):
        n_labelled += size
        assert n_labelled % base == 0
    assert n_labelled == n_initial * base**n_batches


@pytest.mark.parametrize("call", [lambda v: constant(v, 1), lambda v: power_law(1, v)])
@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "3", None])
def test_sizes_are_positive_integers(call, wrong):
    with pytest.raises(ValueError, match="must be a positive integer"):
        call(wrong)


def test_base_one_does_not_grow():
    with pytest.raises(ValueError, match="base must be an integer of at least 2"):
        power_law(10, 2, base=1)


@pytest.mark.parametrize("wrong", ["abc", 5, 0.5])
def test_batch_sizes_that_are_no_sequence_are_refused(wrong):
    with pytest.raises(ValueError, match="batch_sizes must be a sequence"):
        as_schedule(wrong, 10)


def test_a_wrong_size_is_named_by_position():
    with pytest.raises(ValueError, match=r"batch_sizes\[1\] must be a positive integer, got 0"):
        as_schedule([5, 0], 10)
