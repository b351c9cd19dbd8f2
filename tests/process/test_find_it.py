"""The tree says where things are: each question of docs/where.md is answered by a file's name or its first comment."""

import os
import re
import unittest

from fake_node import ROOT


def first_comment(path):
    """What the file begins with, and the first comment of the header that goes with it."""
    texts = []
    for name, pattern in ((path, r"/\*.*?\*/|(?://.*\n)+"), (os.path.splitext(path)[0] + ".h", r"(?:.*\n)*?((?: *//.*\n)+)")):
        if not os.path.exists(name):
            continue
        with open(name, encoding="utf-8") as file:
            found = re.match(pattern, file.read(), re.DOTALL if name.endswith(".ld") else 0)
        texts.append(found.group(found.lastindex or 0) if found else "")
    return " ".join(texts)


def rows():
    with open(os.path.join(ROOT, "docs", "where.md"), encoding="utf-8") as file:
        return re.findall(r"^\| (.+\?) \| `(.+)` \| (.+) \|$", file.read(), re.MULTILINE)


class FindItTest(unittest.TestCase):
    def test_each_file_says_what_it_is_for(self):
        self.assertGreaterEqual(len(rows()), 25)
        for question, path, words in rows():
            with self.subTest(question=question):
                self.assertTrue(os.path.exists(os.path.join(ROOT, path)), path)
                said = (path + " " + first_comment(os.path.join(ROOT, path))).lower()
                self.assertEqual([word for word in words.lower().split() if word not in said], [], said)

    def test_every_source_file_begins_with_what_it_is_or_has_a_header_that_does(self):
        silent = []
        for folder in ("base", "netlink", "ipam", "plugin"):
            for parent, _, names in os.walk(os.path.join(ROOT, folder)):
                for name in names:
                    path = os.path.join(parent, name)
                    if name.endswith(".cpp") and not first_comment(path):
                        silent.append(path)
        self.assertEqual(silent, [])


if __name__ == "__main__":
    unittest.main()
