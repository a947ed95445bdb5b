# SPDX-License-Identifier: GPL-2.0
"""Find places in C code that a mutant may change, and put all of them in.

Every mutant goes into one build: a condition or a statement asks at run time
whether it is the mutant that was chosen.  So there is one compilation for all
of them.  A place also notes that the mutant would have made a difference there,
which tells the cases that may notice it from those that cannot.

Kinds of mutants:

    never, always   a condition of "if", "while" or "return" has this value
    without         one operand of && or || is left out
    drop            a call whose result nobody uses, an assignment to a member,
                    or a compound assignment is left out
    cell        a row of the table of conditions has another reason, is qualified
                or not, or ends another way
"""

import re
from collections import namedtuple

# @number: what the build knows it by; @place: how it is found again after the
# file was edited
Mutant = namedtuple("Mutant", "number file line function kind text nth")

HEADER = """\
#include <string.h>

extern int mutant_chosen;
extern unsigned char *mutant_mattered;

static inline _Bool mutant_differs(int n)
{
    if (mutant_mattered) {
        mutant_mattered[n] = 1;
    }
    return n == mutant_chosen;
}

static inline _Bool mutant_bool(_Bool value, int n, _Bool forced)
{
    return value != forced && mutant_differs(n) ? forced : value;
}
"""

SUPPORT = """\
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

int mutant_chosen = -1;
unsigned char *mutant_mattered;

static void __attribute__((constructor)) mutant_init(void)
{
    const char *number = getenv("MUTANT"), *file = getenv("MUTANT_MATTERED");

    if (number) {
        mutant_chosen = atoi(number);
    }
    if (file) {
        void *p = mmap(NULL, %d, PROT_READ | PROT_WRITE, MAP_SHARED,
                       open(file, O_RDWR), 0);

        mutant_mattered = p == MAP_FAILED ? NULL : p;
    }
}
"""

# The table of conditions as data: what is read of it goes through here.
CELLS = ("reason", "qualified", "untranslated", "translation", "translated",
         "page_request")
CELL = """
static int mutant_cell(const SvaCondition *cond, int column, int value)
{
    static const short cells[][%d] = {
%s
    };
    /* Only translation requests tell UR from CA. */
    const int ends[] = {
        [SVA_END_UR] = column == 3 ? SVA_END_CA : SVA_END_S0,
        [SVA_END_CA] = column == 3 ? SVA_END_UR : SVA_END_S0,
        [SVA_END_S0] = SVA_END_UR, [SVA_END_S0R] = SVA_END_S0,
        [SVA_END_SE] = SVA_END_S0, [SVA_END_IR] = SVA_END_S0,
    };
    int n = cells[cond - sva_conditions][column];

    if (n <= 0 || !mutant_differs(n)) {
        return value;
    }
    return column == 0 ? value + 1 : column == 1 ? !value : ends[value];
}
"""

# Calls that only tell or only tidy up, locks, as nothing runs beside a qtest, and
# the model's boiler plate
HARMLESS = re.compile(r"trace_|vtd_iommu_(un)?lock|smp_wmb|error_|qemu_log|g_free|g_assert|assert|timer_free|"
                      r"qemu_bh_delete|object_|type_|device_class_|set_bit|"
                      r"migrate_|va_end|QEMU_BUILD|RCU_|DEFINE_|QLIST_INIT|QTAILQ_INIT|"
                      r"QSIMPLEQ_INIT|g_hash_table_unref")
BOILER = re.compile(r"class_init$|_realize$|_exit$|_detach$|_attach$|_atc_free$|"
                    r"^sva_tlb_hash$|^svatest_atc_hash$")


def blank(text):
    """The text with comments and strings as spaces, same length."""
    def spaces(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])+\'',
                  spaces, text, flags=re.DOTALL)


