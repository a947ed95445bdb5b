// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same device and page tables through iommufd, without a PASID
 *
 * Nothing of what is under test in the other programs takes part here: the
 * kernel code was written for hardware. What holds here tells about the
 * platform that all of the programs run on.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "../kselftest_harness.h"
#include "guest.h"
#include "host.h"

#define PATTERN		0x1122334455667788ULL
#define OTHER		0x99aabbccddeeff00ULL

#define ECAP_NEST	(1ULL << 26)
#define ECAP_SSADS	(1ULL << 45)

static int invalidate(struct host *host, uint32_t hwpt, uint64_t addr,
		      uint64_t npages, uint32_t flags)
{
	struct iommu_hwpt_vtd_s1_invalidate entry = {
		.addr = addr, .npages = npages, .flags = flags,
	};
	struct iommu_hwpt_invalidate request = {
		.size = sizeof(request),
		.hwpt_id = hwpt,
		.data_uptr = (uintptr_t)&entry,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = sizeof(entry),
		.entry_num = 1,
	};

	return ioctl(host->iommufd, IOMMU_HWPT_INVALIDATE, &request) ? -errno : 0;
}

/* Nested translation for requests without PASID */
FIXTURE(nested) {
	struct host host;
	struct guest *guest;
	uint32_t parent;
	uint32_t hwpt;
};

FIXTURE_VARIANT(nested) {
	unsigned int levels;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(nested, untranslated) { 4, 0 };
FIXTURE_VARIANT_ADD(nested, ats) { 4, SVATEST_CF_ATS };
FIXTURE_VARIANT_ADD(nested, untranslated_5_levels) { 5, 0 };

FIXTURE_SETUP(nested)
{
	struct host *host = &self->host;
	struct guest *guest = &host->guest;

	self->guest = guest;
	ASSERT_EQ(0, host_open(host, 1));
	if (variant->levels == 5) {
		pgtable_init(&guest->pt, &guest->vmm, 5);
		pgtable_map(&guest->pt, GVA_SRC, guest->src, SIZE_4K,
			    PGT_READ_WRITE);
		pgtable_map(&guest->pt, GVA_DST, guest->dst, SIZE_4K,
			    PGT_READ_WRITE);
	}
	ASSERT_EQ(0, host_alloc(host, IOMMU_HWPT_ALLOC_NEST_PARENT, host->ioas,
				NULL, &self->parent));
	ASSERT_EQ(0, host_alloc_nested(host, self->parent, &guest->pt,
				       &self->hwpt));
	ASSERT_EQ(0, host_attach(host, 0, self->hwpt));
	svatest_setup(guest->dev, 0, SVATEST_NO_PASID, variant->flags);
}

FIXTURE_TEARDOWN(nested)
{
	host_close(&self->host);
}

TEST_F(nested, dma)
{
	struct guest *guest = self->guest;

	EXPECT_EQ(guest_peek(&guest->vmm, guest->src), guest_copied(guest, 0));
	EXPECT_EQ(0, memcmp(vmm_ptr(&guest->vmm, guest->src),
			    vmm_ptr(&guest->vmm, guest->dst), SIZE_4K));

	/* The address of a page is not the address of the memory behind. */
	EXPECT_EQ(SVATEST_ST_ACCESS,
		  svatest_fill(guest->dev, 0, guest->dst, PATTERN, 8));
}

TEST_F(nested, accessed_and_dirty)
{
	struct guest *guest = self->guest;

	EXPECT_NE(0, guest_copied(guest, 0));
	EXPECT_EQ(PGT_ACCESSED,
		  *pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) &
		  (PGT_ACCESSED | PGT_DIRTY));
	EXPECT_EQ(PGT_ACCESSED | PGT_DIRTY,
		  *pgtable_entry(&guest->pt, GVA_DST, SIZE_4K) &
		  (PGT_ACCESSED | PGT_DIRTY));
}

