# SPDX-License-Identifier: GPL-2.0
"""Mutants of a C file in kernel style: all in one source, each behind a number that is chosen at boot.

Kinds, each with the name that stands in a mutant's name:

    never, always   the condition of an if, of a ? or (never only) of a while
    without         one side of && or || is left out
    bound           < for <=, <= for <, > for >=, >= for >
    call            a call whose value nobody looks at is not made
    assign          an assignment, increment or decrement is not made
    lock            a lock is not taken in a function

What is left out is what no test can see (messages, traces, assertions) and barriers and RCU read
sections, which mean nothing on the one processor that runs the tests.
"""

import re

TOKEN = re.compile(r"""
    (?P<skip>/\*.*?\*/|//[^\n]*|^[ \t]*\#(?:\\\n|[^\n])*|\s+)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<other>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[0-9]\w*
  |   <<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)
""", re.X | re.S | re.M)

QUIET = re.compile(r"lockdep_|RCU_|trace_|WARN|BUG|BUILD_BUG|pr_|dev_(err|warn|info|dbg)|might_|cond_resched|"
                   r"DEFINE_|DECLARE_|LIST_HEAD|rcu_read_|smp_|barrier|mutex_destroy|va_|__releases|__acquires|"
                   r"MODULE_|module_|EXPORT_|KUNIT_|static_assert|guard$|scoped_guard$")
LOCKS = re.compile(r"(mutex|spin|xa)_(un)?lock(_irq|_irqsave|_irqrestore|_bh)?")
GUARDS = {"mutex": "mutex", "spinlock": "spinlock", "spinlock_irq": "spinlock", "spinlock_irqsave": "spinlock"}
LOOPS = re.compile(r"if|while|for|switch|scoped_guard|.*for_each.*")
KEYWORDS = {"return", "goto", "break", "continue", "case", "default", "if", "while", "for", "switch", "else", "do",
            "static", "const", "struct", "unsigned", "int", "enum", "union", "void", "bool", "u32", "u64"}
ASSIGN = {"=", "+=", "-=", "*=", "/=", "|=", "&=", "^=", "%=", "<<=", ">>="}
OTHER_BOUND = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
# What ends an operand, by what it is an operand of
ENDS_BOUND = {"&&", "||", "?", ":", ",", ";", "==", "!=", "return", "{", "}"} | ASSIGN
ENDS_LOGIC = {"||", "&&", "?", ":", ",", ";", "return", "{", "}"} | ASSIGN

HEADER = """/* What a mutant is, see tools/uml/cmutants.py */
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

_Bool sva_mutant_is(unsigned int number);

/* A lock that nobody else has */
static inline struct mutex *sva_mutant_mutex(unsigned int number, struct mutex *lock)
{
	if (sva_mutant_is(number)) {
		lock = kzalloc(sizeof(*lock), GFP_ATOMIC);
		mutex_init(lock);
	}
	return lock;
}

static inline spinlock_t *sva_mutant_spinlock(unsigned int number, spinlock_t *lock)
{
	if (sva_mutant_is(number)) {
		lock = kzalloc(sizeof(*lock), GFP_ATOMIC);
		spin_lock_init(lock);
	}
	return lock;
}
"""

# One file has it. With SURVEY each mutant that could act tells so once.
SURVEY = 0xffff
CHOICE = """
unsigned int sva_mutant;
core_param(sva_mutant, sva_mutant, uint, 0444);

_Bool sva_mutant_is(unsigned int number)
{
	static DECLARE_BITMAP(seen, 8192);

	if (sva_mutant == %d && !test_and_set_bit(number, seen))
		pr_info("sva_mutant: reached %%u\\n", number);
	return number == sva_mutant;
}
""" % SURVEY


