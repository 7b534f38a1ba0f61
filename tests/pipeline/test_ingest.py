"""The ingest job, from files to tables: what it does twice, in pieces, after a crash, and with bad input."""

import datetime
import shutil
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from tests.faults.samples import delta_mapping

from coterie.errors import InputError, MappingError, UserError
from coterie.lake import Lake
from coterie.lease import Lease
from coterie.pipeline.ingest import run_ingest
from coterie.pipeline.run import Run, finish, write_event
from coterie.pipeline.shop import Shop
from coterie.settings import conf_folder, load_settings, override
from coterie.sources.mapping import load_mapping

HEADER = "event_id,customer_id,item_id,event_type,occurred_at,quantity,unit_price,currency,country\n"
RESULTS = ("events", "rejected_events", "items", "customers")
DAYS = {
    "2024-03-01": 'e1,ann,lamp,purchase,2024-03-01T10:00:00Z,2,2.50,EUR,DE\ne2,"o\'neil ""x""\n🐟",灯,view,2024-03-01T11:00:00Z,,,,\n',
    "2024-03-02": "e3,ann,lamp,cancel,2024-03-02T10:00:00Z,-2,2.50,EUR,FR\ne1,ann,lamp,purchase,2024-03-01T10:00:00Z,2,2.50,EUR,DE\n",
    "2024-03-03": "e4,bob,pen,purchase,2024-02-28T10:00:00Z,1,NaN,EUR,\ne5,ann,pen,purchase,2024-02-28T10:00:00Z,1,1.00,EUR,DE\n",
}


class Stopping(Run):
    """A run that dies before it writes to the table in its options, or at its end."""

    def _writing(self, table: str) -> None:
        if table == self.options.get("dies_before"):
            raise KeyboardInterrupt
        super()._writing(table)

    def say(self, message: str) -> None:
        if self.options.get("dies_before") == "the end":
            raise KeyboardInterrupt
        super().say(message)


def write_days(folder: Path, *days: str) -> Path:
    for day in days:
        (folder / "events" / f"date={day}").mkdir(parents=True, exist_ok=True)
        (folder / "events" / f"date={day}" / "part.csv").write_text(HEADER + DAYS[day], encoding="utf-8")
    return folder


def ingest(lake: Lake, place: Path, *overrides: str, mapping: str = "coterie", dies_before: str = "") -> Run:
    source = load_mapping(mapping)
    settings = load_settings([{"shop": source.shop}, override("ingest.max_rejected_share=0.5"), *map(override, overrides)])
    options = {"mapping": source, "input": str(place), "dies_before": dies_before}
    with Lease(lake, "test", settings.lake.lease_seconds) as lease:
        run = Stopping("ingest", lake, settings, None, lease, "command", options)
        write_event(run, "started")
        run_ingest(run)
        finish(run)
    return run


def contents(lake: Lake) -> dict[str, list[Any]]:
    """The rows of the result tables, file names without their folders."""
    return {table: sorted(str(row) for row in _named(lake.read(table)).collect()) for table in RESULTS}


def _named(rows: DataFrame) -> DataFrame:
    def short(name: Any) -> Any:
        return F.regexp_extract(name, "date=.*", 0)

    if "source_files" in rows.columns:
        return rows.withColumn("source_files", F.transform("source_files", short))
    return rows.withColumn("source_file", short(F.col("source_file"))) if "source_file" in rows.columns else rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_days(tmp_path_factory.mktemp("shop"), *DAYS)


@pytest.fixture(scope="module")
def at_once(spark: SparkSession, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Run]:
    """A lake that took all days in one run. Tests only read it."""
    lake = Lake(spark, str(tmp_path_factory.mktemp("at_once") / "lake"))
    return lake, ingest(lake, folder)


def test_every_row_and_its_revenue_has_one_outcome(at_once: tuple[Lake, Run]) -> None:
    lake, run = at_once
    counts = [run.columns[f"rows_{name}"] for name in ("read", "accepted", "rejected", "duplicate")]
    money = [run.columns[f"revenue_{name}"] for name in ("read", "accepted", "rejected", "duplicate")]
    assert counts == [6, 4, 1, 1]
    assert money == [Decimal(6), Decimal(1), Decimal(0), Decimal(5)]
    assert run.columns["rejected_by_reason"] == {"price_unreadable": 1}
    assert [line[:2] for line in run.columns["by_month"]] == [("2024-02", 2), ("2024-03", 4)]
    assert run.columns["touched_from"] == datetime.date(2024, 2, 28)
    held = {row["source_event_id"]: len(row["source_files"]) for row in lake.read("events").collect()}
    assert held == {"e1": 2, "e2": 1, "e3": 1, "e5": 1}
    assert lake.read("staged_events").count() == 0


