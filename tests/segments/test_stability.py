"""The bootstrap: what comes out again whatever is drawn, and what does not."""

import numpy as np

from coterie.segments.centres import CentresModel
from coterie.segments.stability import bootstrap_stability

POINTS = np.concatenate([np.zeros((20, 1)), np.full((20, 1), 9.0)])
LABELS = np.repeat([0, 1], 20)


def test_the_same_division_from_every_resample_is_perfectly_stable() -> None:
    assert bootstrap_stability(POINTS, LABELS, lambda rows: CentresModel(((9.0,), (0.0,))), 5, 1) == (1.0, 0.0)


def test_resamples_hold_about_two_thirds_of_the_rows_each_once_and_differ() -> None:
    seen: list[int] = []
    rows = np.arange(1000.0).reshape(-1, 1)

    def refit(drawn: np.ndarray) -> None:  # type: ignore[type-arg]
        assert len(np.unique(drawn)) == len(drawn)
        seen.append(hash(drawn.tobytes()))
        assert 580 < len(drawn) < 680

    assert bootstrap_stability(rows, np.zeros(1000, np.int64), refit, 4, 1) == (0.0, 0.0)
    assert len(set(seen)) == 4
