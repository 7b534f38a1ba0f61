"""The report's queries over literal rows, each answer worked out by hand."""

import datetime
import json
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from coterie.report.queries import QUERIES, customer, features, offers, segments, shop
from coterie.schemas import TABLES

DAY, LATER = datetime.date(2024, 5, 31), datetime.date(2024, 6, 1)


def table(spark: SparkSession, name: str, rows: list[dict[str, Any]]) -> DataFrame:
    """Rows of a table; a column that is not given holds 0 where it is a number, else nothing."""
    columns = TABLES[name].columns
    empty: dict[str, Any] = {c.name: 0 if c.type in {"int", "bigint"} else 0.0 if c.type.startswith(("double", "decimal")) else None for c in columns}
    schema = ", ".join(f"{c.name} {'double' if c.type.startswith('decimal') else c.type}" for c in columns)
    given = [empty | row for row in rows]
    return spark.createDataFrame([tuple(row[c.name] for c in columns) for row in given], schema)


def rows(frame: DataFrame) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in frame.collect()]


def active(customer_id: str, day: str, purchases: int, revenue: float = 0.0, views: int = 0, given_back: float = 0.0) -> dict[str, Any]:
    return {
        "customer_id": customer_id, "activity_date": datetime.date.fromisoformat(day), "activity_month": day[:7], "purchase_count": purchases,
        "view_count": views, "order_count": int(purchases > 0), "purchase_revenue": revenue, "return_revenue": -given_back, "cancel_revenue": 0.0,
        "revenue": revenue - given_back,
    }  # fmt: skip


@pytest.fixture(scope="module")
def activity(spark: SparkSession) -> DataFrame:
    return table(
        spark,
        "daily_activity",
        [
            active("ann", "2024-04-02", 2, 20.0), active("ann", "2024-04-20", 1, 5.0, given_back=3.0), active("ann", "2024-05-02", 1, 7.0),
            active("bob", "2024-04-03", 0, views=4), active("bob", "2024-05-03", 1, 9.0),
            active("cat", "2024-05-04", 1, 1.0),
            active("cat", "2024-06-01", 5, 99.0),
            active("dan", "2024-05-05", 0, views=1),
            active("eve", "2024-05-05", 0),
        ],
    )  # fmt: skip


def test_a_month_adds_up_what_was_bought_and_given_back(activity: DataFrame) -> None:
    found = sorted((row["month"], row["orders"], row["bought"], row["given_back"], row["revenue"]) for row in shop.months(activity, DAY).collect())
    assert found == [("2024-04", 2, 25.0, -3.0, 22.0), ("2024-05", 3, 17.0, 0.0, 17.0)]


def test_a_cohort_is_who_first_bought_in_a_month_and_who_of_them_came_again(activity: DataFrame) -> None:
    """Bob was seen in April, and bought in May; dan only looked; eve has a day of postage alone."""
    found = sorted(map(str, rows(shop.cohorts(activity, DAY))))
    assert found == [
        "('2024-04', '2024-04', 1, 1)",
        "('2024-04', '2024-05', 1, 1)",
        "('2024-05', '2024-04', 0, 1)",
        "('2024-05', '2024-05', 2, 2)",
        "(None, '2024-05', 0, 1)",
    ]


def test_cohorts_reach_ten_years_back_and_what_was_before_counts_to_the_first_month(spark: SparkSession) -> None:
    """May 2024 is the month of the date: 2019-04 lies 61 months before it, 2019-03 lies 62, and 2014-02 is the last of 124."""
    days = [
        active("old", "2007-09-09", 1), active("old", "2019-04-30", 1), active("old", "2024-05-01", 0, views=1),
        active("mid", "2019-03-01", 1), active("mid", "2019-04-01", 0, views=1),
        active("far", "2014-02-01", 0, views=1), active("far", "2014-01-31", 1), active("far", "2014-03-01", 1),
    ]  # fmt: skip
    assert sorted(rows(shop.cohorts(table(spark, "daily_activity", days), DAY))) == [
        ("2014-02", "2014-02", 2, 2),
        ("2014-02", "2014-03", 1, 1),
        ("2014-02", "2019-04", 1, 1),
        ("2014-02", "2024-05", 0, 1),
        ("2019-03", "2019-03", 1, 1),
        ("2019-03", "2019-04", 0, 1),
    ]


