// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sequences of calls, accesses and accidents at random, against a model
 *
 *	nesting_fuzz [-n steps] [-r directory] [-p] [seed [count]]
 *
 * Runs @count sequences, of which the first one has @seed; first those that are
 * kept in the directory as *.case. One that does not lead to what the model says is
 * made as short as it gets and printed: its lines start with "# case:". With -p the
 * steps are only printed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "fuzz.h"
#include "needs_svatest.h"

/* Long enough for any sequence on a slow machine */
#define HANG_SECONDS	240
/* For what comes a little later, in steps of 10 ms */
#define PATIENCE	300
/* To make a sequence shorter; what is found later is worth less */
#define SHRINK_SECONDS	90
/* Nothing has a deadline but what asks for one. */
#define NO_DEADLINE_MS	3600000

/**
 * struct outcome - what became of a sequence, shared with the process that runs it
 * @step: the step that is being done
 * @kind: what is wrong, NULL if nothing is. The same text in each process.
 * @text: the same with numbers
 * @calls: steps that were done
 * @worked: how many of them did something, by operation
 */
struct outcome {
	unsigned int step;
	const char *kind;
	char text[256];
	uint64_t calls;
	uint64_t worked[FUZZ_OPS];
};

static struct outcome *outcome;
static int kernel_log;
static unsigned int steps = 150;

static const char unknown_end[] = "the process ends by itself";
static const char hang[] = "a sequence does not end";
static const char splat[] = "the kernel complains";

/* ------------------------------------------------------- one sequence */

static const char *finish_step(struct fuzz_world *w, struct fuzz_model *m,
			       const struct fuzz_step *step,
			       const struct fuzz_result *result)
{
	bool dma = step->op == FUZZ_DMA;
	const char *bad;

	outcome->calls++;
	if (dma ? result->ret == SVATEST_ST_OK : result->ret >= 0)
		outcome->worked[step->op]++;
	bad = fuzz_model_step(m, step, result);
	if (!bad)
		bad = fuzz_check(w, m, PATIENCE);
	if (!bad && step->op == FUZZ_MEMORY)
		bad = fuzz_check_memory(w, m);
	return bad;
}

/* Two at a time: what comes out is that of one order or of the other. */
struct racer {
	struct fuzz_world *w;
	struct fuzz_model *m;
	const struct fuzz_step *step;
	struct fuzz_result *result;
};

static void *race(void *arg)
{
	struct racer *racer = arg;

	fuzz_world_step(racer->w, racer->m, racer->step, racer->result);
	return NULL;
}

static const char *in_order(struct fuzz_world *w, struct fuzz_model *m,
			    const struct racer *first,
			    const struct racer *second, unsigned int patience)
{
	const char *bad = fuzz_model_step(m, first->step, first->result);

	if (!bad)
		bad = fuzz_model_step(m, second->step, second->result);
	return bad ? bad : fuzz_check(w, m, patience);
}

static const char *run_race(struct fuzz_world *w, struct fuzz_model *m,
			    const struct fuzz_step *step)
{
	static struct fuzz_result results[2];
	static struct fuzz_model before;
	struct racer a = { w, m, &step[0], &results[0] };
	struct racer b = { w, m, &step[1], &results[1] };
	pthread_t thread;
	const char *bad;

	if (pthread_create(&thread, NULL, race, &a))
		return "no thread";
	race(&b);
	pthread_join(thread, NULL);

	before = *m;
	bad = in_order(w, m, &a, &b, PATIENCE / 10);
	if (!bad)
		return NULL;
	*m = before;
	return in_order(w, m, &b, &a, PATIENCE);
}

static void run(const struct fuzz_case *c)
{
	static struct fuzz_result result;
	static struct fuzz_world w;
	static struct fuzz_model m;
	const struct fuzz_step *step;
	const char *bad = NULL;
	unsigned int i;

	fuzz_model_init(&m);
	if (fuzz_world_open(&w, &m))
		bad = "the machine is not what it must be";
	for (i = 0; i < c->count && !bad; i++) {
		step = &c->steps[i];
		outcome->step = i;
		if (step->mode == FUZZ_RACE && i + 1 < c->count &&
		    fuzz_may_race(step) && fuzz_may_race(step + 1)) {
			bad = run_race(&w, &m, step);
			i++;
			outcome->calls += 2;
			continue;
		}
		fuzz_world_step(&w, &m, step, &result);
		bad = finish_step(&w, &m, step, &result);
	}
	if (bad) {
		outcome->kind = bad;
		snprintf(outcome->text, sizeof(outcome->text), "%s",
			 fuzz_text[0] ? fuzz_text : bad);
	}
	fuzz_world_close(&w, c->count % 4);
	fflush(stdout);
	_exit(0);
}

