// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: KUnit tests of records, byte by byte
 *
 * Records go to user space as they are. Memory that they may be made of is filled
 * with a pattern first, and none of it may show. For records on the stack that is
 * what CONFIG_INIT_STACK_ALL_PATTERN does.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "fault_kunit.h"

#define POISON		0xa5
#define POISON_OBJECTS	32

/* Leave the pattern in free memory */
static void poison_heap(struct kunit *test, size_t size)
{
	void *objects[POISON_OBJECTS];
	int i;

	for (i = 0; i < POISON_OBJECTS; i++) {
		objects[i] = kmalloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objects[i]);
		memset(objects[i], POISON, size);
	}
	for (i = 0; i < POISON_OBJECTS; i++)
		kfree(objects[i]);
}

static void expect_record(struct kunit *test, const struct iommu_fault *expected,
			  const struct iommu_fault *record)
{
	KUNIT_EXPECT_MEMEQ(test, expected, record, sizeof(*record));
}

static struct iommu_fault expected_request(u64 addr, u64 cookie)
{
	struct iommu_fault record;

	memset(&record, 0, sizeof(record));
	record.type = IOMMU_FAULT_PAGE_REQ;
	record.prm.flags = IOMMU_FAULT_PAGE_REQUEST_PASID_VALID |
			   IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID;
	if (cookie)
		record.prm.flags |= IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE |
				    IOMMU_FAULT_PAGE_REQUEST_COOKIE_VALID;
	record.prm.pasid = 10;
	record.prm.grpid = 3;
	record.prm.perm = IOMMU_FAULT_PERM_READ;
	record.prm.addr = addr;
	record.prm.cookie = cookie;
	return record;
}

static void bytes_of_a_single_request(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_fault expected = expected_request(0x1000, 1);

	fault_bind_same(test, 0, 10);
	mock_request(mock, 0, 10, 3, 0x1000, true);
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	expect_record(test, &expected, &owner->records[0]);

	/* The mock has its number of resets in private data that it does not say it has. */
	mock_reset(mock, 0, NULL, NULL);
	mock_request(mock, 0, 10, 3, 0x1000, true);
	KUNIT_ASSERT_EQ(test, 2, owner->used);
	expected.prm.cookie++;
	expect_record(test, &expected, &owner->records[1]);
}

static void bytes_of_a_group(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_fault expected;
	int i;

	fault_bind_same(test, 0, 10);
	mock_request(mock, 0, 10, 3, 0x1000, false);
	mock_request(mock, 0, 10, 3, 0x2000, false);
	poison_heap(test, 3 * sizeof(struct iommu_fault));
	mock_request(mock, 0, 10, 3, 0x3000, true);
	KUNIT_ASSERT_EQ(test, 3, owner->used);
	for (i = 0; i < 3; i++) {
		expected = expected_request(0x1000 * (i + 1), i == 2);
		expect_record(test, &expected, &owner->records[i]);
	}
}

/* What a driver leaves in fields that it does not use */
static void bytes_of_an_unrecoverable_fault(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_fault fault, expected;

	memset(&fault, POISON, sizeof(fault));
	fault.type = IOMMU_FAULT_DMA_UNRECOV;
	fault.event.reason = IOMMU_FAULT_REASON_PTE_FETCH;
	fault.event.perm = IOMMU_FAULT_PERM_WRITE;
	fault.event.flags = 0;
	mock_report(mock, 0, &fault);

	memset(&expected, 0, sizeof(expected));
	expected.type = IOMMU_FAULT_DMA_UNRECOV;
	expected.event.reason = IOMMU_FAULT_REASON_PTE_FETCH;
	expected.event.perm = IOMMU_FAULT_PERM_WRITE;
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	expect_record(test, &expected, &owner->records[0]);
}

static void bytes_of_an_end(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_fault expected;

	fault_bind_as(test, 0, 10, 42);
	fault_request(mock, 0, 10, 3);
	iommu_fault_expire(owner->handler, HZ * 11);

	memset(&expected, 0, sizeof(expected));
	expected.type = IOMMU_FAULT_PAGE_REQ_END;
	expected.end.flags = IOMMU_FAULT_PAGE_REQUEST_PASID_VALID;
	expected.end.pasid = 42;
	expected.end.grpid = 3;
	expected.end.cause = IOMMU_FAULT_END_DEADLINE;
	expected.end.cookie = 1;
	KUNIT_ASSERT_EQ(test, 1, owner->ended);
	expect_record(test, &expected, &owner->ends[0]);
}

/* The device could not be asked for less: no PASID, no address, no access */
static void device_off_is_about_no_transaction(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *device = fault_own_device(test, 0);
	struct fault_owner *pasid = fault_own_pasid(test, 0, 10);
	struct fault_owner *other = fault_own_device(test, 1);
	struct iommu_fault fault, expected;

	memset(&fault, POISON, sizeof(fault));
	fault.type = IOMMU_FAULT_DMA_UNRECOV;
	fault.event.reason = IOMMU_FAULT_REASON_DEVICE_OFF;
	KUNIT_EXPECT_EQ(test, 0, mock_report(mock, 0, &fault));
	fault_disown(pasid);

	memset(&expected, 0, sizeof(expected));
	expected.type = IOMMU_FAULT_DMA_UNRECOV;
	expected.event.reason = IOMMU_FAULT_REASON_DEVICE_OFF;
	/* It concerns all owners of the device. */
	KUNIT_ASSERT_EQ(test, 1, device->used);
	expect_record(test, &expected, &device->records[0]);
	KUNIT_ASSERT_EQ(test, 1, pasid->used);
	expect_record(test, &expected, &pasid->records[0]);
	KUNIT_EXPECT_EQ(test, 0, other->used);
}

