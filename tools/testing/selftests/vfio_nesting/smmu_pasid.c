// SPDX-License-Identifier: GPL-2.0-only
/*
 * Context descriptors of a guest on an SMMUv3, one for each PASID
 */
#include <errno.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_smmu.h"
#include "needs_svatest.h"
#include "pasid_table.h"
#include "smmu_guest.h"

#define OLD		SMMU_OLD
#define NEW		SMMU_NEW
#define VA_NOWHERE	SMMU_VA_NOWHERE
#define GPA_NOWHERE	SMMU_GPA_NOWHERE

#define FIRST		1		/* a PASID, the other one is the last */
#define OTHER_ASID	(SMMU_ASID + 1)

/* Channels of the device: that of the scene has no PASID */
enum channel { PLAIN, WITH_FIRST, WITH_LAST, WITH_ANY };

/* The first PASID sees OLD, the last one NEW, by the same addresses. */
FIXTURE(pasid) {
	struct smmu_guest guest;
	struct vmm *vmm;
	struct vmm_device *dev;
	struct smmu_space other;
	struct smmu_cds one_cd;		/* of @other */
	struct smmu_cds cds;
	uint32_t last;
	int fault_fd;
};

FIXTURE_VARIANT(pasid) {
	unsigned int bits;
	unsigned int layout;
};

FIXTURE_VARIANT_ADD(pasid, linear) { 4, SMMU_LINEAR };
FIXTURE_VARIANT_ADD(pasid, linear_10) { 10, SMMU_LINEAR };
FIXTURE_VARIANT_ADD(pasid, two_levels_4) { 4, SMMU_TWO_LEVELS };
FIXTURE_VARIANT_ADD(pasid, two_levels_14) { 14, SMMU_TWO_LEVELS };

FIXTURE_SETUP(pasid)
{
	struct iommu_nesting_info info;
	struct smmu_guest *guest = &self->guest;

	ASSERT_EQ(0, smmu_guest_open(guest, 0, 1));
	self->vmm = &guest->vmm;
	self->dev = guest->dev;
	ASSERT_EQ(0, vmm_nesting_info(self->vmm, &info));
	ASSERT_LE(variant->bits, info.pasid_bits);
	self->last = (1U << variant->bits) - 1;
	svatest_setup(self->dev, WITH_FIRST, FIRST, 0);
	svatest_setup(self->dev, WITH_LAST, self->last, 0);
	self->fault_fd = fault_open(self->dev, 0);
	ASSERT_LE(0, self->fault_fd);

	smmu_guest_other(guest, &self->other, &self->one_cd, OTHER_ASID);
	smmu_cds_init(&self->cds, self->vmm, variant->bits, variant->layout);
	smmu_cd_map(&self->cds, FIRST, &guest->space);
	smmu_cd_map(&self->cds, self->last, &self->other);
}

FIXTURE_TEARDOWN(pasid)
{
	close(self->fault_fd);
	smmu_guest_close(&self->guest);
}

/* What a channel copies */
static uint64_t copied(struct smmu_guest *guest, const struct vmm_device *dev,
		       enum channel channel, uint64_t from, uint64_t to)
{
	*(volatile uint64_t *)vmm_ptr(dev->vmm, guest->dst) = 0;
	if (svatest_copy(dev, channel, from, to, 64) != SVATEST_ST_OK)
		return 0;
	return guest_peek(dev->vmm, guest->dst);
}

static uint64_t seen(struct smmu_guest *guest, enum channel channel)
{
	return copied(guest, guest->dev, channel, SMMU_VA_SRC, SMMU_VA_DST);
}

#define SEEN(channel)	seen(&self->guest, channel)
#define SEEN_FLAT()	smmu_guest_seen_flat(&self->guest, self->dev)

/* Let WITH_ANY have @pasid; what it sees */
static uint64_t seen_with(struct smmu_guest *guest, uint32_t pasid)
{
	svatest_setup(guest->dev, WITH_ANY, pasid, 0);
	return seen(guest, WITH_ANY);
}

static int forget(struct vmm *vmm, const struct vmm_device *dev, uint32_t pasid)
{
	return vmm_invalidate_pasid(vmm, dev, IOMMU_CACHE_INV_TYPE_PASID, pasid);
}

/* ------------------------------------------------------------------- the table */

