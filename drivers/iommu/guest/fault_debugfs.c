// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: counters and latencies, in debugfs
 *
 * handlers: one line a handler. What came in is what went out, each way of which
 * has its column, plus what is waiting.
 *
 * latency: page request groups of each handler by the time from report to
 * answer. Nothing is measured until a 1 is written; 0 stops it.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "fault_private.h"

static void iommu_fault_show_handler(struct iommu_fault_handler *handler, void *arg)
{
	struct seq_file *m = arg;
	int i;

	spin_lock(&handler->lock);
	seq_printf(m, "%s %d %u %u %llu %llu", dev_name(handler->fdev->dev),
		   (int)handler->pasid, handler->waiting, handler->limit,
		   handler->stats.groups, handler->stats.requests);
	for (i = 0; i < IOMMU_FAULT_OUTCOMES; i++)
		seq_printf(m, " %llu", handler->stats.outcomes[i]);
	seq_printf(m, " %llu %llu\n", handler->stats.events,
		   handler->stats.lost);
	spin_unlock(&handler->lock);
}

static int handlers_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "# groups of no handler: %lld\n",
		   atomic64_read(&iommu_fault_unclaimed));
	seq_puts(m, "# device pasid waiting limit groups requests success invalid failure deadline unbind close stopped no_pasid over_limit no_room reset events lost\n");
	iommu_fault_for_each(NULL, iommu_fault_show_handler, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(handlers);

static void iommu_fault_show_latency(struct iommu_fault_handler *handler, void *arg)
{
	struct seq_file *m = arg;
	int i;

	spin_lock(&handler->lock);
	for (i = 0; i < IOMMU_FAULT_LATENCIES; i++)
		if (handler->stats.latency[i])
			seq_printf(m, "%s %d %llu %llu\n", dev_name(handler->fdev->dev),
				   (int)handler->pasid, i ? BIT_ULL(i - 1) : 0,
				   handler->stats.latency[i]);
	spin_unlock(&handler->lock);
}

static int latency_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "# device pasid from_us groups\n");
	iommu_fault_for_each(NULL, iommu_fault_show_latency, m);
	return 0;
}

static int latency_open(struct inode *inode, struct file *file)
{
	return single_open(file, latency_show, inode->i_private);
}

static ssize_t latency_write(struct file *file, const char __user *buf,
			     size_t count, loff_t *ppos)
{
	bool on;
	int ret;

	ret = kstrtobool_from_user(buf, count, &on);
	if (ret)
		return ret;
	if (on)
		static_branch_enable(&iommu_fault_measure);
	else
		static_branch_disable(&iommu_fault_measure);
	return count;
}

static const struct file_operations latency_fops = {
	.owner = THIS_MODULE,
	.open = latency_open,
	.read = seq_read,
	.write = latency_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int __init iommu_fault_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("iommu-fault", NULL);

	debugfs_create_file("handlers", 0400, dir, NULL, &handlers_fops);
	debugfs_create_file("latency", 0600, dir, NULL, &latency_fops);
	return 0;
}
late_initcall(iommu_fault_debugfs_init);
