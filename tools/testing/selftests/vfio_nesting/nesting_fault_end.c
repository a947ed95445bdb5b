// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests: how they end when nobody answers
 */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"

#define PATTERN		0x1122334455667788ULL
#define PAGE_REQ	VFIO_NESTING_FAULT_PAGE_REQ
#define PRI		(SVATEST_CF_ATS | SVATEST_CF_PRI)
#define RAW		(PRI | SVATEST_CF_TRUSTED)

/* Long enough for any thread on a slow machine, in steps of 10 ms */
#define HANG_STEPS	6000

/* Wait until the kernel has @groups groups of the device waiting */
static bool groups_wait(const struct vmm_device *dev, uint64_t groups)
{
	struct fault_counters counters = {};
	unsigned int i;

	for (i = 0; i < HANG_STEPS && counters.waiting != groups; i++) {
		if (fault_get_counters(dev, &counters))
			return false;
		usleep(10000);
	}
	return counters.waiting == groups;
}

/* Wait until @groups groups of the device have come to this end */
static bool groups_end(const struct vmm_device *dev, enum fault_end end,
		       uint64_t groups)
{
	struct fault_counters counters = {};
	unsigned int i;

	for (i = 0; i < HANG_STEPS && counters.ends[end] != groups; i++) {
		if (fault_get_counters(dev, &counters))
			return false;
		usleep(10000);
	}
	return counters.ends[end] == groups;
}

/* The end, while a request waits: before it is read, and after */
FIXTURE(ending) {
	struct guest guest;
	struct vmm *vmm;
	struct vmm_device *dev;
	struct iommu_fault records[FAULT_ROOM];
	int fd;
};

FIXTURE_VARIANT(ending) {
	bool read;
	unsigned int groups;
};

FIXTURE_VARIANT_ADD(ending, unread) { false, 1 };
FIXTURE_VARIANT_ADD(ending, read) { true, 1 };
FIXTURE_VARIANT_ADD(ending, many_unread) { false, 30 };
FIXTURE_VARIANT_ADD(ending, many_read) { true, 30 };

FIXTURE_SETUP(ending)
{
	const uint32_t aux = SVATEST_PR_READ | SVATEST_PR_LAST |
			     SVATEST_PR_DISTINCT;
	unsigned int i;

	self->fd = fault_open_guest(&self->guest);
	ASSERT_LE(0, self->fd);
	self->vmm = &self->guest.vmm;
	self->dev = self->guest.dev;

	/* One command that waits, and more requests beside it */
	svatest_setup(self->dev, 1, GUEST_PASID, RAW);
	if (variant->groups > 1) {
		svatest_start_requests(self->dev, 1, GUEST_PASID, GVA_SRC,
				       variant->groups - 1, aux | 200);
		EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 1).status);
	}
	svatest_setup(self->dev, 0, GUEST_PASID, PRI);
	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
	ASSERT_TRUE(groups_wait(self->dev, variant->groups));
	for (i = 0; variant->read && i < variant->groups; i++)
		ASSERT_EQ(1, fault_next_group(self->fd, self->records));
}

FIXTURE_TEARDOWN(ending)
{
	close(self->fd);
	guest_close(&self->guest);
}

TEST_F(ending, unbind)
{
	EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
	if (variant->read)
		EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
						IOMMU_PAGE_RESP_SUCCESS));
}

TEST_F(ending, free)
{
	EXPECT_EQ(0, vmm_pasid_free(self->vmm, 0, ~0U));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
	if (variant->read)
		EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
						IOMMU_PAGE_RESP_SUCCESS));
}

TEST_F(ending, replace)
{
	struct guest *guest = &self->guest;
	struct pgtable other;

	pgtable_init(&other, self->vmm, 4);
	pgtable_map(&other, GVA_DST, guest->dst, SIZE_4K, PGT_READ_WRITE);
	EXPECT_EQ(0, vmm_bind(self->vmm, NULL, GUEST_PASID, other.root, 4));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
	if (variant->read)
		EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
						IOMMU_PAGE_RESP_SUCCESS));
	/* With the new table everything is as it should be. */
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(self->dev, 0, GVA_DST, PATTERN, 8));
}

