# SPDX-License-Identifier: GPL-2.0
"""The series, in its two shapes.

In this repository the series is an *overlay* (new files at their in-tree
paths) plus *patches* (hooks into files that the kernel has already), so that
no line is kept twice.  In build/linux it is a git history: one base commit,
then one commit a patch.  This module turns either into the other.

A patch file is a commit message, then which overlay files come with it, then
the hunks (there may be none):

    Subject: iommu: Do the thing

    Why.

    Overlay: drivers/iommu/thing.c
    Overlay: Kconfig THING THING_KUNIT_TEST
    Overlay: MAINTAINERS
    ---
    diff --git ...

Two overlay files have no path of their own in the kernel.  The root Kconfig
becomes drivers/iommu/Kconfig.guest and grows a config block at a time, with
the patch that names the symbol.  The entries of the root MAINTAINERS are
merged into the kernel's file.

Commits are made with fixed names and dates: the same overlay on the same base
always gives the same commit ids.  So "is build/linux what the overlay says" is
a comparison of two ids, and no state is kept beside git's own refs:

    refs/sva/base    the unmodified kernel
    refs/sva/synced  the last commit at which both shapes were equal
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", TOP / "build"))
TREE = Path(os.environ.get("LINUX", BUILD / "linux"))

KCONFIG = "drivers/iommu/Kconfig.guest"
BASE = "refs/sva/base"
SYNCED = "refs/sva/synced"
AUTHOR = ("Guest SVA for Linux", "guest-sva@localhost")
EPOCH = "1700000000 +0000"


class TreeError(Exception):
    """Something the user must know, in words."""


def say(text):
    print(f"tree: {text}", file=sys.stderr, flush=True)


def main(function):
    """Run a command; whatever goes wrong is told in one sentence."""
    try:
        function(sys.argv[1:])
    except TreeError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
    except OSError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error.filename or TREE}: {error.strerror}")
    except KeyboardInterrupt:
        sys.exit(130)


def git(*args, stdin=None, env=None, check=True):
    """Run git in the kernel tree and return its output."""
    done = subprocess.run(["git", "-C", str(TREE), *args], input=stdin, text=True,
                          errors="surrogateescape", capture_output=True,
                          env={**os.environ, **(env or {})})
    if check and done.returncode:
        why = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise TreeError(f"git {args[0]} failed in {TREE}: {why[-1] if why else 'no reason given'}")
    return done.stdout if check else done


def rev(name):
    """The commit that @name stands for, or None."""
    done = git("rev-parse", "-q", "--verify", f"{name}^{{commit}}", check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def show(commit, path):
    """A file's content at @commit, or None."""
    done = git("show", f"{commit}:{path}", check=False)
    return done.stdout if done.returncode == 0 else None


# The overlay shape


class Patch:
    """One patch of the series, as this repository keeps it."""

    def __init__(self, name, subject, body, files, symbols, diff):
        self.name = name
        self.subject = subject
        self.body = body
        self.files = files
        self.symbols = symbols
        self.diff = diff

    @classmethod
    def parse(cls, name, text):
        """Take a patch file apart."""
        head, mark, diff = text.partition("\n---\n")
        lines = head.splitlines()
        if not mark or not lines or not lines[0].startswith("Subject: "):
            raise TreeError(f"patches/{name}: must start with 'Subject: ' and have a line '---'")
        files, symbols, body = [], [], []
        for line in lines[1:]:
            if not line.startswith("Overlay: "):
                body.append(line)
                continue
            path, *rest = line.split()[1:]
            files.append(path)
            if path == "Kconfig":
                symbols += rest
            elif rest:
                raise TreeError(f"patches/{name}: one path a line, not '{line}'")
        return cls(name, lines[0][len("Subject: "):], "\n".join(body).strip(), files, symbols, diff)

    def text(self):
        """The patch file's content."""
        overlay = [f"Overlay: {path}" + (" " + " ".join(self.symbols) if path == "Kconfig" else "")
                   for path in sorted(self.files)]
        parts = [f"Subject: {self.subject}", self.body, "\n".join(overlay)]
        return "\n\n".join(part for part in parts if part) + "\n---\n" + self.diff

    def message(self):
        """The commit message."""
        return f"{self.subject}\n\n{self.body}\n"


