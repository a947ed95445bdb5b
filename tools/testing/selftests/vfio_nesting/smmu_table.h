/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables of a guest for the Arm SMMUv3: context descriptors, and the address spaces
 * that they lead to
 *
 * Nothing is invalidated here but by the functions for that: that is up to the
 * caller, as in a guest.
 */
#ifndef SMMU_TABLE_H
#define SMMU_TABLE_H

#include <stdint.h>

#include "vmm.h"

/* Attributes of pages; in a page that is writable none of them is set */
#define SMMU_READ_ONLY		(1ULL << 7)
#define SMMU_NO_ACCESS		(1ULL << 10)	/* access flag clear */

/* Words and bits of a context descriptor that tests spoil */
#define SMMU_CD_EPD0		(1ULL << 14)
#define SMMU_CD_VALID		(1ULL << 31)
#define SMMU_CD_STALL		(1ULL << 44)
#define SMMU_CD_IPS(n)		((uint64_t)(n) << 32)

/* Layouts of a table of context descriptors, as in the stream table entry */
#define SMMU_LINEAR		0
#define SMMU_TWO_LEVELS		2	/* leaves of 64 KiB */

/* What becomes of accesses without PASID when there are PASIDs */
#define SMMU_DSS_TERMINATE	0
#define SMMU_DSS_PASS		1
#define SMMU_DSS_ENTRY_0	2

/**
 * struct smmu_space - an address space of the guest
 * @vmm: whose memory the tables are in
 * @asid: its tag
 * @granule: size of a page, as a logarithm: 12, 14 or 16
 * @bits: width of its addresses
 * @upper: it ends at 2^64, rather than begins at 0
 * @root: guest-physical address of the first table
 */
struct smmu_space {
	struct vmm *vmm;
	uint16_t asid;
	unsigned int granule;
	unsigned int bits;
	bool upper;
	uint64_t root;
};

void smmu_space_init(struct smmu_space *space, struct vmm *vmm, uint16_t asid,
		     unsigned int granule, unsigned int bits);

/* Map one page or block of @size at @va; tables between are made as needed */
void smmu_space_map(struct smmu_space *space, uint64_t va, uint64_t gpa, uint64_t size,
		    uint64_t attributes);

/* The descriptor that a page or block of @size at @va has */
volatile uint64_t *smmu_space_entry(struct smmu_space *space, uint64_t va, uint64_t size);

/* Guest-physical address of the table that it is in */
uint64_t smmu_space_table(struct smmu_space *space, uint64_t va, uint64_t size);

/**
 * struct smmu_cds - a table of context descriptors
 * @vmm: whose memory it is in
 * @base: guest-physical address
 * @bits: PASIDs that it covers, 0 for one descriptor
 * @layout: SMMU_LINEAR or SMMU_TWO_LEVELS
 * @dss: SMMU_DSS_*
 */
struct smmu_cds {
	struct vmm *vmm;
	uint64_t base;
	unsigned int bits;
	unsigned int layout;
	unsigned int dss;
};

void smmu_cds_init(struct smmu_cds *cds, struct vmm *vmm, unsigned int bits,
		   unsigned int layout);

/* The descriptor of @pasid, 8 quadwords; the leaf that it is in is made as needed */
volatile uint64_t *smmu_cd(struct smmu_cds *cds, uint32_t pasid);
void smmu_cd_map(struct smmu_cds *cds, uint32_t pasid, const struct smmu_space *space);
void smmu_cd_clear(struct smmu_cds *cds, uint32_t pasid);

/* Hand it over, to one device or to all of them if @dev is NULL */
void smmu_cds_config(const struct smmu_cds *cds, struct iommu_pasid_table_config *config);
int smmu_cds_set(const struct smmu_cds *cds, const struct vmm_device *dev);

/* Invalidate translations: all pages of an address space, or some */
int smmu_invalidate_space(const struct smmu_space *space, const struct vmm_device *dev);
int smmu_invalidate_pages(const struct smmu_space *space, const struct vmm_device *dev,
			  uint64_t va, uint64_t granules);

#endif
