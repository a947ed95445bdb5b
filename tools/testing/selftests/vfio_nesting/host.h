/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest whose devices came through iommufd
 *
 * Functions return 0, or -errno.
 */
#ifndef HOST_H
#define HOST_H

#include <stdint.h>
#include <linux/iommufd.h>

#include "guest.h"

/**
 * struct host - the guest and what iommufd has for it
 * @guest: the guest, with the devices
 * @iommufd: the file
 * @ioas: where the memory of the guest is mapped
 * @dev_ids: what iommufd calls the devices
 */
struct host {
	struct guest guest;
	int iommufd;
	uint32_t ioas;
	uint32_t dev_ids[VMM_DEVICES_MAX];
};

int host_open(struct host *host, unsigned int ndevices);
void host_close(struct host *host);
int host_add_device(struct host *host, unsigned int index);

int host_map(struct host *host, uint64_t gpa, uint64_t size);
int host_unmap(struct host *host, uint64_t gpa, uint64_t size);

/* A page table of the hardware, on another one or on memory */
int host_alloc(struct host *host, uint32_t flags, uint32_t on,
	       const struct iommu_hwpt_vtd_s1 *s1, uint32_t *hwpt);
int host_alloc_nested(struct host *host, uint32_t parent,
		      const struct pgtable *pt, uint32_t *hwpt);
int host_attach(struct host *host, unsigned int device, uint32_t pt);
int host_detach(struct host *host, unsigned int device);

#endif
