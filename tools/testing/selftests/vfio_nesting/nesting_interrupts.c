// SPDX-License-Identifier: GPL-2.0-only
/*
 * A call that waits for a device leaves its CPU to interrupts and to others
 *
 * The device keeps an invalidation until this test lets it go, and the test does so
 * from the very CPU whose thread waits. So nothing here depends on how fast the
 * machine is: a call that keeps the CPU is not over before the unit's time-out, and
 * then the device is cut off. The unit must wait for a minute, as PCIe has it.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"

#define PATIENCE_MS	30000

static int run_on(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus);
}

static int invalidate(struct guest *guest)
{
	return vmm_invalidate_addr(&guest->vmm, NULL, GUEST_CACHES, GUEST_PASID, GVA_SRC,
				   SIZE_4K, 1);
}

static int unbind(struct guest *guest)
{
	return vmm_unbind(&guest->vmm, NULL, GUEST_PASID);
}

static int replace(struct guest *guest)
{
	struct pgtable pt;

	pgtable_init(&pt, &guest->vmm, 4);
	return vmm_bind(&guest->vmm, NULL, GUEST_PASID, pt.root, 4);
}

static int unmap(struct guest *guest)
{
	return vmm_unmap_dma(&guest->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE);
}

static int free_pasid(struct guest *guest)
{
	return vmm_pasid_free(&guest->vmm, GUEST_PASID, GUEST_PASID);
}

struct call {
	int (*make)(struct guest *guest);
	struct guest *guest;
	pthread_t thread;
	atomic_bool done;
	int result;
};

static void *call_runs(void *arg)
{
	struct call *call = arg;

	call->result = run_on(1) ?: call->make(call->guest);
	call->done = true;
	return NULL;
}

static void call_start(struct call *call, int (*make)(struct guest *guest),
		       struct guest *guest)
{
	memset(call, 0, sizeof(*call));
	call->make = make;
	call->guest = guest;
	pthread_create(&call->thread, NULL, call_runs, call);
}

static uint64_t received(struct guest *guest)
{
	return svatest_counter(guest->dev, SVATEST_CNT_INV_PAGE) +
	       svatest_counter(guest->dev, SVATEST_CNT_INV_ALL) +
	       svatest_counter(guest->dev, SVATEST_CNT_INV_GLOBAL);
}

/* The device has got more than @before, and keeps it */
static bool is_held(struct guest *guest, uint64_t before)
{
	unsigned int i;

	for (i = 0; i < PATIENCE_MS && received(guest) == before; i++)
		usleep(1000);
	return received(guest) != before;
}

FIXTURE(interrupts) {
	struct guest bad, good;
	int fd;
};

FIXTURE_VARIANT(interrupts) {
	int (*call)(struct guest *guest);
};

FIXTURE_VARIANT_ADD(interrupts, invalidate) {
	.call = invalidate,
};

FIXTURE_VARIANT_ADD(interrupts, unbind) {
	.call = unbind,
};

FIXTURE_VARIANT_ADD(interrupts, replace) {
	.call = replace,
};

FIXTURE_VARIANT_ADD(interrupts, unmap) {
	.call = unmap,
};

FIXTURE_VARIANT_ADD(interrupts, free_pasid) {
	.call = free_pasid,
};

FIXTURE_SETUP(interrupts)
{
	struct guest *guests[] = { &self->bad, &self->good };
	unsigned int i;

	ASSERT_EQ(0, run_on(0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, guest_open(guests[i], i, 1));
		ASSERT_EQ(0, guest_bind(guests[i]));
		svatest_setup(guests[i]->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
		ASSERT_NE(0, guest_copied(guests[i], 0));
	}
	self->fd = fault_open(self->bad.dev, 0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(interrupts)
{
	close(self->fd);
	guest_close(&self->bad);
	guest_close(&self->good);
}

TEST_F_TIMEOUT(interrupts, cpu_is_for_others, 300)
{
	uint64_t before = received(&self->bad);
	struct call call;

	svatest_write(self->bad.dev, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
	call_start(&call, variant->call, &self->bad);
	EXPECT_TRUE(is_held(&self->bad, before));

	/* Runs there before the call is over, or not before that. */
	EXPECT_EQ(0, run_on(1));
	EXPECT_FALSE(call.done);
	svatest_write(self->bad.dev, SVATEST_K_INV_HOLD, 0);
	pthread_join(call.thread, NULL);
	EXPECT_EQ(0, call.result);

	/* It was late, but not too late: it is not cut off. */
	EXPECT_FALSE(fault_wait(self->fd, 0));
}

/* The same for a guest whose invalidation is behind that of another one */
TEST_F_TIMEOUT(interrupts, cpu_of_a_neighbour, 300)
{
	uint64_t before = received(&self->bad);
	struct call call, other;

	svatest_write(self->bad.dev, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
	call_start(&call, variant->call, &self->bad);
	EXPECT_TRUE(is_held(&self->bad, before));

	before = received(&self->good);
	call_start(&other, invalidate, &self->good);
	EXPECT_EQ(0, run_on(1));
	EXPECT_FALSE(call.done);
	svatest_write(self->bad.dev, SVATEST_K_INV_HOLD, 0);
	pthread_join(other.thread, NULL);
	pthread_join(call.thread, NULL);
	EXPECT_EQ(0, other.result);
	EXPECT_EQ(before + 1, received(&self->good));
	EXPECT_NE(0, guest_copied(&self->good, 0));
	EXPECT_FALSE(fault_wait(self->fd, 0));
}

TEST_HARNESS_MAIN
