"""The picture of a node has everything that it should, and nothing in it lies over anything else or is cut off."""

import json
import os
import re
import subprocess
import unittest
from xml.etree import ElementTree

from fake_node import DUAL_ROUTED, PASSED_ON, ROOT, routed_config
from operator_case import OperatorCase
import patience

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
        self.frames = len([box for box in self.boxes if box.name == "group"])
        self.tips = [title.text for title in self.root.iter(f"{SVG}title")]

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
        """One leads down from the host's box, and from it one to each network."""
        self.assertEqual(len(picture.lines), picture.frames + 1 if picture.frames else 0)
        for line in picture.lines:
            left, right, top, bottom = (float(line.get(key)) for key in ("x1", "x2", "y1", "y2"))
            crossed = [text for text in picture.texts if text.overlaps(Box(left - 1, top - 1, right + 1, bottom + 1, "wire"))]
            self.assertEqual(crossed, [], "a wire goes through a text")
            if top == bottom:
                self.assertEqual(len([box for box in picture.boxes if box.left == right and box.top < top < box.bottom and box.name == "group"]), 1,
                                 "a wire that ends nowhere")

    def assert_proportions(self, picture):
        ratio = (picture.paper.right - picture.paper.left) / (picture.paper.bottom - picture.paper.top)
        self.assertTrue(4 / 3 <= ratio <= 2, ratio)

    def assert_drawn(self, picture, *texts):
        for text in texts:
            self.assertEqual([each.name for each in picture.texts if each.name == text], [text])

    def test_the_known_node(self):
        self.make_known_node()
        picture = self.picture()
        self.assert_nothing_overlaps(picture)
        self.assert_wires_join_boxes(picture)
        attachments = json.loads(self.tool("list", "-o", "json").stdout)["attachments"]
        self.assertEqual(len(picture.tips), len(attachments))
        self.assert_proportions(picture)
        self.assert_drawn(picture, *(f"{each['pod']['namespace']}/{each['pod']['name']}" if "pod" in each else each["container"]
                                     for each in attachments))
        self.assert_drawn(picture, *(each["hostInterface"] for each in attachments))
        self.assert_drawn(picture, *(address for each in attachments for address in each["addresses"]))
        self.assert_drawn(picture, *(port for each in attachments for port in each["ports"]))
        self.assert_drawn(picture, "shopnet", "bridge pcbr0  10.88.0.1/24  fd00:88::1/64", "edgenet", "routed, the node as router", "refnet",
                          "eth0  broken",
                          "up", "broken", "gone", "unknown", "unfinished", "other")
        for each in attachments:
            (tip,) = [tip for tip in picture.tips if each["hostInterface"] in tip]
            for text in (*each["addresses"], *each["findings"], *(f"route {address}" for address in each["addresses"] if each["mode"] == "routed")):
                self.assertIn(text, tip)
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
        self.assert_drawn(picture, "abcdefghijklmno", "a-very-long-nam  uplink", "up1  uplink", "… and 14 ports more")
        (tip,) = [tip for tip in picture.tips if "abcdefghijklmno" in tip]
        for text in (f"{'s' * 63}/{'p' * 63}", "udp port 30007 → 40007"):
            self.assertIn(text, tip)
        self.assertEqual(len([tip for tip in picture.tips if "d" * 64 in tip]), 1)

    def test_a_node_with_nothing(self):
        picture = self.picture()
        self.assert_nothing_overlaps(picture)
        self.assert_drawn(picture, "host")

    def test_graphviz_and_nobody_else_says_what_valid_dot_is(self):
        self.make_known_node()
        done = self.tool("graph", "--format", "dot")
        drawn = subprocess.run(["dot", "-Tsvg"], input=done.stdout, capture_output=True, text=True, check=False)
        self.assertEqual((drawn.returncode, drawn.stderr), (0, ""))
        for word in ("shop/web&#45;0", "refbr", "cluster_g0"):
            self.assertIn(word, drawn.stdout)

    def test_one_network_and_one_pod(self):
        self.make_known_node()
        only = self.tool("graph", "-n", "shopnet").stdout
        self.assertIn("db-7f3a", only)
        self.assertNotIn("edge-0c11", only)
        one = self.tool("graph", "--pod", "10.88.0.2").stdout
        self.assertIn("shop/web-0", one)
        self.assertNotIn("db-7f3a", one)
        self.assertEqual(self.tool("graph", "--pod", "nobody").returncode, 1)


