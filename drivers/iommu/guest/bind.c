// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: binding page tables of a guest to PASIDs
 *
 * A bind has two halves. The first one checks and allocates all that the call
 * needs, for every device it names, wakes the devices up, and has no effect
 * that anybody could see. The second one attaches, and a failure there puts
 * back what the call itself has replaced or added, no more.
 *
 * An unbind has a fixed order, and frees nothing that hardware, a device or
 * another thread may still use:
 *
 *  1. detach: PASID entry cleared, caches of IOMMU and device flushed, page
 *     requests that are queued in hardware drained, attach handle unpublished
 *  2. wait for threads that looked the handle up before, and answer what they
 *     reported and nobody has answered
 *  3. free the nested domain and the binding, let the device sleep
 *  4. detach the set-private id, give up the guest PASID and the IOASID
 *
 * Where several are unbound together, be it PASIDs or devices of one, the driver
 * does the part of 1 that waits for hardware for all of them first, see detach.c.
 * What is left of 1 needs no hardware then.
 *
 * A replacement goes through 1 and 2 only, and then attaches the new domain.
 * What it takes to attach the old one again stays allocated until that has
 * worked.
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/pm_runtime.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "guest_private.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* Checks that a bind and an unbind have in common */
static int iommu_guest_check_generic(const struct iommu_gpasid_bind_data *data)
{
	if (data->argsz < offsetof(struct iommu_gpasid_bind_data, vendor) ||
	    data->version != IOMMU_GPASID_BIND_VERSION_1 ||
	    data->flags & ~(u64)IOMMU_SVA_GPASID_VAL ||
	    memchr_inv(data->padding, 0, sizeof(data->padding)))
		return -EINVAL;
	return 0;
}

/* Checks of a table, whatever it is bound to */
int iommu_guest_check_table(const struct iommu_gpasid_bind_data *data)
{
	if (iommu_guest_check_generic(data))
		return -EINVAL;

	switch (data->format) {
	case IOMMU_PASID_FORMAT_INTEL_VTD:
		if (data->argsz < offsetofend(struct iommu_gpasid_bind_data,
					      vendor.vtd))
			return -EINVAL;
		break;
	case IOMMU_PASID_FORMAT_ARM_SMMU_V3:
		break;
	default:
		return -EINVAL;
	}

	return IS_ALIGNED(data->gpgd, SZ_4K) ? 0 : -EINVAL;
}

static int iommu_guest_check_bind(const struct iommu_gpasid_bind_data *data)
{
	if (iommu_guest_check_table(data) || !data->hpasid)
		return -EINVAL;
	if (data->flags & IOMMU_SVA_GPASID_VAL &&
	    (!data->gpasid || data->gpasid > IOMMU_GUEST_PASID_LAST))
		return -EINVAL;
	return 0;
}

/**
 * iommu_guest_copy_bind_data() - Fetch the payload of a bind or an unbind
 * @data: where to
 * @uptr: where from, in user memory
 * @usize: bytes that the caller of the kernel says are there
 *
 * Follows the general format of the UAPI header, and does the checks that do
 * not depend on whether it is a bind or an unbind.
 *
 * Return: 0, or
 *
 * * -EINVAL: argsz too small or beyond @usize, wrong version, unknown flag,
 *   padding not zero
 * * -E2BIG: a byte the kernel does not know is not zero, or argsz above 4096
 * * -EFAULT: @uptr cannot be read
 *
 * Context: Process context.
 */
int iommu_guest_copy_bind_data(struct iommu_gpasid_bind_data *data,
			       const void __user *uptr, size_t usize)
{
	int ret;

	ret = iommu_guest_copy(data, sizeof(*data),
			       offsetof(struct iommu_gpasid_bind_data, vendor),
			       uptr, usize);
	return ret ?: iommu_guest_check_generic(data);
}
EXPORT_SYMBOL_GPL(iommu_guest_copy_bind_data);

