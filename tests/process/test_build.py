"""The build: `make demo`, `make test` and `make`, one behind the other, compile each file once. No compiler runs: one that only takes notes
stands in for it, in a copy of the tree in which nothing is installed, shown or tested either."""

import collections
import os
import shutil
import tempfile
import unittest

import patience
from fake_node import ROOT, ShippedBinaryCase

FOLDERS = ("base", "netlink", "ipam", "plugin")
PROGRAMS = ("install-packages", "demo", "run")
# Where CMake tries what the compiler can do, it is the real one.
TOOLCHAIN = """
get_property(trying GLOBAL PROPERTY IN_TRY_COMPILE)
if(NOT trying)
  set(CMAKE_CXX_COMPILER_LAUNCHER {launcher})
  set(CMAKE_CXX_LINK_EXECUTABLE "cp /bin/true <TARGET>")
endif()
"""
LAUNCHER = """#!/bin/sh
output= source= dependencies=
while [ $# -gt 0 ]; do
  case $1 in
    -o) output=$2 ;;
    -c) source=$2 ;;
    -MF) dependencies=$2 ;;
  esac
  shift
done
echo "$source" >>{log}
echo "$output: $source" >"$dependencies"
: >"$output"
"""


class BuildTest(ShippedBinaryCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="patchcord-test-")
        self.addCleanup(directory.cleanup)
        self.tree = os.path.join(directory.name, "tree")
        self.log = os.path.join(directory.name, "log")
        self.toolchain = self.write(directory.name, "toolchain.cmake", TOOLCHAIN.replace("{launcher}", os.path.join(directory.name, "launcher")))
        self.write(directory.name, "launcher", LAUNCHER.replace("{log}", self.log))
        self.copy_tree()
        for program in PROGRAMS:
            self.write(self.tree, os.path.join("tests", program), "#!/bin/sh\n")

    @staticmethod
    def write(directory, name, text):
        path = os.path.join(directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)
        return path

    def copy_tree(self):
        listed = patience.run(["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-z", "-co", "--exclude-standard"], check=True).stdout
        for name in filter(None, listed.split("\0")):
            source, target = os.path.join(ROOT, name), os.path.join(self.tree, name)
            if os.path.lexists(source):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)

    def compiled(self, *targets):
        """How often each file has been, in all."""
        environment = {"PATH": os.environ["PATH"], "HOME": self.tree, "CMAKE_TOOLCHAIN_FILE": self.toolchain}
        done = patience.run(["make", *targets], cwd=self.tree, env=environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(self.log, encoding="utf-8") as file:
            return collections.Counter(os.path.relpath(line, self.tree) for line in file.read().splitlines())

    def sources(self):
        return {os.path.relpath(os.path.join(parent, name), self.tree) for folder in FOLDERS
                for parent, _, names in os.walk(os.path.join(self.tree, folder)) for name in names if name.endswith(".cpp")}

    def test_the_commands_of_the_readme_compile_each_file_once(self):
        first = self.compiled("demo")
        self.assertEqual({name for name in first if name.startswith(FOLDERS)}, self.sources())
        second = self.compiled("test")
        self.assertTrue(any(name.startswith("tests/unit/") for name in second - first))
        third = self.compiled()
        self.assertEqual({name: times for name, times in third.items() if times > 1}, {})
        self.assertEqual(third, second)
        # What is touched is compiled again, and nothing else.
        os.utime(os.path.join(self.tree, "base", "digest.cpp"))
        self.assertEqual(self.compiled("test") - third, {"base/digest.cpp": 1})


if __name__ == "__main__":
    unittest.main()
