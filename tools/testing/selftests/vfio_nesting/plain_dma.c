// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device behind a container of the ordinary type, as any kernel with VFIO has
 * it: what is mapped is reached, and nothing else
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "../kselftest_harness.h"
#include "guest.h"
#include "needs_svatest.h"

#define PATTERN		0x1122334455667788ULL

/* Far from where the guest's memory is mapped */
#define ELSEWHERE	0x7000000000ULL

FIXTURE(plain) {
	struct vmm vmm;
	struct vmm_device *dev;
	uint64_t src, dst;
};

FIXTURE_VARIANT(plain) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(plain, untranslated) { 0 };
FIXTURE_VARIANT_ADD(plain, translated) { SVATEST_CF_ATS };

FIXTURE_SETUP(plain)
{
	ASSERT_EQ(0, vmm_open_type(&self->vmm, 0, 1, VFIO_TYPE1v2_IOMMU));
	self->dev = &self->vmm.devices[0];
	self->src = guest_page(&self->vmm, PATTERN);
	self->dst = guest_page(&self->vmm, 0);
	svatest_setup(self->dev, 0, SVATEST_NO_PASID, variant->flags);
}

FIXTURE_TEARDOWN(plain)
{
	vmm_close(&self->vmm);
}

/* The page at @gpa at another address as well */
static int map_at(struct vmm *vmm, uint64_t iova, uint64_t gpa, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = flags,
		.vaddr = (uintptr_t)vmm_ptr(vmm, gpa),
		.iova = iova, .size = SIZE_4K,
	};

	return ioctl(vmm->container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

static bool copies(struct vmm *vmm, uint64_t from, uint64_t to)
{
	return svatest_copy(&vmm->devices[0], 0, from, to,
			    SIZE_4K) == SVATEST_ST_OK;
}

TEST_F_TIMEOUT(plain, mapped_is_reached, 300)
{
	ASSERT_TRUE(copies(&self->vmm, self->src, self->dst));
	EXPECT_EQ(PATTERN, guest_peek(&self->vmm, self->dst));
}

TEST_F_TIMEOUT(plain, absent_is_refused, 300)
{
	EXPECT_FALSE(copies(&self->vmm, self->src, ELSEWHERE));
	EXPECT_FALSE(copies(&self->vmm, ELSEWHERE, self->dst));
	EXPECT_EQ(0, guest_peek(&self->vmm, self->dst));
}

TEST_F_TIMEOUT(plain, unmapped_is_refused, 300)
{
	ASSERT_EQ(0, map_at(&self->vmm, ELSEWHERE, self->dst,
			    VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE));
	ASSERT_TRUE(copies(&self->vmm, self->src, ELSEWHERE));
	ASSERT_EQ(PATTERN, guest_peek(&self->vmm, self->dst));
	ASSERT_EQ(0, vmm_unmap_dma(&self->vmm, ELSEWHERE, SIZE_4K));

	*(uint64_t *)vmm_ptr(&self->vmm, self->dst) = 0;
	EXPECT_FALSE(copies(&self->vmm, self->src, ELSEWHERE));
	EXPECT_EQ(0, guest_peek(&self->vmm, self->dst));
}

TEST_F_TIMEOUT(plain, mapped_anew_is_another_page, 300)
{
	uint64_t other = guest_page(&self->vmm, 0);

	ASSERT_EQ(0, map_at(&self->vmm, ELSEWHERE, self->dst,
			    VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE));
	ASSERT_TRUE(copies(&self->vmm, self->src, ELSEWHERE));
	*(uint64_t *)vmm_ptr(&self->vmm, self->dst) = 0;
	ASSERT_EQ(0, vmm_unmap_dma(&self->vmm, ELSEWHERE, SIZE_4K));
	ASSERT_EQ(0, map_at(&self->vmm, ELSEWHERE, other,
			    VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE));
	ASSERT_TRUE(copies(&self->vmm, self->src, ELSEWHERE));
	EXPECT_EQ(PATTERN, guest_peek(&self->vmm, other));
	EXPECT_EQ(0, guest_peek(&self->vmm, self->dst));
}

TEST_F_TIMEOUT(plain, read_only_is_not_written, 300)
{
	ASSERT_EQ(0, map_at(&self->vmm, ELSEWHERE, self->src,
			    VFIO_DMA_MAP_FLAG_READ));
	EXPECT_TRUE(copies(&self->vmm, ELSEWHERE, self->dst));
	EXPECT_EQ(PATTERN, guest_peek(&self->vmm, self->dst));
	*(uint64_t *)vmm_ptr(&self->vmm, self->dst) = 0;
	EXPECT_FALSE(copies(&self->vmm, self->dst, ELSEWHERE));
	EXPECT_EQ(PATTERN, guest_peek(&self->vmm, self->src));
}

TEST_HARNESS_MAIN
