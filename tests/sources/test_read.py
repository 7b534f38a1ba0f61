"""Files of every kind become rows, and no row is lost on the way."""

import datetime
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from coterie.errors import InputError, MappingError
from coterie.session import with_options
from coterie.sources.files import inspected, list_files, new_files, refuse_bad
from coterie.sources.mapping import Files, Part
from coterie.sources.read import READ_OPTIONS, read_rows, united

ANY = Part(files=Files(), columns={})


def rows_of(spark: SparkSession, place: Path, layout: Files, json_columns: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    files = inspected(spark, list_files(spark, str(place), layout), Part(files=layout, columns={}), (), 1 << 20)
    frames = read_rows(spark, files, layout, json_columns)
    return [row.asDict() for frame in frames for row in frame.collect()]


def test_csv_in_a_tree_of_folders_with_other_column_orders_newlines_in_quotes_and_rows_that_cannot_be_split(
    spark: SparkSession, tmp_path: Path
) -> None:
    for name, text in {
        "date=1/a [1].csv": 'id,name\n1,"two\nlines"\n2,"say ""hi"""\n',
        "date=2/中 文.csv": "name,id\r\n  Zoë 🐟 ,3\r\nonly one\r\n",
        "date=2/c.csv": "id,extra\n4,more\n5,a,b\n",
        "_hidden.csv": "never,read\n1,2\n",
        "notes.md": "not asked for",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(b"id,name\n6,packed\n"))
    rows = rows_of(spark, tmp_path, Files(pattern="*.csv*"))
    good = {row["id"]: (row["name"], row["extra"]) for row in rows if not row["_is_malformed"]}
    assert good == {
        "1": ("two\nlines", None), "2": ('say "hi"', None), "3": ("  Zoë 🐟 ", None), "4": (None, "more"), "6": ("packed", None),
    }  # fmt: skip
    assert sorted(row["_raw"] for row in rows if row["_is_malformed"]) == ["5,a,b", "only one"]
    raw = {row["id"]: row["_raw"] for row in rows}
    assert raw["3"] == '{"id":"3","name":"  Zoë 🐟 "}'  # by name, so equal rows are equal whatever the order of the columns


def test_bytes_that_are_not_the_encoding_show_as_replacement_characters_and_the_right_encoding_reads_them(
    spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes("id,name\n1,Zoë\n".encode("latin-1"))
    assert "\ufffd" in rows_of(spark, tmp_path, Files())[0]["_raw"]
    assert rows_of(spark, tmp_path, Files(encoding="ISO-8859-1"))[0]["name"] == "Zoë"


def test_json_lines_keep_the_line_and_read_only_what_is_asked_for(spark: SparkSession, tmp_path: Path) -> None:
    lines = ['{"id": 1, "price": 2.5, "more": {"a": [1]}, "other": true}', '{"id": "x"', "", '{"price": null}', "[1]"]
    (tmp_path / "a.jsonl").write_bytes("\r\n".join(lines).encode() + b'\n{"id": "\xff"}')
    rows = {row["_raw"]: row for row in rows_of(spark, tmp_path, Files(), ("id", "price", "more"))}
    assert [rows[lines[0]][name] for name in ("id", "price", "more")] == ["1", "2.5", '{"a":[1]}']
    assert {raw for raw, row in rows.items() if row["_is_malformed"]} == {lines[1], lines[4]}
    assert '{"id": "\ufffd"}' in rows
    assert len(rows) == 5


def test_columns_with_blanks_between_them(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b" id  price \r\n 1    2.5\r\n 2 3 4\r\n\r\n")
    rows = rows_of(spark, tmp_path, Files(delimiter="whitespace"))
    assert [(row["id"], row["price"], row["_is_malformed"]) for row in rows] == [("1", "2.5", False), (None, None, True)]


def test_parquet_files_whose_types_differ_make_a_frame_for_each_set_of_types(spark: SparkSession, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1], "at": [datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": ["x"], "at": ["2024-01-02"]}), tmp_path / "b.parquet")
    rows = rows_of(spark, tmp_path, Files())
    assert {row["_raw"] for row in rows} == {'{"at":"2024-01-01T00:00:00.000Z","id":1}', '{"at":"2024-01-02","id":"x"}'}


def test_a_delta_table_counts_as_one_file_whose_content_is_its_version(spark: SparkSession, tmp_path: Path) -> None:
    place = str(tmp_path / "table")
    spark.range(1).write.format("delta").save(place)
    layout = Files(format="delta")
    first = list_files(spark, place, layout)[0]
    assert rows_of(spark, Path(place), layout)[0]["_source_file"] == place
    spark.range(1).write.format("delta").mode("append").save(place)
    assert list_files(spark, place, layout)[0].content_hash != first.content_hash
    with pytest.raises(InputError, match="is no Delta table"):
        list_files(spark, str(tmp_path / "nothing"), layout)


def test_a_delta_table_without_rows_is_read_as_such_whatever_its_folder_is_called(spark: SparkSession, tmp_path: Path) -> None:
    place = tmp_path / "[1] a*b {c,d}"
    spark.range(0).write.format("delta").save(str(place))
    assert refused(spark, place) is None
    assert rows_of(spark, place, Files(format="delta")) == []
    spark.range(2).write.format("delta").mode("append").save(str(place))
    assert refused(spark, place) is None
    assert sorted(row["id"] for row in rows_of(spark, place, Files(format="delta"))) == [0, 1]


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (b"{", r"\[FAILED_READ_FILE.*0\.json"),
        (b"", r"\[DELTA_STATE_RECOVER_ERROR\] The protocol"),
        (
            b'{"protocol":{"minReaderVersion":99,"minWriterVersion":7,"readerFeatures":[],"writerFeatures":[]}}\n{"metaData":{"id":"1","format":{"provider":"parquet","options":{}},'
            b'"schemaString":"{\\"type\\":\\"struct\\",\\"fields\\":[]}","partitionColumns":[],"configuration":{}}}',
            r"\[DELTA_INVALID_PROTOCOL_VERSION\].*99",
        ),
    ],
    ids=["cut", "empty", "of tomorrow"],
)
def test_a_delta_table_whose_log_cannot_be_read_is_a_bad_file(spark: SparkSession, tmp_path: Path, log: bytes, said: str) -> None:
    (tmp_path / "table" / "_delta_log").mkdir(parents=True)
    (tmp_path / "table" / "_delta_log" / f"{0:020}.json").write_bytes(log)
    problem = refused(spark, tmp_path / "table")
    assert problem is not None
    assert re.fullmatch(rf"Spark cannot open its log \({said}.*\)", problem)


def refused(spark: SparkSession, table: Path) -> str | None:
    part = Part(files=Files(format="delta"), columns={})
    return inspected(spark, list_files(spark, str(table), part.files), part, (), 1 << 20)[0].findings.problem


def test_an_input_that_is_not_there_is_an_error_and_a_missing_folder_of_a_kind_is_empty(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n")
    with pytest.raises(InputError, match="is not there"):
        list_files(spark, str(tmp_path / "nowhere"), Files())
    assert list_files(spark, str(tmp_path), Files(folder="items")) == []
    assert len(list_files(spark, str(tmp_path / "a.csv"), Files(folder="events"))) == 1
    assert list_files(spark, str(tmp_path / "a.csv"), Files(folder="items"), takes_one_file=False) == []
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "b.csv").write_text("id\n1\n")
    for place in (tmp_path / "csv", f"{tmp_path}/csv/"):  # a folder with one file, whose name ends like its own
        assert list_files(spark, str(place), Files(folder="events")) == []


def test_known_files_are_not_looked_into_and_bad_ones_stop_or_are_set_aside(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n")
    (tmp_path / "b.csv").write_text("")
    files = list_files(spark, str(tmp_path), Files())
    assert len(files) == 2
    known = [(files[0].source_file, files[0].size_bytes, files[0].modified_micros)]
    assert new_files(files, known) == files[1:]
    looked = inspected(spark, files, ANY, ("id",), 1 << 20)
    with pytest.raises(InputError, match=r"b\.csv: empty"):
        refuse_bad(looked, "events", "shop", quarantine=False)
    assert [[file.source_file[-5:] for file in part] for part in refuse_bad(looked, "events", "shop", quarantine=True)] == [["a.csv"], ["b.csv"]]


def test_files_above_the_limit_are_known_by_size_and_time_and_their_header_is_looked_at(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name\n1,b\n")
    files = list_files(spark, str(tmp_path), Files())
    looked = inspected(spark, files, ANY, ("id", "price"), 1)
    assert looked[0].content_hash != inspected(spark, files, ANY, (), 1 << 20)[0].content_hash
    with pytest.raises(MappingError, match="names columns that no file of events has: without column price; found: id, name"):
        refuse_bad(looked, "events", "shop", quarantine=True)




def test_a_line_of_json_with_more_than_one_object_is_malformed_since_the_others_would_be_lost(spark: SparkSession, tmp_path: Path) -> None:
    good = '{"id": 1}'
    bad = ['{"id": 2}{"id": 3}', '{"id": 2},{"id": 3}', '{"id": 2} and so on', '{"id": 2}]', '{"id": 2}\u2028{"id": 3}', '[{"id": 2}]', "null", "4"]
    (tmp_path / "a.jsonl").write_text("\n".join([good, *bad]), encoding="utf-8")
    rows = {row["_raw"]: (row["id"], row["_is_malformed"]) for row in rows_of(spark, tmp_path, Files(), ("id", "_source_file"))}
    assert rows == {good: ("1", False)} | dict.fromkeys(bad, (None, True))


def test_a_line_of_thirty_thousand_delimiters_is_one_malformed_row(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name\n" + "," * 30_000 + "\n1,b\n")
    assert sorted((row["id"], row["_is_malformed"]) for row in rows_of(spark, tmp_path, Files()) if row["id"]) == [("1", False)]
    assert [row["_raw"][:3] for row in rows_of(spark, tmp_path, Files()) if row["_is_malformed"]] == [",,,"]


@pytest.mark.parametrize("first", [b"\n", b"\r\n"])
def test_where_lines_end_in_several_ways_and_run_over_none_is_a_part_of_another(spark: SparkSession, tmp_path: Path, first: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,name" + first + b'"1\n2",b\r\n3,c\n4,"d"\r\n5,"e"\n')
    rows = rows_of(spark, tmp_path, Files())
    assert sorted((row["id"], row["name"]) for row in rows) == [("1\n2", "b"), ("3", "c"), ("4", "d"), ("5", "e")]


@pytest.mark.parametrize("blank", [b"\r\n", b" \t\r\n", b"\r\n\r\n", b" \n"])
def test_where_lines_end_in_several_ways_a_blank_one_is_no_row(spark: SparkSession, tmp_path: Path, blank: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(b'id,note\r\n1,"a\nb"\n' + blank + b"2,c\r\nbroken\r\n" + blank)
    rows = rows_of(spark, tmp_path, Files())
    assert [(row["id"], row["note"], row["_is_malformed"]) for row in rows] == [("1", "a\nb", False), ("2", "c", False), (None, None, True)]


def test_csv_in_letters_of_two_bytes(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id,name\n1,Zoë\n2,灯\n".encode("utf-16"))
    rows = rows_of(spark, tmp_path, Files(encoding="UTF-16"))
    assert sorted((row["id"], row["name"], row["_is_malformed"]) for row in rows) == [("1", "Zoë", False), ("2", "灯", False)]


def test_a_file_with_a_colon_in_its_name_is_bad_and_keeps_no_other_from_being_read(spark: SparkSession, tmp_path: Path) -> None:
    for name in ("10:30.csv", "100% [a] {b}, c#d?.csv", "a%20b.csv"):
        (tmp_path / name).write_text("id\n1\n")
    looked = inspected(spark, list_files(spark, str(tmp_path), Files()), ANY, ("id",), 1 << 20)
    good, bad = refuse_bad(looked, "events", "shop", quarantine=True)
    problem = "its name has a colon, which Hadoop does not open on a local disk: rename it"
    assert [(file.path[-9:], file.findings.problem) for file in bad] == [("10:30.csv", problem)]
    assert len(read_rows(spark, good, Files(), ())[0].collect()) == 2


def test_nanoseconds_as_pandas_writes_them_are_read_to_the_microsecond(spark: SparkSession, tmp_path: Path) -> None:
    nanoseconds = 1_709_287_200_123_456_789  # 2024-03-01 10:00:00.123456789, more digits than a double has
    columns = {"local": pa.array([nanoseconds, None], pa.timestamp("ns")), "a: b`c": pa.array([nanoseconds, None], pa.timestamp("ns", "Europe/Berlin"))}
    hostile = {"a line\nid: timestamp[ns]\n": pa.array([1, 2])}
    pq.write_table(pa.table({"id": pa.array([nanoseconds, 2]), **columns, **hostile}), tmp_path / "a.parquet")
    looked = inspected(spark, list_files(spark, str(tmp_path), Files()), ANY, ("id",), 1 << 20)
    before = spark.conf.get("spark.sql.legacy.parquet.nanosAsLong")
    with with_options(spark, READ_OPTIONS):
        rows = read_rows(spark, looked, Files(), ())[0].drop("_source_file", "_is_malformed")
        assert [kind for _, kind in rows.dtypes] == ["string", "bigint", "timestamp_ntz", "timestamp", "bigint"]
        first, second = rows.select("id", F.col("local").cast("string"), F.col("`a: b``c`").cast("string")).collect()
    assert tuple(first) == (nanoseconds, "2024-03-01 10:00:00.123456", "2024-03-01 10:00:00.123456")
    assert tuple(second) == (2, None, None)
    assert spark.conf.get("spark.sql.legacy.parquet.nanosAsLong") == before


def test_a_large_file_that_spark_cannot_open_is_bad(spark: SparkSession, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": pa.array([1], pa.timestamp("ns"))}), tmp_path / "a.parquet")
    looked = inspected(spark, list_files(spark, str(tmp_path), Files()), ANY, ("id",), 1)
    assert looked[0].findings.problem == "Spark cannot open it ([PARQUET_TYPE_ILLEGAL])"


def test_instants_as_spark_and_hive_write_them_are_read(spark: SparkSession, tmp_path: Path) -> None:
    at = datetime.datetime(2024, 3, 1, 10, 0, 0, 123456, tzinfo=datetime.UTC)
    within = pa.array([{"at": at}], pa.struct([("at", pa.timestamp("us", "UTC"))]))
    table = pa.table({"at": pa.array([at], pa.timestamp("us", "UTC")), "within": within})
    pq.write_table(table, tmp_path / "old.parquet", use_deprecated_int96_timestamps=True)
    pq.write_table(table, tmp_path / "new.parquet")
    files = inspected(spark, list_files(spark, str(tmp_path), Files()), ANY, (), 1 << 20)
    frames = read_rows(spark, files, Files(), ())
    read = [tuple(row) for frame in frames for row in frame.select(F.unix_micros("at"), F.unix_micros("within.at")).collect()]
    micros = 1_709_287_200_123_456
    assert read == [(micros, micros)] * 2
    assert [file.findings.problem for file in files] == [None, None]


def test_of_text_files_of_many_shapes_the_columns_that_are_asked_for_are_read_and_the_row_is_kept_whole(spark: SparkSession, tmp_path: Path) -> None:
    for number in range(51):
        (tmp_path / f"{number}.csv").write_text(f"Id,odd{number}\n{number},x\n")
    rows = rows_of(spark, tmp_path, Files(), ("id",))
    assert sorted(int(row["Id"]) for row in rows) == list(range(51))
    assert {row["Id"]: row["_raw"] for row in rows}["7"] == '{"Id":"7","odd7":"x"}'
    assert set(rows[0]) == {"_source_file", "_raw", "_is_malformed", "Id"}


def test_of_a_file_of_thousands_of_columns_those_that_are_asked_for_are_read_and_the_row_is_kept_whole(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",".join(["Id", *(f"c{number}" for number in range(2000))]) + "\n" + "7," + "x," * 1999 + "y\n")
    [row] = rows_of(spark, tmp_path, Files(), ("id",))
    assert row["Id"] == "7"
    assert json.loads(row["_raw"]) == {"Id": "7", "c1999": "y"} | {f"c{number}": "x" for number in range(1999)}
    assert set(row) == {"_source_file", "_raw", "_is_malformed", "Id"}


def test_frames_of_many_shapes_come_together_by_name_in_a_plan_that_is_not_as_deep_as_they_are_many(
    spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    together = united([spark.range(1).select(F.lit(number).alias(f"c{number}"), F.lit("x").alias("all")) for number in range(40)])
    rows = [row.asDict() for row in together.collect()]
    assert sorted(row["all"] for row in rows) == ["x"] * 40
    assert sorted(value for row in rows for name, value in row.items() if name != "all" and value is not None) == list(range(40))
    together.explain(mode="extended")
    analyzed = capsys.readouterr().out.partition("== Analyzed Logical Plan ==")[2].partition("== Optimized Logical Plan ==")[0]
    assert max(len(line) - len(line.lstrip(" :+-")) for line in analyzed.splitlines()) < 3 * 40
