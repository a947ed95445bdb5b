// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: a whole PASID table of a guest
 *
 * There are two ways, and an IOMMU driver has one of them. Where hardware can read
 * the table of the guest through the second stage, it does. The table is a nested
 * domain then, attached in place of the second stage. Where the entries of a table
 * name things of the host, hardware must not read that of the guest. The host keeps
 * a shadow then: bindings, made of what the entries say, that nobody but the table
 * knows of.
 *
 * A shadow is read when the table is set, and an entry again when the guest
 * invalidates it in the cache of PASID entries. What is read is copied and decoded
 * with no lock that others wait for, and applied afterwards, unless the table has
 * come to its end meanwhile.
 *
 * An entry of the guest that cannot be had is not present, and its device gets a
 * record of a fault that says so. That is what hardware would do, only earlier.
 * What is to blame on the owner or on the host fails a set, which leaves things as
 * they were. It does not fail an invalidation: by then the old entry is stale.
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/pm_runtime.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "guest_private.h"

/* Entries that are read before they are applied; what is on the stack bounds them */
#define IOMMU_GUEST_CHUNK	8

/**
 * struct iommu_guest_snapshot - a table, as it was read
 * @ops: of a device that it is for; the others have the same way
 * @limit: PASIDs below are read, as far as the table has them
 * @room: entries that may follow
 * @entries: struct iommu_guest_copied
 */
struct iommu_guest_snapshot {
	const struct iommu_guest_ops *ops;
	unsigned int limit;
	unsigned int room;
	struct list_head entries;
};

struct iommu_guest_copied {
	struct iommu_guest_entry entry;
	struct list_head node;
};

/* ------------------------------------------------------------------ checks */

static int iommu_guest_check_smmuv3(const struct iommu_pasid_table_config *config)
{
	const struct iommu_pasid_smmuv3 *smmuv3 = &config->vendor_data.smmuv3;

	if (smmuv3->version != IOMMU_PASID_TABLE_SMMUV3_CFG_VERSION_1 ||
	    smmuv3->s1fmt > 2 || smmuv3->s1dss > 2 ||
	    memchr_inv(smmuv3->padding, 0, sizeof(smmuv3->padding)))
		return -EINVAL;
	return IS_ALIGNED(config->base_ptr, SZ_64) ? 0 : -EINVAL;
}

static int iommu_guest_check_vtd(const struct iommu_pasid_table_config *config)
{
	const struct iommu_pasid_vtd *vtd = &config->vendor_data.vtd;

	if (vtd->flags || memchr_inv(vtd->padding, 0, sizeof(vtd->padding)) ||
	    config->pasid_bits < 13 || config->pasid_bits > 20)
		return -EINVAL;
	return IS_ALIGNED(config->base_ptr, SZ_4K) ? 0 : -EINVAL;
}

/* Checks that do not depend on the device */
static int iommu_guest_check_config(const struct iommu_pasid_table_config *config)
{
	if (config->version != IOMMU_PASID_TABLE_CFG_VERSION_1 ||
	    memchr_inv(config->padding, 0, sizeof(config->padding)))
		return -EINVAL;

	switch (config->config) {
	case IOMMU_PASID_CONFIG_BYPASS:
	case IOMMU_PASID_CONFIG_ABORT:
		return 0;
	case IOMMU_PASID_CONFIG_TRANSLATE:
		break;
	default:
		return -EINVAL;
	}
	if (config->argsz < sizeof(*config))
		return -EINVAL;

	switch (config->format) {
	case IOMMU_PASID_FORMAT_SMMUV3:
		return iommu_guest_check_smmuv3(config);
	case IOMMU_PASID_FORMAT_VTD_TABLE:
		return iommu_guest_check_vtd(config);
	default:
		return -EINVAL;
	}
}

/* The last byte of what is known of the size; a driver may know more. */
static u64 iommu_guest_config_last(const struct iommu_pasid_table_config *config)
{
	u64 size = 1;

	if (config->format == IOMMU_PASID_FORMAT_VTD_TABLE)
		size = sizeof(u64) << (config->pasid_bits - 6);
	return config->base_ptr + size - 1;
}

/* Is the table within the second stage of @gdev? */
static bool iommu_guest_config_fits(const struct iommu_pasid_table_config *config,
				    const struct iommu_guest_device *gdev)
{
	u64 last = iommu_guest_config_last(config);

	return last >= config->base_ptr &&
	       last <= gdev->parent->geometry.aperture_end;
}

/**
 * iommu_guest_copy_table_config() - Fetch the payload of iommu_guest_set_table()
 * @config: where to
 * @uptr: where from, in user memory
 * @usize: bytes that the caller of the kernel says are there
 *
 * Follows the general format of the UAPI header. What depends on the content is
 * checked by iommu_guest_set_table().
 *
 * Return: 0, or
 *
 * * -EINVAL: argsz too small or beyond @usize
 * * -E2BIG: a byte the kernel does not know is not zero, or argsz above 4096
 * * -EFAULT: @uptr cannot be read
 *
 * Context: Process context.
 */
