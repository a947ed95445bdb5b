// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page request groups that the kernel ends: what the file of the faults says of
 * it, and when it happens
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"

#define PAGE_REQ	VFIO_NESTING_FAULT_PAGE_REQ
#define WITH_ENDS	(PAGE_REQ | VFIO_NESTING_FAULT_REQ_END)
#define RAW		(SVATEST_CF_ATS | SVATEST_CF_PRI | SVATEST_CF_TRUSTED)

/* Far more than a test takes, and the most a test waits for what must come */
#define LONG_MS		600000
#define HANG_MS		20000

FIXTURE(outcome) {
	struct guest guest;
	struct vmm *vmm;
	struct vmm_device *dev;
	struct iommu_fault *records;
	unsigned int room;
	unsigned int old_timeout;
	int fd;
};

FIXTURE_SETUP(outcome)
{
	self->room = 2048;
	self->records = calloc(self->room, sizeof(*self->records));
	ASSERT_NE(NULL, self->records);
	self->old_timeout = fault_set_timeout(10000);
	ASSERT_EQ(0, guest_open(&self->guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&self->guest));
	self->vmm = &self->guest.vmm;
	self->dev = self->guest.dev;
	self->fd = fault_open(self->dev, WITH_ENDS);
	ASSERT_LE(0, self->fd);
	svatest_setup(self->dev, 1, GUEST_PASID, RAW);
}

FIXTURE_TEARDOWN(outcome)
{
	close(self->fd);
	guest_close(&self->guest);
	fault_set_timeout(self->old_timeout);
	free(self->records);
}

/* @count groups of one request, with indexes from @index on */
static void ask(struct vmm_device *dev, unsigned int count, uint32_t index)
{
	svatest_start_requests(dev, 1, GUEST_PASID, GVA_SRC + SIZE_2M, count,
			       SVATEST_PR_READ | SVATEST_PR_LAST |
			       SVATEST_PR_DISTINCT | index);
	svatest_wait(dev, 1);
}

static int set_timeout(struct vmm *vmm, const struct vmm_device *dev, uint32_t ms)
{
	struct vfio_nesting_fault_timeout request = {
		.argsz = sizeof(request), .timeout_ms = ms,
	};

	return vmm_nesting_op(vmm, dev, VFIO_IOMMU_NESTING_OP_FAULT_TIMEOUT,
			      &request, sizeof(request));
}

static int drain(struct vmm *vmm, const struct vmm_device *dev)
{
	return vmm_nesting_op(vmm, dev, VFIO_IOMMU_NESTING_OP_DRAIN, NULL, 0);
}

static uint64_t waiting(const struct vmm_device *dev)
{
	struct fault_counters counters = {};

	return fault_get_counters(dev, &counters) ? ~0ULL : counters.waiting;
}

/* Wait until @count requests wait; false if they do not come to that */
static bool wait_for(const struct vmm_device *dev, uint64_t count, int ms)
{
	for (; waiting(dev) != count; ms -= 10) {
		if (ms <= 0)
			return false;
		usleep(10000);
	}
	return true;
}

static uint64_t ended(const struct vmm_device *dev, enum fault_end end)
{
	struct fault_counters counters = {};

	return fault_get_counters(dev, &counters) ? 0 : counters.ends[end];
}

/* The same until @count groups have come to their end by the deadline */
static bool wait_for_deadlines(const struct vmm_device *dev, uint64_t count,
			       int ms)
{
	for (; ended(dev, FAULT_DEADLINE) < count; ms -= 10) {
		if (ms <= 0)
			return false;
		usleep(10000);
	}
	return true;
}

/* Does each request of @records have one end, after it and with this cause? */
static bool ends_match(const struct iommu_fault *records, int count,
		       uint32_t cause)
{
	int i, j, ends;

	for (i = 0; i < count; i++) {
		if (records[i].type != IOMMU_FAULT_PAGE_REQ)
			continue;
		for (ends = 0, j = 0; j < count; j++) {
			if (records[j].type != IOMMU_FAULT_PAGE_REQ_END ||
			    records[j].end.cookie != records[i].prm.cookie)
				continue;
			ends++;
			if (j < i || records[j].end.cause != cause ||
			    records[j].end.grpid != records[i].prm.grpid ||
			    records[j].end.pasid != records[i].prm.pasid ||
			    !(records[j].end.flags &
			      IOMMU_FAULT_PAGE_REQUEST_PASID_VALID))
				return false;
		}
		if (ends != 1)
			return false;
	}
	return true;
}

