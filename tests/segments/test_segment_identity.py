"""Ids that stay with the customers."""

from coterie.segments.identity import identified, matched


def test_clusters_take_the_ids_of_the_segments_they_share_the_most_customers_with() -> None:
    assert matched([(0, 7, 90), (0, 3, 10), (1, 3, 80), (1, 7, 5)]) == {0: 7, 1: 3}


def test_the_whole_matching_counts_and_not_the_first_come() -> None:
    # Cluster 0 likes 1 best, but then cluster 1 would lose all its 50: 40 + 50 is more than 60.
    assert matched([(0, 1, 60), (0, 2, 40), (1, 1, 50)]) == {0: 2, 1: 1}


def test_clusters_that_share_nobody_have_no_match() -> None:
    assert matched([(0, 1, 10), (1, 1, 3), (1, 2, 0)]) == {0: 1}
    assert matched([]) == {}


def test_the_first_segments_are_numbered_by_mean_monetary() -> None:
    assert identified(3, {}, [50.0, 900.0, 10.0], highest=0) == [2, 1, 3]


def test_new_segments_get_ids_above_any_ever_used() -> None:
    # Segment 2 is gone and 9 was used long ago: neither comes back.
    assert identified(3, {0: 1}, [5.0, 50.0, 500.0], highest=9) == [1, 11, 10]


def test_the_same_model_of_the_same_date_keeps_the_ids_it_had() -> None:
    assert identified(3, {0: 1}, [5.0, 50.0, 500.0], highest=9, kept=[1, 7, 8]) == [1, 7, 8]


def test_a_match_goes_before_an_id_kept() -> None:
    assert identified(2, {0: 7}, [5.0, 50.0], highest=7, kept=[3, 7]) == [7, 8]
