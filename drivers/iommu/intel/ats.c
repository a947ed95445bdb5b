// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that do not complete invalidations of their translation cache
 *
 * A device with ATS answers each invalidation. When one does not, the unit stops
 * its invalidation queue with a time-out, for every device behind it. Sending the
 * invalidation again helps if the device was only late. With a device that never
 * answers it goes on for ever, and a guest can bring its device to that.
 *
 * A device that keeps a submitter waiting for too long is cut off: its context
 * entry is made not present, and from then on the queue gets an invalidation of
 * the context entry in place of each one for the device's cache. When that is
 * complete the device cannot use what its cache holds, so the submitter may go on.
 * Translations without the cache end as well. The owner of the device gets a
 * record of it. A reset of the device empties its cache and lets it in again, and
 * so does turning ATS off.
 *
 * What is too long
 * ----------------
 * How long a unit waits for an answer is up to the unit and cannot be read. PCIe
 * gives a device a minute, units were seen to wait for less than a second and for
 * more than a minute. So neither the number of time-outs nor the time alone is a
 * measure:
 *
 *  - A submitter that waits for @timeout_ms ends the wait of all. The first
 *    time-out that lasted as long is the last one. This is what bounds the cost
 *    for the other devices: one time-out of the unit for each device that fails,
 *    as the queue stands still until the unit gives up, and no retry.
 *  - A unit with a shorter time-out retries until then, but no more than
 *    @timeouts times in a row. A completed invalidation starts the count anew,
 *    but not the time of a submitter whose own invalidation is still not answered:
 *    a device that answers selectively gains nothing, nor does one that is reset
 *    again and again.
 *  - One call that needs many invalidations of the same device may have to wait
 *    for each of them without a time-out. @slow_ms bounds the sum. A wait counts
 *    from when nothing is ahead in the queue, which may be for another device. One
 *    for several devices counts for none of them, as it does not tell which of them
 *    was late; such a call goes on with one device at a time after half of @slow_ms.
 *    A call is what the guest has asked for, whatever parts that is done in.
 *
 * Locking
 * -------
 * Time-outs are found by a thread that holds the lock of the queue, often one that
 * waits for another device. The decision is made there, before the queue goes on,
 * as the retry must find it made. It cannot take the lock of the unit that guards
 * context entries elsewhere: that is held across submissions. Therefore
 * it clears the present bit in place with an atomic operation, and whoever changes
 * a bit of an entry that may be present does the same. Nothing sets the present
 * bit of a device that is cut off but dmar_ats_restart().
 *
 * Follows the Intel Virtualization Technology for Directed I/O Architecture
 * Specification: 6.5.2.11 (device-TLB invalidation time-out), 6.5.3.3 (guidance
 * for invalidations), 11.4.9.9 (source of a time-out).
 */
#define pr_fmt(fmt)	"DMAR: " fmt

#include <linux/bitops.h>
#include <linux/dmar.h>
#include <linux/iommu.h>
#include <linux/moduleparam.h>
#include <linux/pci-ats.h>
#include <linux/pci.h>
#include <linux/rbtree.h>
#include <linux/workqueue.h>
#include <asm/tsc.h>

#include "iommu.h"
#include "pasid.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "intel_iommu_ats."

static unsigned int dmar_ats_timeouts = 3;
module_param_named(timeouts, dmar_ats_timeouts, uint, 0644);
MODULE_PARM_DESC(timeouts,
		 "Invalidation time-outs in a row after which a device is cut off; 0 for never (default 3)");

unsigned int dmar_ats_timeout_ms = 1000;
module_param_named(timeout_ms, dmar_ats_timeout_ms, uint, 0644);
MODULE_PARM_DESC(timeout_ms,
		 "Milliseconds without answer after which a time-out cuts the device off; 0 for never (default 1000)");

unsigned int dmar_ats_slow_ms = 10000;
module_param_named(slow_ms, dmar_ats_slow_ms, uint, 0644);
MODULE_PARM_DESC(slow_ms,
		 "Milliseconds that all invalidations of one call may take before the device is cut off; 0 for any (default 10000)");

