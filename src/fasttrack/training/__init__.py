"""From a table to a fitted, measured pipeline: task, split, default pipelines or the user's own, evaluation."""
