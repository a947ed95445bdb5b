// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that do not complete invalidations of their translation cache
 *
 * A device with ATS answers each invalidation. One that does not makes the unit
 * stop its invalidation queue after a time-out, for everybody. The driver retries,
 * and with a device that never answers it retries for ever, with interrupts off.
 * A guest can bring its device to that.
 *
 * After a number of time-outs in a minute the device is cut off: its context entry is made not
 * present, and from then on the queue gets an invalidation of the context entry in
 * place of each one for the device's cache. When that is complete, the device can
 * not use what its cache holds any more, so whoever waits for the invalidation may
 * go on. The owner of the device hears of it. ATS makes a new start when it is
 * enabled the next time, with an empty cache; VFIO has reset the device by then.
 *
 * Follows the Intel Virtualization Technology for Directed I/O Architecture
 * Specification: 6.5.2.10 (device-TLB invalidation time-outs).
 */
#define pr_fmt(fmt)	"DMAR: " fmt

#include <linux/bitops.h>
#include <linux/dmar.h>
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/rbtree.h>
#include <linux/workqueue.h>

#include "iommu.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "intel_iommu_ats."

static unsigned int dmar_ats_timeouts = 3;
module_param_named(timeouts, dmar_ats_timeouts, uint, 0644);
MODULE_PARM_DESC(timeouts,
		 "Invalidation time-outs in a minute after which a device is cut off; 0 for never (default 3)");

#define DMAR_ATS_PERIOD	(60 * HZ)

/* A device that was cut off and whose owner has not heard of it yet */
static bool dmar_ats_next(struct intel_iommu *iommu, u16 *sid)
{
	struct device_domain_info *info;
	struct rb_node *node;
	unsigned long flags;

	spin_lock_irqsave(&iommu->device_rbtree_lock, flags);
	for (node = rb_first(&iommu->device_rbtree); node; node = rb_next(node)) {
		info = rb_entry(node, struct device_domain_info, node);
		if (info->ats_cut_off && !info->ats_told) {
			info->ats_told = true;
			*sid = PCI_DEVID(info->bus, info->devfn);
			break;
		}
	}
	spin_unlock_irqrestore(&iommu->device_rbtree_lock, flags);
	return node;
}

static void dmar_ats_tell_device(struct intel_iommu *iommu, u16 sid)
{
	struct iopf_fault event = {
		.fault.type = IOMMU_FAULT_DMA_UNRECOV,
		.fault.event.reason = IOMMU_FAULT_REASON_UNKNOWN,
	};
	struct pci_dev *pdev;

	pdev = pci_get_domain_bus_and_slot(iommu->segment, PCI_BUS_NUM(sid),
					   sid & 0xff);
	if (!pdev)
		return;
	pci_err(pdev, "does not complete ATS invalidations, cut off until ATS is enabled again\n");
	iommu_report_device_fault(&pdev->dev, &event);
	pci_dev_put(pdev);
}

static void dmar_ats_tell(struct work_struct *work)
{
	struct dmar_drhd_unit *drhd;
	struct intel_iommu *iommu;
	u16 sid;

	guard(rwsem_read)(&dmar_global_lock);
	for_each_active_iommu(iommu, drhd)
		while (dmar_ats_next(iommu, &sid))
			dmar_ats_tell_device(iommu, sid);
}

static DECLARE_WORK(dmar_ats_work, dmar_ats_tell);

/* False if there is no entry that is ours */
static bool dmar_ats_set_present(struct device_domain_info *info, bool present)
{
	struct intel_iommu *iommu = info->iommu;
	struct context_entry *context;

	context = iommu_context_addr(iommu, info->bus, info->devfn, false);
	if (!context)
		return false;
	/* Who changes other bits holds a lock that is outside of ours. */
	if (present)
		set_bit(0, (unsigned long *)&context->lo);
	else
		clear_bit(0, (unsigned long *)&context->lo);
	__iommu_flush_cache(iommu, context, sizeof(*context));
	return true;
}

/**
 * dmar_ats_timeout - Take note of an invalidation that a device did not complete
 * @dev: the device that the unit has named
 *
 * Context: with the lock of the invalidation queue held.
 */
void dmar_ats_timeout(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	unsigned int limit = READ_ONCE(dmar_ats_timeouts);

	if (time_after(jiffies, info->ats_last_timeout + DMAR_ATS_PERIOD))
		info->ats_timeouts = 0;
	info->ats_last_timeout = jiffies;
	if (info->ats_cut_off || !limit || ++info->ats_timeouts < limit)
		return;

	/* Without a way to stop it, its cache must not be left alone. */
	if (!dmar_ats_set_present(info, false))
		return;
	info->ats_cut_off = true;
	info->iommu->ats_cut_off = true;
	schedule_work(&dmar_ats_work);
}

/**
 * dmar_ats_filter - Keep an invalidation from a device that was cut off
 * @iommu: the unit
 * @desc: descriptor in the invalidation queue, not yet given to the hardware
 *
 * Context: with the lock of the invalidation queue held.
 */
void dmar_ats_filter(struct intel_iommu *iommu, struct qi_desc *desc)
{
	struct device_domain_info *info;
	struct device *dev;
	u16 sid;

	switch (desc->qw0 & GENMASK_ULL(3, 0)) {
	case QI_DIOTLB_TYPE:
		sid = desc->qw0 >> 32;
		break;
	case QI_DEIOTLB_TYPE:
		sid = desc->qw0 >> 16;
		break;
	default:
		return;
	}

	dev = device_rbtree_find(iommu, sid);
	info = dev ? dev_iommu_priv_get(dev) : NULL;
	if (!info || !info->ats_cut_off)
		return;

	memset(desc, 0, 1 << qi_shift(iommu));
	desc->qw0 = QI_CC_SID(sid) | QI_CC_GRAN(DMA_CCMD_DEVICE_INVL) |
		    QI_CC_TYPE;
}

/**
 * dmar_ats_restart - Let a device in again
 * @info: the device, whose ATS was just enabled and whose cache is empty
 *
 * Context: process context, with no domain attached.
 */
void dmar_ats_restart(struct device_domain_info *info)
{
	info->ats_timeouts = 0;
	if (!info->ats_cut_off)
		return;

	info->ats_cut_off = false;
	info->ats_told = false;
	dmar_ats_set_present(info, true);
	if (cap_caching_mode(info->iommu->cap))
		info->iommu->flush.flush_context(info->iommu, 0,
						 PCI_DEVID(info->bus, info->devfn),
						 DMA_CCMD_MASK_NOBIT,
						 DMA_CCMD_DEVICE_INVL);
}
