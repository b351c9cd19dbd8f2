"""The Debian package: built by CPack, installed and removed by dpkg on a root file system of its own, in no network of the machine's."""

import glob
import os
import shutil
import subprocess
import tempfile
import unittest

import conflists

BUILD = os.path.dirname(conflists.PLUGIN_UNDER_TEST)
# The machine's root below a layer that takes what is written.
ENTER = """
mount -t tmpfs none {place} && mkdir {place}/upper {place}/work {place}/root &&
mount -t overlay none -o lowerdir=/,upperdir={place}/upper,workdir={place}/work {place}/root &&
mount -t tmpfs none {place}/root/opt && mount -t tmpfs none {place}/root/run && mount -t proc none {place}/root/proc &&
mount --bind {place}.deb {place}/root/mnt && exec chroot {place}/root sh -s
"""


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="pc-e2e-package-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.place = os.path.join(cls.directory, "place")
        os.mkdir(cls.place)
        os.mkdir(f"{cls.place}.deb")
        subprocess.run(["cpack", "-G", "DEB", "-B", f"{cls.place}.deb", "--config", os.path.join(BUILD, "CPackConfig.cmake")],
                       cwd=cls.directory, stdout=subprocess.DEVNULL, check=True, timeout=300)
        cls.package, = glob.glob(f"{cls.place}.deb/*.deb")

    def run_script(self, script):
        """On the fresh root; each command shows itself, the first that fails ends it. /mnt has the package, /opt is empty."""
        done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c", ENTER.format(place=self.place)],
                              input="set -ex\nexec 2>&1\n" + script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, timeout=120, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_it_installs_runs_and_goes_without_a_trace(self):
        links = "\n".join(f'test "$(readlink /opt/cni/bin/{name})" = patchcord' for name in conflists.REPLACED_NAMES)
        shown = self.run_script(f"""
            dpkg -i /mnt/*.deb
            cmp /opt/cni/bin/patchcord /usr/libexec/patchcord/patchcord
            {links}
            echo '{{"cniVersion":"1.0.0"}}' | CNI_COMMAND=VERSION /opt/cni/bin/bridge
            ip link set lo up
            patchcord doctor || test $? -eq 1
            patchcord list
            test -s /usr/share/man/man8/patchcord.8
            dpkg --verify patchcord
            dpkg -i /mnt/*.deb
            dpkg -P patchcord
            find /opt /usr/libexec/patchcord /usr/share/doc/patchcord /lib/systemd/system/patchcord* /usr/share/*/*/*patchcord* -type f -o -type l || true
            """)
        self.assertIn('"supportedVersions"', shown)
        left = shown.rpartition("+ find ")[2].splitlines()[1:]
        self.assertEqual([line for line in left if line.startswith("/")], [])

    def test_plugins_of_others_stay_and_are_still_there_when_it_is_gone(self):
        self.run_script("""
            mkdir -p /opt/cni/bin
            echo another >/opt/cni/bin/bridge
            dpkg -i /mnt/*.deb
            test "$(cat /opt/cni/bin/bridge)" = another
            test "$(readlink /opt/cni/bin/ptp)" = patchcord
            patchcord install --replace
            test "$(readlink /opt/cni/bin/bridge)" = patchcord
            dpkg -i /mnt/*.deb
            test "$(readlink /opt/cni/bin/bridge)" = patchcord
            dpkg -r patchcord
            test "$(cat /opt/cni/bin/bridge)" = another
            test "$(ls /opt/cni/bin)" = bridge
            """)


if __name__ == "__main__":
    unittest.main()
