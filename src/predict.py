"""Script entry: `python src/predict.py 10` predicts with the model that serves; COLUMN=VALUE names the columns."""

import sys

from fasttrack.cli import main

if __name__ == "__main__":
    sys.argv[1:] = ["predict", *sys.argv[1:]]
    main()
