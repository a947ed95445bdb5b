// SPDX-License-Identifier: GPL-2.0-only
/*
 * A change of a guest's page table: stale before its invalidation, fresh after
 *
 * That a translation is stale first is what makes the test one: the platform
 * keeps what it has cached until it is told otherwise.
 */
#include <errno.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "guest.h"
#include "needs_svatest.h"

#define PAGES		64
#define OLD(i)		(0x01d0000000000000ULL + (i))
#define NEW(i)		(0x2e30000000000000ULL + (i))

#define LEAF		IOMMU_INV_ADDR_FLAGS_LEAF

/* One translation in one of the caches, and an invalidation that covers it */
FIXTURE(cached) {
	struct guest guest;
	uint64_t page;
};

FIXTURE_VARIANT(cached) {
	uint32_t channel_flags;
	uint8_t cache;
	uint8_t granularity;
	uint32_t flags;
};

#define IOTLB		IOMMU_CACHE_INV_TYPE_IOTLB
#define DEV_IOTLB	IOMMU_CACHE_INV_TYPE_DEV_IOTLB
#define PASID_CACHE	IOMMU_CACHE_INV_TYPE_PASID
#define ATS		SVATEST_CF_ATS

FIXTURE_VARIANT_ADD(cached, iotlb_addr) {
	0, IOTLB, IOMMU_INV_GRANU_ADDR, 0 };
FIXTURE_VARIANT_ADD(cached, iotlb_addr_leaf) {
	0, IOTLB, IOMMU_INV_GRANU_ADDR, LEAF };
FIXTURE_VARIANT_ADD(cached, iotlb_pasid) {
	0, IOTLB, IOMMU_INV_GRANU_PASID, 0 };
FIXTURE_VARIANT_ADD(cached, iotlb_domain) {
	0, IOTLB, IOMMU_INV_GRANU_DOMAIN, 0 };
FIXTURE_VARIANT_ADD(cached, iotlb_pasid_with_pasid_cache) {
	0, IOTLB | PASID_CACHE, IOMMU_INV_GRANU_PASID, 0 };
FIXTURE_VARIANT_ADD(cached, iotlb_domain_with_pasid_cache) {
	0, IOTLB | PASID_CACHE, IOMMU_INV_GRANU_DOMAIN, 0 };
FIXTURE_VARIANT_ADD(cached, both_addr) {
	ATS, IOTLB | DEV_IOTLB, IOMMU_INV_GRANU_ADDR, 0 };
FIXTURE_VARIANT_ADD(cached, both_addr_leaf) {
	ATS, IOTLB | DEV_IOTLB, IOMMU_INV_GRANU_ADDR, LEAF };
FIXTURE_VARIANT_ADD(cached, both_pasid) {
	ATS, IOTLB | DEV_IOTLB, IOMMU_INV_GRANU_PASID, 0 };

FIXTURE_SETUP(cached)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	self->page = guest_page(&guest->vmm, NEW(0));
	ASSERT_EQ(0, guest_bind(guest));
	svatest_setup(guest->dev, 0, GUEST_PASID, variant->channel_flags);
}

FIXTURE_TEARDOWN(cached)
{
	guest_close(&self->guest);
}

static int invalidate(struct guest *guest, struct vmm_device *dev,
		      uint8_t cache, uint8_t granularity, uint32_t flags)
{
	struct iommu_cache_invalidate_info info = {
		.argsz = sizeof(info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = cache,
		.granularity = granularity,
	};

	switch (granularity) {
	case IOMMU_INV_GRANU_PASID:
		info.granu.pasid_info = (struct iommu_inv_pasid_info) {
			.flags = IOMMU_INV_PASID_FLAGS_PASID,
			.pasid = GUEST_PASID,
		};
		break;
	case IOMMU_INV_GRANU_ADDR:
		info.granu.addr_info = (struct iommu_inv_addr_info) {
			.flags = IOMMU_INV_ADDR_FLAGS_PASID | flags,
			.pasid = GUEST_PASID,
			.addr = GVA_SRC,
			.granule_size = SIZE_4K,
			.nb_granules = 1,
		};
		break;
	}
	return vmm_invalidate(&guest->vmm, dev, &info);
}

TEST_F(cached, stale_then_fresh)
{
	struct guest *guest = &self->guest;
	uint64_t old = guest_peek(&guest->vmm, guest->src);

	EXPECT_EQ(old, guest_copied(guest, 0));
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) =
		self->page | PGT_READ_WRITE;
	EXPECT_EQ(old, guest_copied(guest, 0));
	EXPECT_EQ(0, invalidate(guest, NULL, variant->cache,
				variant->granularity, variant->flags));
	EXPECT_EQ(NEW(0), guest_copied(guest, 0));
}

