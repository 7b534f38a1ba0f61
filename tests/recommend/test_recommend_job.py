"""The job `recommend` on small shops: two tastes that never meet, and shops with next to nothing in them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from market_rows import AS_OF, ago, cancellations, features, item_days, items, met, table
from pyspark.sql import Row, SparkSession

from coterie.errors import UserError
from coterie.lake import Lake
from coterie.lease import Lease
from coterie.pipeline.contest import Contest, Verdict
from coterie.pipeline.recommend import run_recommend
from coterie.pipeline.run import Run
from coterie.schemas import SEGMENTS
from coterie.settings import load_settings

SMALL = {
    "count": 3, "bootstrap": 20, "measure_at": [2, 10], "similar_customers": 5, "segment_min_support": 2, "segment_items": 3, "user_knn": {"neighbours": 5},
    "ease": {"regularisation": 1.0}, "item_knn": {"shrinkage": 0.5}, "models": ["user_knn", "ease", "repeat", "blend"],
}  # fmt: skip
EVERY = {"popular", "user_knn", "ease", "repeat", "blend"}  # each model by itself is the business of `test_recommenders`
WRITTEN = ("recommendations", "recommendation_quality", "similar_customers", "segment_recommendations", "customer_items", "models", "model_factors")
VALIDATION, TEST = f"{ago(27)}..{ago(14)}", f"{ago(13)}..{AS_OF}"

# Customer n buys the items of its own parity but not item n: a third of them in the last 14 days, a third in the 14 before, a third earlier.
BOUGHT = [(f"c{n}", f"i{m}", (m, 16 + m, 40 + m)[(n + m) % 3]) for n in range(8) for m in range(10) if (n - m) % 2 == 0 and n != m]
CUSTOMERS = [*(f"c{n}" for n in range(8)), "looked", "nothing"]
HAD = {(customer, item) for customer, item, _ in BOUGHT} - {("c0", "i8")}  # which was cancelled


def run_job(lake: Lake, **settings: Any) -> Run:
    with Lease(lake, "test", 300) as lease:
        run = Run("recommend", lake, load_settings([{"recommend": SMALL}, {"recommend": settings}]), AS_OF, lease, "command")
        run_recommend(run)
    return run


def rows(lake: Lake) -> dict[str, list[Row]]:
    return {of: sorted(lake.read(of).collect(), key=str) for of in WRITTEN}


@pytest.fixture(scope="module")
def new_lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Lake]:
    return lambda: Lake(spark, str(Path(tmp_path_factory.mktemp("recommend")) / "lake"))


@dataclass(frozen=True)
class Story:
    """The tables after the job, after the same job again, and after one that serves a model by name and allows repeat purchases; and the runs."""

    first: dict[str, list[Row]]
    again: dict[str, list[Row]]
    repeats: dict[str, list[Row]]
    runs: list[Run]
    scratch: int


@pytest.fixture(scope="module")
def story(spark: SparkSession, new_lake: Callable[[], Lake]) -> Story:
    lake = new_lake()
    looks = [met("looked", "i2", 1, view_count=1), met("looked", "i4", 1, view_count=2), met("c0", "i8", 1, back=1)]
    lake.replace("customer_item_days", item_days(spark, *(met(customer, item, days, purchases=1) for customer, item, days in BOUGHT), *looks))
    lake.replace("cancellations", cancellations(spark, ("c0", "i8", 48, 1)))
    lake.replace("items", items(spark, *((f"i{m}", f"Thing {m}", 80, True) for m in range(10)), ("gone", "Gone", 80, False), ("old", None, 99, True)))
    lake.replace("customer_features", features(spark, *CUSTOMERS))
    placed = [
        {"as_of": AS_OF, "segmentation": "chosen", "customer_id": f"c{n}", "segment_id": n % 2, "segment_name": "", "model_id": "m"} for n in range(8)
    ]  # fmt: skip
    lake.replace("segments", table(spark, SEGMENTS, placed))
    states, runs = [], []
    for settings in ({}, {}, {"repeat_purchases": True, "count": 5, "serve": "ease"}):
        runs.append(run_job(lake, **settings))
        states.append(rows(lake))
    return Story(*states, runs, sum(lake.read(name).count() for name in ("held_out", "measured_lists")))


def lists(state: dict[str, list[Row]]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in sorted(state["recommendations"], key=lambda row: (row["customer_id"], row["rank"])):
        found.setdefault(row["customer_id"], []).append(row)
    return found


def test_every_customer_has_the_full_number_ranked_and_none_had_before(story: Story) -> None:
    found = lists(story.first)
    assert sorted(found) == sorted(CUSTOMERS)
    for customer, offers in found.items():
        assert [row["rank"] for row in offers] == [1, 2, 3]
        assert len({row["item_id"] for row in offers}) == 3
        assert not {(customer, row["item_id"]) for row in offers} & HAD
        assert {row["item_id"] for row in offers} <= {f"i{m}" for m in range(10)}
        assert all(row["reason"].strip() and row["as_of"] == AS_OF for row in offers)


def test_who_did_nothing_gets_what_is_popular(story: Story) -> None:
    for state, count in ((story.first, 3), (story.repeats, 5)):
        nothing = lists(state)["nothing"]
        assert [row["source"] for row in nothing] == ["popular"] * count
        assert all(row["reason"].startswith("bought by ") and row["reason"].endswith(" in the last 14 days") for row in nothing)


def test_every_model_is_measured_under_both_protocols_on_both_windows(story: Story) -> None:
    found = {(row["window"], row["protocol"], row["model"]) for row in story.first["recommendation_quality"]}
    assert found == {(window, protocol, model) for window in (VALIDATION, TEST) for protocol in ("new", "all") for model in EVERY}
    assert {row["k"] for row in story.first["recommendation_quality"]} == {0, 2, 10}
    assert {row["as_of"] for row in story.first["recommendation_quality"]} == {AS_OF}
    value = {(row["model"], row["measure"], row["k"]): row["value"] for row in story.first["recommendation_quality"]
             if (row["window"], row["protocol"], row["population"]) == (TEST, "new", "warm")}  # fmt: skip
    for model in ("user_knn", "ease"):  # eight customers are too few for the blend
        assert value[model, "ndcg", 10] > value["popular", "ndcg", 10] > 0
    assert value["repeat", "ndcg", 10] == pytest.approx(value["popular", "ndcg", 10])  # nothing new comes from it


def ndcg(story: Story, window: str) -> dict[str, float]:
    return {row["model"]: row["value"] for row in story.first["recommendation_quality"]
            if (row["window"], row["protocol"], row["population"], row["measure"], row["k"]) == (window, "new", "warm", "ndcg", 10)}  # fmt: skip


def test_the_best_of_the_validation_window_serves_and_the_run_says_so(story: Story) -> None:
    validated = ndcg(story, VALIDATION)
    best = min(validated, key=lambda model: (-validated[model], model))
    first = story.runs[0].message.splitlines()[0]
    assert first == f"10 customers have 3 recommendations each, of {count_items(story.first)} items, by {best}: it was the best on the 14 days before"
    by_kind = {row["kind"]: row["model_id"] for row in story.first["models"] if row["is_current"]}
    assert {row["model_id"] for row in story.first["recommendations"]} <= {by_kind[best], by_kind["popular"]}
    assert by_kind[best] in {row["model_id"] for row in story.first["recommendations"]}


def count_items(state: dict[str, list[Row]]) -> int:
    return len({row["item_id"] for row in state["recommendations"]})


def test_the_run_keeps_what_the_test_window_found(story: Story) -> None:
    tested = ndcg(story, TEST)
    measures = story.runs[0].measures
    assert {model: measures[f"{model}_ndcg_at_10"] for model in EVERY} == pytest.approx(tested)
    assert measures["customers_served"] == len(CUSTOMERS)
    assert measures["short_lists"] == 0
    line = story.runs[0].message.splitlines()[1]
    assert line.startswith("nDCG@10 on the last 14 days, new items: ")
    assert f"ease {tested['ease']:.3f}" in line


def test_models_are_kept_with_their_measures_and_their_rows(story: Story) -> None:
    current = {row["kind"]: row for row in story.first["models"] if row["is_current"]}
    assert set(current) == EVERY
    assert {row["as_of"] for row in story.first["models"] if not row["is_current"]} == {ago(14)}
    for kind in EVERY:
        assert {"ndcg_at_2", "ndcg_at_10", "map_at_10"} <= set(current[kind]["measures"])
    assert (current["blend"]["payload"] is not None, current["ease"]["payload"]) == (True, None)
    held = {row["model_id"] for row in story.first["model_factors"]}
    assert held <= {row["model_id"] for row in story.first["models"]}
    assert {current[kind]["model_id"] for kind in EVERY - {"repeat", "blend"}} <= held


def test_the_same_again_changes_no_row(story: Story) -> None:
    for of in WRITTEN:
        assert story.again[of] == story.first[of], of
    assert story.again["models"] == story.first["models"]
    assert story.scratch == 0


def test_a_model_serves_by_name_and_offers_again_what_was_bought(story: Story) -> None:
    found = lists(story.repeats)
    assert story.runs[2].message.splitlines()[0].endswith(", by ease: the settings say so")
    for n in (1, 3, 5, 7):  # of their five items they had four, and the fifth goes with them
        assert {row["item_id"] for row in found[f"c{n}"]} == {"i1", "i3", "i5", "i7", "i9"}
        assert {row["source"] for row in found[f"c{n}"]} == {"ease"}
        [offer] = [row for row in found[f"c{n}"] if row["item_id"] == f"i{n}"]
        assert offer["reason"].startswith("goes with Thing ")
    assert found["looked"][0]["source"] == "ease"
    assert {len(offers) for offers in found.values()} == {5}
    assert {(customer, row["item_id"]) for customer, offers in found.items() for row in offers} & HAD
    current = {row["kind"]: row["model_id"] for row in story.repeats["models"] if row["is_current"]}
    assert {row["model_id"] for row in story.repeats["recommendations"] if row["source"] == "ease"} == {current["ease"]}


def test_similar_customers_are_those_of_the_own_taste_nearest_first(story: Story) -> None:
    found = {row["customer_id"]: row for row in story.first["similar_customers"]}
    assert set(found) == {*(f"c{n}" for n in range(8)), "looked"}
    for n in range(8):
        near = found[f"c{n}"]
        expected = {f"c{other}" for other in range(n % 2, 8, 2)} - {f"c{n}"}
        assert set(near["neighbours"]) in (expected, expected | {"looked"})
        assert near["cosines"] == sorted(near["cosines"], reverse=True)
        assert all(0 < cosine <= 1 for cosine in near["cosines"])


def test_segments_buy_what_is_of_their_parity(story: Story) -> None:
    found = story.first["segment_recommendations"]
    assert {(row["segment_id"], row["list"]) for row in found} == {(segment, name) for segment in (0, 1) for name in ("lift", "best")}
    for row in found:
        assert int(row["item_id"][1:]) % 2 == row["segment_id"]
        assert (row["lift"], row["shop_buyers"], row["segment_buyers"]) == (2, 8, 4)  # all of an item's buyers are in one half of the customers
    # i9 has four buyers, i1 .. i7 three each.
    assert [row["item_id"] for row in sorted(found, key=lambda row: row["rank"]) if (row["segment_id"], row["list"]) == (1, "lift")] == ["i9", "i1", "i3"]


def test_a_shop_whose_events_name_no_items_is_skipped_with_one_line(spark: SparkSession, new_lake: Callable[[], Lake]) -> None:
    lake = new_lake()
    lake.replace("customer_features", features(spark, "ann"))
    assert run_job(lake).message == "recommendations skipped: the events name no items"
    assert not any(lake.exists(of) for of in WRITTEN)


def test_a_date_without_features_and_too_many_items_are_the_users_business(spark: SparkSession, new_lake: Callable[[], Lake]) -> None:
    lake = new_lake()
    with pytest.raises(UserError, match="no customer as of 2024-03-31; run `coterie features --as-of 2024-03-31` first"):
        run_job(lake)
    lake.replace("customer_features", features(spark, "ann"))
    lake.replace("items", items(spark, ("a", None, 1, True), ("b", None, 1, True)))
    with pytest.raises(UserError, match=r"the shop has 2 items and recommend\.max_items is 1"):
        run_job(lake, max_items=1)


QUIET = [*((f"a{n}", f"a{m}") for n in range(3) for m in range(3)), *((f"b{n}", f"b{m}") for n in range(2) for m in range(2))]


def test_a_shop_where_nobody_bought_in_the_last_days_gets_popular_lists_and_is_not_measured(spark: SparkSession, new_lake: Callable[[], Lake]) -> None:
    lake = new_lake()
    lake.replace("customer_features", features(spark, "a0", "stranger"))
    lake.replace("items", items(spark, *((item, None, 60, True) for item in ("a0", "a1", "a2", "b0", "b1"))))
    lake.replace("customer_item_days", item_days(spark, *(met(customer, item, 40, purchases=1) for customer, item in QUIET)))
    with pytest.raises(UserError, match=r"EASE would hold 5 x 5 numbers, about 0\.0 GB, in one task, and recommend\.ease\.max_items is 2"):
        run_job(lake, models=["popular", "ease"], ease={"max_items": 2}, similar_customers=0)
    run = run_job(lake, models=["popular", "item_knn"], mmr=1.0, similar_customers=0)
    assert "not measured, since nobody bought anything in the last days" in run.message
    state = rows(lake)
    assert (state["recommendation_quality"], state["similar_customers"]) == ([], [])
    found = lists(state)
    assert sorted(row["item_id"] for row in found["a0"]) == ["b0", "b1"]  # all that it has not had
    assert run.measures["short_lists"] == 1
    # By rank: a0, a1, a2. For variety alone: after a0 whatever nobody bought with it, and then the less alike: b0 and b1 have fewer buyers together.
    assert [row["item_id"] for row in found["stranger"]] == ["a0", "b0", "b1"]


def test_nothing_is_chosen_on_the_days_of_the_test(spark: SparkSession, new_lake: Callable[[], Lake]) -> None:
    # Nobody bought anything in the 14 days before the last 14: there is no validation, and the test window must not stand in for it.
    lake = new_lake()
    lake.replace("customer_features", features(spark, "a0"))
    lake.replace("items", items(spark, *((item, None, 60, True) for item in ("a0", "a1", "a2", "b0", "b1"))))
    late = [met("a0", "a2", 3, purchases=1), met("b0", "b1", 3, purchases=1)]
    early = [met(customer, item, 40, purchases=1) for customer, item in QUIET if (customer, item) not in (("a0", "a2"), ("b0", "b1"))]
    lake.replace("customer_item_days", item_days(spark, *early, *late))
    run = run_job(lake, models=["popular", "item_knn"], similar_customers=0)
    assert {row["window"] for row in rows(lake)["recommendation_quality"]} == {TEST}
    assert "it was the best on the 14 days before" not in run.message


def test_what_was_learned_from_titles_serves_the_test_and_the_shop_alike(spark: SparkSession, new_lake: Callable[[], Lake]) -> None:
    lake = new_lake()
    titles = {"a0": "red cup", "a1": "red mug", "a2": "blue mug", "b0": "green sofa", "b1": "green chair"}
    lake.replace("customer_features", features(spark, "a0"))
    lake.replace("items", items(spark, *((item, title, 60, True) for item, title in titles.items())))
    days = [met(customer, item, n % 2 * 17 + 3, purchases=1) for n, (customer, item) in enumerate(QUIET)]
    lake.replace("customer_item_days", item_days(spark, *days))
    run_job(lake, models=["popular", "content"], similar_customers=0)
    state = rows(lake)
    known_as = [row["model_id"] for row in state["models"] if row["kind"] == "content"]
    kept = [{row["id"]: dict(zip(row["ids"], row["factors"], strict=True)) for row in state["model_factors"] if row["model_id"] == name} for name in known_as]
    assert len(set(known_as)) == 2  # of the test's date and of today
    assert kept[0] == kept[1]
    assert kept[0]["a1"].keys() == {"a0", "a2"}  # red, mug
    assert kept[0]["b0"].keys() == {"b1"}


def test_one_customer_with_the_only_item_has_no_list_and_the_job_ends_well(spark: SparkSession, new_lake: Callable[[], Lake]) -> None:
    lake = new_lake()
    lake.replace("customer_features", features(spark, "only"))
    lake.replace("items", items(spark, ("thing", None, 50, True)))
    lake.replace("customer_item_days", item_days(spark, met("only", "thing", 40, purchases=1)))
    message = run_job(lake, models=["als", "ease"]).message
    assert "not measured, since nobody bought anything in the last days" in message
    assert rows(lake)["recommendations"] == []


def test_a_blend_that_had_nothing_to_learn_from_is_said_to_be_why_another_serves() -> None:
    settings = load_settings([{"recommend": {"models": ["popular", "blend"], "serve": "blend"}}])
    contest = Contest(SimpleNamespace(settings=settings), AS_OF)  # type: ignore[arg-type]
    assert contest.reason_for(Verdict("blend", None, [], {}, {})) == "the settings say so"
    assert contest.reason_for(Verdict("popular", None, [], {}, {})) == "the blend, which the settings name, had nothing to learn from on the 14 days before"
