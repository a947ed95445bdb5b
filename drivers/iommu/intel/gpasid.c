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
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/slab.h>

#include "gpasid.h"
#include "iommu.h"
#include "pasid.h"

/* What of the capability registers a virtual unit has to agree with */
#define VTD_GUEST_CAP	(VTD_CAP_FS1GP | VTD_CAP_FS5LP | VTD_CAP_MAMV)
#define VTD_GUEST_ECAP	(VTD_ECAP_SRS | VTD_ECAP_NWFS | VTD_ECAP_EAFS |	\
			 VTD_ECAP_PASID | VTD_ECAP_SC | VTD_ECAP_SMPWC)

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

/*
 * A device whose DMA goes out by another one has no PASID table of its own, and one
 * without PASIDs no table that a guest would hand over.
 */
static bool intel_guest_capable(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct intel_iommu *iommu = info->iommu;

	return nested_supported(iommu) && pasid_supported(iommu) &&
	       dev->iommu->max_pasids && dev_is_pci(dev) &&
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
			 IOMMU_NESTING_FEAT_RID |
			 IOMMU_NESTING_FEAT_BIND_PASID_TABLE |
			 IOMMU_NESTING_FEAT_NO_RO_MAP;
	info->vendor.vtd.cap_reg = iommu->cap & VTD_GUEST_CAP;
	info->vendor.vtd.ecap_reg = iommu->ecap & VTD_GUEST_ECAP;
	/* The unit of the guest is one for all devices, the feature is of each. */
	if (iommu->prq)
		info->vendor.vtd.ecap_reg |= iommu->ecap & VTD_ECAP_PRS;
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

	/* Nested entries have no memory types yet. */
	if (vtd->flags & IOMMU_SVA_VTD_GPASID_MTS_MASK)
		return -EOPNOTSUPP;

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
 * devices: a quarter stays out of their reach. With the lock of the unit held.
 */
static int intel_guest_alloc_did(struct intel_iommu *iommu)
{
	unsigned long ndoms = cap_ndoms(iommu->cap);
	unsigned long did = find_first_zero_bit(iommu->domain_ids, ndoms);

	lockdep_assert_held(&iommu->lock);
	if (bitmap_weight(iommu->domain_ids, ndoms) >= ndoms - ndoms / 4)
		return -ENOSPC;
	set_bit(did, iommu->domain_ids);
	return did;
}

/*
 * All nested PASIDs of a device have one domain id, which is kept for as long as
 * the device is attached to the second stage: a table can be replaced by another
 * one, and put back, without an id to be had. So an owner has at most as many ids
 * for nested PASIDs as it has devices.
 *
 * Entries with the same id must have the same second stage, and those of the same
 * PASID the same first stage as well (6.2.3.1). Therefore devices do not share.
 */
static int intel_guest_get_did_locked(struct dmar_domain *domain,
				      struct device_domain_info *info)
{
	struct iommu_domain_info *shared = &info->nested_did;
	struct intel_iommu *iommu = info->iommu;
	int ret, did;

	lockdep_assert_held(&iommu->lock);
	/* PASIDs that were left on another second stage still use the id. */
	if (shared->refcnt && info->nested_parent != domain->s2_domain)
		return -EBUSY;

	did = shared->refcnt ? shared->did : intel_guest_alloc_did(iommu);
	if (did < 0)
		return did;

	ret = xa_insert(&domain->iommu_array, iommu->seq_id, shared, GFP_ATOMIC);
	if (ret) {
		if (!shared->refcnt)
			clear_bit(did, iommu->domain_ids);
		return ret;
	}
	if (!shared->refcnt) {
		shared->iommu = iommu;
		shared->did = did;
		shared->refcnt = 1;
		info->nested_parent = domain->s2_domain;
	}
	shared->refcnt++;
	return 0;
}

static int intel_guest_get_did(struct dmar_domain *domain,
			       struct device_domain_info *info)
{
	int ret;

	spin_lock(&info->iommu->lock);
	ret = intel_guest_get_did_locked(domain, info);
	spin_unlock(&info->iommu->lock);
	return ret;
}

static void intel_guest_put_did_locked(struct device_domain_info *info)
{
	if (!--info->nested_did.refcnt)
		clear_bit(info->nested_did.did, info->iommu->domain_ids);
}

/**
 * intel_guest_put_did - Undo what the attachment of a PASID did for its domain id
 * @domain: nested domain
 * @info: device, whose PASID is torn down
 *
 * Context: process context, takes the lock of the unit.
 */
void intel_guest_put_did(struct dmar_domain *domain, struct device_domain_info *info)
{
	spin_lock(&info->iommu->lock);
	xa_erase(&domain->iommu_array, info->iommu->seq_id);
	intel_guest_put_did_locked(info);
	spin_unlock(&info->iommu->lock);
}

/**
 * intel_guest_leave_parent - Give the domain id of nested PASIDs up
 * @info: device, which leaves its second stage
 *
 * PASIDs that are still attached keep the id until the last one is detached.
 *
 * Context: process context, takes the lock of the unit.
 */
void intel_guest_leave_parent(struct device_domain_info *info)
{
	spin_lock(&info->iommu->lock);
	if (info->nested_parent) {
		info->nested_parent = NULL;
		intel_guest_put_did_locked(info);
	}
	spin_unlock(&info->iommu->lock);
}

/*
 * What the first stage in @domain needs to be used for @pasid of a device, all but
 * the entry of the PASID.
 */
static struct dev_pasid_info *
intel_guest_add_pasid(struct dmar_domain *domain, struct device *dev, ioasid_t pasid)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dev_pasid_info *dev_pasid;
	unsigned long flags;
	int ret;

	if (!intel_guest_capable(dev))
		return ERR_PTR(-EOPNOTSUPP);
	if (info->domain != domain->s2_domain)
		return ERR_PTR(-EINVAL);
	if (context_copied(info->iommu, info->bus, info->devfn))
		return ERR_PTR(-EBUSY);

	dev_pasid = kzalloc(sizeof(*dev_pasid), GFP_KERNEL_ACCOUNT);
	if (!dev_pasid)
		return ERR_PTR(-ENOMEM);

	ret = intel_guest_get_did(domain, info);
	if (ret)
		goto out_free;

	ret = cache_tag_assign_domain(domain, dev, pasid);
	if (ret)
		goto out_put_did;

	dev_pasid->dev = dev;
	dev_pasid->pasid = pasid;
	spin_lock_irqsave(&domain->lock, flags);
	list_add(&dev_pasid->link_domain, &domain->dev_pasids);
	spin_unlock_irqrestore(&domain->lock, flags);
	return dev_pasid;

out_put_did:
	intel_guest_put_did(domain, info);
out_free:
	kfree(dev_pasid);
	return ERR_PTR(ret);
}

