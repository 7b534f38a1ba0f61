"""What is tried, how hard, and on what sample."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coterie.features.encoding import Raw
from coterie.segments.candidates import Conditions
from coterie.segments.centres import Floats
from coterie.segments.effort import Effort
from coterie.segments.measures import Labels
from coterie.segments.rules import AXES
from coterie.settings import ChoiceRules, Segments


@dataclass(frozen=True)
class Plan:
    """`methods` by name. `trial`: rows that candidates are fitted to and measured on, at most; `silhouette`: rows for the silhouette, of these;
    `resamples`: bootstrap resamples of the trial's rows."""

    methods: tuple[str, ...]
    conditions: Conditions
    trial: int = 5000
    silhouette: int = 2000
    resamples: int = 20
    effort: Effort = field(default_factory=Effort)


@dataclass(frozen=True)
class Sample:
    """What is tried on. `matrix` (n, d): vectors of one feature set; `values`: what a shop values, by name, (n,) each, or nothing; `rules`:
    the segment of the baseline, or None; `columns`: numbers that a rule in words may use, nan for missing."""

    matrix: Floats
    values: Mapping[str, Floats] = field(default_factory=dict)
    rules: Labels | None = None
    columns: Raw = field(default_factory=dict)

    def first(self, count: int) -> "Sample":
        values = {name: column[:count] for name, column in self.values.items()}
        columns = {name: column[:count] for name, column in self.columns.items()}
        return Sample(self.matrix[:count], values, None if self.rules is None else self.rules[:count], columns)


def plan_of(settings: Segments, rules: ChoiceRules) -> Plan:
    """The plan that settings describe; `rules` are the section that says what a candidate must keep."""
    return Plan(
        settings.methods,
        Conditions(rules.k, rules.min_share, rules.max_noise, rules.min_stability, rules.min_silhouette, rules.rank_by),
        settings.trial_sample,
        settings.silhouette_sample,
        settings.resamples,
        Effort(settings.seed, settings.max_iterations, settings.starts),
    )


def rule_columns(columns: Sequence[str], raw: Raw) -> list[str]:
    """Recency, frequency, monetary and the numbers among the columns: what a rule in words may speak of."""
    return [name for name in dict.fromkeys([*AXES, *columns]) if name in raw and raw[name].dtype != object]
