// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several devices, and several owners, behind one SMMUv3
 *
 * Devices of a container share a VMID, and have tables of their own. Containers
 * share nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fail_nth.h"
#include "guest.h"
#include "needs_smmu.h"
#include "needs_svatest.h"
#include "pasid_table.h"
#include "smmu_guest.h"

#define ALLOCATIONS	100	/* more than a call makes */

/* Two devices: one with PASIDs, one without; tables that have the same ASID */
FIXTURE(devices) {
	struct smmu_guest guest;
	struct vmm *vmm;
	struct vmm_device *one, *two;
	struct smmu_space other;
	struct smmu_cds other_cds;
	int nth;
};

FIXTURE_SETUP(devices)
{
	ASSERT_EQ(0, smmu_guest_open(&self->guest, 0, 2));
	self->vmm = &self->guest.vmm;
	self->one = &self->vmm->devices[0];
	self->two = &self->vmm->devices[1];
	smmu_guest_other(&self->guest, &self->other, &self->other_cds, SMMU_ASID);
	self->nth = fail_nth_open();
	ASSERT_LE(0, self->nth);
}

FIXTURE_TEARDOWN(devices)
{
	close(self->nth);
	smmu_guest_close(&self->guest);
}

#define SEEN(dev)	smmu_guest_seen(&self->guest, dev)
#define SEEN_FLAT(dev)	smmu_guest_seen_flat(&self->guest, dev)

/* No ATS behind this unit, so no page requests either */
TEST_F(devices, described)
{
	struct vfio_nesting_device_info info;

	ASSERT_EQ(0, vmm_device_info(self->vmm, self->one, &info));
	EXPECT_EQ(16, info.pasid_bits);
	EXPECT_EQ(VFIO_NESTING_DEVICE_EXEC | VFIO_NESTING_DEVICE_PRIV, info.flags);
	EXPECT_EQ(0, info.page_request_limit);
	ASSERT_EQ(0, vmm_device_info(self->vmm, self->two, &info));
	EXPECT_EQ(0, info.pasid_bits);
	EXPECT_EQ(0, info.flags);
}

TEST_F(devices, one_call_for_both)
{
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, NULL));
	EXPECT_EQ(SMMU_OLD, SEEN(self->one));
	EXPECT_EQ(SMMU_OLD, SEEN(self->two));
	EXPECT_EQ(0, pasid_table_unset(self->vmm, NULL));
	EXPECT_EQ(SMMU_OLD, SEEN_FLAT(self->one));
	EXPECT_EQ(SMMU_OLD, SEEN_FLAT(self->two));
}

TEST_F(devices, one_without_the_other)
{
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->one));
	EXPECT_EQ(SMMU_OLD, SEEN(self->one));
	EXPECT_EQ(0, SEEN(self->two));
	EXPECT_EQ(SMMU_OLD, SEEN_FLAT(self->two));
	ASSERT_EQ(0, pasid_table_mode(self->vmm, self->two, IOMMU_PASID_CONFIG_ABORT));
	EXPECT_EQ(SMMU_OLD, SEEN(self->one));
	EXPECT_EQ(0, pasid_table_unset(self->vmm, self->one));
	EXPECT_EQ(SMMU_OLD, SEEN_FLAT(self->one));
	EXPECT_EQ(0, SEEN_FLAT(self->two));
}

/* An ASID is one for all devices, a descriptor is of its device. */
TEST_F(devices, invalidations_of_one_asid)
{
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, NULL));
	EXPECT_EQ(SMMU_OLD, SEEN(self->one));
	EXPECT_EQ(SMMU_OLD, SEEN(self->two));
	smmu_guest_remap(&self->guest, self->guest.page);
	EXPECT_EQ(SMMU_OLD, SEEN(self->two));
	EXPECT_EQ(0, smmu_invalidate_space(&self->guest.space, self->one));
	EXPECT_EQ(SMMU_NEW, SEEN(self->one));
	EXPECT_EQ(SMMU_NEW, SEEN(self->two));

	smmu_cd_clear(&self->guest.cds, 0);
	EXPECT_EQ(0, vmm_invalidate_pasid(self->vmm, self->one,
					  IOMMU_CACHE_INV_TYPE_PASID, 0));
	EXPECT_EQ(0, SEEN(self->one));
	EXPECT_EQ(SMMU_NEW, SEEN(self->two));
	EXPECT_EQ(0, vmm_invalidate_pasid(self->vmm, NULL,
					  IOMMU_CACHE_INV_TYPE_PASID, 0));
	EXPECT_EQ(0, SEEN(self->two));
}

