"""Which rows have the same content."""

import numpy as np
from numpy.typing import NDArray

from coterie.pairs.compiled import compiled
from coterie.pairs.kernels import Floats, Places


@compiled()
def fingerprints(pointers: Places, columns: Places, values: Floats) -> Places:
    """(n,) a 64-bit hash of each row's content (the mixing step of SplitMix64: Steele, Lea, Flood 2014)."""
    bits = values.view(np.uint64)
    out = np.empty(len(pointers) - 1, np.uint64)
    for row in range(len(out)):
        state = np.uint64(pointers[row + 1] - pointers[row])
        for at in range(pointers[row], pointers[row + 1]):
            for word in (np.uint64(columns[at]), bits[at]):
                state = (state ^ word) + np.uint64(0x9E3779B97F4A7C15)
                state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                state = state ^ (state >> np.uint64(31))
        out[row] = state
    return out


@compiled()
def same_rows(others: Places, pointers: Places, columns: Places, values: Floats) -> NDArray[np.bool_]:
    """(n,) whether row r has the content of row others[r]."""
    out = np.ones(len(others), np.bool_)
    for row in range(len(others)):
        other = others[row]
        size = pointers[row + 1] - pointers[row]
        if pointers[other + 1] - pointers[other] != size:
            out[row] = False
            continue
        for at in range(size):
            one, two = pointers[row] + at, pointers[other] + at
            if columns[one] != columns[two] or values[one] != values[two]:
                out[row] = False
                break
    return out
