// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: KUnit tests of calls for which there is no memory
 *
 * Each call is made over and over, with its first allocation failing, then with
 * its second, and so on until none is left; and again with the one behind it failing
 * as well, or all that follow, as many an allocation is tried again in another way.
 * A call that fails says so and leaves all as it was.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "../fault_private.h"
#include "../guest_private.h"
#include "fault_kunit.h"

#define MEMORY_PASID	10
#define MEMORY_NAME	1000
/* An entry of a PASID table that wants no records of faults */
#define MEMORY_QUIET	5
/* Which calls free and allocate */
#define MEMORY_ID	20
#define MEMORY_MOST	200
/*
 * The last allocations of a call that it can do without: kmemleak has spares, and a
 * slab that grows takes fewer pages, which do not fail.
 */
#define MEMORY_OF_OTHERS	(IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || \
				 IS_ENABLED(CONFIG_FAIL_PAGE_ALLOC) ? 2 : 0)

/**
 * struct memory_test - what calls work on
 * @mock: the hardware
 * @owner: of faults
 * @set: of the call's own, or NULL
 * @ctx: the same
 * @nb: the same
 */
struct memory_test {
	struct mock_guest *mock;
	struct fault_owner owner;
	struct ioasid_set *set;
	struct iommu_guest_ctx *ctx;
	struct notifier_block nb;
};

/* A value behind a file of debugfs that failslab has */
static void *memory_attribute(const char *name)
{
	struct dentry *dir, *file;
	void *value = NULL;

	dir = debugfs_lookup("failslab", NULL);
	if (!dir)
		return NULL;
	file = debugfs_lookup(name, dir);
	dput(dir);
	if (!file)
		return NULL;
	value = d_inode(file)->i_private;
	dput(file);
	return value;
}

static int memory_nothing(struct memory_test *t)
{
	return 0;
}

static int memory_bind_as(struct memory_test *t, struct device *dev, u64 gpgd,
			  u64 gpasid)
{
	struct iommu_gpasid_bind_data data = {
		.argsz = sizeof(data),
		.version = IOMMU_GPASID_BIND_VERSION_1,
		.format = IOMMU_PASID_FORMAT_INTEL_VTD,
		.addr_width = 48,
		.flags = gpasid ? IOMMU_SVA_GPASID_VAL : 0,
		.gpgd = gpgd,
		.hpasid = MEMORY_PASID,
		.gpasid = gpasid,
	};

	return iommu_guest_bind_gpasid(t->mock->ctx, dev, &data);
}

static int memory_bind(struct memory_test *t)
{
	return memory_bind_as(t, NULL, 0x1000, 0);
}

static int memory_bind_named(struct memory_test *t)
{
	return memory_bind_as(t, NULL, 0x1000, MEMORY_NAME);
}

static int memory_bind_other(struct memory_test *t)
{
	return memory_bind_as(t, NULL, 0x2000, 0);
}

static int memory_unbind(struct memory_test *t)
{
	iommu_guest_unbind_gpasid(t->mock->ctx, NULL, MEMORY_PASID);
	return 0;
}

static int memory_set_rid(struct memory_test *t)
{
	const struct iommu_rid_config config = {
		.argsz = sizeof(config),
		.mode = IOMMU_RID_FIRST_STAGE,
		.bind = {
			.argsz = sizeof(config.bind),
			.version = IOMMU_GPASID_BIND_VERSION_1,
			.format = IOMMU_PASID_FORMAT_INTEL_VTD,
			.addr_width = 48,
			.gpgd = 0x3000,
		},
	};

	return iommu_guest_set_rid(t->mock->ctx, mock_dev(t->mock, 0), &config);
}

static int memory_pass(struct memory_test *t)
{
	const struct iommu_rid_config config = {
		.argsz = sizeof(config),
		.mode = IOMMU_RID_PASS,
	};

	return iommu_guest_set_rid(t->mock->ctx, mock_dev(t->mock, 0), &config);
}

