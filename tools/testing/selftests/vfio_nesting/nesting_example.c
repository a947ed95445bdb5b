// SPDX-License-Identifier: GPL-2.0-only
/*
 * From nothing to a page table of a guest on a device, and back
 *
 *	nesting_example 0000:00:01.0
 *
 * The device is bound to vfio-pci. One file, no library: every call that a
 * virtual machine monitor makes for this is here.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vfio.h>

#define PAGE		4096
#define GUEST_BASE	0x40000000ULL	/* where the guest has its memory */
#define GUEST_SIZE	0x100000ULL

/* The group is a number that sysfs knows. */
static int open_group(const char *device)
{
	char path[128], link[256];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", device);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		err(1, "%s", path);
	link[len] = 0;
	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(link, '/'));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* Is there nested translation, and does it speak a format that we know? */
static void check_nesting(int container)
{
	static union {
		struct vfio_iommu_type1_info info;
		uint8_t bytes[PAGE];
	} buffer = { .info.argsz = sizeof(buffer) };
	const struct vfio_iommu_type1_info_cap_nesting *cap;
	const struct vfio_info_cap_header *header;
	uint32_t offset;

	if (ioctl(container, VFIO_IOMMU_GET_INFO, &buffer))
		err(1, "VFIO_IOMMU_GET_INFO");
	for (offset = buffer.info.cap_offset; offset; offset = header->next) {
		header = (const void *)(buffer.bytes + offset);
		if (header->id != VFIO_IOMMU_TYPE1_INFO_CAP_NESTING)
			continue;
		cap = (const void *)header;
		if (cap->info.format == IOMMU_PASID_FORMAT_INTEL_VTD &&
		    cap->info.features & IOMMU_NESTING_FEAT_BIND_PGTBL)
			return;
	}
	errx(1, "no nested translation that this program knows");
}

/* One operation on every device of the container */
static void nesting_op(int container, uint32_t op, const void *payload,
		       uint32_t size, const char *what)
{
	struct {
		struct vfio_iommu_type1_nesting_op header;
		uint8_t payload[128];
	} request = {
		.header.argsz = sizeof(request.header) + size,
		.header.flags = op,
	};

	memcpy(request.payload, payload, size);
	if (ioctl(container, VFIO_IOMMU_NESTING_OP, &request))
		err(1, "%s", what);
}

/* What the guest does: map its page 16 at virtual address 0x1000 */
static uint64_t make_page_table(uint8_t *memory)
{
	const uint64_t present_write_user = 7;
	unsigned int level;

	for (level = 0; level < 3; level++)
		((uint64_t *)(memory + level * PAGE))[0] =
			(GUEST_BASE + (level + 1) * PAGE) | present_write_user;
	((uint64_t *)(memory + 3 * PAGE))[1] =
		(GUEST_BASE + 16 * PAGE) | present_write_user;
	return GUEST_BASE;
}

int main(int argc, char **argv)
{
	struct vfio_iommu_type1_pasid_request pasids = {
		.argsz = sizeof(pasids),
		.flags = VFIO_IOMMU_FLAG_ALLOC_PASID,
		.range = { .min = 1, .max = (1 << 20) - 1 },
	};
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = GUEST_BASE,
		.size = GUEST_SIZE,
	};
	struct iommu_gpasid_bind_data bind = {
		.argsz = sizeof(bind),
		.version = IOMMU_GPASID_BIND_VERSION_1,
		.format = IOMMU_PASID_FORMAT_INTEL_VTD,
		.addr_width = 48,
	};
	struct iommu_cache_invalidate_info invalidate = {
		.argsz = sizeof(invalidate),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = IOMMU_CACHE_INV_TYPE_IOTLB |
			 IOMMU_CACHE_INV_TYPE_DEV_IOTLB,
		.granularity = IOMMU_INV_GRANU_ADDR,
		.granu.addr_info = {
			.flags = IOMMU_INV_ADDR_FLAGS_PASID,
			.addr = PAGE,
			.granule_size = PAGE,
			.nb_granules = 1,
		},
	};
	int container, group, device, pasid;
	uint8_t *memory;

	if (argc != 2)
		errx(1, "usage: %s PCI-address", argv[0]);

	/* A container for nesting, and what the guest has in it */
	container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (container < 0)
		err(1, "/dev/vfio/vfio");
	group = open_group(argv[1]);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container))
		err(1, "VFIO_GROUP_SET_CONTAINER");
	if (ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_NESTING_IOMMU))
		err(1, "VFIO_SET_IOMMU");
	check_nesting(container);

	/* Second stage: guest-physical to host-physical */
	memory = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "guest memory");
	map.vaddr = (uintptr_t)memory;
	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map))
		err(1, "VFIO_IOMMU_MAP_DMA");

	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, argv[1]);
	if (device < 0)
		err(1, "%s", argv[1]);

	/* A PASID; min = max would ask for the number that the guest wants */
	pasid = ioctl(container, VFIO_IOMMU_PASID_REQUEST, &pasids);
	if (pasid < 0)
		err(1, "VFIO_IOMMU_PASID_REQUEST");

	/* First stage: the guest's table. The device may use the PASID now. */
	bind.gpgd = make_page_table(memory);
	bind.hpasid = pasid;
	nesting_op(container, VFIO_IOMMU_NESTING_OP_BIND_PGTBL, &bind, sizeof(bind),
		   "bind");
	printf("page table at guest address %#llx bound to PASID %d\n",
	       (unsigned long long)bind.gpgd, pasid);

	/* The guest has changed an entry and invalidates, in its own IOMMU. */
	invalidate.granu.addr_info.pasid = pasid;
	nesting_op(container, VFIO_IOMMU_NESTING_OP_CACHE_INVLD, &invalidate,
		   sizeof(invalidate), "invalidate");

	/* The process is gone. The same happens when the files are closed. */
	nesting_op(container, VFIO_IOMMU_NESTING_OP_UNBIND_PGTBL, &bind, sizeof(bind),
		   "unbind");
	pasids.flags = VFIO_IOMMU_FLAG_FREE_PASID;
	pasids.range.min = pasid;
	pasids.range.max = pasid;
	if (ioctl(container, VFIO_IOMMU_PASID_REQUEST, &pasids))
		err(1, "VFIO_IOMMU_PASID_REQUEST");

	close(device);
	close(group);
	close(container);
	return 0;
}
