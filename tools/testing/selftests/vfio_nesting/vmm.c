// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small virtual machine monitor: guest memory, devices, page tables bound
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/userfaultfd.h>
#include <misc/svatest.h>

#include "vmm.h"

#define PCI_DEVICES	"/sys/bus/pci/devices"
#define VFIO_PCI_DRIVER	"/sys/bus/pci/drivers/vfio-pci"

static int complain(const char *what)
{
	int err = errno;

	printf("# %s: %s\n", what, strerror(err));
	return -err;
}

static unsigned long sysfs_number(const char *name, const char *attribute)
{
	char path[300], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", name, attribute);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = 0;
	fclose(file);
	return strtoul(text, NULL, 0);
}

static int is_svatest(const struct dirent *entry)
{
	unsigned long id;

	if (sysfs_number(entry->d_name, "vendor") != SVATEST_VENDOR_ID)
		return 0;
	id = sysfs_number(entry->d_name, "device");
	return id == SVATEST_DEVICE_ID || id == SVATEST_VF_DEVICE_ID;
}

int vmm_scan_devices(const char *directory, unsigned int index, char *name,
		     size_t size)
{
	struct dirent **entries;
	int i, found, ret = -ENODEV;

	found = scandir(directory, &entries, is_svatest, alphasort);
	if (found < 0)
		return complain(directory);

	for (i = 0; i < found; i++) {
		if ((unsigned int)i == index) {
			snprintf(name, size, "%s", entries[i]->d_name);
			ret = 0;
		}
		free(entries[i]);
	}
	free(entries);
	return ret;
}

int vmm_find_device(unsigned int index, char *name, size_t size)
{
	return vmm_scan_devices(VFIO_PCI_DRIVER, index, name, size);
}

int vmm_open_group(const char *name)
{
	char path[300], target[256];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), VFIO_PCI_DRIVER "/%s/iommu_group", name);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return complain(path);
	target[len] = 0;

	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(target, '/'));
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? complain(path) : fd;
}

/* The owner of a function that has relatives shows this */
#define TOKEN	"8b7c1a52-2f5e-4a3d-9c11-6d1f0f5a7e42"

static bool has_attribute(const char *name, const char *attribute)
{
	char path[300];

	snprintf(path, sizeof(path), VFIO_PCI_DRIVER "/%s/%s", name, attribute);
	return !access(path, F_OK);
}

static int open_device(const struct vmm_device *dev)
{
	bool shared = has_attribute(dev->name, "physfn") ||
		      has_attribute(dev->name, "sriov_totalvfs");
	char name[128];

	snprintf(name, sizeof(name), "%s%s", dev->name,
		 shared ? " vf_token=" TOKEN : "");
	return ioctl(dev->group, VFIO_GROUP_GET_DEVICE_FD, name);
}

int vmm_device_open(struct vmm_device *dev)
{
	dev->fd = open_device(dev);
	return dev->fd < 0 ? complain(dev->name) : vmm_device_map(dev);
}

int vmm_device_map(struct vmm_device *dev)
{
	struct vfio_region_info regs = {
		.argsz = sizeof(regs), .index = VFIO_PCI_BAR0_REGION_INDEX,
	};
	struct vfio_region_info config = {
		.argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	if (ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &regs) ||
	    ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &config))
		return complain("VFIO_DEVICE_GET_REGION_INFO");

	dev->config = config.offset;
	if (pwrite(dev->fd, &command, sizeof(command),
		   dev->config + PCI_COMMAND) != sizeof(command))
		return complain("PCI command");

	dev->regs_size = regs.size;
	dev->regs = mmap(NULL, regs.size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 dev->fd, regs.offset);
	if (dev->regs == MAP_FAILED) {
		dev->regs = NULL;
		return complain("mmap of BAR 0");
	}
	return 0;
}

int vmm_device_irq(const struct vmm_device *dev, unsigned int index, int event)
{
	struct {
		struct vfio_irq_set set;
		int fd;
	} request = {
		.set = {
			.argsz = sizeof(request),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD |
				 VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = index,
			.count = 1,
		},
		.fd = event,
	};

	return ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, &request) ? -errno : 0;
}

/* From its driver, and from the bus */
const struct vmm_removal vmm_removals[VMM_REMOVALS] = {
	{ "echo %s > " VFIO_PCI_DRIVER "/unbind", "echo %s > " VFIO_PCI_DRIVER "/bind" },
	{ "echo 1 > /sys/bus/pci/devices/%s/remove",
	  "echo 1 > /sys/bus/pci/rescan; test -e " VFIO_PCI_DRIVER "/%s" },
};

int vmm_open_sysfs(const char *name, const char *file, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", name, file);
	fd = open(path, flags);
	return fd < 0 ? -errno : fd;
}

