// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMAR faults for the owner of the device
 *
 * A fault whose cause can lie in what the owner of a device controls, that is
 * in the PASIDs it binds, in its tables and in what its device sends, is
 * reported to the owner in the generic format. The rest, interrupts and the
 * tables that the host keeps for the device itself, is the host's business.
 *
 * Follows the Intel Virtualization Technology for Directed I/O Architecture
 * Specification, revision 5.10: table 30 of 7.1.3 (fault conditions) and
 * 11.4.7.6 (fault recording registers).
 */
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/wordpart.h>

#include "iommu.h"

/* What the upper half of a fault recording register has besides dma_frcd_*() */
#define FRCD_T2		BIT(28)
#define FRCD_PRIV	BIT(29)
#define FRCD_EXE	BIT(30)

/*
 * The generic reason, or -ENOENT for what is not the owner's business. Reasons
 * of table 30 that are missing here say that the host has set up its tables or
 * registers wrong, or that they cannot be read.
 */
static int dmar_generic_reason(u8 reason)
{
	switch (reason) {
	/* What the device sends is not allowed, whatever is bound. */
	case 0x31:			/* RTA.2: PASID in legacy mode */
	case 0x45:			/* SCT.6: no PASIDs for this device */
	case 0x46:			/* SCT.7: PASID above the directory */
	case 0x48:			/* SCT.9: PASID is RID_PASID */
	case 0x49:			/* SCT.10: PASID in a translated request */
	case 0x89:			/* SGN.10: PASID above that of the unit */
		return IOMMU_FAULT_REASON_PASID_INVALID;
	case 0x0d:			/* LCT.5: AT field in legacy mode */
	case 0x32:			/* RTA.3: page request in legacy mode */
	case 0x34:			/* RTA.5: execute request */
	case 0x44:			/* SCT.5: AT field without ATS */
	case 0x47:			/* SCT.8: page request without PRI */
	case 0x82:			/* execute right, revisions before 4 */
		return IOMMU_FAULT_REASON_PERMISSION;

	/* The device is kept out. */
	case 0x02:			/* LCT.2: context entry not present */
	case 0x41:			/* SCT.2: the same in scalable mode */
		return IOMMU_FAULT_REASON_UNKNOWN;

	/* PASID table */
	case 0x50:			/* SPD.1: directory entry, access */
	case 0x58:			/* SPT.1: PASID entry, access */
		return IOMMU_FAULT_REASON_PASID_FETCH;
	case 0x51 ... 0x52:		/* SPD.2, 3: present, reserved */
	case 0x59 ... 0x5b:		/* SPT.2-4: present, reserved, invalid */
	case 0x5c ... 0x5d:		/* SPT.5, 6: execute, supervisor request */
		return IOMMU_FAULT_REASON_BAD_PASID_ENTRY;

	/* First stage */
	case 0x70:			/* SFS.1: entry, access */
	case 0x73:			/* SFS.4: root, access */
	case 0x75 ... 0x77:		/* SFS.6-8: no second-stage right for it */
		return IOMMU_FAULT_REASON_WALK_EABT;
	case 0x71 ... 0x72:		/* SFS.2, 3: present, reserved */
		return IOMMU_FAULT_REASON_PTE_FETCH;
	case 0x81:			/* SGN.2: user request, supervisor page */
		return IOMMU_FAULT_REASON_PERMISSION;
	case 0x90 ... 0x91:		/* SFS.9, 10: accessed or dirty flag */
		return IOMMU_FAULT_REASON_ACCESS;

	/* Addresses */
	case 0x04:			/* LGN.1: beyond the table (legacy mode) */
	case 0x0e:			/* LGN.4: interrupt range (legacy mode) */
	case 0x74:			/* SFS.5: table beyond the second stage */
	case 0x80:			/* SGN.1: input not canonical */
	case 0x83:			/* SGN.4: beyond the host's width */
	case 0x84:			/* SGN.5: beyond the second stage */
	case 0x87:			/* SGN.8: output in the interrupt range */
		return IOMMU_FAULT_REASON_OOR_ADDRESS;

	/* Second stage, which is not the guest's: only rights are reported */
	case 0x05 ... 0x06:		/* LGN.2, 3: no right (legacy mode) */
	case 0x85 ... 0x86:		/* SGN.6, 7: no write, no read right */
		return IOMMU_FAULT_REASON_PERMISSION;
	case 0x78 ... 0x7d:		/* SSS.1-6: access, not mapped, reserved, ... */
		return IOMMU_FAULT_REASON_UNKNOWN;
	default:
		return -ENOENT;
	}
}