struct iommu_guest_binding *
iommu_guest_find_binding(struct iommu_guest_pasid *pasid,
			 struct iommu_guest_device *gdev)
{
	struct iommu_guest_binding *binding;

	list_for_each_entry(binding, &pasid->bindings, node)
		if (binding->gdev == gdev)
			return binding;
	return NULL;
}

/* Is a table bound to a PASID of @gdev, or to requests without? */
bool iommu_guest_has_bindings(struct iommu_guest_ctx *ctx,
			      struct iommu_guest_device *gdev)
{
	struct iommu_guest_pasid *pasid;
	unsigned long hpasid;

	lockdep_assert_held(&ctx->lock);
	if (iommu_guest_find_binding(&ctx->rid, gdev))
		return true;
	xa_for_each(&ctx->pasids, hpasid, pasid)
		if (iommu_guest_find_binding(pasid, gdev))
			return true;
	return false;
}

/* Does the hardware translate the same with @a and @b? */
bool iommu_guest_same_table(const struct iommu_gpasid_bind_data *a,
			    const struct iommu_gpasid_bind_data *b)
{
	return a->format == b->format && a->addr_width == b->addr_width &&
	       a->gpgd == b->gpgd &&
	       !memcmp(&a->vendor, &b->vendor, sizeof(a->vendor));
}

static struct iommu_domain *
iommu_guest_alloc_domain(struct iommu_guest_device *gdev,
			 const struct iommu_gpasid_bind_data *data)
{
	struct iommu_domain *domain;

	if (!gdev->ops->domain_alloc_gpasid)
		return ERR_PTR(-EOPNOTSUPP);
	domain = gdev->ops->domain_alloc_gpasid(gdev->dev, gdev->parent, data);
	if (IS_ERR(domain))
		return domain;
	domain->owner = dev_iommu_ops(gdev->dev);
	domain->iopf_handler = iommu_fault_iopf;
	return domain;
}

/* Without @data the binding is to the second stage. */
struct iommu_guest_binding *
iommu_guest_alloc_binding(struct iommu_guest_device *gdev,
			  struct iommu_guest_pasid *pasid,
			  const struct iommu_gpasid_bind_data *data)
{
	struct iommu_domain *domain = gdev->parent;
	struct iommu_guest_binding *binding;
	int ret;

	if (pasid->hpasid >= gdev->dev->iommu->max_pasids)
		return ERR_PTR(-ERANGE);
	if (iommu_get_domain_for_dev(gdev->dev) != gdev->parent ||
	    (data && data->gpgd > gdev->parent->geometry.aperture_end))
		return ERR_PTR(-EINVAL);

	binding = kzalloc(sizeof(*binding), GFP_KERNEL_ACCOUNT);
	if (!binding)
		return ERR_PTR(-ENOMEM);

	ret = iommu_guest_wake(gdev->dev);
	if (ret)
		goto out_free;
	if (data) {
		domain = iommu_guest_alloc_domain(gdev, data);
		binding->data = *data;
	}
	if (IS_ERR(domain)) {
		ret = PTR_ERR(domain);
		goto out_sleep;
	}

	binding->handle.guest_pasid = pasid->gpasid;
	binding->gdev = gdev;
	binding->pasid = pasid;
	binding->domain = domain;
	return binding;

out_sleep:
	pm_runtime_put(gdev->dev);
out_free:
	kfree(binding);
	return ERR_PTR(ret);
}

/* Step 3, as far as memory goes */
void iommu_guest_free_binding(struct iommu_guest_binding *binding)
{
	if (binding->domain != binding->gdev->parent)
		iommu_domain_free(binding->domain);
	pm_runtime_put(binding->gdev->dev);
	kfree(binding);
}

/* Step 2, after which nobody knows the handle */
void iommu_guest_forget_faults(struct iommu_guest_binding *binding)
{
	struct iommu_guest_device *gdev = binding->gdev;

	if (gdev->ops->fault_sync)
		gdev->ops->fault_sync(gdev->dev);
	iommu_fault_purge(gdev->dev, &binding->handle.attach);
	if (binding->quiet)
		iommu_fault_clear_quiet(gdev->dev, binding->pasid->hpasid);
}

