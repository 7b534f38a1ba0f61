"""From features to the model's input: an Estimator/Model pair for Spark ML pipelines, on Classic and on Connect.

Per column: impute (fill and reason of the catalogue), clip, transform, standardise; categories become indicators. Then positions that say
what an earlier one says are dropped, as constant columns are, and, where asked, principal components taken. The whole model is one JSON text.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
from pyspark.ml import Estimator, Model
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from coterie.catalogue import FEATURES
from coterie.errors import SettingsError, one_of
from coterie.features.encoding import NUMBERS, WORDS, Encoding, Raw, fit_encoding, from_json, unpacked

VECTOR = "features"
_VALUES = "_values"
_USABLE = (T.NumericType, T.BooleanType, T.StringType)
_FILLS = {feature.name: (feature.fill, feature.fill_reason) for feature in FEATURES}
_UNKNOWN_NUMBER = ("median", "in the middle, since nothing is known of the column")
_UNKNOWN_WORD = ("unknown", "a category of its own, since nothing is known of the column")


class VectoriserModel(Model):
    """A fitted vector. `transform(frame)` keeps the frame's columns and adds `features`, a dense vector of len(names) doubles.

    Where every column was constant (a shop with one customer) `names` is empty, and so is every vector.
    """

    def __init__(self, encoding: Encoding):
        super().__init__()
        self.encoding = encoding

    @property
    def names(self) -> list[str]:
        """Names of the vector's positions: a column, `column=category`, or `component_n`."""
        return list(self.encoding.names)

    @property
    def dropped(self) -> dict[str, str]:
        """Why a column or position is not in the vector."""
        return dict(self.encoding.dropped)

    @property
    def columns(self) -> list[str]:
        """The columns that the frame must have."""
        return [step.name for step in self.encoding.steps]

    def to_json(self) -> str:
        """The whole model as text; the same model gives the same text."""
        return self.encoding.to_json()

    @staticmethod
    def from_json(text: str) -> "VectoriserModel":
        """The model that `to_json` wrote."""
        return VectoriserModel(from_json(text))

    def _transform(self, dataset: DataFrame) -> DataFrame:
        encoding, kept = self.encoding, dataset.columns
        numbers, words = _split(dataset, self.columns)

        def vectorise(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                vectors = encoding.apply(unpacked(batch, numbers, words), batch.num_rows)
                ends = np.arange(batch.num_rows + 1, dtype=np.int32) * np.int32(vectors.shape[1])
                values = pa.ListArray.from_arrays(pa.array(ends), pa.array(vectors.ravel()))
                yield pa.RecordBatch.from_arrays([*(batch.column(name) for name in kept), values], [*kept, _VALUES])

        schema = T.StructType([*dataset.schema.fields, T.StructField(_VALUES, T.ArrayType(T.DoubleType()))])
        vectorised = _packed(dataset, numbers, words).mapInArrow(vectorise, schema)
        return vectorised.select(*(F.col(name) for name in kept), array_to_vector(F.col(_VALUES)).alias(VECTOR))


class Vectoriser(Estimator[VectoriserModel]):
    """Learns a vector from at most `sample_rows` customers, drawn by hash of the id, with exact statistics of that sample.

    columns: numeric or text columns of the frame. transform: 'rank' (mid-rank in a stored distribution of `knots` points), 'log' (signed
    log1p) or 'standard' (none); each is standardised after. clip_quantiles: values beyond are moved to them, (0, 1) for no clipping.
    max_correlation: of two positions with an absolute Pearson correlation above it the later goes. max_categories: values of a category
    with a position of their own. pca_variance: 0 for no PCA, else the share of variance that the kept components explain.
    `fit` raises SettingsError for a column that is not there or is neither number nor text, and for a frame without rows.
    """

    def __init__(
        self,
        columns: Sequence[str],
        *,
        transform: Literal["rank", "log", "standard"] = "rank",
        clip_quantiles: tuple[float, float] = (0.005, 0.995),
        max_correlation: float = 0.95,
        max_categories: int = 20,
        sample_rows: int = 100_000,
        knots: int = 1001,
        pca_variance: float = 0.0,
        seed: int = 1,
        id_column: str = "customer_id",
    ):
        super().__init__()
        self.columns = list(dict.fromkeys(columns))
        self.transform = transform
        self.clip_quantiles = clip_quantiles
        self.max_correlation = max_correlation
        self.max_categories = max_categories
        self.sample_rows = sample_rows
        self.knots = knots
        self.pca_variance = pca_variance
        self.seed = seed
        self.id_column = id_column

    def _fit(self, dataset: DataFrame) -> VectoriserModel:
        return self.learn(drawn_raw(dataset, self.columns, self.sample_rows, self.seed, self.id_column))

    def learn(self, raw: Raw) -> VectoriserModel:
        """The model of a sample that `drawn_raw` gave, with at least the columns of this vector."""
        if not len(next(iter(raw.values()), ())):
            raise SettingsError("there is no customer to fit the vector on; expected at least one row")
        fills = {name: _FILLS.get(name, _UNKNOWN_WORD if raw[name].dtype == object else _UNKNOWN_NUMBER) for name in self.columns}
        encoding = fit_encoding(
            {name: raw[name] for name in self.columns},
            fills,
            transform=self.transform,
            clip=self.clip_quantiles,
            max_correlation=self.max_correlation,
            max_categories=self.max_categories,
            knots=self.knots,
            pca_variance=self.pca_variance,
        )
        return VectoriserModel(encoding)


def drawn_raw(frame: DataFrame, columns: Sequence[str], rows: int, seed: int, id_column: str = "customer_id") -> Raw:
    """Raw columns of at most `rows` rows, the first by a hash of the id: the same ones whatever the layout.

    `rows` bounds what the driver holds. Numbers come as float64 (nan: missing), texts as objects (None: missing). Raises SettingsError for
    a column that is not there or is neither number nor text.
    """
    numbers, words = _split(frame, columns)
    drawn = (
        _packed(frame.select(id_column, *(name for name in columns if name != id_column)), numbers, words)
        .orderBy(F.xxhash64(F.lit(seed), F.col(id_column)), id_column)
        .limit(rows)
        .select(NUMBERS, WORDS)
        .toArrow()  # `rows` bounds it, however many customers there are
        .combine_chunks()
    )
    if not drawn.num_rows:
        return {name: np.zeros(0, dtype=object if name in words else np.float64) for name in columns}
    return unpacked(drawn.to_batches()[0], numbers, words)


def _split(frame: DataFrame, columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Columns that are numbers, and those that are words. Raises SettingsError for any other, naming what is there."""
    kinds = {field.name: field.dataType for field in frame.schema.fields}
    usable = [name for name, kind in kinds.items() if isinstance(kind, _USABLE)]
    for name in columns:
        if name not in kinds:
            raise SettingsError(f"there is no feature '{name}'; {one_of(name, usable)}")
        if name not in usable:
            raise SettingsError(
                f"feature '{name}' is of type {kinds[name].simpleString()} and cannot stand in a vector; "
                f"expected a number or a text, one of: {', '.join(sorted(usable))}"
            )
    words = [name for name in columns if isinstance(kinds[name], T.StringType)]
    return [name for name in columns if name not in words], words


def _packed(frame: DataFrame, numbers: Sequence[str], words: Sequence[str]) -> DataFrame:
    """The frame with its numbers as one array of doubles and its words as one array of texts: quick to unpack in numpy."""
    return frame.select(
        "*",
        F.array(*(F.col(name).cast("double") for name in numbers)).cast("array<double>").alias(NUMBERS),
        F.array(*(F.col(name) for name in words)).cast("array<string>").alias(WORDS),
    )
