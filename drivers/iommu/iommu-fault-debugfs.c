// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: counters and latencies, in debugfs
 *
 * sinks: one line a handler. What came in is what went out, each way of which
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

#include "iommu-fault-priv.h"

static void iommu_fault_show_sink(struct iommu_fault_sink *sink, void *arg)
{
	struct seq_file *m = arg;
	int i;

	spin_lock(&sink->lock);
	seq_printf(m, "%s %d %u %u %llu %llu", dev_name(sink->dev),
		   (int)sink->pasid, sink->waiting, sink->limit,
		   sink->stats.groups, sink->stats.requests);
	for (i = 0; i < IOMMU_FAULT_ENDS; i++)
		seq_printf(m, " %llu", sink->stats.ends[i]);
	seq_printf(m, " %llu %llu\n", sink->stats.events, sink->stats.lost);
	spin_unlock(&sink->lock);
}

static int sinks_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "# groups of no handler: %lld\n",
		   atomic64_read(&iommu_fault_unclaimed));
	seq_puts(m, "# device pasid waiting limit groups requests success invalid failure deadline unbind close stopped unnamed over_limit no_room events lost\n");
	iommu_fault_for_each(iommu_fault_show_sink, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sinks);

static void iommu_fault_show_latency(struct iommu_fault_sink *sink, void *arg)
{
	struct seq_file *m = arg;
	int i;

	spin_lock(&sink->lock);
	for (i = 0; i < IOMMU_FAULT_LATENCIES; i++)
		if (sink->stats.latency[i])
			seq_printf(m, "%s %d %llu %llu\n", dev_name(sink->dev),
				   (int)sink->pasid, i ? BIT_ULL(i - 1) : 0,
				   sink->stats.latency[i]);
	spin_unlock(&sink->lock);
}

static int latency_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "# device pasid from_us groups\n");
	iommu_fault_for_each(iommu_fault_show_latency, m);
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

	debugfs_create_file("sinks", 0400, dir, NULL, &sinks_fops);
	debugfs_create_file("latency", 0600, dir, NULL, &latency_fops);
	return 0;
}
late_initcall(iommu_fault_debugfs_init);