/* Requests without PASID go to the second stage or to nothing, which does not fail. */
void iommu_guest_leave_rid(struct iommu_guest_device *gdev,
			   struct iommu_domain *domain)
{
	WARN_ON_ONCE(iommu_device_set_rid(gdev->dev, domain, gdev->rid_domain, NULL));
	gdev->rid_domain = domain;
}

static int iommu_guest_attach_domain(struct iommu_guest_binding *binding)
{
	struct iommu_guest_device *gdev = binding->gdev;
	bool pass = binding->domain == gdev->parent;
	int ret;

	if (binding->pasid->hpasid != IOMMU_NO_PASID) {
		ret = iommu_attach_device_pasid(binding->domain, gdev->dev,
						binding->pasid->hpasid,
						&binding->handle.attach);
		/* The device is there and has the PASID, so what is missing is memory. */
		return ret == -ENODEV ? -ENOMEM : ret;
	}
	ret = iommu_device_set_rid(gdev->dev, binding->domain, gdev->rid_domain,
				   pass ? NULL : &binding->handle.attach);
	if (!ret)
		gdev->rid_domain = binding->domain;
	return ret;
}

static void iommu_guest_detach_domain(struct iommu_guest_binding *binding)
{
	struct iommu_guest_device *gdev = binding->gdev;

	if (binding->pasid->hpasid != IOMMU_NO_PASID)
		iommu_detach_device_pasid(binding->domain, gdev->dev,
					  binding->pasid->hpasid);
	else
		iommu_guest_leave_rid(gdev, dev_iommu_ops(gdev->dev)->blocked_domain);
}

int iommu_guest_attach(struct iommu_guest_binding *binding)
{
	struct iommu_guest_device *gdev = binding->gdev;
	u64 start = trace_iommu_guest_bind_enabled() ? ktime_get_ns() : 0;
	int ret = 0;

	if (binding->quiet)
		ret = iommu_fault_set_quiet(gdev->dev, binding->pasid->hpasid);
	if (ret)
		goto out;
	ret = iommu_guest_attach_domain(binding);
	/* The handle is visible before the driver has its say. */
	if (ret)
		iommu_guest_forget_faults(binding);
out:
	trace_iommu_guest_bind(binding, start, ret);
	return ret;
}

/* Steps 1 and 2 */
void iommu_guest_detach(struct iommu_guest_binding *binding)
{
	u64 start = trace_iommu_guest_unbind_enabled() ? ktime_get_ns() : 0;

	iommu_guest_detach_domain(binding);
	iommu_guest_forget_faults(binding);
	trace_iommu_guest_unbind(binding, start);
}

/* Steps 1 to 3 */
static void iommu_guest_unbind(struct iommu_guest_binding *binding)
{
	list_del(&binding->node);
	iommu_guest_detach(binding);
	iommu_guest_free_binding(binding);
}

/*
 * Attach a binding that was attached before. Domain and the device's being awake
 * are as they were, so nothing but a lack of memory for the bookkeeping of IOMMU
 * core and driver can keep it from coming back. That is little, and may come from
 * the reserves and go over the owner's limit where nothing else is left.
 */
int iommu_guest_attach_again(struct iommu_guest_binding *old)
{
	unsigned int flags;
	int ret;

	ret = iommu_guest_attach(old);
	if (ret != -ENOMEM)
		return ret;
	flags = memalloc_noreclaim_save();
	ret = iommu_guest_attach(old);
	memalloc_noreclaim_restore(flags);
	return ret;
}

/*
 * Put back what @binding has replaced. If even that fails the PASID is left
 * unbound, which is safe, and the owner learns of it by faults.
 */
