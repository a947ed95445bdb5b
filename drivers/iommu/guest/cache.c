// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: invalidation of what is cached of a guest's page tables
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "guest_private.h"
#include "trace.h"

/*
 * What to invalidate, in terms of bindings: those of one PASID or all, and the
 * same range of each, in the same caches; and before that, their entries.
 */
struct iommu_guest_inv {
	struct device *dev;
	bool entries;
	u64 gpasid;
	bool one_pasid;
	u64 start;
	u64 last;
	bool leaf;
	u8 granularity;
	u8 caches;
};

/**
 * iommu_guest_copy_invalidate_info() - Fetch the payload of an invalidation
 * @info: where to
 * @uptr: where from, in user memory
 * @usize: bytes that the caller of the kernel says are there
 *
 * Follows the general format of the UAPI header. What depends on the content is
 * checked by iommu_guest_cache_invalidate().
 *
 * Return: 0, or
 *
 * * -EINVAL: argsz too small or beyond @usize
 * * -E2BIG: a byte the kernel does not know is not zero, or argsz above 4096
 * * -EFAULT: @uptr cannot be read
 *
 * Context: Process context.
 */
int iommu_guest_copy_invalidate_info(struct iommu_cache_invalidate_info *info,
				     const void __user *uptr, size_t usize)
{
	return iommu_guest_copy(info, sizeof(*info),
				offsetof(struct iommu_cache_invalidate_info,
					 granu),
				uptr, usize);
}
EXPORT_SYMBOL_GPL(iommu_guest_copy_invalidate_info);

/* is_power_of_2() takes an unsigned long, which has 32 bits on some hosts. */
static bool iommu_guest_is_power_of_2(u64 n)
{
	return n && !(n & (n - 1));
}

static int iommu_guest_decode_pasid(const struct iommu_inv_pasid_info *info,
				    struct iommu_guest_inv *inv)
{
	const u32 known = IOMMU_INV_PASID_FLAGS_PASID |
			  IOMMU_INV_PASID_FLAGS_ARCHID;

	if (!info->flags || info->flags & ~known)
		return -EINVAL;

	/* The owner's architectural tags mean nothing to the host: take all. */
	inv->one_pasid = info->flags & IOMMU_INV_PASID_FLAGS_PASID;
	inv->gpasid = info->pasid;
	return 0;
}

static int iommu_guest_decode_addr(const struct iommu_inv_addr_info *info,
				   struct iommu_guest_inv *inv)
{
	const u32 known = IOMMU_INV_ADDR_FLAGS_PASID |
			  IOMMU_INV_ADDR_FLAGS_ARCHID |
			  IOMMU_INV_ADDR_FLAGS_LEAF;
	u64 span;

	if (info->flags & ~known || !info->nb_granules ||
	    info->granule_size < SZ_4K ||
	    !iommu_guest_is_power_of_2(info->granule_size) ||
	    !IS_ALIGNED(info->addr, info->granule_size))
		return -EINVAL;

	/* By the start of the last granule: the end may be 2^64. */
	if (check_mul_overflow(info->nb_granules - 1, info->granule_size, &span) ||
	    check_add_overflow(info->addr, span, &inv->last))
		return -EINVAL;
	inv->start = info->addr;
	inv->last += info->granule_size - 1;

	inv->one_pasid = info->flags & IOMMU_INV_ADDR_FLAGS_PASID;
	inv->gpasid = info->pasid;
	inv->leaf = info->flags & IOMMU_INV_ADDR_FLAGS_LEAF;
	return 0;
}

/* Caches that exist at each granularity */
static const u8 iommu_guest_caches[IOMMU_GUEST_GRANULARITIES] = {
	[IOMMU_INV_GRANU_DOMAIN] = IOMMU_CACHE_INV_TYPE_IOTLB |
				   IOMMU_CACHE_INV_TYPE_PASID,
	[IOMMU_INV_GRANU_PASID] = IOMMU_CACHE_INV_TYPE_IOTLB |
				  IOMMU_CACHE_INV_TYPE_DEV_IOTLB |
				  IOMMU_CACHE_INV_TYPE_PASID,
	[IOMMU_INV_GRANU_ADDR] = IOMMU_CACHE_INV_TYPE_IOTLB |
				 IOMMU_CACHE_INV_TYPE_DEV_IOTLB,
};

