"""Who the customers of a chunk are: persona, taste, how long they are there, and what the shop declares of them.

A chunk is a fixed number of customers with a stream of random numbers of its own: whatever computes it, it comes out the same.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from coterie.synth.assortment import CATEGORIES
from coterie.synth.personas import PERSONAS

CHUNK = 500  # customers
COUNTRIES = ("DE", "AT", "CH", "FR", "NL", "PL")
_COUNTRY_SHARES = (0.62, 0.12, 0.08, 0.08, 0.06, 0.04)
GENDERS = ("female", "male", "diverse")
_GUESTS = 0.4  # anonymous visitors for each customer; each comes once

# The favourite categories of each persona.
FAVOURITES = np.array([[CATEGORIES.index(name) for name in persona.favourites] for persona in PERSONAS])


@dataclass(frozen=True)
class Plan:
    """The arguments that decide the rows. `events_per_customer` None: as many as the personas do of themselves."""

    customers: int
    days: int
    seed: int
    first_day: np.datetime64
    dirty_share: float
    events_per_customer: float | None

    @property
    def chunks(self) -> int:
        return -(-self.customers // CHUNK)

    @property
    def year_share(self) -> float:
        """How many years of orders the shop holds: one, unless it is open for longer."""
        return max(1.0, self.days / 365)


@dataclass(frozen=True)
class Profiles:
    """Arrays over the customers of a chunk, and after them its guests, who have no id. Days are counted from the shop's first."""

    count: int  # customers; rows from here on are guests
    first: int  # the number of the first customer in the whole shop
    persona: NDArray[np.int64]
    is_cold: NDArray[np.bool_]
    start: NDArray[np.int64]  # first day on which they do something
    end: NDArray[np.int64]  # last such day
    joined: NDArray[np.int64]
    orders: NDArray[np.int64]
    visits: NDArray[np.int64]
    tastes: NDArray[np.int64]  # (rows, 2): the two favourite categories that are dearest to them
    style: NDArray[np.int64]  # the style they like in every category
    country: NDArray[np.int64]
    moved_from: NDArray[np.int64]  # the country before `moved_on`, or -1
    moved_on: NDArray[np.int64]
    birth_year: NDArray[np.int64]  # 0: not declared
    gender: NDArray[np.int64]  # len(GENDERS): not declared


def make_profiles(plan: Plan, chunk: int, styles: int, busyness: float) -> Profiles:
    """The profiles of a chunk; `busyness` multiplies the visits. The first customer of a chunk is never cold."""
    rng = default_rng([plan.seed, 1, chunk])
    first = chunk * CHUNK
    count = min(CHUNK, plan.customers - first)
    size = count + round(_GUESTS * count)
    is_guest = np.arange(size) >= count
    persona = rng.choice(len(PERSONAS), size, p=np.array([persona.share for persona in PERSONAS]))
    is_cold = (rng.random(size) < 0.08) & ~is_guest & (np.arange(size) > 0)
    start, end, joined = _presence(rng, plan.days, persona, is_cold)
    orders, visits = _counts(rng, plan, persona, is_cold, is_guest, busyness)
    has_moved = rng.random(size) < 0.05
    country = rng.choice(len(COUNTRIES), size, p=_COUNTRY_SHARES)
    return Profiles(
        count, first, persona, is_cold, start, end, joined, orders, visits,
        tastes=np.take_along_axis(FAVOURITES[persona], np.argsort(rng.random((size, 4)), axis=1)[:, :2], axis=1),
        style=rng.integers(0, styles, size),
        country=country,
        moved_from=np.where(has_moved, (country + 1) % len(COUNTRIES), -1),
        moved_on=np.maximum(joined + 1, rng.integers(0, plan.days, size)),
        birth_year=np.where(rng.random(size) < 0.1, 0, 1950 + np.clip(rng.normal(33 - 2 * persona, 10), 0, 58).astype(np.int64)),
        gender=rng.choice(len(GENDERS) + 1, size, p=(0.46, 0.42, 0.02, 0.10)),
    )


def _presence(
    rng: Generator, days: int, persona: NDArray[np.int64], is_cold: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """First and last day of doing something, and the day they joined: for most of them long before the shop's first day."""
    size = len(persona)
    joined = np.where(rng.random(size) < 0.8, -rng.integers(1, 1000, size), rng.integers(0, days // 5 + 1, size))
    joined = np.where(is_cold, rng.integers(days * 4 // 5, days, size), joined)
    least, most = np.array([persona.lapsed for persona in PERSONAS])[persona].T
    lapsed = (days * (least + rng.random(size) * (most - least))).astype(np.int64)
    start = np.maximum(joined, 0)
    return start, np.maximum(days - 1 - lapsed, start), joined


def _counts(
    rng: Generator, plan: Plan, persona: NDArray[np.int64], is_cold: NDArray[np.bool_], is_guest: NDArray[np.bool_], busyness: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Orders and visits of each. A guest comes once and buys rarely; who is cold looks in up to three times."""
    size = len(persona)
    usual = np.array([[persona.orders, persona.visits] for persona in PERSONAS])[persona] * plan.year_share
    orders = np.maximum(np.round(usual[:, 0] * np.exp(rng.normal(0, 0.12, size))), 5).astype(np.int64)
    visits = np.round(usual[:, 1] * busyness * np.exp(rng.normal(0, 0.15, size)) + rng.random(size) - 0.5).astype(np.int64)
    orders = np.where(is_cold, 0, np.where(is_guest, rng.random(size) < 0.1, orders))
    return orders, np.where(is_cold, rng.integers(0, 4, size), np.where(is_guest, 1, np.maximum(visits, 0)))
