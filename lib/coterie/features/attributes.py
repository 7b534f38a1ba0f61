"""What the shop declares of its customers, as it was valid at a date."""

import datetime
from collections.abc import Sequence
from itertools import pairwise

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def attributes_at(customers: DataFrame, as_of: datetime.date, age_bands: Sequence[int]) -> DataFrame:
    """`customers` -> one row a customer with a period begun by `as_of`: country, age_band, gender, joined_on, days_since_joined.

    The period is the one with the latest `valid_from` <= as_of. A day of joining after `as_of` was not known then: null. `age_bands` are
    the lower ends of the bands, rising; the last is open, and the first has one of the younger below it.
    """
    current = F.max(F.struct("valid_from", "country", "birth_year", "gender", "joined_on")).alias("period")
    joined_on = F.when(F.col("period.joined_on") <= F.lit(as_of), F.col("period.joined_on"))
    return (
        customers.where(F.col("valid_from") <= F.lit(as_of))
        .groupBy("customer_id")
        .agg(current)
        .select(
            "customer_id",
            F.col("period.country").alias("country"),
            _age_band(F.lit(as_of.year) - F.col("period.birth_year"), age_bands).alias("age_band"),
            F.col("period.gender").alias("gender"),
            joined_on.alias("joined_on"),
            F.datediff(F.lit(as_of), joined_on).alias("days_since_joined"),
        )
    )


def _age_band(age: Column, lower_ends: Sequence[int]) -> Column:
    """'under 18', '18-24', ..., '65 and over'; null where the age is, or is negative."""
    ends = sorted(lower_ends)
    band = F.when((age >= 0) & (age < ends[0]), F.lit(f"under {ends[0]}")) if ends else F.when(age >= 0, F.lit("any"))
    for low, high in pairwise(ends):
        band = band.when((age >= low) & (age < high), F.lit(f"{low}-{high - 1}"))
    return band.when(age >= ends[-1], F.lit(f"{ends[-1]} and over")) if ends else band