static void iommu_guest_restore(struct iommu_guest_binding *binding)
{
	struct iommu_guest_binding *old = binding->replaces;

	if (old && !iommu_guest_attach_again(old)) {
		list_add_tail(&old->node, &old->pasid->bindings);
		return;
	}
	if (!old)
		return;
	dev_err_ratelimited(old->gdev->dev,
			    "PASID %u lost its binding, could not put it back\n",
			    old->pasid->hpasid);
	iommu_guest_free_binding(old);
}

/* The first half: one new binding for each device that needs one, in @fresh */
static int iommu_guest_prepare(struct iommu_guest_ctx *ctx, struct device *dev,
			       struct iommu_guest_pasid *pasid,
			       const struct iommu_gpasid_bind_data *data,
			       struct list_head *fresh)
{
	struct iommu_guest_binding *binding, *old;
	struct iommu_guest_device *gdev;
	int ret = -ENODEV;

	list_for_each_entry(gdev, &ctx->devices, node) {
		if (dev && gdev->dev != dev)
			continue;
		if (gdev->table)
			return -EBUSY;
		ret = 0;
		old = iommu_guest_find_binding(pasid, gdev);
		if (old && iommu_guest_same_table(&old->data, data))
			continue;
		binding = iommu_guest_alloc_binding(gdev, pasid, data);
		if (IS_ERR(binding))
			return PTR_ERR(binding);
		binding->replaces = old;
		list_add_tail(&binding->node, fresh);
	}
	return ret;
}

/* The second half: all of @fresh is attached, or things are as they were */
static int iommu_guest_commit(struct iommu_guest_ctx *ctx, struct list_head *fresh)
{
	struct iommu_guest_binding *binding;
	int ret;

	iommu_guest_stop_replaced(ctx, fresh);
	list_for_each_entry(binding, fresh, node) {
		if (binding->replaces) {
			list_del(&binding->replaces->node);
			iommu_guest_detach(binding->replaces);
		}
	}
	list_for_each_entry(binding, fresh, node) {
		ret = iommu_guest_attach(binding);
		if (ret)
			goto undo;
	}
	return 0;

undo:
	list_for_each_entry_continue_reverse(binding, fresh, node)
		iommu_guest_detach(binding);
	list_for_each_entry(binding, fresh, node)
		iommu_guest_restore(binding);
	return ret;
}

static int iommu_guest_bind_locked(struct iommu_guest_ctx *ctx,
				   struct device *dev,
				   struct iommu_guest_pasid *pasid,
				   const struct iommu_gpasid_bind_data *data)
{
	struct iommu_guest_binding *binding, *next;
	LIST_HEAD(fresh);
	int ret;

	lockdep_assert_held(&ctx->lock);

	ret = iommu_guest_prepare(ctx, dev, pasid, data, &fresh);
	if (!ret)
		ret = iommu_guest_commit(ctx, &fresh);

	list_for_each_entry_safe(binding, next, &fresh, node) {
		if (ret) {
			iommu_guest_free_binding(binding);
			continue;
		}
		if (binding->replaces)
			iommu_guest_free_binding(binding->replaces);
		binding->replaces = NULL;
		list_move_tail(&binding->node, &pasid->bindings);
	}
	return ret;
}

/* Of a PASID that is bound, be it freed already or not */
struct iommu_guest_pasid *
iommu_guest_find_gpasid(struct iommu_guest_ctx *ctx, ioasid_t gpasid)
{
	struct iommu_guest_pasid *pasid = xa_load(&ctx->pasids, gpasid);

	lockdep_assert_held(&ctx->lock);
	if (pasid && pasid->gpasid == gpasid)
		return pasid;
	return xa_load(&ctx->gpasids, gpasid);
}

/*
 * A PASID that nothing is bound to yet. Takes the caller's reference to the
 * IOASID over, unless it fails.
 */