/*
 * Time is taken from the counter of the CPU: with interrupts off on the CPU that
 * keeps the time of the system, and that may be for a minute, no other clock runs.
 */
static bool dmar_ats_exceeds(u64 cycles, unsigned int ms)
{
	return ms && cycles >= (u64)tsc_khz * ms;
}

/* With the lock of the tree, without which the device may go away */
static struct device_domain_info *dmar_ats_find(struct intel_iommu *iommu, u16 sid)
{
	struct rb_node *node = iommu->device_rbtree.rb_node;

	lockdep_assert_held(&iommu->device_rbtree_lock);
	while (node) {
		struct device_domain_info *info;
		u16 rid;

		info = rb_entry(node, struct device_domain_info, node);
		rid = PCI_DEVID(info->bus, info->devfn);
		if (sid == rid)
			return info;
		node = sid < rid ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/* The device that @desc invalidates the cache of; false if it does none */
static bool dmar_ats_desc_sid(const struct qi_desc *desc, u16 *sid)
{
	switch (desc->qw0 & GENMASK_ULL(3, 0)) {
	case QI_DIOTLB_TYPE:
		*sid = desc->qw0 >> 32;
		return true;
	case QI_DEIOTLB_TYPE:
		*sid = desc->qw0 >> 16;
		return true;
	default:
		return false;
	}
}

static struct qi_desc *dmar_ats_desc(struct intel_iommu *iommu, int slot)
{
	return iommu->qi->desc + (slot << qi_shift(iommu));
}

/* How long the oldest submission waits that has an invalidation for @sid */
static u64 dmar_ats_age(struct intel_iommu *iommu, u16 sid)
{
	struct q_inval *qi = iommu->qi;
	u64 now = get_cycles(), age = 0;
	u16 other;
	int slot;

	for (slot = 0; slot < QI_LENGTH; slot++) {
		if (READ_ONCE(qi->desc_status[slot]) == QI_FREE ||
		    !dmar_ats_desc_sid(dmar_ats_desc(iommu, slot), &other) ||
		    other != sid)
			continue;
		age = max(age, now - qi->started[slot]);
	}
	return age;
}

/* Devices that the queue has to look for, as long as there are any */
static bool dmar_ats_is_watched(const struct device_domain_info *info)
{
	return info->ats_timeouts || info->ats_cut_off;
}

static void dmar_ats_unwatch(struct device_domain_info *info)
{
	if (dmar_ats_is_watched(info))
		info->iommu->ats_watched--;
	info->ats_timeouts = 0;
	WRITE_ONCE(info->ats_cut_off, false);
}

/* A device that was cut off and whose owner has no record of it yet */
static bool dmar_ats_next(struct intel_iommu *iommu, u16 *sid)
{
	struct device_domain_info *info;
	struct rb_node *node;
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->device_rbtree_lock, flags);
	for (node = rb_first(&iommu->device_rbtree); node; node = rb_next(node)) {
		info = rb_entry(node, struct device_domain_info, node);
		if (info->ats_report) {
			info->ats_report = false;
			*sid = PCI_DEVID(info->bus, info->devfn);
			break;
		}
	}
	raw_spin_unlock_irqrestore(&iommu->device_rbtree_lock, flags);
	return node;
}

static void dmar_ats_report_device(struct intel_iommu *iommu, u16 sid)
{
	struct iopf_fault event = {
		.fault.type = IOMMU_FAULT_DMA_UNRECOV,
		.fault.event.reason = IOMMU_FAULT_REASON_DEVICE_OFF,
	};
	struct pci_dev *pdev;

	pdev = pci_get_domain_bus_and_slot(iommu->segment, PCI_BUS_NUM(sid),
					   sid & 0xff);
	if (!pdev)
		return;
	dev_err_ratelimited(&pdev->dev,
			    "does not complete ATS invalidations, cut off until it is reset\n");
	iommu_report_device_fault(&pdev->dev, &event);
	pci_dev_put(pdev);
}

/*
 * What follows the invalidation of a context entry. Translations in the IOTLB are
 * up to date, but the device should not have them any longer than necessary. Which
 * domains they belong to is not known here.
 */
static void dmar_ats_flush_unit(struct intel_iommu *iommu)
{
	if (sm_supported(iommu))
		qi_flush_pasid_cache(iommu, 0, QI_PC_GLOBAL, 0);
	iommu->flush.flush_iotlb(iommu, 0, 0, 0, DMA_TLB_GLOBAL_FLUSH);
}

static void dmar_ats_report(struct work_struct *work)
{
	struct dmar_drhd_unit *drhd;
	struct intel_iommu *iommu;
	u16 sid;

	guard(rwsem_read)(&dmar_global_lock);
	for_each_active_iommu(iommu, drhd) {
		while (dmar_ats_next(iommu, &sid)) {
			dmar_ats_flush_unit(iommu);
			dmar_ats_report_device(iommu, sid);
		}
	}
}

static DECLARE_WORK(dmar_ats_work, dmar_ats_report);

/* With the locks of the queue and of the tree, see above */
static void dmar_ats_cut_off_locked(struct device_domain_info *info)
{
	struct intel_iommu *iommu = info->iommu;
	struct context_entry *context;

	lockdep_assert_held(&iommu->qi->q_lock);
	lockdep_assert_held(&iommu->device_rbtree_lock);
	if (info->ats_cut_off)
		return;

	/* Without a way to stop it, its cache must not be left alone. */
	context = iommu_context_addr(iommu, info->bus, info->devfn, false);
	if (!context)
		return;
	if (!dmar_ats_is_watched(info))
		iommu->ats_watched++;
	WRITE_ONCE(info->ats_cut_off, true);
	context_clear_bit(context, 0);
	__iommu_flush_cache(iommu, context, sizeof(*context));
	info->ats_report = true;
	schedule_work(&dmar_ats_work);
}

static bool dmar_ats_is_present(struct device_domain_info *info)
{
	return dev_is_pci(info->dev) && pci_device_is_present(to_pci_dev(info->dev));
}

/**
 * dmar_ats_timeout - Take note of an invalidation that a device did not complete
 * @iommu: the unit
 * @sid: requester id that the unit has named
 *
 * A device that is not there any more is cut off at once. An id that is no
 * device's needs nothing: dmar_ats_filter() drops its invalidations at the retry.
 *
 * Context: With the lock of the invalidation queue held, the descriptors that the
 * time-out has aborted still in the queue.
 */
void dmar_ats_timeout(struct intel_iommu *iommu, u16 sid)
{
	unsigned int count = READ_ONCE(dmar_ats_timeouts);
	unsigned int ms = READ_ONCE(dmar_ats_timeout_ms);
	struct device_domain_info *info;
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->device_rbtree_lock, flags);
	info = dmar_ats_find(iommu, sid);
	if (info && !info->ats_cut_off) {
		if (!info->ats_timeouts++)
			iommu->ats_watched++;
		if ((count && info->ats_timeouts >= count) ||
		    dmar_ats_exceeds(dmar_ats_age(iommu, sid), ms) ||
		    !dmar_ats_is_present(info))
			dmar_ats_cut_off_locked(info);
	}
	raw_spin_unlock_irqrestore(&iommu->device_rbtree_lock, flags);
}

