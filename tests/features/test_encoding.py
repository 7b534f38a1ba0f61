"""The steps of a vector without Spark: each small enough to work out by hand."""

import math

import numpy as np
import pytest

from coterie.features.encoding import Encoding, Raw, fit_encoding, from_json
from coterie.features.steps import CategoryStep, NumberStep, fit_category, fit_number

NAN = float("nan")


def number(
    values: list[float], *, fill: str = "0", transform: str = "standard", clip: tuple[float, float] = (0, 1), knots: int = 1001
) -> NumberStep | str:
    return fit_number("x", np.array(values, dtype=float), fill=fill, reason="because", transform=transform, clip=clip, knots=knots)


def encoded(raw: Raw, *, max_correlation: float = 0.95, pca_variance: float = 0.0) -> Encoding:
    fills = {name: ("unknown" if values.dtype == object else "0", "because") for name, values in raw.items()}
    return fit_encoding(
        raw, fills, transform="standard", clip=(0, 1), max_correlation=max_correlation, max_categories=2, knots=11, pca_variance=pca_variance
    )


@pytest.mark.parametrize(("fill", "value"), [("max", 5.0), ("median", 3.0), ("0", 0.0), ("1", 1.0)])
def test_missing_values_are_filled_as_the_catalogue_says(fill: str, value: float) -> None:
    step = number([NAN, 1, 5], fill=fill)
    assert isinstance(step, NumberStep)
    assert (step.fill, step.fill_reason) == (value, "because")


def test_values_beyond_the_quantiles_are_moved_to_them() -> None:
    step = number([0, 1, 2, 3, 4, 5, 6, 7], clip=(0.25, 0.75))
    assert isinstance(step, NumberStep)
    # 1 1 2 3 4 5 5 5
    assert (step.low, step.high, step.mean) == (1.0, 5.0, 3.25)
    assert step.apply(np.array([100.0]))[0, 0] == step.apply(np.array([5.0]))[0, 0]


def test_more_values_than_knots_are_stored_as_quantiles_and_ranked_between_them() -> None:
    step = number(list(range(10)), transform="rank", knots=3)
    assert isinstance(step, NumberStep)
    assert step.values == (0.0, 4.0, 9.0)
    assert step.ranks == pytest.approx((0.05, 0.45, 0.95))
    ranks = step.apply(np.array([2.0, 20.0]))[:, 0] * step.sd + step.mean
    assert ranks == pytest.approx([0.25, 0.95])


def test_the_logarithm_keeps_the_sign() -> None:
    step = number([-(math.e - 1), 0, math.e - 1], transform="log")
    assert isinstance(step, NumberStep)
    assert step.apply(np.array([-(math.e - 1), 0.0, math.e - 1]))[:, 0] == pytest.approx([-math.sqrt(1.5), 0, math.sqrt(1.5)])


def test_a_column_that_says_the_same_of_everyone_is_none() -> None:
    assert number([3, 3, 3]) == "constant: every customer has 3"
    assert number([NAN, NAN]) == "constant: every customer has 0 (filled or clipped)"


def test_rare_and_unseen_categories_share_a_position() -> None:
    words = np.array(["GB", "GB", "GB", "FR", "FR", "DE", None], dtype=object)
    step = fit_category("country", words, fill="unknown", reason="because", most=2)
    assert isinstance(step, CategoryStep)
    assert step.names == ["country=GB", "country=FR", "country=other"]
    assert step.means == pytest.approx((3 / 7, 2 / 7, 2 / 7))
    assert step.apply(np.array(["US", "GB"], dtype=object)) == pytest.approx(np.array([[-3 / 7, -2 / 7, 5 / 7], [4 / 7, -2 / 7, -2 / 7]]))


def test_of_two_columns_that_say_the_same_the_later_goes_and_says_why() -> None:
    x = np.array([-1.0, -1.0, 1.0, 1.0])
    encoding = encoded({"x": x, "twice": 2 * x + 1, "flat": np.zeros(4), "y": np.array([-1.0, 1.0, -1.0, 1.0])})
    assert encoding.names == ("x", "y")
    assert encoding.dropped == {"flat": "constant: every customer has 0", "twice": "correlation of 1.000 with 'x', beyond 0.95"}


def test_components_are_kept_until_they_explain_enough() -> None:
    x = np.array([-1.0, -1.0, 1.0, 1.0])
    raw = {"x": x, "again": x, "y": np.array([-1.0, 1.0, -1.0, 1.0])}
    one, two = (encoded(raw, max_correlation=1.0, pca_variance=share) for share in (0.6, 0.9))
    # eigenvalues of the correlations: 2 (x and its copy), 1 (y), 0
    assert (one.names, two.names) == (("component_1",), ("component_1", "component_2"))
    assert two.explained == pytest.approx((2 / 3, 1 / 3))
    assert one.apply(raw, 4)[:, 0] == pytest.approx(math.sqrt(2) * x)


def test_an_encoding_read_back_is_the_one_written() -> None:
    raw = {"x": np.array([1.0, 2.0, 4.0]), "country": np.array(["GB", None, "FR"], dtype=object)}
    for encoding in (encoded(raw), encoded(raw, pca_variance=0.9)):
        assert from_json(encoding.to_json()) == encoding