class ImagesTest(unittest.TestCase):
    """The pictures in docs/images, made by `make pictures`, of 3, 40 and 300 pods."""

    def picture(self, pods):
        with open(os.path.join(ROOT, "docs", "images", f"node-{pods}.svg"), encoding="utf-8") as file:
            return Picture(file.read())

    def test_they_fill_a_page_and_nothing_lies_over_anything(self):
        for pods in (3, 40, 300):
            with self.subTest(pods=pods):
                picture = self.picture(pods)
                GraphTest.assert_nothing_overlaps(self, picture)
                GraphTest.assert_wires_join_boxes(self, picture)
                GraphTest.assert_proportions(self, picture)

    def test_of_many_the_rest_is_folded_and_who_is_in_trouble_is_not(self):
        picture = self.picture(300)
        self.assertEqual(len(picture.tips), 60 + 40 + 20)
        self.assertEqual(picture.tips.count("… and 181 more"), 1)
        self.assertEqual(len([box for box in picture.boxes if box.name == "broken"]), 3 + 1)  # and the legend's


class PageTest(OperatorCase):
    """The page, in Chromium."""

    def setUp(self):
        super().setUp()
        self.make_known_node()
        self.page = os.path.join(self.node.directory, "node.html")
        done = self.tool("graph", "--format", "html")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.text = done.stdout
        with open(self.page, "w", encoding="utf-8") as file:
            file.write(done.stdout)

    def open(self, search, script=""):
        """The page as it is when that has been searched for, and the script has done its work."""
        page = self.page
        if script:
            page = os.path.join(self.node.directory, "scripted.html")
            with open(page, "w", encoding="utf-8") as file:
                file.write(self.text.replace("</body>", f"<script>{script}</script></body>"))
        done = patience.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--virtual-time-budget=2000",
                             f"--user-data-dir={self.node.directory}/profile", "--dump-dom", f"file://{page}#{search}"],
                            env={**PASSED_ON, "HOME": self.node.directory})
        self.assertIn("<svg", done.stdout, done.stderr)
        return done.stdout

    def hits(self, document):
        return re.findall(r'<g class="pod hit[^"]*" data-text="([^"]*)"', document)

    def test_who_searches_for_a_pod_finds_it(self):
        for word in ("web-0", "10.88.0.2", "8080", "shop%2Fweb"):
            (hit,) = self.hits(self.open(word))
            self.assertIn("shop/web-0", hit)
        document = self.open("web-0")
        self.assertIn('<span id="count">1 of 5</span>', document)
        self.assertEqual(document.count('class="pod dim"'), 4)
        self.assertEqual(self.hits(self.open("no-such-pod")), [])

    def test_typing_searches_and_a_click_shows_the_objects(self):
        document = self.open("", "search.value = 'lame'; search.dispatchEvent(new Event('input')); "
                                 "document.querySelector('.pod.hit').dispatchEvent(new Event('click'));")
        self.assertIn("lame-99e2", self.hits(document)[0])
        shown = document.split('<aside id="objects"', 1)[1].split("</aside>", 1)[0]
        for words in ("✗ route default via 169.254.1.1: is missing", "address 10.89.0.3/32"):
            self.assertIn(words, shown)

    def test_nothing_outside_of_it_is_asked_for(self):
        self.assertEqual([url for url in re.findall(r"[a-z]+://[^\s\"'<>]+", self.text) if url != "http://www.w3.org/2000/svg"], [])
        self.assertNotRegex(self.text, r"(?i)<(link|img|iframe)|src=|@import|fetch\(|XMLHttpRequest")


if __name__ == "__main__":
    unittest.main()
