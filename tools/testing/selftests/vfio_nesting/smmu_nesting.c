// SPDX-License-Identifier: GPL-2.0-only
/*
 * Context descriptors of a guest on an SMMUv3, for accesses without PASID
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_smmu.h"
#include "needs_svatest.h"
#include "pasid_table.h"
#include "smmu_guest.h"

/* The names of the scene, without prefix */
#define OLD		SMMU_OLD
#define NEW		SMMU_NEW
#define VA_SRC		SMMU_VA_SRC
#define VA_DST		SMMU_VA_DST
#define VA_NOWHERE	SMMU_VA_NOWHERE
#define GPA_NOWHERE	SMMU_GPA_NOWHERE

#define OTHER_ASID	(SMMU_ASID + 1)

/* Where VFIO maps the doorbell, and where it is in that page */
#define MSI_PAGE	0x8000000ULL
#define MSI_OFFSET	0x40

FIXTURE(smmu) {
	struct smmu_guest guest;
	struct vmm *vmm;
	struct vmm_device *dev;
	int fault_fd;
};

FIXTURE_SETUP(smmu)
{
	ASSERT_EQ(0, smmu_guest_open(&self->guest, 0, 1));
	self->vmm = &self->guest.vmm;
	self->dev = self->guest.dev;
	self->fault_fd = fault_open(self->dev, 0);
	ASSERT_LE(0, self->fault_fd);
}

FIXTURE_TEARDOWN(smmu)
{
	close(self->fault_fd);
	smmu_guest_close(&self->guest);
}

#define SEEN()		smmu_guest_seen(&self->guest, self->dev)
#define SEEN_FLAT()	smmu_guest_seen_flat(&self->guest, self->dev)

/* ---------------------------------------------------------------- on and off */

TEST_F(smmu, offered)
{
	struct vfio_iommu_type1_info_cap_pasid pasids;
	struct iommu_nesting_info info;
	const uint32_t *idr = info.vendor.smmuv3.idr;

	ASSERT_EQ(0, vmm_nesting_info(self->vmm, &info));
	EXPECT_EQ(sizeof(info), info.argsz);
	EXPECT_EQ(IOMMU_PASID_FORMAT_ARM_SMMU_V3, info.format);
	EXPECT_EQ(IOMMU_NESTING_FEAT_CACHE_INVLD | IOMMU_NESTING_FEAT_BIND_PASID_TABLE,
		  info.features);
	EXPECT_EQ(44, info.addr_width);
	EXPECT_EQ(0, info.vendor.smmuv3.flags);
	EXPECT_EQ(2, idr[0] & 3);			/* stage 1 alone */
	EXPECT_EQ(1, idr[0] >> 24 & 3);			/* no stalls */
	EXPECT_EQ(0, idr[0] & (1 << 10 | 1 << 13 | 1 << 16));	/* ATS, MSI, PRI */
	EXPECT_EQ(0, idr[1] & ~0x7c0U);			/* the width of PASIDs */
	EXPECT_EQ(info.pasid_bits, idr[1] >> 6);
	EXPECT_EQ(0, idr[2] | idr[4]);
	EXPECT_EQ(0x70, idr[5] & 0x70);			/* 4, 16, 64 KiB */

	/* PASIDs are the table's. */
	EXPECT_EQ(-ENOENT, vmm_pasid_info(self->vmm, &pasids));
	EXPECT_EQ(-EOPNOTSUPP, vmm_pasid_alloc(self->vmm, 1, 1));
}

TEST_F(smmu, page_requests_are_not)
{
	close(self->fault_fd);
	EXPECT_EQ(-EOPNOTSUPP, fault_open(self->dev, VFIO_NESTING_FAULT_PAGE_REQ));
	self->fault_fd = fault_open(self->dev, 0);
	EXPECT_LE(0, self->fault_fd);
}

