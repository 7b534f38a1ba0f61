"""The features of a shop small enough to work them out by hand, and none of them knowing the future."""

import datetime
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from shop_rows import cancellations, customers, day, event, events, items, pair

from coterie.catalogue import FEATURES
from coterie.errors import SettingsError
from coterie.features.activity import customer_item_days, daily_activity
from coterie.features.calendar import public_holidays
from coterie.features.customer import customer_features
from coterie.features.state import state_from_scratch
from coterie.schemas import CUSTOMER_FEATURES

AS_OF = day("2020-03-31")
EVENTS = [
    # anna: orders on 1 January (10 for 2 units of pens), 11 January (30 for tea), 31 March (pens, 1 unit for 8, then returned), one cancelled
    event("anna", "2020-01-01", order_id="o1", quantity=2, price=5, item_id="pen", channel="web", hour=5),
    event("anna", "2020-01-11", order_id="o2", quantity=1, price=30, item_id="tea", channel="app", hour=9),
    event("anna", "2020-01-11", "cart", item_id="tea", channel="app", hour=9),
    event("anna", "2020-01-11", "view", item_id="tea", channel="app", hour=9),
    event("anna", "2020-01-11", "view", item_id="pen", channel="app", hour=9),
    event("anna", "2020-03-31", order_id="o3", quantity=1, price=8, item_id="pen"),
    event("anna", "2020-03-31", "return", quantity=-1, price=8, item_id="pen"),
    event("anna", "2020-03-30", order_id="o4", quantity=5, price=10, item_id="tea"),
    event("anna", "2020-03-31", "cancel", quantity=-5, price=10, item_id="tea"),
    event("anna", "2020-03-31", "review", rating=4, item_id="pen"),
    # bert: looks only; carl: one purchase of pens at 12, of a thing without a category; dora: adjustments alone
    event("bert", "2020-03-01", "view", channel="web"),
    event("carl", "2020-02-20", quantity=1, price=12, item_id="pen"),
    event("carl", "2020-02-20", quantity=1, price=3, item_id="odd"),
    event("dora", "2020-03-30", "adjustment", 1, 4.0),
]
LATER = [event("anna", "2020-04-01", price=500, item_id="pen"), event("emil", "2020-04-02", item_id="new"), event("bert", "2020-04-02", "view")]
GONE = [pair("anna", "2020-03-30", "2020-03-31", quantity=5, order_id="o4", item_id="tea")]
ITEMS = {"pen": "office", "tea": "kitchen", "odd": None, "i1": None}
DECLARED = [
    {"customer_id": "anna", "valid_from": day("2019-01-01"), "country": "GB", "birth_year": 1990, "gender": "f", "joined_on": day("2019-03-31")},
    {"customer_id": "anna", "valid_from": day("2020-03-31"), "country": "FR", "birth_year": 1990, "gender": "f", "joined_on": day("2019-03-31")},
    {"customer_id": "bert", "valid_from": day("2020-01-01"), "birth_year": 2004, "joined_on": day("2020-04-20")},
]
MOVED = [{"customer_id": "anna", "valid_from": day("2020-04-01"), "country": "DE"}]


def features(
    spark: SparkSession, rows: list[dict[str, Any]], gone: list[dict[str, Any]], declared: list[dict[str, Any]], more: dict[str, str]
) -> DataFrame:
    seen = events(spark, *rows)
    days, item_days, pairs = daily_activity(seen, "UTC"), customer_item_days(seen), cancellations(spark, *gone)
    holidays: Sequence[datetime.date] = [day("2020-01-01")]
    return customer_features(
        state_from_scratch(days, item_days, pairs, as_of=AS_OF, holidays=holidays),
        days,
        pairs,
        customers(spark, *declared),
        items(spark, **ITEMS, **more),
        as_of=AS_OF,
        age_bands=[18, 25, 35],
        has_holidays=True,
    )


@pytest.fixture(scope="module")
def now(spark: SparkSession) -> dict[str, Row]:
    frame = features(spark, EVENTS, GONE, DECLARED, {})
    assert [(f.name, f.dataType.simpleString()) for f in frame.schema.fields] == [(c.name, c.type) for c in CUSTOMER_FEATURES.columns]
    return {row["customer_id"]: row for row in frame.collect()}


