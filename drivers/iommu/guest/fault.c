// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: handlers come and go, faults come in
 *
 * See fault_private.h for the objects and their locks.
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "fault_private.h"
#include "../iommu-priv.h"

#define CREATE_TRACE_POINTS
#include <trace/events/iommu_fault.h>

/* For VFIO, when user space fetches a record */
EXPORT_TRACEPOINT_SYMBOL_GPL(iommu_fault_read);

/* Page request groups for which there was no handler */
atomic64_t iommu_fault_unclaimed;

/* ----------------------------------------------------------- registration */

/**
 * iommu_register_device_fault_handler() - Register a handler of faults
 * @dev: the device, behind an IOMMU
 * @pasid: PASID on the bus, for the faults of this PASID only; or
 *	IOMMU_PASID_INVALID for all faults of @dev that no other handler is for
 * @ops: the handler
 * @data: passed to the handler
 *
 * Unrecoverable faults are reported to the handler, and page requests after
 * iommu_fault_handler_enable_page_req().
 *
 * Page requests are reported of PASIDs that are attached to a domain with
 * iommu_fault_iopf(), by the number in struct iommu_fault_handle. A handler for one
 * PASID knows it by its number on the bus while it is not.
 *
 * The caller keeps @dev, its IOMMU driver and @ops until
 * iommu_unregister_device_fault_handler().
 *
 * Return: The handler that stands for the registration, or ERR_PTR of
 *
 * * -EINVAL: @dev is behind no IOMMU
 * * -EBUSY: there is a handler already
 * * -ENOMEM: out of memory
 *
 * Context: Process context, waits for the hardware of @dev at most. The handler
 * may be called before the return.
 */
struct iommu_fault_handler *
iommu_register_device_fault_handler(struct device *dev, ioasid_t pasid,
				    const struct iommu_fault_handler_ops *ops,
				    void *data)
{
	struct iommu_fault_handler *handler;
	int ret;

	if (!dev->iommu || !dev->iommu->iommu_dev)
		return ERR_PTR(-EINVAL);

	handler = kzalloc(sizeof(*handler), GFP_KERNEL_ACCOUNT);
	if (!handler)
		return ERR_PTR(-ENOMEM);

	handler->fdev = iommu_fault_device_make(dev);
	if (!handler->fdev) {
		kfree(handler);
		return ERR_PTR(-ENOMEM);
	}
	handler->pasid = pasid;
	handler->ops = ops;
	handler->data = data;
	refcount_set(&handler->users, 1);
	iommu_fault_init_pending(handler);

	scoped_guard(mutex, &handler->fdev->lock)
		ret = xa_insert(&handler->fdev->handlers, iommu_fault_index(pasid),
				handler, GFP_KERNEL_ACCOUNT);
	if (!ret)
		return handler;

	iommu_fault_handler_put(handler);
	return ERR_PTR(ret);
}

/* Has a handler made the device send page requests? */
static bool iommu_fault_page_req_on(struct iommu_fault_device *fdev)
{
	struct iommu_fault_handler *handler;
	unsigned long index;

	lockdep_assert_held(&fdev->lock);
	xa_for_each(&fdev->handlers, index, handler)
		if (handler->page_req)
			return true;
	return false;
}

/*
 * A virtual function shares the page request interface with its physical
 * function and with its siblings: a failure that one guest asks for would stop
 * the requests of the others.
 */
static int iommu_fault_enable_device(struct iommu_fault_device *fdev)
{
	struct device *dev = fdev->dev;
	int ret;

	if (iommu_fault_page_req_on(fdev))
		return 0;
	if (dev_is_pci(dev) && to_pci_dev(dev)->is_virtfn)
		return -EOPNOTSUPP;

	ret = iommu_dev_enable_feature(dev, IOMMU_DEV_FEAT_IOPF);
	return ret == -ENODEV || ret == -EINVAL ? -EOPNOTSUPP : ret;
}

/* Unless another handler needs it */
static void iommu_fault_disable_device(struct iommu_fault_device *fdev)
{
	if (!iommu_fault_page_req_on(fdev))
		iommu_dev_disable_feature(fdev->dev, IOMMU_DEV_FEAT_IOPF);
}

