"""What the training page costs: processor time of a training step without it, and with it.

One training, in blocks of some seconds each way in turn, their order drawn anew for every round:
the page is told nothing; it is told, and nobody looks; a real Chromium looks at it. Processor time
of the whole process is counted (the page's server among it, the browser not), from step to step
within epochs. `mnist-lenet5` is the hardest case: its steps are the shortest of all recipes.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.timing import print_heading, print_table
from edgecnn.errors import MissingFileError
from edgecnn.training.page.page import TrainingPage
from edgecnn.training.recipe import load_recipe
from edgecnn.training.train import train_recipe
from edgecnn.training.watcher import Watcher, Watchers
from edgecnn.web.address import Address

WAYS = ("no page", "nobody looks", "Chromium looks")

#: After a change of way, until connections are made or closed, and drawn is what is drawn once.
SETTLE_S = 1.5


class EnoughError(Exception):
    """All rounds are done."""


class Client:
    """A browser in a process of its own."""

    def __init__(self, url: str) -> None:
        command = [sys.executable, "-m", "benchmarks.training_page", "--client", url]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._ask("leave")

    def look(self, *, on: bool) -> None:
        """Open the page, or leave it; returns when it is done."""
        self._ask("look" if on else "leave")

    def close(self) -> None:
        """End the browser."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def _ask(self, what: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(what, file=self._process.stdin, flush=True)
        if not self._process.stdout.readline():
            raise RuntimeError("the browser has ended")


class Meter(Watcher):
    """Tells the page or not, block by block, and measures the steps of each block."""

    def __init__(self, page: TrainingPage, client: Client, *, rounds: int, block_s: float) -> None:
        self._page, self._client = page, client
        random = np.random.default_rng(0)
        self._plan = [way for _ in range(rounds) for way in random.permutation(WAYS)]
        self._block_s = block_s
        self._way = ""
        self._counts_from = self._until = 0.0
        self._before: float | None = None
        self._cpu_s, self._steps = 0.0, 0
        #: Milliseconds a step, block by block.
        self.found: dict[str, list[float]] = {way: [] for way in WAYS}

    def begin(self, epoch: int, steps: int) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        self._page.begin(epoch, steps)
        self._before = None

    def answered(self, hits: int, answers: int) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        if self._way != WAYS[0]:
            self._page.answered(hits, answers)

    def step(self, epoch: int, step: int, loss: float) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        if self._way != WAYS[0]:
            self._page.step(epoch, step, loss)
        now, cpu = time.perf_counter(), time.process_time()
        if now >= self._until:
            self._next_block()
            return
        if self._before is not None and now >= self._counts_from:
            self._cpu_s += cpu - self._before
            self._steps += 1
        self._before = cpu

    def _next_block(self) -> None:
        if self._steps:
            self.found[self._way].append(1e3 * self._cpu_s / self._steps)
        if not self._plan:
            raise EnoughError
        self._way = self._plan.pop(0)
        self._client.look(on=self._way == WAYS[2])
        self._cpu_s, self._steps, self._before = 0.0, 0, None
        self._counts_from = time.perf_counter() + SETTLE_S
        self._until = self._counts_from + self._block_s


class Told(Watcher):
    """Passes on to the page what has nothing to do with steps."""

    def __init__(self, page: TrainingPage) -> None:
        self.prepared = page.prepared  # type: ignore[method-assign]
        self.start = page.start  # type: ignore[method-assign]
        self.epoch = page.epoch  # type: ignore[method-assign]


def be_client(url: str) -> None:
    """Open and leave the page as standard input says."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        for line in sys.stdin:
            if line.strip() == "look":
                page.goto(url)
                page.wait_for_selector("#state[data-state=training]")
            else:
                page.goto("about:blank")
            print("done", flush=True)
        browser.close()


def measure(recipe: str, *, rounds: int, block_s: float) -> dict[str, list[float]]:
    """Train until all blocks are measured; returns milliseconds a step by way."""
    resolved = load_recipe(recipe, overrides=("train.epochs=100000",))
    with (
        tempfile.TemporaryDirectory() as folder,
        TrainingPage(resolved, Address("127.0.0.1", 0)) as page,
    ):
        client = Client(page.url)
        meter = Meter(page, client, rounds=rounds, block_s=block_s)
        try:
            train_recipe(
                resolved,
                Path(folder) / "run",
                threads=1,
                watcher=Watchers(Told(page), meter),
                controls=page.controls,
            )
        except EnoughError:
            pass
        finally:
            client.close()
    return meter.found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="mnist-lenet5")
    parser.add_argument("--runs", type=int, default=12, help="rounds of three blocks")
    parser.add_argument("--seconds", type=float, default=6.0, help="of a block")
    parser.add_argument("--client", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        be_client(given.client)
        return
    if not (shutil.which("chromium") or shutil.which("google-chrome")):
        raise MissingFileError("no Chromium on this machine", hint="apt install chromium")
    found = measure(given.recipe, rounds=given.runs, block_s=given.seconds)
    print_heading(f"The training page: {given.recipe}, {given.runs} rounds")
    rows = []
    for way, values in found.items():
        # Of the same round: what slows the machine down slows both.
        ratios = 100 * (np.array(values) / np.array(found[WAYS[0]]) - 1)
        low, median, high = np.percentile(ratios, [10, 50, 90])
        rows.append(
            (
                way,
                f"{np.median(values):.3f}",
                "" if way == WAYS[0] else f"{median:+.1f} %",
                "" if way == WAYS[0] else f"{low:+.1f} to {high:+.1f} %",
            )
        )
    print_table(("page", "CPU ms a step, median", "more, median", "10 to 90 %"), rows)


if __name__ == "__main__":
    main()
