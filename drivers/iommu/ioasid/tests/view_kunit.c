// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the IOASID core: what debugfs and trace events show
 *
 * The files are opened and read as user space would. As the views show the
 * host's space, sets are made there.
 */
#include <linux/completion.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/seq_file.h>
#include <linux/trace.h>
#include <linux/trace_events.h>
#include <linux/uio.h>

#include "ioasid_kunit.h"

/* A file of a pseudo file system that is made of a seq_file. */
struct view {
	struct vfsmount *mnt;
	struct file *file;
	struct kiocb kiocb;
	char line[160];
};

static void view_open(struct kunit *test, struct view *v, const char *fs,
		      const char *path)
{
	struct file_system_type *type = get_fs_type(fs);

	KUNIT_ASSERT_NOT_NULL(test, type);
	v->mnt = kern_mount(type);
	KUNIT_ASSERT_FALSE(test, IS_ERR(v->mnt));
	v->file = file_open_root_mnt(v->mnt, path, O_RDONLY, 0);
	if (IS_ERR(v->file)) {
		kern_unmount(v->mnt);
		KUNIT_ASSERT_FALSE_MSG(test, true, "%s: no %s: %pe", fs, path,
				       v->file);
	}
	init_sync_kiocb(&v->kiocb, v->file);
}

static void view_close(struct view *v)
{
	fput(v->file);
	/* Kernel threads leave that to a worker. */
	flush_delayed_fput();
	kern_unmount(v->mnt);
}

/*
 * The next line. Byte by byte: a file that is read in pieces stops after each
 * line, and has to find its place again.
 */
static bool view_next(struct view *v)
{
	int n = 0;

	do {
		struct kvec vec = { .iov_base = v->line + n, .iov_len = 1 };
		struct iov_iter to;

		iov_iter_kvec(&to, ITER_DEST, &vec, 1, 1);
		if (seq_read_iter(&v->kiocb, &to) != 1)
			return false;
	} while (v->line[n++] != '\n' && n < sizeof(v->line));
	v->line[n - 1] = '\0';
	return true;
}

/* Goes on to the next line of set @num, whatever comes between. */
static bool view_next_of(struct view *v, u64 num)
{
	u64 found;

	while (view_next(v))
		if (sscanf(v->line, "%llu ", &found) == 1 && found == num)
			return true;
	return false;
}

/* The file has these lines of set @num, in this order, and no others. */
static void expect_view(struct kunit *test, const char *path, u64 num,
			const char * const *lines)
{
	struct view v;

	view_open(test, &v, "debugfs", path);
	for (; *lines; lines++) {
		KUNIT_EXPECT_TRUE_MSG(test, view_next_of(&v, num),
				      "%s is missing", *lines);
		KUNIT_EXPECT_STREQ(test, v.line, *lines);
	}
	KUNIT_EXPECT_FALSE_MSG(test, view_next_of(&v, num), "%s", v.line);
	view_close(&v);
}

static __printf(2, 3) char *text(struct kunit *test, const char *format, ...)
{
	const size_t size = 100;
	char *s = kunit_kzalloc(test, size, GFP_KERNEL);
	va_list ap;

	KUNIT_ASSERT_NOT_NULL(test, s);
	va_start(ap, format);
	vsnprintf(s, size, format, ap);
	va_end(ap);
	return s;
}

#define expect_lines(test, path, set_num, ...)				\
	expect_view(test, path, set_num,				\
		    (const char * const []){ __VA_ARGS__, NULL })

static struct ioasid_set *host_set(struct kunit *test, unsigned int quota,
				   enum ioasid_set_scope scope)
{
	struct ioasid_set *set = ioasid_set_alloc(NULL, quota, scope);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	return set;
}

struct gate {
	struct notifier_block nb;
	struct completion entered, go;
};

static int gate_call(struct notifier_block *nb, unsigned long event, void *data)
{
	struct gate *g = container_of(nb, struct gate, nb);

	if (event == FREE) {
		complete(&g->entered);
		wait_for_completion(&g->go);
	}
	return NOTIFY_OK;
}

static char *set_line(struct kunit *test, struct ioasid_set *set,
		      const char *scope, const char *rest)
{
	return text(test, "%llu %s %d:%s %s", set->num, scope,
		    task_tgid_nr(current), current->comm, rest);
}