/* Does the kernel's log have what must never be there? */
static bool kernel_complains(void)
{
	static const char * const words[] = {
		"WARNING:", "BUG:", "KASAN:", "UBSAN:", "refcount_t:",
		"general protection", "Oops", "suspicious RCU",
		"list_add corruption", "list_del corruption",
	};
	bool found = false;
	char line[2048];
	unsigned int i;
	ssize_t got;

	while ((got = read(kernel_log, line, sizeof(line) - 1)) > 0 ||
	       (got < 0 && errno == EPIPE)) {
		if (got < 0)
			continue;
		line[got] = 0;
		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			found |= !!strstr(line, words[i]);
	}
	return found;
}

static void warn_again(void)
{
	int fd = open("/sys/kernel/debug/clear_warn_once", O_WRONLY);

	if (fd >= 0 && write(fd, "1", 1) != 1)
		perror("clear_warn_once");
	close(fd);
}

static const char *wait_for(pid_t child)
{
	unsigned int patience = HANG_SECONDS * 100;
	int status;

	while (patience--) {
		if (waitpid(child, &status, WNOHANG) == child)
			return status ? unknown_end : NULL;
		usleep(10000);
	}
	kill(child, SIGKILL);
	return hang;
}

/* NULL, or what is wrong */
static const char *try(const struct fuzz_case *c)
{
	struct fuzz_books before;
	const char *bad;
	pid_t child;

	fuzz_books_take(&before);
	warn_again();
	outcome->kind = NULL;
	outcome->text[0] = 0;
	fflush(stdout);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(c);
	}
	bad = wait_for(child);
	if (!bad)
		bad = outcome->kind;
	if (!bad) {
		bad = fuzz_books_compare(&before);
		snprintf(outcome->text, sizeof(outcome->text), "%s",
			 fuzz_text);
	}
	if (!bad && kernel_complains())
		bad = splat;
	return bad;
}

/* -------------------------------------------- a sequence that went wrong */

/* What a device has kept may be why it does not happen again. */
static bool renew;

static bool still(const struct fuzz_case *c, const char *kind)
{
	const char *bad;

	if (renew && fuzz_renew_devices()) {
		printf("# devices do not come back\n");
		exit(1);
	}
	bad = try(c);
	if (bad == hang) {
		printf("# what was tried last does not end\n");
		exit(1);
	}
	return bad == kind;
}

static void cut(struct fuzz_case *to, const struct fuzz_case *from,
		unsigned int first, unsigned int count)
{
	*to = *from;
	memmove(&to->steps[first], &from->steps[first + count],
		(from->count - first - count) * sizeof(to->steps[0]));
	to->count -= count;
}

/* Leave out parts, of half the length and less, as long as it goes wrong alike */
static void shrink(struct fuzz_case *c, const char *kind)
{
	time_t end = time(NULL) + SHRINK_SECONDS;
	static struct fuzz_case shorter;
	unsigned int size, at;

	if (kind != splat && outcome->step + 2 < c->count && outcome->kind) {
		cut(&shorter, c, outcome->step + 2,
		    c->count - outcome->step - 2);
		if (still(&shorter, kind))
			*c = shorter;
	}
	for (size = c->count / 2; size; size /= 2)
		for (at = 0; at + size <= c->count && time(NULL) < end;) {
			cut(&shorter, c, at, size);
			if (still(&shorter, kind))
				*c = shorter;
			else
				at += size;
		}
}

static void show(const struct fuzz_case *c)
{
	unsigned int i;

	for (i = 0; i < c->count; i++)
		fuzz_print(stdout, &c->steps[i], "# case: ");
}

/* True if it is as the model says */
static bool judge(struct fuzz_case *c, const char *name)
{
	const char *bad = try(c);
	char text[256];

	if (!bad)
		return true;
	printf("# %s, step %u: %s\n", name, outcome->step,
	       outcome->text[0] ? outcome->text : bad);
	if (bad == hang) {
		show(c);
		exit(1);
	}
	fflush(stdout);
	snprintf(text, sizeof(text), "%s", outcome->text[0] ? outcome->text : bad);
	renew = !still(c, bad);
	if (!renew || still(c, bad)) {
		printf("# is made shorter, from %u steps%s\n", c->count,
		       renew ? ", each time with new devices" : "");
		fflush(stdout);
		shrink(c, bad);
	} else {
		printf("# does not happen again\n");
	}
	renew = false;
	printf("# case: # %s: %s\n", name, text);
	show(c);
	return false;
}

