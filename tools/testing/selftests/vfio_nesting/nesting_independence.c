// SPDX-License-Identifier: GPL-2.0-only
/*
 * One guest has everything that can make the host wait; another one makes every
 * call there is, and waits for hardware of its own only
 *
 * What the first one has: a device that takes long for each invalidation of its
 * cache, as long as devices may; many bindings; as many page requests waiting as
 * there may be, and nobody who reads them; calls that are in user memory which
 * does not come. Its threads bind, invalidate and free all the time.
 *
 * Time is counted in waits: how long the slow device holds an invalidation. Both
 * devices are behind one unit, whose queue is served in order. So each wait of a
 * call has before it what the threads of the first guest have in the queue at that
 * moment, and no more than that.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"

#define PAGE_REQ	VFIO_NESTING_FAULT_PAGE_REQ
#define PRI		(SVATEST_CF_ATS | SVATEST_CF_PRI)

/* One wait: how long the slow device holds an invalidation */
#define WAIT_MS		150

/*
 * Waits of one call: an unbind has four at most, of PASID cache, IOTLB and device
 * TLB and of the page request queue. Each has one of each thread before it.
 */
#define WAITS		(4 * (THREADS + 1))

/* For the emulated machine, on a host that has much to do */
#define SLACK_MS	2000

#define BOUND_MS	(WAITS * WAIT_MS + SLACK_MS)

/* PASIDs of the first guest: far more waits to free than a call may take */
#define FIRST_PASID	100
#define BINDINGS	200

enum { INVALIDATOR, REPLACER, FREER, THREADS };

static struct guest bad;
static pthread_t threads[THREADS], stalled[3];
static bool done;
static int bad_fault, uffd;
static uint8_t *nowhere;

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static bool over(void)
{
	return __atomic_load_n(&done, __ATOMIC_RELAXED);
}

static void *invalidator(void *arg)
{
	while (!over())
		vmm_invalidate_pasid(&bad.vmm, NULL, GUEST_CACHES, GUEST_PASID);
	return arg;
}

static void *replacer(void *arg)
{
	struct pgtable other;
	unsigned int i;

	pgtable_init(&other, &bad.vmm, 4);
	for (i = 0; !over(); i++)
		vmm_bind(&bad.vmm, NULL, FIRST_PASID + BINDINGS,
			 i % 2 ? other.root : bad.pt.root, 4);
	return arg;
}

static void *freer(void *arg)
{
	unsigned int i;

	while (!over()) {
		vmm_pasid_free(&bad.vmm, FIRST_PASID, FIRST_PASID + BINDINGS - 1);
		for (i = 0; i < BINDINGS && !over(); i++) {
			vmm_pasid_alloc(&bad.vmm, FIRST_PASID + i, FIRST_PASID + i);
			vmm_bind(&bad.vmm, NULL, FIRST_PASID + i, bad.pt.root, 4);
		}
	}
	return arg;
}

/* Memory of the process that is asked for and does not come, until it is over */
static bool make_nowhere(void)
{
	nowhere = mmap(NULL, 4 * SIZE_4K, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (nowhere == MAP_FAILED)
		return false;
	uffd = vmm_stall(nowhere, 4 * SIZE_4K, 0);
	return uffd >= 0;
}

static void *stalled_answer(void *arg)
{
	(void)!write(bad_fault, nowhere, sizeof(struct iommu_page_response));
	return arg;
}

static void *stalled_call(void *arg)
{
	ioctl(bad.vmm.container, VFIO_IOMMU_NESTING_OP, nowhere + SIZE_4K);
	return arg;
}

static void *stalled_reader(void *arg)
{
	(void)!read(bad_fault, nowhere + 2 * SIZE_4K, SIZE_4K);
	return arg;
}

/* A second guest, and all of the first one at work */
FIXTURE(independence) {
	struct guest good;
	struct iommu_fault records[FAULT_ROOM];
	double worst;
	const char *worst_name;
};

FIXTURE_SETUP(independence)
{
	void *(*const work[THREADS])(void *) = { invalidator, replacer, freer };
	void *(*const stalls[])(void *) = {
		stalled_answer, stalled_call, stalled_reader,
	};
	struct fault_counters counters;
	unsigned int i;

	self->worst = 0;
	ASSERT_EQ(0, guest_open(&bad, 0, 1));
	ASSERT_EQ(0, guest_bind(&bad));
	for (i = 0; i <= BINDINGS; i++) {
		ASSERT_EQ((int)(FIRST_PASID + i),
			  vmm_pasid_alloc(&bad.vmm, FIRST_PASID + i,
					  FIRST_PASID + i));
		ASSERT_EQ(0, vmm_bind(&bad.vmm, NULL, FIRST_PASID + i,
				      bad.pt.root, 4));
	}
	bad_fault = fault_open(bad.dev, PAGE_REQ);
	ASSERT_LE(0, bad_fault);
	ASSERT_EQ(0, fault_get_counters(bad.dev, &counters));
	svatest_setup(bad.dev, 0, GUEST_PASID, PRI | SVATEST_CF_TRUSTED);
	svatest_start_requests(bad.dev, 0, GUEST_PASID, GVA_SRC + SIZE_2M,
			       counters.limit, SVATEST_PR_READ |
			       SVATEST_PR_LAST | SVATEST_PR_DISTINCT);
	svatest_wait(bad.dev, 0);
	svatest_write(bad.dev, SVATEST_K_INV_HOLD, WAIT_MS * 1000);

	ASSERT_TRUE(make_nowhere());
	for (i = 0; i < sizeof(stalls) / sizeof(stalls[0]); i++)
		ASSERT_EQ(0, pthread_create(&stalled[i], NULL, stalls[i], NULL));
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, work[i], NULL));
	usleep(2 * WAIT_MS * 1000);
}

