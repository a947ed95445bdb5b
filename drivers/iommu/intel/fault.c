// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMAR fault interrupt
 *
 * A fault of a device belongs to the owner of the device. To find the owner, and
 * to report to it, takes locks that sleep, so faults are handled by the thread of
 * the unit's fault interrupt, irq/N-dmarM.
 *
 * The interrupt is older than threads are: with interrupt remapping it is
 * requested while the boot CPU's APIC is set up, for each unit in the NUMA node
 * of that CPU. Such a unit starts with a hard interrupt handler, which prints
 * the faults, and gets its thread as soon as the initcalls are through. A unit
 * whose interrupt is requested later, because it is in another node, is
 * hot-added, or remaps no interrupts, gets the thread at once.
 *
 * No fault is lost in the exchange: while the interrupt is masked the unit
 * keeps the records and remembers that it wants to interrupt.
 */
#define pr_fmt(fmt)	"DMAR: " fmt

#include <linux/delay.h>
#include <linux/dmar.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>

#include "iommu.h"

/*
 * What the thread handles in a slice of time, over any number of interrupts: as
 * many records as a unit can have.
 */
#define DMAR_FAULT_SLICE_MS	10
#define DMAR_FAULT_BATCH	256

/**
 * dmar_request_fault_irq - Request the fault interrupt of a unit
 * @iommu: the unit, with its interrupt allocated
 *
 * The handler is threaded if there can be threads by now, and a hard one
 * otherwise.
 *
 * Return: 0 or the error of request_irq().
 *
 * Context: process context, with dmar_global_lock held or before the unit is
 * visible; early boot.
 */
int dmar_request_fault_irq(struct intel_iommu *iommu)
{
	if (system_state >= SYSTEM_SCHEDULING) {
		iommu->flags |= VTD_FLAG_FAULT_THREADED;
		if (!request_threaded_irq(iommu->irq, NULL, dmar_fault,
					  IRQF_ONESHOT, iommu->name, iommu))
			return 0;

		iommu->flags &= ~VTD_FLAG_FAULT_THREADED;
		pr_warn("%s: No thread for the fault interrupt, faults are only printed\n",
			iommu->name);
	}

	return request_irq(iommu->irq, dmar_fault, IRQF_NO_THREAD, iommu->name,
			   iommu);
}

/**
 * dmar_fault_breathe - Give way after many fault records
 * @iommu: the unit, of which a record was handled
 *
 * The thread has a real-time priority and the records come as fast as devices
 * can make them, all in one go or in as many interrupts. When a slice of time has
 * had its share of them, the thread sleeps for as long as a slice is. What finds
 * all records of the unit in use meanwhile is dropped by the hardware, so that
 * the pause bounds the work that a device can cause.
 *
 * Context: the handler, with no lock held. Sleeps only in its thread.
 */
void dmar_fault_breathe(struct intel_iommu *iommu)
{
	if (!(iommu->flags & VTD_FLAG_FAULT_THREADED))
		return;

	if (!iommu->fault_count ||
	    time_after(jiffies, iommu->fault_slice +
				msecs_to_jiffies(DMAR_FAULT_SLICE_MS))) {
		iommu->fault_slice = jiffies;
		iommu->fault_count = 0;
	}
	if (++iommu->fault_count < DMAR_FAULT_BATCH)
		return;

	iommu->fault_count = 0;
	fsleep(DMAR_FAULT_SLICE_MS * USEC_PER_MSEC);
}

/* Give a thread to each unit that was too early for one. */
static int __init dmar_thread_fault_irqs(void)
{
	struct dmar_drhd_unit *drhd;
	struct intel_iommu *iommu;

	guard(rwsem_write)(&dmar_global_lock);
	for_each_iommu(iommu, drhd) {
		if (!iommu->irq || (iommu->flags & VTD_FLAG_FAULT_THREADED))
			continue;

		free_irq(iommu->irq, iommu);
		if (dmar_request_fault_irq(iommu)) {
			pr_err("%s: Lost the fault interrupt\n", iommu->name);
			dmar_free_hwirq(iommu->irq);
			iommu->irq = 0;
			continue;
		}
		irq_wake_thread(iommu->irq, iommu);
	}

	return 0;
}
late_initcall(dmar_thread_fault_irqs);
