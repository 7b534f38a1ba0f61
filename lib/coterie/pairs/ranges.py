"""All pairs of rows with a score above a threshold, as density clustering needs them."""

import functools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from coterie.errors import UserError
from coterie.pairs.check import is_dense, measured
from coterie.pairs.kernels import Floats, Places
from coterie.pairs.packing import Block, Names, beside
from coterie.pairs.plan import plan
from coterie.pairs.rows import SparseRows, spread
from coterie.pairs.search import in_range
from coterie.pairs.tasks import finished
from coterie.pairs.within import Measure, blocks_of, pair_of, pairs_of

_PAIRS = pa.schema([("row_id", pa.string()), ("other_id", pa.string()), ("score", pa.float64())])
PAIRS_DDL = "row_id string, other_id string, score double"
_AT_ONCE = 2**18  # pairs made of ids at a time
_BATCH_BYTES = 2**26


def within_range(
    rows: DataFrame, threshold: float, *, measure: Measure = "cosine", memory_mb: int = 1024, cores: int = 2, blocks: int | None = None
) -> DataFrame:
    """(row_id, other_id, score): every two different rows with a score of at least `threshold`, each pair once, row_id the smaller.

    rows, scores and the order of ids are those of `within.top_within`; scores are rounded to 12 decimals before they are compared. With sparse
    rows the threshold must be above 0. The result has as many rows as there are such pairs: ten thousand rows of the same content are fifty million.
    Raises UserError where values cannot be used, the threshold cannot be, or the rows do not fit.
    """
    if not is_dense(rows) and not 0 < threshold < np.inf:
        raise UserError(f"the threshold is {threshold}; with sparse rows nearly all pairs have a score of 0: give one above it")
    if not -np.inf < threshold < np.inf:
        raise UserError(f"the threshold is {threshold}; expected a number")
    [size] = measured(rows)
    cut = blocks or plan(size.rows, size.entries, size.columns, 1, memory_mb, id_bytes=size.id_bytes, cores=cores).blocks
    find = functools.partial(_found, threshold=threshold, pairs=pairs_of(cut))
    return finished(blocks_of(rows, measure, cut), len(pairs_of(cut)), find, PAIRS_DDL)


def _found(task: int, objects: list[tuple[int, Block]], threshold: float, pairs: list[tuple[int, int]]) -> Iterator[pa.RecordBatch]:
    both = pair_of(objects, pairs[task])
    if both is None:
        return
    left, right = both
    itself = left is right
    products = beside(left, right)
    for rows, places, scores in in_range(products, threshold, itself=itself):
        yield from _named(left.names, right.names, rows, places, scores)
    if itself and isinstance(left.rows, SparseRows):
        crowds = np.flatnonzero(np.diff(left.names.pointers) > 1).astype(np.int32)  # several rows of the same content
        scores = products.exact(crowds, crowds)
        near = scores >= threshold
        yield from _named(left.names, right.names, crowds[near], crowds[near], scores[near], within=True)


def _named(left: Names, right: Names, rows: Places, places: Places, scores: Floats, within: bool = False) -> Iterator[pa.RecordBatch]:
    """The pairs of places as pairs of ids: each id of the one with each of the other; within: each two ids of one place."""
    sizes = np.diff(left.pointers)[rows]
    one, pair = spread(left.pointers[rows], sizes)[0], np.repeat(np.arange(len(rows)), sizes)
    others = np.diff(right.pointers)[places][pair]
    ends = np.cumsum(others)
    start = 0
    while start < len(one):
        before = ends[start] - others[start]
        stop = max(start + 1, int(np.searchsorted(ends, before + _AT_ONCE, side="right")))
        some, count = slice(start, stop), others[start:stop]
        first = np.repeat(left.members[one[some]], count)
        second = right.members[spread(right.pointers[places[pair[some]]], count)[0]]
        kept = first < second if within else np.ones(len(first), bool)
        score = np.repeat(scores[pair[some]], count)[kept]
        yield from _batches(left.ids.take(pa.array(first[kept])), right.ids.take(pa.array(second[kept])), score)
        start = stop


def _batches(first: pa.Array, second: pa.Array, scores: Floats) -> Iterator[pa.RecordBatch]:
    if not len(scores):
        return
    longest = max(pc.max(pc.binary_length(ids)).as_py() for ids in (first, second))
    at_once = int(np.clip(_BATCH_BYTES // (2 * longest + 16), 1, _AT_ONCE))
    is_smaller = pc.less(first, second)
    small, large = pc.if_else(is_smaller, first, second), pc.if_else(is_smaller, second, first)
    for start in range(0, len(scores), at_once):
        some = slice(start, start + at_once)
        yield pa.RecordBatch.from_arrays([small[some].cast(pa.string()), large[some].cast(pa.string()), pa.array(scores[some])], schema=_PAIRS)
