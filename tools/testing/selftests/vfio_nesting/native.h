/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device with the kernel's own driver: DMA API, shared address spaces, interrupts
 *
 * Functions return 0 or a positive result, or -errno.
 */
#ifndef NATIVE_H
#define NATIVE_H

#include <stdint.h>

#include <misc/svatest.h>

#include "vmm.h"

/* Devices of the machine, whatever their driver, in order of their addresses */
int native_find(unsigned int index, char *name, size_t size);

/* What the first VT-d unit can do, its register ECAP_REG; 0 without a unit */
uint64_t native_unit_ecap(void);

/*
 * Give a device to the driver svatest and open it. @domain is the kind of
 * translation, as in the attribute "type" of an iommu group; NULL keeps it.
 */
int native_open(struct vmm_device *dev, unsigned int index, const char *domain);
void native_close(struct vmm_device *dev);

/* Open a device once more, by another file */
int native_open_again(const struct vmm_device *dev);

int native_map(const struct vmm_device *dev, void *addr, uint64_t size,
	       uint32_t direction, uint64_t *dma);
int native_unmap(const struct vmm_device *dev, uint64_t dma);

/* The PASID of this process on the device */
int native_bind(const struct vmm_device *dev);
int native_unbind(const struct vmm_device *dev);

/* Wait until a vector has come another number of times than @count, and tell it */
int native_irq_wait(const struct vmm_device *dev, uint32_t vector,
		    uint32_t timeout_ms, uint64_t *count);

#endif
