"""One customer explained: reads what the tables hold of them, a few rows each."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.errors import UserError
from coterie.lake import Lake
from coterie.pipeline.report import currency_of, opened
from coterie.report.customer import Customer
from coterie.report.queries import customer as queries
from coterie.report.queries.segments import of_date
from coterie.rows import collected

_NEEDED = ("customer_features", "segments", "segment_profiles", "daily_activity", "customer_item_days", "items", "similar_customers", "customer_items",
           "recommendations", "models")  # fmt: skip


def explained(lake: Lake, customer_id: str, as_of: datetime.date | None) -> Customer:
    """All that is known of a customer. Raises UserError for an unknown id, naming the nearest ones, and for a date without results."""
    with opened(lake, _NEEDED, as_of) as shelf:
        day, pool = shelf.day, shelf.pool
        tables = {name: shelf.tables[name] if name in shelf.tables else lake.read(name) for name in _NEEDED}  # no rows where there is no table
        features = tables["customer_features"]

        def ask(frame: Callable[[], DataFrame]) -> Future[list[dict[str, Any]]]:
            return pool.submit(lambda: collected(frame()))

        firsts = [ask(partial(_own, tables[name], customer_id, day)) for name in ("customer_features", "segments")]
        firsts.append(ask(lambda: queries.neighbours(tables["similar_customers"], customer_id, day)))
        asked = {
            "bought": ask(lambda: queries.bought(tables["customer_item_days"], tables["items"], customer_id, day)),
            "offers": ask(lambda: queries.offered(tables["recommendations"], tables["items"], customer_id, day)),
            "profiles": ask(lambda: of_date(tables["segment_profiles"], day)),
            "days": ask(lambda: queries.days(tables["daily_activity"], customer_id, day)),
        }
        own, placed, neighbours = (first.result() for first in firsts)
        if not own:
            raise UserError(_unknown(features, customer_id, day))
        segments = {row["segmentation"]: row for row in placed}
        chosen = segments.get("chosen")
        payload = tables["models"].where(F.col("model_id") == F.lit(chosen["model_id"] if chosen else "")).select("payload")
        columns = [name for name in queries.COMPARED if own[0][name] is not None]
        asked_of_others = list(dict.fromkeys([*columns, "average_order_value"]))  # what an order is usually worth, for who has made none
        segment_id = chosen["segment_id"] if chosen else -1
        asked["beside"] = ask(lambda: queries.beside(features, tables["segments"], own[0], segment_id, day, asked_of_others))
        asked["payload"] = ask(lambda: payload)
        if items_kept_of(shelf.history) in (day, None):
            near = [row["neighbour"] for row in neighbours]
            asked["shared"] = ask(lambda: queries.shared_items(tables["customer_items"], tables["items"], near, customer_id, day))
        found = {name: answer.result() for name, answer in asked.items()}
    return Customer(
        customer_id=customer_id,
        as_of=day,
        currency=currency_of(shelf.history),
        features=own[0],
        segments=segments,
        profiles=found["profiles"],
        beside=found["beside"][0],
        compared=columns,
        days=found["days"] if "daily_activity" in shelf.tables else None,
        bought=found["bought"],
        neighbours=neighbours if "similar_customers" in shelf.tables else None,
        shared=found.get("shared"),
        offers=found["offers"] if "recommendations" in shelf.tables else None,
        payload=found["payload"][0]["payload"] if found["payload"] else None,
    )


def items_kept_of(history: Sequence[Mapping[str, Any]]) -> datetime.date | None:
    """The date that `customer_items`, and so what two customers share, is kept of: that of the newest finished job which weighed it, recommend or
    tune. None where no run tells. Rows come newest first."""
    weighed = (row["as_of"] for row in history if row["state"] == "finished" and "customer_items" in (row["tables_written"] or {}))
    return next((date for date in weighed if date), None)  # what maintains the table is of no date


def _own(table: DataFrame, customer_id: str, as_of: datetime.date) -> DataFrame:
    return queries.of_customer(of_date(table, as_of), customer_id)


def _unknown(features: DataFrame, customer_id: str, as_of: datetime.date) -> str:
    near = [row["customer_id"] for row in queries.nearest_ids(features, customer_id, as_of).collect()]  # a few ids
    return f"there is no customer '{customer_id}' as of {as_of}; the nearest ids are: {', '.join(near)}" if near else f"there are no customers as of {as_of}"
