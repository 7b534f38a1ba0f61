"""How each recommender scores all items for some customers. A scorer is a few settings, sent to the tasks; `ready` gives it a block and a shelf.

A score of -inf means that the model has nothing to say. Scores are float64, rounded to 9 decimals: the last bits depend on the machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from coterie.recommend.tasks.block import Block, Floats, Places, Shelf

_DECIMALS = 9


class Ready(Protocol):
    """A scorer with a block of customers before it."""

    def tile(self, start: int, stop: int) -> Floats:
        """(stop - start, m) scores of all items for the customers at the places start .. stop - 1 of the block."""
        ...

    def reasons(self, customers: Places, items: Places) -> list[str | None]:
        """Why, in words, for each customer and item it scored; None where the model knows no fact."""
        ...


class Scorer(Protocol):
    @property
    def kind(self) -> str: ...

    def ready(self, block: Block, shelf: Shelf) -> Ready: ...


@dataclass(frozen=True)
class Recency:
    """What an own item weighs: intensity x 2^(-days since the last event / half_life_days)."""

    half_life_days: float

    def of(self, block: Block) -> Floats:
        return np.where(block.own["intensity"] > 0, block.own["intensity"] * 2.0 ** (-block.own["last_age"] / self.half_life_days), 0.0)


@dataclass(frozen=True)
class ItemWeights:
    """Scores X (W + own_weight I): X (u, m) the customers' own items, W (m, m) of side "item", the row's item to its `ids`.

    Reason: the other own item that adds most.
    """

    kind: str
    weighs: Recency
    words: str  # with {} for the own item's name
    own_weight: float = 0.0  # what an own item says for itself, which matters where items may be offered again

    def ready(self, block: Block, shelf: Shelf) -> Ready:
        weights = shelf.side(self.kind, "item").matrix(shelf.ids, shelf.ids)
        history = block.history(self.weighs.of(block), len(shelf.ids))
        transposed = cache(weights.T.tocsr)  # asked for by reasons only

        def because(customers: Places, items: Places) -> list[str | None]:
            shares = history[customers].multiply(transposed()[items]).tocsr()
            most = np.asarray(shares.argmax(axis=1)).ravel()
            has_one = np.asarray(shares.max(axis=1).todense()).ravel() > 0
            names = shelf.names.take(pa.array(most)).to_pylist()
            return [self.words.format(name) if known else None for name, known in zip(names, has_one, strict=True)]

        own = sparse.identity(len(shelf.ids), format="csr") * self.own_weight
        return _Product(history, (weights + own).tocsr() if self.own_weight else weights, because)


@dataclass(frozen=True)
class Neighbours:
    """Scores S V: S (u, customers) the similarities to the neighbours to a power, V (customers, m) of sides "basket" and "looked", what each of
    them bought, and did something else with. Reason: how many of the neighbours bought it, else how many looked at it."""

    kind: str
    power: float

    def ready(self, block: Block, shelf: Shelf) -> Ready:
        baskets, looked = (shelf.side(self.kind, name) for name in ("basket", "looked"))
        whose = pc.unique(pa.chunked_array([baskets.ids, looked.ids], pa.string()))
        bought, others = baskets.matrix(whose, shelf.ids), looked.matrix(whose, shelf.ids)
        near = block.sides.get(self.kind)
        similar = near.matrix(block.customers, whose) if near else sparse.csr_matrix((len(block.customers), len(whose)))
        similar.data = similar.data**self.power
        transposed = cache(lambda: (bought.T.tocsr(), others.T.tocsr()))

        def counted(customers: Places, had: sparse.csr_matrix, items: Places) -> list[int]:
            return [int(count) for count in np.asarray((similar[customers] > 0).multiply(had[items] > 0).sum(axis=1)).ravel()]

        def because(customers: Places, items: Places) -> list[str | None]:
            buyers, lookers = (counted(customers, had, items) for had in transposed())
            words = [("bought", n) if n else ("looked at", m) for n, m in zip(buyers, lookers, strict=True)]
            return [f"{verb} by {_customers(count)} like you" if count else None for verb, count in words]

        return _Product(similar, (bought + others).tocsr(), because)


@dataclass(frozen=True)
class Factors:
    """Scores U V': the vectors of the customer and of the item. Reason: the own item that adds most, by its weight times the cosine of
    the two items' vectors: after Hu, Koren, Volinsky 2008, section 5, with one similarity of items for all customers."""

    kind: str
    weighs: Recency

    def ready(self, block: Block, shelf: Shelf) -> Ready:
        items, customers = shelf.side(self.kind, "item"), block.sides.get(self.kind)
        width = items.vectors().shape[1]
        vectors, is_known = _placed(items.vectors(), items.ids, shelf.ids, width)
        if customers is None:
            return _Same(np.full(len(shelf.ids), -np.inf), lambda item: None)
        users, is_user = _placed(customers.vectors(), customers.ids, block.customers, width)
        return _Dots(users, is_user, vectors, is_known, block.history(self.weighs.of(block), len(shelf.ids)), shelf.names)


