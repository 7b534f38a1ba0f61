"""Parquet files whose columns, types, layout or bytes are not what the mapping hopes for, by name."""

import datetime
import decimal
import random
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
from tests.faults.mutations import COLUMNS, Row, _bytes, _cut

_AT = datetime.datetime(2024, 5, 1, 12)  # noqa: DTZ001 - what a type without a zone holds

# Types that a column may come in, with a value of each.
TYPES: dict[str, tuple[pa.DataType, object]] = {
    "int8": (pa.int8(), 7), "int64": (pa.int64(), 2**40), "uint32": (pa.uint32(), 7), "uint64": (pa.uint64(), 2**63), "half": (pa.float16(), 1.5),
    "float": (pa.float32(), float("nan")), "double": (pa.float64(), 1e300), "decimal": (pa.decimal128(38, 10), decimal.Decimal("2.5")),
    "large decimal": (pa.decimal256(60, 10), decimal.Decimal("2.5")), "boolean": (pa.bool_(), True), "binary": (pa.binary(), b"\xff\x00a"),
    "fixed binary": (pa.binary(3), b"abc"), "date": (pa.date32(), _AT.date()), "time": (pa.time64("us"), _AT.time()), "seconds": (pa.timestamp("s"), _AT),
    "micros": (pa.timestamp("us"), _AT), "micros in a zone": (pa.timestamp("us", "Europe/Berlin"), _AT), "nanos": (pa.timestamp("ns"), _AT),
    "nanos in a zone": (pa.timestamp("ns", "UTC"), _AT), "duration": (pa.duration("us"), datetime.timedelta(1)), "null": (pa.null(), None),
    "list": (pa.list_(pa.string()), ["a", None]), "struct": (pa.struct([("a", pa.int32()), ("b c", pa.string())]), {"a": 1, "b c": "x"}),
    "map": (pa.map_(pa.string(), pa.int32()), [("a", 1)]), "map by number": (pa.map_(pa.int32(), pa.date32()), [(1, _AT.date())]),
    "list of structs": (pa.list_(pa.struct([("a", pa.timestamp("us"))])), [{"a": _AT}]), "empty struct": (pa.struct([("a", pa.null())]), {"a": None}),
    "large text": (pa.large_string(), "x"), "dictionary": (pa.dictionary(pa.int8(), pa.string()), "x"),
}  # fmt: skip


def as_table(rows: list[Row]) -> pa.Table:
    """Texts, instants as instants, numbers as numbers where all of them are."""
    return pa.table({name: pa.array([row[name] or None for row in rows], pa.string()) for name in COLUMNS})


def typed_table(rows: list[Row]) -> pa.Table:
    """The table as a shop would write it: numbers and instants have their types. The rows must be good ones."""
    table = as_table(rows)
    types = {"quantity": pa.int64(), "unit_price": pa.float64(), "occurred_at": pa.timestamp("us", "UTC")}
    for name, kind in types.items():
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind))
    return table


def with_type(table: pa.Table, column: str, kind: str) -> pa.Table:
    """Every value of the column is the one of the type."""
    type_, value = TYPES[kind]
    array = pa.array([value] * len(table), type_)
    return table.set_column(table.schema.get_field_index(column), pa.field(column, type_), array)


def _renamed(table: pa.Table, names: dict[str, str]) -> pa.Table:
    return table.rename_columns([names.get(name, name) for name in table.column_names])


# Changes to the columns.
SHAPES: dict[str, Callable[[pa.Table], pa.Table]] = {
    "untouched": lambda table: table,
    "upper case": lambda table: table.rename_columns([name.upper() for name in table.column_names]),
    "other order": lambda table: table.select(sorted(table.column_names)),
    "column lost": lambda table: table.drop_columns(["event_type"]),
    "optional lost": lambda table: table.drop_columns(["country", "currency"]),
    "column twice": lambda table: _renamed(table, {"country": "currency"}),
    "twice but for case": lambda table: _renamed(table, {"country": "Currency"}),
    "own names": lambda table: _renamed(table, {"country": "_raw", "text": "_source_file", "currency": "_is_malformed"}),
    "inner names": lambda table: _renamed(table, {"country": "_metadata", "text": "_broken"}),
    "sql names": lambda table: _renamed(table, {"country": "a`b.c", "text": "'; DROP TABLE x --", "currency": "a b,(c)={d}\n\t"}),
    "name empty": lambda table: _renamed(table, {"country": ""}),
    "one letter": lambda table: _renamed(table, {"country": "ſ", "text": "S"}),
    "no rows": lambda table: table.slice(0, 0),
    "no columns": lambda table: table.select([]),
    "all null": lambda table: pa.table({name: pa.nulls(len(table), pa.string()) for name in table.column_names}),
    "required": lambda table: table.cast(pa.schema([field.with_nullable(table[field.name].null_count > 0) for field in table.schema])),
    "two fields of one name": lambda table: table.append_column("s", pa.array([{"a": 1, "A": 2}] * len(table))),
    "wide": lambda table: pa.table({**{name: table[name] for name in table.column_names}, **{f"w{n}": pa.nulls(len(table), pa.int8()) for n in range(400)}}),
}

LAYOUTS: dict[str, dict[str, object]] = {
    "snappy": {"compression": "snappy"}, "gzip": {"compression": "gzip"}, "zstd": {"compression": "zstd"}, "lz4": {"compression": "lz4"},
    "brotli": {"compression": "brotli"}, "none": {"compression": "none"}, "small groups": {"row_group_size": 1}, "old": {"version": "1.0"},
    "second pages": {"data_page_version": "2.0"}, "no dictionary": {"use_dictionary": False}, "checksums": {"write_page_checksum": True},
    "old instants": {"use_deprecated_int96_timestamps": True},
}  # fmt: skip


def as_parquet(table: pa.Table, layout: str = "snappy") -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **LAYOUTS[layout])
    return bytes(sink.getvalue())


def _in_the_pages(rng: random.Random, content: bytes) -> bytes:
    """Bytes changed before the footer."""
    end = max(len(content) - int.from_bytes(content[-8:-4], "little") - 8, 5)
    return content[:4] + _bytes(rng, content[4:end]) + content[end:]


def _in_the_footer(rng: random.Random, content: bytes) -> bytes:
    end = max(len(content) - int.from_bytes(content[-8:-4], "little") - 8, 5)
    return content[:end] + _bytes(rng, content[end:-4]) + content[-4:]


def _pages_lost(rng: random.Random, content: bytes) -> bytes:
    place = rng.randint(4, max(len(content) // 2, 5))
    return content[:place] + content[place + rng.randint(1, 40) :]


BYTES: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "untouched": lambda rng, content: content,
    "cut": _cut,
    "bytes": _bytes,
    "bytes in the pages": _in_the_pages,
    "bytes in the footer": _in_the_footer,
    "pages lost": _pages_lost,
    "empty": lambda rng, content: rng.choice((b"", b"PAR1", b"PAR1PAR1", b"PAR1\0\0\0\0PAR1", b"PAR1\xff\xff\xff\xffPAR1")),
    "text": lambda rng, content: b"event_id,customer_id\n1,2\n",
    "twice": lambda rng, content: content + content,
}
