# SPDX-License-Identifier: GPL-2.0
"""Read TAP (and the kernel's KTAP) and write it."""

import re
import sys
import threading

RESULT = re.compile(r"(not )?ok\b\s*(\d+)?\s*(?:-\s+)?([^#]*?)\s*(?:#\s*(SKIP|TODO|XFAIL)?(.*))?$",
                    re.IGNORECASE)
PLAN = re.compile(r"1\.\.(\d+)")


class Result:
    def __init__(self, name, word):
        self.name = name
        self.word = word        # "ok", "not ok", "skip", "todo"


class Parsed:
    """The top level of one test program's output."""

    def __init__(self, lines):
        self.plan = None
        self.results = []
        for line in lines:
            match = PLAN.match(line)
            if match:
                self.plan = int(match[1])
                continue
            match = RESULT.match(line)
            if match:
                self.results.append(Result(match[3], self._word(match)))

    @staticmethod
    def _word(match):
        directive = (match[4] or "").lower()
        if directive == "skip":
            return "skip"
        if directive in ("todo", "xfail") and match[1]:
            return "todo"
        return "not ok" if match[1] else "ok"

    def shape_error(self):
        """What makes the output no complete TAP, or None."""
        if self.plan is None:
            return "it printed no plan"
        if not self.results:
            return "it ran no test"
        if len(self.results) != self.plan:
            return f"it planned {self.plan} results and gave {len(self.results)}"
        return None


class Writer:
    """One TAP stream on stdout, fed by any number of threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.number = 0
        self.passed = 0
        self.failed = 0
        print("TAP version 14", flush=True)

    def comment(self, text):
        with self.lock:
            for line in text.splitlines():
                print(f"# {line}")
            sys.stdout.flush()

    def test(self, name, ok, inner=(), notes=(), passed=None, failed=None):
        """A result; inner lines are its subtests, notes say what is wrong."""
        with self.lock:
            self.number += 1
            if inner:
                print(f"# Subtest: {name}")
            for line in inner:
                print(f"    {line}")
            print(f"{'ok' if ok else 'not ok'} {self.number} - {name}")
            for line in notes:
                print(f"# {line}")
            sys.stdout.flush()
            if passed is None:
                passed, failed = int(ok), int(not ok)
            self.passed += passed
            # A test that fails as a whole counts, even if its parts did not.
            self.failed += max(failed, int(not ok))

    def finish(self):
        """Print plan and totals; return the exit status."""
        print(f"1..{self.number}")
        if not self.number:
            print("# no test was run")
        print(f"{self.passed} passed, {self.failed} failed")
        sys.stdout.flush()
        return 0 if self.number and not self.failed else 1
