// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that take long to invalidate their translation cache, or for ever
 *
 * Time is counted in time-outs of the unit, which is what an invalidation may take
 * that is not completed. SVATEST_INV_TIMEOUT_MS says how long that is. What is counted
 * exactly are the invalidations that a device gets; the bounds of time have room for
 * a slow machine.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"

#define PARAMETERS	"/sys/module/intel_iommu_ats/parameters/"
#define TOLERANCE	3

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static unsigned int timeout_ms(void)
{
	const char *text = getenv("SVATEST_INV_TIMEOUT_MS");

	return text ? atoi(text) : 1000;
}

/* Time since @begin, in time-outs */
static double timeouts_since(double begin)
{
	return (now() - begin) * 1000 / timeout_ms();
}

/* Set a parameter; what it was, or -1 */
static int set_parameter(const char *name, unsigned int value)
{
	char path[128], text[16] = "";
	int fd, old = -1;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) > 0)
		old = atoi(text);
	snprintf(text, sizeof(text), "%u", value);
	if (pwrite(fd, text, strlen(text), 0) < 0)
		old = -1;
	close(fd);
	return old;
}

/* An owner that invalidates again and again, and how long the longest one took */
struct owner {
	struct guest *guest;
	pthread_t thread;
	atomic_bool stop;
	atomic_uint turns;
	double worst;
};

static void invalidate(struct guest *guest)
{
	vmm_invalidate_addr(&guest->vmm, NULL, GUEST_CACHES, GUEST_PASID, GVA_SRC,
			    SIZE_4K, 1);
}

static void *owner_runs(void *arg)
{
	struct owner *owner = arg;

	while (!owner->stop) {
		double begin = now(), took;

		invalidate(owner->guest);
		took = timeouts_since(begin);
		if (took > owner->worst)
			owner->worst = took;
		owner->turns++;
		usleep(1000);
	}
	return NULL;
}

static void owner_start(struct owner *owner, struct guest *guest)
{
	memset(owner, 0, sizeof(*owner));
	owner->guest = guest;
	pthread_create(&owner->thread, NULL, owner_runs, owner);
	while (!owner->turns)
		usleep(1000);
}

/* The longest invalidation, in time-outs */
static double owner_stop(struct owner *owner)
{
	owner->stop = true;
	pthread_join(owner->thread, NULL);
	return owner->worst;
}

FIXTURE(slow) {
	struct guest guest[3];
	struct guest *bad, *other, *good;
	struct owner neighbour;
	int fd, timeout_ms, slow_ms;
};

/* How a device is found to be too late: the first time-out that is long, or three */
FIXTURE_VARIANT(slow) {
	bool by_time;
	unsigned int timeouts;
};

FIXTURE_VARIANT_ADD(slow, by_time) {
	.by_time = true,
	.timeouts = 1,
};

FIXTURE_VARIANT_ADD(slow, by_count) {
	.by_time = false,
	.timeouts = 3,
};

FIXTURE_SETUP(slow)
{
	unsigned int i;

	self->timeout_ms = set_parameter("timeout_ms",
					 variant->by_time ? timeout_ms() / 2 : 0);
	ASSERT_LE(0, self->timeout_ms);
	self->slow_ms = set_parameter("slow_ms", 0);
	ASSERT_LE(0, self->slow_ms);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, guest_open(&self->guest[i], i, 1));
		ASSERT_EQ(0, guest_bind(&self->guest[i]));
		svatest_setup(self->guest[i].dev, 0, GUEST_PASID, SVATEST_CF_ATS);
		ASSERT_NE(0, guest_copied(&self->guest[i], 0));
	}
	self->bad = &self->guest[0];
	self->other = &self->guest[1];
	self->good = &self->guest[2];
	self->fd = fault_open(self->bad->dev, 0);
	ASSERT_LE(0, self->fd);
	owner_start(&self->neighbour, self->good);
}

FIXTURE_TEARDOWN(slow)
{
	unsigned int i;

	/* Whatever the other one's device did, this one works. */
	EXPECT_NE(0, guest_copied(self->good, 0));
	close(self->fd);
	for (i = 0; i < 3; i++)
		guest_close(&self->guest[i]);
	set_parameter("timeout_ms", self->timeout_ms);
	set_parameter("slow_ms", self->slow_ms);
}

/* Invalidations that the device has received */
static uint64_t received(struct guest *guest)
{
	return svatest_counter(guest->dev, SVATEST_CNT_INV_PAGE) +
	       svatest_counter(guest->dev, SVATEST_CNT_INV_ALL) +
	       svatest_counter(guest->dev, SVATEST_CNT_INV_GLOBAL);
}

static void hold(struct guest *guest, uint32_t us)
{
	svatest_write(guest->dev, SVATEST_K_INV_HOLD, us);
}

static bool is_cut_off(struct guest *guest)
{
	return !guest_copied(guest, 0);
}

/* The record that says so. Accesses that were tried meanwhile have theirs. */
static bool is_reported(int fd)
{
	struct iommu_fault record;

	do {
		if (!fault_wait(fd, 10000) || fault_next_event(fd, &record) != 1)
			return false;
	} while (record.event.reason != IOMMU_FAULT_REASON_DEVICE_OFF);
	return record.type == IOMMU_FAULT_DMA_UNRECOV && !record.event.flags &&
	       !record.event.pasid && !record.event.addr;
}