@dataclass(frozen=True)
class Order:
    """One order for everybody, by the shortest window with a buyer, then buyers, then units, then id. Score: 1 / place."""

    kind: str

    def ready(self, block: Block, shelf: Shelf) -> Ready:
        buyers, days = (shelf.facts[name] for name in ("window_buyers", "window_days"))

        def say(item: int) -> str:
            if buyers[item] > 0:
                return f"bought by {_customers(int(buyers[item]))} in the last {int(days[item])} days"
            return "new in the shop" if shelf.listed_ages[item] <= 30 else "in the shop"

        return _Same(1 / (1 + popular_places(shelf)), say)


@dataclass(frozen=True)
class Fresh:
    """The order of `Order`, of items first listed within the last `new_days` days alone."""

    kind: str
    new_days: int

    def ready(self, block: Block, shelf: Shelf) -> Ready:
        scores = np.where(shelf.listed_ages <= self.new_days, 1 / (1 + popular_places(shelf)), -np.inf)
        return _Same(scores, lambda item: f"new: in the shop for {int(shelf.listed_ages[item])} days")


@dataclass(frozen=True)
class Again:
    """Scores of own items that were bought: bought_days^power x 2^(-|days since the last purchase| / half life), see `repeat`."""

    kind: str
    half_life_days: float
    power: float

    def ready(self, block: Block, shelf: Shelf) -> Ready:
        days, age = block.own["bought_days"], block.own["last_bought_age"]
        scores = np.where(days > 0, days**self.power * 2.0 ** (-np.maximum(age, 0) / self.half_life_days), 0.0)
        history, one = block.history(scores, len(shelf.ids)), sparse.identity(len(shelf.ids), format="csr")
        bought, aged = (cache(partial(block.history, values, len(shelf.ids))) for values in (days, age + 1))  # asked for by reasons only

        def because(customers: Places, items: Places) -> list[str | None]:
            times = np.asarray(bought()[customers, items]).ravel()
            ages = np.asarray(aged()[customers, items]).ravel() - 1
            return [_again(int(count), int(ago)) if count else None for count, ago in zip(times, ages, strict=True)]

        return _Product(history, one, because)


@dataclass(frozen=True)
class _Product:
    left: sparse.csr_matrix
    right: sparse.csr_matrix
    because: Callable[[Places, Places], list[str | None]]

    def tile(self, start: int, stop: int) -> Floats:
        scores = np.round((self.left[start:stop] @ self.right).toarray(), _DECIMALS)
        return np.where(scores > 0, scores, -np.inf)

    def reasons(self, customers: Places, items: Places) -> list[str | None]:
        return self.because(customers, items) if len(customers) else []


@dataclass(frozen=True)
class _Dots:
    users: Floats
    is_user: Places
    vectors: Floats
    is_known: Places
    history: sparse.csr_matrix
    names: pa.Array

    @cached_property
    def _unit(self) -> Floats:
        """(m, f) the items' vectors at length 1, asked for by reasons only."""
        lengths = np.sqrt((self.vectors**2).sum(axis=1, keepdims=True))
        unit: Floats = self.vectors / np.where(lengths > 0, lengths, 1.0)
        return unit

    def tile(self, start: int, stop: int) -> Floats:
        scores = np.round(self.users[start:stop] @ self.vectors.T, _DECIMALS)
        scores[:, ~self.is_known] = -np.inf
        scores[~self.is_user[start:stop]] = -np.inf
        return scores

    def reasons(self, customers: Places, items: Places) -> list[str | None]:
        said: list[str | None] = []
        for customer, item in zip(customers, items, strict=True):
            first, last = self.history.indptr[customer], self.history.indptr[customer + 1]
            own = self.history.indices[first:last]
            speaks = np.round(self.history.data[first:last] * (self._unit[own] @ self._unit[item]), _DECIMALS) * (own != item)
            best = int(speaks.argmax()) if len(own) else -1
            said.append(f"fits your taste for {self.names[int(own[best])].as_py()}" if best >= 0 and speaks[best] > 0 else None)
        return said


@dataclass(frozen=True)
class _Same:
    """The same scores (m,) for everybody; `say`: why an item is offered."""

    scores: Floats
    say: Callable[[int], str | None]

    def tile(self, start: int, stop: int) -> Floats:
        return np.tile(self.scores, (stop - start, 1))

    def reasons(self, customers: Places, items: Places) -> list[str | None]:
        return [self.say(int(item)) for item in items]


def popular_places(shelf: Shelf) -> Places:
    """(m,): the place of each item in the order that `Order` gives everybody, from 0."""
    days, buyers, units = (shelf.facts[name] for name in ("window_days", "window_buyers", "window_units"))
    order = np.lexsort((np.arange(len(days)), -units, -buyers, np.where(days > 0, days, np.inf)))
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return places


def _placed(vectors: Floats, ids: pa.Array, wanted: pa.Array, width: int) -> tuple[Floats, Places]:
    """(wanted, width) vectors in the order of `wanted`, zeros for those without, and which have one."""
    places = pc.index_in(wanted, value_set=ids).fill_null(-1).to_numpy(zero_copy_only=False)
    known = places >= 0
    found = np.zeros((len(wanted), width))
    found[known] = vectors[places[known]]
    return found, known


def _customers(count: int) -> str:
    return "1 customer" if count == 1 else f"{count:,} customers"


def _again(days: int, ago: int) -> str:
    last = "today" if ago == 0 else "yesterday" if ago == 1 else f"{ago} days ago"
    return f"you bought it {last}" if days == 1 else f"you have bought it on {days} days, last {last}"
