"""The commands that look at a lake: a page, one customer, a table's rows, the runs, what it all means."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from coterie import display, listing
from coterie.cli.options import Conf, Json, Lake, Of, Quiet, Set, app, day_of, shop_of

_SMALL = 400_000_000  # bytes of a lake
_MOST = 1_000_000_000  # rows that can be asked for: Spark counts them in 32 bits
Out = Annotated[Path | None, typer.Option("--out", help="file to write; beside the lake's folder by default")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=_MOST, help="rows shown")]
Csv = Annotated[bool, typer.Option("--csv", help="results as CSV on standard output")]


@app.command()
def report(lake: Lake, as_of: Of = None, out: Out = None, conf: Conf = None, set: Set = None, quiet: Quiet = False) -> None:  # noqa: A002 - option's name
    """One page on the customers as of a date: who they are, who moved, what to offer, and how far to trust it. Works without a network."""
    with display.progress(quiet) as shown:
        page = shop_of(lake, conf, set, shown, brief=_is_small(lake)).report(day_of(as_of, "--as-of"), out)
    if not quiet:
        display.say(f"report: {page} ({page.stat().st_size / 1e6:.1f} MB)")


def _is_small(lake: str) -> bool:
    """Whether its files take so little that to read them all is a matter of seconds; false where that cannot be told."""
    total = 0
    with contextlib.suppress(OSError):  # a writer has taken it away meanwhile
        for path in Path(lake).rglob("*"):
            total += path.lstat().st_size
            if total > _SMALL:
                return False
        return total > 0
    return False


@app.command()
def explain(
    customer: Annotated[str, typer.Argument(help="the customer's id")],
    lake: Lake,
    as_of: Of = None,
    html: Annotated[Path | None, typer.Option("--html", help="write a page to this file instead of the terminal")] = None,
    conf: Conf = None,
    set: Set = None,  # noqa: A002 - option's name
) -> None:
    """One customer: what they did, their segment and why, who is like them, what is offered and why, and what would move them."""
    day = day_of(as_of, "--as-of")
    with display.progress(True):
        shop = shop_of(lake, conf, set, None, brief=True)
        title, sections = shop.explain(customer, day, html)
    if html:
        display.say(f"customer {customer}: {html}")
    else:
        display.show_sections(title, sections)


@app.command()
def show(
    table: str,
    lake: Lake,
    as_of: Annotated[str | None, typer.Option("--as-of", help="only rows of this as-of date")] = None,
    where: Annotated[str | None, typer.Option("--where", help="SQL condition on the table's columns")] = None,
    columns: Annotated[str, typer.Option("--columns", help="only these, with commas between")] = "",
    order: Annotated[str | None, typer.Option("--order-by", help="SQL expression, with ' desc' behind for the largest first")] = None,
    limit: Limit = 20,
    conf: Conf = None,
    set: Set = None,  # noqa: A002 - option's name
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Rows of a table, as the newest finished run left it."""
    day, form, picked = day_of(as_of, "--as-of"), listing.form_of(json, csv), [name.strip() for name in columns.split(",") if name.strip()]
    with display.progress(True):
        rows, names = listing.rows_of(shop_of(lake, conf, set, None, brief=True), table, day, where, picked, order, limit)
    listing.show_rows(table, names, rows, form)


@app.command()
def runs(
    lake: Lake,
    job: Annotated[str | None, typer.Option("--job", help="only of this job")] = None,
    state: Annotated[str | None, typer.Option("--state", help="only finished, failed, interrupted, running or stale ones")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="only of this as-of date")] = None,
    since: Annotated[str | None, typer.Option("--since", help="only from this day on, YYYY-MM-DD")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="newest runs shown")] = 20,
    conf: Conf = None,
    set: Set = None,  # noqa: A002 - option's name
    json: Json = False,
    csv: Csv = False,
) -> None:
    """What ran, on what, with its accounting; and which as-of dates late data made stale."""
    form, dates = listing.form_of(json, csv), (day_of(as_of, "--as-of"), day_of(since, "--since"))
    with display.progress(True):
        rows = shop_of(lake, conf, set, None, brief=True).history()
    picked = listing.picked_runs(rows, job, state, *dates)
    listing.show_runs(picked[:limit], form)
    if form == "text":
        listing.show_stale(picked, lake)


@app.command()
def describe(
    name: Annotated[str | None, typer.Argument(help="a table, 'features', or a feature; without it all tables")] = None, json: Json = False, csv: Csv = False
) -> None:
    """What the tables, their columns and the features mean."""
    listing.show_described(*listing.described(name), listing.form_of(json, csv))
