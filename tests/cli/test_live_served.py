"""What ``edgecnn live`` serves while it runs."""

import hashlib
import json
import re
import signal
import ssl
import urllib.request

from tests.cli.running import LIMIT_S, live, one_error_line, running


def test_the_page_is_served_while_it_runs_and_the_port_must_be_free(picture_model):
    with running(
        picture_model, "--source", "test:", "--headless", "--web", "127.0.0.1:0"
    ) as process:
        url = None
        while url is None:
            line = process.stderr.readline()
            assert line
            if found := re.search(r"page: (http://127\.0\.0\.1:(\d+)/)", line):
                url, port = found[1], found[2]
        with urllib.request.urlopen(url, timeout=240) as page:
            assert b"<title>edgecnn live</title>" in page.read()
        taken = live(picture_model, "--source", "test:", "--headless", "--web", f"127.0.0.1:{port}")
        assert f"127.0.0.1:{port} is in use" in one_error_line(taken)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0


def test_metrics_are_served_with_the_page_and_without(picture_model):
    with running(
        picture_model, "--source", "test:", "--headless", "--json",
        "--web", "127.0.0.1:0", "--metrics", "127.0.0.1:0",
    ) as process:  # fmt: skip
        process.stdout.readline()
        said = "".join(process.stderr.readline() for _ in range(2))
        page = re.search(r"page: (http://127\.0\.0\.1:\d+/)", said)[1]
        metrics = re.search(r"metrics: (http://127\.0\.0\.1:\d+/metrics)", said)[1]
        for url in (metrics, f"{page}metrics"):
            with urllib.request.urlopen(url, timeout=240) as response:
                assert b'edgecnn_frames_total{class="captured"}' in response.read()
        for probe in ("healthz", "readyz"):
            with urllib.request.urlopen(page + probe, timeout=240) as response:
                assert response.read() == b"ok\n"


def test_over_https_the_fingerprint_is_told(picture_model, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    arguments = ("--source", "test:", "--headless", "--web", "0.0.0.0:0", "--tls", "--json")
    with running(picture_model, *arguments) as process:
        said = process.stderr.readline() + process.stderr.readline()
        url = re.search(r"page: https://[^:]+:(\d+)/\?token=(\S+)\n", said)
        pem = (tmp_path / "edgecnn" / "tls" / "own.pem").read_text()
        der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERT") :])
        fingerprint = re.search(r"SHA-256 ([0-9A-F:]+)", said)[1]
        assert hashlib.sha256(der).hexdigest().upper() == fingerprint.replace(":", "")
        request = urllib.request.Request(
            f"https://127.0.0.1:{url[1]}/about.json", headers={"Authorization": f"Bearer {url[2]}"}
        )
        trusting = ssl.create_default_context(cadata=der)
        with urllib.request.urlopen(request, timeout=240, context=trusting) as response:
            assert json.loads(response.read())["model"] == "brightness"
