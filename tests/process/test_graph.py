"""The picture of a node has everything that it should, and nothing in it lies over anything else or is cut off."""

import json
import unittest
from xml.etree import ElementTree

from fake_node import DUAL_ROUTED, routed_config
from operator_case import OperatorCase

# Of DejaVu Sans Mono, which is as wide as monospaced fonts come: fractions of the size.
ADVANCE, ASCENT, DESCENT = 0.603, 0.93, 0.24
SIZE = 13
SVG = "{http://www.w3.org/2000/svg}"


class Box:
    def __init__(self, left, top, right, bottom, name):
        self.left, self.top, self.right, self.bottom, self.name = left, top, right, bottom, name

    def overlaps(self, other):
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom

    def holds(self, other):
        return self.left <= other.left and other.right <= self.right and self.top <= other.top and other.bottom <= self.bottom

    def __repr__(self):
        return f"{self.name!r} ({self.left:.0f},{self.top:.0f})-({self.right:.0f},{self.bottom:.0f})"


class Picture:
    def __init__(self, svg):
        self.root = ElementTree.fromstring(svg)
        left, top, width, height = (float(number) for number in self.root.get("viewBox").split())
        self.paper = Box(left, top, left + width, top + height, "paper")
        self.boxes = [self.box(rect) for rect in self.root.iter(f"{SVG}rect") if rect.get("class") != "paper"]
        self.texts = [self.text(text) for text in self.root.iter(f"{SVG}text")]
        self.lines = list(self.root.iter(f"{SVG}line"))

    @staticmethod
    def box(rect):
        x, y, width, height = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
        return Box(x, y, x + width, y + height, rect.get("class"))

    @staticmethod
    def text(element):
        x, y = float(element.get("x")), float(element.get("y"))
        return Box(x, y - ASCENT * SIZE, x + len(element.text) * ADVANCE * SIZE, y + DESCENT * SIZE, element.text)

    def box_of(self, text):
        """The innermost one around it."""
        around = [box for box in self.boxes if box.holds(text)]
        return min(around, key=lambda box: (box.right - box.left) * (box.bottom - box.top), default=None)


class GraphTest(OperatorCase):
    def picture(self):
        done = self.tool("graph", "--format", "svg")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return Picture(done.stdout)

    def assert_nothing_overlaps(self, picture):
        self.assertIn(f"font: {SIZE}px 'DejaVu Sans Mono'", picture.root.find(f"{SVG}style").text)
        for number, text in enumerate(picture.texts):
            self.assertTrue(picture.paper.holds(text), f"{text} is cut off")
            self.assertIsNotNone(picture.box_of(text), f"{text} is in no box")
            for other in picture.texts[number + 1:]:
                self.assertFalse(text.overlaps(other), f"{text} lies over {other}")
        for number, box in enumerate(picture.boxes):
            self.assertTrue(picture.paper.holds(box), f"{box} is cut off")
            for other in picture.boxes[number + 1:]:
                self.assertTrue(not box.overlaps(other) or box.holds(other) or other.holds(box), f"{box} lies over {other}")
            for text in picture.texts:  # the edge of a box goes through no text
                self.assertTrue(not box.overlaps(text) or box.holds(text), f"the edge of {box} goes through {text}")

    def assert_wires_join_boxes(self, picture):
        wires = {(float(line.get("x1")), float(line.get("x2")), float(line.get("y1"))) for line in picture.lines}
        self.assertEqual(len(wires), len(picture.lines), "a wire lies over another one")
        for left, right, y in wires:
            self.assertEqual(len([box for box in picture.boxes if box.right == left and box.top < y < box.bottom]), 1, "a wire that begins nowhere")
            self.assertEqual(len([box for box in picture.boxes if box.left == right and box.top < y < box.bottom]), 1, "a wire that ends nowhere")
            crossed = [text for text in picture.texts if text.overlaps(Box(left, y - 1, right, y + 1, "wire"))]
            self.assertEqual(crossed, [], "a wire goes through a text")

    def assert_drawn(self, picture, *texts):
        for text in texts:
            self.assertEqual([each.name for each in picture.texts if each.name == text], [text])

    def test_the_known_node(self):
        self.make_known_node()
        picture = self.picture()
        self.assert_nothing_overlaps(picture)
        self.assert_wires_join_boxes(picture)
        attachments = json.loads(self.tool("list", "-o", "json").stdout)["attachments"]
        self.assertEqual(len(picture.lines), len(attachments))
        self.assert_drawn(picture, *(f"{each['pod']['namespace']}/{each['pod']['name']}" if "pod" in each else each["container"] for each in attachments))
        self.assert_drawn(picture, *(each["hostInterface"] for each in attachments))
        self.assert_drawn(picture, *(address for each in attachments for address in each["addresses"]))
        self.assert_drawn(picture, *(port for each in attachments for port in each["ports"]))
        self.assert_drawn(picture, "pcbr0  bridge", "10.88.0.1/24", "fd00:88::1/64", "refbr  bridge", "routed", "eth0  broken")
        self.assert_drawn(picture, *(f"route {address}" for each in attachments if each["mode"] == "routed" for address in each["addresses"]))
        self.assert_drawn(picture, "up0  uplink", "192.0.2.1/24", "default via 192.0.2.2")

    def test_names_as_long_as_they_come_and_many_ports(self):
        node = self.node
        self.make_uplink("a-very-long-nam", "2001:db8:1234:5678:9abc:def0:1234:5678/64", "2001:db8:1234:5678:9abc:def0:1234:5679")
        self.make_uplink("up1", "192.0.2.1/24", "192.0.2.2")
        config = routed_config(node, name="n" * 60, subnets=DUAL_ROUTED)
        ports = [{"hostPort": 30000 + number, "containerPort": 40000 + number, "protocol": protocol}
                 for number in range(8) for protocol in ("tcp", "udp")]
        self.attach(config | {"runtimeConfig": {"portMappings": ports}}, node.container("a"), "c" * 64, ifname="abcdefghijklmno",
                    args=f"IgnoreUnknown=1;K8S_POD_NAMESPACE={'s' * 63};K8S_POD_NAME={'p' * 63}")
        self.attach(config, node.container("b"), "d" * 64)
        picture = self.picture()
        self.assert_nothing_overlaps(picture)
        self.assert_wires_join_boxes(picture)
        self.assert_drawn(picture, f"{'s' * 63}/{'p' * 63}", "d" * 64, "abcdefghijklmno", "a-very-long-nam  uplink", "up1  uplink",
                          "udp port 30007 → 40007")

    def test_a_node_with_nothing(self):
        picture = self.picture()
        self.assert_nothing_overlaps(picture)
        self.assert_drawn(picture, "host")


if __name__ == "__main__":
    unittest.main()
