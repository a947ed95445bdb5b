// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checks of the fuzzer: does the kernel show, and does the memory have, what
 * the model says?
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "guest.h"

#define DEBUGFS		"/sys/kernel/debug/"
#define DOMAINS		"/sys/class/iommu/dmar0/intel-iommu/domains_used"

/* Patience, in steps of 10 ms: what comes a little later may */
#define PATIENCE	400

/* PASIDs in one page of a device's table, and pages that come and go */
#define PASIDS_PER_PAGE	64
#define SLACK		3

#define FILE_MAX	16384
#define COLUMNS		32

static const char *complain(const char *what, const char *where,
			    long long wanted, long long got)
{
	snprintf(fuzz_text, sizeof(fuzz_text), "%s (%s): wanted %lld, got %lld",
		 what, where, wanted, got);
	return what;
}

#define FILES		8

/*
 * The file at @path, which stays open for all sequences: each step reads it, and
 * with sanitizers opening takes longer than reading.
 */
static int file_at(const char *path)
{
	static struct {
		const char *path;
		int fd;
	} files[FILES];
	unsigned int i;

	for (i = 0; i < FILES && files[i].path; i++)
		if (!strcmp(files[i].path, path))
			return files[i].fd;
	if (i == FILES)
		return -1;
	files[i].fd = open(path, O_RDONLY | O_CLOEXEC);
	if (files[i].fd >= 0)
		files[i].path = path;
	return files[i].fd;
}

static void read_file(const char *path, char *text)
{
	int fd = file_at(path);
	size_t size = 0;
	ssize_t got;

	do {
		got = pread(fd, text + size, FILE_MAX - 1 - size, size);
		size += got > 0 ? got : 0;
	} while (got > 0);
	text[size] = 0;
}

/* ---------------------------------------------------------------- bindings */

static int find_device(const struct fuzz_world *w, const char *name)
{
	unsigned int d;

	for (d = 0; d < FUZZ_DEVICES; d++)
		if (!strcmp(w->devices[d].name, name))
			return d;
	return -1;
}

static int find_pasid(uint32_t pasid)
{
	unsigned int p;

	for (p = 0; p < FUZZ_PASIDS; p++)
		if (fuzz_pasid(p) == pasid)
			return p;
	return -1;
}

/* Is there a line for what @dev does without PASID? */
static bool shows_rid(const struct fuzz_device *dev)
{
	return dev->has_table ? dev->config == IOMMU_PASID_CONFIG_BYPASS :
				dev->rid == IOMMU_RID_FIRST_STAGE;
}

static unsigned int count_bindings(const struct fuzz_model *m)
{
	unsigned int d, p, count = 0;

	for (d = 0; d < FUZZ_DEVICES; d++)
		count += shows_rid(&m->devices[d]);
	for (d = 0; d < FUZZ_DEVICES; d++)
		for (p = 0; p < FUZZ_PASIDS; p++)
			count += fuzz_table_of(m, d, p) != 0;
	return count;
}

static bool binding_is_so(struct fuzz_world *w, const struct fuzz_model *m,
			  const char *line)
{
	unsigned int hpasid, gpasid;
	unsigned long long gpgd;
	int d, p, c, table;
	char name[32];

	if (sscanf(line, "%*d %31s %u %u %llx", name, &hpasid, &gpasid,
		   &gpgd) != 4)
		return false;
	d = find_device(w, name);
	if (d < 0)
		return false;
	c = m->devices[d].container;
	if (!hpasid)
		return shows_rid(&m->devices[d]) && !gpasid &&
		       gpgd == (m->devices[d].has_table ? 0 :
				w->tables[c][m->devices[d].rid_table - 1].root);
	p = find_pasid(hpasid);
	if (p < 0)
		return false;
	table = fuzz_table_of(m, d, p);
	return table && fuzz_gpasid(m, d, p) == gpasid &&
	       w->tables[c][table - 1].root == gpgd;
}

bool fuzz_same_bindings(struct fuzz_world *w, const struct fuzz_model *m)
{
	char text[FILE_MAX], *line, *rest = text;
	unsigned int count = 0;

	read_file(DEBUGFS "iommu-guest/bindings", text);
	while ((line = strsep(&rest, "\n"))) {
		if (!*line || *line == '#')
			continue;
		count++;
		if (!binding_is_so(w, m, line)) {
			snprintf(fuzz_text, sizeof(fuzz_text),
				 "a binding that is not to be: %.200s", line);
			return false;
		}
	}
	if (count == count_bindings(m))
		return true;
	complain("bindings", "in all", count_bindings(m), count);
	return false;
}

/* --------------------------------------------------------------------- ids */

#define IDS_SETS	8

/* PASIDs of a set, a bit for each of those that sequences use */
struct id_set {
	unsigned long long number;
	uint64_t pasids;
};

static struct id_set *find_set(struct id_set *sets, unsigned long long number)
{
	unsigned int i;

	for (i = 0; i < IDS_SETS; i++) {
		if (sets[i].pasids && sets[i].number != number)
			continue;
		sets[i].number = number;
		return &sets[i];
	}
	return NULL;
}