int iommu_guest_copy_table_config(struct iommu_pasid_table_config *config,
				  const void __user *uptr, size_t usize)
{
	return iommu_guest_copy(config, sizeof(*config),
				offsetof(typeof(*config), vendor_data), uptr, usize);
}
EXPORT_SYMBOL_GPL(iommu_guest_copy_table_config);

static bool iommu_guest_is_shadow(const struct iommu_guest_table *table)
{
	return !table->domain;
}

/* What the quota leaves to the owner: its ids count, and entries of tables */
unsigned int iommu_guest_pasids_left(struct iommu_guest_ctx *ctx)
{
	const struct iommu_guest_device *gdev;
	struct ioasid_set_info info;
	unsigned int used;

	lockdep_assert_held(&ctx->lock);
	ioasid_set_get_info(ctx->set, &info);
	used = info.used;
	list_for_each_entry(gdev, &ctx->devices, node)
		if (gdev->table)
			used += gdev->table->pasids;
	return info.quota > used ? info.quota - used : 0;
}

/* ----------------------------------------------------------------- entries */

static struct iommu_guest_binding *
iommu_guest_entry_binding(const struct iommu_guest_pasid *pasid)
{
	return list_first_entry(&pasid->bindings, struct iommu_guest_binding, node);
}

/* A record of a fault, but of no transaction */
static void iommu_guest_tell_entry(const struct iommu_guest_table *table,
				   const struct iommu_guest_entry *entry)
{
	struct iommu_fault fault = {
		.type = IOMMU_FAULT_DMA_UNRECOV,
		.event = {
			.reason = entry->kind == IOMMU_GUEST_ENTRY_UNREADABLE ?
				  IOMMU_FAULT_REASON_PASID_FETCH :
				  IOMMU_FAULT_REASON_BAD_PASID_ENTRY,
			.flags = IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID,
			.fetch_addr = entry->gpa,
		},
	};

	if (entry->quiet)
		return;
	if (entry->pasid != IOMMU_NO_PASID) {
		fault.event.flags |= IOMMU_FAULT_UNRECOV_PASID_VALID;
		fault.event.pasid = entry->pasid;
	}
	iommu_report_unrecoverable(table->gdev->dev, &fault);
}

static void iommu_guest_free_entry(struct iommu_guest_table *table,
				   struct iommu_guest_pasid *pasid)
{
	xa_erase(&table->entries, pasid->hpasid);
	if (pasid->hpasid != IOMMU_NO_PASID)
		table->pasids--;
	iommu_guest_free_binding(iommu_guest_entry_binding(pasid));
	kfree(pasid);
}

/*
 * All that the entry needs, but for hardware. Positive if it is to blame on the
 * guest that this cannot be had.
 */
