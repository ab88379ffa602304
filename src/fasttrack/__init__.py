"""FastTrack-MLOps: a table and a scikit-learn pipeline in, a proven, fast, watched and reversible service out."""
