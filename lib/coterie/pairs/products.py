"""Products of the rows of one block with those of another: tile by tile in float32, with a bound on the error, and exactly where asked.

Shapes: n rows on the left, m on the right, f columns. Exact means float64 products added up by ascending column, rounded to 12 decimals.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from coterie.pairs.exact import exact_dense, exact_sparse, one_dense, one_sparse
from coterie.pairs.kernels import Csr, Floats, Places, multiply
from coterie.pairs.rows import DenseRows, SparseRows

_DECIMALS = 1e12
_HALF_STEP = 2.0**-24  # rounding to float32 changes a number by at most this share of it
_DENSE_WIDTH = 4096  # of a chunk: a tile of 64 rows takes 1 MB, which fits a core's cache
_SPARSE_WIDTH = 8192
_HEAD_CELLS = 2**18  # values of a chunk's popular columns, laid out: 1 MB of float32
# A row's value in a column costs 0.06 ns for each row of the chunk where the column is laid out, else 1 ns for each that has the column
# (measured). So a column is laid out where more than this share has it.
_HEAD_SHARE = 0.06 / 1

Chunk = tuple[int, int, Callable[[Floats, int], None]]


class Products(Protocol):
    """Two blocks beside each other. `width` is that of the right side's chunks; `slack`: twice what a tile's product can be off.

    A tile's product is the exact one divided by `scale`. slack: (n,) for the rows of the left side and (m,) for those of the right.
    """

    n: int
    m: int
    width: int
    scale: float
    slack: tuple[Floats, Floats]

    def chunks(self) -> Iterator[Chunk]:
        """(first, last + 1, fill) for each chunk of the right side: fill(tile, row) writes the products of the left rows from `row` on."""

    def sample(self, count: int, swapped: bool = False) -> "Products":
        """The left side, or swapped the right one, beside about `count` rows of the other, taken at even distances."""

    def exact(self, rows: Places, places: Places, swapped: bool = False) -> Floats:
        """Products of pairs, rows ascending. swapped: `rows` are of the right side and `places` of the left."""

    def exact_row(self, row: int, swapped: bool = False) -> Floats:
        """Products of one row with all of the other side."""


class SparseProducts:
    """Of two blocks of sparse rows over the same columns."""

    def __init__(self, left: SparseRows, right: SparseRows) -> None:
        self._sides = left, right
        self.n, self.m = len(left), len(right)
        self.scale, self._scales, self.slack = _bounds(left.lengths(), right.lengths(), left.sizes(), right.sizes())
        share = np.bincount(right.columns, minlength=right.count) / max(1, self.m)
        self._is_head = share > _HEAD_SHARE
        self._heads = int(self._is_head.sum())
        self.width = _width(self.m, min(_SPARSE_WIDTH, _HEAD_CELLS // max(1, self._heads)))
        self._lists: dict[bool, Csr] = {}

    def chunks(self) -> Iterator[Chunk]:
        head, tail = (_csr(part) for part in self._parted(0))
        right_head, right_tail = self._parted(1)
        for first in range(0, self.m, self.width):
            last = min(self.m, first + self.width)
            dense = np.zeros((self._heads, self.width), np.float32)
            dense[:, : last - first] = right_head[first:last].toarray().T
            by_column = right_tail[first:last].tocsc()
            # Without signs, an index below 0, which would count from the end, need not be looked for.
            lists = by_column.indptr.astype(np.uint64), by_column.indices.astype(np.uint16), by_column.data

            def fill(tile: Floats, row: int, dense: Floats = dense, lists: Csr = lists) -> None:
                multiply(tile, row, head, dense, tail, lists)

            yield first, last, fill

    def sample(self, count: int, swapped: bool = False) -> Products:
        left, right = self._sides[swapped], self._sides[not swapped]
        return SparseProducts(left, right.taken(np.linspace(0, len(right) - 1, count).astype(np.int64)))

    def exact(self, rows: Places, places: Places, swapped: bool = False) -> Floats:
        left, right = self._sides[swapped], self._sides[not swapped]
        return rounded(exact_sparse(rows, places, left.csr, right.csr, left.count))

    def exact_row(self, row: int, swapped: bool = False) -> Floats:
        other = self._sides[not swapped]
        if swapped not in self._lists:
            self._lists[swapped] = _csr(sp.csr_matrix((other.values, other.columns, other.pointers), shape=(len(other), other.count)).tocsc())
        return rounded(one_sparse(row, self._sides[swapped].csr, self._lists[swapped], len(other)))

    def _parted(self, side: int) -> tuple[sp.csr_matrix, sp.csr_matrix]:
        """A side's values divided by its scale, in float32: those in popular columns, and the others, whose columns keep their numbers."""
        rows = self._sides[side]
        values = (rows.values / self._scales[side]).astype(np.float32)
        in_head = self._is_head[rows.columns]
        passed = np.concatenate(([0], np.cumsum(in_head)))[rows.pointers]
        numbers = (np.cumsum(self._is_head) - 1)[rows.columns[in_head]]
        head = sp.csr_matrix((values[in_head], numbers, passed), shape=(len(rows), self._heads))
        tail = sp.csr_matrix((values[~in_head], rows.columns[~in_head], rows.pointers - passed), shape=(len(rows), rows.count))
        return head, tail