static int iommu_guest_add_entry(struct iommu_guest_table *table,
				 const struct iommu_guest_entry *entry)
{
	bool pass = entry->kind == IOMMU_GUEST_ENTRY_PASS;
	struct iommu_guest_binding *binding;
	struct iommu_guest_pasid *pasid;
	int ret;

	if (!pass && entry->kind != IOMMU_GUEST_ENTRY_FIRST_STAGE)
		return 1;
	pasid = kzalloc(sizeof(*pasid), GFP_KERNEL_ACCOUNT);
	if (!pasid)
		return -ENOMEM;
	pasid->hpasid = entry->pasid;
	pasid->gpasid = entry->pasid;
	INIT_LIST_HEAD(&pasid->bindings);

	binding = iommu_guest_alloc_binding(table->gdev, pasid,
					    pass ? NULL : &entry->data);
	if (IS_ERR(binding)) {
		ret = PTR_ERR(binding);
		if (ret == -EINVAL || ret == -EOPNOTSUPP)
			ret = 1;
		goto out_free;
	}
	binding->quiet = entry->quiet;
	list_add(&binding->node, &pasid->bindings);

	ret = xa_insert(&table->entries, pasid->hpasid, pasid, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto out_free_binding;
	if (pasid->hpasid != IOMMU_NO_PASID)
		table->pasids++;
	return 0;

out_free_binding:
	iommu_guest_free_binding(binding);
out_free:
	kfree(pasid);
	return ret;
}

static int iommu_guest_attach_entry(struct iommu_guest_pasid *pasid)
{
	return iommu_guest_attach(iommu_guest_entry_binding(pasid));
}

static void iommu_guest_detach_entry(struct iommu_guest_pasid *pasid)
{
	iommu_guest_detach(iommu_guest_entry_binding(pasid));
}

/* Detach @pasids, and wait for hardware for all of them together */
static void iommu_guest_detach_some(struct iommu_guest_table *table,
				    const ioasid_t *pasids, unsigned int count)
{
	unsigned int i, rid = count && pasids[0] == IOMMU_NO_PASID;

	iommu_guest_stop_pasids(table->gdev, pasids + rid, count - rid);
	for (i = 0; i < count; i++)
		iommu_guest_detach_entry(xa_load(&table->entries, pasids[i]));
}

/* Detach the entries below @end. They stay, to be attached again or freed. */
static void iommu_guest_detach_entries(struct iommu_guest_table *table,
				       unsigned long end)
{
	ioasid_t pasids[IOMMU_GUEST_DETACH_PASIDS];
	struct iommu_guest_pasid *pasid;
	unsigned int count = 0;
	unsigned long index;

	xa_for_each(&table->entries, index, pasid) {
		if (index >= end)
			break;
		/* It goes by itself: its entry is not cleared but replaced. */
		if (index == IOMMU_NO_PASID) {
			iommu_guest_detach_entry(pasid);
			continue;
		}
		pasids[count++] = index;
		if (count < IOMMU_GUEST_DETACH_PASIDS)
			continue;
		iommu_guest_detach_some(table, pasids, count);
		count = 0;
		cond_resched();
	}
	iommu_guest_detach_some(table, pasids, count);
}

/* All of them, or none */
static int iommu_guest_attach_entries(struct iommu_guest_table *table)
{
	struct iommu_guest_pasid *pasid;
	unsigned long index;
	int ret;

	xa_for_each(&table->entries, index, pasid) {
		ret = iommu_guest_attach_entry(pasid);
		if (ret) {
			iommu_guest_detach_entries(table, index);
			return ret;
		}
		cond_resched();
	}
	return 0;
}

/* Those that cannot come back are not present, which is safe. */
static void iommu_guest_restore_entries(struct iommu_guest_table *table)
{
	struct iommu_guest_pasid *pasid;
	unsigned long index;

	xa_for_each(&table->entries, index, pasid) {
		cond_resched();
		if (!iommu_guest_attach_again(iommu_guest_entry_binding(pasid)))
			continue;
		dev_err_ratelimited(table->gdev->dev,
				    "PASID %lu lost its entry, could not put it back\n",
				    index);
		iommu_guest_free_entry(table, pasid);
	}
}

/* ------------------------------------------------------------ life of a table */

static void iommu_guest_table_put(struct iommu_guest_table *table)
{
	if (refcount_dec_and_test(&table->refs))
		kfree(table);
}

/* The table is not in use by hardware. Readers may have it still. */
static void iommu_guest_free_table(struct iommu_guest_table *table)
{
	struct iommu_guest_pasid *pasid;
	unsigned long index;

	table->dead = true;
	xa_for_each(&table->entries, index, pasid)
		iommu_guest_free_entry(table, pasid);
	if (table->domain)
		iommu_domain_free(table->domain);
	pm_runtime_put(table->gdev->dev);
	iommu_guest_table_put(table);
}

static struct iommu_guest_table *
iommu_guest_alloc_table(struct iommu_guest_device *gdev,
			const struct iommu_pasid_table_config *config)
{
	struct iommu_guest_table *table;
	int ret;

	table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);
	if (!table)
		return ERR_PTR(-ENOMEM);
	ret = iommu_guest_wake(gdev->dev);
	if (ret) {
		kfree(table);
		return ERR_PTR(ret);
	}
	table->gdev = gdev;
	table->ops = gdev->ops;
	table->limit = gdev->dev->iommu->max_pasids;
	table->config = *config;
	refcount_set(&table->refs, 1);
	xa_init_flags(&table->entries, XA_FLAGS_ACCOUNT);
	return table;
}

/* -------------------------------------------------- on and off, on one device */

static int iommu_guest_replace_domain(struct iommu_guest_device *gdev,
				      struct iommu_domain *domain,
				      struct iommu_attach_handle *handle)
{
	return iommu_replace_group_handle(gdev->dev->iommu_group, domain, handle);
}

/* Nobody knows the handle any more. */
static void iommu_guest_forget_table(struct iommu_guest_table *table)
{
	struct device *dev = table->gdev->dev;

	if (table->gdev->ops->fault_sync)
		table->gdev->ops->fault_sync(dev);
	iommu_fault_purge(dev, &table->handle);
}

/*
 * To attach the second stage or an older table may take memory, a little, which may
 * come from the reserves. To block the device does not, and keeps it from a table
 * that is not the guest's any more.
 */
static void iommu_guest_back_to(struct iommu_guest_device *gdev,
				struct iommu_domain *domain,
				struct iommu_attach_handle *handle)
{
	unsigned int flags;
	int ret;

	ret = iommu_guest_replace_domain(gdev, domain, handle);
	if (ret == -ENOMEM) {
		flags = memalloc_noreclaim_save();
		ret = iommu_guest_replace_domain(gdev, domain, handle);
		memalloc_noreclaim_restore(flags);
	}
	if (!ret)
		return;
	dev_err_ratelimited(gdev->dev, "cannot go back to what was there, is blocked: %pe\n",
			    ERR_PTR(ret));
	ret = iommu_guest_replace_domain(gdev, dev_iommu_ops(gdev->dev)->blocked_domain,
					 NULL);
	WARN_ON_ONCE(ret);
}

/* What translated requests without PASID before the first table */
static struct iommu_domain *iommu_guest_rid_before(struct iommu_guest_device *gdev)
{
	return gdev->rid == IOMMU_RID_BLOCK ? dev_iommu_ops(gdev->dev)->blocked_domain :
					      gdev->parent;
}

