"""A look into files before they are read: is this what it says it is? Runs on the workers, so it imports nothing but the standard library and Arrow."""

import bz2
import csv
import gzip
import hashlib
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from coterie.errors import first_line

INSPECTED = "source_file string, content_hash string, problem string, header array<string>, shape string, has_quoted_newlines boolean"
_CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD", "LZ4", "LZ4_RAW"}
_LINE_ENDS = re.compile(rb"\r\n|\r|\n")
CSV, MIXED = "csv", "csv whose lines end in several ways"  # shapes; of the second the file is read whole
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
_CHUNK = 1 << 22  # bytes looked at at a time: a packed file may be far larger than its bytes
_SHOWN = 500  # characters of a header that a message repeats
OWN_NAMES = ("_source_file", "_raw", "_is_malformed", "_broken", "_metadata")  # columns that reading adds to a file's own


@dataclass(frozen=True)
class Expected:
    """How the files are written, and what must be in them. `needed`: columns without which a file is refused."""

    format: str
    encoding: str
    delimiter: str
    quote: str
    has_header: bool
    columns: tuple[str, ...]
    needed: tuple[str, ...]


@dataclass(frozen=True)
class Findings:
    """`shape` groups files that can be read together; `header` are the columns, null in JSON."""

    problem: str | None = None
    header: list[str] | None = None
    shape: str = ""
    has_quoted_newlines: bool = False


def format_of(name: str, declared: str) -> str | None:
    """csv, json or parquet by the ending of the file's name, where the mapping leaves it open; None where the ending says nothing."""
    if declared != "auto":
        return declared
    parts = [part for part in name.lower().rsplit("/", 1)[-1].split(".") if f".{part}" not in _OPENERS]
    endings = {"csv": "csv", "tsv": "csv", "txt": "csv", "json": "json", "jsonl": "json", "ndjson": "json", "parquet": "parquet"}
    return endings.get(parts[-1])


def inspect_batches(batches: Iterator[pa.RecordBatch], expected: Expected) -> Iterator[pa.RecordBatch]:
    """Batches of (source_file, content) to batches of INSPECTED, a row a file."""
    for batch in batches:
        names, contents = batch.column(0).to_pylist(), batch.column(1)
        found = [(name, contents[row].as_buffer()) for row, name in enumerate(names)]
        rows = [(name, hashlib.sha256(content).hexdigest(), inspect(name, content, expected)) for name, content in found]
        yield pa.RecordBatch.from_arrays(
            [
                pa.array([name for name, _, _ in rows], pa.string()),
                pa.array([digest for _, digest, _ in rows], pa.string()),
                pa.array([seen.problem for _, _, seen in rows], pa.string()),
                pa.array([seen.header for _, _, seen in rows], pa.list_(pa.string())),
                pa.array([seen.shape for _, _, seen in rows], pa.string()),
                pa.array([seen.has_quoted_newlines for _, _, seen in rows], pa.bool_()),
            ],
            names=["source_file", "content_hash", "problem", "header", "shape", "has_quoted_newlines"],
        )


def inspect(name: str, content: pa.Buffer, expected: Expected) -> Findings:
    """What is in the file, or the problem that keeps it from being read."""
    kind = format_of(name, expected.format)
    if kind is None:
        return Findings("its ending says no format; expected .csv, .json or .parquet, packed or not, or files.format in the mapping")
    if content.size == 0:
        return Findings("empty: it has no bytes")
    if kind == "parquet":
        return _parquet(content, expected)
    if is_wide(expected.encoding) and (kind == "json" or expected.delimiter == "whitespace"):
        return Findings(f"its lines cannot be told apart in {expected.encoding}: write it as UTF-8")
    return _text(name, content, kind, expected)


