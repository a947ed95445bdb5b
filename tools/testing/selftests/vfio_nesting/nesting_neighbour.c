// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests: what a guest gets wrong is not felt by another one
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"

#define PATTERN		0x1122334455667788ULL
#define PAGE_REQ	VFIO_NESTING_FAULT_PAGE_REQ
#define PRI		(SVATEST_CF_ATS | SVATEST_CF_PRI)
#define RAW		(PRI | SVATEST_CF_TRUSTED)

/* Two guests: what the one gets wrong is not felt by the other */
FIXTURE(neighbours) {
	struct guest bad, good;
	struct iommu_fault records[FAULT_ROOM];
	int bad_fd, good_fd;
};

FIXTURE_SETUP(neighbours)
{
	ASSERT_EQ(0, guest_open(&self->bad, 0, 1));
	ASSERT_EQ(0, guest_open(&self->good, 1, 1));
	ASSERT_EQ(0, guest_bind(&self->bad));
	ASSERT_EQ(0, guest_bind(&self->good));
	self->bad_fd = fault_open(self->bad.dev, PAGE_REQ);
	self->good_fd = fault_open(self->good.dev, PAGE_REQ);
	ASSERT_LE(0, self->bad_fd);
	ASSERT_LE(0, self->good_fd);
	svatest_setup(self->bad.dev, 0, GUEST_PASID, RAW);
	svatest_setup(self->good.dev, 0, GUEST_PASID, PRI);
	svatest_setup(self->good.dev, 1, GUEST_PASID + 1, 0);
}

FIXTURE_TEARDOWN(neighbours)
{
	struct fault_counters counters;

	EXPECT_EQ(0, fault_get_counters(self->good.dev, &counters));
	EXPECT_TRUE(fault_sums_up(&counters));
	EXPECT_EQ(counters.groups, counters.ends[FAULT_SUCCESS]);
	close(self->bad_fd);
	close(self->good_fd);
	guest_close(&self->bad);
	guest_close(&self->good);
}

/* One request of the good device, from the question to the end */
static bool good_is_served(struct guest *good, int fd, uint64_t page)
{
	struct iommu_fault records[FAULT_ROOM];
	uint64_t gva = GVA_DST + SIZE_2M + page * SIZE_4K;

	svatest_start_fill(good->dev, 0, gva, PATTERN, 8);
	/* Hardware may have answered for us, with an overflow. */
	while (!fault_wait(fd, 10))
		if (!svatest_busy(good->dev, 0))
			return false;
	if (fault_next_group(fd, records) != 1 || records[0].prm.addr != gva)
		return false;
	guest_map_page(good, gva, good->dst);
	return !fault_answer(fd, records, IOMMU_PAGE_RESP_SUCCESS) &&
	       svatest_wait(good->dev, 0).status == SVATEST_ST_OK;
}

TEST_F(neighbours, answers_of_a_stranger)
{
	struct iommu_page_response resp;

	svatest_start_fill(self->good.dev, 0, GVA_DST + SIZE_2M, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(self->good_fd, self->records));
	resp = fault_response(self->records, IOMMU_PAGE_RESP_FAILURE);
	EXPECT_EQ(-ENOENT, fault_write(self->bad_fd, &resp, 1));
	EXPECT_EQ(-ENOENT, fault_answer_op(&self->bad.vmm, NULL, &resp));
	EXPECT_EQ(-ENOENT, fault_answer_op(&self->bad.vmm, self->good.dev, &resp));
	EXPECT_TRUE(svatest_busy(self->good.dev, 0));

	guest_map_page(&self->good, GVA_DST + SIZE_2M, self->good.dst);
	EXPECT_EQ(0, fault_answer(self->good_fd, self->records,
				  IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->good.dev, 0).status);
}

/* Many more requests than credits, and nobody who reads them */
TEST_F(neighbours, flood_with_a_dead_consumer)
{
	struct fault_counters counters;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		svatest_start_requests(self->bad.dev, 0, GUEST_PASID, GVA_SRC, 500,
				       SVATEST_PR_READ | SVATEST_PR_LAST |
				       SVATEST_PR_DISTINCT);
		EXPECT_TRUE(good_is_served(&self->good, self->good_fd, i));
		svatest_wait(self->bad.dev, 0);
	}

	ASSERT_EQ(0, fault_get_counters(self->bad.dev, &counters));
	EXPECT_LE(counters.waiting, counters.limit);
	EXPECT_LT(0, counters.ends[FAULT_OVER_LIMIT]);
	EXPECT_TRUE(fault_sums_up(&counters));
	/* It comes back to life. */
	EXPECT_EQ(0, close(self->bad_fd));
	self->bad_fd = fault_open(self->bad.dev, PAGE_REQ);
	EXPECT_LE(0, self->bad_fd);
	EXPECT_TRUE(good_is_served(&self->good, self->good_fd, i));
}

#define FLOODS		20
#define FLOOD		500