/* Is @sid a device that completes invalidations, as far as is known? */
static bool dmar_ats_completes(struct intel_iommu *iommu, u16 sid)
{
	struct device_domain_info *info;
	unsigned long flags;
	bool ret;

	raw_spin_lock_irqsave(&iommu->device_rbtree_lock, flags);
	info = dmar_ats_find(iommu, sid);
	ret = info && !info->ats_cut_off &&
	      (!info->ats_timeouts || dmar_ats_is_present(info));
	raw_spin_unlock_irqrestore(&iommu->device_rbtree_lock, flags);
	return ret;
}

/**
 * dmar_ats_filter - Keep an invalidation from a device that does not complete it
 * @iommu: the unit
 * @desc: descriptor in the invalidation queue, not yet given to the hardware
 *
 * Devices that are cut off, that are not there any more, and ids that are no
 * device's get none. The descriptor becomes an invalidation of the context entry.
 *
 * Context: With the lock of the invalidation queue held. Needed while a device of
 * @iommu is watched, and for each submission that is not the first.
 */
void dmar_ats_filter(struct intel_iommu *iommu, struct qi_desc *desc)
{
	struct context_entry *context;
	u16 sid, did = 0;

	if (!dmar_ats_desc_sid(desc, &sid) || dmar_ats_completes(iommu, sid))
		return;

	/* Legacy mode tags the context cache with the domain id. */
	if (!sm_supported(iommu)) {
		context = iommu_context_addr(iommu, PCI_BUS_NUM(sid), sid & 0xff, false);
		did = context ? context_domain_id(context) : 0;
	}
	memset(desc, 0, 1 << qi_shift(iommu));
	desc->qw0 = QI_CC_DID(did) | QI_CC_SID(sid) |
		    QI_CC_GRAN(DMA_CCMD_DEVICE_INVL) | QI_CC_TYPE;
}

