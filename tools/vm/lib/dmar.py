# SPDX-License-Identifier: GPL-2.0
"""Make an ACPI DMAR table for the one VT-d unit of QEMU's q35 machine.

QEMU's own table never says in which NUMA node the unit is; ours can.  The
kernel takes it in place of the firmware's (ACPI_TABLE_UPGRADE) because it has
the same OEM ids and a higher revision.  Layout: VT-d specification, chapter
"BIOS Considerations", sections DMAR, DRHD, ATSR and RHSA.
"""

import struct

UNIT_BASE = 0xFED90000
# QEMU gives the I/O APIC this requester id, see Q35_PSEUDO_BUS_PLATFORM.
IOAPIC_ID, IOAPIC_BUS, IOAPIC_DEVFN = 0, 0xFF, (0, 0)

INTR_REMAP = 1 << 0
INCLUDE_PCI_ALL = 1 << 0
ALL_PORTS = 1 << 0
DRHD, ATSR, RHSA = 0, 2, 3
SCOPE_IOAPIC = 3


def structure(kind, body):
    return struct.pack("<HH", kind, 4 + len(body)) + body


def table(words):
    """words: those of the key "dmar" in the table of variants."""
    scope = struct.pack("<BBHBBBB", SCOPE_IOAPIC, 8, 0, IOAPIC_ID, IOAPIC_BUS,
                        *IOAPIC_DEVFN)
    structures = structure(DRHD, struct.pack("<BBHQ", INCLUDE_PCI_ALL, 0, 0,
                                             UNIT_BASE) + scope)
    flags = INTR_REMAP
    for word in words:
        if word == "atsr":
            structures += structure(ATSR, struct.pack("<BBH", ALL_PORTS, 0, 0))
        elif word.startswith("node="):
            structures += structure(RHSA, struct.pack("<IQI", 0, UNIT_BASE,
                                                      int(word[5:])))
        elif word == "noir":
            flags &= ~INTR_REMAP
        else:
            raise ValueError(f"unknown word {word} in a variant's dmar")
    host_address_width = 39 - 1
    body = struct.pack("<BB10x", host_address_width, flags) + structures
    header = struct.pack("<4sIBB6s8sI4sI", b"DMAR", 36 + len(body), 1, 0,
                         b"BOCHS ", b"BXPC    ", 2, b"BXPC", 1)
    data = bytearray(header + body)
    data[9] = -sum(data) & 0xFF
    return bytes(data)
