"""Recommenders: what they learn from, one verb set for all of them, lists for every customer, and how good the lists are."""
