"""Customers brought to the driver, drawn by hash of the id: the same ones whatever the layout."""

import numpy as np
import pandas as pd
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.segments.centres import Floats


def drawn(frame: DataFrame, most: int) -> tuple[pd.DataFrame, Floats]:
    """(customer_id, features, ...) -> the rows without their features of at most `most` customers, and their vectors (n, d).

    `most` bounds what the driver holds.
    """
    first = frame.orderBy(F.xxhash64("customer_id"), "customer_id").limit(most)
    rows = first.withColumn("features", vector_to_array(F.col("features"))).toPandas()
    matrix = np.array(rows["features"].tolist(), dtype=np.float64).reshape(len(rows), -1)
    return rows.drop(columns="features"), matrix