/* Undo it, when the entry is torn down */
static void intel_guest_del_pasid(struct dmar_domain *domain,
				  struct dev_pasid_info *dev_pasid)
{
	struct device *dev = dev_pasid->dev;
	unsigned long flags;

	spin_lock_irqsave(&domain->lock, flags);
	list_del(&dev_pasid->link_domain);
	spin_unlock_irqrestore(&domain->lock, flags);
	cache_tag_unassign_domain(domain, dev, dev_pasid->pasid);
	intel_guest_put_did(domain, dev_iommu_priv_get(dev));
	kfree(dev_pasid);
}

/**
 * intel_nested_set_dev_pasid - Make a PASID of a device use a guest's table
 * @domain: nested domain
 * @dev: device, attached to the parent of @domain
 * @pasid: PASID, without entry in the table of @dev
 * @old: always NULL
 *
 * Return: 0, or -EOPNOTSUPP, -EINVAL if unit and domain do not fit each other,
 * -EBUSY if the PASID table was taken over from another kernel, the entry is
 * present, @domain is attached already or PASIDs are left on another second stage,
 * -ENOSPC without free domain identifier, -ENODEV without a page for the entry,
 * -ENOMEM.
 *
 * Context: process context, with the mutex of the iommu group held.
 */
int intel_nested_set_dev_pasid(struct iommu_domain *domain, struct device *dev,
			       ioasid_t pasid, struct iommu_domain *old)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dmar_domain *dmar_domain = to_dmar_domain(domain);
	struct dev_pasid_info *dev_pasid;
	int ret;

	dev_pasid = intel_guest_add_pasid(dmar_domain, dev, pasid);
	if (IS_ERR(dev_pasid))
		return PTR_ERR(dev_pasid);

	/* From here on the device can use the table. */
	ret = intel_pasid_setup_nested(info->iommu, dev, pasid, dmar_domain);
	if (ret)
		intel_guest_del_pasid(dmar_domain, dev_pasid);
	return ret;
}

