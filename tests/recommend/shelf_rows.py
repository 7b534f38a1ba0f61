"""The two tables that a task is given, row by row: only what a test says differs from the ordinary."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from coterie.recommend.tasks.block import ASKED, ITEM, ITEM_FACTS, OWN, OWN_FACTS, Block, Shelf, block_of, shelf_of

Row = dict[str, Any]
_LEFT = pa.schema(
    [("part", pa.string()), ("id", pa.string()), ("keep_seen", pa.bool_()), ("ids", pa.list_(pa.string())), ("factors", pa.list_(pa.float32()))]
)
_RIGHT = pa.schema(
    [
        ("part", pa.string()), ("side", pa.string()), ("id", pa.string()), ("ids", pa.list_(pa.string())), ("factors", pa.list_(pa.float32())),
        ("name", pa.string()), ("category", pa.string()), ("listed_age", pa.float64()), ("is_sellable", pa.bool_()),
    ]
)  # fmt: skip
BOUGHT_TODAY = {"strength": 1, "intensity": 1, "last_age": 0, "first_bought_age": 0, "last_bought_age": 0, "bought_days": 1, "is_seen": 1}
LOOKED_AT = BOUGHT_TODAY | {"first_bought_age": 9999, "last_bought_age": 9999, "bought_days": 0, "is_seen": 0}


def item(name: str, title: str | None = None, category: str | None = None, listed_age: float = 400, is_sellable: bool = True, **facts: float) -> Row:
    """An item that was listed long ago and never sold; `facts` as ITEM_FACTS names them."""
    factors = [float({**dict.fromkeys(ITEM_FACTS, 0.0), **facts}[fact]) for fact in ITEM_FACTS]
    title = title or f"Thing {name}"
    common = {"part": ITEM, "side": "", "id": name, "ids": [], "factors": factors}
    return {**common, "name": title, "category": category, "listed_age": float(listed_age), "is_sellable": is_sellable}


def sold(name: str, buyers: int, days: int = 14, units: int | None = None, **more: Any) -> Row:
    """An item bought by so many customers in a window of so many days."""
    return item(name, window_days=days, window_buyers=buyers, window_units=buyers if units is None else units, **more)


def shelved(kind: str, side: str, of: str, weights: Mapping[str, float] | Sequence[float]) -> Row:
    """A model's row for all tasks: weights by name, or a plain vector."""
    entries = {"ids": list(weights), "factors": list(weights.values())} if isinstance(weights, Mapping) else {"ids": [], "factors": list(weights)}
    return {"part": kind, "side": side, "id": of, "name": None, "category": None, "listed_age": 0.0, "is_sellable": False, **entries}


def asked(customer: str, *truth: str, keep_seen: bool = False) -> Row:
    return {"part": ASKED, "id": customer, "keep_seen": keep_seen, "ids": list(truth), "factors": []}


def own(customer: str, **items: Mapping[str, float]) -> Row:
    """What a customer did with items, each as OWN_FACTS; what is not said is as of one purchase of today."""
    facts = [float({**BOUGHT_TODAY, **did}[name]) for did in items.values() for name in OWN_FACTS]
    return {"part": OWN, "id": customer, "keep_seen": False, "ids": list(items), "factors": facts}


def knows(kind: str, customer: str, weights: Mapping[str, float] | Sequence[float]) -> Row:
    """What a model knows of a customer."""
    row = shelved(kind, "customer", customer, weights)
    return {"part": kind, "id": customer, "keep_seen": False, "ids": row["ids"], "factors": row["factors"]}


def left(*rows: Row) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=_LEFT)


def right(*rows: Row) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=_RIGHT)


def task(shelf_rows: Sequence[Row], customer_rows: Sequence[Row]) -> tuple[Block, Shelf]:
    shelf = shelf_of(right(*shelf_rows))
    return block_of(left(*customer_rows), shelf), shelf
