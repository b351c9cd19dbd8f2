"""The log and the metrics: off by default, by configuration or environment, and never in the way."""

import json
import os
import re
import socket
import stat
import unittest

from fake_node import Node, PluginError, bridge_config
from patience import communicate

# Put before the plugin's command line: a /dev of its own, with the socket at $0 as its log.
WITH_DEV_LOG = """
mkdir -p "$0.dev" && mount -t tmpfs none "$0.dev" && cd "$0.dev" && touch null urandom log &&
mount --bind /dev/null null && mount --bind /dev/urandom urandom && mount --bind "$0" log && mount --rbind . /dev && cd / && exec "$@"
"""
# A file system at $0 that is full, but for a textfile of earlier operations; what it has afterwards is copied to $0.after.
WITH_FULL_DISK = """
mount -t tmpfs -o size=8k none "$0" && printf '%s\n' '# HELP patchcord_operations_total x' 'patchcord_operations_total{command="ADD",code="0"} 41' >"$0/patchcord.prom" &&
{ head -c 8192 /dev/zero >"$0/filling" 2>/dev/null || :; } && "$@" && ls -A "$0" >"$0.names" && cp "$0/patchcord.prom" "$0.after"
"""


def in_own_mounts(script, argument):
    """A prefix of the plugin's command line: what the script mounts is seen by the plugin alone."""
    return ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, argument)


class ObserveTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.log = os.path.join(self.node.directory, "log")
        self.metrics = os.path.join(self.node.directory, "patchcord.prom")
        self.config = bridge_config(self.node, isGateway=True)
        self.container = self.node.container("a")

    def lines(self):
        with open(self.log, encoding="utf-8") as stream:
            return [json.loads(line) for line in stream]

    def values(self):
        with open(self.metrics, encoding="utf-8") as stream:
            return dict(re.findall(r"(?m)^(patchcord_\S+\{.*\}) ([\d.]+)$", stream.read()))

    def test_off_unless_asked_for(self):
        self.node.add(self.config, self.container)
        self.assertEqual(sorted(os.listdir(self.node.directory)), ["networks", "plugins", "run"])

    def test_each_operation_is_a_line_with_its_steps(self):
        config = self.config | {"log": self.log}
        self.node.add(config, self.container)
        with self.assertRaises(PluginError):
            self.node.add(config, self.container)
        self.node.delete(config, self.container)
        added, refused, deleted = self.lines()
        self.assertEqual([line["command"] for line in (added, refused, deleted)], ["ADD", "ADD", "DEL"])
        self.assertEqual([line["code"] for line in (added, refused, deleted)], [0, 103, 0])
        self.assertEqual((added["network"], added["container"], added["interface"]), ("br-net", self.container, "eth0"))
        self.assertIn("already", refused["msg"])
        for step in ("begin", "lease", "bridge", "interface", "addresses"):
            self.assertIn(step, added["steps"])
        self.assertLessEqual(sum(added["steps"].values()), added["us"])
        self.assertGreater(added["steps"]["interface"], 0)

    def test_the_environment_counts_more_and_also_where_the_configuration_cannot_be_read(self):
        other = os.path.join(self.node.directory, "other")
        self.node.add(self.config | {"log": other}, self.container, PATCHCORD_LOG=self.log)
        with self.assertRaises(PluginError):
            self.node.add("{", self.container, PATCHCORD_LOG=self.log)
        self.assertFalse(os.path.exists(other))
        self.assertEqual([line["code"] for line in self.lines()], [0, 6])

    def syslog(self):
        """A socket as a syslog daemon has, and what the plugin's command line starts with to find it at /dev/log."""
        path = os.path.join(self.node.directory, "syslog")
        daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(daemon.close)
        daemon.bind(path)
        daemon.setblocking(False)  # what an operation says is there when it has ended
        return daemon, in_own_mounts(WITH_DEV_LOG, path)

    def test_syslog_gets_a_line_for_each_operation_with_its_steps(self):
        daemon, prefix = self.syslog()
        config = self.config | {"log": "syslog"}
        self.node.add(config, self.container, prefix=prefix)
        with self.assertRaises(PluginError):
            self.node.add(config, self.container, prefix=prefix)
        self.node.delete(config, self.container, prefix=prefix)
        received = [re.fullmatch(r"<(\d+)>patchcord\[\d+\]: (\{.*\})", daemon.recv(65536).decode()) for _ in range(3)]
        daemon.setblocking(False)
        with self.assertRaises(BlockingIOError):
            daemon.recv(1)
        # Facility daemon (3); informational (6), and error (3) for the one that failed.
        self.assertEqual([int(each.group(1)) for each in received], [3 * 8 + 6, 3 * 8 + 3, 3 * 8 + 6])
        added, refused, deleted = (json.loads(each.group(2)) for each in received)
        self.assertEqual([(line["command"], line["code"]) for line in (added, refused, deleted)], [("ADD", 0), ("ADD", 103), ("DEL", 0)])
        for step in ("begin", "lease", "bridge", "interface", "addresses"):
            self.assertIsInstance(added["steps"][step], int)
        self.assertGreater(added["steps"]["interface"], 0)
        self.assertLessEqual(sum(added["steps"].values()), added["us"])
        self.assertFalse(os.path.exists(self.log))

    def test_a_syslog_that_does_not_answer_holds_nobody_up(self):
        daemon, prefix = self.syslog()
        filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(filler.close)
        filler.setblocking(False)
        with self.assertRaises(BlockingIOError):
            while True:
                filler.sendto(b"x", daemon.getsockname())
        stderr = self.stderr_of_add(self.config | {"log": "syslog"}, prefix=prefix)
        self.assertIn("not observed: send to /dev/log", stderr)

    def stderr_of_add(self, config, **options):
        """Of an ADD that succeeds."""
        process = self.node.start("ADD", config, self.container, self.node.path_of(self.container), **options)
        stdout, stderr = communicate(process)
        self.assertEqual(process.returncode, 0, stdout + stderr)
        self.assertEqual(json.loads(stdout)["ips"][0]["address"], "10.88.0.2/24")
        return stderr

    def test_each_operation_opens_the_log_anew_and_appends(self):
        """Either way in which logrotate works: the file is moved away, or emptied (copytruncate)."""
        config = self.config | {"log": self.log}
        self.node.delete(config, "c1", netns="")
        os.rename(self.log, self.log + ".1")
        self.node.delete(config, "c2", netns="")
        self.assertEqual([line["container"] for line in self.lines()], ["c2"])
        os.truncate(self.log, 0)
        with open(self.log, "a", encoding="utf-8") as another:
            self.node.delete(config, "c3", netns="")
            another.write("{}\n")
        self.assertEqual([line.get("container") for line in self.lines()], ["c3", None])
        with open(self.log + ".1", encoding="utf-8") as rotated:
            self.assertEqual(json.loads(rotated.read())["container"], "c1")

    def test_lines_of_operations_at_the_same_time_do_not_mix(self):
        config = self.config | {"log": self.log}
        names = [f"c{number}" + "x" * 100 for number in range(16)]
        for process in [self.node.start("DEL", config, name, "") for name in names]:
            self.node.finish(process)
        self.assertEqual(sorted(line["container"] for line in self.lines()), sorted(names))

    def test_only_the_administrators_read_the_log_and_everybody_the_metrics(self):
        """Container ids and error texts are in the one; the other is for the node exporter, which is another user."""
        for mask in ("0022", "0077"):
            with self.subTest(umask=mask):
                self.node.delete(self.config | {"log": self.log, "metrics": self.metrics}, "c1", netns="",
                                 prefix=("sh", "-c", f'umask {mask} && exec "$@"', "sh"))
                modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (self.log, self.metrics)]
                self.assertEqual(modes, [0o640 & ~int(mask, 8), 0o644])
                os.remove(self.log)

    def test_the_log_of_others_keeps_its_owner_and_mode(self):
        with open(self.log, "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), 0o600)
            os.fchown(stream.fileno(), 12, 34)
        self.node.delete(self.config | {"log": self.log}, "c1", netns="")
        found = os.stat(self.log)
        self.assertEqual((stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid), (0o600, 12, 34))
        self.assertEqual(len(self.lines()), 1)

    def test_a_log_that_is_no_file_holds_nobody_up(self):
        os.mkfifo(self.log)
        self.assertIn(f"not observed: open {self.log}", self.stderr_of_add(self.config | {"log": self.log}))
        link = os.path.join(self.node.directory, "link")
        os.symlink(os.path.join(self.node.directory, "victim"), link)
        self.node.delete(self.config | {"log": link}, self.container)
        self.assertFalse(os.path.exists(os.path.join(self.node.directory, "victim")))

    def test_the_metrics_are_replaced_as_a_whole(self):
        place = os.path.join(self.node.directory, "textfiles")
        os.mkdir(place)
        metrics = os.path.join(place, "patchcord.prom")
        config = self.config | {"metrics": metrics}
        self.node.delete(config, "c1", netns="")
        with open(metrics, encoding="utf-8") as reader:
            before = reader.read()
            self.node.delete(config, "c1", netns="")
            reader.seek(0)
            self.assertEqual(reader.read(), before)  # who reads meanwhile goes on reading the old one
        with open(metrics, encoding="utf-8") as reader:
            self.assertIn('{command="DEL",code="0"} 2\n', reader.read())
        self.assertEqual(os.listdir(place), ["patchcord.prom"])

    def test_a_full_disk_leaves_the_metrics_that_were(self):
        place = os.path.join(self.node.directory, "textfiles")
        os.mkdir(place)
        config = self.config | {"metrics": os.path.join(place, "patchcord.prom")}
        stderr = self.stderr_of_add(config, prefix=in_own_mounts(WITH_FULL_DISK, place))
        self.assertIn("not observed: ", stderr)
        self.assertIn(os.strerror(28), stderr)
        with open(place + ".after", encoding="utf-8") as stream:
            self.assertEqual(stream.read().splitlines()[1], 'patchcord_operations_total{command="ADD",code="0"} 41')
        with open(place + ".names", encoding="utf-8") as stream:
            self.assertEqual(sorted(stream.read().split()), ["filling", "patchcord.prom"])

    def test_operations_are_counted_by_command_and_code(self):
        config = self.config | {"metrics": self.metrics}
        self.node.add(config, self.container)
        with self.assertRaises(PluginError):
            self.node.add(config, self.container)
        self.node.delete(config, self.container)
        self.node.delete(config, self.container)
        values = self.values()
        self.assertEqual(values['patchcord_operations_total{command="ADD",code="0"}'], "1")
        self.assertEqual(values['patchcord_operations_total{command="ADD",code="103"}'], "1")
        self.assertEqual(values['patchcord_operations_total{command="DEL",code="0"}'], "2")
        self.assertEqual(values['patchcord_operation_duration_seconds_count{command="ADD"}'], "2")
        self.assertEqual(values['patchcord_operation_duration_seconds_bucket{command="ADD",le="+Inf"}'], "2")
        self.assertGreater(float(values['patchcord_operation_duration_seconds_sum{command="ADD"}']), 0)

    def test_no_count_is_lost_among_operations_at_the_same_time(self):
        config = self.config | {"metrics": self.metrics}
        processes = [self.node.start("DEL", config, f"c{number}", "") for number in range(16)]
        for process in processes:
            self.node.finish(process)
        self.assertEqual(self.values()['patchcord_operations_total{command="DEL",code="0"}'], "16")

    def test_what_cannot_be_observed_does_not_fail_an_operation(self):
        nowhere = os.path.join(self.node.directory, "no", "such", "place")
        config = self.config | {"log": nowhere, "metrics": nowhere}
        self.assertEqual(self.stderr_of_add(config).count("not observed"), 2)
        self.node.add(self.config | {"log": 5, "metrics": []}, self.node.container("b"))


if __name__ == "__main__":
    unittest.main()
