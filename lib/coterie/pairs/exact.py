"""Products in float64, added up by ascending column: a pair has the same bits whichever side a row is on, and however many blocks there are."""

import numpy as np

from coterie.pairs.compiled import compiled
from coterie.pairs.kernels import Csr, Floats, Places


@compiled()
def exact_sparse(rows: Places, places: Places, left: Csr, right: Csr, columns: int) -> Floats:
    """float64 products of left rows (ascending) with right ones."""
    left_from, left_columns, left_values = left
    right_from, right_columns, right_values = right
    spread, out = np.zeros(columns), np.empty(len(rows))
    current = -1
    for pair in range(len(rows)):
        if rows[pair] != current:
            if current >= 0:
                for at in range(left_from[current], left_from[current + 1]):
                    spread[left_columns[at]] = 0.0
            current = rows[pair]
            for at in range(left_from[current], left_from[current + 1]):
                spread[left_columns[at]] = left_values[at]
        total = 0.0
        for at in range(right_from[places[pair]], right_from[places[pair] + 1]):
            total += spread[right_columns[at]] * right_values[at]
        out[pair] = total
    return out


@compiled()
def one_sparse(row: int, left: Csr, lists: Csr, size: int) -> Floats:
    """float64 products of one left row with all `size` right ones, whose values come by column: the same bits as from `exact_sparse`."""
    out = np.zeros(size)
    for at in range(left[0][row], left[0][row + 1]):
        column, value = left[1][at], left[2][at]
        for entry in range(lists[0][column], lists[0][column + 1]):
            out[lists[1][entry]] += value * lists[2][entry]
    return out


@compiled()
def exact_dense(rows: Places, places: Places, left: Floats, right: Floats) -> Floats:
    """float64 products of rows of two float32 matrices."""
    out = np.empty(len(rows))
    for pair in range(len(rows)):
        total, one, other = 0.0, left[rows[pair]], right[places[pair]]
        for column in range(left.shape[1]):
            total += np.float64(one[column]) * np.float64(other[column])
        out[pair] = total
    return out


@compiled()
def one_dense(row: Floats, right: Floats) -> Floats:
    """float64 products of one row with all right ones: the same bits as from `exact_dense`."""
    out = np.zeros(len(right))
    for place in range(len(right)):
        for column in range(len(row)):
            out[place] += np.float64(row[column]) * np.float64(right[place, column])
    return out
