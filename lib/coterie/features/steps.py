"""What happens to one column on its way into the vector, in numpy alone: workers import this module, and nothing of Spark's.

A column arrives as a float64 array (NaN: missing) or as an array of words (None: missing), and leaves as a matrix (rows, positions).
Everything a step needs is stored in it, so that a customer's position follows from the customer and the model, never from the others.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
OTHER = "other"  # the position of categories that are rare, or that the sample did not hold


@dataclass(frozen=True)
class NumberStep:
    """A number: missing values filled, clipped to [low, high] (None: open), transformed, standardised.

    `values` and `ranks` are the stored empirical distribution behind transform 'rank', both rising, empty for the others.
    """

    name: str
    fill: float
    fill_reason: str
    low: float | None
    high: float | None
    transform: str
    values: tuple[float, ...]
    ranks: tuple[float, ...]
    mean: float
    sd: float

    @property
    def names(self) -> list[str]:
        return [self.name]

    def apply(self, raw: NDArray[Any]) -> Floats:
        """(n,) raw values -> (n, 1) standardised ones."""
        clipped = _clipped(_filled(raw, self.fill), self.low, self.high)
        moved = _transformed(clipped, self.transform, np.asarray(self.values), np.asarray(self.ranks))
        return ((moved - self.mean) / self.sd).reshape(-1, 1)


@dataclass(frozen=True)
class CategoryStep:
    """A category: one position each of `categories`, then one for all others; 1 or 0, less the sample's mean.

    They are not divided by their standard deviation: so two customers of different categories lie sqrt(2) apart, as two customers do on
    average in a standardised number, and a rare category does not outweigh everything else.
    """

    name: str
    fill: str
    fill_reason: str
    categories: tuple[str, ...]
    means: tuple[float, ...]

    @property
    def names(self) -> list[str]:
        return [f"{self.name}={category}" for category in (*self.categories, OTHER)]

    def apply(self, raw: NDArray[Any]) -> Floats:
        """(n,) words -> (n, categories + 1) indicators less their means."""
        words = _worded(raw, self.fill)
        hit = np.stack([words == category for category in self.categories], axis=1)
        indicators = np.column_stack([hit, ~hit.any(axis=1)]).astype(np.float64)
        centred: Floats = indicators - np.asarray(self.means)
        return centred


def fit_number(
    name: str, raw: NDArray[Any], *, fill: str, reason: str, transform: str, clip: tuple[float, float], knots: int
) -> NumberStep | str:
    """The step for one number, learned from the sample `raw` (at least one row); a text saying why where the column is useless.

    `fill` is a number, 'max' or 'median' of the values that are there (0 where none is). Clip quantiles and knots are values of the
    sample itself (Hyndman & Fan 1996, type 1), taken after the filling.
    """
    there = raw[np.isfinite(raw)]
    value = 0.0 if not there.size else float(there.max()) if fill == "max" else float(np.median(there)) if fill == "median" else float(fill)
    filled = _filled(raw, value)
    low = float(np.quantile(filled, clip[0], method="inverted_cdf")) if clip[0] > 0 else None
    high = float(np.quantile(filled, clip[1], method="inverted_cdf")) if clip[1] < 1 else None
    clipped = _clipped(filled, low, high)
    values, ranks = _distribution(clipped, knots) if transform == "rank" else (np.zeros(0), np.zeros(0))
    moved = _transformed(clipped, transform, values, ranks)
    if moved.min() == moved.max():
        return f"constant: every customer has {clipped[0]:g}" + ("" if there.size == raw.size else " (filled or clipped)")
    return NumberStep(name, value, reason, low, high, transform, _plain(values), _plain(ranks), float(moved.mean()), float(moved.std()))


def fit_category(name: str, raw: NDArray[Any], *, fill: str, reason: str, most: int) -> CategoryStep | str:
    """The step for one category: its `most` most frequent values (ties: the first by name); a text saying why where it has one only."""
    words = _worded(raw, fill)
    found, counts = np.unique(words, return_counts=True)
    if found.size == 1:
        return f"constant: every customer has '{found[0]}'"
    kept = found[np.lexsort((found, -counts))][:most]
    bare = CategoryStep(name, fill, reason, tuple(str(word) for word in kept), (0.0,) * (kept.size + 1))
    return CategoryStep(name, fill, reason, bare.categories, _plain(bare.apply(raw).mean(axis=0)))


def _filled(raw: NDArray[Any], fill: float) -> Floats:
    return np.where(np.isfinite(raw), raw, fill)


def _worded(raw: NDArray[Any], fill: str) -> NDArray[Any]:
    return np.array([fill if word is None else str(word) for word in raw], dtype=object)


def _clipped(values: Floats, low: float | None, high: float | None) -> Floats:
    return values if low is None and high is None else np.clip(values, low, high)


def _transformed(values: Floats, transform: str, knots: Floats, ranks: Floats) -> Floats:
    if transform == "rank":
        return np.interp(values, knots, ranks)
    return np.sign(values) * np.log1p(np.abs(values)) if transform == "log" else values


def _distribution(values: Floats, knots: int) -> tuple[Floats, Floats]:
    """At most `knots` values of the sample with their mid-rank: the share below plus half the share that is equal, 0 to 1."""
    found, counts = np.unique(values, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / values.size
    if found.size <= knots:
        return found, ranks
    chosen = np.unique(np.quantile(values, np.linspace(0, 1, knots), method="inverted_cdf"))
    return chosen, ranks[np.searchsorted(found, chosen)]


def _plain(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
