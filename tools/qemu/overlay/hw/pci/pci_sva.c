/*
 * Shared virtual addressing between a PCI Express endpoint and its IOMMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pci_sva.h"

/* Pages of one translation request */
#define PCI_SVA_ATS_RANGES 16

/*
 * PCI Express keeps the requester id on its way up, so the unit is simply the
 * one of the nearest bus above that has any; aliases do not exist.
 */
static const PCIIOMMUOps *pci_sva_iommu(PCIDevice *dev, void **opaque)
{
    PCIBus *bus = pci_get_bus(dev);

    if (!pci_bus_is_express(bus) || pci_bus_bypass_iommu(bus)) {
        return NULL;
    }
    while (!bus->iommu_ops && bus->parent_dev) {
        bus = pci_get_bus(bus->parent_dev);
    }
    if (!bus->iommu_ops) {
        return NULL;
    }
    *opaque = bus->iommu_opaque;
    return bus->iommu_ops;
}

static const PCISVAUnitOps *pci_sva_unit(PCIDevice *dev, void **opaque)
{
    const PCIIOMMUOps *ops = pci_sva_iommu(dev, opaque);

    return ops ? ops->sva : NULL;
}

bool pci_sva_attach(PCIDevice *dev, const PCISVAEndpointOps *ops, void *opaque)
{
    void *unit;
    const PCISVAUnitOps *uops = pci_sva_unit(dev, &unit);

    return uops && (!uops->attach || uops->attach(unit, dev, ops, opaque));
}

void pci_sva_detach(PCIDevice *dev)
{
    void *unit;
    const PCISVAUnitOps *uops = pci_sva_unit(dev, &unit);

    if (uops && uops->detach) {
        uops->detach(unit, dev);
    }
}

static int pci_sva_devfn(PCIDevice *dev, uint8_t devfn_offset)
{
    return (uint8_t)(dev->devfn + devfn_offset);
}

static void pci_sva_range(const IOMMUTLBEntry *entry, PCISVARange *range)
{
    *range = (PCISVARange) {
        .iova = entry->iova,
        .addr = entry->translated_addr,
        .size = entry->addr_mask + 1,
        .as = entry->target_as,
        .read = entry->perm & IOMMU_RO,
        .write = entry->perm & IOMMU_WO,
        .exec = entry->perm & IOMMU_EXEC,
        .priv = entry->perm & IOMMU_PRIV,
        .global = entry->perm & IOMMU_GLOBAL,
        .untranslated_only = entry->perm & IOMMU_UNTRANSLATED_ONLY,
    };
}

static PCISVAStatus pci_sva_ats(PCIDevice *dev, const PCISVARequest *req,
                                PCISVARange *ranges, unsigned *nranges)
{
    IOMMUTLBEntry entries[PCI_SVA_ATS_RANGES];
    unsigned room = MIN(*nranges, PCI_SVA_ATS_RANGES);
    uint32_t empty;
    void *unit;
    const PCIIOMMUOps *ops = pci_sva_iommu(dev, &unit);
    ssize_t n = -ENODEV;

    if (ops && ops->ats_request_translation) {
        n = ops->ats_request_translation(pci_get_bus(dev), unit,
                                         pci_sva_devfn(dev,
                                                       req->devfn_offset),
                                         req->pasid, req->priv, req->exec,
                                         req->addr, req->len, req->no_write,
                                         entries, room, &empty);
    }
    *nranges = MAX(n, 0);
    for (unsigned i = 0; i < *nranges; i++) {
        pci_sva_range(&entries[i], &ranges[i]);
    }
    return n >= 0 ? PCI_SVA_OK :
           n == -ENODEV ? PCI_SVA_UNSUPPORTED :
           n == -EOPNOTSUPP ? PCI_SVA_UR : PCI_SVA_CA;
}

PCISVAStatus pci_sva_translate(PCIDevice *dev, const PCISVARequest *req,
                               PCISVARange *ranges, unsigned *nranges)
{
    void *unit;
    const PCISVAUnitOps *uops;

    if (req->type == PCI_SVA_TRANSLATION) {
        return pci_sva_ats(dev, req, ranges, nranges);
    }
    uops = pci_sva_unit(dev, &unit);
    if (!uops) {
        *nranges = 0;
        return PCI_SVA_UNSUPPORTED;
    }
    return uops->translate(unit, dev, req, ranges, nranges);
}

bool pci_sva_stale(PCIDevice *dev, const PCISVARequest *req,
                   const PCISVARange *cached)
{
    void *unit;
    const PCISVAUnitOps *uops = pci_sva_unit(dev, &unit);

    return uops && uops->stale && uops->stale(unit, dev, req, cached);
}

void pci_sva_page_request(PCIDevice *dev, const PCISVAPageRequest *req)
{
    void *unit;
    const PCIIOMMUOps *ops = pci_sva_iommu(dev, &unit);

    if (ops && ops->pri_request_page) {
        ops->pri_request_page(pci_get_bus(dev), unit,
                              pci_sva_devfn(dev, req->devfn_offset),
                              req->pasid, req->priv, req->exec, req->addr,
                              req->last, req->prgi, req->read, req->write);
    }
}

void pci_sva_inv_done(PCIDevice *dev, uint32_t cookie)
{
    void *unit;
    const PCISVAUnitOps *uops = pci_sva_unit(dev, &unit);

    if (uops && uops->inv_done) {
        uops->inv_done(unit, dev, cookie);
    }
}

void pci_sva_get_stats(PCIDevice *dev, PCISVAStats *stats)
{
    void *unit;
    const PCISVAUnitOps *uops = pci_sva_unit(dev, &unit);

    memset(stats, 0, sizeof(*stats));
    if (uops && uops->get_stats) {
        uops->get_stats(unit, stats);
    }
}
