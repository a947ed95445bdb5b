// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes of the kernel shared with a device: page requests, responses, drain
 *
 * The kernel code was written for hardware: what holds here tells about the
 * platform. It needs a kernel that binds devices to processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "native.h"
#include "pgtable.h"
#include "svatest.h"

#define PATTERN		0x1122334455667788ULL
#define OTHER		0x99aabbccddeeff00ULL
#define PAGES		64

/* More than the first device has PASIDs: see the variant svatest_sva */
#define VICTIMS		20

/* Memory that nobody has touched yet */
static uint64_t *new_memory(uint64_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void channel_setup(const struct vmm_device *dev, unsigned int channel,
			  uint32_t pasid, unsigned int group)
{
	uint32_t base = SVATEST_R_CHANNEL(channel);

	svatest_write(dev, base + SVATEST_C_FLAGS, 0);
	svatest_write(dev, base + SVATEST_C_PRG_PAGES, group);
	svatest_write(dev, base + SVATEST_C_RETRIES, 8);
	svatest_setup(dev, channel, pasid, SVATEST_CF_ATS | SVATEST_CF_PRI);
}

static uint64_t address(const void *memory)
{
	return (uintptr_t)memory;
}

static unsigned int copy(const struct vmm_device *dev, const void *from,
			 void *to, uint32_t size)
{
	return svatest_copy(dev, 0, address(from), address(to), size);
}

static unsigned int fill(const struct vmm_device *dev, void *memory,
			 uint64_t pattern)
{
	return svatest_fill(dev, 0, address(memory), pattern, 8);
}

/* Hits that the tables no longer grant, in the device and in the unit */
static uint64_t stale(const struct vmm_device *dev)
{
	return svatest_counter(dev, SVATEST_CNT_ATC_STALE) +
	       svatest_counter(dev, SVATEST_CNT_UNIT_STALE);
}

/* This process on the first device, by channel 0 */
FIXTURE(sva) {
	struct vmm_device dev;
	int pasid;
	uint64_t stale;
	uint64_t *page;
};

FIXTURE_SETUP(sva)
{
	struct vmm_device *dev = &self->dev;

	ASSERT_EQ(0, native_open(dev, 0, NULL));
	svatest_write(dev, SVATEST_R_CONTROL, SVATEST_CTRL_RESET);
	self->pasid = native_bind(dev);
	ASSERT_LT(0, self->pasid);
	channel_setup(dev, 0, self->pasid, 8);
	self->page = new_memory(SIZE_4K);
	self->page[0] = PATTERN;
	self->stale = stale(dev);
}

/* Each step of these tests waits for the one before: nothing may be stale. */
FIXTURE_TEARDOWN(sva)
{
	EXPECT_EQ(self->stale, stale(&self->dev));
	native_close(&self->dev);
}

TEST_F(sva, own_memory)
{
	uint64_t here = 0;

	EXPECT_EQ(SVATEST_ST_OK, copy(&self->dev, self->page, &here, 8));
	EXPECT_EQ(PATTERN, here);
	EXPECT_EQ(-EBUSY, native_bind(&self->dev));
}

TEST_F(sva, pages_come_on_request)
{
	uint64_t requests = svatest_counter(&self->dev, SVATEST_CNT_PAGE_REQUESTS);
	uint64_t good = svatest_counter(&self->dev, SVATEST_CNT_RESP_SUCCESS);
	uint64_t *from = new_memory(PAGES * SIZE_4K);
	uint64_t *to = new_memory(PAGES * SIZE_4K);
	unsigned int i;

	for (i = 0; i < PAGES * SIZE_4K / 8; i++)
		from[i] = PATTERN + i;
	EXPECT_EQ(SVATEST_ST_OK, copy(&self->dev, from, to, PAGES * SIZE_4K));
	EXPECT_EQ(0, memcmp(from, to, PAGES * SIZE_4K));
	EXPECT_LE(requests + PAGES,
		  svatest_counter(&self->dev, SVATEST_CNT_PAGE_REQUESTS));
	EXPECT_LE(good + PAGES / 8,
		  svatest_counter(&self->dev, SVATEST_CNT_RESP_SUCCESS));
}

TEST_F(sva, zero_page_then_written)
{
	uint64_t *memory = new_memory(SIZE_4K), here = OTHER;

	EXPECT_EQ(SVATEST_ST_OK, copy(&self->dev, memory, &here, 8));
	EXPECT_EQ(0, here);
	memory[0] = PATTERN;
	EXPECT_EQ(SVATEST_ST_OK, copy(&self->dev, memory, &here, 8));
	EXPECT_EQ(PATTERN, here);
}

TEST_F(sva, nothing_there)
{
	uint64_t bad = svatest_counter(&self->dev, SVATEST_CNT_RESP_INVALID);
	uint64_t *memory = new_memory(SIZE_4K);

	munmap(memory, SIZE_4K);
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, fill(&self->dev, memory, OTHER));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID,
		  copy(&self->dev, memory, self->page, 8));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID,
		  svatest_fill(&self->dev, 0, SIZE_4K, OTHER, 8));
	EXPECT_EQ(bad + 3, svatest_counter(&self->dev, SVATEST_CNT_RESP_INVALID));
}

