"""Rows are typed, and every reason against them is found: nothing a row holds stops the job."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from coterie.events.stage import Limits, staged_rows

LIMITS = Limits(datetime.date(1970, 1, 1), datetime.date(2100, 1, 1), id_length=20, quantity=100_000, unit_price=1_000)
TEXTS = [
    "source_event_id", "customer_id", "item_id", "event_type", "quantity", "unit_price", "revenue",
    "currency", "order_id", "session_id", "channel", "country", "query", "rating", "text",
]  # fmt: skip
NAMES = [*TEXTS, "item_title", "item_category"]
GOOD: dict[str, Any] = {"source_event_id": "e", "customer_id": "c", "item_id": "i", "event_type": "purchase", "quantity": "2", "unit_price": "2.50"}

Stage = Callable[..., list[Row]]


@pytest.fixture(scope="module")
def stage(spark: SparkSession) -> Stage:
    """Stages good rows with changes; a change to `at`, `raw` or `malformed` is one of the row itself."""

    def staged(*changes: dict[str, Any], **options: Any) -> list[Row]:
        rows = []
        for n, change in enumerate(changes):
            row = GOOD | {"at": "2024-03-01 23:30:00", "raw": f"row {n}", "malformed": False, "own": []} | change
            rows.append(("f", row["raw"], row["malformed"], row.get("key"), row["own"], row["at"], *(row.get(name) for name in NAMES)))
        kinds = "_source_file string, _raw string, _is_malformed boolean, _key string, _reasons array<string>, _occurred_at string, "
        frame = spark.createDataFrame(rows, kinds + ", ".join(f"{name} string" for name in NAMES))
        frame = frame.withColumn("occurred_at", F.try_to_timestamp("_occurred_at"))
        given = {"source": "shop", "time_zone": "Europe/Berlin", "currency": "EUR", "limits": LIMITS, "has_ids": True, "has_items": True}
        made = staged_rows(frame, **(given | {"signs": "as_read", "keep_raw": False} | options))
        # Python has no year beyond 9999 and no instants before year 1 in every zone.
        return sorted(made.drop("occurred_at", "event_date").collect(), key=lambda row: row["row_id"])

    return staged


def test_every_kind_of_bad_row_is_rejected_with_its_reason_and_nothing_fails(stage: Stage) -> None:
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, []),
        ({"raw": "half a", "malformed": True}, ["malformed_row"]),
        ({"raw": "Zo\ufffd"}, ["not_in_encoding"]),
        ({"at": "soon"}, ["date_unreadable: soon"]),
        ({"at": None}, ["date_unreadable: nothing"]),
        ({"at": "0001-01-01"}, ["date_out_of_range: 0001-01-01"]),
        ({"at": "9999-12-31 12:00:00"}, ["date_out_of_range: 9999-12-31"]),
        ({"at": "+12345-01-01 12:00:00"}, ["date_out_of_range: +12345-01-01"]),
        ({"quantity": "two"}, ["quantity_unreadable: two"]),
        ({"quantity": None}, ["quantity_unreadable: nothing"]),
        ({"quantity": "1e40"}, ["quantity_out_of_range: 1e40"]),
        ({"quantity": "100001"}, ["quantity_out_of_range: 100001"]),
        ({"quantity": "0"}, ["sign_wrong: purchase of 0.0000"]),
        ({"quantity": "-1"}, ["sign_wrong: purchase of -1.0000"]),
        ({"event_type": "return"}, ["sign_wrong: return of 2.0000"]),
        ({"unit_price": "NaN"}, ["price_unreadable: NaN"]),
        ({"unit_price": "-Infinity"}, ["price_unreadable: -Infinity"]),
        ({"unit_price": "inf"}, ["price_unreadable: inf"]),
        ({"unit_price": "-2"}, ["price_out_of_range: -2"]),
        ({"unit_price": "1000.01"}, ["price_out_of_range: 1000.01"]),
        ({"revenue": "5.01"}, ["revenue_differs: 5.01"]),
        ({"revenue": "1e15"}, ["revenue_out_of_range: 1e15"]),
        ({"revenue": "much"}, ["revenue_unreadable: much"]),
        ({"currency": "usd"}, ["currency_other: USD"]),
        ({"event_type": "sale"}, ["event_type_unknown: sale"]),
        ({"event_type": None}, ["event_type_unknown: nothing"]),
        ({"item_id": None}, ["item_missing: purchase"]),
        ({"source_event_id": None}, ["id_missing"]),
        ({"customer_id": "x" * 10_000}, ["customer_id_too_long: 10000 characters"]),
        ({"item_id": "x" * 21}, ["item_id_too_long: 21 characters"]),
        ({"rating": "five"}, ["rating_unreadable: five"]),
        ({"quantity": "y" * 50, "unit_price": "z"}, ["price_unreadable: z", f"quantity_unreadable: {'y' * 40}…"]),
        ({"own": ["test_order"], "quantity": "0"}, ["sign_wrong: purchase of 0.0000", "test_order"]),
    ]
    rows = stage(*(change for change, _ in cases))
    assert [(row["reasons"], change) for row, (change, _) in zip(rows, cases, strict=True)] == [(reasons, change) for change, reasons in cases]
    assert all((row["event_id"] is None) == bool(row["reasons"]) for row in rows)
    assert [row["raw"] for row in rows[:2]] == [None, "half a"]  # the row as read is kept of rejected rows


def test_good_rows_are_typed_whatever_their_ids_hold(stage: Stage) -> None:
    ids = [" ' ", '"', "🐟", "中文", "a b", "0"]
    rows = stage(
        *({"customer_id": name, "source_event_id": name} for name in ids),
        {"customer_id": None, "quantity": "80995", "event_type": "Purchase "},
        {"event_type": "cancel", "quantity": "-80995.5", "currency": " eur ", "channel": " Web"},
        {"event_type": "view", "quantity": "1", "revenue": "0"},
        {"event_type": "search", "item_id": None, "quantity": None, "unit_price": None, "query": "red 鞋"},
        {"event_type": "adjustment", "unit_price": "-1.00005", "quantity": "1"},
        {"event_type": "review", "quantity": None, "unit_price": None, "rating": "4.5", "text": "fine"},
    )
    assert [row["reasons"] for row in rows] == [[]] * len(rows)
    assert [row["customer_id"] for row in rows[:6]] == ids
    assert len({row["event_id"] for row in rows[:6]}) == 6
    assert [(row["revenue"], row["currency"]) for row in rows[6:10]] == [
        (Decimal("202487.5000"), "EUR"), (Decimal("-202488.7500"), "EUR"), (None, None), (None, None),
    ]  # fmt: skip
    assert (rows[7]["event_type"], rows[7]["channel"], rows[7]["event_month"]) == ("cancel", "web", "2024-03")
    assert (rows[10]["item_id"], rows[10]["unit_price"], rows[10]["revenue"]) == (None, Decimal("-1.0001"), Decimal("-1.0001"))
    assert rows[11]["rating"] == Decimal("4.50")


def test_the_month_is_that_of_the_day_in_the_shops_time_zone(stage: Stage) -> None:
    assert [row["event_month"] for row in stage({"at": "2024-03-31 22:30:00"}, {"at": "2024-12-31 22:30:00"})] == ["2024-04", "2024-12"]


def test_signs_by_event_type_make_returns_negative_and_leave_a_negative_purchase_wrong(stage: Stage) -> None:
    rows = stage({"event_type": "return", "revenue": "5"}, {"event_type": "cancel", "quantity": "-2"}, {"quantity": "-2"}, signs="by_event_type")
    assert [(row["quantity"], row["revenue"], len(row["reasons"])) for row in rows] == [(-2, -5, 0), (-2, -5, 0), (-2, -5, 1)]


def test_money_in_another_currency_is_not_added_up_but_that_of_other_rejected_rows_is(stage: Stage) -> None:
    rows = stage({"currency": "USD"}, {"event_type": "sale"}, {"at": "soon"})
    assert [row["revenue"] for row in rows] == [None, 5, 5]


def test_a_source_without_items_has_purchases_without_one_and_ids_come_from_the_row_or_its_key(stage: Stage) -> None:
    bare = {"source_event_id": None, "item_id": None}
    options = {"has_ids": False, "has_items": False}
    rows = stage(bare, bare | {"raw": "row 0"}, bare, bare | {"key": "k"}, bare | {"key": "k"}, **options)
    ids = [row["event_id"] for row in rows]
    assert [row["reasons"] for row in rows] == [[]] * 5
    assert ids[0] == ids[1] != ids[2]
    assert ids[3] == ids[4]


def test_the_content_of_two_rows_is_equal_only_where_they_say_the_same(stage: Stage) -> None:
    same = [{"source_event_id": "a", "quantity": "2.0"}, {"source_event_id": "b", "unit_price": "2.5"}]
    other = [{"session_id": "x"}, {"channel": "x"}, {"order_id": "x"}, {"at": "2024-03-01 23:30:01"}]
    content = [row["content"] for row in stage(*same, *other)]
    assert content[0] == content[1]
    assert len(set(content)) == 5