TEST_F(cached, mapped_then_gone)
{
	struct guest *guest = &self->guest;
	uint64_t old = guest_peek(&guest->vmm, guest->src);

	EXPECT_EQ(old, guest_copied(guest, 0));
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) = 0;
	EXPECT_EQ(old, guest_copied(guest, 0));
	EXPECT_EQ(0, invalidate(guest, guest->dev, variant->cache,
				variant->granularity, variant->flags));
	EXPECT_EQ(0, guest_copied(guest, 0));
}

TEST_F(cached, writable_then_read_only)
{
	struct guest *guest = &self->guest;
	uint64_t *word = vmm_ptr(&guest->vmm, guest->src);

	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_SRC, NEW(1), 8));
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) &= ~PGT_WRITE;
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_SRC, NEW(2), 8));
	EXPECT_EQ(0, invalidate(guest, NULL, variant->cache,
				variant->granularity, variant->flags));
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_SRC, NEW(3), 8));
	EXPECT_EQ(NEW(2), *word);
}

TEST_F(cached, by_another_name_not_reached)
{
	struct guest *guest = &self->guest;
	struct vmm *vmm = &guest->vmm;
	uint64_t old = guest_peek(vmm, guest->src);

	if (variant->granularity == IOMMU_INV_GRANU_DOMAIN)
		return; /* It names nobody. */

	EXPECT_EQ(old, guest_copied(guest, 0));
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) =
		self->page | PGT_READ_WRITE;
	/* A PASID that is not bound: success, and nothing happens. */
	EXPECT_EQ(0, vmm_invalidate_pasid(vmm, NULL, GUEST_CACHES,
					  GUEST_PASID + 1));
	EXPECT_EQ(0, vmm_invalidate_addr(vmm, NULL, GUEST_CACHES,
					 GUEST_PASID + 1, GVA_SRC, SIZE_4K, 1));
	EXPECT_EQ(0, vmm_invalidate_pasid(vmm, NULL, GUEST_CACHES, ~0U));
	EXPECT_EQ(old, guest_copied(guest, 0));
	EXPECT_EQ(0, invalidate(guest, NULL, variant->cache,
				variant->granularity, variant->flags));
	EXPECT_EQ(NEW(0), guest_copied(guest, 0));
}

/* Each cache keeps what it has when only the other one is invalidated. */
TEST(one_cache_at_a_time)
{
	static const uint8_t granularities[] = {
		IOMMU_INV_GRANU_ADDR, IOMMU_INV_GRANU_PASID,
	};
	struct guest guest;
	uint64_t old, page;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		uint8_t first = i & 1 ? IOTLB : DEV_IOTLB;

		ASSERT_EQ(0, guest_open(&guest, 0, 1));
		page = guest_page(&guest.vmm, NEW(0));
		ASSERT_EQ(0, guest_bind(&guest));
		svatest_setup(guest.dev, 0, GUEST_PASID, ATS);
		old = guest_peek(&guest.vmm, guest.src);
		EXPECT_EQ(old, guest_copied(&guest, 0));
		*pgtable_entry(&guest.pt, GVA_SRC, SIZE_4K) =
			page | PGT_READ_WRITE;
		EXPECT_EQ(0, invalidate(&guest, NULL, first,
					granularities[i / 2], 0));
		EXPECT_EQ(old, guest_copied(&guest, 0));
		/* The device has taken it from the IOTLB once more, or kept it. */
		EXPECT_EQ(0, invalidate(&guest, NULL, IOTLB,
					granularities[i / 2], 0));
		EXPECT_EQ(0, invalidate(&guest, NULL, DEV_IOTLB,
					granularities[i / 2], 0));
		EXPECT_EQ(NEW(0), guest_copied(&guest, 0));
		guest_close(&guest);
	}
}

