// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: a device is reset
 *
 * A reset makes a device forget the page requests that it has sent. It starts to
 * number its groups anew, so an answer to one of before would end one of after.
 * A reset is therefore a line that no request, no answer and no deadline
 * crosses. Bindings of PASIDs are on the other side of it unchanged.
 */
#include <linux/cleanup.h>
#include <linux/export.h>

#include "fault_private.h"
#include "../iommu-priv.h"

/**
 * iommu_dev_reset_prepare() - Send nothing to a device any more
 * @dev: the device that is about to be reset
 *
 * On return, and until iommu_dev_reset_done(), no answer to a page request group
 * of @dev is on its way or will be. What waits for an answer waits on, but an
 * answer of its owner is ENOENT. Page requests that are reported are dropped.
 * Nothing happens for a device without handlers.
 *
 * Context: Process context, waits for the hardware of @dev. The caller keeps @dev
 * and its driver.
 */
void iommu_dev_reset_prepare(struct device *dev)
{
	struct iommu_fault_handler *handler;
	struct iommu_fault_device *fdev;
	unsigned long index;

	fdev = iommu_fault_device_get(dev);
	if (!fdev)
		return;

	scoped_guard(mutex, &fdev->lock) {
		iopf_reset_prepare(dev);
		/* An answer that was begun before that is through. */
		xa_for_each(&fdev->handlers, index, handler) {
			mutex_lock(&handler->answer);
			mutex_unlock(&handler->answer);
		}
	}
	iommu_fault_device_put(fdev);
}
EXPORT_SYMBOL_GPL(iommu_dev_reset_prepare);

static void iommu_fault_reset(struct iommu_fault_device *fdev)
{
	struct iommu_fault_handler *handler;
	unsigned long index;

	guard(mutex)(&fdev->lock);
	/* What was sent before is reported now, and dropped. */
	iommu_fault_drain(fdev->dev);
	xa_for_each(&fdev->handlers, index, handler)
		iommu_fault_end_all(handler, NULL, IOMMU_FAULT_RESET);
	iopf_reset_done(fdev->dev);
}

/**
 * iommu_dev_reset_done() - Start anew with a device
 * @dev: the device, after iommu_dev_reset_prepare() and a reset, before its owner
 *	puts it to use again; page requests that it sends until then are dropped
 *
 * Ends all page request groups of before without an answer, with a record of type
 * IOMMU_FAULT_PAGE_REQ_END for each, and forgets those that are not complete. The
 * credit of the device is what it was at first. The IOMMU driver learns of the
 * reset by iommu_ops::reset_done.
 *
 * Context: Process context, takes the mutex of the device's group, waits for the
 * hardware of @dev. The caller keeps @dev and its driver, not its IOMMU driver.
 */
void iommu_dev_reset_done(struct device *dev)
{
	struct iommu_fault_device *fdev = iommu_fault_device_get(dev);

	if (fdev) {
		iommu_fault_reset(fdev);
		iommu_fault_device_put(fdev);
	}
	iommu_driver_reset_done(dev);
}
EXPORT_SYMBOL_GPL(iommu_dev_reset_done);