TEST_F(smmu, set_and_unset)
{
	EXPECT_EQ(OLD, SEEN_FLAT());
	EXPECT_EQ(0, SEEN());
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_EQ(OLD, SEEN());
	EXPECT_EQ(0, SEEN_FLAT());
	EXPECT_EQ(0, pasid_table_unset(self->vmm, self->dev));
	EXPECT_EQ(OLD, SEEN_FLAT());
	EXPECT_EQ(0, SEEN());
	EXPECT_EQ(0, pasid_table_unset(self->vmm, NULL));
	EXPECT_EQ(OLD, SEEN_FLAT());
}

TEST_F(smmu, bypass_and_abort)
{
	ASSERT_EQ(0, pasid_table_mode(self->vmm, self->dev, IOMMU_PASID_CONFIG_ABORT));
	EXPECT_EQ(0, SEEN());
	EXPECT_EQ(0, SEEN_FLAT());
	ASSERT_EQ(0, pasid_table_mode(self->vmm, self->dev, IOMMU_PASID_CONFIG_BYPASS));
	EXPECT_EQ(0, SEEN());
	EXPECT_EQ(OLD, SEEN_FLAT());
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_EQ(OLD, SEEN());
	ASSERT_EQ(0, pasid_table_mode(self->vmm, self->dev, IOMMU_PASID_CONFIG_ABORT));
	EXPECT_EQ(0, SEEN());
	EXPECT_EQ(0, pasid_table_unset(self->vmm, self->dev));
	EXPECT_EQ(OLD, SEEN_FLAT());
}

/* A set on a set replaces; nothing of the old table is left, the CD included. */
TEST_F(smmu, replace)
{
	struct smmu_space other;
	struct smmu_cds cds;

	smmu_guest_other(&self->guest, &other, &cds, SMMU_ASID);

	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_EQ(OLD, SEEN());
	ASSERT_EQ(0, smmu_cds_set(&cds, self->dev));
	EXPECT_EQ(NEW, SEEN());
	/* The same table with another content, which nobody invalidates */
	smmu_cd_map(&cds, 0, &self->guest.space);
	ASSERT_EQ(0, smmu_cds_set(&cds, self->dev));
	EXPECT_EQ(OLD, SEEN());
}

/* The last close ends the table, the next owner starts with stage 2 alone. */
TEST_F(smmu, close_ends_the_table)
{
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_EQ(OLD, SEEN());
	EXPECT_NE(SVATEST_ST_OK, svatest_touch(self->dev, 0, VA_NOWHERE, true, 0));
	close(self->fault_fd);
	vmm_device_close(self->dev);
	ASSERT_EQ(0, vmm_device_open(self->dev));
	self->fault_fd = fault_open(self->dev, 0);
	ASSERT_LE(0, self->fault_fd);
	/* What the device did before is not in the file of the new owner. */
	EXPECT_FALSE(fault_wait(self->fault_fd, 0));
	svatest_setup(self->dev, 0, SVATEST_NO_PASID, 0);
	EXPECT_EQ(OLD, SEEN_FLAT());
	EXPECT_EQ(0, SEEN());
}

/* ---------------------------------------------------------------- geometries */

FIXTURE(geometry) {
	struct vmm vmm;
	struct vmm_device *dev;
};

FIXTURE_VARIANT(geometry) {
	unsigned int granule;
	unsigned int bits;
	bool upper;
};

FIXTURE_VARIANT_ADD(geometry, g4k_39) { 12, 39, false };
FIXTURE_VARIANT_ADD(geometry, g4k_48) { 12, 48, false };
FIXTURE_VARIANT_ADD(geometry, g16k_36) { 14, 36, false };
FIXTURE_VARIANT_ADD(geometry, g16k_47) { 14, 47, false };
FIXTURE_VARIANT_ADD(geometry, g64k_42) { 16, 42, false };
FIXTURE_VARIANT_ADD(geometry, g64k_48) { 16, 48, false };
FIXTURE_VARIANT_ADD(geometry, upper_4k_39) { 12, 39, true };
FIXTURE_VARIANT_ADD(geometry, upper_64k_48) { 16, 48, true };

