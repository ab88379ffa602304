"""The benchmarks behind the project's performance figures: `python -m benchmarks`. They check all predictions."""
