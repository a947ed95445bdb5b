/*
 * VFIO: page tables of a guest, as the kernel's <linux/vfio.h> has them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the structures carry is described in <linux/iommu.h>. Once
 * scripts/update-linux-headers.sh brings a <linux/vfio.h> that knows nesting,
 * this file can go.
 */

#ifndef HW_VFIO_NESTING_UAPI_H
#define HW_VFIO_NESTING_UAPI_H

#include <linux/vfio.h>
#include <linux/iommu.h>

#ifndef VFIO_IOMMU_NESTING_OP

#define VFIO_TYPE1_NESTING_IOMMU 6

/* Capabilities of VFIO_IOMMU_GET_INFO */
#define VFIO_IOMMU_TYPE1_INFO_CAP_NESTING 4

struct vfio_iommu_type1_info_cap_nesting {
    struct vfio_info_cap_header header;
    struct iommu_nesting_info info;
};

struct vfio_iommu_type1_pasid_request {
    __u32 argsz;
    __u32 flags;
#define VFIO_IOMMU_FLAG_ALLOC_PASID (1 << 0)
#define VFIO_IOMMU_FLAG_FREE_PASID  (1 << 1)
    struct {
        __u32 min;
        __u32 max;
    } range;
};

#define VFIO_IOMMU_PASID_REQUEST _IO(VFIO_TYPE, VFIO_BASE + 22)

/* The payload follows, behind a struct vfio_nesting_device if that is there. */
struct vfio_iommu_type1_nesting_op {
    __u32 argsz;
    __u32 flags;
#define VFIO_NESTING_OP_MASK     0xffff
#define VFIO_NESTING_FLAG_DEVICE (1 << 16)
    __u8 data[];
};

struct vfio_nesting_device {
    __s32 fd;
    __u32 padding;
};

enum vfio_nesting_op {
    VFIO_IOMMU_NESTING_OP_BIND_PGTBL = 0,
    VFIO_IOMMU_NESTING_OP_UNBIND_PGTBL = 1,
    VFIO_IOMMU_NESTING_OP_CACHE_INVLD = 2,
    VFIO_IOMMU_NESTING_OP_PAGE_RESP = 3,
    VFIO_IOMMU_NESTING_OP_GET_FAULT_FD = 6,
    VFIO_IOMMU_NESTING_OP_SET_RID = 8,
    VFIO_IOMMU_NESTING_OP_GET_DEVICE_INFO = 9,
    VFIO_IOMMU_NESTING_OP_DRAIN = 10,
    VFIO_IOMMU_NESTING_OP_FAULT_TIMEOUT = 11,
};

struct vfio_nesting_device_info {
    __u32 argsz;
    __u32 flags;
#define VFIO_NESTING_DEVICE_EXEC           (1 << 0)
#define VFIO_NESTING_DEVICE_PRIV           (1 << 1)
#define VFIO_NESTING_DEVICE_ATS            (1 << 2)
#define VFIO_NESTING_DEVICE_PRI            (1 << 3)
#define VFIO_NESTING_DEVICE_PRG_RESP_PASID (1 << 4)
#define VFIO_NESTING_DEVICE_VIRTFN         (1 << 5)
#define VFIO_NESTING_DEVICE_CUT_OFF        (1 << 6)
    __u8 pasid_bits;
    __u8 ats_queue_depth;
    __u16 pasid_cap;
    __u32 max_page_requests;
    __u32 page_request_limit;
    __u8 reserved[12];
};

struct vfio_nesting_fault_timeout {
    __u32 argsz;
    __u32 flags;
    __u32 timeout_ms;
};

struct vfio_nesting_fault_fd {
    __u32 argsz;
    __u32 flags;
#define VFIO_NESTING_FAULT_PAGE_REQ (1 << 0)
#define VFIO_NESTING_FAULT_REQ_END  (1 << 1)
};

#define VFIO_IOMMU_NESTING_OP _IO(VFIO_TYPE, VFIO_BASE + 23)

#endif /* VFIO_IOMMU_NESTING_OP */

#endif
