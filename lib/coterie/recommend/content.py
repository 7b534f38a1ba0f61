"""Items that are described alike: TF-IDF of titles, categories and price levels. Serves items that nobody has bought yet."""

import functools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.pairs.within import top_within
from coterie.recommend.item_knn import item_rows, neighbour_pairs
from coterie.recommend.tasks.scorers import ItemWeights, Recency, Scorer
from coterie.recommend.verbs import Training

_WORDS = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]+")  # scripts that write words without spaces
_TERMS = "item_id string, term string, count double"
_TERMS_SCHEMA = pa.schema([("item_id", pa.string()), ("term", pa.string()), ("count", pa.float64())])


@dataclass(frozen=True)
class ContentRecommender:
    """Serves customers with an own item. Score: the own items' recency weights times the cosines of their descriptions to the item's.

    A description: the words of the title (of Chinese, Japanese and Korean text the pairs of neighbouring characters), the category, and the
    price level (a step is a factor of two), weighted by `category_weight` and `price_weight`; term frequency x inverse document frequency
    ln((1 + items) / (1 + items with the term)) + 1 (Salton, Buckley 1988; smoothed). Of each item the `neighbours` nearest count.
    """

    neighbours: int
    half_life_days: float
    category_weight: float
    price_weight: float
    memory_mb: int

    @property
    def kind(self) -> str:
        return "content"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "memory_mb"}

    @property
    def scorer(self) -> Scorer:
        return ItemWeights(self.kind, Recency(self.half_life_days), "is like {}")

    def fit(self, training: Training) -> DataFrame:
        """Side "item": from an own item (id) to the items (ids) that have it among their most alike, and the cosines."""
        level = F.when(F.col("price") > 0, F.round(F.log2("price")).cast("int").cast("string")).alias("level")
        described = training.items.select("item_id", "title", "category", level)
        tokens = functools.partial(item_terms, category_weight=self.category_weight, price_weight=self.price_weight)
        terms = described.mapInArrow(tokens, _TERMS)
        frequencies = terms.groupBy("term").agg(F.count(F.lit(1)).alias("items"))
        total = described.agg(F.count(F.lit(1)).alias("total"))
        weighted = terms.join(frequencies, "term", how="inner").crossJoin(F.broadcast(total))
        inverse = F.log((1 + F.col("total")) / (1 + F.col("items"))) + 1
        rows = weighted.select(F.col("item_id").alias("row_id"), F.col("term").alias("column_id"), (F.col("count") * inverse).alias("value"))
        found = top_within(rows, self.neighbours, memory_mb=self.memory_mb)
        return item_rows(neighbour_pairs(found).select("id", "target", F.col("cosine").cast("float").alias("weight")))


def item_terms(batches: Iterator[pa.RecordBatch], category_weight: float, price_weight: float) -> Iterator[pa.RecordBatch]:
    """Rows (item_id, term, count) of batches of (item_id, title, category, level): each term of an item once."""
    for batch in batches:
        rows = []
        for item in batch.to_pylist():
            counts: dict[str, float] = dict(Counter(words(item["title"] or "")))
            if item["category"] and category_weight:
                counts[f"category {item['category']}"] = category_weight
            if item["level"] and price_weight:
                counts[f"price {item['level']}"] = price_weight
            rows += [{"item_id": item["item_id"], "term": term, "count": float(count)} for term, count in counts.items()]
        yield pa.RecordBatch.from_pylist(rows, schema=_TERMS_SCHEMA)


def words(title: str) -> list[str]:
    """The words of a title in small letters; where words are written without spaces, its pairs of neighbouring characters."""
    found = []
    for word in _WORDS.findall(title.casefold()):
        for part in re.split(f"({_UNSPACED.pattern})", word):
            if _UNSPACED.fullmatch(part):
                found += [part[at : at + 2] for at in range(max(1, len(part) - 1))]
            elif part:
                found.append(part)
    return found
