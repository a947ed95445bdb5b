// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: KUnit tests of requests without PASID
 *
 * In the words that mock.h explains.
 */
#include <linux/pm_runtime.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>

#include "../guest_private.h"
#include "fault_kunit.h"

static struct iommu_rid_config rid_config(u64 gpgd)
{
	return (struct iommu_rid_config) {
		.argsz = sizeof(struct iommu_rid_config),
		.mode = IOMMU_RID_FIRST_STAGE,
		.bind = {
			.argsz = sizeof(struct iommu_gpasid_bind_data),
			.version = IOMMU_GPASID_BIND_VERSION_1,
			.format = IOMMU_PASID_FORMAT_INTEL_VTD,
			.addr_width = 48,
			.gpgd = gpgd,
		},
	};
}

static int set_table(struct mock_guest *mock, unsigned int index, u64 gpgd)
{
	struct iommu_rid_config config = rid_config(gpgd);

	return iommu_guest_set_rid(mock->ctx, mock_dev(mock, index), &config);
}

static int set_mode(struct mock_guest *mock, unsigned int index, u32 mode)
{
	const struct iommu_rid_config config = { .argsz = 8, .mode = mode };

	return iommu_guest_set_rid(mock->ctx, mock_dev(mock, index), &config);
}

static int users(struct mock_guest *mock, unsigned int index)
{
	return atomic_read(&mock_dev(mock, index)->power.usage_count);
}

static void table_comes_and_goes(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x1000));
	EXPECT_LOG("alloc0=1000 rid0=1000");
	EXPECT_STATE("0.0=1000");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_PASS));
	EXPECT_LOG("rid0=pass sync0 free=1000");
	EXPECT_STATE("");
}

static void every_mode_follows_every_other(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_BLOCK));
	EXPECT_LOG("rid0=block");
	EXPECT_STATE("0.0=block");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x1000));
	EXPECT_LOG("alloc0=1000 rid0=1000");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x2000));
	EXPECT_LOG("alloc0=2000 rid0=2000 sync0 free=1000");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_BLOCK));
	EXPECT_LOG("rid0=block sync0 free=2000");
	EXPECT_STATE("0.0=block");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_PASS));
	EXPECT_LOG("rid0=pass");
	EXPECT_STATE("");
	/* Each is a call of its own, with time of its own. */
	EXPECT_CALLS(5, 0);
}

static void the_same_again_does_nothing(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_PASS));
	EXPECT_LOG("");
	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_BLOCK));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_BLOCK));
	EXPECT_LOG("");
	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x1000));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x1000));
	EXPECT_LOG("");
	EXPECT_STATE("0.0=1000");
}

static void failure_keeps_what_was_there(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	int before = users(mock, 0);

	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, set_table(mock, 0, 0x1000));
	EXPECT_LOG("alloc0=1000 rid0=1000! sync0 free=1000");
	EXPECT_STATE("");
	KUNIT_EXPECT_EQ(test, before, users(mock, 0));
	/* Nobody is there for a request. */
	mock_request_rid(mock, 0, 3, 0x1000);
	KUNIT_EXPECT_EQ(test, 0, owner->used);

	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_BLOCK));
	KUNIT_EXPECT_EQ(test, -ENOMEM, set_table(mock, 0, 0x1000));
	EXPECT_STATE("0.0=block");

	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x1000));
	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, set_table(mock, 0, 0x2000));
	EXPECT_STATE("0.0=1000");
	KUNIT_EXPECT_EQ(test, before + 1, users(mock, 0));
	mock_request_rid(mock, 0, 3, 0x1000);
	KUNIT_EXPECT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 0, 3, 0));

	mock->fail_alloc = -ENOSPC;
	KUNIT_EXPECT_EQ(test, -ENOSPC, set_table(mock, 0, 0x2000));
	mock->fail_alloc = 0;
	EXPECT_STATE("0.0=1000");
}

static void pasids_are_another_matter(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_ASSERT_EQ(test, 0, fault_bind(mock, 0, 10, 0x3000));
	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x1000));
	KUNIT_EXPECT_EQ(test, 0, fault_bind(mock, 0, 11, 0x4000));
	EXPECT_STATE("0.0=1000 0.a=3000 0.b=4000");
	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_BLOCK));
	KUNIT_EXPECT_EQ(test, 0, fault_bind(mock, 0, 12, 0x5000));
	EXPECT_STATE("0.0=block 0.a=3000 0.b=4000 0.c=5000");
	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x1000));

	/* 0 is a PASID for invalidations only. */
	mock_clear_log(mock);
	iommu_guest_unbind_gpasid(mock->ctx, NULL, 0);
	KUNIT_EXPECT_EQ(test, -EINVAL, fault_bind(mock, 0, 0, 0x1000));
	EXPECT_LOG("");
	iommu_guest_free_pasids(mock->ctx, 0, MOCK_PASIDS - 1);
	EXPECT_STATE("0.0=1000");
}

