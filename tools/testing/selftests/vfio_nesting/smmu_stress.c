// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table of context descriptors that comes and goes below a device at work
 *
 * What must hold: the device reads the one page or the other or is refused, no call
 * fails that must not, and who has the device next hears nothing of it all.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_smmu.h"
#include "needs_svatest.h"
#include "pasid_table.h"
#include "smmu_guest.h"

#define ROUNDS		150

/**
 * struct stress - what the threads share
 * @guest: the scene
 * @other: another address space
 * @other_cds: its table
 * @fault_fd: records of the device
 * @end: the one that counts rounds is done
 * @wrong: calls with another result than they may have, and data from elsewhere
 */
struct stress {
	struct smmu_guest guest;
	struct smmu_space other;
	struct smmu_cds other_cds;
	int fault_fd;
	atomic_bool end;
	atomic_uint wrong;
};

static void expect(struct stress *s, bool good)
{
	if (!good)
		s->wrong++;
}

static void *use(void *arg)
{
	struct stress *s = arg;
	uint64_t seen;

	while (!s->end) {
		seen = smmu_guest_seen(&s->guest, s->guest.dev);
		expect(s, !seen || seen == SMMU_OLD || seen == SMMU_NEW);
	}
	return NULL;
}

static void *invalidate(void *arg)
{
	struct stress *s = arg;
	struct vmm *vmm = &s->guest.vmm;

	while (!s->end) {
		smmu_guest_remap(&s->guest, s->guest.page);
		expect(s, !smmu_invalidate_pages(&s->guest.space, NULL, SMMU_VA_SRC, 64));
		smmu_guest_remap(&s->guest, s->guest.src);
		expect(s, !smmu_invalidate_space(&s->guest.space, s->guest.dev));
		expect(s, !vmm_invalidate_all(vmm, NULL, IOMMU_CACHE_INV_TYPE_IOTLB |
							 IOMMU_CACHE_INV_TYPE_PASID));
	}
	return NULL;
}

static void *map(void *arg)
{
	struct stress *s = arg;
	struct vmm *vmm = &s->guest.vmm;

	while (!s->end) {
		expect(s, vmm_unmap_dma(vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE) == 0);
		expect(s, vmm_map_dma(vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE) == 0);
	}
	return NULL;
}

static void *listen(void *arg)
{
	struct iommu_fault records[16];
	struct stress *s = arg;

	while (!s->end)
		if (fault_wait(s->fault_fd, 10))
			expect(s, fault_read(s->fault_fd, records, 16) > 0);
	return NULL;
}

TEST(five_threads)
{
	void *(*const loops[])(void *) = { use, invalidate, map, listen };
	pthread_t threads[ARRAY_SIZE(loops)];
	struct stress s = {};
	struct vmm_device *dev;
	unsigned int i;
	int fd;

	ASSERT_EQ(0, smmu_guest_open(&s.guest, 0, 1));
	dev = s.guest.dev;
	smmu_guest_other(&s.guest, &s.other, &s.other_cds, SMMU_ASID);
	s.fault_fd = fault_open(dev, 0);
	ASSERT_LE(0, s.fault_fd);
	for (i = 0; i < ARRAY_SIZE(loops); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, loops[i], &s));

	for (i = 0; i < ROUNDS; i++) {
		expect(&s, !smmu_cds_set(&s.guest.cds, dev));
		expect(&s, !smmu_cds_set(&s.other_cds, NULL));
		expect(&s, !pasid_table_mode(&s.guest.vmm, dev, IOMMU_PASID_CONFIG_ABORT));
		expect(&s, !pasid_table_unset(&s.guest.vmm, dev));
	}
	s.end = true;
	for (i = 0; i < ARRAY_SIZE(loops); i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, s.wrong);

	/* Closed while it works; what that leaves is not for the next owner. */
	ASSERT_EQ(0, smmu_cds_set(&s.guest.cds, dev));
	EXPECT_EQ(SMMU_OLD, smmu_guest_seen(&s.guest, dev));
	svatest_start_fill(dev, 0, SMMU_VA_NOWHERE, 0, SIZE_2M);
	close(s.fault_fd);
	vmm_device_close(dev);
	ASSERT_EQ(0, vmm_device_open(dev));
	fd = fault_open(dev, 0);
	ASSERT_LE(0, fd);
	EXPECT_FALSE(fault_wait(fd, 0));
	svatest_setup(dev, 0, SVATEST_NO_PASID, 0);
	EXPECT_EQ(SMMU_OLD, smmu_guest_seen_flat(&s.guest, dev));
	close(fd);
	smmu_guest_close(&s.guest);
}

TEST_HARNESS_MAIN
