from __future__ import annotations

import inspect

from edgecnn.training.watcher import Watcher, Watchers


def test_the_word_is_passed_on_to_all_in_order() -> None:
    told: list[tuple[str, str, tuple[object, ...]]] = []
    names = [name for name, _ in inspect.getmembers(Watcher, inspect.isfunction)]
    assert len(names) >= 8

    def spy(who: str) -> Watcher:
        watcher = Watcher()
        for name in names:
            watcher.__dict__[name] = lambda *given, name=name: told.append((who, name, given))
        return watcher

    both = Watchers(spy("a"), spy("b"))
    for name in names:
        count = len(inspect.signature(getattr(Watcher, name)).parameters) - 1
        getattr(both, name)(*range(count))
    assert told == [
        (who, name, tuple(range(len(inspect.signature(getattr(Watcher, name)).parameters) - 1)))
        for name in names
        for who in "ab"
    ]