/* A tag that only the guest's own unit has: everything of the guest goes */
TEST_F(cached, without_pasid)
{
	struct guest *guest = &self->guest;
	uint64_t old = guest_peek(&guest->vmm, guest->src);
	struct iommu_cache_invalidate_info info = {
		.argsz = sizeof(info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = variant->cache & ~PASID_CACHE,
		.granularity = variant->granularity,
	};

	if (variant->granularity == IOMMU_INV_GRANU_PASID) {
		info.granu.pasid_info.flags = IOMMU_INV_PASID_FLAGS_ARCHID;
		info.granu.pasid_info.archid = 7;
	} else if (variant->granularity == IOMMU_INV_GRANU_ADDR) {
		info.granu.addr_info.addr = GVA_SRC;
		info.granu.addr_info.granule_size = SIZE_4K;
		info.granu.addr_info.nb_granules = 1;
	}

	EXPECT_EQ(old, guest_copied(guest, 0));
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) =
		self->page | PGT_READ_WRITE;
	EXPECT_EQ(old, guest_copied(guest, 0));
	EXPECT_EQ(0, vmm_invalidate(&guest->vmm, NULL, &info));
	EXPECT_EQ(NEW(0), guest_copied(guest, 0));
}

/* Many pages, and invalidations of some of them */
FIXTURE(range) {
	struct guest guest;
	uint64_t old[PAGES], new[PAGES];
};

FIXTURE_VARIANT(range) {
	uint32_t channel_flags;
	unsigned int first;
	unsigned int count;
};

FIXTURE_VARIANT_ADD(range, one) { 0, 17, 1 };
FIXTURE_VARIANT_ADD(range, aligned) { 0, 16, 16 };
FIXTURE_VARIANT_ADD(range, odd_start) { 0, 3, 8 };
FIXTURE_VARIANT_ADD(range, odd_number) { 0, 8, 13 };
FIXTURE_VARIANT_ADD(range, across_a_power_of_two) { 0, 31, 2 };
FIXTURE_VARIANT_ADD(range, all) { 0, 0, PAGES };
FIXTURE_VARIANT_ADD(range, one_ats) { ATS, 17, 1 };
FIXTURE_VARIANT_ADD(range, aligned_ats) { ATS, 16, 16 };
FIXTURE_VARIANT_ADD(range, odd_start_ats) { ATS, 3, 8 };
FIXTURE_VARIANT_ADD(range, odd_number_ats) { ATS, 8, 13 };
FIXTURE_VARIANT_ADD(range, across_a_power_of_two_ats) { ATS, 31, 2 };
FIXTURE_VARIANT_ADD(range, all_ats) { ATS, 0, PAGES };

FIXTURE_SETUP(range)
{
	struct guest *guest = &self->guest;
	unsigned int i;

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	for (i = 0; i < PAGES; i++) {
		self->old[i] = guest_page(&guest->vmm, OLD(i));
		self->new[i] = guest_page(&guest->vmm, NEW(i));
		pgtable_map(&guest->pt, GVA_SRC + i * SIZE_4K, self->old[i],
			    SIZE_4K, PGT_READ_WRITE);
	}
	ASSERT_EQ(0, guest_bind(guest));
	svatest_setup(guest->dev, 0, GUEST_PASID, variant->channel_flags);
}

FIXTURE_TEARDOWN(range)
{
	guest_close(&self->guest);
}

static uint64_t page_seen(struct guest *guest, unsigned int i)
{
	if (svatest_copy(guest->dev, 0, GVA_SRC + i * SIZE_4K, GVA_DST,
			 8) != SVATEST_ST_OK)
		return 0;
	return guest_peek(&guest->vmm, guest->dst);
}

TEST_F(range, all_of_it)
{
	struct guest *guest = &self->guest;
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(OLD(i), page_seen(guest, i));
	for (i = 0; i < PAGES; i++)
		*pgtable_entry(&guest->pt, GVA_SRC + i * SIZE_4K, SIZE_4K) =
			self->new[i] | PGT_READ_WRITE;
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(OLD(i), page_seen(guest, i));

	EXPECT_EQ(0, vmm_invalidate_addr(&guest->vmm, NULL, GUEST_CACHES,
					 GUEST_PASID,
					 GVA_SRC + variant->first * SIZE_4K,
					 SIZE_4K, variant->count));
	/* More may be invalidated than was asked for, but not less. */
	for (i = variant->first; i < variant->first + variant->count; i++)
		EXPECT_EQ(NEW(i), page_seen(guest, i));
}

