"""What is wrong with a file is found before it is read."""

import bz2
import datetime
import gzip
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coterie.sources.inspection import Expected, Findings, format_of, inspect, inspect_batches

CSV = Expected("auto", "UTF-8", ",", '"', has_header=True, columns=(), needed=("id", "price"))


def looked(name: str, content: bytes, expected: Expected = CSV) -> Findings:
    return inspect(name, pa.py_buffer(content), expected)


def parquet(compression: str = "snappy", **columns: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, compression=compression)
    return sink.getvalue().to_pybytes()


def with_codec(number: int) -> bytes:
    """A Parquet file whose footer says in Thrift (a step to the next field, 5 for a number, its value doubled) that it is packed in this way."""
    content, packed = parquet(id=[1], price=[2.0]), b"\x15\x02\x16"
    length = int.from_bytes(content[-8:-4], "little")
    footer = content[-8 - length : -8]
    assert footer.count(packed) == 2
    return content[: -8 - length] + footer.replace(packed, bytes([0x15, 2 * number, 0x16])) + content[-8:]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "no bytes"),
        ("a.csv", b"\n\n", "no text"),
        ("a.csv", b"id,price\n1,\x00\x01", "NUL bytes"),
        ("a.csv", b"id,prize\n1,2\n", "without column price; found: id, prize"),
        ("a.csv", b"id,price,ID\n", "two columns of one name: ID, id"),
        ("a.csv.gz", gzip.compress(b"id,price\n" * 1000, mtime=0)[:40], "EOFError"),
        ("a.csv.gz", b"id,price\n1,2\n", "BadGzipFile"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "no text"),
        ("a.parquet", b"PAR1 and then nothing", "truncated"),
        ("a.parquet", parquet(id=[1], price=[2.0])[:-9], "truncated"),
        ("a.parquet", b"PAR1 rubbish PAR1", "footer"),
        ("a.parquet", with_codec(12), "its first row cannot be read: Unsupported compression codec value: 12"),
        ("a.parquet", parquet(id=[1]), "without column price"),
        ("a.xlsx", b"PK", "ending says no format"),
        ("a.csv", "id,price,S,ſ\n".encode(), "two columns of one name: S, ſ"),  # Spark compares names by their capitals
        ("a.csv", b"id,price,,_c2\n", "two columns of one name: _c2"),
        ("a.csv", b'id,price\r"1\n2",3\r4,5\n', "its first line ends in a return alone and others end otherwise"),
        ("a.csv", b"id,price,_RAW\n", "column _RAW has a name that Coterie gives to columns of its own"),
        ("a.parquet", parquet(id=[1], price=[2.0], _metadata=[3]), "column _metadata has a name"),
        ("a.parquet", parquet(id=[1], price=[2.0], at=pa.array([[1]], pa.list_(pa.timestamp("ns")))), "column at.element is timestamp[ns], which Spark"),
        ("a.parquet", parquet(id=[1], price=[2.0], at=[{"b": [datetime.time(1)]}]), "column at.b.element is time64[us]"),
        ("a.parquet", parquet(id=[1], price=[2.0], s=[{"a": 1, "A": 2}]), "column s has two fields of one name: a, A"),
        ("a.parquet", parquet(compression="brotli", id=[1], price=[2.0]), "packed by BROTLI"),
    ],
)
def test_a_bad_file_is_known_by_its_problem(name: str, content: bytes, words: str) -> None:
    assert words in str(looked(name, content).problem)


def test_good_files_give_their_columns_packed_or_not_whatever_the_case_of_names() -> None:
    text = "\ufeffid,Price\n1,2\n".encode()
    assert [looked(name, content).header for name, content in [("a.csv", text), ("a.csv.gz", gzip.compress(text)), ("a.csv.bz2", bz2.compress(text))]] == [
        ["id", "Price"]
    ] * 3
    assert looked("a.parquet", parquet(price=[1], id=[2])).header == ["price", "id"]
    assert looked("a.jsonl", b'{"a": 1}') == Findings()


def test_other_delimiters_encodings_and_files_without_a_header() -> None:
    latin = Expected("csv", "UTF-16", ";", "'", has_header=True, columns=(), needed=("naïve",))
    assert looked("a.txt", "'naïve';'b;c'\n1;2\n".encode("utf-16"), latin).header == ["naïve", "b;c"]
    none = Expected("csv", "UTF-8", ",", "", has_header=True, columns=(), needed=("id",))
    assert looked("a.txt", b'id,"a\n1,2\n', none).header == ["id", '"a']
    blank = Expected("csv", "UTF-8", "whitespace", "", has_header=False, columns=("id", "price"), needed=("id",))
    assert looked("a.txt", b"  1   2 \r\n", blank).header == ["id", "price"]
    lines = Expected("csv", "UTF-8", "whitespace", "", has_header=True, columns=(), needed=("id",))
    assert looked("a.txt", b"\n \nid price\n1 2\n", lines).header == ["id", "price"]
    assert "without column id" in str(looked("a.txt", b"\xef\xbb\xbf", lines).problem)
    assert "3 columns, expected 2" in str(looked("a.txt", b" 1 2 3\n", blank).problem)


@pytest.mark.parametrize(
    ("text", "runs_over"),
    [
        ("id,price\n1,2\n", False),
        ('id,price\n"1",2\n"3",4\n', False),
        ('id,price\n"a\nb",2\n', True),
        ('id,price\r"a\rb",2\r', True),
        ('id,price\n"a ""b"" c",2\n3,4\n', False),
    ],
)
def test_newlines_inside_quotes_are_noticed(text: str, runs_over: bool) -> None:
    assert looked("a.csv", text.encode()).has_quoted_newlines is runs_over


def test_a_quote_that_is_open_at_the_end_of_a_chunk_is_open_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coterie.sources.inspection._CHUNK", 12)
    assert looked("a.csv", b'id,price\n1,"2\n3",4\n').has_quoted_newlines


def test_equal_content_has_one_hash_and_each_file_a_row() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(["a.csv", "b.csv"]), pa.array([b"id,price\n", b"id,price\n"])], names=["file", "content"])
    found = pa.Table.from_batches(inspect_batches(iter([batch]), CSV)).to_pylist()
    assert [row["source_file"] for row in found] == ["a.csv", "b.csv"]
    assert found[0]["content_hash"] == found[1]["content_hash"]
    assert found[0]["problem"] is None


def test_the_format_is_that_of_the_ending_unless_declared() -> None:
    names = ["a.csv", "a.CSV.gz", "a.ndjson", "x.y/part-0.snappy.parquet", "readme"]
    assert [format_of(name, "auto") for name in names] == ["csv", "csv", "json", "parquet", None]
    assert format_of("readme", "csv") == "csv"


def test_lines_of_json_in_wide_letters_are_refused_since_they_cannot_be_told_apart() -> None:
    wide = Expected("auto", "UTF-16", ",", '"', has_header=True, columns=(), needed=())
    assert "its lines cannot be told apart in UTF-16" in str(looked("a.jsonl", '{"a": 1}\n'.encode("utf-16"), wide).problem)


def test_a_header_of_thousands_of_names_is_told_in_part() -> None:
    problem = str(looked("a.csv", ",".join(f"column {n}" for n in range(5000)).encode()).problem)
    assert problem.startswith("without column id, price; found: column 0, column 1, ")
    assert len(problem) < 600
