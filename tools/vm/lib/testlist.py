# SPDX-License-Identifier: GPL-2.0
"""The tests: programs in tools/vm/tests with a few words in their head.

  # vm-variants: sm_on sm_off	machines of the table "variants" to run it on
  # vm-debug: sm_on		the same, with the kernel that has sanitizers
  # vm-limit: 60		seconds of wall clock (default 30)
  # vm-baseline: iommufd	judge it by tools/vm/baseline/iommufd.txt

Without the first two it runs only when named.
"""

import os
import re

from paths import BASELINE, TESTS, Failure

HEADER = re.compile(r"#\s*vm-(\w+):\s*(.*?)\s*$")
HEAD_LINES = 40


class Test:
    def __init__(self, name):
        self.name = name
        words = self._header(os.path.join(TESTS, name))
        self.variants = words.pop("variants", "").split()
        self.limit = int(words.pop("limit", "30"))
        self.debug = words.pop("debug", "").split()
        self.baseline = words.pop("baseline", None)
        if words:
            raise Failure(f"tools/vm/tests/{name}: unknown word vm-{min(words)}")

    @staticmethod
    def _header(path):
        with open(path, encoding="utf-8") as lines:
            matches = [HEADER.match(line) for _, line in zip(range(HEAD_LINES), lines)]
        return {match[1]: match[2] for match in matches if match}


def get(name):
    if not re.fullmatch(r"[\w.-]+", name) or not os.path.isfile(os.path.join(TESTS, name)):
        raise Failure(f"there is no test {name} in tools/vm/tests")
    return Test(name)


def everything():
    """All tests, the general one first."""
    names = sorted(os.listdir(TESTS), key=lambda name: (name != "boot", name))
    return [Test(name) for name in names]


def matching(variant, debug):
    return [test for test in everything()
            if variant in (test.debug if debug else test.variants)]


def baseline_path(test):
    return os.path.join(BASELINE, test.baseline + ".txt")


def baseline(test):
    """Result words of the unmodified kernel by name of the subtest."""
    words = {}
    with open(baseline_path(test), encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                word, _, name = line.partition(": ")
                words[name] = word
    if not words:
        raise Failure(f"{baseline_path(test)} names no test")
    return words
