"""What the command prints: progress, tables, errors."""

import base64
import contextlib
import datetime
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import typer
from pyspark.sql import functions as F
from rich.console import Console
from rich.table import Table

from coterie.errors import UserError, one_of
from coterie.schemas import TABLES

Progress = Callable[[str, str], None]

_MONEY = "{:,.2f}"


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """Shows what is being done: a live line on a terminal, a line a step elsewhere, nothing when quiet."""
    console, start = Console(stderr=True), time.monotonic()
    if quiet:
        yield lambda job, words: None
    elif console.is_terminal:
        with console.status("starting Spark") as status:
            yield lambda job, words: status.update(f"[bold]{job}[/]  {words}  [dim]{time.monotonic() - start:.0f} s[/]")
    else:
        yield lambda job, words: console.print(f"{time.monotonic() - start:6.1f} s  {job:<9}  {words}", highlight=False, markup=False, soft_wrap=True)


def error(message: str) -> None:
    """One line on standard error."""
    Console(stderr=True).print(f"coterie: {message}", style="red", highlight=False, markup=False, soft_wrap=True)


def show_results(results: list[dict[str, Any]], lake: str) -> None:
    """What each job said it did, the accounting, and where it lies; every measure is in `runs` and in --json."""
    table = Table(title="", box=None, pad_edge=False, header_style="bold")
    for name in ("job", "seconds", "result"):
        table.add_column(name, justify="right" if name == "seconds" else "left")
    for values in results:
        table.add_row(values["job"], f"{values['seconds']:.1f}", _plain("\n".join(_summary(values))))
    console = Console()
    console.print(table, highlight=False)
    dates = {str(values["as_of"]) for values in results if values["as_of"]}
    console.print(f"as of {', '.join(sorted(dates)) or 'no date'}; tables in {lake}; look at one with: coterie show TABLE --lake {lake}", markup=False)


def _summary(values: dict[str, Any]) -> list[str]:
    lines = [values["message"]] if values["message"] else []
    money = [values[f"revenue_{part}"] for part in ("read", "accepted", "rejected", "duplicate")]
    if money[0] is not None:
        lines.append("revenue {} = {} accepted + {} rejected + {} duplicate".format(*(_MONEY.format(part or 0) for part in money)))
    if values["rejected_by_reason"]:
        ordered = sorted(values["rejected_by_reason"].items(), key=lambda item: (-item[1], item[0]))
        lines.append("rejected: " + ", ".join(f"{reason} {count:,}" for reason, count in ordered))
    return lines


# Of lists of ten: the measures shown, and their columns' names.
_QUALITY = {"ndcg": "nDCG", "recall": "recall", "hit_rate": "hits", "map": "MAP", "coverage": "cover", "diversity": "diverse", "novelty": "novel"}
_SHOWN_AT = 10


def quality_json(rows: list[dict[str, Any]]) -> str:
    """The measures of the test window as a JSON list; of the validation window the `window` says so."""
    names = ("model", "measure", "k", "value", "low", "high", "protocol", "population", "customers", "window")
    ordered = sorted(rows, key=lambda row: (*(str(row[name]) for name in ("window", "protocol", "population", "model", "measure")), row["k"]))
    return json.dumps([{name: row[name] for name in names} for row in ordered], ensure_ascii=False, indent=2)


def show_quality(rows: list[dict[str, Any]], result: dict[str, Any]) -> None:
    """A line a model, best first, for each population and protocol of the test window: the measures of lists of ten."""
    console = Console()
    console.print(result["message"], highlight=False, markup=False)
    last = max((row["window"] for row in rows), default="")
    at = min({row["k"] for row in rows if row["k"]}, key=lambda k: (abs(k - _SHOWN_AT), k), default=_SHOWN_AT)
    tested = [row for row in rows if row["window"] == last and row["k"] == at]
    for population, protocol in sorted({(row["population"], row["protocol"]) for row in tested}, key=lambda of: (of[0] != "warm", of[1] != "new")):
        mine = [row for row in tested if (row["population"], row["protocol"]) == (population, protocol)]
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for row in mine:
            found.setdefault(row["model"], {})[row["measure"]] = row
        shown = [name for name in _QUALITY if any(name in values for values in found.values())]
        words = {"warm": "known", "cold": "unknown"}[population], {"new": "new items only", "all": "all items"}[protocol]
        title = f"{max(row['customers'] for row in mine):,} {words[0]} users, {words[1]}, lists of {at}"
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for name in ("model", _QUALITY[shown[0]], "95 %", *(_QUALITY[name] for name in shown[1:])):
            table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
        for model, values in sorted(found.items(), key=lambda item: (-item[1][shown[0]]["value"], item[0])):
            main = values[shown[0]]
            interval = "-" if main["low"] is None else f"{main['low']:.3f}-{main['high']:.3f}"
            others = (f"{values[name]['value']:.3f}" if name in values else "-" for name in shown[1:])
            table.add_row(model, f"{main['value']:.4f}", interval, *others)
        console.print()
        console.print(table, highlight=False)
    said = f"{result['seconds']:.0f} s; every measure at each length, with its interval: --json, or recommendation_quality with --lake"
    console.print(said, highlight=False, markup=False)


