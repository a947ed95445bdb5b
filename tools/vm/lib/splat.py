# SPDX-License-Identifier: GPL-2.0
"""Find what must never be on a kernel console."""

import re

EXCERPT = 40

PATTERN = re.compile(r"""
      WARNING:\ (?!.*unrecognized\ command\ line)
    | \bBUG:\ | kernel\ BUG\ at
    | Kernel\ panic | Oops | general\ protection\ fault
    | Unable\ to\ handle\ kernel | unable\ to\ handle\ page\ fault
    | UBSAN: | KASAN: | KCSAN: | KFENCE:
    | kmemleak:\ [1-9] | unreferenced\ object
    | possible\ (recursive|circular|irq\ lock) | inconsistent\ lock\ state
    | DEBUG_LOCKS_WARN_ON | suspicious\ RCU\ usage | Invalid\ wait\ context
    | sleeping\ function\ called\ from\ invalid\ context
    | scheduling\ while\ atomic
    | refcount_t: | list_(add|del)\ corruption
    | INFO:\ task\ .*\ blocked\ for | soft\ lockup | hard\ LOCKUP
    | rcu.*detected\ stalls | self-detected\ stall | workqueue\ lockup
    | ODEBUG:
""", re.VERBOSE)


def find(lines):
    """Return the lines of the first splat, at most EXCERPT, or None."""
    for number, line in enumerate(lines):
        if PATTERN.search(line):
            if number and "cut here" in lines[number - 1]:
                number -= 1
            return lines[number:number + EXCERPT]
    return None
