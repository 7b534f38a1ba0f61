"""Small frames: their rows on the driver, or sent to every task."""

import datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)
_FEW_IDS = 500_000


def collected(frame: DataFrame) -> list[dict[str, Any]]:
    """A small frame's rows. Instants are of UTC and say so: as Spark hands them over they are the machine's local time, which has hours twice."""
    instants = [field.name for field in frame.schema.fields if isinstance(field.dataType, T.TimestampType)]
    numbers = {name: F.unix_micros(f"`{name}`") for name in instants}
    plain = frame.withColumns(numbers) if numbers else frame  # Connect takes no empty ones
    found = [row.asDict(recursive=True) for row in plain.collect()]  # the caller's bound
    for row in found:
        row.update({name: EPOCH + datetime.timedelta(microseconds=row[name]) for name in instants if row[name] is not None})
    return found


def travelling(ids: DataFrame, count: int) -> DataFrame:
    """Ids, `count` of them at most, as one side of a join: where they are few they go to every task, and the rows of the other side stay where they are."""
    return F.broadcast(ids) if count <= _FEW_IDS else ids
