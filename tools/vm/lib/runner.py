# SPDX-License-Identifier: GPL-2.0
"""Boot one VM, run a list of tests in it and judge what came out."""

import io
import os
import queue
import re
import signal
import subprocess
import threading
import time

import cpio
import dmar
import machine
import splat
import tap
import testlist
from arch import ARCHES
from paths import OUT, VM, Failure, kernel_dir, suffix

BOOT_LIMIT = 90

# What init writes to the kernel's log around a test.
MARK = re.compile(r"\bvm: (begin|end) (\S+)$")


def build_initramfs(arch="x86_64"):
    script = os.path.join(VM, "initramfs")
    if subprocess.run([script, arch], stdout=subprocess.DEVNULL, check=False).returncode:
        raise Failure("the initramfs could not be built")


def build_payload(name):
    """Another archive, made by a script of its own; returns its path."""
    if subprocess.run([os.path.join(VM, "payload"), name], stdout=subprocess.DEVNULL,
                      check=False).returncode:
        raise Failure(f"the payload '{name}' could not be built")
    return os.path.join(OUT, f"payload-{name}.cpio")


class Vm:
    """A run of QEMU; lines() gives what its tests print."""

    def __init__(self, label, variant, options, tests):
        self.label = label
        self.spec = machine.variant(variant)
        self.directory = os.path.join(OUT, "run", label)
        os.makedirs(self.directory, exist_ok=True)
        self.console = os.path.join(self.directory, "console.log")
        self.messages = os.path.join(self.directory, "qemu.log")
        self.process = None
        self.queue = queue.Queue()
        self.qemu, self.note = machine.find_qemu(self.spec)
        kind = getattr(options, "kernel", None) or self.spec.get("kernel", "")
        self.arch = machine.arch(self.spec)
        kernel = os.path.join(kernel_dir(options.debug, kind, self.arch), ARCHES[self.arch].image)
        if not os.path.exists(kernel):
            raise Failure(f"there is no kernel {kernel} (run '{self._maker(options, kind)}')")
        self.command = machine.command(self.qemu, self.spec, kernel,
                                       self._initrd(variant, options, tests),
                                       self.console, options)
        if options.trace:
            self.command += ["-trace", f"{options.trace},file="
                             + os.path.join(self.directory, "trace.log")]
        with open(os.path.join(self.directory, "command"), "w", encoding="utf-8") as file:
            print(*map(machine.shlex.quote, self.command), file=file)

    def _maker(self, options, kind):
        """The command that builds the kernel; those that no variant asks for have no target of make."""
        if getattr(options, "kernel", None):
            words = [f"ARCH={self.arch}"] if self.arch != "x86_64" else []
            words += ["DEBUG=1"] if options.debug else []
            return " ".join([*words, f"{kind.upper()}=1", "tools/vm/kernel"])
        return (f"make kernel{suffix(self.arch)}{'-' + kind if kind else ''}"
                f"{' DEBUG=1' if options.debug else ''}")

    def _initrd(self, variant, options, tests):
        """This run's own files in front of the common archive, and what else it wants."""
        archives = [os.path.join(OUT, f"initramfs{suffix(self.arch)}.cpio")]
        if not os.path.exists(archives[0]):
            raise Failure(f"there is no {archives[0]} (run tools/vm/initramfs)")
        if "payload" in self.spec:
            archives.append(build_payload(self.spec["payload"]))
        head = io.BytesIO()
        with cpio.Archive(head) as archive:
            words = self.spec.get("dmar", "").split()
            if words:
                archive.file("kernel/firmware/acpi/dmar.aml", dmar.table(words))
            ports = ARCHES[self.arch]
            env = {"VM_VARIANT": variant, "VM_EXPECT": self.spec.get("expect", ""),
                   "VM_CONSOLE": f"/dev/{ports.console}", "VM_TTY": f"/dev/{ports.tty}",
                   "VM_KERNEL": "debug" if options.debug else "normal"}
            archive.file("etc/vm/env", "".join(
                f"export {name}='{value}'\n" for name, value in env.items()).encode())
            if not options.shell:
                archive.file("etc/vm/tests", "".join(
                    f"{test.name}\n" for test in tests).encode())
        path = os.path.join(self.directory, "initrd.cpio")
        with open(path, "wb") as out:
            out.write(head.getvalue())
            for name in archives:
                out.write(b"\0" * (-out.tell() % 512))
                with open(name, "rb") as rest:
                    out.write(rest.read())
        return path

    def start(self):
        for name in ("console.log", "trace.log"):
            path = os.path.join(self.directory, name)
            if os.path.exists(path):
                os.unlink(path)
        with open(self.messages, "wb") as messages:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=messages, start_new_session=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        """Whoever waits for a long test can follow it in output.log."""
        with open(os.path.join(self.directory, "output.log"), "wb", buffering=0) as follow:
            for line in self.process.stdout:
                follow.write(line)
                self.queue.put(line.decode("utf-8", "replace").rstrip("\r\n"))
        self.queue.put(None)

    def line(self, deadline):
        """The next line, None at the end; raises queue.Empty at the deadline."""
        return self.queue.get(timeout=max(0.01, deadline - time.monotonic()))

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def errors(self):
        """What QEMU itself had to say."""
        with open(self.messages, encoding="utf-8", errors="replace") as messages:
            return messages.read().splitlines()

    def console_lines(self):
        try:
            with open(self.console, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return []
        return data.decode("utf-8", "replace").replace("\r", "").splitlines()

    def console_of(self, name):
        """What the kernel said during a test, or (None) while none was running."""
        current, lines = None, []
        for line in self.console_lines():
            mark = MARK.search(line)
            if mark:
                current = mark[2] if mark[1] == "begin" else None
            elif current == name:
                lines.append(line)
        return lines


class Verdict:
    """notes say what is wrong; passed and failed count the subtests."""

    def __init__(self, notes, passed, failed):
        self.ok = not notes
        self.notes = notes
        self.passed = passed
        self.failed = failed


def judge(parsed, status, words=None):
    """Judge a test that came to its end; words is its baseline, if it has one."""
    shape = parsed.shape_error()
    notes = [shape] if shape else []
    if words:
        good, bad = _against_baseline(words, parsed, notes)
    else:
        good = [result for result in parsed.results if result.word == "ok"]
        bad = [result for result in parsed.results if result.word in ("not ok", "skip")]
        notes += [f"{result.word}: {result.name}" for result in bad]
        if status:
            notes.append(f"it exited with status {status}")
    return Verdict(notes, len(good), len(bad))


def _against_baseline(words, parsed, notes):
    """Who passed on the unmodified kernel has to pass; the others may fail."""
    now = {result.name: result.word for result in parsed.results}
    good = [name for name, word in words.items() if word == "ok" and now.get(name) == "ok"]
    bad = [name for name, word in words.items() if word == "ok" and now.get(name) != "ok"]
    new = [name for name, word in now.items() if name not in words and word != "ok"]
    notes += [f"passes on the unmodified kernel, but here: "
              f"{now.get(name, 'missing')}: {name}" for name in bad]
    notes += [f"not in the baseline, and {now[name]}: {name}" for name in new]
    return good, bad + new


def record_baseline(test, lines, source):
    parsed = tap.Parsed(lines)
    error = parsed.shape_error()
    if error:
        raise Failure(f"no baseline for {test.name}: {error}")
    path = testlist.baseline_path(test)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        print(f"# {test.name}: results with {source}", file=file)
        for result in parsed.results:
            print(f"{result.word}: {result.name}", file=file)


class Run:
    """The tests of one VM, one result each, and one for the console."""

    def __init__(self, writer, variant, options, tests):
        self.writer = writer
        self.options = options
        self.tests = tests
        self.label = options.name or variant + ("-debug" if options.debug else "")
        self.vm = Vm(self.label, variant, options, tests)
        self.factor = float(os.environ.get("VM_LIMIT_FACTOR", "1"))
        self.slow = 4 if options.debug else 1
        self.passed = self.failed = 0

    def execute(self):
        """Return True if everything went well."""
        began = time.monotonic()
        version = machine.qemu_version(self.vm.qemu)
        self.writer.comment(f"{self.label}: {self.vm.spec['about']}; QEMU {version}")
        if self.vm.note:
            self.writer.comment(f"{self.label}: {self.vm.note}")
        self.vm.start()
        try:
            left, trouble = self._follow(began)
        finally:
            self.vm.stop()
        for test in left:
            self.writer.test(f"{self.label}/{test.name}", False,
                             notes=["it was not run: the VM did not get that far"])
        self._console(trouble)
        # For tools/bench/report; what has a name of its own is no test of the machine.
        if not self.options.name:
            with open(os.path.join(self.vm.directory, "result"), "w", encoding="utf-8") as file:
                print(self.passed, self.failed + len(left), file=file)
        self.writer.comment(f"{self.label}: {time.monotonic() - began:.1f} s in all")

    def _limit(self, seconds):
        return time.monotonic() + seconds * self.factor * self.slow

    def _follow(self, began):
        """Read until the VM is done; return the tests not run, and what stopped it."""
        left = list(self.tests)
        current, lines = None, []
        deadline = self._limit(BOOT_LIMIT)
        while True:
            try:
                line = self.vm.line(deadline)
            except queue.Empty:
                return self._lost(current, lines, left, "it was over its time limit")
            if line is None:
                return self._lost(current, lines, left, "the VM died")
            if line == "@start":
                self.writer.comment(f"{self.label}: first test after "
                                    f"{time.monotonic() - began:.1f} s")
            elif line == "@done":
                return left, None if not left else "the VM left out tests"
            elif line.startswith("@begin "):
                current, lines = left.pop(0), []
                deadline = self._limit(current.limit)
            elif line.startswith("@end ") and current:
                self._finish(current, lines, int(line.rsplit(" ", 1)[1]))
                current = None
                deadline = self._limit(BOOT_LIMIT)
            else:
                lines.append(line)

    def _lost(self, current, lines, left, why):
        if not current:
            return left, f"{why} while no test was running"
        if why.endswith("limit"):
            why += f" of {current.limit * self.factor * self.slow:g} s"
        self.failed += 1
        notes = [why] + self._splat_notes(self.vm.console_of(current.name))
        self.writer.test(f"{self.label}/{current.name}", False,
                         self._inner(lines), notes)
        return left, why

    @staticmethod
    def _inner(lines):
        return [line for line in lines if line.strip()]

    @staticmethod
    def _splat_notes(lines):
        found = splat.find(lines)
        return ["the kernel complained:"] + ["  " + line for line in found] if found else []

    def _finish(self, test, lines, status):
        name = f"{self.label}/{test.name}"
        if test.baseline and self.options.record:
            record_baseline(test, lines, self.options.record)
        words = testlist.baseline(test) if test.baseline else None
        verdict = judge(tap.Parsed(lines), status, words)
        complaint = self._splat_notes(self.vm.console_of(test.name))
        self.passed += verdict.passed
        self.failed += max(verdict.failed, int(not verdict.ok or bool(complaint)))
        self.writer.test(name, verdict.ok and not complaint, self._inner(lines),
                         verdict.notes + complaint, verdict.passed, verdict.failed)

    def _console(self, trouble):
        """Boot, shutdown and what happened between tests."""
        notes = self._splat_notes(self.vm.console_of(None))
        if trouble:
            notes = [trouble] + notes + self.vm.errors()
            notes += ["end of the console:"] + ["  " + line for line in self.vm.console_lines()[-splat.EXCERPT:]]
        self.writer.test(f"{self.label}: the VM ends well and its console is clean",
                         not notes, notes=notes)