def test_the_days_of_one_customer_are_the_newest_first(activity: DataFrame) -> None:
    found = [(str(row["activity_date"]), row["lines"], row["given_back"]) for row in customer.days(activity, "ann", DAY).collect()]
    assert found == [("2024-05-02", 1, 0.0), ("2024-04-20", 1, -3.0), ("2024-04-02", 2, 0.0)]


@pytest.fixture(scope="module")
def recommendations(spark: SparkSession) -> DataFrame:
    lists = {"ann": ["mug", "cup"], "bob": ["mug", "pot"], "cat": ["mug", "cup"]}
    given = [
        {"as_of": DAY, "customer_id": one, "rank": rank, "item_id": item, "source": "als", "reason": "", "model_id": "m"}
        for one, items in lists.items()
        for rank, item in enumerate(items, 1)
    ]
    return table(spark, "recommendations", [*given, {**given[0], "as_of": LATER, "item_id": "jar"}])


def test_exposure_counts_items_by_how_often_they_are_offered(recommendations: DataFrame) -> None:
    assert sorted(rows(offers.exposure(recommendations, DAY))) == [(1, 1), (2, 1), (3, 1)]


def test_the_items_offered_most_come_first_by_their_title_where_they_have_one(spark: SparkSession, recommendations: DataFrame) -> None:
    items = table(spark, "items", [{"item_id": "mug", "title": "<b>Mug</b>", "category": "Kitchen"}])
    found = [(row["item_id"], row["title"], row["category"], row["customers"]) for row in offers.best_offers(recommendations, items, DAY).collect()]
    assert found == [("mug", "<b>Mug</b>", "Kitchen", 3), ("cup", "cup", None, 2), ("pot", "pot", None, 1)]


def test_offers_are_counted_by_who_speaks_for_them_and_who_ranked_them(recommendations: DataFrame) -> None:
    assert rows(offers.sources(recommendations, DAY)) == [("als", "m", 6)]


def test_a_sample_is_bounded_and_the_same_each_time(spark: SparkSession) -> None:
    known = table(spark, "customer_features", [{"as_of": DAY, "customer_id": f"c{i}", "frequency": i} for i in range(20)])
    placed = table(spark, "segments", [{"as_of": DAY, "segmentation": "chosen", "customer_id": f"c{i}", "segment_id": i % 3} for i in range(20)])
    first, again = (sorted(row["frequency"] for row in features.sampled(known, placed, DAY, 5).collect()) for _ in range(2))
    assert first == again
    assert len(set(first)) == 5
    assert all(row["segment_id"] == row["frequency"] % 3 for row in features.sampled(known, placed, DAY, 5).collect())


def test_the_middle_customer_is_that_of_the_segment_or_of_all_who_bought(spark: SparkSession) -> None:
    known = table(spark, "customer_features", [{"as_of": DAY, "customer_id": f"c{i}", "frequency": i, "monetary": 10.0 * i, "recency": i} for i in range(6)])
    of = [0, 2, 1, 2, 1, 2]
    placed = table(spark, "segments", [{"as_of": DAY, "segmentation": "chosen", "customer_id": f"c{i}", "segment_id": of[i]} for i in range(6)])
    found = {row["segment_id"]: (row["customers"], row["frequency"], row["monetary"]) for row in segments.middles(known, placed, DAY).collect()}
    assert found == {0: (1, 0.0, 0.0), 1: (2, 2.0, 20.0), 2: (3, 3.0, 30.0)}
    total = features.totals(known, DAY).collect()[0]
    assert (total["customers"], total["buyers"], total["orders"], total["revenue"], total["frequency"], total["monetary"]) == (6, 5, 15, 150, 3.0, 30.0)


