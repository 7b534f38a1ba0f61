"""A shallow decision tree that tells segments apart by the features themselves, and each segment's rule in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from coterie.segments.centres import Floats

DEPTH = 4
_HELD_OUT = 3  # one customer in so many is not learned from, and tells how often the rules are right
_NEARLY = 0.01  # a shallower tree is taken where it is at most this much less often right
_LEAST = 0.01  # of the customers, in each leaf
_SHOWN = 2  # alternatives in a sentence

@dataclass(frozen=True)
class Phrase:
    """How bounds on a feature read. {high}: at most that; {low}: more than that; {least}: the next whole number above it; {name}: the feature's.
    `same`: where a count can only be one number; a feature with it is a count."""

    most: str
    more: str
    between: str
    same: str = ""


_ANY = Phrase("{name} of at most {high}", "{name} above {low}", "{name} above {low} and at most {high}")

SHOP = {
    "recency": Phrase("last bought within {high} days", "last bought more than {low} days ago", "last bought {least} to {high} days ago"),
    "frequency": Phrase("{high} or fewer orders", "{least} or more orders", "{least} to {high} orders", "{high} orders"),
    "monetary": Phrase("revenue of at most {high}", "revenue above {low}", "revenue above {low} and at most {high}"),
}
_SINGULAR = {"1 or fewer orders": "1 order", "1 orders": "1 order"}


@dataclass(frozen=True)
class SegmentRule:
    """`words`: who is meant. `precision`: share of those who are of the segment; `recall`: share of the segment who are meant."""

    words: str
    precision: float
    recall: float


@dataclass(frozen=True)
class RuleTree:
    """`fidelity`: share of customers the tree was not grown from whom it puts in their segment; `depth` of the tree that was taken."""

    rules: Mapping[int, SegmentRule]
    fidelity: float
    depth: int


def grown(columns: Mapping[str, Floats], labels: NDArray[np.int64], whole: Sequence[str] = (), phrases: Mapping[str, Phrase] = SHOP) -> RuleTree | None:
    """Columns of numbers (nan: missing), n values each, and the segment of each customer -> the tree; None for fewer than two segments.

    The shallowest tree of at most DEPTH, by Gini's impurity or entropy, that is nearly as faithful as the most faithful. Fidelity is measured
    on the third of the customers that the trees were not grown from; the rules are of a tree of that depth over all. `whole`: columns that
    hold whole numbers. `phrases`: features that read otherwise than by their name.
    """
    if len(np.unique(labels)) < 2 or not columns:
        return None
    names = list(columns)
    matrix = np.column_stack([np.asarray(columns[name], dtype=np.float64) for name in names])
    matrix[~np.isfinite(matrix)] = np.nan
    held = np.arange(len(labels)) % _HELD_OUT == 0
    if len(np.unique(labels[~held])) < 2:
        held = np.zeros(len(labels), bool)
    judged = held if held.any() else ~held
    tried = [(depth, kind) for depth in range(1, DEPTH + 1) for kind in ("gini", "entropy")]
    right = {one: float((_tree(*one).fit(matrix[~held], labels[~held]).predict(matrix[judged]) == labels[judged]).mean()) for one in tried}
    chosen = next(one for one in tried if right[one] >= max(right.values()) - _NEARLY)
    tree = _tree(*chosen).fit(matrix, labels)
    leaf, said = _whole_branches(tree)[tree.apply(matrix)], tree.predict(matrix)
    rules = {}
    for segment in np.unique(labels).tolist():
        leaves = _leaves(leaf, said, segment)
        meant = np.isin(leaf, leaves)
        both = float((meant & (labels == segment)).sum())
        words = "; or ".join(_words(tree, place, names, whole, phrases) for place in leaves) or "no rule of this depth tells it apart"
        rules[segment] = SegmentRule(words, both / max(int(meant.sum()), 1), both / int((labels == segment).sum()))
    return RuleTree(rules, right[chosen], chosen[0])


def _tree(depth: int, kind: str) -> DecisionTreeClassifier:
    return DecisionTreeClassifier(criterion=kind, max_depth=depth, min_samples_leaf=_LEAST, random_state=0)


def _whole_branches(tree: DecisionTreeClassifier) -> NDArray[np.int64]:
    """For each node the highest one above it whose leaves all say the same: a split between two equal answers says nothing."""
    inner = tree.tree_
    said = inner.value[:, 0, :].argmax(axis=1)
    one_answer = np.ones(inner.node_count, bool)
    for node in reversed(range(inner.node_count)):  # children come after their parents
        left, right = inner.children_left[node], inner.children_right[node]
        if left >= 0:
            one_answer[node] = one_answer[left] and one_answer[right] and said[left] == said[right]
    top = np.arange(inner.node_count)
    for node in range(inner.node_count):
        for child in (inner.children_left[node], inner.children_right[node]):
            if child >= 0 and one_answer[node]:
                top[child] = top[node]
    return top


def _leaves(leaf: NDArray[np.int64], said: NDArray[np.int64], segment: int) -> list[int]:
    """The leaves that say the segment, the largest first, as many as a sentence holds."""
    names, sizes = np.unique(leaf[said == segment], return_counts=True)
    return [int(name) for name in names[np.lexsort((names, -sizes))][:_SHOWN]]


def _words(tree: DecisionTreeClassifier, leaf: int, names: Sequence[str], whole: Sequence[str], phrases: Mapping[str, Phrase]) -> str:
    """The bounds on the way to a leaf, each feature's tightest, in the order in which they were asked."""
    bounds: dict[int, list[float]] = {}
    place, inner = leaf, tree.tree_
    parents = {int(child): (node, child == inner.children_left[node]) for node in range(inner.node_count) for child in
               (inner.children_left[node], inner.children_right[node]) if child >= 0}  # fmt: skip
    while place in parents:
        place, is_left = parents[place]
        low_high = bounds.setdefault(int(inner.feature[place]), [-math.inf, math.inf])
        if is_left:
            low_high[1] = min(low_high[1], float(inner.threshold[place]))
        else:
            low_high[0] = max(low_high[0], float(inner.threshold[place]))
    asked = [(names[feature], low, high) for feature, (low, high) in reversed(bounds.items())]
    said = [_bounded(name, low, high, name in whole, phrases.get(name, _ANY)) for name, low, high in asked]
    return " and ".join(said) if said else "everyone"


def _bounded(name: str, low: float, high: float, is_whole: bool, phrase: Phrase) -> str:
    """(low, high] of a feature in words: '3 or more orders', '2 to 5 orders', 'basket size above 3.2'."""
    is_whole = is_whole or bool(phrase.same)
    least = math.floor(low) + 1 if math.isfinite(low) else 0
    if not math.isfinite(low):
        form = phrase.most
    elif not math.isfinite(high):
        form = phrase.more
    else:
        form = phrase.same if phrase.same and least == math.floor(high) else phrase.between
    said = form.format(name=name.replace("_", " "), low=_number(low, is_whole), high=_number(high, is_whole), least=f"{least:,}")
    return _SINGULAR.get(said, said)


def _number(value: float, is_whole: bool) -> str:
    if not math.isfinite(value):
        return ""
    if is_whole or abs(value) >= 100:
        return f"{math.floor(value):,}"
    return f"{value:.3g}"
