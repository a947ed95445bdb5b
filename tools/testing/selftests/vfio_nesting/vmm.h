/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small virtual machine monitor: guest memory, devices, page tables bound
 *
 * Functions return 0 or a positive result, or -errno. Nothing is printed but
 * by vmm_open(), which says what the machine lacks.
 */
#ifndef VMM_H
#define VMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/vfio.h>

/* Guest memory is one piece, and its address is one that no table has by chance */
#define VMM_GPA_BASE		0x40000000ULL
#define VMM_MEMORY_SIZE		0x2000000ULL	/* 32 MiB */
#define VMM_DEVICES_MAX		64

struct vmm;

/**
 * struct vmm_device - a device that the guest was given
 * @vmm: its owner
 * @name: PCI address, as in sysfs
 * @group: file of the VFIO group, -1 if opened without
 * @fd: file of the device, -1 when closed
 * @regs: BAR 0, mapped
 * @regs_size: size of @regs
 * @config: offset of configuration space in @fd
 */
struct vmm_device {
	struct vmm *vmm;
	char name[16];
	int group;
	int fd;
	volatile void *regs;
	size_t regs_size;
	uint64_t config;
};

/**
 * struct vmm - a container and what is in it
 * @container: file of the container, -1 if there is none
 * @memfd: guest memory, as a file
 * @memory: guest memory, mapped
 * @size: of it
 * @used: how much of it is given out
 * @devices: the devices
 * @ndevices: how many
 */
struct vmm {
	int container;
	int memfd;
	uint8_t *memory;
	uint64_t size;
	uint64_t used;
	struct vmm_device devices[VMM_DEVICES_MAX];
	unsigned int ndevices;
};

/* Devices that VFIO has, by index in the order of their addresses */
int vmm_find_device(unsigned int index, char *name, size_t size);

/* The same of those in a directory of sysfs */
int vmm_scan_devices(const char *directory, unsigned int index, char *name,
		     size_t size);

/* The group of a device that VFIO has; a file, or -errno */
int vmm_open_group(const char *name);

/* Container of type nesting with guest memory mapped, and open devices in it */
int vmm_open(struct vmm *vmm, unsigned int first, unsigned int ndevices);
int vmm_open_type(struct vmm *vmm, unsigned int first, unsigned int ndevices,
		  unsigned long type);

/* The same with @size of guest memory, as little of it opens and closes sooner */
int vmm_open_small(struct vmm *vmm, unsigned int first, unsigned int ndevices,
		   uint64_t size);
void vmm_close(struct vmm *vmm);
void vmm_device_close(struct vmm_device *dev);
int vmm_device_open(struct vmm_device *dev);

/* Let an eventfd have the first interrupt of the kind @index, VFIO_PCI_*_IRQ_INDEX */
int vmm_device_irq(const struct vmm_device *dev, unsigned int index, int event);

/* A file in sysfs of the device at a PCI address, opened with @flags, or -errno */
int vmm_open_sysfs(const char *name, const char *file, int flags);

/* How an administrator takes a device away and gives it back, by its PCI address */
#define VMM_REMOVALS	2
extern const struct vmm_removal {
	const char *away, *back;
} vmm_removals[VMM_REMOVALS];

/* Write to a file of the device in sysfs */
int vmm_device_sysfs(const struct vmm_device *dev, const char *file, const char *text);

/* Plug a device into a container that is set up already */
int vmm_attach(struct vmm *vmm, unsigned int index);

/* The parts of these for a test with a container of its own: iommufd */
int vmm_open_memory(struct vmm *vmm, uint64_t size);
int vmm_device_map(struct vmm_device *dev);

/* Memory of the guest; never given back */
uint64_t vmm_alloc(struct vmm *vmm, uint64_t size, uint64_t align);
void *vmm_ptr(const struct vmm *vmm, uint64_t gpa);

/*
 * Memory of this process that is not there: who touches it waits, until the file is
 * closed. Returns the userfaultfd, with @flags of open(), or a negative errno.
 */
int vmm_stall(void *memory, size_t size, int flags);

int vmm_map_dma(struct vmm *vmm, uint64_t gpa, uint64_t size);
int vmm_unmap_dma(struct vmm *vmm, uint64_t gpa, uint64_t size);

/* What GET_INFO says; 0 or -ENOENT when the capability is not there */
int vmm_nesting_info(struct vmm *vmm, struct iommu_nesting_info *info);
int vmm_pasid_info(struct vmm *vmm, struct vfio_iommu_type1_info_cap_pasid *info);

int vmm_pasid_alloc(struct vmm *vmm, uint32_t min, uint32_t max);
int vmm_pasid_free(struct vmm *vmm, uint32_t min, uint32_t max);

/* An operation on one device, or on all of them if @dev is NULL */
int vmm_nesting_op(struct vmm *vmm, const struct vmm_device *dev,
		   unsigned int op, const void *payload, size_t size);
int vmm_device_info(struct vmm *vmm, const struct vmm_device *dev,
		    struct vfio_nesting_device_info *info);
void vmm_bind_data(struct iommu_gpasid_bind_data *data, uint32_t pasid,
		   uint64_t gpgd, unsigned int levels);
int vmm_bind(struct vmm *vmm, const struct vmm_device *dev, uint32_t pasid,
	     uint64_t gpgd, unsigned int levels);
void vmm_rid_config(struct iommu_rid_config *config, uint32_t mode,
		    uint64_t gpgd, unsigned int levels);
int vmm_set_rid(struct vmm *vmm, const struct vmm_device *dev, uint32_t mode,
		uint64_t gpgd, unsigned int levels);
int vmm_unbind(struct vmm *vmm, const struct vmm_device *dev, uint32_t pasid);

int vmm_invalidate(struct vmm *vmm, const struct vmm_device *dev,
		   const struct iommu_cache_invalidate_info *info);
/* Many at once; how many were carried out is in @num afterwards */
int vmm_invalidate_array(struct vmm *vmm, const struct vmm_device *dev,
			 const struct iommu_cache_invalidate_info *infos,
			 uint32_t *num);
void vmm_addr_info(struct iommu_cache_invalidate_info *info, unsigned int cache,
		   uint32_t pasid, uint64_t addr, uint64_t granule, uint64_t granules);
int vmm_invalidate_addr(struct vmm *vmm, const struct vmm_device *dev,
			unsigned int cache, uint32_t pasid, uint64_t addr,
			uint64_t granule, uint64_t granules);
int vmm_invalidate_pasid(struct vmm *vmm, const struct vmm_device *dev,
			 unsigned int cache, uint32_t pasid);
int vmm_invalidate_all(struct vmm *vmm, const struct vmm_device *dev,
		       unsigned int cache);

#endif
