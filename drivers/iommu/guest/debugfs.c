// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: the bindings that are live, in debugfs
 *
 * One line a binding. The counters are invalidations that hit it, by the
 * granularity they were asked for.
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/seq_file.h>

#include "guest_private.h"

static void iommu_guest_show_pasid(struct seq_file *m,
				   const struct iommu_guest_ctx *ctx,
				   const struct iommu_guest_pasid *pasid)
{
	const struct iommu_guest_binding *binding;

	list_for_each_entry(binding, &pasid->bindings, node)
		seq_printf(m, "%d %s %u %u 0x%llx %u %llu %llu %llu %s\n",
			   ctx->owner_pid, dev_name(binding->gdev->dev),
			   pasid->hpasid, pasid->gpasid,
			   binding->data.gpgd, binding->data.addr_width,
			   binding->invalidations[IOMMU_INV_GRANU_ADDR],
			   binding->invalidations[IOMMU_INV_GRANU_PASID],
			   binding->invalidations[IOMMU_INV_GRANU_DOMAIN],
			   ctx->owner_comm);
}

static void iommu_guest_show_ctx(struct seq_file *m, struct iommu_guest_ctx *ctx)
{
	struct iommu_guest_device *gdev;
	struct iommu_guest_pasid *pasid;
	unsigned long hpasid;

	iommu_guest_show_pasid(m, ctx, &ctx->rid);
	xa_for_each(&ctx->pasids, hpasid, pasid)
		iommu_guest_show_pasid(m, ctx, pasid);
	list_for_each_entry(gdev, &ctx->devices, node) {
		if (!gdev->table)
			continue;
		xa_for_each(&gdev->table->entries, hpasid, pasid)
			iommu_guest_show_pasid(m, ctx, pasid);
	}
}

/* May wait for the hardware of an owner, which nobody else waits for then. */
int iommu_guest_bindings_show(struct seq_file *m, void *unused)
{
	struct iommu_guest_ctx *ctx = NULL;

	seq_puts(m, "# pid device hpasid gpasid gpgd addr_width inv_addr inv_pasid inv_domain comm\n");

	while ((ctx = iommu_guest_next_ctx(ctx))) {
		if (mutex_lock_interruptible(&ctx->lock)) {
			iommu_guest_ctx_put(ctx);
			return -EINTR;
		}
		iommu_guest_show_ctx(m, ctx);
		mutex_unlock(&ctx->lock);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(iommu_guest_bindings);

static int __init iommu_guest_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("iommu-guest", NULL);

	debugfs_create_file("bindings", 0400, dir, NULL,
			    &iommu_guest_bindings_fops);
	return 0;
}
late_initcall(iommu_guest_debugfs_init);
