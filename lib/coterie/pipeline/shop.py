"""A shop's lake in the hand: tables as frames, jobs as methods. `coterie.open` gives one, and the command is built on it."""

import datetime
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from coterie.ahead import load_ahead
from coterie.errors import UserError
from coterie.lake import Lake
from coterie.pipeline.report import default_page, made_by, read_history, write_report
from coterie.pipeline.run import OF_RUNS, Progress, recorded_shop, recorded_versions, require_lake
from coterie.places import checked_file, written_file
from coterie.report.blocks import Section
from coterie.report.page import render, require_libraries
from coterie.report.words import cut, day
from coterie.session import get_session
from coterie.settings import Settings, load_settings
from coterie.sources.mapping import load_mapping

Layer = Mapping[str, Any]
_AS_OF_JOBS = ("features", "segments", "recommend")


def _up_to(last: str | None, names: tuple[str, ...]) -> tuple[str, ...]:
    if last is None:
        return names
    if last not in names:
        raise UserError(f"--until is '{last}'; the jobs of this run are {', '.join(names)}")
    return names[: names.index(last) + 1]


class Shop:
    """`place` is a folder, an object-store address or `catalog.schema`; `layers` are settings laid over `conf/base.toml`.

    Each job method gives the values of its row in `runs` as a dict. Spark is started when it is first needed, so that a wrong setting or
    mapping is told at once.
    """

    def __init__(self, place: str, spark: SparkSession | None = None, layers: Sequence[Layer] = (), progress: Progress = lambda job, words: None) -> None:
        self.place, self.layers, self.progress = place, tuple(layers), progress
        self._spark, self._session = spark, load_settings(self.layers).spark

    @cached_property
    def spark(self) -> SparkSession:
        return get_session(self._session, self._spark)

    @cached_property
    def lake(self) -> Lake:
        return Lake(self.spark, self.place)

    def settings(self, below: Layer | None = None) -> Settings:
        """`below` (a source's own settings), else what the lake's newest ingest recorded of the shop, under the user's layers."""
        return load_settings([recorded_shop(self.lake) if below is None else below, *self.layers])

    def table(self, name: str) -> DataFrame:
        """The table as the newest finished run that wrote it left it: of a run that is under way, or died, nothing is seen."""
        if name in OF_RUNS or not self.lake.exists("runs"):
            return self.lake.read(name)
        newest = recorded_versions(self.lake).get(name)
        return self.lake.read(name).where(F.lit(False)) if newest is None else self.lake.read(name, newest)

    def ingest(self, source: str, input: str, force: bool = False) -> dict[str, Any]:  # noqa: A002 - the option's name
        """Reads new and changed files under `input`, with `force` all, as the mapping `source` (a name in conf/sources, or a path) says."""
        return self._ingest_and(("ingest",), source, input, None, force)[0]

    def features(self, as_of: datetime.date | None = None, force: bool = False) -> dict[str, Any]:
        """Daily tables and customer features as of a date (None: the latest day with an event)."""
        return self._execute(("features",), as_of, {}, force)[0]

    def segments(self, as_of: datetime.date | None = None, refit: bool = False, force: bool = False) -> dict[str, Any]:
        """Segments, their profiles and moves; `refit` fits the model anew instead of assigning with the current one."""
        return self._execute(("segments",), as_of, {"refit": refit}, force or refit)[0]

    def recommend(self, as_of: datetime.date | None = None, force: bool = False) -> dict[str, Any]:
        """Recommendations for every customer, and how good they are on the last days."""
        return self._execute(("recommend",), as_of, {}, force)[0]

    def images(self, place: str) -> dict[str, Any]:
        """Reads the product images at `place`: IDX files, folders of PNG or JPEG by category, or a table of paths."""
        return self._execute(("images",), None, {"images": place})[0]

    def content(self, images: str | None = None, as_of: datetime.date | None = None, refit: bool = False, force: bool = False) -> list[dict[str, Any]]:
        """Product images for every segment by a GAN; `images`: where those that it learns from lie, None: those read before."""
        names, options = ("images", "content") if images else ("content",), {"images": images, "refit": refit}
        return self._execute(names, as_of, options, force or refit)

    def evaluate(self, train: str, test: str) -> dict[str, Any]:
        """The recommenders measured on a split of one's own, into this lake's `recommendation_quality`: a lake for nothing else."""
        return self._execute(("evaluate",), None, {"train": train, "test": test}, force=True)[0]

    def tune(self, budget: int, as_of: datetime.date | None = None) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Tries so many settings of the recommenders on the validation window; gives the run, and what was better, by model."""
        tuned: dict[str, dict[str, Any]] = {}
        return self._execute(("tune",), as_of, {"budget": budget, "tuned": tuned})[0], tuned

    def maintain(self) -> dict[str, Any]:
        """Compacts tables, drops old results and files."""
        return self._execute(("maintain",), None, {})[0]

    def upgrade(self) -> dict[str, Any]:
        """Brings a lake of an older schema version to this one: what was read and counted stays, results are emptied, to be made again by `run`."""
        lake = Lake(self.spark, self.place, is_upgraded=True)
        require_lake(lake)
        done = self._execute(("upgrade",), None, {}, settings=self.settings(recorded_shop(lake)), lake=lake)[0]
        lake.mark("runs")
        return done

    def report(self, as_of: datetime.date | None = None, out: str | Path | None = None) -> Path:
        """Writes the page of a date (None: the newest with results) to `out` (None: beside the lake's folder) and gives its place.

        It changes no table. Raises UserError where there are no results of the date, and where the page has no place to go.
        """
        place = default_page(self.place) if out is None else checked_file(Path(out), "--out", "report.html")
        if place is None:
            raise UserError(f"the lake '{self.place}' is no local folder that a report could be put beside; give its file with --out")
        load_ahead("coterie.report.report", "jinja2")
        return write_report(self.lake, as_of, place, self.progress)

    def explain(self, customer_id: str, as_of: datetime.date | None = None, out: str | Path | None = None) -> tuple[str, list[Section]]:
        """What the tables say of a customer: a title, and sections of words and tables; `out` names a file that they are written to as a page.

        Raises UserError for an unknown id, naming the nearest ones.
        """
        if out is not None:
            require_libraries()
            checked_file(Path(out), "--html", "customer.html")
        load_ahead("coterie.report.customer")
        lake = self.lake  # starts Java, while what is imported below loads
        from coterie.pipeline.explain import explained  # noqa: PLC0415 - as for the jobs
        from coterie.report.customer import customer_sections  # noqa: PLC0415

        one = explained(lake, customer_id, as_of)
        sections, title, subtitle = customer_sections(one), f"Customer {cut(customer_id, 60)}", f"as of {day(one.as_of)}"
        if out is not None:
            written_file(render("page.html", title=title, subtitle=subtitle, sections=sections, made_by=made_by()), Path(out))
        return f"{title}, {subtitle}", sections

    def history(self) -> list[dict[str, Any]]:
        """What ran, newest first: a row a run with its state, and whether late data made its results stale."""
        require_lake(self.lake)
        return read_history(self.lake)

    def run(
        self,
        source: str | None = None,
        input: str | None = None,  # noqa: A002 - the option's name
        as_of: datetime.date | None = None,
        refit: bool = False,
        force: bool = False,
        until: str | None = None,
    ) -> list[dict[str, Any]]:
        """Every job in turn under one lease, or those up to and with `until`; without `input` nothing is ingested."""
        if (source is None) != (input is None):
            raise UserError("source and input go together: give both to ingest, or neither")
        if source is None or input is None:
            return self._execute(_up_to(until, _AS_OF_JOBS), as_of, {"refit": refit}, force or refit)
        return self._ingest_and(_up_to(until, ("ingest", *_AS_OF_JOBS)), source, input, as_of, force, refit)

    def redo(
        self, first: datetime.date, last: datetime.date, names: Sequence[str] = _AS_OF_JOBS, refit: bool = False, force: bool = False
    ) -> list[dict[str, Any]]:
        """Runs the named jobs again for each as-of date in [first, last] that has features: what late data made stale."""
        dates = self.lake.read("customer_features").where(F.col("as_of").between(first, last)).select("as_of").groupBy("as_of").count()
        found = sorted(row["as_of"] for row in dates.collect())  # a row an as-of date
        if not found:
            raise UserError(f"no features as of a date from {first} to {last}; `coterie runs` lists the dates there are")
        return [done for day in found for done in self._execute(names, day, {"refit": refit}, force or refit)]

    def _ingest_and(
        self,
        names: Sequence[str],
        source: str,
        input: str,  # noqa: A002 - the option's name
        as_of: datetime.date | None,
        force: bool,
        refit: bool = False,
    ) -> list[dict[str, Any]]:
        mapping = load_mapping(source)
        options = {"mapping": mapping, "input": input, "refit": refit, "force": force}
        settings = self.settings({"shop": mapping.shop}) if mapping.shop else None
        return self._execute(names, as_of, options, force or refit, settings)

    def _execute(
        self,
        names: Sequence[str],
        as_of: datetime.date | None,
        options: dict[str, Any],
        force: bool = False,
        settings: Settings | None = None,
        lake: Lake | None = None,
    ) -> list[dict[str, Any]]:
        """`settings`: None takes those of the shop that the lake knows."""
        load_ahead("coterie.pipeline.jobs")
        lake, settings = lake or self.lake, settings or self.settings()  # starts Java, while what is imported below loads
        from coterie.pipeline.jobs import execute  # noqa: PLC0415 - loads every library that a job needs; a look at tables does not wait for them

        return execute(lake, names, settings, as_of, options, self.progress, force)
