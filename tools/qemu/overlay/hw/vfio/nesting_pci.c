/*
 * VFIO: PASID, ATS and page request capabilities of a device with nesting=on
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The host keeps the controls of the device: it switches them on for what the
 * guest can do with them, and hides the PASID capability. What the guest sees
 * and writes is emulated, and nothing of it reaches the device.
 */

#include "qemu/osdep.h"

#include "hw/pci/pci_sva.h"
#include "nesting_pci.h"
#include "qapi/error.h"
#include "qemu/range.h"

/* Where the PASID capability goes if the device has none to replace */
#define NESTING_PASID_OFFSET 0xff8

AddressSpace *vfio_nesting_address_space(VFIOPCIDevice *vdev, Error **errp)
{
    VFIODevice *vbasedev = &vdev->vbasedev;

    if (vbasedev->mdev || vbasedev->ram_block_discard_allowed) {
        error_setg(errp, "nesting=on does not work with mediated devices");
        return NULL;
    }
    if (vbasedev->iommufd) {
        error_setg(errp, "nesting=on works with a VFIO container only");
        return NULL;
    }
    return pci_sva_second_stage(&vdev->pdev, errp);
}

bool vfio_nesting_hides(VFIOPCIDevice *vdev, uint16_t cap_id)
{
    VFIODevice *vbasedev = &vdev->vbasedev;

    switch (cap_id) {
    case PCI_EXT_CAP_ID_ATS:
        return !(vfio_nesting_get_device_info(vbasedev)->flags &
                 VFIO_NESTING_DEVICE_ATS);
    case PCI_EXT_CAP_ID_PRI:
        return !vfio_nesting_has_page_requests(vbasedev);
    default:
        return false;
    }
}

/* Nothing of @size bytes at @pos comes from the device. */
static void vfio_nesting_emulate(VFIOPCIDevice *vdev, uint16_t pos,
                                 unsigned size)
{
    memset(vdev->emulated_config_bits + pos, 0xff, size);
}

static bool vfio_nesting_offset_free(PCIDevice *pdev, uint16_t pos)
{
    uint16_t next = PCI_CONFIG_SPACE_SIZE;

    while (next) {
        if (ranges_overlap(pos, PCI_EXT_CAP_PASID_SIZEOF, next,
                           sizeof(uint32_t))) {
            return false;
        }
        next = PCI_EXT_CAP_NEXT(pci_get_long(pdev->config + next));
    }
    return true;
}

static bool vfio_nesting_add_pasid(VFIOPCIDevice *vdev, Error **errp)
{
    const struct vfio_nesting_device_info *info =
        vfio_nesting_get_device_info(&vdev->vbasedev);
    PCIDevice *pdev = &vdev->pdev;
    uint8_t *head = pdev->config + PCI_CONFIG_SPACE_SIZE;
    uint16_t pos = vdev->pasid_cap_offset;

    if (!pos) {
        pos = info->pasid_cap ?: NESTING_PASID_OFFSET;
    }
    if (pos % 4 || pos <= PCI_CONFIG_SPACE_SIZE ||
        pos + PCI_EXT_CAP_PASID_SIZEOF > vdev->config_size ||
        !vfio_nesting_offset_free(pdev, pos)) {
        error_setg(errp, "no room for a PASID capability at 0x%x, choose "
                   "another place by x-pasid-cap-offset", pos);
        return false;
    }

    /* A chain has to begin at its place, if only with a header without id. */
    if (!pci_get_long(head)) {
        pci_set_long(head, PCI_EXT_CAP(0xffff, 0, 0));
        pci_set_long(pdev->wmask + PCI_CONFIG_SPACE_SIZE, 0);
        vfio_nesting_emulate(vdev, PCI_CONFIG_SPACE_SIZE, sizeof(uint32_t));
    }
    pcie_add_capability(pdev, PCI_EXT_CAP_ID_PASID, 1, pos,
                        PCI_EXT_CAP_PASID_SIZEOF);
    if (pci_get_word(head) == 0xffff) {
        pci_set_word(head, 0);
    }

    /* Requests to execute, and privileged ones, are not for guests. */
    pci_set_word(pdev->config + pos + PCI_PASID_CAP, info->pasid_bits << 8);
    pci_set_word(pdev->config + pos + PCI_PASID_CTRL, 0);
    pci_set_word(pdev->wmask + pos + PCI_PASID_CTRL, PCI_PASID_CTRL_ENABLE);
    vfio_nesting_emulate(vdev, pos, PCI_EXT_CAP_PASID_SIZEOF);
    return true;
}

