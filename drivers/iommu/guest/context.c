// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: contexts, their devices, and what the hardware offers
 *
 * See guest_private.h for the objects and their locks.
 */
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "guest_private.h"

/* All contexts, for debugfs */
static LIST_HEAD(iommu_guest_contexts);
/* Protects iommu_guest_contexts */
static DEFINE_MUTEX(iommu_guest_contexts_lock);

static int iommu_guest_count_device(struct device *dev, void *data)
{
	unsigned int *count = data;

	(*count)++;
	return 0;
}

/*
 * A PASID is attached to an iommu group as a whole, so a second device in the
 * group would get the address space of a guest that may not even own it.
 */
static bool iommu_guest_device_is_alone(struct device *dev)
{
	unsigned int count = 0;

	/* Behind an IOMMU it is in one, which it keeps. */
	iommu_group_for_each_dev(dev->iommu_group, &count, iommu_guest_count_device);
	return count == 1;
}

static const struct iommu_guest_ops *iommu_guest_ops_of(struct device *dev)
{
	if (!dev->iommu || !dev->iommu->iommu_dev)
		return NULL;
	return dev_iommu_ops(dev)->guest_ops;
}

/**
 * iommu_guest_alloc_parent() - Allocate a second stage that can be nested on
 * @dev: a device that is going to be attached to it
 *
 * Return: A domain to be freed with iommu_domain_free(), or ERR_PTR of
 *
 * * -EOPNOTSUPP: the IOMMU of @dev does not do nested translation
 * * -ENOMEM: out of memory
 *
 * Context: Process context. @dev has a driver bound that keeps it.
 */
struct iommu_domain *iommu_guest_alloc_parent(struct device *dev)
{
	struct iommu_domain *domain;
	const struct iommu_ops *ops;

	if (!iommu_guest_ops_of(dev))
		return ERR_PTR(-EOPNOTSUPP);
	ops = dev_iommu_ops(dev);
	if (!ops->domain_alloc_user)
		return ERR_PTR(-EOPNOTSUPP);

	domain = ops->domain_alloc_user(dev, IOMMU_HWPT_ALLOC_NEST_PARENT,
					NULL, NULL);
	if (!IS_ERR(domain))
		domain->owner = ops;
	return domain;
}
EXPORT_SYMBOL_GPL(iommu_guest_alloc_parent);

/**
 * iommu_guest_nesting_info() - Describe first-stage translation of a device
 * @dev: the device
 * @parent: the second-stage domain @dev is or will be attached to
 * @info: filled on success, untouched otherwise
 *
 * What holds for @dev alone; an operation that names a device is judged by it.
 *
 * Return: 0, or
 *
 * * -EOPNOTSUPP: @dev takes no part in nested translation: the IOMMU cannot, or has
 *   nothing for a device without PASIDs, as which it finds @dev; @dev shares its
 *   iommu group with another device; or @parent did not come from
 *   iommu_guest_alloc_parent(). That does not keep its group from @parent.
 *
 * Context: Process context. @dev has a driver bound that keeps it.
 */
int iommu_guest_nesting_info(struct device *dev, struct iommu_domain *parent,
			     struct iommu_nesting_info *info)
{
	const struct iommu_guest_ops *ops = iommu_guest_ops_of(dev);
	struct iommu_nesting_info new = {};
	int ret;

	if (!ops || !iommu_guest_device_is_alone(dev))
		return -EOPNOTSUPP;

	ret = ops->nesting_info(dev, parent, &new);
	if (ret)
		return ret;

	new.argsz = sizeof(new);
	new.addr_width = fls64(parent->geometry.aperture_end);
	if (dev->iommu->max_pasids)
		new.pasid_bits = ilog2(dev->iommu->max_pasids);
	*info = new;
	return 0;
}
EXPORT_SYMBOL_GPL(iommu_guest_nesting_info);

/**
 * iommu_guest_merge_nesting_info() - Reduce to what two devices have in common
 * @info: what holds so far; narrowed on success, untouched otherwise
 * @other: what holds for another device of the same owner
 *
 * Widths become the smaller ones, offers those that both make, and duties those
 * of either, see IOMMU_NESTING_FEAT_DUTIES. The vendor part cannot be reduced
 * that way without knowing it: an owner that builds one virtual IOMMU for both
 * devices needs hardware that agrees.
 *
 * Return: 0, or -EINVAL if format or vendor part differ.
 *
 * Context: Any.
 */