def series_names():
    """The names in patches/series, in order."""
    path = TOP / "patches/series"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def read_series():
    """All patches in order, with the overlay's accounts checked."""
    patches, owner = [], {}
    for name in series_names():
        path = TOP / "patches" / name
        if not path.is_file():
            raise TreeError(f"patches/series names {name}, which does not exist")
        patch = Patch.parse(name, path.read_text())
        patches.append(patch)
        for item in [p for p in patch.files if p != "Kconfig"] + [f"Kconfig {s}" for s in patch.symbols]:
            if item in owner:
                raise TreeError(f"{item} comes with both {owner[item]} and {name}")
            owner[item] = name
            if not item.startswith("Kconfig ") and not (TOP / item).is_file():
                raise TreeError(f"patches/{name} names the overlay file {item}, which does not exist")
    for path in overlay_files():
        if path not in owner:
            raise TreeError(f"no patch names the overlay file {path} (add 'Overlay: {path}' to one)")
    for symbol in kconfig_blocks((TOP / "Kconfig").read_text())[1] if (TOP / "Kconfig").exists() else ():
        if f"Kconfig {symbol}" not in owner:
            raise TreeError(f"no patch names the symbol {symbol} of Kconfig")
    return patches


def overlay_files():
    """Every file of ours that has an in-tree path."""
    for top in ("drivers", "include", "Documentation", "tools/testing", "lib", "kernel", "arch"):
        for path in sorted((TOP / top).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield str(path.relative_to(TOP))


def kconfig_blocks(text):
    """Split a Kconfig file into its head and its config blocks, by symbol."""
    head, blocks, symbol = [], {}, None
    for line in text.splitlines(keepends=True):
        match = re.match(r"(?:menu)?config (\w+)$", line.rstrip())
        if match:
            symbol = match[1]
            blocks[symbol] = []
        (blocks[symbol] if symbol else head).append(line)
    return "".join(head), {name: "".join(lines).rstrip("\n") + "\n" for name, lines in blocks.items()}


def compose_kconfig(text, symbols):
    """The Kconfig file with just the blocks of @symbols, in the file's own order."""
    head, blocks = kconfig_blocks(text)
    for symbol in symbols:
        if symbol not in blocks:
            raise TreeError(f"Kconfig has no block for the symbol {symbol}")
    return (head.rstrip("\n") + "\n" if head else "") + "".join(
        "\n" + block for name, block in blocks.items() if name in symbols)


def maintainers_entries(text):
    """The entries of a MAINTAINERS file: blocks of a title line and tagged lines."""
    blocks = re.split(r"\n\n+", text.strip("\n"))
    return [block for block in blocks if re.match(r"\S.*\n[A-Z]:\t", block)]


def merge_maintainers(theirs, ours):
    """The kernel's MAINTAINERS with our entries at their alphabetical places.

    The kernel's list is not sorted everywhere: an entry goes where the fewest
    titles stand on its wrong side.
    """
    text = theirs
    for entry in maintainers_entries(ours):
        title = entry.splitlines()[0].upper()
        entries = maintainers_entries(theirs)
        above = [e.splitlines()[0].upper() < title for e in entries]
        wrong = best = sum(above)
        place = 0
        for index, is_above in enumerate(above, 1):
            wrong += -1 if is_above else 1
            if wrong <= best:
                best, place = wrong, index
        at = text.index(f"\n\n{entries[place]}\n") + 2 if place < len(entries) else len(text)
        text = text[:at] + entry + "\n\n" + text[at:]
    return text


# From the overlay to commits


class Index:
    """A git index of our own, so that the work tree is left alone."""

    def __init__(self, commit):
        handle, self.path = tempfile.mkstemp(prefix="index-", dir=TREE / ".git")
        os.close(handle)
        os.unlink(self.path)
        self.git("read-tree", commit)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for path in (self.path, self.path + ".lock"):
            if os.path.exists(path):
                os.unlink(path)

    def git(self, *args, **kwargs):
        """git with this index."""
        return git(*args, env={"GIT_INDEX_FILE": self.path, **kwargs.pop("env", {})}, **kwargs)

    def add(self, path, content, executable=False):
        """Put a file into the index."""
        blob = self.git("hash-object", "-w", "--stdin", stdin=content).strip()
        mode = "100755" if executable else "100644"
        self.git("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}")

    def commit(self, parent, message, author):
        """Commit the index on top of @parent, reproducibly."""
        tree = self.git("write-tree").strip()
        name, mail = author
        return self.git("commit-tree", tree, "-p", parent, stdin=message, env={
            f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", name), ("EMAIL", mail), ("DATE", EPOCH))}).strip()


def explain_reject(patch, errors):
    """Name patch, file and hunk of a hook that does not fit the base any more."""
    match = re.search(r"patch failed: (.*):(\d+)", errors)
    if not match:
        return f"patches/{patch.name}: {errors.strip().splitlines()[-1].removeprefix('error: ')}"
    path, line = match[1], match[2]
    part = patch.diff.split(f"+++ b/{path}\n", 1)[-1].split("\ndiff --git ", 1)[0]
    hunks = re.findall(r"^@@ -(\d+)", part, re.M)
    number = hunks.index(line) + 1 if line in hunks else "?"
    return (f"patches/{patch.name}: hunk {number} of {path} (line {line}) does not fit this base; "
            f"mend the patch and run again")


def build_commits(author=AUTHOR):
    """Make the commits that overlay and patches stand for; the last one's id."""
    head = rev(BASE)
    symbols = []
    with Index(head) as index:
        for patch in read_series():
            if patch.diff.strip():
                done = index.git("apply", "--cached", "--whitespace=nowarn", "-", stdin=patch.diff, check=False)
                if done.returncode:
                    raise TreeError(explain_reject(patch, done.stderr))
            for path in patch.files:
                source = TOP / path
                content = source.read_text(errors="surrogateescape")
                if path == "Kconfig":
                    symbols += patch.symbols
                    index.add(KCONFIG, compose_kconfig(content, symbols))
                elif path == "MAINTAINERS":
                    index.add(path, merge_maintainers(index.git("show", f":{path}"), content))
                else:
                    index.add(path, content, os.access(source, os.X_OK))
            head = index.commit(head, patch.message(), author)
    return head


# From commits to the overlay


def commits_above_base():
    """The commits of the series in build/linux, oldest first."""
    return git("rev-list", "--reverse", "--first-parent", f"{BASE}..HEAD").split()


def take_apart(commit, earlier):
    """One commit as a Patch plus the overlay files it brings: (patch, {path: (content, executable)})."""
    message = git("log", "-1", "--format=%B", commit).strip()
    subject, _, body = message.partition("\n")
    short = f"{commit[:12]} (\"{subject}\")"
    files, hooks, symbols = {}, [], []
    changes = git("diff-tree", "-r", "-z", "--no-renames", f"{commit}^", commit).split("\0")
    for meta, path in zip(changes[0::2], changes[1::2]):
        _, mode, _, _, status = meta.split()
        if path == KCONFIG:
            before = kconfig_blocks(show(f"{commit}^", path) or "")[1]
            after = kconfig_blocks(show(commit, path) or "")[1]
            if any(after.get(name) != block for name, block in before.items()):
                raise TreeError(f"{short} changes a block of {path} that an earlier commit brought; squash the two")
            symbols = [name for name in after if name not in before]
            files["Kconfig"] = None
        elif path == "MAINTAINERS":
            files["MAINTAINERS"] = None
        elif show(BASE, path) is not None:
            hooks.append(path)
        elif status == "A":
            files[path] = (show(commit, path), mode == "100755")
        else:
            raise TreeError(f"{short} changes {path}, which {earlier.get(path, 'an earlier commit')} brought; "
                            "squash the two (git rebase -i --autosquash)")
    diff = git("diff", "--no-renames", "--no-color", "--abbrev=12", f"{commit}^", commit, "--", *hooks) if hooks else ""
    if not files and not diff:
        raise TreeError(f"{short} is empty")
    names = {Patch.parse(n, (TOP / "patches" / n).read_text()).subject: n
             for n in series_names() if (TOP / "patches" / n).is_file()}
    name = names.get(subject) or git("log", "-1", "--format=%f", commit).strip()[:60].strip("-") + ".patch"
    for path in files:
        earlier[path] = short
    return Patch(name, subject, body.strip(), sorted(files), symbols, diff), files


def write_overlay():
    """Carry the commits of build/linux back into overlay and patches."""
    earlier, patches, content = {}, [], {}
    for commit in commits_above_base():
        patch, files = take_apart(commit, earlier)
        patches.append(patch)
        content.update({path: what for path, what in files.items() if what})
    kconfig, theirs = show("HEAD", KCONFIG), show("HEAD", "MAINTAINERS")
    known = set(maintainers_entries(show(BASE, "MAINTAINERS")))
    ours = [entry for entry in maintainers_entries(theirs) if entry not in known]

    for path, (text, executable) in content.items():
        put(TOP / path, text, executable)
    for path in list(overlay_files()):
        if path not in content:
            (TOP / path).unlink()
    if kconfig is not None:
        put(TOP / "Kconfig", kconfig)
    if ours:
        put(TOP / "MAINTAINERS", "\n\n".join(ours) + "\n")
    for name in set(series_names()) - {patch.name for patch in patches}:
        (TOP / "patches" / name).unlink(missing_ok=True)
    for patch in patches:
        put(TOP / "patches" / patch.name, patch.text())
    put(TOP / "patches/series", "".join(patch.name + "\n" for patch in patches))


def put(path, text, executable=None):
    """Write a file, whole or not at all, and only when it changed."""
    data = text.encode(errors="surrogateescape")
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_bytes(data)
        part.replace(path)
    if executable is not None:
        path.chmod(0o755 if executable else 0o644)