static void view_sets(struct kunit *test)
{
	struct ioasid_set *set = host_set(test, 5, IOASID_SET_SHARED);
	struct gate g = { .nb.notifier_call = gate_call };
	u64 num = set->num;
	ioasid_t one, two;
	struct view v;

	init_completion(&g.entered);
	init_completion(&g.go);
	KUNIT_EXPECT_EQ(test, hear_all(set, &g.nb), 0);
	one = get_id(test, set);
	two = get_id(test, set);
	expect_lines(test, "ioasid/sets", num,
		     set_line(test, set, "shared", "5 2 0 1"));
	ioasid_adjust_set(set, 3);
	ioasid_set_get(set);
	expect_lines(test, "ioasid/sets", num,
		     set_line(test, set, "shared", "3 2 0 2"));

	/* Freed, but somebody has not heard of it yet. */
	ioasid_free(set, one);
	wait_for_completion(&g.entered);
	expect_lines(test, "ioasid/sets", num,
		     set_line(test, set, "shared", "3 2 1 2"));
	complete(&g.go);
	ioasid_set_flush(set);
	ioasid_unregister_notifier(set, &g.nb);
	expect_lines(test, "ioasid/sets", num,
		     set_line(test, set, "shared", "3 1 0 2"));

	/* Without an owner, as long as an id is used. */
	KUNIT_EXPECT_EQ(test, ioasid_get(set, two), 0);
	ioasid_set_put(set);
	ioasid_set_put(set);
	expect_lines(test, "ioasid/sets", num,
		     set_line(test, set, "shared", "3 1 0 0"));
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, two));
	view_open(test, &v, "debugfs", "ioasid/sets");
	KUNIT_EXPECT_TRUE(test, view_next(&v));
	KUNIT_EXPECT_STREQ(test, v.line,
			   "set scope owner quota used freeing refs");
	KUNIT_EXPECT_FALSE(test, view_next_of(&v, num));
	view_close(&v);
}

static void view_scopes(struct kunit *test)
{
	struct ioasid_set *set = host_set(test, 1, IOASID_SET_PRIVATE);
	struct ioasid_set *system = ioasid_system_set();

	expect_lines(test, "ioasid/sets", set->num,
		     set_line(test, set, "private", "1 0 0 1"));
	expect_lines(test, "ioasid/sets", system->num,
		     text(test, "%llu system 0:kernel %u %u 0 1", system->num,
			  UINT_MAX, used(system)));
	ioasid_set_put(set);
}

static void view_ids(struct kunit *test)
{
	struct ioasid_set *s = host_set(test, 5, IOASID_SET_SHARED);
	struct ioasid_set *p = host_set(test, 5, IOASID_SET_PRIVATE);
	struct ioasid_set *system = ioasid_system_set();
	int host = ioasid_alloc(system, 1, INVALID_IOASID, NULL, GFP_KERNEL);
	ioasid_t a, b, c, top = ioasid_get_capacity() - 1;
	struct view v;

	/* Exact numbers, for they come in ascending order. */
	KUNIT_ASSERT_GT(test, host, 0);
	a = alloc_one(s, top - 2);
	b = alloc_one(s, top - 1);
	c = alloc_one(s, top);
	KUNIT_EXPECT_EQ(test, c, top);
	KUNIT_EXPECT_EQ(test, alloc_one(p, 3), 3);
	KUNIT_EXPECT_EQ(test, alloc_one(p, 1), 1);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(s, b, 7), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(s, b), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(s, c), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(s, c, 8), 0);
	ioasid_free(s, c);

	expect_lines(test, "ioasid/ids", s->num,
		     text(test, "%llu %u -1 active 1", s->num, a),
		     text(test, "%llu %u 7 active 2", s->num, b),
		     text(test, "%llu %u -1 free-pending 1", s->num, c));
	expect_lines(test, "ioasid/ids", p->num,
		     text(test, "%llu 1 -1 active 1", p->num),
		     text(test, "%llu 3 -1 active 1", p->num));

	KUNIT_EXPECT_TRUE(test, ioasid_put(s, c));
	ioasid_free(s, a);
	ioasid_detach_spid(s, b);
	expect_lines(test, "ioasid/ids", s->num,
		     text(test, "%llu %u -1 active 2", s->num, b));

	/* One owner's space after the other, the host's at the end. */
	view_open(test, &v, "debugfs", "ioasid/ids");
	KUNIT_EXPECT_TRUE(test, view_next(&v));
	KUNIT_EXPECT_STREQ(test, v.line, "set id spid state refs");
	KUNIT_EXPECT_TRUE(test, view_next_of(&v, p->num));
	KUNIT_EXPECT_TRUE(test, view_next_of(&v, system->num));
	KUNIT_EXPECT_TRUE(test, view_next_of(&v, s->num));
	view_close(&v);

	ioasid_put(s, b);
	ioasid_free(system, host);
	ioasid_set_put(s);
	ioasid_set_put(p);
}

