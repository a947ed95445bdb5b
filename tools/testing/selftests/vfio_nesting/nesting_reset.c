// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of a device while page requests wait
 *
 * By the VMM, by the guest, and by the administrator: each is a line that no
 * request, no answer and no deadline crosses. What is bound stays bound.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/pci_regs.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"

#define PATTERN		0x1122334455667788ULL
#define PRI		(SVATEST_CF_ATS | SVATEST_CF_PRI)
#define RAW		(PRI | SVATEST_CF_TRUSTED)
#define INDEX		7

/* The deadline of what is asked before a reset, and of what is asked after it */
#define BEFORE_MS	3000
#define AFTER_MS	60000

static int reset_by_vmm(struct vmm_device *dev)
{
	return ioctl(dev->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

/* Where the PCI Express capability is, or 0 */
static unsigned int find_express(const struct vmm_device *dev)
{
	uint8_t pos, cap[2];

	if (pread(dev->fd, &pos, 1, dev->config + PCI_CAPABILITY_LIST) != 1)
		return 0;
	while (pos) {
		if (pread(dev->fd, cap, 2, dev->config + pos) != 2)
			return 0;
		if (cap[0] == PCI_CAP_ID_EXP)
			return pos;
		pos = cap[1];
	}
	return 0;
}

static int reset_by_guest(struct vmm_device *dev)
{
	unsigned int express = find_express(dev);
	uint64_t at = dev->config + express + PCI_EXP_DEVCTL;
	uint16_t control;

	if (!express || pread(dev->fd, &control, 2, at) != 2)
		return -ENODEV;
	control |= PCI_EXP_DEVCTL_BCR_FLR;
	return pwrite(dev->fd, &control, 2, at) == 2 ? 0 : -errno;
}

static int reset_by_administrator(struct vmm_device *dev)
{
	return vmm_device_sysfs(dev, "reset", "1");
}

FIXTURE(reset) {
	struct guest guest;
	struct vmm_device *dev;
	struct iommu_fault records[FAULT_ROOM];
	unsigned int timeout;
	int fd;
};

FIXTURE_VARIANT(reset) {
	int (*reset)(struct vmm_device *dev);
};

FIXTURE_VARIANT_ADD(reset, by_vmm) { reset_by_vmm };
FIXTURE_VARIANT_ADD(reset, by_guest) { reset_by_guest };
FIXTURE_VARIANT_ADD(reset, by_administrator) { reset_by_administrator };

FIXTURE_SETUP(reset)
{
	self->timeout = fault_set_timeout(AFTER_MS);
	self->fd = fault_open_guest(&self->guest);
	ASSERT_LE(0, self->fd);
	self->dev = self->guest.dev;
}

FIXTURE_TEARDOWN(reset)
{
	close(self->fd);
	guest_close(&self->guest);
	fault_set_timeout(self->timeout);
}

/* A command that waits for the answer to one page request of its own */
static void ask(struct vmm_device *dev, uint64_t gva)
{
	svatest_setup(dev, 0, GUEST_PASID, RAW);
	svatest_start_requests(dev, 0, GUEST_PASID, gva, 1, SVATEST_PR_READ |
			       SVATEST_PR_LAST | SVATEST_PR_WAIT | INDEX);
}

static uint64_t waiting(const struct vmm_device *dev)
{
	struct fault_counters counters = { .waiting = ~0ULL };

	fault_get_counters(dev, &counters);
	return counters.waiting;
}

/* It would be answered as the new one, which has the same index. */
TEST_F(reset, old_deadline_ends_no_new_request)
{
	struct iommu_fault before;

	fault_set_timeout(BEFORE_MS);
	ask(self->dev, GVA_SRC);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	before = self->records[0];
	ASSERT_EQ(0, variant->reset(self->dev));
	EXPECT_EQ(0, waiting(self->dev));

	fault_set_timeout(AFTER_MS);
	ask(self->dev, GVA_DST);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_NE(before.prm.cookie, self->records[0].prm.cookie);
	EXPECT_EQ(-ENOENT, fault_answer(self->fd, &before,
					IOMMU_PAGE_RESP_INVALID));
	usleep((BEFORE_MS + 1000) * 1000);
	EXPECT_TRUE(svatest_busy(self->dev, 0));
	EXPECT_EQ(0, fault_answer(self->fd, &self->records[0],
				  IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
}

/* All that it may have outstanding, read and unread, and then one more */
TEST_F(reset, credit_is_back)
{
	struct fault_counters counters = {};
	unsigned int got = 0;
	int ret;

	ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	svatest_setup(self->dev, 0, GUEST_PASID, RAW);
	svatest_start_requests(self->dev, 0, GUEST_PASID, GVA_SRC,
			       counters.limit, SVATEST_PR_READ |
			       SVATEST_PR_LAST | SVATEST_PR_DISTINCT);
	ASSERT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
	while (got < counters.limit) {
		ASSERT_TRUE(fault_wait(self->fd, AFTER_MS));
		ret = fault_read(self->fd, self->records, FAULT_ROOM);
		ASSERT_LT(0, ret);
		got += ret;
	}
	EXPECT_EQ(counters.limit, waiting(self->dev));
	ASSERT_EQ(0, variant->reset(self->dev));
	EXPECT_EQ(0, waiting(self->dev));

	svatest_setup(self->dev, 0, GUEST_PASID, PRI);
	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	guest_map_page(&self->guest, GVA_DST, self->guest.dst);
	EXPECT_EQ(0, fault_answer(self->fd, &self->records[0],
				  IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
	EXPECT_EQ(PATTERN, guest_peek(&self->guest.vmm, self->guest.dst));
}

/* Neither binding nor page requests get lost, however often */
TEST_F(reset, binding_stays)
{
	unsigned int i;

	for (i = 0; i < 5; i++) {
		svatest_setup(self->dev, 0, GUEST_PASID, PRI);
		svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
		ASSERT_EQ(1, fault_next_group(self->fd, self->records));
		ASSERT_EQ(0, variant->reset(self->dev));
	}
	EXPECT_EQ(0, waiting(self->dev));
	guest_map_page(&self->guest, GVA_SRC, self->guest.src);
	guest_map_page(&self->guest, GVA_DST, self->guest.dst);
	svatest_setup(self->dev, 0, GUEST_PASID, PRI);
	EXPECT_EQ(guest_peek(&self->guest.vmm, self->guest.src),
		  guest_copied(&self->guest, 0));
}

TEST_HARNESS_MAIN
