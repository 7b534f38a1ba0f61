"""The command `evaluate`, on files of a few rows: eight users who took the items of their own parity, and afterwards the one they lacked."""

import datetime
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from market_rows import table
from pyspark.sql import Row, SparkSession
from tests.end_to_end.conftest import coterie

from coterie.errors import UserError
from coterie.lake import Lake
from coterie.pipeline.evaluation import _overruled, _timed, run_evaluate
from coterie.pipeline.run import Run
from coterie.pipeline.shop import Shop
from coterie.schemas import RECOMMENDATION_QUALITY
from coterie.settings import load_settings

QUICK = {"bootstrap": 10, "measure_at": [1, 10], "item_knn": {"shrinkage": 0.5}, "ease": {"regularisation": 1.0}}
TAKEN = [(f"u{n}", f"i{m}", (3 * n + 5 * m) % 30) for n in range(8) for m in range(8) if (n - m) % 2 == 0 and n != m]
LAST = datetime.date(2024, 1, 30)


def csv(path: Path, header: str, *rows: str) -> str:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return str(path)


def parquet(path: Path, **columns: Any) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


Values = dict[tuple[str, str, str, str, int], dict[str, Any]]


def by_name(rows: list[dict[str, Any]], window: str) -> Values:
    return {
        (row["protocol"], row["population"], row["model"], row["measure"], row["k"]): row for row in rows if row["window"] == window
    }  # fmt: skip


@dataclass(frozen=True)
class Timed:
    """What the command told, and what it kept."""

    rows: list[dict[str, Any]]
    message: str


@pytest.fixture(scope="module")
def timed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Timed:
    """CSV with times. One row of TRAIN twice; in TEST a pair of TRAIN, and a user whom TRAIN does not know."""
    folder = Path(tmp_path_factory.mktemp("timed"))
    days = [(user, item, datetime.date(2024, 1, 1) + datetime.timedelta(days=day)) for user, item, day in TAKEN]
    rows = (f"who,{user},{item},{day}T10:00:00" for user, item, day in [*days, days[0], ("u0", "i2", LAST)])
    train = csv(folder / "train.csv", "Customer,User_ID,Item,Timestamp", *rows)
    later = [*((f"u{n}", f"i{n}") for n in range(8)), ("u0", "i2"), ("new", "i0")]
    test = csv(folder / "test.csv", "user_id,item,timestamp", *(f"{user},{item},2024-02-0{1 + place % 5}" for place, (user, item) in enumerate(later)))
    settings = [f"--set=recommend.models={json.dumps(['popular', 'item_knn', 'ease', 'content'])}", "--set=recommend.bootstrap=10"]
    settings += ["--set=recommend.measure_at=[1, 10]", "--set=recommend.ease.regularisation=1.0", "--set=recommend.item_knn.shrinkage=0.5"]
    settings.append("--set=recommend.history_days=7")
    lake = str(folder / "lake")
    earlier = {"as_of": datetime.date(2025, 1, 1), "window": "2024-12-26..2025-01-01", "protocol": "new", "population": "warm", "model": "als"}
    old = table(spark, RECOMMENDATION_QUALITY, [earlier | {"measure": "ndcg", "k": 10, "value": 0.9, "customers": 8}])
    Lake(spark, lake).replace("recommendation_quality", old)  # of another split, evaluated before
    result = coterie("evaluate", train, test, "--lake", lake, "--json", *settings)
    assert result.returncode == 0, result.stderr
    [run] = Lake(spark, lake).read("runs").where("event = 'finished'").collect()
    return Timed(json.loads(result.stdout), run["message"])


