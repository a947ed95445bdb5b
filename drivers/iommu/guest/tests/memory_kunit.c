// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: KUnit tests of calls for which there is no memory
 *
 * Each call is made over and over, with its first allocation failing, then with
 * its second, and so on until none is left. One that fails says so and leaves all
 * as it was.
 */
#include <linux/debugfs.h>
#include <linux/sched.h>

#include "../guest_private.h"
#include "fault_kunit.h"

#define MEMORY_PASID	10
/* Which calls free and allocate */
#define MEMORY_ID	20
#define MEMORY_MOST	200

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
	return memory_bind_as(t, NULL, 0x1000, 1000);
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
	t->mock->tables[0][5] = 0x2000 | MOCK_ENTRY_PRESENT;
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

static const struct memory_call {
	const char *name;
	int (*prepare)(struct memory_test *t);
	int (*call)(struct memory_test *t);
	int (*undo)(struct memory_test *t);
	bool sure;
} memory_calls[] = {
	{ "bind", memory_nothing, memory_bind, memory_unbind },
	{ "bind by another name", memory_nothing, memory_bind_named, memory_unbind },
	{ "bind that replaces", memory_bind, memory_bind_other, memory_bind },
	{ "unbind", memory_bind, memory_unbind, memory_bind, true },
	{ "table without PASID", memory_nothing, memory_set_rid, memory_pass },
	{ "no table without PASID", memory_set_rid, memory_pass, memory_set_rid, true },
	{ "PASID table", memory_nothing, memory_set_table, memory_unset_table },
	{ "PASID table that replaces", memory_set_table, memory_set_table, memory_nothing },
	{ "no PASID table", memory_set_table, memory_unset_table, memory_set_table, true },
	{ "open", memory_close, memory_open, memory_close },
	{ "close", memory_bind, memory_close, memory_open, true },
	{ "faults", memory_nothing, memory_handle_faults, memory_open_again },
	{ "context", memory_nothing, memory_context, memory_end_context },
	{ "id", memory_free_id, memory_alloc_id, memory_free_id },
};

KUNIT_ARRAY_PARAM_DESC(memory, memory_calls, name);

/* What is attached, what is awake, what is in use */
static void memory_state(struct memory_test *t, char *words, size_t size)
{
	struct ioasid_set_info info;

	ioasid_set_get_info(t->mock->set, &info);
	snprintf(words, size, "%s, awake %d %d, used %u", mock_state(t->mock),
		 atomic_read(&mock_dev(t->mock, 0)->power.usage_count),
		 atomic_read(&mock_dev(t->mock, 1)->power.usage_count), info.used);
}

static void memory_fails(struct kunit *test)
{
	const struct memory_call *call = test->param_value;
	bool *spares = memory_attribute("ignore-gfp-wait");
	unsigned long *verbose = memory_attribute("verbose");
	char before[256], now[256];
	struct memory_test *t;
	int nth, left, ret;

	KUNIT_ASSERT_NOT_NULL(test, spares);
	KUNIT_ASSERT_NOT_NULL(test, verbose);
	*spares = false;
	*verbose = 0;
	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	t->mock = test->priv;
	t->owner.room = FAULT_OWNER_ROOM;
	KUNIT_ASSERT_EQ(test, 0, call->prepare(t));
	memory_state(t, before, sizeof(before));

	for (nth = 1; nth < MEMORY_MOST; nth++) {
		current->fail_nth = nth;
		ret = call->call(t);
		left = current->fail_nth;
		current->fail_nth = 0;
		memory_state(t, now, sizeof(now));
		if (ret) {
			KUNIT_EXPECT_EQ(test, -ENOMEM, ret);
			KUNIT_EXPECT_FALSE(test, call->sure);
			KUNIT_EXPECT_STREQ(test, before, now);
			KUNIT_ASSERT_EQ(test, 0, left);
			continue;
		}
		if (left)
			break;
		KUNIT_ASSERT_EQ(test, 0, call->undo(t));
		memory_state(t, now, sizeof(now));
		KUNIT_EXPECT_STREQ(test, before, now);
	}
	KUNIT_EXPECT_LT(test, nth, MEMORY_MOST);
	KUNIT_EXPECT_EQ(test, 0, ret);
	KUNIT_EXPECT_EQ(test, 0, call->undo(t));
	*spares = true;
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE_PARAM(memory_fails, memory_gen_params),
	{}
};

static struct kunit_suite memory_suite = {
	.name = "iommu-guest-memory",
	.init = mock_guest_init,
	.exit = mock_guest_exit,
	.test_cases = memory_cases,
};

kunit_test_suite(memory_suite);