TEST_F(sva, memory_of_the_kernel)
{
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_fill(&self->dev, 0, 0xffff888000001000ULL, OTHER, 8));
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_copy(&self->dev, 0, 0xffffffff81000000ULL,
			       address(self->page), 8));
	EXPECT_EQ(PATTERN, self->page[0]);
}

TEST_F(sva, rights_change)
{
	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, OTHER));
	ASSERT_EQ(0, mprotect(self->page, SIZE_4K, PROT_READ));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, fill(&self->dev, self->page, PATTERN));
	EXPECT_EQ(OTHER, self->page[0]);
	ASSERT_EQ(0, mprotect(self->page, SIZE_4K, PROT_READ | PROT_WRITE));
	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, PATTERN));
	EXPECT_EQ(PATTERN, self->page[0]);
	ASSERT_EQ(0, mprotect(self->page, SIZE_4K, PROT_NONE));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, fill(&self->dev, self->page, OTHER));
}

TEST_F(sva, mapped_anew)
{
	uint64_t *again, here;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, OTHER + i));
		ASSERT_EQ(0, munmap(self->page, SIZE_4K));
		again = mmap(self->page, SIZE_4K, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		ASSERT_EQ(self->page, again);
		EXPECT_EQ(SVATEST_ST_OK, copy(&self->dev, again, &here, 8));
		EXPECT_EQ(0, here);
		again[0] = PATTERN + i;
		EXPECT_EQ(SVATEST_ST_OK, copy(&self->dev, again, &here, 8));
		EXPECT_EQ(PATTERN + i, here);
	}
}

/* Two pages that no naturally aligned range of a sensible size has both of */
TEST_F(sva, rights_change_across_boundary)
{
	uint8_t *place = (uint8_t *)(1ULL << 40) - SIZE_4K;
	uint8_t *area = mmap(place, 2 * SIZE_4K, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			     -1, 0);

	ASSERT_EQ(place, area);
	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, area, OTHER));
	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, area + SIZE_4K, OTHER));
	ASSERT_EQ(0, mprotect(area, 2 * SIZE_4K, PROT_READ));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, fill(&self->dev, area, PATTERN));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID,
		  fill(&self->dev, area + SIZE_4K, PATTERN));
}

TEST_F(sva, all_of_some_gib_unmapped)
{
	const uint64_t size = 5 * SIZE_1G;
	uint8_t *area = mmap(NULL, size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t offset;

	ASSERT_NE(MAP_FAILED, area);
	for (offset = 0; offset < size; offset += SIZE_1G)
		EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, area + offset, OTHER));
	ASSERT_EQ(0, munmap(area, size));
	for (offset = 0; offset < size; offset += SIZE_1G)
		EXPECT_EQ(SVATEST_ST_PAGE_INVALID,
			  fill(&self->dev, area + offset, OTHER));
}