class Source:
    """A file, its tokens, and the edits that make the mutants."""

    def __init__(self, path, text, mutants):
        self.path, self.text, self.mutants = path, text, mutants
        self.tokens = [(m.group(), m.start(), m.end()) for m in TOKEN.finditer(text) if m.lastgroup != "skip"]
        self.pair, stack = {}, []
        for index, (token, _, _) in enumerate(self.tokens):
            if token in "([{":
                stack.append(index)
            elif token in ")]}":
                self.pair[index] = stack.pop()
                self.pair[self.pair[index]] = index
        self.edits, self.function, self.seen = [], "", {}
        self.locks = {}

    def at(self, index):
        return self.tokens[index][0]

    def raw(self, first, last):
        return re.sub(r"\s+", " ", self.text[self.tokens[first][1]:self.tokens[last][2]])

    def mutant(self, kind, what):
        """A new number, with a name that stays as long as the code does."""
        what = what if len(what) <= 60 else what[:57] + "..."
        key = (self.function, kind, what)
        self.seen[key] = self.seen.get(key, 0) + 1
        number = len(self.mutants) + 1
        self.mutants.append((number, f"{self.path}:{self.function}:{kind}:{what}:{self.seen[key]}"))
        return number

    def wrap(self, first, last, before, after):
        self.edits.append((self.tokens[first][1], self.tokens[last][2], before, after))

    # Conditions

    def condition(self, first, last, loop=False):
        what = self.raw(first, last)
        never = self.mutant("never", what)
        always = f"sva_mutant_is({self.mutant('always', what)}) ? 1 : " if not loop else ""
        self.wrap(first, last, f"(sva_mutant_is({never}) ? 0 : {always}!!(", "))")

    def operand(self, index, step, ends):
        """The last token of the operand that begins next to @index, in the direction @step."""
        index += step
        last = None
        while True:
            token = self.at(index)
            if token in ends or token in ")]" and step > 0 or token in "([" and step < 0:
                return last
            if index in self.pair and (token in "([{") == (step > 0):
                index = self.pair[index]
            last = index
            index += step

    def logic(self, index):
        token = self.at(index)
        first, last = self.operand(index, -1, ENDS_LOGIC), self.operand(index, 1, ENDS_LOGIC)
        value = 1 if token == "&&" else 0
        sides = [(index + 1, last)]
        # The left side of a chain is the right one of the operator before.
        if self.at(first - 1) not in ("&&", "||"):
            sides.insert(0, (first, index - 1))
        for one, two in sides:
            number = self.mutant("without", self.raw(one, two))
            self.wrap(one, two, f"(sva_mutant_is({number}) ? {value} : !!(", "))")

    def bound(self, index):
        first, last = self.operand(index, -1, ENDS_BOUND), self.operand(index, 1, ENDS_BOUND)
        if first is None or last is None:
            return
        number = self.mutant("bound", self.raw(first, last))
        other = f"{self.raw(first, index - 1)} {OTHER_BOUND[self.at(index)]} {self.raw(index + 1, last)}"
        self.wrap(first, last, f"(sva_mutant_is({number}) ? ({other}) : (", "))")

    def choice(self, index):
        """The condition of a ?, if there is something between it and its colon."""
        if self.at(index + 1) == ":":
            return
        first = self.operand(index, -1, {"?", ":", ",", ";", "return", "{", "}"} | ASSIGN)
        self.condition(first, index - 1)

    # Statements

    def starts_statement(self, index):
        before = self.at(index - 1)
        if before in (";", "{", "}", "else"):
            return True
        if before == ":":
            return self.at(index - 3) in ("case",) or self.at(index - 2) == "default" or \
                self.at(index - 3) in (";", "}", "{")
        return before == ")" and LOOPS.fullmatch(self.at(self.pair[index - 1] - 1)) is not None

    def statement(self, index):
        end = index
        while self.at(end) != ";":
            if self.at(end) in "{}":
                return
            end = self.pair[end] + 1 if self.at(end) in "([" else end + 1
        words = [self.at(i) for i in range(index, end)]
        if not words or words[0] in KEYWORDS:
            return
        call = index + 1
        while call < end and self.at(call) in ("->", ".") or re.fullmatch(r"\w+", self.at(call)) and \
                self.at(call - 1) in ("->", "."):
            call += 1
        if self.at(call) == "(" and self.pair[call] == end - 1:
            self.call(index, call, end)
        elif any(self.at(i) in ("++", "--") for i in (index, end - 1)) or self.is_assignment(index, end):
            self.leave_out("assign", index, end)

    def is_assignment(self, first, end):
        index = first
        while index < end and self.at(index) not in ASSIGN:
            index = self.pair[index] + 1 if self.at(index) in "([{" else index + 1
        if index == end:
            return False
        left = [self.at(i) for i in range(first, index)]
        # A declaration has two words, or a word and an asterisk, next to each other.
        return not any(re.fullmatch(r"\w+", one) and (re.fullmatch(r"[A-Za-z_]\w*", two) or two == "*")
                       for one, two in zip(left, left[1:]))

    def leave_out(self, kind, first, end):
        number = self.mutant(kind, self.raw(first, end - 1))
        self.wrap(first, end, f"do {{ if (!sva_mutant_is({number})) ", " } while (0);")

    def call(self, first, call, end):
        name = self.at(call - 1)
        if LOCKS.fullmatch(name):
            self.lock_call(first, call, end)
        elif not QUIET.match(self.at(first)):
            self.leave_out("call", first, end)

    def lock_number(self, what):
        key = (self.function, what)
        if key not in self.locks:
            self.locks[key] = self.mutant("lock", what)
        return self.locks[key]

    def lock_call(self, first, call, end):
        last = self.operand(call, 1, {","})
        number = self.lock_number(self.raw(call + 1, last))
        self.wrap(first, end, f"do {{ if (!sva_mutant_is({number})) ", " } while (0);")

    def guard(self, index):
        """guard(kind)(lock) or scoped_guard(kind, lock)"""
        kind = GUARDS.get(self.at(index + 2))
        if not kind:
            return
        first = index + 5 if self.at(index) == "guard" else index + 4
        last = self.operand(first - 1, 1, {","})
        number = self.lock_number(self.raw(first, last))
        self.wrap(first, last, f"sva_mutant_{kind}({number}, ", ")")

    # All of it

    def body(self, first, last):
        parens = 0
        index = first + 1
        while index < last:
            token = self.at(index)
            if token in ("sizeof", "offsetof", "offsetofend", "ARRAY_SIZE", "BUILD_BUG_ON", "static_assert") or \
                    QUIET.match(token) and token not in ("guard", "scoped_guard") and self.at(index + 1) == "(":
                index = self.pair[index + 1] + 1 if self.at(index + 1) == "(" else index + 1
                continue
            parens += (token == "(") - (token == ")")
            if token in ("guard", "scoped_guard"):
                self.guard(index)
            elif token in ("if", "while") and self.at(index + 1) == "(":
                self.condition(index + 2, self.pair[index + 1] - 1, token == "while")
            elif token in ("&&", "||"):
                self.logic(index)
            elif token in OTHER_BOUND:
                self.bound(index)
            elif token == "?":
                self.choice(index)
            if not parens and self.starts_statement(index):
                self.statement(index)
            index += 1

    def functions(self):
        index = 0
        while index < len(self.tokens):
            if self.at(index) == "{":
                end = self.pair[index]
                if self.at(index - 1) == ")":
                    self.function = self.at(self.pair[index - 1] - 1)
                    self.body(index, end)
                index = end
            index += 1

    def result(self):
        self.functions()
        before, after = {}, {}
        for start, end, pre, post in self.edits:
            before.setdefault(start, []).append((-end, pre))
            after.setdefault(end, []).append((-start, post))
        out, last = [], 0
        for position in sorted(set(before) | set(after)):
            out.append(self.text[last:position])
            # Inner ones end first, outer ones begin first.
            out += [text for _, text in sorted(after.get(position, []), key=lambda edit: edit[0])]
            out += [text for _, text in sorted(before.get(position, []), key=lambda edit: edit[0])]
            last = position
        out.append(self.text[last:])
        return "".join(out)


def mutate(path, text, mutants, header):
    """The text of a file with all its mutants, which are added to @mutants as (number, name)."""
    new = Source(path, text, mutants).result()
    lines = new.split("\n")
    last = max(i for i, line in enumerate(lines[:80]) if line.startswith("#include"))
    # Behind the last one of the first block, as it needs what they declare.
    return "\n".join(lines[:last + 1] + [f'#include "{header}"'] + lines[last + 1:])
