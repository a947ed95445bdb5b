// SPDX-License-Identifier: GPL-2.0-only
/*
 * From nothing to page tables of a guest on a device, and back: one bound to a PASID,
 * and then the guest's whole PASID table
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
		    cap->info.features & IOMMU_NESTING_FEAT_BIND_PGTBL &&
		    cap->info.features & IOMMU_NESTING_FEAT_BIND_PASID_TABLE)
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

	if (size)
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

/* PASID by PASID: the guest has made a process, and takes a PASID for it. */
static void bind_one(int container, uint64_t page_table)
{
	struct vfio_iommu_type1_pasid_request pasids = {
		.argsz = sizeof(pasids),
		.flags = VFIO_IOMMU_FLAG_ALLOC_PASID,
		.range = { .min = 1, .max = (1 << 20) - 1 },
	};
	struct iommu_gpasid_bind_data bind = {
		.argsz = sizeof(bind),
		.version = IOMMU_GPASID_BIND_VERSION_1,
		.format = IOMMU_PASID_FORMAT_INTEL_VTD,
		.addr_width = 48,
		.gpgd = page_table,
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
	int pasid;

	/* min = max would ask for the number that the guest wants. */
	pasid = ioctl(container, VFIO_IOMMU_PASID_REQUEST, &pasids);
	if (pasid < 0)
		err(1, "VFIO_IOMMU_PASID_REQUEST");

	/* First stage: the guest's table. The device may use the PASID now. */
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
}

#define PASID_TABLE_BITS	13	/* the least there is: 128 entries of a directory */
#define PASID_PRESENT		(1ULL << 0)
#define PASID_FIRST_STAGE	(1ULL << 6)
#define PASID_PASS		(4ULL << 6)

/* What the guest does: a directory in its page 4, whose first part is in page 5 */
static volatile uint64_t *make_pasid_table(uint8_t *memory, uint64_t page_table)
{
	volatile uint64_t *entries = (volatile uint64_t *)(memory + 5 * PAGE);

	((uint64_t *)(memory + 4 * PAGE))[0] = (GUEST_BASE + 5 * PAGE) | PASID_PRESENT;
	/* Entry 0, of accesses without PASID, and entry 1; each has 8 words. */
	entries[0] = PASID_PASS | PASID_PRESENT;
	entries[8 + 2] = page_table;
	entries[8] = PASID_FIRST_STAGE | PASID_PRESENT;
	return entries;
}

/* All at once: the guest has told its IOMMU where its PASID table is. */
static void hand_over_table(int container, uint8_t *memory, uint64_t page_table)
{
	const struct iommu_pasid_table_config table = {
		.argsz = sizeof(table),
		.version = IOMMU_PASID_TABLE_CFG_VERSION_1,
		.base_ptr = GUEST_BASE + 4 * PAGE,
		.format = IOMMU_PASID_FORMAT_VTD_TABLE,
		.pasid_bits = PASID_TABLE_BITS,
		.config = IOMMU_PASID_CONFIG_TRANSLATE,
	};
	const struct iommu_cache_invalidate_info invalidate = {
		.argsz = sizeof(invalidate),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = IOMMU_CACHE_INV_TYPE_PASID,
		.granularity = IOMMU_INV_GRANU_PASID,
		.granu.pasid_info = {
			.flags = IOMMU_INV_PASID_FLAGS_PASID,
			.pasid = 1,
		},
	};
	volatile uint64_t *entries = make_pasid_table(memory, page_table);

	/* No PASID is asked for. The device may use all that the table has. */
	nesting_op(container, VFIO_IOMMU_NESTING_OP_SET_PASID_TABLE, &table,
		   sizeof(table), "set of the table");
	printf("PASID table at guest address %#llx handed over\n",
	       (unsigned long long)table.base_ptr);

	/* The process is gone: the guest clears its entry, and invalidates that. */
	entries[8] = 0;
	nesting_op(container, VFIO_IOMMU_NESTING_OP_CACHE_INVLD, &invalidate,
		   sizeof(invalidate), "invalidate");

	/* The guest reboots. The same happens when the device is closed. */
	nesting_op(container, VFIO_IOMMU_NESTING_OP_UNSET_PASID_TABLE, NULL, 0,
		   "unset of the table");
}

int main(int argc, char **argv)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = GUEST_BASE,
		.size = GUEST_SIZE,
	};
	int container, group, device;
	uint64_t page_table;
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

	page_table = make_page_table(memory);
	bind_one(container, page_table);
	hand_over_table(container, memory, page_table);

	close(device);
	close(group);
	close(container);
	return 0;
}
