"""The completions, asked as their shells ask them: each script is loaded by the real shell, which is then told to complete a line."""

import functools
import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock

from fake_node import PLUGIN
from patience import run, until

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TERM": "dumb"}
# bash, as far as it is of interest: it has no other way to ask without a terminal.
ASK_BASH = """
set -eu
source "$0"
complete -p patchcord >/dev/null
COMP_WORDS=(patchcord "$@") COMP_CWORD=$#
compopt() { echo "$@"; }
"$(complete -p patchcord | sed 's/.*-F \\([^ ]*\\) .*/\\1/')"
printf '%s\\n' "${COMPREPLY[@]}"
"""
# A zsh that writes into a file what it would offer: all offers go through compadd, which also computes for its caller (-O, -A, -D).
SET_UP_ZSH = """
PS1= PS2=; unsetopt zle_bracketed_paste prompt_cr prompt_sp beep; stty rows 500 columns 200
autoload -Uz compinit && compinit -u -d {directory}/dump
ask() {{ zle list-choices; zle kill-whole-line; print end-of-list }}; zle -N ask; bindkey '^I' ask
compadd() {{
  local -a offered
  if [[ -z ${{(M)argv:#-[OAD]*}} ]] {{ builtin compadd -A offered "$@"; print -l -- $offered >>{directory}/offered }}
  builtin compadd "$@"
}}
"""


def tool(*words):
    return run([PLUGIN, *words], check=True,
                          env=ENVIRONMENT).stdout


@functools.cache
def commands():
    """In the order of the help."""
    return re.findall(r"(?m)^  ([a-z]+)  ", tool("help"))


def options_of(command):
    return sorted(set(re.findall(r"(?<!\S)--[a-z-]+", tool(command, "--help").split("Examples:")[0])) | {"--help"})


