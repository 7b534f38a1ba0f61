"""The commands that stand alone: on tables of one's own, or on a shop that they make."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from coterie import clusters, display
from coterie.cli.options import Conf, Json, Lake, NoReport, Quiet, Set, app, done, layers, page_of, shop_of
from coterie.rows import collected

Customers = Annotated[int, typer.Option("--customers", min=1, help="customers of the seeded shop")]
Days = Annotated[int, typer.Option("--days", min=1, help="days of its history")]
Seed = Annotated[int, typer.Option("--seed", help="the same seed makes the same shop")]
Format = Annotated[str, typer.Option("--format", help="parquet, csv or json")]


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
        shop = shop_of(lake or str(Path(folder) / "lake"), conf, set, shown)
        result = shop.evaluate(train, test)
        measured = collected(shop.table("recommendation_quality"))  # a row a measure and model
    if json:
        typer.echo(display.quality_json(measured))
    elif not quiet:
        display.show_quality(measured, result)


@app.command()
def cluster(
    file: Annotated[str, typer.Argument(help="CSV with a header, Parquet or a Delta table: a row each, numbers in columns")],
    columns: Annotated[str | None, typer.Option("--columns", help="columns to cluster on, with commas between; all numbers by default")] = None,
    label: Annotated[str | None, typer.Option("--label", help="column with the true class (at most 1,000): adjusted Rand indices are shown")] = None,
    out: Annotated[str | None, typer.Option("--out", help="rows with their cluster: .csv, .parquet or a Delta table; FILE-clusters.csv by default")] = None,
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
        settings = load_settings(layers(conf, set))
        shown("cluster", "starting Spark")
        names = [name.strip() for name in columns.split(",") if name.strip()] if columns else []
        found = cluster_table(get_session(settings.spark), settings, file, names, label, out, lambda words: shown("cluster", words))
    if json:
        typer.echo(clusters.as_json(found))
    elif not quiet:
        clusters.show(found)


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
    spark = get_session(load_settings(layers(conf, settings)).spark)
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
    """Make a seeded shop beside the lake; then ingest, features, segments, recommendations and the report."""
    raw = f"{lake.rstrip('/')}-raw"
    with display.progress(quiet or json) as shown:
        _synthesise(raw, customers, days, seed, format, conf, set, shown)
        shop = shop_of(lake, conf, set, shown)
        results = shop.run("coterie", raw)
        page = ("", "") if no_report else page_of(shop, results[-1]["as_of"])
    done(results, lake, quiet, json, page)