def rows_of(shop: Any, table: str, as_of: datetime.date | None, where: str | None, limit: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Up to `limit` rows of a table, in the order of its key. Raises UserError for an unknown table or a wrong condition."""
    if table not in TABLES:
        raise UserError(f"there is no table '{table}'; {one_of(table, TABLES)}")
    if not shop.lake.exists(table):
        raise UserError(f"the lake '{shop.lake.place}' has no table '{table}' yet; run the job that writes it first")
    frame = shop.table(table)
    if as_of is not None:
        if "as_of" not in frame.columns:
            raise UserError(f"table '{table}' has no as-of date; leave --as-of out")
        frame = frame.where(F.col("as_of") == F.lit(as_of))
    try:
        shown = (frame.where(where) if where else frame).orderBy(*TABLES[table].key).limit(limit)
        return [row.asDict(recursive=True) for row in shown.collect()], frame.columns  # at most `limit` rows
    except Exception as problem:
        if where:
            raise UserError(f"--where '{where}' does not work on {table}: {str(problem).splitlines()[0]}") from None
        raise


def show_rows(title: str, columns: list[str], rows: list[dict[str, Any]], as_json: bool) -> None:
    """Rows as JSON, as a table, or, where a table would not fit the terminal, one block a row."""
    if as_json:
        typer.echo(json.dumps(rows, default=_as_text, ensure_ascii=False, indent=2))
        return
    console = Console()
    if not rows:
        console.print(f"{title}: no rows")
        return
    texts = [[_text(row[name]) for name in columns] for row in rows]
    widths = [min(40, max(len(name), *(len(line[i]) for line in texts))) for i, name in enumerate(columns)]
    if sum(widths) + 2 * len(widths) <= console.width:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, width in zip(columns, widths, strict=True):
            table.add_column(name, overflow="ellipsis", no_wrap=True, max_width=width)
        for line in texts:
            table.add_row(*(_plain(text) for text in line))
        console.print(table, highlight=False)
    else:
        name_width = max(map(len, columns))
        for number, line in enumerate(texts, 1):
            console.print(f"{title} {number}", style="bold", highlight=False, markup=False)
            for name, text in zip(columns, line, strict=True):
                console.print(f"  {name:<{name_width}}  {text}", highlight=False, markup=False, overflow="ellipsis", no_wrap=True)


def _as_text(value: Any) -> str:
    """What JSON has no type for; bytes in base 64."""
    return base64.b64encode(value).decode() if isinstance(value, bytes | bytearray) else str(value)


def _plain(text: str) -> str:
    return text.replace("[", "\\[")


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, bytes | bytearray):
        return f"{len(value):,} bytes"
    if isinstance(value, datetime.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value).replace("\n", " ")


def runs_summary(found: list[dict[str, Any]], lease_held: bool) -> list[dict[str, Any]]:
    """A row a run, newest first: its state (finished, failed, interrupted, running) and whether late data made its results stale.

    A run that started and neither finished nor failed is running while the lease is held and it is the newest, else it died.
    """
    ends = {row["run_id"]: row for row in found if row["event"] != "started"}
    starts = {row["run_id"]: row for row in found if row["event"] == "started"}
    rows = []
    for run_id in {**starts, **ends}:
        start, end = starts.get(run_id), ends.get(run_id)
        row = dict(end or start or {})
        row["state"] = row["event"] if end else "interrupted"
        row["seconds"] = (end["at"] - start["at"]).total_seconds() if start and end else None
        rows.append(row)
    rows.sort(key=lambda row: row["at"], reverse=True)
    if rows and lease_held and rows[0]["state"] == "interrupted":
        rows[0]["state"] = "running"
    for row in rows:
        later = [other["touched_from"] for other in rows if other["at"] > row["at"] and other["state"] == "finished" and other["touched_from"]]
        redone = any(o["at"] > row["at"] and o["job"] == row["job"] and o["as_of"] == row["as_of"] and o["state"] == "finished" for o in rows)
        row["is_stale"] = bool(row["as_of"] and not redone and later and min(later) <= row["as_of"])
    return rows


def show_runs(found: list[dict[str, Any]], lease_held: bool, limit: int, as_json: bool) -> None:
    """The newest runs with their accounting."""
    rows = runs_summary(found, lease_held)[:limit]
    if as_json:
        typer.echo(json.dumps(rows, default=str, ensure_ascii=False, indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("at (UTC)", "job", "as of", "state", "seconds", "what"):
        table.add_column(name, justify="right" if name == "seconds" else "left")
    for row in rows:
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.1f}"
        state = row["state"] + (", stale" if row["is_stale"] else "")
        what = "\n".join(_summary(row)) if row["event"] == "finished" else (row["message"] or "")
        table.add_row(f"{row['at']:%Y-%m-%d %H:%M}", row["job"], _text(row["as_of"]), state, seconds, _plain(what))
    Console().print(table, highlight=False)
    stale = sorted({str(row["as_of"]) for row in rows if row["is_stale"]})
    if stale:
        Console().print(f"stale: {', '.join(stale)} - later data changed days up to these dates; do them again with: "
                        f"coterie run --from {stale[0]} --to {stale[-1]}", highlight=False)  # fmt: skip