/* Has the submission invalidations for more than one device? */
static bool dmar_ats_is_shared(struct intel_iommu *iommu, int index, unsigned int count)
{
	bool found = false;
	unsigned int i;
	u16 sid, first;

	for (i = 0; i < count; i++) {
		if (!dmar_ats_desc_sid(dmar_ats_desc(iommu, (index + i) % QI_LENGTH),
				       &sid))
			continue;
		if (found && sid != first)
			return true;
		found = true;
		first = sid;
	}
	return false;
}

/**
 * dmar_ats_completed - Take note of a submission that is complete
 * @iommu: the unit
 * @index: of its first descriptor in the queue
 * @count: of its descriptors
 * @cycles: how long it took since nothing was ahead of it in the queue
 *
 * Context: With the lock of the invalidation queue held. Needed while a device of
 * @iommu is watched, and for submissions that took long.
 */
void dmar_ats_completed(struct intel_iommu *iommu, int index, unsigned int count,
			u64 cycles)
{
	struct device_domain_info *info, *last = NULL;
	u64 shared = 0;
	unsigned long flags;
	unsigned int i;
	u16 sid;

	if (dmar_ats_is_shared(iommu, index, count)) {
		shared = cycles;
		cycles = 0;
	}
	raw_spin_lock_irqsave(&iommu->device_rbtree_lock, flags);
	for (i = 0; i < count; i++) {
		if (!dmar_ats_desc_sid(dmar_ats_desc(iommu, (index + i) % QI_LENGTH),
				       &sid))
			continue;
		info = dmar_ats_find(iommu, sid);
		if (!info || info->ats_cut_off)
			continue;
		dmar_ats_unwatch(info);
		/* Read without the locks */
		WRITE_ONCE(info->ats_waited, info->ats_waited + cycles);
		cycles = 0;
		/* Those of a device follow each other. */
		if (info != last)
			WRITE_ONCE(info->ats_shared, info->ats_shared + shared);
		last = info;
	}
	raw_spin_unlock_irqrestore(&iommu->device_rbtree_lock, flags);
}

/**
 * dmar_ats_begin - Count what a call of a guest waits for a device from here on
 * @info: the device
 *
 * Context: Any. The owner of the device keeps calls apart.
 */
void dmar_ats_begin(struct device_domain_info *info)
{
	info->ats_call = READ_ONCE(info->ats_waited);
	WRITE_ONCE(info->ats_shared, 0);
}

/**
 * dmar_ats_limit - Bound what the invalidations of one call wait for a device
 * @info: the device
 * @before: its ats_waited when the call began
 *
 * Cuts the device off if the call has waited for it too long. To be called between
 * the invalidations of a call that needs many.
 *
 * Context: Any; the caller keeps @info from going away.
 */
