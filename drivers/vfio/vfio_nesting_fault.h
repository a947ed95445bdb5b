/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFIO: IOMMU faults of devices in a container of type nesting
 */
#ifndef __VFIO_NESTING_FAULT_H
#define __VFIO_NESTING_FAULT_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct device;
struct iommu_guest_ctx;
struct iommu_page_response;

/**
 * struct vfio_nesting_faults - readers of the faults of the devices
 * @ctx: guest context of the container; the container owns it
 * @lock: protects @queues, and keeps devices from being removed. Outermost, taken
 *	outside of the lock of @ctx.
 * @queues: struct vfio_fault_queue, one for each open device with a reader
 */
struct vfio_nesting_faults {
	struct iommu_guest_ctx *ctx;
	struct mutex lock;	/* all below */
	struct list_head queues;
};

void vfio_nesting_faults_init(struct vfio_nesting_faults *faults,
			      struct iommu_guest_ctx *ctx);
void vfio_nesting_faults_destroy(struct vfio_nesting_faults *faults);
struct device *vfio_nesting_only_device(struct vfio_nesting_faults *faults,
					struct device *dev);
int vfio_nesting_open_faults(struct vfio_nesting_faults *faults,
			     struct device *dev, u32 flags);
int vfio_nesting_page_response(struct vfio_nesting_faults *faults,
			       struct device *dev,
			       const struct iommu_page_response *resp);
int vfio_nesting_fault_timeout(struct vfio_nesting_faults *faults,
			       struct device *dev, u32 timeout_ms);
void vfio_nesting_faults_remove_device(struct vfio_nesting_faults *faults,
				       struct device *dev);

#endif /* __VFIO_NESTING_FAULT_H */
