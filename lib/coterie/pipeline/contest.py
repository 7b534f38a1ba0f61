"""What the recommenders are worth on days they have not seen: fitted, measured, and the one to serve chosen.

Two dates before the as-of date, `test_days` apart: the test starts after the later one, the validation after the earlier one. The blend learns
from the validation window, and is judged there too, each half of the customers by a ranker that learned from the other half. So nothing is
learned or chosen on the days of the test.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.pipeline.run import Run
from coterie.recommend.evaluate import bought_between, headline, held_out_customers, quality
from coterie.recommend.family import TIMELESS, blend, recommenders
from coterie.recommend.interactions import Weighing, effective_purchases, offered_items, pairs
from coterie.recommend.serve import BLEND, FILLER, Fitted, Request, draw_of, measured
from coterie.recommend.tasks.block import ITEM_FACTS
from coterie.recommend.tasks.lists import EXAMPLES, names_of
from coterie.recommend.tasks.ranker import Ranker
from coterie.recommend.user_knn import similar_customers
from coterie.recommend.verbs import Model, Training, digest, model_id, restored, saved_rows

_FEWEST_BLOCKS = 4  # so that a small shop keeps several cores busy


def union(frames: Sequence[DataFrame]) -> DataFrame:
    return reduce(DataFrame.unionByName, frames)


@dataclass(frozen=True)
class Ranking:
    """The blend's ranker, and the model that it is."""

    ranker: Ranker
    model: Model


@dataclass(frozen=True)
class Verdict:
    """What the contest found: the model to serve, the blend's ranker if there is one, the models of the test, and {model: {measure: value}}."""

    chosen: str
    ranking: Ranking | None
    tested: Sequence[Fitted]
    measures: dict[str, dict[str, float]]
    validated: dict[str, float]


