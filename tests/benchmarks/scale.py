# ruff: noqa: T201 - a benchmark prints its table
"""How each job's time and the driver's memory grow with the events: seeded shops of several sizes through the command, from raw files on.

usage: python tests/benchmarks/scale.py WORK [--millions 1 3 10 30] [--jobs ingest features segments recommend report] [--set ...]

The driver has 1 GB of heap, and two executors of one core and 3 GB are processes of their own (`local-cluster`), so that what the driver holds
can be told apart. WORK keeps the shops, the lakes and what was measured: cut short, the command goes on. At the end a table, and `scale.html`.
"""

import argparse
import json
import math
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.memory import Watch
from tests.results import Kept, Result, table

COMMAND = str(Path(sys.executable).parent / "coterie")
CUSTOMERS_A_MILLION = 18_700  # customers of the seeded shop that make a million events in a year
CLUSTER = ["spark.master=local-cluster[2,1,3072]", "spark.driver_memory=1g", "spark.shuffle_partitions=16"]
JOBS = ("ingest", "features", "segments", "recommend", "report")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 3, 10, 30])
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=JOBS)
    parser.add_argument("--set", action="append", default=[], help="a setting for every job")
    given = parser.parse_args()
    work = given.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    kept = Kept(work / "scale.json")
    found: dict[str, list[Result]] = {job: [] for job in given.jobs}
    for millions in given.millions:
        shop = made(work / f"{millions:g}", round(millions * CUSTOMERS_A_MILLION))
        for job in given.jobs:
            found[job].append(kept.once(f"{job} {millions:g}", partial(measured, shop, job, [*CLUSTER, *given.set])))
    events = [kept.values[f"ingest {millions:g}"]["events"] for millions in given.millions]
    print(table([line(job, results, events) for job, results in found.items()]))
    drawn(found, events).write_html(work / "scale.html", include_plotlyjs=True)


def made(shop: Path, customers: int) -> Path:
    """The raw files of a seeded shop with a year of events."""
    if not (shop / "raw.done").exists():
        run(["synth", "--out", str(shop / "raw"), "--customers", str(customers), "--quiet"])
        (shop / "raw.done").touch()
    return shop


def run(arguments: list[str]) -> tuple[Watch, str]:
    """Raises RuntimeError with the command's own words where it fails."""
    process = subprocess.Popen([COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with Watch(process.pid) as watch:
        out, said = process.communicate()
    if process.returncode:
        raise RuntimeError(said)
    return watch, out


def measured(shop: Path, job: str, settings: list[str]) -> Result:
    source = ["--source", "coterie", "--input", str(shop / "raw")] if job == "ingest" else []
    how = ["--quiet"] if job == "report" else ["--json"]
    watch, out = run([job, "--lake", str(shop / "lake"), *source, *how, *(part for one in settings for part in ("--set", one))])
    read: dict[str, Any] = {"events": json.loads(out)[0]["rows_read"]} if job == "ingest" else {}
    return {"seconds": round(watch.seconds, 1), "driver_mb": round(watch.driver / 1e6), "all_mb": round(watch.total / 1e6), **read}


def line(job: str, results: list[Result], events: list[int]) -> Result:
    """Exponents b of seconds ~ events^b: by least squares over all sizes, and between the two largest, where what is constant weighs least."""
    seconds = [one["seconds"] for one in results]
    texts = {f"{count / 1e6:.1f} M": f"{one['seconds']:.0f} s, {one['driver_mb']} + {one['all_mb'] - one['driver_mb']} MB"
             for count, one in zip(events, results, strict=True)}  # fmt: skip
    last = slope(events[-2:], seconds[-2:])
    return {"job": job, **texts, "exponent": f"{slope(events, seconds):.2f}", "at the end": f"{last:.2f}",
            "driver": f"{results[-1]['driver_mb'] / results[0]['driver_mb'] - 1:+.0%}"}  # fmt: skip


def slope(events: list[int], seconds: list[float]) -> float:
    x, y = [math.log(value) for value in events], [math.log(value) for value in seconds]
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((value - middle_x) ** 2 for value in x)
    return sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True)) / spread if spread else math.nan


def drawn(found: dict[str, list[Result]], events: list[int]) -> go.Figure:
    page = go.Figure([go.Scatter(x=events, y=[one["seconds"] for one in results], name=job, mode="lines+markers") for job, results in found.items()])
    least = min(results[0]["seconds"] for results in found.values())
    straight = [least * count / events[0] for count in events]
    page.add_scatter(x=events, y=straight, name="as the events", mode="lines", line={"dash": "dot", "color": "grey"})
    axes = {name: {"type": "log", "title": name} for name in ("events", "seconds")}
    return page.update_layout(xaxis=axes["events"], yaxis=axes["seconds"], title="Time of each job by the shop's events")


if __name__ == "__main__":
    main()