class DenseProducts:
    """Of two blocks of dense rows of one length. Exact: of the values as they are in float32, times the rows' factors."""

    def __init__(self, left: DenseRows, right: DenseRows) -> None:
        self._sides = left, right
        self.n, self.m = len(left), len(right)
        size = left.values.shape[1]
        self.scale, self._scales, self.slack = _bounds(left.lengths(), right.lengths(), np.full(self.n, size), np.full(self.m, size))
        self.width = _width(self.m, _DENSE_WIDTH)

    def chunks(self) -> Iterator[Chunk]:
        left, right = (self._scaled(side) for side in (0, 1))
        for first in range(0, self.m, self.width):
            last = min(self.m, first + self.width)
            chunk = np.zeros((self.width, right.shape[1]), np.float32)
            chunk[: last - first] = right[first:last]

            def fill(tile: Floats, row: int, chunk: Floats = chunk) -> None:
                np.matmul(left[row : row + len(tile)], chunk.T, out=tile)

            yield first, last, fill

    def sample(self, count: int, swapped: bool = False) -> Products:
        left, right = self._sides[swapped], self._sides[not swapped]
        chosen = np.linspace(0, len(right) - 1, count).astype(np.int64)
        return DenseProducts(left, DenseRows(right.values[chosen], right.factors[chosen]))

    def exact(self, rows: Places, places: Places, swapped: bool = False) -> Floats:
        left, right = self._sides[swapped], self._sides[not swapped]
        return rounded(exact_dense(rows, places, left.values, right.values) * (left.factors[rows] * right.factors[places]))

    def exact_row(self, row: int, swapped: bool = False) -> Floats:
        left, right = self._sides[swapped], self._sides[not swapped]
        return rounded(one_dense(left.values[row], right.values) * (left.factors[row] * right.factors))

    def _scaled(self, side: int) -> Floats:
        rows = self._sides[side]
        scaled: Floats = (rows.values * (rows.factors / self._scales[side])[:, None]).astype(np.float32)
        return scaled


def rounded(scores: Floats) -> Floats:
    """To 12 decimals: the last bits of a sum must not decide between neighbours."""
    result: Floats = np.rint(scores * _DECIMALS) / _DECIMALS
    return result


def _bounds(left: Floats, right: Floats, left_sizes: Places, right_sizes: Places) -> tuple[float, tuple[float, float], tuple[Floats, Floats]]:
    """The scale of a product, those of the sides (powers of two above the longest row, so that scaling is exact), and the slacks.

    A float32 sum of s products, in any order, of numbers that were rounded to float32 is off by at most (s + 2) half steps times the product
    of the rows' lengths (Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1, and Cauchy-Schwarz); some more are
    allowed for, against the roundings of the comparison itself, and the last decimal kept: products that differ by less are equal.
    """
    scales = tuple(2.0 ** np.ceil(np.log2(longest)) if (longest := lengths.max(initial=0.0)) > 0 else 1.0 for lengths in (left, right))
    scale = float(scales[0] * scales[1])
    slacks = tuple(
        (2 * (sizes + 8) * _HALF_STEP * 2 * (lengths / own) * (others.max(initial=0.0) / other) + min(1e30, 2 / (_DECIMALS * scale)) + 1e-37).astype(np.float32)
        for lengths, sizes, own, others, other in ((left, left_sizes, scales[0], right, scales[1]), (right, right_sizes, scales[1], left, scales[0]))
    )
    return scale, (float(scales[0]), float(scales[1])), (slacks[0], slacks[1])


def _width(size: int, widest: int) -> int:
    """A multiple of GROUPS, as wide as the side if that is less than the widest."""
    return max(1, -(-min(size, widest) // 256)) * 256


def _csr(matrix: Any) -> Csr:
    """The arrays of a compressed matrix, in the types that the kernels are compiled for."""
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data