def _parquet(content: pa.Buffer, expected: Expected) -> Findings:
    head, tail = content.slice(0, 4).to_pybytes(), content.slice(max(content.size - 4, 0)).to_pybytes()
    if head != b"PAR1" or tail != b"PAR1":
        return Findings(f"no Parquet file, or a truncated one: it begins with {head!r} and ends with {tail!r}, expected b'PAR1' twice")
    try:
        metadata = pq.read_metadata(pa.BufferReader(content))
        int96 = _int96(metadata)
        schema = _as_spark_reads(metadata.schema.to_arrow_schema(), int96)
    except (pa.ArrowException, OSError, ValueError) as error:  # a damaged footer raises any of these
        return Findings(f"its Parquet footer cannot be read: {first_line(error)}")
    problem = header_problem(schema.names, expected) or _unread(schema, int96) or _packed(content, metadata)
    return Findings(problem, schema.names, shape_of((field.name, str(field.type)) for field in schema))


def _packed(content: pa.Buffer, metadata: pq.FileMetaData) -> str | None:
    """What keeps the first row from being read: damage, or a way of packing that Spark does not know.

    The row is read first: asked for a codec that there is not, as a damaged footer may name, pyarrow would end the process.
    """
    groups = list(range(min(metadata.num_row_groups, 1)))
    try:
        next(pq.ParquetFile(pa.BufferReader(content), metadata=metadata).iter_batches(batch_size=1, row_groups=groups, use_threads=False), None)
    except pa.ArrowNotImplementedError:
        return None  # Spark may know better
    except (pa.ArrowException, OSError, ValueError) as error:
        return f"its first row cannot be read: {first_line(error)}"
    columns = (metadata.row_group(group).column(place) for group in groups for place in range(metadata.num_columns))
    packed = sorted({column.compression for column in columns} - _CODECS)
    return f"it is packed by {packed[0]}, which Spark does not read; write it with zstd or snappy" if packed else None


def _as_spark_reads(schema: pa.Schema, int96: set[str]) -> pa.Schema:
    """Instants as Spark itself and Hive write them (INT96) are such, in microseconds, and no nanoseconds as Arrow has it."""
    return pa.schema([field.with_type(pa.timestamp("us", "UTC")) if field.name in int96 else field for field in schema])


def _int96(metadata: pq.FileMetaData) -> set[str]:
    """Columns of that type, those within others with the outer name and a dot before them."""
    columns = (metadata.schema.column(place) for place in range(metadata.num_columns))
    return {column.path for column in columns if column.physical_type == "INT96"}


def _unread(schema: pa.Schema, int96: set[str]) -> str | None:
    """What Spark does not read, though it is good Parquet."""
    with_int96 = {path.partition(".")[0] for path in int96}
    for field in schema:
        for part, kind in _parts(field.name, field.type):
            is_nanos, is_nested = pa.types.is_timestamp(kind) and kind.unit == "ns", part != field.name
            if kind == pa.float16() or (is_nanos and is_nested and field.name not in with_int96):
                return f"column {part} is {kind}, which Spark does not read; write it as {'microseconds' if is_nanos else 'float32'}"
            if pa.types.is_time(kind) or pa.types.is_decimal256(kind):
                return f"column {part} is {kind}, which Spark does not read; write it as {'text' if pa.types.is_time(kind) else 'a decimal of 38 digits'}"
            names = [kind.field(place).name for place in range(kind.num_fields)] if pa.types.is_struct(kind) else []
            if len({_folded(name) for name in names}) < len(names):
                return f"column {part} has two fields of one name: {', '.join(names)}"
    return None


def shape_of(fields: Iterable[tuple[str, str]]) -> str:
    """Of a Parquet file: its columns and their types."""
    return json.dumps(list(fields))


def nanosecond_columns(shape: str) -> dict[str, bool]:
    """Names of the columns that count nanoseconds in a Parquet file of this shape, and whether they are instants (else local times)."""
    return {name: "tz=" in kind for name, kind in json.loads(shape) if kind.startswith("timestamp[ns")}


