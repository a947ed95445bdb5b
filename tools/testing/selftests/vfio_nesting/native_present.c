// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process of the kernel shared with a device that has no page requests, as a
 * virtual function of another machine: the device reaches what is in memory
 *
 * It needs a kernel that binds devices to processes. The device is the last one.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "native.h"
#include "pgtable.h"
#include "svatest.h"

#define PATTERN		0x1122334455667788ULL
#define OTHER		0x99aabbccddeeff00ULL
#define PAGES		64

static uint64_t *new_memory(uint64_t size, int flags)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static uint64_t address(const void *memory)
{
	return (uintptr_t)memory;
}

static unsigned int fill(const struct vmm_device *dev, void *memory,
			 uint64_t pattern)
{
	return svatest_fill(dev, 0, address(memory), pattern, 8);
}

static unsigned int copy(const struct vmm_device *dev, const void *from,
			 void *to, uint32_t size)
{
	return svatest_copy(dev, 0, address(from), address(to), size);
}

static uint64_t stale(const struct vmm_device *dev)
{
	return svatest_counter(dev, SVATEST_CNT_ATC_STALE) +
	       svatest_counter(dev, SVATEST_CNT_UNIT_STALE);
}

static unsigned int last_device(void)
{
	unsigned int index = 0;
	char name[16];

	while (!native_find(index + 1, name, sizeof(name)))
		index++;
	return index;
}

FIXTURE(present) {
	struct vmm_device dev;
	int pasid;
	uint64_t stale;
	uint64_t requests;
	uint64_t *page;
};

/* By its own cache, or each access by the unit */
FIXTURE_VARIANT(present) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(present, translated) { SVATEST_CF_ATS };
FIXTURE_VARIANT_ADD(present, untranslated) { 0 };

FIXTURE_SETUP(present)
{
	struct vmm_device *dev = &self->dev;

	ASSERT_EQ(0, native_open(dev, last_device(), NULL));
	svatest_write(dev, SVATEST_R_CONTROL, SVATEST_CTRL_RESET);
	self->pasid = native_bind(dev);
	ASSERT_LT(0, self->pasid);
	svatest_setup(dev, 0, self->pasid, variant->flags);
	self->page = new_memory(SIZE_4K, MAP_POPULATE);
	self->page[0] = PATTERN;
	self->stale = stale(dev);
	self->requests = svatest_counter(dev, SVATEST_CNT_PAGE_REQUESTS);
}

FIXTURE_TEARDOWN(present)
{
	EXPECT_EQ(self->stale, stale(&self->dev));
	EXPECT_EQ(self->requests,
		  svatest_counter(&self->dev, SVATEST_CNT_PAGE_REQUESTS));
	native_close(&self->dev);
}

TEST_F(present, own_memory)
{
	uint64_t here = 0;

	EXPECT_EQ(SVATEST_ST_OK, copy(&self->dev, self->page, &here, 8));
	EXPECT_EQ(PATTERN, here);
	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, OTHER));
	EXPECT_EQ(OTHER, self->page[0]);
}

TEST_F(present, locked_memory)
{
	const uint64_t size = PAGES * SIZE_4K;
	uint64_t *from = new_memory(size, 0), *to = new_memory(size, 0);
	unsigned int i;

	ASSERT_EQ(0, mlock(from, size));
	ASSERT_EQ(0, mlock(to, size));
	for (i = 0; i < size / 8; i++)
		from[i] = PATTERN + i;
	EXPECT_EQ(SVATEST_ST_OK, copy(&self->dev, from, to, size));
	EXPECT_EQ(0, memcmp(from, to, size));
}

/* Nobody is asked for a page that is not there; touched, it is. */
TEST_F(present, absent_is_refused)
{
	uint64_t *memory = new_memory(SIZE_4K, 0), here = OTHER;

	EXPECT_NE(SVATEST_ST_OK, fill(&self->dev, memory, OTHER));
	EXPECT_NE(SVATEST_ST_OK, copy(&self->dev, memory, &here, 8));
	EXPECT_EQ(OTHER, here);
	memory[0] = PATTERN;
	EXPECT_EQ(SVATEST_ST_OK, copy(&self->dev, memory, &here, 8));
	EXPECT_EQ(PATTERN, here);
}

TEST_F(present, rights_change)
{
	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, OTHER));
	ASSERT_EQ(0, mprotect(self->page, SIZE_4K, PROT_READ));
	EXPECT_NE(SVATEST_ST_OK, fill(&self->dev, self->page, PATTERN));
	EXPECT_EQ(OTHER, self->page[0]);
}

TEST_F(present, mapped_anew)
{
	uint64_t *again, here;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, OTHER + i));
		ASSERT_EQ(0, munmap(self->page, SIZE_4K));
		EXPECT_NE(SVATEST_ST_OK, fill(&self->dev, self->page, OTHER));
		again = mmap(self->page, SIZE_4K, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED |
			     MAP_POPULATE, -1, 0);
		ASSERT_EQ(self->page, again);
		again[0] = PATTERN + i;
		EXPECT_EQ(SVATEST_ST_OK, copy(&self->dev, again, &here, 8));
		EXPECT_EQ(PATTERN + i, here);
	}
}

TEST_F(present, unbound)
{
	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, OTHER));
	ASSERT_EQ(0, native_unbind(&self->dev));
	svatest_setup(&self->dev, 0, self->pasid, variant->flags);
	EXPECT_NE(SVATEST_ST_OK, fill(&self->dev, self->page, PATTERN));
	EXPECT_EQ(OTHER, self->page[0]);

	ASSERT_LT(0, native_bind(&self->dev));
	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, PATTERN));
	EXPECT_EQ(PATTERN, self->page[0]);
}

TEST_HARNESS_MAIN
