"""What the commands have in common: the application itself, their options, settings laid over the base, the shop of a lake."""

import datetime
import json
from typing import Annotated, Any

import typer

from coterie import __version__, display
from coterie.errors import CoterieError, UserError
from coterie.settings import override, read_toml

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer segments and what to offer them, on Apache Spark. Every table is a Delta table in the lake.",
)

Lake = Annotated[str, typer.Option("--lake", help="folder, object-store address or catalog.schema that holds the tables")]
Conf = Annotated[list[str] | None, typer.Option("--conf", help="TOML file of settings, or a name in conf/; repeatable, later wins")]
Set = Annotated[list[str] | None, typer.Option("--set", help="one setting, section.key=value; repeatable")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="last day included, YYYY-MM-DD; the latest day with an event by default")]
Of = Annotated[str | None, typer.Option("--as-of", help="a date with results, YYYY-MM-DD; the newest by default")]
Source = Annotated[str, typer.Option("--source", help="mapping: a name in conf/sources, or a TOML file")]
Input = Annotated[str, typer.Option("--input", help="file, or folder of files (partitions by date and the like are fine)")]
First = Annotated[str | None, typer.Option("--from", help="with --to: do every as-of date in this range again that has results")]
Last = Annotated[str | None, typer.Option("--to", help="see --from")]
Refit = Annotated[bool, typer.Option("--refit", help="fit the segments anew instead of assigning with the current model")]
Force = Annotated[bool, typer.Option("--force", help="do it even where nothing changed since the last run")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress, no table")]
NoReport = Annotated[bool, typer.Option("--no-report", help="leave out the report at the end")]
Json = Annotated[bool, typer.Option("--json", help="results as JSON on standard output")]


def _told(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"coterie {__version__}")
        raise typer.Exit


@app.callback()
def _application(
    version: Annotated[bool, typer.Option("--version", help="tell the version of Coterie", callback=_told, is_eager=True)] = False,
) -> None:
    pass


def day_of(text: str | None, option: str) -> datetime.date | None:
    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option} is '{text}'; expected a day as YYYY-MM-DD") from None


def range_of(first: str | None, last: str | None, **others: str | None) -> tuple[Any, Any]:
    """Raises UserError where the one is given without the other, or with options that say something else."""
    if (first is None) != (last is None):
        raise UserError("--from and --to go together: give both")
    given = [f"--{name.replace('_', '-')}" for name, value in others.items() if value is not None]
    if first is not None and given:
        raise UserError(f"--from and --to make the dates anew that are there; leave {' and '.join(given)} away, or run it first without them")
    return day_of(first, "--from"), day_of(last, "--to")


def layers(conf: list[str] | None, settings: list[str] | None) -> list[dict[str, Any]]:
    """What --conf and --set lay over the base, later ones winning."""
    return [read_toml(name) for name in conf or []] + [override(text) for text in settings or []]


def shop_of(lake: str, conf: list[str] | None, settings: list[str] | None, progress: display.Progress | None, brief: bool = False) -> Any:
    """`brief`: for a look at some tables, which takes seconds."""
    from coterie.pipeline.shop import Shop  # noqa: PLC0415 - loads Spark, which --help should not wait for

    return Shop(lake, None, [{"spark": {"brief": brief}}, *layers(conf, settings)], progress or (lambda job, words: None))


def done(results: list[dict[str, Any]], lake: str, quiet: bool, as_json: bool, page: tuple[str, str] = ("", "")) -> None:
    """`page`: what `page_of` gave."""
    written, missing = page
    if as_json:
        typer.echo(json.dumps(results, default=str, ensure_ascii=False, indent=2))
    elif not quiet:
        display.show_results(results, lake, written)
    if missing:
        display.error(missing)


def page_of(shop: Any, as_of: datetime.date | None) -> tuple[str, str]:
    """Writes the report at the end of a run. Gives where it is, or why it is not: the tables stand in either case."""
    try:
        return f"report: {shop.report(as_of)}", ""
    except CoterieError as error:
        return "", f"no report: {error}"
