"""Numbers to a shop's words: the rows of the files, as Arrow tables."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from coterie.synth.assortment import CATEGORIES, Assortment
from coterie.synth.behaviour import CHANNELS, KINDS
from coterie.synth.moments import DAY, Events
from coterie.synth.personas import COLD, PERSONAS
from coterie.synth.profiles import COUNTRIES, GENDERS, Plan, Profiles
from coterie.synth.words import queries, reviews

CURRENCY = "EUR"
_TEXTS = ("event_id", "customer_id", "item_id", "event_type", "occurred_at", "quantity", "unit_price", "currency")
_MORE_TEXTS = ("order_id", "session_id", "channel", "country", "query")
EVENT_SCHEMA = pa.schema(
    [pa.field(name, pa.string()) for name in (*_TEXTS, *_MORE_TEXTS)]
    + [pa.field("rating", pa.int32()), pa.field("text", pa.string()), pa.field("date", pa.string())]
)
CUSTOMER_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()), ("valid_from", pa.date32()), ("country", pa.string()), ("birth_year", pa.int32()),
        ("gender", pa.string()), ("joined_on", pa.date32()),
    ]
)
PERSONA_SCHEMA = pa.schema([("customer_id", pa.string()), ("persona", pa.string())])


def item_ids(numbers: NDArray[np.int64]) -> pa.Array:
    """The ids of items; null where the number is below 0."""
    return _ids("I", 100_000, numbers)


def _ids(letter: str, base: int, numbers: NDArray[np.int64]) -> pa.Array:
    """Ids such as I100023; null where the number is below 0."""
    return pc.binary_join_element_wise(letter, pc.cast(pa.array(base + numbers, mask=numbers < 0), pa.string()), "")


def _words(names: list[str] | tuple[str, ...], codes: NDArray[np.int64]) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(codes, mask=(codes < 0) | (codes >= len(names))))


def _customer_ids(numbers: NDArray[np.int64]) -> pa.Array:
    return _ids("C", 100_000_000, numbers)


def event_rows(plan: Plan, chunk: int, profiles: Profiles, shop: Assortment, events: Events) -> pa.Table:
    """The events of a chunk as text, in the order given; `date` is the UTC day whose file they go to. Ids name chunk and place in it."""
    who, at, units, cents = events["who"], events["at"], events["units"], events["cents"]
    is_money = units != 0
    instants = plan.first_day.astype("datetime64[s]") + at
    seconds = pc.cast(pa.array(instants), pa.string())
    euros = pc.cast(pa.array(cents // 100, mask=~is_money), pa.string())
    rest = pc.utf8_slice_codeunits(pc.cast(pa.array(100 + cents % 100), pa.string()), 1)
    has_moved_since = (profiles.moved_from[who] >= 0) & (at // DAY < profiles.moved_on[who])
    columns = {
        "event_id": _ids("E", 10**12 + chunk * 10**7, np.arange(len(at))),
        "customer_id": _customer_ids(np.where(who < profiles.count, profiles.first + who, -1)),
        "item_id": item_ids(events["item"]),
        "event_type": _words(KINDS, events["kind"]),
        "occurred_at": pc.binary_join_element_wise(pc.replace_substring(seconds, " ", "T"), "Z", ""),
        "quantity": pc.cast(pa.array(units, mask=~is_money), pa.string()),
        "unit_price": pc.binary_join_element_wise(euros, rest, "."),
        "currency": _words((CURRENCY,), np.where(is_money, 0, -1)),
        "order_id": _ids("O", 10**10 + chunk * 10**6, events["order"]),
        "session_id": _ids("S", 10**11 + chunk * 10**7, events["session"]),
        "channel": _words(CHANNELS, events["channel"]),
        "country": _words(COUNTRIES, np.where(has_moved_since, profiles.moved_from[who], profiles.country[who])),
        "query": _words(queries(CATEGORIES), events["query"]),
        "rating": pa.array(events["stars"].astype(np.int32), mask=events["stars"] == 0),
        "text": _words(reviews(CATEGORIES), events["text"]),
        "date": pc.utf8_slice_codeunits(seconds, 0, 10),
    }
    return pa.table(columns, schema=EVENT_SCHEMA)


def customer_rows(plan: Plan, profiles: Profiles) -> pa.Table:
    """What the shop declares: a row a customer from the day they joined, and one more from the day they moved."""
    here = np.arange(profiles.count)
    moved = here[(profiles.moved_from[here] >= 0) & (profiles.moved_on[here] < plan.days)]
    who = np.concatenate([here, moved])
    is_later = np.arange(len(who)) >= profiles.count
    was_elsewhere = np.isin(who, moved) & ~is_later
    birth_year = profiles.birth_year[who]
    columns = {
        "customer_id": _customer_ids(profiles.first + who),
        "valid_from": _dates(plan, np.where(is_later, profiles.moved_on[who], profiles.joined[who])),
        "country": _words(COUNTRIES, np.where(was_elsewhere, profiles.moved_from[who], profiles.country[who])),
        "birth_year": pa.array(birth_year.astype(np.int32), mask=birth_year == 0),
        "gender": _words(GENDERS, profiles.gender[who]),
        "joined_on": _dates(plan, profiles.joined[who]),
    }
    return pa.table(columns, schema=CUSTOMER_SCHEMA)


def persona_rows(profiles: Profiles) -> pa.Table:
    """The planted truth: the persona of each customer, or that they are cold."""
    here = slice(0, profiles.count)
    codes = np.where(profiles.is_cold[here], len(PERSONAS), profiles.persona[here])
    names = [persona.name for persona in PERSONAS] + [COLD]
    ids = _customer_ids(profiles.first + np.arange(profiles.count))
    return pa.table({"customer_id": ids, "persona": _words(names, codes)}, schema=PERSONA_SCHEMA)


def _dates(plan: Plan, days: NDArray[np.int64]) -> pa.Array:
    return pa.array((plan.first_day + days).astype("datetime64[D]"))
