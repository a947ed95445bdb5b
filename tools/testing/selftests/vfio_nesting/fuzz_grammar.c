// SPDX-License-Identifier: GPL-2.0-only
/*
 * The grammar of the fuzzer: which steps there are, how often, and as text
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"

#define BIT(op)	(1ULL << (op))

/* Operations of a container, with a header that can be wrong */
#define NESTING	(BIT(FUZZ_BIND) | BIT(FUZZ_UNBIND) | BIT(FUZZ_INVALIDATE) | \
		 BIT(FUZZ_FAULTS_OPEN) | BIT(FUZZ_INFO) | BIT(FUZZ_DRAIN) | \
		 BIT(FUZZ_TIMEOUT) | BIT(FUZZ_ARRAY) | BIT(FUZZ_RID) | \
		 BIT(FUZZ_SET_TABLE) | BIT(FUZZ_UNSET_TABLE))
/* Those without payload */
#define BARE	(BIT(FUZZ_DRAIN) | BIT(FUZZ_UNSET_TABLE))
#define INVALIDATIONS	(BIT(FUZZ_INVALIDATE) | BIT(FUZZ_ARRAY))
#define PASIDS	(BIT(FUZZ_ALLOC) | BIT(FUZZ_FREE))

/* What does not depend on what an earlier step has led to */
#define RACERS	(PASIDS | BIT(FUZZ_BIND) | BIT(FUZZ_UNBIND) | \
		 BIT(FUZZ_INVALIDATE) | BIT(FUZZ_INFO) | BIT(FUZZ_DRAIN) | \
		 BIT(FUZZ_TIMEOUT) | BIT(FUZZ_GARBAGE) | BIT(FUZZ_ARRAY) | \
		 BIT(FUZZ_RID) | BIT(FUZZ_SET_TABLE) | BIT(FUZZ_UNSET_TABLE))

/* Names, and how often of about 300 */
static const struct {
	const char *name;
	unsigned int weight;
} ops[FUZZ_OPS] = {
	[FUZZ_OPEN] = { "open", 8 },
	[FUZZ_CLOSE] = { "close", 2 },
	[FUZZ_LEAVE] = { "leave", 2 },
	[FUZZ_JOIN] = { "join", 6 },
	[FUZZ_ALLOC] = { "alloc", 40 },
	[FUZZ_FREE] = { "free", 10 },
	[FUZZ_BIND] = { "bind", 50 },
	[FUZZ_UNBIND] = { "unbind", 12 },
	[FUZZ_INVALIDATE] = { "invalidate", 15 },
	[FUZZ_EDIT] = { "edit", 8 },
	[FUZZ_DMA] = { "dma", 25 },
	[FUZZ_ASK] = { "ask", 45 },
	[FUZZ_FAULTS_OPEN] = { "faults-open", 16 },
	[FUZZ_FAULTS_CLOSE] = { "faults-close", 5 },
	[FUZZ_READ] = { "read", 22 },
	[FUZZ_ANSWER] = { "answer", 22 },
	[FUZZ_ANSWER_OP] = { "answer-op", 8 },
	[FUZZ_INFO] = { "info", 3 },
	[FUZZ_DRAIN] = { "drain", 3 },
	[FUZZ_TIMEOUT] = { "timeout", 3 },
	[FUZZ_EXPIRE] = { "expire", 3 },
	[FUZZ_RESET] = { "reset", 4 },
	[FUZZ_HOLD] = { "hold", 2 },
	[FUZZ_LET_GO] = { "let-go", 2 },
	[FUZZ_REMAP] = { "remap", 2 },
	[FUZZ_UNMAP] = { "unmap", 2 },
	[FUZZ_POWER] = { "power", 2 },
	[FUZZ_KNOB] = { "knob", 2 },
	[FUZZ_DRIVER] = { "driver", 1 },
	[FUZZ_MEMORY] = { "memory", 5 },
	[FUZZ_GARBAGE] = { "garbage", 8 },
	[FUZZ_ARRAY] = { "array", 6 },
	[FUZZ_RID] = { "rid", 6 },
	[FUZZ_SET_TABLE] = { "set-table", 8 },
	[FUZZ_UNSET_TABLE] = { "unset-table", 4 },
	[FUZZ_ENTRY] = { "entry", 20 },
};

static const char * const modes[FUZZ_MODES] = {
	"main", "child", "passed", "race"
};

