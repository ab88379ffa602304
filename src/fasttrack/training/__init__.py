"""From a table to a fitted pipeline with its hold-out predictions: task, split, built-in or own estimators, search."""