def test_json_has_every_measure_with_its_interval_for_every_model(timed: Timed) -> None:
    assert {tuple(row) for row in timed.rows} == {("model", "measure", "k", "value", "low", "high", "protocol", "population", "customers", "window")}
    # Of the split that the lake held before nothing is left, and without titles there is nothing for the content model.
    # TEST lasts from 31 January to 5 February; the window before it chooses.
    assert {(row["model"], row["window"]) for row in timed.rows} == {
        (model, window) for model in ("popular", "item_knn", "ease") for window in ("2024-01-25..2024-01-30", "2024-01-31..2024-02-05")
    }
    names = {"ndcg", "recall", "precision", "hit_rate", "map", "mrr", "novelty", "diversity", "coverage", "gini", "excluded"}
    assert {row["measure"] for row in timed.rows} == names
    assert {row["measure"] for row in timed.rows if row["low"] is None} == {"coverage", "gini", "excluded"}
    assert all(row["low"] <= row["high"] for row in timed.rows if row["low"] is not None)


def test_with_times_the_missing_item_is_found_at_once_by_who_knows_the_neighbours(timed: Timed) -> None:
    found = by_name(timed.rows, "2024-01-31..2024-02-05")
    for model in ("item_knn", "ease"):
        assert found["new", "warm", model, "hit_rate", 1]["value"] == 1
        assert found["new", "warm", model, "ndcg", 10]["value"] == 1
        assert found["new", "warm", model, "hit_rate", 1]["customers"] == 8
    assert found["new", "warm", "popular", "hit_rate", 1]["value"] < 1


def test_who_is_not_in_train_is_measured_apart_and_what_was_had_counts_under_all_alone(timed: Timed) -> None:
    found = by_name(timed.rows, "2024-01-31..2024-02-05")
    assert {found["new", "cold", model, "ndcg", 10]["customers"] for model in ("popular", "ease")} == {1}
    assert found["new", "cold", "ease", "ndcg", 10]["value"] == found["new", "cold", "popular", "ndcg", 10]["value"] > 0
    # u0 took i0, and i2 once more: of the two, lists of ten find both; under new i2 is none.
    assert found["all", "warm", "popular", "recall", 10]["value"] == 1
    assert found["new", "warm", "popular", "excluded", 0]["value"] == 0
    assert found["new", "warm", "item_knn", "precision", 10]["value"] == pytest.approx(1 / 10)
    assert found["all", "warm", "item_knn", "precision", 10]["value"] == pytest.approx((2 + 7) / 8 / 10)


def test_what_is_odd_about_the_files_is_said(timed: Timed) -> None:
    lines = timed.message.splitlines()
    assert lines[0] == "TRAIN 26 rows, 8 users, 8 items; TEST 10 rows"
    assert lines[1] == "TRAIN's user is its column 'User_ID', not Customer"
    assert lines[2] == "the model content needs titles, which TRAIN lacks: the others are measured"
    assert lines[3] == "the files decide, and not the settings: history_days 100000"
    assert lines[4] == "2 rows of TRAIN repeat a user and item: they add up, once a day"
    assert lines[5] == "1 pairs of TEST are in TRAIN too: they count under 'all', and are left out under 'new'"
    assert lines[6] == "1 users of TEST are not in TRAIN: population 'cold', measured apart"
    assert re.fullmatch(r"chosen, before TEST was looked at: (popular|item_knn|ease), since it was the best on the 6 days before", lines[7])


def test_times_of_test_that_do_not_come_after_train_are_left_out_and_said_to_be(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("u", "i", LAST)], "user string, item string, time date")
    found = _timed(rows, rows, Row(first=LAST, last=LAST), Row(first=LAST, last=LAST + datetime.timedelta(days=9)))
    assert (found.tested_from, found.window_days) == (LAST, 1)
    assert found.notes == ("TEST's times are not used, since they begin on 2024-01-30 and TRAIN's end on 2024-01-30",)


def test_models_that_cannot_be_served_without_titles_are_said_to_be_left_out() -> None:
    given = load_settings([{"recommend": {"models": ["content"], "serve": "content"}}])
    used = load_settings([{"recommend": {"models": ["popular"]}}])
    assert _overruled(given, used) == ["the model content needs titles, which TRAIN lacks: popular is measured, and the best of them is chosen"]


