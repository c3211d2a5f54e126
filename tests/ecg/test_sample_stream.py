"""Samples from real sockets, pseudo-terminals and pipes, with all that goes wrong."""

import contextlib
import os
import socket
import threading
import time

import numpy as np
import pytest

from edgecnn.bundled import resolve_model
from edgecnn.ecg.live import open_live
from edgecnn.ecg.sample_ports import StdinPort
from edgecnn.ecg.sample_stream import _LONGEST_WAIT_S, _LOOK_S, SampleStream
from edgecnn.ecg.sources import open_ecg_source
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import SourceError, UsageError
from edgecnn.metadata import BeatInput, BoxcarFilter, RhythmFeatures
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.session import load_model
from edgecnn.runtime.sinks.base import Sink
from edgecnn.runtime.sources.base import Reopens
from edgecnn.runtime.sources.settings import SourceSettings

SPEC = BeatInput(
    sampling_rate_hz=360,
    leads=("MLII",),
    before=90,
    after=126,
    filter=BoxcarFilter(baseline_s=0.8, smooth_s=0.012),
    rhythm=RhythmFeatures(),
)
RATE = 200


class Server:
    """Gives one connection at a time to whoever asks for it."""

    def __init__(self):
        self.port = 0
        self.clients = []
        self.start()

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]

    def accept(self):
        self.listener.settimeout(60)
        client, _ = self.listener.accept()
        self.clients.append(client)
        return client

    def close(self):
        self.listener.close()
        for client in self.clients:
            client.close()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


def stream(server, query="", *, said=None, **settings):
    settings = SourceSettings(**{"read_s": 30, "open_s": 30, **settings})
    text = f"tcp://127.0.0.1:{server.port}?rate={RATE}{query}"
    source = SampleStream(text, SPEC, settings, say=(said if said is not None else []).append)
    source.open()
    return source


def lines(values):
    return "".join(f"{v:g}\n" for v in values).encode()


def samples(source, count):
    chunks = []
    while sum(map(len, chunks)) < count:
        chunks.append(source.read().data)
    return np.concatenate(chunks)


def test_samples_arrive_as_they_were_sent(server):
    source = stream(server)
    client = server.accept()
    client.sendall(lines(range(200)))
    got = samples(source, 200)
    # Whoever connects to a running stream cannot know that the first line was whole.
    assert np.isnan(got[0])
    assert got[1:].tolist() == list(range(1, 200))
    assert source.sampling_rate_hz == RATE
    assert not source.live
    assert isinstance(source, Reopens)
    source.close()


def test_binary_samples_too(server):
    source = stream(server, "&format=int16&gain=200&channels=2&channel=2")
    client = server.accept()
    counts = np.stack([np.zeros(100), np.arange(100)], 1).astype("<i2").tobytes()
    client.sendall(counts[:33])
    client.sendall(counts[33:])
    assert np.allclose(samples(source, 100), np.arange(100) / 200)
    source.close()


def test_half_a_line_waits_for_its_other_half(server):
    source = stream(server)
    client = server.accept()
    client.sendall(lines(range(30)) + b"0.12")
    source.read()
    client.sendall(b"5\n" + lines(range(9)))
    assert samples(source, 20)[10] == 0.125
    source.close()


def test_garbage_is_a_gap_of_its_own_length(server):
    source = stream(server)
    client = server.accept()
    client.sendall(lines([7] * 20) + b"\x00\xfegarbage,\n;;;\n" + lines([8] * 18))
    got = samples(source, 40)
    assert np.array_equal(got[1:], [7] * 19 + [np.nan] * 2 + [8] * 18, equal_nan=True)
    source.close()


def test_a_stream_of_something_else_is_an_error(server):
    source = stream(server)
    server.accept().sendall(b"<html>\n" * 200)
    with pytest.raises(SourceError, match="no lines with a number"):
        samples(source, 200)
    source.close()


@pytest.mark.parametrize("how", ["stalls", "closes", "resets"])
def test_a_connection_that_is_lost_is_a_gap_in_time_and_comes_back(server, how):
    said = []
    source = stream(server, said=said, read_s=2.0)
    client = server.accept()
    sending = time.monotonic()
    client.sendall(lines([1] * 50) + b"3.2")
    assert samples(source, 40)[-1] == 1
    received = time.monotonic()
    if how == "closes":
        client.close()
    elif how == "resets":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        client.close()
    sent_again = []
    threading.Thread(target=_serve_again, args=[server, sent_again]).start()
    got, gap_ended = [], None
    while gap_ended is None or got[-1] != 2:
        got += source.read().data.tolist()
        if 2 in got and gap_ended is None:
            gap_ended = time.monotonic()
    rest = np.asarray(got)
    missing = np.isnan(rest).sum() / RATE
    # However long it took: from when the last came to when the next one did, but for a look.
    assert sent_again[0] - received - 0.4 < missing < gap_ended - sending + 0.4
    assert set(rest[np.isfinite(rest)]) == {1, 2}  # and no half line's 3.2
    assert len(said) == 2
    assert ("gave nothing for 2 s" if how == "stalls" else "closed by the other side") in said[0]
    assert "is back after" in said[1]
    source.close()


def _serve_again(server, sent):
    with contextlib.suppress(OSError):
        client = server.accept()
        sent.append(time.monotonic())
        client.sendall(lines([2] * 60))


