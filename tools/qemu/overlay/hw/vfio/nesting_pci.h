/*
 * VFIO: PASID, ATS and page request capabilities of a device with nesting=on
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_NESTING_PCI_H
#define HW_VFIO_NESTING_PCI_H

#include "nesting.h"
#include "pci.h"

/** vfio_nesting_address_space: the second stage; NULL and @errp if refused */
AddressSpace *vfio_nesting_address_space(VFIOPCIDevice *vdev, Error **errp);

/** vfio_nesting_hides: leave a capability out that the host cannot keep? */
bool vfio_nesting_hides(VFIOPCIDevice *vdev, uint16_t cap_id);

/** vfio_nesting_add_capabilities: once all others are there */
bool vfio_nesting_add_capabilities(VFIOPCIDevice *vdev, Error **errp);

/**
 * vfio_nesting_write_config: a write of the guest to configuration space
 *
 * Returns: true if that was all, false if the device gets it as well.
 */
bool vfio_nesting_write_config(VFIOPCIDevice *vdev, uint32_t addr,
                               uint32_t val, int len);

/** vfio_nesting_reset: the device is reset */
void vfio_nesting_reset(VFIOPCIDevice *vdev);

#endif
