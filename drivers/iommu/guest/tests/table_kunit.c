// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: KUnit tests of whole PASID tables
 *
 * In the words that mock.h explains.
 */
#include <linux/pm_runtime.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>

#include "../guest_private.h"
#include "fault_kunit.h"

#define PRESENT(gpgd)	((gpgd) | MOCK_ENTRY_PRESENT)
#define PASS		(MOCK_ENTRY_PASS | MOCK_ENTRY_PRESENT)
#define BAD		(MOCK_ENTRY_BAD | MOCK_ENTRY_PRESENT)

static struct iommu_pasid_table_config table_config(unsigned int table)
{
	return (struct iommu_pasid_table_config) {
		.argsz = sizeof(struct iommu_pasid_table_config),
		.version = IOMMU_PASID_TABLE_CFG_VERSION_1,
		.base_ptr = MOCK_TABLE(table),
		.format = IOMMU_PASID_FORMAT_VTD_TABLE,
		.pasid_bits = 13,
		.config = IOMMU_PASID_CONFIG_TRANSLATE,
	};
}

/* On device @index, or on all if that is MOCK_DEVICES */
static struct device *on(struct mock_guest *mock, unsigned int index)
{
	return index < MOCK_DEVICES ? mock_dev(mock, index) : NULL;
}

static int set(struct mock_guest *mock, unsigned int index, unsigned int table)
{
	const struct iommu_pasid_table_config config = table_config(table);

	return iommu_guest_set_table(mock->ctx, on(mock, index), &config);
}

static int set_mode(struct mock_guest *mock, unsigned int index, u8 mode)
{
	const struct iommu_pasid_table_config config = {
		.argsz = offsetof(struct iommu_pasid_table_config, vendor_data),
		.version = IOMMU_PASID_TABLE_CFG_VERSION_1,
		.config = mode,
	};

	return iommu_guest_set_table(mock->ctx, on(mock, index), &config);
}

static void unset(struct mock_guest *mock, unsigned int index)
{
	iommu_guest_unset_table(mock->ctx, on(mock, index));
}

static int set_rid(struct mock_guest *mock, unsigned int index, u32 mode, u64 gpgd)
{
	const struct iommu_rid_config config = {
		.argsz = sizeof(config),
		.mode = mode,
		.bind = {
			.argsz = sizeof(config.bind),
			.version = IOMMU_GPASID_BIND_VERSION_1,
			.format = IOMMU_PASID_FORMAT_INTEL_VTD,
			.addr_width = 48,
			.gpgd = gpgd,
		},
	};

	return iommu_guest_set_rid(mock->ctx, mock_dev(mock, index), &config);
}

static int invalidate(struct mock_guest *mock, unsigned int index, u8 caches,
		      s64 pasid)
{
	const struct iommu_cache_invalidate_info info = {
		.argsz = sizeof(info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = caches,
		.granularity = pasid < 0 ? IOMMU_INV_GRANU_DOMAIN :
					   IOMMU_INV_GRANU_PASID,
		.granu.pasid_info.flags = IOMMU_INV_PASID_FLAGS_PASID,
		.granu.pasid_info.pasid = pasid,
	};

	return iommu_guest_cache_invalidate(mock->ctx, on(mock, index), &info);
}

/* The guest has changed one entry, or any of them if @pasid is -1. */
static int resync(struct mock_guest *mock, unsigned int index, s64 pasid)
{
	return invalidate(mock, index, IOMMU_CACHE_INV_TYPE_PASID, pasid);
}

static int users(struct mock_guest *mock, unsigned int index)
{
	return atomic_read(&mock_dev(mock, index)->power.usage_count);
}

/* Two processes, and nothing for requests without PASID */
static void fill(struct mock_guest *mock)
{
	mock->tables[0][3] = PRESENT(0x1000);
	mock->tables[0][5] = PRESENT(0x2000);
	mock->tables[1][0] = PASS;
	mock->tables[1][5] = PRESENT(0x7000);
	mock->tables[1][6] = PRESENT(0x8000);
}

/* ------------------------------------------------------------------ shadow */

static void table_comes_and_goes(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	int before = users(mock, 0);

	fill(mock);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	EXPECT_LOG("alloc0=1000 alloc0=2000 rid0=block set0.3=1000 set0.5=2000");
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000");
	KUNIT_EXPECT_EQ(test, before + 3, users(mock, 0));
	mock_clear_log(mock);
	unset(mock, 0);
	EXPECT_LOG("stop0.3.5 remove0.3=1000 sync0 remove0.5=2000 sync0 rid0=pass free=1000 free=2000");
	EXPECT_STATE("");
	KUNIT_EXPECT_EQ(test, before, users(mock, 0));
	mock_clear_log(mock);
	unset(mock, 0);
	unset(mock, MOCK_DEVICES);
	EXPECT_LOG("");
}

static void entry_zero_is_for_requests_without_pasid(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	mock->tables[0][0] = PRESENT(0x1000);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	EXPECT_LOG("alloc0=1000 rid0=block rid0=1000");
	EXPECT_STATE("0.0=1000");
	mock->tables[0][0] = PASS;
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 0));
	EXPECT_LOG("rid0=block sync0 free=1000 rid0=pass");
	mock->tables[0][0] = 0;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 0));
	EXPECT_STATE("0.0=block");
	mock->tables[0][0] = PRESENT(0x2000);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));
	EXPECT_STATE("0.0=2000");
	unset(mock, 0);
	EXPECT_STATE("");
}

static void pass_is_the_second_stage(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	mock->tables[0][7] = PASS;
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	EXPECT_LOG("rid0=block set0.7=0");
	mock_clear_log(mock);
	/* Nothing of it is the guest's to invalidate. */
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, 0, IOMMU_CACHE_INV_TYPE_IOTLB, 7));
	EXPECT_LOG("");
	mock->tables[0][7] = PRESENT(0x1000);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 7));
	EXPECT_LOG("remove0.7=0 sync0 alloc0=1000 set0.7=1000");
	mock->tables[0][7] = PASS;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 7));
	EXPECT_STATE("0.0=block 0.7=0");
	/* As it was, so it stays. */
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 7));
	EXPECT_LOG("");
}

static void bypass_and_abort(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_PASID_CONFIG_ABORT));
	EXPECT_STATE("0.0=block");
	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_PASID_CONFIG_BYPASS));
	EXPECT_STATE("");
	/* There is no memory to read. */
	fill(mock);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));
	EXPECT_STATE("");
	KUNIT_EXPECT_EQ(test, -EBUSY, fault_bind(mock, 0, 5, 0x1000));
	KUNIT_EXPECT_EQ(test, 0, set_mode(mock, 0, IOMMU_PASID_CONFIG_ABORT));
	EXPECT_STATE("0.0=block");
	unset(mock, 0);
	EXPECT_STATE("");
}

static void set_replaces(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	fill(mock);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 1));
	EXPECT_LOG("alloc0=7000 alloc0=8000 stop0.3.5 remove0.3=1000 sync0 remove0.5=2000 sync0 rid0=pass set0.5=7000 set0.6=8000 free=1000 free=2000");
	EXPECT_STATE("0.5=7000 0.6=8000");
	/* The same table is read again. */
	mock->tables[1][6] = 0;
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 1));
	EXPECT_STATE("0.5=7000");
}

static void old_entry_stays_until_it_is_invalidated(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	fill(mock);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	mock->tables[0][3] = PRESENT(0x4000);
	mock->tables[0][5] = 0;
	mock->tables[0][9] = PRESENT(0x5000);
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, 0, IOMMU_CACHE_INV_TYPE_IOTLB, 3));
	EXPECT_LOG("iotlb0.3[0-ffffffffffffffff]");
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000");

	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 3));
	EXPECT_LOG("remove0.3=1000 sync0 free=1000 alloc0=4000 set0.3=4000");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 3));
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 1, 5));
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, BIT_ULL(20)));
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, BIT_ULL(32) + 5));
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, MOCK_PASIDS));
	EXPECT_LOG("");
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 5));
	EXPECT_LOG("remove0.5=2000 sync0 free=2000");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, MOCK_DEVICES, 9));
	EXPECT_LOG("alloc0=5000 set0.9=5000");
	EXPECT_STATE("0.0=block 0.3=4000 0.9=5000");
}

