import threading

import numpy as np

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.ledger import Ledger
from edgecnn.runtime.mailbox import Mailbox


def _frame(number):
    return Frame("test", number, number, np.empty((0, 0, 3), np.uint8))


def test_the_newest_frame_replaces_the_one_that_waits():
    ledger = Ledger()
    mailbox = Mailbox(ledger, newest=True)
    for number in range(5):
        assert mailbox.put(_frame(number))
    assert mailbox.get(0).number == 4
    assert mailbox.get(0) is None
    assert (ledger.counts().captured, ledger.counts().dropped) == (5, 4)


def test_every_frame_comes_in_order_and_put_waits_for_room():
    ledger = Ledger()
    mailbox = Mailbox(ledger, newest=False, room=2)
    writer = threading.Thread(target=lambda: [mailbox.put(_frame(n)) for n in range(50)])
    writer.start()
    got = []
    while len(got) < 50:
        assert ledger.counts().pending <= 3 + len(got)
        frame = mailbox.get(60)
        got.append(frame.number)
    writer.join()
    assert got == list(range(50))
    assert ledger.counts().dropped == 0


def test_a_full_mailbox_has_room_again_when_a_quarter_is_left():
    ledger = Ledger()
    mailbox = Mailbox(ledger, newest=False, room=4)
    assert not mailbox.ahead
    writer = threading.Thread(target=lambda: [mailbox.put(_frame(n)) for n in range(5)])
    writer.start()
    while ledger.counts().captured < 5:
        pass
    assert mailbox.ahead
    for number in range(2):
        assert mailbox.get(0).number == number
        writer.join(0.05)
        assert writer.is_alive()
    assert mailbox.get(0).number == 2
    writer.join(60)
    assert not writer.is_alive()
    assert [mailbox.get(0).number for _ in range(2)] == [3, 4]
    assert not mailbox.ahead


def test_a_newest_frame_is_never_ahead():
    mailbox = Mailbox(Ledger(), newest=True)
    mailbox.put(_frame(0))
    assert not mailbox.ahead


def test_closing_gives_up_what_waits_and_frees_a_waiting_put():
    ledger = Ledger()
    mailbox = Mailbox(ledger, newest=False, room=1)
    mailbox.put(_frame(0))
    answers = []
    writer = threading.Thread(target=lambda: answers.append(mailbox.put(_frame(1))))
    writer.start()
    while ledger.counts().captured < 2:
        pass
    mailbox.close()
    writer.join(60)
    assert answers == [False]
    assert ledger.counts().dropped == 2
    assert ledger.counts().pending == 0
    assert mailbox.get(0) is None
