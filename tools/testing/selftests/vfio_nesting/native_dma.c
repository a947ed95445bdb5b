// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA mappings of the kernel, first or second stage as the machine has them
 *
 * The kernel code was written for hardware: what holds here tells about the
 * platform. And the other way: an access that an unmapped page still allows is
 * an invalidation that somebody forgot.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "../kselftest_harness.h"
#include "native.h"
#include "pgtable.h"
#include "svatest.h"

#define PATTERN		0x1122334455667788ULL
#define OTHER		0x99aabbccddeeff00ULL
#define LAZY_SECONDS	20

#define ECAP_DT		(1ULL << 2)

/* In the order of their addresses: see the variants dma_* of tools/vm/variants */
#define DEVICE_ATS	0
#define DEVICE_NO_ATS	1

static uint64_t *new_memory(uint64_t size, uint64_t pattern)
{
	uint64_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uint64_t i;

	if (memory == MAP_FAILED)
		return NULL;
	for (i = 0; i < size / 8; i++)
		memory[i] = pattern + i;
	return memory;
}

FIXTURE(dma) {
	struct vmm_device dev;
	uint64_t *src;
	uint64_t *dst;
	uint64_t src_dma;
	uint64_t dst_dma;
};

FIXTURE_VARIANT(dma) {
	const char *domain;
	unsigned int device;
};

FIXTURE_VARIANT_ADD(dma, strict) { "DMA", DEVICE_NO_ATS };
FIXTURE_VARIANT_ADD(dma, strict_ats) { "DMA", DEVICE_ATS };
FIXTURE_VARIANT_ADD(dma, lazy) { "DMA-FQ", DEVICE_NO_ATS };
FIXTURE_VARIANT_ADD(dma, lazy_ats) { "DMA-FQ", DEVICE_ATS };

/* Both device and IOMMU have ATS: the kernel is to use it then. */
static bool has_ats(const struct vmm_device *dev)
{
	return (svatest_read(dev, SVATEST_R_FEATURES) & SVATEST_FEAT_ATS) &&
	       (native_unit_ecap() & ECAP_DT);
}

FIXTURE_SETUP(dma)
{
	struct vmm_device *dev = &self->dev;

	ASSERT_EQ(0, native_open(dev, variant->device, variant->domain));
	self->src = new_memory(SIZE_4K, PATTERN);
	self->dst = new_memory(SIZE_4K, 0);
	ASSERT_EQ(0, native_map(dev, self->src, SIZE_4K, SVATEST_DMA_TO_DEVICE,
				&self->src_dma));
	ASSERT_EQ(0, native_map(dev, self->dst, SIZE_4K,
				SVATEST_DMA_FROM_DEVICE, &self->dst_dma));
	svatest_setup(dev, 0, SVATEST_NO_PASID, SVATEST_CF_ATS);
}

FIXTURE_TEARDOWN(dma)
{
	native_close(&self->dev);
}

static bool is_lazy(const char *domain)
{
	return !strcmp(domain, "DMA-FQ");
}

/* Lazy mode puts the invalidation off: wait until the address is gone. */
static void wait_for_flush(const struct vmm_device *dev, uint64_t dma,
			   const char *domain)
{
	time_t end = time(NULL) + LAZY_SECONDS;
	struct svatest_desc read = {
		.op_flags = SVATEST_OP_CRC, .src = dma, .length = 8,
	};

	while (is_lazy(domain) && time(NULL) < end &&
	       svatest_run(dev, 0, &read).status == SVATEST_ST_OK)
		;
}

static int unmap_for_good(const struct vmm_device *dev, uint64_t dma,
			  const char *domain)
{
	int ret = native_unmap(dev, dma);

	if (!ret)
		wait_for_flush(dev, dma, domain);
	return ret;
}

TEST_F(dma, copied)
{
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(&self->dev, 0, self->src_dma,
					      self->dst_dma, SIZE_4K));
	EXPECT_EQ(0, memcmp(self->src, self->dst, SIZE_4K));
}

TEST_F(dma, own_cache_is_used)
{
	uint64_t hits = svatest_counter(&self->dev, SVATEST_CNT_ATC_HITS);
	unsigned int i;

	for (i = 0; i < 2; i++)
		EXPECT_EQ(SVATEST_ST_OK,
			  svatest_copy(&self->dev, 0, self->src_dma,
				       self->dst_dma, SIZE_4K));
	EXPECT_EQ(has_ats(&self->dev),
		  hits < svatest_counter(&self->dev, SVATEST_CNT_ATC_HITS));
}

