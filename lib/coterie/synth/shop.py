"""The shop's files, written by Spark."""

import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from coterie.errors import UserError, one_of
from coterie.places import is_address
from coterie.synth.assortment import CATEGORIES, Assortment, make_assortment
from coterie.synth.behaviour import busyness, expected_events, make_events
from coterie.synth.dirt import DUPLICATE, dirty_rows, planted
from coterie.synth.encode import customer_rows, event_rows, item_ids, persona_rows
from coterie.synth.personas import PERSONAS
from coterie.synth.profiles import Plan, Profiles, make_profiles

LAST_DAY = datetime.date(2025, 12, 31)
FORMATS: dict[str, dict[str, str]] = {"parquet": {}, "csv": {"header": "true", "escape": '"'}, "json": {}}

_EVENTS = (
    "event_id string, customer_id string, item_id string, event_type string, occurred_at string, quantity string, unit_price string, "
    "currency string, order_id string, session_id string, channel string, country string, query string, rating int, text string, "
    "date string"
)
_CUSTOMERS = "customer_id string, valid_from date, country string, birth_year int, gender string, joined_on date"
_PERSONAS = "customer_id string, persona string"
_ITEMS = "item_id string, title string, category string, price decimal(18,2), first_listed_on date, is_sellable boolean"
_ROWS_PER_TASK = 200_000  # when the files of the days are written
_ROWS_PER_FILE = 5_000_000  # a day of more goes to several files
_FAVOURITE_ITEMS = 10


@dataclass(frozen=True)
class Truth:
    """What was planted. `dirty`: rows of each kind; `favourites`: persona to its 'categories' and its best-liked 'items'."""

    place: Path
    dirty: dict[str, int]
    favourites: dict[str, dict[str, list[str]]]

    @property
    def duplicate_count(self) -> int:
        return self.dirty[DUPLICATE]

    @property
    def rejected_count(self) -> int:
        return sum(self.dirty.values()) - self.duplicate_count


