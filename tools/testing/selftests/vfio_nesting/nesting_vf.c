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
#include "pasid_table.h"

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

/* A table each, with one number for two processes; entries go by way of the PF, too. */
TEST_F(vf, whole_tables)
{
	struct pasid_table tables[2];
	struct pgtable others[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct guest *guest = &self->guest[i];

		*(uint64_t *)vmm_ptr(&guest->vmm, guest->src) = NEW + i;
		EXPECT_EQ(0, vmm_unbind(&guest->vmm, NULL, GUEST_PASID));
		pgtable_init(&others[i], &guest->vmm, 4);
		pgtable_map(&others[i], GVA_SRC, guest_page(&guest->vmm, NEW + 2 + i),
			    SIZE_4K, PGT_READ_WRITE);
		pgtable_map(&others[i], GVA_DST, guest->dst, SIZE_4K, PGT_READ_WRITE);
		pasid_table_init(&tables[i], &guest->vmm, 20);
		pasid_table_map(&tables[i], GUEST_PASID, &guest->pt);
		ASSERT_EQ(0, pasid_table_set(&tables[i], guest->dev));
	}
	for (i = 0; i < 2; i++) {
		struct guest *guest = &self->guest[i], *other = &self->guest[!i];
		uint64_t others_value;

		EXPECT_EQ(NEW + i, guest_copied(guest, 0));
		others_value = guest_copied(other, 0);
		pasid_table_map(&tables[i], GUEST_PASID, &others[i]);
		EXPECT_EQ(NEW + i, guest_copied(guest, 0));
		EXPECT_EQ(0, pasid_table_sync(&tables[i], NULL, GUEST_PASID));
		EXPECT_EQ(NEW + 2 + i, guest_copied(guest, 0));
		EXPECT_EQ(others_value, guest_copied(other, 0));
		*pgtable_entry(&others[i], GVA_SRC, SIZE_4K) = guest->src | PGT_READ_WRITE;
		EXPECT_EQ(0, vmm_invalidate_pasid(&guest->vmm, NULL, GUEST_CACHES,
						  GUEST_PASID));
		EXPECT_EQ(NEW + i, guest_copied(guest, 0));
	}
	EXPECT_EQ(0, pasid_table_unset(&self->guest[0].vmm, NULL));
	EXPECT_EQ(0, guest_copied(&self->guest[0], 0));
	EXPECT_EQ(NEW + 1, guest_copied(&self->guest[1], 0));
}

TEST_HARNESS_MAIN
