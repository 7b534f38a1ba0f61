"""Delta tables whose log, schema or data files are not what a reader hopes for, by name. Each is written without Spark: its files by hand."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from tests.faults.mutations import COLUMNS, NEEDED, Row, _bytes, _cut
from tests.faults.parquet_mutations import BYTES, as_parquet, as_table, typed_table, with_type

Json = dict[str, Any]
_PLAIN = {pa.string(): "string", pa.int8(): "byte", pa.int32(): "integer", pa.int64(): "long", pa.float32(): "float", pa.float64(): "double",
          pa.bool_(): "boolean", pa.binary(): "binary", pa.date32(): "date", pa.timestamp("us"): "timestamp_ntz"}  # fmt: skip
# Types of a column that Delta has too.
KINDS = ("int8", "int64", "float", "double", "decimal", "boolean", "binary", "date", "micros", "micros in a zone", "list", "struct", "map", "map by number",
         "list of structs")  # fmt: skip


@dataclass
class Table:
    """A table before it is written: the actions of each commit, and the bytes of each data file. `rows`: how many it holds, None where nobody can say."""

    commits: list[list[Json]]
    data: dict[str, bytes]
    rows: int | None
    logs: dict[str, bytes] = field(default_factory=dict)  # further files in the log's folder, or bytes in the place of a commit's

    def write(self, place: Path) -> None:
        contents = {f"_delta_log/{number:020}.json": _lines(actions) for number, actions in enumerate(self.commits)}
        contents |= {f"_delta_log/{name}": content for name, content in self.logs.items()} | self.data
        for name, content in contents.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)

    def action(self, kind: str) -> Json:
        return next(action[kind] for action in self.commits[0] if kind in action)


def as_delta(tables: list[pa.Table]) -> Table:
    """A table of one commit, with a data file for each of `tables`. The schema is that of the first."""
    data = {f"part-{number}.parquet": as_parquet(table) for number, table in enumerate(tables)}
    fields = [_field(column.name, column.type) for column in tables[0].schema]
    described = {"id": "1", "format": {"provider": "parquet", "options": {}}, "partitionColumns": [], "configuration": {}, "createdTime": 0,
                 "schemaString": json.dumps({"type": "struct", "fields": fields})}  # fmt: skip
    adds = [{"add": _add(name, content, table)} for (name, content), table in zip(data.items(), tables, strict=True)]
    return Table([[{"protocol": _features("timestampNtz")}, {"metaData": described}, *adds]], data, sum(map(len, tables)))


def _add(name: str, content: bytes, table: pa.Table) -> Json:
    stats = json.dumps({"numRecords": len(table)})
    return {"path": name, "partitionValues": {}, "size": len(content), "modificationTime": 0, "dataChange": True, "stats": stats}


def _field(name: str, kind: pa.DataType) -> Json:
    return {"name": name, "type": _type(kind), "nullable": True, "metadata": {}}


def _type(kind: pa.DataType) -> str | Json:
    if pa.types.is_timestamp(kind) and kind.tz:
        return "timestamp"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_list(kind):
        return {"type": "array", "elementType": _type(kind.value_type), "containsNull": True}
    if pa.types.is_map(kind):
        return {"type": "map", "keyType": _type(kind.key_type), "valueType": _type(kind.item_type), "valueContainsNull": True}
    if pa.types.is_struct(kind):
        return {"type": "struct", "fields": [_field(part.name, part.type) for part in kind]}
    return _PLAIN[kind]


def _lines(actions: list[Json]) -> bytes:
    return "\n".join(json.dumps(action) for action in actions).encode() + b"\n"


def some_table(rng: random.Random, rows: list[Row], is_good: bool) -> tuple[str, Table]:
    """A table of the rows in one to three data files, and what was done to it. `is_good`: the rows are events that are accepted."""
    typed = typed_table(rows) if is_good and rng.random() < 0.5 else as_table(rows)
    part = rng.random()
    if part < 0.25:
        kind, column = rng.choice(KINDS), rng.choice((rng.choice(COLUMNS), rng.choice(NEEDED)))
        changed = with_type(typed, column, kind)
        if rng.random() < 0.5:
            return f"{column} {kind}", as_delta([changed])
        made = as_delta([typed])
        made.data["part-0.parquet"] = as_parquet(changed)
        made.action("add")["size"] = len(made.data["part-0.parquet"])
        made.rows = None
        return f"{column} {kind}, not as the log says", made
    cuts = sorted(rng.randint(0, len(typed)) for _ in range(rng.randint(0, 2)))
    made = as_delta([typed.slice(first, last - first) for first, last in zip([0, *cuts], [*cuts, len(typed)], strict=True)])
    if part < 0.5:
        what, name = rng.choice(sorted(BYTES)), rng.choice(sorted(made.data))
        changed_bytes = BYTES[what](rng, made.data[name])
        made.rows = made.rows if changed_bytes == made.data[name] else None
        made.data[name] = changed_bytes
    else:
        what = rng.choice(sorted(LOGS))
        LOGS[what](rng, made)
    return "untouched" if what == "untouched" and is_good else f"data {what}" if part < 0.5 else f"log {what}", made


def _first_log(change: Callable[[random.Random, bytes], bytes]) -> Callable[[random.Random, Table], None]:
    def done(rng: random.Random, made: Table) -> None:
        made.logs[f"{0:020}.json"] = change(rng, _lines(made.commits[0]))
        made.rows = None

    return done


def _with(kind: str, **values: Any) -> Callable[[random.Random, Table], None]:
    """An action with these values; what the table then holds nobody says."""

    def done(rng: random.Random, made: Table) -> None:
        made.action(kind).update(values)
        made.rows = None

    return done


def _without(kind: str) -> Callable[[random.Random, Table], None]:
    def done(rng: random.Random, made: Table) -> None:
        made.commits[0] = [action for action in made.commits[0] if kind not in action]
        made.rows = None

    return done


def _with_schema(change: Callable[[list[Json]], object]) -> Callable[[random.Random, Table], None]:
    def done(rng: random.Random, made: Table) -> None:
        schema = json.loads(made.action("metaData")["schemaString"])
        change(schema["fields"])
        made.action("metaData")["schemaString"] = json.dumps(schema)
        made.rows = None

    return done


def _removed(rng: random.Random, made: Table) -> None:
    """A second commit takes a data file out."""
    made.commits.append([{"remove": {"path": made.action("add")["path"], "deletionTimestamp": 1, "dataChange": True}}])
    made.rows = None


def _later(name: str, content: bytes) -> Callable[[random.Random, Table], None]:
    """A further file in the log's folder."""

    def done(rng: random.Random, made: Table) -> None:
        made.logs[name] = content
        made.rows = None

    return done


