/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What tests ask of the svatest driver, /dev/svatest-<PCI address>
 *
 * The device itself is programmed through its BARs, by the test.
 */
#ifndef SVATEST_IOCTL_H
#define SVATEST_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define SVATEST_IOC_MAGIC	0xdb

/**
 * struct svatest_dma_map - memory of the caller mapped for DMA
 * @addr: where it starts, aligned to pages
 * @size: how long it is, in bytes; whole pages, at most %SVATEST_DMA_MAP_MAX
 * @direction: %SVATEST_DMA_BOTH, %SVATEST_DMA_TO_DEVICE or
 *	%SVATEST_DMA_FROM_DEVICE
 * @reserved: zero
 * @dma: out, the address for requests without PASID
 */
struct svatest_dma_map {
	__aligned_u64 addr;
	__aligned_u64 size;
	__u32 direction;
	__u32 reserved;
	__aligned_u64 dma;
};

#define SVATEST_DMA_BOTH		0
#define SVATEST_DMA_TO_DEVICE		1
#define SVATEST_DMA_FROM_DEVICE		2
#define SVATEST_DMA_MAP_MAX		0x1000000

/*
 * Map, by the DMA API. The pages stay pinned until they are unmapped, or until
 * the file is closed, which aborts all commands of the device.
 *
 * EINVAL	address, size, direction or reserved field
 * EFAULT	no such memory, or not with that right
 * EOPNOTSUPP	it does not come out as one range of addresses: without
 *		translation only single pages do
 */
#define SVATEST_DMA_MAP		_IOWR(SVATEST_IOC_MAGIC, 0, struct svatest_dma_map)

/* Unmap what has this @dma; ENOENT if this file has no such mapping. */
#define SVATEST_DMA_UNMAP	_IOW(SVATEST_IOC_MAGIC, 1, __u64)

/*
 * Bind the device to the caller's address space; returns the PASID. Once for
 * each file (EBUSY). EOPNOTSUPP if device, IOMMU or kernel cannot do so.
 */
#define SVATEST_SVA_BIND	_IO(SVATEST_IOC_MAGIC, 2)

/*
 * Stop the device's use of the PASID, then unbind; ENOENT if not bound. Closing
 * the file does so as well.
 */
#define SVATEST_SVA_UNBIND	_IO(SVATEST_IOC_MAGIC, 3)

#endif