TEST_F(sva, huge_page)
{
	uint8_t *area = (uint8_t *)new_memory(2 * SIZE_2M);
	uint64_t *memory = (uint64_t *)((address(area) + SIZE_2M - 1) &
					~(SIZE_2M - 1));
	unsigned int i;

	madvise(memory, SIZE_2M, MADV_HUGEPAGE);
	for (i = 0; i < 512; i += 32)
		EXPECT_EQ(SVATEST_ST_OK,
			  fill(&self->dev, memory + 512 * i, PATTERN + i));
	for (i = 0; i < 512; i += 32)
		EXPECT_EQ(PATTERN + i, memory[512 * i]);
	ASSERT_EQ(0, madvise(memory, SIZE_2M, MADV_DONTNEED));
	for (i = 0; i < 512; i += 32) {
		uint64_t here = OTHER;

		EXPECT_EQ(SVATEST_ST_OK,
			  copy(&self->dev, memory + 512 * i, &here, 8));
		EXPECT_EQ(0, here);
	}
}

/* What the child got by fork() is not the device's to change. */
TEST_F(sva, copy_on_write)
{
	int ready[2], done[2], status;
	char byte = 0;
	pid_t child;

	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, PATTERN));
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(done));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (read(done[0], &byte, 1) != 1)
			_exit(2);
		_exit(self->page[0] != PATTERN);
	}
	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, OTHER));
	EXPECT_EQ(OTHER, self->page[0]);
	ASSERT_EQ(1, write(done[1], &byte, 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(sva, unbound)
{
	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, OTHER));
	ASSERT_EQ(0, native_unbind(&self->dev));
	EXPECT_EQ(-ENOENT, native_unbind(&self->dev));

	/* The stop has disabled the channel. Whoever turns it on gets nothing. */
	EXPECT_EQ(SVATEST_ST_ABORTED, fill(&self->dev, self->page, PATTERN));
	channel_setup(&self->dev, 0, self->pasid, 1);
	EXPECT_NE(SVATEST_ST_OK, fill(&self->dev, self->page, PATTERN));
	EXPECT_EQ(OTHER, self->page[0]);

	ASSERT_LT(0, native_bind(&self->dev));
	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, PATTERN));
	EXPECT_EQ(PATTERN, self->page[0]);
}

TEST_F(sva, two_devices)
{
	struct vmm_device second;

	ASSERT_EQ(0, native_open(&second, 1, NULL));
	ASSERT_EQ(self->pasid, native_bind(&second));
	channel_setup(&second, 0, self->pasid, 8);
	EXPECT_EQ(SVATEST_ST_OK, fill(&second, self->page, OTHER));
	EXPECT_EQ(OTHER, self->page[0]);
	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, PATTERN));

	/* Both have the page cached: both lose it. */
	ASSERT_EQ(0, munmap(self->page, SIZE_4K));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, fill(&self->dev, self->page, OTHER));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, fill(&second, self->page, OTHER));

	self->page = new_memory(SIZE_4K);
	ASSERT_EQ(0, native_unbind(&second));
	channel_setup(&second, 0, self->pasid, 1);
	EXPECT_NE(SVATEST_ST_OK, fill(&second, self->page, PATTERN));
	EXPECT_EQ(SVATEST_ST_OK, fill(&self->dev, self->page, OTHER));
	EXPECT_EQ(OTHER, self->page[0]);
	native_close(&second);
}

/* From here things happen at once: what is stale meanwhile may be counted. */
FIXTURE(race) {
	struct vmm_device dev;
	int pasid;
};

