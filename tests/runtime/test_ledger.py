from edgecnn.runtime.ledger import Ledger, LedgerCounts


def test_each_frame_is_counted_where_it_went():
    ledger = Ledger()
    for _ in range(6):
        ledger.capture()
    ledger.drop()
    ledger.process()
    ledger.process()
    ledger.fail()
    assert ledger.counts() == LedgerCounts(captured=6, processed=2, dropped=1, failed=1, pending=2)


def test_a_frame_counted_twice_does_not_balance():
    ledger = Ledger()
    ledger.capture()
    ledger.process()
    ledger.fail()
    assert ledger.counts().pending == -1
