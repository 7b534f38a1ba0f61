"""Trying and choosing: heaps whose number is known, shapes that centres cannot find, customers who are all alike, and the real shop's figure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_moons
from sklearn.metrics import adjusted_rand_score

from coterie.features.encoding import fit_encoding
from coterie.segments.candidates import Candidate, Conditions
from coterie.segments.choice import chosen
from coterie.segments.effort import Effort
from coterie.segments.methods import METHODS
from coterie.segments.plan import Plan, Sample

SHOP = Conditions(k=(2, 4), min_share=0.03, max_noise=0.1, min_stability=0.5, min_silhouette=-1, rank_by="silhouette")
SHAPES = Conditions(k=(2, 8), min_share=0.01, max_noise=0.25, min_stability=0.5, min_silhouette=-1, rank_by="evidence")
HEAPS = np.array([[10.0 * heap + 0.1 * step, float(step % 2)] for heap in range(3) for step in range(6)])


def plan(conditions: Conditions = SHOP, *methods: str) -> Plan:
    return Plan(methods or ("kmeans",), conditions, resamples=5, effort=Effort(1, 50, 1))


def winner(found: list[Candidate]) -> Candidate:
    [one] = [one for one in found if one.is_chosen]
    return one


def test_three_heaps_are_found_and_every_candidate_is_measured() -> None:
    rules = np.arange(18) % 2
    found = chosen({"set": Sample(HEAPS, {"monetary": HEAPS[:, 0]}, rules)}, plan())
    assert sorted(one.name for one in found) == ["set kmeans k=2", "set kmeans k=3", "set kmeans k=4", "set rfm_rules"]
    best = winner(found)
    assert best.parameters == {"k": 3}
    assert best.measures["smallest_share"] == best.measures["largest_share"] == pytest.approx(1 / 3)
    # In each heap six points: x 0, .1, ..., .5 (variance .35 / 12), y 0 or 1 (variance .25).
    assert best.measures["within_cluster_sum_of_squares"] == pytest.approx(18 * (0.35 / 12 + 0.25))
    expected = {"silhouette", "silhouette_se", "davies_bouldin", "calinski_harabasz", "valley_depth", "evidence", "stability", "monetary_explained"}
    assert expected <= set(best.measures)
    assert {one.name: one for one in found}["set rfm_rules"].measures["largest_share"] == 0.5
    assert all(one.verdict for one in found)


@pytest.mark.parametrize("matrix", [[[1.0, 2.0]], [[1.0, 2.0]] * 5, [[], [], []], [[0.0], [9.0]]], ids=["one", "all alike", "no feature", "two"])
def test_customers_that_cannot_be_divided_are_one_segment(matrix: list[list[float]]) -> None:
    found = chosen({"set": Sample(np.array(matrix))}, plan(SHOP, *METHODS))
    assert (winner(found).segments, winner(found).name) == (1, "set kmeans k=1")
    assert [one.verdict for one in found if one.parameters == {"k": 3}] == ["not tried: they are too few or too alike"]


def test_no_more_segments_are_tried_than_there_are_different_customers() -> None:
    conditions = Conditions((3, 5), 0.03, 0.1, -1, -1, "silhouette")
    found = chosen({"set": Sample(np.array([[0.0], [0.0], [5.0], [5.0], [9.0]]))}, plan(conditions))
    assert winner(found).segments == 3
    assert {one.name: one.verdict for one in found}["set any k=4"] == "not tried: they allow 3 at most"
    assert {one.name: one.verdict for one in found}["set kmeans k=2"] == "refused: it finds 2, fewer than 3"


def test_three_rows_are_no_error() -> None:
    assert winner(chosen({"set": Sample(np.array([[0.0, 1.0], [5.0, 5.0], [9.0, 2.0]]))}, plan(SHAPES, *METHODS))).segments in (1, 2)


def test_moons_are_found_by_evidence_whole() -> None:
    points, truth = make_moons(400, noise=0.06, random_state=3)
    best = winner(chosen({"set": Sample(points)}, plan(SHAPES, *METHODS)))
    assert adjusted_rand_score(truth, best.labels) > 0.95


def test_the_best_of_each_feature_set_are_compared_by_what_can_be_done_with_them() -> None:
    rng = np.random.default_rng(1)
    orders = np.repeat([1.0, 10.0, 30.0], 60)
    speaking = (np.log(orders) + rng.normal(0, 0.05, 180)).reshape(-1, 1)
    silent = np.repeat([0.0, 10.0, 20.0], 60)[rng.permutation(180)].reshape(-1, 1) + rng.normal(0, 0.05, (180, 1))
    values, columns = {"frequency": orders, "monetary": 20 * orders}, {"frequency": orders}
    found = chosen({"silent": Sample(silent, values, None, columns), "speaking": Sample(speaking, values, None, columns)}, plan())
    assert winner(found).feature_set == "speaking"
    assert "best of the feature sets by what can be done with it" in winner(found).verdict
    [other] = [one for one in found if one.verdict.startswith("best of its feature set; not chosen")]
    assert other.feature_set == "silent"
    assert other.measures["value_explained"] < 0.1
    assert winner(found).measures["value_explained"] > 0.9


def test_online_retail_reaches_the_figures_found_reachable(data_folder: Path) -> None:
    lines = pd.concat([pd.read_csv(path, dtype=str) for path in sorted((data_folder / "online_retail" / "by-day").glob("*.csv"))])
    lines = lines.drop_duplicates().dropna(subset=["CustomerID"])
    lines["quantity"] = lines["Quantity"].astype(float)
    lines["revenue"] = lines["quantity"] * lines["UnitPrice"].astype(float)
    lines["day"] = pd.to_datetime(lines["InvoiceDate"]).dt.normalize()
    bought = lines[lines["quantity"] > 0].groupby("CustomerID")
    customers = pd.DataFrame({"recency": (lines["day"].max() - bought["day"].max()).dt.days, "frequency": bought["InvoiceNo"].nunique()})
    customers["monetary"] = lines.groupby("CustomerID")["revenue"].sum()
    raw = {name: customers[name].to_numpy(dtype=float) for name in customers}
    fills = dict.fromkeys(raw, ("median", ""))
    encoding = fit_encoding(raw, fills, transform="rank", clip=(0.005, 0.995), max_correlation=0.95, max_categories=20, knots=1001, pca_variance=0.0)
    conditions = Conditions((4, 4), 0.03, 0.1, 0.9, 0.25, "silhouette")
    best = winner(chosen({"rfm": Sample(encoding.apply(raw, len(customers)))}, Plan(("kmeans", "gaussian_mixture"), conditions)))
    assert best.method == "kmeans"
    assert best.measures["silhouette"] >= 0.35
    assert best.measures["smallest_share"] >= 0.03
    assert best.measures["stability"] >= 0.9
