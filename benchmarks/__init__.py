"""What the project's figures come from: `python -m benchmarks` measures, having checked every answer first."""
