"""Rows on a terminal, or as JSON or CSV for another program: tables of the lake, runs, and the dictionary."""

import base64
import csv
import datetime
import io
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import typer
from pyspark.errors import AnalysisException
from pyspark.sql import functions as F
from rich.console import Console
from rich.table import Table

from coterie.catalogue import FEATURES
from coterie.display import plain, summary
from coterie.errors import UserError, class_of, one_of, said_by_spark
from coterie.rows import collected
from coterie.schemas import TABLES

Form = Literal["text", "json", "csv"]
_WIDEST, _NARROWEST = 44, 12  # characters of a column of texts: as wide as it may be, and as it may be made
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet runs a text that begins so
_HASH = re.compile(r"[0-9a-f]{32,64}")


def form_of(as_json: bool, as_csv: bool) -> Form:
    if as_json and as_csv:
        raise UserError("--json and --csv exclude each other: give one of them")
    return "json" if as_json else "csv" if as_csv else "text"


def rows_of(
    shop: Any, table: str, as_of: datetime.date | None, where: str | None, columns: Sequence[str], order: str | None, limit: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Up to `limit` rows of a table and their columns, in the order of its key unless `order` (SQL) says otherwise.

    Raises UserError for an unknown table or column, and for a wrong condition or order.
    """
    if table not in TABLES:
        raise UserError(f"there is no table '{table}'; {one_of(table, TABLES)}")
    if not shop.lake.exists(table):
        raise UserError(f"the lake '{shop.lake.place}' has no table '{table}' yet; run the job that writes it first")
    frame = shop.table(table)
    for name in columns:
        if name not in frame.columns:
            raise UserError(f"table '{table}' has no column '{name}'; {one_of(name, frame.columns)}")
    if as_of is not None:
        if "as_of" not in frame.columns:
            raise UserError(f"table '{table}' has no as-of date; leave --as-of out")
        frame = frame.where(F.col("as_of") == F.lit(as_of))
    try:
        ordered = [F.expr(order.removesuffix(" desc")).desc() if order.endswith(" desc") else F.expr(order)] if order else []
        shown = (frame.where(where) if where else frame).orderBy(*ordered, *TABLES[table].key).limit(limit)
        picked = shown.select(*columns) if columns else shown
        return collected(picked), picked.columns
    except Exception as problem:
        said = [f"--where '{where}'"] * bool(where) + [f"--order-by '{order}'"] * bool(order)
        if said:
            told = said_by_spark(problem) if isinstance(problem, AnalysisException) else f"{class_of(problem)} on a row"
            raise UserError(f"{' or '.join(said)} does not work on {table}: {told}") from None
        raise


def show_rows(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], form: Form = "text") -> None:
    """Rows as JSON or CSV, as a table that fits the terminal, or, where none would, one block a row."""
    if form == "json":
        typer.echo(json.dumps([{name: row[name] for name in columns} for row in rows], default=_as_json, ensure_ascii=False, indent=2))
    elif form == "csv":
        typer.echo(_as_csv(columns, rows), nl=False)
    elif not rows:
        Console().print(f"{title}: no rows", highlight=False, markup=False)
    else:
        _print(title, columns, rows)


def _as_json(value: Any) -> str:
    """What JSON has no type for; bytes in base 64."""
    return base64.b64encode(value).decode() if isinstance(value, bytes | bytearray) else str(value)


def _as_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """RFC 4180 with a header; nothing for null, JSON for what is nested. A text that a spreadsheet would run as a formula has a ' before it."""
    return "".join(map(_csv_line, [columns, *([_cell(row[name]) for name in columns] for row in rows)]))


def _csv_line(cells: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)  # what is in the line's end is put in quotes within cells
    return out.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, default=_as_json, ensure_ascii=False)
    if isinstance(value, bytes | bytearray):
        return _as_json(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _print(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    console = Console()
    texts = [[text_of(row[name]) for name in columns] for row in rows]
    is_number = [all(row[name] is None or (_is_number(row[name]) and not isinstance(row[name], bool)) for row in rows) for name in columns]
    widths = _fitted([max(len(name), *(len(line[i]) for line in texts)) for i, name in enumerate(columns)], is_number, console.width)
    if widths:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, width, number in zip(columns, widths, is_number, strict=True):
            table.add_column(name, overflow="ellipsis", no_wrap=True, max_width=width, justify="right" if number else "left")
        for line in texts:
            table.add_row(*map(plain, line))
        console.print(table, highlight=False)
        return
    name_width = max(map(len, columns))
    for place, line in enumerate(texts, 1):
        console.print(f"{title} {place}", style="bold", highlight=False, markup=False)
        for name, text in zip(columns, line, strict=True):
            console.print(f"  {name:<{name_width}}  {text}", highlight=False, markup=False, overflow="ellipsis", no_wrap=True)


def _is_number(value: Any) -> bool:
    return not isinstance(value, str | datetime.date | list | dict | tuple | bytes | bytearray)


def _fitted(natural: Sequence[int], is_number: Sequence[bool], width: int) -> list[int]:
    """Widths that fit the terminal, the widest columns of texts made narrower first; empty where none do."""
    widths = [size if number else min(size, _WIDEST) for size, number in zip(natural, is_number, strict=True)]
    while sum(widths) + 2 * (len(widths) - 1) > width:
        widest = max((i for i, number in enumerate(is_number) if not number), key=lambda i: widths[i], default=None)
        if widest is None or widths[widest] <= _NARROWEST:
            return []
        widths[widest] -= 1
    return widths


def text_of(value: Any) -> str:
    """A value on one line: four digits of a float, the beginning of a hash, the size of bytes, lists and structs without their brackets."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    if isinstance(value, datetime.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list | tuple):
        return ", ".join(map(text_of, value))
    if isinstance(value, dict):
        return " ".join(f"{name}={text_of(part)}" for name, part in value.items())
    text = f"{len(value):,} bytes" if isinstance(value, bytes | bytearray) else " ".join(str(value).split())
    return f"{text[:8]}…" if _HASH.fullmatch(text) else text


def picked_runs(
    rows: Sequence[dict[str, Any]], job: str | None, state: str | None, as_of: datetime.date | None, since: datetime.date | None
) -> list[dict[str, Any]]:
    """The runs of a job, in a state (finished, failed, interrupted, running, stale), of an as-of date, from a day (UTC) on."""
    for found, known, option in ((job, {row["job"] for row in rows}, "--job"), (state, _STATES, "--state")):
        if found is not None and found not in known:
            raise UserError(f"{option} is '{found}'; {one_of(found, known)}")
    return [
        row
        for row in rows
        if (job is None or row["job"] == job)
        and (state is None or row["state"] == state or (state == "stale" and row["is_stale"]))
        and (as_of is None or row["as_of"] == as_of)
        and (since is None or row["at"].date() >= since)
    ]


_STATES = {"finished", "failed", "interrupted", "running", "stale"}
_RUN_COLUMNS = ("at", "job", "as_of", "state", "is_stale", "seconds", "rows_read", "rows_accepted", "rows_rejected", "rows_duplicate", "message",
                "version", "run_id", "command_id")  # fmt: skip


def show_runs(rows: Sequence[dict[str, Any]], form: Form = "text") -> None:
    """Runs with their accounting."""
    if form == "json":
        typer.echo(json.dumps(rows, default=str, ensure_ascii=False, indent=2))
        return
    if form == "csv" or not rows:
        show_rows("runs", _RUN_COLUMNS, rows, form)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("at (UTC)", "job", "as of", "state", "seconds", "what"):
        table.add_column(name, justify="right" if name == "seconds" else "left", no_wrap=name != "what")
    for row in rows:
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.1f}"
        state = row["state"] + (", stale" if row["is_stale"] else "")
        what = "\n".join(summary(row)) if row["event"] == "finished" else (row["message"] or "")
        table.add_row(f"{row['at']:%Y-%m-%d %H:%M}", row["job"], text_of(row["as_of"]), state, seconds, plain(what))
    Console().print(table, highlight=False)


def show_stale(rows: Sequence[Mapping[str, Any]], lake: str) -> None:
    """The dates of runs that later data made stale, with the commands that do them again; nothing where there are none."""
    stale = sorted({row["as_of"] for row in rows if row["is_stale"]})
    if not stale:
        return
    say = partial(Console().print, highlight=False, markup=False, soft_wrap=True)
    say(f"stale: {', '.join(map(str, stale))} - later data changed days up to these dates; do them again with:")
    if any(row["is_stale"] and row["job"] != "content" for row in rows):
        say(f"coterie run --lake {shlex.quote(lake)} --from {stale[0]} --to {stale[-1]}")
    for day in sorted({row["as_of"] for row in rows if row["is_stale"] and row["job"] == "content"}):
        say(f"coterie content --lake {shlex.quote(lake)} --as-of {day}")


def described(name: str | None) -> tuple[str, list[str], list[dict[str, Any]]]:
    """A title, columns and rows: of all tables; of one; of all features ('features'); or of one feature. Raises UserError for another name."""
    kept = {table.name: table for table in TABLES.values() if not table.is_scratch}
    features = {feature.name: feature for feature in FEATURES}
    if name is None:
        rows = [{"table": table.name, "one row is": table.grain, "key": ", ".join(table.key)} for table in kept.values()]
        return "tables", ["table", "one row is", "key"], rows
    if name in kept:
        known = {"true": "never", "false": ""}
        rows = [{"column": c.name, "type": c.type, "null": known[str(c.required).lower()], "what it holds": c.comment} for c in kept[name].columns]
        return name, ["column", "type", "null", "what it holds"], rows
    shown = list(features.values()) if name == "features" else [features[name]] if name in features else []
    if not shown:
        raise UserError(f"there is no table or feature '{name}'; {one_of(name, [*kept, 'features', *features])}")
    columns = ["feature", "unit", "window", "what it measures", "null means", "for the model", "from"]
    rows = [
        dict(zip(columns, (f.name, f.unit, f.window, f.meaning, f.missing or "never null", _filled(f.fill, f.fill_reason), ", ".join(f.sources)), strict=True))
        for f in shown
    ]
    return "feature", columns, rows


def _filled(fill: str, reason: str) -> str:
    return f"{fill}: {reason}" if fill else reason


def show_described(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], form: Form) -> None:
    """The dictionary, with long texts on several lines."""
    if form != "text":
        show_rows(title, columns, rows, form)
        return
    console = Console()
    if len(rows) == 1:
        width = max(map(len, columns))
        for name in columns:
            console.print(f"{name:<{width}}  {rows[0][name]}", highlight=False, markup=False, soft_wrap=True)
        return
    shown = [name for name in columns if name not in {"for the model", "from", "window"}]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(shown):
        table.add_column(name, no_wrap=place == 0, overflow="fold")
    for row in rows:
        table.add_row(*(plain(str(row[name])) for name in shown))
    console.print(table, highlight=False)