/* The only PASID of @domain, which is attached to requests without PASID */
static struct dev_pasid_info *intel_guest_rid_pasid(struct dmar_domain *domain)
{
	return list_first_entry(&domain->dev_pasids, struct dev_pasid_info,
				link_domain);
}

/*
 * The entry for requests without PASID. The page that it is in stays as long as the
 * device, and the check of the domain for the unit was made when it was allocated or
 * attached. So this cannot fail.
 */
static int intel_guest_setup_rid(struct device *dev, struct iommu_domain *domain)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dmar_domain *dmar_domain = to_dmar_domain(domain);

	switch (domain->type) {
	case IOMMU_DOMAIN_BLOCKED:
		return 0;
	case IOMMU_DOMAIN_NESTED:
		return intel_pasid_setup_nested(info->iommu, dev, IOMMU_NO_PASID,
						dmar_domain);
	default:
		return intel_pasid_setup_second_level(info->iommu, dmar_domain, dev,
						      IOMMU_NO_PASID);
	}
}

/*
 * Only the PASID entry of requests without PASID changes. The device stays attached
 * to its second stage, with its domain id and cache tags there: ATS, page requests
 * and nested PASIDs depend on the attachment. They go on meanwhile.
 *
 * Tags of the new first stage are there before hardware can use it, those of the old
 * one until hardware has nothing of it any more. The entry is not changed while it
 * is present, as hardware may read it in parts.
 */
static int intel_guest_set_rid(struct device *dev, struct iommu_domain *domain,
			       struct iommu_domain *old)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dev_pasid_info *dev_pasid;

	if (domain->type == IOMMU_DOMAIN_NESTED) {
		dev_pasid = intel_guest_add_pasid(to_dmar_domain(domain), dev,
						  IOMMU_NO_PASID);
		if (IS_ERR(dev_pasid))
			return PTR_ERR(dev_pasid);
	}

	intel_pasid_tear_down_entry(info->iommu, dev, IOMMU_NO_PASID, false);
	if (old->type == IOMMU_DOMAIN_NESTED)
		intel_guest_del_pasid(to_dmar_domain(old),
				      intel_guest_rid_pasid(to_dmar_domain(old)));
	WARN_ON_ONCE(intel_guest_setup_rid(dev, domain));
	return 0;
}

static struct intel_iommu *intel_guest_unit(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);

	return info->iommu;
}

/* Is the unit of @invs[@i] that of one before? */
static bool intel_guest_seen(const struct iommu_guest_invalidation *invs, unsigned int i)
{
	unsigned int j;

	for (j = 0; j < i; j++)
		if (intel_guest_unit(invs[j].dev) == intel_guest_unit(invs[i].dev))
			return true;
	return false;
}

/* Units have queues of their own, so each is waited for. Most machines have one. */
static void intel_guest_cache_invalidate(struct iommu_guest_invalidation *invs,
					 unsigned int count)
{
	struct device_domain_info *info;
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!intel_guest_seen(invs, i))
			cache_tag_flush_guest_ranges(intel_guest_unit(invs[i].dev), invs, count);
	for (i = 0; i < count; i++) {
		info = dev_iommu_priv_get(invs[i].dev);
		dmar_ats_limit(info, info->ats_call);
		invs[i].ret = invs[i].caches & IOMMU_CACHE_INV_TYPE_DEV_IOTLB &&
			      READ_ONCE(info->ats_cut_off) ? -EIO : 0;
	}
}