static int invalidate(struct mock_guest *mock, unsigned int granularity, u64 pasid)
{
	struct iommu_cache_invalidate_info info = {
		.argsz = sizeof(info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = IOMMU_CACHE_INV_TYPE_IOTLB,
		.granularity = granularity,
	};

	if (granularity == IOMMU_INV_GRANU_PASID) {
		info.granu.pasid_info.flags = IOMMU_INV_PASID_FLAGS_PASID;
		info.granu.pasid_info.pasid = pasid;
	} else if (granularity == IOMMU_INV_GRANU_ADDR) {
		info.granu.addr_info.flags = IOMMU_INV_ADDR_FLAGS_PASID;
		info.granu.addr_info.pasid = pasid;
		info.granu.addr_info.addr = 0x5000;
		info.granu.addr_info.granule_size = SZ_4K;
		info.granu.addr_info.nb_granules = 1;
	}
	return iommu_guest_cache_invalidate(mock->ctx, NULL, &info);
}

static void invalidations_name_it_by_zero(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, IOMMU_INV_GRANU_PASID, 0));
	EXPECT_LOG("");
	KUNIT_ASSERT_EQ(test, 0, fault_bind(mock, 0, 10, 0x3000));
	KUNIT_ASSERT_EQ(test, 0, set_table(mock, 0, 0x1000));
	KUNIT_ASSERT_EQ(test, 0, set_table(mock, 1, 0x1000));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, IOMMU_INV_GRANU_PASID, 0));
	EXPECT_LOG("iotlb0.0[0-ffffffffffffffff] iotlb1.0[0-ffffffffffffffff]");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, IOMMU_INV_GRANU_ADDR, 0));
	EXPECT_LOG("iotlb0.0[5000-5fff] iotlb1.0[5000-5fff]");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, IOMMU_INV_GRANU_PASID, 10));
	EXPECT_LOG("iotlb0.a[0-ffffffffffffffff]");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, IOMMU_INV_GRANU_DOMAIN, 0));
	KUNIT_EXPECT_NOT_NULL(test, strstr(mock->log, "iotlb0.0[0-ffffffffffffffff]"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(mock->log, "iotlb1.0[0-ffffffffffffffff]"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(mock->log, "iotlb0.a[0-ffffffffffffffff]"));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, IOMMU_INV_GRANU_PASID, BIT_ULL(32)));
	EXPECT_LOG("");
}

struct refusal {
	const char *name;
	int error;
	void (*spoil)(struct iommu_rid_config *config);
};

static void spoil_mode(struct iommu_rid_config *config)
{
	config->mode = 3;
}

static void spoil_inner_argsz(struct iommu_rid_config *config)
{
	config->bind.argsz++;
}

static void spoil_least_argsz(struct iommu_rid_config *config)
{
	config->bind.argsz = 71;
}

static void spoil_outer_argsz(struct iommu_rid_config *config)
{
	config->argsz--;
}

static void spoil_version(struct iommu_rid_config *config)
{
	config->bind.version = 2;
}

static void spoil_flags(struct iommu_rid_config *config)
{
	config->bind.flags = IOMMU_SVA_GPASID_VAL;
	config->bind.gpasid = 5;
}

static void spoil_pasid(struct iommu_rid_config *config)
{
	config->bind.hpasid = 1;
}

static void spoil_format(struct iommu_rid_config *config)
{
	config->bind.format = 3;
}

static void spoil_other_format(struct iommu_rid_config *config)
{
	config->bind.format = IOMMU_PASID_FORMAT_ARM_SMMU_V3;
}

static void spoil_alignment(struct iommu_rid_config *config)
{
	config->bind.gpgd = 0x2800;
}

static void spoil_reach(struct iommu_rid_config *config)
{
	config->bind.gpgd = MOCK_APERTURE + 1;
}

static void spoil_padding(struct iommu_rid_config *config)
{
	config->bind.padding[7] = 1;
}

static const struct refusal refusals[] = {
	{ "mode", -EINVAL, spoil_mode },
	{ "inner argsz too large", -EINVAL, spoil_inner_argsz },
	{ "inner argsz too small", -EINVAL, spoil_least_argsz },
	{ "outer argsz too small", -EINVAL, spoil_outer_argsz },
	{ "version", -EINVAL, spoil_version },
	{ "flags", -EINVAL, spoil_flags },
	{ "PASID", -EINVAL, spoil_pasid },
	{ "unknown format", -EINVAL, spoil_format },
	{ "other format", -EOPNOTSUPP, spoil_other_format },
	{ "alignment", -EINVAL, spoil_alignment },
	{ "beyond the second stage", -EINVAL, spoil_reach },
	{ "padding", -EINVAL, spoil_padding },
};

