// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: who is told of them
 *
 * See fault_private.h for the objects and their locks.
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/hash.h>
#include <linux/hashtable.h>
#include <linux/ktime.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "fault_private.h"

#define CREATE_TRACE_POINTS
#include <trace/events/iommu_fault.h>

/* The VFIO side tells when user space has fetched a record. */
EXPORT_TRACEPOINT_SYMBOL_GPL(iommu_fault_read);

/* Handlers by device and PASID */
static DEFINE_HASHTABLE(iommu_fault_handlers, 6);
/* Protects iommu_fault_handlers, and the page requests of a device being on */
DEFINE_MUTEX(iommu_fault_handlers_lock);
/* Readers of iommu_fault_handlers */
DEFINE_STATIC_SRCU(iommu_fault_srcu);
/* Page request groups for which there was no handler */
atomic64_t iommu_fault_unclaimed;

static unsigned long iommu_fault_key(const struct device *dev, ioasid_t pasid)
{
	return (unsigned long)dev / sizeof(void *) + pasid;
}

static struct iommu_fault_handler *
iommu_fault_find_exact(const struct device *dev, ioasid_t pasid)
{
	struct iommu_fault_handler *handler;

	hash_for_each_possible_rcu(iommu_fault_handlers, handler, node,
				   iommu_fault_key(dev, pasid),
				   srcu_read_lock_held(&iommu_fault_srcu) ||
				   lockdep_is_held(&iommu_fault_handlers_lock))
		if (handler->dev == dev && handler->pasid == pasid)
			return handler;
	return NULL;
}

/* The handler of the PASID goes before the one of the device. */
static struct iommu_fault_handler *iommu_fault_find(const struct device *dev,
						 ioasid_t pasid)
{
	struct iommu_fault_handler *handler = NULL;

	if (pasid != IOMMU_PASID_INVALID)
		handler = iommu_fault_find_exact(dev, pasid);
	return handler ?: iommu_fault_find_exact(dev, IOMMU_PASID_INVALID);
}

/* Call @fn for each handler there is, with iommu_fault_handlers_lock held */
void iommu_fault_for_each(void (*fn)(struct iommu_fault_handler *handler, void *arg),
			  void *arg)
{
	struct iommu_fault_handler *handler;
	int bucket;

	guard(mutex)(&iommu_fault_handlers_lock);
	hash_for_each(iommu_fault_handlers, bucket, handler, node)
		fn(handler, arg);
}

/* Has another handler made @dev send page requests? */
static bool iommu_fault_page_req_on(struct device *dev)
{
	struct iommu_fault_handler *handler;
	int bucket;

	lockdep_assert_held(&iommu_fault_handlers_lock);
	hash_for_each(iommu_fault_handlers, bucket, handler, node)
		if (handler->dev == dev && handler->page_req)
			return true;
	return false;
}

static int iommu_fault_publish(struct iommu_fault_handler *handler)
{
	guard(mutex)(&iommu_fault_handlers_lock);
	if (iommu_fault_find_exact(handler->dev, handler->pasid))
		return -EBUSY;
	hash_add_rcu(iommu_fault_handlers, &handler->node,
		     iommu_fault_key(handler->dev, handler->pasid));
	return 0;
}

/**
 * iommu_register_device_fault_handler() - Ask to be told of faults
 * @dev: the device, behind an IOMMU
 * @pasid: PASID on the bus, for the faults of this PASID only; or
 *	IOMMU_PASID_INVALID for all faults of @dev that no other handler is for
 * @ops: the handler
 * @data: passed to the handler
 *
 * The handler is told of aborted transactions, and of page requests after
 * iommu_fault_handler_enable_page_req().
 *
 * The handler hears of PASIDs that it has a name for, see
 * iommu_fault_set_guest_pasid(). A handler for one PASID knows it by its number until
 * told otherwise.
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
 * Context: Process context. The handler may be called before the return.
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

	handler->dev = dev;
	handler->pasid = pasid;
	handler->ops = ops;
	handler->data = data;
	xa_init_flags(&handler->names, XA_FLAGS_ACCOUNT);
	iommu_fault_init_pending(handler);

	ret = 0;
	if (pasid != IOMMU_PASID_INVALID)
		ret = xa_err(xa_store(&handler->names, pasid, xa_mk_value(pasid),
				      GFP_KERNEL_ACCOUNT));
	if (!ret)
		ret = iommu_fault_publish(handler);
	if (!ret)
		return handler;

	xa_destroy(&handler->names);
	kfree(handler);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(iommu_register_device_fault_handler);

/*
 * A virtual function shares the page request interface with its physical
 * function and with its siblings: a failure that one guest asks for would stop
 * the requests of the others.
 */
