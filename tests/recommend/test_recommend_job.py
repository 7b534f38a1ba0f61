"""The job `recommend` on small shops: two tastes that never meet, and shops with next to nothing in them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from market_rows import AS_OF, ago, cancellations, features, item_days, items, met
from pyspark.sql import Row, SparkSession

from coterie.errors import UserError
from coterie.lake import Lake
from coterie.lease import Lease
from coterie.pipeline.recommend import run_recommend
from coterie.pipeline.run import Run
from coterie.settings import load_settings

SMALL = {"rank": 4, "iterations": 4, "blocks": 2, "count": 3, "bootstrap": 20, "measure_at": [2, 10]}
WRITTEN = ("recommendations", "recommendation_quality", "customer_items", "models", "model_factors")

# Customer n buys the items of its own parity but not item n; a third of them in the last days, from which the models are tested.
BOUGHT = [(f"c{n}", f"i{m}", m if (n + m) % 3 == 0 else 20 + m) for n in range(8) for m in range(10) if (n - m) % 2 == 0 and n != m]
CUSTOMERS = [*(f"c{n}" for n in range(8)), "looked", "nothing"]


def run_job(lake: Lake, **settings: Any) -> Run:
    with Lease(lake, "test", 300) as lease:
        run = Run("recommend", lake, load_settings([{"recommend": SMALL | settings}]), AS_OF, lease, "command")
        run_recommend(run)
    return run


def rows(lake: Lake) -> dict[str, list[Row]]:
    return {table: sorted(lake.read(table).collect(), key=str) for table in WRITTEN}


@pytest.fixture(scope="module")
def new_lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Lake]:
    return lambda: Lake(spark, str(Path(tmp_path_factory.mktemp("recommend")) / "lake"))


@dataclass(frozen=True)
class Story:
    """The tables after the job, after the same job again, and after one that allows repeat purchases; and the runs."""

    first: dict[str, list[Row]]
    again: dict[str, list[Row]]
    repeats: dict[str, list[Row]]
    runs: list[Run]


@pytest.fixture(scope="module")
def story(spark: SparkSession, new_lake: Callable[[], Lake]) -> Story:
    lake = new_lake()
    looks = [met("looked", "i2", 1, view_count=1), met("looked", "i4", 1, view_count=2), met("c0", "i2", 1, back=1)]
    lake.replace("customer_item_days", item_days(spark, *(met(customer, item, days, purchases=1) for customer, item, days in BOUGHT), *looks))
    lake.replace("cancellations", cancellations(spark, ("c0", "i2", 22, 1)))
    lake.replace("items", items(spark, *((f"i{m}", f"Thing {m}", 80, True) for m in range(10)), ("gone", "Gone", 80, False), ("old", None, 99, True)))
    lake.replace("customer_features", features(spark, *CUSTOMERS))
    states, runs = [], []
    for settings in ({}, {}, {"repeat_purchases": True, "count": 5}):
        runs.append(run_job(lake, **settings))
        states.append(rows(lake))
    return Story(*states, runs)


def lists(state: dict[str, list[Row]]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in sorted(state["recommendations"], key=lambda row: (row["customer_id"], row["rank"])):
        found.setdefault(row["customer_id"], []).append(row)
    return found


def test_every_customer_has_the_full_number_ranked_and_none_had_before(story: Story) -> None:
    found = lists(story.first)
    had = {(customer, item) for customer, item, _ in BOUGHT} - {("c0", "i2")}
    assert sorted(found) == sorted(CUSTOMERS)
    for customer, offers in found.items():
        assert [row["rank"] for row in offers] == [1, 2, 3]
        assert len({row["item_id"] for row in offers}) == 3
        assert not {(customer, row["item_id"]) for row in offers} & had
        assert {row["item_id"] for row in offers} <= {f"i{m}" for m in range(10)}
        assert all(row["reason"].strip() and row["as_of"] == AS_OF for row in offers)


def test_the_own_taste_comes_first_and_strangers_get_what_is_popular(story: Story) -> None:
    found = lists(story.first)
    assert found["c3"][0]["item_id"] == "i3"
    assert found["c3"][0]["reason"].startswith("because you bought Thing ")
    assert found["looked"][0]["source"] == "als"
    assert found["looked"][0]["reason"].startswith("because you looked at Thing ")
    assert {row["source"] for row in found["nothing"]} == {"popular"}
    assert found["nothing"][0]["reason"] == "bought by 4 customers in the last 30 days"


def test_models_are_kept_with_their_measures_and_named_in_the_rows(story: Story) -> None:
    current = {row["kind"]: row for row in story.first["models"] if row["is_current"]}
    assert sorted(current) == ["als", "popular"]
    assert {row["model_id"] for row in story.first["recommendations"] if row["source"] == "als"} == {current["als"]["model_id"]}
    assert {row["as_of"] for row in story.first["models"] if not row["is_current"]} == {ago(14)}
    assert {"ndcg_at_2", "ndcg_at_10", "map_at_10"} <= set(current["als"]["measures"])
    assert {row["model_id"] for row in story.first["model_factors"]} == {row["model_id"] for row in story.first["models"]}


def test_both_models_are_measured_side_by_side_under_both_protocols(story: Story) -> None:
    found = {(row["protocol"], row["model"]) for row in story.first["recommendation_quality"]}
    assert found == {(protocol, model) for protocol in ("new", "all") for model in ("als", "popular")}
    ndcg = {row["model"]: row["value"] for row in story.first["recommendation_quality"]
            if (row["protocol"], row["population"], row["measure"], row["k"]) == ("new", "warm", "ndcg", 10)}
    assert ndcg["als"] > ndcg["popular"] > 0
    assert story.runs[0].measures["als_ndcg_at_10"] == pytest.approx(ndcg["als"])


def test_the_same_again_changes_no_row(story: Story) -> None:
    assert story.again == story.first


def test_repeats_are_offered_on_demand_and_named_so(story: Story) -> None:
    had = {(customer, item) for customer, item, _ in BOUGHT} - {("c0", "i2")}
    offered = {(row["customer_id"], row["item_id"], row["source"] == "repeat") for row in story.repeats["recommendations"]}
    assert {(customer, item) for customer, item, is_repeat in offered if is_repeat} == {(c, i) for c, i, _ in offered} & had != set()
    assert {len(found) for found in lists(story.repeats).values()} == {5}


def test_the_run_says_what_it_did(story: Story) -> None:
    assert story.runs[0].measures["customers_served"] == len(CUSTOMERS)
    assert story.runs[0].message.startswith("10 customers have 3 recommendations each, of ")


def test_a_shop_whose_events_name_no_items_is_skipped_with_one_line(spark: SparkSession, new_lake: Callable[[], Lake]) -> None:
    lake = new_lake()
    lake.replace("customer_features", features(spark, "ann"))
    assert run_job(lake).message == "recommendations skipped: the events name no items"
    assert not any(lake.exists(table) for table in WRITTEN)


def test_a_date_without_features_and_too_many_items_are_the_users_business(spark: SparkSession, new_lake: Callable[[], Lake]) -> None:
    lake = new_lake()
    with pytest.raises(UserError, match="no customer as of 2024-03-31; run `coterie features --as-of 2024-03-31` first"):
        run_job(lake)
    lake.replace("customer_features", features(spark, "ann"))
    lake.replace("items", items(spark, ("a", None, 1, True), ("b", None, 1, True)))
    with pytest.raises(UserError, match=r"the shop has 2 items and recommend\.max_items is 1"):
        run_job(lake, max_items=1)


def test_one_customer_with_the_only_item_has_no_list_and_the_job_ends_well(spark: SparkSession, new_lake: Callable[[], Lake]) -> None:
    lake = new_lake()
    lake.replace("customer_features", features(spark, "only"))
    lake.replace("items", items(spark, ("thing", None, 50, True)))
    lake.replace("customer_item_days", item_days(spark, met("only", "thing", 40, purchases=1)))
    message = run_job(lake).message
    assert "not measured, since nobody bought anything then" in message
    assert rows(lake)["recommendations"] == []