/**
 * iommu_fault_handler_enable_page_req() - Ask for page requests
 * @handler: the registration
 *
 * Makes the device send page requests, if no other handler has. The device must
 * be attached to the domain of its accesses without PASID, which must not change
 * before the registration ends.
 *
 * Return: 0, or
 *
 * * -EOPNOTSUPP: the device or its IOMMU has no page requests, or it is a
 *   virtual function, which shares them with others
 * * -EBUSY: they are in use by somebody else, or have not come to rest after an
 *   earlier use
 * * -ENOSPC: the page request queue of the IOMMU is shared out to other devices
 * * -ENOMEM: out of memory
 *
 * Context: Process context, waits for the hardware of the device.
 */
int iommu_fault_handler_enable_page_req(struct iommu_fault_handler *handler)
{
	struct iommu_fault_device *fdev = handler->fdev;
	int ret;

	guard(mutex)(&fdev->lock);
	if (handler->page_req)
		return 0;
	ret = iommu_fault_enable_device(fdev);
	if (ret)
		return ret;
	ret = iommu_fault_alloc_groups(handler,
				       fdev->dev->iommu->max_page_requests ?:
				       IOMMU_FAULT_LIMIT);
	if (ret)
		iommu_fault_disable_device(fdev);
	return ret;
}
EXPORT_SYMBOL_GPL(iommu_fault_handler_enable_page_req);

/**
 * iommu_unregister_device_fault_handler() - Unregister a handler of faults
 * @handler: the registration
 *
 * What waits for an answer gets IOMMU_PAGE_RESP_INVALID. If this is the last
 * handler of the device that asked for page requests, the device stops sending
 * them. PASIDs with iommu_fault_iopf() as handler of their domain must be
 * detached before that.
 *
 * On return the handler is not running and is not called any more. The caller
 * makes sure that nobody is in iommu_page_response().
 *
 * Context: Process context, waits for the hardware of the device. Not called by a
 * handler.
 */
void iommu_unregister_device_fault_handler(struct iommu_fault_handler *handler)
{
	struct iommu_fault_device *fdev = handler->fdev;

	/* From here on it is not called, references or not. */
	iommu_fault_handler_stop(handler);

	scoped_guard(mutex, &fdev->lock) {
		xa_erase(&fdev->handlers, iommu_fault_index(handler->pasid));
		if (handler->page_req)
			iommu_fault_disable_device(fdev);
	}
	/* For those that look it up, and so look at its device */
	synchronize_rcu();

	cancel_delayed_work_sync(&handler->deadline);
	WARN_ON(!list_empty(&handler->pending));
	kvfree(handler->groups);
	iommu_fault_handler_put(handler);
}

/* ------------------------------------------------- PASIDs go, faults come */

static bool iommu_fault_partial_is_of(ioasid_t pasid,
				      const struct iommu_attach_handle *handle,
				      void *arg)
{
	return handle == arg;
}

/**
 * iommu_fault_purge() - Answer all that waits on an attach handle
 * @dev: the device
 * @handle: handle of an attach that failed or of a PASID that is detached
 *
 * For the one that attached the PASID, before @handle is freed: after the IOMMU
 * driver has let go of it, so that no group comes in. The answer is
 * IOMMU_PAGE_RESP_INVALID. Requests whose group is not complete are forgotten. On
 * return no answer to a group of @handle is on its way, of the owner's or of the
 * kernel's.
 *
 * Context: Process context, waits for the hardware of @dev.
 */
void iommu_fault_purge(struct device *dev,
		       const struct iommu_attach_handle *handle)
{
	struct iommu_fault_handler *handler;
	struct iommu_fault_device *fdev;
	unsigned long index;

	iopf_drop_partial(dev, iommu_fault_partial_is_of, (void *)handle);
	fdev = iommu_fault_device_get(dev);
	if (!fdev)
		return;
	scoped_guard(mutex, &fdev->lock)
		xa_for_each(&fdev->handlers, index, handler)
			iommu_fault_end_all(handler, handle, IOMMU_FAULT_UNBIND);
	iommu_fault_device_put(fdev);
}

/**
 * iommu_fault_drain() - Wait until page requests are reported
 * @dev: the device, behind an IOMMU
 *
 * On return the page requests that @dev has sent before are reported, or answered
 * where there is nobody to report them to. Unrecoverable faults are not waited for.
 *
 * Return: 0, or -EOPNOTSUPP: the IOMMU driver cannot tell.
 *
 * Context: Process context, waits for the hardware of @dev.
 */