/* Take a shadow off, so that another can follow. Requests without PASID are blocked. */
static void iommu_guest_table_off(struct iommu_guest_table *table)
{
	iommu_guest_detach_entries(table, ULONG_MAX);
}

/* In place of what is there, which comes back if this fails */
static int iommu_guest_table_on(struct iommu_guest_table *table)
{
	struct iommu_guest_device *gdev = table->gdev;
	struct iommu_guest_table *old = gdev->table;
	int ret = 0;

	if (!old)
		ret = iommu_fault_set_identity(gdev->dev);
	if (ret)
		return ret;

	if (!iommu_guest_is_shadow(table)) {
		ret = iommu_guest_replace_domain(gdev, table->domain, &table->handle);
		if (ret)
			iommu_guest_forget_table(table);
		goto out;
	}

	if (old)
		iommu_guest_table_off(old);
	else
		iommu_guest_leave_rid(gdev, dev_iommu_ops(gdev->dev)->blocked_domain);
	ret = iommu_guest_attach_entries(table);
	if (ret && old)
		iommu_guest_restore_entries(old);
	else if (ret)
		iommu_guest_leave_rid(gdev, iommu_guest_rid_before(gdev));
out:
	if (ret && !old)
		iommu_fault_clear_identity(gdev->dev);
	if (ret)
		return ret;
	table->replaces = old;
	gdev->table = table;
	return 0;
}

/* Undo it, after a device that came later has failed */
static void iommu_guest_table_undo(struct iommu_guest_table *table)
{
	struct iommu_guest_device *gdev = table->gdev;
	struct iommu_guest_table *old = table->replaces;

	gdev->table = old;
	if (iommu_guest_is_shadow(table)) {
		iommu_guest_table_off(table);
		if (old)
			iommu_guest_restore_entries(old);
		else
			iommu_guest_leave_rid(gdev, iommu_guest_rid_before(gdev));
	} else {
		iommu_guest_back_to(gdev, old ? old->domain : gdev->parent,
				    old ? &old->handle : NULL);
		iommu_guest_forget_table(table);
	}
	if (!old)
		iommu_fault_clear_identity(gdev->dev);
}

/* Back to the second stage alone, which does not fail */
void iommu_guest_end_table(struct iommu_guest_device *gdev)
{
	struct iommu_guest_table *table = gdev->table;

	if (!table) {
		/* It may have been left blocked. */
		if (gdev->ops->domain_alloc_table &&
		    iommu_get_domain_for_dev(gdev->dev) != gdev->parent)
			iommu_guest_back_to(gdev, gdev->parent, NULL);
		return;
	}
	gdev->table = NULL;
	if (iommu_guest_is_shadow(table)) {
		iommu_guest_table_off(table);
		iommu_guest_leave_rid(gdev, gdev->parent);
		gdev->rid = IOMMU_RID_PASS;
	} else {
		iommu_guest_back_to(gdev, gdev->parent, NULL);
		iommu_guest_forget_table(table);
	}
	iommu_fault_clear_identity(gdev->dev);
	iommu_guest_free_table(table);
}

/* --------------------------------------------------------------------- set */

/* Which way, and how far to read. Devices that are opened later have no part in it. */
static int iommu_guest_plan(struct iommu_guest_ctx *ctx, struct device *dev,
			    const struct iommu_pasid_table_config *config,
			    struct iommu_guest_snapshot *snap)
{
	const struct iommu_guest_ops *ops;
	struct iommu_guest_device *gdev;

	guard(mutex)(&ctx->lock);
	list_for_each_entry(gdev, &ctx->devices, node) {
		if (dev && gdev->dev != dev)
			continue;
		ops = gdev->ops;
		if (!ops->table_format || !dev_iommu_ops(gdev->dev)->blocked_domain ||
		    (ops->table_walk && (!ops->set_rid || !ctx->mem)) ||
		    (config->config == IOMMU_PASID_CONFIG_TRANSLATE &&
		     config->format != ops->table_format))
			return -EOPNOTSUPP;
		if (config->config == IOMMU_PASID_CONFIG_TRANSLATE &&
		    !iommu_guest_config_fits(config, gdev))
			return -EINVAL;
		if (snap->ops && snap->ops->table_walk != ops->table_walk)
			return -EOPNOTSUPP;
		snap->ops = ops;
		snap->limit = max(snap->limit, gdev->dev->iommu->max_pasids);
	}
	if (!snap->ops)
		return -ENODEV;
	/* What the old tables have becomes free, so this is no more than a bound. */
	list_for_each_entry(gdev, &ctx->devices, node)
		if (gdev->table)
			snap->room = max(snap->room, gdev->table->pasids);
	snap->room += iommu_guest_pasids_left(ctx);
	return 0;
}

