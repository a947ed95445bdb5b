// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that completes no invalidation, behind a unit in legacy mode
 *
 * There are no PASIDs then, and a container of the ordinary type. The context
 * entry that cuts the device off is tagged by its domain.
 */
#include <stdlib.h>
#include <sys/ioctl.h>

#include "../kselftest_harness.h"
#include "guest.h"

#define PATTERN		0x1122334455667788ULL

FIXTURE(stuck) {
	struct vmm vmm;
	struct vmm_device *bad, *good;
	uint64_t src, dst;
};

static void start(const struct vmm_device *dev)
{
	svatest_setup(dev, 0, SVATEST_NO_PASID, SVATEST_CF_ATS);
}

FIXTURE_SETUP(stuck)
{
	ASSERT_EQ(0, vmm_open_type(&self->vmm, 0, 2, VFIO_TYPE1v2_IOMMU));
	self->bad = &self->vmm.devices[0];
	self->good = &self->vmm.devices[1];
	self->src = guest_page(&self->vmm, PATTERN);
	self->dst = guest_page(&self->vmm, 0);
	start(self->bad);
	start(self->good);
}

FIXTURE_TEARDOWN(stuck)
{
	vmm_close(&self->vmm);
}

static bool copies(const struct vmm_device *dev, uint64_t from, uint64_t to)
{
	volatile uint64_t *dst = vmm_ptr(dev->vmm, to);
	bool done;

	*dst = 0;
	done = svatest_copy(dev, 0, from, to, 8) == SVATEST_ST_OK;
	/* What it says and what it did are the same. */
	if (done != (*dst == PATTERN))
		abort();
	return done;
}

static bool remap(struct vmm *vmm)
{
	return !vmm_unmap_dma(vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE) &&
	       !vmm_map_dma(vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE);
}

TEST_F_TIMEOUT(stuck, device_is_cut_off, 120)
{
	uint64_t before;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(copies(self->bad, self->src, self->dst));
		ASSERT_TRUE(copies(self->good, self->src, self->dst));
		svatest_write(self->bad, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
		ASSERT_TRUE(remap(&self->vmm));

		/* What is mapped again is out of reach, and what was cached too. */
		EXPECT_FALSE(copies(self->bad, self->src, self->dst));
		EXPECT_TRUE(copies(self->good, self->src, self->dst));

		/* It gets no invalidation any more, so there is none to wait for. */
		before = svatest_counter(self->bad, SVATEST_CNT_INV_PAGE) +
			 svatest_counter(self->bad, SVATEST_CNT_INV_ALL);
		ASSERT_TRUE(remap(&self->vmm));
		EXPECT_EQ(before, svatest_counter(self->bad, SVATEST_CNT_INV_PAGE) +
			  svatest_counter(self->bad, SVATEST_CNT_INV_ALL));
		EXPECT_FALSE(copies(self->bad, self->src, self->dst));
		EXPECT_TRUE(copies(self->good, self->src, self->dst));

		/* A reset lets it in again. */
		ASSERT_EQ(0, ioctl(self->bad->fd, VFIO_DEVICE_RESET));
		start(self->bad);
		EXPECT_TRUE(copies(self->bad, self->src, self->dst));
		ASSERT_TRUE(remap(&self->vmm));
		EXPECT_TRUE(copies(self->bad, self->src, self->dst));
	}
}

TEST_HARNESS_MAIN