static int iommu_guest_decode(const struct iommu_cache_invalidate_info *info,
			      struct iommu_guest_inv *inv)
{
	static const size_t min[IOMMU_GUEST_GRANULARITIES] = {
		[IOMMU_INV_GRANU_DOMAIN] = offsetof(typeof(*info), granu),
		[IOMMU_INV_GRANU_PASID] = offsetofend(typeof(*info),
						      granu.pasid_info),
		[IOMMU_INV_GRANU_ADDR] = offsetofend(typeof(*info),
						     granu.addr_info),
	};

	if (info->version != IOMMU_CACHE_INVALIDATE_INFO_VERSION_1 ||
	    info->granularity >= IOMMU_GUEST_GRANULARITIES || !info->cache ||
	    memchr_inv(info->padding, 0, sizeof(info->padding)))
		return -EINVAL;

	inv->granularity = array_index_nospec(info->granularity,
					      IOMMU_GUEST_GRANULARITIES);
	if (info->argsz < min[inv->granularity] ||
	    info->cache & ~iommu_guest_caches[inv->granularity])
		return -EINVAL;

	/* Entries of the PASID cache follow bind and unbind, or a table. */
	inv->entries = info->cache & IOMMU_CACHE_INV_TYPE_PASID;
	inv->caches = info->cache & ~IOMMU_CACHE_INV_TYPE_PASID;
	inv->last = U64_MAX;
	switch (inv->granularity) {
	case IOMMU_INV_GRANU_PASID:
		return iommu_guest_decode_pasid(&info->granu.pasid_info, inv);
	case IOMMU_INV_GRANU_ADDR:
		return iommu_guest_decode_addr(&info->granu.addr_info, inv);
	default:
		return 0;
	}
}

/* Invalidations that a driver gets at a time; what is on the stack bounds them */
#define IOMMU_GUEST_INV_BATCH	16

/**
 * struct iommu_guest_inv_batch - invalidations that are not carried out yet
 * @count: number of them
 * @ret: what became of those that were: the first error
 * @invs: what the driver gets
 * @bindings: what they are of
 * @granularities: as asked for
 */
struct iommu_guest_inv_batch {
	unsigned int count;
	int ret;
	struct iommu_guest_invalidation invs[IOMMU_GUEST_INV_BATCH];
	struct iommu_guest_binding *bindings[IOMMU_GUEST_INV_BATCH];
	u8 granularities[IOMMU_GUEST_INV_BATCH];
};

/* A device that fails keeps nothing from the others. */
static void iommu_guest_inv_flush(struct iommu_guest_inv_batch *batch)
{
	u64 begin = trace_iommu_guest_invalidate_enabled() ? ktime_get_ns() : 0;
	const struct iommu_guest_invalidation *inv;
	unsigned int i;

	if (!batch->count)
		return;
	batch->bindings[0]->gdev->ops->cache_invalidate(batch->invs,
							batch->count);
	for (i = 0; i < batch->count; i++) {
		inv = &batch->invs[i];
		batch->ret = batch->ret ?: inv->ret;
		batch->bindings[i]->invalidations[batch->granularities[i]]++;
		trace_iommu_guest_invalidate(batch->bindings[i],
					     batch->granularities[i],
					     inv->caches, inv->start, inv->last,
					     begin, inv->ret);
	}
	batch->count = 0;
}

static void iommu_guest_inv_add(struct iommu_guest_inv_batch *batch,
				struct iommu_guest_binding *binding,
				const struct iommu_guest_inv *inv)
{
	if (batch->count == IOMMU_GUEST_INV_BATCH ||
	    (batch->count && batch->bindings[0]->gdev->ops != binding->gdev->ops))
		iommu_guest_inv_flush(batch);
	batch->invs[batch->count] = (struct iommu_guest_invalidation) {
		.dev = binding->gdev->dev,
		.domain = binding->domain,
		.start = inv->start,
		.last = inv->last,
		.caches = inv->caches,
		.leaf = inv->leaf,
	};
	batch->granularities[batch->count] = inv->granularity;
	batch->bindings[batch->count++] = binding;
}

