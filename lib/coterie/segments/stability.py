"""Would the same clusters come out again? The bootstrap: fits to resamples, compared with the fit to all."""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import adjusted_rand_score

from coterie.segments.centres import Floats
from coterie.segments.effort import ClusterModel
from coterie.segments.measures import Labels


def bootstrap_stability(matrix: Floats, labels: Labels, refit: Callable[[Floats], ClusterModel | None], resamples: int, seed: int) -> tuple[float, float]:
    """Mean and standard deviation of the adjusted Rand index between `labels` (n,) and fits to resamples of the (n, d) matrix.

    A resample holds n draws with replacement, each customer once: about 63 % of them (Hennig 2007 on why repeats mislead methods that look
    at distances). Each fit places all n customers. Where a resample allows no fit, it agrees in nothing: 0.
    """
    found = []
    for number in range(resamples):
        rows = np.unique(np.random.default_rng((seed, number)).integers(0, len(matrix), len(matrix)))
        model = refit(matrix[rows])
        found.append(0.0 if model is None else float(adjusted_rand_score(labels, model.place(matrix).cluster)))
    return float(np.mean(found)), float(np.std(found, ddof=1)) if resamples > 1 else 0.0
