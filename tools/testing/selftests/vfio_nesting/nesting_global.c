// SPDX-License-Identifier: GPL-2.0-only
/*
 * A change of the second stage concerns every PASID of a device: one invalidation
 * is for all of them where the device takes global ones, and else each gets its own
 *
 * Needs two devices: one that takes global invalidations, and one that does not.
 */
#include "../kselftest_harness.h"
#include "guest.h"

#define PASIDS		24
#define FIRST_PASID	100

FIXTURE(flush) {
	struct guest guest;
	struct vmm *vmm;
	struct vmm_device *dev;
};

FIXTURE_VARIANT(flush) {
	unsigned int device;
	bool global;
};

FIXTURE_VARIANT_ADD(flush, global) { 0, true };
FIXTURE_VARIANT_ADD(flush, by_pasid) { 1, false };

static bool works(struct vmm_device *dev, uint32_t pasid)
{
	svatest_setup(dev, 0, pasid, SVATEST_CF_ATS);
	return svatest_copy(dev, 0, GVA_SRC, GVA_DST, 8) == SVATEST_ST_OK;
}

FIXTURE_SETUP(flush)
{
	uint32_t pasid;

	ASSERT_EQ(0, guest_open(&self->guest, variant->device, 1));
	self->vmm = &self->guest.vmm;
	self->dev = self->guest.dev;
	for (pasid = FIRST_PASID; pasid < FIRST_PASID + PASIDS; pasid++) {
		ASSERT_EQ((int)pasid, vmm_pasid_alloc(self->vmm, pasid, pasid));
		ASSERT_EQ(0, vmm_bind(self->vmm, NULL, pasid,
				      self->guest.pt.root, 4));
		ASSERT_TRUE(works(self->dev, pasid));
	}
}

FIXTURE_TEARDOWN(flush)
{
	guest_close(&self->guest);
}

static uint64_t flushed_one(const struct vmm_device *dev)
{
	return svatest_counter(dev, SVATEST_CNT_INV_PAGE) +
	       svatest_counter(dev, SVATEST_CNT_INV_ALL);
}

TEST_F(flush, second_stage_changes)
{
	uint64_t one = flushed_one(self->dev);
	uint64_t global = svatest_counter(self->dev, SVATEST_CNT_INV_GLOBAL);
	uint32_t pasid;

	ASSERT_EQ(0, vmm_unmap_dma(self->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	one = flushed_one(self->dev) - one;
	global = svatest_counter(self->dev, SVATEST_CNT_INV_GLOBAL) - global;
	TH_LOG("%u PASIDs: %lu invalidations, %lu global ones", PASIDS,
	       (unsigned long)one, (unsigned long)global);
	if (variant->global) {
		/* Besides one for what the device does without PASID */
		EXPECT_LT(0, global);
		EXPECT_GE(global, one);
	} else {
		EXPECT_EQ(0, global);
		EXPECT_LE(PASIDS, one);
	}

	/* Nothing is left in the cache of the device, whatever the PASID. */
	for (pasid = FIRST_PASID; pasid < FIRST_PASID + PASIDS; pasid++)
		EXPECT_FALSE(works(self->dev, pasid));
	ASSERT_EQ(0, vmm_map_dma(self->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	for (pasid = FIRST_PASID; pasid < FIRST_PASID + PASIDS; pasid++)
		EXPECT_TRUE(works(self->dev, pasid));
}

TEST_HARNESS_MAIN