FIXTURE_SETUP(geometry)
{
	ASSERT_EQ(0, vmm_open(&self->vmm, 0, 1));
	self->dev = &self->vmm.devices[0];
	svatest_setup(self->dev, 0, SVATEST_NO_PASID, 0);
}

FIXTURE_TEARDOWN(geometry)
{
	vmm_close(&self->vmm);
}

/* A piece of memory of the guest of which all is the same */
static uint64_t memory(struct vmm *vmm, uint64_t size, uint64_t pattern)
{
	uint64_t gpa = vmm_alloc(vmm, size, size);
	uint64_t *words = vmm_ptr(vmm, gpa);
	uint64_t i;

	for (i = 0; i < size / 8; i++)
		words[i] = pattern;
	return gpa;
}

/* The first and the last page that there is */
TEST_F(geometry, both_ends)
{
	const uint64_t size = 1ULL << variant->granule, all = 1ULL << variant->bits;
	const uint64_t begin = variant->upper ? -all : 0;
	struct vmm *vmm = &self->vmm;
	struct smmu_space space;
	struct smmu_cds cds;
	uint64_t src, dst;

	src = memory(vmm, size, OLD);
	dst = memory(vmm, size, 0);
	smmu_space_init(&space, vmm, SMMU_ASID, variant->granule, variant->bits);
	space.upper = variant->upper;
	smmu_space_map(&space, begin, src, size, 0);
	smmu_space_map(&space, begin + all - size, dst, size, 0);
	smmu_cds_init(&cds, vmm, 0, SMMU_LINEAR);
	smmu_cd_map(&cds, 0, &space);
	ASSERT_EQ(0, smmu_cds_set(&cds, self->dev));
	EXPECT_EQ(OLD, smmu_guest_copied(self->dev, begin + size - 64, begin + all - size, dst));
	EXPECT_EQ(0, smmu_guest_copied(self->dev, begin + size, begin + all - size, dst));
	EXPECT_EQ(0, smmu_guest_copied(self->dev, begin + all, begin + all - size, dst));
}

/* Blocks of the levels above the last */
TEST_F(smmu, blocks)
{
	const uint64_t block = SIZE_2M, src = memory(self->vmm, block, OLD);
	const uint64_t dst = self->guest.dst;

	smmu_space_map(&self->guest.space, VA_NOWHERE, src, block, 0);
	smmu_space_map(&self->guest.space, 0, VMM_GPA_BASE, SIZE_1G, 0);
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_EQ(OLD, smmu_guest_copied(self->dev, VA_NOWHERE + block - 64, VA_DST, dst));
	EXPECT_EQ(OLD, smmu_guest_copied(self->dev, src - VMM_GPA_BASE, VA_DST, dst));
}

/* -------------------------------------------------------------- invalidations */

TEST_F(smmu, pages_stay_until_they_are_invalidated)
{
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_EQ(OLD, SEEN());
	smmu_guest_remap(&self->guest, self->guest.page);
	EXPECT_EQ(OLD, SEEN());
	EXPECT_EQ(0, smmu_invalidate_pages(&self->guest.space, self->dev, VA_DST, 1));
	EXPECT_EQ(OLD, SEEN());
	EXPECT_EQ(0, smmu_invalidate_pages(&self->guest.space, self->dev, VA_SRC, 1));
	EXPECT_EQ(NEW, SEEN());

	/* As many as have commands of their own, and one more */
	smmu_guest_remap(&self->guest, self->guest.src);
	EXPECT_EQ(0, smmu_invalidate_pages(&self->guest.space, self->dev,
					   VA_SRC - 64 * SIZE_4K, 64));
	EXPECT_EQ(NEW, SEEN());
	EXPECT_EQ(0, smmu_invalidate_pages(&self->guest.space, self->dev,
					   VA_SRC - 63 * SIZE_4K, 64));
	EXPECT_EQ(OLD, SEEN());
	smmu_guest_remap(&self->guest, self->guest.page);
	EXPECT_EQ(0, smmu_invalidate_pages(&self->guest.space, self->dev,
					   VA_SRC - 64 * SIZE_4K, 65));
	EXPECT_EQ(NEW, SEEN());
	/* All that there is */
	smmu_guest_remap(&self->guest, self->guest.src);
	EXPECT_EQ(0, smmu_invalidate_pages(&self->guest.space, NULL, 0, 1ULL << 52));
	EXPECT_EQ(OLD, SEEN());
}

