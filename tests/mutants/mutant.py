"""What a mutation is, and how one is put into a copy of the source that still is the original unless it is told otherwise."""

import dataclasses
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VARIABLE = "PATCHCORD_MUTANT"

NOTHING = ";"  # in the place of a statement

# In front of each file that has mutations.
PREAMBLE = """#include <cstdlib>
#include <string_view>
namespace mutant {
[[maybe_unused]] static bool is(std::string_view name) {
  static const char* const chosen = std::getenv("%s");
  return chosen != nullptr && name == chosen;
}
}  // namespace mutant
#line 1
""" % VARIABLE


@dataclasses.dataclass(frozen=True)
class Mutant:
    name: str
    what: str  # is wrong with it, in one line
    file: str
    text: str  # an expression, or a statement with its end; it is in the file once
    other: str  # in its place
    killer: str  # the test that must fail: "process test_gc.GcTest.test_x", "unit name of a test case"

    def choice(self):
        """The original and the mutation in one."""
        if self.text.rstrip().endswith((";", "}")):
            return f'if (::mutant::is("{self.name}")) {{ {self.other} }} else {{ {self.text} }}'
        return f'(::mutant::is("{self.name}") ? ({self.other}) : ({self.text}))'


def read(file):
    with open(os.path.join(ROOT, file), encoding="utf-8") as stream:
        return stream.read()


def problems_of(mutants):
    """What is wrong with the list as such: names that are there twice, texts that are not there once, mutations that overlap."""
    problems = []
    names = [mutant.name for mutant in mutants]
    problems += [f"there are two mutants {name}" for name in sorted(set(names)) if names.count(name) > 1]
    places = {}
    for mutant in mutants:
        path = os.path.join(ROOT, mutant.file)
        count = read(mutant.file).count(mutant.text) if os.path.exists(path) else None
        if count != 1:
            found = "there is no such file" if count is None else f"is there {count} times"
            problems.append(f"{mutant.name}: in {mutant.file} its text {found}; it has to be there once: {mutant.text!r}")
            continue
        begin = read(mutant.file).index(mutant.text)
        for other, (start, end) in places.setdefault(mutant.file, {}).items():
            if begin < end and start < begin + len(mutant.text):
                problems.append(f"{mutant.name} and {other} overlap")
        places[mutant.file][mutant.name] = (begin, begin + len(mutant.text))
    return problems


def mutated(file, mutants):
    """The text of the file with a choice in the place of each mutation's text."""
    text = read(file)
    for mutant in mutants:
        if mutant.file == file:
            text = text.replace(mutant.text, mutant.choice())
    return PREAMBLE + text
