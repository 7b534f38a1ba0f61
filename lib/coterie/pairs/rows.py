"""The rows of a block as numbers."""

from dataclasses import dataclass

import numpy as np

from coterie.pairs.kernels import Csr, Floats, Places


@dataclass(frozen=True)
class SparseRows:
    """n rows as in scipy's CSR: pointers (n + 1,) int64, columns int32, below `count`, ascending within a row, and values float64 above 0."""

    pointers: Places
    columns: Places
    values: Floats
    count: int

    def __len__(self) -> int:
        return len(self.pointers) - 1

    @property
    def csr(self) -> Csr:
        return self.pointers, self.columns, self.values

    def sizes(self) -> Places:
        """(n,) values of each row."""
        return np.diff(self.pointers)

    def lengths(self) -> Floats:
        """(n,) Euclidean lengths."""
        rows = np.repeat(np.arange(len(self)), self.sizes())
        return np.sqrt(np.bincount(rows, self.values**2, minlength=len(self)))

    def taken(self, places: Places) -> "SparseRows":
        """The rows at these places."""
        at, pointers = spread(self.pointers[:-1][places], self.sizes()[places])
        return SparseRows(pointers.astype(np.int64), self.columns[at], self.values[at], self.count)


@dataclass(frozen=True)
class DenseRows:
    """n rows: values (n, f) float32, and factors (n,) float64 that a row is multiplied with: 1, or for cosines 1 / its length."""

    values: Floats
    factors: Floats

    def __len__(self) -> int:
        return len(self.values)

    def lengths(self) -> Floats:
        """(n,) Euclidean lengths of the rows times their factors."""
        lengths: Floats = np.sqrt(np.einsum("ij,ij->i", self.values, self.values, dtype=np.float64)) * self.factors
        return lengths


def spread(starts: Places, sizes: Places) -> tuple[Places, Places]:
    """(starts[0], starts[0] + 1, ..., so many as sizes[0], then on with the next; and where each begins, with the end)."""
    pointers = np.concatenate(([0], np.cumsum(sizes)))
    return np.arange(pointers[-1]) + np.repeat(starts - pointers[:-1], sizes), pointers