def test_a_fit_of_an_earlier_date_is_the_newest_up_to_the_date(spark: SparkSession) -> None:
    tried = table(spark, "segment_candidates", [{"as_of": day, "candidate": str(day), "is_chosen": True} for day in (datetime.date(2024, 4, 30), DAY, LATER)])
    assert [row["candidate"] for row in segments.newest(tried, DAY).collect()] == ["2024-05-31"]
    assert [row["candidate"] for row in segments.newest(tried, datetime.date(2024, 5, 30)).collect()] == ["2024-04-30"]


def test_of_a_model_that_places_customers_the_report_reads_what_was_clustered(spark: SparkSession) -> None:
    def payload(revision: int, name: str, *steps: str) -> str:
        vectoriser = {"names": [name], "dropped": {"tenure": "an echo"}, "steps": [{"name": step, "values": [0.5]} for step in steps]}
        return json.dumps({"ids": [1], "revision": revision, "content": {"vectoriser": vectoriser}})

    settings = '{"segments": {"k": [4, 10]}}'
    older, first, last = payload(3, "frequency"), payload(9, "monetary"), payload(10, "recency", "recency", "tenure")
    models = table(spark, "models", [
        {"model_id": "d", "kind": "kmeans", "as_of": datetime.date(2024, 4, 30), "payload": older},
        {"model_id": "a", "kind": "kmeans", "as_of": DAY, "payload": last, "settings": settings, "measures": {"silhouette": 0.4}, "is_current": True},
        {"model_id": "e", "kind": "gmm", "as_of": DAY, "payload": first},
        {"model_id": "b", "kind": "blend", "as_of": DAY, "payload": '{"features": []}', "is_current": True},
        {"model_id": "c", "kind": "kmeans", "as_of": LATER, "payload": first, "is_current": True},
    ])  # fmt: skip
    assert rows(segments.clustering(models, DAY)) == [({"silhouette": 0.4}, '["recency"]', '{"tenure":"an echo"}', "[4,10]", '["recency","tenure"]')]
    alone = table(spark, "models", [{"model_id": "a", "as_of": DAY, "payload": payload(1, "component_1", "recency")}])
    [found] = rows(segments.clustering(alone, DAY))
    assert found[4] == '["recency"]'


@pytest.fixture(scope="module")
def monthly(spark: SparkSession) -> DataFrame:
    """Profiles of 30 dates, the newest LATER, the names with their dates; of both segmentations."""
    dates = [LATER - datetime.timedelta(days=age) for age in range(30)]
    return table(spark, "segment_profiles", [
        {"as_of": day, "segmentation": segmentation, "segment_id": segment_id, "segment_name": f"{segment_id} {day}", "size": day.day}
        for day in dates for segmentation in ("chosen", "rfm_rules") for segment_id in (1, 2)
    ])  # fmt: skip


def test_sizes_are_those_of_the_chosen_segments_at_the_newest_dates(monthly: DataFrame) -> None:
    found = rows(QUERIES["sizes"].run({"segment_profiles": monthly}, DAY))
    dates = [DAY - datetime.timedelta(days=age) for age in range(24)]
    assert sorted(found) == sorted((day, segment_id, f"{segment_id} {day}", day.day) for day in dates for segment_id in (1, 2))


