# ruff: noqa: T201 - a campaign prints its table
"""Ten thousand bad inputs: every one ends accounted, or refused in words that name it.

usage: python tests/faults/fuzz.py [--seed 1] [--rows 10000] [--files 10000] [--jobs 300] [--formats csv json parquet delta]

Three parts for each format. Rows: one file of many bad rows. Files: trees of bad files, those that cannot be read set aside. Jobs: few files
each, one job after another, where a bad file stops the job, and is taken away before the next. Of Delta there are no trees: a table is one file.
What the lake then says of its files is held against rows counted without Spark. Exits with 1 where a job ended in a traceback, a row is
unaccounted for, or a refused job left something behind.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.counting import Sample, problems
from tests.faults.samples import delta_mapping, write_file, write_files, write_rows

from coterie.errors import AccountingError, UserError
from coterie.pipeline.shop import Shop
from coterie.session import get_session
from coterie.settings import load_settings

TREE, BATCH = 500, 20  # files read by one job where bad ones are set aside, and where one stops it
SECONDS = 300  # a job that takes longer hangs
FORMATS = ("csv", "json", "parquet", "delta")
RESULTS = ("events", "rejected_events", "items", "customers", "ingested_files")
LOCAL = {"spark": {"master": "local[2]", "driver_memory": "3g", "shuffle_partitions": 2, "conf": {"spark.sql.codegen.wholeStage": "false",
                   "spark.sql.codegen.factoryMode": "NO_CODEGEN"}}}  # fmt: skip


class Tally:
    """What became of the inputs of one format, in one part of the campaign."""

    def __init__(self, kind: str, what: str) -> None:
        self.kind, self.what, self.started, self.seconds = kind, what, time.monotonic(), 0.0
        self.counts: Counter[str] = Counter()

    def add(self, outcome: str, count: int = 1, said: str = "") -> None:
        self.counts[outcome] += count
        if said:
            print(f"  {self.kind} {self.what}, {outcome}: {said[:1500]}", flush=True)

    def line(self) -> str:
        numbers = "".join(f"{self.counts[name]:>12,}" for name in OUTCOMES)
        return f"{self.kind:<9}{self.what:<7}{numbers}{self.seconds:>9.0f} s"


OUTCOMES = ("inputs", "accounted", "refused", "tracebacks", "unaccounted", "partial")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("seed", 1), ("rows", 10_000), ("files", 10_000), ("jobs", 300)):
        options.add_argument(f"--{name}", type=int, default=default)
    options.add_argument("--formats", nargs="+", default=FORMATS, choices=FORMATS)
    options.add_argument("--keep", type=Path, help="leave the files and lakes in this folder")
    given = options.parse_args()
    signal.signal(signal.SIGALRM, _hangs)
    get_session(load_settings([LOCAL]).spark)
    folder = given.keep or Path(tempfile.mkdtemp(prefix="coterie-fuzz-"))
    tallies = []
    for kind in given.formats:
        for part, count in ((rows, given.rows), (files, given.files), (jobs, given.jobs)):
            if count and not (kind == "delta" and part is files):
                tallies.append(part(folder / kind / part.__name__, kind, count, random.Random(f"{given.seed} {kind} {part.__name__}")))
                tallies[-1].seconds = time.monotonic() - tallies[-1].started
                print(tallies[-1].line(), flush=True)
    if not given.keep:
        shutil.rmtree(folder)
    print(f"\n{'format':<9}{'what':<7}" + "".join(f"{name:>12}" for name in OUTCOMES) + f"{'time':>11}")
    print("\n".join(tally.line() for tally in tallies))
    return int(any(tally.counts[name] for tally in tallies for name in ("tracebacks", "unaccounted", "partial")))


def _hangs(number: int, frame: object) -> None:
    raise TimeoutError(f"a job took more than {SECONDS} s")


def ingested(shop: Shop, place: Path, kind: str) -> dict[str, Any] | Exception:
    """The run's values, or what it raised."""
    signal.alarm(SECONDS)
    try:
        return shop.ingest(str(delta_mapping(place.parent)) if kind == "delta" else "coterie", str(place))
    except Exception as error:
        return error
    finally:
        signal.alarm(0)


