"""The loops that all time goes to, in machine code: products of rows with a chunk of others, and what is kept of them.

A tile holds the float32 products of a few rows (first axis) with a chunk of other rows (second axis, a multiple of GROUPS wide). Sparse rows are
(pointers, columns, values) as in scipy's CSR matrices, columns ascending. `LEAST` stands for "not to be found", `MOST` for a border that nothing passes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie.pairs.compiled import compiled

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.integer[Any]]
Csr = tuple[Places, Places, Floats]  # pointers int64, columns int32, values
Side = tuple[Floats, Floats, Places, Places, Floats]  # what `collect` keeps of a side

GROUPS = 8
LEAST, MOST = np.float32(-1e38), np.float32(1e38)


@compiled(fast=True)
def multiply(
    tile: Floats,
    start: int,
    head: Csr,
    dense: Floats,
    tail: Csr,
    lists: Csr,
) -> None:
    """tile[r, c] = product of row start + r with row c of a chunk.

    head: the rows' values in columns that many of the chunk have, with `dense` (head columns, width), the chunk's values there: a value is
    multiplied with a whole row of `dense`, in vector instructions. tail: the rows' values in the other columns, with `lists`, for each such
    column the chunk's rows that have it and their values: each product is added to its place.
    """
    head_from, head_columns, head_values = head
    tail_from, tail_columns, tail_values = tail
    list_from, list_rows, list_values = lists
    for r in range(tile.shape[0]):
        out = tile[r]
        out[:] = np.float32(0)
        at, end = head_from[start + r], head_from[start + r + 1]
        while at + 4 <= end:  # four at once: `out` is loaded and stored a quarter as often
            a, b, c, d = dense[head_columns[at]], dense[head_columns[at + 1]], dense[head_columns[at + 2]], dense[head_columns[at + 3]]
            u, v, w, x = head_values[at], head_values[at + 1], head_values[at + 2], head_values[at + 3]
            for j in range(out.shape[0]):
                out[j] += u * a[j] + v * b[j] + w * c[j] + x * d[j]
            at += 4
        while at < end:
            a, u = dense[head_columns[at]], head_values[at]
            for j in range(out.shape[0]):
                out[j] += u * a[j]
            at += 1
        for at in range(tail_from[start + r], tail_from[start + r + 1]):
            u, column = tail_values[at], tail_columns[at]
            for entry in range(list_from[column], list_from[column + 1]):
                out[list_rows[entry]] += u * list_values[entry]


@compiled()
def _kth_largest(values: Floats, count: int, k: int) -> np.float32:
    """The k-th largest of the first `count` values, which are shuffled (Hoare 1961, Algorithm 65: Find)."""
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] > pivot:
                i += 1
            while values[j] < pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            break
    return values[k - 1]  # type: ignore[no-any-return]


@compiled()
def cut(row: int, k: int, border: Floats, slack: Floats, filled: Places, places: Places, scores: Floats) -> np.float32:
    """Keep of a row's candidates those that may be among its k best: within `slack`, twice the error of a product, of the k-th score.

    border[row] rises to the least score of these, which is returned, LEAST where there are fewer than k candidates; a further one must exceed
    it. Where too many stay, the row is given up: filled[row] is -1 and nothing passes.
    """
    count = filled[row]
    if count < k:
        return LEAST
    low = _kth_largest(scores[row, :count].copy(), count, k) - slack[row]
    kept = 0
    for at in range(count):
        if scores[row, at] >= low:
            scores[row, kept], places[row, kept] = scores[row, at], places[row, at]
            kept += 1
    if 2 * (kept - k) > places.shape[1] - k:
        filled[row], border[row] = -1, MOST
    else:
        filled[row], border[row] = kept, max(border[row], low)
    return low  # type: ignore[no-any-return]


@compiled(fast=True)
def collect(
    tile: Floats,
    row: int,
    column: int,
    k: int,
    left: Side,
    right: Side,
) -> None:
    """Keep the tile's products that exceed the border of their row, on the left side (rows from `row` on) and on the right (from `column` on).

    A side is (border (n,), slack (n,), filled (n,), places (n, room), scores (n, room)). A product must exceed its border strictly.
    """
    width = tile.shape[1] // GROUPS
    highest = np.empty(width, np.float32)
    left_border, left_slack, left_filled, left_places, left_scores = left
    right_border, right_slack, right_filled, right_places, right_scores = right
    room = left_places.shape[1]
    for r in range(tile.shape[0]):
        values = tile[r]
        own = left_border[row + r]
        highest[:] = LEAST
        for part in range(GROUPS):
            some, others = values[part * width : (part + 1) * width], right_border[column + part * width : column + (part + 1) * width]
            for j in range(width):
                highest[j] = max(highest[j], some[j] - min(own, others[j]))
        for j in range(width):
            if highest[j] > 0:
                for c in range(j, GROUPS * width, width):
                    value = values[c]
                    if value > left_border[row + r]:
                        at = left_filled[row + r]
                        left_places[row + r, at], left_scores[row + r, at] = column + c, value
                        left_filled[row + r] = at + 1
                        if at + 1 == room:
                            cut(row + r, k, left_border, left_slack, left_filled, left_places, left_scores)
                    if value > right_border[column + c]:
                        at = right_filled[column + c]
                        right_places[column + c, at], right_scores[column + c, at] = row + r, value
                        right_filled[column + c] = at + 1
                        if at + 1 == room:
                            cut(column + c, k, right_border, right_slack, right_filled, right_places, right_scores)


@compiled(fast=True)
def collect_left(tile: Floats, row: int, column: int, k: int, left: Side) -> None:
    """As `collect`, for the left side alone: one border to a row, so that half as much is compared.

    A row that has nothing yet gets its border from the maxima of interleaved parts: k of these are as high, and more of its products.
    """
    width = tile.shape[1] // GROUPS
    highest = np.empty(width, np.float32)
    border, slack, filled, places, scores = left
    room = places.shape[1]
    for r in range(tile.shape[0]):
        values = tile[r]
        highest[:] = values[:width]
        for part in range(1, GROUPS):
            some = values[part * width : (part + 1) * width]
            for j in range(width):
                highest[j] = max(highest[j], some[j])
        if filled[row + r] == 0 and width >= k:
            border[row + r] = max(border[row + r], _kth_largest(highest.copy(), width, k) - slack[row + r])
        for j in range(width):
            if highest[j] > border[row + r]:
                for c in range(j, GROUPS * width, width):
                    if values[c] > border[row + r]:
                        at = filled[row + r]
                        places[row + r, at], scores[row + r, at] = column + c, values[c]
                        filled[row + r] = at + 1
                        if at + 1 == room:
                            cut(row + r, k, border, slack, filled, places, scores)


@compiled()
def passing(tile: Floats, width: int, row: int, column: int, border: Floats, rows: Places, columns: Places) -> int:
    """How many of the tile's products (its first `width` columns) reach border[row]; rows and columns are filled with where they are."""
    found = 0
    for r in range(tile.shape[0]):
        for c in range(width):
            if tile[r, c] >= border[row + r]:
                rows[found], columns[found] = row + r, column + c
                found += 1
    return found


