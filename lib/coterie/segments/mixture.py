"""Gaussian mixture: MLlib's on all customers, scikit-learn's on the sample; everyone belongs to each component by a share."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sklearn.mixture
from pyspark.ml.clustering import GaussianMixture
from pyspark.sql import DataFrame
from scipy.special import logsumexp

from coterie.segments.centres import Floats, Placement, rounded
from coterie.segments.draw import drawn
from coterie.segments.effort import COMPARED_ON, ClusterModel, Effort, Parameters, Trial

_RIDGE = 1e-4  # added to the variances, which are about 1: without it a component can shrink to a few equal customers
_AS_GOOD = 0.01  # nats a customer: mean log-likelihoods closer than that are alike
_PER_PARAMETER = 2  # customers, at least, for each number that is estimated


@dataclass(frozen=True)
class MixtureModel:
    """Components with weights (k), means (k, d) and covariances (k, d, d)."""

    weights: tuple[float, ...]
    means: tuple[tuple[float, ...], ...]
    covariances: tuple[tuple[tuple[float, ...], ...], ...]
    noise: None = None

    @property
    def clusters(self) -> int:
        return len(self.weights)

    @property
    def has_middles(self) -> bool:
        return True

    def logs(self, matrix: Floats) -> Floats:
        """(k, n) of log(weight x density)."""
        found = []
        for weight, mean, covariance in zip(self.weights, self.means, self.covariances, strict=True):
            lower = np.linalg.cholesky(np.asarray(covariance))
            # Solved for each row by itself, in one order, so that a customer's membership does not follow the batch.
            off = ((matrix - np.asarray(mean))[:, None, :] * np.linalg.inv(lower)).sum(axis=2)
            constant = len(mean) * np.log(2 * np.pi) / 2 + np.log(np.diag(lower)).sum()
            found.append(np.log(weight) - constant - (off**2).sum(axis=1) / 2)
        return np.stack(found)

    def membership(self, matrix: Floats) -> Floats:
        """(n, k) posterior probabilities of the components."""
        logs = self.logs(matrix)
        shares: Floats = np.exp(logs - logsumexp(logs, axis=0)).T
        return shares

    def place(self, matrix: Floats) -> Placement:
        """(n, d) -> the likeliest component; confidence is its probability, distance that to its mean, second the next likely."""
        shares = self.membership(matrix)
        rows = np.arange(len(matrix))
        order = np.argsort(-shares, axis=1, kind="stable")
        cluster = order[:, 0].astype(np.int32)
        second = order[:, 1].astype(np.int32) if self.clusters > 1 else np.full(len(matrix), -1, np.int32)
        distance = np.sqrt(((matrix - np.asarray(self.means)[cluster]) ** 2).sum(axis=1))
        return Placement(cluster, shares[rows, cluster], distance, second)

    def keeping(self, clusters: list[int]) -> "MixtureModel":
        """The model with only the components named, in that order, their weights brought to a sum of 1."""
        total = sum(self.weights[cluster] for cluster in clusters)
        weights = tuple(self.weights[cluster] / total for cluster in clusters)
        return MixtureModel(weights, tuple(self.means[cluster] for cluster in clusters), tuple(self.covariances[cluster] for cluster in clusters))

    def to_json(self) -> str:
        return json.dumps({"weights": self.weights, "means": self.means, "covariances": self.covariances})

    @staticmethod
    def from_json(text: str) -> "MixtureModel":
        found = json.loads(text)
        covariances = tuple(tuple(tuple(row) for row in covariance) for covariance in found["covariances"])
        return MixtureModel(tuple(found["weights"]), tuple(tuple(mean) for mean in found["means"]), covariances)


def try_mixture(matrix: Floats, counts: Sequence[int], effort: Effort) -> Iterator[Trial]:
    """Expectation-maximisation from a KMeans start, a full covariance each; as many components as the customers allow to estimate."""
    size = matrix.shape[1]
    for k in counts:
        if k * (1 + size + size * (size + 1) // 2) * _PER_PARAMETER > len(matrix):
            return
        found = sklearn.mixture.GaussianMixture(k, reg_covar=_RIDGE, max_iter=2 * effort.max_iterations, random_state=effort.seed).fit(matrix)
        yield Trial({"k": k}, _model(found.weights_, found.means_, found.covariances_))


def fit_mixture(frame: DataFrame, trial: ClusterModel, parameters: Parameters, effort: Effort) -> MixtureModel:
    """MLlib starts from a few customers drawn by chance, and often ends far from the best; so up to `starts` fits are made, until one is as
    likely on a sample as the trial, and where none is, the trial stands."""
    assert isinstance(trial, MixtureModel)
    _, sample = drawn(frame, COMPARED_ON)
    wanted = _likelihood(trial, sample) - _AS_GOOD
    for start in range(effort.starts):
        made = GaussianMixture(k=parameters["k"], seed=effort.seed + start, maxIter=2 * effort.max_iterations, tol=1e-3, featuresCol="features").fit(frame)
        rows = made.gaussiansDF.collect()  # a row a component
        covariances = np.stack([row["cov"].toArray() for row in rows]) + _RIDGE * np.eye(sample.shape[1])
        weights = np.maximum(np.asarray(made.weights), 1e-12)
        model = _model(weights / weights.sum(), np.stack([row["mean"].toArray() for row in rows]), covariances)
        if _likelihood(model, sample) >= wanted:
            return model
    return trial


def _model(weights: Floats, means: Floats, covariances: Floats) -> MixtureModel:
    return MixtureModel(rounded(weights[None, :])[0], rounded(means), tuple(rounded(covariance) for covariance in covariances))


def _likelihood(model: MixtureModel, sample: Floats) -> float:
    return float(logsumexp(model.logs(sample), axis=0).mean())
