"""How many rows a file holds, found without Spark; and whether what a lake says of its files adds up."""

import csv
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

csv.field_size_limit(sys.maxsize)
_BLANKS = "".join(map(chr, range(33)))  # as Java trims
_LONE_RETURN = re.compile(r"\r(?!\n)")
Bounds = tuple[int, int] | None  # fewest and most rows there may be; None: the file is broken, and nobody can say


@dataclass(frozen=True)
class Sample:
    """A file of the campaign: what was done to it, its rows where they can be counted, and how many of them can be events at most."""

    path: Path
    what: str
    rows: Bounds
    events: int | None = None


def rows_in(kind: str, content: bytes) -> Bounds:
    return {"csv": _rows_in_csv, "json": _rows_in_json, "parquet": _rows_in_parquet}[kind](content)


def _rows_in_csv(content: bytes) -> Bounds:
    """Records below the header. Lines of blanks and control characters alone may be passed over, and a return among lines that end otherwise
    may be a part of its row."""
    try:
        text = content.decode("utf-8-sig")
        ways = [_records(text), _records(_LONE_RETURN.sub(" ", text) if "\n" in text else text)]
    except (UnicodeDecodeError, csv.Error):
        return None
    if "\0" in text or not all(records and records[0] for records in ways) or text.count('"') % 2:
        return None
    below = [[record for record in records[1:] if record] for records in ways]
    fewest = min(sum(any(field.strip(_BLANKS) for field in record) or len(record) > 1 for record in records) for records in below)
    return fewest, max(map(len, below))


def _records(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def _lines(content: bytes) -> list[bytes]:
    return [line for line in re.split(rb"\r\n|\r|\n", content.removeprefix(b"\xef\xbb\xbf")) if line.strip(b" \t\r")]


def _rows_in_json(content: bytes) -> Bounds:
    found = len(_lines(content))
    return found, found


def events_in_json(content: bytes) -> int:
    """Lines that may be an event: those that are not one object and more behind it."""
    return sum(not _has_more(line.strip(b" \t\r").decode("utf-8", "replace")) for line in _lines(content))


def _has_more(line: str) -> bool:
    try:
        value, end = json.JSONDecoder().raw_decode(line)
    except (ValueError, RecursionError):
        return False
    return end < len(line) or not isinstance(value, dict)


def _rows_in_parquet(content: bytes) -> Bounds:
    try:
        found = pq.read_table(pa.BufferReader(content)).num_rows
    except (pa.ArrowException, OSError, ValueError):
        return None
    return found, found


def path_of(source_file: str) -> Path:
    """The local path that a table's `source_file` names."""
    return Path(unquote(re.sub("^file:/+", "/", source_file)))


def problems(samples: Iterable[Sample], files: Iterable[Mapping[str, Any]], events: int, rejected: Mapping[str, int]) -> list[str]:
    """What does not add up. `files`: rows of ingested_files; `events`: rows in events; `rejected`: rows in rejected_events by source_file."""
    found = list(files)
    wrong, accepted = [], 0
    rows = {path_of(row["source_file"]): row for row in found}
    if len(rows) != len(found):
        twice = [str(path) for path, count in Counter(path_of(row["source_file"]) for row in found).items() if count > 1]
        wrong.append(f"{len(found) - len(rows)} files are told of twice, such as {twice[0]}")
    expected = {sample.path: sample for sample in samples}
    wrong += [f"{path} ({sample.what}) is not told of" for path, sample in expected.items() if path not in rows]
    wrong += [f"{path} is told of and was not made" for path in rows if path not in expected]
    for path, row in rows.items():
        sample = expected.get(path)
        said = problem(sample, row, rejected.get(row["source_file"], 0)) if sample else None
        wrong += [f"{path} ({sample.what}): {said}"] if sample and said else []
        accepted += row["accepted_count"] or 0
    if accepted != events:
        wrong.append(f"{accepted} rows are accepted, and there are {events} events")
    return wrong


def problem(sample: Sample, row: Mapping[str, Any], rejected: int) -> str | None:
    """What is wrong with what is told of one file."""
    if row["status"] == "quarantined":
        is_said = row["problem"] and len(row["problem"].splitlines()) == 1
        is_wrong = sample.what == "untouched" and ":" not in sample.path.name  # Hadoop opens no file with a colon
        return "untouched, and set aside" if is_wrong else None if is_said else "set aside without a word, or with too many"
    read, parts = row["row_count"], [row[f"{name}_count"] for name in ("accepted", "rejected", "duplicate")]
    if read != sum(parts):
        return f"{read} rows read, and {parts} accepted, rejected and duplicate"
    if rejected != parts[1]:
        return f"{parts[1]} rows rejected, and {rejected} in rejected_events"
    if sample.rows and not sample.rows[0] <= read <= sample.rows[1]:
        return f"{read} rows read of {sample.rows[0]} to {sample.rows[1]}"
    if sample.events is not None and parts[0] + parts[2] > sample.events:
        return f"{parts[0]} events and {parts[2]} repeats from {sample.events} whole lines"
    return "untouched, and not accepted" if sample.what == "untouched" and parts[1] else None
