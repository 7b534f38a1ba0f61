import datetime
import math
from typing import Any

import pytest
from market_rows import AS_OF, ago, cancellations, item_days, items, met
from pyspark.sql import Row, SparkSession

from coterie.recommend.interactions import Weighing, effective_purchases, learnable, offered_items, pairs, recency_weighted

# In units of one purchase: a view 1/4, a cart 1/2.
WEIGHING = Weighing({"view": 1.0, "cart": 2.0, "purchase": 4.0}, half_life_days=30, history_days=100)

DAYS = [
    met("ann", "fresh", 0, purchases=3),  # three lines of one day are no more than one
    met("ann", "aged", 30, purchases=1),
    met("ann", "aged", 0, view_count=3),
    met("ann", "both", 30, purchases=1, view_count=1, cart_count=1),
    met("ann", "looked", 0, view_count=1),
    met("ann", "looked", 30, cart_count=1),
    met("bob", "later", -1, purchases=1),  # the day after
    met("bob", "oldest", 99, purchases=1),
    met("bob", "ancient", 100, purchases=1),
    met("bob", "ancient", 0, view_count=1),
    met("bob", "undone", 5, purchases=1, back=1),
    met("bob", "half", 0, purchases=1, units=4, back=2),
    met("cid", "returned", 3, purchases=1, back=1),
    met("cid", "returned", 60, cart_count=1),
    met("cid", "undone tomorrow", 0, purchases=1),
    met("cid", "given back twice", 1, back=2),
    met("dan", "often", 60, purchases=1),
    met("dan", "often", 30, purchases=2, units=6),
    met("dan", "often", 10, view_count=1),
    met("dan", "searched", 1, search_count=1),  # a type that nothing is said about
]
UNDONE = [("bob", "undone", 5, 5), ("cid", "undone tomorrow", 0, -1)]
# item: strength, intensity, last day that counts (days ago), days bought, first, last (days ago)
EXPECTED: dict[str, tuple[float, float, int | None, int, int | None, int | None]] = {
    "fresh": (1, 1, 0, 1, 0, 0),
    "aged": (1 / 2 + 1 / 4, 1, 0, 1, 30, 30),
    "both": (1 / 2 * (1 + 1 / 4 + 1 / 2), 1, 30, 1, 30, 30),
    "looked": (1 / 4 + 1 / 2 * 1 / 2, 1 / 2, 0, 0, None, None),
    "oldest": (2 ** (-99 / 30), 1, 99, 1, 99, 99),
    "ancient": (1 / 4, 1 / 4, 0, 1, 100, 100),
    "undone": (0, 0, None, 0, None, None),
    "half": (1 / 2, 1, 0, 1, 0, 0),
    "returned": (1 / 2 * 1 / 4, 1 / 2, 60, 1, 3, 3),
    "undone tomorrow": (1, 1, 0, 1, 0, 0),
    "given back twice": (0, 0, None, 0, None, None),
    "often": (1 / 4 + 1 / 2 + 1 / 4 * 2 ** (-1 / 3), 1, 10, 2, 60, 30),
    "searched": (0, 0, None, 0, None, None),
}


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> dict[str, Row]:
    rows = pairs(item_days(spark, *DAYS), cancellations(spark, *UNDONE), AS_OF, WEIGHING).collect()
    assert len(rows) == len(EXPECTED)
    return {row["item_id"]: row for row in rows}


def days(row: Row, name: str) -> int | None:
    return None if row[name] is None else (AS_OF - row[name]).days


def test_every_item_has_its_strength_its_strongest_event_and_its_days(found: dict[str, Row]) -> None:
    names = ("last_on", "first_bought_on", "last_bought_on")
    told = {}
    for item, row in found.items():
        last, first_bought, last_bought = (days(row, name) for name in names)
        told[item] = (row["strength"], row["intensity"], last, row["bought_days"], first_bought, last_bought)
    assert told == {item: pytest.approx(values, abs=1e-8) for item, values in EXPECTED.items()}