void dmar_ats_limit(struct device_domain_info *info, u64 before)
{
	struct intel_iommu *iommu = info->iommu;
	unsigned long flags;

	if (!dmar_ats_exceeds(READ_ONCE(info->ats_waited) - before,
			      READ_ONCE(dmar_ats_slow_ms)))
		return;
	raw_spin_lock_irqsave(&iommu->qi->q_lock, flags);
	raw_spin_lock(&iommu->device_rbtree_lock);
	dmar_ats_cut_off_locked(info);
	raw_spin_unlock(&iommu->device_rbtree_lock);
	raw_spin_unlock_irqrestore(&iommu->qi->q_lock, flags);
}

/**
 * dmar_ats_is_late - Does a call have to find out which device it waits for?
 * @info: a device that it goes on with
 * @cycles: that it has waited for several devices, and which are not in the queue's
 *	account of @info
 *
 * Return: Whether it is to go on with one device at a time.
 *
 * Context: Any.
 */
bool dmar_ats_is_late(struct device_domain_info *info, u64 cycles)
{
	return dmar_ats_exceeds(READ_ONCE(info->ats_shared) + cycles,
				DIV_ROUND_UP(READ_ONCE(dmar_ats_slow_ms), 2));
}

/**
 * dmar_ats_restart - Let a device in again whose translation cache is empty
 * @info: the device: it was reset, or its ATS is off
 *
 * The context entry becomes present again if there is one. What it says, page
 * requests included, is as its users have set it meanwhile.
 *
 * Context: Process context, takes the lock of the unit.
 */
void dmar_ats_restart(struct device_domain_info *info)
{
	struct intel_iommu *iommu = info->iommu;
	struct context_entry *context;
	bool was_cut_off;

	if (!iommu->qi)
		return;

	spin_lock(&iommu->lock);
	context = iommu_context_addr(iommu, info->bus, info->devfn, false);
	scoped_guard(raw_spinlock_irqsave, &iommu->qi->q_lock) {
		was_cut_off = info->ats_cut_off;
		dmar_ats_unwatch(info);
		if (was_cut_off && context && context_is_set_up(context))
			context_set_bit(context, 0);
	}
	if (was_cut_off && context)
		__iommu_flush_cache(iommu, context, sizeof(*context));
	spin_unlock(&iommu->lock);

	if (!was_cut_off)
		return;
	/* Entries that are not present may be cached, under domain id 0. */
	if (cap_caching_mode(iommu->cap)) {
		iommu->flush.flush_context(iommu, 0,
					   PCI_DEVID(info->bus, info->devfn),
					   DMA_CCMD_MASK_NOBIT,
					   DMA_CCMD_DEVICE_INVL);
		dmar_ats_flush_unit(iommu);
	} else {
		iommu_flush_write_buffer(iommu);
	}
}

/**
 * dmar_ats_release - Forget a device
 * @info: the device, which is in the tree of devices no more
 *
 * Context: Process context.
 */
void dmar_ats_release(struct device_domain_info *info)
{
	struct q_inval *qi = info->iommu->qi;
	unsigned long flags;

	if (!qi)
		return;
	raw_spin_lock_irqsave(&qi->q_lock, flags);
	dmar_ats_unwatch(info);
	raw_spin_unlock_irqrestore(&qi->q_lock, flags);
}

/* By its being off, as a device does (PCIe 10.3.7, 10.5.1.3) */
static void dmar_ats_empty_cache(struct pci_dev *pdev)
{
	if (!pdev->ats_enabled)
		return;
	pci_disable_ats(pdev);
	WARN_ON(pci_enable_ats(pdev, VTD_PAGE_SHIFT));
}

/**
 * intel_iommu_reset_done - The operation reset_done of the IOMMU driver
 * @dev: a device that was reset
 *
 * PCI has restored what the device needs for ATS and page requests. The bit in the
 * context entry that lets page requests in was not touched by the reset.
 *
 * A reset may have failed without anybody being told. A device that was cut off is
 * only let in with an empty cache, so that is emptied by turning ATS off.
 *
 * Context: Process context.
 */
void intel_iommu_reset_done(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);

	if (!info)
		return;
	if (READ_ONCE(info->ats_cut_off) && dev_is_pci(dev))
		dmar_ats_empty_cache(to_pci_dev(dev));
	dmar_ats_restart(info);
}