static void intel_guest_begin(struct device *dev)
{
	dmar_ats_begin(dev_iommu_priv_get(dev));
}

/*
 * Those of @parts that are left: nested entries and those of the second stage have
 * different domain ids, and go one kind after the other.
 */
static unsigned int intel_guest_parts_left(struct pasid_tear_down_part *parts, u64 *which,
					   unsigned int count)
{
	unsigned int i, n = 0;

	for (i = 0; i < count; i++) {
		/* Nothing of it could be cleared, so there is nothing. */
		if (!parts[i].which || parts[i].which == which[i])
			continue;
		which[n] = which[i] & ~parts[i].which;
		parts[n].dev = parts[i].dev;
		parts[n].which = which[n];
		n++;
	}
	return n;
}

/*
 * A unit after the other, each with all of its devices. The lock of the guest context
 * keeps attachments of their PASIDs away.
 */
static void intel_guest_detach_gpasids(const ioasid_t *pasids,
				       const struct iommu_guest_detachment *from,
				       unsigned int count)
{
	struct pasid_tear_down_part parts[PASID_TEAR_DOWN_DEVICES] __uninitialized;
	u64 which[PASID_TEAR_DOWN_DEVICES] __uninitialized;
	struct intel_iommu *iommu;
	unsigned int i, n;
	u32 left;

	BUILD_BUG_ON(IOMMU_GUEST_DETACH_DEVICES > PASID_TEAR_DOWN_DEVICES);
	for (left = GENMASK(count - 1, 0); left; ) {
		iommu = intel_guest_unit(from[__ffs(left)].dev);
		for (i = n = 0; i < count; i++) {
			if (!(left & BIT(i)) || intel_guest_unit(from[i].dev) != iommu)
				continue;
			which[n] = from[i].which;
			parts[n].dev = from[i].dev;
			parts[n++].which = from[i].which;
			left &= ~BIT(i);
		}
		for (; n; n = intel_guest_parts_left(parts, which, n))
			intel_pasid_tear_down_entries(iommu, pasids, parts, n);
	}
}

/* Page requests are looked up and reported with the lock held. */
static void intel_guest_fault_sync(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);

	mutex_lock(&info->iommu->iopf_lock);
	mutex_unlock(&info->iommu->iopf_lock);
}

/* Page requests that the device could have outstanding. The PF has them for its VFs. */
static u32 intel_guest_max_page_requests(struct pci_dev *pdev)
{
	u32 max = 0;

	pdev = pci_physfn(pdev);
	if (pdev->pri_cap)
		pci_read_config_dword(pdev, pdev->pri_cap + PCI_PRI_MAX_REQ, &max);
	return PCI_POSSIBLE_ERROR(max) ? 0 : max;
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
	info->max_page_requests = intel_guest_max_page_requests(pdev);
	if (dev_info->pri_enabled)
		info->page_request_limit = dev->iommu->max_page_requests;
	info->virtfn = pdev->is_virtfn;
	info->cut_off = READ_ONCE(dev_info->ats_cut_off);
}

const struct iommu_guest_ops intel_guest_ops = {
	.nesting_info		= intel_guest_nesting_info,
	.begin			= intel_guest_begin,
	.domain_alloc_gpasid	= intel_guest_domain_alloc,
	.cache_invalidate	= intel_guest_cache_invalidate,
	.detach_gpasids		= intel_guest_detach_gpasids,
	.fault_sync		= intel_guest_fault_sync,
	.device_info		= intel_guest_device_info,
	.set_rid		= intel_guest_set_rid,
	.table_format		= IOMMU_PASID_FORMAT_VTD_TABLE,
	.table_walk		= intel_guest_table_walk,
};