static void one_invalidation_can_be_for_all_entries(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	int i;

	for (i = 1; i < MOCK_PASIDS; i++)
		mock->tables[0][i] = PRESENT(0x1000ULL * i);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	/* All are as they were, however many lots they are read in. */
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));
	EXPECT_LOG("");
	for (i = 3; i < MOCK_PASIDS; i++)
		mock->tables[0][i] = 0;
	mock->tables[0][2] = PRESENT(0x9000);
	mock->tables[0][40] = PRESENT(0x5000);
	mock->quiet = true;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));
	mock->quiet = false;
	EXPECT_STATE("0.0=block 0.1=1000 0.2=9000 0.28=5000");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));
	EXPECT_LOG("");
	memset(mock->tables[0], 0, sizeof(mock->tables[0]));
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));
	EXPECT_LOG("stop0.1.2.28 remove0.1=1000 sync0 remove0.2=9000 sync0 remove0.28=5000 sync0 free=1000 free=9000 free=5000");
}

/* By a tag of the architecture as well, whatever the PASID beside it */
static void tag_is_for_all_entries(struct kunit *test)
{
	const struct iommu_cache_invalidate_info info = {
		.argsz = sizeof(info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = IOMMU_CACHE_INV_TYPE_PASID,
		.granularity = IOMMU_INV_GRANU_PASID,
		.granu.pasid_info.flags = IOMMU_INV_PASID_FLAGS_ARCHID,
		.granu.pasid_info.pasid = U64_MAX,
	};
	struct mock_guest *mock = test->priv;

	fill(mock);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	mock->tables[0][5] = 0;
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_cache_invalidate(mock->ctx, NULL, &info));
	EXPECT_STATE("0.0=block 0.3=1000");
}

/* Memory of the guest may take long, so a table is read once for all who have it. */
static void one_read_is_for_all_devices(struct kunit *test)
{
	struct fault_owner *owner = fault_own_device(test, 1);
	struct mock_guest *mock = test->priv;
	struct device *lesser = mock_dev(mock, 1);

	fill(mock);
	KUNIT_EXPECT_EQ(test, 0, set(mock, MOCK_DEVICES, 0));
	mock->tables[0][3] = PRESENT(0x4000);
	mock->reads = 0;
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, MOCK_DEVICES, 3));
	KUNIT_EXPECT_EQ(test, 1, mock->reads);
	EXPECT_LOG("remove0.3=1000 sync0 free=1000 alloc0=4000 set0.3=4000 remove1.3=1000 sync1 free=1000 alloc1=4000 set1.3=4000");
	KUNIT_EXPECT_EQ(test, 0, resync(mock, MOCK_DEVICES, -1));
	KUNIT_EXPECT_EQ(test, 1 + MOCK_PASIDS, mock->reads);

	/* Each of two tables is read. */
	KUNIT_EXPECT_EQ(test, 0, set(mock, 1, 1));
	mock->tables[0][5] = PRESENT(0x5000);
	mock->tables[1][5] = PRESENT(0x6000);
	mock->reads = 0;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, MOCK_DEVICES, 5));
	KUNIT_EXPECT_EQ(test, 2, mock->reads);
	EXPECT_STATE("0.0=block 0.3=4000 0.5=5000 1.5=6000 1.6=8000");

	/* What a device cannot emit is not for it, and none of its faults. */
	lesser->iommu->max_pasids = 4;
	mock->tables[0][4] = BAD;
	KUNIT_EXPECT_EQ(test, 0, set(mock, MOCK_DEVICES, 0));
	KUNIT_EXPECT_EQ(test, 0, owner->used);
	mock->tables[0][4] = PRESENT(0x6000);
	mock->tables[0][6] = BAD;
	KUNIT_EXPECT_EQ(test, 0, set(mock, MOCK_DEVICES, 0));
	KUNIT_EXPECT_EQ(test, 0, owner->used);
	mock->tables[0][2] = PRESENT(0x2000);
	mock->tables[0][5] = PRESENT(0x9000);
	mock->reads = 0;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, MOCK_DEVICES, -1));
	KUNIT_EXPECT_EQ(test, MOCK_PASIDS, mock->reads);
	KUNIT_EXPECT_EQ(test, 0, owner->used);
	EXPECT_STATE("0.0=block 0.2=2000 0.3=4000 0.4=6000 0.5=9000 1.0=block 1.2=2000 1.3=4000");
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 1, 5));
	KUNIT_EXPECT_EQ(test, MOCK_PASIDS, mock->reads);
}

/* Entries come before the caches that depend on them, and calls in their order. */
static void entries_come_first(struct kunit *test)
{
	const u8 all = IOMMU_CACHE_INV_TYPE_PASID | IOMMU_CACHE_INV_TYPE_IOTLB |
		       IOMMU_CACHE_INV_TYPE_DEV_IOTLB;
	struct iommu_cache_invalidate_info infos[2] = {};
	struct mock_guest *mock = test->priv;
	unsigned int done;
	int i;

	fill(mock);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	mock->tables[0][3] = PRESENT(0x4000);
	mock_clear_log(mock);
	for (i = 0; i < 2; i++) {
		infos[i].argsz = sizeof(infos[i]);
		infos[i].version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1;
		infos[i].granularity = IOMMU_INV_GRANU_PASID;
		infos[i].granu.pasid_info.flags = IOMMU_INV_PASID_FLAGS_PASID;
		infos[i].granu.pasid_info.pasid = i ? 3 : 5;
	}
	infos[0].cache = IOMMU_CACHE_INV_TYPE_IOTLB;
	infos[1].cache = all;
	KUNIT_EXPECT_EQ(test, 0,
			iommu_guest_cache_invalidate_array(mock->ctx, NULL, infos, 2, &done));
	KUNIT_EXPECT_EQ(test, 2, done);
	EXPECT_LOG("iotlb0.5[0-ffffffffffffffff] remove0.3=1000 sync0 free=1000 alloc0=4000 set0.3=4000 iotlb0.3[0-ffffffffffffffff] devtlb0.3[0-ffffffffffffffff]");
}

static void expect_record(struct kunit *test, const struct iommu_fault *record,
			  u32 reason, u32 pasid, u64 gpa)
{
	u32 flags = IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID;

	if (pasid)
		flags |= IOMMU_FAULT_UNRECOV_PASID_VALID;
	KUNIT_EXPECT_EQ(test, IOMMU_FAULT_DMA_UNRECOV, record->type);
	KUNIT_EXPECT_EQ(test, reason, record->event.reason);
	KUNIT_EXPECT_EQ(test, flags, record->event.flags);
	KUNIT_EXPECT_EQ(test, pasid, record->event.pasid);
	KUNIT_EXPECT_EQ(test, gpa, record->event.fetch_addr);
}

static void bad_entry_is_not_present_and_told(struct kunit *test)
{
	struct fault_owner *owner = fault_own_device(test, 0);
	struct mock_guest *mock = test->priv;

	fill(mock);
	mock->tables[0][0] = BAD;
	mock->tables[0][4] = BAD;
	mock->tables[0][6] = BAD | MOCK_ENTRY_QUIET;
	/* Beyond the second stage */
	mock->tables[0][7] = PRESENT(MOCK_APERTURE + 1);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000");
	KUNIT_ASSERT_EQ(test, 3, owner->used);
	expect_record(test, &owner->records[0], IOMMU_FAULT_REASON_BAD_PASID_ENTRY, 0,
		      MOCK_TABLE(0));
	expect_record(test, &owner->records[1], IOMMU_FAULT_REASON_BAD_PASID_ENTRY, 4,
		      MOCK_TABLE(0) + 32);
	expect_record(test, &owner->records[2], IOMMU_FAULT_REASON_BAD_PASID_ENTRY, 7,
		      MOCK_TABLE(0) + 56);

	/* Whatever else it says */
	mock->tables[0][3] = BAD | 0x1000;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 3));
	EXPECT_STATE("0.0=block 0.5=2000");
	KUNIT_ASSERT_EQ(test, 4, owner->used);
	expect_record(test, &owner->records[3], IOMMU_FAULT_REASON_BAD_PASID_ENTRY, 3,
		      MOCK_TABLE(0) + 24);
	mock->tables[0][3] = PRESENT(0x3000);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 3));
	EXPECT_STATE("0.0=block 0.3=3000 0.5=2000");
	KUNIT_EXPECT_EQ(test, 4, owner->used);
}

