"""Two commands that write to one lake, begun at once."""

import time
from pathlib import Path

from pyspark.sql import SparkSession
from tests.faults.lakes import Stage, differing, prints, undisturbed
from tests.faults.processes import Running, finished
from tests.results import Result

REFUSED = "is being written by"


def both(spark: SparkSession, stage: Stage, lake: Path, delay: float) -> Result:
    """The same command twice, the second begun so many seconds after the first; then once more, as whoever was refused would."""
    stage.begin(lake)
    pair = [Running(stage.command(lake), Path(f"{lake}-one"))]
    time.sleep(delay)
    pair.append(Running(stage.command(lake), Path(f"{lake}-two")))
    ends = [one.ended() for one in pair]
    won = [end for end in ends if end.code == 0]
    refused = [end for end in ends if end.code == 1 and REFUSED in end.last]
    finished(stage.command(lake), Path(f"{lake}-again"))
    wrong = differing(prints(spark, lake), undisturbed(spark, stage.after))
    return {"job": stage.name, "won": len(won), "refused": len(refused), "clear": bool(won) and len(won) + len(refused) == 2, "wrong_after": wrong,
            "said": next((end.last for end in ends if end.code), "")}  # fmt: skip