static uint64_t allocated(const struct fuzz_container *c)
{
	uint64_t pasids = 0;
	unsigned int p;

	for (p = 0; p < FUZZ_PASIDS; p++)
		if (c->pasids[p].allocated)
			pasids |= 1ULL << p;
	return pasids;
}

/* Which set is of which container is not shown: each has to find its own. */
static const char *check_ids(const struct fuzz_model *m)
{
	char text[FILE_MAX], *line, *rest = text, state[16];
	struct id_set sets[IDS_SETS] = {}, *set;
	unsigned long long number;
	unsigned int id, c, i;
	uint64_t wanted;
	int p;

	read_file(DEBUGFS "ioasid/ids", text);
	while ((line = strsep(&rest, "\n"))) {
		if (sscanf(line, "%llu %u %*d %15s", &number, &id, state) != 3)
			continue;
		p = find_pasid(id);
		set = p < 0 ? NULL : find_set(sets, number);
		if (!set || !strcmp(state, "free-pending"))
			return complain("an id that is not to be", state, 0, id);
		set->pasids |= 1ULL << p;
	}
	for (c = 0; c < FUZZ_CONTAINERS; c++) {
		wanted = allocated(&m->containers[c]);
		for (i = 0; wanted && i < IDS_SETS; i++)
			if (sets[i].pasids == wanted) {
				sets[i].pasids = 0;
				wanted = 0;
			}
		if (wanted)
			return complain("ids of a container", "missing", wanted,
					sets[0].pasids);
	}
	for (i = 0; i < IDS_SETS; i++)
		if (sets[i].pasids)
			return complain("ids of a container", "too many", 0,
					sets[i].pasids);
	return NULL;
}

/* ------------------------------------------------------ counts of faults */

static const char * const columns[FUZZ_OUTCOMES] = {
	"success", "invalid", "failure", "deadline", "unbind", "close",
	"stopped", "no_pasid", "over_limit", "no_room", "reset"
};

/* The value in the column of this name; columns may come and move. */
static long long column(char *const *names, unsigned int count,
			char *const *values, const char *name)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return atoll(values[i]);
	return -1;
}

static unsigned int split(char *line, char **words)
{
	unsigned int count = 0;
	char *word;

	while (count < COLUMNS && (word = strsep(&line, " ")))
		if (*word)
			words[count++] = word;
	return count;
}

static const char *check_handler(const struct fuzz_device *dev, char **names,
				 unsigned int count, char **values)
{
	long long got = column(names, count, values, "waiting");
	unsigned int i;

	if (got != dev->waiting)
		return complain("requests wait", values[0], dev->waiting, got);
	for (i = 0; i < FUZZ_OUTCOMES; i++) {
		got = column(names, count, values, columns[i]);
		if (got != (long long)dev->outcomes[i])
			return complain("groups came to this end", columns[i],
					dev->outcomes[i], got);
	}
	return NULL;
}

static const char *check_handlers(struct fuzz_world *w,
				  const struct fuzz_model *m)
{
	char text[FILE_MAX], *line, *rest = text, *names[COLUMNS] = {};
	char *values[COLUMNS] = {};
	unsigned int count = 0, seen = 0, d;
	const char *bad = NULL;
	int which;

	read_file(DEBUGFS "iommu-fault/handlers", text);
	while (!bad && (line = strsep(&rest, "\n"))) {
		if (!strncmp(line, "# device ", 9))
			count = split(line + 2, names);
		if (!*line || *line == '#')
			continue;
		if (split(line, values) < count)
			return complain("columns", line, count, 0);
		which = find_device(w, values[0]);
		if (which < 0 || !m->devices[which].handler)
			return complain("a handler that is not to be",
					values[0], 0, 1);
		seen |= 1 << which;
		bad = check_handler(&m->devices[which], names, count, values);
	}
	for (d = 0; !bad && d < FUZZ_DEVICES; d++)
		if (m->devices[d].handler && !(seen >> d & 1))
			bad = complain("a handler is missing",
				       w->devices[d].name, 1, 0);
	return bad;
}

/* -------------------------------------------- what the device has counted */

static const char *check_answers(const struct vmm_device *dev,
				 const struct fuzz_device *model)
{
	uint64_t success = svatest_counter(dev, SVATEST_CNT_RESP_SUCCESS);
	uint64_t dropped = svatest_counter(dev, SVATEST_CNT_RESP_DROPPED);
	uint64_t unknown = svatest_counter(dev, SVATEST_CNT_RESP_UNKNOWN);
	uint64_t groups = svatest_counter(dev, SVATEST_CNT_GROUPS);
	uint64_t all = success + dropped + unknown +
		       svatest_counter(dev, SVATEST_CNT_RESP_INVALID) +
		       svatest_counter(dev, SVATEST_CNT_RESP_FAILURE);

	if (unknown && !model->failed)
		return complain("answers to no group", dev->name, 0, unknown);
	if (groups != all + model->npending)
		return complain("groups have an answer each", dev->name,
				groups - model->npending, all);
	if (success > model->answered ||
	    success + dropped + unknown < model->answered)
		return complain("groups were answered with success", dev->name,
				model->answered, success);
	return NULL;
}

