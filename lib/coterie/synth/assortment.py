"""What the seeded shop sells, and who picks what of it.

Items lie in cells of category and style. Within a cell popularity falls off steeply, and each persona bends it by its liking for
cheap or dear items; which cell a customer picks from is a matter of the customer's own taste (see `profiles`).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from coterie.synth.personas import PERSONAS
from coterie.synth.words import title

# Department: its categories, with the middle list price. Those of apparel are the ten classes of Fashion-MNIST.
DEPARTMENTS: dict[str, dict[str, float]] = {
    "apparel": {
        "T-shirt/top": 13, "Trouser": 40, "Pullover": 35, "Dress": 58, "Coat": 130,
        "Sandal": 28, "Shirt": 34, "Sneaker": 70, "Bag": 75, "Ankle boot": 95,
    },
    "home": {"Bedding": 45, "Kitchen": 24, "Lighting": 55},
    "garden": {"Plants": 11, "Tools": 33, "Outdoor furniture": 160},
    "leisure": {"Books": 13, "Toys": 21, "Games": 36},
    "office": {"Stationery": 7, "Paper and ink": 30, "Desk equipment": 62},
}
CATEGORIES: tuple[str, ...] = tuple(category for categories in DEPARTMENTS.values() for category in categories)

_BASE_PRICES = np.array([price for categories in DEPARTMENTS.values() for price in categories.values()], dtype=float)
_CELL_ITEMS = 14  # items a cell should have: more make more styles, up to the next number
_MOST_STYLES = 8
_STEEPNESS = 0.7  # the item of rank r in its cell is picked 1 / (r + 1) ** this as often as the first

_FAME = 1.0  # standard deviation of the logarithm of an item's own renown, which makes best sellers


@dataclass(frozen=True)
class Assortment:
    """Arrays over the items, which are ordered by category, then style, then rank within the cell.

    `cells` (categories x styles + 1) holds where each cell begins, the end of the last one included; `likings` (personas x items,
    flat) holds running sums of what each persona likes, persona p's between p and p + 1. Days are counted from the shop's first.
    """

    category: NDArray[np.int64]
    cents: NDArray[np.int64]
    listed: NDArray[np.int64]  # first day on which it is sold; before 0 for what was there already
    withdrawn: NDArray[np.int64]  # first day on which it is not sold any more
    styles: int
    cells: NDArray[np.int64]
    likings: NDArray[np.float64]
    days: int

    @property
    def titles(self) -> list[str]:
        first = np.searchsorted(self.category, self.category)
        numbers = np.arange(len(first)) - first
        return [title(int(number), CATEGORIES[category]) for number, category in zip(numbers, self.category, strict=True)]

    def weights(self, persona: int) -> NDArray[np.float64]:
        """The chance of each item among all, for that persona, taste of the single customer aside."""
        count = len(self.category)
        ends = self.likings[persona * count : (persona + 1) * count]
        return np.diff(ends, prepend=float(persona))


@lru_cache(maxsize=4)
def make_assortment(seed: int, customers: int, days: int) -> Assortment:
    """The items of a shop of so many customers: about 12 for the square root of them, two a category at least."""
    rng = default_rng([seed, 0])
    per_category = max(2, round(12 * customers**0.5 / len(CATEGORIES)))
    styles = int(np.clip(per_category // _CELL_ITEMS, 1, _MOST_STYLES))
    category = np.repeat(np.arange(len(CATEGORIES)), per_category)
    within = np.tile(np.arange(per_category), len(CATEGORIES))
    style = within * styles // per_category
    cells = np.append(np.searchsorted(category * styles + style, np.arange(len(CATEGORIES) * styles)), len(category))
    rank = np.arange(len(category)) - cells[category * styles + style]
    dearness = rng.normal(0, 1, len(category))
    fame = np.exp(rng.normal(0, _FAME, len(category)))
    cents = np.maximum(np.round(_BASE_PRICES[category] * np.exp(0.3 * dearness)) * 100 - 1, 99).astype(np.int64)
    listed, withdrawn = _lives(rng, rank, days)
    return Assortment(category, cents, listed, withdrawn, styles, cells, _likings(rank, fame, dearness, category), days)


def _lives(rng: Generator, rank: NDArray[np.int64], days: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First day of each item and first day after its last. The first item of a cell is there throughout."""
    chance = rng.random(len(rank))
    newcomer, leaver = (rank > 0) & (chance < 0.12), (rank > 0) & (chance > 0.97)
    listed = np.where(newcomer, rng.integers(0, days, len(rank)), -rng.integers(1, 1500, len(rank)))
    withdrawn = np.where(leaver, rng.integers(0, days, len(rank)), days + 1)
    return listed, withdrawn


def _likings(
    rank: NDArray[np.int64], fame: NDArray[np.float64], dearness: NDArray[np.float64], category: NDArray[np.int64]
) -> NDArray[np.float64]:
    popularity = fame * (rank + 1.0) ** -_STEEPNESS
    ends = []
    for number, persona in enumerate(PERSONAS):
        favourite = np.isin(category, [CATEGORIES.index(name) for name in persona.favourites])
        weight = popularity * np.exp(-0.6 * persona.thrift * dearness) * np.where(favourite, 3.0, 1.0)
        ends.append(number + np.cumsum(weight) / weight.sum())
    return np.concatenate(ends)


def pick(
    rng: Generator, shop: Assortment, persona: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.int64]:
    """An item from the range [low, high) of items for each, by the persona's liking, among those sold on the day.

    An item not sold on its day is drawn again, three times; then the first of the range is taken, which is sold always.
    """
    count = len(shop.category)
    before = np.where(low > 0, shop.likings[persona * count + low - 1], persona)
    until = shop.likings[persona * count + high - 1]
    item = np.full(len(persona), -1, dtype=np.int64)
    for _ in range(4):
        open_ = np.flatnonzero(item < 0)
        target = before[open_] + rng.random(len(open_)) * (until[open_] - before[open_])
        drawn = np.searchsorted(shop.likings, target, side="right") - persona[open_] * count
        drawn = np.clip(drawn, low[open_], high[open_] - 1)
        is_sold = (shop.listed[drawn] <= day[open_]) & (day[open_] < shop.withdrawn[drawn])
        item[open_] = np.where(is_sold, drawn, -1)
    return np.where(item < 0, low, item)