def test_bought_and_seen_is_what_was_kept_or_counts_as_bought(found: dict[str, Row]) -> None:
    bought = {"fresh", "aged", "both", "oldest", "ancient", "half", "returned", "undone tomorrow", "often"}
    assert {item for item, row in found.items() if row["is_bought"]} == bought
    assert {item for item, row in found.items() if row["is_seen"]} == bought


def test_what_is_held_without_a_purchase_that_counts_is_seen(spark: SparkSession) -> None:
    # Two bought, of which one line of one unit was cancelled in full: the row of the day has no purchase left, and a unit.
    kept = met("ann", "kept", 5, purchases=1, units=2)
    [row] = pairs(item_days(spark, kept), cancellations(spark, ("ann", "kept", 5, 1)), AS_OF, WEIGHING).collect()
    assert (row["is_bought"], row["is_seen"], row["strength"]) == (False, True, 0)


def test_only_what_has_a_strength_is_learned_from(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("ann", "cup", 0.25, 1.0), ("ann", "pan", 0.0, 1.0)], "customer_id string, item_id string, strength double, intensity double")
    learnt = learnable(rows)
    assert learnt.columns == ["customer_id", "item_id", "strength"]
    assert [tuple(row) for row in learnt.collect()] == [("ann", "cup", 0.25)]


def by_item(spark: SparkSession, weighing: Weighing, *rows: dict[str, Any]) -> dict[str, tuple[float, float]]:
    made = pairs(item_days(spark, *rows), cancellations(spark), AS_OF, weighing).collect()
    return {row["item_id"]: (row["strength"], row["intensity"]) for row in made}


def test_by_quantity_ten_units_say_ten_times_as_much(spark: SparkSession) -> None:
    weighing = Weighing({"view": 1.0, "purchase": 4.0}, 30, 100, by_quantity=True)
    found = by_item(
        spark, weighing, met("ann", "ten", 0, purchases=1, units=10), met("ann", "one", 0, purchases=1), met("ann", "looked", 0, view_count=5),
        met("ann", "two days", 30, purchases=1, units=4), met("ann", "two days", 0, purchases=1, units=2), met("ann", "half", 0, purchases=1, units=10, back=5),
    )  # fmt: skip
    assert found == {
        "ten": (10, 10), "one": (1, 1), "looked": (1 / 4, 1 / 4), "two days": (pytest.approx(4 / 2 + 2), 4), "half": (pytest.approx(5), pytest.approx(10)),
    }


def test_a_day_says_what_a_million_purchases_say_at_most(spark: SparkSession) -> None:
    weighing = Weighing({"purchase": 4.0}, 30, 100, by_quantity=True)
    days = (met("ann", "bolt", 0, purchases=1, units=9_999_999_999), met("ann", "bolt", 30, purchases=1, units=8))
    assert by_item(spark, weighing, *days)["bolt"][0] == 1_000_004


def test_what_is_older_than_the_history_makes_nothing_more_intense(spark: SparkSession) -> None:
    weighing = Weighing({"purchase": 4.0}, 30, 100, by_quantity=True)
    assert by_item(spark, weighing, met("ann", "cup", 100, purchases=1, units=50), met("ann", "cup", 0, purchases=1)) == {"cup": (1, 1)}


def test_without_a_weight_of_purchases_the_largest_is_the_unit(spark: SparkSession) -> None:
    rows = (met("ann", "cart", 0, cart_count=1), met("ann", "view", 0, view_count=1), met("ann", "bought", 0, purchases=1))
    assert by_item(spark, Weighing({"view": 1.0, "cart": 4.0}, 30, 100), *rows) == {"cart": (1, 1), "view": (1 / 4, 1 / 4), "bought": (0, 0)}
    assert by_item(spark, Weighing({}, 30, 100), *rows) == {"cart": (0, 0), "view": (0, 0), "bought": (0, 0)}


