from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from edgecnn.web import feed as module
from edgecnn.web.feed import Feed


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_S", 1000.0)


def publish(feed: Feed) -> None:
    feed.version += 1
    feed.wake()


def test_news_that_come_while_a_message_is_sent_follow_at_once() -> None:
    async def look() -> None:
        feed = Feed(0.0)
        events = feed.events(lambda: str(feed.version).encode())
        assert (await anext(events)).startswith(b"retry")
        publish(feed)
        assert await anext(events) == b"data: 1\n\n"
        # The client's turn to read; whoever publishes does not wait for it.
        publish(feed)
        async with asyncio.timeout(20):
            assert await anext(events) == b"data: 2\n\n"

    asyncio.run(look())


def test_being_woken_for_what_was_told_already_is_no_news_and_no_heartbeat() -> None:
    async def look() -> None:
        feed = Feed(0.0)
        events = feed.events(lambda: str(feed.version).encode())
        await anext(events)
        feed.version += 1
        assert await anext(events) == b"data: 1\n\n"
        following = asyncio.create_task(anext(events))  # type: ignore[arg-type]
        for _ in range(5):
            await asyncio.sleep(0.001)
            feed.wake()
        assert not following.done()
        publish(feed)
        assert await following == b"data: 2\n\n"

    asyncio.run(look())


def test_messages_are_apart_and_the_last_one_comes_at_the_end() -> None:
    async def look() -> None:
        feed = Feed(0.05)
        loop = asyncio.get_running_loop()
        events = feed.events(lambda: str(feed.version).encode())
        await anext(events)
        at = []
        for _ in range(3):
            publish(feed)
            # One too many, as when several things are published at once.
            loop.call_soon(feed.wake)
            await anext(events)
            at.append(loop.time())
        assert min(b - a for a, b in pairwise(at)) > 0.049
        feed.version += 1
        feed.ended = True
        feed.wake()
        assert [event async for event in events] == [b"data: 4\n\n"]
        assert feed.readers == 0

    asyncio.run(look())