/* Ranges that are large, or lie where arithmetic is difficult */
FIXTURE(edge) {
	struct guest guest;
	uint64_t page;
};

FIXTURE_VARIANT(edge) {
	uint32_t channel_flags;
};

FIXTURE_VARIANT_ADD(edge, untranslated) { 0 };
FIXTURE_VARIANT_ADD(edge, ats) { ATS };

FIXTURE_SETUP(edge)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	self->page = guest_page(&guest->vmm, NEW(0));
	ASSERT_EQ(0, guest_bind(guest));
	svatest_setup(guest->dev, 0, GUEST_PASID, variant->channel_flags);
}

FIXTURE_TEARDOWN(edge)
{
	guest_close(&self->guest);
}

static void change(struct guest *guest, uint64_t page)
{
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) = page | PGT_READ_WRITE;
}

TEST_F(edge, whole_address_space)
{
	struct guest *guest = &self->guest;
	uint64_t old = guest_peek(&guest->vmm, guest->src);

	EXPECT_EQ(old, guest_copied(guest, 0));
	change(guest, self->page);
	EXPECT_EQ(old, guest_copied(guest, 0));
	EXPECT_EQ(0, vmm_invalidate_addr(&guest->vmm, NULL, GUEST_CACHES,
					 GUEST_PASID, 0, SIZE_4K, 1ULL << 52));
	EXPECT_EQ(NEW(0), guest_copied(guest, 0));
}

TEST_F(edge, large_granules)
{
	struct guest *guest = &self->guest;
	uint64_t old = guest_peek(&guest->vmm, guest->src);

	EXPECT_EQ(old, guest_copied(guest, 0));
	change(guest, self->page);
	EXPECT_EQ(0, vmm_invalidate_addr(&guest->vmm, NULL, GUEST_CACHES,
					 GUEST_PASID, GVA_SRC, SIZE_2M, 1));
	EXPECT_EQ(NEW(0), guest_copied(guest, 0));
	change(guest, guest->src);
	EXPECT_EQ(NEW(0), guest_copied(guest, 0));
	EXPECT_EQ(0, vmm_invalidate_addr(&guest->vmm, NULL, GUEST_CACHES,
					 GUEST_PASID, GVA_SRC, SIZE_1G, 2));
	EXPECT_EQ(old, guest_copied(guest, 0));
}

TEST_F(edge, large_page)
{
	struct guest *guest = &self->guest;
	uint64_t first = vmm_alloc(&guest->vmm, SIZE_2M, SIZE_2M);
	uint64_t second = vmm_alloc(&guest->vmm, SIZE_2M, SIZE_2M);
	uint64_t gva = GVA_SRC + SIZE_1G;

	*(uint64_t *)vmm_ptr(&guest->vmm, first + SIZE_2M - 8) = OLD(1);
	*(uint64_t *)vmm_ptr(&guest->vmm, second + SIZE_2M - 8) = NEW(1);
	pgtable_map(&guest->pt, gva, first, SIZE_2M, PGT_READ_WRITE);
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(guest->dev, 0, gva + SIZE_2M - 8,
					      GVA_DST, 8));
	EXPECT_EQ(OLD(1), guest_peek(&guest->vmm, guest->dst));
	pgtable_map(&guest->pt, gva, second, SIZE_2M, PGT_READ_WRITE);
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(guest->dev, 0, gva + SIZE_2M - 8,
					      GVA_DST, 8));
	EXPECT_EQ(OLD(1), guest_peek(&guest->vmm, guest->dst));

	EXPECT_EQ(0, vmm_invalidate_addr(&guest->vmm, NULL, GUEST_CACHES,
					 GUEST_PASID, gva, SIZE_2M, 1));
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(guest->dev, 0, gva + SIZE_2M - 8,
					      GVA_DST, 8));
	EXPECT_EQ(NEW(1), guest_peek(&guest->vmm, guest->dst));
}