def test_recency_halves_the_intensity_and_leaves_out_what_has_none(spark: SparkSession) -> None:
    rows = [("ann", "a", 1.0, ago(0)), ("ann", "b", 0.5, ago(10)), ("bob", "c", 1.0, ago(30)), ("bob", "d", 0.0, ago(1)), ("bob", "e", 0.0, None)]
    made = spark.createDataFrame(rows, "customer_id string, item_id string, intensity double, last_on date")
    found = recency_weighted(made, AS_OF, 10)
    assert found.columns == ["customer_id", "item_id", "value"]
    assert {row["item_id"]: row["value"] for row in found.collect()} == {"a": 1, "b": 1 / 4, "c": 1 / 8}
    assert {row["item_id"]: row["value"] for row in recency_weighted(made, AS_OF + datetime.timedelta(days=10), 10).collect()}["a"] == 1 / 2


def test_the_order_of_days_changes_no_digit(spark: SparkSession) -> None:
    rows = [met("ann", "cup", day, purchases=1, view_count=day % 3, cart_count=day % 2) for day in range(40)]
    turned = item_days(spark, *rows[::-1]).repartition(5)
    assert pairs(turned, cancellations(spark), AS_OF, WEIGHING).collect() == pairs(item_days(spark, *rows), cancellations(spark), AS_OF, WEIGHING).collect()


def test_purchases_count_until_the_day_they_are_cancelled(spark: SparkSession) -> None:
    days = item_days(spark, met("ann", "cup", 9, purchases=2), met("ann", "pan", 9, purchases=1), met("ann", "new", -1, purchases=1))
    undone = cancellations(spark, ("ann", "cup", 9, 4), ("ann", "pan", 9, 0))
    found = effective_purchases(days, undone, AS_OF)
    assert found.columns == ["customer_id", "item_id", "purchased_on", "purchase_count", "quantity", "revenue"]
    assert [tuple(row)[:5] for row in found.collect()] == [("ann", "cup", ago(9), 1, 1)]
    before = effective_purchases(days, undone, ago(1)).collect()
    assert {(row["item_id"], row["purchase_count"]) for row in before} == {("cup", 1), ("pan", 1)}


def test_items_are_offered_when_sold_or_listed_lately_and_not_withdrawn(spark: SparkSession) -> None:
    days = item_days(
        spark, met("ann", "sold", 90, purchases=1), met("ann", "sold long ago", 91, purchases=1), met("ann", "looked at", 1, view_count=1),
        met("ann", "withdrawn", 1, purchases=1), met("ann", "unlisted", 1, purchases=1), met("ann", "sold tomorrow", -1, purchases=1),
        met("ann", "listed tomorrow", 1, purchases=1),
    )  # fmt: skip
    catalogue = items(
        spark, ("sold", "Sold", 400, True), ("sold long ago", None, 400, True), ("looked at", None, 400, True), ("withdrawn", None, 1, False),
        ("unlisted", None, None, True), ("sold tomorrow", None, 400, True), ("new", None, 90, True), ("never seen", None, None, True),
        ("listed tomorrow", None, -1, True), ("listed too long ago", None, 91, True),
    )  # fmt: skip
    rows = offered_items(catalogue, days, AS_OF, 90)
    assert rows.columns == ["item_id", "title", "category", "price", "first_listed_on", "is_sellable"]
    found = rows.collect()
    assert len(found) == 10
    assert {row["item_id"] for row in found if row["is_sellable"]} == {"sold", "unlisted", "new"}
    without = offered_items(catalogue, days, AS_OF, 90, ["sold", "nothing"]).where("is_sellable")
    assert {row["item_id"] for row in without.collect()} == {"unlisted", "new"}


def test_a_strength_is_never_a_number_that_is_none(found: dict[str, Row]) -> None:
    assert all(math.isfinite(row["strength"]) and math.isfinite(row["intensity"]) for row in found.values())