static const char *check_devices(struct fuzz_world *w,
				 const struct fuzz_model *m)
{
	const char *bad = NULL;
	unsigned int d;

	for (d = 0; !bad && d < FUZZ_DEVICES; d++)
		if (m->devices[d].mine && !m->devices[d].wild)
			bad = check_answers(&w->devices[d], &m->devices[d]);
	return bad;
}

/* ------------------------------------------------------------------ memory */

static const char *check_words(struct fuzz_world *w, const struct fuzz_model *m)
{
	unsigned int c, t;
	uint64_t got;

	for (c = 0; c < FUZZ_CONTAINERS; c++)
		for (t = 0; t < FUZZ_TABLES; t++) {
			got = guest_peek(&w->vmm[c], w->page[c][t]);
			if (got != m->containers[c].word[t])
				return complain("a word in memory", c ? "second" :
						"first",
						m->containers[c].word[t], got);
		}
	return NULL;
}

static unsigned int count_leaves(const struct fuzz_model *m)
{
	unsigned int d, p, count = 0;
	uint32_t leaf, last;

	for (d = 0; d < FUZZ_DEVICES; d++) {
		/* The first one has the entry of requests without PASID, and stays. */
		last = 0;
		for (p = 0; p < FUZZ_PASIDS; p++) {
			leaf = fuzz_pasid(p) / PASIDS_PER_PAGE;
			if (!fuzz_table_of(m, d, p) || leaf == last)
				continue;
			last = leaf;
			count++;
		}
	}
	return count;
}

/* The least that was used beside the leaves of the tables of PASIDs */
static long floor_of_pages(const struct fuzz_model *m, long now)
{
	static long least = -1;
	static int groups = -1;
	int d, here = 0;

	/* A second stage has pages of its own. */
	for (d = 0; d < FUZZ_DEVICES; d++)
		here = here * 4 + m->devices[d].container + 1;
	here = here * 4 + m->containers[0].unmapped * 2 +
	       m->containers[1].unmapped;
	if (here != groups || now < least)
		least = now;
	groups = here;
	return least;
}

const char *fuzz_check_memory(struct fuzz_world *w, const struct fuzz_model *m)
{
	unsigned int leaves = count_leaves(m), patience = PATIENCE / 2;
	long least, now;

	do {
		now = guest_iommu_pages() - leaves;
		least = floor_of_pages(m, now);
		if (now <= least + SLACK)
			return NULL;
		usleep(10000);
	} while (patience--);
	return complain("pages of the IOMMU", "beside those of bindings", least,
			now);
}

const char *fuzz_check(struct fuzz_world *w, const struct fuzz_model *m,
		       unsigned int patience)
{
	const char *bad;

	for (;;) {
		bad = fuzz_same_bindings(w, m) ? NULL : "bindings";
		if (!bad)
			bad = check_ids(m);
		if (!bad)
			bad = check_handlers(w, m);
		if (!bad)
			bad = check_devices(w, m);
		if (!bad)
			bad = check_words(w, m);
		if (!bad || !patience--)
			return bad;
		usleep(10000);
	}
}

/* ---------------------------------------------------- before and after all */

/* Lines without their first @skip words, and without what is for people */
static void add_file(struct fuzz_books *books, const char *path,
		     unsigned int skip)
{
	char text[FILE_MAX], *line, *rest = text;
	size_t len = strlen(books->text);
	unsigned int i;

	read_file(path, text);
	while ((line = strsep(&rest, "\n"))) {
		if (!*line || *line == '#')
			continue;
		for (i = 0; i < skip && line; i++)
			strsep(&line, " ");
		len += snprintf(books->text + len, sizeof(books->text) - len,
				"%s\n", line ? line : "");
		if (len >= sizeof(books->text))
			return;
	}
}

void fuzz_books_take(struct fuzz_books *books)
{
	books->text[0] = 0;
	add_file(books, DEBUGFS "iommu-guest/bindings", 0);
	add_file(books, DEBUGFS "iommu-fault/handlers", 0);
	add_file(books, DEBUGFS "ioasid/sets", 1);
	add_file(books, DEBUGFS "ioasid/ids", 0);
	add_file(books, DOMAINS, 0);
	books->pages = guest_iommu_pages();
}

const char *fuzz_books_compare(const struct fuzz_books *before)
{
	unsigned int patience = PATIENCE;
	struct fuzz_books now;

	do {
		fuzz_books_take(&now);
		if (!strcmp(now.text, before->text) &&
		    now.pages <= before->pages + SLACK)
			return NULL;
		usleep(10000);
	} while (patience--);
	if (strcmp(now.text, before->text)) {
		snprintf(fuzz_text, sizeof(fuzz_text),
			 "something is left: before '%.60s', after '%.120s'",
			 before->text, now.text);
		return "something is left";
	}
	return complain("pages are left", "of the IOMMU", before->pages,
			now.pages);
}
