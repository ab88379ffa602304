"""A bundle at work: one engine for compiled models, one for scikit-learn, and how a bundle gets its own."""
