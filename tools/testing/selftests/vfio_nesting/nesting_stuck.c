// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that keeps translations in its cache and completes no invalidation
 */
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"

FIXTURE(stuck) {
	struct guest guest;
	struct vmm_device *other;
	int fd;
};

FIXTURE_SETUP(stuck)
{
	struct guest *guest = &self->guest;
	struct vmm *vmm = &guest->vmm;

	ASSERT_EQ(0, guest_open(guest, 0, 2));
	self->other = &vmm->devices[1];
	self->fd = fault_open(guest->dev, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vmm_bind(vmm, NULL, GUEST_PASID, guest->pt.root, 4));
	svatest_setup(guest->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	svatest_setup(self->other, 0, GUEST_PASID, SVATEST_CF_ATS);
	ASSERT_NE(0, guest_copied(guest, 0));
	svatest_write(guest->dev, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
}

FIXTURE_TEARDOWN(stuck)
{
	close(self->fd);
	guest_close(&self->guest);
}

/* The unit's are as long as the parameter "timeout_ms" says: the first is enough. */
#define TIMEOUTS	1

/* Invalidations that the device has received */
static uint64_t received(const struct vmm_device *dev)
{
	return svatest_counter(dev, SVATEST_CNT_INV_PAGE) +
	       svatest_counter(dev, SVATEST_CNT_INV_ALL) +
	       svatest_counter(dev, SVATEST_CNT_INV_GLOBAL);
}

TEST_F_TIMEOUT(stuck, device_is_cut_off, 120)
{
	struct guest *guest = &self->guest;
	struct vmm *vmm = &guest->vmm;
	struct iommu_fault record;
	uint64_t before;

	before = received(guest->dev);
	EXPECT_EQ(-EIO, vmm_invalidate_pasid(vmm, guest->dev, GUEST_CACHES,
					     GUEST_PASID));
	EXPECT_EQ(before + TIMEOUTS, received(guest->dev));
	ASSERT_EQ(1, fault_next_event(self->fd, &record));
	EXPECT_EQ(IOMMU_FAULT_DMA_UNRECOV, record.type);
	EXPECT_EQ(IOMMU_FAULT_REASON_DEVICE_OFF, record.event.reason);
	EXPECT_EQ(0, record.event.flags);

	/* What it has translated before is of no use to it. */
	EXPECT_EQ(0, guest_copied(guest, 0));

	/* Everybody else goes on, and everything ends. */
	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_copy(self->other, 0, GVA_SRC, GVA_DST, 8));
	EXPECT_EQ(0, vmm_invalidate_pasid(vmm, self->other, GUEST_CACHES,
					  GUEST_PASID));
	EXPECT_EQ(0, vmm_invalidate_all(vmm, NULL, IOMMU_CACHE_INV_TYPE_IOTLB));
	EXPECT_EQ(0, vmm_unmap_dma(vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	EXPECT_EQ(0, vmm_unbind(vmm, NULL, GUEST_PASID));
}

/* Nor is what the unit has translated before, which this invalidation leaves. */
TEST_F_TIMEOUT(stuck, nothing_stays_in_the_unit, 120)
{
	struct guest *guest = &self->guest;
	struct iommu_fault record;

	svatest_setup(guest->dev, 1, GUEST_PASID, 0);
	ASSERT_NE(0, guest_copied(guest, 1));
	EXPECT_EQ(-EIO, vmm_invalidate_pasid(&guest->vmm, guest->dev,
					     IOMMU_CACHE_INV_TYPE_DEV_IOTLB,
					     GUEST_PASID));
	ASSERT_EQ(1, fault_next_event(self->fd, &record));
	EXPECT_EQ(0, guest_copied(guest, 1));
}

/* Whoever gets the device next finds it reset, and let in again. */
TEST_F_TIMEOUT(stuck, next_owner_finds_it_well, 120)
{
	struct guest *guest = &self->guest;
	struct iommu_fault record;
	uint64_t before;

	EXPECT_EQ(0, vmm_unbind(&guest->vmm, guest->dev, GUEST_PASID));
	EXPECT_EQ(0, guest_bind(guest));
	EXPECT_EQ(0, guest_copied(guest, 0));
	close(self->fd);
	guest_close(guest);

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	self->fd = fault_open(guest->dev, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, guest_bind(guest));
	svatest_setup(guest->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	EXPECT_NE(0, guest_copied(guest, 0));

	/* Its invalidations reach it ... */
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) = 0;
	EXPECT_NE(0, guest_copied(guest, 0));
	EXPECT_EQ(0, vmm_invalidate_pasid(&guest->vmm, NULL, GUEST_CACHES,
					  GUEST_PASID));
	EXPECT_EQ(0, guest_copied(guest, 0));

	/* ... and if it is stuck again, it is cut off again, no sooner. */
	svatest_write(guest->dev, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
	before = received(guest->dev);
	EXPECT_EQ(-EIO, vmm_invalidate_pasid(&guest->vmm, NULL, GUEST_CACHES,
					     GUEST_PASID));
	EXPECT_EQ(before + TIMEOUTS, received(guest->dev));
	EXPECT_EQ(1, fault_next_event(self->fd, &record));
}

TEST_HARNESS_MAIN
