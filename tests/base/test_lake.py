"""The lake: tables by their schema, written atomically, read back by version."""

import contextlib
import datetime
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from coterie.errors import LakeError, UserError
from coterie.lake import Lake
from coterie.schemas import CUSTOMERS, EVENTS, TABLES

DAY = datetime.date(2024, 1, 1)
NOON = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC)


def customers(spark: SparkSession, **countries: str | None) -> DataFrame:
    rows = [(name, DAY, country, None, None, None, False) for name, country in countries.items()]
    return spark.createDataFrame(rows, ", ".join(f"{column.name} {column.type}" for column in CUSTOMERS.columns))


def countries(frame: DataFrame) -> dict[str, str | None]:
    return {row["customer_id"]: row["country"] for row in frame.collect()}


def test_a_table_that_is_not_there_reads_as_no_rows_of_its_schema(lake: Lake) -> None:
    frame = lake.read("customers")
    assert frame.columns == CUSTOMERS.names
    assert frame.count() == 0
    assert lake.version("customers") is None


def test_rows_are_appended_replaced_by_condition_merged_by_key_and_deleted(spark: SparkSession, lake: Lake) -> None:
    lake.append("customers", customers(spark, ann="FR", bob="DE"))
    lake.replace("customers", customers(spark, bob="IT"), where="customer_id = 'bob'")
    assert countries(lake.read("customers")) == {"ann": "FR", "bob": "IT"}
    lake.merge("customers", customers(spark, bob="ES", cid="PT").withColumn("gone", F.col("customer_id") == "nobody"), delete="gone")
    assert countries(lake.read("customers")) == {"ann": "FR", "bob": "ES", "cid": "PT"}
    lake.merge("customers", customers(spark, bob="ES", cid="PT").withColumn("gone", F.col("customer_id") == "bob"), delete="gone")
    lake.delete("customers", "customer_id = 'ann'")
    assert countries(lake.read("customers")) == {"cid": "PT"}
    assert countries(lake.read("customers", version=1)) == {"ann": "FR", "bob": "DE"}


def test_versions_of_several_tables_are_those_of_each(spark: SparkSession, lake: Lake) -> None:
    lake.append("customers", customers(spark, ann="FR"))
    lake.append("customers", customers(spark, bob="DE"))
    lake.create("items")
    assert lake.versions(["items", "events", "customers"]) == {"items": 0, "events": None, "customers": 2}
    assert lake.versions([]) == {}


def test_a_frame_that_does_not_fit_is_refused_with_every_difference(spark: SparkSession, lake: Lake) -> None:
    frame = customers(spark, ann="FR").drop("gender").withColumn("birth_year", F.lit("1990")).withColumn("shoe_size", F.lit(44))
    with pytest.raises(LakeError, match=r"'customers': gender is missing; shoe_size is not a column of it; birth_year is string, expected int"):
        lake.append("customers", frame)
    assert not lake.exists("customers")


def test_rows_outside_the_replaced_condition_and_nulls_in_required_columns_are_refused(spark: SparkSession, lake: Lake) -> None:
    lake.append("customers", customers(spark, ann="FR"))
    with pytest.raises(LakeError, match="'customers' refuses a row"):
        lake.replace("customers", customers(spark, bob="DE"), where="customer_id = 'ann'")
    with pytest.raises(LakeError, match="'customers' refuses a row"):
        lake.append("customers", customers(spark, bob="DE").withColumn("customer_id", F.lit(None).cast("string")))
    assert countries(lake.read("customers")) == {"ann": "FR"}


@pytest.mark.parametrize("name", ["lake", "la`ke '1'; -- 100% é [a] {b}*?"])
def test_the_change_feed_gives_what_came_after_a_version_whatever_the_lake_is_called(spark: SparkSession, tmp_path: Path, name: str) -> None:
    lake = Lake(spark, str(tmp_path / name))

    def view(event_id: str) -> DataFrame:
        row = dict.fromkeys(EVENTS.names) | {
            "event_id": event_id, "source": "web", "source_files": ["f"], "event_type": "view",
            "occurred_at": NOON, "event_date": DAY, "event_month": "2024-01",
        }  # fmt: skip
        return spark.createDataFrame([tuple(row[name] for name in EVENTS.names)], ", ".join(f"{c.name} {c.type}" for c in EVENTS.columns))

    lake.append("events", view("one"))
    version = lake.version("events")
    assert version is not None
    nothing = lake.changes("events", version)
    assert nothing is not None
    assert nothing.count() == 0
    lake.append("events", view("two"))
    changed = lake.changes("events", version)
    assert changed is not None
    assert [(row["event_id"], row["_change_type"]) for row in changed.collect()] == [("two", "insert")]