/* A generator of numbers of our own: the same ones everywhere, for ever */
static uint64_t next(uint64_t *state)
{
	uint64_t x = (*state += 0x9e3779b97f4a7c15ULL);

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static unsigned int pick(uint64_t *state, unsigned int below)
{
	return next(state) % below;
}

static uint8_t pick_op(uint64_t *state)
{
	unsigned int sum = 0, op, at;

	for (op = 0; op < FUZZ_OPS; op++)
		sum += ops[op].weight;
	at = pick(state, sum);
	for (op = 0; at >= ops[op].weight; op++)
		at -= ops[op].weight;
	return op;
}

bool fuzz_may_race(const struct fuzz_step *step)
{
	return RACERS & BIT(step->op);
}

enum fuzz_mutation fuzz_mutation(const struct fuzz_step *step)
{
	unsigned int mutation = step->arg[4] % FUZZ_MUTATIONS;
	uint64_t has = 0;

	switch (mutation) {
	case FUZZ_SHORT: case FUZZ_LONG: case FUZZ_NOWHERE: case FUZZ_TAIL:
		has = NESTING | PASIDS;
		break;
	case FUZZ_FLAG: case FUZZ_NO_OP: case FUZZ_DEV_PADDING:
	case FUZZ_DEV_BAD: case FUZZ_DEV_FILE:
		has = NESTING;
		break;
	case FUZZ_ARGSZ: case FUZZ_BEYOND:
		has = NESTING & ~BARE;
		break;
	case FUZZ_FLAGS:
		has = PASIDS | (NESTING & ~(BIT(FUZZ_INFO) | BARE | BIT(FUZZ_RID) |
					    BIT(FUZZ_SET_TABLE)));
		break;
	case FUZZ_VERSION: case FUZZ_PADDING:
		has = BIT(FUZZ_BIND) | BIT(FUZZ_UNBIND) | INVALIDATIONS |
		      BIT(FUZZ_SET_TABLE);
		break;
	case FUZZ_VALUE1:
		has = PASIDS | BIT(FUZZ_BIND) | INVALIDATIONS | BIT(FUZZ_RID) |
		      BIT(FUZZ_SET_TABLE);
		break;
	case FUZZ_VALUE2: case FUZZ_VALUE3:
		has = BIT(FUZZ_BIND) | BIT(FUZZ_UNBIND) | INVALIDATIONS;
		break;
	}
	return has & BIT(step->op) ? mutation : FUZZ_NONE;
}

/* Close together, far from each other, and the last one */
uint32_t fuzz_pasid(unsigned int index)
{
	index %= FUZZ_PASIDS;
	if (index < 8)
		return index + 1;
	return index == FUZZ_PASIDS - 1 ? 0xfffff : 0x1000 * (index - 7);
}

/* More steps than generate_cut() makes */
#define CUT	8

/* Which argument of a step is a PASID, or -1 */
static int pasid_arg(const struct fuzz_step *step)
{
	switch (step->op) {
	case FUZZ_ALLOC: case FUZZ_DMA: case FUZZ_ASK:
		return 1;
	case FUZZ_BIND: case FUZZ_UNBIND: case FUZZ_INVALIDATE:
	case FUZZ_ARRAY: case FUZZ_ENTRY:
		return 2;
	default:
		return -1;
	}
}

/*
 * Most steps of a run are on a few things, so that they meet: the first PASIDs of
 * those that are close together and of those that are not, and a device with its
 * container.
 */
static void generate_step(struct fuzz_step *step, uint64_t *state,
			  unsigned int narrow)
{
	static const uint8_t few[] = { 0, 1, 8, 9, 10 };
	unsigned int i, mode = pick(state, 40);
	int pasid;

	step->op = pick_op(state);
	step->mode = mode < 3 ? mode + 1 : FUZZ_MAIN;
	for (i = 0; i < FUZZ_ARGS; i++)
		step->arg[i] = pick(state, 0x10000);
	pasid = pasid_arg(step);
	if (pasid >= 0 && pick(state, 100) < narrow)
		step->arg[pasid] = few[pick(state, sizeof(few))];
	if (BIT(step->op) & (NESTING | BIT(FUZZ_ENTRY)) && pick(state, 100) < narrow) {
		step->arg[1] = pick(state, FUZZ_DEVICES + 2);
		step->arg[0] = step->arg[1] == FUZZ_DEVICES - 1;
		if (step->op != FUZZ_FAULTS_OPEN && pick(state, 2))
			step->arg[1] = FUZZ_DEVICES;
	}
	/* A guest's number of its own, not too often */
	if (step->op == FUZZ_BIND && pick(state, 4))
		step->arg[3] |= 4 * FUZZ_TABLES;
	if (pick(state, 5))
		step->arg[4] = FUZZ_NONE;
}

static struct fuzz_step on(uint8_t op, unsigned int a, unsigned int b,
			   unsigned int c, unsigned int d)
{
	return (struct fuzz_step) { .op = op, .arg = { a, b, c, d } };
}

/* A request, something that must end what waits, and a request that goes on */
static unsigned int generate_cut(struct fuzz_step *steps, uint64_t *state)
{
	unsigned int d = pick(state, FUZZ_DEVICES), c = d == FUZZ_DEVICES - 1;
	unsigned int p = d, n = 0;

	steps[n++] = on(FUZZ_ASK, d, p, pick(state, 8), pick(state, 0x10000));
	switch (pick(state, 6)) {
	case 0:
		steps[n++] = on(FUZZ_UNBIND, c, d, p, 0);
		break;
	case 1:
		steps[n++] = on(FUZZ_FAULTS_CLOSE, d, 0, 0, 0);
		steps[n++] = on(FUZZ_FAULTS_OPEN, c, d, 1, pick(state, 2));
		break;
	case 2:
		steps[n++] = on(FUZZ_RESET, d, pick(state, 3), 0, 0);
		break;
	case 3:
		steps[n++] = on(FUZZ_FREE, pick(state, FUZZ_CONTAINERS), p,
				p + pick(state, 2), 0);
		steps[n++] = on(FUZZ_ALLOC, c, p, 0, 0);
		break;
	case 4:
		steps[n++] = on(FUZZ_CLOSE, d, 0, 0, 0);
		steps[n++] = on(FUZZ_OPEN, d, 0, 0, 0);
		steps[n++] = on(FUZZ_FAULTS_OPEN, c, d, 1, pick(state, 2));
		break;
	}
	steps[n++] = on(FUZZ_BIND, c, d, p, 4 * FUZZ_TABLES +
			pick(state, FUZZ_TABLES));
	/* With the same index, if the group was not complete */
	steps[n++] = on(FUZZ_ASK, d, p, pick(state, 8),
			pick(state, 0x10000) | 129);
	steps[n++] = on(FUZZ_READ, d, 7, 0, 0);
	return n;
}

/* A PASID table with two entries, handed over */
static unsigned int generate_table(struct fuzz_step *steps, uint64_t *state,
				   unsigned int c, unsigned int d)
{
	steps[0] = on(FUZZ_ENTRY, c, d, d, 1 + pick(state, FUZZ_TABLES));
	steps[1] = on(FUZZ_ENTRY, c, d, 8 + d, 1 + pick(state, FUZZ_TABLES));
	steps[2] = on(FUZZ_SET_TABLE, c, d, 0, 0);
	return 3;
}

/* Open devices with faults, and a PASID: without that little happens. */
static unsigned int generate_start(struct fuzz_step *steps, uint64_t *state)
{
	unsigned int i, n = 0, c;

	for (i = 0; i < FUZZ_DEVICES; i++) {
		c = i == FUZZ_DEVICES - 1;
		steps[n++] = (struct fuzz_step) {
			.op = FUZZ_OPEN, .arg = { i },
		};
		if (!pick(state, 4))
			continue;
		steps[n++] = (struct fuzz_step) {
			.op = FUZZ_FAULTS_OPEN,
			.arg = { c, i, 1, pick(state, 2) },
		};
		if (!pick(state, 3)) {
			n += generate_table(&steps[n], state, c, i);
			continue;
		}
		steps[n++] = (struct fuzz_step) {
			.op = FUZZ_ALLOC, .arg = { c, i },
		};
		steps[n++] = (struct fuzz_step) {
			.op = FUZZ_BIND,
			.arg = { c, i, i, 4 * FUZZ_TABLES },
		};
	}
	return n;
}

void fuzz_generate(struct fuzz_case *c, uint64_t seed, unsigned int count)
{
	uint64_t state = seed;
	unsigned int i, narrow = 50 + pick(&state, 50);

	if (count > FUZZ_STEPS_MAX)
		count = FUZZ_STEPS_MAX;
	memset(c, 0, sizeof(*c));
	for (i = generate_start(c->steps, &state); i + CUT < count;)
		if (pick(&state, 25))
			generate_step(&c->steps[i++], &state, narrow);
		else
			i += generate_cut(&c->steps[i], &state);
	c->count = i;
}

void fuzz_print(FILE *to, const struct fuzz_step *step, const char *before)
{
	unsigned int i;

	fprintf(to, "%s%s %s", before, ops[step->op].name, modes[step->mode]);
	for (i = 0; i < FUZZ_ARGS; i++)
		fprintf(to, " %u", step->arg[i]);
	fputc('\n', to);
}

static int find(const char *word, unsigned int count,
		const char *(*name)(unsigned int))
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!strcmp(word, name(i)))
			return i;
	return -1;
}

