// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the emulated platform costs, measured from inside the machine
 *
 * Never a verdict: figures depend on what else the host does. Times are of the
 * machine's clock, counts of the device's counters.
 */
#include <stdio.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>

#include "../kselftest.h"
#include "bench.h"
#include "guest.h"
#include "native.h"

#define SECONDS		1.5
#define BLOCK		0x10000U
#define SLICE		0x100000	/* how much of a run is undivided */
#define RING_LG2	8
#define RING_LEN	(1U << RING_LG2)
#define REQUESTS	256
#define POLLS		10000

/**
 * struct path - a way to memory
 * @dev: the device
 * @ring: the ring, as this process sees it
 * @head: where the device stores the head
 * @ring_dma: the ring, as requests without PASID see it
 * @head_dma: same for the head
 * @src: address of a block to read
 * @dst: address of a block to write
 */
struct path {
	struct vmm_device *dev;
	struct svatest_desc *ring;
	volatile uint64_t *head;
	uint64_t ring_dma;
	uint64_t head_dma;
	uint64_t src;
	uint64_t dst;
};

static void set64(const struct vmm_device *dev, uint32_t reg, uint64_t value)
{
	svatest_write(dev, reg, value);
	svatest_write(dev, reg + 4, value >> 32);
}

static void ring_setup(const struct path *path, uint32_t pasid, uint32_t flags)
{
	uint32_t base = SVATEST_R_CHANNEL(0);
	const struct vmm_device *dev = path->dev;

	svatest_setup(dev, 0, pasid, 0);
	svatest_write(dev, base + SVATEST_C_FLAGS, 0);
	svatest_write(dev, SVATEST_K_SLICE_BYTES, SLICE);
	set64(dev, base + SVATEST_C_RING_BASE, path->ring_dma);
	svatest_write(dev, base + SVATEST_C_RING_SIZE, RING_LG2);
	set64(dev, base + SVATEST_C_HEAD_ADDR, path->head_dma);
	svatest_write(dev, base + SVATEST_C_FLAGS, SVATEST_CF_ENABLE | flags);
}

static void copy_blocks(const struct path *path, const char *name)
{
	const struct vmm_device *dev = path->dev;
	uint64_t bytes, translations;
	unsigned int i, polls, tail = 0;
	double begin;

	for (i = 0; i < RING_LEN; i++)
		path->ring[i] = (struct svatest_desc) {
			.op_flags = SVATEST_OP_COPY,
			.src = path->src, .dst = path->dst, .length = BLOCK,
		};
	bytes = svatest_counter(dev, SVATEST_CNT_BYTES);
	translations = svatest_counter(dev, SVATEST_CNT_TRANSLATIONS);
	begin = bench_now();
	do {
		tail = (tail + RING_LEN - 1) % RING_LEN;
		svatest_write(dev, SVATEST_R_DOORBELL(0) + SVATEST_D_TAIL, tail);
		/* A register that is read keeps the device from its work. */
		for (polls = 1; *path->head != tail; polls++) {
			if (!(polls % POLLS) &&
			    svatest_read(dev, SVATEST_R_ERROR))
				bench_die("the ring stopped");
			sched_yield();
		}
	} while (bench_now() < begin + SECONDS);
	if (svatest_read(dev, SVATEST_R_DOORBELL(0) + SVATEST_D_ERROR))
		bench_die("a copy failed");
	bytes = svatest_counter(dev, SVATEST_CNT_BYTES) - bytes;
	translations = svatest_counter(dev, SVATEST_CNT_TRANSLATIONS) - translations;
	printf("# bench %s, copies of 64 KiB: %.2f GB/s, %llu translations\n",
	       name, bytes / (bench_now() - begin) / 1e9,
	       (unsigned long long)translations);
}

static void immediates(const struct path *path, const char *name)
{
	const struct vmm_device *dev = path->dev;
	struct svatest_desc desc = {
		.op_flags = SVATEST_OP_COPY,
		.src = path->src, .dst = path->dst, .length = 64,
	};
	unsigned long count = 0;
	double begin;

	if (svatest_run(dev, 0, &desc).status != SVATEST_ST_OK)
		bench_die("a copy failed");
	begin = bench_now();
	while (bench_now() < begin + SECONDS) {
		svatest_write(dev, SVATEST_R_DOORBELL(0) + SVATEST_D_START, 1);
		while (svatest_busy(dev, 0))
			;
		count++;
	}
	printf("# bench %s, immediate copies of 64 bytes: %.0f /s\n", name,
	       count / (bench_now() - begin));
}

static void run(const struct path *path, const char *name)
{
	copy_blocks(path, name);
	immediates(path, name);
}

/* Both blocks, the ring and the head in memory of a guest */
static void guest_path(struct vmm *vmm, struct path *path)
{
	path->dev = &vmm->devices[0];
	path->ring_dma = vmm_alloc(vmm, RING_LEN * sizeof(*path->ring), SIZE_4K);
	path->head_dma = vmm_alloc(vmm, SIZE_4K, SIZE_4K);
	path->src = vmm_alloc(vmm, BLOCK, BLOCK);
	path->dst = vmm_alloc(vmm, BLOCK, BLOCK);
	path->ring = vmm_ptr(vmm, path->ring_dma);
	path->head = vmm_ptr(vmm, path->head_dma);
}