/* What an invalidation cannot have is not present: what was there is stale. */
static void invalidation_does_not_fail(struct kunit *test)
{
	struct fault_owner *owner = fault_own_device(test, 0);
	struct mock_guest *mock = test->priv;

	fill(mock);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	mock->tables[0][3] = PRESENT(0x4000);
	mock->fail_alloc = -ENOSPC;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 3));
	mock->fail_alloc = 0;
	EXPECT_STATE("0.0=block 0.5=2000");
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	expect_record(test, &owner->records[0], IOMMU_FAULT_REASON_BAD_PASID_ENTRY, 3,
		      MOCK_TABLE(0) + 24);
	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 3));
	EXPECT_STATE("0.0=block 0.5=2000");
	KUNIT_EXPECT_EQ(test, 2, owner->used);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 3));
	EXPECT_STATE("0.0=block 0.3=4000 0.5=2000");

	mock->fail_read = -ENOENT;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 5));
	EXPECT_STATE("0.0=block 0.3=4000");
	KUNIT_ASSERT_EQ(test, 3, owner->used);
	expect_record(test, &owner->records[2], IOMMU_FAULT_REASON_PASID_FETCH, 5,
		      MOCK_TABLE(0) + 40);
	mock->fail_read = -EFAULT;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));
	EXPECT_STATE("0.0=block");
	KUNIT_EXPECT_EQ(test, 4, owner->used);
	mock->fail_read = 0;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));
	EXPECT_STATE("0.0=block 0.3=4000 0.5=2000");
}

static void memory_of_the_guest_and_of_the_owner(struct kunit *test)
{
	struct fault_owner *owner = fault_own_device(test, 0);
	struct mock_guest *mock = test->priv;

	fill(mock);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 1));
	mock_clear_log(mock);
	mock->fail_read = -EFAULT;
	KUNIT_EXPECT_EQ(test, -EFAULT, set(mock, 0, 0));
	mock->fail_read = -EBUSY;
	KUNIT_EXPECT_EQ(test, -EBUSY, set(mock, 0, 0));
	EXPECT_LOG("");
	EXPECT_STATE("0.5=7000 0.6=8000");
	KUNIT_EXPECT_EQ(test, 0, owner->used);
	mock->fail_read = -ENOENT;
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	EXPECT_STATE("0.0=block");
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	expect_record(test, &owner->records[0], IOMMU_FAULT_REASON_PASID_FETCH, 0,
		      MOCK_TABLE(0));
	mock->fail_read = 0;
}

static void failure_keeps_what_was_there(struct kunit *test)
{
	const struct iommu_fault fault = {
		.type = IOMMU_FAULT_DMA_UNRECOV,
		.event.flags = IOMMU_FAULT_UNRECOV_PASID_VALID,
		.event.pasid = 44,
	};
	struct fault_owner *owner = fault_own_device(test, 0);
	struct mock_guest *mock = test->priv;
	int before[2] = { users(mock, 0), users(mock, 1) };

	fill(mock);
	mock->tables[0][4] = BAD;
	/* The second entry of the second device */
	mock->devs[1].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, 0, set_rid(mock, 1, IOMMU_RID_BLOCK, 0));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, -ENOMEM, set(mock, MOCK_DEVICES, 0));
	EXPECT_LOG("alloc0=1000 alloc0=2000 alloc1=1000 alloc1=2000 rid0=block set0.3=1000 set0.5=2000 rid1=block set1.3! sync1 rid1=block stop0.3.5 remove0.3=1000 sync0 remove0.5=2000 sync0 rid0=pass free=1000 free=2000 free=1000 free=2000");
	EXPECT_STATE("1.0=block");
	KUNIT_EXPECT_EQ(test, 0, owner->used);
	/* PASIDs have the numbers of binds again, which is none. */
	iommu_report_unrecoverable(mock_dev(mock, 0), &fault);
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, 0, owner->records[0].event.flags);
	KUNIT_EXPECT_EQ(test, before[0], users(mock, 0));
	KUNIT_EXPECT_EQ(test, before[1], users(mock, 1));
	KUNIT_EXPECT_EQ(test, 0, fault_bind(mock, 0, 5, 0x1000));
	iommu_guest_unbind_gpasid(mock->ctx, NULL, 5);
	KUNIT_EXPECT_EQ(test, 0, set_rid(mock, 1, IOMMU_RID_PASS, 0));

	mock->tables[1][0] = PRESENT(0x9000);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 1));
	mock->devs[1].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, set(mock, MOCK_DEVICES, 0));
	EXPECT_STATE("0.0=9000 0.5=7000 0.6=8000");
	/* The last of three entries, at that of requests without PASID */
	mock->tables[0][0] = PRESENT(0x3000);
	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, set(mock, 0, 0));
	EXPECT_STATE("0.0=9000 0.5=7000 0.6=8000");
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));

	mock->fail_alloc = -ENOSPC;
	KUNIT_EXPECT_EQ(test, -ENOSPC, set(mock, 0, 0));
	mock->fail_alloc = 0;
	/* It may be on its way to sleep still. */
	pm_runtime_suspend(mock_dev(mock, 1));
	mock->devs[1].fail_resume = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, set(mock, MOCK_DEVICES, 0));
	mock->devs[1].fail_resume = 0;
	EXPECT_STATE("0.0=9000 0.5=7000 0.6=8000");
	KUNIT_EXPECT_EQ(test, 1, owner->used);
}

static void failure_halfway_takes_back_what_was_done(struct kunit *test)
{
	struct fault_owner *owner = fault_own_device(test, 0);
	struct mock_guest *mock = test->priv;
	const struct iommu_fault fault = {
		.type = IOMMU_FAULT_DMA_UNRECOV,
		.event = {
			.flags = IOMMU_FAULT_UNRECOV_PASID_VALID,
			.pasid = 5,
		},
	};

	fill(mock);
	mock->devs[0].good_sets = 1;
	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, set(mock, 0, 0));
	EXPECT_LOG("alloc0=1000 alloc0=2000 rid0=block set0.3=1000 set0.5! sync0 remove0.3=1000 sync0 rid0=pass free=1000 free=2000");
	EXPECT_STATE("");
	/* The PASID that failed has no name, as before. */
	iommu_report_unrecoverable(mock_dev(mock, 0), &fault);
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, 0, owner->records[0].event.flags);

	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 1));
	mock->devs[0].good_sets = 1;
	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, set(mock, 0, 0));
	EXPECT_STATE("0.5=7000 0.6=8000");
}

static void what_cannot_come_back_is_not_present(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	fill(mock);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 1));
	/* What is put back takes memory of the reserves if need be. */
	mock->devs[0].fail_sets = 2;
	KUNIT_EXPECT_EQ(test, -ENOMEM, set(mock, 0, 0));
	EXPECT_STATE("0.5=7000 0.6=8000");
	KUNIT_EXPECT_EQ(test, 1, mock->devs[0].reserve_sets);
	mock->devs[0].fail_sets = 3;
	KUNIT_EXPECT_EQ(test, -ENOMEM, set(mock, 0, 0));
	EXPECT_STATE("0.6=8000");
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));
	EXPECT_STATE("0.5=7000 0.6=8000");
	/* Nothing of the PASID is left behind, see mock_guest_exit(). */
	mock->devs[0].fail_sets = 3;
	KUNIT_EXPECT_EQ(test, -ENOMEM, set(mock, 0, 0));
	EXPECT_STATE("0.6=8000");
}