FIXTURE_TEARDOWN(independence)
{
	unsigned int i;

	printf("# longest: %s, %.0f ms; a call may take %d ms\n",
	       self->worst_name, self->worst, BOUND_MS);
	svatest_write(bad.dev, SVATEST_K_INV_HOLD, 0);
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	/* What is stalled gets a page of zeros when nobody watches any more. */
	close(uffd);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	/* A reader may be without a record. */
	vmm_device_close(bad.dev);
	for (i = 0; i < sizeof(stalled) / sizeof(stalled[0]); i++)
		pthread_join(stalled[i], NULL);
	close(bad_fault);
	guest_close(&bad);
}

/* TIMED(expected, call): the result, and whether the time was within bounds */
#define TIMED(expected, call) do {					\
	double begin = now_ms(), took;					\
									\
	EXPECT_EQ(expected, call);					\
	took = now_ms() - begin;					\
	EXPECT_GT(BOUND_MS, took) {					\
		TH_LOG("%s took %.0f ms", #call, took);			\
	}								\
	if (took > self->worst) {					\
		self->worst = took;					\
		self->worst_name = #call;				\
	}								\
} while (0)

TEST_F_TIMEOUT(independence, every_call, 250)
{
	struct guest *good = &self->good;
	struct vmm *vmm = &good->vmm;
	struct vfio_nesting_device_info info;
	struct iommu_page_response answer;
	struct pgtable other;
	unsigned int round;
	int fd;

	for (round = 0; round < 3; round++) {
		TIMED(0, guest_open(good, 1, 1));
		TIMED(0, guest_bind(good));
		svatest_setup(good->dev, 0, GUEST_PASID, PRI);
		EXPECT_EQ(guest_peek(vmm, good->src), guest_copied(good, 0));

		TIMED(7, vmm_pasid_alloc(vmm, 7, 7));
		TIMED(0, vmm_bind(vmm, NULL, 7, good->pt.root, 4));
		pgtable_init(&other, vmm, 4);
		TIMED(0, vmm_bind(vmm, NULL, 7, other.root, 4));
		TIMED(0, vmm_invalidate_pasid(vmm, NULL, GUEST_CACHES,
					      GUEST_PASID));
		TIMED(0, vmm_invalidate_addr(vmm, NULL, GUEST_CACHES, GUEST_PASID,
					     GVA_SRC, SIZE_4K, 1));
		TIMED(0, vmm_unbind(vmm, NULL, 7));
		TIMED(0, vmm_pasid_free(vmm, 7, 7));
		/* One that nothing is bound to */
		TIMED(8, vmm_pasid_alloc(vmm, 8, 8));
		TIMED(0, vmm_pasid_free(vmm, 8, 8));
		TIMED(0, vmm_device_info(vmm, good->dev, &info));

		fd = -1;
		TIMED(true, (fd = fault_open(good->dev, PAGE_REQ)) >= 0);
		svatest_start_fill(good->dev, 0, GVA_DST + SIZE_2M, 1, 8);
		TIMED(1, fault_next_group(fd, self->records));
		guest_map_page(good, GVA_DST + SIZE_2M, good->dst);
		TIMED(0, fault_answer(fd, self->records, IOMMU_PAGE_RESP_SUCCESS));
		EXPECT_EQ(SVATEST_ST_OK, svatest_wait(good->dev, 0).status);
		svatest_start_fill(good->dev, 0, GVA_DST + SIZE_2M + SIZE_4K, 1, 8);
		TIMED(1, fault_next_group(fd, self->records));
		answer = fault_response(self->records, IOMMU_PAGE_RESP_INVALID);
		TIMED(0, fault_answer_op(vmm, NULL, &answer));
		svatest_wait(good->dev, 0);
		TIMED(0, close(fd));

		TIMED(0, vmm_unmap_dma(vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
		TIMED(0, vmm_map_dma(vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
		TIMED(0, (vmm_device_close(good->dev), 0));
		TIMED(0, vmm_device_open(good->dev));
		TIMED(0, (guest_close(good), 0));
	}
	/* The first guest was at work all the time. */
	EXPECT_FALSE(over());
}

TEST_HARNESS_MAIN