/* The second stage of both loses its memory. */
TEST_F(devices, unmap_for_both)
{
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, NULL));
	EXPECT_EQ(SMMU_OLD, SEEN(self->one));
	EXPECT_EQ(SMMU_OLD, SEEN(self->two));
	EXPECT_EQ(0, vmm_unmap_dma(self->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	EXPECT_EQ(0, SEEN(self->one));
	EXPECT_EQ(0, SEEN(self->two));
}

/* ------------------------------------------------------ memory that is short */

/* What a call may say: a copy from the caller fails as well as an allocation. */
static bool is_failure(int ret)
{
	return ret == -ENOMEM || ret == -EFAULT;
}

/* All of them have the new table, or all are as they were. */
TEST_F(devices, set_is_all_or_nothing)
{
	unsigned int nth, failed = 0;
	int ret, left = 0;

	/* From nothing, and from another table */
	for (nth = 1; !left && nth < ALLOCATIONS; nth++) {
		ASSERT_TRUE(fail_nth_arm(self->nth, nth));
		ret = smmu_cds_set(&self->guest.cds, NULL);
		left = fail_nth_disarm(self->nth);
		ASSERT_LE(0, left);
		failed += ret == -ENOMEM;
		EXPECT_TRUE(!ret || is_failure(ret));
		EXPECT_EQ(ret ? 0 : SMMU_OLD, SEEN(self->one));
		EXPECT_EQ(ret ? 0 : SMMU_OLD, SEEN(self->two));
		EXPECT_EQ(ret ? SMMU_OLD : 0, SEEN_FLAT(self->one));
		EXPECT_EQ(ret ? SMMU_OLD : 0, SEEN_FLAT(self->two));
		if (!ret)
			ASSERT_EQ(0, pasid_table_unset(self->vmm, NULL));
	}
	EXPECT_LT(0, left);
	EXPECT_LE(2, failed);

	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, NULL));
	for (left = 0, nth = 1; !left && nth < ALLOCATIONS; nth++) {
		ASSERT_TRUE(fail_nth_arm(self->nth, nth));
		ret = smmu_cds_set(&self->other_cds, NULL);
		left = fail_nth_disarm(self->nth);
		ASSERT_LE(0, left);
		EXPECT_TRUE(!ret || is_failure(ret));
		EXPECT_EQ(ret ? SMMU_OLD : SMMU_NEW, SEEN(self->one));
		EXPECT_EQ(ret ? SMMU_OLD : SMMU_NEW, SEEN(self->two));
		ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, NULL));
	}
	EXPECT_LT(0, left);
}

/* An unset does not fail, and has the reserves to go back to the second stage with. */
TEST_F(devices, unset_without_memory)
{
	unsigned int nth, done = 0;
	int ret, left = 0;

	for (nth = 1; !left && nth < ALLOCATIONS; nth++) {
		ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->one));
		ASSERT_TRUE(fail_nth_arm(self->nth, nth));
		ret = pasid_table_unset(self->vmm, self->one);
		left = fail_nth_disarm(self->nth);
		ASSERT_LE(0, left);
		/* Of the argument, nothing was read. */
		if (ret) {
			EXPECT_EQ(-EFAULT, ret);
			EXPECT_EQ(SMMU_OLD, SEEN(self->one));
			continue;
		}
		done++;
		EXPECT_EQ(0, SEEN(self->one));
		EXPECT_EQ(SMMU_OLD, SEEN_FLAT(self->one));
		EXPECT_EQ(SMMU_OLD, SEEN_FLAT(self->two));
	}
	EXPECT_LT(0, left);
	EXPECT_LT(1, done);
}

/* ---------------------------------------------------------- several owners */

TEST(owners_are_apart)
{
	struct smmu_guest one, two;

	ASSERT_EQ(0, smmu_guest_open(&one, 0, 1));
	ASSERT_EQ(0, smmu_guest_open(&two, 2, 1));
	/* The same ASID, the same addresses, other memory */
	smmu_guest_remap(&two, two.page);
	ASSERT_EQ(0, smmu_cds_set(&one.cds, NULL));
	ASSERT_EQ(0, smmu_cds_set(&two.cds, NULL));
	EXPECT_EQ(SMMU_OLD, smmu_guest_seen(&one, one.dev));
	EXPECT_EQ(SMMU_NEW, smmu_guest_seen(&two, two.dev));

	/* What one invalidates stays with the other. */
	smmu_guest_remap(&one, one.page);
	smmu_guest_remap(&two, two.src);
	EXPECT_EQ(0, smmu_invalidate_space(&two.space, NULL));
	EXPECT_EQ(0, vmm_invalidate_all(&two.vmm, NULL, IOMMU_CACHE_INV_TYPE_IOTLB |
							IOMMU_CACHE_INV_TYPE_PASID));
	EXPECT_EQ(0, vmm_unmap_dma(&two.vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	EXPECT_EQ(SMMU_OLD, smmu_guest_seen(&one, one.dev));
	EXPECT_EQ(0, smmu_guest_seen(&two, two.dev));
	/* Nor can it name a device of another. */
	EXPECT_EQ(-ENODEV, pasid_table_mode(&two.vmm, one.dev, IOMMU_PASID_CONFIG_ABORT));
	EXPECT_EQ(0, pasid_table_unset(&two.vmm, one.dev));
	smmu_guest_close(&two);
	EXPECT_EQ(SMMU_OLD, smmu_guest_seen(&one, one.dev));
	smmu_guest_close(&one);
}

TEST_HARNESS_MAIN
