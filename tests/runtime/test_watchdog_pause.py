"""A process that is stopped as a whole and goes on: none of its stages hung."""

import signal
import subprocess
import sys
import time

#: A stage whose call takes longer only on the clock, and later one that hangs indeed.
PROGRAM = """
import threading, time
from edgecnn.runtime.watchdog import Patience, Watchdog

class Stage:
    title, key, limit_s, busy_since = "model", "process", 1.0, time.monotonic()
    def revive(self):
        return True

stage, said = Stage(), []
watchdog = Watchdog(lambda: [stage], Patience(), said.append)
watchdog.start()
time.sleep(0.3)
print("busy", flush=True)
input()
time.sleep(0.3)
print(said, flush=True)
time.sleep(1.0)
print(said, flush=True)
"""


def test_what_a_stopped_process_did_not_do_counts_against_no_stage():
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "busy\n"
            process.send_signal(signal.SIGSTOP)
            time.sleep(2.0)
            process.send_signal(signal.SIGCONT)
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "[]\n"
            assert process.stdout.readline() == "['model hangs: nothing for 1 s; restarted']\n"
        finally:
            process.kill()