static void bench_rid(void)
{
	struct path path;
	struct vmm vmm;

	if (vmm_open_type(&vmm, 0, 1, VFIO_TYPE1v2_IOMMU))
		bench_die("no device");
	guest_path(&vmm, &path);
	ring_setup(&path, SVATEST_NO_PASID, 0);
	run(&path, "no PASID, no device TLB");
	vmm_close(&vmm);
}

static void bench_nested(void)
{
	struct guest guest;
	struct path path;
	uint64_t offset;

	if (guest_open(&guest, 0, 1))
		bench_die("no device");
	guest_path(&guest.vmm, &path);
	for (offset = 0; offset < BLOCK; offset += SIZE_4K) {
		pgtable_map(&guest.pt, GVA_SRC + SIZE_2M + offset,
			    path.src + offset, SIZE_4K, PGT_READ_WRITE);
		pgtable_map(&guest.pt, GVA_DST + SIZE_2M + offset,
			    path.dst + offset, SIZE_4K, PGT_READ_WRITE);
	}
	path.src = GVA_SRC + SIZE_2M;
	path.dst = GVA_DST + SIZE_2M;
	if (guest_bind(&guest))
		bench_die("no binding");
	ring_setup(&path, GUEST_PASID, SVATEST_CF_ATS);
	run(&path, "PASID, nested, device TLB");
	ring_setup(&path, GUEST_PASID, 0);
	run(&path, "PASID, nested, no device TLB");
	guest_close(&guest);
}

/* Requests for a page that is there, @count under way at a time */
static void page_requests(const struct vmm_device *dev, int pasid,
			  unsigned int count)
{
	static uint64_t page[512] __attribute__((aligned(4096)));
	struct svatest_desc request = {
		.op_flags = SVATEST_OP_PAGEREQ,
		.pasid = pasid | SVATEST_DP_VALID,
		.src = (uintptr_t)page,
		.length = count,
		.aux = SVATEST_PR_READ | SVATEST_PR_WRITE | SVATEST_PR_LAST |
		       SVATEST_PR_DISTINCT | SVATEST_PR_WAIT |
		       SVATEST_PR_SAME_ADDR,
	};
	uint64_t done;
	double begin;

	page[0] = 1;
	svatest_setup(dev, 0, pasid, SVATEST_CF_ATS | SVATEST_CF_PRI |
		      SVATEST_CF_TRUSTED);
	done = svatest_counter(dev, SVATEST_CNT_RESP_SUCCESS);
	begin = bench_now();
	do {
		if (svatest_run(dev, 0, &request).status != SVATEST_ST_OK)
			bench_die("a page request failed");
	} while (bench_now() < begin + SECONDS);
	done = svatest_counter(dev, SVATEST_CNT_RESP_SUCCESS) - done;
	printf("# bench page request to response, %u at a time: %.0f /s\n",
	       count, done / (bench_now() - begin));
}

/* Pages that the kernel has to find first; a group of @pages for each request */
static void missing_pages(const struct vmm_device *dev, int pasid,
			  unsigned int pages)
{
	const uint64_t size = 8192 * SIZE_4K;
	struct svatest_desc touch = {
		.op_flags = SVATEST_OP_TOUCH,
		.dst = (uintptr_t)mmap(NULL, size, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		.length = size, .imm2 = SIZE_4K, .aux = SVATEST_AUX_WRITE,
	};
	uint32_t base = SVATEST_R_CHANNEL(0);
	double begin;

	svatest_write(dev, base + SVATEST_C_FLAGS, 0);
	svatest_write(dev, base + SVATEST_C_PRG_PAGES, pages);
	svatest_setup(dev, 0, pasid, SVATEST_CF_ATS | SVATEST_CF_PRI);
	begin = bench_now();
	if (svatest_run(dev, 0, &touch).status != SVATEST_ST_OK)
		bench_die("a page did not come");
	printf("# bench pages brought in, %u in a group: %.0f /s\n", pages,
	       size / SIZE_4K / (bench_now() - begin));
	munmap((void *)(uintptr_t)touch.dst, size);
}

static void bench_sva(void)
{
	struct vmm_device dev;
	int pasid;

	if (native_open(&dev, 0, NULL))
		bench_die("no device");
	pasid = native_bind(&dev);
	if (pasid < 0)
		bench_die("the process cannot be bound");
	page_requests(&dev, pasid, 1);
	page_requests(&dev, pasid, REQUESTS);
	missing_pages(&dev, pasid, 1);
	missing_pages(&dev, pasid, 32);
	native_close(&dev);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*function)(void);
	} benches[] = {
		{ "rid", bench_rid },
		{ "nested", bench_nested },
		{ "sva", bench_sva },
	};
	unsigned int i;

	printf("TAP version 13\n1..1\n");
	for (i = 0; i < ARRAY_SIZE(benches); i++) {
		if (argc != 2 || strcmp(argv[1], benches[i].name))
			continue;
		benches[i].function();
		printf("ok 1 %s\n", argv[1]);
		return 0;
	}
	bench_die("which one: rid, nested, sva?");
}