static const struct iommu_fault *report_pasid(struct kunit *test,
					      struct fault_owner *owner,
					      u32 pasid)
{
	struct iommu_fault fault = {
		.type = IOMMU_FAULT_DMA_UNRECOV,
		.event.flags = IOMMU_FAULT_UNRECOV_PASID_VALID,
		.event.pasid = pasid,
	};

	owner->used = 0;
	mock_report(test->priv, 0, &fault);
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	return &owner->records[0];
}

static void pasid_on_the_bus_is_for_private_owners(struct kunit *test)
{
	struct iommu_fault_handler_ops ops = fault_owner_ops;
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_owner(test);
	const struct iommu_fault *record;

	owner->handler = iommu_guest_handle_faults(mock->ctx, mock_dev(mock, 0),
						   &ops, owner, true);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owner->handler);
	fault_bind_as(test, 0, 10, 42);

	record = report_pasid(test, owner, 11);
	KUNIT_EXPECT_EQ(test, 0, record->event.flags);
	KUNIT_EXPECT_EQ(test, 0, record->event.pasid);

	ops.private_pasids = true;
	record = report_pasid(test, owner, 11);
	KUNIT_EXPECT_EQ(test, IOMMU_FAULT_UNRECOV_PASID_VALID |
			IOMMU_FAULT_UNRECOV_BUS_PASID, record->event.flags);
	KUNIT_EXPECT_EQ(test, 11, record->event.pasid);

	record = report_pasid(test, owner, 10);
	KUNIT_EXPECT_EQ(test, IOMMU_FAULT_UNRECOV_PASID_VALID,
			record->event.flags);
	KUNIT_EXPECT_EQ(test, 42, record->event.pasid);
	mock_guest_close(mock);
}

/* What somebody else has attached has no number of the owner's behind its handle. */
static void number_is_of_guest_pasids_alone(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_fault_handle other = { .guest_pasid = 42 };

	KUNIT_ASSERT_EQ(test, 0,
			iommu_attach_device_pasid(mock->parent, mock_dev(mock, 0),
						  11, &other.attach));
	KUNIT_EXPECT_EQ(test, 0, report_pasid(test, owner, 11)->event.flags);
	iommu_detach_device_pasid(mock->parent, mock_dev(mock, 0), 11);
}

/*
 * A request with private data has an answer of its own, even within a group: the
 * driver reports it as a group, so that two have the same index for a while.
 */
static void private_data_is_passed_on(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_fault fault = expected_request(0x1000, 0);

	fault_bind_same(test, 0, 10);
	fault.prm.flags |= IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE |
			   IOMMU_FAULT_PAGE_REQUEST_PRIV_DATA;
	fault.prm.private_data[0] = 0x1234;
	fault.prm.private_data[1] = 0x5678;
	mock_report(mock, 0, &fault);
	mock_request(mock, 0, 10, 3, 0x2000, true);

	KUNIT_ASSERT_EQ(test, 2, owner->used);
	fault.prm.flags |= IOMMU_FAULT_PAGE_REQUEST_COOKIE_VALID;
	fault.prm.cookie = 1;
	expect_record(test, &fault, &owner->records[0]);
	fault = expected_request(0x2000, 2);
	expect_record(test, &fault, &owner->records[1]);

	KUNIT_EXPECT_EQ(test, 1, fault_respond_cookie(owner, 10, 3, 2));
	KUNIT_EXPECT_EQ(test, 0, mock->devs[0].private_data[0]);
	KUNIT_EXPECT_EQ(test, 1, fault_respond_cookie(owner, 10, 3, 1));
	KUNIT_EXPECT_EQ(test, 0x1234, mock->devs[0].private_data[0]);
	KUNIT_EXPECT_EQ(test, 0x5678, mock->devs[0].private_data[1]);
}

static struct kunit_case fault_record_cases[] = {
	KUNIT_CASE(bytes_of_a_single_request),
	KUNIT_CASE(bytes_of_a_group),
	KUNIT_CASE(bytes_of_an_unrecoverable_fault),
	KUNIT_CASE(bytes_of_an_end),
	KUNIT_CASE(device_off_is_about_no_transaction),
	KUNIT_CASE(pasid_on_the_bus_is_for_private_owners),
	KUNIT_CASE(number_is_of_guest_pasids_alone),
	KUNIT_CASE(private_data_is_passed_on),
	{}
};

static struct kunit_suite fault_record_suite = {
	.name = "iommu-fault-record",
	.init = mock_guest_init,
	.exit = mock_guest_exit,
	.test_cases = fault_record_cases,
};

kunit_test_suite(fault_record_suite);