static int iommu_fault_enable_device(struct device *dev)
{
	int ret;

	if (iommu_fault_page_req_on(dev))
		return 0;
	if (dev_is_pci(dev) && to_pci_dev(dev)->is_virtfn)
		return -EOPNOTSUPP;

	ret = iommu_dev_enable_feature(dev, IOMMU_DEV_FEAT_IOPF);
	return ret == -ENODEV || ret == -EINVAL ? -EOPNOTSUPP : ret;
}

/* Unless another handler needs it */
static void iommu_fault_disable_device(struct device *dev)
{
	if (!iommu_fault_page_req_on(dev))
		iommu_dev_disable_feature(dev, IOMMU_DEV_FEAT_IOPF);
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
 * * -ENOMEM: out of memory
 *
 * Context: Process context.
 */
int iommu_fault_handler_enable_page_req(struct iommu_fault_handler *handler)
{
	struct device *dev = handler->dev;
	int ret;

	guard(mutex)(&iommu_fault_handlers_lock);
	if (handler->page_req)
		return 0;
	ret = iommu_fault_enable_device(dev);
	if (ret)
		return ret;
	ret = iommu_fault_alloc_groups(handler, dev->iommu->max_page_requests ?:
					     IOMMU_FAULT_LIMIT);
	if (ret)
		iommu_fault_disable_device(dev);
	return ret;
}
EXPORT_SYMBOL_GPL(iommu_fault_handler_enable_page_req);

/**
 * iommu_unregister_device_fault_handler() - Stop hearing of faults
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
 * Context: Process context, waits for handlers that are running. Not called by a
 * handler.
 */
void iommu_unregister_device_fault_handler(struct iommu_fault_handler *handler)
{
	iommu_fault_handler_stop(handler);

	scoped_guard(mutex, &iommu_fault_handlers_lock) {
		hash_del_rcu(&handler->node);
		synchronize_srcu(&iommu_fault_srcu);
		if (handler->page_req)
			iommu_fault_disable_device(handler->dev);
	}

	cancel_delayed_work_sync(&handler->deadline);
	WARN_ON(!list_empty(&handler->pending));
	kvfree(handler->groups);
	xa_destroy(&handler->names);
	mutex_destroy(&handler->answer);
	kfree(handler);
}
EXPORT_SYMBOL_GPL(iommu_unregister_device_fault_handler);

/**
 * iommu_fault_handler_limit() - How many page requests can wait for an answer
 * @handler: the registration
 *
 * Return: What the device may have outstanding at a time, 0 before
 * iommu_fault_handler_enable_page_req(). A handler with room for as many requests
 * never has to refuse a group.
 *
 * Context: Any.
 */
unsigned int iommu_fault_handler_limit(const struct iommu_fault_handler *handler)
{
	return handler->limit;
}
EXPORT_SYMBOL_GPL(iommu_fault_handler_limit);

/**
 * iommu_fault_set_guest_pasid() - Tell by which name an owner knows a PASID
 * @dev: the device
 * @pasid: the PASID on the bus
 * @name: what the owner of the handler calls it
 *
 * Nothing happens if there is no handler for @pasid of @dev.
 *
 * Return: 0, or -ENOMEM; not if the PASID had a name before.
 *
 * Context: Process context.
 */
int iommu_fault_set_guest_pasid(struct device *dev, ioasid_t pasid, ioasid_t name)
{
	struct iommu_fault_handler *handler;
	int idx, ret = 0;

	idx = srcu_read_lock(&iommu_fault_srcu);
	handler = iommu_fault_find(dev, pasid);
	if (handler)
		ret = xa_err(xa_store(&handler->names, pasid, xa_mk_value(name),
				      GFP_KERNEL_ACCOUNT));
	srcu_read_unlock(&iommu_fault_srcu, idx);
	return ret;
}
EXPORT_SYMBOL_GPL(iommu_fault_set_guest_pasid);

/**
 * iommu_fault_clear_guest_pasid() - Undo iommu_fault_set_guest_pasid()
 * @dev: the device
 * @pasid: the PASID on the bus; one without name is fine
 *
 * Faults of the PASID are not told any more, or told without it.
 *
 * Context: Process context.
 */
void iommu_fault_clear_guest_pasid(struct device *dev, ioasid_t pasid)
{
	struct iommu_fault_handler *handler;
	int idx;

	idx = srcu_read_lock(&iommu_fault_srcu);
	handler = iommu_fault_find(dev, pasid);
	if (handler)
		xa_erase(&handler->names, pasid);
	srcu_read_unlock(&iommu_fault_srcu, idx);
}
EXPORT_SYMBOL_GPL(iommu_fault_clear_guest_pasid);

/**
 * iommu_fault_purge() - Answer all that waits on an attach handle
 * @dev: the device
 * @handle: handle of an attach that failed or of a PASID that is detached
 *
 * For whoever attached the PASID, before @handle is freed: after the IOMMU
 * driver has let go of it, so that no group comes in. The answer is
 * IOMMU_PAGE_RESP_INVALID. On return no answer to a group of @handle is on its
 * way, whoever gave it.
 *
 * Context: Process context, waits for hardware.
 */
void iommu_fault_purge(struct device *dev,
		       const struct iommu_attach_handle *handle)
{
	struct iommu_fault_handler *handler;
	int bucket, idx;

	idx = srcu_read_lock(&iommu_fault_srcu);
	for (bucket = 0; bucket < HASH_SIZE(iommu_fault_handlers); bucket++)
		hlist_for_each_entry_srcu(handler, &iommu_fault_handlers[bucket], node,
					  srcu_read_lock_held(&iommu_fault_srcu))
			if (handler->dev == dev)
				iommu_fault_end_all(handler, handle,
						    IOMMU_FAULT_UNBIND);
	srcu_read_unlock(&iommu_fault_srcu, idx);
}
EXPORT_SYMBOL_GPL(iommu_fault_purge);

/**
 * iommu_fault_iopf() - Hand a page request group to the owner of the PASID
 * @group: the group, with PASID
 *
 * For iommu_domain::iopf_handler of a domain whose faults are handled outside of
 * the kernel. From here on the group is answered exactly once, if need be by
 * the kernel.
 *
 * Return: 0.
 *
 * Context: Called by iommu_report_device_fault(). Sleeps, but waits for nobody.
 */
int iommu_fault_iopf(struct iopf_group *group)
{
	const struct iommu_fault_page_request *prm = &group->last_fault.fault.prm;
	struct device *dev = group->fault_param->dev;
	enum iommu_fault_end end;
	struct iommu_fault_handler *handler;
	void *name = NULL;
	u64 seen;
	int idx;

	seen = static_branch_unlikely(&iommu_fault_measure) ? ktime_get_ns() : 0;
	trace_iommu_fault_seen(dev, prm, group->fault_count);
	/* It is ours, whatever becomes of the device's queue. */
	iopf_group_dequeue(group);

	idx = srcu_read_lock(&iommu_fault_srcu);
	handler = iommu_fault_find(dev, prm->pasid);
	if (handler)
		name = xa_load(&handler->names, prm->pasid);
	else
		atomic64_inc(&iommu_fault_unclaimed);

	if (name)
		end = iommu_fault_queue(handler, group, xa_to_value(name), seen);
	else
		end = handler ? IOMMU_FAULT_UNNAMED : IOMMU_FAULT_STOPPED;
	if (end != IOMMU_FAULT_ENDS)
		iommu_fault_refuse(handler, group, end);
	srcu_read_unlock(&iommu_fault_srcu, idx);
	return 0;
}
EXPORT_SYMBOL_GPL(iommu_fault_iopf);

static int iommu_fault_tell(struct iommu_fault_handler *handler, ioasid_t pasid,
			    const struct iommu_fault *fault)
{
	struct iommu_fault record = *fault;
	void *name = NULL;
	int ret = 0;

	if (pasid != IOMMU_PASID_INVALID)
		name = xa_load(&handler->names, pasid);
	record.event.pasid = name ? xa_to_value(name) : 0;
	if (!name)
		record.event.flags &= ~IOMMU_FAULT_UNRECOV_PASID_VALID;
	trace_iommu_fault_unrecoverable(handler->dev, pasid, &record.event);

	spin_lock(&handler->lock);
	if (handler->stopped)
		ret = -ENODEV;
	else if (handler->ops->fault(handler->data, &record, 1))
		handler->stats.lost++;
	else
		handler->stats.events++;
	spin_unlock(&handler->lock);
	return ret;
}

/**
 * iommu_report_unrecoverable() - Tell the owner of a device of its fault
 * @dev: a device; nothing but the pointer is used
 * @fault: record of type IOMMU_FAULT_DMA_UNRECOV, with the PASID on the bus
 *
 * A PASID that the owner has no name for is not told, but the fault is. If the
 * handler has no room the record is lost; to say so is up to the handler.
 *
 * Return: 0 if there is an owner to tell, or -ENODEV.
 *
 * Context: Process context. Does not wait.
 */
int iommu_report_unrecoverable(struct device *dev,
			       const struct iommu_fault *fault)
{
	ioasid_t pasid = IOMMU_PASID_INVALID;
	struct iommu_fault_handler *handler;
	int idx, ret = -ENODEV;

	if (fault->event.flags & IOMMU_FAULT_UNRECOV_PASID_VALID)
		pasid = fault->event.pasid;

	idx = srcu_read_lock(&iommu_fault_srcu);
	handler = iommu_fault_find(dev, pasid);
	if (handler)
		ret = iommu_fault_tell(handler, pasid, fault);
	srcu_read_unlock(&iommu_fault_srcu, idx);
	return ret;
}