static void excludes_single_binds(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	fill(mock);
	KUNIT_EXPECT_EQ(test, 0, fault_bind(mock, 0, 10, 0x3000));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, -EBUSY, set(mock, 0, 0));
	KUNIT_EXPECT_EQ(test, -EBUSY, set(mock, MOCK_DEVICES, 0));
	/* The first device is prepared before the second one is found busy. */
	iommu_guest_unbind_gpasid(mock->ctx, NULL, 10);
	KUNIT_EXPECT_EQ(test, 0, fault_bind(mock, 1, 10, 0x3000));
	KUNIT_EXPECT_EQ(test, -EBUSY, set(mock, MOCK_DEVICES, 0));
	EXPECT_STATE("1.a=3000");
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000 1.a=3000");

	KUNIT_EXPECT_EQ(test, -EBUSY, fault_bind(mock, 0, 10, 0x3000));
	KUNIT_EXPECT_EQ(test, -EBUSY, fault_bind(mock, 0, 3, 0x3000));
	KUNIT_EXPECT_EQ(test, -EBUSY, fault_bind(mock, 0, 3, 0x1000));
	KUNIT_EXPECT_EQ(test, -EBUSY, set_rid(mock, 0, IOMMU_RID_PASS, 0));
	KUNIT_EXPECT_EQ(test, -EBUSY, set_rid(mock, 0, IOMMU_RID_FIRST_STAGE, 0x3000));
	/* What is of single binds leaves the table alone. */
	iommu_guest_unbind_gpasid(mock->ctx, NULL, 3);
	iommu_guest_free_pasids(mock->ctx, 1, MOCK_PASIDS - 1);
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000");
	unset(mock, 0);

	KUNIT_EXPECT_EQ(test, 0, set_rid(mock, 0, IOMMU_RID_FIRST_STAGE, 0x3000));
	KUNIT_EXPECT_EQ(test, -EBUSY, set(mock, 0, 0));
	EXPECT_STATE("0.0=3000");
	KUNIT_EXPECT_EQ(test, 0, set_rid(mock, 0, IOMMU_RID_BLOCK, 0));
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 1));
	EXPECT_STATE("0.5=7000 0.6=8000");
	unset(mock, 0);
	KUNIT_EXPECT_EQ(test, 0, set_rid(mock, 0, IOMMU_RID_BLOCK, 0));
	EXPECT_STATE("0.0=block");
}

static void quota_holds_for_entries(struct kunit *test)
{
	struct fault_owner *owner = fault_own_device(test, 0);
	struct mock_guest *mock = test->priv;
	struct ioasid_set_info info;

	fill(mock);
	ioasid_set_get_info(mock->set, &info);
	KUNIT_ASSERT_EQ(test, 0, ioasid_adjust_set(mock->set, info.used + 3));
	KUNIT_EXPECT_EQ(test, -EDQUOT, set(mock, MOCK_DEVICES, 0));
	EXPECT_LOG("alloc0=1000 alloc0=2000 alloc1=1000 alloc1=2000 free=1000 free=2000 free=1000 free=2000");
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	/* One is left for the other device, and none is taken to replace. */
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, -EDQUOT, set(mock, 1, 0));
	mock->tables[1][6] = 0;
	KUNIT_EXPECT_EQ(test, 0, set(mock, 1, 1));
	KUNIT_EXPECT_EQ(test, 0, set(mock, 1, 1));
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000 1.5=7000");
	/* Nor is one left for a PASID of the set. */
	KUNIT_EXPECT_EQ(test, -EDQUOT, iommu_guest_alloc_pasid(mock->ctx, 1, 1000));

	mock->tables[0][9] = PRESENT(0x5000);
	KUNIT_EXPECT_EQ(test, -EDQUOT, set(mock, 0, 0));
	KUNIT_EXPECT_EQ(test, 0, owner->used);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 9));
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000 1.5=7000");
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	expect_record(test, &owner->records[0], IOMMU_FAULT_REASON_BAD_PASID_ENTRY, 9,
		      MOCK_TABLE(0) + 72);
	/* Requests without PASID are no PASID. */
	mock->tables[0][0] = PRESENT(0x6000);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 0));
	unset(mock, 1);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 9));
	EXPECT_STATE("0.0=6000 0.3=1000 0.5=2000 0.9=5000");
	unset(mock, 0);
	iommu_guest_free_pasids(mock->ctx, 63, 63);
	KUNIT_EXPECT_EQ(test, 63, iommu_guest_alloc_pasid(mock->ctx, 63, 63));
}

static unsigned int words_read;

/* The quota was lowered meanwhile, or is just enough. */
static void quota_at_its_edges(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct ioasid_set_info info;

	fill(mock);
	mock->tables[0][0] = PRESENT(0x6000);
	ioasid_set_get_info(mock->set, &info);
	KUNIT_ASSERT_EQ(test, 0, ioasid_adjust_set(mock->set, info.used + 2));
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	KUNIT_ASSERT_EQ(test, 0, ioasid_adjust_set(mock->set, info.used));
	mock->tables[0][9] = PRESENT(0x5000);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 9));
	EXPECT_STATE("0.0=6000 0.3=1000 0.5=2000");
}

/* What a driver does not do is not present; what it lacks does not matter. */
static void entry_is_not_supported(struct kunit *test)
{
	struct fault_owner *owner = fault_own_device(test, 0);
	static const int errs[] = { -EOPNOTSUPP, -EINVAL };
	struct mock_guest *mock = test->priv;
	int i;

	fill(mock);
	for (i = 0; i < ARRAY_SIZE(errs); i++) {
		mock->fail_alloc = errs[i];
		KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
		EXPECT_STATE("0.0=block");
		KUNIT_EXPECT_EQ(test, 2 * (i + 1), owner->used);
	}
	mock->fail_alloc = 0;
}

static void device_does_not_wake_up(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	mock->devs[0].fail_resume = -ETIMEDOUT;
	KUNIT_EXPECT_EQ(test, -EIO, set_mode(mock, 0, IOMMU_PASID_CONFIG_ABORT));
	EXPECT_STATE("");
	EXPECT_LOG("");
}

static void count_words(struct mock_guest *mock)
{
	words_read++;
}

/* What is read in vain is bounded by the quota, not by the table. */
static void reading_ends_with_the_quota(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct ioasid_set_info info;
	int i;

	for (i = 1; i < MOCK_PASIDS; i++)
		mock->tables[0][i] = PRESENT(0x1000ULL * i);
	ioasid_set_get_info(mock->set, &info);
	KUNIT_ASSERT_EQ(test, 0, ioasid_adjust_set(mock->set, info.used + 3));
	words_read = 0;
	mock->on_read = count_words;
	KUNIT_EXPECT_EQ(test, -EDQUOT, set(mock, 0, 0));
	KUNIT_EXPECT_EQ(test, 5, words_read);
	EXPECT_LOG("");
}

static void faults_have_the_numbers_on_the_bus(struct kunit *test)
{
	struct fault_owner *owner = fault_own_device(test, 0);
	struct mock_guest *mock = test->priv;
	struct iommu_fault fault = {
		.type = IOMMU_FAULT_DMA_UNRECOV,
		.event = {
			.reason = IOMMU_FAULT_REASON_PTE_FETCH,
			.flags = IOMMU_FAULT_UNRECOV_PASID_VALID,
			.pasid = 44,
		},
	};

	fill(mock);
	mock->tables[0][0] = PRESENT(0x3000) | MOCK_ENTRY_QUIET;
	mock->tables[0][5] |= MOCK_ENTRY_QUIET;
	iommu_report_unrecoverable(mock_dev(mock, 0), &fault);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	iommu_report_unrecoverable(mock_dev(mock, 0), &fault);
	fault.event.pasid = 3;
	iommu_report_unrecoverable(mock_dev(mock, 0), &fault);
	fault.event.pasid = 5;
	KUNIT_EXPECT_EQ(test, 0, iommu_report_unrecoverable(mock_dev(mock, 0), &fault));
	fault.event.flags = 0;
	KUNIT_EXPECT_EQ(test, 0, iommu_report_unrecoverable(mock_dev(mock, 0), &fault));
	KUNIT_ASSERT_EQ(test, 3, owner->used);
	KUNIT_EXPECT_EQ(test, 0, owner->records[0].event.flags);
	KUNIT_EXPECT_EQ(test, IOMMU_FAULT_UNRECOV_PASID_VALID, owner->records[1].event.flags);
	KUNIT_EXPECT_EQ(test, 44, owner->records[1].event.pasid);
	KUNIT_EXPECT_EQ(test, 3, owner->records[2].event.pasid);

	/* Quiet is part of the entry. */
	mock->tables[0][5] = PRESENT(0x2000);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 5));
	fault.event.flags = IOMMU_FAULT_UNRECOV_PASID_VALID;
	iommu_report_unrecoverable(mock_dev(mock, 0), &fault);
	KUNIT_EXPECT_EQ(test, 4, owner->used);
	unset(mock, 0);
	iommu_report_unrecoverable(mock_dev(mock, 0), &fault);
	KUNIT_ASSERT_EQ(test, 5, owner->used);
	KUNIT_EXPECT_EQ(test, 0, owner->records[4].event.flags);
	fault.event.flags = 0;
	iommu_report_unrecoverable(mock_dev(mock, 0), &fault);
	KUNIT_EXPECT_EQ(test, 6, owner->used);
}

