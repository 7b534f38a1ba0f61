"""Neighbours among the rows of the nearest groups only: far less work than all pairs, and most of the neighbours."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from threadpoolctl import threadpool_limits

from coterie.pairs.between import top_between
from coterie.pairs.check import measured, refuse_count
from coterie.pairs.groups import Groups, projected
from coterie.pairs.kernels import Places, ordered
from coterie.pairs.merging import LISTS_DDL, Own, Part, lists, owned
from coterie.pairs.packing import Block, sparse_block, stacked, taken
from coterie.pairs.plan import plan
from coterie.pairs.products import SparseProducts
from coterie.pairs.rows import SparseRows
from coterie.pairs.search import Found, by_row, top
from coterie.pairs.tasks import block_of, computed, finished, packed

Sent = tuple[int, Block, Places, Places]  # block number, rows, (rows, probes) groups, the nearest first, and places in the block


def top_near(rows: DataFrame, k: int, groups: Groups, *, probes: int = 4, memory_mb: int = 1024, cores: int = 2, blocks: int | None = None) -> DataFrame:
    """As `top_within` gives for sparse rows and their cosine, but a row is compared only with those whose nearest group is one of its `probes` nearest.

    Scores are exact; lists may lack neighbours, and be shorter. Raises UserError as top_within does.
    """
    refuse_count(k)
    [size] = measured(rows)
    cut = blocks or plan(size.rows, size.entries, size.columns, k, memory_mb, id_bytes=size.id_bytes, cores=cores).blocks
    tasks = min(len(groups.centres), 2 * cut * cut)
    blocks_of = packed(rows.select(block_of("row_id", cut), "row_id", "column_id", "value"), cut, _packed, [[block] for block in range(cut)])
    sent = computed(blocks_of, cut, functools.partial(_sent, groups=groups, probes=probes, tasks=tasks, blocks=cut))
    compare = functools.partial(_compared, k=k, tasks=tasks)
    return finished(computed(sent, tasks + cut, compare), cut, functools.partial(_named, k=k), LISTS_DDL)


def recall(found: DataFrame, rows: DataFrame, k: int, *, sample_rows: int = 1000, seed: int = 1, memory_mb: int = 1024, cores: int = 2) -> float:
    """The share of the exact neighbours, by cosine, of a sample of the rows that `found`, as `top_near` gives it, holds; 1 where there are none.

    Instead of a neighbour another of the same score will do. The sample is drawn by a hash of the row id: about sample_rows of them.
    """
    [size] = measured(rows)
    is_drawn = F.pmod(F.xxhash64("row_id", F.lit(seed)), F.lit(max(1, size.rows // sample_rows))) == 0
    sample = rows.where(is_drawn)
    themselves = sample.select("row_id").distinct().select("row_id", F.col("row_id").alias("other_id"))
    exact = top_between(sample, rows, k, themselves, measure="cosine", memory_mb=memory_mb, cores=cores)
    wanted = exact.where(F.size("scores") > 0).select("row_id", F.size("scores").alias("wanted"), F.element_at("scores", -1).alias("least"))
    both = wanted.join(found.where(is_drawn).select("row_id", "scores"), "row_id", how="left")
    good = F.coalesce(F.size(F.filter("scores", lambda score: score >= F.col("least"))), F.lit(0))
    shares = both.agg(F.sum(F.least(good, F.col("wanted"))).alias("good"), F.sum("wanted").alias("wanted")).first()
    return float(shares["good"] / shares["wanted"]) if shares is not None and shares["wanted"] else 1.0


def _packed(table: pa.Table) -> Block:
    return sparse_block(table, "cosine", collapse=False)


def _sent(_task: int, objects: list[tuple[int, Block]], groups: Groups, probes: int, tasks: int, blocks: int) -> Iterator[tuple[int, Any]]:
    """To each task the rows that have one of its groups among their nearest; group g belongs to task g modulo tasks. To the merge the block's names."""
    for number, block in objects:
        with threadpool_limits(1, user_api="blas"):
            nearest = groups.nearest(projected(block), probes)
        for task in range(tasks):
            places = np.flatnonzero((nearest % tasks == task).any(axis=1))
            if len(places):
                yield task, (number, taken(block, places), nearest[places], places)
        yield tasks + number, (number, len(block.names), block.names)


def _compared(task: int, objects: list[Any], k: int, tasks: int) -> Iterator[tuple[int, Any]]:
    """For each block the best of this task's rows for each of its rows, as a part of the merge. Names are passed on."""
    if task >= tasks:
        number, _, names = objects[0]
        yield number, owned(names, 0, len(names))
        return
    sent: list[Sent] = objects
    whole, places_of = stacked([block for _, block, _, _ in sent])
    nearest = np.empty((len(places_of), sent[0][2].shape[1]), np.int64)
    nearest[places_of] = np.concatenate([groups for _, _, groups, _ in sent])
    rows, places, scores = (np.concatenate(part) for part in zip(*_group_by_group(whole, nearest, task, tasks, k), strict=True))
    order = np.argsort(rows, kind="stable")
    found = Found(*ordered(rows[order].astype(np.int32), places[order].astype(np.int32), scores[order], len(whole.rows), k, True))
    start = 0
    for number, block, _, at in sent:
        yield number, (at, found.of(places_of[start : start + len(block.rows)]), whole.names)
        start += len(block.rows)


def _group_by_group(whole: Block, nearest: Places, task: int, tasks: int, k: int) -> Iterator[tuple[Places, Places, Any]]:
    """(rows, places, scores) of the best of each of the task's groups for each row that is to be compared with it."""
    assert isinstance(whole.rows, SparseRows)
    for group in np.unique(nearest[nearest % tasks == task]):
        asking, there = np.flatnonzero((nearest == group).any(axis=1)), np.flatnonzero(nearest[:, 0] == group)
        itself = np.searchsorted(there, asking[np.isin(asking, there)])
        left_out = by_row(np.flatnonzero(np.isin(asking, there)), itself, len(asking))
        products = SparseProducts(taken(whole, asking).rows, taken(whole, there).rows)  # type: ignore[arg-type]
        found, _ = top(products, k, left_out=left_out, both=False)
        yield np.repeat(asking, np.diff(found.pointers)), there[found.places], found.scores


def _named(_task: int, objects: list[Any], k: int) -> Iterator[pa.RecordBatch]:
    own = next(one for one in objects if isinstance(one, Own))
    parts = [Part(_over_all(found, at, len(own.names)), names) for at, found, names in (one for one in objects if not isinstance(one, Own))]
    yield from lists(own, parts, k)


def _over_all(found: Found, at: Places, size: int) -> Found:
    """What was found for the rows `at` of a block, as of all its rows."""
    sizes = np.zeros(size, np.int64)
    sizes[at] = np.diff(found.pointers)
    return Found(np.concatenate(([0], np.cumsum(sizes))), found.places, found.scores)