/* Without a tag of the architecture it is for any. */
TEST_F(smmu, pages_of_any_asid)
{
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_EQ(OLD, SEEN());
	smmu_guest_remap(&self->guest, self->guest.page);
	EXPECT_EQ(0, vmm_invalidate_addr(self->vmm, self->dev, IOMMU_CACHE_INV_TYPE_IOTLB,
					 0, VA_DST, SIZE_4K, 1));
	EXPECT_EQ(OLD, SEEN());
	EXPECT_EQ(0, vmm_invalidate_addr(self->vmm, self->dev, IOMMU_CACHE_INV_TYPE_IOTLB,
					 0, VA_SRC, SIZE_4K, 1));
	EXPECT_EQ(NEW, SEEN());
}

TEST_F(smmu, address_spaces_are_apart)
{
	struct smmu_space other = self->guest.space;

	other.asid = OTHER_ASID;
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_EQ(OLD, SEEN());
	smmu_guest_remap(&self->guest, self->guest.page);
	EXPECT_EQ(0, smmu_invalidate_space(&other, self->dev));
	EXPECT_EQ(0, smmu_invalidate_pages(&other, self->dev, VA_SRC, 1));
	EXPECT_EQ(OLD, SEEN());
	EXPECT_EQ(0, smmu_invalidate_space(&self->guest.space, self->dev));
	EXPECT_EQ(NEW, SEEN());
	smmu_guest_remap(&self->guest, self->guest.src);
	EXPECT_EQ(0, vmm_invalidate_all(self->vmm, NULL, IOMMU_CACHE_INV_TYPE_IOTLB));
	EXPECT_EQ(OLD, SEEN());
}

/* The host does not know the ASID of a PASID. */
TEST_F(smmu, by_pasid_alone_is_everything)
{
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_EQ(OLD, SEEN());
	smmu_guest_remap(&self->guest, self->guest.page);
	EXPECT_EQ(0, vmm_invalidate_pasid(self->vmm, self->dev,
					  IOMMU_CACHE_INV_TYPE_IOTLB, 0));
	EXPECT_EQ(NEW, SEEN());
}

TEST_F(smmu, descriptor_stays_until_it_is_invalidated)
{
	struct smmu_space other;
	struct smmu_cds cds;

	smmu_guest_other(&self->guest, &other, &cds, OTHER_ASID);

	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_EQ(OLD, SEEN());
	smmu_cd_map(&self->guest.cds, 0, &other);
	EXPECT_EQ(0, vmm_invalidate_all(self->vmm, NULL, IOMMU_CACHE_INV_TYPE_IOTLB));
	EXPECT_EQ(OLD, SEEN());
	EXPECT_EQ(0, vmm_invalidate_pasid(self->vmm, self->dev,
					  IOMMU_CACHE_INV_TYPE_PASID, 0));
	EXPECT_EQ(NEW, SEEN());
	smmu_cd_map(&self->guest.cds, 0, &self->guest.space);
	EXPECT_EQ(NEW, SEEN());
	EXPECT_EQ(0, vmm_invalidate_all(self->vmm, self->dev, IOMMU_CACHE_INV_TYPE_PASID));
	EXPECT_EQ(OLD, SEEN());
}

/* --------------------------------------------------------------------- faults */

/* The record of one access, and that there is no other */
static struct iommu_fault_unrecoverable fault_of(int fd, struct vmm_device *dev,
						 uint64_t va, bool write)
{
	struct iommu_fault_unrecoverable none = { .reason = ~0U };
	struct iommu_fault record;

	if (svatest_touch(dev, 0, va, write, 0) == SVATEST_ST_OK)
		return none;
	if (fault_next_event(fd, &record) != 1 || fault_wait(fd, 0))
		return none;
	return record.event;
}

