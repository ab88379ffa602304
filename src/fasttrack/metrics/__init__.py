"""Metrics of a running server: counters that its processes share, and the series on `/metrics`."""
