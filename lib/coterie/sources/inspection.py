"""A look into files before they are read: is this what it says it is? Runs on the workers, so it imports nothing but the standard library and Arrow."""

import bz2
import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

INSPECTED = "source_file string, content_hash string, problem string, header array<string>, shape string, has_quoted_newlines boolean"
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
_CHUNK = 1 << 22  # bytes looked at at a time: a packed file may be far larger than its bytes


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
    return _parquet(content, expected) if kind == "parquet" else _text(name, content, kind, expected)


def _parquet(content: pa.Buffer, expected: Expected) -> Findings:
    head, tail = content.slice(0, 4).to_pybytes(), content.slice(max(content.size - 4, 0)).to_pybytes()
    if head != b"PAR1" or tail != b"PAR1":
        return Findings(f"no Parquet file, or a truncated one: it begins with {head!r} and ends with {tail!r}, expected b'PAR1' twice")
    try:
        schema = pq.read_schema(pa.BufferReader(content))
    except pa.ArrowException as error:
        return Findings(f"its Parquet footer cannot be read: {str(error).splitlines()[0]}")
    return Findings(header_problem(schema.names, expected), schema.names, schema.to_string(show_schema_metadata=False, show_field_metadata=False))


def _text(name: str, content: pa.Buffer, kind: str, expected: Expected) -> Findings:
    """One pass over the unpacked bytes: is all of it text, and does a quoted field run over several lines?"""
    opener = next((opener for ending, opener in _OPENERS.items() if name.lower().endswith(ending)), None)
    stream = pa.BufferReader(content) if opener is None else opener(pa.BufferReader(content), "rb")
    wide = expected.encoding.upper().replace("_", "-").startswith(("UTF-16", "UTF-32"))  # their letters hold NUL bytes
    quote = expected.quote.encode() if kind == "csv" and expected.delimiter != "whitespace" else b""
    first, is_open, runs_over = b"", False, False
    try:
        while chunk := stream.read(_CHUNK):
            first = first or chunk
            if b"\0" in chunk and not wide:
                return Findings("binary: it has NUL bytes, expected text")
            if quote and not runs_over and (is_open or quote in chunk):
                is_open, runs_over = _quoted_newlines(chunk, quote, is_open)
    except (EOFError, OSError, zlib.error) as error:
        return Findings(f"cannot be unpacked ({type(error).__name__}: {error}): truncated, or not what its ending says")
    if not first.strip():
        return Findings("empty: it has no text")
    if kind == "json":
        return Findings()
    header = _first_record(first, expected)
    if not expected.has_header:
        wrong = len(header) != len(expected.columns)
        problem = f"its first row has {len(header)} columns, expected {len(expected.columns)}: {', '.join(expected.columns)}" if wrong else None
        return Findings(problem, list(expected.columns), "csv", runs_over)
    return Findings(header_problem(header, expected), header, "csv", runs_over)


def _quoted_newlines(chunk: bytes, quote: bytes, is_open: bool) -> tuple[bool, bool]:
    """Whether a quote is open after the chunk, and whether a line ended inside one: pieces between quotes are in and out by turns."""
    pieces = chunk.split(quote)
    inside = pieces[0 if is_open else 1 :: 2]
    return is_open != (len(pieces) % 2 == 0), any(b"\n" in piece for piece in inside)


def _first_record(head: bytes, expected: Expected) -> list[str]:
    text = head[:65536].decode(expected.encoding, errors="replace").removeprefix("\ufeff")
    if expected.delimiter == "whitespace":
        return text.splitlines()[0].split()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=expected.delimiter, quotechar=expected.quote or None, quoting=csv.QUOTE_MINIMAL)
    return next(reader, [])


def header_problem(found: list[str], expected: Expected) -> str | None:
    """Columns that are missing (names as Spark compares them, whatever their case), or there twice."""
    names = [name.lower() for name in found]
    twice = sorted({name for name in found if names.count(name.lower()) > 1})
    missing = [name for name in expected.needed if name.lower() not in names]
    if missing:
        return f"without column {', '.join(missing)}; found: {', '.join(found)}"
    return f"two columns of one name: {', '.join(twice)}" if twice else None
