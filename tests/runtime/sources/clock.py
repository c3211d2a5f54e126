"""A clock for what keeps time: it moves when someone sleeps, and when the test moves it on."""

from __future__ import annotations


class Clock:
    """Stands in for the module ``time``."""

    def __init__(self):
        self.now_ns = 5_000_000_000

    @property
    def now_s(self):
        return self.now_ns / 1e9

    def monotonic_ns(self):
        return self.now_ns

    def sleep(self, seconds):
        assert seconds > 0
        self.now_ns += round(seconds * 1e9)