def make_shop(
    spark: SparkSession,
    out: str,
    customers: int = 2000,
    days: int = 365,
    seed: int = 1,
    last_day: datetime.date = LAST_DAY,
    format: str = "parquet",  # noqa: A002 - the option's name
    dirty_share: float = 0.01,
    events_per_customer: float | None = None,
) -> Truth:
    """Writes a shop's raw files, and the truth that was planted in them, into the folder `out`; gives the truth.

    - `events/date=YYYY-MM-DD/`, one file a day (several above 5 million rows): event_id, customer_id (null: anonymous), item_id,
      event_type, occurred_at, quantity, unit_price, currency, order_id, session_id, channel, country, query, rating, text. The date
      is the UTC day. What may be dirty is text in every format: occurred_at is ISO 8601 in UTC, quantity a whole number (above 0 for
      purchases, below for returns and cancels), unit_price euros and cents; the three and currency are null where no money flows. A
      cancel repeats customer, item, price and order of its purchase with the quantity negative, in full.
    - `items/`: item_id, title, category, price, first_listed_on, is_sellable; `customers/`: customer_id, valid_from, country,
      birth_year, gender, joined_on, where one in twenty has moved and has two rows.
    - `truth/personas/` (Parquet: customer_id, persona, which is 'cold' for who never bought), `truth/dirty.json` (dirty rows of each
      kind), `truth/favourites.json` (persona: categories, items), `truth/shop.json` (the arguments).

    About 8 % of the customers are cold, about 5 % of the events anonymous. Every other customer has 5 orders at least, cancelled
    ones included. `dirty_share` (0..0.2) of the events come on top as dirty rows, in equal parts of every kind. `events_per_customer`
    is a mean, about; None leaves the personas to themselves (some 55 a year). It changes how much is looked at, not what is bought. A
    shop of less than a year holds as much as one of a year.

    The same arguments give the same rows, whatever the cores and workers: customers are made in chunks of 500, each with random
    numbers of its own. (numpy may change its random distributions between versions; then so do the rows.) Where `out` holds the
    finished shop of the same arguments, nothing is written. `out` must be a folder that this process and Spark's workers both see.

    Raises UserError for arguments out of bounds and for a folder that holds something else.
    """
    _require(customers, days, seed, format, dirty_share, events_per_customer)
    first_day = np.datetime64(last_day) - (days - 1)
    plan = Plan(customers, days, seed, first_day, dirty_share, events_per_customer)
    shop = make_assortment(seed, customers, days)
    truth = Truth(Path(out), planted(plan), _favourites(shop))
    arguments = {
        "customers": customers, "days": days, "seed": seed, "last_day": str(last_day), "format": format,
        "dirty_share": dirty_share, "events_per_customer": events_per_customer,
    }  # fmt: skip
    if _is_finished(truth.place, arguments):
        return truth
    _write(_items(spark, plan, shop).coalesce(1), format, f"{out}/items")
    people = -(-customers // 100_000)  # files
    declared = _chunks(spark, plan, _customer_tables, _CUSTOMERS).repartitionByRange(people, "customer_id", "valid_from")
    _write(declared, format, f"{out}/customers")
    personas = _chunks(spark, plan, _persona_tables, _PERSONAS).repartitionByRange(people, "customer_id")
    _write(personas, "parquet", f"{out}/truth/personas")
    tasks = min(days, max(8, round(expected_events(plan) / _ROWS_PER_TASK)))
    events = _chunks(spark, plan, _event_tables, _EVENTS).repartition(tasks, "date").sortWithinPartitions("date", "occurred_at", "event_id")
    _write(events, format, f"{out}/events", partition="date")
    _write_json(truth.place / "truth" / "favourites.json", truth.favourites)
    _write_json(truth.place / "truth" / "dirty.json", truth.dirty)  # last: it says that all is there
    return truth


def _require(customers: int, days: int, seed: int, kind: str, dirty_share: float, events_per_customer: float | None) -> None:
    if kind not in FORMATS:
        raise UserError(f"found format '{kind}'; {one_of(kind, FORMATS)}")
    bounds: dict[str, tuple[float, float, float]] = {
        "customers": (customers, 1, 800_000_000), "days": (days, 1, 20_000), "seed": (seed, 0, 2**63),
        "dirty_share": (dirty_share, 0, 0.2), "events_per_customer": (events_per_customer or 1, 1, 5000),
    }  # fmt: skip
    for name, (found, least, most) in bounds.items():
        if not least <= found <= most:
            raise UserError(f"found {name} = {found}; expected a number from {least} to {most}")


def _is_finished(place: Path, arguments: dict[str, Any]) -> bool:
    """Whether the shop of these arguments is there; else takes the folder for it, which must be empty or an unfinished one of these."""
    if is_address(str(place)):
        raise UserError(f"'{place}' is no folder that this process can write to; mount it, or name a folder")
    note = place / "truth" / "shop.json"
    if note.is_file():
        if json.loads(note.read_text()) != arguments:
            raise UserError(f"'{place}' holds a shop of other arguments ({note}); name another folder, or delete this one")
        return (place / "truth" / "dirty.json").is_file()
    if place.is_file() or (place.is_dir() and any(place.iterdir())):
        raise UserError(f"'{place}' is not empty and no seeded shop; name a new folder")
    _write_json(note, arguments)
    return False


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write(frame: DataFrame, kind: str, place: str, partition: str | None = None) -> None:
    writer = frame.write.mode("overwrite").options(**FORMATS[kind]).option("maxRecordsPerFile", _ROWS_PER_FILE)
    (writer.partitionBy(partition) if partition else writer).format(kind).save(place)


def _favourites(shop: Assortment) -> dict[str, dict[str, list[str]]]:
    found = {}
    for number, persona in enumerate(PERSONAS):
        is_favourite = np.isin(shop.category, [CATEGORIES.index(name) for name in persona.favourites])
        is_lasting = (shop.listed < 0) & (shop.withdrawn > shop.days)
        best = np.argsort(np.where(is_favourite & is_lasting, -shop.weights(number), 0), kind="stable")[:_FAVOURITE_ITEMS]
        found[persona.name] = {"categories": list(persona.favourites), "items": item_ids(np.sort(best)).to_pylist()}
    return found


def _items(spark: SparkSession, plan: Plan, shop: Assortment) -> DataFrame:
    columns = (
        item_ids(np.arange(len(shop.category))).to_pylist(),
        shop.titles,
        [CATEGORIES[category] for category in shop.category],
        [Decimal(int(cents)) / 100 for cents in shop.cents],
        (plan.first_day + shop.listed).astype(object),
        [bool(is_there) for is_there in shop.withdrawn > plan.days - 1],
    )
    return spark.createDataFrame(list(zip(*columns, strict=True)), _ITEMS)


Maker = Callable[[Plan, int, Profiles, Assortment], Iterator[pa.Table]]


def _chunks(spark: SparkSession, plan: Plan, make: Maker, schema: str) -> DataFrame:
    """The rows that `make` gives for every chunk."""

    def rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        shop = make_assortment(plan.seed, plan.customers, plan.days)
        for batch in batches:
            for chunk in batch.column(0).to_pylist():
                profiles = make_profiles(plan, chunk, shop.styles, busyness(plan))
                for table in make(plan, chunk, profiles, shop):
                    yield from table.combine_chunks().to_batches()

    return spark.range(0, plan.chunks, 1, min(plan.chunks, 256)).mapInArrow(rows, schema)


def _event_tables(plan: Plan, chunk: int, profiles: Profiles, shop: Assortment) -> Iterator[pa.Table]:
    clean = event_rows(plan, chunk, profiles, shop, make_events(plan, chunk, profiles, shop))
    yield clean
    if plan.dirty_share > 0:
        yield dirty_rows(plan, chunk, clean)


def _customer_tables(plan: Plan, chunk: int, profiles: Profiles, shop: Assortment) -> Iterator[pa.Table]:
    yield customer_rows(plan, profiles)


def _persona_tables(plan: Plan, chunk: int, profiles: Profiles, shop: Assortment) -> Iterator[pa.Table]:
    yield persona_rows(profiles)