static int memory_set_table(struct memory_test *t)
{
	const struct iommu_pasid_table_config config = {
		.argsz = sizeof(config),
		.version = IOMMU_PASID_TABLE_CFG_VERSION_1,
		.base_ptr = MOCK_TABLE(0),
		.format = IOMMU_PASID_FORMAT_VTD_TABLE,
		.pasid_bits = 13,
		.config = IOMMU_PASID_CONFIG_TRANSLATE,
	};

	t->mock->tables[0][0] = 0x4000 | MOCK_ENTRY_PRESENT;
	t->mock->tables[0][3] = 0x1000 | MOCK_ENTRY_PRESENT;
	t->mock->tables[0][MEMORY_QUIET] = 0x2000 | MOCK_ENTRY_PRESENT | MOCK_ENTRY_QUIET;
	return iommu_guest_set_table(t->mock->ctx, NULL, &config);
}

static int memory_unset_table(struct memory_test *t)
{
	iommu_guest_unset_table(t->mock->ctx, NULL);
	return 0;
}

static int memory_close(struct memory_test *t)
{
	iommu_guest_remove_device(t->mock->ctx, mock_dev(t->mock, 0));
	return 0;
}

static int memory_open(struct memory_test *t)
{
	return iommu_guest_add_device(t->mock->ctx, mock_dev(t->mock, 0),
				      t->mock->parent);
}

static int memory_open_again(struct memory_test *t)
{
	memory_close(t);
	return memory_open(t);
}

static int memory_handle_faults(struct memory_test *t)
{
	t->owner.handler = iommu_guest_handle_faults(t->mock->ctx,
						     mock_dev(t->mock, 0),
						     &fault_owner_ops, &t->owner,
						     true);
	return PTR_ERR_OR_ZERO(t->owner.handler);
}

/* A context of its own, with a notifier and an id */
static int memory_context(struct memory_test *t)
{
	struct ioasid_set *set = ioasid_set_alloc(NULL, 10, IOASID_SET_PRIVATE);
	int ret;

	if (IS_ERR(set))
		return PTR_ERR(set);
	t->set = set;
	t->ctx = iommu_guest_ctx_alloc(set, NULL);
	ret = PTR_ERR_OR_ZERO(t->ctx);
	if (ret)
		goto put_set;
	t->nb.notifier_call = t->mock->nb.notifier_call;
	ret = ioasid_register_notifier(set, &t->nb, BIT(IOASID_NOTIFY_FREE));
	if (ret)
		goto free_ctx;
	return 0;

free_ctx:
	iommu_guest_ctx_free(t->ctx);
put_set:
	ioasid_set_put(set);
	return ret;
}

static int memory_end_context(struct memory_test *t)
{
	iommu_guest_ctx_free(t->ctx);
	ioasid_unregister_notifier(t->set, &t->nb);
	ioasid_set_put(t->set);
	return 0;
}

static int memory_alloc_set(struct memory_test *t)
{
	t->set = ioasid_set_alloc(NULL, 10, IOASID_SET_PRIVATE);
	return PTR_ERR_OR_ZERO(t->set);
}

static int memory_alloc_context(struct memory_test *t)
{
	t->ctx = iommu_guest_ctx_alloc(t->set, NULL);
	return PTR_ERR_OR_ZERO(t->ctx);
}

static int memory_free_context(struct memory_test *t)
{
	iommu_guest_ctx_free(t->ctx);
	return 0;
}

static int memory_alloc_id(struct memory_test *t)
{
	ioasid_t id = ioasid_alloc(t->mock->set, MEMORY_ID, MEMORY_ID, NULL, GFP_KERNEL);

	return id == MEMORY_ID ? 0 : -ENOMEM;
}

static int memory_free_id(struct memory_test *t)
{
	ioasid_free(t->mock->set, MEMORY_ID);
	ioasid_set_flush(t->mock->set);
	return 0;
}

/* The first that is said of a device which nobody has opened */
static int memory_set_quiet(struct memory_test *t)
{
	return iommu_fault_set_quiet(mock_dev(t->mock, 0), MEMORY_QUIET);
}

static int memory_clear_quiet(struct memory_test *t)
{
	iommu_fault_clear_quiet(mock_dev(t->mock, 0), MEMORY_QUIET);
	return 0;
}