def _lost(rng: random.Random, made: Table) -> None:
    made.data.pop(rng.choice(sorted(made.data)))
    made.rows = None


def _second_only(rng: random.Random, made: Table) -> None:
    made.commits, made.logs, made.rows = [], {f"{2:020}.json": _lines(made.commits[0])}, None


def _no_log(rng: random.Random, made: Table) -> None:
    made.commits, made.rows = [], None


def _features(*names: str) -> Json:
    return {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": [*names], "writerFeatures": [*names]}


_VECTOR = {"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 1, "sizeInBytes": 36, "cardinality": 1}

LOGS: dict[str, Callable[[random.Random, Table], None]] = {
    "untouched": lambda rng, made: None,
    "cut": _first_log(_cut),
    "bytes": _first_log(_bytes),
    "empty": _first_log(lambda rng, content: b""),
    "text": _first_log(lambda rng, content: b"not a log\n"),
    "a number": _first_log(lambda rng, content: b"1\n"),
    "unknown action": _first_log(lambda rng, content: content + b'{"more": {"a": 1}}\n'),
    "none": _no_log,
    "first commit lost": _second_only,
    "second commit cut": _later(f"{1:020}.json", b'{"add": {"path": "part'),
    "second commit empty": _later(f"{1:020}.json", b""),
    "gap": _later(f"{2:020}.json", b'{"commitInfo": {}}\n'),
    "checkpoint of noise": _later(f"{0:020}.checkpoint.parquet", b"PAR1\0\0\0\0PAR1"),
    "last checkpoint of noise": _later("_last_checkpoint", b"{"),
    "last checkpoint lost": _later("_last_checkpoint", b'{"version": 7, "size": 4}'),
    "checksum of noise": _later(f"{0:020}.crc", b'{"numFiles": -1}'),
    "file removed": _removed,
    "data file lost": _lost,
    "no protocol": _without("protocol"),
    "no schema": _without("metaData"),
    "no files": _without("add"),
    "reader of tomorrow": _with("protocol", minReaderVersion=99),
    "feature of tomorrow": _with("protocol", **_features("tomorrow")),
    "path out of the table": _with("add", path="../../elsewhere.parquet"),
    "path of another": _with("add", path="file:/etc/hostname"),
    "path to the web": _with("add", path="https://example.org/part-0.parquet"),
    "path empty": _with("add", path=""),
    "path null": _with("add", path=None),
    "size zero": _with("add", size=0),
    "size below zero": _with("add", size=-5),
    "size too large": _with("add", size=10**9),
    "stats of noise": _with("add", stats="{"),
    "stats that lie": _with("add", stats='{"numRecords": 1000000}'),
    "partition of no column": _with("add", partitionValues={"elsewhere": "1"}),
    "deletion vector lost": lambda rng, made: (_with("protocol", **_features("deletionVectors"))(rng, made), _with("add", deletionVector=_VECTOR)(rng, made)),
    "schema of noise": _with("metaData", schemaString="{"),
    "schema empty": _with("metaData", schemaString=""),
    "schema null": _with("metaData", schemaString=None),
    "format unknown": _with("metaData", format={"provider": "orc", "options": {}}),
    "partitioned by no column": _with("metaData", partitionColumns=["elsewhere"]),
    "partitioned by a column of the file": _with("metaData", partitionColumns=["country"]),
    "column mapping": _with("metaData", configuration={"delta.columnMapping.mode": "name"}),
    "configuration of noise": _with("metaData", configuration={"delta.checkpointInterval": "x", "delta.appendOnly": "perhaps"}),
    "no columns": _with_schema(lambda fields: fields.clear()),
    "needed column lost": _with_schema(lambda fields: fields.pop(0)),
    "column more": _with_schema(lambda fields: fields.append(_field("more", pa.string()))),
    "column twice but for case": _with_schema(lambda fields: fields.append(_field("EVENT_ID", pa.string()))),
    "upper case": _with_schema(lambda fields: fields[0].update(name="EVENT_ID")),
    "sql names": _with_schema(lambda fields: fields[-1].update(name="a`b.c'; DROP TABLE x --")),
    "type unknown": _with_schema(lambda fields: fields[0].update(type="money")),
    "required": _with_schema(lambda fields: fields[-1].update(nullable=False)),
}  # fmt: skip