static int iommu_guest_copy_entry(const struct iommu_guest_entry *entry, void *arg)
{
	struct iommu_guest_snapshot *snap = arg;
	struct iommu_guest_copied *copied;

	if (entry->pasid != IOMMU_NO_PASID && !snap->room--)
		return -EDQUOT;
	copied = kmalloc(sizeof(*copied), GFP_KERNEL_ACCOUNT);
	if (!copied)
		return -ENOMEM;
	copied->entry = *entry;
	list_add_tail(&copied->node, &snap->entries);
	return 0;
}

static int iommu_guest_read_table(struct iommu_guest_ctx *ctx,
				  const struct iommu_pasid_table_config *config,
				  struct iommu_guest_snapshot *snap)
{
	static const struct iommu_guest_entry pass = {
		.kind = IOMMU_GUEST_ENTRY_PASS,
	};

	switch (config->config) {
	case IOMMU_PASID_CONFIG_BYPASS:
		return iommu_guest_copy_entry(&pass, snap);
	case IOMMU_PASID_CONFIG_TRANSLATE:
		return snap->ops->table_walk(config, ctx->mem, true, 0,
					     min(snap->limit, 1U << config->pasid_bits) - 1,
					     iommu_guest_copy_entry, snap);
	default:
		return 0;
	}
}

static int iommu_guest_fill_table(struct iommu_guest_table *table,
				  const struct iommu_guest_snapshot *snap)
{
	struct iommu_guest_device *gdev = table->gdev;
	const struct iommu_guest_copied *copied;
	int ret;

	if (gdev->ops->domain_alloc_table) {
		table->domain = gdev->ops->domain_alloc_table(gdev->dev, gdev->parent,
							      &table->config);
		if (IS_ERR(table->domain)) {
			ret = PTR_ERR(table->domain);
			table->domain = NULL;
			return ret;
		}
		table->domain->owner = dev_iommu_ops(gdev->dev);
		table->domain->iopf_handler = iommu_fault_iopf_table;
		return 0;
	}

	if (iommu_get_domain_for_dev(gdev->dev) != gdev->parent)
		return -EINVAL;
	list_for_each_entry(copied, &snap->entries, node) {
		if (copied->entry.pasid >= gdev->dev->iommu->max_pasids)
			break;
		ret = iommu_guest_add_entry(table, &copied->entry);
		if (ret < 0)
			return ret;
		cond_resched();
	}
	return 0;
}

/* New tables for the devices that the call is on, in @fresh */
static int iommu_guest_prepare_tables(struct iommu_guest_ctx *ctx, struct device *dev,
				      const struct iommu_pasid_table_config *config,
				      const struct iommu_guest_snapshot *snap,
				      struct list_head *fresh)
{
	unsigned int left = iommu_guest_pasids_left(ctx), more = 0;
	struct iommu_guest_table *table;
	struct iommu_guest_device *gdev;
	int ret = -ENODEV;

	list_for_each_entry(gdev, &ctx->devices, node) {
		if (dev && gdev->dev != dev)
			continue;
		/* Opened since the table was read */
		if (gdev->dev->iommu->max_pasids > snap->limit ||
		    gdev->ops->table_walk != snap->ops->table_walk)
			continue;
		if (iommu_guest_has_bindings(ctx, gdev))
			return -EBUSY;
		table = iommu_guest_alloc_table(gdev, config);
		if (IS_ERR(table))
			return PTR_ERR(table);
		list_add_tail(&table->node, fresh);
		ret = iommu_guest_fill_table(table, snap);
		if (ret)
			return ret;
		more += table->pasids;
		left += gdev->table ? gdev->table->pasids : 0;
	}
	return more > left ? -EDQUOT : ret;
}

/* All of @fresh are in use, or things are as they were. */
static int iommu_guest_commit_tables(struct list_head *fresh)
{
	struct iommu_guest_table *table;
	int ret;

	list_for_each_entry(table, fresh, node) {
		ret = iommu_guest_table_on(table);
		if (ret)
			goto undo;
	}
	return 0;

undo:
	list_for_each_entry_continue_reverse(table, fresh, node)
		iommu_guest_table_undo(table);
	return ret;
}

static void iommu_guest_tell_entries(struct iommu_guest_table *table,
				     const struct iommu_guest_snapshot *snap)
{
	const struct iommu_guest_copied *copied;

	list_for_each_entry(copied, &snap->entries, node) {
		if (copied->entry.pasid >= table->gdev->dev->iommu->max_pasids)
			break;
		if (!xa_load(&table->entries, copied->entry.pasid))
			iommu_guest_tell_entry(table, &copied->entry);
	}
}

static int iommu_guest_set_tables(struct iommu_guest_ctx *ctx, struct device *dev,
				  const struct iommu_pasid_table_config *config,
				  const struct iommu_guest_snapshot *snap)
{
	struct iommu_guest_table *table, *next;
	LIST_HEAD(fresh);
	int ret;

	guard(mutex)(&ctx->lock);
	iommu_guest_begin(ctx, dev);
	ret = iommu_guest_prepare_tables(ctx, dev, config, snap, &fresh);
	if (!ret)
		ret = iommu_guest_commit_tables(&fresh);

	list_for_each_entry_safe(table, next, &fresh, node) {
		list_del(&table->node);
		if (ret) {
			iommu_guest_free_table(table);
			continue;
		}
		if (table->replaces && !iommu_guest_is_shadow(table->replaces))
			iommu_guest_forget_table(table->replaces);
		if (table->replaces)
			iommu_guest_free_table(table->replaces);
		table->replaces = NULL;
		iommu_guest_tell_entries(table, snap);
	}
	return ret;
}