TEST_F(dma, no_right_to_write)
{
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(&self->dev, 0, self->src_dma,
					      OTHER, 8));
	EXPECT_EQ(PATTERN, self->src[0]);

	/* Nor once the page is cached for reading */
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(&self->dev, 0, self->src_dma,
					      self->dst_dma, SIZE_4K));
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(&self->dev, 0, self->src_dma,
					      OTHER, 8));
	EXPECT_EQ(PATTERN, self->src[0]);
}

TEST_F(dma, unmapped)
{
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(&self->dev, 0, self->src_dma,
					      self->dst_dma, SIZE_4K));
	ASSERT_EQ(0, unmap_for_good(&self->dev, self->dst_dma, variant->domain));
	self->dst[0] = OTHER;
	EXPECT_NE(SVATEST_ST_OK, svatest_copy(&self->dev, 0, self->src_dma,
					      self->dst_dma, SIZE_4K));
	EXPECT_EQ(OTHER, self->dst[0]);
}

/* The address of one page soon belongs to another. */
TEST_F(dma, address_reused)
{
	uint64_t *pages[16];
	uint64_t dma = 0, last = 0;
	unsigned int i, reused = 0;

	for (i = 0; i < 16; i++) {
		pages[i] = new_memory(SIZE_4K, 0);
		ASSERT_EQ(0, native_map(&self->dev, pages[i], SIZE_4K,
					SVATEST_DMA_BOTH, &dma));
		reused += dma == last;
		EXPECT_EQ(SVATEST_ST_OK,
			  svatest_fill(&self->dev, 0, dma, PATTERN + i, 8));
		EXPECT_EQ(PATTERN + i, pages[i][0]);
		if (i)
			EXPECT_EQ(PATTERN + i - 1, pages[i - 1][0]);
		ASSERT_EQ(0, native_unmap(&self->dev, dma));
		last = dma;
	}
	if (!is_lazy(variant->domain))
		EXPECT_NE(0, reused);
}

TEST_F(dma, many_pages)
{
	const uint64_t size = 256 * SIZE_4K;
	uint64_t *from = new_memory(size, OTHER), *to = new_memory(size, 0);
	uint64_t from_dma, to_dma;
	struct svatest_desc touch = {
		.op_flags = SVATEST_OP_TOUCH, .length = 8,
		.imm = 0xff, .imm2 = SIZE_4K, .aux = SVATEST_AUX_WRITE,
	};
	unsigned int i, allowed = 0;

	ASSERT_EQ(0, native_map(&self->dev, from, size, SVATEST_DMA_TO_DEVICE,
				&from_dma));
	ASSERT_EQ(0, native_map(&self->dev, to, size, SVATEST_DMA_BOTH,
				&to_dma));
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(&self->dev, 0, from_dma, to_dma,
					      size));
	EXPECT_EQ(0, memcmp(from, to, size));

	ASSERT_EQ(0, unmap_for_good(&self->dev, to_dma, variant->domain));
	for (i = 0; i < 256; i++) {
		touch.dst = to_dma + i * SIZE_4K;
		allowed += svatest_run(&self->dev, 0, &touch).status ==
			   SVATEST_ST_OK;
	}
	EXPECT_EQ(0, allowed);
	EXPECT_EQ(0, memcmp(from, to, size));
	munmap(from, size);
	munmap(to, size);
}

