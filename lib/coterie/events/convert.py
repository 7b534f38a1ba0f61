"""Values read from text or from a typed file, and what is wrong with them. Nothing here fails on bad input."""

from pyspark.sql import Column
from pyspark.sql import functions as F

_SHOWN = 40  # characters of a wrong value that a reason quotes
_HUGE = 1e13  # beyond it a number is no decimal(18,4)


def decimal(value: Column, kind: str = "decimal(18,4)") -> Column:
    """The value as an exact decimal, rounded half up; null where it is none, or too large for one."""
    return value.try_cast(kind)


def is_unreadable(value: Column, read: Column) -> Column:
    """There is a value and it is no number: words, NaN, an infinity. A number too large for `read` is a number."""
    number = F.abs(value.try_cast("double"))
    is_huge = (number > _HUGE) & (number < float("inf"))  # NaN is above infinity for Spark
    return value.isNotNull() & read.isNull() & ~F.coalesce(is_huge, F.lit(False))


def is_beyond(value: Column, read: Column, limit: int) -> Column:
    """A number, but larger than `limit` in either direction."""
    return value.isNotNull() & F.coalesce(F.abs(read) > limit, ~is_unreadable(value, read))


def reason(holds: Column, code: str, found: Column | None = None) -> Column:
    """`code: found` where the condition holds, else null; what was found is shortened."""
    if found is None:
        return F.when(holds, F.lit(code))
    text = F.coalesce(found.cast("string"), F.lit("nothing"))
    shown = F.when(F.length(text) > _SHOWN, F.concat(F.left(text, F.lit(_SHOWN)), F.lit("…"))).otherwise(text)
    return F.when(holds, F.concat(F.lit(f"{code}: "), shown))
