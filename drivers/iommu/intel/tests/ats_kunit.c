// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the VT-d driver: devices that do not complete invalidations
 */
#include "test_unit.h"

#define NOBODY		0x0bad		/* requester id of no device */

static void few_timeouts_are_forgiven(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	int i;

	for (i = 0; i < 3; i++) {
		unit->devices[0].dead = 2;
		test_unit_invalidate(unit, 0);
		KUNIT_EXPECT_FALSE(test, unit->devices[0].info.ats_cut_off);
		KUNIT_EXPECT_EQ(test, unit->iommu.ats_watched, 0U);
	}
	KUNIT_EXPECT_EQ(test, unit->timeouts, 6U);
	KUNIT_EXPECT_EQ(test, test_unit_context(unit, 0)->lo, 0x1001ULL);
}

static void third_in_a_row_cuts_off(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	u16 sid = test_device_sid(&unit->devices[0]);

	unit->devices[0].dead = TEST_EVER;
	test_unit_invalidate(unit, 0);
	KUNIT_EXPECT_TRUE(test, unit->devices[0].info.ats_cut_off);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 3U);
	KUNIT_EXPECT_EQ(test, test_unit_context(unit, 0)->lo, 0x1000ULL);
	/* What stands in for the invalidation is complete before the call returns. */
	KUNIT_ASSERT_EQ(test, unit->logged, 4U);
	KUNIT_EXPECT_EQ(test, unit->log[3].desc.qw0,
			QI_CC_TYPE | QI_CC_SID(sid) | QI_CC_GRAN(DMA_CCMD_DEVICE_INVL));

	qi_flush_dev_iotlb(&unit->iommu, sid, 0, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 3U);
	/* Another's is not affected. */
	test_unit_invalidate(unit, 1);
	KUNIT_EXPECT_EQ(test, test_unit_count_device(unit, test_device_sid(&unit->devices[1])), 1U);
	KUNIT_EXPECT_EQ(test, test_unit_context(unit, 1)->lo, 0x1001ULL);
}

/* A unit that waits for long: the first time-out is enough. */
static void long_timeout_cuts_off(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	dmar_ats_timeout_ms = 20;
	unit->delay_ms = 20;
	unit->devices[0].dead = TEST_EVER;
	test_unit_invalidate(unit, 0);
	KUNIT_EXPECT_TRUE(test, unit->devices[0].info.ats_cut_off);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 1U);
}

static void submit_batch(struct kunit *test, u16 first, u16 second)
{
	struct test_unit *unit = test->priv;
	struct qi_desc descs[3] = { };

	qi_desc_dev_iotlb_pasid(first, 0, 5, 0, 0, 0, &descs[0]);
	qi_desc_iotlb(&unit->iommu, 9, 0, 0, DMA_TLB_DSI_FLUSH, &descs[1]);
	qi_desc_dev_iotlb_pasid(second, 0, 5, 0, 0, 0, &descs[2]);
	KUNIT_EXPECT_EQ(test, qi_submit_sync(&unit->iommu, descs, ARRAY_SIZE(descs), 0), 0);
}

/* Whatever one device does, the rest of the batch is done when the call returns. */
static void rest_of_batch_is_done(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	u16 first = test_device_sid(&unit->devices[0]), second = test_device_sid(&unit->devices[1]);

	unit->devices[0].dead = TEST_EVER;
	submit_batch(test, first, second);
	KUNIT_EXPECT_TRUE(test, unit->devices[0].info.ats_cut_off);
	KUNIT_EXPECT_EQ(test, test_unit_count_type(unit, QI_IOTLB_TYPE), 1U);
	KUNIT_EXPECT_EQ(test, test_unit_count_device(unit, second), 1U);
	KUNIT_EXPECT_FALSE(test, unit->devices[1].info.ats_cut_off);
}