@compiled()
def leave_out(tile: Floats, width: int, row: int, column: int, pointers: Places, places: Places) -> None:
    """What must not be found becomes LEAST: for row r the right side's rows places[pointers[r]:pointers[r + 1]]."""
    for r in range(tile.shape[0]):
        for at in range(pointers[row + r], pointers[row + r + 1]):
            if column <= places[at] < column + width:
                tile[r, places[at] - column] = LEAST


@compiled(fast=True)
def raise_borders(tile: Floats, row: int, rank: int, factor: float, border: Floats) -> None:
    """The border of each of the tile's rows rises to its product of this rank, or a little below it, times factor.

    The rank is taken among the maxima of interleaved parts, which are eight times fewer.
    """
    width = tile.shape[1] // GROUPS
    highest = np.empty(width, np.float32)
    for r in range(tile.shape[0]):
        highest[:] = LEAST
        for part in range(GROUPS):
            some = tile[r, part * width : (part + 1) * width]
            for j in range(width):
                highest[j] = max(highest[j], some[j])
        border[row + r] = max(border[row + r], np.float32(_kth_largest(highest, width, rank) * factor))


@compiled()
def survivors(k: int, side: Side) -> tuple[Places, Places, NDArray[np.bool_]]:
    """(rows, places) of all candidates that may be among the k best of their row, rows ascending; rows given up have none.

    And (n,) whether the row's border lies above the least score that such a candidate has: where it was a guess, some may be missing.
    """
    border, slack, filled, places, scores = side
    total, is_short = 0, np.zeros(places.shape[0], np.bool_)
    for row in range(places.shape[0]):
        before = border[row]
        is_short[row] = cut(row, k, border, slack, filled, places, scores) < before
        total += max(0, filled[row])
    rows, found = np.empty(total, np.int32), np.empty(total, np.int32)
    at = 0
    for row in range(places.shape[0]):
        for entry in range(max(0, filled[row])):
            rows[at], found[at] = row, places[row, entry]
            at += 1
    return rows, found, is_short


@compiled()
def ordered(rows: Places, places: Places, scores: Floats, size: int, k: int, positive: bool) -> tuple[Places, Places, Floats]:
    """(pointers (size + 1,), places, scores): of each row's candidates the k best, by score descending, then place ascending.

    rows ascend. positive: only scores above 0 count.
    """
    pointers = np.zeros(size + 1, np.int64)
    best_places, best_scores = np.empty(len(rows), np.int32), np.empty(len(rows))
    at, end = 0, 0
    for row in range(size):
        first = end
        while at < len(rows) and rows[at] == row:
            score, place = scores[at], places[at]
            at += 1
            if positive and score <= 0.0:
                continue
            if end - first == k:
                if score < best_scores[end - 1] or (score == best_scores[end - 1] and place > best_places[end - 1]):
                    continue
                end -= 1
            to = end
            while to > first and (best_scores[to - 1] < score or (best_scores[to - 1] == score and best_places[to - 1] > place)):
                best_scores[to], best_places[to] = best_scores[to - 1], best_places[to - 1]
                to -= 1
            best_scores[to], best_places[to] = score, place
            end += 1
        pointers[row + 1] = end
    return pointers, best_places[:end].copy(), best_scores[:end].copy()
