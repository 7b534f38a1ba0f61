"""Coterie: customer segments and what to offer them, on Apache Spark.

    shop = coterie.open("lake")
    shop.run(source="coterie", input="raw")
    shop.table("segments").show()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import SparkSession

    from coterie.pipeline.shop import Shop

__version__ = "0.1.0"


def open(lake: str, spark: SparkSession | None = None, layers: Sequence[Mapping[str, Any]] = ()) -> Shop:  # noqa: A001 - coterie.open reads well
    """The shop whose tables lie at `lake` (a folder, an object-store address or `catalog.schema`).

    `spark` None: the active session, else a new one. `layers`: settings laid over `conf/base.toml`, such as
    `{"segments": {"k": [4, 6]}}`. Raises UserError for a wrong setting. Spark is started at the first use of the tables; that raises
    SessionError where Spark cannot be had, UserError for a wrong place.
    """
    from coterie.pipeline.shop import Shop  # noqa: PLC0415 - a worker that unpickles a function must not load everything

    return Shop(lake, spark, layers)