def test_profiles_are_those_of_the_date_and_what_was_tried_that_of_the_newest_fit(spark: SparkSession, monthly: DataFrame) -> None:
    assert {row["as_of"] for row in QUERIES["profiles"].run({"segment_profiles": monthly}, DAY).collect()} == {DAY}
    fits = [datetime.date(2024, 4, 1), datetime.date(2024, 5, 1), LATER]
    tried = table(spark, "segment_candidates", [{"as_of": day, "candidate": "k", "is_chosen": True} for day in fits])
    alike = table(spark, "segment_agreement", [{"as_of": day, "candidate": "k", "other": "l"} for day in fits])
    assert [row["as_of"] for row in QUERIES["candidates"].run({"segment_candidates": tried}, DAY).collect()] == [fits[1]]
    assert [row["as_of"] for row in QUERIES["agreement"].run({"segment_agreement": alike}, DAY).collect()] == [fits[1]]


def test_models_that_serve_are_those_that_ranked_lists_of_the_date(spark: SparkSession, recommendations: DataFrame) -> None:
    models = table(spark, "models", [{"model_id": one, "kind": kind, "as_of": DAY} for one, kind in (("m", "blend"), ("old", "als"))])
    assert rows(offers.served(recommendations, models, DAY)) == [("m", "blend")]


def test_neighbours_come_with_what_both_bought(spark: SparkSession) -> None:
    similar = table(spark, "similar_customers", [{"as_of": DAY, "customer_id": "ann", "neighbours": ["bob", "cat"], "cosines": [0.9, 0.4]}])
    assert [(row["neighbour"], row["cosine"]) for row in customer.neighbours(similar, "ann", DAY).collect()] == [("bob", 0.9), ("cat", 0.4)]
    had = table(spark, "customer_items", [
        {"as_of": DAY, "customer_id": one, "item_id": item, "strength": strength, "is_bought": is_bought}
        for one, item, strength, is_bought in (("ann", "mug", 1.0, True), ("ann", "cup", 3.0, True), ("bob", "mug", 2.0, True), ("bob", "cup", 2.0, True),
                                               ("cat", "mug", 1.0, False), ("dan", "mug", 1.0, True))
    ])  # fmt: skip
    items = table(spark, "items", [{"item_id": "mug", "title": "Mug"}])
    assert rows(customer.shared_items(had, items, ["bob", "cat"], "ann", DAY)) == [("bob", 2, ["cup", "Mug"])]


def test_the_best_pictures_of_a_segment_come_first_and_measures_are_those_of_all_categories(spark: SparkSession) -> None:
    made = table(spark, "generated_images", [
        {"as_of": DAY, "segment_id": 1, "image_id": str(number), "category": str(number), "discriminator_score": number / 10, "png": b"abc", "model_id": "old"}
        for number in range(offers.IMAGES + 1)
    ])  # fmt: skip
    uri = "data:image/png;base64,YWJj"
    assert sorted(rows(offers.images(made, DAY))) == [(1, str(number), uri) for number in range(1, offers.IMAGES + 1)]  # the worst one is left out
    quality = table(spark, "content_quality", [
        {"model_id": model, "measure": measure, "category": category, "value": value, "reference": 0.88}
        for model, measure, category, value in (("old", "agreement", "", 0.5), ("old", "diversity", "Bag", 0.25), ("new", "agreement", "", 0.75))
    ])  # fmt: skip
    later = table(spark, "generated_images", [{"as_of": DAY + datetime.timedelta(1), "segment_id": 1, "image_id": "later", "model_id": "new"}])
    assert rows(offers.content_quality(quality, made.unionByName(later), DAY)) == [("agreement", 0.5, 0.88)]  # the model of the pictures shown


def test_an_unknown_id_is_near_to_those_that_differ_least(spark: SparkSession) -> None:
    known = table(spark, "customer_features", [{"as_of": DAY, "customer_id": one} for one in ("12345", "12346", "99999", "2345")])
    assert rows(customer.nearest_ids(known, "1234", DAY, 3)) == [("12345",), ("12346",), ("2345",)]


def test_every_query_names_tables_and_what_bounds_its_rows() -> None:
    assert all(query.needs and set(query.needs) <= set(TABLES) and query.rows for query in QUERIES.values())