/* Sets and ids go while somebody is reading. */
static void view_changes(struct kunit *test)
{
	struct ioasid_set *old = host_set(test, 5, IOASID_SET_PRIVATE);
	struct ioasid_set *mid = host_set(test, 5, IOASID_SET_PRIVATE);
	struct ioasid_set *new = host_set(test, 5, IOASID_SET_PRIVATE);
	u64 num = old->num;
	struct view v;
	int i;

	for (i = 1; i <= 4; i++) {
		KUNIT_EXPECT_EQ(test, alloc_one(old, i), i);
		KUNIT_EXPECT_EQ(test, alloc_one(mid, i), i);
		KUNIT_EXPECT_EQ(test, alloc_one(new, i), i);
	}
	view_open(test, &v, "debugfs", "ioasid/ids");
	/* When a line has been read the one after it is made already. */
	KUNIT_EXPECT_TRUE(test, view_next_of(&v, new->num));
	ioasid_free(new, 3);
	KUNIT_EXPECT_TRUE(test, view_next_of(&v, new->num));
	KUNIT_EXPECT_TRUE(test, view_next_of(&v, new->num));
	KUNIT_EXPECT_STREQ(test, v.line,
			   text(test, "%llu 4 -1 active 1", new->num));

	KUNIT_EXPECT_TRUE(test, view_next_of(&v, mid->num));
	ioasid_set_put(mid);
	KUNIT_EXPECT_TRUE(test, view_next_of(&v, num));
	KUNIT_EXPECT_STREQ(test, v.line, text(test, "%llu 1 -1 active 1", num));
	ioasid_set_put(old);
	KUNIT_EXPECT_TRUE(test, view_next_of(&v, num));
	KUNIT_EXPECT_FALSE(test, view_next_of(&v, num));
	/* The end stays the end. */
	KUNIT_EXPECT_FALSE(test, view_next(&v));
	view_close(&v);
	num = new->num;
	ioasid_set_put(new);
	KUNIT_EXPECT_FALSE(test, ioasid_test_set_listed(num));
}

/* The set that is being shown goes, and the one behind it is shown from its start. */
static void view_goes_on_with_the_next_set(struct kunit *test)
{
	struct ioasid_set *old = host_set(test, 5, IOASID_SET_PRIVATE);
	struct ioasid_set *new = host_set(test, 5, IOASID_SET_PRIVATE);
	u64 num = old->num;
	struct view v;
	int i;

	for (i = 1; i <= 4; i++) {
		KUNIT_EXPECT_EQ(test, alloc_one(old, i), i);
		KUNIT_EXPECT_EQ(test, alloc_one(new, i), i);
	}
	view_open(test, &v, "debugfs", "ioasid/ids");
	KUNIT_EXPECT_TRUE(test, view_next_of(&v, new->num));
	KUNIT_EXPECT_TRUE(test, view_next_of(&v, new->num));
	ioasid_set_put(new);
	for (i = 1; i <= 4; i++) {
		KUNIT_EXPECT_TRUE(test, view_next_of(&v, num));
		KUNIT_EXPECT_STREQ(test, v.line,
				   text(test, "%llu %d -1 active 1", num, i));
	}
	KUNIT_EXPECT_FALSE(test, view_next_of(&v, num));
	view_close(&v);
	ioasid_set_put(old);
}

/* More sets have gone than are left. */
static void view_of_sets_that_go(struct kunit *test)
{
	struct ioasid_set *sets[16];
	struct view v;
	int i;

	for (i = 0; i < ARRAY_SIZE(sets); i++)
		sets[i] = host_set(test, 5, IOASID_SET_PRIVATE);
	view_open(test, &v, "debugfs", "ioasid/sets");
	for (i = ARRAY_SIZE(sets) - 1; i > 0; i--)
		KUNIT_EXPECT_TRUE(test, view_next_of(&v, sets[i]->num));
	for (i = 0; i < ARRAY_SIZE(sets); i++)
		ioasid_set_put(sets[i]);
	/* One line is made already. */
	view_next(&v);
	KUNIT_EXPECT_FALSE_MSG(test, view_next(&v), "%s", v.line);
	view_close(&v);
}

static size_t view_read(struct view *v, char *to, size_t size)
{
	struct kvec vec = { .iov_base = to, .iov_len = size };
	struct iov_iter iter;
	ssize_t ret;

	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, size);
	ret = seq_read_iter(&v->kiocb, &iter);
	return ret < 0 ? 0 : ret;
}

