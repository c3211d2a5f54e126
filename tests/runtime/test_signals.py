import os
import signal
import threading

from edgecnn.runtime.signals import stop_on_signals


def test_the_first_signal_stops_and_the_second_would_end_the_process():
    reasons = []
    before = signal.getsignal(signal.SIGINT)
    with stop_on_signals(reasons.append):
        os.kill(os.getpid(), signal.SIGTERM)
        assert reasons == ["terminated"]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_is_called_an_interruption():
    reasons = []
    with stop_on_signals(reasons.append):
        signal.raise_signal(signal.SIGINT)
    assert reasons == ["interrupted"]


def test_nothing_happens_on_another_thread():
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work():
        with stop_on_signals(lambda reason: None):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