static unsigned int count_type(const struct iommu_fault *records, int count,
			       uint32_t type)
{
	unsigned int found = 0;

	while (count-- > 0)
		found += records[count].type == type;
	return found;
}

/* Groups that were not read when it happened: the reader can tell */
TEST_F(outcome, unbind_of_what_is_unread)
{
	int count;

	ask(self->dev, 3, 7);
	ASSERT_TRUE(wait_for(self->dev, 3, HANG_MS));
	EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID));
	count = fault_read(self->fd, self->records, self->room);
	EXPECT_EQ(6, count);
	EXPECT_TRUE(ends_match(self->records, count, IOMMU_FAULT_END_UNBIND));
}

TEST_F(outcome, unbind_of_what_was_read)
{
	ask(self->dev, 1, 7);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID));
	ASSERT_TRUE(fault_wait(self->fd, HANG_MS));
	EXPECT_EQ(1, fault_read(self->fd, self->records + 1, 1));
	EXPECT_TRUE(ends_match(self->records, 2, IOMMU_FAULT_END_UNBIND));
	EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
					IOMMU_PAGE_RESP_SUCCESS));
}

TEST_F(outcome, deadline)
{
	EXPECT_EQ(0, set_timeout(self->vmm, self->dev, 100));
	ask(self->dev, 2, 7);
	/* That none waits may also be because none has arrived yet. */
	ASSERT_TRUE(wait_for_deadlines(self->dev, 2, HANG_MS));
	EXPECT_EQ(0, waiting(self->dev));
	EXPECT_EQ(4, fault_read(self->fd, self->records, self->room));
	EXPECT_TRUE(ends_match(self->records, 4, IOMMU_FAULT_END_DEADLINE));
}

TEST_F(outcome, reset)
{
	struct fault_counters counters;

	ask(self->dev, 2, 7);
	ASSERT_TRUE(wait_for(self->dev, 2, HANG_MS));
	EXPECT_EQ(0, ioctl(self->dev->fd, VFIO_DEVICE_RESET));
	EXPECT_EQ(4, fault_read(self->fd, self->records, self->room));
	EXPECT_TRUE(ends_match(self->records, 4, IOMMU_FAULT_END_RESET));
	ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	EXPECT_EQ(2, counters.ends[FAULT_RESET]);
	EXPECT_TRUE(fault_sums_up(&counters));
}

TEST_F(outcome, answers_have_no_end)
{
	ask(self->dev, 1, 7);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, fault_answer(self->fd, self->records,
				  IOMMU_PAGE_RESP_INVALID));
	EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID));
	EXPECT_FALSE(fault_wait(self->fd, 100));
}

TEST_F(outcome, not_asked_for)
{
	close(self->fd);
	self->fd = fault_open(self->dev, PAGE_REQ);
	ASSERT_LE(0, self->fd);
	ask(self->dev, 2, 7);
	ASSERT_TRUE(wait_for(self->dev, 2, HANG_MS));
	EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID));
	EXPECT_EQ(2, fault_read(self->fd, self->records, self->room));
}

/* However many there are and however long they are not read */
TEST_F_TIMEOUT(outcome, no_end_is_lost, 120)
{
	struct fault_counters counters;
	unsigned int groups, ends;
	uint64_t refused;
	int count;

	ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	refused = counters.ends[FAULT_NO_ROOM];
	while (counters.ends[FAULT_NO_ROOM] == refused) {
		ask(self->dev, counters.limit, 0);
		EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID));
		ASSERT_EQ(0, guest_bind(&self->guest));
		ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	}
	count = fault_read(self->fd, self->records, self->room);
	groups = count_type(self->records, count, IOMMU_FAULT_PAGE_REQ);
	ends = count_type(self->records, count, IOMMU_FAULT_PAGE_REQ_END);
	EXPECT_LT(300, groups);
	EXPECT_EQ(groups, ends);
	EXPECT_TRUE(ends_match(self->records, count, IOMMU_FAULT_END_UNBIND));
	/* There is room again. */
	ask(self->dev, 1, 7);
	EXPECT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, fault_answer(self->fd, self->records,
				  IOMMU_PAGE_RESP_INVALID));
}

