/*
 * VFIO: the first stage of translation belongs to the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A device with nesting=on has a container of type VFIO_TYPE1_NESTING_IOMMU
 * for itself, whose mappings are the second stage. The virtual IOMMU hands
 * tables of the guest to the host through the device's HostIOMMUDeviceNesting.
 * All of this runs with the BQL held, except for the operations that wait for
 * hardware, which that class runs in a thread.
 */

#ifndef HW_VFIO_NESTING_H
#define HW_VFIO_NESTING_H

#include "hw/vfio/vfio-common.h"
#include "nesting_uapi.h"
#include "system/host_iommu_nesting.h"

#define TYPE_HOST_IOMMU_DEVICE_NESTING_VFIO \
    TYPE_HOST_IOMMU_DEVICE_NESTING "-vfio"

/** vfio_nesting_iommu_type: the type for a container, or -errno */
int vfio_nesting_iommu_type(int container_fd, Error **errp);

/** vfio_nesting_setup: take over what the host wants of the second stage */
bool vfio_nesting_setup(VFIOContainer *container,
                        struct vfio_iommu_type1_info *info, Error **errp);

/**
 * vfio_nesting_skips: can the host not have this in a second stage?
 *
 * That is what is read-only, where the host says so, and the memory of devices
 * other than those of the container.
 */
bool vfio_nesting_skips(const VFIOContainerBase *bcontainer,
                        const MemoryRegionSection *section);

/**
 * vfio_nesting_open: ask what the device can do, open its faults
 *
 * Comes after vfio_attach_device() and before the virtual IOMMU gets it.
 */
bool vfio_nesting_open(VFIODevice *vbasedev, Error **errp);

/** vfio_nesting_start: deliver faults and page requests while the VM runs */
bool vfio_nesting_start(VFIODevice *vbasedev, Error **errp);

/** vfio_nesting_stop: deliver no more; before the virtual IOMMU lets go */
void vfio_nesting_stop(VFIODevice *vbasedev);

/** vfio_nesting_close: close what vfio_nesting_open() opened; after that */
void vfio_nesting_close(VFIODevice *vbasedev);

/** vfio_nesting_get_device_info: as the kernel described the device */
const struct vfio_nesting_device_info *
vfio_nesting_get_device_info(VFIODevice *vbasedev);

/** vfio_nesting_has_page_requests: can the guest switch them on? */
bool vfio_nesting_has_page_requests(VFIODevice *vbasedev);

/**
 * vfio_nesting_set_page_requests: the guest switches them on or off
 *
 * Groups from before are over, also if they were on and stay on.
 */
void vfio_nesting_set_page_requests(VFIODevice *vbasedev, bool on);

#endif