class CompletionCase:
    """What is the same for each shell. A subclass completes the last of some words."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="patchcord-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.script = os.path.join(self.directory, f"_patchcord.{self.shell}")
        with open(self.script, "w", encoding="utf-8") as stream:
            stream.write(tool("completion", self.shell))

    def test_the_shell_reads_the_script_without_a_word(self):
        done = run([self.shell, "--no-execute" if self.shell == "fish" else "-n", self.script], stderr=subprocess.STDOUT, env=ENVIRONMENT)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_every_command_is_offered_and_nothing_else(self):
        self.assertGreater(len(commands()), 15)
        self.assertEqual(sorted(self.complete("")), sorted(commands()))

    def test_a_beginning_is_completed(self):
        self.assertEqual(sorted(self.complete("inst")), ["install"])
        self.assertEqual(sorted(self.complete("un")), ["uninstall"])

    def test_names_of_the_node_are_offered(self):
        """Those that the program lists, which is another one here."""
        program = os.path.join(self.directory, "patchcord")
        with open(program, "w", encoding="utf-8") as stream:
            stream.write("#!/bin/sh\ncase $1 in list) echo shop/web-0; echo db ;; networks) echo podnet ;; esac\n")
        os.chmod(program, 0o755)
        self.look_first_in(self.directory)
        self.assertLessEqual({"shop/web-0", "db"}, set(self.complete("inspect", "")))
        self.assertLessEqual({"shop/web-0", "db", "podnet"}, set(self.complete("del", "")))
        self.assertIn("podnet", self.complete("status", "pod"))

    def look_first_in(self, directory):
        patch = unittest.mock.patch.dict(ENVIRONMENT, PATH=directory + ":" + ENVIRONMENT["PATH"])
        patch.start()
        self.addCleanup(patch.stop)

    def test_every_option_of_every_command_is_offered(self):
        for command in commands():
            with self.subTest(command):
                self.assertEqual(sorted(word for word in self.complete(command, "--") if word.startswith("--")), options_of(command))

    def test_what_follows_is_one_of_a_few_words(self):
        self.assertEqual(sorted(self.complete("graph", "--format", "")), ["dot", "html", "mermaid", "svg", "text"])
        self.assertEqual(sorted(self.complete("list", "-o", "")), ["json", "name", "table", "wide", "yaml"])
        self.assertEqual(sorted(word for word in self.complete("completion", "") if not word.startswith("-")), ["bash", "fish", "zsh"])
        self.assertEqual(sorted(word for word in self.complete("help", "") if not word.startswith("-")), sorted(commands()))


class BashTest(CompletionCase, unittest.TestCase):
    shell = "bash"

    def complete(self, *words):
        done = run(["bash", "-c", ASK_BASH, self.script, *words], check=True, env=ENVIRONMENT)
        return done.stdout.split()

    def test_files_are_offered_where_files_are_meant(self):
        self.assertEqual(self.complete("metrics", "--file", "x"), ["-o", "default"])
        self.assertEqual(self.complete("validate", "x"), ["-o", "default"])


class FishTest(CompletionCase, unittest.TestCase):
    shell = "fish"

    def complete(self, *words):
        line = " ".join(["patchcord", *words])
        ask = f"source {self.script}; and complete --do-complete '{line}'"
        done = run(["fish", "--no-config", "-c", ask], check=True, cwd=self.directory, env={**ENVIRONMENT, "HOME": self.directory})
        self.assertEqual(done.stderr, "")
        return [offer.split("\t")[0] for offer in done.stdout.splitlines()]

    def test_each_command_has_its_summary(self):
        shown = subprocess.run(["fish", "--no-config", "-c", f"source {self.script}; complete --do-complete 'patchcord insp'"],
                               stdout=subprocess.PIPE, text=True, check=True, env={**ENVIRONMENT, "HOME": self.directory}).stdout
        self.assertIn(re.search(r"(?m)^  inspect +(.*)$", tool("help")).group(1), shown)


class ZshTest(CompletionCase, unittest.TestCase):
    shell = "zsh"

    def setUp(self):
        super().setUp()
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(self.directory)
            os.execve("/usr/bin/zsh", ["zsh", "-f", "-i"], {**ENVIRONMENT, "HOME": self.directory})
        self.addCleanup(os.close, self.terminal)
        self.addCleanup(os.waitpid, self.process, 0)
        self.addCleanup(os.kill, self.process, 9)
        self.say(SET_UP_ZSH.format(directory=self.directory) + f"source {self.script}\nprint set-\\up\n")
        self.hear("set-up")

    def test_packages_install_it_into_a_directory_of_functions(self):
        """From which zsh reads it when it is needed."""
        os.mkdir(os.path.join(self.directory, "functions"))
        os.rename(self.script, os.path.join(self.directory, "functions", "_patchcord"))
        self.say(f"unfunction _patchcord; compdef -d patchcord; fpath=({self.directory}/functions $fpath); compinit -u -D; print loaded-\\anew\n")
        self.hear("loaded-anew")
        for _ in ("as it is read", "when it is there"):
            self.assertEqual(sorted(self.complete("")), sorted(commands()))

    def look_first_in(self, directory):
        self.say(f"path=({directory} $path); print looks-\\there\n")
        self.hear("looks-there")

    def say(self, text):
        os.write(self.terminal, text.encode())

    def hear(self, end):
        """All that comes until `end` does."""
        heard = ""
        while end not in heard:
            self.assertTrue(until(lambda: select.select([self.terminal], [], [], 0)[0]), f"zsh says nothing more: {heard}")
            heard += os.read(self.terminal, 65536).decode()
        return heard

    def complete(self, *words):
        offered = os.path.join(self.directory, "offered")
        with open(offered, "w", encoding="utf-8"):
            pass
        self.say(" ".join(["patchcord", *words]) + "\t")
        self.hear("end-of-list")
        with open(offered, encoding="utf-8") as stream:
            return stream.read().split()


if __name__ == "__main__":
    unittest.main()
