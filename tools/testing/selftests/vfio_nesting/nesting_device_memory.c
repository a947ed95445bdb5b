// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a device (BAR) that is mapped for the devices of a container: whose
 * it may be, and when the mapping ends
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "guest.h"
#include "needs_svatest.h"

#define PATTERN		0x1122334455667788ULL
#define OTHER		0x8877665544332211ULL

/* Where it is for the guest: behind its memory */
#define WINDOW		(VMM_GPA_BASE + 2 * VMM_MEMORY_SIZE)

FIXTURE(memory) {
	struct guest guest;
	struct vmm *vmm;
	struct vmm_device *user;
	struct vmm_device *target;
	volatile uint64_t *bar;
};

/* The memory of a device as the CPU sees it, at @place or anywhere */
static void *map_bar(const struct vmm_device *dev, void *place, size_t size)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info), .index = VFIO_PCI_BAR2_REGION_INDEX,
	};

	if (ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &info))
		return MAP_FAILED;
	return mmap(place, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | (place ? MAP_FIXED : 0), dev->fd, info.offset);
}

static int map_window(struct vmm *vmm, volatile void *from, size_t size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)from, .iova = WINDOW, .size = size,
	};

	return ioctl(vmm->container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

/* Bytes that were mapped, or an error */
static int64_t unmap_window(struct vmm *vmm, size_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = WINDOW, .size = size,
	};

	return ioctl(vmm->container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno :
	       (int64_t)unmap.size;
}

FIXTURE_SETUP(memory)
{
	ASSERT_EQ(0, guest_open(&self->guest, 0, 2));
	ASSERT_EQ(0, guest_bind(&self->guest));
	self->vmm = &self->guest.vmm;
	self->user = self->guest.dev;
	self->target = &self->vmm->devices[1];
	self->bar = map_bar(self->target, NULL, SIZE_4K);
	ASSERT_NE(MAP_FAILED, (void *)self->bar);
	self->bar[0] = OTHER;
	guest_map_page(&self->guest, GVA_DST, WINDOW);
	svatest_setup(self->user, 0, GUEST_PASID, SVATEST_CF_ATS);
}

FIXTURE_TEARDOWN(memory)
{
	munmap((void *)self->bar, SIZE_4K);
	guest_close(&self->guest);
}

/* Does the device write to the window? */
static bool reaches(const struct vmm_device *user)
{
	return svatest_fill(user, 0, GVA_DST, PATTERN, 8) == SVATEST_ST_OK;
}

/* Close the file of the device, which takes that its memory is not mapped */
static void close_target(struct vmm_device *target, volatile uint64_t *bar)
{
	munmap((void *)bar, SIZE_4K);
	vmm_device_close(target);
}

static volatile uint64_t *open_target(struct vmm_device *target)
{
	volatile uint64_t *bar;

	if (vmm_device_open(target))
		return MAP_FAILED;
	bar = map_bar(target, NULL, SIZE_4K);
	if (bar != MAP_FAILED)
		bar[0] = OTHER;
	return bar;
}

/* Devices of a container may use the memory of each other, and their own. */
TEST_F(memory, of_a_device_of_the_container)
{
	ASSERT_EQ(0, map_window(self->vmm, self->bar, SIZE_4K));
	EXPECT_TRUE(reaches(self->user));
	EXPECT_EQ(PATTERN, self->bar[0]);
	EXPECT_EQ(SIZE_4K, unmap_window(self->vmm, SIZE_4K));
	EXPECT_FALSE(reaches(self->user));

	self->bar[0] = OTHER;
	munmap((void *)self->bar, SIZE_4K);
	self->bar = map_bar(self->user, NULL, SIZE_4K);
	ASSERT_EQ(0, map_window(self->vmm, self->bar, SIZE_4K));
	EXPECT_TRUE(reaches(self->user));
	EXPECT_EQ(PATTERN, self->bar[0]);
}

/* What the device has in its cache included */
TEST_F(memory, ends_with_the_last_file_of_the_device)
{
	int again;

	ASSERT_EQ(0, map_window(self->vmm, self->bar, SIZE_4K));
	EXPECT_TRUE(reaches(self->user));
	again = dup(self->target->fd);
	close_target(self->target, self->bar);
	EXPECT_TRUE(reaches(self->user));
	close(again);
	EXPECT_FALSE(reaches(self->user));

	self->bar = open_target(self->target);
	ASSERT_NE(MAP_FAILED, (void *)self->bar);
	EXPECT_FALSE(reaches(self->user));
	EXPECT_EQ(OTHER, self->bar[0]);
	EXPECT_EQ(0, unmap_window(self->vmm, SIZE_4K));
	EXPECT_EQ(0, map_window(self->vmm, self->bar, SIZE_4K));
	EXPECT_TRUE(reaches(self->user));
	EXPECT_EQ(PATTERN, self->bar[0]);
}

/* The next owner of the device is another container. */
TEST_F(memory, of_a_device_that_was_given_away)
{
	struct guest next;

	ASSERT_EQ(0, map_window(self->vmm, self->bar, SIZE_4K));
	EXPECT_TRUE(reaches(self->user));
	close_target(self->target, self->bar);
	close(self->target->group);
	self->target->group = -1;

	ASSERT_EQ(0, guest_open(&next, 1, 1));
	self->bar = map_bar(next.dev, NULL, SIZE_4K);
	ASSERT_NE(MAP_FAILED, (void *)self->bar);
	self->bar[0] = OTHER;
	EXPECT_FALSE(reaches(self->user));
	EXPECT_EQ(OTHER, self->bar[0]);
	EXPECT_EQ(-ENODEV, map_window(self->vmm, self->bar, SIZE_4K));
	EXPECT_FALSE(reaches(self->user));
	EXPECT_EQ(OTHER, self->bar[0]);
	guest_close(&next);
}

TEST_F(memory, of_a_device_of_another_container)
{
	struct guest other;
	void *bar;

	ASSERT_EQ(0, guest_open(&other, 2, 1));
	bar = map_bar(other.dev, NULL, SIZE_4K);
	ASSERT_NE(MAP_FAILED, bar);
	EXPECT_EQ(-ENODEV, map_window(self->vmm, bar, SIZE_4K));
	EXPECT_EQ(0, unmap_window(self->vmm, SIZE_4K));
	EXPECT_FALSE(reaches(self->user));
	munmap(bar, SIZE_4K);
	guest_close(&other);
}

/* Nobody would tell when it ends. */
TEST_F(memory, of_a_file_that_is_not_of_vfio)
{
	char path[96];
	void *bar;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource2",
		 self->target->name);
	fd = open(path, O_RDWR);
	ASSERT_LE(0, fd);
	bar = mmap(NULL, SIZE_4K, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, bar);
	EXPECT_EQ(-ENODEV, map_window(self->vmm, bar, SIZE_4K));
	EXPECT_FALSE(reaches(self->user));
	munmap(bar, SIZE_4K);
	close(fd);
}