/* Ten thousand requests from each of two others take nothing from its credit. */
TEST_F_TIMEOUT(neighbours, two_floods, 300)
{
	struct fault_counters counters;
	struct guest second;
	unsigned int i;
	int fd;

	ASSERT_EQ(0, guest_open(&second, 2, 1));
	ASSERT_EQ(0, guest_bind(&second));
	fd = fault_open(second.dev, PAGE_REQ);
	ASSERT_LE(0, fd);
	svatest_setup(second.dev, 0, GUEST_PASID, RAW);

	for (i = 0; i < FLOODS; i++) {
		const uint32_t aux = SVATEST_PR_READ | SVATEST_PR_LAST |
				     SVATEST_PR_DISTINCT;

		svatest_start_requests(self->bad.dev, 0, GUEST_PASID, GVA_SRC, FLOOD, aux);
		svatest_start_requests(second.dev, 0, GUEST_PASID, GVA_SRC, FLOOD, aux);
		EXPECT_TRUE(good_is_served(&self->good, self->good_fd, i));
		svatest_wait(self->bad.dev, 0);
		svatest_wait(second.dev, 0);
	}

	ASSERT_EQ(0, fault_get_counters(second.dev, &counters));
	EXPECT_EQ(counters.limit, counters.waiting);
	EXPECT_LT(0, counters.ends[FAULT_OVER_LIMIT]);
	EXPECT_TRUE(fault_sums_up(&counters));
	/* Of the victim all were answered by its guest, none by the host. */
	ASSERT_EQ(0, fault_get_counters(self->good.dev, &counters));
	EXPECT_EQ(FLOODS, counters.groups);
	EXPECT_EQ(FLOODS, counters.ends[FAULT_SUCCESS]);
	close(fd);
	guest_close(&second);
}

/* More than the unit's queue holds: hardware answers, and all go on */
TEST_F_TIMEOUT(neighbours, overflow_of_the_queue, 300)
{
	uint32_t aux = SVATEST_PR_READ | SVATEST_PR_LAST |
		       SVATEST_PR_DISTINCT | SVATEST_PR_SAME_ADDR;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		svatest_start_requests(self->bad.dev, 0, GUEST_PASID, GVA_SRC, 4000,
				       aux);
		svatest_wait(self->bad.dev, 0);
	}
	/* Answered by hardware until the host has emptied the queue */
	for (i = 0; !good_is_served(&self->good, self->good_fd, 0); i++)
		ASSERT_GT(10000, i);
	for (i = 1; i < 10; i++)
		EXPECT_TRUE(good_is_served(&self->good, self->good_fd, i));
	EXPECT_EQ(0, vmm_unbind(&self->bad.vmm, NULL, GUEST_PASID));
}

/* Groups that never end */
TEST_F(neighbours, no_last)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		svatest_start_requests(self->bad.dev, 0, GUEST_PASID, GVA_SRC, 1000,
				       SVATEST_PR_READ | SVATEST_PR_DISTINCT);
		EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->bad.dev, 0).status);
		EXPECT_TRUE(good_is_served(&self->good, self->good_fd, i));
	}
	EXPECT_FALSE(fault_wait(self->bad_fd, 0));
	EXPECT_EQ(0, vmm_unbind(&self->bad.vmm, NULL, GUEST_PASID));
}

/* The unit has one interrupt for what is wrong, be it with whom it may. */
TEST_F(neighbours, completions_nobody_asked_for)
{
	struct iommu_fault record;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		svatest_write(self->bad.dev, SVATEST_K_INV_DONE, i);
		EXPECT_EQ(SVATEST_ST_ACCESS,
			  svatest_touch(self->good.dev, 1, GVA_SRC, false, 0));
		ASSERT_TRUE(fault_wait(self->good_fd, 60000));
		ASSERT_EQ(1, fault_next_event(self->good_fd, &record));
		EXPECT_EQ(GUEST_PASID + 1, record.event.pasid);
	}
}

TEST_F(neighbours, requests_for_nobody)
{
	uint32_t aux = SVATEST_PR_READ | SVATEST_PR_LAST | 3;

	/* Without PASID, for one that is not bound, for the neighbour's number */
	svatest_start_requests(self->bad.dev, 0, SVATEST_NO_PASID, GVA_SRC, 1, aux);
	svatest_wait(self->bad.dev, 0);
	svatest_start_requests(self->bad.dev, 0, GUEST_PASID + 1, GVA_SRC, 1, aux + 1);
	svatest_wait(self->bad.dev, 0);
	svatest_start_requests(self->bad.dev, 0, (1 << 20) - 1, GVA_SRC, 1, aux + 2);
	svatest_wait(self->bad.dev, 0);
	EXPECT_TRUE(good_is_served(&self->good, self->good_fd, 0));
	/* Whoever sent them may hear that something was wrong, no more. */
	while (fault_wait(self->bad_fd, 100)) {
		ASSERT_LT(0, fault_read(self->bad_fd, self->records, 1));
		EXPECT_EQ(IOMMU_FAULT_DMA_UNRECOV, self->records[0].type);
		TH_LOG("reason %u PASID %u flags %#x", self->records[0].event.reason,
		       self->records[0].event.pasid, self->records[0].event.flags);
	}
}

TEST_F(neighbours, requester_id_of_the_other)
{
	uint32_t good = 0, bad = 0;

	/* Devices 1 and 2 of bus 0 */
	ASSERT_EQ(1, sscanf(self->good.dev->name, "0000:00:%x.0", &good));
	ASSERT_EQ(1, sscanf(self->bad.dev->name, "0000:00:%x.0", &bad));
	svatest_write(self->bad.dev, SVATEST_K_DEVFN_OFFSET,
		      ((good - bad) * 8) & 0xff);
	svatest_start_requests(self->bad.dev, 0, GUEST_PASID, GVA_SRC, 1,
			       SVATEST_PR_READ | SVATEST_PR_LAST | 3);
	svatest_wait(self->bad.dev, 0);
	svatest_write(self->bad.dev, SVATEST_K_DEVFN_OFFSET, 0);
	/* It is told to the one whose id it is, who can answer it; no more. */
	ASSERT_EQ(1, fault_next_group(self->good_fd, self->records));
	EXPECT_EQ(GVA_SRC, self->records[0].prm.addr);
	EXPECT_EQ(0, fault_answer(self->good_fd, self->records,
				  IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_TRUE(good_is_served(&self->good, self->good_fd, 0));
}

TEST_HARNESS_MAIN
