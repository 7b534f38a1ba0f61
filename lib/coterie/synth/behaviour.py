"""What the customers of a chunk do: orders, the looking before them, what comes of them, and visits that lead to none.

Events are arrays of numbers here, one dict of arrays by field (`FIELDS`); `encode` makes the text of them. An item is looked at and
put into the cart before it is bought, so that what a customer has seen says something about what comes next.
"""

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from coterie.synth.assortment import CATEGORIES, Assortment, pick
from coterie.synth.moments import DAY, Events, calendars_of, moments
from coterie.synth.personas import PERSONAS
from coterie.synth.profiles import FAVOURITES, Plan, Profiles
from coterie.synth.words import QUERIES_PER_CATEGORY, REVIEWS_PER_STAR

KINDS = ("view", "search", "cart", "impression", "click", "purchase", "return", "cancel", "review")
CHANNELS = ("web", "app", "store")
# Field: what it holds where there is nothing. `who` counts a chunk's profiles; `at` is in seconds from the shop's first midnight.
FIELDS = {
    "who": -1, "item": -1, "kind": 0, "at": 0, "units": 0, "cents": -1, "order": -1, "session": -1,
    "channel": 0, "query": -1, "stars": 0, "text": -1,
}

_CARTED, _ABANDONED, _REVIEWED, _CANCELLED = 0.6, 0.05, 0.15, 0.015  # chances: of a line, of a view, of a line, of an order
_VIEWS_PER_VISIT, _SEARCHED, _SHOWN, _CLICKED = 3, 0.6, 0.5, 0.3  # views; chances of a visit, of a view, of what was shown
_SESSIONS_PER_ORDER = 8  # the order's own and one for each of the seven days before it

_ORDERS, _LINES, _UNITS, _LOOKS, _VISITS, _RETURNED, _SHARE, _STARS, _REGULAR, _DISCOUNT = (
    np.array([getattr(persona, field) for persona in PERSONAS])
    for field in ("orders", "lines", "units", "looks", "visits", "returned", "share", "stars", "regular", "discount")
)


def busyness(plan: Plan) -> float:
    """What multiplies views and visits, so that a customer comes to `plan.events_per_customer` events on average, about."""
    bought, looked = _usual_events(plan)
    return 1.0 if plan.events_per_customer is None else max(0.05, (plan.events_per_customer - bought) / looked)


def expected_events(plan: Plan) -> float:
    """About how many events the shop will have."""
    bought, looked = _usual_events(plan)
    return (bought + busyness(plan) * looked) * plan.customers


def _usual_events(plan: Plan) -> tuple[float, float]:
    """Mean events of a customer: around what they buy, and of looking only."""
    lines = _ORDERS * _LINES
    visit = _VIEWS_PER_VISIT * (1 + _ABANDONED + _SHOWN * (1 + _CLICKED)) + _SEARCHED
    return (
        float(_SHARE @ (lines * (1 + _CARTED + _REVIEWED + _RETURNED))) * plan.year_share,
        float(_SHARE @ (lines * _LOOKS + _VISITS * visit)) * plan.year_share,
    )


def make_events(plan: Plan, chunk: int, profiles: Profiles, shop: Assortment) -> Events:
    """All clean events of a chunk within the shop's days, by time."""
    rng = default_rng([plan.seed, 2, chunk])
    busy = busyness(plan)
    calendars = calendars_of(plan)
    orders = _orders(rng, profiles, calendars)
    lines = _lines(rng, orders, profiles, shop)
    visits = moments(rng, profiles, calendars, profiles.visits)
    visits |= {"channel": visits["device"], "session": len(orders["who"]) * _SESSIONS_PER_ORDER + np.arange(len(visits["who"]))}
    parts = [
        _only(lines, FIELDS), *_before(rng, lines, busy), _cancels(rng, lines, orders, profiles), *_after(rng, lines, profiles, shop),
        *_visits(rng, visits, profiles, shop),
    ]
    events = {
        field: np.concatenate([part.get(field, np.full(len(part["who"]), empty)) for part in parts]) for field, empty in FIELDS.items()
    }
    within = np.flatnonzero((events["at"] >= 0) & (events["at"] < plan.days * DAY))
    order = within[np.argsort(events["at"][within], kind="stable")]
    return {field: values[order] for field, values in events.items()}