#define ADDR	IOMMU_FAULT_UNRECOV_ADDR_VALID
#define FETCH	IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID

#define EXPECT_FAULT(va, write, why, known, fetched) do {			\
	struct iommu_fault_unrecoverable event = fault_of(self->fault_fd,	\
							  self->dev, va, write); \
										\
	EXPECT_EQ(why, event.reason);						\
	EXPECT_EQ(known, event.flags);						\
	if ((known) & ADDR) {							\
		EXPECT_EQ(va, event.addr & ~0xfffULL);				\
		EXPECT_EQ((write) ? IOMMU_FAULT_PERM_WRITE :			\
				    IOMMU_FAULT_PERM_READ, event.perm);		\
	}									\
	EXPECT_EQ(fetched, event.fetch_addr);					\
} while (0)

/* A descriptor has been changed */
#define NEXT_CD() \
	EXPECT_EQ(0, vmm_invalidate_all(self->vmm, NULL, IOMMU_CACHE_INV_TYPE_IOTLB | \
							  IOMMU_CACHE_INV_TYPE_PASID))

TEST_F(smmu, faults_of_a_mapping)
{
	smmu_space_map(&self->guest.space, VA_NOWHERE, self->guest.page, SIZE_4K,
		       SMMU_READ_ONLY);
	smmu_space_map(&self->guest.space, VA_NOWHERE + SIZE_4K, self->guest.page, SIZE_4K,
		       SMMU_NO_ACCESS);
	smmu_space_map(&self->guest.space, VA_NOWHERE + 2 * SIZE_4K, GPA_NOWHERE, SIZE_4K, 0);
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));

	EXPECT_FAULT(VA_NOWHERE + SIZE_1G, false, IOMMU_FAULT_REASON_PTE_FETCH, ADDR, 0);
	EXPECT_FAULT(VA_NOWHERE + SIZE_1G, true, IOMMU_FAULT_REASON_PTE_FETCH, ADDR, 0);
	EXPECT_FAULT(1ULL << 40, true, IOMMU_FAULT_REASON_PTE_FETCH, ADDR, 0);
	EXPECT_FAULT(VA_NOWHERE, true, IOMMU_FAULT_REASON_PERMISSION, ADDR, 0);
	EXPECT_FAULT(VA_NOWHERE + SIZE_4K, false, IOMMU_FAULT_REASON_ACCESS, ADDR, 0);
	EXPECT_FAULT(VA_NOWHERE + 2 * SIZE_4K, false, IOMMU_FAULT_REASON_UNKNOWN, ADDR, 0);
	EXPECT_EQ(SVATEST_ST_OK, svatest_touch(self->dev, 0, VA_NOWHERE, false, 0));
}

/* An address that does not fit into what the descriptor says of physical ones */
TEST_F(smmu, fault_of_an_address_size)
{
	volatile uint64_t *cd = smmu_cd(&self->guest.cds, 0);

	cd[0] &= ~SMMU_CD_IPS(7);
	smmu_space_map(&self->guest.space, VA_NOWHERE, GPA_NOWHERE, SIZE_4K, 0);
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_FAULT(VA_NOWHERE, false, IOMMU_FAULT_REASON_OOR_ADDRESS, ADDR, 0);
}

TEST_F(smmu, faults_of_a_descriptor)
{
	volatile uint64_t *cd = smmu_cd(&self->guest.cds, 0);
	const uint64_t good = cd[0];

	cd[0] = good & ~SMMU_CD_VALID;
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_FAULT(VA_SRC, false, IOMMU_FAULT_REASON_BAD_PASID_ENTRY, 0, 0);
	/* A guest that asks for stalls does not get them. */
	cd[0] = good | SMMU_CD_STALL;
	NEXT_CD();
	EXPECT_FAULT(VA_SRC, false, IOMMU_FAULT_REASON_BAD_PASID_ENTRY, 0, 0);
	cd[0] = good;
	NEXT_CD();
	EXPECT_EQ(OLD, SEEN());
}