static const char *op_name(unsigned int op)
{
	return ops[op].name;
}

static const char *mode_name(unsigned int mode)
{
	return modes[mode];
}

/* A line each; what starts with # is for people */
int fuzz_load(struct fuzz_case *c, const char *path)
{
	char line[256], op[32], mode[32];
	unsigned int arg[FUZZ_ARGS], i;
	FILE *file = fopen(path, "r");
	struct fuzz_step *step;
	int op_number, mode_number;

	if (!file)
		return -errno;
	memset(c, 0, sizeof(*c));
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		memset(arg, 0, sizeof(arg));
		if (sscanf(line, "%31s %31s %u %u %u %u %u", op, mode, &arg[0],
			   &arg[1], &arg[2], &arg[3], &arg[4]) < 2 ||
		    c->count == FUZZ_STEPS_MAX)
			goto out_bad;
		op_number = find(op, FUZZ_OPS, op_name);
		mode_number = find(mode, FUZZ_MODES, mode_name);
		if (op_number < 0 || mode_number < 0)
			goto out_bad;
		step = &c->steps[c->count++];
		step->op = op_number;
		step->mode = mode_number;
		for (i = 0; i < FUZZ_ARGS; i++)
			step->arg[i] = arg[i];
	}
	fclose(file);
	return 0;

out_bad:
	fclose(file);
	return -EINVAL;
}
