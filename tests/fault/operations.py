"""The operations that are cut short: how each is prepared, run, and cleaned up after."""

import json
import subprocess

import patience
from fake_node import PLUGIN

# What the same ADD again may say: its predecessor was killed when all was done.
THERE = ("already; delete that attachment first", "already holds")


class Leak(AssertionError):
    pass


class Operation:
    """One operation with what comes before it and what must be right after it was cut short."""

    def __init__(self, place):
        self.place = place

    command = ""
    puts_settings_back = False

    def prepare(self):
        pass

    def run(self, prefix):
        return self.place.call(self.command, prefix=prefix)

    def clean_up(self, way):
        """Returns to the state before; `way` alternates."""
        self.place.delete_by_names()

    def end(self):
        pass


class Add(Operation):
    command = "ADD"

    def clean_up(self, way):
        if way == 1:
            done = self.place.call("ADD")
            if done.returncode != 0 and not any(text in done.stdout for text in THERE):
                raise Leak(f"the same ADD again failed: {done.stdout}{done.stderr}")
        self.place.delete_by_names()


class SetUp(Add):
    """ADD of type loopback, which sets lo up for good."""

    def prepare(self):
        self.place.node.run_in(self.place.container, "ip", "link", "set", "lo", "down")

    def clean_up(self, way):
        self.place.must("ADD")
        super().clean_up(way)


class Delete(Operation):
    command = "DEL"
    puts_settings_back = True

    def prepare(self):
        self.place.must("ADD")


class Check(Operation):
    command = "CHECK"

    config = None

    def prepare(self):
        if self.config:
            return  # CHECK changes nothing, so that one attachment serves for all
        self.config = self.place.config | {"prevResult": self.place.must("ADD")}
        self.unattached, self.place.before = self.place.before, self.place.snapshot_at_rest()

    def run(self, prefix):
        return self.place.call("CHECK", config=self.config, prefix=prefix)

    def clean_up(self, way):
        pass

    def end(self):
        self.place.delete_by_names()
        self.place.before = self.unattached


class Collect(Operation):
    command = "GC"
    puts_settings_back = True

    def __init__(self, place):
        super().__init__(place)
        self.config = place.config | {"cniVersion": "1.1.0", "cni.dev/valid-attachments": [{"containerID": place.resident, "ifname": "eth0"}]}

    def prepare(self):
        self.place.must("ADD")

    def run(self, prefix):
        return self.place.call("GC", config=self.config, prefix=prefix)

    def clean_up(self, way):
        if way == 1:
            self.place.must("GC", config=self.config)
        else:
            self.place.delete_by_names()


class Reconcile(Operation):
    command = "reconcile"

    def prepare(self):
        self.place.must("ADD")
        self.damage()

    def damage(self):
        """Of each kind of thing that the attachment has; what an earlier plugin of a chain made is its own."""
        place, node = self.place, self.place.node
        host_end = self.host_end()
        if not place.previous:
            subprocess.run(["ip", "link", "set", host_end, "down", "nomaster"], check=True)
            node.run_in(place.container, "ip", "route", "flush", "dev", "eth0", check=False)
        if "ingressRate" in place.config:
            subprocess.run(["tc", "qdisc", "del", "dev", host_end, "root"], check=True)
        if place.settings:
            place.settings.put_back()
        if place.has_rules():
            subprocess.run(["nft", "delete table inet patchcord; add table bridge patchcord; delete table bridge patchcord"], check=True)

    def host_end(self):
        for veth in self.place.node.ip_json(self.place.node.host, "link", "show", "type", "veth"):
            if f"/{self.place.container}/" in veth.get("ifalias", ""):
                return veth["ifname"]
        raise AssertionError("no host end")

    def run(self, prefix):
        return patience.run([*prefix, PLUGIN, "reconcile", "-o", "json"], env={"PATCHCORD_STATE_DIR": self.place.node.state})

    def clean_up(self, way):
        """The rules of the container that lives on beside it were lost, too, and come back whichever of the two is first."""
        if way == 1:
            self.again()
        self.place.delete_by_names()
        if way == 0 and self.place.has_rules():
            self.again()

    def again(self):
        done = self.run(())
        if done.returncode != 0 or {each["outcome"] for each in json.loads(done.stdout)["attachments"]} - {"right", "restored"}:
            raise Leak(f"reconciling again did not put everything right: {done.stdout}{done.stderr}")


OPERATIONS = (Add, Delete, Check, Collect, Reconcile)