static void page_requests_are_of_entries(struct kunit *test)
{
	struct fault_owner *owner = fault_own_device(test, 0);
	struct mock_guest *mock = test->priv;

	fill(mock);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	fault_request(mock, 0, 3, 1);
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, 3, owner->records[0].prm.pasid);
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 3, 1, IOMMU_PAGE_RESP_SUCCESS));
	fault_request(mock, 0, 3, 2);
	mock_clear_log(mock);
	mock->tables[0][3] = 0;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 3));
	EXPECT_LOG("remove0.3=1000 sync0 answer0.3.2=1 free=1000");
	fault_request(mock, 0, 5, 3);
	mock_clear_log(mock);
	unset(mock, 0);
	EXPECT_LOG("remove0.5=2000 sync0 answer0.5.3=1 rid0=pass free=2000");
}

/* What happens while the table is read, by @when */
static void remove_now(struct mock_guest *mock)
{
	mock->on_read = NULL;
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
}

static void unset_now(struct mock_guest *mock)
{
	mock->on_read = NULL;
	unset(mock, 0);
}

static void bind_now(struct mock_guest *mock)
{
	mock->on_read = NULL;
	fault_bind(mock, 0, 10, 0x3000);
}

static void reader_finds_things_changed(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	fill(mock);
	mock->on_read = bind_now;
	KUNIT_EXPECT_EQ(test, -EBUSY, set(mock, 0, 0));
	EXPECT_STATE("0.a=3000");
	iommu_guest_unbind_gpasid(mock->ctx, NULL, 10);

	mock->on_read = unset_now;
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000");
	mock->tables[0][3] = PRESENT(0x4000);
	mock->on_read = unset_now;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 3));
	EXPECT_STATE("");

	KUNIT_EXPECT_EQ(test, 0, set(mock, MOCK_DEVICES, 0));
	mock->tables[0][3] = PRESENT(0x5000);
	mock->on_read = remove_now;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, MOCK_DEVICES, -1));
	EXPECT_STATE("1.0=block 1.3=5000 1.5=2000");

	KUNIT_ASSERT_EQ(test, 0, iommu_guest_add_device(mock->ctx, mock_dev(mock, 0),
							mock->parent));
	mock->on_read = remove_now;
	KUNIT_EXPECT_EQ(test, -ENODEV, set(mock, 0, 0));
	EXPECT_STATE("1.0=block 1.3=5000 1.5=2000");
}

static void add_now(struct mock_guest *mock)
{
	mock->on_read = NULL;
	iommu_guest_add_device(mock->ctx, mock_dev(mock, 1), mock->parent);
}

static struct iommu_guest_ops other_way;

static void add_with_another_way_now(struct mock_guest *mock)
{
	add_now(mock);
	mock_guest_own_ops(mock, 1, &other_way);
	mock_native_ops(&other_way);
}

/* What was read may not be all that a device which comes meanwhile needs. */
static void device_comes_while_the_table_is_read(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	fill(mock);
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 1));
	mock->on_read = add_now;
	KUNIT_EXPECT_EQ(test, 0, set(mock, MOCK_DEVICES, 0));
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000 1.0=block 1.3=1000 1.5=2000");

	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 1));
	mock->on_read = add_with_another_way_now;
	KUNIT_EXPECT_EQ(test, 0, set(mock, MOCK_DEVICES, 0));
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000");

	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 1));
	mock_dev(mock, 0)->iommu->max_pasids = 4;
	mock->on_read = add_now;
	KUNIT_EXPECT_EQ(test, 0, set(mock, MOCK_DEVICES, 0));
	EXPECT_STATE("0.0=block 0.3=1000");
	KUNIT_EXPECT_EQ(test, 0, fault_bind(mock, 1, 10, 0x3000));
}

/* Its PASID table is not that of the second stage of the owner. */
static void device_must_be_on_the_second_stage(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	fill(mock);
	iommu_detach_device(mock->parent, mock_dev(mock, 0));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, -EINVAL, set(mock, 0, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set(mock, MOCK_DEVICES, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_mode(mock, 0, IOMMU_PASID_CONFIG_ABORT));
	EXPECT_LOG("");
	EXPECT_STATE("");
	KUNIT_EXPECT_EQ(test, 0, iommu_attach_device(mock->parent, mock_dev(mock, 0)));
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000");
}

/* Devices with different tables: what hardware is waited for is done once for both. */
static void tables_go_together(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	const char *stop;

	fill(mock);
	mock->tables[1][4] = PRESENT(0x4000);
	mock->tables[1][5] = PRESENT(0x5000);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	KUNIT_EXPECT_EQ(test, 0, set(mock, 1, 1));
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000 1.4=4000 1.5=5000 1.6=8000");
	mock_clear_log(mock);
	iommu_guest_unset_table(mock->ctx, NULL);
	KUNIT_EXPECT_TRUE(test, strstarts(mock->log,
					  "stop0.3.5+1.4.5.6 stop0.3.5 remove0.3=1000 "));
	EXPECT_STATE("");
	/* A device without table has no part in it. */
	KUNIT_EXPECT_EQ(test, 0, set(mock, 1, 1));
	mock_clear_log(mock);
	iommu_guest_unset_table(mock->ctx, NULL);
	KUNIT_EXPECT_TRUE(test, strstarts(mock->log, "stop1.4.5.6 "));
	EXPECT_STATE("");
	/* Nor is anything to be done twice for one that is alone. */
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	KUNIT_EXPECT_EQ(test, 0, set(mock, 1, 1));
	mock_clear_log(mock);
	iommu_guest_unset_table(mock->ctx, NULL);
	stop = strstr(mock->log, "stop1.4.5.6 ");
	KUNIT_ASSERT_NOT_NULL(test, stop);
	KUNIT_EXPECT_NULL(test, strstr(stop + 1, "stop"));
	EXPECT_STATE("");
}

static void close_ends_the_table(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	fill(mock);
	mock->tables[0][0] = PRESENT(0x9000);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	mock_clear_log(mock);
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	EXPECT_LOG("rid0=block sync0 stop0.3.5 remove0.3=1000 sync0 remove0.5=2000 sync0 rid0=pass free=9000 free=1000 free=2000");
	KUNIT_EXPECT_EQ(test, 0, users(mock, 0));
	KUNIT_EXPECT_EQ(test, -ENODEV, set(mock, 0, 0));
	/* One that is opened later has no part in it. */
	KUNIT_EXPECT_EQ(test, 0, set(mock, MOCK_DEVICES, 0));
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_add_device(mock->ctx, mock_dev(mock, 0),
							mock->parent));
	EXPECT_STATE("1.0=9000 1.3=1000 1.5=2000");
	KUNIT_EXPECT_EQ(test, 0, fault_bind(mock, 0, 10, 0x3000));
}

/* ------------------------------------------------------------------ fields */

struct refusal {
	const char *name;
	int error;
	void (*spoil)(struct iommu_pasid_table_config *config);
};

#define SPOIL(what, ...)						\
static void spoil_##what(struct iommu_pasid_table_config *config)	\
{									\
	__VA_ARGS__;							\
}