TEST_F(nested, large_pages)
{
	struct guest *guest = self->guest;
	uint64_t gpa = vmm_alloc(&guest->vmm, SIZE_2M, SIZE_2M);
	volatile uint64_t *word = vmm_ptr(&guest->vmm, gpa + SIZE_2M - 8);

	pgtable_map(&guest->pt, GVA_DST + SIZE_2M, gpa, SIZE_2M, PGT_READ_WRITE);
	pgtable_map(&guest->pt, GVA_DST + SIZE_1G, VMM_GPA_BASE, SIZE_1G,
		    PGT_READ_WRITE);
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_DST + 2 * SIZE_2M - 8,
					      PATTERN, 8));
	EXPECT_EQ(PATTERN, *word);
	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_fill(guest->dev, 0, GVA_DST + SIZE_1G + gpa - VMM_GPA_BASE +
			       SIZE_2M - 8, OTHER, 8));
	EXPECT_EQ(OTHER, *word);
}

TEST_F(nested, faults)
{
	struct guest *guest = self->guest;
	uint64_t faults = svatest_counter(guest->dev, SVATEST_CNT_FAULTS);
	volatile uint64_t *entry;

	/* Not present; a page of 4 KiB beside is cached by then. */
	EXPECT_NE(0, guest_copied(guest, 0));
	EXPECT_EQ(SVATEST_ST_ACCESS,
		  svatest_fill(guest->dev, 0, GVA_DST + SIZE_4K, PATTERN, 8));

	/* No right to write, in a page that is in no cache */
	pgtable_map(&guest->pt, GVA_DST + 2 * SIZE_4K, guest->dst, SIZE_4K,
		    PGT_READ_ONLY);
	EXPECT_EQ(SVATEST_ST_ACCESS,
		  svatest_fill(guest->dev, 0, GVA_DST + 2 * SIZE_4K, PATTERN, 8));

	/* Not for users, at the leaf and further up */
	pgtable_map(&guest->pt, GVA_DST + 3 * SIZE_4K, guest->dst, SIZE_4K,
		    PGT_PRESENT | PGT_WRITE);
	EXPECT_EQ(SVATEST_ST_ACCESS,
		  svatest_fill(guest->dev, 0, GVA_DST + 3 * SIZE_4K, PATTERN, 8));
	pgtable_map(&guest->pt, GVA_DST + SIZE_2M, guest->dst, SIZE_4K,
		    PGT_READ_WRITE);
	entry = pgtable_entry(&guest->pt, GVA_DST + SIZE_2M, SIZE_2M);
	*entry &= ~PGT_USER;
	EXPECT_EQ(SVATEST_ST_ACCESS,
		  svatest_fill(guest->dev, 0, GVA_DST + SIZE_2M, PATTERN, 8));

	/* Memory that the guest does not have */
	pgtable_map(&guest->pt, GVA_DST + 4 * SIZE_4K,
		    VMM_GPA_BASE + VMM_MEMORY_SIZE, SIZE_4K, PGT_READ_WRITE);
	EXPECT_EQ(SVATEST_ST_ACCESS,
		  svatest_fill(guest->dev, 0, GVA_DST + 4 * SIZE_4K, PATTERN, 8));
	EXPECT_EQ(faults + 5, svatest_counter(guest->dev, SVATEST_CNT_FAULTS));

	/* What was not there is not cached. */
	pgtable_map(&guest->pt, GVA_DST + SIZE_4K, guest->dst, SIZE_4K,
		    PGT_READ_WRITE);
	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_fill(guest->dev, 0, GVA_DST + SIZE_4K, PATTERN, 8));
	EXPECT_EQ(PATTERN, guest_peek(&guest->vmm, guest->dst));
}

static const struct {
	uint64_t addr;
	uint64_t npages;
	uint32_t flags;
} ranges[] = {
	{ GVA_SRC, 1, 0 },
	{ GVA_SRC, 1, IOMMU_VTD_INV_FLAGS_LEAF },
	{ GVA_SRC - SIZE_4K, 3, 0 },
	{ GVA_SRC - SIZE_2M, 1024, 0 },
	{ 0, ULLONG_MAX, 0 },
};

