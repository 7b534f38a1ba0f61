"""The files of a campaign, written to a folder: good ones, and those that the tables of mutations make of them."""

import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from tests.faults import delta_mutations, mutations, parquet_mutations
from tests.faults.counting import Sample, events_in_json, rows_in
from tests.faults.mutations import COLUMNS, HEADERS, NAMES, NEEDED, PACKED, TEXT, Row, bad_row, good_row

Made = tuple[str, bytes, str]  # what was done, the bytes, the ending


def write_rows(folder: Path, kind: str, count: int, rng: random.Random) -> tuple[Path, list[Row], set[str]]:
    """One file of `count` rows, most of them bad; gives it, its rows and the ids of the good ones."""
    good = {f"{kind}-{number}" for number in range(count) if rng.random() < 0.1}
    rows = [(good_row if name in good else bad_row)(rng, name) for name in (f"{kind}-{number}" for number in range(count))]
    place = folder / "events" / f"rows.{kind}"
    place.parent.mkdir(parents=True)
    if kind == "delta":
        delta_mutations.as_delta([parquet_mutations.as_table(rows)]).write(place)
        return place, rows, good
    place.write_bytes(_bytes_of(kind, rows))
    return place, rows, good


def _bytes_of(kind: str, rows: list[Row]) -> bytes:
    if kind == "parquet":
        return parquet_mutations.as_parquet(parquet_mutations.as_table(rows))
    return mutations.as_csv(rows) if kind == "csv" else mutations.as_json(rows)


def write_files(folder: Path, kind: str, count: int, rng: random.Random) -> list[Sample]:
    """`count` files in a tree of folders, most of them bad."""
    return [write_file(folder, kind, number, rng) for number in range(count)]


def write_file(folder: Path, kind: str, number: int, rng: random.Random) -> Sample:
    if kind == "delta":
        return _write_table(folder, number, rng)
    what, content, ending = _MAKERS[kind](rng, f"{kind}-{number}")
    name = _file_name(rng)
    place = folder / "events" / f"date=2024-01-{number % 28 + 1:02}" / f"{number} {name}{ending}"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    if ending in {".gz", ".bz2"} or not ending.endswith(kind):
        return Sample(place, what, None)
    return Sample(place, what, rows_in(kind, content), events_in_json(content) if kind == "json" else None)


def _file_name(rng: random.Random) -> str:
    return rng.choice(NAMES) if rng.random() < 0.2 else "file"


def _write_table(folder: Path, number: int, rng: random.Random) -> Sample:
    is_good, place = rng.random() < 0.5, folder / f"{number} {_file_name(rng)}"
    rows = [(good_row if is_good else bad_row)(rng, f"delta-{number}-{row}") for row in range(rng.randint(1, 6))]
    what, made = delta_mutations.some_table(rng, rows, is_good)
    made.write(place)
    return Sample(place, what, None if made.rows is None else (made.rows, made.rows))


def delta_mapping(folder: Path) -> Path:
    """A mapping in the folder that is the package's own but for one thing: the input is a Delta table of events."""
    own = (Path(__file__).parents[2] / "conf" / "sources" / "coterie.toml").read_text().split("[items.files]")[0]
    place = folder / "delta.toml"
    place.write_text(own.replace('folder = "events"', 'format = "delta"'))
    return place


def _some_rows(rng: random.Random, name: str) -> list[Row]:
    make: Callable[[random.Random, str], Row] = bad_row if rng.random() < 0.5 else good_row
    return [make(rng, f"{name}-{place}") for place in range(rng.randint(1, 6))]


def _text(kind: str) -> Callable[[random.Random, str], Made]:
    def make(rng: random.Random, name: str) -> Made:
        rows = _some_rows(rng, name)
        what = rng.choice(sorted(TEXT))
        if what == "untouched":
            rows = [good_row(rng, f"{name}-{place}") for place in range(len(rows))]
        content = _bytes_of(kind, rows)
        if kind == "csv" and rng.random() < 0.15:
            header = rng.choice(sorted(HEADERS))
            first, rest = content.split(b"\n", 1)
            what, content = f"header {header}", HEADERS[header](first.decode()).encode() + b"\n" + rest
        else:
            content = TEXT[what](rng, content)
            if what != "untouched" and rng.random() < 0.2:
                more = rng.choice(sorted(TEXT))
                what, content = f"{what}, {more}", TEXT[more](rng, content)
        if rng.random() < 0.1:
            packed = rng.choice(sorted(PACKED))
            return f"{what}, {packed}", PACKED[packed](rng, content), f".{kind}{packed}"
        return what, content, f".{kind}"

    return make


def _parquet(rng: random.Random, name: str) -> Made:
    rows = [good_row(rng, f"{name}-{place}") for place in range(rng.randint(1, 6))]
    table = parquet_mutations.as_table(_some_rows(rng, name)) if rng.random() < 0.5 else parquet_mutations.typed_table(rows)
    part = rng.random()
    if part < 0.15:
        what = rng.choice(sorted(parquet_mutations.SHAPES))
        table = parquet_mutations.typed_table(rows) if what == "untouched" else table
        return what, parquet_mutations.as_parquet(parquet_mutations.SHAPES[what](table)), ".parquet"
    if part < 0.4:
        kind, column = rng.choice(sorted(parquet_mutations.TYPES)), rng.choice(_drawn_columns(name))
        return f"{column} {kind}", parquet_mutations.as_parquet(parquet_mutations.with_type(table, column, kind)), ".parquet"
    layout, what = rng.choice(sorted(parquet_mutations.LAYOUTS)), rng.choice(sorted(parquet_mutations.BYTES))
    content = parquet_mutations.BYTES[what](rng, _with_layout(table, layout))
    return f"{layout}, {what}", content, ".parquet"


def _with_layout(table: pa.Table, layout: str) -> bytes:
    return parquet_mutations.as_parquet(table, layout)


def _drawn_columns(name: str) -> tuple[str, ...]:
    """Columns whose types drift in one tree: two of them, since no shop's files have hundreds of schemas."""
    number = int(name.rsplit("-", 1)[-1]) // 1000
    return (COLUMNS[number % len(COLUMNS)], NEEDED[number % len(NEEDED)])


_MAKERS: dict[str, Callable[[random.Random, str], Made]] = {"csv": _text("csv"), "json": _text("json"), "parquet": _parquet}