static struct iommu_guest_pasid *
iommu_guest_new_pasid(struct iommu_guest_ctx *ctx, ioasid_t hpasid,
		      ioasid_t gpasid)
{
	struct iommu_guest_pasid *pasid;
	int ret;

	/* It may be of a PASID that was freed, and is bound still. */
	if (iommu_guest_find_gpasid(ctx, gpasid))
		return ERR_PTR(-EEXIST);

	pasid = kzalloc(sizeof(*pasid), GFP_KERNEL_ACCOUNT);
	if (!pasid)
		return ERR_PTR(-ENOMEM);
	pasid->hpasid = hpasid;
	pasid->gpasid = gpasid;
	INIT_LIST_HEAD(&pasid->bindings);

	/* Before anything that a FREE event would have to take down */
	ret = xa_insert(&ctx->pasids, hpasid, pasid, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto out_free;
	if (gpasid != hpasid)
		ret = xa_insert(&ctx->gpasids, gpasid, pasid, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto out_erase_hpasid;
	ret = ioasid_attach_spid(ctx->set, hpasid, gpasid);
	if (ret)
		goto out_erase_gpasid;
	return pasid;

out_erase_gpasid:
	if (gpasid != hpasid)
		xa_erase(&ctx->gpasids, gpasid);
out_erase_hpasid:
	xa_erase(&ctx->pasids, hpasid);
out_free:
	kfree(pasid);
	return ERR_PTR(ret);
}

/* Step 4, if that was the last binding */
static void iommu_guest_put_pasid(struct iommu_guest_ctx *ctx,
				  struct iommu_guest_pasid *pasid)
{
	if (!list_empty(&pasid->bindings))
		return;
	xa_erase(&ctx->pasids, pasid->hpasid);
	if (pasid->gpasid != pasid->hpasid)
		xa_erase(&ctx->gpasids, pasid->gpasid);
	ioasid_detach_spid(ctx->set, pasid->hpasid);
	ioasid_put(ctx->set, pasid->hpasid);
	kfree(pasid);
}

/* Steps 1 to 4, where hardware need not be waited for any more */
static void iommu_guest_unbind_stopped(struct iommu_guest_ctx *ctx,
				       struct device *dev,
				       struct iommu_guest_pasid *pasid)
{
	struct iommu_guest_binding *binding, *next;

	lockdep_assert_held(&ctx->lock);
	list_for_each_entry_safe(binding, next, &pasid->bindings, node)
		if (!dev || binding->gdev->dev == dev)
			iommu_guest_unbind(binding);
	iommu_guest_put_pasid(ctx, pasid);
}

static void iommu_guest_unbind_pasid(struct iommu_guest_ctx *ctx,
				     struct device *dev,
				     struct iommu_guest_pasid *pasid)
{
	iommu_guest_stop_pasid(ctx, dev, pasid);
	iommu_guest_unbind_stopped(ctx, dev, pasid);
}

/* Unbind all PASIDs in the range from @dev, or from every device */
static void iommu_guest_unbind_range(struct iommu_guest_ctx *ctx,
				     struct device *dev, unsigned long min,
				     unsigned long max)
{
	struct iommu_guest_pasid *pasid;
	unsigned long hpasid, end;

	lockdep_assert_held(&ctx->lock);
	for (;; min = end + 1) {
		end = iommu_guest_stop_range(ctx, dev, min, max);
		xa_for_each_range(&ctx->pasids, hpasid, pasid, min, end)
			iommu_guest_unbind_stopped(ctx, dev, pasid);
		if (end == max)
			return;
		cond_resched();
	}
}

/*
 * The PASID to bind, with bindings or fresh. A PASID that is freed under its
 * bindings takes no new ones.
 */
static struct iommu_guest_pasid *
iommu_guest_get_pasid(struct iommu_guest_ctx *ctx, u64 hpasid, ioasid_t gpasid)
{
	struct iommu_guest_pasid *pasid;

	if (hpasid > IOMMU_GUEST_PASID_LAST || ioasid_get(ctx->set, hpasid))
		return ERR_PTR(-ENOENT);

	pasid = xa_load(&ctx->pasids, hpasid);
	if (!pasid) {
		pasid = iommu_guest_new_pasid(ctx, hpasid, gpasid);
		if (!IS_ERR(pasid))
			return pasid;
	}
	/* A PASID with bindings has its own reference. */
	ioasid_put(ctx->set, hpasid);
	/* It has one guest PASID, and may have several bindings. */
	if (!IS_ERR(pasid) && pasid->gpasid != gpasid)
		return ERR_PTR(-EEXIST);
	return pasid;
}

/**
 * iommu_guest_bind_gpasid() - Bind a page table of the guest to a PASID
 * @ctx: the context
 * @dev: a device of @ctx, or NULL for all of them
 * @data: PASID and table. Vendor and generic fields are checked here, so it may
 *	come from an untrusted caller as it is, by way of
 *	iommu_guest_copy_bind_data(). Without IOMMU_SVA_GPASID_VAL the guest
 *	PASID is the PASID on the bus.
 *
 * Where the PASID is bound already, the new table replaces the old one;
 * accesses between are aborted. Where both are the same nothing happens, so a
 * bind that is repeated for all devices reaches those that were added since,
 * and only them. As long as a PASID is bound to a device, that is kept awake.
 *
 * A call that fails has changed nothing, with one exception. A table that was
 * replaced on one device, while the call failed there or on another one, is put
 * back with what was kept for that; if IOMMU core or driver lack memory to do
 * so, the PASID is left unbound on that device and a message says so.
 *
 * Return: 0, or
 *
 * * -EINVAL: a field is not correct, the table lies beyond the second stage, or
 *   the device is not attached to the second stage it was added with
 * * -EOPNOTSUPP: another format than the hardware's, or a feature it lacks
 * * -ENOENT: hpasid is no active IOASID of the context's set
 * * -ERANGE: hpasid is more than a device can emit
 * * -EEXIST: gpasid is the guest PASID of another PASID, which is bound, be it
 *   freed already or not; or hpasid is bound with another guest PASID
 * * -ENODEV: @dev is not in @ctx, or no device is
 * * -EBUSY: a device has a PASID table of the guest, or its PASID is in use by
 *   somebody else, or notifiers of the set are still being called for its last
 *   unbind
 * * -EIO: a device does not resume
 * * -ENOSPC: the IOMMU is out of domain identifiers for guests
 * * -ENOMEM: out of memory
 *
 * Context: Process context, takes the lock of @ctx and the mutex of the iommu
 * group, and waits for hardware.
 */
int iommu_guest_bind_gpasid(struct iommu_guest_ctx *ctx, struct device *dev,
			    const struct iommu_gpasid_bind_data *data)
{
	struct iommu_guest_pasid *pasid;
	int ret;

	ret = iommu_guest_check_bind(data);
	if (ret)
		return ret;

	guard(mutex)(&ctx->lock);
	iommu_guest_begin(ctx, dev);
	pasid = iommu_guest_get_pasid(ctx, data->hpasid,
				      data->flags & IOMMU_SVA_GPASID_VAL ?
				      data->gpasid : data->hpasid);
	if (IS_ERR(pasid))
		return PTR_ERR(pasid);
	ret = iommu_guest_bind_locked(ctx, dev, pasid, data);
	iommu_guest_put_pasid(ctx, pasid);
	return ret;
}
EXPORT_SYMBOL_GPL(iommu_guest_bind_gpasid);

/**
 * iommu_guest_unbind_gpasid() - Unbind a PASID
 * @ctx: the context
 * @dev: a device of @ctx, or NULL for all of them
 * @hpasid: the PASID on the bus; one that is not bound is fine
 *
 * On return the guest's table is not used by accesses under @hpasid any more.
 * The IOASID stays allocated.
 *
 * Context: Process context, takes the lock of @ctx and the mutex of the iommu
 * group, and waits for hardware.
 */
void iommu_guest_unbind_gpasid(struct iommu_guest_ctx *ctx, struct device *dev,
			       u64 hpasid)
{
	struct iommu_guest_pasid *pasid;

	guard(mutex)(&ctx->lock);
	iommu_guest_begin(ctx, dev);
	/* The number is the owner's and of any size. */
	pasid = hpasid > IOMMU_GUEST_PASID_LAST ? NULL :
						  xa_load(&ctx->pasids, hpasid);
	if (pasid)
		iommu_guest_unbind_pasid(ctx, dev, pasid);
}
EXPORT_SYMBOL_GPL(iommu_guest_unbind_gpasid);

/**
 * iommu_guest_alloc_pasid() - Allocate a PASID for the owner
 * @ctx: the context
 * @min: lowest PASID on the bus, included
 * @max: highest PASID on the bus, included
 *
 * The quota of the set is that of its ids and of the entries of PASID tables of
 * @ctx together, as iommu_guest_set_table() counts them.
 *
 * Return: The PASID, or
 *
 * * -EDQUOT: the quota is used up, by ids and entries
 * * any other error of ioasid_alloc()
 *
 * Context: Process context, takes the lock of @ctx. Not called by a notifier of
 * the set.
 */
long iommu_guest_alloc_pasid(struct iommu_guest_ctx *ctx, ioasid_t min, ioasid_t max)
{
	guard(mutex)(&ctx->lock);
	if (!iommu_guest_pasids_left(ctx))
		return -EDQUOT;
	return ioasid_alloc(ctx->set, min, max, NULL, GFP_KERNEL_ACCOUNT);
}
EXPORT_SYMBOL_GPL(iommu_guest_alloc_pasid);

/**
 * iommu_guest_free_pasids() - Unbind and free PASIDs of the owner
 * @ctx: the context
 * @min: lowest PASID on the bus, included
 * @max: highest PASID on the bus, included
 *
 * Those in the range that are not allocated are fine. On return the PASIDs are
 * not bound to any device of @ctx, and can be allocated again unless somebody
 * else has a reference.
 *
 * Hardware is waited for here, on behalf of the caller and for devices of @ctx
 * only. What is left to the notifiers of the set is to hear of it.
 *
 * Context: Process context, takes the lock of @ctx and the mutex of the iommu
 * group, and waits for hardware. Not called by a notifier of the set.
 */
void iommu_guest_free_pasids(struct iommu_guest_ctx *ctx, ioasid_t min,
			     ioasid_t max)
{
	scoped_guard(mutex, &ctx->lock) {
		iommu_guest_begin(ctx, NULL);
		iommu_guest_unbind_range(ctx, NULL, min, max);
		/* With the lock, so that none is bound again in between */
		ioasid_free_range(ctx->set, min, max);
	}
	ioasid_set_flush(ctx->set);
}
EXPORT_SYMBOL_GPL(iommu_guest_free_pasids);

/* Unbind all PASIDs of @gdev */
void iommu_guest_unbind_device(struct iommu_guest_ctx *ctx,
			       struct iommu_guest_device *gdev)
{
	iommu_guest_unbind_range(ctx, gdev->dev, 0, IOMMU_GUEST_PASID_LAST);
}

/*
 * A PASID was freed under its bindings, other than by
 * iommu_guest_free_pasids(). The IOASID core has ended the set-private id
 * already; guest PASID and PASID stay taken until they are given up here.
 */
int iommu_guest_notify(struct notifier_block *nb, unsigned long event,
		       void *data)
{
	struct iommu_guest_ctx *ctx = container_of(nb, struct iommu_guest_ctx, nb);
	struct ioasid_nb_args *args = data;
	struct iommu_guest_pasid *pasid;

	guard(mutex)(&ctx->lock);
	iommu_guest_begin(ctx, NULL);
	pasid = xa_load(&ctx->pasids, args->id);
	if (pasid)
		iommu_guest_unbind_pasid(ctx, NULL, pasid);
	return NOTIFY_OK;
}
