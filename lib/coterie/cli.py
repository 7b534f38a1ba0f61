"""The `coterie` command: arguments in, a job or a table out. Progress and errors go to standard error, results to standard output."""

import contextlib
import datetime
import json
import logging
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from coterie import clusters, display, listing
from coterie.errors import CoterieError, UserError
from coterie.settings import override, read_toml

_SMALL = 400_000_000  # bytes of a lake

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Customer segments and what to offer them, on Apache Spark. Every table is a Delta table in the lake.",
)

Lake = Annotated[str, typer.Option("--lake", help="folder, object-store address or catalog.schema that holds the tables")]
Conf = Annotated[list[str] | None, typer.Option("--conf", help="TOML file of settings, or a name in conf/; repeatable, later wins")]
Set = Annotated[list[str] | None, typer.Option("--set", help="one setting, section.key=value; repeatable")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="last day included, YYYY-MM-DD; the latest day with an event by default")]
Source = Annotated[str, typer.Option("--source", help="mapping: a name in conf/sources, or a TOML file")]
Input = Annotated[str, typer.Option("--input", help="file, or folder of files (partitions by date and the like are fine)")]
First = Annotated[str | None, typer.Option("--from", help="with --to: do every as-of date in this range again that has results")]
Last = Annotated[str | None, typer.Option("--to", help="see --from")]
Refit = Annotated[bool, typer.Option("--refit", help="fit the segments anew instead of assigning with the current model")]
Force = Annotated[bool, typer.Option("--force", help="do it even where nothing changed since the last run")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress, no table")]
Out = Annotated[Path | None, typer.Option("--out", help="file to write; beside the lake's folder by default")]
NoReport = Annotated[bool, typer.Option("--no-report", help="leave out the report at the end")]
Json = Annotated[bool, typer.Option("--json", help="results as JSON on standard output")]


def _day(text: str | None, option: str) -> datetime.date | None:
    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option} is '{text}'; expected a day as YYYY-MM-DD") from None


def _layers(conf: list[str] | None, settings: list[str] | None) -> list[dict[str, Any]]:
    """What --conf and --set lay over the base, later ones winning."""
    return [read_toml(name) for name in conf or []] + [override(text) for text in settings or []]


def _shop(lake: str, conf: list[str] | None, settings: list[str] | None, progress: display.Progress | None, brief: bool = False) -> Any:
    """`brief`: for a look at some tables, which takes seconds."""
    from coterie.pipeline.shop import Shop  # noqa: PLC0415 - loads Spark, which --help should not wait for

    return Shop(lake, None, [{"spark": {"brief": brief}}, *_layers(conf, settings)], progress or (lambda job, words: None))


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


def _done(results: list[dict[str, Any]], lake: str, quiet: bool, as_json: bool, page: str = "") -> None:
    if as_json:
        typer.echo(json.dumps(results, default=str, ensure_ascii=False, indent=2))
    elif not quiet:
        display.show_results(results, lake, page)


def _page(shop: Any, as_of: datetime.date | None) -> str:
    """Writes the report at the end of a run, and says where it is, or why it is not: the tables stand in either case."""
    try:
        return f"report: {shop.report(as_of)}"
    except CoterieError as error:
        return f"no report: {error}"


@app.command()
def ingest(lake: Lake, source: Source, input: Input, conf: Conf = None, set: Set = None, quiet: Quiet = False, json: Json = False) -> None:  # noqa: A002 - options' names
    """Read new and changed files into events, items and customers; nothing is lost on the way."""
    with display.progress(quiet or json) as shown:
        results = [_shop(lake, conf, set, shown).ingest(source, input)]
    _done(results, lake, quiet, json)


