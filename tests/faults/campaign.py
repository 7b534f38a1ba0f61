# ruff: noqa: T201 - a campaign prints its table
"""What becomes of a lake when things go wrong: processes killed, two writers, a full disk, signals. Exit code 1 where anything is wrong.

usage: python tests/faults/campaign.py WORK [--parts drivers workers writers disk signals] [--kills 30] [--losses 10] [--pairs 20] [--disks 10] [--signals 6]

WORK: a folder for the lakes and what is kept between runs of this command. Each case is a job on a lake of its own, beside the same job undisturbed:
  drivers  killed (signal 9) at a random moment, with its JVM and without it: what a reader sees then, and the same command again
  workers  a worker and its executor killed at a random moment of spark-submit on a standalone cluster of two; then slow tasks done twice
  writers  the same command twice at once
  disk     a file system that fills up, and one that is read-only (needs the right to mount)
  signals  Ctrl-C and SIGTERM at random moments
"""

import argparse
import contextlib
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.cluster.standalone import Standalone
from tests.faults import disks, drivers, losses, writers
from tests.faults.lakes import stages
from tests.results import Kept, Result, table

from coterie.session import get_session
from coterie.settings import load_settings

PARTS = ("drivers", "workers", "writers", "disk", "signals")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--losses", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--disks", type=int, default=10)
    parser.add_argument("--signals", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    work = given.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    kept, lake = Kept(work / "results.json"), work / "lake"
    found = stages(work)
    spark = get_session(load_settings([{"spark": {"driver_memory": "1g", "shuffle_partitions": 2}}]).spark)
    cases: dict[str, list[Callable[[], Result]]] = {part: [] for part in PARTS}
    for number, moment in enumerate(drivers.moments(given.kills, given.seed)):
        cases["drivers"].append(partial(drivers.killed, spark, found[number % len(found)], lake, moment, number // len(found) % 2 == 0))
    for number, moment in enumerate(drivers.moments(given.signals, given.seed)):
        cases["signals"].append(partial(drivers.signalled, spark, found[number % len(found)], lake, moment, (signal.SIGINT, signal.SIGTERM)[number % 2]))
    for number in range(given.pairs):  # mostly two ingests, at once or nearly so
        cases["writers"].append(partial(writers.both, spark, found[(0, 0, 4, 0, 1)[number % 5]], lake, number % 4 * 0.3))
    if "disk" in given.parts and not disks.can_mount():
        sys.exit("the part `disk` mounts file systems: run it as root, or leave it out with --parts")
    for number, share in enumerate(drivers.moments(given.disks, given.seed)):
        cases["disk"].append(partial(disks.full, spark, found[number % len(found)], work / "disk", share))
    cases["disk"].append(partial(disks.read_only, spark, found[4], work / "disk"))
    with contextlib.ExitStack() as stack:
        if "workers" in given.parts:
            cluster = stack.enter_context(Standalone(work / "standalone"))
            cases["workers"] = losses.cases(spark, found[:4], cluster, lake, given.losses, given.seed)
        summary = [summed(part, [kept.once(f"{part} {number}", case) for number, case in enumerate(cases[part])]) for part in given.parts]
    print(table(summary))
    sys.exit(any(value for row in summary for name, value in row.items() if name not in ("part", "cases")))


def summed(part: str, results: list[Result]) -> Result:
    return {
        "part": part,
        "cases": len(results),
        "seen half done": sum(bool(one.get("wrong_before")) for one in results),
        "wrong in the end": sum(bool(one.get("wrong_after")) for one in results),
        "states untrue": sum(bool(one.get("wrong_states")) for one in results),
        "unclear": sum(not one.get("clear", True) for one in results),
    }


if __name__ == "__main__":
    main()
