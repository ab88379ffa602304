"""Checks of a table before anything is fitted: identifiers, leaks, sums, copies, entities, order in time."""
