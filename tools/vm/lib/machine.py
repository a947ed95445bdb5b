# SPDX-License-Identifier: GPL-2.0
"""Turn a variant into a QEMU command line."""

import configparser
import fcntl
import os
import re
import shlex
import shutil
import subprocess

from arch import ARCHES
from paths import BUILD, VM, Failure

# Where Debian 12 and 13 keep what QEMU loads into the machine.
FIRMWARE_DIRS = ("/usr/share/qemu", "/usr/share/seabios", "/usr/lib/ipxe/qemu")

# TCG's widest CPU, without the string instructions that it emulates slowly
# and without 5-level paging, which the emulated VT-d unit cannot walk.
TCG_CPU = "max,erms=off,fsrm=off,la57=off"

# Pointer authentication by a hash that is cheap to emulate.
ARM64_CPU = "max,pauth-impdef=on"

KVM_CREATE_VM, KVM_CREATE_VCPU = 0xAE01, 0xAE41


def kvm_works():
    """/dev/kvm may exist, and even make a vCPU, where none can run."""
    try:
        with open("/proc/cpuinfo", encoding="ascii") as info:
            if not re.search(r"^flags\b.*\b(vmx|svm)\b", info.read(), re.MULTILINE):
                return False
        with open("/dev/kvm", "r+b", buffering=0) as kvm:
            vm = fcntl.ioctl(kvm, KVM_CREATE_VM, 0)
            try:
                os.close(fcntl.ioctl(vm, KVM_CREATE_VCPU, 0))
            finally:
                os.close(vm)
        return True
    except OSError:
        return False


def variants():
    table = configparser.ConfigParser(interpolation=None)
    path = os.path.join(VM, "variants")
    try:
        with open(path, encoding="utf-8") as file:
            table.read_file(file)
    except configparser.Error as error:
        raise Failure(f"{path} is no table: {' '.join(str(error).split())}") from None
    return table


def variant(name):
    table = variants()
    if name not in table:
        raise Failure(f"there is no variant {name} in tools/vm/variants "
                      f"(there are {', '.join(table.sections())})")
    return table[name]


def arch(spec):
    """The architecture of a variant, as the kernel's build calls it."""
    return spec.get("arch", "x86_64")


def find_qemu(spec):
    """Return the program and a note on which it is."""
    name = ARCHES[arch(spec)].emulator
    wanted = os.environ.get("QEMU")
    if wanted:
        found = shutil.which(wanted)
        if not found:
            raise Failure(f"QEMU={wanted} is not a program")
        return found, None
    ours = os.path.join(BUILD, "qemu", name)
    if os.access(ours, os.X_OK):
        return ours, None
    found = shutil.which(name)
    if not found:
        raise Failure(f"there is no {name} (run 'make deps', or set QEMU)")
    return found, "this is the distribution's QEMU, not the patched one"


def qemu_version(program):
    line = subprocess.run([program, "--version"], stdout=subprocess.PIPE, check=True,
                          universal_newlines=True).stdout.splitlines()[0]
    return line.replace("QEMU emulator version ", "")


def firmware(name):
    for path in FIRMWARE_DIRS:
        if os.path.exists(os.path.join(path, name)):
            return os.path.join(path, name)
    raise Failure(f"the firmware {name} is missing (package qemu-system-data, 'make deps')")


def x86_64(spec, options):
    """The q35 PC: arguments, and parameters of its kernel."""
    counted = any("-icount" in words.split() for words in options.qemu_arg)
    accel = "kvm" if kvm_works() and not counted else "tcg"
    machine = "q35,kernel-irqchip=split" if accel == "kvm" else "q35"
    cpu = "host" if accel == "kvm" else TCG_CPU
    args = ["-M", machine, "-accel", accel, "-cpu", cpu, "-bios", firmware("qboot.rom")]
    for path in FIRMWARE_DIRS:
        if os.path.isdir(path):
            args += ["-L", path]
    # The timer check at boot counts ticks, which a loaded host without KVM delays.
    return args, ["no_timer_check"]


def arm64(spec, _options):
    """QEMU's virt machine: arguments, and parameters of its kernel."""
    return ["-M", spec["machine"], "-accel", "tcg", "-cpu", ARM64_CPU], []


def command(qemu, spec, kernel, initrd, console, options):
    """The whole command line; console is the file for the kernel's messages."""
    args = [qemu, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-m", spec.get("memory", "1G"), "-smp", str(options.smp)]
    machine, append = {"x86_64": x86_64, "arm64": arm64}[arch(spec)](spec, options)
    args += machine + ["-kernel", kernel, "-initrd", initrd]
    # A loaded host without KVM delays the detector of stalls too; what hangs for
    # good is over its test's limit.
    append += [f"console={ARCHES[arch(spec)].console}", "panic=-1",
               "rcupdate.rcu_cpu_stall_timeout=300", spec.get("append", "")]
    args += ["-append", " ".join(append + options.append)]
    args += ["-chardev", f"file,id=console,path={console}", "-serial", "chardev:console"]
    mux = "on" if options.shell else "off"
    args += ["-chardev", f"stdio,id=tests,mux={mux},signal=off", "-serial", "chardev:tests"]
    if options.shell:
        args += ["-mon", "chardev=tests"]
    for device in spec.get("device", "").split("\n"):
        if device.strip():
            args += ["-device", device.strip()]
    args += shlex.split(spec.get("qemu", ""))
    for arg in options.qemu_arg:
        args += shlex.split(arg)
    return args