/* A later group is not kept waiting by the longer time of an earlier one */
TEST_F(outcome, parameter_lowered_while_a_group_waits)
{
	fault_set_timeout(LONG_MS);
	ask(self->dev, 1, 1);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	fault_set_timeout(300);
	ask(self->dev, 1, 2);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records + 1));
	EXPECT_TRUE(wait_for(self->dev, 1, 20000));
	EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records + 1,
					IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(0, fault_answer(self->fd, self->records,
				  IOMMU_PAGE_RESP_INVALID));
}

/* The time of the VMM holds for what waits as well, counted anew */
TEST_F(outcome, time_of_the_vmm)
{
	fault_set_timeout(1000);
	ask(self->dev, 1, 1);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, set_timeout(self->vmm, NULL, LONG_MS));
	sleep(3);
	EXPECT_EQ(1, waiting(self->dev));
	/* Back to the default, from now on */
	EXPECT_EQ(0, set_timeout(self->vmm, self->dev, 0));
	EXPECT_TRUE(wait_for(self->dev, 0, 20000));
}

/* It ends with the file */
TEST_F(outcome, time_of_an_earlier_file)
{
	EXPECT_EQ(0, set_timeout(self->vmm, self->dev, LONG_MS));
	close(self->fd);
	fault_set_timeout(300);
	self->fd = fault_open(self->dev, PAGE_REQ);
	ASSERT_LE(0, self->fd);
	ask(self->dev, 1, 1);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_TRUE(wait_for(self->dev, 0, 20000));
}

TEST_F(outcome, time_refused)
{
	const unsigned int op = VFIO_IOMMU_NESTING_OP_FAULT_TIMEOUT;
	uint32_t request[4] = { 12, 0, 1000, 0 };
	struct guest other;

	EXPECT_EQ(0, vmm_nesting_op(self->vmm, self->dev, op, request, 16));
	EXPECT_EQ(-EINVAL, vmm_nesting_op(self->vmm, self->dev, op, request, 11));
	request[1] = 1;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(self->vmm, self->dev, op, request, 12));
	request[1] = 0;
	request[0] = 11;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(self->vmm, self->dev, op, request, 12));
	request[0] = 13;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(self->vmm, self->dev, op, request, 12));
	request[3] = 1;
	request[0] = 16;
	EXPECT_EQ(-E2BIG, vmm_nesting_op(self->vmm, self->dev, op, request, 16));
	request[0] = 12;
	EXPECT_EQ(-E2BIG, vmm_nesting_op(self->vmm, self->dev, op, request, 16));

	ASSERT_EQ(0, guest_open(&other, 1, 1));
	EXPECT_EQ(-ENOENT, set_timeout(&other.vmm, NULL, 1000));
	EXPECT_EQ(-ENOENT, set_timeout(self->vmm, other.dev, 1000));
	guest_close(&other);
}

/* What was sent is in the file, without a wait for it */
TEST_F(outcome, drained)
{
	unsigned int round;
	int count;

	for (round = 0; round < 20; round++) {
		ask(self->dev, 30, round);
		EXPECT_EQ(0, drain(self->vmm, round % 2 ? self->dev : NULL));
		count = fault_read(self->fd, self->records, self->room);
		EXPECT_EQ(30, count);
		EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID));
		EXPECT_EQ(0, guest_bind(&self->guest));
		fault_read(self->fd, self->records, self->room);
	}
}

TEST_F(outcome, drain_refused)
{
	uint32_t payload[2] = { 0, 0 };
	struct guest other;

	EXPECT_EQ(0, vmm_nesting_op(self->vmm, self->dev,
				    VFIO_IOMMU_NESTING_OP_DRAIN, payload, 8));
	payload[1] = 1;
	EXPECT_EQ(-E2BIG, vmm_nesting_op(self->vmm, self->dev,
					 VFIO_IOMMU_NESTING_OP_DRAIN, payload, 8));
	ASSERT_EQ(0, guest_open(&other, 1, 1));
	EXPECT_EQ(-ENODEV, drain(self->vmm, other.dev));
	EXPECT_EQ(0, drain(&other.vmm, NULL));
	vmm_device_close(other.dev);
	EXPECT_EQ(-ENODEV, drain(&other.vmm, NULL));
	guest_close(&other);
}

TEST_HARNESS_MAIN