@pytest.fixture(scope="module")
def untimed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Values, Lake]:
    """Parquet without times, with weights and titles."""
    folder = Path(tmp_path_factory.mktemp("untimed"))
    users, items, _ = (list(column) for column in zip(*TAKEN, strict=True))
    weights = [20.0 if item == "i6" else 2.0 for item in items]
    train = parquet(folder / "train.parquet", customer=users, product=items, rating=weights, name=[f"Thing {int(item[1:]) % 2}" for item in items])
    test = parquet(folder / "test.parquet", customer=[f"u{n}" for n in range(8)], product=[f"i{n}" for n in range(8)], rating=[1.0] * 8, day=[LAST] * 8)
    shop = Shop(str(folder / "lake"), spark, [{"recommend": QUICK | {"models": ["popular", "item_knn", "content"]}}])
    result = shop.evaluate(train, test)
    rows = [row.asDict() for row in shop.table("recommendation_quality").collect()]
    return result, by_name(rows, max(row["window"] for row in rows)), shop.lake


def test_without_times_the_models_are_measured_all_the_same(untimed: tuple[dict[str, Any], Values, Lake]) -> None:
    result, found, _ = untimed
    assert {model for _, _, model, _, _ in found} == {"popular", "item_knn", "content"}
    assert found["new", "warm", "item_knn", "hit_rate", 1]["value"] == 1
    assert found["new", "warm", "content", "hit_rate", 1]["value"] == 1  # titles alone
    assert found["new", "warm", "popular", "ndcg", 10]["customers"] == 8
    assert result["message"].splitlines()[0] == "TRAIN 24 rows, 8 users, 8 items; TEST 8 rows"
    assert result["message"].splitlines()[1] == "TRAIN has no times: those of TEST are not used"
    assert len(result["message"].splitlines()) == 3  # and what was chosen


def test_without_times_all_items_are_as_recent_and_the_popular_list_is_by_buyers_then_units_then_id(
    untimed: tuple[dict[str, Any], Values, Lake],
) -> None:
    # Each item has three buyers; i6 has ten times the units. So the order is i6, i0 .. i5, i7, less what each has had.
    _, found, _ = untimed
    total = 0.0
    for n in range(8):
        had = {item for user, item, _ in TAKEN if user == f"u{n}"}
        order = [item for item in ("i6", "i0", "i1", "i2", "i3", "i4", "i5", "i7") if item not in had]
        total += 1 / math.log2(order.index(f"i{n}") + 2)
    assert found["new", "warm", "popular", "ndcg", 10]["value"] == pytest.approx(total / 8)


def test_without_times_nothing_fades_and_weights_are_what_they_are(untimed: tuple[dict[str, Any], Values, Lake]) -> None:
    _, _, lake = untimed
    # Weights are 1 on average: three of the 24 rows weigh 20, the others 2: 102, and 102 / 24 = 4.25.
    rows = lake.read("customer_items").collect()
    tested_from = max(row["as_of"] for row in rows)
    strengths = {(row["customer_id"], row["item_id"]): row["strength"] for row in rows if row["as_of"] == tested_from}
    assert strengths == {(user, item): pytest.approx((20 if item == "i6" else 2) / 4.25, abs=1e-3) for user, item, _ in TAKEN}


GOOD = ("user,item", "ann,a", "bob,a")
BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "no item": (("user,weight", "ann,1"), r"has the columns \['user', 'weight'\]; expected one for item"),
    "nothing at all": ((), "expected one for user and item"),
    "no rows": (("user,item",), "has no rows; expected at least one"),
    "no user": (("user,item", "ann,a", ",b", " ,c"), "2 of 3 rows have no usable user; expected some text"),
    "null item": (("user,item", "ann,", "ann,b"), "1 of 2 rows have no usable item; expected some text"),
    "weight nought": (("user,item,weight", "ann,a,0", "ann,b,1"), "1 of 2 rows have no usable weight; expected a number above 0"),
    "weight below": (("user,item,weight", "ann,a,-1", "ann,b,1"), "1 of 2 rows have no usable weight"),
    "weight nan": (("user,item,weight", "ann,a,NaN", "ann,b,inf", "ann,c,2"), "2 of 3 rows have no usable weight"),
    "weight of words": (("user,item,rating", "ann,a,good", "ann,b,"), "2 of 2 rows have no usable weight"),
    "short row": (("user,item", "ann,a", "bob"), r"cannot be read: \[FAILED_READ_FILE.*as many fields in every row"),
    "time of words": (("user,item,time", "ann,a,yesterday", "ann,b,2024-01-01", "ann,c,"), "2 of 3 rows have no usable time; expected a date, an ISO 8601"),
}