/**
 * iommu_guest_set_table() - Hand a PASID table of the guest to a device
 * @ctx: the context
 * @dev: a device of @ctx, or NULL for all of them
 * @config: the table. May come from an untrusted caller, by way of
 *	iommu_guest_copy_table_config().
 *
 * From now on all PASIDs of the device are as the table says, and so are requests
 * without PASID. A table that was there is replaced; accesses between are aborted.
 * The device is kept awake. PASIDs are known by their numbers on the bus, in
 * invalidations and in faults.
 *
 * Where the host keeps a shadow of the table, an entry that is changed takes effect
 * with its invalidation in the cache of PASID entries, see
 * iommu_guest_cache_invalidate(). An entry that is not correct or not supported, or
 * that is not in memory of the guest, is not present. The handler of the faults of
 * the device gets a record of it.
 *
 * A call that fails has changed nothing on any device, with the exception that
 * iommu_guest_bind_gpasid() has as well: an entry that cannot be put back for lack
 * of memory is not present, and a message says so.
 *
 * Return: 0, or
 *
 * * -EINVAL: a field is not correct, the table lies beyond the second stage, or the
 *   device is not attached to the second stage it was added with
 * * -EOPNOTSUPP: another format than the hardware's, or tables cannot be handed over
 * * -ERANGE: the table covers more PASIDs than hardware that reads it can do
 * * -ENODEV: @dev is not in @ctx, or no device is
 * * -EBUSY: PASIDs of the device are bound one by one, or requests without are, or
 *   somebody else uses them; or, from iommu_guest_memory::read, memory of the guest
 *   cannot be read now
 * * -EFAULT: memory of the guest cannot be read by the caller
 * * -EDQUOT: entries of tables and ids of the set exceed the quota of the set
 * * -EIO: the device does not resume
 * * -EINTR: a fatal signal came in
 * * -ENOSPC: the IOMMU is out of domain identifiers for guests
 * * -ENOMEM: out of memory
 *
 * Context: Process context, takes the locks of @ctx and the mutex of the iommu group,
 * waits for hardware and for the owner's memory.
 */
int iommu_guest_set_table(struct iommu_guest_ctx *ctx, struct device *dev,
			  const struct iommu_pasid_table_config *config)
{
	struct iommu_guest_snapshot snap = {
		.entries = LIST_HEAD_INIT(snap.entries),
	};
	struct iommu_guest_copied *copied, *next;
	int ret;

	ret = iommu_guest_check_config(config);
	if (ret)
		return ret;
	if (mutex_lock_killable(&ctx->tables_lock))
		return -EINTR;
	ret = iommu_guest_plan(ctx, dev, config, &snap);
	if (!ret && snap.ops->table_walk)
		ret = iommu_guest_read_table(ctx, config, &snap);
	if (!ret)
		ret = iommu_guest_set_tables(ctx, dev, config, &snap);
	mutex_unlock(&ctx->tables_lock);

	list_for_each_entry_safe(copied, next, &snap.entries, node)
		kfree(copied);
	return ret;
}
EXPORT_SYMBOL_GPL(iommu_guest_set_table);

/* Up to IOMMU_GUEST_DETACH_PASIDS that tables of @ctx have, from @next on; how many */
static unsigned int iommu_guest_next_pasids(struct iommu_guest_ctx *ctx,
					    unsigned long next, ioasid_t *pasids)
{
	const struct iommu_guest_device *gdev;
	unsigned long index, lowest;
	unsigned int count;

	for (count = 0; count < IOMMU_GUEST_DETACH_PASIDS; count++) {
		lowest = ULONG_MAX;
		list_for_each_entry(gdev, &ctx->devices, node) {
			index = next;
			if (gdev->table &&
			    xa_find(&gdev->table->entries, &index, ULONG_MAX, XA_PRESENT))
				lowest = min(lowest, index);
		}
		if (lowest == ULONG_MAX)
			break;
		pasids[count] = lowest;
		next = lowest + 1;
	}
	return count;
}

/* What taking the tables off all devices waits for */
static void iommu_guest_stop_tables(struct iommu_guest_ctx *ctx)
{
	ioasid_t pasids[IOMMU_GUEST_DETACH_PASIDS];
	struct iommu_guest_device *gdev;
	unsigned int i, count;
	unsigned long next;

	lockdep_assert_held(&ctx->lock);
	if (list_empty(&ctx->devices) || list_is_singular(&ctx->devices))
		return;
	for (next = IOMMU_NO_PASID + 1; ; next = pasids[count - 1] + 1) {
		count = iommu_guest_next_pasids(ctx, next, pasids);
		if (!count)
			return;
		list_for_each_entry(gdev, &ctx->devices, node)
			for (i = 0; i < count && gdev->table; i++)
				if (xa_load(&gdev->table->entries, pasids[i]))
					gdev->leaving |= BIT_ULL(i);
		iommu_guest_stop_marked(ctx, pasids);
		cond_resched();
	}
}

