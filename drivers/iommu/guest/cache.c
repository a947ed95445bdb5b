// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: invalidation of what is cached of a guest's page tables
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "guest_private.h"
#include "trace.h"

/*
 * What to invalidate, in terms of bindings: those of one PASID or all, and the
 * same range of each.
 */
struct iommu_guest_inv {
	struct device *dev;
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
 * * -EFAULT: @uptr can not be read
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
	    info->granule_size < SZ_4K || !is_power_of_2(info->granule_size) ||
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

static void iommu_guest_invalidate_pasid(struct iommu_guest_pasid *pasid,
					 const struct iommu_guest_inv *inv)
{
	struct iommu_guest_binding *binding;
	u64 begin;

	list_for_each_entry(binding, &pasid->bindings, node) {
		if (inv->dev && binding->gdev->dev != inv->dev)
			continue;
		begin = trace_iommu_guest_invalidate_enabled() ?
			ktime_get_ns() : 0;
		binding->gdev->ops->cache_invalidate(binding->domain, inv->caches,
						     inv->start, inv->last,
						     inv->leaf);
		binding->invalidations[inv->granularity]++;
		trace_iommu_guest_invalidate(binding, inv->granularity,
					     inv->start, inv->last, begin);
	}
}

/* The guest's name of a bound PASID is the set-private id of its IOASID */
static struct iommu_guest_pasid *
iommu_guest_find_gpasid(struct iommu_guest_ctx *ctx, u64 gpasid)
{
	int hpasid;

	if (gpasid >= IOASID_CAPACITY_MAX)
		return NULL;
	hpasid = ioasid_find_by_spid(ctx->set, gpasid, false);
	return hpasid < 0 ? NULL : xa_load(&ctx->pasids, hpasid);
}

/**
 * iommu_guest_cache_invalidate() - Invalidate cached parts of guest tables
 * @ctx: the context
 * @dev: a device of @ctx, or NULL for all of them
 * @info: what to invalidate. May come from an untrusted caller, by way of
 *	iommu_guest_copy_invalidate_info().
 *
 * The IOTLB is invalidated before the device TLBs, and an invalidation of one
 * may cover the other. Entries of the PASID cache are the host's: they follow
 * bind and unbind, so there is nothing to do for them.
 *
 * A PASID that is not bound has nothing cached, which is success.
 *
 * Return: 0, or
 *
 * * -EINVAL: a field is not correct, or a cache does not exist at the
 *   granularity
 * * -EINTR: a fatal signal came in before all PASIDs were done
 *
 * Context: Process context, takes the lock of @ctx and waits for hardware.
 */
int iommu_guest_cache_invalidate(struct iommu_guest_ctx *ctx,
				 struct device *dev,
				 const struct iommu_cache_invalidate_info *info)
{
	struct iommu_guest_inv inv = {
		.dev = dev,
		.caches = IOMMU_CACHE_INV_TYPE_IOTLB |
			  IOMMU_CACHE_INV_TYPE_DEV_IOTLB,
	};
	struct iommu_guest_pasid *pasid;
	unsigned long hpasid;
	int ret;

	ret = iommu_guest_decode(info, &inv);
	if (ret)
		return ret;
	if (info->cache == IOMMU_CACHE_INV_TYPE_PASID)
		return 0;

	guard(mutex)(&ctx->lock);
	if (inv.one_pasid) {
		pasid = iommu_guest_find_gpasid(ctx, inv.gpasid);
		if (pasid)
			iommu_guest_invalidate_pasid(pasid, &inv);
		return 0;
	}
	xa_for_each(&ctx->pasids, hpasid, pasid) {
		if (fatal_signal_pending(current))
			return -EINTR;
		iommu_guest_invalidate_pasid(pasid, &inv);
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_GPL(iommu_guest_cache_invalidate);
