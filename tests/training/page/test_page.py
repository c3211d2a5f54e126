"""The page's data, as a browser would read it."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgecnn.training.page.page import TrainingPage
from edgecnn.training.recipe import load_recipe
from edgecnn.training.train import train_recipe
from edgecnn.web.address import Address


def events(page: TrainingPage) -> Iterator[dict[str, Any]]:
    with urllib.request.urlopen(page.url + "figures", timeout=240) as response:
        while line := response.readline():
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


def read(page: TrainingPage, name: str) -> dict[str, Any]:
    with urllib.request.urlopen(page.url + name, timeout=240) as response:
        found: dict[str, Any] = json.loads(response.read())
        return found


def ask(page: TrainingPage, wish: object) -> None:
    request = urllib.request.Request(
        page.url + "control",
        data=json.dumps(wish).encode(),
        headers={"Origin": page.url.rstrip("/"), "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=240) as response:
        assert response.status == 204


def until(page: TrainingPage, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    limit = time.monotonic() + 120
    for event in events(page):
        status: dict[str, Any] = event["status"]
        if holds(status):
            return status
        assert time.monotonic() < limit, status
    raise AssertionError(status)


def test_a_training_is_followed_to_its_end(training: Callable[..., Any], tiny: Path) -> None:
    enough = threading.Event()
    running = training(tiny, "train.epochs=40", pace_s=0.01, last=(40, enough))
    rows: list[list[float | None]] = []
    seen: list[dict[str, Any]] = []
    for event in events(running.page):
        assert event["from"] <= len(rows)
        rows[event["from"] :] = event["rows"]
        seen.append(event["status"])
        if event["status"]["phase"] == "training":
            about = read(running.page, "about.json")
            snapshot = read(running.page, "snapshot.json")
            if len(seen) > 5 and event["status"]["snapshot"]:
                enough.set()
    last = seen[-1]
    assert (last["phase"], last["ending"]) == ("done", "accuracy measured")
    assert last["snapshot"] > max(s["snapshot"] for s in seen if s["phase"] == "training")
    assert (last["epoch"], last["epochs"], last["step"], last["steps"]) == (40, 40, 4, 4)
    assert last["epochs_done"] == 40
    assert last["wanted"] is None
    assert len(seen) > 5
    steps = [row for row in rows if row[1] is not None]
    assert [row[0] for row in steps] == [pytest.approx(n / 4, abs=1e-4) for n in range(1, 161)]
    losses = [float(row["validation_loss"]) for row in _metrics(running.folder)]
    drawn = [row[4] for row in rows if row[4] is not None]
    assert drawn == [pytest.approx(loss, rel=1e-4) for loss in losses]
    assert last["validation"]["loss"] == losses[-1]
    assert (about["classes"], about["training"], about["validation"]) == (2, 64, 16)
    assert [card["truth"] for card in about["examples"]] == ["cross"] * 3 + ["ring"] * 3
    assert len(snapshot["layers"]) == 7
    assert len(snapshot["layers"][0]["maps"]["pictures"]) == 6


def _metrics(folder: Path) -> list[dict[str, str]]:
    import csv

    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def test_who_looks_on_changes_no_number(
    training: Callable[..., Any], tiny: Path, tmp_path: Path
) -> None:
    enough = threading.Event()
    running = training(tiny, "train.epochs=40", pace_s=0.005, last=(40, enough))
    for event in events(running.page):
        last = event["status"]
        if last["snapshot"]:
            enough.set()
    assert last["snapshot"] >= 1
    running.thread.join(120)
    alone = train_recipe(load_recipe(tiny, overrides=("train.epochs=40",)), tmp_path / "alone")
    assert running.summaries[0].test == alone.test
    weights = [
        (folder / "checkpoint.safetensors").read_bytes()
        for folder in (running.folder, tmp_path / "alone")
    ]
    assert weights[0] == weights[1]


def test_nobody_looks_on_nothing_is_drawn(training: Callable[..., Any], tiny: Path) -> None:
    running = training(tiny, "train.epochs=6")
    running.thread.join(120)
    assert running.summaries
    assert running.page._snapshots == 0


def test_controls_act_on_the_running_training(training: Callable[..., Any], tiny: Path) -> None:
    running = training(tiny, "train.epochs=100000")
    page = running.page
    until(page, lambda status: status["phase"] == "training" and status["step"])
    ask(page, {"set": "momentum", "value": 0.25})
    until(page, lambda status: status["changes"] == 1 and status["interventions"])
    ask(page, {"set": "batch", "value": 32})
    status = until(page, lambda s: s["knobs"]["batch"] == 32 and len(s["interventions"]) == 2)
    assert status["steps"] == 2
    assert [change["setting"] for change in status["interventions"]] == ["momentum", "batch"]
    momentum, batch = status["interventions"]
    place = momentum["epoch"] - 1 + (momentum["step"] - 1) / 4
    assert momentum["at"] == pytest.approx(place, abs=1e-3)
    assert batch["at"] == batch["epoch"] - 1
    ask(page, {"pause": True})
    halted = until(page, lambda status: status["phase"] == "paused")
    time.sleep(0.7)
    again = until(page, lambda status: status["phase"] == "paused")
    assert (again["epoch"], again["step"]) == (halted["epoch"], halted["step"])
    ask(page, {"pause": False})
    until(page, lambda s: s["phase"] == "training" and s["epoch"] > halted["epoch"])


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"set": "momentum", "value": 2}, "momentum can be 0 to 0.99, not 2"),
        ({"set": "momentum"}, "this page knows no such control"),
        ({"pause": 1, "set": "x"}, "this page knows no such control"),
        ({}, "this page knows no such control"),
        ({"set": ["momentum"], "value": 0.5}, "nothing named"),
    ],
)
def test_what_cannot_be_is_told(
    training: Callable[..., Any], tiny: Path, wish: object, message: str
) -> None:
    running = training(tiny, "train.epochs=100000")
    until(running.page, lambda status: status["phase"] == "training")
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(running.page, wish)
    with caught.value:
        assert caught.value.code == 400
        assert message in caught.value.read().decode()


def test_an_error_is_the_last_that_is_told(training: Callable[..., Any], tiny: Path) -> None:
    running = training(tiny, "train.peak_rate=1e9", "train.epochs=30", pace_s=0.01)
    for event in events(running.page):
        last = event["status"]
    assert last["phase"] == "failed"
    assert "the loss is" in last["ending"]


def test_of_other_tasks_curves_and_controls_are_shown(
    training: Callable[..., Any], tmp_path: Path
) -> None:
    text = tmp_path / "all.txt"
    text.write_text("the cat sat on the mat. " * 200)
    recipe = tmp_path / "chars.toml"
    recipe.write_text(
        f"""