def _only(rows: Events, fields: dict[str, int]) -> Events:
    return {field: rows[field] for field in fields if field in rows}


def _take(rows: Events, index: NDArray[np.int64], *fields: str) -> Events:
    return {field: rows[field][index] for field in fields}


def _orders(rng: Generator, profiles: Profiles, calendars: NDArray[np.float64]) -> Events:
    """The orders: who, when, in which channel."""
    counts = profiles.orders
    who = np.repeat(np.arange(len(counts)), counts)
    turn = np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts)
    phase = rng.random(len(counts))[who]
    regular = _REGULAR[profiles.persona[who]]
    even = (turn + regular * phase + (1 - regular) * rng.random(len(who))) / counts[who]
    orders = moments(rng, profiles, calendars, counts, np.where(regular > 0, even, rng.random(len(who))))
    order = np.arange(len(who))
    return orders | {"order": order, "session": order * _SESSIONS_PER_ORDER}


def _wanted(rng: Generator, who: NDArray[np.int64], day: NDArray[np.int64], profiles: Profiles, shop: Assortment) -> NDArray[np.int64]:
    """An item to each customer's taste: 60 % of their two categories and style, 20 % of any favourite of the persona, 20 % of all."""
    persona, style = profiles.persona[who], profiles.style[who]
    chance = rng.random(len(who))
    is_own, is_anything = chance < 0.6, chance >= 0.8
    own = profiles.tastes[who, (rng.random(len(who)) > 0.6).astype(int)]
    favourite = FAVOURITES[persona, rng.integers(0, FAVOURITES.shape[1], len(who))]
    low = np.where(is_own, own * shop.styles + style, favourite * shop.styles)
    high = np.where(is_own, low + 1, low + shop.styles)
    begin, end = np.where(is_anything, 0, shop.cells[low]), np.where(is_anything, len(shop.category), shop.cells[high])
    return pick(rng, shop, persona, begin, end, day)


