# SPDX-License-Identifier: GPL-2.0
"""Write "newc" cpio archives, the format of the kernel's initramfs.

Names, modes and contents are given by the caller, so that no root is needed
and the same input always gives the same archive.
"""

import stat


class Archive:
    def __init__(self, out):
        self.out = out
        self.dirs = set()
        self.inode = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self._entry("TRAILER!!!", 0, b"")

    def _pad(self):
        self.out.write(b"\0" * (-self.out.tell() % 4))

    def _entry(self, name, mode, data):
        self.inode += 1
        name = name.encode() + b"\0"
        # ino mode uid gid nlink mtime size dev(2) rdev(2) namesize check
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        self.out.write(b"070701" + b"".join(b"%08x" % field for field in fields))
        self.out.write(name)
        self._pad()
        self.out.write(data)
        self._pad()

    def directory(self, name):
        """Add a directory and its parents, each once."""
        parts = name.strip("/").split("/")
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            if path and path not in self.dirs:
                self.dirs.add(path)
                self._entry(path, stat.S_IFDIR | 0o755, b"")

    def file(self, name, data, mode=0o644):
        name = name.strip("/")
        if "/" in name:
            self.directory(name.rpartition("/")[0])
        self._entry(name, stat.S_IFREG | mode, data)

    def symlink(self, name, target):
        name = name.strip("/")
        if "/" in name:
            self.directory(name.rpartition("/")[0])
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())
