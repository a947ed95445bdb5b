// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMAR faults for the owner of the device
 *
 * A fault whose cause can lie in what the owner of a device controls, that is
 * in the PASIDs it binds, in its tables and in the addresses its device uses,
 * is told to the owner in the generic format. The rest, interrupts and the
 * tables that the host keeps for the device itself, is the host's business.
 *
 * Follows the Intel Virtualization Technology for Directed I/O Architecture
 * Specification: 7.1.3 (fault conditions), 11.4.14 (fault recording registers).
 */
#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/iommu.h>
#include <linux/pci.h>

#include "iommu.h"

/* A fault recording register, upper half */
#define FRCD_SID	GENMASK_ULL(15, 0)
#define FRCD_T2		BIT_ULL(28)
#define FRCD_PRIV	BIT_ULL(29)
#define FRCD_EXE	BIT_ULL(30)
#define FRCD_PP		BIT_ULL(31)
#define FRCD_FR		GENMASK_ULL(39, 32)
#define FRCD_PV		GENMASK_ULL(59, 40)
#define FRCD_T1		BIT_ULL(62)
/* Lower half */
#define FRCD_FI		GENMASK_ULL(63, 12)

/* The generic reason, or -ENOENT for what is not the owner's business */
static int dmar_generic_reason(u8 reason)
{
	switch (reason) {
	case 0x05:			/* no write right (legacy mode) */
	case 0x06:			/* no read right (legacy mode) */
	case 0x81:			/* user request to supervisor page */
	case 0x82:			/* no execute right */
	case 0x85:			/* no write right */
	case 0x86:			/* no read right */
		return IOMMU_FAULT_REASON_PERMISSION;
	case 0x45:			/* device may not use PASIDs */
	case 0x46:			/* PASID above the directory */
		return IOMMU_FAULT_REASON_PASID_INVALID;
	case 0x50:			/* directory entry: access */
	case 0x58:			/* PASID entry: access */
		return IOMMU_FAULT_REASON_PASID_FETCH;
	case 0x51 ... 0x52:		/* directory entry: present, reserved */
	case 0x59 ... 0x5b:		/* PASID entry: present, reserved, invalid */
	case 0x5c ... 0x5d:		/* no execute, no supervisor requests */
		return IOMMU_FAULT_REASON_BAD_PASID_ENTRY;
	case 0x70:			/* first-stage entry: access */
	case 0x73:			/* first-stage root: access */
	case 0x75 ... 0x77:		/* no second-stage right for the table */
		return IOMMU_FAULT_REASON_WALK_EABT;
	case 0x71 ... 0x72:		/* first-stage entry: present, reserved */
		return IOMMU_FAULT_REASON_PTE_FETCH;
	case 0x74:			/* table beyond the second stage */
	case 0x80:			/* input address not canonical */
	case 0x83:			/* output address beyond the host's width */
		return IOMMU_FAULT_REASON_OOR_ADDRESS;
	case 0x90 ... 0x91:		/* accessed or dirty flag can't be set */
		return IOMMU_FAULT_REASON_ACCESS;
	case 0x78 ... 0x7c:		/* second stage, which the host keeps */
	case 0x84:			/* second stage: address too wide */
		return IOMMU_FAULT_REASON_UNKNOWN;
	default:
		return -ENOENT;
	}
}

static u32 dmar_fault_perm(u64 hi)
{
	u32 perm = 0;

	switch (hi & (FRCD_T1 | FRCD_T2)) {
	case 0:
		perm = IOMMU_FAULT_PERM_WRITE;
		break;
	case FRCD_T1:
		perm = IOMMU_FAULT_PERM_READ;
		break;
	case FRCD_T1 | FRCD_T2:	/* AtomicOp */
		perm = IOMMU_FAULT_PERM_READ | IOMMU_FAULT_PERM_WRITE;
		break;
	default:			/* page request, which does not say */
		break;
	}
	if (hi & FRCD_PP && hi & FRCD_EXE)
		perm |= IOMMU_FAULT_PERM_EXEC;
	if (hi & FRCD_PP && hi & FRCD_PRIV)
		perm |= IOMMU_FAULT_PERM_PRIV;
	return perm;
}

/**
 * dmar_decode_fault - Turn a fault recording register into a generic record
 * @lo: lower half of the register
 * @hi: upper half
 * @fault: the record, written if there is one
 *
 * In scalable mode, hardware takes a request without PASID for one with PASID
 * 0, and may record it so.
 *
 * Return: False if the owner of the device is not to hear of the fault.
 *
 * Context: any.
 */
bool dmar_decode_fault(u64 lo, u64 hi, struct iommu_fault *fault)
{
	int reason = dmar_generic_reason(FIELD_GET(FRCD_FR, hi));
	u32 pasid = hi & FRCD_PP ? FIELD_GET(FRCD_PV, hi) : 0;

	if (reason < 0)
		return false;

	*fault = (struct iommu_fault) {
		.type = IOMMU_FAULT_DMA_UNRECOV,
		.event = {
			.reason = reason,
			.flags = IOMMU_FAULT_UNRECOV_ADDR_VALID,
			.pasid = pasid,
			.perm = dmar_fault_perm(hi),
			.addr = lo & FRCD_FI,
		},
	};
	if (pasid)
		fault->event.flags |= IOMMU_FAULT_UNRECOV_PASID_VALID;
	return true;
}

/**
 * dmar_report_fault - Tell the owner of a device of its fault
 * @iommu: the unit
 * @lo: lower half of the fault recording register
 * @hi: upper half
 *
 * Return: True if the owner was told, so that the host need not be.
 *
 * Context: the handler of the fault interrupt, with no lock held. Tells only
 * from its thread: to find the device takes a lock that sleeps.
 */
bool dmar_report_fault(struct intel_iommu *iommu, u64 lo, u64 hi)
{
	u16 sid = FIELD_GET(FRCD_SID, hi);
	struct iopf_fault event = {};
	struct pci_dev *pdev;
	bool told;

	if (!(iommu->flags & VTD_FLAG_FAULT_THREADED) ||
	    !dmar_decode_fault(lo, hi, &event.fault))
		return false;

	pdev = pci_get_domain_bus_and_slot(iommu->segment, PCI_BUS_NUM(sid),
					   sid & 0xff);
	if (!pdev)
		return false;
	told = !iommu_report_device_fault(&pdev->dev, &event);
	pci_dev_put(pdev);
	return told;
}
