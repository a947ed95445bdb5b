// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device with the kernel's own driver
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <misc/svatest.h>

#include "native.h"

#define PCI_DEVICES	"/sys/bus/pci/devices"

static int write_text(const char *path, const char *text)
{
	int fd, ret = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		ret = -errno;
		printf("# %s > %s: %s\n", text, path, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

int native_find(unsigned int index, char *name, size_t size)
{
	return vmm_scan_devices(PCI_DEVICES, index, name, size);
}

/* No driver, the kind of translation, our driver */
static int take_device(const char *name, const char *domain)
{
	char path[300];
	int ret;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver_override", name);
	ret = write_text(path, "svatest");
	if (ret)
		return ret;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver/unbind", name);
	if (!access(path, W_OK))
		ret = write_text(path, name);
	if (!ret && domain) {
		snprintf(path, sizeof(path),
			 PCI_DEVICES "/%s/iommu_group/type", name);
		ret = write_text(path, domain);
	}
	return ret ?: write_text("/sys/bus/pci/drivers_probe", name);
}

uint64_t native_unit_ecap(void)
{
	FILE *file = fopen("/sys/class/iommu/dmar0/intel-iommu/ecap", "r");
	unsigned long long ecap = 0;

	if (file && fscanf(file, "%llx", &ecap) != 1)
		ecap = 0;
	if (file)
		fclose(file);
	return ecap;
}

int native_open_again(const struct vmm_device *dev)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "/dev/svatest-%s", dev->name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	printf("# %s: %s\n", path, strerror(errno));
	return -errno;
}

int native_open(struct vmm_device *dev, unsigned int index, const char *domain)
{
	char path[300];
	int fd, ret;

	memset(dev, 0, sizeof(*dev));
	dev->fd = -1;
	dev->group = -1;
	ret = native_find(index, dev->name, sizeof(dev->name));
	if (ret)
		return ret;
	ret = take_device(dev->name, domain);
	if (ret)
		return ret;
	dev->fd = native_open_again(dev);
	if (dev->fd < 0)
		return dev->fd;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/resource0", dev->name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	dev->regs_size = SVATEST_REGS_SIZE;
	dev->regs = mmap(NULL, dev->regs_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (dev->regs != MAP_FAILED)
		return 0;
	printf("# %s: %s\n", path, strerror(errno));
	dev->regs = NULL;
	native_close(dev);
	return -ENODEV;
}

void native_close(struct vmm_device *dev)
{
	vmm_device_close(dev);
}

int native_map(const struct vmm_device *dev, void *addr, uint64_t size,
	       uint32_t direction, uint64_t *dma)
{
	struct svatest_dma_map map = {
		.addr = (uintptr_t)addr, .size = size, .direction = direction,
	};

	if (ioctl(dev->fd, SVATEST_DMA_MAP, &map))
		return -errno;
	*dma = map.dma;
	return 0;
}

int native_unmap(const struct vmm_device *dev, uint64_t dma)
{
	return ioctl(dev->fd, SVATEST_DMA_UNMAP, &dma) ? -errno : 0;
}

int native_bind(const struct vmm_device *dev)
{
	int pasid = ioctl(dev->fd, SVATEST_SVA_BIND);

	return pasid < 0 ? -errno : pasid;
}

int native_unbind(const struct vmm_device *dev)
{
	return ioctl(dev->fd, SVATEST_SVA_UNBIND) ? -errno : 0;
}

int native_irq_wait(const struct vmm_device *dev, uint32_t vector,
		    uint32_t timeout_ms, uint64_t *count)
{
	struct svatest_irq_wait wait = {
		.vector = vector, .timeout_ms = timeout_ms, .count = *count,
	};

	if (ioctl(dev->fd, SVATEST_IRQ_WAIT, &wait))
		return -errno;
	*count = wait.count;
	return 0;
}
