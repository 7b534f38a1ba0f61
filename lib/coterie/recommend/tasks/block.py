"""The two tables that a task is given, as arrays: a block of customers, and the shelf of items with what the models know of them.

Shapes used in this folder: u customers, m items, r rows asked for (a customer, with or without what they have had), C candidates of one
model a row, N length of a list, h items of a customer's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.int64]

ASKED, OWN, ITEM = "ask", "own", "item"  # names of the parts that are no model's
OWN_FACTS = ("strength", "intensity", "last_age", "first_bought_age", "last_bought_age", "bought_days", "is_seen")
ITEM_FACTS = ("recent_buyers", "buyers", "repeat_rate", "window_days", "window_buyers", "window_units", "last_sold_age", "first_sold_age", "price")


@dataclass(frozen=True)
class Side:
    """A model's rows: ids (rows), and of each row the places `columns` (named in `of`) with their factors, flattened; or plain vectors."""

    ids: pa.Array
    ends: Places  # (rows + 1,) where each row's entries begin and end
    of: pa.Array  # (entries,) text; without entries where the rows are plain vectors
    factors: Floats  # (all factors of all rows,)

    def vectors(self) -> Floats:
        """(rows, f) where every row has a vector of the same length."""
        return self.factors.reshape(len(self.ids), -1) if len(self.ids) else np.zeros((0, 0))

    def matrix(self, rows: pa.Array, columns: pa.Array) -> sparse.csr_matrix:
        """(rows, columns) with the factor of each entry; rows and entries that are not asked for are left out."""
        row_of = pc.index_in(self.ids, value_set=rows).fill_null(-1).to_numpy(zero_copy_only=False)
        entry_row = np.repeat(row_of, np.diff(self.ends))
        entry_column = pc.index_in(self.of, value_set=columns).fill_null(-1).to_numpy(zero_copy_only=False)
        known = (entry_row >= 0) & (entry_column >= 0)
        return sparse.csr_matrix((self.factors[known], (entry_row[known], entry_column[known])), shape=(len(rows), len(columns)))


@dataclass(frozen=True)
class Block:
    """The customers of a block, and what they did with the items of the shelf.

    customers: (u,) ids, sorted. asked: (r,) customer of each row asked for, in order; keep_seen: (r,). own: OWN_FACTS by name, (entries,),
    entries sorted by customer and item; own_rows, own_items: their customer and item place.
    """

    customers: pa.Array
    asked: Places
    keep_seen: NDArray[np.bool_]
    truth: pa.ListArray
    own_rows: Places
    own_items: Places
    own: Mapping[str, Floats]
    sides: Mapping[str, Side]

    def history(self, values: Floats, items: int) -> sparse.csr_matrix:
        """(u, m): `values`, one for each own entry, as a matrix."""
        kept = values > 0
        return sparse.csr_matrix((values[kept], (self.own_rows[kept], self.own_items[kept])), shape=(len(self.customers), items))


@dataclass(frozen=True)
class Shelf:
    """All items, sorted by id: ids, names for sentences, categories (text, null where unknown), and facts, ITEM_FACTS by name, (m,)."""

    ids: pa.Array
    names: pa.Array
    categories: pa.Array
    listed_ages: Floats  # days since it was first listed, nan where nobody knows
    is_sellable: NDArray[np.bool_]
    facts: Mapping[str, Floats]
    sides: Mapping[tuple[str, str], Side]

    def side(self, kind: str, name: str) -> Side:
        """A model's rows of that side, none where it learned nothing."""
        nothing = Side(pa.array([], pa.string()), np.zeros(1, np.int64), pa.array([], pa.string()), np.zeros(0))
        return self.sides.get((kind, name), nothing)


def shelf_of(right: pa.Table) -> Shelf:
    """From rows (part, side, id, ids, factors, name, category, listed_age, is_sellable): items are part ITEM, with ITEM_FACTS as factors."""
    items = right.filter(pc.equal(right["part"], ITEM)).sort_by("id")
    facts = _flat(items["factors"]).reshape(len(items), len(ITEM_FACTS))
    models = right.filter(pc.not_equal(right["part"], ITEM))
    sides = {}
    for part, name in {(row["part"], row["side"]) for row in models.select(["part", "side"]).group_by(["part", "side"]).aggregate([]).to_pylist()}:
        mine = pc.and_(pc.equal(models["part"], part), pc.equal(models["side"], name))
        sides[part, name] = _side(models.filter(mine))
    return Shelf(
        items["id"].combine_chunks(),
        items["name"].combine_chunks(),
        items["category"].combine_chunks(),
        items["listed_age"].to_numpy().astype(np.float64),
        items["is_sellable"].to_numpy(),
        {name: facts[:, place] for place, name in enumerate(ITEM_FACTS)},
        sides,
    )


def block_of(left: pa.Table, shelf: Shelf) -> Block:
    """From rows (part, id, keep_seen, ids, factors): ASKED (ids: the truth), OWN (ids: items, factors: OWN_FACTS of each), and each model's."""
    asked = left.filter(pc.equal(left["part"], ASKED)).sort_by([("id", "ascending"), ("keep_seen", "ascending")])
    customers = pc.unique(asked["id"].combine_chunks())
    own = _side(left.filter(pc.equal(left["part"], OWN)))
    values = own.factors.reshape(-1, len(OWN_FACTS))
    rows = np.repeat(pc.index_in(own.ids, value_set=customers).fill_null(-1).to_numpy(zero_copy_only=False), np.diff(own.ends))
    items = pc.index_in(own.of, value_set=shelf.ids).fill_null(-1).to_numpy(zero_copy_only=False)
    order = np.lexsort((items, rows))
    order = order[(rows[order] >= 0) & (items[order] >= 0)]
    parts = [part for part in pc.unique(left["part"].combine_chunks()).to_pylist() if part not in {ASKED, OWN}]
    return Block(
        customers,
        pc.index_in(asked["id"], value_set=customers).to_numpy().astype(np.int64),
        asked["keep_seen"].to_numpy(),
        asked["ids"].combine_chunks(),
        rows[order].astype(np.int64),
        items[order].astype(np.int64),
        {name: values[order, place] for place, name in enumerate(OWN_FACTS)},
        {part: _side(left.filter(pc.equal(left["part"], part))) for part in parts},
    )


def _side(rows: pa.Table) -> Side:
    rows = rows.sort_by("id")
    lists = rows["ids"].combine_chunks()
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    return Side(rows["id"].combine_chunks(), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), lists.flatten(), _flat(rows["factors"]))


def _flat(lists: pa.ChunkedArray) -> Floats:
    flat: Floats = lists.combine_chunks().flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    return flat