/* ------------------------------------------------------------------- main */

static int is_case(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && !strcmp(dot, ".case");
}

static bool replay(const char *directory)
{
	static struct fuzz_case c;
	struct dirent **entries;
	char path[512];
	int found, i;
	bool good = true;

	found = scandir(directory, &entries, is_case, alphasort);
	for (i = 0; i < found; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory,
			 entries[i]->d_name);
		if (fuzz_load(&c, path)) {
			printf("# %s is no case\n", path);
			good = false;
		} else {
			good &= judge(&c, entries[i]->d_name);
		}
		free(entries[i]);
	}
	printf("# %d cases\n", found < 0 ? 0 : found);
	return good;
}

/* How many are as the model says; the first that is not is the last */
static uint64_t fuzz(uint64_t seed, uint64_t count)
{
	static struct fuzz_case c;
	char name[32];
	uint64_t i;

	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "seed %llu",
			 (unsigned long long)(seed + i));
		/* The last one that is named is the one that the VM died of. */
		if (count > 1)
			printf("# %s\n", name);
		fflush(stdout);
		fuzz_generate(&c, seed + i, steps);
		if (!judge(&c, name))
			break;
	}
	return i;
}

/* A fuzzer whose calls are all refused finds nothing. */
static void show_worked(void)
{
	static const uint8_t ops[] = {
		FUZZ_ALLOC, FUZZ_BIND, FUZZ_UNBIND, FUZZ_DMA, FUZZ_FAULTS_OPEN,
		FUZZ_READ, FUZZ_ANSWER, FUZZ_RESET, FUZZ_ARRAY, FUZZ_RID,
		FUZZ_SET_TABLE,
	};
	static const char * const names[] = {
		"PASIDs", "binds", "unbinds", "accesses", "fault files",
		"reads", "answers", "resets", "arrays", "changes without PASID",
		"PASID tables",
	};
	unsigned int i;

	printf("# worked:");
	for (i = 0; i < sizeof(ops); i++)
		printf(" %llu %s", (unsigned long long)outcome->worked[ops[i]],
		       names[i]);
	printf("\n");
}

static void result(bool good, unsigned int number, const char *name)
{
	printf("%sok %u - %s\n", good ? "" : "not ", number, name);
	fflush(stdout);
}

static int run_all(const char *directory, uint64_t seed, uint64_t count)
{
	unsigned int timeout = fault_set_timeout(NO_DEADLINE_MS);
	struct fuzz_case first = { .count = 0 };
	uint64_t done;
	bool good, all;

	printf("TAP version 13\n1..2\n");
	/* What the first use of a device leaves for the next */
	try(&first);
	good = !directory || replay(directory);
	result(good, 1, "sequences that are kept");
	all = good;
	done = fuzz(seed, count);
	good = done == count;
	printf("# %llu steps in %llu sequences\n",
	       (unsigned long long)outcome->calls, (unsigned long long)done);
	show_worked();
	result(good, 2, "sequences at random");
	fault_set_timeout(timeout);
	return !(all && good);
}

int main(int argc, char **argv)
{
	const char *directory = NULL;
	static struct fuzz_case c;
	uint64_t seed, count;
	bool print = false;
	int option;

	while ((option = getopt(argc, argv, "n:r:p")) != -1) {
		if (option == 'n')
			steps = atoi(optarg);
		else if (option == 'r')
			directory = optarg;
		else if (option == 'p')
			print = true;
		else
			return 2;
	}
	seed = optind < argc ? strtoull(argv[optind], NULL, 0) : 1;
	count = optind + 1 < argc ? strtoull(argv[optind + 1], NULL, 0) : 10;
	if (print) {
		fuzz_generate(&c, seed, steps);
		show(&c);
		return 0;
	}
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (outcome == MAP_FAILED || kernel_log < 0 ||
	    lseek(kernel_log, 0, SEEK_END) < 0) {
		perror("nesting_fuzz");
		return 1;
	}
	return run_all(directory, seed, count);
}
