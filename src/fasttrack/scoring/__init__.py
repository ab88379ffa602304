"""Scoring with a bundle: one engine for compiled models, one for scikit-learn, and the event that each run makes."""
