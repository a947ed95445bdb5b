# SPDX-License-Identifier: GPL-2.0
"""What the checks share: the series' commits, a second work tree, TAP."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tree"))

import sva_tree as tree    # noqa: E402

CHECK = tree.BUILD / "check"
WORKTREE = CHECK / "linux"
OBJ = CHECK / "obj"
HERE = Path(__file__).resolve().parent
# The lock of the work tree, once this process has it.
OWNED = []
JOBS = f"-j{os.cpu_count()}"
# Most objects are the same in one commit and the next, and in one configuration and another.
CCACHE = "ccache " if shutil.which("ccache") else ""


class Arch(NamedTuple):
    """What is compiled for; the files of @config say which drivers."""
    name: str
    obj: Path
    config: tuple
    variables: dict
    source: Path = WORKTREE


X86 = Arch("x86", OBJ, ("kernel.config", "kernel-x86.config"), {"CC": f"{CCACHE}gcc"})
ARM64 = Arch("arm64", CHECK / "obj-arm64", ("kernel.config", "kernel-arm64.config"),
             {"ARCH": "arm64", "CROSS_COMPILE": "aarch64-linux-gnu-", "CC": f"{CCACHE}aarch64-linux-gnu-gcc"})


class Tap:
    """TAP on stdout, as results come."""

    def __init__(self):
        self.count = self.failed = 0

    def result(self, good, name, lines=()):
        """One result, with diagnostics when it is bad."""
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} {name}")
        if not good:
            for line in list(lines)[:60]:
                print(f"# {line}")
        sys.stdout.flush()

    def done(self):
        """The plan, and the exit status."""
        print(f"1..{self.count}")
        sys.exit(bool(self.failed or not self.count))


def run(function):
    """Run one check with a Tap."""
    tap = Tap()
    try:
        function(tap)
    except (tree.TreeError, OSError) as error:
        tap.result(False, "the check could not run", [str(error)])
    tap.done()


def commits():
    """The series as (commit, subject), oldest first."""
    lines = tree.git("log", "--reverse", "--first-parent", "--format=%H %s", f"{tree.BASE}..HEAD").splitlines()
    return [tuple(line.split(" ", 1)) for line in lines]


def touched(first=tree.BASE, last="HEAD", kinds="AM"):
    """Files that the series adds (A) or modifies (M)."""
    return tree.git("diff", "--name-only", "--no-renames", f"--diff-filter={kinds}", first, last).split()


def worktree(commit):
    """A work tree of our own at @commit; files that do not change keep their times.

    Two checks at a time wait for each other: the first call takes the tree for good.
    """
    CHECK.mkdir(parents=True, exist_ok=True)
    if not OWNED:
        OWNED.append(open(CHECK / "lock", "w", encoding="ascii"))
        fcntl.flock(OWNED[0], fcntl.LOCK_EX)
    if not (WORKTREE / ".git").exists():
        tree.git("worktree", "prune")
        tree.git("worktree", "add", "--quiet", "--detach", str(WORKTREE), commit)
        return
    # HEAD is that of the tree, not of the work tree.
    commit = tree.git("rev-parse", commit).strip()
    subprocess.run(["git", "-C", WORKTREE, "checkout", "--quiet", "--force", "--detach", commit], check=True)


def symbols(needs=""):
    """Our Kconfig symbols with their types, all or those whose dependencies name @needs."""
    text = (tree.TOP / "Kconfig").read_text()
    found = {}
    for name, block in tree.kconfig_blocks(text)[1].items():
        if needs and not re.search(rf"^\s+depends on .*{re.escape(needs)}\b", block, re.M):
            continue
        kind = re.search(r"^\s+(?:def_)?(bool|tristate)", block, re.M)
        found[name] = kind[1] if kind else "bool"
    return found


def base_config(arch):
    """Our base options."""
    return "".join((HERE / name).read_text() for name in arch.config)


def configure(values, arch=X86):
    """Write .config: our base options plus @values, everything else off."""
    arch.obj.mkdir(parents=True, exist_ok=True)
    fragment = arch.obj / "fragment.config"
    wanted = base_config(arch)
    for name, value in values.items():
        wanted += f"CONFIG_{name}={value}\n" if value != "n" else f"# CONFIG_{name} is not set\n"
    fragment.write_text(wanted)
    make(["allnoconfig"], {"KCONFIG_ALLCONFIG": str(fragment)}, arch)


def make(targets, variables=None, arch=X86):
    """Run make in the tree of @arch; (status, what it complained about)."""
    command = ["make", "-s", "-C", str(arch.source), f"O={arch.obj}", JOBS,
               *(f"{k}={v}" for k, v in (arch.variables | (variables or {})).items()), *targets]
    env = {k: v for k, v in os.environ.items() if k not in ("BUILD", "DEBUG", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(command, text=True, capture_output=True, env=env, errors="replace")
    return done.returncode, done.stderr.splitlines()


def warnings(lines, files):
    """Complaints about @files, without line numbers, so that two builds can be compared."""
    found = Counter()
    for line in lines:
        match = re.match(rf"(?:{re.escape(str(WORKTREE))}/)?(?:\.\./)*(?:linux/)?(\S+?):\d+(?::\d+)?: (?:sparse: )?(.*)", line)
        if match and match[1] in files:
            found[f"{match[1]}: {match[2]}"] += 1
    return found
