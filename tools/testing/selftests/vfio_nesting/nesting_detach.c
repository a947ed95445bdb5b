// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups leave a container while threads make calls on it
 *
 * With the last group goes what the container had of its IOMMU. A call that is
 * under way works on what was there or finds that nothing is. Nobody waits for it:
 * it may be one that takes as long as the caller likes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "needs_svatest.h"
#include "vmm.h"

#define PAGE		0x1000ULL
#define ROUNDS		300

/* A container whose group comes and goes, and memory to map */
static struct vmm vmm;
static uint8_t *memory;
static bool done;

/* What a call may say when the container is empty, or just was */
static const int fine[] = { 0, -EINVAL, -ENODEV, -EEXIST, -ENOENT, -EOPNOTSUPP,
			    -ENOSPC, -ENOTTY, -EDQUOT };

/* Errors that are none of these */
static unsigned int strange;

static void judge(int ret)
{
	unsigned int i;

	for (i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		if (ret == fine[i])
			return;
	if (ret < 0)
		__atomic_fetch_add(&strange, 1, __ATOMIC_RELAXED);
}

static int call(unsigned int cmd, void *arg)
{
	return ioctl(vmm.container, cmd, arg) < 0 ? -errno : 0;
}

static int map(uint64_t slot, bool add)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory + slot * PAGE,
		.iova = VMM_GPA_BASE + slot * PAGE,
		.size = PAGE,
	};
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = map.iova, .size = map.size,
	};

	return add ? call(VFIO_IOMMU_MAP_DMA, &map) :
		     call(VFIO_IOMMU_UNMAP_DMA, &unmap);
}

static bool over(void)
{
	return __atomic_load_n(&done, __ATOMIC_RELAXED);
}

static void *mapper(void *arg)
{
	uint64_t slot = (uintptr_t)arg * 16, i = 0;

	for (; !over(); i++) {
		judge(map(slot + i % 16, true));
		judge(map(slot + (i + 8) % 16, false));
	}
	return NULL;
}

static void *asker(void *arg)
{
	struct vfio_iommu_type1_info_cap_pasid info;
	struct iommu_nesting_info nesting;

	while (!over()) {
		judge(vmm_pasid_info(&vmm, &info));
		judge(vmm_nesting_info(&vmm, &nesting));
		judge(call(VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU));
	}
	return arg;
}

static void *owner(void *arg)
{
	while (!over()) {
		judge(vmm_pasid_alloc(&vmm, 1, 100));
		judge(vmm_bind(&vmm, NULL, 1, VMM_GPA_BASE, 4));
		judge(vmm_pasid_free(&vmm, 0, ~0U));
	}
	return arg;
}

static void *tracker(void *arg)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {
		.argsz = sizeof(dirty),
	};

	while (!over()) {
		dirty.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START;
		judge(call(VFIO_IOMMU_DIRTY_PAGES, &dirty));
		dirty.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
		judge(call(VFIO_IOMMU_DIRTY_PAGES, &dirty));
	}
	return arg;
}

static bool container_set(int group)
{
	return !ioctl(group, VFIO_GROUP_SET_CONTAINER, &vmm.container) &&
	       !ioctl(vmm.container, VFIO_SET_IOMMU, VFIO_TYPE1_NESTING_IOMMU);
}

FIXTURE(detach) {
	int group;
};

FIXTURE_SETUP(detach)
{
	ASSERT_EQ(0, vmm_open(&vmm, 0, 1));
	memory = vmm.memory;
	self->group = vmm.devices[0].group;
	vmm_device_close(&vmm.devices[0]);
}

FIXTURE_TEARDOWN(detach)
{
	struct vmm again;

	vmm_close(&vmm);
	/* All of it is as good as new. */
	ASSERT_EQ(0, vmm_open(&again, 0, 1));
	EXPECT_LT(0, vmm_pasid_alloc(&again, 1, 100));
	vmm_close(&again);
}

TEST_F_TIMEOUT(detach, calls_while_the_last_group_leaves, 280)
{
	void *(*const work[])(void *) = { mapper, mapper, asker, owner, tracker };
	pthread_t threads[sizeof(work) / sizeof(work[0])];
	unsigned int i, rounds = 0;

	for (i = 0; i < sizeof(work) / sizeof(work[0]); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, work[i],
					    (void *)(uintptr_t)i));
	for (i = 0; i < ROUNDS; i++) {
		rounds += !ioctl(self->group, VFIO_GROUP_UNSET_CONTAINER);
		usleep(i % 5 * 100);
		EXPECT_TRUE(container_set(self->group));
		usleep(i % 7 * 300);
	}
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	for (i = 0; i < sizeof(work) / sizeof(work[0]); i++)
		EXPECT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_EQ(ROUNDS, rounds);
	EXPECT_EQ(0, strange);
}

/* For what must not hang; how long it takes is not judged */
#define HANG		60

/* A call whose argument is not there */
static void *waiter(void *arg)
{
	return (void *)(intptr_t)call(VFIO_IOMMU_UNMAP_DMA, arg);
}

static void *leaver(void *arg)
{
	return (void *)(intptr_t)ioctl(*(int *)arg, VFIO_GROUP_UNSET_CONTAINER);
}

static bool leaves(int group)
{
	struct timespec end;
	pthread_t thread;
	void *ret;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += HANG;
	return !pthread_create(&thread, NULL, leaver, &group) &&
	       !pthread_timedjoin_np(thread, &ret, &end) && !ret;
}

TEST(groups_leave_a_call_that_takes_long)
{
	struct pollfd pollfd = { .events = POLLIN };
	pthread_t thread;
	void *nowhere;

	ASSERT_EQ(0, vmm_open(&vmm, 0, 2));
	memory = vmm.memory;
	vmm_device_close(&vmm.devices[0]);
	vmm_device_close(&vmm.devices[1]);
	nowhere = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, nowhere);
	pollfd.fd = vmm_stall(nowhere, PAGE, O_NONBLOCK);
	ASSERT_LE(0, pollfd.fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, waiter, nowhere));
	ASSERT_EQ(1, poll(&pollfd, 1, HANG * 1000));

	ASSERT_TRUE(leaves(vmm.devices[1].group));
	ASSERT_TRUE(leaves(vmm.devices[0].group));
	/* The container is as new, with the call of before still under way. */
	EXPECT_EQ(-EINVAL, map(0, false));
	EXPECT_TRUE(container_set(vmm.devices[0].group));
	EXPECT_EQ(0, map(0, true));
	EXPECT_EQ(0, map(0, false));

	close(pollfd.fd);
	EXPECT_EQ(0, pthread_join(thread, NULL));
	vmm_close(&vmm);
}

TEST_HARNESS_MAIN
