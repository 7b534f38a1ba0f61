"""Rows of one side against those of another, customers against items or new rows against old ones: the best of each, or all that are near."""

import functools
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.errors import UserError
from coterie.pairs.check import is_dense, measured, refuse_count
from coterie.pairs.merging import LISTS_DDL, Part, lists, owned
from coterie.pairs.packing import Block, beside, dense_block, numbered, sparse_block
from coterie.pairs.plan import plan
from coterie.pairs.ranges import PAIRS_DDL
from coterie.pairs.rows import SparseRows
from coterie.pairs.search import LeftOut, by_row, in_range, top
from coterie.pairs.tasks import block_of, computed, finished, packed
from coterie.pairs.within import Measure, cuts

_LEFT, _RIGHT = 0, 1
_RANGE_BLOCKS = 8  # of the left side, at most, while memory asks for no more: enough for the cores of most machines


def top_between(
    left: DataFrame,
    right: DataFrame,
    k: int,
    exclude: DataFrame | str | None = None,
    *,
    measure: Measure = "dot",
    memory_mb: int = 1024,
    cores: int = 2,
    blocks: tuple[int, int] | None = None,
) -> DataFrame:
    """(row_id, neighbours array<string>, scores array<double>): for each row id of the left side the k rows of the right with the highest scores, exactly.

    Both sides are sparse, or both dense, as for `within.top_within`, whose scores and order these are. exclude: what must not be found for
    a row, as a frame (row_id, other_id), or with dense rows as the name of a column of `left`, array<string>; null is nothing. A right row with
    the left row's id is a row like any other.

    Both frames are read twice. blocks: of the left and the right side, instead of what `plan` finds with half of memory_mb for each side.
    Raises UserError where values cannot be used, the two sides do not go together, or do not fit.
    """
    refuse_count(k)
    dense = is_dense(left)
    sizes = measured(left, right)
    if dense != is_dense(right) or (dense and sizes[0].entries and sizes[1].entries and sizes[0].columns != sizes[1].columns):
        raise UserError(f"the sides do not go together: {', '.join(left.columns)} ({sizes[0].columns}) and {', '.join(right.columns)} ({sizes[1].columns})")
    plans = [
        plan(size.rows, size.entries, size.columns, k if side == _LEFT else 1, memory_mb // 2, id_bytes=size.id_bytes, cores=0)
        for side, size in enumerate(sizes)
    ]
    cut = blocks or (max(plans[_LEFT].blocks, min(2 * cores // plans[_RIGHT].blocks, sizes[0].rows // 1000)), plans[_RIGHT].blocks)
    rows = _with_left_out(left, exclude) if dense else _beside_left_out(left, exclude)
    both = _blocks(rows, right, cut, measure)
    if cut[1] == 1:
        return finished(both, cut[0], functools.partial(_listed, k=k), LISTS_DDL)
    compare = functools.partial(_compared, k=k, pieces=plans[_LEFT].pieces)
    return finished(computed(both, cut[0] * cut[1], compare), cut[0] * plans[_LEFT].pieces, functools.partial(_named, k=k), LISTS_DDL)


def between_range(left: DataFrame, right: DataFrame, threshold: float, *, memory_mb: int = 1024, blocks: tuple[int, int] | None = None) -> DataFrame:
    """(row_id, other_id, score): every row of the left and every row of the right side, both dense, with a dot product of at least `threshold`.

    Rows, scores and their rounding are those of `top_between`. Raises UserError as it does.
    """
    sizes = measured(left, right)
    plans = [plan(size.rows, size.entries, size.columns, 1, memory_mb // 2, id_bytes=size.id_bytes, cores=0) for size in sizes]
    cut = blocks or (max(plans[_LEFT].blocks, min(_RANGE_BLOCKS, sizes[0].rows // 1000)), plans[_RIGHT].blocks)
    both = _blocks(left.select("row_id", "factors"), right, cut, "dot")
    return finished(both, cut[0] * cut[1], functools.partial(_near, threshold=threshold), PAIRS_DDL)


def _near(_task: int, objects: list[tuple[int, tuple[int, Block]]], threshold: float) -> Iterator[pa.RecordBatch]:
    sides = _sides(objects)
    if len(sides) == 2:
        left, right = sides[_LEFT][1], sides[_RIGHT][1]
        for rows, places, scores in in_range(beside(left, right), threshold):
            ids = (side.names.ids.take(pa.array(side.names.members[side.names.pointers[of]])) for side, of in ((left, rows), (right, places)))
            yield pa.RecordBatch.from_arrays([*(names.cast(pa.string()) for names in ids), pa.array(scores)], ["row_id", "other_id", "score"])


def _blocks(rows: DataFrame, right: DataFrame, cut: tuple[int, int], measure: Measure) -> DataFrame:
    """(task, payload): each block of the left side beside each of the right."""
    dense = is_dense(right)
    pack = functools.partial(dense_block if dense else _sparse_with_left_out, measure=measure)
    left_tasks = [[i * cut[1] + j for j in range(cut[1])] for i in range(cut[0])]
    right_tasks = [[i * cut[1] + j for i in range(cut[0])] for j in range(cut[1])]
    blocks_left = packed(rows.select(block_of("row_id", cut[0]), "*"), cut[0], functools.partial(_sided, pack=pack, side=_LEFT), left_tasks)
    columns = ["row_id", "factors"] if dense else ["row_id", "column_id", "value"]
    right_rows = right.select(block_of("row_id", cut[1]), *columns)
    pack = functools.partial(dense_block, measure=measure) if dense else functools.partial(sparse_block, measure=measure, collapse=False)
    blocks_right = packed(right_rows, cut[1], functools.partial(_sided, pack=pack, side=_RIGHT), right_tasks)
    return blocks_left.unionByName(blocks_right)


def _with_left_out(left: DataFrame, exclude: DataFrame | str | None) -> DataFrame:
    """(row_id, factors, left_out array<string>) of dense rows; without left_out where nothing is excluded."""
    if exclude is None:
        return left.select("row_id", "factors")
    if isinstance(exclude, str):
        return left.select("row_id", "factors", _filled(exclude))
    lists = exclude.groupBy("row_id").agg(F.collect_list("other_id").alias("left_out"))
    return left.select("row_id", "factors").join(lists, "row_id", how="left").select("row_id", "factors", _filled("left_out"))


def _filled(column: str) -> Any:
    return F.coalesce(F.array_compact(column), F.array().cast("array<string>")).alias("left_out")


def _beside_left_out(left: DataFrame, exclude: DataFrame | str | None) -> DataFrame:
    """(row_id, column_id, value, is_out): of sparse rows the cells, and after them what is excluded, other_id as column_id."""
    if isinstance(exclude, str):
        raise UserError(f"sparse rows have no column {exclude!r} of what is left out; give a frame (row_id, other_id)")
    cells = left.select("row_id", "column_id", F.col("value").cast("double").alias("value"), F.lit(False).alias("is_out"))
    if exclude is None:
        return cells
    return cells.unionByName(exclude.select("row_id", F.col("other_id").alias("column_id"), F.lit(0.0).alias("value"), F.lit(True).alias("is_out")))


def _sparse_with_left_out(table: pa.Table, measure: str) -> Block:
    block = sparse_block(table.filter(pc.invert(table["is_out"])), measure, collapse=False)
    out = table.filter(table["is_out"])
    rows = pc.index_in(out["row_id"].cast(pa.large_string()), value_set=block.names.ids).combine_chunks()
    known = rows.is_valid().to_numpy(zero_copy_only=False)
    out_of, out_ids = numbered(out["column_id"])
    return Block(block.names, block.rows, block.columns, (rows.drop_null().to_numpy(), out_of[known], out_ids))


def _sided(table: pa.Table, pack: Any, side: int) -> tuple[int, Block]:
    return side, pack(table)


def _sides(objects: list[tuple[int, tuple[int, Block]]]) -> dict[int, tuple[int, Block]]:
    return {side: (number, block) for number, (side, block) in objects}


def _part(left: Block, right: Block, k: int) -> Part:
    found, _ = top(beside(left, right), k, positive=isinstance(left.rows, SparseRows), left_out=_left_out(left, right), both=False)
    return Part(found, right.names)


def _left_out(left: Block, right: Block) -> LeftOut | None:
    """What is left out of the left rows, by its place on the right."""
    if left.left_out is None:
        return None
    rows, out_of, out_ids = left.left_out
    places = pc.index_in(out_ids, value_set=right.names.ids).fill_null(-1).to_numpy(zero_copy_only=False)[out_of]
    return by_row(rows[places >= 0], places[places >= 0], len(left.rows))


def _listed(_task: int, objects: list[tuple[int, tuple[int, Block]]], k: int) -> Iterator[pa.RecordBatch]:
    """The lists of a left block, where the right side is one block, or has no rows at all."""
    sides = _sides(objects)
    if _LEFT in sides:
        _, left = sides[_LEFT]
        yield from lists(owned(left.names, 0, len(left.names)), [_part(left, sides[_RIGHT][1], k)] if _RIGHT in sides else [], k)


def _compared(_task: int, objects: list[tuple[int, tuple[int, Block]]], k: int, pieces: int) -> Iterator[tuple[int, Any]]:
    """For each piece of the left block's rows: (task of the merge, (own rows, part))."""
    sides = _sides(objects)
    if _LEFT not in sides:
        return
    number, left = sides[_LEFT]
    part = _part(left, sides[_RIGHT][1], k) if _RIGHT in sides else None
    for piece, (start, stop) in enumerate(cuts(len(left.rows), pieces)):
        yield number * pieces + piece, (owned(left.names, start, stop), part and Part(part.found.part(start, stop), part.names))


def _named(_task: int, objects: list[tuple[Any, Part | None]], k: int) -> Iterator[pa.RecordBatch]:
    if objects:
        yield from lists(objects[0][0], [part for _, part in objects if part is not None], k)