def test_each_customer_seen_has_one_row(now: dict[str, Row]) -> None:
    assert set(now) == {"anna", "bert", "carl", "dora"}


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "recency": 0,
        "frequency": 3,
        "monetary": Decimal(40),  # 10 + 30 + 8 - 8 + 50 - 50
        "gross_revenue": Decimal(48),
        "average_order_value": 16.0,
        "return_adjusted_value": 40 / 3,
        "basket_size": 4 / 3,
        "lines_per_order": 1.0,
        "unit_price": 12.0,
        # pens cost 10 + 8 + 12 for 2 + 1 + 1 units, tea 30 for one: 48 for what costs 3 * 7.5 + 30
        "price_level": 48 / 52.5,
        "order_day_count": 3,
        "days_between_orders": 45.0,  # 10 and 80 days
        "days_between_orders_sd": math.sqrt(2450),
        "overdue": 0.0,
        "tenure": 90,
        "days_since_first_order": 90,
        "days_since_last_event": 0,
        "monthly_orders": 3 / (91 / 30),
        "item_count": 2,
        "category_count": 2,
        "repeat_share": 1 / 3,
        "favourite_category": "office",
        "favourite_category_share": 2 / 3,
        "return_count": 1,
        "return_rate": 0.25,
        "cancel_count": 1,
        "cancel_rate": 0.25,
        "event_count": 10,
        "active_day_count": 4,
        "view_count": 2,
        "carts_per_view": 0.5,
        "purchases_per_view": 1.5,
        "purchases_per_cart": 3.0,
        "views_per_search": None,
        "rating_mean": 4.0,
        "reviews_per_purchase": 1 / 3,
        "spend_per_active_day": 10.0,
        "order_day_share": 0.75,
        "web_share": 0.1,
        "app_share": 0.4,
        "other_channel_share": 0.5,
        "night_share": 0.1,
        "morning_share": 0.4,
        "wednesday_share": 0.1,
        "weekend_share": 0.4,
        "winter_share": 0.5,
        "spring_share": 0.5,
        "holiday_share": 0.1,
        "orders_30d": 1,
        "monetary_30d": Decimal(0),
        "events_30d": 5,
        "active_days_30d": 2,
        "order_trend_30d": 1.0,
        "monetary_trend_30d": None,
        "orders_90d": 2,
        "event_trend_90d": 0.8,  # nine events against the one of 1 January
        "country": "FR",
        "age_band": "25-34",
        "gender": "f",
        "joined_on": day("2019-03-31"),
        "days_since_joined": 366,
    }.items(),
)
def test_annas_features_by_hand(now: dict[str, Row], name: str, value: Any) -> None:
    found = now["anna"][name]
    assert found == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value)


def test_who_never_bought_has_no_recency_and_rates_are_null_without_an_occasion(now: dict[str, Row]) -> None:
    bert = now["bert"]
    assert (bert["recency"], bert["frequency"], bert["monetary"], bert["average_order_value"]) == (None, 0, Decimal(0), None)
    assert (bert["purchases_per_view"], bert["favourite_category"], bert["price_level"], bert["item_count"]) == (0.0, None, None, 0)
    assert (bert["age_band"], bert["joined_on"], bert["country"]) == ("under 18", None, None)
    assert (now["dora"]["tenure"], now["dora"]["web_share"], now["dora"]["events_30d"]) == (1, None, 0)


def test_items_without_a_category_are_one_for_prices_and_none_for_tastes(now: dict[str, Row]) -> None:
    carl = now["carl"]
    assert (carl["item_count"], carl["category_count"], carl["favourite_category_share"]) == (2, 1, 1.0)
    assert carl["price_level"] == pytest.approx(15 / (7.5 + 3), rel=1e-12)


def test_a_feature_is_null_only_where_the_catalogue_says_what_that_means(now: dict[str, Row]) -> None:
    unexplained = [(f.name, customer) for f in FEATURES for customer, row in now.items() if row[f.name] is None and not f.missing]
    assert unexplained == []


def test_nothing_after_the_date_changes_a_row(spark: SparkSession, now: dict[str, Row]) -> None:
    later_gone = [pair("anna", "2020-01-11", "2020-04-01", item_id="tea", order_id="o2", price=30)]
    frame = features(spark, EVENTS + LATER, GONE + later_gone, DECLARED + MOVED, {"new": "office"})
    assert {row["customer_id"]: row for row in frame.collect()} == now


def test_every_entry_of_the_catalogue_says_what_missing_means_and_how_it_is_filled() -> None:
    assert len({f.name for f in FEATURES}) == len(FEATURES)
    assert [f.name for f in FEATURES if not (f.unit and f.meaning and f.window and f.sources and f.fill_reason)] == []
    texts = {f.name for f in FEATURES if f.type == "string"}
    assert {f.name for f in FEATURES if f.fill == "unknown"} == texts
    assert [f.name for f in FEATURES if f.fill not in ("max", "median", "unknown", "0", "1") and f.type != "date"] == []


def test_holidays_are_plain_dates_and_a_wrong_country_is_named() -> None:
    assert public_holidays("GB", day("2019-12-26"), day("2020-01-01")) == [day("2019-12-26"), day("2020-01-01")]
    assert public_holidays("", day("2019-12-26"), day("2020-01-01")) == []
    with pytest.raises(SettingsError, match=r"'shop.country' is 'XQ'"):
        public_holidays("XQ", day("2020-01-01"), day("2020-01-02"))