TEST_F(edge, upper_level)
{
	struct guest *guest = &self->guest;
	uint64_t old = guest_peek(&guest->vmm, guest->src);
	uint64_t table = vmm_alloc(&guest->vmm, SIZE_4K, SIZE_4K);
	uint64_t *entries = vmm_ptr(&guest->vmm, table);

	EXPECT_EQ(old, guest_copied(guest, 0));
	memset(entries, 0, SIZE_4K);
	entries[GVA_SRC >> 12 & 511] = self->page | PGT_READ_WRITE;
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_2M) = table | PGT_READ_WRITE;
	EXPECT_EQ(old, guest_copied(guest, 0));
	EXPECT_EQ(0, vmm_invalidate_addr(&guest->vmm, NULL, GUEST_CACHES,
					 GUEST_PASID, GVA_SRC, SIZE_4K, 1));
	EXPECT_EQ(NEW(0), guest_copied(guest, 0));
}

/* An invalidation for one device, and one for all of them */
TEST(devices_apart)
{
	struct vmm_device *second;
	struct guest guest;
	uint64_t old, page;

	ASSERT_EQ(0, guest_open(&guest, 0, 2));
	second = &guest.vmm.devices[1];
	old = guest_peek(&guest.vmm, guest.src);
	page = guest_page(&guest.vmm, NEW(0));
	ASSERT_EQ(0, vmm_bind(&guest.vmm, NULL, GUEST_PASID, guest.pt.root, 4));
	svatest_setup(guest.dev, 0, GUEST_PASID, ATS);
	svatest_setup(second, 0, GUEST_PASID, ATS);

	EXPECT_EQ(old, guest_copied(&guest, 0));
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(second, 0, GVA_SRC, GVA_DST, 8));
	change(&guest, page);
	EXPECT_EQ(0, vmm_invalidate_pasid(&guest.vmm, guest.dev, GUEST_CACHES,
					  GUEST_PASID));
	EXPECT_EQ(NEW(0), guest_copied(&guest, 0));
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(second, 0, GVA_SRC, GVA_DST, 8));
	EXPECT_EQ(old, guest_peek(&guest.vmm, guest.dst));
	EXPECT_EQ(0, vmm_invalidate_pasid(&guest.vmm, NULL, GUEST_CACHES,
					  GUEST_PASID));
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(second, 0, GVA_SRC, GVA_DST, 8));
	EXPECT_EQ(NEW(0), guest_peek(&guest.vmm, guest.dst));
	guest_close(&guest);
}

/* The counters that debugfs shows of a binding: addr, pasid, domain */
static int counters(char *text, unsigned int *counts)
{
	char *line = strstr(text, " 5 5 0x");

	return line ? sscanf(line, " 5 5 0x%*x %*u %u %u %u", &counts[0],
			     &counts[1], &counts[2]) : 0;
}

TEST(counted)
{
	unsigned int counts[3];
	struct guest guest;
	char *text;

	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&guest));
	EXPECT_EQ(0, vmm_invalidate_addr(&guest.vmm, NULL, GUEST_CACHES,
					 GUEST_PASID, GVA_SRC, SIZE_4K, 1));
	EXPECT_EQ(0, vmm_invalidate_pasid(&guest.vmm, NULL, GUEST_CACHES,
					  GUEST_PASID));
	EXPECT_EQ(0, vmm_invalidate_pasid(&guest.vmm, NULL, GUEST_CACHES,
					  GUEST_PASID));
	EXPECT_EQ(0, vmm_invalidate_all(&guest.vmm, NULL, IOTLB));
	EXPECT_EQ(0, vmm_invalidate_all(&guest.vmm, NULL, IOTLB));
	EXPECT_EQ(0, vmm_invalidate_all(&guest.vmm, NULL, IOTLB));
	/* These hit nothing. */
	EXPECT_EQ(0, vmm_invalidate_pasid(&guest.vmm, NULL, GUEST_CACHES, 6));
	EXPECT_EQ(0, vmm_invalidate_all(&guest.vmm, NULL, PASID_CACHE));

	text = guest_bindings();
	ASSERT_EQ(3, counters(text, counts));
	EXPECT_EQ(1, counts[0]);
	EXPECT_EQ(2, counts[1]);
	EXPECT_EQ(3, counts[2]);
	free(text);
	guest_close(&guest);
}

TEST_HARNESS_MAIN