/**
 * iommu_guest_unset_table() - Take PASID tables of the guest back
 * @ctx: the context
 * @dev: a device of @ctx, or NULL for all of them; one without table is fine
 *
 * On return no access of the device uses the table. Those with PASID are aborted,
 * those without are translated by the second stage alone. If there is no memory to
 * attach that again, to hardware that has read the table itself, they are blocked
 * until a table is set or the device is removed, and a message says so.
 *
 * Does not wait for memory of the guest that is being read.
 *
 * Context: Process context, takes the lock of @ctx and the mutex of the iommu
 * group, and waits for hardware.
 */
void iommu_guest_unset_table(struct iommu_guest_ctx *ctx, struct device *dev)
{
	struct iommu_guest_device *gdev;

	guard(mutex)(&ctx->lock);
	iommu_guest_begin(ctx, dev);
	if (!dev)
		iommu_guest_stop_tables(ctx);
	list_for_each_entry(gdev, &ctx->devices, node)
		if (!dev || gdev->dev == dev)
			iommu_guest_end_table(gdev);
}
EXPORT_SYMBOL_GPL(iommu_guest_unset_table);

/* ------------------------------------------------------------------ resync */

/**
 * struct iommu_guest_reread - entries of a table of the guest that were read again
 * @ctx: the context
 * @tables: its shadows, one for each device that has it
 * @next: first PASID that is not up to date
 * @count: number of @entries
 * @entries: from @next on, in ascending order; those between are not present
 */
struct iommu_guest_reread {
	struct iommu_guest_ctx *ctx;
	struct list_head tables;
	unsigned long next;
	unsigned int count;
	struct iommu_guest_entry entries[IOMMU_GUEST_CHUNK];
};

static const struct iommu_guest_entry *
iommu_guest_find_reread(const struct iommu_guest_reread *reread, ioasid_t pasid)
{
	unsigned int i;

	for (i = 0; i < reread->count; i++)
		if (reread->entries[i].pasid == pasid)
			return &reread->entries[i];
	return NULL;
}

static bool iommu_guest_same_entry(const struct iommu_guest_pasid *pasid,
				   const struct iommu_guest_entry *entry)
{
	const struct iommu_guest_binding *binding = iommu_guest_entry_binding(pasid);

	if (binding->quiet != entry->quiet)
		return false;
	if (binding->domain == binding->gdev->parent)
		return entry->kind == IOMMU_GUEST_ENTRY_PASS;
	return entry->kind == IOMMU_GUEST_ENTRY_FIRST_STAGE &&
	       iommu_guest_same_table(&binding->data, &entry->data);
}

/* Give up to IOMMU_GUEST_DETACH_PASIDS entries up that are not as they were */
static unsigned int iommu_guest_drop_some(struct iommu_guest_table *table,
					  const struct iommu_guest_reread *reread,
					  unsigned long last)
{
	const struct iommu_guest_entry *entry;
	ioasid_t pasids[IOMMU_GUEST_DETACH_PASIDS];
	struct iommu_guest_pasid *pasid;
	unsigned int i, count = 0;
	unsigned long index;

	xa_for_each_range(&table->entries, index, pasid, reread->next, last) {
		entry = iommu_guest_find_reread(reread, index);
		if (entry && iommu_guest_same_entry(pasid, entry))
			continue;
		pasids[count++] = index;
		if (count == IOMMU_GUEST_DETACH_PASIDS)
			break;
	}
	iommu_guest_detach_some(table, pasids, count);
	for (i = 0; i < count; i++)
		iommu_guest_free_entry(table, xa_load(&table->entries, pasids[i]));
	return count;
}

/* An entry that is new or has changed; of its old self nothing is left */
static int iommu_guest_make_entry(struct iommu_guest_ctx *ctx,
				  struct iommu_guest_table *table,
				  const struct iommu_guest_entry *entry)
{
	struct iommu_guest_pasid *pasid;
	int ret;

	if (entry->pasid != IOMMU_NO_PASID && !iommu_guest_pasids_left(ctx))
		return -EDQUOT;
	ret = iommu_guest_add_entry(table, entry);
	if (ret)
		return ret;
	pasid = xa_load(&table->entries, entry->pasid);
	ret = iommu_guest_attach_entry(pasid);
	if (ret)
		iommu_guest_free_entry(table, pasid);
	return ret;
}

/* Of one device, which may be able to emit less than the others */
static void iommu_guest_apply_to(struct iommu_guest_table *table,
				 const struct iommu_guest_reread *reread,
				 unsigned long last)
{
	const struct iommu_guest_entry *entry;
	unsigned int i;

	while (iommu_guest_drop_some(table, reread, last))
		cond_resched();
	for (i = 0; i < reread->count; i++) {
		entry = &reread->entries[i];
		if (entry->pasid >= table->limit)
			break;
		if (!xa_load(&table->entries, entry->pasid) &&
		    iommu_guest_make_entry(reread->ctx, table, entry))
			iommu_guest_tell_entry(table, entry);
	}
}

