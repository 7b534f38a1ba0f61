"""Rows to events: typing, rejecting, finding repeats, adding up; and what follows from events: items, customers, cancellations."""
