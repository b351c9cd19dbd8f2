"""The tool's install and uninstall, in a plugin directory of the test's."""

import os
import shutil
import subprocess
import tempfile
import unittest

from fake_node import NAMES, PASSED_ON, PLUGIN
import patience

LINKS = sorted(name for name in NAMES if name != "patchcord")


class InstallTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="patchcord-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.plugins = os.path.join(self.directory, "opt", "cni", "bin")

    def tool(self, *words, status=0):
        environment = {**PASSED_ON, "PATCHCORD_STATE_DIR": os.path.join(self.directory, "run")}
        # The mask of a careless administrator must not make plugins that a runtime cannot start.
        done = patience.run([PLUGIN, *words, "--dir", self.plugins], env=environment, umask=0o077)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout + done.stderr

    def contents(self):
        """What is in the plugin directory: the target of a link, the bytes of a file."""
        found = {}
        for name in os.listdir(self.plugins):
            path = os.path.join(self.plugins, name)
            if os.path.islink(path):
                found[name] = os.readlink(path)
            else:
                with open(path, "rb") as file:
                    found[name] = file.read()
        return found

    def put(self, name, content):
        os.makedirs(self.plugins, exist_ok=True)
        with open(os.path.join(self.plugins, name), "wb") as file:
            file.write(content)

    def program(self):
        with open(PLUGIN, "rb") as file:
            return file.read()

    def assert_version_of(self, name):
        done = patience.run([os.path.join(self.plugins, name)], env={"CNI_COMMAND": "VERSION"}, input='{"cniVersion":"1.0.0"}', check=True)
        self.assertIn("supportedVersions", done.stdout)

    def test_an_empty_place_gets_the_program_and_a_link_for_each_name(self):
        self.tool("install")
        self.assertEqual(self.contents(), {"patchcord": self.program(), **dict.fromkeys(LINKS, "patchcord")})
        self.assertEqual(os.stat(os.path.join(self.plugins, "patchcord")).st_mode & 0o7777, 0o755)
        for name in NAMES:
            self.assert_version_of(name)
        self.tool("uninstall")
        self.assertEqual(os.listdir(self.plugins), [])

    def test_others_stay_unless_told(self):
        self.put("bridge", b"another bridge")
        self.put("macvlan", b"of no name of ours")
        self.assertIn("bridge is another plugin and stays", self.tool("install"))
        self.assertEqual(self.contents()["bridge"], b"another bridge")
        self.assertEqual(self.contents()["ptp"], "patchcord")
        self.tool("uninstall")
        self.assertEqual(self.contents(), {"bridge": b"another bridge", "macvlan": b"of no name of ours"})

    def test_what_is_replaced_comes_back(self):
        self.put("bridge", b"another bridge")
        os.symlink("/usr/lib/cni/portmap", os.path.join(self.plugins, "portmap"))
        before = self.contents()
        self.tool("install", "--replace")
        self.assertEqual(self.contents()["bridge"], "patchcord")
        self.assertEqual(self.contents()["portmap"], "patchcord")
        # Again, as a package's upgrade does: what is kept is still the original.
        self.tool("install", "--replace")
        self.assertIn("bridge is back", self.tool("uninstall"))
        self.assertEqual(self.contents(), before)

    def test_a_running_program_is_replaced(self):
        """A file that is being run cannot be written; it is the new one's name that changes."""
        self.tool("install")
        running = subprocess.Popen([os.path.join(self.plugins, "bridge")], env={"CNI_COMMAND": "STATUS"}, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        self.tool("install")
        self.assertIsNone(running.poll())
        self.assertIn(b'"code": 6', patience.communicate(running, b"what is no JSON")[0])
        self.assert_version_of("bridge")

    def test_at_each_moment_there_is_a_plugin_of_that_name(self):
        self.put("bridge", self.program())
        os.chmod(os.path.join(self.plugins, "bridge"), 0o755)
        stop = os.path.join(self.directory, "stop")
        loop = f'until [ -e {stop} ]; do echo {{}} | CNI_COMMAND=VERSION {self.plugins}/bridge >/dev/null || [ $? -lt 126 ] || exit 1; done'
        with subprocess.Popen(["sh", "-c", loop]) as pods:
            try:
                for _ in range(10):
                    self.tool("install", "--replace")
                    self.tool("uninstall")
            finally:
                with open(stop, "w", encoding="ascii"):
                    pass
        self.assertEqual(pods.returncode, 0)

    def test_where_it_cannot_be_it_says_so(self):
        self.assertIn(self.plugins, self.tool("uninstall", status=1))
        os.makedirs(os.path.dirname(self.plugins))
        with open(self.plugins, "w", encoding="ascii"):
            pass
        self.assertIn(self.plugins, self.tool("install", status=1))


if __name__ == "__main__":
    unittest.main()