def _lines(rng: Generator, orders: Events, profiles: Profiles, shop: Assortment) -> Events:
    """The lines of the orders: purchases."""
    persona = profiles.persona[orders["who"]]
    count = 1 + rng.poisson(_LINES[persona] - 1)
    index = np.repeat(np.arange(len(count)), count)
    rows = _take(orders, index, "who", "at", "channel", "device", "order", "session")
    persona = persona[index]
    item = _wanted(rng, rows["who"], rows["at"] // DAY, profiles, shop)
    discount = np.clip(_DISCOUNT[persona] * rng.uniform(0, 2, len(index)), 0, 0.6)
    cents = np.maximum(np.round(shop.cents[item] * (1 - discount)), 1).astype(np.int64)
    kind = np.full(len(index), KINDS.index("purchase"))
    return {**rows, "item": item, "kind": kind, "units": 1 + rng.poisson(_UNITS[persona] - 1), "cents": cents, "persona": persona}


def _before(rng: Generator, lines: Events, busy: float) -> tuple[Events, Events]:
    """Views of what is bought later, 70 % in the same session and the rest up to a week before, and its way into the cart."""
    count = rng.poisson(_LOOKS[lines["persona"]] * busy)
    index = np.repeat(np.arange(len(count)), count)
    views = _take(lines, index, "who", "item", "order")
    back = np.where(rng.random(len(index)) < 0.7, 0, rng.integers(1, _SESSIONS_PER_ORDER, len(index)))
    views |= {
        "at": lines["at"][index] - back * DAY - rng.integers(120, 1800, len(index)),
        "session": views.pop("order") * _SESSIONS_PER_ORDER + back,
        "channel": lines["device"][index],
        "kind": np.full(len(index), KINDS.index("view")),
    }
    carted = np.flatnonzero((rng.random(len(count)) < _CARTED) & (lines["channel"] < CHANNELS.index("store")))
    carts = _take(lines, carted, "who", "item", "at", "session", "channel")
    carts |= {"at": carts["at"] - rng.integers(10, 110, len(carted)), "kind": np.full(len(carted), KINDS.index("cart"))}
    return views, carts


def _cancels(rng: Generator, lines: Events, orders: Events, profiles: Profiles) -> Events:
    """Orders cancelled in full within two days: each line again, with its units negative. A guest's order stays."""
    is_cancelled = (rng.random(len(orders["who"])) < _CANCELLED) & (orders["who"] < profiles.count)
    delay = rng.integers(600, 2 * DAY, len(is_cancelled))
    lines["is_cancelled"] = is_cancelled[lines["order"]].astype(np.int64)
    index = np.flatnonzero(lines["is_cancelled"])
    at = lines["at"][index] + delay[lines["order"][index]]
    cancels = _take(lines, index, "who", "item", "cents", "order", "channel")
    return cancels | {"at": at, "units": -lines["units"][index], "kind": np.full(len(index), KINDS.index("cancel"))}


def _after(rng: Generator, lines: Events, profiles: Profiles, shop: Assortment) -> tuple[Events, Events]:
    """Returns within three weeks, of all units or of some, and reviews with stars and words; none of what was cancelled or a guest's."""
    kept = np.flatnonzero((lines["is_cancelled"] == 0) & (lines["who"] < profiles.count))
    is_back = rng.random(len(kept)) < _RETURNED[lines["persona"][kept]]
    back = kept[is_back]
    returns = _take(lines, back, "who", "item", "cents", "order", "channel")
    units = np.where(rng.random(len(back)) < 0.8, lines["units"][back], rng.integers(1, lines["units"][back] + 1))
    at = lines["at"][back] + rng.integers(2 * DAY, 21 * DAY, len(back))
    returns |= {"at": at, "units": -units, "kind": np.full(len(back), KINDS.index("return"))}
    told = rng.random(len(kept)) < _REVIEWED
    index = kept[told]
    stars = np.clip(np.round(rng.normal(_STARS[lines["persona"][index]] - 1.5 * is_back[told], 0.8)), 1, 5).astype(np.int64)
    wording = rng.integers(0, REVIEWS_PER_STAR, len(index))
    reviews = _take(lines, index, "who", "item") | {
        "at": lines["at"][index] + rng.integers(3 * DAY, 25 * DAY, len(index)),
        "channel": lines["device"][index],
        "kind": np.full(len(index), KINDS.index("review")),
        "stars": stars,
        "text": ((stars - 1) * REVIEWS_PER_STAR + wording) * len(CATEGORIES) + shop.category[lines["item"][index]],
    }
    return returns, reviews


def _visits(rng: Generator, visits: Events, profiles: Profiles, shop: Assortment) -> list[Events]:
    """Views, searches, abandoned carts, and what the shop puts before the visitor, of visits that end without an order."""
    fields = ("who", "at", "channel", "session")
    count = 1 + rng.poisson(_VIEWS_PER_VISIT - 1, len(visits["who"]))
    views = _take(visits, np.repeat(np.arange(len(count)), count), *fields)
    views["at"] += rng.integers(1, 1500, len(views["at"]))
    views["item"] = _wanted(rng, views["who"], np.minimum(views["at"] // DAY, shop.days - 1), profiles, shop)
    searched = np.flatnonzero(rng.random(len(count)) < _SEARCHED)
    searches = _take(visits, searched, *fields)
    category = profiles.tastes[searches["who"], rng.integers(0, 2, len(searched))]
    searches["query"] = category + len(CATEGORIES) * rng.integers(0, QUERIES_PER_CATEGORY, len(searched))
    abandoned = _take(views, np.flatnonzero(rng.random(len(views["at"])) < _ABANDONED), *fields, "item")
    abandoned["at"] += 30
    shown = _take(views, np.flatnonzero(rng.random(len(views["at"])) < _SHOWN), *fields, "item")
    shown["item"] = _wanted(rng, shown["who"], np.minimum(shown["at"] // DAY, shop.days - 1), profiles, shop)
    clicked = _take(shown, np.flatnonzero(rng.random(len(shown["at"])) < _CLICKED), *fields, "item")
    clicked["at"] += 5
    named = {"view": views, "search": searches, "cart": abandoned, "impression": shown, "click": clicked}
    return [rows | {"kind": np.full(len(rows["at"]), KINDS.index(kind))} for kind, rows in named.items()]
