"""All of the tree is under one licence, and what is linked into the executable is told of; forms and lists for contributors are there."""

import os
import re
import subprocess
import unittest

import yaml

from fake_node import ROOT


def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


class LicenceTest(unittest.TestCase):
    def test_the_licence_is_the_fields(self):
        self.assertIn("Apache License\n                           Version 2.0, January 2004", text("LICENSE"))
        self.assertIn('SPDX-License-Identifier = "Apache-2.0"', text("REUSE.toml"))

    def test_what_is_linked_into_the_executable_is_told_of(self):
        """By the libraries that CMake asks for and those that every C++ program has."""
        asked = re.findall(r"pkg_check_modules\((?:LIB)?(\w+)", text("CMakeLists.txt"))
        self.assertIn("NL", asked)
        for word in ("libnl", "GNU C Library", "libstdc++", "Nettle", "nlohmann", "section 6", "LGPL-2.1"):
            self.assertIn(word, text("NOTICE"))
            if word not in ("section 6", "GNU C Library"):
                self.assertIn(word.lower(), text("packaging/debian-copyright").lower())

    def test_forms_can_be_read(self):
        for parent, _, names in os.walk(os.path.join(ROOT, ".github")):
            for name in names:
                if name.endswith(".yml"):
                    self.assertTrue(yaml.safe_load(text(os.path.join(parent, name))))
        self.assertIn("SECURITY.md", text(".github/ISSUE_TEMPLATE/config.yml"))

    def test_the_index_has_every_document(self):
        index = text("docs/README.md")
        for name in os.listdir(os.path.join(ROOT, "docs")):
            if name.endswith((".md", ".8")) and name != "README.md":
                self.assertIn(f"({name})", index)
        for link in re.findall(r"\]\(([^)#:]+)\)", index + text("docs/releasing.md")):
            self.assertTrue(os.path.exists(os.path.join(ROOT, "docs", link)), link)

    def test_the_manual_page_has_examples_that_the_tool_takes(self):
        page = text("docs/patchcord.8").replace("\\-", "-")
        examples = page.split(".SH EXAMPLES", 1)[1].split(".SH ", 1)[0]
        lines = re.findall(r"^patchcord ([a-z]+)", examples, re.MULTILINE)
        self.assertGreaterEqual(len(lines), 6)
        for name in lines:
            self.assertIn(f".SS {name}", page)
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", os.path.join(ROOT, "docs", "patchcord.8")],
                              capture_output=True, text=True, check=False) if os.path.exists("/usr/bin/man") else None
        self.assertEqual(done.stderr if done else "", "")


if __name__ == "__main__":
    unittest.main()