static void iommu_guest_inv_add_pasid(struct iommu_guest_inv_batch *batch,
				      struct iommu_guest_pasid *pasid,
				      const struct iommu_guest_inv *inv)
{
	struct iommu_guest_binding *binding;

	list_for_each_entry(binding, &pasid->bindings, node) {
		/* The second stage is not the guest's. */
		if (binding->domain == binding->gdev->parent)
			continue;
		if (!inv->dev || binding->gdev->dev == inv->dev)
			iommu_guest_inv_add(batch, binding, inv);
	}
}

/* The PASID that an owner means by @gpasid, or NULL */
static struct iommu_guest_pasid *
iommu_guest_inv_pasid(struct iommu_guest_ctx *ctx, u64 gpasid)
{
	if (gpasid == IOMMU_NO_PASID)
		return &ctx->rid;
	/* The number is the owner's and of any size. */
	return gpasid >= IOASID_CAPACITY_MAX ? NULL :
					       iommu_guest_find_gpasid(ctx, gpasid);
}

/* All PASIDs, of the context's own or of a table */
static int iommu_guest_inv_collect_all(struct xarray *pasids,
				       const struct iommu_guest_inv *inv,
				       struct iommu_guest_inv_batch *batch)
{
	struct iommu_guest_pasid *pasid;
	unsigned long hpasid;

	xa_for_each(pasids, hpasid, pasid) {
		if (fatal_signal_pending(current))
			return -EINTR;
		iommu_guest_inv_add_pasid(batch, pasid, inv);
		cond_resched();
	}
	return 0;
}

static int iommu_guest_inv_collect_table(struct iommu_guest_table *table,
					 const struct iommu_guest_inv *inv,
					 struct iommu_guest_inv_batch *batch)
{
	struct iommu_guest_pasid *pasid;

	if (!inv->one_pasid)
		return iommu_guest_inv_collect_all(&table->entries, inv, batch);
	pasid = inv->gpasid > IOMMU_GUEST_PASID_LAST ? NULL :
						       xa_load(&table->entries, inv->gpasid);
	if (pasid)
		iommu_guest_inv_add_pasid(batch, pasid, inv);
	return 0;
}

/* What is to be done for @inv, in @batch or done already */
static int iommu_guest_inv_collect(struct iommu_guest_ctx *ctx,
				   const struct iommu_guest_inv *inv,
				   struct iommu_guest_inv_batch *batch)
{
	struct iommu_guest_pasid *pasid;

	if (inv->one_pasid) {
		pasid = iommu_guest_inv_pasid(ctx, inv->gpasid);
		if (pasid)
			iommu_guest_inv_add_pasid(batch, pasid, inv);
		return 0;
	}
	iommu_guest_inv_add_pasid(batch, &ctx->rid, inv);
	return iommu_guest_inv_collect_all(&ctx->pasids, inv, batch);
}

/*
 * Entries of tables. Memory of the guest is read for that, so the lock is let go of;
 * what is in @batch is done before.
 */
static int iommu_guest_inv_entries(struct iommu_guest_ctx *ctx,
				   const struct iommu_guest_inv *inv,
				   struct iommu_guest_inv_batch *batch)
{
	ioasid_t first = 0, last = IOMMU_GUEST_PASID_LAST;
	int ret;

	if (!iommu_guest_has_tables(ctx, inv->dev))
		return 0;
	if (inv->one_pasid && inv->gpasid > IOMMU_GUEST_PASID_LAST)
		return 0;
	if (inv->one_pasid) {
		first = inv->gpasid;
		last = inv->gpasid;
	}

	iommu_guest_inv_flush(batch);
	mutex_unlock(&ctx->lock);
	ret = iommu_guest_resync(ctx, inv->dev, first, last);
	mutex_lock(&ctx->lock);
	return ret;
}

/*
 * The same for devices with a table. Where hardware reads that of the guest, all
 * caches are its driver's.
 */
static int iommu_guest_inv_tables(struct iommu_guest_ctx *ctx,
				  const struct iommu_cache_invalidate_info *info,
				  const struct iommu_guest_inv *inv,
				  struct iommu_guest_inv_batch *batch)
{
	struct iommu_guest_device *gdev;
	int ret = 0;

