"""Public holidays of a country, from the `holidays` library: plain dates for the transformations."""

import datetime

import holidays

from coterie.errors import SettingsError, one_of


def public_holidays(country: str, first: datetime.date, last: datetime.date) -> list[datetime.date]:
    """Days in [first, last] that are public holidays in the whole country, rising; none for the country ''.

    Raises SettingsError for a code that the library does not know.
    """
    if not country:
        return []
    known = holidays.list_supported_countries(include_aliases=True)
    if country not in known:
        raise SettingsError(f"setting 'shop.country' is '{country}', which is no country whose holidays are known; {one_of(country, known)}")
    dates = holidays.country_holidays(country, years=range(first.year, last.year + 1))
    return sorted(day for day in dates if first <= day <= last)
