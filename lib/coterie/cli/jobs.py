"""The commands that read raw files and write a lake's tables."""

from pathlib import Path
from typing import Annotated

import typer

from coterie import display
from coterie.cli.options import (
    AsOf,
    Conf,
    First,
    Force,
    Input,
    Json,
    Lake,
    Last,
    NoReport,
    Quiet,
    Refit,
    Set,
    Source,
    app,
    day_of,
    done,
    page_of,
    range_of,
    shop_of,
)
from coterie.places import checked_file, written_file


@app.command()
def ingest(
    lake: Lake,
    source: Source,
    input: Input,  # noqa: A002 - option's name
    conf: Conf = None,
    set: Set = None,  # noqa: A002 - option's name
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Read new and changed files into events, items and customers; nothing is lost on the way."""
    with display.progress(quiet or json) as shown:
        results = [shop_of(lake, conf, set, shown).ingest(source, input, force)]
    done(results, lake, quiet, json)


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
    until: Annotated[str | None, typer.Option("--until", help="end after this job: ingest, features, segments or recommend; without a report")] = None,
    no_report: NoReport = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Ingest, features, segments, recommendations and the report, in one session."""
    day, (start, end) = day_of(as_of, "--as-of"), range_of(first, last, source=source, input=input, as_of=as_of, until=until)
    with display.progress(quiet or json) as shown:
        shop = shop_of(lake, conf, set, shown)
        results = shop.redo(start, end, refit=refit, force=force) if start else shop.run(source, input, day, refit, force, until)
        page = ("", "") if no_report or until else page_of(shop, results[-1]["as_of"])
    done(results, lake, quiet, json, page)


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
        _dated(name, lake, (as_of, first, last), (conf, set), (quiet, json), force=force)

    app.command(name, help=summary)(command)


def _dated(
    name: str,
    lake: str,
    dates: tuple[str | None, str | None, str | None],
    settings: tuple[list[str] | None, list[str] | None],
    output: tuple[bool, bool],
    **fit: bool,
) -> None:
    """Runs the job for --as-of, or again for each date from --from to --to; `fit`: --force, and --refit where the job has it."""
    (as_of, first, last), (quiet, json) = dates, output
    day, (start, end) = day_of(as_of, "--as-of"), range_of(first, last, as_of=as_of)
    with display.progress(quiet or json) as shown:
        shop = shop_of(lake, *settings, shown)
        results = shop.redo(start, end, (name,), **fit) if start else [getattr(shop, name)(day, **fit)]
    done(results, lake, quiet, json)


_as_of_job("features", "Daily tables and the features of every customer as of a date.")


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
    _dated("segments", lake, (as_of, first, last), (conf, set), (quiet, json), refit=refit, force=force)


_as_of_job("recommend", "Recommendations for every customer, measured on the last days.")


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
    day = day_of(as_of, "--as-of")
    with display.progress(quiet or json) as shown:
        results = shop_of(lake, conf, set, shown).content(images, day, refit, force)
    done(results, lake, quiet, json)


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
    if out:
        checked_file(out, "--out", "tuned.toml")
    with display.progress(quiet or json) as shown:
        result, tuned = shop_of(lake, conf, set, shown).tune(budget, day_of(as_of, "--as-of"))
    done([result], lake, quiet, json)  # first: what the fits found is told, whatever becomes of the file
    if out:
        lines = [f"[recommend.{model}]\n" + "".join(f"{name} = {value}\n" for name, value in values.items()) for model, values in tuned.items()]
        written_file("\n".join(lines), out)


@app.command()
def maintain(lake: Lake, conf: Conf = None, set: Set = None, quiet: Quiet = False, json: Json = False) -> None:  # noqa: A002 - option's name
    """Compact the tables, drop as-of results older than a setting, delete files nothing refers to."""
    with display.progress(quiet or json) as shown:
        results = [shop_of(lake, conf, set, shown).maintain()]
    done(results, lake, quiet, json)


@app.command()
def upgrade(lake: Lake, conf: Conf = None, set: Set = None, quiet: Quiet = False, json: Json = False) -> None:  # noqa: A002 - option's name
    """Bring a lake of an older version of Coterie to this one; what was read and counted stays, `coterie run` makes the rest again."""
    with display.progress(quiet or json) as shown:
        results = [shop_of(lake, conf, set, shown).upgrade()]
    done(results, lake, quiet, json)