static void absent_device_is_cut_off_at_once(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	u16 first = test_device_sid(&unit->devices[0]), second = test_device_sid(&unit->devices[1]);

	unit->devices[0].dead = TEST_EVER;
	unit->devices[0].gone = true;
	submit_batch(test, first, second);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 1U);
	KUNIT_EXPECT_EQ(test, test_unit_context(unit, 0)->lo, 0x1000ULL);
	KUNIT_EXPECT_EQ(test, test_unit_count_type(unit, QI_IOTLB_TYPE), 1U);
	KUNIT_EXPECT_EQ(test, test_unit_count_device(unit, second), 1U);
}

static void id_of_no_device_is_left_out(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	u16 second = test_device_sid(&unit->devices[1]);

	submit_batch(test, NOBODY, second);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 1U);
	KUNIT_EXPECT_EQ(test, test_unit_count_type(unit, QI_IOTLB_TYPE), 1U);
	KUNIT_EXPECT_EQ(test, test_unit_count_device(unit, second), 1U);
	KUNIT_EXPECT_EQ(test, unit->iommu.ats_watched, 0U);
}

/* What two devices are waited for together says nothing of either. */
static void shared_wait_counts_for_nobody(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	unit->delay_ms = 5;
	submit_batch(test, test_device_sid(&unit->devices[0]), test_device_sid(&unit->devices[1]));
	KUNIT_EXPECT_EQ(test, unit->devices[0].info.ats_waited, 0ULL);
	KUNIT_EXPECT_EQ(test, unit->devices[1].info.ats_waited, 0ULL);
	KUNIT_EXPECT_NE(test, unit->devices[0].info.ats_shared, 0ULL);
	KUNIT_EXPECT_EQ(test, unit->devices[0].info.ats_shared,
			unit->devices[1].info.ats_shared);
	submit_batch(test, test_device_sid(&unit->devices[1]), test_device_sid(&unit->devices[1]));
	KUNIT_EXPECT_EQ(test, unit->devices[0].info.ats_waited, 0ULL);
	KUNIT_EXPECT_NE(test, unit->devices[1].info.ats_waited, 0ULL);
}

static void two_dead_devices_end(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	unit->devices[0].dead = TEST_EVER;
	unit->devices[1].dead = TEST_EVER;
	submit_batch(test, test_device_sid(&unit->devices[0]), test_device_sid(&unit->devices[1]));
	KUNIT_EXPECT_TRUE(test, unit->devices[0].info.ats_cut_off);
	KUNIT_EXPECT_TRUE(test, unit->devices[1].info.ats_cut_off);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 6U);
	KUNIT_EXPECT_EQ(test, unit->iommu.ats_watched, 2U);
}

static void reset_lets_device_in(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct test_device *device = &unit->devices[0];

	test_unit_context(unit, 0)->lo |= BIT_ULL(4);	/* page requests */
	device->dead = TEST_EVER;
	test_unit_invalidate(unit, 0);
	KUNIT_ASSERT_EQ(test, test_unit_context(unit, 0)->lo, 0x1010ULL);

	device->dead = 0;
	intel_iommu_ops.reset_done(device->info.dev);
	KUNIT_EXPECT_EQ(test, test_unit_context(unit, 0)->lo, 0x1011ULL);
	KUNIT_EXPECT_FALSE(test, device->info.ats_cut_off);
	KUNIT_EXPECT_EQ(test, device->info.ats_timeouts, 0U);
	KUNIT_EXPECT_EQ(test, unit->iommu.ats_watched, 0U);
	unit->logged = 0;
	test_unit_invalidate(unit, 0);
	KUNIT_EXPECT_EQ(test, test_unit_count_device(unit, test_device_sid(device)), 1U);

	/* The reset of a device that is well changes nothing. */
	intel_iommu_ops.reset_done(device->info.dev);
	KUNIT_EXPECT_EQ(test, test_unit_context(unit, 0)->lo, 0x1011ULL);

	/* Without an entry there is nothing to be present. */
	device->dead = TEST_EVER;
	test_unit_invalidate(unit, 0);
	test_unit_context(unit, 0)->lo = 0;
	intel_iommu_ops.reset_done(device->info.dev);
	KUNIT_EXPECT_EQ(test, test_unit_context(unit, 0)->lo, 0ULL);
	KUNIT_EXPECT_FALSE(test, device->info.ats_cut_off);
}

