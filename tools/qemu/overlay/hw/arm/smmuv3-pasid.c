/*
 * SMMUv3: memory requests of PCI Express endpoints, with and without PASID
 *
 * The SubstreamID of a request is its PASID. There is no ATS: what else an
 * endpoint could ask for is not served here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pci_sva.h"
#include "hw/registerfields.h"
#include "hw/arm/smmuv3.h"
#include "smmuv3-internal.h"

static PCISVAStatus smmuv3_pasid_translate(void *opaque, PCIDevice *dev,
                                           const PCISVARequest *req,
                                           PCISVARange *ranges,
                                           unsigned *nranges)
{
    uint8_t devfn = dev->devfn + req->devfn_offset;
    AddressSpace *as = smmu_find_add_as(pci_get_bus(dev), opaque, devfn);
    const SMMUTransaction t = {
        .addr = req->addr,
        .flag = IOMMU_ACCESS_FLAG(req->read, req->write),
        .ssid = req->pasid == PCI_NO_PASID ? SMMU_NO_SSID : req->pasid,
        .pnu = req->priv,
        .ind = req->exec,
    };
    IOMMUTLBEntry entry;
    hwaddr offset;

    *nranges = 0;
    if (req->type != PCI_SVA_UNTRANSLATED) {
        return PCI_SVA_UNSUPPORTED;
    }
    entry = smmuv3_translate_transaction(container_of(as, SMMUDevice, as), &t);
    if ((entry.perm & t.flag) != t.flag) {
        return PCI_SVA_FAULT;
    }

    /* One page; the endpoint comes again for the next one. */
    offset = req->addr & entry.addr_mask;
    ranges[0] = (PCISVARange) {
        .iova = req->addr - offset,
        .addr = entry.translated_addr - offset,
        .size = entry.addr_mask + 1,
        .as = entry.target_as,
        .read = req->read,
        .write = req->write,
        .exec = req->exec,
        .priv = req->priv,
    };
    *nranges = 1;
    return PCI_SVA_OK;
}

static const PCISVAUnitOps smmuv3_pasid_ops = {
    .translate = smmuv3_pasid_translate,
};

const PCIIOMMUOps smmuv3_pasid_iommu_ops = {
    .get_address_space = smmu_find_add_as,
    .sva = &smmuv3_pasid_ops,
};