int vmm_device_sysfs(const struct vmm_device *dev, const char *file, const char *text)
{
	int fd = vmm_open_sysfs(dev->name, file, O_WRONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return fd;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

void vmm_device_close(struct vmm_device *dev)
{
	if (dev->regs)
		munmap((void *)dev->regs, dev->regs_size);
	dev->regs = NULL;
	if (dev->fd >= 0)
		close(dev->fd);
	dev->fd = -1;
}

static int add_group(struct vmm *vmm, unsigned int index)
{
	struct vmm_device *dev = &vmm->devices[vmm->ndevices];
	int ret;

	dev->vmm = vmm;
	dev->fd = -1;
	ret = vmm_find_device(index, dev->name, sizeof(dev->name));
	if (ret) {
		printf("# no device %u of kind svatest is bound to vfio-pci\n",
		       index);
		return ret;
	}
	dev->group = vmm_open_group(dev->name);
	if (dev->group < 0)
		return dev->group;
	vmm->ndevices++;
	if (ioctl(dev->group, VFIO_GROUP_SET_CONTAINER, &vmm->container))
		return complain("VFIO_GROUP_SET_CONTAINER");
	return 0;
}

int vmm_attach(struct vmm *vmm, unsigned int index)
{
	int ret = add_group(vmm, index);

	return ret ?: vmm_device_open(&vmm->devices[vmm->ndevices - 1]);
}

int vmm_open_memory(struct vmm *vmm, uint64_t size)
{
	memset(vmm, 0, sizeof(*vmm));
	vmm->container = -1;
	vmm->size = size;
	vmm->memfd = memfd_create("guest", MFD_CLOEXEC);
	if (vmm->memfd < 0 || ftruncate(vmm->memfd, size))
		return complain("guest memory");
	vmm->memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_POPULATE, vmm->memfd, 0);
	if (vmm->memory == MAP_FAILED) {
		vmm->memory = NULL;
		return complain("guest memory");
	}
	return 0;
}

static int open_machine(struct vmm *vmm, unsigned int first, unsigned int ndevices,
			unsigned long type, uint64_t size)
{
	unsigned int i;
	int ret;

	ret = vmm_open_memory(vmm, size);
	if (!ret) {
		vmm->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
		if (vmm->container < 0)
			ret = complain("/dev/vfio/vfio");
	}
	for (i = 0; i < ndevices && !ret; i++)
		ret = add_group(vmm, first + i);
	if (!ret && ioctl(vmm->container, VFIO_SET_IOMMU, type))
		ret = complain("VFIO_SET_IOMMU");
	if (!ret)
		ret = vmm_map_dma(vmm, VMM_GPA_BASE, size);
	for (i = 0; i < ndevices && !ret; i++)
		ret = vmm_device_open(&vmm->devices[i]);
	if (ret)
		vmm_close(vmm);
	return ret;
}

int vmm_open_type(struct vmm *vmm, unsigned int first, unsigned int ndevices,
		  unsigned long type)
{
	return open_machine(vmm, first, ndevices, type, VMM_MEMORY_SIZE);
}

int vmm_open_small(struct vmm *vmm, unsigned int first, unsigned int ndevices,
		   uint64_t size)
{
	return open_machine(vmm, first, ndevices, VFIO_TYPE1_NESTING_IOMMU, size);
}

int vmm_open(struct vmm *vmm, unsigned int first, unsigned int ndevices)
{
	return vmm_open_type(vmm, first, ndevices, VFIO_TYPE1_NESTING_IOMMU);
}

void vmm_close(struct vmm *vmm)
{
	unsigned int i;

	for (i = 0; i < vmm->ndevices; i++) {
		vmm_device_close(&vmm->devices[i]);
		if (vmm->devices[i].group >= 0)
			close(vmm->devices[i].group);
	}
	vmm->ndevices = 0;
	if (vmm->container >= 0)
		close(vmm->container);
	vmm->container = -1;
	if (vmm->memory)
		munmap(vmm->memory, vmm->size);
	vmm->memory = NULL;
	if (vmm->memfd >= 0)
		close(vmm->memfd);
	vmm->memfd = -1;
}

/* Running out is a mistake in a test. */
uint64_t vmm_alloc(struct vmm *vmm, uint64_t size, uint64_t align)
{
	uint64_t start = (vmm->used + align - 1) & ~(align - 1);

	if (start + size > vmm->size) {
		fprintf(stderr, "guest memory is used up\n");
		abort();
	}
	vmm->used = start + size;
	return VMM_GPA_BASE + start;
}

void *vmm_ptr(const struct vmm *vmm, uint64_t gpa)
{
	return vmm->memory + (gpa - VMM_GPA_BASE);
}

int vmm_stall(void *memory, size_t size, int flags)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range.start = (uintptr_t)memory,
		.range.len = size,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | flags);
	int ret;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