/* Entries that are not present may be cached. */
static void reset_flushes_in_caching_mode(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	unit->iommu.cap |= BIT_ULL(7);
	unit->devices[0].dead = TEST_EVER;
	test_unit_invalidate(unit, 0);
	unit->logged = 0;
	intel_iommu_ops.reset_done(unit->devices[0].info.dev);
	KUNIT_ASSERT_EQ(test, unit->logged, 3U);
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 0), (u64)QI_CC_TYPE);
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 1), (u64)QI_PC_TYPE);
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 2), (u64)QI_IOTLB_TYPE);
}

/* The context cache of legacy mode is tagged with the domain id. */
static void legacy_names_domain(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	u16 sid = test_device_sid(&unit->devices[0]);
	struct context_entry *context;
	struct qi_desc desc;

	unit->iommu.ecap &= ~BIT_ULL(43);
	context = test_unit_context(unit, 0);
	context->lo = 0x2005;
	context->hi = 0x702;		/* domain id 7 */
	unit->devices[0].dead = TEST_EVER;
	qi_desc_dev_iotlb(sid, 0, 0, 0, 0, &desc);
	KUNIT_EXPECT_EQ(test, qi_submit_sync(&unit->iommu, &desc, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, context->lo, 0x2004ULL);
	KUNIT_EXPECT_EQ(test, unit->log[unit->logged - 1].desc.qw0,
			QI_CC_TYPE | QI_CC_SID(sid) | QI_CC_DID(7) |
			QI_CC_GRAN(DMA_CCMD_DEVICE_INVL));
}

static void page_requests_end_when_cut_off(struct kunit *test)
{
	struct iopf_queue *faults = iopf_queue_alloc("vtd-test-cache");
	struct test_unit *unit = test->priv;
	struct test_device *device = &unit->devices[0];

	KUNIT_ASSERT_NOT_NULL(test, faults);
	KUNIT_ASSERT_EQ(test, iopf_queue_add_device(faults, device->info.dev), 0);
	unit->iommu.iopf_queue = faults;
	device->info.pri_enabled = 1;
	device->pdev.pri_enabled = 1;
	test_unit_context(unit, 0)->lo |= BIT_ULL(4);
	device->dead = TEST_EVER;
	test_unit_invalidate(unit, 0);

	unit->logged = 0;
	KUNIT_EXPECT_EQ(test, intel_iommu_ops.dev_disable_feat(device->info.dev,
							       IOMMU_DEV_FEAT_IOPF), 0);
	KUNIT_EXPECT_NE(test, test_unit_count_type(unit, QI_CC_TYPE), 0U);
	KUNIT_EXPECT_EQ(test, test_unit_context(unit, 0)->lo, 0x1000ULL);
	intel_iommu_ops.reset_done(device->info.dev);
	KUNIT_EXPECT_EQ(test, test_unit_context(unit, 0)->lo, 0x1001ULL);
	iopf_queue_free(faults);
}

static struct kunit_case vtd_ats_test_cases[] = {
	KUNIT_CASE(few_timeouts_are_forgiven),
	KUNIT_CASE(third_in_a_row_cuts_off),
	KUNIT_CASE(long_timeout_cuts_off),
	KUNIT_CASE(rest_of_batch_is_done),
	KUNIT_CASE(absent_device_is_cut_off_at_once),
	KUNIT_CASE(id_of_no_device_is_left_out),
	KUNIT_CASE(shared_wait_counts_for_nobody),
	KUNIT_CASE(two_dead_devices_end),
	KUNIT_CASE(reset_lets_device_in),
	KUNIT_CASE(reset_flushes_in_caching_mode),
	KUNIT_CASE(legacy_names_domain),
	KUNIT_CASE(page_requests_end_when_cut_off),
	{}
};

static struct kunit_suite vtd_ats_test_suite = {
	.name = "intel-iommu-ats",
	.init = test_unit_init,
	.exit = test_unit_exit,
	.test_cases = vtd_ats_test_cases,
};

kunit_test_suite(vtd_ats_test_suite);
