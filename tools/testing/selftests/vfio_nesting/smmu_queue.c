// SPDX-License-Identifier: GPL-2.0-only
/*
 * An event queue of an SMMUv3 that overflows
 *
 * It is one for all devices, and holds 4 events here. What gets lost is not told to
 * their owners, but it must not be the end of events, nor of anything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_smmu.h"
#include "needs_svatest.h"
#include "smmu_guest.h"

#define STORMS		30

/* What the kernel lets through of messages that are limited: so many in so long */
#define BURST		10
#define INTERVAL	5

/*
 * An owner, and another one whose device makes the storm: its second stage is of a
 * container that nobody nests on, so that no two events are merged
 */
FIXTURE(queue) {
	struct smmu_guest guest;
	struct vmm other;
	int fault_fd;
	int log;
};

FIXTURE_SETUP(queue)
{
	ASSERT_EQ(0, smmu_guest_open(&self->guest, 0, 1));
	ASSERT_EQ(0, vmm_open_type(&self->other, 2, 1, VFIO_TYPE1v2_IOMMU));
	svatest_setup(&self->other.devices[0], 0, SVATEST_NO_PASID, 0);
	self->fault_fd = fault_open(self->guest.dev, 0);
	ASSERT_LE(0, self->fault_fd);
	self->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->log);
	ASSERT_LE(0, lseek(self->log, 0, SEEK_END));
}

FIXTURE_TEARDOWN(queue)
{
	close(self->log);
	close(self->fault_fd);
	vmm_close(&self->other);
	smmu_guest_close(&self->guest);
}

/* Messages of an overflow since this was asked last */
static unsigned int overflows(int log)
{
	unsigned int count = 0;
	char line[1024];
	ssize_t size;

	while ((size = read(log, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		if (size <= 0) {
			errno = 0;
			continue;
		}
		line[size] = 0;
		count += !!strstr(line, "EVTQ overflow");
	}
	return count;
}

/* A page that is tried in pieces of 4 bytes, of which each is an event */
static unsigned int storm(const struct vmm *vmm)
{
	return svatest_fill(&vmm->devices[0], 0, SMMU_GPA_NOWHERE, 0, SIZE_4K);
}

TEST_F(queue, overflow)
{
	struct vmm_device *dev = self->guest.dev;
	struct timespec begin, end;
	struct iommu_fault record;
	unsigned int i, lines;

	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, dev));
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (i = 0; i < STORMS; i++) {
		EXPECT_NE(SVATEST_ST_OK, storm(&self->other));
		EXPECT_EQ(SMMU_OLD, smmu_guest_seen(&self->guest, dev));
	}

	/* Events go on: one of the neighbour comes as soon as there is room for it. */
	do {
		EXPECT_NE(SVATEST_ST_OK,
			  svatest_touch(dev, 0, SMMU_VA_NOWHERE, true, 0));
	} while (!fault_wait(self->fault_fd, 1000));
	ASSERT_EQ(1, fault_next_event(self->fault_fd, &record));
	EXPECT_EQ(IOMMU_FAULT_REASON_PTE_FETCH, record.event.reason);
	EXPECT_EQ(SMMU_VA_NOWHERE, record.event.addr & ~0xfffULL);

	/* It was told, though not each time. */
	clock_gettime(CLOCK_MONOTONIC, &end);
	lines = overflows(self->log);
	EXPECT_LE(1, lines);
	EXPECT_GE(BURST * (2 + (end.tv_sec - begin.tv_sec) / INTERVAL), lines);
}

/* The guest's own storm is merged, so it loses nothing. */
TEST_F(queue, no_overflow_of_a_guest)
{
	struct vmm_device *dev = self->guest.dev;
	struct iommu_fault record;

	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, dev));
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(dev, 0, SMMU_VA_NOWHERE, 0, SIZE_4K));
	ASSERT_EQ(1, fault_next_event(self->fault_fd, &record));
	EXPECT_EQ(SMMU_VA_NOWHERE, record.event.addr & ~0xfffULL);
	EXPECT_EQ(SMMU_OLD, smmu_guest_seen(&self->guest, dev));
	EXPECT_EQ(0, overflows(self->log));
}

TEST_HARNESS_MAIN