/* Tables that the guest has put where it has no memory */
TEST_F(smmu, faults_of_tables_beyond_stage_2)
{
	volatile uint64_t *cd = smmu_cd(&self->guest.cds, 0);
	const uint64_t root = cd[1];
	struct smmu_cds nowhere = self->guest.cds;

	nowhere.base = GPA_NOWHERE;
	ASSERT_EQ(0, smmu_cds_set(&nowhere, self->dev));
	EXPECT_FAULT(VA_SRC, false, IOMMU_FAULT_REASON_PASID_FETCH, ADDR | FETCH,
		     GPA_NOWHERE);
	cd[1] = GPA_NOWHERE;
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_FAULT(VA_SRC, false, IOMMU_FAULT_REASON_WALK_EABT, ADDR | FETCH,
		     GPA_NOWHERE);
	cd[1] = root;
	*smmu_space_entry(&self->guest.space, VA_SRC, SIZE_1G) = (GPA_NOWHERE + SIZE_4K) | 3;
	NEXT_CD();
	EXPECT_FAULT(VA_SRC, false, IOMMU_FAULT_REASON_WALK_EABT, ADDR | FETCH,
		     GPA_NOWHERE + SIZE_4K);
}

/* Without a table as well; and who listens too late hears nothing of before. */
TEST_F(smmu, faults_of_stage_2_alone)
{
	EXPECT_FAULT(GPA_NOWHERE, false, IOMMU_FAULT_REASON_UNKNOWN, ADDR, 0);
	close(self->fault_fd);
	EXPECT_NE(SVATEST_ST_OK, svatest_touch(self->dev, 0, GPA_NOWHERE, true, 0));
	vmm_device_close(self->dev);
	ASSERT_EQ(0, vmm_device_open(self->dev));
	self->fault_fd = fault_open(self->dev, 0);
	ASSERT_LE(0, self->fault_fd);
	EXPECT_FALSE(fault_wait(self->fault_fd, 0));
}

/* An access that is tried again and again, in smaller and smaller pieces */
TEST_F(smmu, a_storm_is_one_record)
{
	struct iommu_fault record;

	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_NE(SVATEST_ST_OK, svatest_copy(self->dev, 0, VA_NOWHERE, VA_DST, SIZE_4K));
	ASSERT_EQ(1, fault_next_event(self->fault_fd, &record));
	EXPECT_EQ(VA_NOWHERE, record.event.addr & ~0xfffULL);
	EXPECT_FALSE(fault_wait(self->fault_fd, 0));
}

/* ----------------------------------------------------------- the second stage */

