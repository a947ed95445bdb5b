# SPDX-License-Identifier: GPL-2.0
"""Where things are, and the one way to give up."""

import os
import sys

VM = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.dirname(os.path.dirname(VM))
BUILD = os.path.abspath(os.environ.get("BUILD") or os.path.join(TOP, "build"))
TESTS = os.path.join(VM, "tests")
BASELINE = os.path.join(VM, "baseline")
OUT = os.path.join(BUILD, "vm")


class Failure(Exception):
    """An error that one sentence explains."""


def suffix(arch):
    """What tells the builds of an architecture from those of x86_64."""
    return "" if arch == "x86_64" else f"-{arch}"


def kernel_dir(debug, kind="", arch="x86_64"):
    """Where tools/vm/kernel puts it; @kind is the word "kernel" of a variant."""
    return os.path.join(BUILD, "kernel" + ("-debug" if debug else "") + suffix(arch) + (f"-{kind}" if kind else ""))


def main(function):
    name = os.path.basename(sys.argv[0])
    try:
        sys.exit(function())
    except Failure as failure:
        sys.exit(f"{name}: {failure}")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.exit(f"{name}: {where}{error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit(130)