SPOIL(argsz, config->argsz--)
SPOIL(version, config->version = 2)
SPOIL(base, config->base_ptr += 0x800)
SPOIL(far, config->base_ptr = MOCK_APERTURE + 1)
SPOIL(end, config->base_ptr = MOCK_APERTURE + 1 - SZ_4K; config->pasid_bits = 16)
SPOIL(wrap, config->base_ptr = ~(SZ_4K - 1ULL); config->pasid_bits = 16)
SPOIL(format, config->format = 3)
SPOIL(no_format, config->format = 0)
SPOIL(other_format, config->format = IOMMU_PASID_FORMAT_SMMUV3;
		    config->vendor_data.smmuv3.version = 1)
SPOIL(few_bits, config->pasid_bits = 12)
SPOIL(many_bits, config->pasid_bits = 21)
SPOIL(config, config->config = 4)
SPOIL(no_config, config->config = 0)
SPOIL(padding, config->padding[0] = 1)
SPOIL(last_padding, config->padding[1] = 1)
SPOIL(vtd_flags, config->vendor_data.vtd.flags = 1)
SPOIL(vtd_padding, config->vendor_data.vtd.padding[0] = 1)
SPOIL(vtd_last_padding, config->vendor_data.vtd.padding[3] = 1)
SPOIL(smmuv3_version, config->format = IOMMU_PASID_FORMAT_SMMUV3)
SPOIL(smmuv3_base, spoil_other_format(config); config->base_ptr += 32)
SPOIL(smmuv3_format, spoil_other_format(config); config->vendor_data.smmuv3.s1fmt = 3)
SPOIL(smmuv3_s1dss, spoil_other_format(config); config->vendor_data.smmuv3.s1dss = 3)
SPOIL(smmuv3_padding, spoil_other_format(config);
		      config->vendor_data.smmuv3.padding[1] = 1)

static const struct refusal refusals[] = {
	{ "argsz", -EINVAL, spoil_argsz },
	{ "version", -EINVAL, spoil_version },
	{ "base_ptr", -EINVAL, spoil_base },
	{ "base_ptr beyond the second stage", -EINVAL, spoil_far },
	{ "end beyond the second stage", -EINVAL, spoil_end },
	{ "end beyond all", -EINVAL, spoil_wrap },
	{ "format", -EINVAL, spoil_format },
	{ "no format", -EINVAL, spoil_no_format },
	{ "other format", -EOPNOTSUPP, spoil_other_format },
	{ "few bits", -EINVAL, spoil_few_bits },
	{ "many bits", -EINVAL, spoil_many_bits },
	{ "config", -EINVAL, spoil_config },
	{ "no config", -EINVAL, spoil_no_config },
	{ "padding", -EINVAL, spoil_padding },
	{ "last padding", -EINVAL, spoil_last_padding },
	{ "vtd.flags", -EINVAL, spoil_vtd_flags },
	{ "vtd.padding", -EINVAL, spoil_vtd_padding },
	{ "vtd.last padding", -EINVAL, spoil_vtd_last_padding },
	{ "smmuv3.version", -EINVAL, spoil_smmuv3_version },
	{ "smmuv3.base_ptr", -EINVAL, spoil_smmuv3_base },
	{ "smmuv3.s1fmt", -EINVAL, spoil_smmuv3_format },
	{ "smmuv3.s1dss", -EINVAL, spoil_smmuv3_s1dss },
	{ "smmuv3.padding", -EINVAL, spoil_smmuv3_padding },
};

static void get_name(const struct refusal *refusal, char *name)
{
	strscpy(name, refusal->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(refusal, refusals, get_name);

static void field_is_checked(struct kunit *test)
{
	struct iommu_pasid_table_config config = table_config(0);
	const struct refusal *refusal = test->param_value;
	struct mock_guest *mock = test->priv;

	fill(mock);
	KUNIT_ASSERT_EQ(test, 0, set(mock, 0, 1));
	mock_clear_log(mock);
	refusal->spoil(&config);
	KUNIT_EXPECT_EQ(test, refusal->error,
			iommu_guest_set_table(mock->ctx, mock_dev(mock, 0), &config));
	EXPECT_LOG("");
	EXPECT_STATE("0.5=7000 0.6=8000");
	config = table_config(0);
	config.pasid_bits = 20;
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_set_table(mock->ctx, mock_dev(mock, 0), &config));
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000");
}

static void debugfs_shows_entries(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	fill(mock);
	KUNIT_ASSERT_EQ(test, 0, set(mock, 0, 0));
	KUNIT_EXPECT_TRUE(test, mock_shows(test, 0, "3 3 0x1000 48 0 0 0"));
}

/* One that only has the address of the other is not read with it. */
static void table_that_is_not_read_has_an_address(struct kunit *test)
{
	struct iommu_pasid_table_config config = table_config(0);
	struct mock_guest *mock = test->priv;

	fill(mock);
	config.config = IOMMU_PASID_CONFIG_ABORT;
	KUNIT_EXPECT_EQ(test, 0,
			iommu_guest_set_table(mock->ctx, mock_dev(mock, 0), &config));
	KUNIT_EXPECT_EQ(test, 0, set(mock, 1, 0));
	mock->tables[0][3] = PRESENT(0x4000);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, MOCK_DEVICES, -1));
	EXPECT_STATE("0.0=block 1.0=block 1.3=4000 1.5=2000");
}

static void each_call_is_announced(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	fill(mock);
	EXPECT_CALLS(0, 0);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	EXPECT_CALLS(1, 0);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 1, 1));
	EXPECT_CALLS(0, 1);
	/* Once by itself, and once for the caches */
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 3));
	EXPECT_CALLS(2, 0);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, MOCK_DEVICES, 3));
	EXPECT_CALLS(2, 2);
	unset(mock, 0);
	EXPECT_CALLS(1, 0);
	unset(mock, MOCK_DEVICES);
	EXPECT_CALLS(1, 1);
}

/* The last page of the second stage can have a table, the one behind it cannot. */
static void second_stage_has_an_end(struct kunit *test)
{
	struct iommu_pasid_table_config config = table_config(0);
	struct fault_owner *owner = fault_own_device(test, 0);
	struct mock_guest *mock = test->priv;

	config.base_ptr = MOCK_APERTURE + 1 - SZ_4K;
	config.pasid_bits = 15;
	KUNIT_EXPECT_EQ(test, 0,
			iommu_guest_set_table(mock->ctx, mock_dev(mock, 0), &config));
	/* There is no memory. */
	KUNIT_EXPECT_EQ(test, 1, owner->used);
	config.pasid_bits = 16;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			iommu_guest_set_table(mock->ctx, mock_dev(mock, 0), &config));
}

static void owner_or_driver_cannot(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	static struct iommu_guest_ops ops[2];

	fill(mock);
	mock_guest_own_ops(mock, 0, &ops[0]);
	mock_guest_own_ops(mock, 1, &ops[1]);
	ops[0].set_rid = NULL;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set(mock, 0, 0));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set(mock, MOCK_DEVICES, 0));
	ops[0] = ops[1];
	ops[0].table_format = 0;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set(mock, 0, 0));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set_mode(mock, 0, IOMMU_PASID_CONFIG_BYPASS));
	ops[0] = ops[1];
	mock_native_ops(&ops[0]);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set(mock, MOCK_DEVICES, 0));
	ops[0] = ops[1];
	mock->ctx->mem = NULL;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set(mock, 0, 0));
	mock->ctx->mem = &mock->mem;
	ops[0].detach_gpasids = NULL;
	EXPECT_LOG("");
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	mock_clear_log(mock);
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	EXPECT_LOG("remove0.3=1000 sync0 remove0.5=2000 sync0 rid0=pass free=1000 free=2000");
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 1));
	KUNIT_EXPECT_EQ(test, -ENODEV, set(mock, MOCK_DEVICES, 0));
}

/* ------------------------------------------------------------------ native */

/* Hardware of both devices reads the tables itself. */
static struct mock_guest *make_native(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_guest_ops *ops;
	int i;

	ops = kunit_kcalloc(test, MOCK_DEVICES, sizeof(*ops), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ops);
	for (i = 0; i < MOCK_DEVICES; i++) {
		mock_guest_own_ops(mock, i, &ops[i]);
		mock_native_ops(&ops[i]);
	}
	return mock;
}

/* Before @ops above go */
static void native_close(struct mock_guest *mock)
{
	mock_guest_close(mock);
}