TEST_F(nested, stale_until_invalidated)
{
	struct guest *guest = self->guest;
	volatile uint64_t *entry = pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K);
	uint64_t pages[2], values[2] = { PATTERN, OTHER };
	unsigned int i, now = 0;

	for (i = 0; i < 2; i++)
		pages[i] = guest_page(&guest->vmm, values[i]);
	*entry = pages[0] | PGT_READ_WRITE;
	EXPECT_EQ(values[0], guest_copied(guest, 0));

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		*entry = pages[!now] | PGT_READ_WRITE;
		EXPECT_EQ(values[now], guest_copied(guest, 0));

		/* One that does not cover the page */
		EXPECT_EQ(0, invalidate(&self->host, self->hwpt,
					GVA_DST + SIZE_1G, 16, 0));
		EXPECT_EQ(values[now], guest_copied(guest, 0));

		EXPECT_EQ(0, invalidate(&self->host, self->hwpt, ranges[i].addr,
					ranges[i].npages, ranges[i].flags));
		now = !now;
		EXPECT_EQ(values[now], guest_copied(guest, 0)) {
			TH_LOG("range %u", i);
		}
	}
}

TEST_F(nested, mapped_then_gone)
{
	struct guest *guest = self->guest;

	EXPECT_NE(0, guest_copied(guest, 0));
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) = 0;
	EXPECT_NE(0, guest_copied(guest, 0));
	EXPECT_EQ(0, invalidate(&self->host, self->hwpt, GVA_SRC, 1, 0));
	EXPECT_EQ(0, guest_copied(guest, 0));
}

/* The kernel answers for the second stage: what it unmaps is gone at once. */
TEST_F(nested, memory_unmapped)
{
	struct guest *guest = self->guest;

	EXPECT_NE(0, guest_copied(guest, 0));
	ASSERT_EQ(0, host_unmap(&self->host, guest->src, SIZE_4K));
	EXPECT_EQ(0, guest_copied(guest, 0));
	ASSERT_EQ(0, host_map(&self->host, guest->src, SIZE_4K));
	EXPECT_NE(0, guest_copied(guest, 0));
}

TEST_F(nested, table_replaced)
{
	struct guest *guest = self->guest;
	struct pgtable other;
	uint32_t hwpt;

	EXPECT_NE(0, guest_copied(guest, 0));
	pgtable_init(&other, &guest->vmm, variant->levels);
	pgtable_map(&other, GVA_SRC, guest_page(&guest->vmm, OTHER), SIZE_4K,
		    PGT_READ_ONLY);
	pgtable_map(&other, GVA_DST, guest->dst, SIZE_4K, PGT_READ_WRITE);
	ASSERT_EQ(0, host_alloc_nested(&self->host, self->parent, &other, &hwpt));
	ASSERT_EQ(0, host_attach(&self->host, 0, hwpt));
	EXPECT_EQ(OTHER, guest_copied(guest, 0));

	ASSERT_EQ(0, host_attach(&self->host, 0, self->hwpt));
	EXPECT_EQ(guest_peek(&guest->vmm, guest->src), guest_copied(guest, 0));
}

TEST_F(nested, detached)
{
	struct guest *guest = self->guest;

	EXPECT_NE(0, guest_copied(guest, 0));
	ASSERT_EQ(0, host_detach(&self->host, 0));
	EXPECT_EQ(0, guest_copied(guest, 0));
	ASSERT_EQ(0, host_attach(&self->host, 0, self->hwpt));
	EXPECT_NE(0, guest_copied(guest, 0));
}