def test_a_server_that_was_away_is_found_again(server):
    source = stream(server)
    client = server.accept()
    client.sendall(lines([1] * 25))
    samples(source, 20)
    client.close()
    server.listener.close()
    until = time.monotonic() + 2.5
    while time.monotonic() < until:
        assert not np.isfinite(source.read().data[5:]).any()
    server.start()
    back = time.monotonic()
    threading.Thread(target=_serve_again, args=[server, []]).start()
    while not np.isfinite(source.read().data).any():
        assert time.monotonic() - back < 60
    source.close()
    # Within two seconds of its return on a machine that has the time.
    assert _LONGEST_WAIT_S + _LOOK_S < 2


@pytest.mark.parametrize("silent", [True, False])
def test_one_that_does_not_come_back_is_given_up(server, silent):
    source = stream(server, give_up_s=0.7, read_s=0.5)
    client = server.accept()
    client.sendall(lines([1] * 25))
    if not silent:
        server.listener.close()
        client.close()
    started = time.monotonic()
    with pytest.raises(SourceError, match="given up after"):
        samples(source, 10_000)
    assert time.monotonic() - started < 60
    source.close()


def test_a_web_server_that_hangs_up_each_time_is_an_error(server):
    source = stream(server, give_up_s=60.0)
    over = threading.Event()

    def answer():
        while not over.is_set():
            with contextlib.suppress(OSError):
                client = server.accept()
                client.sendall(b"<html>\nBad Request\n</html>\n" * 10)
                client.close()

    thread = threading.Thread(target=answer)
    thread.start()
    with pytest.raises(SourceError, match="no lines with a number"):
        samples(source, 10**9)
    source.close()
    over.set()
    # It waits for another client: this is one.
    socket.create_connection(("127.0.0.1", server.port)).close()
    thread.join(30)


def test_without_reconnecting_the_loss_is_the_end(server):
    source = stream(server, give_up_s=0)
    server.accept().close()
    with pytest.raises(SourceError, match="closed by the other side"):
        source.read()
    source.close()


def test_a_wait_can_be_interrupted(server):
    source = stream(server, read_s=120)
    server.accept()
    threading.Timer(0.1, source.interrupt).start()
    started = time.monotonic()
    assert source.read() is None
    assert time.monotonic() - started < 60
    source.close()


def test_a_serial_port():
    pytest.importorskip("serial")
    import tty

    ours, theirs = os.openpty()
    tty.setraw(theirs)
    source = SampleStream(f"serial:{os.ttyname(theirs)}?rate={RATE}&baud=57600", SPEC)
    source.open()
    os.write(ours, lines(range(60)))
    assert samples(source, 60)[1:].tolist() == list(range(1, 60))
    source.close()
    for end in (ours, theirs):
        os.close(end)


def test_a_serial_port_that_is_not_there_is_an_error():
    pytest.importorskip("serial")
    with pytest.raises(SourceError, match="cannot be opened: No such file") as caught:
        SampleStream("serial:/dev/ttyUSB77?rate=250", SPEC).open()
    assert "dialout" in caught.value.hint


def piped(data, query=f"?rate={RATE}"):
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as file:
        file.write(data)
    source = SampleStream(f"-{query}", SPEC, port=StdinPort(reader))
    source.open()
    return source, reader


def test_standard_input_ends_with_its_last_sample():
    source, reader = piped(lines(range(45)) + b"7")
    chunks = []
    while (frame := source.read()) is not None:
        chunks.append(frame)
    os.close(reader)
    assert np.concatenate([c.data for c in chunks]).tolist() == list(range(45))
    assert [c.number for c in chunks] == [0, 1, 2]


def test_standard_input_without_a_sample_is_an_error():
    source, reader = piped(b"no\nnumbers\n")
    with pytest.raises(SourceError, match="without a sample"):
        source.read()
    os.close(reader)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tcp://127.0.0.1:99", "how many samples are a second"),
        ("-", "how many samples are a second"),
        ("tcp://127.0.0.1?rate=360", "is no tcp://HOST:PORT"),
        ("tcp://127.0.0.1:99999999?rate=360", "is no tcp://HOST:PORT"),
        ("serial:?rate=360", "names no port"),
        ("tcp://127.0.0.1:99?rate=360&baud=3", "unknown option baud"),
    ],
)
def test_what_cannot_be_meant_is_refused(text, says):
    with pytest.raises(UsageError, match=says):
        open_ecg_source(text, SPEC)


def test_a_live_ecg_over_a_socket_that_breaks_once(server):
    """Beats before and after the gap, none in it, and a ledger that balances."""

    class Labels(Sink):
        rows = []  # noqa: RUF012

        def write(self, answer):
            self.rows.append(answer.row())

    ecg = synthetic_ecg(40, 360, seed=1)

    def serve():
        client = server.accept()
        client.sendall(lines(ecg.signal_mv[: 15 * 360]))
        client.close()
        server.accept().sendall(lines(ecg.signal_mv[15 * 360 :]))

    model = load_model(resolve_model("bundled:ecg-beats"), check=False)
    text = f"tcp://127.0.0.1:{server.port}?rate=360"
    settings = SourceSettings(read_s=2.0, give_up_s=5.0)
    source, processor = open_live(model, text, settings=settings)
    threading.Thread(target=serve).start()
    sink = Labels()
    with pytest.raises(SourceError, match="given up"):
        Pipeline(source, processor, [sink]).run()
    last = sink.rows[-1]["ledger"]
    assert last["captured"] == last["processed"] == len(sink.rows)
    beats = [beat for row in sink.rows for beat in row["beats"]]
    assert len(beats) > 0.85 * len(ecg.samples)
    assert {beat["class"] for beat in beats} >= {"N", "V"}
