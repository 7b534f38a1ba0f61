"""What the command prints: progress, tables, errors."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

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


def say(line: str) -> None:
    """One line on standard output, as it is."""
    Console().print(line, highlight=False, markup=False, soft_wrap=True)


def show_results(results: list[dict[str, Any]], lake: str, page: str = "") -> None:
    """What each job said it did, the accounting, and where it lies; every measure is in `runs` and in --json."""
    table = Table(title="", box=None, pad_edge=False, header_style="bold")
    for name in ("job", "seconds", "result"):
        table.add_column(name, justify="right" if name == "seconds" else "left")
    for values in results:
        table.add_row(values["job"], f"{values['seconds']:.1f}", plain("\n".join(summary(values))))
    console = Console()
    console.print(table, highlight=False)
    dates = {str(values["as_of"]) for values in results if values["as_of"]}
    console.print(f"as of {', '.join(sorted(dates)) or 'no date'}; tables in {lake}; look at one with: coterie show TABLE --lake {lake}", markup=False)
    if page:
        say(page)


def summary(values: dict[str, Any]) -> list[str]:
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


def show_sections(title: str, sections: Sequence[Any]) -> None:
    """Sections of a page (`coterie.report.blocks`) as text: of a chart its table."""
    console = Console()
    console.print(title, style="bold", highlight=False, markup=False)
    for section in sections:
        console.print()
        console.print(section.title, style="bold underline", highlight=False, markup=False)
        if section.lead:
            console.print(section.lead, highlight=False, markup=False)
        for block in section.blocks:
            _show_block(console, block)


def _show_block(console: Console, block: Any) -> None:
    if block.kind == "figures":
        said = (f"{one.label} {one.value}" + (f" ({one.note})" if one.note else "") for one in block.figures)
        console.print("; ".join(said), highlight=False, markup=False)
    elif block.kind == "points":
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        for about, words in block.points:
            table.add_row(plain(about), plain(words))
        console.print(table, highlight=False)
    elif block.kind == "text":
        console.print(block.text, style="dim" if block.is_missing else "", highlight=False, markup=False)
    elif block.kind in {"table", "chart"}:
        _show_table(console, block if block.kind == "table" else block.table)


def _show_table(console: Console, block: Any) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in block.columns:
        justify: Literal["left", "right"] = "left" if column.kind == "text" else "right"
        table.add_column(plain(column.title), justify=justify, overflow="fold" if column.wide else "ellipsis", no_wrap=not column.wide)
    for row in block.texts():
        table.add_row(*map(plain, row))
    console.print(table, highlight=False)
    if block.note:
        console.print(block.note, style="dim", highlight=False, markup=False)


def plain(text: str) -> str:
    return text.replace("[", "\\[")