FIXTURE_SETUP(race)
{
	ASSERT_EQ(0, native_open(&self->dev, 0, NULL));
	svatest_write(&self->dev, SVATEST_R_CONTROL, SVATEST_CTRL_RESET);
	self->pasid = native_bind(&self->dev);
	ASSERT_LT(0, self->pasid);
}

FIXTURE_TEARDOWN(race)
{
	native_close(&self->dev);
}

/* Write a byte to every page of @memory, again and again for @rounds */
static void start_touching(const struct vmm_device *dev, unsigned int channel,
			   void *memory, uint64_t size)
{
	struct svatest_desc touch = {
		.op_flags = SVATEST_OP_TOUCH,
		.dst = address(memory),
		.length = size,
		.imm = 0x5a,
		.imm2 = SIZE_4K,
		.aux = SVATEST_AUX_WRITE,
	};

	svatest_start(dev, channel, &touch);
}

/* Four channels want more pages than the device has credits for. */
TEST_F(race, many_requests)
{
	const uint64_t size = 256 * SIZE_4K;
	uint8_t *memory[4];
	unsigned int i, j;

	for (i = 0; i < 4; i++) {
		memory[i] = (uint8_t *)new_memory(size);
		channel_setup(&self->dev, i, self->pasid, 32);
	}
	for (i = 0; i < 4; i++)
		start_touching(&self->dev, i, memory[i], size);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(SVATEST_ST_OK, svatest_wait(&self->dev, i).status);
		for (j = 0; j < 256; j++)
			EXPECT_EQ(0x5a, memory[i][j * SIZE_4K]);
	}
}

/* The next mapping at this place is none of the device's business. */
TEST_F(race, unmapped_during_dma)
{
	const uint64_t size = 256 * SIZE_4K;
	unsigned int i, j, status, completed = 0;
	uint8_t *memory, *next;

	for (i = 0; i < 32; i++) {
		channel_setup(&self->dev, 0, self->pasid, 4);
		memory = (uint8_t *)new_memory(size);
		start_touching(&self->dev, 0, memory, size);
		usleep(500 * (i % 8));
		next = mmap(memory, size, PROT_READ, MAP_PRIVATE |
			    MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0);
		ASSERT_EQ(memory, next);
		status = svatest_wait(&self->dev, 0).status;
		completed += status == SVATEST_ST_OK;
		EXPECT_TRUE(status == SVATEST_ST_OK ||
			    status == SVATEST_ST_PAGE_INVALID);
		for (j = 0; j < 256; j++)
			EXPECT_EQ(0, next[j * SIZE_4K]);
		munmap(next, size);
	}
	TH_LOG("%u of 32 were over before", completed);
}

/* A process that works on channel 1, until it is killed or ends by itself */
static void victim(const struct vmm_device *dev, int ready, bool by_itself)
{
	const uint64_t size = 4096 * SIZE_4K;
	struct vmm_device again = *dev;
	void *memory = new_memory(size);
	int pasid;

	again.fd = native_open_again(dev);
	pasid = again.fd < 0 ? again.fd : native_bind(&again);
	if (pasid > 0) {
		channel_setup(&again, 1, pasid, 4);
		start_touching(&again, 1, memory, size);
	}
	if (write(ready, &pasid, sizeof(pasid)) < 0 || by_itself)
		_exit(0);
	pause();
}

static int run_victim(const struct vmm_device *dev, bool by_itself)
{
	int ready[2], status, pasid = -1;
	pid_t child;

	if (pipe(ready))
		return -1;
	child = fork();
	if (!child)
		victim(dev, ready[1], by_itself);
	if (read(ready[0], &pasid, sizeof(pasid)) != sizeof(pasid))
		pasid = -1;
	if (!by_itself)
		kill(child, SIGKILL);
	waitpid(child, &status, 0);
	close(ready[0]);
	close(ready[1]);
	return pasid;
}

