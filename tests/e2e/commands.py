"""Commands that tests run, and conditions that they wait for."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from patience import slowness  # for those who import commands

# Our own PATH: a developer's shims (pyenv and the like) must not leak in.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class CommandFailed(AssertionError):
    """A command run for a test ended with an error; says all that it printed."""

    def __init__(self, argv, code, stdout, stderr):
        super().__init__(
            f"{' '.join(map(str, argv))}\nended with {code}\n"
            f"stdout: {stdout}\nstderr: {stderr}"
        )


def netns_prefix():
    """Of the names that this process gives to its hosts."""
    return f"pc-e2e-{os.getpid()}-"


def run_command(argv, *, check=True, **options):
    """Runs argv to its end; returns the CompletedProcess with text output."""
    argv = [str(word) for word in argv]
    options.setdefault("env", {"PATH": PATH, "HOME": "/nonexistent", "LC_ALL": "C"})
    done = patience.run(argv, **options)
    if check and done.returncode != 0:
        raise CommandFailed(argv, done.returncode, done.stdout, done.stderr)
    return done


def wait_until(condition, what, tries=10):
    """Polls until condition() is true; what() describes it if it never is."""
    if not patience.until(condition, tries):
        raise AssertionError(f"waited in vain for {what()}")
