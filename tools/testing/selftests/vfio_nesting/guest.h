/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scene that most tests start from: a process of the guest with a page to
 * read and a page to write, bound to a PASID of the first device
 */
#ifndef GUEST_H
#define GUEST_H

#include "pgtable.h"
#include "svatest.h"
#include "vmm.h"

/* Virtual addresses of the two pages; each has room up to the next 1 GiB */
#define GVA_SRC		0x7e0000000000ULL
#define GVA_DST		0x7e0080000000ULL

#define GUEST_PASID	5

/* Both caches that hold translations */
#define GUEST_CACHES	(IOMMU_CACHE_INV_TYPE_IOTLB | \
			 IOMMU_CACHE_INV_TYPE_DEV_IOTLB)

/**
 * struct guest - the scene
 * @vmm: the machine; its devices are at @vmm.devices
 * @dev: the first device
 * @pt: page table of the process
 * @src: guest-physical address of the page at GVA_SRC
 * @dst: guest-physical address of the page at GVA_DST
 */
struct guest {
	struct vmm vmm;
	struct vmm_device *dev;
	struct pgtable pt;
	uint64_t src;
	uint64_t dst;
};

/* Open devices, make the process, allocate GUEST_PASID; nothing is bound yet */
int guest_open(struct guest *guest, unsigned int first, unsigned int ndevices);
/* The same with @size of memory */
int guest_open_small(struct guest *guest, unsigned int first, unsigned int ndevices,
		     uint64_t size);
void guest_close(struct guest *guest);

/* Just the process, in a machine that is open already */
void guest_make(struct guest *guest);

/* Bind the process to GUEST_PASID of the first device */
int guest_bind(struct guest *guest);

/* Let the process have a page of 4 KiB at @gva, to read and to write */
void guest_map_page(struct guest *guest, uint64_t gva, uint64_t gpa);

/* A page full of the 64-bit @pattern */
uint64_t guest_page(struct vmm *vmm, uint64_t pattern);

/* The first 64 bits at @gpa, as the guest's CPU reads them */
uint64_t guest_peek(const struct vmm *vmm, uint64_t gpa);

/* Copy a page from GVA_SRC to GVA_DST; the first 64 bits that arrived */
uint64_t guest_copied(struct guest *guest, unsigned int channel);

/* The same by a device, with a PASID or without */
uint64_t guest_seen(struct guest *guest, struct vmm_device *dev, uint32_t pasid,
		    uint32_t flags);

/* The same by guest-physical addresses */
uint64_t guest_seen_flat(struct guest *guest, struct vmm_device *dev, uint32_t pasid,
			 uint32_t flags);

/* What the kernel says is bound, to be freed */
char *guest_bindings(void);

/* Pages of memory that IOMMU drivers have; -1 if the kernel does not say */
long guest_iommu_pages(void);

#endif