/* From the start again, line by line or in one piece, it is the same. */
static void view_is_read_again(struct kunit *test)
{
	struct ioasid_set *p = host_set(test, 5, IOASID_SET_PRIVATE);
	const size_t size = 1024;
	char *first = kunit_kzalloc(test, size, GFP_KERNEL);
	char *again = kunit_kzalloc(test, size, GFP_KERNEL);
	size_t used = 0, part;
	struct view v;

	KUNIT_ASSERT_NOT_NULL(test, first);
	KUNIT_ASSERT_NOT_NULL(test, again);
	KUNIT_EXPECT_EQ(test, alloc_one(p, 1), 1);
	KUNIT_EXPECT_EQ(test, alloc_one(p, 3), 3);
	KUNIT_EXPECT_EQ(test, alloc_one(p, 5), 5);
	view_open(test, &v, "debugfs", "ioasid/ids");
	/* Not to the end, nor to that of the set: the next line is made already. */
	KUNIT_EXPECT_TRUE(test, view_next_of(&v, p->num));
	v.kiocb.ki_pos = 0;
	view_read(&v, first, size - 1);
	KUNIT_EXPECT_NOT_NULL(test, strstr(first, text(test, "%llu 1 -1", p->num)));
	v.kiocb.ki_pos = 0;
	do {
		part = view_read(&v, again + used, min(1UL, size - 1 - used));
		used += part;
	} while (part);
	KUNIT_EXPECT_STREQ(test, first, again);
	/* To the end, and what was read by then counts for nothing. */
	while (view_next(&v))
		;
	v.kiocb.ki_pos = 0;
	memset(again, 0, size);
	view_read(&v, again, size - 1);
	KUNIT_EXPECT_STREQ(test, first, again);
	view_close(&v);
	ioasid_set_put(p);
}

#ifdef CONFIG_EVENT_TRACING

/* What follows the time stamp of the next event of set @num. */
static const char *trace_next_of(struct view *v, u64 num)
{
	char key[32];
	const char *event;

	snprintf(key, sizeof(key), ": set=%llu ", num);
	while (view_next(v)) {
		event = strstr(v->line, "ioasid_");
		if (event && strstr(event, key))
			return event;
	}
	return "";
}

static void trace_events(struct kunit *test)
{
	struct ioasid_set *set = host_set(test, 1, IOASID_SET_PRIVATE);
	struct trace_array *tr = trace_array_get_by_name("ioasid-test",
							 "ioasid");
	u64 num = set->num;
	const char * const lines[] = {
		text(test, "ioasid_alloc: set=%llu range=[3, 9] used=1 quota=1 ret=3", num),
		text(test, "ioasid_alloc: set=%llu range=[4, 4] used=1 quota=1 ret=%d", num,
		     -EDQUOT),
		text(test, "ioasid_bind: set=%llu id=3 spid=7 refs=2", num),
		text(test, "ioasid_unbind: set=%llu id=3 spid=7 refs=1", num),
		text(test, "ioasid_free: set=%llu id=3 spid=-1 refs=2", num),
		text(test, "ioasid_state: set=%llu id=3 active -> free-pending", num),
		text(test, "ioasid_state: set=%llu id=3 free-pending -> idle", num),
		"",
	};
	struct view v;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, tr);
	KUNIT_EXPECT_EQ(test, trace_array_set_clr_event(tr, "ioasid", NULL,
							true), 0);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(set, 3, 9, NULL, GFP_KERNEL), 3);
	KUNIT_EXPECT_EQ(test, alloc_one(set, 4), -EDQUOT);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(set, 3, 7), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(set, 3, 8), -EBUSY);
	ioasid_detach_spid(set, 3);
	ioasid_detach_spid(set, 3);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, 3), 0);
	ioasid_free(set, 3);
	ioasid_free(set, 3);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, 3));
	trace_array_set_clr_event(tr, "ioasid", NULL, false);

	view_open(test, &v, "tracefs", "instances/ioasid-test/trace");
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		KUNIT_EXPECT_STREQ(test, trace_next_of(&v, num), lines[i]);
	view_close(&v);
	trace_array_put(tr);
	KUNIT_EXPECT_EQ(test, trace_array_destroy(tr), 0);
	ioasid_set_put(set);
}
#endif

static struct kunit_case ioasid_view_cases[] = {
	KUNIT_CASE(view_sets),
	KUNIT_CASE(view_scopes),
	KUNIT_CASE(view_ids),
	KUNIT_CASE(view_changes),
	KUNIT_CASE(view_goes_on_with_the_next_set),
	KUNIT_CASE(view_of_sets_that_go),
	KUNIT_CASE(view_is_read_again),
#ifdef CONFIG_EVENT_TRACING
	KUNIT_CASE(trace_events),
#endif
	{}
};

static struct kunit_suite ioasid_view_suite = {
	.name = "ioasid-view",
	.test_cases = ioasid_view_cases,
};

kunit_test_suite(ioasid_view_suite);