static void hardware_reads_the_table(struct kunit *test)
{
	struct mock_guest *mock = make_native(test);
	int before = users(mock, 0);

	/* Nobody else does. */
	mock->fail_read = -EFAULT;
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	EXPECT_LOG("alloc0=10000 table0=10000");
	EXPECT_STATE("0=10000");
	KUNIT_EXPECT_EQ(test, before + 1, users(mock, 0));
	KUNIT_EXPECT_EQ(test, -EBUSY, fault_bind(mock, 0, 5, 0x1000));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 1));
	EXPECT_LOG("alloc0=20000 table0=20000 sync0 free=10000");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, MOCK_DEVICES, 3));
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, 0, IOMMU_CACHE_INV_TYPE_IOTLB, -1));
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, 1, IOMMU_CACHE_INV_TYPE_IOTLB, -1));
	EXPECT_LOG("inv0=20000.1 inv0=20000.0");
	mock_clear_log(mock);
	unset(mock, 0);
	EXPECT_LOG("parent0 sync0 free=20000");
	EXPECT_STATE("");
	KUNIT_EXPECT_EQ(test, before, users(mock, 0));
	KUNIT_EXPECT_EQ(test, 0, fault_bind(mock, 0, 5, 0x1000));
	native_close(mock);
}

/* Requests without PASID are in the table, and nobody has to wait for reports. */
static void native_driver_can_do_less(struct kunit *test)
{
	struct mock_guest *mock = make_native(test);
	static struct iommu_guest_ops ops;

	fill(mock);
	mock_guest_own_ops(mock, 0, &ops);
	ops.set_rid = NULL;
	ops.fault_sync = NULL;
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	unset(mock, 0);
	EXPECT_STATE("");
	native_close(mock);
}

static void driver_cannot_block(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	static struct iommu_ops ops;

	fill(mock);
	mock_guest_own_iommu_ops(mock, &ops);
	ops.blocked_domain = NULL;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set(mock, 0, 0));
	EXPECT_LOG("");
}

static void native_failure_keeps_what_was_there(struct kunit *test)
{
	struct iommu_pasid_table_config config = table_config(0);
	struct fault_owner *owner = fault_own_device(test, 0);
	struct mock_guest *mock = make_native(test);

	config.pasid_bits = 17;
	KUNIT_EXPECT_EQ(test, -ERANGE, iommu_guest_set_table(mock->ctx, NULL, &config));
	mock->devs[1].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, set(mock, MOCK_DEVICES, 0));
	/* "parent1" is the group, which goes back to where it was. */
	EXPECT_LOG("alloc0=10000 alloc1=10000 table0=10000 table1=10000! parent1 sync1 parent0 sync0 free=10000 free=10000");
	EXPECT_STATE("");
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	mock->devs[1].fail_sets = 1;
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, -ENOMEM, set(mock, MOCK_DEVICES, 1));
	EXPECT_LOG("alloc0=20000 alloc1=20000 table0=20000 table1=20000! parent1 sync1 table0=10000 sync0 free=20000 free=20000");
	EXPECT_STATE("0=10000");
	/* Its page requests have a handle again. */
	mock_request_rid(mock, 0, 3, 0x1000);
	KUNIT_EXPECT_EQ(test, 1, owner->used);
	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, set(mock, 0, 1));
	EXPECT_STATE("0=10000");
	unset(mock, 0);
	EXPECT_STATE("");
	native_close(mock);
}

/* A device without PASIDs can have a table, of what it does without them. */
static void native_table_needs_no_pasids(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct device *dev = mock_dev(mock, 0);
	struct iommu_nesting_info info;

	iommu_guest_remove_device(mock->ctx, dev);
	dev->iommu->max_pasids = 0;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			iommu_guest_add_device(mock->ctx, dev, mock->parent));
	mock->takes_plain = true;
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_nesting_info(dev, mock->parent, &info));
	KUNIT_EXPECT_EQ(test, 0, info.pasid_bits);
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_add_device(mock->ctx, dev, mock->parent));
	make_native(test);
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	EXPECT_LOG("alloc0=10000 table0=10000");
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, 0));
	unset(mock, 0);
	EXPECT_LOG("alloc0=10000 table0=10000 inv0=10000.1 parent0 sync0 free=10000");
	KUNIT_EXPECT_EQ(test, -ERANGE, fault_bind(mock, 0, 5, 0x1000));
	native_close(mock);
}

/* An end that finds no memory leaves the device blocked, not on the table. */
static void without_memory_the_end_blocks(struct kunit *test)
{
	struct mock_guest *mock = make_native(test);

	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	/* There are the reserves first. */
	mock->devs[0].fail_parents = 1;
	unset(mock, 0);
	EXPECT_STATE("");
	KUNIT_EXPECT_EQ(test, 0, current->flags & PF_MEMALLOC);
	/* Of no use to what lacks something else. */
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	mock->devs[0].parent_error = -EIO;
	mock->devs[0].fail_parents = 1;
	unset(mock, 0);
	EXPECT_STATE("0.0=block");
	mock->devs[0].parent_error = 0;
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	mock->devs[0].fail_parents = 2;
	mock_clear_log(mock);
	unset(mock, 0);
	/* The core tries to go back to what was there. */
	KUNIT_EXPECT_NOT_NULL(test, strstr(mock->log, "parent0!"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(mock->log, "blocked0 sync0 free=10000"));
	EXPECT_STATE("0.0=block");
	KUNIT_EXPECT_EQ(test, -EINVAL, fault_bind(mock, 0, 5, 0x1000));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_rid(mock, 0, IOMMU_RID_PASS, 0));
	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	EXPECT_STATE("0=10000");
	mock->devs[0].fail_parents = 2;
	unset(mock, 0);
	EXPECT_STATE("0.0=block");
	mock_clear_log(mock);
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	EXPECT_LOG("parent0");
	EXPECT_STATE("");
	native_close(mock);
}

static void native_names_and_page_requests(struct kunit *test)
{
	struct fault_owner *owner = fault_own_device(test, 0);
	struct mock_guest *mock = make_native(test);
	struct iommu_fault fault = {
		.type = IOMMU_FAULT_DMA_UNRECOV,
		.event = {
			.reason = IOMMU_FAULT_REASON_PTE_FETCH,
			.flags = IOMMU_FAULT_UNRECOV_PASID_VALID,
			.pasid = 44,
		},
	};

	KUNIT_EXPECT_EQ(test, 0, set(mock, 0, 0));
	iommu_report_unrecoverable(mock_dev(mock, 0), &fault);
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, 44, owner->records[0].event.pasid);
	/* Without PASID there is the handle of the table. */
	mock_request_rid(mock, 0, 3, 0x1000);
	KUNIT_ASSERT_EQ(test, 2, owner->used);
	mock_clear_log(mock);
	unset(mock, 0);
	EXPECT_LOG("parent0 sync0 answer0.0.3=1 free=10000");
	iommu_report_unrecoverable(mock_dev(mock, 0), &fault);
	KUNIT_ASSERT_EQ(test, 3, owner->used);
	KUNIT_EXPECT_EQ(test, 0, owner->records[2].event.flags);
	native_close(mock);
}

/* More than are read at a time: new ones, others, fewer, none */
static void many_entries_at_a_time(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, set(mock, 0, 0));
	for (i = 1; i < 30; i++)
		mock->tables[0][i] = PRESENT(0x1000ULL * i);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));
	for (i = 1; i < 30; i++)
		KUNIT_EXPECT_NOT_NULL(test, mock->devs[0].table[i]);

	for (i = 1; i < 30; i++)
		mock->tables[0][i] = i % 3 ? PRESENT(0x1000ULL * (i + 1)) : 0;
	mock->quiet = true;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));
	for (i = 1; i < 30; i++)
		KUNIT_EXPECT_EQ(test, i % 3 != 0, !!mock->devs[0].table[i]);

	for (i = 1; i < 30; i++)
		mock->tables[0][i] = i == 16 ? PRESENT(0x5000) : 0;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));
	EXPECT_STATE("0.0=block 0.10=5000");
}

