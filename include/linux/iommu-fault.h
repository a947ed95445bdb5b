/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOMMU faults for the owner of a device
 *
 * IOMMU drivers report faults with iommu_report_device_fault(). The owner of a
 * device, VFIO for one, gets them by a handler that it registers for the device,
 * or for a single PASID of it where several owners share the device. A handler
 * gets records in the format of <uapi/linux/iommu.h>, with PASIDs by the numbers
 * of the owner.
 *
 * Unrecoverable faults are only reported. A page request group waits for an
 * answer, which the owner gives with iommu_page_response(). Nothing in the kernel
 * waits for it: where the owner does not answer in time, has too much waiting, or
 * gives up the device or the PASID, the kernel answers.
 */
#ifndef __LINUX_IOMMU_FAULT_H
#define __LINUX_IOMMU_FAULT_H

#include <linux/errno.h>
#include <linux/iommu.h>
#include <linux/types.h>

struct device;
struct iommu_fault_handler;

/**
 * struct iommu_fault_handler_ops - A handler
 * @fault: Take @count records, all or none of them: one record of an
 *	unrecoverable fault; or all requests of a page request group in their
 *	order, the last one with its cookie; or one record of type
 *	IOMMU_FAULT_PAGE_REQ_END, for a group that was reported and that the
 *	kernel has put an end to. The records are gone on return.
 *
 *	Called with a spinlock held that iommu_page_response() takes too. So it
 *	does not sleep and does not answer itself: it stores the records and
 *	wakes up the one that does.
 *
 *	Return 0, or an error if there is no room. A page request group is then
 *	answered with IOMMU_PAGE_RESP_INVALID. A record of type
 *	IOMMU_FAULT_PAGE_REQ_END cannot be refused.
 * @private_pasids: The numbers of PASIDs on the bus are of the owner's choice,
 *	so that it may see one that it has bound nothing to: in the record of an
 *	unrecoverable fault, with IOMMU_FAULT_UNRECOV_BUS_PASID.
 */
struct iommu_fault_handler_ops {
	int (*fault)(void *data, const struct iommu_fault *records,
		     unsigned int count);
	bool private_pasids;
};

/**
 * struct iommu_fault_handle - A PASID whose faults are handled by its owner
 * @attach: what the PASID is attached with, to a domain that has iommu_fault_iopf()
 *	as iommu_domain::iopf_handler
 * @guest_pasid: the number of the PASID in records and answers, set before that
 */
struct iommu_fault_handle {
	struct iommu_attach_handle attach;
	ioasid_t guest_pasid;
};

#ifdef CONFIG_IOMMU_FAULT_HANDLER

/* Handlers */
struct iommu_fault_handler *
iommu_register_device_fault_handler(struct device *dev, ioasid_t pasid,
				    const struct iommu_fault_handler_ops *ops,
				    void *data);
int iommu_fault_handler_enable_page_req(struct iommu_fault_handler *handler);
void iommu_unregister_device_fault_handler(struct iommu_fault_handler *handler);
void iommu_fault_handler_stop(struct iommu_fault_handler *handler);
void iommu_fault_handler_start(struct iommu_fault_handler *handler);
void iommu_fault_handler_set_timeout(struct iommu_fault_handler *handler,
				     unsigned int timeout_ms);

/* The way back */
int iommu_page_response(struct iommu_fault_handler *handler,
			const struct iommu_page_response *responses,
			unsigned int count);
int iommu_fault_drain(struct device *dev);

/* For those that attach PASIDs */
int iommu_fault_iopf(struct iopf_group *group);
int iommu_fault_iopf_table(struct iopf_group *group);
int iommu_fault_set_quiet(struct device *dev, ioasid_t pasid);
void iommu_fault_clear_quiet(struct device *dev, ioasid_t pasid);
int iommu_fault_set_identity(struct device *dev);
void iommu_fault_clear_identity(struct device *dev);
void iommu_fault_purge(struct device *dev,
		       const struct iommu_attach_handle *handle);

/* For iommu_report_device_fault() */
int iommu_report_unrecoverable(struct device *dev,
			       const struct iommu_fault *fault);

/* For those that reset a device */
void iommu_dev_reset_prepare(struct device *dev);
void iommu_dev_reset_done(struct device *dev);

#else /* CONFIG_IOMMU_FAULT_HANDLER */

static inline int iommu_report_unrecoverable(struct device *dev,
					     const struct iommu_fault *fault)
{
	return -ENODEV;
}

static inline void iommu_dev_reset_prepare(struct device *dev)
{
}

static inline void iommu_dev_reset_done(struct device *dev)
{
}

#endif /* CONFIG_IOMMU_FAULT_HANDLER */

#endif /* __LINUX_IOMMU_FAULT_H */
