"""A fitted vector without Spark: the steps of its columns, the positions kept, the principal components, and all of it as JSON.

Workers import this module, so it needs numpy and pyarrow alone.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from coterie.features.steps import CategoryStep, Floats, NumberStep, fit_category, fit_number

Step = NumberStep | CategoryStep
Raw = dict[str, NDArray[Any]]
NUMBERS, WORDS = "_numbers", "_words"  # the columns that a batch carries its numbers and its words in, as arrays


@dataclass(frozen=True)
class Encoding:
    """All that a fitted vector knows.

    `keep` are the places kept of all steps' positions laid side by side, `names` the names of the vector's positions, `dropped` says why
    a column or position is not among them. `components` (components, kept) are loadings, `explained` their shares of the variance; None
    without PCA.
    """

    steps: tuple[Step, ...]
    keep: tuple[int, ...]
    names: tuple[str, ...]
    dropped: dict[str, str]
    components: tuple[tuple[float, ...], ...] | None = None
    explained: tuple[float, ...] | None = None

    def apply(self, raw: Raw, rows: int) -> Floats:
        """Raw columns of `rows` values each -> (rows, len(names))."""
        if not self.steps:
            return np.zeros((rows, 0))
        positions = np.concatenate([step.apply(raw[step.name]) for step in self.steps], axis=1)[:, list(self.keep)]
        return positions if self.components is None else positions @ np.asarray(self.components).T

    def to_json(self) -> str:
        """The same encoding gives the same text."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)


def from_json(text: str) -> Encoding:
    """The encoding that `to_json` wrote."""
    found = json.loads(text)
    found["steps"] = [(NumberStep if "transform" in values else CategoryStep)(**_tuples(values)) for values in found["steps"]]
    return Encoding(**_tuples(found))


def fit_encoding(
    raw: Raw,
    fills: Mapping[str, tuple[str, str]],
    *,
    transform: str,
    clip: tuple[float, float],
    max_correlation: float,
    max_categories: int,
    knots: int,
    pca_variance: float,
) -> Encoding:
    """The encoding of a sample (columns of equal length, at least one row); `fills` gives each column's fill and its reason."""
    steps: list[Step] = []
    dropped: dict[str, str] = {}
    for name, values in raw.items():
        fill, reason = fills[name]
        found: Step | str
        if values.dtype == object:
            found = fit_category(name, values, fill=fill, reason=reason, most=max_categories)
        else:
            found = fit_number(name, values, fill=fill, reason=reason, transform=transform, clip=clip, knots=knots)
        if isinstance(found, str):
            dropped[name] = found
        else:
            steps.append(found)
    names = [position for step in steps for position in step.names]
    rows = len(next(iter(raw.values()), ()))
    sample = Encoding(tuple(steps), tuple(range(len(names))), tuple(names), {}).apply(raw, rows)
    keep, echoes = _distinct(sample, names, max_correlation)
    encoding = Encoding(tuple(steps), tuple(keep), tuple(names[place] for place in keep), dropped | echoes)
    return _with_components(encoding, sample[:, keep], pca_variance) if pca_variance > 0 and keep else encoding


def unpacked(batch: pa.RecordBatch, numbers: Sequence[str], words: Sequence[str]) -> Raw:
    """The columns of a batch that carries them as two arrays a row: (rows, numbers) doubles and (rows, words) texts."""
    floats = batch.column(NUMBERS).flatten().to_numpy(zero_copy_only=False).astype(np.float64).reshape(batch.num_rows, len(numbers))
    texts = batch.column(WORDS).flatten().to_numpy(zero_copy_only=False).astype(object).reshape(batch.num_rows, len(words))
    return {name: floats[:, at] for at, name in enumerate(numbers)} | {name: texts[:, at] for at, name in enumerate(words)}


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON's lists as tuples, so that an encoding read back equals the one written."""
    return {key: _tupled(value) for key, value in values.items()}


def _tupled(value: Any) -> Any:
    return tuple(_tupled(part) for part in value) if isinstance(value, list) else value


def _correlations(sample: Floats) -> Floats:
    """Pearson correlations of the columns; a column that does not vary (an `other` that the sample lacks) correlates with nothing."""
    centred = sample - sample.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    # The last digits follow the machine's threads, and a stored model must not.
    rounded: Floats = np.round(unit.T @ unit, 12)
    return rounded


def _distinct(sample: Floats, names: Sequence[str], most: float) -> tuple[list[int], dict[str, str]]:
    """Places kept, first ones first, and why each other one went: its correlation with one kept before it is above `most`."""
    found = _correlations(sample)
    keep: list[int] = []
    echoes: dict[str, str] = {}
    for place, name in enumerate(names):
        twin = next((kept for kept in keep if abs(found[place, kept]) > most), None)
        if twin is None:
            keep.append(place)
        else:
            echoes[name] = f"correlation of {found[place, twin]:.3f} with '{names[twin]}', beyond {most:g}"
    return keep, echoes


def _with_components(encoding: Encoding, sample: Floats, share: float) -> Encoding:
    """The encoding with the fewest principal components whose variances add up to `share` of the whole."""
    covariance = np.round(sample.T @ sample / len(sample), 12)
    variances, loadings = np.linalg.eigh(covariance)
    order = np.argsort(-variances, kind="stable")
    explained = np.maximum(variances[order], 0) / variances.sum()
    count = min(int(np.searchsorted(np.cumsum(explained), share - 1e-9)) + 1, len(order))
    chosen = loadings[:, order[:count]].T
    # The sign of an eigenvector is arbitrary: the largest loading is made positive.
    signs = np.sign(chosen[np.arange(count), np.abs(chosen).argmax(axis=1)])
    components = np.round(chosen * signs[:, None], 12)
    return replace(
        encoding,
        names=tuple(f"component_{number}" for number in range(1, count + 1)),
        components=tuple(tuple(float(value) for value in row) for row in components),
        explained=tuple(float(value) for value in np.round(explained[:count], 12)),
    )
