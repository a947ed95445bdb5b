// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest owned first-stage tables on VT-d: PASID entries in nested mode
 *
 * Follows the Intel Virtualization Technology for Directed I/O Architecture
 * Specification: 3.8 (nested translation), 6.5.2 (invalidation descriptors),
 * 9.6 (scalable-mode PASID table entry), 10.4.2 and 10.4.3 (capabilities).
 */

#define pr_fmt(fmt)	"DMAR: " fmt

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/iommu-guest.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/slab.h>

#include "iommu.h"
#include "pasid.h"

/* What of the capability registers a virtual unit has to agree with */
#define VTD_GUEST_CAP	(BIT_ULL(56) |	/* FS1GP: 1-GByte pages */	\
			 BIT_ULL(60))	/* FS5LP: 5-level paging */
#define VTD_GUEST_ECAP	(BIT_ULL(30) |	/* ERS: execute requests */	\
			 BIT_ULL(31) |	/* SRS: supervisor requests */	\
			 BIT_ULL(34) |	/* EAFS: extended accessed flag */ \
			 BIT_ULL(40))	/* PASID */
#define VTD_GUEST_ECAP_PRS	BIT_ULL(29)	/* page requests */

/* What a bind may ask for */
#define VTD_GUEST_BIND_FLAGS	(IOMMU_SVA_VTD_GPASID_SRE |	\
				 IOMMU_SVA_VTD_GPASID_EAFE |	\
				 IOMMU_SVA_VTD_GPASID_WPE |	\
				 IOMMU_SVA_VTD_GPASID_MTS_MASK)

/* Can @dev ask the guest for pages? See iommu_fault_handler_enable_page_req(). */
static bool intel_guest_page_requests(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct pci_dev *pdev = to_pci_dev(dev);

	return info->iommu->prq && info->pri_supported && !pdev->is_virtfn &&
	       pci_prg_resp_pasid_required(pdev);
}

/* A device whose DMA goes out by another one has no PASID table of its own. */
static bool intel_guest_capable(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct intel_iommu *iommu = info->iommu;

	return nested_supported(iommu) && pasid_supported(iommu) &&
	       dev_is_pci(dev) &&
	       pci_real_dma_dev(to_pci_dev(dev)) == to_pci_dev(dev);
}

static int intel_guest_nesting_info(struct device *dev,
				    struct iommu_domain *parent,
				    struct iommu_nesting_info *info)
{
	struct device_domain_info *dev_info = dev_iommu_priv_get(dev);
	struct intel_iommu *iommu = dev_info->iommu;

	if (!intel_guest_capable(dev) ||
	    parent->ops != intel_iommu_ops.default_domain_ops ||
	    !to_dmar_domain(parent)->nested_parent)
		return -EOPNOTSUPP;

	info->format = IOMMU_PASID_FORMAT_INTEL_VTD;
	info->features = IOMMU_NESTING_FEAT_BIND_PGTBL |
			 IOMMU_NESTING_FEAT_CACHE_INVLD |
			 IOMMU_NESTING_FEAT_NO_RO_MAP;
	info->vendor.vtd.cap_reg = iommu->cap & VTD_GUEST_CAP;
	info->vendor.vtd.ecap_reg = iommu->ecap & VTD_GUEST_ECAP;
	/* The unit of the guest is one for all devices, the feature is of each. */
	if (iommu->prq)
		info->vendor.vtd.ecap_reg |= iommu->ecap & VTD_GUEST_ECAP_PRS;
	if (intel_guest_page_requests(dev))
		info->features |= IOMMU_NESTING_FEAT_PAGE_RESP;
	return 0;
}

