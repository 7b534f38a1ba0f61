"""The best of all other rows for each row."""

import functools
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from coterie.pairs.check import is_dense, measured, refuse_count
from coterie.pairs.merging import LISTS_DDL, Part, lists, owned
from coterie.pairs.packing import Block, beside, dense_block, sparse_block
from coterie.pairs.plan import Plan, plan
from coterie.pairs.rows import SparseRows
from coterie.pairs.search import top
from coterie.pairs.tasks import block_of, computed, finished, packed

Measure = Literal["cosine", "dot"]


def top_within(rows: DataFrame, k: int, *, measure: Measure = "cosine", memory_mb: int = 1024, cores: int = 2, blocks: int | None = None) -> DataFrame:
    """(row_id, neighbours array<string>, scores array<double>): for each row id the k other rows with the highest scores, exactly.

    rows: sparse, (row_id string, column_id string, value double from 0 on; several values of one cell are added up), or dense, (row_id,
    factors array<float>; ids are unique). The score is the rows' cosine or dot product, in float64, rounded to 12 decimals; neighbours are
    ordered by it, descending, then by id, in the order in which Spark compares strings. Sparse rows have only neighbours with a score above 0
    (a dot product below 1e-38 of the largest possible counts as 0), so lists may be shorter than k, or empty; dense rows have any.

    The frame is read twice: at once, by an aggregate that checks and measures it, and when the result is used. `plan` chooses the blocks from memory_mb,
    what a task may hold, and the cores, unless `blocks` says how many; the result does not depend on them.
    Raises UserError where values cannot be used (see `check.measured`) or the rows do not fit.
    """
    refuse_count(k)
    [size] = measured(rows)
    chosen = plan(size.rows, size.entries, size.columns, k, memory_mb, id_bytes=size.id_bytes, cores=cores)
    if blocks is not None:
        chosen = Plan(blocks, chosen.pieces, chosen.memory_mb)
    pairs = pairs_of(chosen.blocks)
    compare = functools.partial(_compared, k=k, pieces=chosen.pieces, pairs=pairs)
    parts = computed(blocks_of(rows, measure, chosen.blocks), len(pairs), compare)
    return finished(parts, chosen.blocks * chosen.pieces, functools.partial(_named, k=k), LISTS_DDL)


def blocks_of(rows: DataFrame, measure: Measure, blocks: int) -> DataFrame:
    """(task, payload): the rows in blocks, each block once for each task of `pairs_of` that needs it."""
    tasks_of: list[list[int]] = [[] for _ in range(blocks)]
    for task, pair in enumerate(pairs_of(blocks)):
        for block in set(pair):
            tasks_of[block].append(task)
    columns, pack = (["factors"], dense_block) if is_dense(rows) else (["column_id", "value"], sparse_block)
    return packed(rows.select(block_of("row_id", blocks), "row_id", *columns), blocks, functools.partial(pack, measure=measure), tasks_of)


def pairs_of(blocks: int) -> list[tuple[int, int]]:
    """Each two blocks once, and each with itself, which is half the work: Spark starts tasks in this order, so the large ones come first."""
    return [(i, j) for i in range(blocks) for j in range(i + 1, blocks)] + [(i, i) for i in range(blocks)]


def pair_of(objects: list[tuple[int, Block]], pair: tuple[int, int]) -> tuple[Block, Block] | None:
    """The two blocks of a task, or one and the same twice; None where a block is empty."""
    blocks = dict(objects)
    return (blocks[pair[0]], blocks[pair[1]]) if blocks.keys() >= set(pair) else None


def _compared(task: int, objects: list[tuple[int, Block]], k: int, pieces: int, pairs: list[tuple[int, int]]) -> Iterator[tuple[int, Any]]:
    """For each block of the task and each piece of its rows: (task of the merge, (own rows or None, part))."""
    both = pair_of(objects, pairs[task])
    if both is None:
        return
    (first, second), (left, right) = pairs[task], both
    itself = left is right
    products = beside(left, right)
    is_sparse = isinstance(left.rows, SparseRows)
    found = top(products, k, itself=itself, positive=is_sparse)
    # Rows of the same content share a place, and each is the others' best neighbour. Dense rows do not.
    rows = np.arange(len(left.rows), dtype=np.int32)
    own = products.exact(rows, rows) if itself and is_sparse else np.zeros(len(rows))
    sides = [(first, left, right, found[0])] + ([] if itself else [(second, right, left, found[1])])
    for number, block, other, of_block in sides:
        for piece, (start, stop) in enumerate(cuts(len(block.rows), pieces)):
            part = Part(of_block.part(start, stop), other.names, own[start:stop] if itself else None)
            yield number * pieces + piece, (owned(block.names, start, stop) if itself else None, part)


def cuts(rows: int, pieces: int) -> list[tuple[int, int]]:
    """(first, last + 1) of each of the pieces that rows are cut into, as even as can be."""
    return [(rows * piece // pieces, rows * (piece + 1) // pieces) for piece in range(pieces)]


def _named(_task: int, objects: list[tuple[Any, Part]], k: int) -> Iterator[pa.RecordBatch]:
    """The lists of a piece. Parts come in any order: the result does not depend on it."""
    own = next((own for own, _ in objects if own is not None), None)
    if own is not None:
        yield from lists(own, [part for _, part in objects], k)