@app.command()
def run(
    lake: Lake,
    source: Annotated[str | None, typer.Option("--source", help="mapping: a name in conf/sources, or a TOML file")] = None,
    input: Annotated[str | None, typer.Option("--input", help="file or folder; without it nothing is ingested")] = None,  # noqa: A002 - option's name
    as_of: AsOf = None,
    first: First = None,
    last: Last = None,
    conf: Conf = None,
    set: Set = None,  # noqa: A002 - option's name
    refit: Refit = False,
    force: Force = False,
    no_report: NoReport = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Ingest, features, segments, recommendations and the report, in one session."""
    day, (start, end) = _day(as_of, "--as-of"), _range(first, last, source=source, input=input, as_of=as_of)
    with display.progress(quiet or json) as shown:
        shop = _shop(lake, conf, set, shown)
        results = shop.redo(start, end, refit=refit, force=force) if start else shop.run(source, input, day, refit, force)
        page = "" if no_report else _page(shop, results[-1]["as_of"])
    _done(results, lake, quiet, json, page)


def _range(first: str | None, last: str | None, **others: str | None) -> tuple[Any, Any]:
    """Raises UserError where the one is given without the other, or with options that say something else."""
    if (first is None) != (last is None):
        raise UserError("--from and --to go together: give both")
    given = [f"--{name.replace('_', '-')}" for name, value in others.items() if value is not None]
    if first is not None and given:
        raise UserError(f"--from and --to make the dates anew that are there; leave {' and '.join(given)} away, or run it first without them")
    return _day(first, "--from"), _day(last, "--to")


def _as_of_job(name: str, summary: str) -> None:
    """A command for a job that works as of a date."""

    def command(
        lake: Lake,
        as_of: AsOf = None,
        first: First = None,
        last: Last = None,
        conf: Conf = None,
        set: Set = None,  # noqa: A002 - option's name
        force: Force = False,
        quiet: Quiet = False,
        json: Json = False,
    ) -> None:
        day, (start, end) = _day(as_of, "--as-of"), _range(first, last, as_of=as_of)
        with display.progress(quiet or json) as shown:
            shop = _shop(lake, conf, set, shown)
            results = shop.redo(start, end, (name,), force=force) if start else [getattr(shop, name)(day, force=force)]
        _done(results, lake, quiet, json)

    app.command(name, help=summary)(command)


_as_of_job("features", "Daily tables and the features of every customer as of a date.")
_as_of_job("recommend", "Recommendations for every customer, measured on the last days.")


@app.command()
def segments(
    lake: Lake,
    as_of: AsOf = None,
    first: First = None,
    last: Last = None,
    conf: Conf = None,
    set: Set = None,  # noqa: A002 - option's name
    refit: Refit = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Segments of the customers, what sets each apart, and who moved."""
    day, (start, end) = _day(as_of, "--as-of"), _range(first, last, as_of=as_of)
    with display.progress(quiet or json) as shown:
        shop = _shop(lake, conf, set, shown)
        results = shop.redo(start, end, ("segments",), refit, force) if start else [shop.segments(day, refit, force)]
    _done(results, lake, quiet, json)


@app.command()
def report(lake: Lake, as_of: AsOf = None, out: Out = None, conf: Conf = None, set: Set = None, quiet: Quiet = False) -> None:  # noqa: A002 - option's name
    """One page on the customers as of a date: who they are, who moved, what to offer, and how far to trust it. Works without a network."""
    with display.progress(quiet) as shown:
        page = _shop(lake, conf, set, shown, brief=_is_small(lake)).report(_day(as_of, "--as-of"), out)
    if not quiet:
        display.say(f"report: {page} ({page.stat().st_size / 1e6:.1f} MB)")


@app.command()
def explain(
    customer: Annotated[str, typer.Argument(help="the customer's id")],
    lake: Lake,
    as_of: AsOf = None,
    html: Annotated[Path | None, typer.Option("--html", help="write a page to this file instead of the terminal")] = None,
    conf: Conf = None,
    set: Set = None,  # noqa: A002 - option's name
) -> None:
    """One customer: what they did, their segment and why, who is like them, what is offered and why, and what would move them."""
    day = _day(as_of, "--as-of")
    with display.progress(True):
        shop = _shop(lake, conf, set, None, brief=True)
        title, sections = shop.explain(customer, day, html)
    if html:
        display.say(f"customer {customer}: {html}")
    else:
        display.show_sections(title, sections)


@app.command()
def content(
    lake: Lake,
    images: Annotated[str | None, typer.Option("--images", help="IDX files, folders of PNG or JPEG by category, or a table of paths")] = None,
    as_of: AsOf = None,
    conf: Conf = None,
    set: Set = None,  # noqa: A002 - option's name
    refit: Annotated[bool, typer.Option("--refit", help="train anew instead of drawing with the current generator")] = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Product images for every segment, by a GAN that is trained on the lake's images and measured."""
    day = _day(as_of, "--as-of")
    with display.progress(quiet or json) as shown:
        results = _shop(lake, conf, set, shown).content(images, day, refit, force)
    _done(results, lake, quiet, json)


@app.command()
def evaluate(
    train: Annotated[str, typer.Argument(help="CSV or Parquet: user, item, and where there are: weight, time, title, category")],
    test: Annotated[str, typer.Argument(help="the same columns: what the users took afterwards")],
    lake: Annotated[str | None, typer.Option("--lake", help="keep the tables here, in a lake of their own; without it they are dropped")] = None,
    conf: Conf = None,
    set: Set = None,  # noqa: A002 - option's name
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure every recommender on a split of one's own."""
    with tempfile.TemporaryDirectory(prefix="coterie-") as folder, display.progress(quiet or json) as shown:
        shop = _shop(lake or str(Path(folder) / "lake"), conf, set, shown)
        result = shop.evaluate(train, test)
        measured = [row.asDict() for row in shop.table("recommendation_quality").collect()]  # a row a measure and model
    if json:
        typer.echo(display.quality_json(measured))
    elif not quiet:
        display.show_quality(measured, result)


@app.command()
def cluster(
    file: Annotated[str, typer.Argument(help="CSV with a header, Parquet or a Delta table: a row each, numbers in columns")],
    columns: Annotated[str | None, typer.Option("--columns", help="columns to cluster on, with commas between; all numbers by default")] = None,
    label: Annotated[str | None, typer.Option("--label", help="column with the true class (at most 1,000): adjusted Rand indices are shown")] = None,
    out: Annotated[str | None, typer.Option("--out", help="where the rows go with their cluster: .csv, .parquet, or a Delta table's folder")] = None,
    conf: Conf = None,
    set: Set = None,  # noqa: A002 - option's name
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Choose a clustering of any table of numbers by evidence, and say why."""
    from coterie.pipeline.clustering import cluster_table  # noqa: PLC0415 - loads Spark
    from coterie.session import get_session  # noqa: PLC0415 - goes with it
    from coterie.settings import load_settings  # noqa: PLC0415 - goes with it

    with display.progress(quiet or json) as shown:
        settings = load_settings(_layers(conf, set))
        shown("cluster", "starting Spark")
        names = [name.strip() for name in columns.split(",") if name.strip()] if columns else []
        found = cluster_table(get_session(settings.spark), settings, file, names, label, out, lambda words: shown("cluster", words))
    if json:
        typer.echo(clusters.as_json(found))
    elif not quiet:
        clusters.show(found)


@app.command()
def tune(
    lake: Lake,
    budget: Annotated[int, typer.Option("--budget", min=1, help="fits to try, the models in turn")] = 40,
    out: Annotated[Path | None, typer.Option("--out", help="write what was better as settings, for --conf")] = None,
    as_of: AsOf = None,
    conf: Conf = None,
    set: Set = None,  # noqa: A002 - option's name
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Try settings of the recommenders on the validation window; the test window stays unseen."""
    with display.progress(quiet or json) as shown:
        result, tuned = _shop(lake, conf, set, shown).tune(budget, _day(as_of, "--as-of"))
    if out:
        lines = [f"[recommend.{model}]\n" + "".join(f"{name} = {value}\n" for name, value in values.items()) for model, values in tuned.items()]
        out.write_text("\n".join(lines))
    _done([result], lake, quiet, json)


@app.command()
def maintain(lake: Lake, conf: Conf = None, set: Set = None, quiet: Quiet = False, json: Json = False) -> None:  # noqa: A002 - option's name
    """Compact the tables, drop as-of results older than a setting, delete files nothing refers to."""
    with display.progress(quiet or json) as shown:
        results = [_shop(lake, conf, set, shown).maintain()]
    _done(results, lake, quiet, json)


@app.command()
def upgrade(lake: Lake, conf: Conf = None, set: Set = None, quiet: Quiet = False, json: Json = False) -> None:  # noqa: A002 - option's name
    """Bring a lake of an older version of Coterie to this one; what was read and counted stays, `coterie run` makes the rest again."""
    with display.progress(quiet or json) as shown:
        results = [_shop(lake, conf, set, shown).upgrade()]
    _done(results, lake, quiet, json)


_MOST = 1_000_000_000  # rows that can be asked for: Spark counts them in 32 bits
Limit = Annotated[int, typer.Option("--limit", min=1, max=_MOST, help="rows shown")]
Csv = Annotated[bool, typer.Option("--csv", help="results as CSV on standard output")]


@app.command()
def show(
    table: str,
    lake: Lake,
    as_of: Annotated[str | None, typer.Option("--as-of", help="only rows of this as-of date")] = None,
    where: Annotated[str | None, typer.Option("--where", help="SQL condition on the table's columns")] = None,
    columns: Annotated[str, typer.Option("--columns", help="only these, with commas between")] = "",
    order: Annotated[str | None, typer.Option("--order-by", help="SQL expression, with ' desc' behind for the largest first")] = None,
    limit: Limit = 20,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Rows of a table, as the newest finished run left it."""
    day, form, picked = _day(as_of, "--as-of"), listing.form_of(json, csv), [name.strip() for name in columns.split(",") if name.strip()]
    with display.progress(True):
        rows, names = listing.rows_of(_shop(lake, None, None, None, brief=True), table, day, where, picked, order, limit)
    listing.show_rows(table, names, rows, form)


@app.command()
def runs(
    lake: Lake,
    job: Annotated[str | None, typer.Option("--job", help="only of this job")] = None,
    state: Annotated[str | None, typer.Option("--state", help="only finished, failed, interrupted, running or stale ones")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="only of this as-of date")] = None,
    since: Annotated[str | None, typer.Option("--since", help="only from this day on, YYYY-MM-DD")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="newest runs shown")] = 20,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """What ran, on what, with its accounting; and which as-of dates late data made stale."""
    form, dates = listing.form_of(json, csv), (_day(as_of, "--as-of"), _day(since, "--since"))
    with display.progress(True):
        rows = _shop(lake, None, None, None, brief=True).history()
    listing.show_runs(listing.picked_runs(rows, job, state, *dates)[:limit], form)


@app.command()
def describe(
    name: Annotated[str | None, typer.Argument(help="a table, 'features', or a feature; without it all tables")] = None, json: Json = False, csv: Csv = False
) -> None:
    """What the tables, their columns and the features mean."""
    listing.show_described(*listing.described(name), listing.form_of(json, csv))


Customers = Annotated[int, typer.Option("--customers", min=1, help="customers of the seeded shop")]
Days = Annotated[int, typer.Option("--days", min=1, help="days of its history")]
Seed = Annotated[int, typer.Option("--seed", help="the same seed makes the same shop")]
Format = Annotated[str, typer.Option("--format", help="parquet, csv or json")]


@app.command()
def synth(out: Annotated[str, typer.Option("--out", help="folder for the shop's raw files")], customers: Customers = 2000, days: Days = 365, seed: Seed = 1,
          format: Format = "parquet", conf: Conf = None, set: Set = None, quiet: Quiet = False) -> None:  # noqa: A002 - options' names  # fmt: skip
    """A seeded shop's raw files, with planted truth beside them."""
    with display.progress(quiet) as shown:
        _synthesise(out, customers, days, seed, format, conf, set, shown)


def _synthesise(out: str, customers: int, days: int, seed: int, kind: str, conf: list[str] | None, settings: list[str] | None, shown: display.Progress) -> None:
    from coterie.session import get_session  # noqa: PLC0415 - loads Spark
    from coterie.settings import load_settings  # noqa: PLC0415 - goes with it
    from coterie.synth import make_shop  # noqa: PLC0415 - loads Spark

    shown("synth", "starting Spark")
    spark = get_session(load_settings(_layers(conf, settings)).spark)
    shown("synth", f"making a shop of {customers} customers over {days} days")
    make_shop(spark, out, customers=customers, days=days, seed=seed, format=kind)


@app.command()
def demo(
    lake: Lake = "demo/lake",
    customers: Customers = 2000,
    days: Days = 365,
    seed: Seed = 1,
    format: Format = "parquet",  # noqa: A002 - option's name
    conf: Conf = None,
    set: Set = None,  # noqa: A002 - option's name
    no_report: NoReport = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make a seeded shop beside the lake, then run everything on it."""
    raw = f"{lake.rstrip('/')}-raw"
    with display.progress(quiet or json) as shown:
        _synthesise(raw, customers, days, seed, format, conf, set, shown)
        shop = _shop(lake, conf, set, shown)
        results = shop.run("coterie", raw)
        page = "" if no_report else _page(shop, results[-1]["as_of"])
    _done(results, lake, quiet, json, page)


_INTERRUPTED = 130


def _is_no_cut_call(record: logging.LogRecord) -> bool:
    """py4j logs a call that a signal cut short to the root logger, with its traceback."""
    return "while sending command" not in record.getMessage()


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command; exits with 0, 1 where something failed, 2 where the user gave something wrong, 130 after Ctrl-C, 143 after SIGTERM."""
    for name in ("py4j", "SQLQueryContextLogger"):  # an interrupted call, a table that is not there yet: not worth their tracebacks
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger().addFilter(_is_no_cut_call)
    terminated: list[int] = []

    def terminate(number: int, frame: object) -> NoReturn:
        """Ends as by Ctrl-C, so that the lease is given back."""
        terminated.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, terminate)
    try:
        if app(args=arguments, standalone_mode=False) == _INTERRUPTED:  # what typer makes of KeyboardInterrupt; a command itself gives nothing
            raise KeyboardInterrupt
    except (KeyboardInterrupt, typer.Abort):
        display.error(f"{'terminated' if terminated else 'interrupted'}; run the same command again to go on")
        sys.exit(143 if terminated else _INTERRUPTED)
    except CoterieError as error:
        display.error(str(error))
        sys.exit(2 if isinstance(error, UserError) else 1)
    except Exception as error:
        if terminated:  # a call into the JVM that is cut short raises an error of its own
            display.error("terminated; run the same command again to go on")
            sys.exit(143)
        _exit_unexpected(error)
    sys.exit(0)


def _exit_unexpected(error: Exception) -> NoReturn:
    """A usage error of the command line is told as such; anything else is our mistake, with its traceback in a file."""
    if hasattr(error, "exit_code") and hasattr(error, "format_message"):  # click's own, which typer does not export
        display.error(f"{error.format_message()}; see coterie --help")
        sys.exit(2)
    descriptor, log = tempfile.mkstemp(prefix="coterie-", suffix=".log")
    with os.fdopen(descriptor, "w") as file:
        file.write(traceback.format_exc())
    first = str(error).strip().splitlines()[0] if str(error).strip() else ""
    display.error(f"unexpected {type(error).__name__}: {first}; the traceback is in {Path(log)}")
    sys.exit(1)
