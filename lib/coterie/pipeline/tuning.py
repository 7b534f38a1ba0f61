"""The job `tune`: settings of the recommenders tried on the validation window, within a budget of fits."""

import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Any

from coterie.errors import UserError
from coterie.pipeline.contest import Contest
from coterie.pipeline.run import Run
from coterie.settings import Settings, load_settings

# What is tried of each model; the first trial is always the settings as they are.
SPACE: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "popular": {"popular_days": (7, 14, 28, 56)},
    "als": {"rank": (16, 32, 64), "alpha": (2.0, 5.0, 10.0), "regularisation": (0.05, 0.1, 0.2, 0.4), "half_life_days": (30.0, 60.0, 120.0)},
    "user_knn": {"neighbours": (25, 50, 100, 200), "power": (1.0, 2.0, 3.0), "half_life_days": (10.0, 20.0, 40.0, 80.0)},
    "item_knn": {"neighbours": (50, 100, 200), "shrinkage": (3.0, 10.0, 30.0), "half_life_days": (30.0, 60.0, 120.0), "own_half_life_days": (30.0, 60.0)},
    "ease": {"regularisation": (30.0, 100.0, 300.0, 1000.0), "half_life_days": (30.0, 60.0, 120.0), "own_weight": (0.0, 0.2, 0.5)},
    "content": {"neighbours": (25, 50, 100), "half_life_days": (30.0, 60.0, 120.0), "category_weight": (0.5, 1.0, 2.0), "price_weight": (0.0, 0.5, 1.0)},
    "repeat": {"half_life_days": (30.0, 60.0, 120.0, 240.0), "power": (0.5, 0.7, 1.0)},
}


def run_tune(run: Run) -> None:
    """Tries run.options["budget"] settings, the models in turn, and says the best of each by nDCG@10 on the validation window.

    The test window is not looked at. run.options["tuned"] is filled with {model: {setting: value}}, where another setting was better.
    `customer_items` is left with the dates that `recommend` leaves in it. Raises UserError where no model has settings to try, and where nobody
    bought anything in the window.
    """
    if not set(SPACE).intersection(run.settings.recommend.models):
        raise UserError(f"setting 'recommend.models' is {list(run.settings.recommend.models)}; tune tries settings of: {', '.join(SPACE)}")
    budget, tuned = int(run.options["budget"]), run.options["tuned"]
    contest = Contest(run, run.day)
    run.step("weighing what customers did")
    contest.weigh(contest.validated_from, contest.tested_from, run.day)  # the trials need the first, `explain` the last
    found: dict[str, list[tuple[float, dict[str, Any]]]] = {}
    settings = run.settings
    for number, (model, values) in enumerate(itertools.islice(trials(settings), budget), 1):
        run.step(f"trial {number} of {budget}: {model} {_words(values) or 'as it is'}")
        run.settings = trial_of(settings, model, values)
        score = Contest(run, run.day).validation(model)
        if score is None:
            raise UserError(f"nobody bought anything in the validation window before {run.as_of}: there is nothing to tune on")
        found.setdefault(model, []).append((score, values))
    run.settings = settings
    contest.clear()
    _forget(run)
    lines = []
    for model, tried in found.items():
        best, values = max(tried, key=lambda trial: trial[0])
        lines.append(f"{model}: nDCG@10 {tried[0][0]:.4f} as it is, {best:.4f} best of {len(tried)}{' with ' + _words(values) if values else ''}")
        run.measure(**{f"{model}_before": tried[0][0], f"{model}_after": best})
        if values:
            tuned[model] = values
    run.say("\n".join(lines))


def trials(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """(model, what is changed), the models in turn: first each as it is, then settings drawn from SPACE, none twice; the same in every run."""
    drawn = {}
    for model in SPACE:
        if model in settings.recommend.models:
            grid = [dict(zip(SPACE[model], values, strict=True)) for values in itertools.product(*SPACE[model].values())]
            present = getattr(settings.recommend, model).model_dump()
            others = [values for values in grid if any(present[name] != value for name, value in values.items())]
            random.Random(1).shuffle(others)
            drawn[model] = iter([{}, *others])
    while drawn:
        for model in list(drawn):
            values = next(drawn[model], None)
            if values is None:
                del drawn[model]
            else:
                yield model, values


def trial_of(settings: Settings, model: str, values: Mapping[str, Any]) -> Settings:
    """The settings with one model alone, measured quickly. Lists are measured before they are rearranged: variety, which needs item_knn, is left out."""
    dumped = settings.model_dump()
    dumped["recommend"][model] |= values
    dumped["recommend"] |= {"models": [model], "serve": "best", "bootstrap": 0, "measure_at": [10], "mmr": 0.0}
    return load_settings([dumped])


def _forget(run: Run) -> None:
    """Takes out the factors of models that `models` does not name: those of the trials."""
    kept = run.read("models").select("model_id")
    found = run.read("model_factors").select("model_id").distinct().join(kept, "model_id", how="left_anti").collect()  # a few a trial
    if found:
        run.delete("model_factors", f"model_id IN ({', '.join(repr(row['model_id']) for row in found)})")


def _words(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items())
