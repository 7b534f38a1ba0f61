"""Rows of Arrow tables as a block: ids in order of their UTF-8 bytes, numbers in numpy. Runs on workers.

A block's rows are numbered by place. Sparse rows with the same content share a place: thousands of customers with one item are one row, and tie with no one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coterie.pairs.contents import fingerprints, same_rows
from coterie.pairs.kernels import Floats, Places
from coterie.pairs.products import DenseProducts, Products, SparseProducts
from coterie.pairs.rows import DenseRows, SparseRows


@dataclass(frozen=True)
class Names:
    """ids: large strings, ascending by bytes. Place p stands for the ids at members[pointers[p]:pointers[p + 1]], ascending; places by their first."""

    ids: pa.Array
    pointers: Places
    members: Places

    def __len__(self) -> int:
        return len(self.pointers) - 1


@dataclass(frozen=True)
class Block:
    """names and numbers of a block's rows. columns: of sparse rows, what the column numbers stand for, ascending by bytes.

    left_out: ids that must not be found, as (row place, number in out_ids) pairs, of the left side of `between`.
    """

    names: Names
    rows: SparseRows | DenseRows
    columns: pa.Array | None = None
    left_out: tuple[Places, Places, pa.Array] | None = None


def sparse_block(table: pa.Table, measure: str, collapse: bool = True) -> Block:
    """From (row_id, column_id, value): several values of one cell are added up, zeros left out. measure: "cosine" makes each row's length 1.

    A row of zeros keeps its place. What a row's numbers are does not depend on the order in which the values came.
    """
    row_of, ids = numbered(table["row_id"])
    column_of, columns = numbered(table["column_id"])
    values = table["value"].to_numpy().astype(np.float64)
    kept = values != 0
    rows = _compressed(row_of[kept], column_of[kept], values[kept], len(ids), len(columns))
    if measure == "cosine":
        rows = _unit(rows)
    return Block(*(_collapsed(ids, rows) if collapse else (single(ids), rows)), columns)


def dense_block(table: pa.Table, measure: str) -> Block:
    """From (row_id, factors: lists of one length), and where it is there left_out: lists of ids."""
    row_of, ids = numbered(table["row_id"])
    if len(ids) != len(table):
        doubled = ids[int(np.argmax(np.bincount(row_of)))].as_py()
        raise ValueError(f"rows of factors must have an id of their own; found {doubled[:200]!r} {int(np.bincount(row_of).max())} times: remove repeats")
    order = np.argsort(row_of)
    flat = table["factors"].combine_chunks().flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    values = flat.reshape(len(ids), -1)[order] if len(ids) else np.zeros((0, 0), np.float32)
    rows = DenseRows(values, np.ones(len(ids)))
    if measure == "cosine":
        lengths = rows.lengths()
        rows = DenseRows(values, 1 / np.where(lengths > 0, lengths, np.inf))
    left_out = None
    if "left_out" in table.column_names:
        lists = table["left_out"].combine_chunks()
        out_of, out_ids = numbered(pa.chunked_array([lists.flatten()], pa.string()))
        left_out = (row_of[pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)], out_of, out_ids)
    return Block(single(ids), rows, None, left_out)


def beside(left: Block, right: Block) -> Products:
    """The products of two blocks; sparse ones over the columns that both have, in their order."""
    if isinstance(left.rows, DenseRows) and isinstance(right.rows, DenseRows):
        return DenseProducts(left.rows, right.rows)
    assert isinstance(left.rows, SparseRows)
    assert isinstance(right.rows, SparseRows)
    if left is right:
        return SparseProducts(left.rows, right.rows)
    found = pc.index_in(left.columns, value_set=right.columns).fill_null(-1).to_numpy(zero_copy_only=False)
    is_shared = found >= 0
    left_numbers = np.where(is_shared, np.cumsum(is_shared) - 1, -1)
    right_numbers = np.full(right.rows.count, -1)
    right_numbers[found[is_shared]] = np.arange(int(is_shared.sum()))
    return SparseProducts(*(_over(rows, numbers, int(is_shared.sum())) for rows, numbers in ((left.rows, left_numbers), (right.rows, right_numbers))))


def numbered(column: pa.ChunkedArray) -> tuple[Places, pa.Array]:
    """For each text the place of it among the distinct ones, and these, as large strings ascending by their UTF-8 bytes."""
    encoded = column.dictionary_encode().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # no chunks at all
        return np.zeros(0, np.int32), pa.array([], pa.large_string())
    texts = encoded.dictionary.cast(pa.large_string())
    order = pc.sort_indices(texts)
    places = np.empty(len(order), np.int32)
    places[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
    return places[encoded.indices.to_numpy()], texts.take(order)


def single(ids: pa.Array) -> Names:
    """Each id at a place of its own."""
    return Names(ids, np.arange(len(ids) + 1), np.arange(len(ids)))


def taken(block: Block, places: Places) -> Block:
    """Some rows of a sparse block whose places each stand for one id."""
    assert isinstance(block.rows, SparseRows)
    return Block(single(block.names.ids.take(pa.array(places))), block.rows.taken(places), block.columns)


def stacked(blocks: list[Block]) -> tuple[Block, Places]:
    """The rows of sparse blocks, whose places each stand for one id, as one block over all their columns; and for each row, block after block, its place."""
    number_of, columns = numbered(pa.chunked_array([block.columns for block in blocks], pa.large_string()))
    numbers, rows, start = [], [], 0
    for block in blocks:
        assert isinstance(block.rows, SparseRows)
        numbers.append(number_of[start : start + block.rows.count][block.rows.columns])
        rows.append(block.rows)
        start += block.rows.count
    pointers = np.concatenate(([0], np.cumsum(np.concatenate([one.sizes() for one in rows]))))
    whole = SparseRows(pointers, np.concatenate(numbers).astype(np.int32), np.concatenate([one.values for one in rows]), len(columns))
    ids = pa.concat_arrays([block.names.ids for block in blocks])
    order = pc.sort_indices(ids).to_numpy()
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return taken(Block(single(ids), whole, columns), order), places


def _compressed(rows: Places, columns: Places, values: Floats, size: int, count: int) -> SparseRows:
    """Cells in any order as rows, equal cells added up from the smallest value on."""
    key = rows.astype(np.int64) * max(1, count) + columns
    order = np.argsort(key)
    is_new = np.concatenate((np.ones(min(1, len(key)), bool), np.diff(key[order]) != 0))
    if not is_new.all():
        order = np.lexsort((values, key))
    sums: Any = values[order] if is_new.all() else np.bincount(np.cumsum(is_new) - 1, values[order])  # which adds one by one
    first = order[is_new]
    pointers = np.searchsorted(rows[first], np.arange(size + 1))
    return SparseRows(pointers.astype(np.int64), columns[first].astype(np.int32), sums, count)


def _unit(rows: SparseRows) -> SparseRows:
    """Each row divided by its length, by its largest value first: no square overflows, and one-item rows become exactly 1."""
    sizes = rows.sizes()
    is_filled = sizes > 0
    largest = np.ones(len(rows))
    largest[is_filled] = np.maximum.reduceat(rows.values, rows.pointers[:-1][is_filled]) if is_filled.any() else 1.0
    values = rows.values / np.repeat(largest, sizes)
    lengths = SparseRows(rows.pointers, rows.columns, values, rows.count).lengths()
    return SparseRows(rows.pointers, rows.columns, values / np.repeat(lengths, sizes), rows.count)


def _collapsed(ids: pa.Array, rows: SparseRows) -> tuple[Names, SparseRows]:
    """Rows of the same content at one place, in order of the first id of each."""
    prints = fingerprints(*rows.csr)
    _, first, group = np.unique(prints, return_index=True, return_inverse=True)
    if len(first) == len(ids):
        return single(ids), rows
    is_alone = ~same_rows(first[group], *rows.csr)  # another content with the same fingerprint
    first = np.concatenate((first, np.flatnonzero(is_alone)))
    group[is_alone] = len(first) - int(is_alone.sum()) + np.arange(int(is_alone.sum()))
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    group, first = place[group], first[order]
    members = np.argsort(group, kind="stable")
    names = Names(ids, np.searchsorted(group[members], np.arange(len(first) + 1)), members)
    return names, rows.taken(first)


def _over(rows: SparseRows, numbers: Places, count: int) -> SparseRows:
    """The entries whose column has a number, under it."""
    columns: Any = numbers[rows.columns]
    kept = columns >= 0
    pointers = np.concatenate(([0], np.cumsum(kept)))[rows.pointers]
    return SparseRows(pointers, columns[kept].astype(np.int32), rows.values[kept], count)
