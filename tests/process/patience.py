"""How long a test waits: so many tries, each as long as the machine, as busy or as slow as it is just now, takes for the same work.

No clock tells how much somebody else's work slows a test down, or that the processor is an emulated one; how long a piece of work takes does.
"""

import contextlib
import resource
import subprocess
import threading
import time

TRIES = 60
PIECE = range(1_000_000)
USUAL = 0.0125  # seconds for adding them up on a machine that has nothing else to do


def slowness():
    """How many times longer than on that machine things take on this one now; at least 1."""
    began = time.monotonic()
    sum(PIECE)
    return max(1.0, (time.monotonic() - began) / USUAL)


def answer_time():
    """Seconds in which an answer comes, on a machine as busy as this one is, if one comes. Few: for one that does not, all of them pass."""
    return min(slowness(), 4)


def until(condition, tries=TRIES):
    """Waits for it, and returns what it was at last."""
    for _ in range(tries):
        end = time.monotonic() + slowness()
        while time.monotonic() < end:
            met = condition()
            if met:
                return met
            time.sleep(0.02)
    return condition()


def communicate(process, input=None, tries=TRIES):
    """As the process' own does; one that does not end is killed."""
    if input is not None:
        _feed(process, input)
    for number in range(tries):
        try:
            return process.communicate(timeout=slowness() if number else 1)
        except subprocess.TimeoutExpired:
            pass
    process.kill()
    stdout, stderr = process.communicate()
    raise AssertionError(f"{process.args} had not ended after {tries} tries; stdout {stdout!r}, stderr {stderr!r}")


def _feed(process, input):
    """Beside what waits for the answer: what communicate() has not written when its time is up it never writes (Python 3.11)."""
    stdin, process.stdin = process.stdin, None

    def write():
        with contextlib.suppress(OSError):  # who does not read all has ended
            with stdin:
                stdin.write(input)
    threading.Thread(target=write, daemon=True).start()


def run(command, check=False, input=None, tries=TRIES, **options):
    """As subprocess.run, with both outputs kept, as text."""
    options = {"stdin": subprocess.DEVNULL if input is None else subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               "text": True, **options}
    with subprocess.Popen(command, **options) as process:
        stdout, stderr = communicate(process, input, tries)
    done = subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
    if check and done.returncode:
        error = subprocess.CalledProcessError(done.returncode, command, stdout, stderr)
        error.add_note(f"it printed {stdout!r} and {stderr!r}")
        raise error
    return done


def processor_time(work):
    """What work() returns, and the seconds that processors spent on it, here and in the processes that it has waited for."""
    began = _spent()
    answer = work()
    return answer, _spent() - began


def _spent():
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
