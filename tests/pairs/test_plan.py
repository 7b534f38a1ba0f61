"""How many blocks, and what does not fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.errors import UserError
from coterie.pairs.plan import plan


def test_blocks_keep_the_cores_busy_where_memory_allows_any_number() -> None:
    assert [plan(100_000, 3_400_000, 10_000, 50, 4096, cores=cores).blocks for cores in (1, 2, 8, 64)] == [2, 2, 5, 14]


def test_few_rows_are_one_block() -> None:
    assert plan(900, 9_000, 100, 10, cores=64).blocks == 1


def test_less_memory_takes_more_blocks() -> None:
    assert [plan(1_000_000, 34_000_000, 10_000, 50, memory_mb).blocks for memory_mb in (4096, 1024, 512)] == sorted(
        {plan(1_000_000, 34_000_000, 10_000, 50, memory_mb).blocks for memory_mb in (4096, 1024, 512)}
    )


@given(rows=st.integers(1, 5 * 10**6), values=st.integers(1, 60), k=st.integers(1, 200), memory_mb=st.integers(1024, 8192))
def test_a_plan_stays_below_the_memory_it_was_given(rows: int, values: int, k: int, memory_mb: int) -> None:
    found = plan(rows, rows * values, 10_000, k, memory_mb)
    assert 1 <= found.blocks <= 1000
    assert found.memory_mb <= memory_mb


def test_what_cannot_fit_is_refused_with_the_arithmetic() -> None:
    # 60 million rows' ids alone: 60e6 x (20 + 40) bytes.
    with pytest.raises(UserError, match=r"60,000,000 rows with 600,000,000 values do not fit tasks of 1,024 MB: .* the ids of all rows 3,600 MB"):
        plan(60_000_000, 600_000_000, 10_000, 50)