def closing(text, start):
    """Index of the parenthesis that closes the one at @start, or None."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] in "([{") - (text[i] in ")]}")
        if not depth:
            return i
    return None


def operands(code, start, end):
    """Split code[start:end] at its weaker one of && and ||: (operator, parts)"""
    found = {"&&": [], "||": []}
    depth = 0
    i = start
    while i < end:
        char = code[i]
        depth += (char in "([{") - (char in ")]}")
        if not depth:
            if code[i:i + 2] in found:
                found[code[i:i + 2]].append(i)
                i += 1
            elif char in "?," or (char == "=" and code[i - 1] not in "=!<>" and
                                  code[i + 1] != "="):
                return None, []
        i += 1
    operator = "||" if found["||"] else "&&" if found["&&"] else None
    if not operator:
        return None, []
    cuts = [start - 2, *found[operator], end]
    return operator, [(a + 2, b) for a, b in zip(cuts, cuts[1:])]


class File:
    """One file: its mutants, and its text with all of them"""

    def __init__(self, path, text, first):
        self.path, self.text, self.next = path, text, first
        self.code = blank(text)
        self.mutants = []
        self.edits = []         # (position, order, text)
        self.seen = {}
        self.functions = [(m.start(), m.group(1)) for m in re.finditer(
            r"^(?!typedef|#|struct|enum)\w[\w \*]*?\b(\w+)\((?=[^;]*?\)\s*\{)",
            self.code, re.MULTILINE)]
        for match in re.finditer(r"^[ \t]+(?:\} else )?(if|while) (\()",
                                 self.code, re.MULTILINE):
            end = closing(self.code, match.start(2))
            self.condition(match.start(2) + 1, end, match.group(1) == "if")
        for match in re.finditer(r"^[ \t]+return ([^;]*);", self.code,
                                 re.MULTILINE):
            self.result(match.start(1), match.end(1))
        for match in re.finditer(r"^[ \t]+(?=[a-z_*]\w*\b)([^;{}=():]*?)"
                                 r"([-+&|^]?=|\+\+|--|\()", self.code,
                                 re.MULTILINE):
            self.statement(match)
        self.table()

    def function(self, at):
        name = "?"
        for start, function in self.functions:
            if start > at:
                break
            name = function
        return name

    def add(self, at, end, kind, place=None):
        """A mutant of text[at:end]; its number, or None if it is not wanted"""
        place = at if place is None else place
        function = self.function(place)
        if BOILER.search(function) or function == "?":
            return None
        text = " ".join(self.text[at:end].split())
        key = (function, kind, text)
        nth = self.seen[key] = self.seen.get(key, 0) + 1
        number = self.next
        self.next += 1
        self.mutants.append(Mutant(number, self.path,
                                   self.text.count("\n", 0, at) + 1, function,
                                   kind, text, nth))
        return number

    def wrap(self, at, end, kind, forced, place=None):
        number = self.add(at, end, kind, place)
        if number is not None:
            # Outer wraps come first and end last.
            self.edits.append((at, -(end - at), "mutant_bool(!!("))
            self.edits.append((end, end - at, f"), {number}, {forced})"))

    def table(self):
        """The cells of a table of conditions"""
        rows = []
        for row in re.finditer(r"^ {4}ROW\((\w+), ([^)]*)\),", self.code,
                               re.MULTILINE):
            numbers = []
            for column, cell in zip(CELLS, re.split(r", *", row[2])):
                kind = f"cell {column}"
                text = f"{row[1]}, {cell}"
                numbers.append(0)
                if cell != "NA":
                    numbers[-1] = self.next
                    self.mutants.append(Mutant(
                        self.next, self.path,
                        self.text.count("\n", 0, row.start()) + 1,
                        "sva_conditions", kind, text, 1))
                    self.next += 1
            rows.append(f"        [SVA_{row[1]}] = {{ "
                        f"{', '.join(map(str, numbers))} }},")
        if not rows:
            return
        end = self.code.index("\n};\n", self.code.index("sva_conditions[]"))
        self.edits.append((end + 4, 0, CELL % (len(CELLS), "\n".join(rows))))
        for read in re.finditer(r"\bcond->(\w+)", self.code):
            column = CELLS.index(read[1])
            self.edits.append((read.start(), 0, f"mutant_cell(cond, {column}, "))
            self.edits.append((read.end(), 0, ")"))

    def parts(self, start, end):
        operator, parts = operands(self.code, start, end)
        for at, stop in parts:
            while self.code[at] in " \n\t":
                at += 1
            while self.code[stop - 1] in " \n\t":
                stop -= 1
            self.wrap(at, stop, "without", int(operator == "&&"), start)
            if self.code[at] == "(" and closing(self.code, at) == stop - 1:
                self.parts(at + 1, stop - 1)
        return operator

    def condition(self, start, end, both):
        operator = self.parts(start, end)
        if operator != "||":
            self.wrap(start, end, "never", 0)
        if operator != "&&" and both:
            self.wrap(start, end, "always", 1)

    def result(self, start, end):
        operator, _ = operands(self.code, start, end)
        if operator:
            self.condition(start, end, True)
        elif re.search(r"[!=<>]=|^!| [<>] ", self.code[start:end]) and \
                not re.search(r"[?,]|<<|>>", self.code[start:end]):
            self.condition(start, end, True)

    def statement(self, match):
        left, operator = match.group(1), match.group(2)
        start = match.start(1)
        before = self.code[:start].rstrip()
        end = self.code.find(";", match.end()) + 1
        # Only statements: no declaration, no continued line
        if not end or not re.search(r"[{};]$|\b(case\b[^\n]*|default) *:$",
                                    before[-80:]):
            return
        if operator == "(":
            name = left.strip()
            close = closing(self.code, match.end() - 1)
            if (not re.fullmatch(r"[a-z_][\w>.-]*", name) or
                    HARMLESS.match(name) or
                    name in ("if", "for", "while", "switch", "return", "sizeof",
                             "do") or close is None or self.code[close + 1] != ";"):
                return
            end = close + 2
        elif operator == "=" and not re.search(r"->|\.|\[|^\*", left):
            return
        elif " " in left.strip():
            return
        number = self.add(start, end, "drop")
        if number is None:
            return
        if operator == "(" or re.search(r"\w\(", self.code[match.end():end]):
            self.edits.append((start, -9999, f"if (!mutant_differs({number})) {{ "))
            self.edits.append((end, 9999, " }"))
            return
        # Done and taken back, to see whether it changes anything
        self.edits.append((start, -9999, f"{{ typeof({left}) mutant_old = {left}; "))
        self.edits.append((end, 9999,
            f" if (memcmp(&mutant_old, &({left}), sizeof(mutant_old)) && "
            f"mutant_differs({number})) {{ memcpy(&({left}), &mutant_old, "
            f"sizeof(mutant_old)); }} }}"))

    def mutated(self):
        out, at = [], 0
        for position, _, text in sorted(self.edits):
            out += [self.text[at:position], text]
            at = position
        return "".join(out) + self.text[at:]