def _parts(name: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """The type, and those within it."""
    yield name, kind
    for place in range(kind.num_fields):
        yield from _parts(f"{name}.{kind.field(place).name}", kind.field(place).type)


def _text(name: str, content: pa.Buffer, kind: str, expected: Expected) -> Findings:
    """One pass over the unpacked bytes: is all of it text, and does a quoted field run over several lines?"""
    opener = next((opener for ending, opener in _OPENERS.items() if name.lower().endswith(ending)), None)
    stream = pa.BufferReader(content) if opener is None else opener(pa.BufferReader(content), "rb")
    wide = is_wide(expected.encoding)  # their letters hold NUL bytes
    quote = expected.quote.encode() if kind == "csv" and expected.delimiter != "whitespace" else b""
    first, is_open, runs_over, ends = b"", False, False, set[bytes]()
    try:
        while chunk := stream.read(_CHUNK):
            first = first or chunk
            if b"\0" in chunk and not wide:
                return Findings("binary: it has NUL bytes, expected text")
            ends.update(_LINE_ENDS.findall(chunk) if b"\r" in chunk else [b"\n"])
            if quote and not runs_over and (is_open or quote in chunk):
                is_open, runs_over = _quoted_newlines(chunk, quote, is_open)
    except (EOFError, OSError, zlib.error) as error:
        return Findings(f"cannot be unpacked ({type(error).__name__}: {error}): truncated, or not what its ending says")
    if not first.strip():
        return Findings("empty: it has no text")
    if kind == "json":
        return Findings()
    shape = MIXED if runs_over and b"\n" in ends and len(ends) > 1 else CSV
    header = [name or f"_c{place}" for place, name in enumerate(_first_record(first, expected))]
    if not expected.has_header:
        wrong = len(header) != len(expected.columns)
        problem = f"its first row has {len(header)} columns, expected {len(expected.columns)}: {', '.join(expected.columns)}" if wrong else None
        return Findings(problem, list(expected.columns), shape, runs_over)
    problem = header_problem(header, expected)
    end = _LINE_ENDS.search(first)
    if shape == MIXED and end is not None and end[0] == b"\r":
        problem = problem or "its first line ends in a return alone and others end otherwise: write all with one end"
    return Findings(problem, header, shape, runs_over)


def _quoted_newlines(chunk: bytes, quote: bytes, is_open: bool) -> tuple[bool, bool]:
    """Whether a quote is open after the chunk, and whether a line ended inside one: pieces between quotes are in and out by turns."""
    pieces = chunk.split(quote)
    inside = pieces[0 if is_open else 1 :: 2]
    return is_open != (len(pieces) % 2 == 0), any(b"\n" in piece or b"\r" in piece for piece in inside)


def _first_record(head: bytes, expected: Expected) -> list[str]:
    text = head[:65536].decode(expected.encoding, errors="replace").removeprefix("\ufeff")
    if expected.delimiter == "whitespace":
        return next((line.split() for line in text.splitlines() if line.strip()), [])
    quotes: dict[str, Any] = {"quotechar": expected.quote} if expected.quote else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=expected.delimiter, **quotes)
    return next(reader, [])


def is_wide(encoding: str) -> bool:
    """Whether a newline takes more than one byte."""
    return encoding.upper().replace("_", "-").startswith(("UTF-16", "UTF-32"))


def _folded(name: str) -> str:
    """The name as Spark compares it: without its case, by way of capitals, so that ſ is s."""
    return name.upper().lower()


def header_problem(found: list[str], expected: Expected) -> str | None:
    """Columns that are missing (names as Spark compares them, whatever their case), or there twice, or named as reading names its own."""
    names = [_folded(name) for name in found]
    counted = Counter(names)
    twice = sorted({name for name in found if counted[_folded(name)] > 1})
    missing = [name for name in expected.needed if _folded(name) not in counted]
    if missing:
        return f"without column {', '.join(missing)}; found: {_shortened(found)}"
    own = [name for name in found if _folded(name) in OWN_NAMES]
    if own:
        return f"column {own[0]} has a name that Coterie gives to columns of its own: rename it"
    return f"two columns of one name: {_shortened(twice)}" if twice else None


def _shortened(names: list[str]) -> str:
    """The names on one line, not all of them where they are many."""
    text = " ".join(", ".join(names).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