int iommu_guest_merge_nesting_info(struct iommu_nesting_info *info,
				   const struct iommu_nesting_info *other)
{
	const u32 duties = (info->features | other->features) &
			   IOMMU_NESTING_FEAT_DUTIES;

	if (info->format != other->format ||
	    memcmp(&info->vendor, &other->vendor, sizeof(info->vendor)))
		return -EINVAL;

	info->features = (info->features & other->features) | duties;
	info->addr_width = min(info->addr_width, other->addr_width);
	info->pasid_bits = min(info->pasid_bits, other->pasid_bits);
	return 0;
}
EXPORT_SYMBOL_GPL(iommu_guest_merge_nesting_info);

/**
 * iommu_guest_ctx_alloc() - Allocate a context
 * @set: the IOASIDs that the owner may bind; none is allocated yet. No other
 *	context binds PASIDs of this set. The context takes a reference of its
 *	own.
 * @mem: memory of the guest, which the owner keeps for as long as the context; or
 *	NULL, which leaves PASID tables to hardware that reads them itself
 *
 * Return: The context without devices, or ERR_PTR of
 *
 * * -EBUSY: @set has ids
 * * -ENOMEM: out of memory
 *
 * Context: Process context.
 */
struct iommu_guest_ctx *
iommu_guest_ctx_alloc(struct ioasid_set *set, const struct iommu_guest_memory *mem)
{
	struct iommu_guest_ctx *ctx;
	int ret;

	ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);
	if (!ctx)
		return ERR_PTR(-ENOMEM);

	mutex_init(&ctx->tables_lock);
	mutex_init(&ctx->lock);
	ctx->mem = mem;
	INIT_LIST_HEAD(&ctx->devices);
	xa_init_flags(&ctx->pasids, XA_FLAGS_ACCOUNT);
	xa_init_flags(&ctx->gpasids, XA_FLAGS_ACCOUNT);
	ctx->rid.hpasid = IOMMU_NO_PASID;
	ctx->rid.gpasid = IOMMU_NO_PASID;
	INIT_LIST_HEAD(&ctx->rid.bindings);
	refcount_set(&ctx->refs, 1);
	ctx->owner_pid = task_tgid_nr(current);
	get_task_comm(ctx->owner_comm, current);

	ioasid_set_get(set);
	ctx->set = set;
	ctx->nb.notifier_call = iommu_guest_notify;
	ctx->nb.priority = IOASID_PRIO_IOMMU;
	ret = ioasid_register_notifier(set, &ctx->nb, BIT(IOASID_NOTIFY_FREE));
	if (ret)
		goto out_put_set;

	scoped_guard(mutex, &iommu_guest_contexts_lock)
		list_add_tail(&ctx->node, &iommu_guest_contexts);
	return ctx;

out_put_set:
	ioasid_set_put(set);
	kfree(ctx);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(iommu_guest_ctx_alloc);

/* Drop a reference. The last one takes the context off the list. */
void iommu_guest_ctx_put(struct iommu_guest_ctx *ctx)
{
	if (!refcount_dec_and_mutex_lock(&ctx->refs, &iommu_guest_contexts_lock))
		return;
	list_del(&ctx->node);
	mutex_unlock(&iommu_guest_contexts_lock);
	mutex_destroy(&ctx->lock);
	mutex_destroy(&ctx->tables_lock);
	kfree(ctx);
}

/*
 * Walk the contexts: a reference to the one after @prev, or to the first, in
 * exchange for the one to @prev. NULL at the end. No lock is held in between,
 * so that who looks at a context whose lock is taken keeps no other owner
 * waiting.
 */
struct iommu_guest_ctx *iommu_guest_next_ctx(struct iommu_guest_ctx *prev)
{
	struct iommu_guest_ctx *next;

	scoped_guard(mutex, &iommu_guest_contexts_lock) {
		next = list_prepare_entry(prev, &iommu_guest_contexts, node);
		next = list_next_entry(next, node);
		if (list_entry_is_head(next, &iommu_guest_contexts, node))
			next = NULL;
		else
			refcount_inc(&next->refs);
	}
	if (prev)
		iommu_guest_ctx_put(prev);
	return next;
}

/**
 * iommu_guest_ctx_free() - Free a context
 * @ctx: the context, from which every device was removed
 *
 * The PASIDs of the set stay allocated; iommu_guest_free_pasids() with all of
 * the range frees them before.
 *
 * Context: Process context. Waits for the notifier of @ctx, if that is running,
 * and for nothing of another owner.
 */
void iommu_guest_ctx_free(struct iommu_guest_ctx *ctx)
{
	WARN_ON(!list_empty(&ctx->devices) || !xa_empty(&ctx->pasids));

	ioasid_unregister_notifier(ctx->set, &ctx->nb);
	ioasid_set_put(ctx->set);
	iommu_guest_ctx_put(ctx);
}
EXPORT_SYMBOL_GPL(iommu_guest_ctx_free);

