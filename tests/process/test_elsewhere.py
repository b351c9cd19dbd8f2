"""The tool in an image with mounts of its own: who is there is found by identity, and of whom nothing can be seen nothing is said."""

import json
import unittest

from operator_case import OperatorCase


class ElsewhereTest(OperatorCase):
    def setUp(self):
        super().setUp()
        self.make_healthy_node()

    def look_with(self, script):
        self.prefix = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script + " && exec \"$@\"", "sh")

    def states(self):
        attachments = json.loads(self.tool("list", "-o", "json").stdout)["attachments"]
        return {each["container"]: each["state"] for each in attachments}

    def test_a_container_with_a_process_is_found_by_its_namespace(self):
        for container in (self.web, self.db, self.edge):
            self.node.hold(container)
        self.look_with("mount -t tmpfs none /run/netns")
        self.assertEqual(set(self.states().values()), {"up"})
        self.assertEqual(self.tool("gc", "--dry-run").stdout, "nothing to remove\n")

    def test_an_image_whose_var_run_is_not_run(self):
        self.look_with("mount -t tmpfs none /var && mkdir /var/run")
        self.assertEqual(set(self.states().values()), {"up"})

    def test_where_nothing_can_be_known_it_is_unknown_to_all(self):
        self.look_with("mount -t tmpfs none /run/netns && mount -t tmpfs none /proc/1")
        self.assertEqual(set(self.states().values()), {"unknown"})
        self.assertEqual(self.tool("gc", "--dry-run").stdout, "nothing to remove\n")
        self.assertNotRegex(self.tool("doctor").stdout, "stale-attachments|attachment-broken")


if __name__ == "__main__":
    unittest.main()