bool vfio_nesting_add_capabilities(VFIOPCIDevice *vdev, Error **errp)
{
    PCIDevice *pdev = &vdev->pdev;
    uint16_t ats, pri;

    if (!pci_is_express(pdev)) {
        error_setg(errp, "nesting=on needs a PCI Express device");
        return false;
    }
    if (!vfio_nesting_add_pasid(vdev, errp)) {
        return false;
    }

    ats = pcie_find_capability(pdev, PCI_EXT_CAP_ID_ATS);
    if (ats) {
        vfio_nesting_emulate(vdev, ats + PCI_ATS_CTRL, 2);
        pci_set_word(pdev->wmask + ats + PCI_ATS_CTRL,
                     PCI_ATS_CTRL_ENABLE | 0x1f);
    }
    pri = pcie_find_capability(pdev, PCI_EXT_CAP_ID_PRI);
    if (pri) {
        vfio_nesting_emulate(vdev, pri + PCI_PRI_CTRL, 4);
        vfio_nesting_emulate(vdev, pri + PCI_PRI_ALLOC_REQ, 4);
        pci_set_word(pdev->wmask + pri + PCI_PRI_CTRL,
                     PCI_PRI_CTRL_ENABLE | PCI_PRI_CTRL_RESET);
        pci_set_long(pdev->wmask + pri + PCI_PRI_ALLOC_REQ, 0xffffffff);
    }
    vfio_nesting_reset(vdev);
    return true;
}

/* The device says whether answers have a PASID; the rest of it is ours. */
static void vfio_nesting_set_pri_status(PCIDevice *pdev, uint16_t pri, bool on)
{
    uint8_t *status = pdev->config + pri + PCI_PRI_STATUS;

    pci_set_word(status, (pci_get_word(status) & PCI_PRI_STATUS_PASID) |
                         (on ? 0 : PCI_PRI_STATUS_STOPPED));
}

static void vfio_nesting_pri_control(VFIOPCIDevice *vdev, uint16_t pri,
                                     bool was)
{
    uint8_t *control = vdev->pdev.config + pri + PCI_PRI_CTRL;
    bool on = pci_get_word(control) & PCI_PRI_CTRL_ENABLE;

    if (on != was || (pci_get_word(control) & PCI_PRI_CTRL_RESET)) {
        pci_set_word(control, on ? PCI_PRI_CTRL_ENABLE : 0);
        vfio_nesting_set_pri_status(&vdev->pdev, pri, on);
        vfio_nesting_set_page_requests(&vdev->vbasedev, on);
    }
}

void vfio_nesting_reset(VFIOPCIDevice *vdev)
{
    PCIDevice *pdev = &vdev->pdev;
    uint16_t ats = pcie_find_capability(pdev, PCI_EXT_CAP_ID_ATS);
    uint16_t pri = pcie_find_capability(pdev, PCI_EXT_CAP_ID_PRI);
    uint16_t pasid = pcie_find_capability(pdev, PCI_EXT_CAP_ID_PASID);

    if (ats) {
        pci_set_word(pdev->config + ats + PCI_ATS_CTRL, 0);
    }
    if (pri) {
        pci_set_word(pdev->config + pri + PCI_PRI_CTRL, 0);
        pci_set_long(pdev->config + pri + PCI_PRI_ALLOC_REQ, 0);
        vfio_nesting_set_pri_status(pdev, pri, false);
    }
    if (pasid) {
        pci_set_word(pdev->config + pasid + PCI_PASID_CTRL, 0);
    }
    vfio_nesting_set_page_requests(&vdev->vbasedev, false);
}

/* Does a write set bit @bit of the byte at @pos? */
static bool vfio_nesting_sets(uint32_t addr, uint32_t val, int len,
                              uint32_t pos, unsigned bit)
{
    return range_covers_byte(addr, len, pos) &&
           (val >> (8 * (pos - addr)) & (1 << bit));
}

static bool vfio_nesting_is_flr(VFIOPCIDevice *vdev, uint32_t addr,
                                uint32_t val, int len)
{
    PCIDevice *pdev = &vdev->pdev;
    uint8_t af = pci_find_capability(pdev, PCI_CAP_ID_AF);

    return vfio_nesting_sets(addr, val, len,
                             pdev->exp.exp_cap + PCI_EXP_DEVCTL + 1, 7) ||
           (af && vfio_nesting_sets(addr, val, len, af + PCI_AF_CTRL, 0));
}

bool vfio_nesting_write_config(VFIOPCIDevice *vdev, uint32_t addr,
                               uint32_t val, int len)
{
    PCIDevice *pdev = &vdev->pdev;
    uint16_t ats = pcie_find_capability(pdev, PCI_EXT_CAP_ID_ATS);
    uint16_t pri = pcie_find_capability(pdev, PCI_EXT_CAP_ID_PRI);
    uint16_t pasid = pcie_find_capability(pdev, PCI_EXT_CAP_ID_PASID);
    bool was;

    /* The device does that by itself, and forgets its page requests. */
    if (vfio_nesting_is_flr(vdev, addr, val, len)) {
        vfio_nesting_reset(vdev);
        return false;
    }
    if (!(ats && ranges_overlap(addr, len, ats, PCI_EXT_CAP_ATS_SIZEOF)) &&
        !(pri && ranges_overlap(addr, len, pri, PCI_EXT_CAP_PRI_SIZEOF)) &&
        !(pasid && ranges_overlap(addr, len, pasid,
                                  PCI_EXT_CAP_PASID_SIZEOF))) {
        return false;
    }
    was = pri && (pci_get_word(pdev->config + pri + PCI_PRI_CTRL) &
                  PCI_PRI_CTRL_ENABLE);
    pci_default_write_config(pdev, addr, val, len);
    if (pri) {
        vfio_nesting_pri_control(vdev, pri, was);
    }
    return true;
}