TEST_F(ending, file_closed)
{
	struct fault_counters counters;

	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
	ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	EXPECT_EQ(0, counters.waiting);
	EXPECT_EQ(variant->groups, counters.ends[FAULT_CLOSE]);
	/* What comes now has nobody to go to. */
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID,
		  svatest_fill(self->dev, 0, GVA_DST, PATTERN, 8));

	/* The next file starts from nothing. */
	self->fd = fault_open(self->dev, PAGE_REQ);
	ASSERT_LE(0, self->fd);
	EXPECT_FALSE(fault_wait(self->fd, 0));
	if (variant->read)
		EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
						IOMMU_PAGE_RESP_SUCCESS));
	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_INVALID));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
}

TEST_F(ending, device_closed)
{
	struct pollfd pollfd = { .fd = self->fd, .events = POLLIN };
	struct fault_counters counters;

	vmm_device_close(self->dev);
	EXPECT_EQ(1, poll(&pollfd, 1, 0));
	EXPECT_EQ(POLLERR | POLLHUP, pollfd.revents);
	EXPECT_EQ(-ENODEV, fault_read(self->fd, self->records, FAULT_ROOM));
	EXPECT_EQ(-ENODEV, fault_answer(self->fd, self->records,
					IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(-ENOENT, fault_get_counters(self->dev, &counters));

	/* The old file stays dead when the device comes back. */
	ASSERT_EQ(0, vmm_device_open(self->dev));
	EXPECT_EQ(-ENODEV, fault_read(self->fd, self->records, FAULT_ROOM));
	close(self->fd);
	self->fd = fault_open(self->dev, PAGE_REQ);
	EXPECT_LE(0, self->fd);
}

TEST_F(ending, deadline)
{
	struct fault_counters counters;
	unsigned int i, old;

	/* The groups of the set-up have the usual time; they end otherwise. */
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
	self->fd = fault_open(self->dev, PAGE_REQ);
	ASSERT_LE(0, self->fd);

	old = fault_set_timeout(100);
	svatest_start_requests(self->dev, 1, GUEST_PASID, GVA_SRC, variant->groups,
			       SVATEST_PR_READ | SVATEST_PR_LAST | SVATEST_PR_DISTINCT);
	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
	for (i = 0; variant->read && i <= variant->groups; i++)
		ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
	/* Each has its own time. */
	EXPECT_TRUE(groups_end(self->dev, FAULT_DEADLINE, variant->groups + 1));
	fault_set_timeout(old);
	if (variant->read)
		EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
						IOMMU_PAGE_RESP_SUCCESS));
	ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	EXPECT_EQ(variant->groups + 1, counters.ends[FAULT_DEADLINE]);
	EXPECT_EQ(0, counters.waiting);
}

TEST(killed_with_requests_waiting)
{
	struct iommu_fault records[FAULT_ROOM];
	struct guest guest;
	int ready[2], status, fd;
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	child = fork();
	ASSERT_NE(-1, child);
	if (!child) {
		if (guest_open(&guest, 0, 1) || guest_bind(&guest))
			_exit(1);
		fd = fault_open(guest.dev, PAGE_REQ);
		svatest_setup(guest.dev, 0, GUEST_PASID, PRI);
		svatest_start_fill(guest.dev, 0, GVA_DST + SIZE_2M, PATTERN, 8);
		if (fault_next_group(fd, records) != 1 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	EXPECT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));

	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&guest));
	fd = fault_open(guest.dev, PAGE_REQ);
	EXPECT_LE(0, fd);
	svatest_setup(guest.dev, 0, GUEST_PASID, PRI);
	EXPECT_EQ(guest_peek(&guest.vmm, guest.src), guest_copied(&guest, 0));
	close(fd);
	guest_close(&guest);
}

TEST_HARNESS_MAIN