name = "chars"
task = "generate"
[model]
name = "char-rnn"
arguments = {{ hidden = 16, embedding = 8 }}
[data]
train = "{text}"
validation = 0.1
[input]
kind = "characters"
window = 16
[train]
epochs = 1000
batch = 8
optimizer = "adamw"
peak_rate = 0.003
"""
    )
    running = training(recipe)
    status = until(running.page, lambda s: s.get("epochs_done", 0) > 1 and s["step"])
    about = read(running.page, "about.json")
    assert about["note"] == "Of a network with the task generate, curves and controls are shown."
    assert about["examples"] == []
    assert status["accuracy"] > 0
    ask(running.page, {"set": "rate_factor", "value": 0.5})
    until(running.page, lambda status: status["knobs"]["rate_factor"] == 0.5)


def test_a_training_that_was_stopped_is_told_so(tiny: Path) -> None:
    page = TrainingPage(load_recipe(tiny), Address("127.0.0.1", 0))
    with pytest.raises(KeyboardInterrupt), page:
        raise KeyboardInterrupt
    status = page._status()
    assert (status["phase"], status["ending"]) == (
        "stopped",
        "stopped by hand; --resume goes on with it",
    )


def test_with_another_address_it_has_a_token(tiny: Path) -> None:
    with TrainingPage(load_recipe(tiny), Address("0.0.0.0", 0)) as page:
        assert "?token=" in page.url
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(page.url.partition("?")[0] + "about.json", timeout=240)
        with caught.value:
            assert caught.value.code == 401


def test_a_resumed_training_shows_what_was_before(training: Callable[..., Any], tiny: Path) -> None:
    first = training(tiny, "train.epochs=100000")
    until(first.page, lambda status: status.get("epochs_done", 0) >= 3)
    ask(first.page, {"set": "momentum", "value": 0.5})
    until(first.page, lambda status: status["epochs_done"] > status["interventions"][0]["epoch"]
          if status["interventions"] else False)  # fmt: skip
    first.end()
    done = first.page._status()["epochs_done"]
    again = training(tiny, "train.epochs=100000", folder=first.folder, resume=True)
    rows: list[list[float | None]] = []
    for event in events(again.page):
        rows[event["from"] :] = event["rows"]
        if event["status"].get("step"):
            break
    assert event["status"]["epochs_done"] >= done
    assert event["status"]["knobs"]["momentum"] == 0.5
    assert [change["setting"] for change in event["status"]["interventions"]] == ["momentum"]
    assert rows[0][0] == 1.0
