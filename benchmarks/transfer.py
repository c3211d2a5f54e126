"""What a network gains from having seen other pictures before, with few of one's own.

Six classes of CIFAR-10's training set are learnt first. The other four are the user's pictures: 10,
50 or 200 of a class as an image folder, drawn anew for every seed from CIFAR-10's training set, and
measured on all pictures of these four classes in its test set. No class and no picture is on both
sides. Three trainings each, by the recipe `own-pictures`: from scratch, only a new head, and all
layers, the earlier ones more slowly.

`--develop` measures on pictures of the training set that no training sees instead of the test set:
what the recipe's rate, epochs and decay were chosen with.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from pathlib import Path

import cv2
import numpy as np

from benchmarks.timing import print_heading, print_table
from edgecnn.data import open_dataset
from edgecnn.data.arrays import PictureArray
from edgecnn.data.cifar10 import CIFAR10_LABELS
from edgecnn.training.recipe import load_recipe
from edgecnn.training.summary import SUMMARY_NAME
from edgecnn.training.train import train_recipe

#: Chosen once, before the first training: two animals and two vehicles.
TARGET = ("cat", "horse", "ship", "truck")
SOURCE = tuple(label for label in CIFAR10_LABELS if label not in TARGET)

#: A quarter of the recipe's multiplications, for a table in minutes.
SMALLER = ("model.arguments.widths=[16,32,64]", "model.arguments.blocks=[1,1,1]")

#: Of the target classes: pictures that trainings may draw from; those after are for `--develop`.
DRAWN_FROM = 4000

METHODS = {
    "from scratch": ('transfer.source=""',),
    "new head only": ("transfer.train_stages=0",),
    "fine-tuned": (),
}


def write_folder(folder: Path, data: PictureArray, chosen: dict[str, np.ndarray]) -> Path:
    """Write pictures as a folder of PNG files, a sub-folder per class."""
    if folder.exists():
        return folder
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for label, indices in chosen.items():
        (partial / label).mkdir(parents=True)
        for index in indices:
            cv2.imwrite(str(partial / label / f"{index:05}.png"), data.pictures[index])
    partial.rename(folder)
    return folder


def members(data: PictureArray, label: str) -> np.ndarray:
    """Return the indices of a class's pictures."""
    assert data.targets is not None
    return np.flatnonzero(data.targets == CIFAR10_LABELS.index(label))


def open_pictures(split: str) -> PictureArray:
    """Open CIFAR-10's train or test pictures."""
    data = open_dataset(f"cifar10:{split}")
    assert isinstance(data, PictureArray)
    return data


def train(recipe: str, folder: Path, overrides: tuple[str, ...]) -> float:
    """Train unless it is done already; returns the accuracy on the recipe's test pictures."""
    resolved = load_recipe(recipe, overrides=overrides)
    summary = train_recipe(resolved, folder, resume=(folder / SUMMARY_NAME).exists(), threads=1)
    assert summary.test is not None
    return summary.test.value


def pretrain(folder: Path, epochs: int) -> Path:
    """Train on the six other classes."""
    training, test = open_pictures("train"), open_pictures("test")
    pictures = write_folder(
        folder / "source" / "train", training, {label: members(training, label) for label in SOURCE}
    )
    held = write_folder(
        folder / "source" / "test", test, {label: members(test, label) for label in SOURCE}
    )
    out = folder / "runs" / f"source-{epochs}"
    overrides = (*SMALLER, f"data.train={pictures}", f"data.test={held}", f"train.epochs={epochs}")
    accuracy = train("cifar10-resnet", out, overrides)
    print(
        f"\npretrained on {len(SOURCE)} classes, {epochs} epochs: {accuracy:.1%} of their test set"
    )
    return out


def measure(
    folder: Path, source: Path, *, counts: list[int], seeds: int, develop: bool, extra: list[str]
) -> dict[tuple[int, str], list[float]]:
    """Train by every method; returns accuracies by pictures per class and method."""
    training = open_pictures("train")
    if develop:
        chosen = {label: members(training, label)[DRAWN_FROM:] for label in TARGET}
        test = write_folder(folder / "target" / "develop", training, chosen)
    else:
        data = open_pictures("test")
        chosen = {label: members(data, label) for label in TARGET}
        test = write_folder(folder / "target" / "test", data, chosen)
    found: dict[tuple[int, str], list[float]] = {}
    for seed in range(1, seeds + 1):
        for count in counts:
            # A class's pictures of one seed: the smaller folders are the first of the larger ones.
            drawn = {
                label: np.random.default_rng([seed, CIFAR10_LABELS.index(label)])
                .permutation(members(training, label)[:DRAWN_FROM])[:count]
                for label in TARGET
            }  # fmt: skip
            pictures = write_folder(folder / "target" / f"{count}-{seed}", training, drawn)
            for method, settings in METHODS.items():
                name = "-".join((*method.split(), str(count), str(seed), *extra))
                out = folder / "runs" / ("develop" if develop else "test") / name.replace("/", "_")
                accuracy = train(
                    "own-pictures",
                    out,
                    (
                        *SMALLER,
                        f"data.train={pictures}",
                        f"data.test={test}",
                        f"train.seed={seed}",
                        f"transfer.source={source}",
                        *settings,
                        *extra,
                    ),
                )
                found.setdefault((count, method), []).append(accuracy)
                print(f"{count} of a class, {method}, seed {seed}: {accuracy:.4f}", flush=True)
    return found


def main() -> None:
    """Train everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/transfer"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--epochs", type=int, default=10, help="of the six other classes")
    parser.add_argument("--develop", action="store_true")
    parser.add_argument("--set", dest="extra", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    source = pretrain(given.output, given.epochs)
    found = measure(
        given.output,
        source,
        counts=given.counts,
        seeds=given.seeds,
        develop=given.develop,
        extra=given.extra,
    )
    print_heading(f"Accuracy on {', '.join(TARGET)}; {given.seeds} seeds, mean (lowest to highest)")
    rows = []
    for count in given.counts:
        cells = [found[count, method] for method in METHODS]
        rows.append(
            (str(count), *(f"{np.mean(c):.1%} ({min(c):.1%} to {max(c):.1%})" for c in cells))
        )
    print_table(("pictures of a class", *METHODS), rows)
    with (given.output / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("pictures", "method", "seed", "accuracy"))
        for (count, method), values in found.items():
            writer.writerows((count, method, seed, v) for seed, v in enumerate(values, 1))


if __name__ == "__main__":
    main()