def test_a_table_is_as_it_was_left_at_its_newest_version_and_at_none_that_it_does_not_have(spark: SparkSession, lake: Lake) -> None:
    lake.append("customers", customers(spark, ann="FR"))
    newest = lake.version("customers")
    assert newest is not None
    assert [lake.is_as_left("customers", version) for version in (newest - 1, newest, newest + 1)] == [False, True, False]


def test_a_purchase_of_nothing_breaks_the_constraint_of_events(spark: SparkSession, lake: Lake) -> None:
    row = dict.fromkeys(EVENTS.names) | {
        "event_id": "one", "source": "web", "source_files": ["f"], "event_type": "purchase",
        "occurred_at": NOON, "event_date": DAY, "event_month": "2024-01",
    }  # fmt: skip
    frame = spark.createDataFrame([tuple(row[name] for name in EVENTS.names)], ", ".join(f"{c.name} {c.type}" for c in EVENTS.columns))
    with pytest.raises(LakeError, match="CHECK constraint signed"):
        lake.append("events", frame)


def test_a_lake_that_is_a_file_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("not a folder")
    with pytest.raises(UserError, match="is a file; expected a folder"):
        Lake(spark, str(tmp_path / "lake"))


@pytest.mark.parametrize("place", ["file:{}/lake", "file://{}/lake"])
def test_a_lake_at_an_address_of_one_slash_or_more_lies_where_it_says(spark: SparkSession, tmp_path: Path, place: str) -> None:
    lake = Lake(spark, place.format(tmp_path))
    lake.append("customers", customers(spark, ann="DE"))
    assert lake.place == place.format(tmp_path)
    assert countries(Lake(spark, str(tmp_path / "lake")).read("customers")) == {"ann": "DE"}


def test_a_lake_of_a_newer_schema_is_refused(spark: SparkSession, lake: Lake) -> None:
    lake.create("runs")
    spark.sql(f"ALTER TABLE {lake.name_of('runs')} SET TBLPROPERTIES ('coterie.schemaVersion' = '99')")
    with pytest.raises(LakeError, match=r"schema version 99.*install a newer Coterie"):
        Lake(spark, lake.place)


def test_an_unknown_table_is_named_with_the_nearest(lake: Lake) -> None:
    with pytest.raises(UserError, match=r"no table 'segmets'; did you mean 'segments'\?"):
        lake.read("segmets")


def test_every_table_of_the_schema_can_be_made(lake: Lake) -> None:
    for name in ("runs", "segments", "customer_features"):
        lake.create(name)
        described = lake.spark.sql(f"DESCRIBE TABLE {lake.name_of(name)}").collect()
        comments = {row["col_name"]: row["comment"] for row in described}
        assert comments[TABLES[name].columns[0].name] == TABLES[name].columns[0].comment


def test_rows_appended_once_are_there_once_however_many_writers_add_them(lake: Lake) -> None:
    free = "'writer' AS name, CAST(NULL AS string) AS holder, CAST(NULL AS timestamp) AS taken_at, CAST(NULL AS timestamp) AS expires_at"
    row = lake.spark.sql(f"SELECT {free}")

    def add(_: int) -> None:
        with contextlib.suppress(LakeError):  # another writer came first
            Lake(lake.spark, lake.place).append("lease", row, once="row")

    lake.create("lease")
    with ThreadPoolExecutor(4) as writers:
        list(writers.map(add, range(4)))
    add(5)
    assert lake.read("lease").count() == 1


def test_a_catalog_that_is_not_there_is_told_from_a_folder(spark: SparkSession) -> None:
    with pytest.raises(UserError, match=r"there is no catalog 'shop'; for a folder of that name give \./shop\.lake"):
        Lake(spark, "shop.lake").exists("runs")
