"""Items: as an items file declares them, else as the events show them."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.schemas import ITEMS

_DESCRIPTION = "struct<has_title:boolean,has_price:boolean,at:timestamp,is_firm:boolean,title:string,category:string,price:decimal(18,4)>"
_PRICING = "struct<has_price:boolean,at:timestamp,is_firm:boolean,price:decimal(18,4)>"
_DECLARATION = "struct<title:string,category:string,price:decimal(18,4),is_sellable:boolean>"
_KNOWN = {"description": _DESCRIPTION, "pricing": _PRICING, "declared_before": _DECLARATION, "declared_now": _DECLARATION, "first_day": "date"}


def still_seen(items: DataFrame, events: DataFrame) -> DataFrame:
    """ITEMS less the undeclared ones that no event names any longer, after some events have gone, and `is_doubtful`: the event that described
    the item is one of those.

    The others are listed from their first event on. A doubtful one has the latest price above zero; its title stays, since events have none.
    """
    told = items.select("item_id", "described_at", F.col("price").alias("told_price"))
    stands = F.col("occurred_at").eqNullSafe(F.col("described_at")) & F.col("unit_price").eqNullSafe(F.col("told_price"))
    named = events.where("item_id IS NOT NULL").join(told, on="item_id", how="inner").groupBy("item_id")
    seen = named.agg(
        F.min("event_date").alias("_first"),
        F.max(F.struct(_has_price("unit_price"), "occurred_at", "unit_price")).alias("_last"),
        F.max(stands).alias("_stands"),
    )
    known = items.join(seen, on="item_id", how="left").where("is_declared OR _first IS NOT NULL")
    is_doubtful = F.col("described_at").isNotNull() & ~F.coalesce("_stands", F.lit(False))
    made = {
        "is_doubtful": is_doubtful,
        "first_listed_on": F.when(F.col("is_declared"), F.col("first_listed_on")).otherwise(F.col("_first")),
        "price": F.when(is_doubtful, F.col("_last.unit_price")).otherwise(F.col("price")),
        "described_at": F.when(is_doubtful, F.col("_last.occurred_at")).otherwise(F.col("described_at")),
    }
    return known.select(*(made[name].alias(name) if name in made else F.col(name) for name in [*items.columns, "is_doubtful"]))


def derived_items(existing: DataFrame, settled: DataFrame, declared: DataFrame) -> DataFrame:
    """ITEMS after a batch: the `existing` ones, those in the accepted rows of `settled`, and `declared` ones, which win.

    From events an item has title, category and price of one event: of those with a title, then of those with a price above zero, the
    latest. A declared item takes from them only a price, where its declaration has none. `first_listed_on` is the declared day or that
    of the first event, whichever is earlier. An item is sellable unless its declaration withdraws it.
    Everything is a maximum or a minimum in a total order, so it does not matter which events came in together. Of `existing` as `still_seen`
    gives them less is believed: a row of the same instant wins, and over doubtful ones any row with a title.
    `declared`: item_id (unique), title, category, price decimal(18,4), first_listed_on, is_sellable (null: yes).
    """
    known = _before(existing).unionByName(_seen(settled)).unionByName(_declared(declared))
    merged = known.groupBy("item_id").agg(*((F.min if name == "first_day" else F.max)(name).alias(name) for name in _KNOWN))
    return _as_items(merged)


def _known(rows: DataFrame, **parts: Column) -> DataFrame:
    """`item_id` and everything in _KNOWN, null where `parts` has nothing."""
    return rows.select("item_id", *(parts.get(name, F.lit(None)).cast(kind).alias(name) for name, kind in _KNOWN.items()))


def _has_price(price: str) -> Column:
    return F.coalesce(F.col(price) > 0, F.lit(False))


def _before(existing: DataFrame) -> DataFrame:
    is_firm = "is_doubtful" not in existing.columns
    has_title = F.col("title").isNotNull() & (F.lit(True) if is_firm else ~F.col("is_doubtful"))
    is_from_event = F.col("described_at").isNotNull()
    description = F.struct(has_title, _has_price("price"), "described_at", F.lit(is_firm), "title", "category", "price")
    declared_price = F.when(~is_from_event, F.col("price"))
    return _known(
        existing,
        description=F.when(is_from_event & ~F.col("is_declared"), description),
        pricing=F.when(is_from_event, F.struct(_has_price("price"), "described_at", F.lit(is_firm), "price")),
        declared_before=F.when(F.col("is_declared"), F.struct("title", "category", declared_price, "is_sellable")),
        first_day=F.col("first_listed_on"),
    )


def _seen(settled: DataFrame) -> DataFrame:
    rows = settled.where((F.col("outcome") == "accepted") & F.col("item_id").isNotNull())
    description = F.struct(F.col("item_title").isNotNull(), _has_price("unit_price"), "occurred_at", F.lit(True), "item_title", "item_category", "unit_price")
    pricing = F.struct(_has_price("unit_price"), "occurred_at", F.lit(True), "unit_price")
    return _known(rows, description=description, pricing=pricing, first_day=F.col("event_date"))


def _declared(declared: DataFrame) -> DataFrame:
    is_sellable = F.coalesce("is_sellable", F.lit(True))
    return _known(declared, declared_now=F.struct("title", "category", "price", is_sellable), first_day=F.col("first_listed_on"))


def _as_items(merged: DataFrame) -> DataFrame:
    declared = F.coalesce("declared_now", "declared_before")
    is_declared = declared.isNotNull()
    asks_price = is_declared & declared["price"].isNull() & F.col("pricing.has_price")
    made = {
        "title": F.when(is_declared, declared["title"]).otherwise(F.col("description.title")),
        "category": F.when(is_declared, declared["category"]).otherwise(F.col("description.category")),
        "price": F.when(asks_price, F.col("pricing.price")).when(is_declared, declared["price"]).otherwise(F.col("description.price")),
        "first_listed_on": F.col("first_day"),
        "is_sellable": F.coalesce(declared["is_sellable"], F.lit(True)),
        "described_at": F.when(asks_price, F.col("pricing.at")).when(~is_declared, F.col("description.at")),
        "is_declared": is_declared,
    }
    return merged.select(*(made[name].alias(name) if name in made else name for name in ITEMS.names))
