// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: requests without PASID
 *
 * A device stays attached to its second stage. What comes in front of that for
 * requests without PASID is changed by one operation of the IOMMU driver, which
 * leaves the attachment alone: PASIDs, page requests and the translation cache of
 * the device depend on it. So there is always a way back, and it takes no memory.
 *
 * A table for requests without PASID is bound much like that of a PASID. It is a
 * binding of iommu_guest_ctx::rid, to which invalidations get by PASID 0. An
 * IOASID is not needed, as the number is not one of the guest's.
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/pm_runtime.h>
#include <linux/stddef.h>

#include "guest_private.h"
#include "trace.h"

/* Checks that do not depend on the device */
static int iommu_guest_check_rid(const struct iommu_rid_config *config)
{
	const struct iommu_gpasid_bind_data *bind = &config->bind;

	switch (config->mode) {
	case IOMMU_RID_PASS:
	case IOMMU_RID_BLOCK:
		return 0;
	case IOMMU_RID_FIRST_STAGE:
		if (bind->argsz > config->argsz - offsetof(typeof(*config), bind) ||
		    bind->flags || bind->hpasid)
			return -EINVAL;
		return iommu_guest_check_table(bind);
	default:
		return -EINVAL;
	}
}

/**
 * iommu_guest_copy_rid_config() - Fetch the payload of iommu_guest_set_rid()
 * @config: where to
 * @uptr: where from, in user memory
 * @usize: bytes that the caller of the kernel says are there
 *
 * Follows the general format of the UAPI header. What depends on the content is
 * checked by iommu_guest_set_rid().
 *
 * Return: 0, or
 *
 * * -EINVAL: argsz too small or beyond @usize
 * * -E2BIG: a byte the kernel does not know is not zero, or argsz above 4096
 * * -EFAULT: @uptr cannot be read
 *
 * Context: Process context.
 */
int iommu_guest_copy_rid_config(struct iommu_rid_config *config,
				const void __user *uptr, size_t usize)
{
	return iommu_guest_copy(config, sizeof(*config),
				offsetof(typeof(*config), bind), uptr, usize);
}
EXPORT_SYMBOL_GPL(iommu_guest_copy_rid_config);

/* End the table that has been replaced */
static void iommu_guest_end_rid_table(struct iommu_guest_binding *binding)
{
	u64 start = trace_iommu_guest_unbind_enabled() ? ktime_get_ns() : 0;

	list_del(&binding->node);
	iommu_guest_forget_faults(binding);
	trace_iommu_guest_unbind(binding, start);
	iommu_guest_free_binding(binding);
}

static int iommu_guest_set_rid_table(struct iommu_guest_ctx *ctx,
				     struct iommu_guest_device *gdev,
				     const struct iommu_gpasid_bind_data *data)
{
	struct iommu_guest_binding *binding, *old;
	int ret;

	old = iommu_guest_find_binding(&ctx->rid, gdev);
	if (old && iommu_guest_same_table(&old->data, data))
		return 0;

	binding = iommu_guest_alloc_binding(gdev, &ctx->rid, data);
	if (IS_ERR(binding))
		return PTR_ERR(binding);
	ret = iommu_guest_attach(binding);
	if (ret) {
		iommu_guest_free_binding(binding);
		return ret;
	}

	if (old)
		iommu_guest_end_rid_table(old);
	list_add_tail(&binding->node, &ctx->rid.bindings);
	gdev->rid = IOMMU_RID_FIRST_STAGE;
	return 0;
}

/* Go to @domain, which stands for @mode and is no table. Does not fail. */
static void iommu_guest_leave_rid_table(struct iommu_guest_ctx *ctx,
					struct iommu_guest_device *gdev,
					struct iommu_domain *domain,
					enum iommu_rid_mode mode)
{
	struct iommu_guest_binding *old;

	iommu_guest_leave_rid(gdev, domain);
	gdev->rid = mode;
	old = iommu_guest_find_binding(&ctx->rid, gdev);
	if (old)
		iommu_guest_end_rid_table(old);
}

/**
 * iommu_guest_set_rid() - Set what translates requests of a device without PASID
 * @ctx: the context
 * @dev: a device of @ctx
 * @config: what to set. May come from an untrusted caller, by way of
 *	iommu_guest_copy_rid_config().
 *
 * Holds until the next call, or until @dev is removed from @ctx. A table is
 * invalidated as PASID 0, see iommu_guest_cache_invalidate(), and keeps @dev awake.
 * PASIDs that are bound are not affected.
 *
 * A call that fails has changed nothing.
 *
 * Return: 0, or
 *
 * * -EINVAL: a field is not correct, the table lies beyond the second stage, or
 *   the device is not attached to the second stage it was added with
 * * -EOPNOTSUPP: the IOMMU driver cannot do that, the table is of another format
 *   than the hardware's, or needs a feature it lacks
 * * -ENODEV: @dev is not in @ctx
 * * -EBUSY: the device has a PASID table of the guest; or that of the host is
 *   another kernel's, or PASIDs are left on another second stage
 * * -EIO: the device does not resume
 * * -ENOSPC: the IOMMU is out of domain identifiers for guests
 * * -ENOMEM: out of memory
 *
 * Context: Process context, takes the lock of @ctx and the mutex of the iommu
 * group, and waits for hardware.
 */
int iommu_guest_set_rid(struct iommu_guest_ctx *ctx, struct device *dev,
			const struct iommu_rid_config *config)
{
	struct iommu_guest_device *gdev;
	struct iommu_domain *domain;
	int ret;

	ret = iommu_guest_check_rid(config);
	if (ret)
		return ret;

	guard(mutex)(&ctx->lock);
	gdev = iommu_guest_find_device(ctx, dev);
	if (!gdev)
		return -ENODEV;
	domain = dev_iommu_ops(dev)->blocked_domain;
	if (!gdev->ops->set_rid || !domain)
		return -EOPNOTSUPP;
	if (gdev->table)
		return -EBUSY;
	if (iommu_get_domain_for_dev(dev) != gdev->parent)
		return -EINVAL;

	iommu_guest_begin_device(gdev);
	if (config->mode == IOMMU_RID_FIRST_STAGE)
		return iommu_guest_set_rid_table(ctx, gdev, &config->bind);
	if (config->mode == gdev->rid)
		return 0;
	if (config->mode == IOMMU_RID_PASS)
		domain = gdev->parent;

	ret = iommu_guest_wake(dev);
	if (ret)
		return ret;
	iommu_guest_leave_rid_table(ctx, gdev, domain, config->mode);
	pm_runtime_put(dev);
	return 0;
}
EXPORT_SYMBOL_GPL(iommu_guest_set_rid);

/* Back to the second stage alone, also of a device that does not resume */
void iommu_guest_end_rid(struct iommu_guest_ctx *ctx,
			 struct iommu_guest_device *gdev)
{
	bool awake;

	lockdep_assert_held(&ctx->lock);
	if (gdev->rid == IOMMU_RID_PASS)
		return;
	awake = !iommu_guest_wake(gdev->dev);
	iommu_guest_leave_rid_table(ctx, gdev, gdev->parent, IOMMU_RID_PASS);
	if (awake)
		pm_runtime_put(gdev->dev);
}