struct iommu_guest_device *
iommu_guest_find_device(struct iommu_guest_ctx *ctx, struct device *dev)
{
	struct iommu_guest_device *gdev;

	lockdep_assert_held(&ctx->lock);
	list_for_each_entry(gdev, &ctx->devices, node)
		if (gdev->dev == dev)
			return gdev;
	return NULL;
}

/* A call begins that may wait for the hardware of @gdev. */
void iommu_guest_begin_device(const struct iommu_guest_device *gdev)
{
	if (gdev->ops->begin)
		gdev->ops->begin(gdev->dev);
}

/* The same for @dev, or for all devices */
void iommu_guest_begin(struct iommu_guest_ctx *ctx, struct device *dev)
{
	const struct iommu_guest_device *gdev;

	lockdep_assert_held(&ctx->lock);
	list_for_each_entry(gdev, &ctx->devices, node)
		if (!dev || gdev->dev == dev)
			iommu_guest_begin_device(gdev);
}

/**
 * iommu_guest_add_device() - Let a context bind PASIDs of a device
 * @ctx: the context
 * @dev: the device, attached to @parent and owned by the owner of @ctx
 * @parent: the second stage of the owner, from iommu_guest_alloc_parent()
 *
 * Until iommu_guest_remove_device() the caller keeps @dev, its driver and its
 * place in its iommu group, leaves it attached to @parent, and keeps @parent.
 * PASIDs that are bound to other devices of @ctx already are not bound to @dev;
 * binding them once more does that, see iommu_guest_bind_gpasid().
 *
 * Return: 0, or
 *
 * * -EOPNOTSUPP: see iommu_guest_nesting_info()
 * * -EINVAL: @dev is not attached to @parent
 * * -EEXIST: @dev is in @ctx
 * * -ENOMEM: out of memory
 *
 * Context: Process context, takes the lock of @ctx.
 */
int iommu_guest_add_device(struct iommu_guest_ctx *ctx, struct device *dev,
			   struct iommu_domain *parent)
{
	struct iommu_nesting_info info;
	struct iommu_guest_device *gdev;
	int ret;

	ret = iommu_guest_nesting_info(dev, parent, &info);
	if (ret)
		return ret;
	if (iommu_get_domain_for_dev(dev) != parent)
		return -EINVAL;

	gdev = kzalloc(sizeof(*gdev), GFP_KERNEL_ACCOUNT);
	if (!gdev)
		return -ENOMEM;

	gdev->dev = dev;
	gdev->ops = iommu_guest_ops_of(dev);
	gdev->parent = parent;
	gdev->rid_domain = parent;

	guard(mutex)(&ctx->lock);
	if (iommu_guest_find_device(ctx, dev)) {
		kfree(gdev);
		return -EEXIST;
	}
	list_add_tail(&gdev->node, &ctx->devices);
	return 0;
}
EXPORT_SYMBOL_GPL(iommu_guest_add_device);

/**
 * iommu_guest_only_device() - Find the device that can only be meant
 * @ctx: the context
 *
 * Return: The one device of @ctx, which is there as long as the caller keeps it
 * from being removed; or ERR_PTR of
 *
 * * -ENODEV: there is no device
 * * -EINVAL: there are several
 *
 * Context: Process context, takes the lock of @ctx.
 */
struct device *iommu_guest_only_device(struct iommu_guest_ctx *ctx)
{
	struct iommu_guest_device *gdev;

	guard(mutex)(&ctx->lock);
	gdev = list_first_entry_or_null(&ctx->devices,
					struct iommu_guest_device, node);
	if (!gdev)
		return ERR_PTR(-ENODEV);
	if (!list_is_singular(&ctx->devices))
		return ERR_PTR(-EINVAL);
	return gdev->dev;
}
EXPORT_SYMBOL_GPL(iommu_guest_only_device);

/**
 * iommu_guest_device_info() - Describe a device
 * @ctx: the context
 * @dev: a device of @ctx
 * @info: filled on success, untouched otherwise
 *
 * Wakes @dev for it, as what sleeps may not answer reads of its configuration.
 *
 * Return: 0, -ENODEV if @dev is not in @ctx, or -EIO if it does not resume.
 *
 * Context: Process context, takes the lock of @ctx.
 */
int iommu_guest_device_info(struct iommu_guest_ctx *ctx, struct device *dev,
			    struct iommu_guest_device_info *info)
{
	struct iommu_guest_device_info new = {};
	struct iommu_guest_device *gdev;
	int ret;

	guard(mutex)(&ctx->lock);
	gdev = iommu_guest_find_device(ctx, dev);
	if (!gdev)
		return -ENODEV;
	ret = iommu_guest_wake(dev);
	if (ret)
		return ret;
	gdev->ops->device_info(dev, &new);
	if (dev_is_pci(dev))
		new.pasid_cap = pci_find_ext_capability(to_pci_dev(dev),
							PCI_EXT_CAP_ID_PASID);
	pm_runtime_put(dev);
	*info = new;
	return 0;
}
EXPORT_SYMBOL_GPL(iommu_guest_device_info);