TEST_F(pasid, each_has_its_own)
{
	EXPECT_EQ(0, SEEN(WITH_FIRST));
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	EXPECT_EQ(NEW, SEEN(WITH_LAST));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	EXPECT_EQ(0, seen_with(&self->guest, FIRST + 1));
	EXPECT_EQ(0, seen_with(&self->guest, self->last + 1));
	EXPECT_EQ(0, pasid_table_unset(self->vmm, self->dev));
	EXPECT_EQ(0, SEEN(WITH_FIRST));
	EXPECT_EQ(OLD, SEEN_FLAT());
}

TEST_F(pasid, a_table_in_another_place)
{
	struct smmu_cds next;

	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	smmu_cds_init(&next, self->vmm, variant->bits, variant->layout);
	smmu_cd_map(&next, FIRST, &self->other);
	ASSERT_EQ(0, smmu_cds_set(&next, self->dev));
	EXPECT_EQ(NEW, SEEN(WITH_FIRST));
	EXPECT_EQ(0, SEEN(WITH_LAST));
	/* A smaller one, of no PASIDs at all */
	ASSERT_EQ(0, smmu_cds_set(&self->one_cd, self->dev));
	EXPECT_EQ(0, SEEN(WITH_FIRST));
	EXPECT_EQ(NEW, SEEN(PLAIN));
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	EXPECT_EQ(NEW, SEEN(WITH_LAST));
	EXPECT_EQ(0, SEEN(PLAIN));
}

TEST_F(pasid, bypass_and_abort_have_none)
{
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	ASSERT_EQ(0, pasid_table_mode(self->vmm, self->dev, IOMMU_PASID_CONFIG_BYPASS));
	EXPECT_EQ(0, SEEN(WITH_FIRST));
	EXPECT_EQ(0, copied(&self->guest, self->dev, WITH_FIRST, self->guest.src,
			    self->guest.dst));
	EXPECT_EQ(OLD, SEEN_FLAT());
	ASSERT_EQ(0, pasid_table_mode(self->vmm, self->dev, IOMMU_PASID_CONFIG_ABORT));
	EXPECT_EQ(0, SEEN(WITH_FIRST));
	EXPECT_EQ(0, SEEN_FLAT());
}

/* ----------------------------------------------------- accesses without PASID */

TEST_F(pasid, others_are_terminated)
{
	smmu_cd_map(&self->cds, 0, &self->other);
	self->cds.dss = SMMU_DSS_TERMINATE;
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_EQ(0, SEEN(PLAIN));
	EXPECT_EQ(0, SEEN_FLAT());
	EXPECT_EQ(NEW, seen_with(&self->guest, 0));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
}

TEST_F(pasid, others_pass_stage_1)
{
	smmu_cd_map(&self->cds, 0, &self->other);
	self->cds.dss = SMMU_DSS_PASS;
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_EQ(0, SEEN(PLAIN));
	EXPECT_EQ(OLD, SEEN_FLAT());
	EXPECT_EQ(NEW, seen_with(&self->guest, 0));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	/* Stage 2 is on for them. */
	EXPECT_NE(SVATEST_ST_OK, svatest_touch(self->dev, PLAIN, GPA_NOWHERE, true, 0));
}

TEST_F(pasid, others_have_the_first_descriptor)
{
	smmu_cd_map(&self->cds, 0, &self->other);
	self->cds.dss = SMMU_DSS_ENTRY_0;
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_EQ(NEW, SEEN(PLAIN));
	EXPECT_EQ(0, SEEN_FLAT());
	EXPECT_EQ(0, seen_with(&self->guest, 0));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
}

/* One after the other, below a device that uses a PASID */
TEST_F(pasid, others_change)
{
	unsigned int i;

	smmu_cd_map(&self->cds, 0, &self->other);
	for (i = 0; i < 6; i++) {
		self->cds.dss = i % 3;
		ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
		EXPECT_EQ(self->cds.dss == SMMU_DSS_ENTRY_0 ? NEW : 0, SEEN(PLAIN));
		EXPECT_EQ(self->cds.dss == SMMU_DSS_PASS ? OLD : 0, SEEN_FLAT());
		EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	}
}

/* -------------------------------------------------------------- invalidations */