static const struct memory_call {
	const char *name;
	int (*prepare)(struct memory_test *t);
	int (*call)(struct memory_test *t);
	int (*undo)(struct memory_test *t);
	bool sure;
	bool may_lose;
} memory_calls[] = {
	{ "bind", memory_nothing, memory_bind, memory_unbind },
	{ "bind by another name", memory_nothing, memory_bind_named, memory_unbind },
	{ "bind that replaces", memory_bind, memory_bind_other, memory_bind, false, true },
	{ "unbind", memory_bind, memory_unbind, memory_bind, true },
	{ "table without PASID", memory_nothing, memory_set_rid, memory_pass },
	{ "no table without PASID", memory_set_rid, memory_pass, memory_set_rid, true },
	{ "PASID table", memory_nothing, memory_set_table, memory_unset_table },
	{ "PASID table that replaces", memory_set_table, memory_set_table, memory_nothing,
	  false, true },
	{ "no PASID table", memory_set_table, memory_unset_table, memory_set_table, true },
	{ "open", memory_close, memory_open, memory_close },
	{ "close", memory_bind, memory_close, memory_open, true },
	{ "faults", memory_nothing, memory_handle_faults, memory_open_again },
	{ "quiet", memory_close, memory_set_quiet, memory_clear_quiet },
	{ "context", memory_nothing, memory_context, memory_end_context },
	{ "context alone", memory_alloc_set, memory_alloc_context, memory_free_context },
	{ "id", memory_free_id, memory_alloc_id, memory_free_id },
};

KUNIT_ARRAY_PARAM_DESC(memory, memory_calls, name);

static bool memory_is_quiet(struct device *dev)
{
	struct iommu_fault_device *fdev = iommu_fault_device_get(dev);
	bool quiet = fdev && xa_load(&fdev->quiet, MEMORY_QUIET);

	if (fdev)
		iommu_fault_device_put(fdev);
	return quiet;
}

/* What is attached, awake, quiet, what sends page requests, what is in use and known */
static void memory_state(struct memory_test *t, char *words, size_t size)
{
	struct device *dev[] = { mock_dev(t->mock, 0), mock_dev(t->mock, 1) };
	struct ioasid_set_info info;

	ioasid_set_get_info(t->mock->set, &info);
	snprintf(words, size,
		 "%s, awake %d %d, quiet %d %d, page requests %d %d, used %u, named %d %d, known %d",
		 mock_state(t->mock), atomic_read(&dev[0]->power.usage_count),
		 atomic_read(&dev[1]->power.usage_count),
		 memory_is_quiet(dev[0]), memory_is_quiet(dev[1]),
		 !!rcu_access_pointer(dev[0]->iommu->fault_param),
		 !!rcu_access_pointer(dev[1]->iommu->fault_param), info.used,
		 ioasid_find_by_spid(t->mock->set, MEMORY_PASID, false),
		 ioasid_find_by_spid(t->mock->set, MEMORY_NAME, false),
		 !!xa_load(&t->mock->ctx->gpasids, MEMORY_NAME));
}

/**
 * struct memory_switch - what makes allocations fail
 * @spares: those that may sleep do not
 * @verbose: how much is said about one that does
 * @probability: of one of a task that is marked, in percent
 * @marked: only those of tasks that are marked do
 * @times: how often, negative for ever
 */
struct memory_switch {
	bool *spares;
	unsigned long *verbose;
	unsigned long *probability;
	bool *marked;
	atomic_t *times;
};

static void memory_find_switch(struct kunit *test, struct memory_switch *s)
{
	s->spares = memory_attribute("ignore-gfp-wait");
	s->verbose = memory_attribute("verbose");
	s->probability = memory_attribute("probability");
	s->marked = memory_attribute("task-filter");
	s->times = memory_attribute("times");
	KUNIT_ASSERT_NOT_NULL(test, s->spares);
	KUNIT_ASSERT_NOT_NULL(test, s->verbose);
	KUNIT_ASSERT_NOT_NULL(test, s->probability);
	KUNIT_ASSERT_NOT_NULL(test, s->marked);
	KUNIT_ASSERT_NOT_NULL(test, s->times);
}

/* How many fail behind the first one that does */
#define MEMORY_ALL	-1

/* From here on the @nth allocation of this task fails, and @more that follow */
static void memory_fail(struct memory_switch *s, int nth, int more)
{
	*s->spares = false;
	*s->verbose = 0;
	*s->marked = true;
	atomic_set(s->times, more < 0 ? -1 : 1 + more);
	current->make_it_fail = !!more;
	*s->probability = more ? 100 : 0;
	current->fail_nth = nth;
}