TEST_F_TIMEOUT(slow, dead, 600)
{
	uint64_t before = received(self->bad);
	double begin = now();

	hold(self->bad, SVATEST_INV_HOLD_EVER);
	invalidate(self->bad);
	EXPECT_EQ(before + variant->timeouts, received(self->bad));
	EXPECT_GE(variant->timeouts + TOLERANCE, timeouts_since(begin));
	EXPECT_GE(variant->timeouts + TOLERANCE, owner_stop(&self->neighbour));
	EXPECT_TRUE(is_cut_off(self->bad));
	EXPECT_TRUE(is_reported(self->fd));

	/* From then on it costs nothing. */
	begin = now();
	invalidate(self->bad);
	EXPECT_EQ(0, vmm_unbind(&self->bad->vmm, NULL, GUEST_PASID));
	EXPECT_EQ(before + variant->timeouts, received(self->bad));
	EXPECT_GE(TOLERANCE, timeouts_since(begin));
}

TEST_F_TIMEOUT(slow, several_dead, 600)
{
	struct owner first, second;

	owner_start(&first, self->bad);
	owner_start(&second, self->other);
	hold(self->bad, SVATEST_INV_HOLD_EVER);
	hold(self->other, SVATEST_INV_HOLD_EVER);
	while (!is_cut_off(self->bad) || !is_cut_off(self->other))
		usleep(10000);
	/* Each costs the others its own time-outs once. */
	EXPECT_GE(2 * variant->timeouts + TOLERANCE, owner_stop(&first));
	EXPECT_GE(2 * variant->timeouts + TOLERANCE, owner_stop(&second));
	EXPECT_GE(2 * variant->timeouts + TOLERANCE, owner_stop(&self->neighbour));
	EXPECT_TRUE(is_reported(self->fd));
}

/* As slow as it may be: nothing happens to it. */
TEST_F_TIMEOUT(slow, slow_but_legal, 600)
{
	static const unsigned int percent[] = { 10, 50, 99 };
	unsigned int i, j;

	for (i = 0; i < 3; i++) {
		hold(self->bad, timeout_ms() * 10 * percent[i]);
		for (j = 0; j < 4; j++) {
			double begin = now();

			invalidate(self->bad);
			EXPECT_GE(1 + TOLERANCE, timeouts_since(begin));
		}
		EXPECT_FALSE(is_cut_off(self->bad));
	}
	EXPECT_GE(1 + TOLERANCE, owner_stop(&self->neighbour));
	EXPECT_FALSE(fault_wait(self->fd, 0));
	hold(self->bad, 0);
}

/* It works until it does not. */
TEST_F_TIMEOUT(slow, dies_in_the_middle, 600)
{
	struct owner owner;
	unsigned int i;

	owner_start(&owner, self->bad);
	for (i = owner.turns; owner.turns < i + 20;)
		usleep(1000);
	hold(self->bad, SVATEST_INV_HOLD_EVER);
	while (!is_cut_off(self->bad))
		usleep(10000);
	EXPECT_GE(variant->timeouts + TOLERANCE, owner_stop(&owner));
	EXPECT_GE(variant->timeouts + TOLERANCE, owner_stop(&self->neighbour));
	EXPECT_TRUE(is_reported(self->fd));
}

#define MANY		513
#define SLOW_TIMEOUTS	4

/*
 * A change of the second stage is for every PASID of a device. However slow the
 * device is, its owner comes back, and others wait for one invalidation at most.
 */
TEST_F_TIMEOUT(slow, many_pasids, 600)
{
	struct vmm *vmm = &self->bad->vmm;
	unsigned int i;
	uint64_t before;
	double begin;

	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(100 + i, vmm_pasid_alloc(vmm, 100 + i, 100 + i));
		ASSERT_EQ(0, vmm_bind(vmm, NULL, 100 + i, self->bad->pt.root, 4));
	}
	begin = now();
	EXPECT_EQ(0, vmm_unmap_dma(vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	TH_LOG("fast: %.3f time-outs", timeouts_since(begin));
	EXPECT_GE(TOLERANCE, timeouts_since(begin));

	ASSERT_EQ(0, vmm_map_dma(vmm, VMM_GPA_BASE, SIZE_4K));
	set_parameter("slow_ms", SLOW_TIMEOUTS * timeout_ms());
	hold(self->bad, timeout_ms() * 900);
	before = received(self->bad);
	begin = now();
	EXPECT_EQ(0, vmm_unmap_dma(vmm, VMM_GPA_BASE, SIZE_4K));
	TH_LOG("slow: %.3f time-outs", timeouts_since(begin));
	/* Two rounds, the budget, and what was under way when it was used up */
	EXPECT_GE(SLOW_TIMEOUTS + 2 + TOLERANCE, timeouts_since(begin));
	EXPECT_GT(MANY / 2, received(self->bad) - before);
	EXPECT_GE(1 + TOLERANCE, owner_stop(&self->neighbour));
	hold(self->bad, 0);
}

TEST_HARNESS_MAIN