static void refusal_name(const struct refusal *refusal, char *name)
{
	strscpy(name, refusal->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(refusals, refusals, refusal_name);

static void refused_changes_nothing(struct kunit *test)
{
	const struct refusal *refusal = test->param_value;
	struct iommu_rid_config config = rid_config(0x2000);
	struct mock_guest *mock = test->priv;

	KUNIT_ASSERT_EQ(test, 0, set_table(mock, 0, 0x1000));
	mock_clear_log(mock);
	refusal->spoil(&config);
	KUNIT_EXPECT_EQ(test, refusal->error,
			iommu_guest_set_rid(mock->ctx, mock_dev(mock, 0), &config));
	EXPECT_LOG("");
	EXPECT_STATE("0.0=1000");
	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x2000));
}

static void refused_for_the_device(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	static struct iommu_guest_ops ops;

	mock_guest_own_ops(mock, 0, &ops);
	ops.set_rid = NULL;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set_table(mock, 0, 0x1000));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set_mode(mock, 0, IOMMU_RID_BLOCK));
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	KUNIT_EXPECT_EQ(test, -ENODEV, set_table(mock, 0, 0x1000));
	KUNIT_EXPECT_EQ(test, -ENODEV, set_mode(mock, 0, IOMMU_RID_PASS));
	EXPECT_LOG("");
}

/* Nothing is left behind, see mock_guest_exit(). */
static void refused_by_hardware(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, set_table(mock, 0, 0x1000));
	EXPECT_STATE("");
	/* The driver is told what it replaces. */
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_BLOCK));
	EXPECT_LOG("rid0=block");
}

static void device_is_awake_while_it_matters(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	int before = users(mock, 0);

	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_BLOCK));
	KUNIT_EXPECT_EQ(test, before, users(mock, 0));
	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x1000));
	KUNIT_EXPECT_EQ(test, before + 1, users(mock, 0));
	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x2000));
	KUNIT_EXPECT_EQ(test, before + 1, users(mock, 0));
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, IOMMU_INV_GRANU_PASID, 0));
	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_PASS));
	KUNIT_EXPECT_EQ(test, before, users(mock, 0));
	KUNIT_EXPECT_NULL(test, strstr(mock->log, "asleep"));

	mock->devs[1].fail_resume = -ETIMEDOUT;
	before = users(mock, 1);
	KUNIT_EXPECT_EQ(test, -EIO, set_table(mock, 1, 0x1000));
	KUNIT_EXPECT_EQ(test, -EIO, set_mode(mock, 1, IOMMU_RID_BLOCK));
	KUNIT_EXPECT_EQ(test, before, users(mock, 1));
	EXPECT_STATE("");
}

static void close_ends_it(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_ASSERT_EQ(test, 0, set_table(mock, 0, 0x1000));
	KUNIT_ASSERT_EQ(test, 0, set_mode(mock, 1, IOMMU_RID_BLOCK));
	mock_clear_log(mock);
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	EXPECT_LOG("rid0=pass sync0 free=1000");
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 1));
	EXPECT_LOG("rid0=pass sync0 free=1000 rid1=pass");
	EXPECT_STATE("");
}

/* Blocks without a table, which does not keep the device awake */
static void block_and_sleep(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_ASSERT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_BLOCK));
	/* Or it has fallen asleep by itself. */
	KUNIT_ASSERT_LE(test, 0, pm_runtime_suspend(mock_dev(mock, 0)));
	mock_clear_log(mock);
}

static void close_wakes_the_device_up(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	block_and_sleep(test);
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	EXPECT_LOG("rid0=pass");
	EXPECT_STATE("");
}

/* mock_guest_exit() looks at what keeps the device awake. */
static void close_of_a_device_that_does_not_wake_up(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	block_and_sleep(test);
	mock->devs[0].fail_resume = -ETIMEDOUT;
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	EXPECT_LOG("asleep0 rid0=pass");
	EXPECT_STATE("");
}

static void debugfs_shows_the_table(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_ASSERT_EQ(test, 0, set_table(mock, 0, 0x1000));
	KUNIT_EXPECT_TRUE(test, mock_shows(test, 0, "0 0 0x1000 48 0 0 0"));
}