int vmm_map_dma(struct vmm *vmm, uint64_t gpa, uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)vmm_ptr(vmm, gpa),
		.iova = gpa,
		.size = size,
	};

	return ioctl(vmm->container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

int vmm_unmap_dma(struct vmm *vmm, uint64_t gpa, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = gpa, .size = size,
	};

	return ioctl(vmm->container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno : 0;
}

static int get_cap(struct vmm *vmm, uint16_t id, void *cap, size_t size)
{
	struct {
		struct vfio_iommu_type1_info info;
		uint8_t caps[4096];
	} buffer = { .info.argsz = sizeof(buffer) };
	struct vfio_info_cap_header *header;
	uint32_t offset;

	if (ioctl(vmm->container, VFIO_IOMMU_GET_INFO, &buffer))
		return -errno;
	if (!(buffer.info.flags & VFIO_IOMMU_INFO_CAPS))
		return -ENOENT;

	for (offset = buffer.info.cap_offset; offset; offset = header->next) {
		header = (void *)((uint8_t *)&buffer + offset);
		if (header->id != id)
			continue;
		memcpy(cap, header, size);
		return 0;
	}
	return -ENOENT;
}

int vmm_nesting_info(struct vmm *vmm, struct iommu_nesting_info *info)
{
	struct vfio_iommu_type1_info_cap_nesting cap;
	int ret;

	ret = get_cap(vmm, VFIO_IOMMU_TYPE1_INFO_CAP_NESTING, &cap, sizeof(cap));
	if (!ret)
		*info = cap.info;
	return ret;
}

int vmm_pasid_info(struct vmm *vmm, struct vfio_iommu_type1_info_cap_pasid *info)
{
	return get_cap(vmm, VFIO_IOMMU_TYPE1_INFO_CAP_PASID, info,
		       sizeof(*info));
}

static int pasid_request(struct vmm *vmm, uint32_t flags, uint32_t min,
			 uint32_t max)
{
	struct vfio_iommu_type1_pasid_request request = {
		.argsz = sizeof(request),
		.flags = flags,
		.range = { min, max },
	};
	int ret = ioctl(vmm->container, VFIO_IOMMU_PASID_REQUEST, &request);

	return ret < 0 ? -errno : ret;
}

int vmm_pasid_alloc(struct vmm *vmm, uint32_t min, uint32_t max)
{
	return pasid_request(vmm, VFIO_IOMMU_FLAG_ALLOC_PASID, min, max);
}

int vmm_pasid_free(struct vmm *vmm, uint32_t min, uint32_t max)
{
	return pasid_request(vmm, VFIO_IOMMU_FLAG_FREE_PASID, min, max);
}

/* With @result the payload is the kernel's to write as well, also if it fails. */
static int nesting_op(struct vmm *vmm, const struct vmm_device *dev, unsigned int op,
		      void *payload, size_t size, bool result)
{
	struct vfio_nesting_device device = { .fd = dev ? dev->fd : -1 };
	size_t head = sizeof(struct vfio_iommu_type1_nesting_op);
	uint64_t buffer[64];
	struct vfio_iommu_type1_nesting_op *request = (void *)buffer;
	int ret;

	request->flags = op;
	if (dev) {
		request->flags |= VFIO_NESTING_FLAG_DEVICE;
		memcpy((uint8_t *)buffer + head, &device, sizeof(device));
		head += sizeof(device);
	}
	if (head + size > sizeof(buffer))
		return -EOVERFLOW;
	if (size)
		memcpy((uint8_t *)buffer + head, payload, size);
	request->argsz = head + size;

	ret = ioctl(vmm->container, VFIO_IOMMU_NESTING_OP, request);
	if (ret < 0)
		ret = -errno;
	if (result)
		memcpy(payload, (uint8_t *)buffer + head, size);
	return ret;
}

int vmm_nesting_op(struct vmm *vmm, const struct vmm_device *dev,
		   unsigned int op, const void *payload, size_t size)
{
	return nesting_op(vmm, dev, op, (void *)payload, size, false);
}

int vmm_device_info(struct vmm *vmm, const struct vmm_device *dev,
		    struct vfio_nesting_device_info *info)
{
	struct vfio_nesting_device_info got = { .argsz = sizeof(got) };
	int ret;

	ret = nesting_op(vmm, dev, VFIO_IOMMU_NESTING_OP_GET_DEVICE_INFO, &got,
			 sizeof(got), true);
	if (!ret)
		*info = got;
	return ret;
}

void vmm_bind_data(struct iommu_gpasid_bind_data *data, uint32_t pasid,
		   uint64_t gpgd, unsigned int levels)
{
	*data = (struct iommu_gpasid_bind_data) {
		.argsz = sizeof(*data),
		.version = IOMMU_GPASID_BIND_VERSION_1,
		.format = IOMMU_PASID_FORMAT_INTEL_VTD,
		.addr_width = levels == 5 ? 57 : 48,
		.gpgd = gpgd,
		.hpasid = pasid,
	};
}

int vmm_bind(struct vmm *vmm, const struct vmm_device *dev, uint32_t pasid,
	     uint64_t gpgd, unsigned int levels)
{
	struct iommu_gpasid_bind_data data;

	vmm_bind_data(&data, pasid, gpgd, levels);
	return vmm_nesting_op(vmm, dev, VFIO_IOMMU_NESTING_OP_BIND_PGTBL, &data,
			      sizeof(data));
}

void vmm_rid_config(struct iommu_rid_config *config, uint32_t mode,
		    uint64_t gpgd, unsigned int levels)
{
	memset(config, 0, sizeof(*config));
	config->argsz = sizeof(*config);
	config->mode = mode;
	vmm_bind_data(&config->bind, 0, gpgd, levels);
}

int vmm_set_rid(struct vmm *vmm, const struct vmm_device *dev, uint32_t mode,
		uint64_t gpgd, unsigned int levels)
{
	struct iommu_rid_config config;

	vmm_rid_config(&config, mode, gpgd, levels);
	/* The table is not there where it has no meaning. */
	if (mode != IOMMU_RID_FIRST_STAGE)
		config.argsz = offsetof(struct iommu_rid_config, bind);
	return vmm_nesting_op(vmm, dev, VFIO_IOMMU_NESTING_OP_SET_RID, &config,
			      config.argsz);
}

int vmm_unbind(struct vmm *vmm, const struct vmm_device *dev, uint32_t pasid)
{
	struct iommu_gpasid_bind_data data;

	vmm_bind_data(&data, pasid, 0, 4);
	return vmm_nesting_op(vmm, dev, VFIO_IOMMU_NESTING_OP_UNBIND_PGTBL, &data,
			      sizeof(data));
}

int vmm_invalidate(struct vmm *vmm, const struct vmm_device *dev,
		   const struct iommu_cache_invalidate_info *info)
{
	return vmm_nesting_op(vmm, dev, VFIO_IOMMU_NESTING_OP_CACHE_INVLD, info,
			      sizeof(*info));
}

int vmm_invalidate_array(struct vmm *vmm, const struct vmm_device *dev,
			 const struct iommu_cache_invalidate_info *infos,
			 uint32_t *num)
{
	struct vfio_nesting_invalidate_array array = {
		.argsz = sizeof(array),
		.entry_len = sizeof(*infos),
		.entry_num = *num,
		.entries = (uintptr_t)infos,
	};
	int ret;

	ret = nesting_op(vmm, dev, VFIO_IOMMU_NESTING_OP_CACHE_INVLD_ARRAY, &array,
			 sizeof(array), true);
	*num = array.entry_num;
	return ret;
}

void vmm_addr_info(struct iommu_cache_invalidate_info *info, unsigned int cache,
		   uint32_t pasid, uint64_t addr, uint64_t granule, uint64_t granules)
{
	*info = (struct iommu_cache_invalidate_info) {
		.argsz = sizeof(*info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = cache,
		.granularity = IOMMU_INV_GRANU_ADDR,
		.granu.addr_info = {
			.flags = IOMMU_INV_ADDR_FLAGS_PASID,
			.pasid = pasid,
			.addr = addr,
			.granule_size = granule,
			.nb_granules = granules,
		},
	};
}

int vmm_invalidate_addr(struct vmm *vmm, const struct vmm_device *dev,
			unsigned int cache, uint32_t pasid, uint64_t addr,
			uint64_t granule, uint64_t granules)
{
	struct iommu_cache_invalidate_info info;

	vmm_addr_info(&info, cache, pasid, addr, granule, granules);
	return vmm_invalidate(vmm, dev, &info);
}

int vmm_invalidate_pasid(struct vmm *vmm, const struct vmm_device *dev,
			 unsigned int cache, uint32_t pasid)
{
	struct iommu_cache_invalidate_info info = {
		.argsz = sizeof(info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = cache,
		.granularity = IOMMU_INV_GRANU_PASID,
		.granu.pasid_info = {
			.flags = IOMMU_INV_PASID_FLAGS_PASID,
			.pasid = pasid,
		},
	};

	return vmm_invalidate(vmm, dev, &info);
}

int vmm_invalidate_all(struct vmm *vmm, const struct vmm_device *dev,
		       unsigned int cache)
{
	struct iommu_cache_invalidate_info info = {
		.argsz = sizeof(info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = cache,
		.granularity = IOMMU_INV_GRANU_DOMAIN,
	};

	return vmm_invalidate(vmm, dev, &info);
}