/* A mapping has the memory of one device, and guest memory besides. */
TEST_F(memory, of_more_than_a_device)
{
	uint8_t *area = mmap(NULL, 2 * SIZE_4K, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)area);
	ASSERT_EQ(area + SIZE_4K, map_bar(self->target, area + SIZE_4K, SIZE_4K));
	ASSERT_EQ(0, map_window(self->vmm, area, 2 * SIZE_4K));
	EXPECT_TRUE(reaches(self->user));
	EXPECT_EQ(PATTERN, *(volatile uint64_t *)area);
	EXPECT_EQ(2 * SIZE_4K, unmap_window(self->vmm, 2 * SIZE_4K));

	ASSERT_EQ(0, map_window(self->vmm, area, 2 * SIZE_4K));
	munmap(area + SIZE_4K, SIZE_4K);
	close_target(self->target, self->bar);
	EXPECT_FALSE(reaches(self->user));
	EXPECT_EQ(0, unmap_window(self->vmm, 2 * SIZE_4K));
	self->bar = open_target(self->target);
	ASSERT_NE(MAP_FAILED, (void *)self->bar);

	ASSERT_EQ(area, map_bar(self->user, area, SIZE_4K));
	ASSERT_EQ(area + SIZE_4K, map_bar(self->target, area + SIZE_4K, SIZE_4K));
	EXPECT_EQ(-EINVAL, map_window(self->vmm, area, 2 * SIZE_4K));
	EXPECT_EQ(0, unmap_window(self->vmm, 2 * SIZE_4K));
	EXPECT_FALSE(reaches(self->user));
	munmap(area, 2 * SIZE_4K);
}

/* Only containers of type nesting are so strict. */
TEST_F(memory, in_a_container_of_another_type)
{
	struct vmm other;

	ASSERT_EQ(0, vmm_open_type(&other, 2, 1, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, map_window(&other, self->bar, SIZE_4K));
	EXPECT_EQ(SIZE_4K, unmap_window(&other, SIZE_4K));
	vmm_close(&other);
}

TEST_HARNESS_MAIN
