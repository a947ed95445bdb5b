// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: KUnit tests of groups that are not complete
 *
 * The last request of a group collects the earlier ones. Those belong to the PASID
 * of a device and to what it was attached to when they came.
 */
#include "fault_kunit.h"

#define PARTIAL_MAX	2048

/* Three requests without an end */
static void begin_group(struct mock_guest *mock, unsigned int index, u32 pasid,
			u32 grpid)
{
	int i;

	for (i = 0; i < 3; i++)
		mock_request(mock, index, pasid, grpid, 0x1000 * i, false);
}

/* The end of it: of how many requests is the group that is reported? */
static unsigned int end_group(struct mock_guest *mock, struct fault_owner *owner,
			      unsigned int index, u32 pasid, u32 grpid)
{
	unsigned int used = owner->used;

	mock_request(mock, index, pasid, grpid, 0x9000, true);
	return owner->used - used;
}

static unsigned int partial_count(struct mock_guest *mock, unsigned int index)
{
	struct iommu_fault_param *param;

	param = rcu_dereference_protected(mock_dev(mock, index)->iommu->fault_param,
					  true);
	return param->partial_count;
}

static void partial_group_ends_with_unbind(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_same(test, 0, 10);
	fault_bind_same(test, 0, 11);
	begin_group(mock, 0, 10, 3);
	begin_group(mock, 0, 11, 3);
	iommu_guest_unbind_gpasid(mock->ctx, NULL, 10);
	KUNIT_EXPECT_EQ(test, 3, partial_count(mock, 0));
	KUNIT_ASSERT_EQ(test, 0, fault_bind(mock, 0, 10, 0x2000));
	KUNIT_EXPECT_EQ(test, 1, end_group(mock, owner, 0, 10, 3));
	KUNIT_EXPECT_EQ(test, 4, end_group(mock, owner, 0, 11, 3));
}

static void partial_group_ends_with_replace(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_same(test, 0, 10);
	fault_bind_same(test, 0, 11);
	begin_group(mock, 0, 10, 3);
	begin_group(mock, 0, 11, 3);
	KUNIT_ASSERT_EQ(test, 0, fault_bind(mock, 0, 10, 0x2000));
	KUNIT_EXPECT_EQ(test, 1, end_group(mock, owner, 0, 10, 3));
	KUNIT_EXPECT_EQ(test, 4, end_group(mock, owner, 0, 11, 3));
}

static void partial_group_ends_with_handler(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *device = fault_own_device(test, 0);
	struct fault_owner *pasid = fault_own_pasid(test, 0, 11);

	fault_bind_same(test, 0, 10);
	fault_bind_same(test, 0, 11);
	begin_group(mock, 0, 10, 3);
	begin_group(mock, 0, 11, 3);
	iommu_fault_handler_stop(device->handler);
	KUNIT_EXPECT_EQ(test, 3, partial_count(mock, 0));
	begin_group(mock, 0, 10, 3);
	iommu_fault_handler_start(device->handler);
	KUNIT_EXPECT_EQ(test, 3, partial_count(mock, 0));
	KUNIT_EXPECT_EQ(test, 1, end_group(mock, device, 0, 10, 3));
	KUNIT_EXPECT_EQ(test, 4, end_group(mock, pasid, 0, 11, 3));

	begin_group(mock, 0, 10, 3);
	begin_group(mock, 0, 11, 3);
	iommu_fault_handler_stop(pasid->handler);
	KUNIT_EXPECT_EQ(test, 3, partial_count(mock, 0));
	KUNIT_EXPECT_EQ(test, 4, end_group(mock, device, 0, 10, 3));
	fault_disown(pasid);
}

static void partial_group_ends_with_reset(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct fault_owner *other = fault_own_device(test, 1);

	fault_bind_same(test, 0, 10);
	fault_bind_same(test, 1, 10);
	begin_group(mock, 0, 10, 3);
	begin_group(mock, 1, 10, 3);
	mock_reset(mock, 0, NULL, NULL);
	KUNIT_EXPECT_EQ(test, 1, end_group(mock, owner, 0, 10, 3));
	KUNIT_EXPECT_EQ(test, 4, end_group(mock, other, 1, 10, 3));
}

/* The one that floods loses its own, the oldest first */
static void flood_of_a_pasid_costs_no_other(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	unsigned int i;

	fault_bind_same(test, 0, 10);
	fault_bind_same(test, 0, 11);
	begin_group(mock, 0, 11, 3);
	begin_group(mock, 0, 10, 4);
	for (i = 0; i < PARTIAL_MAX; i++)
		mock_request(mock, 0, 10, 5, (u64)i << 12, false);
	KUNIT_EXPECT_EQ(test, PARTIAL_MAX, partial_count(mock, 0));
	KUNIT_EXPECT_EQ(test, 4, end_group(mock, owner, 0, 11, 3));
	KUNIT_EXPECT_EQ(test, 1, end_group(mock, owner, 0, 10, 4));
}

static void overflow_of_the_queue_costs_no_other(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct fault_owner *other = fault_own_device(test, 1);
	unsigned int i;

	fault_bind_same(test, 0, 10);
	fault_bind_same(test, 1, 10);
	begin_group(mock, 0, 10, 3);
	for (i = 0; i <= MOCK_CREDIT; i++)
		mock_request(mock, 1, 10, 3, (u64)i << 12, false);
	iopf_queue_discard_partial(mock->queue);
	KUNIT_EXPECT_EQ(test, 4, end_group(mock, owner, 0, 10, 3));
	KUNIT_EXPECT_EQ(test, 1, end_group(mock, other, 1, 10, 3));
}

/* The kernel says nothing, and tools/testing/kunit sees to it that it does not. */
static void requests_that_nobody_enabled_are_refused(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	fault_bind_same(test, 0, 10);
	KUNIT_EXPECT_EQ(test, -EINVAL, mock_request(mock, 0, 10, 3, 0x1000, false));
	KUNIT_EXPECT_STREQ(test, mock->log, "");
	KUNIT_EXPECT_EQ(test, -EINVAL, mock_request(mock, 0, 10, 3, 0x1000, true));
	KUNIT_EXPECT_STREQ(test, mock->log, "answer0.a.3=1");
}

static struct kunit_case fault_partial_cases[] = {
	KUNIT_CASE(partial_group_ends_with_unbind),
	KUNIT_CASE(partial_group_ends_with_replace),
	KUNIT_CASE(partial_group_ends_with_handler),
	KUNIT_CASE(partial_group_ends_with_reset),
	KUNIT_CASE(flood_of_a_pasid_costs_no_other),
	KUNIT_CASE(overflow_of_the_queue_costs_no_other),
	KUNIT_CASE(requests_that_nobody_enabled_are_refused),
	{}
};

static struct kunit_suite fault_partial_suite = {
	.name = "iommu-fault-partial",
	.init = mock_guest_init,
	.exit = mock_guest_exit,
	.test_cases = fault_partial_cases,
};

kunit_test_suite(fault_partial_suite);
