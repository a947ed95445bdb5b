# SPDX-License-Identifier: GPL-2.0
"""Programs and what they need, for archives."""

import os
import re
import shutil
import subprocess

from paths import TOP, Failure


def busybox(arch="x86_64"):
    if arch != "x86_64":
        done = subprocess.run([os.path.join(TOP, "tools/debian/fetch"), "busybox", arch],
                              stdout=subprocess.PIPE, check=False, universal_newlines=True)
        if done.returncode:
            raise Failure(f"there is no busybox for {arch}")
        return done.stdout.strip()
    path = shutil.which("busybox") or "/bin/busybox"
    if not os.path.exists(path):
        raise Failure("busybox is missing (package busybox-static, 'make deps')")
    if libraries(path):
        raise Failure(f"{path} is not static (package busybox-static, 'make deps')")
    return path


def libraries(program):
    """The shared libraries and the loader that a program needs."""
    listing = subprocess.run(["ldd", program], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, check=False,
                             universal_newlines=True).stdout
    return re.findall(r"(?:=> |^\s+)(/\S+) \(0x", listing, re.MULTILINE)


def read(path):
    with open(path, "rb") as file:
        return file.read()