/**
 * iommu_guest_wake() - Keep a device awake
 * @dev: the device
 *
 * Hardware that is suspended neither completes invalidations nor sends faults.
 * Undone by pm_runtime_put().
 *
 * Return: 0, or -EIO if it does not resume. A device without runtime PM never
 * sleeps.
 *
 * Context: Process context.
 */
int iommu_guest_wake(struct device *dev)
{
	int ret = pm_runtime_get_sync(dev);

	if (ret >= 0 || ret == -EACCES)
		return 0;
	pm_runtime_put_noidle(dev);
	return -EIO;
}

/**
 * iommu_guest_handle_faults() - Register a handler for the faults of a device
 * @ctx: the context
 * @dev: a device of @ctx
 * @ops: the handler
 * @data: passed to the handler
 * @page_req: report page requests too
 *
 * Faults are reported with guest PASIDs. Without a handler, and for PASIDs that
 * are not bound, page requests are answered with IOMMU_PAGE_RESP_INVALID. The
 * registration keeps @dev awake. It ends with iommu_guest_remove_device(),
 * before which the owner makes sure that nobody is in iommu_page_response().
 *
 * Return: The handler to answer page requests to, or ERR_PTR of
 *
 * * -ENODEV: @dev is not in @ctx
 * * -EBUSY: there is a handler already, or somebody else uses the page requests
 * * -EOPNOTSUPP: @page_req, and @dev has no page requests
 * * -ENOSPC: @page_req, and the IOMMU has no room for those of @dev
 * * -EIO: @dev does not resume
 * * -ENOMEM: out of memory
 *
 * Context: Process context, takes the lock of @ctx. The handler may be called
 * before the return.
 */
struct iommu_fault_handler *
iommu_guest_handle_faults(struct iommu_guest_ctx *ctx, struct device *dev,
			  const struct iommu_fault_handler_ops *ops, void *data,
			  bool page_req)
{
	struct iommu_guest_device *gdev;
	struct iommu_fault_handler *handler;
	int ret;

	guard(mutex)(&ctx->lock);
	gdev = iommu_guest_find_device(ctx, dev);
	if (!gdev)
		return ERR_PTR(-ENODEV);

	ret = iommu_guest_wake(dev);
	if (ret)
		return ERR_PTR(ret);
	/* An owner without a context has not done that when it left. */
	if (gdev->ops->fault_flush)
		gdev->ops->fault_flush(dev);

	handler = iommu_register_device_fault_handler(dev, IOMMU_PASID_INVALID,
						      ops, data);
	if (IS_ERR(handler))
		goto out_sleep;

	if (page_req)
		ret = iommu_fault_handler_enable_page_req(handler);
	if (ret)
		goto out_unregister;

	gdev->handler = handler;
	return handler;

out_unregister:
	iommu_unregister_device_fault_handler(handler);
	handler = ERR_PTR(ret);
out_sleep:
	pm_runtime_put(dev);
	return handler;
}
EXPORT_SYMBOL_GPL(iommu_guest_handle_faults);

/**
 * iommu_guest_remove_device() - Unbind all PASIDs of a device and forget it
 * @ctx: the context
 * @dev: the device; not being in @ctx is fine
 *
 * On return no access of @dev uses a table of the guest, those without PASID are
 * translated by the second stage alone, nothing of @dev or of its second stage is
 * referred to any more, and no handler of its faults is running. The device may be
 * doing DMA meanwhile; what comes after the return is aborted by the IOMMU.
 *
 * Context: Process context, takes the lock of @ctx.
 */
void iommu_guest_remove_device(struct iommu_guest_ctx *ctx, struct device *dev)
{
	struct iommu_guest_device *gdev;

	guard(mutex)(&ctx->lock);
	gdev = iommu_guest_find_device(ctx, dev);
	if (!gdev)
		return;

	iommu_guest_begin_device(gdev);
	if (gdev->handler)
		iommu_fault_handler_stop(gdev->handler);
	iommu_guest_end_table(gdev);
	iommu_guest_unbind_device(ctx, gdev);
	iommu_guest_end_rid(ctx, gdev);
	if (gdev->ops->fault_flush)
		gdev->ops->fault_flush(dev);
	if (gdev->handler) {
		iommu_unregister_device_fault_handler(gdev->handler);
		pm_runtime_put(dev);
	}
	list_del(&gdev->node);
	kfree(gdev);
}
EXPORT_SYMBOL_GPL(iommu_guest_remove_device);