def test_ids_with_quotes_newlines_and_other_scripts_arrive_whole(at_once: tuple[Lake, Run]) -> None:
    found = at_once[0].read("events").where("source_event_id = 'e2'").select("customer_id", "item_id").collect()
    assert [tuple(row) for row in found] == [('o\'neil "x"\n🐟', "灯")]


def test_reading_the_same_files_again_writes_nothing(at_once: tuple[Lake, Run], folder: Path) -> None:
    lake = at_once[0]
    before = {table: lake.version(table) for table in (*RESULTS, "ingested_files", "staged_events")}
    run = ingest(lake, folder)
    assert "nothing new" in run.message
    assert {table: lake.version(table) for table in before} == before


def test_one_day_after_another_gives_what_all_at_once_gives(at_once: tuple[Lake, Run], lake: Lake, tmp_path: Path) -> None:
    for day in DAYS:
        ingest(lake, write_days(tmp_path / "shop", day))
    assert contents(lake) == contents(at_once[0])


@pytest.mark.parametrize("table", ["items", "ingested_files", "the end"])
def test_a_run_that_died_between_two_writes_converges_when_it_is_run_again(at_once: tuple[Lake, Run], folder: Path, lake: Lake, table: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        ingest(lake, folder, dies_before=table)
    again = ingest(lake, folder)
    assert contents(lake) == contents(at_once[0])
    shop = Shop(lake.place, lake.spark)
    assert {name: shop.table(name).count() for name in RESULTS} == {name: lake.read(name).count() for name in RESULTS}
    assert lake.read("staged_events").count() == 0
    assert [again.columns[f"rows_{name}"] for name in ("accepted", "rejected", "duplicate")] == [4, 1, 1]


def test_what_a_run_that_died_read_of_another_input_is_taken_away(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        ingest(lake, write_days(tmp_path / "first", "2024-03-01", "2024-03-03"), dies_before="items")
    ingest(lake, write_days(tmp_path / "other", "2024-03-02"))
    assert sorted(row["source_event_id"] for row in lake.read("events").collect()) == ["e1", "e3"]
    assert lake.read("rejected_events").count() == 0
    assert {row["item_id"] for row in lake.read("items").collect()} == {"lamp"}


def test_a_file_replaced_under_its_name_loses_only_what_no_other_file_holds(lake: Lake, tmp_path: Path) -> None:
    place = write_days(tmp_path, "2024-03-01", "2024-03-02")
    ingest(lake, place)
    changed = place / "events" / "date=2024-03-01" / "part.csv"
    changed.write_text(HEADER + "e6,cid,cup,view,2024-03-01T10:00:00Z,,,,\n", encoding="utf-8")
    ingest(lake, place)
    held = {row["source_event_id"]: len(row["source_files"]) for row in lake.read("events").collect()}
    assert held == {"e1": 1, "e3": 1, "e6": 1}  # e2 stood in the former file alone, e1 in the other too
    assert {row["customer_id"] for row in lake.read("customers").collect()} == {"ann", "cid"}
    listed = {row["item_id"]: str(row["first_listed_on"]) for row in lake.read("items").collect()}
    assert listed == {"lamp": "2024-03-01", "cup": "2024-03-01"}
    assert sorted(row["status"] for row in lake.read("ingested_files").collect()) == ["read", "read", "replaced"]


def test_declared_items_and_customers_win_and_their_bad_rows_are_rejected(lake: Lake, tmp_path: Path) -> None:
    place = write_days(tmp_path, "2024-03-01")
    for kind, text in {
        "items": "item_id,title,price,is_sellable\nlamp,Lamp,9.99,false\npen,Pen,cheap,true\n,Nothing,1,true\n",
        "customers": "customer_id,valid_from,country,birth_year\nann,2024-01-01,AT,1980\nann,2024-03-01,DE,1980\n",
    }.items():
        (place / kind).mkdir()
        (place / kind / f"{kind}.csv").write_text(text, encoding="utf-8")
    ingest(lake, place)
    items = {row["item_id"]: (row["title"], row["price"], row["is_sellable"], row["is_declared"]) for row in lake.read("items").collect()}
    assert items == {"lamp": ("Lamp", Decimal("9.9900"), False, True), "灯": (None, None, True, False)}
    periods = sorted((row["customer_id"], str(row["valid_from"]), row["country"]) for row in lake.read("customers").collect())
    assert periods == [("ann", "2024-01-01", "AT"), ("ann", "2024-03-01", "DE"), ('o\'neil "x"\n🐟', "2024-03-01", None)]
    assert sorted(row["reasons"][0] for row in lake.read("rejected_events").collect()) == ["id_missing", "price_unreadable: cheap"]


def test_a_file_of_customers_that_was_touched_but_says_the_same_loses_nothing(lake: Lake, tmp_path: Path) -> None:
    place = write_days(tmp_path, "2024-03-01")
    (place / "customers").mkdir()
    for name, country in (("a", "AT"), ("b", "DE")):
        (place / "customers" / f"{name}.csv").write_text(f"customer_id,valid_from,country\nann,2024-0{1 + ord(name) - ord('a')}-01,{country}\n")
    ingest(lake, place)
    time.sleep(0.01)
    (place / "customers" / "a.csv").write_text("customer_id,valid_from,country\nann,2024-01-01,FR\n")
    (place / "customers" / "b.csv").touch()
    ingest(lake, place)
    declared = lake.read("customers").where("is_declared").collect()
    assert sorted((str(row["valid_from"]), row["country"]) for row in declared) == [("2024-01-01", "FR"), ("2024-02-01", "DE")]


def test_one_file_is_of_events_alone(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(HEADER + DAYS["2024-03-01"], encoding="utf-8")
    ingest(lake, tmp_path / "day.csv")
    assert [row["is_declared"] for row in lake.read("items").collect()] == [False, False]
    assert lake.read("ingested_files").count() == 1
    source = (conf_folder() / "sources" / "cdnow.toml").read_text(encoding="utf-8")
    (tmp_path / "shop.toml").write_text(source + '\n[items.columns]\nitem_id = { value = "cd" }\n')
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "CDNOW_master.txt").write_text("customer_id date number_of_cds dollar_value\n00001 19970101 1 11.77\n")
    with pytest.raises(MappingError, match=r"takes .*CDNOW_master\.txt for events and for items; give each its own files: items\.files\.folder"):
        ingest(Lake(lake.spark, str(tmp_path / "another")), tmp_path / "shop", mapping=str(tmp_path / "shop.toml"))


def test_the_day_of_an_instant_is_the_shops(lake: Lake, tmp_path: Path) -> None:
    place = write_days(tmp_path, "2024-03-01")
    (place / "customers").mkdir()
    midnight = datetime.datetime(2023, 12, 31, 23, tzinfo=datetime.UTC)  # of New Year in Berlin
    pq.write_table(pa.table({"customer_id": ["ann"], "joined_on": pa.array([midnight], pa.timestamp("us", "UTC"))}), place / "customers" / "a.parquet")
    ingest(lake, place, "shop.time_zone=Europe/Berlin")
    assert [str(row["joined_on"]) for row in lake.read("customers").where("is_declared").collect()] == ["2024-01-01"]


def test_a_lake_keeps_its_currency_and_time_zone(at_once: tuple[Lake, Run], folder: Path) -> None:
    with pytest.raises(UserError, match=r"made with shop\.currency = EUR, and now it is USD"):
        ingest(at_once[0], folder, "shop.currency=USD")


def test_input_that_is_not_there_or_empty_or_bad_or_mostly_rejected_stops_before_a_write(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "empty" / "events").mkdir(parents=True)
    for place, words in ((tmp_path / "nowhere", "is not there"), (tmp_path / "empty", "has no file that matches")):
        with pytest.raises(InputError, match=words):
            ingest(lake, place)
    place = write_days(tmp_path / "shop", "2024-03-03")
    with pytest.raises(InputError, match=r"(?s)1 of 2 rows \(50\.0%\).*price_unreadable 1.*part\.csv"):
        ingest(lake, place, "ingest.max_rejected_share=0.1")
    (place / "events" / "bad.csv").write_bytes(b"event_id\n\x00")
    with pytest.raises(InputError, match=r"bad\.csv: binary"):
        ingest(lake, place)
    assert not any(lake.exists(table) for table in (*RESULTS, "ingested_files"))
    run = ingest(lake, place, "ingest.on_bad_file=quarantine")
    assert "1 file(s) set aside" in run.message
    assert sorted(row["status"] for row in lake.read("ingested_files").collect()) == ["quarantined", "read"]


def test_a_mapping_that_names_a_column_that_no_file_has_is_refused(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("InvoiceNo,StockCode\n1,2\n")
    with pytest.raises(MappingError, match="'online_retail' names columns that no file of events has: without column CustomerID"):
        ingest(lake, tmp_path, mapping="online_retail")


def test_twenty_days_of_online_retail_are_accounted_for_exactly(lake: Lake, data_folder: Path, tmp_path: Path) -> None:
    for file in sorted((data_folder / "online_retail" / "by-day").glob("*.csv"))[:20]:
        shutil.copy(file, tmp_path / file.name)
    run = ingest(lake, tmp_path, mapping="online_retail")
    assert [run.columns[f"rows_{name}"] for name in ("read", "accepted", "rejected", "duplicate")] == [42_481, 41_713, 268, 500]
    money = [run.columns[f"revenue_{name}"] for name in ("read", "accepted", "rejected", "duplicate")]
    assert money == [Decimal(text) for text in ("748957.02", "746723.61", "0", "2233.41")]
    assert run.columns["rejected_by_reason"] == {"stock_bookkeeping": 268, "sign_wrong": 70}
    kinds = {row[0]: row[1:] for row in lake.read("events").groupBy("event_type").agg(F.count("*"), F.sum("revenue")).collect()}
    expected = {"purchase": (40_824, "775572.23"), "cancel": (689, "-17547.86"), "adjustment": (200, "-11300.76")}
    assert kinds == {kind: (count, Decimal(revenue)) for kind, (count, revenue) in expected.items()}
    assert lake.read("items").count() == 2_728
    assert lake.read("customers").select("customer_id").distinct().count() == 948


def test_cdnow_keeps_equal_orders_apart_and_names_no_items(lake: Lake, data_folder: Path) -> None:
    run = ingest(lake, data_folder / "cdnow", mapping="cdnow")
    assert [run.columns[f"rows_{name}"] for name in ("read", "accepted", "rejected", "duplicate")] == [69_659, 69_659, 0, 0]
    assert run.columns["revenue_accepted"] == Decimal("2500315.63")
    assert lake.read("events").where("item_id IS NOT NULL").count() == 0
    assert lake.read("customers").count() == 23_570


def test_complete_journey_rejects_the_rows_without_units_and_declares_its_products(lake: Lake, data_folder: Path) -> None:
    run = ingest(lake, data_folder / "complete_journey", mapping="complete_journey")
    assert [run.columns[f"rows_{name}"] for name in ("read", "accepted", "rejected", "duplicate")] == [75_000, 74_584, 416, 0]
    assert run.columns["revenue_accepted"] == Decimal("233935.24")
    assert run.columns["rejected_by_reason"]["no_units"] == 416
    assert lake.read("items").where("is_declared").count() == 92_331
    assert lake.read("customers").where("is_declared").count() == 801


def damaged_page(file: Path) -> None:
    """Its footer and its first rows are good; a page behind them is none."""
    content, start = file.read_bytes(), pq.read_metadata(file).row_group(1).column(0).dictionary_page_offset
    file.write_bytes(content[:start] + b"\xff" * 60 + content[start + 60 :])


def damaged_value(file: Path) -> None:
    """A value behind its first rows is longer than what holds it: Spark sees it late, and does not say in which file."""
    content = file.read_bytes()
    value = b"\x09\0\0\0item_id 8"
    assert content.count(value) == 1
    file.write_bytes(content.replace(value, b"\x50" + value[1:]))


@pytest.mark.parametrize("damage", [damaged_page, damaged_value])
def test_a_file_damaged_behind_its_first_rows_is_named_or_set_aside_and_the_others_are_read(
    lake: Lake, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    (tmp_path / "events").mkdir()
    columns = {name: [f"{name} {n}" for n in range(9)] for name in ("event_id", "customer_id", "item_id")}
    columns |= {"event_type": ["view"] * 9, "occurred_at": ["2024-03-01"] * 9}
    for name in ("good", "bad one", "bad%20two"):
        place = tmp_path / "events" / f"{name}.parquet"
        rows = pa.table({key: [f"{value} {name}" if key == "event_id" else value for value in values] for key, values in columns.items()})
        pq.write_table(rows, place, row_group_size=3, compression="none")
        if name != "good":
            damage(place)
    with pytest.raises(InputError, match=r"2 file\(s\) cannot be read: .*bad.*damaged: Spark cannot read it through"):
        ingest(lake, tmp_path)
    assert not lake.exists("events")
    run = ingest(lake, tmp_path, "ingest.on_bad_file=quarantine")
    assert "2 file(s) set aside" in run.message
    assert [run.columns[f"rows_{name}"] for name in ("read", "accepted")] == [9, 9]
    assert sorted(row["status"] for row in lake.read("ingested_files").collect()) == ["quarantined", "quarantined", "read"]


def test_a_damaged_file_of_items_is_named_or_set_aside_too(lake: Lake, tmp_path: Path) -> None:
    for kind in ("events", "items"):
        (tmp_path / kind).mkdir()
    (tmp_path / "events" / "a.csv").write_text(HEADER + "e1,ann,lamp,view,2024-03-01,,,,\n", encoding="utf-8")
    for name in ("good", "bad"):
        place = tmp_path / "items" / f"{name}.parquet"
        pq.write_table(pa.table({"item_id": [f"{name} {n}" for n in range(9)], "title": ["a title"] * 9}), place, row_group_size=3)
    damaged_page(place)
    with pytest.raises(InputError, match=r"1 file\(s\) cannot be read: .*bad\.parquet: damaged: Spark cannot read it through"):
        ingest(lake, tmp_path)
    assert not lake.exists("items")
    run = ingest(lake, tmp_path, "ingest.on_bad_file=quarantine")
    assert "1 file(s) set aside" in run.message
    assert lake.read("items").where("is_declared").count() == 9


def test_a_delta_table_of_which_a_file_is_damaged_or_lost_is_named_or_set_aside(lake: Lake, tmp_path: Path) -> None:
    mapping, table = delta_mapping(tmp_path), tmp_path / "table"
    columns = {"event_id": "'e' || id", "customer_id": "'ann'", "item_id": "'lamp'", "event_type": "'view'", "occurred_at": "'2024-03-01'"}
    rows = lake.spark.range(9).selectExpr(*(f"{value} AS {name}" for name, value in columns.items())).coalesce(1)
    rows.write.format("delta").save(str(table))
    (file,) = table.glob("*.parquet")
    content = file.read_bytes()
    file.write_bytes(content[:20] + b"\xff" * 40 + content[60:])
    with pytest.raises(InputError, match=r"1 file\(s\) cannot be read: .*/table: damaged: Spark cannot read it through"):
        ingest(lake, table, mapping=str(mapping))
    file.unlink()
    assert "1 file(s) set aside" in ingest(lake, table, "ingest.on_bad_file=quarantine", mapping=str(mapping)).message
    file.write_bytes(content)
    assert ingest(lake, table, mapping=str(mapping)).columns["rows_accepted"] == 9


def test_no_value_of_a_row_is_in_a_message(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "a.csv").write_text(HEADER + "e1,Ann,lamp,ann@example.com,2024-03-01,,,,\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.csv: event_type_unknown: xxx@xxxxxxx\.xxx") as found:
        ingest(lake, tmp_path, "ingest.max_rejected_share=0.1")
    assert "nn" not in str(found.value).split("The first of them")[1]
    mapping = tmp_path / "shop.toml"
    source = (conf_folder() / "sources" / "coterie.toml").read_text(encoding="utf-8")
    mapping.write_text(source.replace('event_type = { column = "event_type" }', 'event_type = { expression = "cast(event_type AS int)" }'))
    with pytest.raises(MappingError, match=r"fails on a row \(CAST_INVALID_INPUT\)") as raised:
        ingest(lake, tmp_path, mapping=str(mapping))
    assert "ann" not in str(raised.value)


def test_files_of_other_types_that_hold_the_same_events_are_counted_once(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    for name, kind in {"a": pa.string(), "b": pa.int64(), "c": pa.float64()}.items():
        columns = {column: [f"{column} {n}" for n in range(4)] for column in ("event_id", "customer_id", "item_id")}
        table = pa.table(columns | {"event_type": ["view"] * 4, "occurred_at": ["2024-03-01"] * 4, "rating": pa.array([None] * 4, kind)})
        pq.write_table(table, tmp_path / "events" / f"{name}.parquet")
    run = ingest(lake, tmp_path)
    assert [run.columns[f"rows_{name}"] for name in ("read", "accepted", "rejected", "duplicate")] == [12, 4, 0, 8]
    assert sorted(len(row["source_files"]) for row in lake.read("events").collect()) == [3, 3, 3, 3]


def test_what_a_run_that_died_read_of_a_file_that_was_put_back_is_taken_away(lake: Lake, tmp_path: Path) -> None:
    place = write_days(tmp_path, "2024-03-01", "2024-03-02")
    ingest(lake, place)
    before, file = contents(lake), place / "events" / "date=2024-03-01" / "part.csv"
    good = file.read_bytes()
    file.write_text(HEADER + "e6,cid,cup,view,2024-03-01T10:00:00Z,,,,\n", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        ingest(lake, place, dies_before="ingested_files")
    file.write_bytes(good)
    ingest(lake, place)
    assert contents(lake) == before
    assert {row["status"] for row in lake.read("ingested_files").collect()} == {"read"}


def test_a_row_that_another_files_event_stood_against_is_an_event_once_that_is_gone(lake: Lake, tmp_path: Path) -> None:
    place = write_days(tmp_path, "2024-03-01")
    rival = place / "events" / "rival.csv"
    ingest(lake, place)
    rival.write_text(HEADER + "e1,ann,lamp,purchase,2024-03-01T10:00:00Z,3,2.50,EUR,DE\n", encoding="utf-8")
    ingest(lake, place, "ingest.max_rejected_share=1")
    assert lake.read("rejected_events").count() == 1
    (place / "events" / "date=2024-03-01" / "part.csv").write_text(HEADER + "e6,cid,cup,view,2024-03-01T10:00:00Z,,,,\n", encoding="utf-8")
    ingest(lake, place)
    assert {row["source_event_id"]: row["quantity"] for row in lake.read("events").collect()} == {"e1": 3, "e6": None}
    assert lake.read("rejected_events").count() == 0


def test_another_mapping_of_the_same_name_reads_every_file_again(lake: Lake, tmp_path: Path) -> None:
    place = write_days(tmp_path / "shop", "2024-03-01")
    text = (conf_folder() / "sources" / "coterie.toml").read_text(encoding="utf-8")
    wrong, right = tmp_path / "wrong.toml", tmp_path / "right.toml"
    wrong.write_text(text.replace('"unit_price"', '"quantity"', 1), encoding="utf-8")
    right.write_text(text, encoding="utf-8")

    def price() -> Decimal:
        found: Decimal = lake.read("events").where("source_event_id = 'e1'").collect()[0]["unit_price"]
        return found

    ingest(lake, place, mapping=str(wrong))
    assert price() == 2
    said = ingest(lake, place, mapping=str(right)).message
    assert (price(), said.startswith("the mapping is another than the last time")) == (Decimal("2.5"), True)
    assert ingest(lake, place, mapping=str(right)).message.startswith("nothing new")


def test_a_day_that_has_not_come_is_no_day_of_an_event_nor_of_a_result(lake: Lake, tmp_path: Path) -> None:
    tomorrow, later = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=number) for number in (1, 40))
    rows = "".join(f"e{at:%d},ann,lamp,view,{at:%Y-%m-%dT00:00:00Z},,,,\n" for at in (tomorrow, later))
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "part.csv").write_text(HEADER + rows, encoding="utf-8")
    ingest(lake, tmp_path)
    assert [row["event_date"] for row in lake.read("events").collect()] == [tomorrow.date()]
    assert [row["reasons"] for row in lake.read("rejected_events").collect()] == [[f"date_out_of_range: {later.date()}"]]
    with pytest.raises(UserError, match=f"the as-of date {later.date()} has not come yet"):
        Shop(lake.place, lake.spark).features(later.date())


def test_a_run_can_end_after_an_earlier_job(lake: Lake, tmp_path: Path) -> None:
    shop = Shop(lake.place, lake.spark)
    done = shop.run("coterie", str(write_days(tmp_path / "shop", "2024-03-01")), until="features")
    assert [one["job"] for one in done] == ["ingest", "features"]
    assert shop.table("customer_features").count() == 2
    assert [one["job"] for one in shop.run(until="features")] == ["features"]
    with pytest.raises(UserError, match="--until is 'ingest'; the jobs of this run are features, segments, recommend"):
        shop.run(until="ingest")
