"""The job `segments` on a lake of eighteen customers: six rich and frequent, six poor and gone, four in between, two who never bought.

March is fitted; April is assigned with March's model, then fitted anew. One rich customer leaves, one poor customer returns, a new one joins.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from coterie.errors import UserError
from coterie.lake import Lake
from coterie.lease import Lease
from coterie.pipeline.run import Run
from coterie.pipeline.segments import run_segments
from coterie.schemas import SCHEMA_VERSION, TABLES
from coterie.segments.stored import StoredModel
from coterie.settings import load_settings

MARCH, APRIL = datetime.date(2024, 3, 31), datetime.date(2024, 4, 30)
FEW = {"feature_sets": ["rfm"], "methods": ["kmeans"], "resamples": 3, "min_stability": -1}
SETTINGS = {"segments": {"k": [3, 3], "min_category_customers": 2, **FEW}, "vector": {"knots": 101}, "shop": {"currency": "GBP"}}
Customers = dict[str, tuple[int | None, int, int | None, str | None]]  # recency, frequency, monetary, favourite category

RICH: Customers = {f"rich{n}": (1 + n, 20 + n, 5000 + 100 * n, "wine") for n in range(6)}
POOR: Customers = {f"poor{n}": (300 + n, 1, 10 + n, "cups") for n in range(6)}
MIDDLE: Customers = {f"middle{n}": (60 + n, 6 + n, 700 + 10 * n, "wine" if n else "cups") for n in range(4)}
COLD: Customers = {"cold1": (None, 0, None, None), "cold2": (None, 0, -3, None)}
IN_MARCH = RICH | POOR | MIDDLE | COLD
IN_APRIL = {name: values for name, values in IN_MARCH.items() if name != "rich0"} | {"poor5": (2, 22, 5150, "wine"), "new": (299, 1, 9, "cups")}


def features(spark: SparkSession, as_of: datetime.date, customers: Customers) -> DataFrame:
    spec = TABLES["customer_features"]
    rows = []
    for name, (recency, frequency, monetary, category) in customers.items():
        known: dict[str, Any] = {"as_of": as_of, "customer_id": name, "recency": recency, "frequency": frequency, "favourite_category": category}
        known["monetary"] = None if monetary is None else Decimal(monetary)
        rows.append(tuple(known.get(column) for column in spec.names))
    return spark.createDataFrame(rows, ", ".join(f"{column.name} {column.type}" for column in spec.columns))


def run_job(lake: Lake, as_of: datetime.date, refit: bool = False) -> Run:
    with Lease(lake, "test", 300) as lease:
        run = Run("segments", lake, load_settings([SETTINGS]), as_of, lease, "command", {"refit": refit})
        run_segments(run)
    return run


def rows(lake: Lake, table: str) -> list[Row]:
    return sorted(lake.read(table).collect(), key=str)


@dataclass(frozen=True)
class Story:
    """What the tables held after each run, and the runs."""

    march: dict[str, list[Row]]
    april: dict[str, list[Row]]
    refitted: dict[str, list[Row]]
    march_again: dict[str, list[Row]]
    runs: list[Run]


WRITTEN = ("segments", "segment_profiles", "segment_candidates", "segment_agreement", "segment_projection", "segment_moves", "segment_flows", "models")


@pytest.fixture(scope="module")
def new_lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Lake]:
    return lambda: Lake(spark, str(Path(tmp_path_factory.mktemp("segments")) / "lake"))


@pytest.fixture(scope="module")
def story(spark: SparkSession, new_lake: Callable[[], Lake]) -> Story:
    lake = new_lake()
    for as_of, customers in ((MARCH, IN_MARCH), (APRIL, IN_APRIL)):
        lake.append("customer_features", features(spark, as_of, customers))
    states, runs = [], []
    for as_of, refit in ((MARCH, False), (APRIL, False), (APRIL, True), (MARCH, False)):
        runs.append(run_job(lake, as_of, refit))
        states.append({table: rows(lake, table) for table in WRITTEN})
    return Story(*states, runs)


def places(state: dict[str, list[Row]], as_of: datetime.date, segmentation: str = "chosen") -> dict[str, int]:
    return {row["customer_id"]: row["segment_id"] for row in state["segments"] if (row["as_of"], row["segmentation"]) == (as_of, segmentation)}


def of(state: dict[str, list[Row]], table: str, **values: Any) -> list[Row]:
    return [row for row in state[table] if all(row[name] == value for name, value in values.items())]


def test_groups_are_found_and_numbered_by_what_they_spend(story: Story) -> None:
    found = places(story.march, MARCH)
    assert {found[name] for name in RICH} == {1}
    assert {found[name] for name in MIDDLE} == {2}
    assert {found[name] for name in POOR} == {3}
    assert {found[name] for name in COLD} == {0}
    assert set(places(story.march, MARCH, "rfm_rules")) == set(IN_MARCH)


def test_every_candidate_is_kept_with_its_verdict_and_the_rules_beside(story: Story) -> None:
    found = {row["candidate"]: row for row in story.march["segment_candidates"]}
    assert {name: row["is_chosen"] for name, row in found.items()} == {"rfm kmeans k=2": False, "rfm kmeans k=3": True, "rfm rfm_rules": False}
    assert found["rfm kmeans k=3"]["silhouette"] > found["rfm rfm_rules"]["silhouette"]
    assert found["rfm kmeans k=2"]["verdict"] == "refused: it finds 2, fewer than 3"
    assert {(row["candidate"], row["other"]) for row in story.march["segment_agreement"]} >= {("rfm kmeans k=3", "rfm rfm_rules")}
    assert all(row["verdict"] for row in story.march["segment_candidates"])


def test_profiles_count_their_segments_and_speak_of_them(story: Story) -> None:
    for segmentation in ("chosen", "rfm_rules"):
        profiles = of(story.march, "segment_profiles", segmentation=segmentation)
        found = list(places(story.march, MARCH, segmentation).values())
        assert {row["segment_id"]: row["size"] for row in profiles} == {segment_id: found.count(segment_id) for segment_id in set(found)}
        assert sum(row["share"] or 0 for row in profiles) == pytest.approx(1)
        assert sum(row["revenue"] for row in profiles) == sum(values[2] or 0 for values in IN_MARCH.values())
        assert len({row["segment_name"] for row in profiles}) == len(profiles)
        assert all(row["description"] for row in profiles)
    [rich] = of(story.march, "segment_profiles", segmentation="chosen", segment_id=1)
    assert rich["segment_name"] == "Frequent buyers, active last week"
    assert (rich["size"], rich["share"], len(rich["typical_customers"])) == (6, 0.375, 5)
    assert {"frequency", "monetary"} <= {trait["feature"] for trait in rich["traits"] if trait["direction"] == "more"}
    assert [(entry["category"], entry["customers"]) for entry in rich["favourite_categories"]] == [("wine", 6)]
    [cold] = of(story.march, "segment_profiles", segmentation="chosen", segment_id=0)
    assert (cold["segment_name"], cold["size"], cold["share"], cold["revenue"]) == ("Has not bought yet", 2, None, Decimal(-3))


def test_a_profile_says_who_is_meant_when_they_began_and_where_the_rules_put_them(story: Story) -> None:
    [rich] = of(story.march, "segment_profiles", segmentation="chosen", segment_id=1)
    assert "revenue above 2,865" in rich["rule"]  # the least of the rich spent 5,000, the most of the others 730
    assert (rich["rule_precision"], rich["rule_recall"]) == (1.0, 1.0)
    assert len(rich["border_customers"]) == 5
    assert sum(entry["customers"] for entry in rich["rfm_overlap"]) == 6
    assert all(trait["effect"] is None or trait["effect"] * trait["strength"] > 0 for trait in rich["traits"])


def test_the_picture_shows_everyone_of_a_small_shop_in_the_segment_they_are_in(story: Story) -> None:
    found = {row["customer_id"]: row["segment_id"] for row in story.march["segment_projection"]}
    assert found == {name: segment for name, segment in places(story.march, MARCH).items() if segment}


def test_segments_carry_the_names_of_their_profiles_and_the_model_that_assigned(story: Story) -> None:
    names = {(row["as_of"], row["segmentation"], row["segment_id"]): row["segment_name"] for row in story.april["segment_profiles"]}
    assert all(row["segment_name"] == names[row["as_of"], row["segmentation"], row["segment_id"]] for row in story.april["segments"])
    assert {row["model_id"] for row in story.april["segments"]} == {row["model_id"] for row in story.april["models"]}


def test_the_first_date_has_neither_moves_nor_flows(story: Story) -> None:
    assert story.march["segment_moves"] == story.march["segment_flows"] == []


def test_a_later_date_is_assigned_with_the_model_there_is(story: Story) -> None:
    assert story.april["models"] == story.march["models"]
    assert of(story.april, "segment_candidates", as_of=APRIL) == []
    assert of(story.april, "segments", as_of=MARCH) == story.march["segments"]
    found = places(story.april, APRIL)
    assert (found["poor5"], found["new"], found["rich1"]) == (1, 3, 1)
    assert "rich0" not in found


@pytest.mark.parametrize("when", ["april", "refitted"])
@pytest.mark.parametrize("segmentation", ["chosen", "rfm_rules"])
def test_moves_and_flows_add_up_to_the_customers_of_both_dates(story: Story, when: str, segmentation: str) -> None:
    state: dict[str, list[Row]] = getattr(story, when)
    before, now = places(state, MARCH, segmentation), places(state, APRIL, segmentation)
    flows = of(state, "segment_flows", as_of=APRIL, segmentation=segmentation)
    assert sum(row["customers"] for row in flows if row["from_segment_id"] is not None) == len(before)
    assert sum(row["customers"] for row in flows if row["to_segment_id"] is not None) == len(now)
    assert [row["customers"] for row in flows if row["to_segment_id"] is None] == [1]
    moved = {name for name in before if name in now and before[name] != now[name]}
    moves = of(state, "segment_moves", segmentation=segmentation)
    assert {row["customer_id"] for row in moves} == moved
    ways = [row["customers"] for row in flows if None not in (row["from_segment_id"], row["to_segment_id"]) and row["from_segment_id"] != row["to_segment_id"]]
    assert sum(ways) == len(moved)
    gone = {row["revenue"] for row in flows if row["to_segment_id"] is None}
    assert gone == {Decimal(5000)}  # of the earlier date
    assert sum(row["revenue"] for row in flows) - 5000 == sum(values[2] or 0 for values in IN_APRIL.values())


def test_under_the_same_model_a_move_is_the_customers_own(story: Story) -> None:
    [move] = of(story.april, "segment_moves", segmentation="chosen", customer_id="poor5")
    assert (move["from_segment_id"], move["to_segment_id"], move["cause"]) == (3, 1, "customer")


def test_a_refit_keeps_the_ids_of_the_segments_it_finds_again(story: Story) -> None:
    found = places(story.refitted, APRIL)
    assert {found[name] for name in RICH if name in found} == {1}
    assert {found[name] for name in POOR if name != "poor5"} == {3}
    assert found["poor5"] == 1
    clusterings = of(story.refitted, "models", kind="kmeans")
    assert {row["as_of"]: row["is_current"] for row in clusterings} == {MARCH: False, APRIL: True}
    assert {row["as_of"]: row["is_current"] for row in of(story.refitted, "models", kind="rfm_rules")} == {MARCH: False, APRIL: True}
    assert of(story.refitted, "segment_candidates", as_of=APRIL) != []


def test_an_earlier_date_done_again_is_done_with_its_own_model_and_gives_the_same_rows(story: Story) -> None:
    assert story.march_again == story.refitted


def test_a_run_says_what_it_did_and_measures_it(story: Story) -> None:
    first, second, third, _ = story.runs
    assert (first.measures["segments"], first.measures["customers"], first.measures["buyers"], first.measures["refitted"]) == (3, 18, 16, 1)
    assert first.measures["silhouette"] > 0.35
    assert first.measures["smallest_share"] == 0.25
    assert "there is no model yet" in first.message
    assert (second.measures["refitted"], third.measures["refitted"]) == (0, 1)
    assert "moved since 2024-03-31" in second.message
    assert second.measures["moved_customers"] >= 1


def test_where_nobody_has_bought_everyone_is_segment_0_until_one_customer_buys(spark: SparkSession, new_lake: Callable[[], Lake]) -> None:
    lake = new_lake()
    lake.append("customer_features", features(spark, MARCH, COLD))
    lake.append("customer_features", features(spark, APRIL, COLD | {"cold1": (1, 1, 5, None)}))
    run_job(lake, MARCH)
    assert {row["segment_id"] for row in rows(lake, "segments")} == {0}
    april = run_job(lake, APRIL)
    assert "nobody had bought when the model was fitted" in april.message
    assert april.measures["moved_customers"] == 1  # who buys for the first time moves
    first = {table: rows(lake, table) for table in WRITTEN}
    assert places(first, APRIL) == {"cold1": 1, "cold2": 0}
    assert places(first, APRIL, "rfm_rules") == {"cold1": 4, "cold2": 0}  # 4: new customers
    run_job(lake, APRIL, refit=True)
    assert {table: rows(lake, table) for table in WRITTEN} == first


def test_of_all_fits_only_those_that_assign_are_read_whole_and_no_id_is_given_twice(
    spark: SparkSession, new_lake: Callable[[], Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, spec = new_lake(), TABLES["models"]
    lake.append("customer_features", features(spark, MARCH, IN_MARCH))
    fits = [StoredModel("kmeans", datetime.date(2024, month, 1), 1, "{}", ids, {"model": month}) for month, ids in ((1, (8, 9)), (2, (1, 2)), (3, (3, 4)))]
    given = [{**fit.row({}, SCHEMA_VERSION), "is_current": False} for fit in fits]
    schema = ", ".join(f"{column.name} {column.type}" for column in spec.columns)
    lake.append("models", spark.createDataFrame([tuple(row[name] for name in spec.names) for row in given], schema))
    whole: list[str] = []

    def read(settings: str, payload: str) -> StoredModel:
        whole.append(payload)
        return from_row(settings, payload)

    from_row = StoredModel.from_row
    monkeypatch.setattr(StoredModel, "from_row", read)
    run_job(lake, MARCH)
    assert whole == [fits[2].payload]
    found = {row["segment_id"] for row in rows(lake, "segment_profiles") if row["segmentation"] == "chosen"}
    assert found == {0, 10, 11, 12}


def test_a_date_without_features_is_refused_with_the_dates_there_are(spark: SparkSession, new_lake: Callable[[], Lake]) -> None:
    lake = new_lake()
    with pytest.raises(UserError, match="it has no date at all; run `coterie features --as-of 2024-03-31` first"):
        run_job(lake, MARCH)
    lake.append("customer_features", features(spark, APRIL, COLD))
    with pytest.raises(UserError, match="no customer as of 2024-03-31, the newest dates it has are 2024-04-30"):
        run_job(lake, MARCH)
    assert not lake.exists("segments")


def test_an_unknown_feature_to_cluster_on_is_named_before_anything_is_written(spark: SparkSession, new_lake: Callable[[], Lake]) -> None:
    lake = new_lake()
    lake.append("customer_features", features(spark, MARCH, RICH))
    settings = load_settings([SETTINGS, {"feature_sets": {"rfm": {"columns": ["recencies"]}}}])
    with Lease(lake, "test", 300) as lease, pytest.raises(UserError, match="did you mean 'recency'"):
        run_segments(Run("segments", lake, settings, MARCH, lease, "command"))
    assert not lake.exists("segments")
    assert not lake.exists("models")
