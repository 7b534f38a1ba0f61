"""When and where things are done: days by season and weekday, hours by persona, channels."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from coterie.synth.personas import PERSONAS
from coterie.synth.profiles import Plan, Profiles

Events = dict[str, NDArray[np.int64]]

DAY = 86_400  # seconds

_WEEKEND = np.array([persona.weekend for persona in PERSONAS])
_HOURS = np.cumsum([persona.hours for persona in PERSONAS], axis=1)
_CHANNELS = np.cumsum([persona.channels for persona in PERSONAS], axis=1)


def calendars_of(plan: Plan) -> NDArray[np.float64]:
    """Running sums over the days, from 0, of how likely a day is: one row a persona and, after all of those, one each for weekends."""
    dates = plan.first_day + np.arange(plan.days)
    months = dates.astype("datetime64[M]")
    numbers = (months.astype(int) % 12 + 1) * 100 + (dates - months.astype("datetime64[D]")).astype(int) + 1
    is_weekend = (dates.astype("datetime64[D]").astype(int) + 3) % 7 >= 5  # 1 January 1970 was a Thursday, day 3 of its week
    rows = []
    for wanted in (False, True):
        for persona in PERSONAS:
            weight = np.where(is_weekend == wanted, 1.0, 0.0)
            for first, last, factor in persona.seasons:
                weight = np.where((numbers >= first) & (numbers <= last), weight * factor, weight)
            rows.append(np.concatenate([[0.0], np.cumsum(weight)]))
    return np.array(rows)


def spread(rng: Generator, counts: NDArray[np.int64], step: float) -> NDArray[np.float64]:
    """For each owner as many numbers as counted, uniform in [0, 1) and evenly spread within the owner (Weyl's sequence, random start).

    So the share of evenings, say, comes near a persona's own after few orders already.
    """
    turn = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return (np.repeat(rng.random(len(counts)), counts) + turn * step) % 1.0


def moments(
    rng: Generator, profiles: Profiles, calendars: NDArray[np.float64], counts: NDArray[np.int64], part: NDArray[np.float64] | None = None
) -> Events:
    """Who, when and by which channels for so many orders or visits of each profile; `part` (0..1) places them between its two days.

    `channel` may be the store; `device` is the channel of what is done online around it.
    """
    who = np.repeat(np.arange(len(counts)), counts)
    persona = profiles.persona[who]
    part = rng.random(len(who)) if part is None else part
    row = persona + len(PERSONAS) * (spread(rng, counts, 2**0.5) < _WEEKEND[persona])
    start, end = profiles.start[who], profiles.end[who]
    target = calendars[row, start] + part * (calendars[row, end + 1] - calendars[row, start])
    day = np.empty(len(who), dtype=np.int64)
    for number in range(len(calendars)):
        day[row == number] = np.searchsorted(calendars[number], target[row == number], side="right") - 1
    band = (spread(rng, counts, 3**0.5)[:, None] > _HOURS[persona][:, :3]).sum(axis=1)
    chance = spread(rng, counts, 5**0.5)
    second = band * 6 * 3600 + rng.integers(0, 6 * 3600, len(who))
    return {
        "who": who,
        "at": np.clip(day, start, end) * DAY + second,
        "channel": (chance[:, None] > _CHANNELS[persona][:, :2]).sum(axis=1),
        "device": (chance * _CHANNELS[persona, 1] > _CHANNELS[persona, 0]).astype(np.int64),
    }