/* One table for two devices: each has its say, one invalidation serves both. */
TEST_F(nested, two_devices)
{
	struct guest *guest = self->guest;
	struct vmm_device *second = &guest->vmm.devices[1];
	uint64_t page = guest_page(&guest->vmm, OTHER);
	uint64_t dst = guest_page(&guest->vmm, 0);

	ASSERT_EQ(0, host_add_device(&self->host, 1));
	svatest_setup(second, 0, SVATEST_NO_PASID, variant->flags);
	pgtable_map(&guest->pt, GVA_DST + SIZE_4K, dst, SIZE_4K, PGT_READ_WRITE);
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_copy(second, 0, GVA_SRC, GVA_DST + SIZE_4K, SIZE_4K));
	ASSERT_EQ(0, host_attach(&self->host, 1, self->hwpt));
	EXPECT_NE(0, guest_copied(guest, 0));
	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_copy(second, 0, GVA_SRC, GVA_DST + SIZE_4K, SIZE_4K));
	EXPECT_EQ(guest_peek(&guest->vmm, guest->src), guest_peek(&guest->vmm, dst));

	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) = page | PGT_READ_WRITE;
	EXPECT_EQ(0, invalidate(&self->host, self->hwpt, GVA_SRC, 1, 0));
	EXPECT_EQ(OTHER, guest_copied(guest, 0));
	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_copy(second, 0, GVA_SRC, GVA_DST + SIZE_4K, SIZE_4K));
	EXPECT_EQ(OTHER, guest_peek(&guest->vmm, dst));

	ASSERT_EQ(0, host_detach(&self->host, 1));
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_copy(second, 0, GVA_SRC, GVA_DST + SIZE_4K, SIZE_4K));
	EXPECT_EQ(OTHER, guest_copied(guest, 0));
}

/* Second stage alone: DMA by guest-physical addresses */
FIXTURE(paging) {
	struct host host;
	struct guest *guest;
	uint32_t hwpt;
};

FIXTURE_VARIANT(paging) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(paging, untranslated) { 0 };
FIXTURE_VARIANT_ADD(paging, ats) { SVATEST_CF_ATS };

FIXTURE_SETUP(paging)
{
	struct host *host = &self->host;

	self->guest = &host->guest;
	ASSERT_EQ(0, host_open(host, 1));
	ASSERT_EQ(0, host_alloc(host, IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				host->ioas, NULL, &self->hwpt));
	ASSERT_EQ(0, host_attach(host, 0, self->hwpt));
	svatest_setup(self->guest->dev, 0, SVATEST_NO_PASID, variant->flags);
}

FIXTURE_TEARDOWN(paging)
{
	host_close(&self->host);
}

static unsigned int copy_page(struct guest *guest)
{
	return svatest_copy(guest->dev, 0, guest->src, guest->dst, SIZE_4K);
}

TEST_F(paging, hardware_info)
{
	struct iommu_hw_info_vtd vtd = {};
	struct iommu_hw_info info = {
		.size = sizeof(info),
		.dev_id = self->host.dev_ids[0],
		.data_len = sizeof(vtd),
		.data_uptr = (uintptr_t)&vtd,
	};

	ASSERT_EQ(0, ioctl(self->host.iommufd, IOMMU_GET_HW_INFO, &info));
	EXPECT_EQ(IOMMU_HW_INFO_TYPE_INTEL_VTD, info.out_data_type);
	EXPECT_EQ(ECAP_NEST | ECAP_SSADS, vtd.ecap_reg & (ECAP_NEST | ECAP_SSADS));
	EXPECT_EQ(IOMMU_HW_CAP_DIRTY_TRACKING,
		  info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING);
}

TEST_F(paging, dma)
{
	struct guest *guest = self->guest;

	EXPECT_EQ(SVATEST_ST_OK, copy_page(guest));
	EXPECT_EQ(0, memcmp(vmm_ptr(&guest->vmm, guest->src),
			    vmm_ptr(&guest->vmm, guest->dst), SIZE_4K));
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_fill(guest->dev, 0, VMM_GPA_BASE - SIZE_4K, PATTERN, 8));
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_fill(guest->dev, 0, VMM_GPA_BASE + VMM_MEMORY_SIZE,
			       PATTERN, 8));
}