/* A descriptor is cached until it is invalidated, and others stay then. */
TEST_F(pasid, descriptors_one_by_one)
{
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	EXPECT_EQ(NEW, SEEN(WITH_LAST));
	smmu_cd_map(&self->cds, FIRST, &self->other);
	smmu_cd_map(&self->cds, self->last, &self->guest.space);
	EXPECT_EQ(0, vmm_invalidate_all(self->vmm, NULL, IOMMU_CACHE_INV_TYPE_IOTLB));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	EXPECT_EQ(NEW, SEEN(WITH_LAST));

	EXPECT_EQ(0, forget(self->vmm, self->dev, FIRST + 1));
	EXPECT_EQ(0, forget(self->vmm, self->dev, self->last + 1));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	EXPECT_EQ(0, forget(self->vmm, self->dev, FIRST));
	EXPECT_EQ(NEW, SEEN(WITH_FIRST));
	EXPECT_EQ(NEW, SEEN(WITH_LAST));
	EXPECT_EQ(0, forget(self->vmm, NULL, self->last));
	EXPECT_EQ(OLD, SEEN(WITH_LAST));

	smmu_cd_clear(&self->cds, FIRST);
	smmu_cd_clear(&self->cds, self->last);
	EXPECT_EQ(NEW, SEEN(WITH_FIRST));
	EXPECT_EQ(OLD, SEEN(WITH_LAST));
	EXPECT_EQ(0, vmm_invalidate_all(self->vmm, self->dev, IOMMU_CACHE_INV_TYPE_PASID));
	EXPECT_EQ(0, SEEN(WITH_FIRST));
	EXPECT_EQ(0, SEEN(WITH_LAST));
}

/* The first one is that of accesses without PASID too. */
TEST_F(pasid, the_first_descriptor)
{
	smmu_cd_map(&self->cds, 0, &self->other);
	self->cds.dss = SMMU_DSS_ENTRY_0;
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_EQ(NEW, SEEN(PLAIN));
	smmu_cd_map(&self->cds, 0, &self->guest.space);
	EXPECT_EQ(0, forget(self->vmm, self->dev, FIRST));
	EXPECT_EQ(NEW, SEEN(PLAIN));
	EXPECT_EQ(0, forget(self->vmm, self->dev, 0));
	EXPECT_EQ(OLD, SEEN(PLAIN));
}

TEST_F(pasid, pages_of_one)
{
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	smmu_guest_remap(&self->guest, self->guest.page);
	EXPECT_EQ(0, smmu_invalidate_space(&self->other, self->dev));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	EXPECT_EQ(0, smmu_invalidate_pages(&self->guest.space, self->dev, SMMU_VA_SRC, 1));
	EXPECT_EQ(NEW, SEEN(WITH_FIRST));
	EXPECT_EQ(NEW, SEEN(WITH_LAST));
}

/* --------------------------------------------------------------------- faults */

/* The record of one access, and that there is no other */
static struct iommu_fault_unrecoverable fault_of(int fd, const struct vmm_device *dev,
						 enum channel channel, uint64_t va)
{
	struct iommu_fault_unrecoverable none = { .reason = ~0U };
	struct iommu_fault record;

	if (svatest_touch(dev, channel, va, true, 0) == SVATEST_ST_OK)
		return none;
	if (fault_next_event(fd, &record) != 1 || fault_wait(fd, 0))
		return none;
	return record.event;
}

#define ADDR	IOMMU_FAULT_UNRECOV_ADDR_VALID
#define FETCH	IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID
#define PASID	IOMMU_FAULT_UNRECOV_PASID_VALID

#define EXPECT_FAULT(channel, va, why, known, of, fetched) do {			\
	struct iommu_fault_unrecoverable event = fault_of(self->fault_fd,	\
							  self->dev, channel, va); \
										\
	EXPECT_EQ(why, event.reason);						\
	EXPECT_EQ(known, event.flags);						\
	EXPECT_EQ(of, event.pasid);						\
	EXPECT_EQ((known) & ADDR ? va : 0, event.addr & ~0xfffULL);		\
	EXPECT_EQ((known) & ADDR ? IOMMU_FAULT_PERM_WRITE : 0, event.perm);	\
	EXPECT_EQ(fetched, event.fetch_addr);					\
} while (0)