/* Attributes of the PASID entry that @vtd asks for, checked against hardware */
static int intel_guest_s1_flags(struct intel_iommu *iommu,
				const struct iommu_gpasid_bind_data_vtd *vtd,
				u64 *flags)
{
	if (vtd->flags & ~VTD_GUEST_BIND_FLAGS)
		return -EINVAL;

	/* Nested entries have no memory types yet; pat and emt are theirs. */
	if (vtd->flags & IOMMU_SVA_VTD_GPASID_MTS_MASK)
		return -EOPNOTSUPP;
	if (vtd->pat || vtd->emt)
		return -EINVAL;

	*flags = 0;
	if (vtd->flags & IOMMU_SVA_VTD_GPASID_SRE) {
		if (!ecap_srs(iommu->ecap))
			return -EOPNOTSUPP;
		*flags |= IOMMU_VTD_S1_SRE;
	}
	if (vtd->flags & IOMMU_SVA_VTD_GPASID_WPE) {
		if (!(vtd->flags & IOMMU_SVA_VTD_GPASID_SRE))
			return -EINVAL;
		*flags |= IOMMU_VTD_S1_WPE;
	}
	if (vtd->flags & IOMMU_SVA_VTD_GPASID_EAFE) {
		if (!ecap_eafs(iommu->ecap))
			return -EOPNOTSUPP;
		*flags |= IOMMU_VTD_S1_EAFE;
	}
	return 0;
}

static struct iommu_domain *
intel_guest_domain_alloc(struct device *dev, struct iommu_domain *parent,
			 const struct iommu_gpasid_bind_data *data)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct intel_iommu *iommu = info->iommu;
	struct iommu_hwpt_vtd_s1 s1 = {
		.pgtbl_addr = data->gpgd,
		.addr_width = data->addr_width,
	};
	int ret;

	if (data->format != IOMMU_PASID_FORMAT_INTEL_VTD)
		return ERR_PTR(-EOPNOTSUPP);

	switch (data->addr_width) {
	case ADDR_WIDTH_4LEVEL:
		break;
	case ADDR_WIDTH_5LEVEL:
		if (!cap_fl5lp_support(iommu->cap))
			return ERR_PTR(-EOPNOTSUPP);
		break;
	default:
		return ERR_PTR(-EINVAL);
	}

	ret = intel_guest_s1_flags(iommu, &data->vendor.vtd, &s1.flags);
	if (ret)
		return ERR_PTR(ret);
	return intel_nested_domain_create(parent, &s1);
}

/*
 * Guests must not use up the domain identifiers that the host needs for its own
 * devices: a quarter stays out of their reach. The count may be overtaken by
 * one bind on each CPU, which the quarter can take.
 */
static bool intel_guest_did_left(struct intel_iommu *iommu)
{
	unsigned long ndoms = cap_ndoms(iommu->cap);

	return bitmap_weight(iommu->domain_ids, ndoms) < ndoms - ndoms / 4;
}

/**
 * intel_nested_set_dev_pasid - Make a PASID of a device use a guest's table
 * @domain: nested domain
 * @dev: device, whose other accesses use the parent of @domain
 * @pasid: PASID, without entry in the table of @dev
 * @old: always NULL
 *
 * Return: 0, or -EOPNOTSUPP, -EINVAL if unit and domain do not fit each other,
 * -EBUSY if the PASID table was taken over from another kernel or the entry is
 * present, -ENOSPC without free domain identifier, -ENOMEM.
 *
 * Context: process context, with the mutex of the iommu group held.
 */