/* @top, @low: the two upper words of a fault recording register */
static u32 dmar_fault_perm(u32 top, u32 low)
{
	bool read = dma_frcd_type(top);
	u32 perm = 0;

	/* Type 01b is a page request, which does not say; 11b is an AtomicOp. */
	if (read)
		perm |= IOMMU_FAULT_PERM_READ;
	if (read == !!(low & FRCD_T2))
		perm |= IOMMU_FAULT_PERM_WRITE;
	if (!dma_frcd_pasid_present(low))
		return perm;

	if (read && low & FRCD_EXE)
		perm |= IOMMU_FAULT_PERM_EXEC;
	if (low & FRCD_PRIV)
		perm |= IOMMU_FAULT_PERM_PRIV;
	return perm;
}

/*
 * Of an address, hardware records as many bits as the widest table of the unit
 * takes. An address for a first stage is canonical, so the rest follows; unless
 * that was what is wrong with it. Without PASID only some reasons tell whether there
 * was a first stage.
 */
static u64 dmar_fault_addr(u64 lo, unsigned int width, u32 pasid, u8 reason)
{
	u64 addr = dma_frcd_page_addr(lo);

	switch (reason) {
	case 0x80:			/* SGN.1: input not canonical */
		return addr;
	case 0x70 ... 0x77:		/* SFS.1-8 */
	case 0x81:			/* SGN.2: user request, supervisor page */
	case 0x90 ... 0x91:		/* SFS.9, 10 */
		return sign_extend64(addr, width - 1);
	default:
		return pasid ? sign_extend64(addr, width - 1) : addr;
	}
}

/**
 * dmar_decode_fault - Turn a fault recording register into a generic record
 * @lo: lower half of the register
 * @hi: upper half
 * @width: width of the widest table that the unit supports, in bits
 * @fault: the record, written if there is one
 *
 * In scalable mode, hardware takes a request without PASID for one with PASID
 * 0, and may record it so.
 *
 * Return: False if the fault is not the business of the owner of the device.
 *
 * Context: any.
 */
bool dmar_decode_fault(u64 lo, u64 hi, unsigned int width,
		       struct iommu_fault *fault)
{
	u32 top = upper_32_bits(hi), low = lower_32_bits(hi);
	u32 pasid = dma_frcd_pasid_present(low) ? dma_frcd_pasid_value(top) : 0;
	int reason = dmar_generic_reason(dma_frcd_fault_reason(top));

	if (reason < 0)
		return false;

	*fault = (struct iommu_fault) {
		.type = IOMMU_FAULT_DMA_UNRECOV,
		.event = {
			.reason = reason,
			.flags = IOMMU_FAULT_UNRECOV_ADDR_VALID,
			.pasid = pasid,
			.perm = dmar_fault_perm(top, low),
			.addr = dmar_fault_addr(lo, width, pasid,
						dma_frcd_fault_reason(top)),
		},
	};
	if (pasid)
		fault->event.flags |= IOMMU_FAULT_UNRECOV_PASID_VALID;
	return true;
}

/* The device that a fault came from, with a reference, or NULL */
static struct device *dmar_fault_device(struct intel_iommu *iommu, u16 sid)
{
	struct pci_dev *pdev;
	struct device *dev;

	/* The lock keeps the device until it has the reference. */
	scoped_guard(mutex, &iommu->iopf_lock) {
		dev = device_rbtree_find(iommu, sid);
		if (dev)
			return get_device(dev);
	}

	/* Devices without ATS are not in there. */
	pdev = pci_get_domain_bus_and_slot(iommu->segment, PCI_BUS_NUM(sid),
					   sid & 0xff);
	return pdev ? &pdev->dev : NULL;
}

/**
 * dmar_report_fault - Report a fault to the owner of the device
 * @iommu: the unit
 * @lo: lower half of the fault recording register
 * @hi: upper half
 *
 * Return: True if there is an owner who hears of it, so that the log need not.
 *
 * Context: the handler of the fault interrupt, with no lock held. Reports only
 * from its thread: to find the device takes a lock that sleeps.
 */
bool dmar_report_fault(struct intel_iommu *iommu, u64 lo, u64 hi)
{
	struct iopf_fault event = {};
	struct device *dev;
	bool reported;

	if (!(iommu->flags & VTD_FLAG_FAULT_THREADED) ||
	    !dmar_decode_fault(lo, hi, agaw_to_width(iommu->msagaw),
			       &event.fault))
		return false;

	dev = dmar_fault_device(iommu, dma_frcd_source_id(lower_32_bits(hi)));
	if (!dev)
		return false;
	reported = !iommu_report_device_fault(dev, &event);
	put_device(dev);
	return reported;
}