int iommu_fault_drain(struct device *dev)
{
	const struct iommu_ops *ops = dev_iommu_ops(dev);

	if (!ops->drain_page_requests)
		return -EOPNOTSUPP;
	ops->drain_page_requests(dev);
	return 0;
}
EXPORT_SYMBOL_GPL(iommu_fault_drain);

static int iommu_fault_hand_over(struct iopf_group *group, ioasid_t guest_pasid)
{
	const struct iommu_fault_page_request *prm = &group->last_fault.fault.prm;
	struct device *dev = group->fault_param->dev;
	struct iommu_fault_handler *handler;
	u64 seen;

	seen = static_branch_unlikely(&iommu_fault_measure) ? ktime_get_ns() : 0;
	trace_iommu_fault_seen(dev, prm, group->fault_count);
	/* It is ours, whatever becomes of the device's queue. */
	iopf_group_dequeue(group);

	handler = iommu_fault_handler_get(dev, prm->pasid);
	if (!handler) {
		atomic64_inc(&iommu_fault_unclaimed);
		iommu_fault_refuse(NULL, group, IOMMU_FAULT_NO_PASID);
		return 0;
	}
	iommu_fault_queue(handler, group, guest_pasid, seen);
	iommu_fault_handler_put(handler);
	return 0;
}

/**
 * iommu_fault_iopf() - Hand a page request group to the owner of the PASID
 * @group: the group, of a PASID that is attached with a struct iommu_fault_handle
 *
 * For iommu_domain::iopf_handler of a domain whose faults are handled outside of
 * the kernel. From here on the group is answered exactly once, if need be by
 * the kernel, or forgotten with a reset of the device.
 *
 * Return: 0.
 *
 * Context: Called by iommu_report_device_fault(). Sleeps, but waits for nobody.
 */
int iommu_fault_iopf(struct iopf_group *group)
{
	return iommu_fault_hand_over(group,
				     iommu_fault_handle(group->attach_handle)->guest_pasid);
}

/**
 * iommu_fault_iopf_table() - The same for a PASID table
 * @group: the group, of a PASID of a table that is attached as a whole
 *
 * The owner has written the table, and knows the PASID as the device does.
 *
 * Return: 0.
 *
 * Context: As iommu_fault_iopf().
 */
int iommu_fault_iopf_table(struct iopf_group *group)
{
	return iommu_fault_hand_over(group, group->last_fault.fault.prm.pasid);
}

static bool iommu_fault_read_number(const struct iommu_attach_handle *handle, void *arg)
{
	ioasid_t *guest_pasid = arg;

	if (handle->domain->iopf_handler != iommu_fault_iopf)
		return false;
	*guest_pasid = iommu_fault_handle(handle)->guest_pasid;
	return true;
}

/*
 * By which number the owner of @handler knows @pasid, if it does. With the lock of
 * the handler, which is not stopped, so that the device is there.
 */
static bool iommu_fault_guest_pasid(struct iommu_fault_handler *handler,
				    ioasid_t pasid, ioasid_t *guest_pasid)
{
	struct iommu_fault_device *fdev = handler->fdev;

	lockdep_assert_held(&handler->lock);
	if (iommu_attach_handle_read(fdev->dev->iommu_group, pasid,
				     iommu_fault_read_number, guest_pasid))
		return true;
	*guest_pasid = pasid;
	return handler->pasid == pasid || READ_ONCE(fdev->identity);
}

/* By the number of the owner, by that on the bus if it may see it, or none */
static void iommu_fault_fill_pasid(struct iommu_fault_handler *handler,
				   ioasid_t pasid,
				   struct iommu_fault_unrecoverable *event)
{
	ioasid_t guest_pasid;

	if (iommu_fault_guest_pasid(handler, pasid, &guest_pasid)) {
		event->flags |= IOMMU_FAULT_UNRECOV_PASID_VALID;
		event->pasid = guest_pasid;
	} else if (handler->ops->private_pasids) {
		event->flags |= IOMMU_FAULT_UNRECOV_PASID_VALID |
				IOMMU_FAULT_UNRECOV_BUS_PASID;
		event->pasid = pasid;
	}
}

