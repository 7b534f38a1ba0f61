"""The measures of generated images, by hand."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is missing: install the extra `content`")

from coterie.content.quality import Sample, agreement, class_shares, diversity, frechet_distance, nearest  # noqa: E402 - after the skip


def flat(*values: int):
    """Images of 3 x 2 x 2 pixels, each of one value."""
    return torch.tensor(values, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 2, 2).contiguous()


def test_distances_are_root_mean_squares_between_nought_and_one() -> None:
    assert nearest(flat(0, 255, 51), flat(0, 102)).tolist() == pytest.approx([0, 0.6, 0.2], abs=1e-5)


def test_diversity_is_the_mean_distance_within_a_category() -> None:
    sample = Sample(flat(0, 51, 102, 255), torch.tensor([0, 0, 0, 1]), torch.zeros(4, 1), torch.zeros(4, 3))
    assert diversity(sample, 3) == [pytest.approx((0.2 + 0.4 + 0.2) / 3), None, None]


def test_agreement_and_shares_are_of_the_category_that_is_seen() -> None:
    chances = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.6, 0.4]])
    sample = Sample(flat(1, 2, 3, 4), torch.tensor([0, 0, 1, 1]), torch.zeros(4, 1), chances)
    assert agreement(sample) == 0.75
    assert class_shares(sample, 3) == [0.75, 0.25, 0]


def test_frechet_distance_of_normals_on_axes() -> None:
    """Means 3 apart; standard deviations 1 and 2 on the first axis, equal on the second: 9 + (2 - 1)^2."""
    plain = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]]) * np.sqrt(3 / 4)
    assert frechet_distance(plain, plain) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(plain, plain * [2, 1] + [3, 0]) == pytest.approx(10)
