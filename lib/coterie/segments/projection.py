"""A picture of the segments: customers on the first two principal components of the space that was clustered."""

from pyspark.ml.feature import PCA
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window


def projected(vectors: DataFrame, placed: DataFrame, most: int) -> DataFrame:
    """(customer_id, segment_id, confidence, x, y) of about `most` customers: of each segment its share of them, one at least, drawn by hash.

    vectors: (customer_id, features) of all customers, of one length, at least one number long; placed: (customer_id, segment_id, confidence).
    MLlib's PCA is fitted to all of them; the sign of a component, which is arbitrary, makes its largest loading positive.
    """
    dimensions = len(vectors.select(vector_to_array(F.col("features")).alias("features")).first()["features"])  # type: ignore[index]
    model = PCA(k=min(2, dimensions), inputCol="features", outputCol="place").fit(vectors)
    signs = [1.0 if max(column, key=abs) >= 0 else -1.0 for column in model.pc.toArray().T]
    by_hash = Window.partitionBy("segment_id").orderBy(F.xxhash64("customer_id"), "customer_id")
    everyone = Window.partitionBy(F.lit(1))
    counted = placed.groupBy("segment_id").agg(F.count(F.lit(1)).alias("size")).withColumn("all", F.sum("size").over(everyone))
    quota = counted.select("segment_id", F.greatest(F.lit(1.0), F.round(F.col("size") * most / F.col("all"))).alias("quota"))
    ranked = placed.withColumn("number", F.row_number().over(by_hash)).join(F.broadcast(quota), on="segment_id", how="inner")
    drawn = ranked.where(F.col("number") <= F.col("quota")).select("customer_id", "segment_id", "confidence")
    place = vector_to_array(F.col("place"))
    second = place[1] * F.lit(signs[1]) if dimensions > 1 else F.lit(0.0)
    return (
        model.transform(vectors.join(drawn, on="customer_id", how="inner"))
        .select("customer_id", "segment_id", "confidence", (place[0] * F.lit(signs[0])).alias("x"), second.alias("y"))
    )  # fmt: skip
