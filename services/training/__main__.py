"""`python -m services.training --data FOLDER`: from the public sets to the shipped weights and the model card; same seed, same bytes."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from services.training.corpus import Unreadable, read_staff
from services.training.steps import Steps

WEIGHTS = Path(__file__).parents[2] / "monitor" / "scoring" / "sentiment" / "weights"


def main(arguments: Sequence[str] | None = None) -> int:
    """Everything, or the steps asked for."""
    parser = argparse.ArgumentParser(prog="python -m services.training", description="Trains the shipped sentiment and emotion models.")
    parser.add_argument("--data", type=Path, required=True, help="the folder of NAME.tsv.gz")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights go; absent: into the package")
    parser.add_argument("--work", type=Path, default=Path("var/training"), help="what is kept between steps")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, default=20_000, help="texts of a set")
    parser.add_argument(
        "--staff", type=Path, action="append", default=[], metavar="FILE",
        help="also learn what people judged, as written by `yuqing sentiment export`; may be given again",
    )  # fmt: skip
    parser.add_argument("--steps", default="vectors,learn,folds,ship", help="which, in this order")
    asked = parser.parse_args(arguments)
    asked.work.mkdir(parents=True, exist_ok=True)
    try:
        steps = Steps(asked.data, asked.work, asked.out, asked.seed, asked.most, read_staff(asked.staff))
    except Unreadable as error:
        parser.error(str(error))
    for name in asked.steps.split(","):
        sys.stderr.write(f"{name}…\n")
        steps.run(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