TEST_F(pasid, faults_tell_whose)
{
	const uint32_t last = self->last;

	smmu_cd_map(&self->cds, 0, &self->other);
	self->cds.dss = SMMU_DSS_ENTRY_0;
	smmu_space_map(&self->other, VA_NOWHERE, self->guest.page, SIZE_4K, SMMU_READ_ONLY);
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_FAULT(WITH_FIRST, VA_NOWHERE, IOMMU_FAULT_REASON_PTE_FETCH, ADDR | PASID,
		     FIRST, 0);
	EXPECT_FAULT(WITH_LAST, VA_NOWHERE, IOMMU_FAULT_REASON_PERMISSION, ADDR | PASID,
		     last, 0);
	EXPECT_FAULT(PLAIN, VA_NOWHERE, IOMMU_FAULT_REASON_PERMISSION, ADDR, 0, 0);
}

TEST_F(pasid, faults_of_descriptors)
{
	const uint32_t last = self->last;

	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	svatest_setup(self->dev, WITH_ANY, FIRST + 1, 0);
	EXPECT_FAULT(WITH_ANY, VA_NOWHERE, IOMMU_FAULT_REASON_BAD_PASID_ENTRY, PASID,
		     FIRST + 1, 0);
	svatest_setup(self->dev, WITH_ANY, last + 1, 0);
	EXPECT_FAULT(WITH_ANY, VA_NOWHERE, IOMMU_FAULT_REASON_PASID_INVALID, PASID,
		     last + 1, 0);
	/* Neither says whose it was: there is no PASID, or it is the one of those. */
	EXPECT_FAULT(PLAIN, VA_NOWHERE, IOMMU_FAULT_REASON_UNKNOWN, 0, 0, 0);
	self->cds.dss = SMMU_DSS_ENTRY_0;
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	svatest_setup(self->dev, WITH_ANY, 0, 0);
	EXPECT_FAULT(WITH_ANY, VA_NOWHERE, IOMMU_FAULT_REASON_UNKNOWN, 0, 0, 0);
	EXPECT_FAULT(PLAIN, VA_NOWHERE, IOMMU_FAULT_REASON_BAD_PASID_ENTRY, 0, 0, 0);
}

TEST_F(pasid, faults_of_tables_beyond_stage_2)
{
	volatile uint64_t *cd = smmu_cd(&self->cds, FIRST);
	struct smmu_cds nowhere = self->cds;

	cd[1] = GPA_NOWHERE;
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_FAULT(WITH_FIRST, VA_NOWHERE, IOMMU_FAULT_REASON_WALK_EABT,
		     ADDR | FETCH | PASID, FIRST, GPA_NOWHERE);
	nowhere.base = GPA_NOWHERE;
	ASSERT_EQ(0, smmu_cds_set(&nowhere, self->dev));
	EXPECT_FAULT(WITH_FIRST, VA_NOWHERE, IOMMU_FAULT_REASON_PASID_FETCH,
		     ADDR | FETCH | PASID, FIRST, GPA_NOWHERE);
	/* The guest mends it, and says so. */
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	cd[1] = self->guest.space.root;
	EXPECT_EQ(0, forget(self->vmm, self->dev, FIRST));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
}

/* ------------------------------------------------------------- the first level */

/* Leaves of 64 KiB: PASIDs from 1024 on have another one. */
#define IN_LEAF_2	2049
#define IN_LEAF_3	3073

FIXTURE(leaves) {
	struct smmu_guest guest;
	struct vmm *vmm;
	struct vmm_device *dev;
	struct smmu_cds cds;
	int fault_fd;
};

FIXTURE_SETUP(leaves)
{
	ASSERT_EQ(0, smmu_guest_open(&self->guest, 0, 1));
	self->vmm = &self->guest.vmm;
	self->dev = self->guest.dev;
	self->fault_fd = fault_open(self->dev, 0);
	ASSERT_LE(0, self->fault_fd);
	smmu_cds_init(&self->cds, self->vmm, 12, SMMU_TWO_LEVELS);
	smmu_cd_map(&self->cds, IN_LEAF_2, &self->guest.space);
	svatest_setup(self->dev, WITH_FIRST, IN_LEAF_2, 0);
	svatest_setup(self->dev, WITH_LAST, IN_LEAF_3, 0);
}

FIXTURE_TEARDOWN(leaves)
{
	close(self->fault_fd);
	smmu_guest_close(&self->guest);
}