@pytest.fixture
def evaluated(spark: SparkSession, tmp_path: Path) -> Callable[[str, str], None]:
    """The job as far as it goes before it writes anything: it has no lease."""

    def run(train: str, test: str) -> None:
        settings = load_settings([{"recommend": QUICK}])
        run_evaluate(Run("evaluate", Lake(spark, str(tmp_path / "lake")), settings, None, None, "command", {"train": train, "test": test}))  # type: ignore[arg-type]

    return run


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_used_is_said_with_the_file_and_the_column(tmp_path: Path, evaluated: Callable[[str, str], None], what: str) -> None:
    lines, message = BAD[what]
    train = csv(tmp_path / "train.csv", *lines) if lines else str(tmp_path / "train.csv")
    if not lines:
        Path(train).touch()
    with pytest.raises(UserError, match=message) as refused:
        evaluated(train, csv(tmp_path / "test.csv", *GOOD))
    assert train in str(refused.value)


def test_test_is_checked_like_train(tmp_path: Path, evaluated: Callable[[str, str], None]) -> None:
    train, test = csv(tmp_path / "train.csv", *GOOD), str(tmp_path / "test.csv")
    with pytest.raises(UserError, match="there is no file") as refused:
        evaluated(train, test)
    assert test in str(refused.value)
    for lines, message in ((("user,item",), "has no rows"), (("user,item,weight", "ann,a,0"), "no usable weight")):
        with pytest.raises(UserError, match=message) as refused:
            evaluated(train, csv(tmp_path / "test.csv", *lines))
        assert test in str(refused.value)


@pytest.mark.parametrize(
    ("time", "what"),
    [
        ([1704103200, 1704103200, 1704103200], "whole seconds since 1970"), ([1704103200.5] * 3, "seconds since 1970"),
        ([datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)] * 3, "an instant"), ([datetime.date(2024, 1, 1)] * 3, "a date"),
        (["1704103200", "2024-01-01", "2024-01-01T10:00:00Z"], "text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_times_in_parquet_are_dates_instants_texts_and_seconds(tmp_path: Path, evaluated: Callable[[str, str], None], time: list[Any], what: str) -> None:
    # The user that is missing is found, which means that every time was read.
    train = parquet(tmp_path / "train.parquet", user=["ann", "bob", None], item=["a", "a", "b"], time=time)
    with pytest.raises(UserError, match="1 of 3 rows have no usable user"):
        evaluated(train, csv(tmp_path / "test.csv", *GOOD))


def test_a_shops_lake_is_refused_before_anything_is_written(lake: Lake, tmp_path: Path) -> None:
    for name in ("events", "items"):
        lake.create(name)
    files = [csv(tmp_path / name, *GOOD) for name in ("train.csv", "test.csv")]
    with pytest.raises(UserError, match=r"holds a shop's events, and evaluate needs a lake of its own.*leave --lake away, or give an empty place") as refused:
        Shop(lake.place, lake.spark, [{"recommend": QUICK | {"models": ["popular"]}}]).evaluate(*files)
    assert lake.place in str(refused.value)
    assert (lake.version("items"), lake.exists("customer_item_days")) == (0, False)


def test_a_wrong_file_ends_the_command_with_one_line(spark: SparkSession, tmp_path: Path) -> None:
    result = coterie("evaluate", str(tmp_path / "nowhere.csv"), str(tmp_path / "test.csv"), "--quiet")
    assert result.returncode == 2
    assert (result.stdout, len(result.stderr.strip().splitlines())) == ("", 1)
    assert re.search(r"there is no file '.*nowhere\.csv'", result.stderr)