int intel_nested_set_dev_pasid(struct iommu_domain *domain, struct device *dev,
			       ioasid_t pasid, struct iommu_domain *old)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dmar_domain *dmar_domain = to_dmar_domain(domain);
	struct intel_iommu *iommu = info->iommu;
	struct dev_pasid_info *dev_pasid;
	unsigned long flags;
	int ret;

	if (!intel_guest_capable(dev))
		return -EOPNOTSUPP;
	if (info->domain != dmar_domain->s2_domain)
		return -EINVAL;
	if (context_copied(iommu, info->bus, info->devfn))
		return -EBUSY;
	if (!intel_guest_did_left(iommu))
		return -ENOSPC;

	dev_pasid = kzalloc(sizeof(*dev_pasid), GFP_KERNEL_ACCOUNT);
	if (!dev_pasid)
		return -ENOMEM;

	ret = domain_attach_iommu(dmar_domain, iommu);
	if (ret)
		goto out_free;

	ret = cache_tag_assign_domain(dmar_domain, dev, pasid);
	if (ret)
		goto out_detach_iommu;

	dev_pasid->dev = dev;
	dev_pasid->pasid = pasid;
	spin_lock_irqsave(&dmar_domain->lock, flags);
	list_add(&dev_pasid->link_domain, &dmar_domain->dev_pasids);
	spin_unlock_irqrestore(&dmar_domain->lock, flags);

	/* From here on the device can use the table. */
	ret = intel_pasid_setup_nested(iommu, dev, pasid, dmar_domain);
	/* The device has the PASID, so what its table lacks is a page. */
	if (ret == -ENODEV)
		ret = -ENOMEM;
	if (ret)
		goto out_unlink;
	return 0;

out_unlink:
	spin_lock_irqsave(&dmar_domain->lock, flags);
	list_del(&dev_pasid->link_domain);
	spin_unlock_irqrestore(&dmar_domain->lock, flags);
	cache_tag_unassign_domain(dmar_domain, dev, pasid);
out_detach_iommu:
	domain_detach_iommu(dmar_domain, iommu);
out_free:
	kfree(dev_pasid);
	return ret;
}

/* Log2 of the most pages that one descriptor covers on each unit of @domain */
static unsigned int intel_guest_max_order(struct dmar_domain *domain)
{
	unsigned int order = MAX_AGAW_PFN_WIDTH;
	struct iommu_domain_info *info;
	unsigned long i;

	xa_for_each(&domain->iommu_array, i, info)
		order = min_t(unsigned int, order,
			      cap_max_amask_val(info->iommu->cap));
	return order;
}

/*
 * A descriptor takes a naturally aligned power of two of pages. A range that
 * does not fit into one that the hardware takes costs all of the PASID, so the
 * work of a call is bounded by the number of tags whatever the guest asks for.
 */
static int intel_guest_cache_invalidate(struct iommu_domain *domain, u8 caches,
					u64 start, u64 last, bool leaf)
{
	struct dmar_domain *dmar_domain = to_dmar_domain(domain);
	unsigned int order = fls64((start ^ last) >> VTD_PAGE_SHIFT);

	if (order > intel_guest_max_order(dmar_domain))
		cache_tag_flush_all(dmar_domain);
	else
		cache_tag_flush_range(dmar_domain, start, last, leaf);
	return 0;
}

/* Page requests are looked up and reported with the lock held. */
static void intel_guest_fault_sync(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);

	mutex_lock(&info->iommu->iopf_lock);
	mutex_unlock(&info->iommu->iopf_lock);
}

static void intel_guest_device_info(struct device *dev,
				    struct iommu_guest_device_info *info)
{
	struct device_domain_info *dev_info = dev_iommu_priv_get(dev);
	struct pci_dev *pdev = to_pci_dev(dev);
	int features = pci_pasid_features(pdev);

	info->pasid_bits = ilog2(dev->iommu->max_pasids);
	if (features > 0) {
		info->exec = features & PCI_PASID_CAP_EXEC;
		info->priv = features & PCI_PASID_CAP_PRIV;
	}
	info->ats = dev_info->ats_enabled;
	info->ats_queue_depth = dev_info->ats_qdep;
	info->pri = intel_guest_page_requests(dev);
	info->prg_resp_pasid = pci_prg_resp_pasid_required(pdev);
	info->page_request_limit = dev->iommu->max_page_requests;
	info->virtfn = pdev->is_virtfn;
	info->cut_off = dev_info->ats_cut_off;
}

const struct iommu_guest_ops intel_guest_ops = {
	.nesting_info		= intel_guest_nesting_info,
	.domain_alloc_gpasid	= intel_guest_domain_alloc,
	.cache_invalidate	= intel_guest_cache_invalidate,
	.fault_sync		= intel_guest_fault_sync,
	.device_info		= intel_guest_device_info,
};
