"""A process that is stopped as a whole and goes on: none of its stages hung."""

import os
import signal
import subprocess
import sys
import time

import pytest

#: A stage whose call takes longer only on the clock, and later one that hangs indeed. The process
#: stops itself, so that it has done next to nothing before: between two looks of the watchdog, or
#: while it looks.
PROGRAM = """
import os, signal, sys, threading, time
from edgecnn.runtime.watchdog import Patience, Watchdog

looks = threading.Semaphore(0)

class Stage:
    title, key, limit_s, since = "model", "process", 2.0, time.monotonic()
    stops = False
    @property
    def busy_since(self):
        looks.release()
        if self.stops:
            self.stops = False
            os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(1)  # over when it goes on; before that, its other threads stop first
        return self.since
    def revive(self):
        return True

stage, said, told = Stage(), [], threading.Event()
watchdog = Watchdog(lambda: [stage], Patience(), lambda text: (said.append(text), told.set()))
watchdog.start()
looks.acquire()
if sys.argv[1] == "looking":
    stage.stops = True
    looks.acquire()
else:
    os.kill(os.getpid(), signal.SIGSTOP)
for _ in range(3):
    looks.acquire()
print(said, flush=True)
assert told.wait(60)
print(said, flush=True)
"""


@pytest.mark.parametrize("when", ["between looks", "looking"])
def test_what_a_stopped_process_did_not_do_counts_against_no_stage(when):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, when], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            time.sleep(3.0)
            process.send_signal(signal.SIGCONT)
            assert process.stdout.readline() == "[]\n"
            assert process.stdout.readline() == "['model hangs: nothing for 2 s; restarted']\n"
        finally:
            process.kill()