/* What is unmapped is out of reach at once, whatever the guest invalidates. */
TEST_F(smmu, unmapped_data)
{
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_EQ(OLD, SEEN());
	EXPECT_EQ(0, vmm_unmap_dma(self->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	EXPECT_EQ(0, SEEN());
	EXPECT_EQ(0, vmm_map_dma(self->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	NEXT_CD();
	EXPECT_EQ(OLD, SEEN());
}

/* Map all of the memory, the page at @hole in pieces of its own */
static int map_around(struct vmm *vmm, uint64_t hole)
{
	const uint64_t end = VMM_GPA_BASE + VMM_MEMORY_SIZE;

	/* The first page of all is never the hole. */
	return vmm_unmap_dma(vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE) ?:
	       vmm_map_dma(vmm, VMM_GPA_BASE, hole - VMM_GPA_BASE) ?:
	       vmm_map_dma(vmm, hole, SIZE_4K) ?:
	       vmm_map_dma(vmm, hole + SIZE_4K, end - hole - SIZE_4K);
}

TEST_F(smmu, unmapped_tables)
{
	const uint64_t pages[] = {
		smmu_space_table(&self->guest.space, VA_SRC, SIZE_4K),
		smmu_space_table(&self->guest.space, VA_SRC, SIZE_2M),
		self->guest.space.root,
		self->guest.dst,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		ASSERT_EQ(0, map_around(self->vmm, pages[i]));
		ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
		EXPECT_EQ(OLD, SEEN());
		EXPECT_EQ(0, vmm_unmap_dma(self->vmm, pages[i], SIZE_4K));
		EXPECT_EQ(0, SEEN());
		EXPECT_EQ(0, vmm_map_dma(self->vmm, pages[i], SIZE_4K));
		NEXT_CD();
		EXPECT_EQ(OLD, SEEN());
	}
}

/* A descriptor is cached by itself: what was read of it holds until it is dropped. */
TEST_F(smmu, unmapped_descriptor)
{
	ASSERT_EQ(0, map_around(self->vmm, self->guest.cds.base));
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_EQ(OLD, SEEN());
	EXPECT_EQ(0, vmm_unmap_dma(self->vmm, self->guest.cds.base, SIZE_4K));
	EXPECT_EQ(0, vmm_invalidate_all(self->vmm, NULL, IOMMU_CACHE_INV_TYPE_PASID));
	EXPECT_FAULT(VA_SRC, false, IOMMU_FAULT_REASON_PASID_FETCH, ADDR | FETCH,
		     self->guest.cds.base);
}

/* ----------------------------------------------------------------- interrupts */

static unsigned int interrupt(struct vmm_device *dev)
{
	struct svatest_desc desc = { .op_flags = SVATEST_OP_IRQ };

	return svatest_run(dev, 0, &desc).status;
}

/* Whether one comes. What never comes is seen by the record of the message. */
#define EXPECT_INTERRUPT(event) do {						\
	EXPECT_EQ(SVATEST_ST_OK, interrupt(self->dev));				\
	EXPECT_TRUE(fault_wait(event, 60000));					\
	eventfd_read(event, &(eventfd_t){ 0 });					\
} while (0)

#define EXPECT_NO_INTERRUPT(event) do {						\
	struct iommu_fault record;						\
										\
	interrupt(self->dev);							\
	ASSERT_EQ(1, fault_next_event(self->fault_fd, &record));		\
	EXPECT_EQ(IOMMU_FAULT_REASON_PTE_FETCH, record.event.reason);		\
	EXPECT_EQ(MSI_PAGE + MSI_OFFSET, record.event.addr);			\
	EXPECT_FALSE(fault_wait(event, 0));					\
} while (0)

static void map_doorbell(struct smmu_space *space)
{
	smmu_space_map(space, MSI_PAGE, MSI_PAGE, SIZE_4K, 0);
}

/* Set up with stage 2 alone, used with and without stage 1 */
TEST_F(smmu, interrupts_set_up_before)
{
	int event = eventfd(0, 0);

	ASSERT_LE(0, event);
	ASSERT_EQ(0, vmm_device_irq(self->dev, VFIO_PCI_MSIX_IRQ_INDEX, event));
	EXPECT_INTERRUPT(event);
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	EXPECT_NO_INTERRUPT(event);
	map_doorbell(&self->guest.space);
	EXPECT_INTERRUPT(event);
	EXPECT_EQ(0, pasid_table_unset(self->vmm, self->dev));
	EXPECT_INTERRUPT(event);
	close(event);
}

/* Set up below stage 1, which is where the address matters */
TEST_F(smmu, interrupts_set_up_nested)
{
	int event = eventfd(0, 0);

	ASSERT_LE(0, event);
	map_doorbell(&self->guest.space);
	ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->dev));
	ASSERT_EQ(0, vmm_device_irq(self->dev, VFIO_PCI_MSIX_IRQ_INDEX, event));
	EXPECT_INTERRUPT(event);
	EXPECT_EQ(0, pasid_table_unset(self->vmm, self->dev));
	EXPECT_INTERRUPT(event);
	close(event);
}

TEST_HARNESS_MAIN
