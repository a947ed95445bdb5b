/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * VFIO: page requests in software, for tests and benchmarks of the faults file
 *
 * /dev/vfio_nesting_test, for one program at a time, is a container of type
 * nesting with an IOMMU and a device in software. A page table of the guest is
 * bound to VFIO_NESTING_TEST_PASID of the device. No stable ABI.
 */
#ifndef __VFIO_NESTING_TEST_H
#define __VFIO_NESTING_TEST_H

#include <linux/types.h>
#include <linux/vfio.h>

#define VFIO_NESTING_TEST_PASID		10

/**
 * struct vfio_nesting_test_request - a page request group of one request
 * @addr: address
 * @pasid: PASID
 * @grpid: index of the group
 * @perm: IOMMU_FAULT_PERM_*
 * @reserved: zero
 */
struct vfio_nesting_test_request {
	__aligned_u64 addr;
	__u32 pasid;
	__u32 grpid;
	__u32 perm;
	__u32 reserved;
};

/*
 * Open the faults of the device, page requests included; returns the file
 * descriptor. EBUSY if there is such a file already. Closing the test device
 * closes the device in software.
 */
#define VFIO_NESTING_TEST_OPEN_FAULTS	_IO(VFIO_TYPE, VFIO_BASE + 100)

/*
 * Let the device send a page request group. If the file of the faults is not
 * open, or there is no room in it, the kernel answers the group.
 *
 * EINVAL	reserved field, or there is no such PASID
 * EFAULT	no such memory
 */
#define VFIO_NESTING_TEST_REQUEST	_IO(VFIO_TYPE, VFIO_BASE + 101)

#endif /* __VFIO_NESTING_TEST_H */