/* Bring the shadows up to date, from where they are to @last */
static int iommu_guest_apply(struct iommu_guest_reread *reread, unsigned long last)
{
	struct iommu_guest_table *table;
	int ret = -ENODEV;

	guard(mutex)(&reread->ctx->lock);
	list_for_each_entry(table, &reread->tables, node)
		if (!table->dead)
			iommu_guest_begin_device(table->gdev);
	list_for_each_entry(table, &reread->tables, node) {
		if (table->dead)
			continue;
		iommu_guest_apply_to(table, reread, last);
		ret = 0;
	}
	reread->count = 0;
	reread->next = last + 1;
	return ret;
}

static int iommu_guest_collect_entry(const struct iommu_guest_entry *entry, void *arg)
{
	struct iommu_guest_reread *reread = arg;

	reread->entries[reread->count++] = *entry;
	if (reread->count < IOMMU_GUEST_CHUNK)
		return 0;
	return iommu_guest_apply(reread, entry->pasid);
}

/* The same table of the guest: what is read of one is read of the other. */
static bool iommu_guest_same_config(const struct iommu_guest_table *a,
				    const struct iommu_guest_table *b)
{
	return a->ops->table_walk == b->ops->table_walk &&
	       a->config.config == b->config.config &&
	       a->config.base_ptr == b->config.base_ptr &&
	       a->config.pasid_bits == b->config.pasid_bits;
}

/* Shadows of the first of @tables, and the number of PASIDs that one of them has */
static ioasid_t iommu_guest_take_same(struct list_head *tables, struct list_head *same)
{
	struct iommu_guest_table *first, *table, *next;
	ioasid_t limit = 0;

	first = list_first_entry(tables, struct iommu_guest_table, node);
	list_for_each_entry_safe(table, next, tables, node) {
		if (!iommu_guest_same_config(first, table))
			continue;
		list_move_tail(&table->node, same);
		limit = max(limit, table->limit);
	}
	return limit;
}

/* What is @reread, from @first to @last */
static int iommu_guest_resync_tables(struct iommu_guest_reread *reread, ioasid_t limit,
				     ioasid_t first, ioasid_t last)
{
	const struct iommu_guest_table *table =
		list_first_entry(&reread->tables, struct iommu_guest_table, node);
	const struct iommu_pasid_table_config *config = &table->config;
	int ret;

	/* No entries but what was set */
	if (config->config != IOMMU_PASID_CONFIG_TRANSLATE)
		return 0;
	last = min3(last, limit - 1, (1U << config->pasid_bits) - 1);
	if (first > last)
		return 0;

	reread->next = first;
	reread->count = 0;
	/* The devices may be gone. */
	ret = table->ops->table_walk(config, reread->ctx->mem, false, first, last,
				     iommu_guest_collect_entry, reread);
	if (!ret)
		ret = iommu_guest_apply(reread, last);
	/* The end of a table is the end of what was cached of it. */
	return ret == -ENODEV ? 0 : ret;
}

/* Is there a table whose entries could be stale, or that hardware reads? */
bool iommu_guest_has_tables(struct iommu_guest_ctx *ctx, struct device *dev)
{
	const struct iommu_guest_device *gdev;

	lockdep_assert_held(&ctx->lock);
	list_for_each_entry(gdev, &ctx->devices, node)
		if (gdev->table && (!dev || gdev->dev == dev))
			return true;
	return false;
}

/*
 * Read entries of the shadows again, and apply what has changed: what the guest
 * means by the invalidation of its PASID entries. A table that several devices have
 * is read once. -EINTR upon a fatal signal.
 */
int iommu_guest_resync(struct iommu_guest_ctx *ctx, struct device *dev,
		       ioasid_t first, ioasid_t last)
{
	struct iommu_guest_reread reread;
	struct iommu_guest_table *table, *next;
	struct iommu_guest_device *gdev;
	LIST_HEAD(tables);
	ioasid_t limit;
	int ret = 0;

	if (mutex_lock_killable(&ctx->tables_lock))
		return -EINTR;
	scoped_guard(mutex, &ctx->lock) {
		list_for_each_entry(gdev, &ctx->devices, node) {
			table = gdev->table;
			if (!table || !iommu_guest_is_shadow(table) ||
			    (dev && gdev->dev != dev))
				continue;
			refcount_inc(&table->refs);
			list_add_tail(&table->node, &tables);
		}
	}
	reread.ctx = ctx;
	while (!list_empty(&tables)) {
		INIT_LIST_HEAD(&reread.tables);
		limit = iommu_guest_take_same(&tables, &reread.tables);
		if (!ret)
			ret = iommu_guest_resync_tables(&reread, limit, first, last);
		list_for_each_entry_safe(table, next, &reread.tables, node) {
			list_del(&table->node);
			iommu_guest_table_put(table);
		}
	}
	mutex_unlock(&ctx->tables_lock);
	return ret;
}