/* All of a record, as user space gets to see it */
static void iommu_fault_fill_event(struct iommu_fault_handler *handler,
				   const struct iommu_fault_unrecoverable *in,
				   struct iommu_fault *record)
{
	struct iommu_fault_unrecoverable *event = &record->event;

	memset(record, 0, sizeof(*record));
	record->type = IOMMU_FAULT_DMA_UNRECOV;
	event->reason = in->reason;
	/* There is no transaction that could have more. */
	if (in->reason == IOMMU_FAULT_REASON_DEVICE_OFF)
		return;

	event->perm = in->perm;
	event->flags = in->flags & (IOMMU_FAULT_UNRECOV_ADDR_VALID |
				    IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID);
	if (event->flags & IOMMU_FAULT_UNRECOV_ADDR_VALID)
		event->addr = in->addr;
	if (event->flags & IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID)
		event->fetch_addr = in->fetch_addr;
	if (in->flags & IOMMU_FAULT_UNRECOV_PASID_VALID)
		iommu_fault_fill_pasid(handler, in->pasid, event);
}

static int iommu_fault_report_event(struct iommu_fault_handler *handler,
				    const struct iommu_fault_unrecoverable *event)
{
	struct iommu_fault record;
	bool stopped;

	spin_lock(&handler->lock);
	stopped = handler->stopped;
	if (!stopped) {
		iommu_fault_fill_event(handler, event, &record);
		trace_iommu_fault_unrecoverable(handler->fdev->dev, event->pasid,
						&record.event);
		if (handler->ops->fault(handler->data, &record, 1))
			handler->stats.lost++;
		else
			handler->stats.events++;
	}
	spin_unlock(&handler->lock);
	return stopped ? -ENODEV : 0;
}

/* What iommu_fault_report_all() reports */
struct iommu_fault_report {
	const struct iommu_fault_unrecoverable *event;
	int ret;
};

static void iommu_fault_report_one(struct iommu_fault_handler *handler, void *arg)
{
	struct iommu_fault_report *report = arg;

	if (!iommu_fault_report_event(handler, report->event))
		report->ret = 0;
}

/* To all handlers of @dev, as it concerns all of its PASIDs */
static int iommu_fault_report_all(const struct device *dev,
				  const struct iommu_fault_unrecoverable *event)
{
	struct iommu_fault_report report = { .event = event, .ret = -ENODEV };

	iommu_fault_for_each(dev, iommu_fault_report_one, &report);
	return report.ret;
}

/**
 * iommu_report_unrecoverable() - Report an unrecoverable fault to the owner
 * @dev: a device; nothing but the pointer is used
 * @fault: record of type IOMMU_FAULT_DMA_UNRECOV, with the PASID on the bus.
 *	Fields whose flag is clear are ignored, and all but the reason for
 *	IOMMU_FAULT_REASON_DEVICE_OFF, which is not about a transaction.
 *
 * A PASID that is not attached at the moment is left out of the record, unless
 * iommu_fault_handler_ops::private_pasids lets the owner see those on the bus. If
 * the handler has no room the record is lost; to say so is up to the handler. One
 * that iommu_fault_set_quiet() was called for has no records.
 *
 * Return: 0 if there is an owner to report to, or -ENODEV.
 *
 * Context: Process context. Does not wait.
 */
int iommu_report_unrecoverable(struct device *dev,
			       const struct iommu_fault *fault)
{
	const struct iommu_fault_unrecoverable *event = &fault->event;
	ioasid_t pasid = IOMMU_PASID_INVALID;
	struct iommu_fault_handler *handler;
	int ret = 0;

	if (event->reason == IOMMU_FAULT_REASON_DEVICE_OFF)
		return iommu_fault_report_all(dev, event);

	if (event->flags & IOMMU_FAULT_UNRECOV_PASID_VALID)
		pasid = event->pasid;
	handler = iommu_fault_handler_get(dev, pasid);
	if (!handler)
		return -ENODEV;
	if (pasid == IOMMU_PASID_INVALID)
		pasid = IOMMU_NO_PASID;
	if (!iommu_fault_is_quiet(handler, pasid))
		ret = iommu_fault_report_event(handler, event);
	iommu_fault_handler_put(handler);
	return ret;
}