/* The driver turns ATS on here, so the device has a cache to be flushed. */
TEST_F(paging, cached)
{
	struct guest *guest = self->guest;
	uint64_t hits = svatest_counter(guest->dev, SVATEST_CNT_ATC_HITS);

	EXPECT_EQ(SVATEST_ST_OK, copy_page(guest));
	EXPECT_EQ(SVATEST_ST_OK, copy_page(guest));
	EXPECT_EQ(!!(variant->flags & SVATEST_CF_ATS),
		  hits < svatest_counter(guest->dev, SVATEST_CNT_ATC_HITS));
}

TEST_F(paging, unmapped_and_mapped)
{
	struct guest *guest = self->guest;
	volatile uint64_t *dst = vmm_ptr(&guest->vmm, guest->dst);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(SVATEST_ST_OK, copy_page(guest));
		ASSERT_EQ(0, host_unmap(&self->host, guest->dst, SIZE_4K));
		*dst = PATTERN;
		EXPECT_NE(SVATEST_ST_OK, copy_page(guest));
		EXPECT_EQ(PATTERN, *dst);
		ASSERT_EQ(0, host_map(&self->host, guest->dst, SIZE_4K));
	}
	EXPECT_EQ(SVATEST_ST_OK, copy_page(guest));
}

static int dirty_tracking(struct host *host, uint32_t hwpt, uint32_t flags)
{
	struct iommu_hwpt_set_dirty_tracking set = {
		.size = sizeof(set), .hwpt_id = hwpt, .flags = flags,
	};

	return ioctl(host->iommufd, IOMMU_HWPT_SET_DIRTY_TRACKING, &set) ?
	       -errno : 0;
}

/* Which of the first 64 pages of the guest's memory were written since */
static uint64_t dirty_pages(struct host *host, uint32_t hwpt)
{
	uint64_t bitmap[8] = {};
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.hwpt_id = hwpt,
		.iova = VMM_GPA_BASE,
		.length = SIZE_2M,
		.page_size = SIZE_4K,
		.data = (uintptr_t)bitmap,
	};

	return ioctl(host->iommufd, IOMMU_HWPT_GET_DIRTY_BITMAP, &get) ?
	       ~0ULL : bitmap[0];
}

static uint64_t page_bit(uint64_t gpa)
{
	return 1ULL << (gpa - VMM_GPA_BASE) / SIZE_4K;
}

TEST_F(paging, dirty_pages)
{
	struct host *host = &self->host;
	struct guest *guest = self->guest;
	/* A translation that may write counts as a write: ask for none to read. */
	struct svatest_desc copy = {
		.op_flags = SVATEST_OP_COPY | SVATEST_F_NO_WRITE,
		.src = guest->src, .dst = guest->dst, .length = SIZE_4K,
	};

	/* What was cached before tracking began hides no write. */
	EXPECT_EQ(SVATEST_ST_OK, svatest_run(guest->dev, 0, &copy).status);
	ASSERT_EQ(0, dirty_tracking(host, self->hwpt,
				    IOMMU_HWPT_DIRTY_TRACKING_ENABLE));
	EXPECT_EQ(0, dirty_pages(host, self->hwpt));
	EXPECT_EQ(SVATEST_ST_OK, svatest_run(guest->dev, 0, &copy).status);
	EXPECT_EQ(page_bit(guest->dst), dirty_pages(host, self->hwpt));
	EXPECT_EQ(0, dirty_pages(host, self->hwpt));

	/* Reading cleared and flushed, so that a second write is seen as well. */
	EXPECT_EQ(SVATEST_ST_OK, svatest_run(guest->dev, 0, &copy).status);
	EXPECT_EQ(page_bit(guest->dst), dirty_pages(host, self->hwpt));
	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_fill(guest->dev, 0, guest->src, PATTERN, 8));
	EXPECT_EQ(page_bit(guest->src), dirty_pages(host, self->hwpt));
	EXPECT_EQ(0, dirty_tracking(host, self->hwpt, 0));
}

TEST_HARNESS_MAIN
