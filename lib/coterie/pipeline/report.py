"""The report: it reads the tables as the newest finished runs left them, and writes one file. It changes no table and takes no lease."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie import __version__
from coterie.errors import UserError
from coterie.lake import AT_ONCE, Lake
from coterie.pipeline.history import as_of_dates, runs_summary, versions
from coterie.pipeline.run import Progress, require_lake
from coterie.places import checked_file, is_address, is_catalog, written_file
from coterie.report.blocks import Facts
from coterie.report.page import require_libraries
from coterie.report.queries import QUERIES
from coterie.rows import collected
from coterie.schemas import TABLES
from coterie.session import FEW_ROWS, plain_plans
from coterie.settings import load_settings

_OF_RUNS = ("run_id", "event", "job", "at", "as_of", "rows_read", "rows_accepted", "rows_rejected", "rows_duplicate", "revenue_read", "revenue_accepted",
            "revenue_rejected", "revenue_duplicate", "rejected_by_reason", "touched_from", "tables_written", "message", "version")  # fmt: skip


def default_page(place: str) -> Path | None:
    """Where the page of a lake goes unless said otherwise: beside the folder. None for a catalog or an object store."""
    return None if is_address(place) or is_catalog(place) else Path(f"{place.rstrip('/')}-report.html")


def write_report(lake: Lake, as_of: datetime.date | None, out: Path, progress: Progress) -> Path:
    """The page of a lake as of a date (None: the newest with results). Raises UserError where there are no results of the date."""
    require_libraries()
    progress("report", "reading the tables")
    facts = gathered(lake, as_of)
    progress("report", "writing the page")
    from coterie.report.report import report_page  # noqa: PLC0415 - loads what draws; the tables were read meanwhile

    return written_file(report_page(facts, made_by()), checked_file(out, "--out", "report.html"))


def made_by() -> str:
    return f"Coterie {__version__} on {datetime.datetime.now(datetime.UTC):%-d %B %Y at %H:%M} UTC"


def gathered(lake: Lake, as_of: datetime.date | None = None) -> Facts:
    """The small frames of every query whose tables are there."""
    needed = sorted({table for query in QUERIES.values() for table in query.needs})
    with opened(lake, needed, as_of) as shelf:
        names = [name for name, query in QUERIES.items() if all(table in shelf.tables for table in query.needs)]
        found = shelf.pool.map(lambda name: (wide_rows_of if name == "sample" else collected)(QUERIES[name].run(shelf.tables, shelf.day)), names)
        small = dict(zip(names, found, strict=True))
    absent = {name: [table for table in query.needs if table not in shelf.tables] for name, query in QUERIES.items() if name not in small}
    return Facts(shelf.day, currency_of(shelf.history), {name: small.get(name) for name in QUERIES}, absent, shelf.history)


@dataclass(frozen=True)
class Shelf:
    """What a page is read from: the date, what ran, the tables that are there as the newest finished runs left them, and threads to ask with."""

    day: datetime.date
    history: Sequence[Mapping[str, Any]]
    tables: Mapping[str, DataFrame]
    pool: ThreadPoolExecutor


@contextmanager
def opened(lake: Lake, needed: Sequence[str], as_of: datetime.date | None) -> Iterator[Shelf]:
    """The tables of `needed` as of a date (None: the newest with results), looked up side by side: the first look at a table is the slow one.

    Of a small shop, plans are run as they are: making them fast takes longer than the few rows that they see. Raises UserError for a date
    without results.
    """
    with ExitStack() as plain, ThreadPoolExecutor(AT_ONCE) as pool:
        plain.enter_context(plain_plans(lake.spark, 0))
        said = pool.submit(read_history, lake, _shown_of_runs())
        there = dict(zip(needed, pool.map(lambda name: name in TABLES and lake.exists(name), needed), strict=True))
        history = said.result()
        if max((row["customers"] or 0 for row in history if row["state"] == "finished"), default=0) > FEW_ROWS:
            plain.close()
        newest, day = versions(history), chosen_date(lake, history, as_of)
        finished = [name for name in needed if there[name] and (name in newest or not history)]  # a lake that lost its runs is shown as it lies
        tables = pool.map(lambda name: lake.read(name, newest.get(name)), finished)
        yield Shelf(day, history, dict(zip(finished, tables, strict=True)), pool)


def wide_rows_of(frame: DataFrame) -> list[dict[str, Any]]:
    """The same for rows of many plain columns: Arrow hands them over sooner."""
    return list(frame.toArrow().to_pylist())


def read_history(lake: Lake, columns: Sequence[str | Column] = ("*",)) -> list[dict[str, Any]]:
    """What ran, newest first, with all of `runs` unless `columns` says otherwise."""
    found = collected(lake.read("runs").select(*columns))  # two rows a run
    return runs_summary(found, lambda: bool(lake.read("lease").where("expires_at > current_timestamp()").limit(1).collect()))


def _shown_of_runs() -> list[str | Column]:
    """What a page is made from: short columns, two of the measures, and of an ingest's settings the currency alone."""
    is_ingest = (F.col("job") == "ingest") & (F.col("event") == "finished")
    currency = F.when(is_ingest, F.get_json_object("settings", "$.shop.currency")).alias("currency")
    return [*_OF_RUNS, *(F.col("measures")[name].alias(name) for name in ("customers", "adjusted_rand_in_time")), currency]


def chosen_date(lake: Lake, history: Sequence[Mapping[str, Any]], as_of: datetime.date | None) -> datetime.date:
    """The date asked for, or the newest with results. Raises UserError naming the dates there are."""
    dates = as_of_dates(history) or _dates_of_tables(lake)
    if not dates:
        require_lake(lake)
        raise UserError(f"the lake '{lake.place}' has no results of any date yet; run `coterie run` first")
    if as_of is None:
        return dates[-1]
    if as_of not in dates:
        shown = ", ".join(str(day) for day in dates[-12:])
        raise UserError(
            f"there are no results as of {as_of}; {'the newest of ' + str(len(dates)) + ' dates' if len(dates) > 12 else 'the dates'} there are: {shown}"
        )
    return as_of


def _dates_of_tables(lake: Lake) -> list[datetime.date]:
    """Of a lake without its runs: the dates of the first table that has some."""
    for table in ("segments", "customer_features", "recommendations"):
        found = [row["as_of"] for row in lake.read(table).groupBy("as_of").agg(F.count(F.lit(1))).collect()]  # a row a date
        if found:
            return sorted(found)
    return []


def currency_of(history: Sequence[Mapping[str, Any]]) -> str:
    """The shop's, as the newest finished ingest recorded it; rows as the shelf has them."""
    recorded = next((row["currency"] for row in history if row["job"] == "ingest" and row["state"] == "finished"), None)
    return recorded or load_settings([]).shop.currency