/* It is the PASIDs' that have no leaf, or one that is nowhere, and no other's. */
TEST_F(leaves, missing)
{
	volatile uint64_t *l1 = vmm_ptr(self->vmm, self->cds.base);

	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	EXPECT_FAULT(WITH_LAST, VA_NOWHERE, IOMMU_FAULT_REASON_PASID_INVALID, PASID,
		     IN_LEAF_3, 0);
	l1[3] = GPA_NOWHERE | 1;
	EXPECT_EQ(0, forget(self->vmm, self->dev, IN_LEAF_3));
	EXPECT_FAULT(WITH_LAST, VA_NOWHERE, IOMMU_FAULT_REASON_PASID_FETCH,
		     ADDR | FETCH | PASID, IN_LEAF_3, GPA_NOWHERE);
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));

	/* Now there is one. */
	l1[3] = 0;
	smmu_cd_map(&self->cds, IN_LEAF_3, &self->guest.space);
	EXPECT_EQ(0, forget(self->vmm, self->dev, IN_LEAF_3));
	EXPECT_EQ(OLD, SEEN(WITH_LAST));
}

/* A leaf that goes takes its descriptors with it once all are invalidated. */
TEST_F(leaves, going)
{
	volatile uint64_t *l1 = vmm_ptr(self->vmm, self->cds.base);

	smmu_cd_map(&self->cds, IN_LEAF_3, &self->guest.space);
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	EXPECT_EQ(OLD, SEEN(WITH_LAST));
	l1[3] = 0;
	EXPECT_EQ(0, forget(self->vmm, self->dev, IN_LEAF_3));
	EXPECT_FAULT(WITH_LAST, VA_NOWHERE, IOMMU_FAULT_REASON_PASID_INVALID, PASID,
		     IN_LEAF_3, 0);
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
}

/* ------------------------------------------------------------- several owners */

/* The next owner has no PASIDs, and hears of none that went before. */
TEST_F(leaves, next_owner)
{
	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	EXPECT_EQ(0, SEEN(WITH_LAST));
	close(self->fault_fd);
	vmm_device_close(self->dev);
	ASSERT_EQ(0, vmm_device_open(self->dev));
	self->fault_fd = fault_open(self->dev, 0);
	ASSERT_LE(0, self->fault_fd);
	EXPECT_FALSE(fault_wait(self->fault_fd, 0));
	svatest_setup(self->dev, PLAIN, SVATEST_NO_PASID, 0);
	svatest_setup(self->dev, WITH_FIRST, IN_LEAF_2, 0);
	EXPECT_EQ(OLD, SEEN_FLAT());
	/* Nothing is bound to the number that is on the bus. */
	EXPECT_FAULT(WITH_FIRST, SMMU_VA_SRC, IOMMU_FAULT_REASON_PASID_INVALID,
		     PASID | IOMMU_FAULT_UNRECOV_BUS_PASID, IN_LEAF_2, 0);
}

/* Two guests with the same PASID, the same ASID and the same addresses */
TEST_F(leaves, two_owners)
{
	struct smmu_guest there;
	struct smmu_space space;
	struct smmu_cds cds;

	ASSERT_EQ(0, smmu_guest_open(&there, 2, 1));
	svatest_setup(there.dev, WITH_FIRST, IN_LEAF_2, 0);
	smmu_guest_other(&there, &space, &cds, SMMU_ASID);
	smmu_cds_init(&cds, &there.vmm, 12, SMMU_TWO_LEVELS);
	smmu_cd_map(&cds, IN_LEAF_2, &space);

	ASSERT_EQ(0, smmu_cds_set(&self->cds, self->dev));
	ASSERT_EQ(0, smmu_cds_set(&cds, there.dev));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	EXPECT_EQ(NEW, seen(&there, WITH_FIRST));

	/* What the one invalidates is its own. */
	smmu_guest_remap(&self->guest, self->guest.page);
	EXPECT_EQ(0, smmu_invalidate_space(&space, there.dev));
	smmu_cd_clear(&self->cds, IN_LEAF_2);
	EXPECT_EQ(0, forget(&there.vmm, NULL, IN_LEAF_2));
	EXPECT_EQ(OLD, SEEN(WITH_FIRST));
	EXPECT_EQ(NEW, seen(&there, WITH_FIRST));
	EXPECT_EQ(0, pasid_table_unset(self->vmm, NULL));
	EXPECT_EQ(0, SEEN(WITH_FIRST));
	EXPECT_EQ(NEW, seen(&there, WITH_FIRST));
	smmu_guest_close(&there);
}

TEST_HARNESS_MAIN