def rows(folder: Path, kind: str, count: int, rng: random.Random) -> Tally:
    """One file of many rows: each is an event, rejected or a duplicate; good ones are events; and the words of an event are those of its row."""
    tally = Tally(kind, "rows")
    tally.add("inputs", count)
    place, made, good = write_rows(folder / "raw", kind, count, rng)
    shop = Shop(str(folder / "lake"), layers=[{"ingest": {"max_rejected_share": 1.0}}])
    done = ingested(shop, place if kind == "delta" else folder / "raw", kind)
    if isinstance(done, Exception):
        tally.add("tracebacks", count, said=_told(done))
        return tally
    _account(tally, shop, [Sample(place, "rows", (count, count))], count)
    events = {row["source_event_id"]: row["text"] for row in shop.lake.read("events").select("source_event_id", "text").collect()}
    lost = good - events.keys()
    ids = Counter(row["event_id"] for row in made)
    texts = {row["event_id"]: row["text"] for row in made if ids[row["event_id"]] == 1}
    changed = [name for name, text in events.items() if name in texts and _plain(text) != _plain(texts[name])]
    if lost or changed:
        tally.add("unaccounted", len(lost) + len(changed), f"good rows that are no events: {sorted(lost)[:3]}; texts changed: "
                  f"{[(texts[name][:60], (events[name] or '')[:60]) for name in changed[:3]]}")  # fmt: skip
    return tally


def _plain(text: str | None) -> str:
    """Newlines in quotes are all the same, and blanks alone are nothing."""
    found = (text or "").replace("\r\n", "\n").replace("\r", "\n")
    return found if found.strip(" ") else ""


def files(folder: Path, kind: str, count: int, rng: random.Random) -> Tally:
    """Trees of files, of which those that cannot be read are set aside."""
    tally = Tally(kind, "files")
    for tree in range(0, count, TREE):
        place, lake = folder / f"raw-{tree}", folder / f"lake-{tree}"
        samples = write_files(place, kind, min(TREE, count - tree), rng)
        tally.add("inputs", len(samples))
        shop = Shop(str(lake), layers=[{"ingest": {"max_rejected_share": 1.0, "on_bad_file": "quarantine"}}])
        done = ingested(shop, place, kind)
        if isinstance(done, Exception):
            tally.add("tracebacks", len(samples), _told(done))
        else:
            _account(tally, shop, samples)
    return tally


def _account(tally: Tally, shop: Shop, samples: Sequence[Sample], rows_each: int = 1) -> None:
    told = shop.lake.read("ingested_files").collect()
    rejected = {row[0]: row[1] for row in shop.lake.read("rejected_events").groupBy("source_file").count().collect()}
    wrong = problems(samples, told, shop.lake.read("events").count(), rejected)
    aside = sum(row["status"] == "quarantined" for row in told)
    tally.add("refused", aside)
    tally.add("accounted", max(len(samples) - aside - len(wrong), 0) * rows_each)
    if wrong:
        tally.add("unaccounted", len(wrong), "\n    ".join(wrong[:20]))


def jobs(folder: Path, kind: str, count: int, rng: random.Random) -> Tally:
    """A few files, one job after another on one lake: they are accounted for, or the job stops in words that name the bad ones and leaves every
    table as it was. Those named are taken away, and the job is run again, until no file is refused."""
    tally, shop = Tally(kind, "jobs"), Shop(str(folder / "lake"), layers=[{"ingest": {"max_rejected_share": 1.0}}])
    samples: list[Sample] = []
    before = _versions(shop)
    batch = 1 if kind == "delta" else BATCH
    for first in range(0, count, batch):
        place = folder / f"raw-{first}"
        left = [write_file(place, kind, number, rng) for number in range(first, min(first + batch, count))]
        tally.add("inputs", len(left))
        while left:
            done, after = ingested(shop, left[0].path if kind == "delta" else place, kind), _versions(shop)
            if not isinstance(done, Exception):
                samples += left
                break
            if after != before:
                tally.add("partial", said=f"{place}: {before} -> {after}: {_told(done)}")
            named = [sample for sample in left if _is_named(sample, done, left)]
            tally.add("refused", len(named))
            if not named:
                tally.add("unaccounted" if isinstance(done, AccountingError) else "tracebacks", len(left), f"{place}: {_told(done)}")
                break
            for sample in named:
                shutil.rmtree(sample.path) if sample.path.is_dir() else sample.path.unlink()
            left = [sample for sample in left if sample not in named]
        before = _versions(shop)
    _account(tally, shop, samples)
    return tally


def _versions(shop: Shop) -> dict[str, int | None]:
    return {table: shop.lake.version(table) for table in RESULTS}


def _is_named(sample: Sample, error: Exception, left: Sequence[Sample]) -> bool:
    """Whether the user is told of the file, by its name or because every file is wrong in the same way."""
    return isinstance(error, UserError) and (sample.path.name in unquote(str(error)) or ("no file of events has" in str(error) and sample in left))


def _told(error: Exception) -> str:
    """The error as a reader of the campaign's log wants it: with the place it came from where it is no message of ours."""
    if isinstance(error, UserError):
        return f"{type(error).__name__}: {error}"
    return "".join(traceback.format_exception(error)[-3:])[-3000:][:1500] + str(error)[:600]


if __name__ == "__main__":
    sys.exit(main())
