"""Blocks as rows of a frame, and one task to a partition: what the jobs of this package have in common.

A block, and what was found for it, travels as one binary value: Spark moves it as it is, where it would take an array apart.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

Batches = Iterable[pa.RecordBatch]
_PAYLOADS = pa.schema([("task", pa.int32()), ("payload", pa.binary())])
PAYLOADS_DDL = "task int, payload binary"
_BLOCKS = pa.schema([("tasks", pa.list_(pa.int32())), ("payload", pa.binary())])
_BLOCKS_DDL = "tasks array<int>, payload binary"


def block_of(column: str, blocks: int) -> Column:
    """By a hash: even whatever the ids, and without a global order."""
    return F.pmod(F.xxhash64(column), F.lit(blocks)).cast("int").alias("block")


def packed(rows: DataFrame, blocks: int, pack: Callable[[pa.Table], Any], tasks_of: list[list[int]]) -> DataFrame:
    """(task, payload): each block, once for every task of tasks_of[block]. rows: (block, ...), `pack` is given all but the block."""
    cut = rows.repartitionById(blocks, "block")
    made = cut.mapInArrow(_Packing(pack, tasks_of), _BLOCKS_DDL)
    return made.select(F.explode("tasks").alias("task"), "payload")


def computed(payloads: DataFrame, tasks: int, work: Callable[[int, list[Any]], Iterator[tuple[int, Any]]]) -> DataFrame:
    """(task, payload) for the next step: what `work` gives, as (next task, object), for each task and the objects it was sent, in any order."""
    return payloads.repartitionById(tasks, "task").mapInArrow(_Computing(work), PAYLOADS_DDL)


def finished(payloads: DataFrame, tasks: int, work: Callable[[int, list[Any]], Iterator[pa.RecordBatch]], schema: str) -> DataFrame:
    """Rows of `schema`: what `work` gives for each task and the objects it was sent, in any order."""
    return payloads.repartitionById(tasks, "task").mapInArrow(_Finishing(work), schema)


class _Packing:
    def __init__(self, pack: Callable[[pa.Table], Any], tasks_of: list[list[int]]) -> None:
        self._pack, self._tasks_of = pack, tasks_of

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        table = [batch for batch in batches if len(batch)]
        if table:
            block = table[0]["block"][0].as_py()
            whole = self._pack(pa.Table.from_batches(table).drop_columns("block"))
            yield pa.RecordBatch.from_pylist([{"tasks": self._tasks_of[block], "payload": _bytes((block, whole))}], schema=_BLOCKS)


class _Computing:
    def __init__(self, work: Callable[[int, list[Any]], Iterator[tuple[int, Any]]]) -> None:
        self._work = work

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        for of_task in _objects(batches):
            for task, found in self._work(*of_task):
                yield pa.RecordBatch.from_pylist([{"task": task, "payload": _bytes(found)}], schema=_PAYLOADS)


class _Finishing:
    def __init__(self, work: Callable[[int, list[Any]], Iterator[pa.RecordBatch]]) -> None:
        self._work = work

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        for of_task in _objects(batches):
            yield from self._work(*of_task)


def _objects(batches: Batches) -> list[tuple[int, list[Any]]]:
    """The number of a partition's task, and what its payloads hold; nothing for an empty partition."""
    found: list[Any] = []
    task = -1
    for batch in batches:
        for number, value in zip(batch.column("task").to_pylist(), batch.column("payload"), strict=True):
            task = number
            found.append(pickle.loads(value.as_buffer()))
    return [(task, found)] if found else []


def _bytes(what: Any) -> bytes:
    return pickle.dumps(what, protocol=5)
