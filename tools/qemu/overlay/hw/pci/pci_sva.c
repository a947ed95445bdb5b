/*
 * Shared virtual addressing between a PCI Express endpoint and its IOMMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_sva.h"

/*
 * PCI Express keeps the requester id on its way up, so the unit is simply the
 * one of the nearest bus above that has any; aliases do not exist.
 */
static const PCISVAUnitOps *pci_sva_unit(PCIDevice *dev, void **opaque)
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
    return bus->iommu_ops->sva;
}

bool pci_sva_attach(PCIDevice *dev, const PCISVAEndpointOps *ops, void *opaque)
{
    void *unit;
    const PCISVAUnitOps *uops = pci_sva_unit(dev, &unit);

    return uops && uops->attach(unit, dev, ops, opaque);
}

void pci_sva_detach(PCIDevice *dev)
{
    void *unit;
    const PCISVAUnitOps *uops = pci_sva_unit(dev, &unit);

    if (uops) {
        uops->detach(unit, dev);
    }
}

PCISVAStatus pci_sva_translate(PCIDevice *dev, const PCISVARequest *req,
                               PCISVARange *ranges, unsigned *nranges)
{
    void *unit;
    const PCISVAUnitOps *uops = pci_sva_unit(dev, &unit);

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

    return uops && uops->stale(unit, dev, req, cached);
}

void pci_sva_page_request(PCIDevice *dev, const PCISVAPageRequest *req)
{
    void *unit;
    const PCISVAUnitOps *uops = pci_sva_unit(dev, &unit);

    if (uops) {
        uops->page_request(unit, dev, req);
    }
}

void pci_sva_inv_done(PCIDevice *dev, uint32_t cookie)
{
    void *unit;
    const PCISVAUnitOps *uops = pci_sva_unit(dev, &unit);

    if (uops) {
        uops->inv_done(unit, dev, cookie);
    }
}

void pci_sva_get_stats(PCIDevice *dev, PCISVAStats *stats)
{
    void *unit;
    const PCISVAUnitOps *uops = pci_sva_unit(dev, &unit);

    memset(stats, 0, sizeof(*stats));
    if (uops) {
        uops->get_stats(unit, stats);
    }
}