class Contest:
    """One run's models, dates and lists, each made once."""

    def __init__(self, run: Run, as_of: datetime.date) -> None:
        self.run, self.as_of, self.settings = run, as_of, run.settings.recommend
        self.similar_written = False
        self.timeless: dict[str, Model] = {}
        window = datetime.timedelta(days=self.settings.test_days)
        self.validated_from, self.tested_from = as_of - 2 * window, as_of - window

    def weigh(self, *dates: datetime.date) -> None:
        """Writes `customer_items` as of these dates."""
        settings = self.settings
        weights = {str(kind): weight for kind, weight in settings.weights.items()}
        weighing = Weighing(weights, settings.half_life_days, settings.history_days, settings.weigh_by_quantity)
        days, cancellations = self.run.read("customer_item_days"), self.run.read("cancellations")
        found = [pairs(days, cancellations, date, weighing).select(F.lit(date).alias("as_of"), "*") for date in dates]
        self.run.replace("customer_items", union(found))

    def training(self, date: datetime.date) -> Training:
        """What was known on the date; the pairs from the table, so that they are not made again by every reader."""
        known = self.run.read("customer_items").where(F.col("as_of") == F.lit(date)).drop("as_of")
        similar = None
        if self.similar_written and date == self.as_of and self.settings.similar_customers >= self.settings.user_knn.neighbours:
            similar = self.run.read("similar_customers").where(F.col("as_of") == F.lit(date)).drop("as_of")
        return Training(date, known, self._purchases(date), self.items(date), similar)

    def find_similar(self) -> None:
        """Writes `similar_customers` as of the date."""
        settings = self.settings
        if settings.similar_customers:
            self.run.step("finding similar customers")
            found = similar_customers(self.training(self.as_of).pairs, settings.similar_customers, settings.pairs_memory_mb)
            self.run.replace("similar_customers", found.select(F.lit(self.as_of).alias("as_of"), "*"), f"as_of = DATE '{self.as_of}'")
            self.similar_written = True
        else:
            self.run.delete("similar_customers", f"as_of = DATE '{self.as_of}'")

    def items(self, date: datetime.date) -> DataFrame:
        blocked = self.run.settings.items.block_list
        return offered_items(self.run.read("items"), self.run.read("customer_item_days"), date, self.settings.sellable_days, blocked)

    def models(self, date: datetime.date) -> list[Fitted]:
        """Every recommender fitted as of the date; a fit that the lake still holds is not done again."""
        training, found = self.training(date), recommenders(self.settings)
        known_by = digest(training)
        names = {recommender.kind: model_id(recommender, date, known_by) for recommender in found}
        held = self.run.read("model_factors").where(F.col("model_id").isin(list(names.values()))).groupBy("model_id").count().collect()  # one a model
        wanted = [recommender for recommender in found if names[recommender.kind] not in {row["model_id"] for row in held}]
        if wanted:
            self.run.step(f"fitting {', '.join(recommender.kind for recommender in wanted)} as of {date}")
            known = {kind: model.rows for kind, model in self.timeless.items()}
            rows = [saved_rows(names[one.kind], known[one.kind] if one.kind in known else one.fit(training)) for one in wanted]
            self.run.replace("model_factors", union(rows), f"model_id IN ({', '.join(repr(names[recommender.kind]) for recommender in wanted)})")
        # Read back: what follows must not fit again.
        factors = self.run.read("model_factors")
        fitted = [(recommender, restored(recommender, names[recommender.kind], date, factors)) for recommender in found]
        self.timeless |= {model.kind: model for _, model in fitted if model.kind in TIMELESS}
        return fitted

    def request(self, customers: DataFrame, date: datetime.date, customer_count: int, count: int) -> Request:
        blocks = max(_FEWEST_BLOCKS, -(-customer_count // self.settings.block_customers))
        return Request(customers, self.training(date), self.settings.candidates, count, blocks)

    def held(self) -> Verdict | None:
        """The verdict; None where nobody bought anything in the days of the test. Writes `recommendation_quality` as of the date."""
        written = []
        validated = self._measured(self.validated_from, None, blend(self.settings) is not None, "validating on")
        ranking = None
        if validated is not None:
            ranking = self._blended(validated)
            written.append(self._quality(validated))
        tested = self._measured(self.tested_from, ranking, False, "testing on")
        if tested is None:
            self.clear()
            return None
        written.append(self._quality(tested))
        self.run.replace("recommendation_quality", union(written).select(F.lit(self.as_of).alias("as_of"), "*"), f"as_of = DATE '{self.as_of}'")
        self.clear()
        return self._verdict(ranking, tested)

    def validation(self, model: str) -> float | None:
        """nDCG of one model on the validation window, by itself; None where nobody bought anything then."""
        validated = self._measured(self.validated_from, None, False, "validating on")
        if validated is None:
            return None
        rows = [row.asDict() for row in self._quality(validated).collect()]  # a measure each
        return headline(rows, self._served()).get(model, {}).get(f"ndcg_at_{self.headline_at()}", 0.0)

    def clear(self) -> None:
        """Empties the scratch tables."""
        for table in ("held_out", "measured_lists"):
            self.run.delete(table, "true")

    def _served(self) -> str:
        """The protocol that is like what is served."""
        return "all" if self.settings.repeat_purchases else "new"

    def _verdict(self, ranking: Ranking | None, tested: "_Measured") -> Verdict:
        written = self.run.read("recommendation_quality").where(F.col("as_of") == F.lit(self.as_of))
        rows = [row.asDict() for row in written.collect()]  # a measure and model each
        at = self.headline_at()
        judged = [row for row in rows if row["window"] == self._window(self.validated_from)]
        validated = {model: values[f"ndcg_at_{at}"] for model, values in headline(judged, self._served()).items()}
        best = min(validated, key=lambda model: (-validated[model], model), default=FILLER)
        chosen = best if self.settings.serve == "best" else self.settings.serve
        chosen = FILLER if chosen == BLEND and ranking is None else chosen
        measures = headline([row for row in rows if row["window"] == self._window(self.tested_from)], "new")
        return Verdict(chosen, ranking, tested.models, measures, validated)

    def headline_at(self) -> int:
        """The length of the list whose nDCG chooses: 10, or the nearest to it that is measured."""
        return min(self.settings.measure_at, key=lambda k: (abs(k - 10), k))

    def reason_for(self, verdict: Verdict) -> str:
        """Why the chosen model is the one that is served, in words."""
        if verdict.chosen == self.settings.serve:
            return "the settings say so"
        if self.settings.serve == BLEND:
            return f"the blend, which the settings name, had nothing to learn from on the {self.settings.test_days} days before"
        if verdict.validated:
            return f"it was the best on the {self.settings.test_days} days before"
        return f"nobody bought anything on the {self.settings.test_days} days before, which choose"

    def _window(self, date: datetime.date) -> str:
        return f"{date + datetime.timedelta(days=1)}..{date + datetime.timedelta(days=self.settings.test_days)}"

    def _purchases(self, date: datetime.date) -> DataFrame:
        return effective_purchases(self.run.read("customer_item_days"), self.run.read("cancellations"), date)

    def _measured(self, date: datetime.date, ranking: Ranking | None, with_examples: bool, words: str) -> "_Measured | None":
        """Writes the lists of every model on the days after the date to `measured_lists`; None where nobody bought anything then."""
        until = date + datetime.timedelta(days=self.settings.test_days)
        truth = bought_between(self._purchases(until), date, until)
        known = self.run.read("customer_items").where(F.col("as_of") == F.lit(date))
        if known.isEmpty():
            return None
        held_out = held_out_customers(truth, known, self.settings.measure_customers)
        self.run.replace("held_out", held_out.select(F.lit(date).alias("as_of"), "*"), f"as_of = DATE '{date}'")
        # Read back: who is asked for is looked up several times.
        asked = self.run.read("held_out").where(F.col("as_of") == F.lit(date)).drop("as_of")
        if asked.isEmpty():
            return None
        models = self.models(date)
        self.run.step(f"{words} {self._window(date)}")
        request = self.request(asked, date, self.settings.measure_customers, max(self.settings.measure_at))
        lists = measured(models, request, ranking.ranker if ranking else None, self.settings.blend.negatives if with_examples else 0.0)
        self.run.replace("measured_lists", lists.select(F.lit(date).alias("as_of"), "*"), f"as_of = DATE '{date}'")
        return _Measured(date, models, request)

    def _blended(self, window: "_Measured") -> Ranking | None:
        """The blend learned from the examples of the window, whose own lists are appended: each half of the customers ranked by what the other
        half taught. None without a blend, or where there is nothing to learn from."""
        made = blend(self.settings)
        if made is None:
            return None
        self.run.step(f"the blend learns from {self._window(window.date)}")
        features = names_of(draw_of(window.models, window.request))
        found = made.fit(self._lists(window), features)
        if found is None:
            return None
        # Each half of the customers is ranked by what the other half taught.
        judged = measured(window.models, window.request, found.halves[::-1]).where(F.col("model") == BLEND)
        self.run.append("measured_lists", judged.select(F.lit(window.date).alias("as_of"), "*"))
        sources = [model.model_id for _, model in window.models]
        known_as = made.known_as(features, [*sources, self._window(window.date), str(self.settings.candidates)])
        return Ranking(found.whole, Model(known_as, BLEND, self.as_of, made.as_json(), self.run.read("model_factors")))

    def _lists(self, window: "_Measured") -> DataFrame:
        return self.run.read("measured_lists").where(F.col("as_of") == F.lit(window.date)).drop("as_of")

    def _quality(self, window: "_Measured") -> DataFrame:
        """Rows of `recommendation_quality`, less the as-of date, of the lists of one window."""
        date = window.date
        models = {recommender.kind: model for recommender, model in window.models}
        buyers = F.col("factors")[ITEM_FACTS.index("buyers")].cast("double").alias("buyers")
        popular = models[FILLER].rows.select(F.col("id").alias("item_id"), buyers)
        alike = models["item_knn"].rows if "item_knn" in models else None
        known = self.run.read("customer_items").where((F.col("as_of") == F.lit(date)) & F.col("is_bought"))
        customers = known.agg(F.count_distinct("customer_id")).collect()[0][0]
        offered = self.items(date).where("is_sellable").count()
        lists = self._lists(window).where(F.col("model") != EXAMPLES)
        found = quality(lists, popular, alike, customers, offered, self.settings.measure_at, self.settings.bootstrap)
        return found.select(F.lit(self._window(date)).alias("window"), "*")


@dataclass(frozen=True)
class _Measured:
    """A window whose lists are written: the date before it, the models of that date, and what was asked of them."""

    date: datetime.date
    models: Sequence[Fitted]
    request: Request
