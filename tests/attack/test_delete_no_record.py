"""DEL where something else has the name of a record, of a draft, or of the directory of a network."""

import json
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from delete_case import DeleteCase, mappings, published
from fake_node import DUAL_BRIDGE, PluginError, bridge_config


def make_directory(path):
    os.mkdir(path)


def make_full_directory(path):
    os.mkdir(path)
    with open(os.path.join(path, "something"), "wb"):
        pass


def make_link(path):
    os.symlink("/etc/passwd", path)


def make_dangling_link(path):
    os.symlink("/nowhere", path)


def make_foreign(path):
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps({"format": 1, "network": "br-net", "containerId": "x", "ifname": "eth0", "pair": {"host": "lo"}}) + "\n")
    os.chown(path, 65534, 65534)


def make_writable(path):
    with open(path, "wb"):
        pass
    os.chmod(path, 0o666)


def make_garbage(path):
    with open(path, "wb") as file:
        file.write(b"\x00\xff{]\n" * 100)


def make_huge(path):
    with open(path, "wb") as file:
        file.truncate(1 << 40)


def make_socket(path):
    os.mknod(path, 0o140600)


def make_device(path):
    os.mknod(path, 0o020600, os.makedev(1, 5))


NO_RECORDS = (make_directory, make_full_directory, os.mkfifo, make_link, make_dangling_link, make_foreign, make_writable, make_garbage, make_huge,
              make_socket, make_device)


class NoRecordTest(DeleteCase):
    """Something else has the name of a record, of a draft, or of the network's directory."""

    def setUp(self):
        super().setUp()
        self.config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, ipMasq=True)

    def attach(self, container, place):
        self.node.add(self.config | published(mappings(8000, 8009)), container)
        os.unlink(self.record(container))
        place = self.record(("." if place == "draft" else "") + container)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        return place

    def require_nothing_of(self, container):
        self.assertEqual(self.elements_of(container), 0)
        self.assertEqual(self.node.veths(), [])
        self.assertEqual(self.node.reservations("br-net"), [])

    def go_through(self, remove, stays=("make_full_directory",)):
        for make in NO_RECORDS:
            for where in ("record", "draft"):
                with self.subTest(make=make.__name__, where=where):
                    container = self.node.container(f"c{len(self.node.namespaces)}")
                    place = self.attach(container, where)
                    make(place)
                    remove(container)
                    self.require_nothing_of(container)
                    self.assertEqual(os.path.lexists(place), make.__name__ in stays, place)
                    if os.path.isdir(place):
                        shutil.rmtree(place)

    def test_del_goes_by_names(self):
        def remove(container):
            for _ in range(2):
                self.node.delete(self.config, container, netns="")
        self.go_through(remove)

    def test_del_says_what_it_found(self):
        for make, said in ((make_directory, "it is no file"), (os.mkfifo, "it is no file"), (make_link, "symbolic link"),
                           (make_foreign, "belongs to user 65534"), (make_full_directory, "it is no file")):
            with self.subTest(make=make.__name__):
                container = self.node.container(f"c{len(self.node.namespaces)}")
                place = self.attach(container, "record")
                make(place)
                process = self.node.start("DEL", self.config, container, "")
                _, stderr = patience.communicate(process)
                self.assertEqual(process.returncode, 0, stderr)
                self.assertIn(place, stderr)
                self.assertRegex(stderr.lower(), said.replace("symbolic link", "symbolic link"))
                if os.path.isdir(place):
                    shutil.rmtree(place)

    def test_gc_goes_by_names(self):
        self.go_through(lambda _: self.node.call("GC", self.config | {"cniVersion": "1.1.0", "cni.dev/valid-attachments": []}, "", netns=""))

    def test_who_looks_is_not_held_up(self):
        """And sees the others."""
        other = self.node.container("other")
        result = self.node.add(self.config, other)
        for make in NO_RECORDS:
            for where in ("record", "draft"):
                with self.subTest(make=make.__name__, where=where):
                    container = self.node.container(f"c{len(self.node.namespaces)}")
                    place = self.attach(container, where)
                    make(place)
                    for words in (["list"], ["inspect", other], ["doctor"], ["graph"], ["reconcile", "--dry-run"], ["gc", "--dry-run"]):
                        done = self.tool(*words, check=False)
                        if words[0] in ("list", "inspect", "graph"):
                            self.assertIn(other, done.stdout, f"{words}: {done.stderr}")
                        self.assertNotRegex(done.stderr, "Is a directory|Too many levels|No such device", f"{words}")
                    self.node.check(self.config, other, result)
                    self.node.delete(self.config, container, netns="")
                    if os.path.isdir(place):
                        shutil.rmtree(place)

    def test_add_is_told_or_goes_on_and_never_hangs(self):
        for make in NO_RECORDS:
            for where in ("record", "draft"):
                with self.subTest(make=make.__name__, where=where):
                    container = self.node.container(f"c{len(self.node.namespaces)}")
                    place = self.attach(container, where)
                    self.node.delete(self.config, container)
                    os.makedirs(os.path.dirname(place), exist_ok=True)
                    make(place)
                    try:
                        self.node.add(self.config, container)
                    except PluginError as error:
                        self.assertEqual(error.code, 101, error.msg)
                        self.require_nothing_of(container)
                    self.node.delete(self.config, container)
                    self.require_nothing_of(container)
                    if os.path.isdir(place):
                        shutil.rmtree(place)

    def test_the_networks_directory_is_none(self):
        def make_file(path):
            with open(path, "wb"):
                pass

        for make in (make_file, os.mkfifo, make_link, make_dangling_link, make_socket):
            with self.subTest(make=make.__name__):
                container = self.node.container(f"c{len(self.node.namespaces)}")
                directory = os.path.dirname(self.attach(container, "record"))
                shutil.rmtree(directory)
                make(directory)
                for _ in range(2):
                    self.node.delete(self.config, container, netns="")
                self.require_nothing_of(container)
                self.tool("list")
                os.unlink(directory)

    def test_chained_types(self):
        for kind, keys in (("portmap", published(mappings(7000, 7009))), ("firewall", {}), ("bandwidth", {"ingressRate": 1000000, "ingressBurst": 1000000})):
            for make in NO_RECORDS:
                with self.subTest(kind=kind, make=make.__name__):
                    container = self.node.container(f"c{len(self.node.namespaces)}")
                    result = self.node.add(self.config, container)
                    own = self.elements_of(container)
                    config = {"cniVersion": "1.0.0", "name": "br-net", "type": kind, "prevResult": result} | keys
                    self.node.add(config, container, plugin=self.node.plugin(kind))
                    place = self.record(container, kind=kind)
                    os.unlink(place)
                    make(place)
                    self.node.delete(config, container, plugin=self.node.plugin(kind))
                    self.assertIn(self.elements_of(container), (0, own))
                    if os.path.isdir(place):
                        shutil.rmtree(place)
                    self.node.delete(self.config, container)
                    self.require_nothing_of(container)


if __name__ == "__main__":
    unittest.main()