/* No more; how many were left until the first one */
static int memory_fail_end(struct memory_switch *s)
{
	int left = current->fail_nth;

	current->fail_nth = 0;
	current->make_it_fail = 0;
	*s->probability = 0;
	atomic_set(s->times, 1);
	*s->marked = false;
	*s->spares = true;
	return left;
}

static void memory_sweep(struct kunit *test, struct memory_test *t, int more)
{
	const struct memory_call *call = test->param_value;
	char before[256], after[256], now[256];
	struct memory_switch s;
	int nth, left, ret, works = 0;

	memory_find_switch(test, &s);
	memory_state(t, before, sizeof(before));
	KUNIT_ASSERT_EQ(test, 0, call->call(t));
	memory_state(t, after, sizeof(after));
	KUNIT_ASSERT_EQ(test, 0, call->undo(t));
	for (nth = 1; nth < MEMORY_MOST; nth++) {
		memory_fail(&s, nth, more);
		ret = call->call(t);
		left = memory_fail_end(&s);
		KUNIT_EXPECT_FALSE(test, current->flags & PF_MEMALLOC);
		memory_state(t, now, sizeof(now));
		if (ret) {
			KUNIT_EXPECT_EQ(test, -ENOMEM, ret);
			KUNIT_EXPECT_FALSE(test, call->sure);
			KUNIT_ASSERT_EQ(test, 0, left);
			/* There is no memory to put it back. */
			if (more && call->may_lose && strcmp(before, now)) {
				KUNIT_ASSERT_EQ(test, 0, call->prepare(t));
				memory_state(t, now, sizeof(now));
			}
			KUNIT_EXPECT_STREQ(test, before, now);
			continue;
		}
		KUNIT_EXPECT_STREQ(test, after, now);
		if (left)
			break;
		works++;
		KUNIT_ASSERT_EQ(test, 0, call->undo(t));
		memory_state(t, now, sizeof(now));
		KUNIT_EXPECT_STREQ(test, before, now);
	}
	KUNIT_EXPECT_LT(test, nth, MEMORY_MOST);
	KUNIT_EXPECT_EQ(test, 0, ret);
	if (more == MEMORY_ALL && !call->sure)
		KUNIT_EXPECT_LE(test, works, MEMORY_OF_OTHERS);
	KUNIT_EXPECT_EQ(test, 0, call->undo(t));
}

static void memory_fails(struct kunit *test)
{
	const struct memory_call *call = test->param_value;
	struct memory_test *t;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	t->mock = test->priv;
	t->owner.room = FAULT_OWNER_ROOM;
	KUNIT_ASSERT_EQ(test, 0, call->prepare(t));
	memory_sweep(test, t, 0);
	memory_sweep(test, t, 1);
	memory_sweep(test, t, MEMORY_ALL);
	if (call->prepare == memory_alloc_set)
		ioasid_set_put(t->set);
}

/* A group for which there is no memory is refused; mock_guest_exit() counts answers */
static void memory_of_a_report(struct kunit *test)
{
	struct fault_owner *owner = fault_own_device(test, 0);
	struct mock_guest *mock = test->priv;
	struct memory_switch s;
	int nth, left;

	memory_find_switch(test, &s);
	fault_bind_same(test, 0, MEMORY_PASID);
	for (nth = 1; nth < MEMORY_MOST; nth++) {
		mock_request(mock, 0, MEMORY_PASID, nth, 0x2000, false);
		memory_fail(&s, nth, MEMORY_ALL);
		fault_request(mock, 0, MEMORY_PASID, nth);
		left = memory_fail_end(&s);
		if (left || owner->used)
			break;
	}
	KUNIT_EXPECT_EQ(test, 2, owner->used);
	/* The last of those that are made is that of the records. */
	KUNIT_EXPECT_NE(test, 0, fault_ended(owner, IOMMU_FAULT_NO_ROOM));
	KUNIT_EXPECT_EQ(test, 0, fault_ended(owner, IOMMU_FAULT_OVER_LIMIT));
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE_PARAM(memory_fails, memory_gen_params),
	KUNIT_CASE(memory_of_a_report),
	{}
};

static struct kunit_suite memory_suite = {
	.name = "iommu-guest-memory",
	.init = mock_guest_init,
	.exit = mock_guest_exit,
	.test_cases = memory_cases,
};

kunit_test_suite(memory_suite);