/* Its number is free for the next process, which must not notice. */
TEST_F(race, exit_under_dma)
{
	int pasids[VICTIMS];
	unsigned int i, j, k, reused = 0;

	channel_setup(&self->dev, 0, self->pasid, 8);
	for (i = 0; i < VICTIMS; i++) {
		uint64_t *memory = new_memory(PAGES * SIZE_4K);

		pasids[i] = run_victim(&self->dev, i & 1);
		ASSERT_LT(0, pasids[i]);
		EXPECT_NE(self->pasid, pasids[i]);
		for (k = 0; k < i; k++)
			reused += pasids[i] == pasids[k];

		/* Channel 1 is out of work, and channel 0 none the worse. */
		EXPECT_NE(SVATEST_ST_OK, svatest_wait(&self->dev, 1).status);
		EXPECT_EQ(SVATEST_ST_OK,
			  svatest_fill(&self->dev, 0, address(memory),
				       PATTERN + i, PAGES * SIZE_4K));
		for (j = 0; j < PAGES; j++)
			EXPECT_EQ(PATTERN + i, memory[512 * j]);
		munmap(memory, PAGES * SIZE_4K);
	}
	EXPECT_NE(0, reused);
	EXPECT_EQ(0, svatest_counter(&self->dev, SVATEST_CNT_RESP_UNKNOWN));
}

/* The same address in two processes, each with a channel */
TEST_F(race, two_processes)
{
	uint64_t *memory = new_memory(PAGES * SIZE_4K);
	struct vmm_device again = self->dev;
	int status, pasid;
	unsigned int i;
	pid_t child;

	channel_setup(&self->dev, 0, self->pasid, 8);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		again.fd = native_open_again(&self->dev);
		pasid = native_bind(&again);
		if (pasid < 0 || pasid == self->pasid)
			_exit(1);
		channel_setup(&again, 1, pasid, 8);
		for (i = 0; i < PAGES; i++) {
			if (svatest_fill(&again, 1, address(memory + 512 * i),
					 OTHER + i, 8) != SVATEST_ST_OK)
				_exit(2);
		}
		for (i = 0; i < PAGES; i++) {
			if (memory[512 * i] != OTHER + i)
				_exit(3);
		}
		_exit(0);
	}
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(SVATEST_ST_OK,
			  fill(&self->dev, memory + 512 * i, PATTERN + i));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(PATTERN + i, memory[512 * i]);
}

/* Does the kernel log a fault at @loud, and none at @silent before? */
static bool logged(int log, const void *loud, const void *silent)
{
	char line[2048], first[32], other[32];
	unsigned int i;
	ssize_t size;

	snprintf(first, sizeof(first), "addr 0x%llx ", (long long)address(loud));
	snprintf(other, sizeof(other), "addr 0x%llx ", (long long)address(silent));
	for (i = 0; i < 3000; i++) {
		while ((size = read(log, line, sizeof(line) - 1)) > 0) {
			line[size] = 0;
			if (strstr(line, other))
				return false;
			if (strstr(line, first))
				return true;
		}
		usleep(10000);
	}
	return false;
}

/* The process is gone, the binding is not: what the device still does is no news. */
TEST(quiet_until_unbound)
{
	uint64_t *silent = new_memory(SIZE_4K), *loud = new_memory(SIZE_4K);
	struct vmm_device dev;
	int status, log;
	pid_t child;

	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, log);
	ASSERT_EQ(0, lseek(log, 0, SEEK_END));
	ASSERT_EQ(0, native_open(&dev, 1, NULL));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(native_bind(&dev));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_LT(0, WEXITSTATUS(status));

	svatest_setup(&dev, 1, WEXITSTATUS(status), 0);
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_fill(&dev, 1, address(silent), PATTERN, 8));
	ASSERT_EQ(0, native_unbind(&dev));
	svatest_setup(&dev, 1, WEXITSTATUS(status), 0);
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(&dev, 1, address(loud), PATTERN, 8));
	EXPECT_TRUE(logged(log, loud, silent));
	native_close(&dev);
	close(log);
}

TEST_HARNESS_MAIN
