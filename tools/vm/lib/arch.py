# SPDX-License-Identifier: GPL-2.0
"""What one architecture has otherwise than another; by the names of the kernel's build."""

from typing import NamedTuple


class Arch(NamedTuple):
    """cross is what names of the compiler and its tools begin with."""
    image: str
    cross: str
    emulator: str
    console: str
    tty: str


ARCHES = {
    "x86_64": Arch("vmlinux", "", "qemu-system-x86_64", "ttyS0", "ttyS1"),
    "arm64": Arch("arch/arm64/boot/Image", "aarch64-linux-gnu-", "qemu-system-aarch64",
                  "ttyAMA0", "ttyAMA1"),
}