static void driver_cannot_block(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	static struct iommu_ops ops;

	mock_guest_own_iommu_ops(mock, &ops);
	ops.blocked_domain = NULL;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set_table(mock, 0, 0x1000));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set_mode(mock, 0, IOMMU_RID_BLOCK));
	EXPECT_LOG("");
}

/* ------------------------------------------------------------ page requests */

static void requests_get_to_the_owner(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	const struct iommu_fault_page_request *prm = &owner->records[0].prm;

	KUNIT_ASSERT_EQ(test, 0, set_table(mock, 0, 0x1000));
	mock_clear_log(mock);
	mock_request_rid(mock, 0, 3, 0x7000);
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, 0, prm->flags & IOMMU_FAULT_PAGE_REQUEST_PASID_VALID);
	KUNIT_EXPECT_EQ(test, 0, prm->pasid);
	KUNIT_EXPECT_EQ(test, 0x7000, prm->addr);
	/* The PASID of the answer does not count. */
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 77, 3, 0));
	EXPECT_LOG("answer0.0.3=0");
}

static void requests_without_table_are_refused(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	mock_request_rid(mock, 0, 1, 0x7000);
	KUNIT_ASSERT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_BLOCK));
	mock_request_rid(mock, 0, 2, 0x7000);
	KUNIT_ASSERT_EQ(test, 0, set_table(mock, 0, 0x1000));
	KUNIT_ASSERT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_PASS));
	mock_request_rid(mock, 0, 3, 0x7000);
	KUNIT_EXPECT_EQ(test, 0, owner->used);
	KUNIT_EXPECT_NOT_NULL(test, strstr(mock->log, "answer0.0.1=1"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(mock->log, "answer0.0.2=1"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(mock->log, "answer0.0.3=1"));
}

/* Those of the old table; PASIDs keep theirs */
static void requests_end_with_the_table(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	KUNIT_ASSERT_EQ(test, 0, fault_bind(mock, 0, 10, 0x3000));
	KUNIT_ASSERT_EQ(test, 0, set_table(mock, 0, 0x1000));
	mock_request_rid(mock, 0, 3, 0x7000);
	fault_request(mock, 0, 10, 4);
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x2000));
	EXPECT_LOG("alloc0=2000 rid0=2000 sync0 answer0.0.3=1 free=1000");
	KUNIT_ASSERT_EQ(test, 1, owner->ended);
	KUNIT_EXPECT_EQ(test, IOMMU_FAULT_END_UNBIND, owner->ends[0].end.cause);
	KUNIT_EXPECT_EQ(test, 0, owner->ends[0].end.flags);
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 0, 3, 0));
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 4, 0));

	mock_request_rid(mock, 0, 5, 0x7000);
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_BLOCK));
	EXPECT_LOG("rid0=block sync0 answer0.0.5=1 free=2000");
}

/* A request in the middle of the change is answered, by whomever. */
static void requests_in_the_change(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	mock->devs[0].rid_request = true;
	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, set_table(mock, 0, 0x1000));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&mock->devs[0].answers));
	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x1000));
	/* The device may have sent it because of the new table. */
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 0, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, set_table(mock, 0, 0x2000));
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 0, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_RID_PASS));
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 0, 1, 0));
	KUNIT_EXPECT_EQ(test, 4, atomic_read(&mock->devs[0].answers));
}

static struct kunit_case rid_cases[] = {
	KUNIT_CASE(table_comes_and_goes),
	KUNIT_CASE(every_mode_follows_every_other),
	KUNIT_CASE(the_same_again_does_nothing),
	KUNIT_CASE(failure_keeps_what_was_there),
	KUNIT_CASE(pasids_are_another_matter),
	KUNIT_CASE(invalidations_name_it_by_zero),
	KUNIT_CASE_PARAM(refused_changes_nothing, refusals_gen_params),
	KUNIT_CASE(refused_for_the_device),
	KUNIT_CASE(refused_by_hardware),
	KUNIT_CASE(device_is_awake_while_it_matters),
	KUNIT_CASE(close_ends_it),
	KUNIT_CASE(close_wakes_the_device_up),
	KUNIT_CASE(close_of_a_device_that_does_not_wake_up),
	KUNIT_CASE(debugfs_shows_the_table),
	KUNIT_CASE(driver_cannot_block),
	KUNIT_CASE(requests_get_to_the_owner),
	KUNIT_CASE(requests_without_table_are_refused),
	KUNIT_CASE(requests_end_with_the_table),
	KUNIT_CASE(requests_in_the_change),
	{}
};

static struct kunit_suite rid_suite = {
	.name = "iommu-guest-rid",
	.init = mock_guest_init,
	.exit = mock_guest_exit,
	.test_cases = rid_cases,
};

kunit_test_suite(rid_suite);
