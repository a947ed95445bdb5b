// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: what many PASIDs and devices wait for together
 *
 * The first step of an unbind waits for hardware, see bind.c. Where several PASIDs
 * or several devices are concerned, what it waits for is done for all of them before
 * the first one is detached. Which they are is marked in the devices, bit by bit of
 * a list of PASIDs, so that nothing is allocated.
 */
#include <linux/bits.h>
#include <linux/bitops.h>

#include "guest_private.h"

/* Devices of one driver, as many as it gets at a time */
struct iommu_guest_detach_batch {
	const struct iommu_guest_ops *ops;
	unsigned int count;
	unsigned int pasids;
	struct iommu_guest_detachment from[IOMMU_GUEST_DETACH_DEVICES];
};

static void iommu_guest_detach_flush(struct iommu_guest_detach_batch *batch,
				     const ioasid_t *pasids)
{
	/* One alone is detached as well without. */
	if (batch->pasids > 1)
		batch->ops->detach_gpasids(pasids, batch->from, batch->count);
	batch->count = 0;
	batch->pasids = 0;
}

/*
 * Do what the detachment of @pasids from the devices they are marked in waits for
 * hardware for. Takes the marks away. The bindings stay as they are, to be detached.
 */
void iommu_guest_stop_marked(struct iommu_guest_ctx *ctx, const ioasid_t *pasids)
{
	struct iommu_guest_detach_batch batch __uninitialized;
	struct iommu_guest_device *gdev;

	lockdep_assert_held(&ctx->lock);
	batch.ops = NULL;
	batch.count = 0;
	batch.pasids = 0;
	list_for_each_entry(gdev, &ctx->devices, node) {
		if (!gdev->leaving)
			continue;
		if (gdev->ops->detach_gpasids) {
			if (batch.count == IOMMU_GUEST_DETACH_DEVICES ||
			    batch.ops != gdev->ops)
				iommu_guest_detach_flush(&batch, pasids);
			batch.ops = gdev->ops;
			batch.pasids += hweight64(gdev->leaving);
			batch.from[batch.count++] = (struct iommu_guest_detachment) {
				.dev = gdev->dev,
				.which = gdev->leaving,
			};
		}
		gdev->leaving = 0;
	}
	iommu_guest_detach_flush(&batch, pasids);
}

/* The same for up to 64 PASIDs of one device */
void iommu_guest_stop_pasids(struct iommu_guest_device *gdev, const ioasid_t *pasids,
			     unsigned int count)
{
	struct iommu_guest_detachment from = { .dev = gdev->dev };

	if (!gdev->ops->detach_gpasids || count < 2)
		return;
	from.which = GENMASK_ULL(count - 1, 0);
	gdev->ops->detach_gpasids(pasids, &from, 1);
}

/* Mark @pasid, the @i-th of a list, where it is bound: on @dev, or on every device */
static void iommu_guest_mark(struct iommu_guest_pasid *pasid, struct device *dev,
			     unsigned int i)
{
	struct iommu_guest_binding *binding;

	list_for_each_entry(binding, &pasid->bindings, node)
		if (!dev || binding->gdev->dev == dev)
			binding->gdev->leaving |= BIT_ULL(i);
}

/* What the unbinding of one PASID waits for */
void iommu_guest_stop_pasid(struct iommu_guest_ctx *ctx, struct device *dev,
			    struct iommu_guest_pasid *pasid)
{
	if (dev || list_empty(&pasid->bindings) || list_is_singular(&pasid->bindings))
		return;
	iommu_guest_mark(pasid, NULL, 0);
	iommu_guest_stop_marked(ctx, &pasid->hpasid);
}

/*
 * What the unbinding of the PASIDs in the range waits for, as far as they go
 * together. Returns the last one that does, or @max.
 */
unsigned long iommu_guest_stop_range(struct iommu_guest_ctx *ctx, struct device *dev,
				     unsigned long min, unsigned long max)
{
	ioasid_t pasids[IOMMU_GUEST_DETACH_PASIDS] __uninitialized;
	struct iommu_guest_pasid *pasid;
	unsigned int count = 0;
	unsigned long hpasid;

	xa_for_each_range(&ctx->pasids, hpasid, pasid, min, max) {
		iommu_guest_mark(pasid, dev, count);
		pasids[count++] = hpasid;
		if (count == IOMMU_GUEST_DETACH_PASIDS) {
			max = hpasid;
			break;
		}
	}
	iommu_guest_stop_marked(ctx, pasids);
	return max;
}

/* What the bindings that those in @fresh replace wait for */
void iommu_guest_stop_replaced(struct iommu_guest_ctx *ctx, struct list_head *fresh)
{
	struct iommu_guest_binding *binding;

	if (list_empty(fresh) || list_is_singular(fresh))
		return;
	list_for_each_entry(binding, fresh, node)
		if (binding->replaces)
			binding->gdev->leaving = 1;
	binding = list_first_entry(fresh, struct iommu_guest_binding, node);
	iommu_guest_stop_marked(ctx, &binding->pasid->hpasid);
}
