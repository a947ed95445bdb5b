// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual functions: a guest each, behind one physical function
 *
 * The IOMMU addresses an invalidation of a VF's translation cache by way of the
 * PF, so a wrong PF leaves the VF with what it had.
 */
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "guest.h"
#include "needs_svatest.h"

#define NEW		0x2e3ULL

FIXTURE(vf) {
	struct vmm pf;
	struct guest guest[2];
	uint64_t mismatches;
};

FIXTURE_SETUP(vf)
{
	unsigned int i;

	ASSERT_EQ(0, vmm_open(&self->pf, 0, 1));
	ASSERT_EQ(0, vmm_device_sysfs(&self->pf.devices[0], "sriov_numvfs", "2"));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, guest_open(&self->guest[i], 1 + i, 1));
		ASSERT_EQ(0, guest_bind(&self->guest[i]));
		svatest_setup(self->guest[i].dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	}
	self->mismatches = svatest_counter(&self->pf.devices[0],
					   SVATEST_CNT_UNIT_PFSID);
}

FIXTURE_TEARDOWN(vf)
{
	EXPECT_EQ(self->mismatches,
		  svatest_counter(&self->pf.devices[0], SVATEST_CNT_UNIT_PFSID));
	guest_close(&self->guest[0]);
	guest_close(&self->guest[1]);
	EXPECT_EQ(0, vmm_device_sysfs(&self->pf.devices[0], "sriov_numvfs", "0"));
	vmm_close(&self->pf);
}

TEST_F(vf, two_guests)
{
	struct guest *a = &self->guest[0], *b = &self->guest[1];

	*(uint64_t *)vmm_ptr(&b->vmm, b->src) = NEW;
	EXPECT_EQ(guest_peek(&a->vmm, a->src), guest_copied(a, 0));
	EXPECT_EQ(NEW, guest_copied(b, 0));
	EXPECT_EQ(0, vmm_unbind(&a->vmm, NULL, GUEST_PASID));
	EXPECT_EQ(0, guest_copied(a, 0));
	EXPECT_EQ(NEW, guest_copied(b, 0));
}

TEST_F(vf, invalidation_reaches_the_vf)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct guest *guest = &self->guest[i];
		uint64_t old = guest_peek(&guest->vmm, guest->src);
		uint64_t page = guest_page(&guest->vmm, NEW + i);

		EXPECT_EQ(old, guest_copied(guest, 0));
		*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) =
			page | PGT_READ_WRITE;
		EXPECT_EQ(old, guest_copied(guest, 0));
		EXPECT_EQ(0, vmm_invalidate_addr(&guest->vmm, NULL, GUEST_CACHES,
						 GUEST_PASID, GVA_SRC, SIZE_4K,
						 1));
		EXPECT_EQ(NEW + i, guest_copied(guest, 0));
	}
}

TEST_F(vf, second_stage_unmapped)
{
	struct guest *a = &self->guest[0], *b = &self->guest[1];

	EXPECT_NE(0, guest_copied(a, 0));
	EXPECT_EQ(0, vmm_unmap_dma(&a->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	EXPECT_EQ(0, guest_copied(a, 0));
	EXPECT_NE(0, guest_copied(b, 0));
}

TEST_HARNESS_MAIN
