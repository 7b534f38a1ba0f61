"""Segments: methods, the choice among them, identity over time, rules, profiles, names, moves."""