	list_for_each_entry(gdev, &ctx->devices, node) {
		if (!gdev->table || (inv->dev && gdev->dev != inv->dev))
			continue;
		if (gdev->table->domain)
			gdev->ops->table_invalidate(gdev->dev, gdev->table->domain,
						    info);
		else if (inv->caches && !ret)
			ret = iommu_guest_inv_collect_table(gdev->table, inv, batch);
	}
	return ret;
}

static int iommu_guest_inv_one(struct iommu_guest_ctx *ctx, struct device *dev,
			       const struct iommu_cache_invalidate_info *info,
			       struct iommu_guest_inv_batch *batch)
{
	struct iommu_guest_inv inv = { .dev = dev };
	int ret;

	ret = iommu_guest_decode(info, &inv);
	if (!ret && inv.entries)
		ret = iommu_guest_inv_entries(ctx, &inv, batch);
	if (!ret && inv.caches)
		ret = iommu_guest_inv_collect(ctx, &inv, batch);
	return ret ?: iommu_guest_inv_tables(ctx, info, &inv, batch);
}

/**
 * iommu_guest_cache_invalidate_array() - Invalidate cached parts of guest tables
 * @ctx: the context
 * @dev: a device of @ctx, or NULL for all of them
 * @infos: what to invalidate, in this order. May come from an untrusted caller, by
 *	way of iommu_guest_copy_invalidate_info().
 * @count: number of @infos
 * @done: number of @infos that were carried out
 *
 * Does what as many calls of iommu_guest_cache_invalidate() do, and waits for the
 * hardware once for many of them. An error of the first one that is not correct
 * ends the call; those before it are carried out, those behind it are not. With
 * -EIO all of them are.
 *
 * Return: As iommu_guest_cache_invalidate().
 *
 * Context: Process context, takes the lock of @ctx and waits for hardware.
 */
int iommu_guest_cache_invalidate_array(struct iommu_guest_ctx *ctx,
				       struct device *dev,
				       const struct iommu_cache_invalidate_info *infos,
				       unsigned int count, unsigned int *done)
{
	struct iommu_guest_inv_batch batch __uninitialized;
	unsigned int i;
	int ret = 0;

	batch.count = 0;
	batch.ret = 0;
	guard(mutex)(&ctx->lock);
	iommu_guest_begin(ctx, dev);
	for (i = 0; i < count; i++) {
		ret = iommu_guest_inv_one(ctx, dev, &infos[i], &batch);
		if (ret)
			break;
	}
	iommu_guest_inv_flush(&batch);
	*done = i;
	return ret ?: batch.ret;
}
EXPORT_SYMBOL_GPL(iommu_guest_cache_invalidate_array);

/**
 * iommu_guest_cache_invalidate() - Invalidate cached parts of guest tables
 * @ctx: the context
 * @dev: a device of @ctx, or NULL for all of them
 * @info: what to invalidate. May come from an untrusted caller, by way of
 *	iommu_guest_copy_invalidate_info().
 *
 * Only the caches that @info names are invalidated, the IOTLB before the device
 * TLB. Entries of the PASID cache follow bind and unbind, so there is nothing to do
 * for them, but where the device has a table of the guest: of that they are read
 * again before, see iommu_guest_set_table(). An entry that has changed replaces the
 * old one, of which nothing is cached any more on return.
 *
 * PASID 0 stands for requests without PASID, see iommu_guest_set_rid().
 *
 * A PASID that is not bound has nothing cached, which is success. One that was
 * freed counts as bound until its bindings are gone.
 *
 * Return: 0, or
 *
 * * -EINVAL: a field is not correct, or a cache does not exist at the
 *   granularity
 * * -EIO: a device did not complete the invalidation, and is cut off from
 *   memory. Everything else was invalidated.
 * * -EINTR: a fatal signal came in before all PASIDs were done
 *
 * Context: Process context, takes the locks of @ctx and waits for hardware, and for
 * memory of the guest if entries of a table are to be read.
 */
int iommu_guest_cache_invalidate(struct iommu_guest_ctx *ctx,
				 struct device *dev,
				 const struct iommu_cache_invalidate_info *info)
{
	unsigned int done;

	return iommu_guest_cache_invalidate_array(ctx, dev, info, 1, &done);
}
EXPORT_SYMBOL_GPL(iommu_guest_cache_invalidate);
