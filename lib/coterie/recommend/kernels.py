"""What a task does with one block of customers beside all items, in numpy and Arrow. Runs on workers: nothing of Spark or of settings.

Shapes: n customers, m items, f factors, h items of a customer's own, N length of a list.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.int64]

_SCORES_AT_ONCE = 2_000_000  # n x m scores held at a time: 8 MB of float32, near the size of a core's cache
_RESCORED_AT_ONCE = 100_000  # candidates scored again at a time, each with f float64
_DECIMALS = 9  # scores are rounded before they are ordered: the last bits depend on the machine

LIST_SCHEMA = pa.schema(
    [("customer_id", pa.string()), ("keep_seen", pa.bool_()), ("rank", pa.int32()), ("item_id", pa.string()), ("score", pa.float64())]
)
FACTOR_SCHEMA = LIST_SCHEMA.append(pa.field("because", pa.string())).append(pa.field("because_bought", pa.bool_()))
ORDER_SCHEMA = LIST_SCHEMA.append(pa.field("reason", pa.string()))


def factor_block(customers: pa.Table, items: pa.Table, count: int) -> pa.Table:
    """The N sellable items with the highest dot product of factors for each customer, and the own item that explains each.

    customers: (customer_id, keep_seen, factors list<float>, seen list<string> to be left out, own_items list<string>, own_strengths list<double>,
    own_bought list<bool>: strongest first). items: (item_id, factors, is_sellable, name). Rows of FACTOR_SCHEMA, `because` the
    own item's name, null where none speaks for the offer; ties go to the smaller id.
    """
    if not len(customers) or not len(items):
        return FACTOR_SCHEMA.empty_table()
    items = items.sort_by("item_id")
    ids = items["item_id"].combine_chunks()
    vectors, offered = _matrix(items["factors"]), np.flatnonzero(items["is_sellable"].to_numpy())
    own, strengths, bought = _own(customers, ids)
    place_of = np.full(len(ids), -1)
    place_of[offered] = np.arange(len(offered))
    seen_rows, seen_items = _pairs(customers["seen"], ids)
    is_offered = place_of[seen_items] >= 0
    seen = (seen_rows[is_offered], place_of[seen_items[is_offered]])
    # One BLAS thread: Spark has given every core a task already.
    with threadpool_limits(1, user_api="blas"):
        places, scores = best(_matrix(customers["factors"]), vectors[offered], seen, count)
        chosen = np.where(places >= 0, offered[places], -1) if len(offered) else places
        because = explained(chosen, own, strengths, vectors)
    rows, ranks = np.nonzero(chosen >= 0)
    reasons = because[rows, ranks]
    own_places = np.take_along_axis(own, np.maximum(because, 0), axis=1)[rows, ranks] if own.shape[1] else reasons
    was_bought = np.take_along_axis(bought, np.maximum(because, 0), axis=1)[rows, ranks] if own.shape[1] else reasons >= 0
    return pa.Table.from_arrays(
        [
            *(customers[name].take(pa.array(rows)).combine_chunks() for name in ("customer_id", "keep_seen")),
            pa.array(ranks + 1, pa.int32()),
            ids.take(pa.array(chosen[rows, ranks])),
            pa.array(scores[rows, ranks]),
            items["name"].take(pa.array(own_places, mask=reasons < 0)).combine_chunks(),
            pa.array(was_bought, mask=reasons < 0),
        ],
        schema=FACTOR_SCHEMA,
    )


def order_block(customers: pa.Table, items: pa.Table, count: int) -> pa.Table:
    """The first N items, in one order for everybody, that each customer has not seen.

    customers: (customer_id, keep_seen, seen list<string>). items: (item_id, window_days, buyers, units, score, reason): the order is by window, the shortest
    first and those without one last, then buyers and units, the most first, then item_id. Rows of ORDER_SCHEMA.
    """
    if not len(customers) or not len(items):
        return ORDER_SCHEMA.empty_table()
    items = items.sort_by([("window_days", "ascending"), ("buyers", "descending"), ("units", "descending"), ("item_id", "ascending")])
    ids = items["item_id"].combine_chunks()
    seen_rows, seen_items = _pairs(customers["seen"], ids)
    seen_rows, seen_items = _sorted(seen_rows, seen_items)
    starts = np.searchsorted(seen_rows, np.arange(len(customers) + 1))
    lists = []
    for row in range(len(customers)):
        seen = seen_items[starts[row] : starts[row + 1]]
        free = np.ones(min(len(ids), count + len(seen)), bool)  # so many of the first items hold at least N unseen ones
        free[seen[seen < len(free)]] = False
        lists.append(np.flatnonzero(free)[:count])
    lengths = np.array([len(found) for found in lists])
    places, rows = np.concatenate(lists), np.repeat(np.arange(len(customers)), lengths)
    ranks = np.arange(len(places)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
    return pa.Table.from_arrays(
        [
            *(customers[name].take(pa.array(rows)).combine_chunks() for name in ("customer_id", "keep_seen")),
            pa.array(ranks, pa.int32()),
            ids.take(pa.array(places)),
            *(items[name].take(pa.array(places)).combine_chunks() for name in ("score", "reason")),
        ],
        schema=ORDER_SCHEMA,
    )


def best(users: Floats, items: Floats, seen: tuple[Places, Places], count: int) -> tuple[Places, Floats]:
    """Places (n, N) of the items with the highest dot products, -1 where there are no more, and their scores, rounded to 9 decimals.

    users: (n, f), items: (m, f), float32. seen: rows in order, and item places, of what is left out. Equal scores: the smaller place first.
    Scores are made in float32 blocks; whatever may belong to the best within float32's error is scored again in float64.
    """
    n, m = len(users), len(items)
    places, scores = np.full((n, count), -1), np.zeros((n, count))
    if not m:
        return places, scores
    rows_at_once = max(1, _SCORES_AT_ONCE // m)
    rows, columns = _sorted(*seen)
    # |float32 dot - exact| <= f 2^-23 |u| |v|, with room to spare (Higham 2002, Accuracy and Stability, section 3.1).
    longest = np.sqrt((items.astype(np.float64) ** 2).sum(axis=1).max())
    error = items.shape[1] * 2.0**-23 * longest * np.sqrt((users.astype(np.float64) ** 2).sum(axis=1))
    for start in range(0, n, rows_at_once):
        stop = min(n, start + rows_at_once)
        block = users[start:stop] @ items.T
        first, last = np.searchsorted(rows, (start, stop))
        block[rows[first:last] - start, columns[first:last]] = -np.inf
        bound = _lower_bound(block, count) - 2 * error[start:stop]
        near_rows, near_columns = np.nonzero(block >= bound[:, None].astype(np.float32))
        kept = block[near_rows, near_columns] > -np.inf
        near_rows, near_columns = near_rows[kept], near_columns[kept]
        exact = _dots(users[start:stop], items, near_rows, near_columns)
        order = np.lexsort((near_columns, -exact, near_rows))
        near_rows, near_columns, exact = near_rows[order], near_columns[order], exact[order]
        rank = np.arange(len(near_rows)) - np.searchsorted(near_rows, near_rows)
        top = rank < count
        places[start + near_rows[top], rank[top]] = near_columns[top]
        scores[start + near_rows[top], rank[top]] = exact[top]
    return places, scores


def explained(chosen: Places, own: Places, strengths: Floats, vectors: Floats) -> Places:
    """Which of the customer's own items speaks most for each chosen one: its place in `own`, -1 where none speaks for it.

    chosen: (n, N) and own: (n, h) item places, -1 for none; strengths: (n, h); vectors: (m, f). An own item speaks by its strength times
    the cosine of the two items' factors: after Hu, Koren, Volinsky 2008, section 5, where a score is a sum over the customer's own items
    of their confidence times an item-item similarity; here the similarity is the same for everybody.
    """
    because = np.full(chosen.shape, -1)
    if not own.shape[1]:
        return because
    lengths = np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    unit = vectors / np.where(lengths > 0, lengths, 1.0)
    for start in range(0, len(chosen), 256):
        some, mine = chosen[start : start + 256], own[start : start + 256]
        cosines = unit[some] @ unit[mine].transpose(0, 2, 1)  # (256, N, h)
        is_other = (mine[:, None, :] >= 0) & (mine[:, None, :] != some[:, :, None])
        said = np.where(is_other, np.round(cosines * strengths[start : start + 256, None, :], _DECIMALS), 0.0)
        because[start : start + 256] = np.where(said.max(axis=2) > 0, said.argmax(axis=2), -1)
    return because


def _lower_bound(block: Floats, count: int) -> Floats:
    """(n,): a value that at least N scores of the row reach, cheaply: the N-th highest of the maxima of 8 N groups of columns."""
    groups = 8 * count
    width = block.shape[1] // groups
    if width < 2:
        return np.full(len(block), -np.inf)
    maxima = block[:, : groups * width].reshape(len(block), width, groups).max(axis=1)
    return np.partition(maxima, groups - count, axis=1)[:, groups - count].astype(np.float64)


def _dots(users: Floats, items: Floats, rows: Places, columns: Places) -> Floats:
    """Dot products of the named pairs in float64, rounded."""
    parts = [
        np.einsum("ij,ij->i", users[rows[at : at + _RESCORED_AT_ONCE]].astype(np.float64), items[columns[at : at + _RESCORED_AT_ONCE]].astype(np.float64))
        for at in range(0, len(rows), _RESCORED_AT_ONCE)
    ]
    return np.round(np.concatenate(parts), _DECIMALS) if parts else np.zeros(0)


def _matrix(vectors: pa.ChunkedArray) -> Floats:
    """(rows, f) of a column of lists of one length."""
    flat: Floats = vectors.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(vectors), -1)


def _pairs(lists: pa.ChunkedArray, ids: pa.Array) -> tuple[Places, Places]:
    """Row and place in `ids` of every list entry that is in `ids`."""
    column = lists.combine_chunks()
    rows = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
    places = pc.index_in(column.flatten(), value_set=ids)
    known = places.is_valid().to_numpy(zero_copy_only=False)
    return rows[known].astype(np.int64), places.drop_null().to_numpy(zero_copy_only=False).astype(np.int64)


def _own(customers: pa.Table, ids: pa.Array) -> tuple[Places, Floats, NDArray[np.bool_]]:
    """(n, h) places, strengths and is-bought of the customers' own items, -1 where a customer has fewer or the item has no factors."""
    column = customers["own_items"].combine_chunks()
    rows = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
    found = pc.index_in(column.flatten(), value_set=ids).fill_null(-1).to_numpy(zero_copy_only=False)
    turn = np.arange(len(rows)) - np.searchsorted(rows, rows)
    width = int(turn.max()) + 1 if len(turn) else 0
    own, strengths, bought = np.full((len(customers), width), -1), np.zeros((len(customers), width)), np.zeros((len(customers), width), bool)
    own[rows, turn] = found
    strengths[rows, turn] = customers["own_strengths"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    bought[rows, turn] = customers["own_bought"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return own, strengths, bought


def _sorted(rows: Places, columns: Places) -> tuple[Places, Places]:
    order = np.argsort(rows, kind="stable")
    return rows[order], columns[order]