static void fill_lots(struct mock_guest *mock, unsigned int count, u64 what)
{
	unsigned int i;

	for (i = 1; i <= count; i++)
		mock->tables[0][i] = what;
	mock->lots = 0;
	mock->leaving = 0;
}

/* More than leave together: a lot and a part of one, from one device and from both */
static void entries_leave_in_lots(struct kunit *test)
{
	const unsigned int many = IOMMU_GUEST_DETACH_PASIDS + 36;
	struct mock_guest *mock = test->priv;

	mock->quiet = true;
	fill_lots(mock, many, PRESENT(0x1000));
	KUNIT_ASSERT_EQ(test, 0, set(mock, 0, 0));
	KUNIT_EXPECT_NOT_NULL(test, mock->devs[0].table[many]);
	unset(mock, 0);
	EXPECT_STATE("");
	KUNIT_EXPECT_EQ(test, 2, mock->lots);
	KUNIT_EXPECT_EQ(test, many, mock->leaving);

	/* The guest takes them out. */
	KUNIT_ASSERT_EQ(test, 0, set(mock, 0, 0));
	fill_lots(mock, many, 0);
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 0, -1));
	EXPECT_STATE("0.0=block");
	KUNIT_EXPECT_EQ(test, many, mock->leaving);

	fill_lots(mock, many, PRESENT(0x1000));
	KUNIT_ASSERT_EQ(test, 0, ioasid_adjust_set(mock->set, 4 * MOCK_PASIDS));
	KUNIT_ASSERT_EQ(test, 0, set(mock, MOCK_DEVICES, 0));
	fill_lots(mock, many, PRESENT(0x1000));
	unset(mock, MOCK_DEVICES);
	EXPECT_STATE("");
	/* All together, and then each device's, which have left by then */
	KUNIT_EXPECT_EQ(test, 6, mock->lots);
	KUNIT_EXPECT_EQ(test, 4 * many, mock->leaving);
}

static void entry_that_goes_gives_its_place_back(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, set(mock, 0, 0));
	mock->quiet = true;
	/* More often than the quota has places */
	for (i = 0; i < 2 * MOCK_PASIDS + 2; i++) {
		mock->tables[0][0] = PRESENT(0x2000);
		mock->tables[0][5] = PRESENT(0x1000);
		KUNIT_ASSERT_EQ(test, 0, resync(mock, 0, -1));
		KUNIT_ASSERT_NOT_NULL(test, mock->devs[0].table[5]);
		mock->tables[0][0] = 0;
		mock->tables[0][5] = 0;
		KUNIT_ASSERT_EQ(test, 0, resync(mock, 0, -1));
		KUNIT_ASSERT_NULL(test, mock->devs[0].table[5]);
	}
}

static void invalidation_reaches_what_it_names(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	unsigned int batches;

	fill(mock);
	KUNIT_ASSERT_EQ(test, 0, set(mock, MOCK_DEVICES, 0));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, 0, IOMMU_CACHE_INV_TYPE_IOTLB, -1));
	EXPECT_LOG("iotlb0.3[0-ffffffffffffffff] iotlb0.5[0-ffffffffffffffff]");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, 1, IOMMU_CACHE_INV_TYPE_IOTLB, 5));
	EXPECT_LOG("iotlb1.5[0-ffffffffffffffff]");
	mock_clear_log(mock);
	batches = mock->batches;
	/* No entry, no PASID, and no cache of translations */
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, 1, IOMMU_CACHE_INV_TYPE_IOTLB, 6));
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, 1, IOMMU_CACHE_INV_TYPE_IOTLB, 1ULL << 32 | 5));
	KUNIT_EXPECT_EQ(test, 0, resync(mock, MOCK_DEVICES, 1ULL << 32 | 5));
	KUNIT_EXPECT_EQ(test, 0, resync(mock, MOCK_DEVICES, -1));
	EXPECT_LOG("");
	KUNIT_EXPECT_EQ(test, batches, mock->batches);

	/* What has changed is read again where it is said to have. */
	mock->tables[0][3] = 0;
	KUNIT_EXPECT_EQ(test, 0, resync(mock, 1, 3));
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000 1.0=block 1.5=2000");
	mock->tables[0][5] = 0;
	unset(mock, 1);
	EXPECT_STATE("0.0=block 0.3=1000 0.5=2000");
}

static void smmuv3_at_its_bounds(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_pasid_table_config config = table_config(0);
	struct iommu_pasid_smmuv3 *smmuv3 = &config.vendor_data.smmuv3;

	config.format = IOMMU_PASID_FORMAT_SMMUV3;
	smmuv3->version = IOMMU_PASID_TABLE_SMMUV3_CFG_VERSION_1;
	smmuv3->s1fmt = 2;
	smmuv3->s1dss = 2;
	/* Right, and not what the hardware has */
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, iommu_guest_set_table(mock->ctx, NULL, &config));
	smmuv3->s1fmt = 3;
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_set_table(mock->ctx, NULL, &config));
	smmuv3->s1fmt = 2;
	smmuv3->s1dss = 3;
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_set_table(mock->ctx, NULL, &config));
}

static struct kunit_case table_cases[] = {
	KUNIT_CASE(table_comes_and_goes),
	KUNIT_CASE(entry_zero_is_for_requests_without_pasid),
	KUNIT_CASE(pass_is_the_second_stage),
	KUNIT_CASE(bypass_and_abort),
	KUNIT_CASE(set_replaces),
	KUNIT_CASE(old_entry_stays_until_it_is_invalidated),
	KUNIT_CASE(one_invalidation_can_be_for_all_entries),
	KUNIT_CASE(tag_is_for_all_entries),
	KUNIT_CASE(one_read_is_for_all_devices),
	KUNIT_CASE(entries_come_first),
	KUNIT_CASE(bad_entry_is_not_present_and_told),
	KUNIT_CASE(invalidation_does_not_fail),
	KUNIT_CASE(memory_of_the_guest_and_of_the_owner),
	KUNIT_CASE(failure_keeps_what_was_there),
	KUNIT_CASE(failure_halfway_takes_back_what_was_done),
	KUNIT_CASE(what_cannot_come_back_is_not_present),
	KUNIT_CASE(excludes_single_binds),
	KUNIT_CASE(quota_holds_for_entries),
	KUNIT_CASE(quota_at_its_edges),
	KUNIT_CASE(entry_is_not_supported),
	KUNIT_CASE(device_does_not_wake_up),
	KUNIT_CASE(reading_ends_with_the_quota),
	KUNIT_CASE(faults_have_the_numbers_on_the_bus),
	KUNIT_CASE(page_requests_are_of_entries),
	KUNIT_CASE(reader_finds_things_changed),
	KUNIT_CASE(device_comes_while_the_table_is_read),
	KUNIT_CASE(device_must_be_on_the_second_stage),
	KUNIT_CASE(tables_go_together),
	KUNIT_CASE(close_ends_the_table),
	KUNIT_CASE_PARAM(field_is_checked, refusal_gen_params),
	KUNIT_CASE(debugfs_shows_entries),
	KUNIT_CASE(table_that_is_not_read_has_an_address),
	KUNIT_CASE(each_call_is_announced),
	KUNIT_CASE(second_stage_has_an_end),
	KUNIT_CASE(owner_or_driver_cannot),
	KUNIT_CASE(hardware_reads_the_table),
	KUNIT_CASE(native_driver_can_do_less),
	KUNIT_CASE(driver_cannot_block),
	KUNIT_CASE(native_failure_keeps_what_was_there),
	KUNIT_CASE(native_table_needs_no_pasids),
	KUNIT_CASE(without_memory_the_end_blocks),
	KUNIT_CASE(native_names_and_page_requests),
	KUNIT_CASE(many_entries_at_a_time),
	KUNIT_CASE(entries_leave_in_lots),
	KUNIT_CASE(entry_that_goes_gives_its_place_back),
	KUNIT_CASE(invalidation_reaches_what_it_names),
	KUNIT_CASE(smmuv3_at_its_bounds),
	{}
};

static struct kunit_suite table_suite = {
	.name = "iommu-guest-table",
	.init = mock_guest_init,
	.exit = mock_guest_exit,
	.test_cases = table_cases,
};

kunit_test_suite(table_suite);