/* What a large page covers goes at once, whichever part of it is cached. */
TEST_F(dma, large_page)
{
	uint8_t *area = mmap(NULL, 2 * SIZE_2M, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *memory = (uint64_t *)(((uintptr_t)area + SIZE_2M - 1) &
					~(SIZE_2M - 1));
	uint64_t dma, offset;

	ASSERT_NE(MAP_FAILED, area);
	madvise(memory, SIZE_2M, MADV_HUGEPAGE);
	memset(memory, 0, SIZE_2M);
	ASSERT_EQ(0, native_map(&self->dev, memory, SIZE_2M, SVATEST_DMA_BOTH,
				&dma));
	for (offset = 0; offset < SIZE_2M; offset += 64 * SIZE_4K) {
		EXPECT_EQ(SVATEST_ST_OK,
			  svatest_fill(&self->dev, 0, dma + offset, PATTERN, 8));
		EXPECT_EQ(PATTERN, memory[offset / 8]);
	}
	ASSERT_EQ(0, unmap_for_good(&self->dev, dma, variant->domain));
	for (offset = 0; offset < SIZE_2M; offset += 64 * SIZE_4K)
		EXPECT_NE(SVATEST_ST_OK,
			  svatest_fill(&self->dev, 0, dma + offset, OTHER, 8));
	EXPECT_EQ(PATTERN, memory[0]);
	munmap(area, 2 * SIZE_2M);
}

TEST_F(dma, not_for_others)
{
	struct vmm_device other;
	uint64_t *page = new_memory(SIZE_4K, 0);
	uint64_t dma;

	ASSERT_EQ(0, native_open(&other, !variant->device, variant->domain));
	svatest_setup(&other, 0, SVATEST_NO_PASID, SVATEST_CF_ATS);
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_fill(&other, 0, self->dst_dma, OTHER, 8));
	EXPECT_EQ(0, self->dst[0]);

	ASSERT_EQ(0, native_map(&other, page, SIZE_4K, SVATEST_DMA_BOTH, &dma));
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(&other, 0, dma, OTHER, 8));
	EXPECT_EQ(OTHER, page[0]);
	EXPECT_EQ(0, self->dst[0]);
	native_close(&other);
}

/* All mappings end with the file. */
TEST_F(dma, closed)
{
	int fd = native_open_again(&self->dev);
	struct vmm_device again = self->dev;
	uint64_t dma;

	ASSERT_LE(0, fd);
	again.fd = fd;
	ASSERT_EQ(0, native_map(&again, self->dst, SIZE_4K, SVATEST_DMA_BOTH,
				&dma));
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(&self->dev, 0, dma, PATTERN, 8));
	close(fd);
	wait_for_flush(&self->dev, dma, variant->domain);
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(&self->dev, 0, dma, OTHER, 8));
	EXPECT_EQ(PATTERN, self->dst[0]);
}

/* No translation: the unit passes addresses on. */
FIXTURE(identity) {
	struct vmm_device dev;
};

FIXTURE_VARIANT(identity) {
	unsigned int device;
};

FIXTURE_VARIANT_ADD(identity, no_ats) { DEVICE_NO_ATS };
FIXTURE_VARIANT_ADD(identity, ats) { DEVICE_ATS };

FIXTURE_SETUP(identity)
{
	ASSERT_EQ(0, native_open(&self->dev, variant->device, "identity"));
	svatest_setup(&self->dev, 0, SVATEST_NO_PASID, SVATEST_CF_ATS);
}

FIXTURE_TEARDOWN(identity)
{
	native_close(&self->dev);
}

TEST_F(identity, copied)
{
	uint64_t *src = new_memory(SIZE_4K, PATTERN);
	uint64_t *dst = new_memory(SIZE_4K, 0);
	uint64_t src_dma, dst_dma;
	uint64_t faults = svatest_counter(&self->dev, SVATEST_CNT_FAULTS);

	ASSERT_EQ(0, native_map(&self->dev, src, SIZE_4K, SVATEST_DMA_TO_DEVICE,
				&src_dma));
	ASSERT_EQ(0, native_map(&self->dev, dst, SIZE_4K, SVATEST_DMA_BOTH,
				&dst_dma));
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(&self->dev, 0, src_dma, dst_dma,
					      SIZE_4K));
	EXPECT_EQ(0, memcmp(src, dst, SIZE_4K));
	EXPECT_EQ(faults, svatest_counter(&self->dev, SVATEST_CNT_FAULTS));
}

/* Addresses passed on are cached as well; another kind of translation ends that. */
TEST_F(identity, gone_with_the_domain)
{
	uint64_t *dst = new_memory(SIZE_4K, 0);
	uint64_t dma;

	ASSERT_EQ(0, native_map(&self->dev, dst, SIZE_4K, SVATEST_DMA_BOTH, &dma));
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(&self->dev, 0, dma, PATTERN, 8));
	EXPECT_EQ(PATTERN, dst[0]);
	native_close(&self->dev);
	ASSERT_EQ(0, native_open(&self->dev, variant->device, "DMA"));
	svatest_setup(&self->dev, 0, SVATEST_NO_PASID, SVATEST_CF_ATS);
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(&self->dev, 0, dma, OTHER, 8));
	EXPECT_EQ(PATTERN, dst[0]);
}

TEST_HARNESS_MAIN
