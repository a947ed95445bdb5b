/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scene of the tests of an SMMUv3: an address space in which devices can read
 * one page and write another
 */
#ifndef SMMU_GUEST_H
#define SMMU_GUEST_H

#include "smmu_table.h"
#include "vmm.h"

/* What is in the page to read, and in one that could be in its place */
#define SMMU_OLD	0x0123456789abcdefULL
#define SMMU_NEW	0x2e30000000000000ULL

/* Where the device reads and where it writes, below 2^39 */
#define SMMU_VA_SRC	0x1200000000ULL
#define SMMU_VA_DST	0x1280000000ULL
#define SMMU_VA_NOWHERE	0x1300000000ULL

/* No memory of the guest, but nothing that stage 2 could not map */
#define SMMU_GPA_NOWHERE	0x200000000ULL

#define SMMU_ASID	7

/**
 * struct smmu_guest - the scene
 * @vmm: the machine
 * @dev: its first device
 * @space: the address space
 * @cds: a table that has it in entry 0; not set yet
 * @src: guest-physical address of the page at SMMU_VA_SRC
 * @dst: guest-physical address of the page at SMMU_VA_DST
 * @page: guest-physical address of the page that is not mapped
 */
struct smmu_guest {
	struct vmm vmm;
	struct vmm_device *dev;
	struct smmu_space space;
	struct smmu_cds cds;
	uint64_t src, dst, page;
};

int smmu_guest_open(struct smmu_guest *guest, unsigned int first, unsigned int ndevices);
void smmu_guest_close(struct smmu_guest *guest);

/* Another address space with its own descriptor, where @page is what is read */
void smmu_guest_other(struct smmu_guest *guest, struct smmu_space *space,
		      struct smmu_cds *cds, uint16_t asid);

/* Let @gpa be what is read */
void smmu_guest_remap(struct smmu_guest *guest, uint64_t gpa);

/* What @dev copies from @from to @to, which is at @gpa; 0 if it is refused */
uint64_t smmu_guest_copied(const struct vmm_device *dev, uint64_t from, uint64_t to,
			   uint64_t gpa);

/* By virtual addresses, and by guest-physical ones */
uint64_t smmu_guest_seen(struct smmu_guest *guest, const struct vmm_device *dev);
uint64_t smmu_guest_seen_flat(struct smmu_guest *guest, const struct vmm_device *dev);

#endif
