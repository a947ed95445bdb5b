// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest whose devices came through iommufd
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/vfio.h>

#include "host.h"

/* The number of the file in /dev/vfio/devices */
static int open_cdev(const char *name)
{
	char path[300];
	struct dirent *entry;
	int fd = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", name);
	dir = opendir(path);
	if (!dir)
		return -1;
	while (fd < 0 && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	closedir(dir);
	return fd;
}

int host_add_device(struct host *host, unsigned int index)
{
	struct vmm *vmm = &host->guest.vmm;
	struct vmm_device *dev = &vmm->devices[vmm->ndevices];
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind), .iommufd = host->iommufd,
	};
	int ret;

	ret = vmm_find_device(index, dev->name, sizeof(dev->name));
	if (ret)
		return ret;
	dev->vmm = vmm;
	dev->group = -1;
	dev->fd = open_cdev(dev->name);
	vmm->ndevices++;
	if (dev->fd < 0 || ioctl(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind)) {
		printf("# %s: %s\n", dev->name, strerror(errno));
		return -errno;
	}
	host->dev_ids[vmm->ndevices - 1] = bind.out_devid;
	return vmm_device_map(dev);
}

int host_map(struct host *host, uint64_t gpa, uint64_t size)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = host->ioas,
		.user_va = (uintptr_t)vmm_ptr(&host->guest.vmm, gpa),
		.length = size,
		.iova = gpa,
	};

	return ioctl(host->iommufd, IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

int host_unmap(struct host *host, uint64_t gpa, uint64_t size)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap), .ioas_id = host->ioas,
		.iova = gpa, .length = size,
	};

	return ioctl(host->iommufd, IOMMU_IOAS_UNMAP, &unmap) ? -errno : 0;
}

/* Guest memory is mapped in small pieces that can be unmapped one by one. */
static int map_memory(struct host *host)
{
	uint64_t gpa;
	int ret = 0;

	for (gpa = 0; gpa < SIZE_2M && !ret; gpa += SIZE_4K)
		ret = host_map(host, VMM_GPA_BASE + gpa, SIZE_4K);
	return ret ?: host_map(host, VMM_GPA_BASE + SIZE_2M,
			       VMM_MEMORY_SIZE - SIZE_2M);
}

int host_open(struct host *host, unsigned int ndevices)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	unsigned int i;
	int ret;

	ret = vmm_open_memory(&host->guest.vmm, VMM_MEMORY_SIZE);
	host->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (ret || host->iommufd < 0 ||
	    ioctl(host->iommufd, IOMMU_IOAS_ALLOC, &ioas))
		return ret ?: -errno;

	host->ioas = ioas.out_ioas_id;
	for (i = 0, ret = 0; i < ndevices && !ret; i++)
		ret = host_add_device(host, i);
	guest_make(&host->guest);
	return ret ?: map_memory(host);
}

void host_close(struct host *host)
{
	guest_close(&host->guest);
	close(host->iommufd);
}

int host_alloc(struct host *host, uint32_t flags, uint32_t on,
	       const struct iommu_hwpt_vtd_s1 *s1, uint32_t *hwpt)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = flags,
		.dev_id = host->dev_ids[0],
		.pt_id = on,
		.data_type = s1 ? IOMMU_HWPT_DATA_VTD_S1 : IOMMU_HWPT_DATA_NONE,
		.data_len = s1 ? sizeof(*s1) : 0,
		.data_uptr = (uintptr_t)s1,
	};

	if (ioctl(host->iommufd, IOMMU_HWPT_ALLOC, &alloc))
		return -errno;
	*hwpt = alloc.out_hwpt_id;
	return 0;
}

int host_alloc_nested(struct host *host, uint32_t parent,
		      const struct pgtable *pt, uint32_t *hwpt)
{
	struct iommu_hwpt_vtd_s1 s1 = {
		.pgtbl_addr = pt->root,
		.addr_width = pt->levels == 5 ? 57 : 48,
	};

	return host_alloc(host, 0, parent, &s1, hwpt);
}

int host_attach(struct host *host, unsigned int device, uint32_t pt)
{
	struct vfio_device_attach_iommufd_pt request = {
		.argsz = sizeof(request), .pt_id = pt,
	};

	return ioctl(host->guest.vmm.devices[device].fd,
		     VFIO_DEVICE_ATTACH_IOMMUFD_PT, &request) ? -errno : 0;
}

int host_detach(struct host *host, unsigned int device)
{
	struct vfio_device_detach_iommufd_pt request = {
		.argsz = sizeof(request),
	};

	return ioctl(host->guest.vmm.devices[device].fd,
		     VFIO_DEVICE_DETACH_IOMMUFD_PT, &request) ? -errno : 0;
}
