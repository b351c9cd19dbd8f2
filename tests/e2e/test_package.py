"""The Debian package: built by CPack, installed and removed by dpkg on a root file system of its own, in no network of the machine's."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import conflists
from commands import run_command, slowness

BUILD = os.path.dirname(conflists.PLUGIN_UNDER_TEST)
# The machine's root below a layer that takes what is written.
ENTER = """
mount -t tmpfs none {place} && mkdir {place}/upper {place}/work {place}/root &&
mount -t overlay none -o lowerdir=/,upperdir={place}/upper,workdir={place}/work {place}/root &&
mount -t tmpfs none {place}/root/opt && mount -t tmpfs none {place}/root/run && mount -t proc none {place}/root/proc &&
mount --bind {place}.deb {place}/root/mnt && cd {place}/root && {script}
"""
# What makes it a machine that boots, with the unit that the test is as its goal. The cgroup of its own goes when it is over.
BOOT = """
mount -t tmpfs none dev && mount -t sysfs none sys && mount -o remount,ro,bind sys && mount -t cgroup2 none sys/fs/cgroup || exit
for node in null zero full random urandom tty; do touch dev/$node && mount --bind /dev/$node dev/$node || exit; done
cat >/dev/null && cp mnt/test.service run && mkdir -p run/systemd/system run/netns && mv run/test.service run/systemd/system && cgroup=pc-e2e-$$ &&
mkdir sys/fs/cgroup/$cgroup || exit
(echo 0 >sys/fs/cgroup/$cgroup/cgroup.procs
 container=test exec timeout -s KILL {seconds} unshare --mount --pid --uts --ipc --cgroup --fork --kill-child sh -c '
   umount sys/fs/cgroup && mount -t cgroup2 none sys/fs/cgroup && mount -t proc none proc &&
   exec chroot . /lib/systemd/systemd --system --unit=test.service --show-status=no --log-target=null')
status=$?
find sys/fs/cgroup/$cgroup -depth -type d -exec rmdir '{}' ';'
exit $status
"""
TEST_UNIT = """
[Unit]
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
StandardOutput=file:/mnt/output
StandardError=file:/mnt/output
ExecStart=/bin/sh /mnt/script
"""


class PackageCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="pc-e2e-package-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.place = os.path.join(cls.directory, "place")
        os.mkdir(cls.place)
        os.mkdir(f"{cls.place}.deb")
        run_command(["cpack", "-G", "DEB", "-B", f"{cls.place}.deb", "--config", os.path.join(BUILD, "CPackConfig.cmake")], cwd=cls.directory)
        cls.package, = glob.glob(f"{cls.place}.deb/patchcord_*.deb")

    def enter(self, script, text):
        done = run_command(["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c",
                            ENTER.replace("{script}", script).replace("{place}", self.place)],
                           input="set -ex\nexec 2>&1\n" + text, stderr=subprocess.STDOUT, check=False, tries=120,
                           env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})
        return done.returncode, done.stdout

    def run_script(self, text):
        """On the fresh root; each command shows itself, the first that fails ends it. /mnt has the package, /opt is empty."""
        status, output = self.enter("exec chroot . sh -s", text)
        self.assertEqual(status, 0, output)
        return output


class PackageTest(PackageCase):
    def test_the_program_that_asks_for_blocks_is_a_package_of_its_own(self):
        shown = self.run_script("""
            dpkg -i /mnt/patchcord_*.deb /mnt/patchcord-cluster_*.deb
            ! ldd /usr/libexec/patchcord/patchcord
            mkdir -p /etc/patchcord
            echo 0123456789abcdef0123456789abcdef >/etc/machine-id
            echo '{"source": "etcd", "node": "n1", "endpoints": ["https://127.0.0.1:1"]}' >/etc/patchcord/cluster.json
            ! echo '{}' | /usr/libexec/patchcord/patchcord-blocks own pods
            dpkg -r patchcord-cluster
            ! test -e /usr/libexec/patchcord/patchcord-blocks
            test -x /opt/cni/bin/patchcord
            """)
        self.assertIn("no answer within 3.0 s: https://127.0.0.1:1: ", shown)

    def test_it_installs_runs_and_goes_without_a_trace(self):
        links = "\n".join(f'test "$(readlink /opt/cni/bin/{name})" = patchcord' for name in conflists.REPLACED_NAMES)
        shown = self.run_script(f"""
            mkdir -p /etc/containerd
            echo 'plugins.cri.cni.bin_dir = "/usr/lib/cni"' >/etc/containerd/config.toml
            dpkg -i /mnt/patchcord_*.deb
            cmp /opt/cni/bin/patchcord /usr/libexec/patchcord/patchcord
            cmp /usr/lib/cni/patchcord /usr/libexec/patchcord/patchcord
            {links}
            echo '{{"cniVersion":"1.0.0"}}' | CNI_COMMAND=VERSION /opt/cni/bin/bridge
            ip link set lo up
            patchcord doctor || test $? -eq 1
            patchcord list
            test -s /usr/share/man/man8/patchcord.8
            dpkg --verify patchcord
            dpkg -i /mnt/patchcord_*.deb
            dpkg -P patchcord
            find /opt /usr/lib/cni/patchcord /usr/libexec/patchcord /usr/share/doc/patchcord /lib/systemd/system/patchcord* /usr/share/*/*/*patchcord* -type f -o -type l || true
            """)
        self.assertIn('"supportedVersions"', shown)
        left = shown.rpartition("+ find ")[2].splitlines()[1:]
        self.assertEqual([line for line in left if line.startswith("/")], [])

    def test_plugins_of_others_stay_and_are_still_there_when_it_is_gone(self):
        self.run_script("""
            mkdir -p /opt/cni/bin
            echo another >/opt/cni/bin/bridge
            dpkg -i /mnt/patchcord_*.deb
            test "$(cat /opt/cni/bin/bridge)" = another
            test "$(readlink /opt/cni/bin/ptp)" = patchcord
            patchcord install --replace
            test "$(readlink /opt/cni/bin/bridge)" = patchcord
            dpkg -i /mnt/patchcord_*.deb
            test "$(readlink /opt/cni/bin/bridge)" = patchcord
            dpkg -r patchcord
            test "$(cat /opt/cni/bin/bridge)" = another
            test "$(ls /opt/cni/bin)" = bridge
            """)


class UnitsTest(PackageCase):
    def run_script(self, text):
        """On the fresh root as a machine with systemd, when that has started."""
        for name, content in (("test.service", TEST_UNIT), ("script", "set -ex\n" + text)):
            with open(os.path.join(f"{self.place}.deb", name), "w", encoding="utf-8") as stream:
                stream.write(content)
        status, said = self.enter(BOOT.replace("{seconds}", str(round(90 * slowness()))), "")
        with open(os.path.join(f"{self.place}.deb", "output"), encoding="utf-8") as stream:
            output = stream.read()
        self.assertEqual(status, 0, said + output)
        return output

    def test_systemd_understands_them(self):
        output = PackageCase.run_script(self, """
            dpkg -i /mnt/patchcord_*.deb
            dpkg -L patchcord | grep /systemd/system/patchcord-
            systemd-analyze verify --man=no $(dpkg -L patchcord | grep /systemd/system/patchcord-) 2>&1
            echo verified
            """)
        shipped = os.listdir(os.path.join(conflists.REPOSITORY, "packaging", "systemd"))
        self.assertEqual(sorted(re.findall(r"(?m)^(?:/usr)?/lib/systemd/system/(patchcord-.*)$", output)), sorted(shipped))
        self.assertEqual(output.rpartition("systemd-analyze verify")[2].splitlines()[1:], ["+ echo verified", "verified"])

    def test_what_a_firewall_takes_away_they_put_back(self):
        """At each load of it by systemd, and, with the path unit, when its file is written; the timers' services do their work, too."""
        self.run_script("""
            dpkg -i /mnt/patchcord_*.deb
            wait_for() { for i in $(seq 100); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.1; done; "$@"; }
            is_back() { nft list table inet site && nft list table inet patchcord; }
            echo 'flush ruleset; table inet site { chain input { type filter hook input priority 0; }; }' >/etc/nftables.conf
            systemctl enable patchcord-firewall.service
            systemctl start nftables.service
            ip link set lo up
            ip netns add pod
            mkdir -p /etc/cni/net.d
            echo '{"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "patchcord", "mode": "bridge", "isGateway": true, "ipMasq": true,
                   "ipam": {"type": "host-local", "dataDir": "/run/networks", "subnet": "10.3.0.0/24"}}]}' >/etc/cni/net.d/10-pods.conflist
            patchcord add pods pod
            is_back
            systemctl reload nftables.service
            wait_for is_back
            systemctl restart nftables.service
            wait_for is_back
            systemctl stop nftables.service
            ! is_back
            systemctl start nftables.service
            wait_for is_back
            systemctl disable --now patchcord-firewall.service
            systemctl reload nftables.service
            ! is_back

            systemctl enable --now patchcord-reconcile.path
            nft -f /etc/nftables.conf
            echo >>/etc/nftables.conf
            wait_for is_back
            systemctl disable --now patchcord-reconcile.path

            nft -f /etc/nftables.conf
            test "$(systemctl show --value -p Triggers patchcord-reconcile.timer)" = patchcord-reconcile.service
            systemctl start patchcord-reconcile.service
            is_back
            test "$(systemctl show --value -p Triggers patchcord-metrics.timer)" = patchcord-metrics.service
            mkdir -p /var/lib/prometheus/node-exporter
            systemctl start patchcord-metrics.service
            grep 'patchcord_attachments{network="pods",state="up"} 1' /var/lib/prometheus/node-exporter/patchcord-node.prom

            systemctl enable --now patchcord-firewall.service patchcord-reconcile.path patchcord-reconcile.timer patchcord-metrics.timer
            if dpkg -P patchcord; then exit 1; fi  # while the pod is there
            patchcord del pods pod
            dpkg -P patchcord
            test -z "$(find /etc/systemd /lib/systemd -name 'patchcord*')"
            test -z "$(systemctl list-units --plain --no-legend 'patchcord*')"
            """)


if __name__ == "__main__":
    unittest.main()
