// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest asks for does not keep interrupts off
 *
 * The kernel traces when interrupts go off and on, and what goes into the
 * invalidation queue between these. That takes a kernel with TRACE_IRQFLAGS, as
 * lockdep needs it. A section must not have more to do because there are more
 * PASIDs, and must not wait for a device. Neither is judged by how fast the machine
 * is: the first is counted, and in the second the device waits for the test. The
 * irqsoff tracer has the same events, but keeps the longest section only, by a clock
 * that also runs while a virtual CPU does not: it can neither count nor compare.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "guest.h"
#include "needs_svatest.h"

#define TRACING		"/sys/kernel/tracing/"
#define MARK		"let_go"
#define CPUS		8

/* As much as one submission may have, see QI_MAX_BATCHED_DESC_COUNT of the driver */
#define BATCH		16

#define FIRST_PASID	100
#define PATIENCE_MS	30000

static int trace_write(const char *name, const char *text)
{
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), TRACING "%s", name);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int trace_events(const char *on)
{
	return trace_write("events/preemptirq/irq_disable/enable", on) ?:
	       trace_write("events/preemptirq/irq_enable/enable", on) ?:
	       trace_write("events/intel_iommu/qi_submit/enable", on);
}

static int trace_start(void)
{
	return trace_write("tracing_on", "0") ?: trace_write("trace", "") ?:
	       trace_events("1") ?: trace_write("tracing_on", "1");
}

/* Events that did not fit into the buffer */
static unsigned long trace_lost(void)
{
	unsigned long lost = 0, number;
	char path[64], line[256];
	FILE *file;
	int cpu;

	for (cpu = 0; cpu < CPUS; cpu++) {
		snprintf(path, sizeof(path), TRACING "per_cpu/cpu%d/stats", cpu);
		file = fopen(path, "r");
		if (!file)
			continue;
		while (fgets(line, sizeof(line), file))
			if (sscanf(line, "overrun: %lu", &number) == 1)
				lost += number;
		fclose(file);
	}
	return lost;
}

/**
 * struct sections - what the trace has on sections with interrupts off
 * @submitted: descriptors in all
 * @most: descriptors in one section
 * @marks: the test's own marks
 * @across: sections with descriptors that were not over at a mark
 */
struct sections {
	unsigned int submitted;
	unsigned int most;
	unsigned int marks;
	unsigned int across;
};

static int trace_sections(struct sections *sections)
{
	unsigned int work[CPUS] = { };
	bool off[CPUS] = { };
	char line[512];
	FILE *file;
	int cpu;

	memset(sections, 0, sizeof(*sections));
	file = fopen(TRACING "trace", "r");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		const char *word = strchr(line, '[');

		if (line[0] == '#' || !word)
			continue;
		cpu = atoi(word + 1);
		if (cpu < 0 || cpu >= CPUS)
			continue;
		if (strstr(line, ": irq_disable:")) {
			off[cpu] = true;
			work[cpu] = 0;
		} else if (strstr(line, ": irq_enable:")) {
			off[cpu] = false;
		} else if (strstr(line, ": qi_submit:")) {
			sections->submitted++;
			if (off[cpu] && ++work[cpu] > sections->most)
				sections->most = work[cpu];
		} else if (strstr(line, MARK)) {
			sections->marks++;
			for (cpu = 0; cpu < CPUS; cpu++)
				sections->across += off[cpu] && work[cpu];
		}
	}
	fclose(file);
	return 0;
}

FIXTURE(irqsoff) {
	struct guest guest;
	pthread_t thread;
};

FIXTURE_VARIANT(irqsoff) {
	unsigned int pasids;
};

FIXTURE_VARIANT_ADD(irqsoff, one_pasid) {
	.pasids = 1,
};

FIXTURE_VARIANT_ADD(irqsoff, hundred_pasids) {
	.pasids = 100,
};

FIXTURE_VARIANT_ADD(irqsoff, thousand_pasids) {
	.pasids = 1000,
};

static uint32_t pasid(unsigned int i)
{
	return i ? FIRST_PASID + i : GUEST_PASID;
}

FIXTURE_SETUP(irqsoff)
{
	struct guest *guest = &self->guest;
	struct vmm *vmm = &guest->vmm;
	unsigned int i;

	/* What counts is the order over all CPUs. */
	ASSERT_EQ(0, trace_write("trace_clock", "counter"));
	ASSERT_EQ(0, trace_write("buffer_size_kb", "40960"));
	ASSERT_EQ(0, guest_open(guest, 0, 1));
	ASSERT_EQ(0, guest_bind(guest));
	for (i = 1; i < variant->pasids; i++) {
		ASSERT_EQ(pasid(i), vmm_pasid_alloc(vmm, pasid(i), pasid(i)));
		ASSERT_EQ(0, vmm_bind(vmm, NULL, pasid(i), guest->pt.root, 4));
	}
	svatest_setup(guest->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	ASSERT_NE(0, guest_copied(guest, 0));
}

FIXTURE_TEARDOWN(irqsoff)
{
	EXPECT_EQ(0, trace_write("tracing_on", "0"));
	EXPECT_EQ(0, trace_events("0"));
	EXPECT_EQ(0, trace_write("trace_clock", "local"));
	guest_close(&self->guest);
}

/* A slow device, and each call of a guest that can make it busy */
TEST_F_TIMEOUT(irqsoff, work_in_a_section, 600)
{
	struct guest *guest = &self->guest;
	struct vmm *vmm = &guest->vmm;
	struct sections sections;
	unsigned int i;

	svatest_write(guest->dev, SVATEST_K_INV_HOLD, 100);
	ASSERT_EQ(0, trace_start());
	EXPECT_EQ(0, vmm_unmap_dma(vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	for (i = 0; i < variant->pasids; i++) {
		EXPECT_EQ(0, vmm_invalidate_pasid(vmm, NULL, GUEST_CACHES, pasid(i)));
		EXPECT_EQ(0, vmm_bind(vmm, NULL, pasid(i), guest->pt.root + SIZE_4K, 4));
		EXPECT_EQ(0, vmm_unbind(vmm, NULL, pasid(i)));
	}
	ASSERT_EQ(0, trace_write("tracing_on", "0"));
	ASSERT_EQ(0, trace_events("0"));
	ASSERT_EQ(0, trace_sections(&sections));
	ASSERT_EQ(0, trace_lost());
	TH_LOG("%u descriptors, at most %u in a section", sections.submitted, sections.most);
	EXPECT_LE(6 * variant->pasids, sections.submitted);
	EXPECT_LE(1, sections.most);
	EXPECT_GE(BATCH, sections.most);
}

static void *unmaps(void *arg)
{
	struct guest *guest = arg;

	return (void *)(long)vmm_unmap_dma(&guest->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE);
}

static void *unbinds(void *arg)
{
	struct guest *guest = arg;

	return (void *)(long)vmm_unbind(&guest->vmm, NULL, GUEST_PASID);
}

static uint64_t received(struct guest *guest)
{
	return svatest_counter(guest->dev, SVATEST_CNT_INV_PAGE) +
	       svatest_counter(guest->dev, SVATEST_CNT_INV_ALL) +
	       svatest_counter(guest->dev, SVATEST_CNT_INV_GLOBAL);
}

/* A call, up to where the device has its invalidation and does not complete it */
static bool is_held(struct guest *guest, pthread_t *thread, void *(*call)(void *))
{
	uint64_t before = received(guest);
	unsigned int i;

	svatest_write(guest->dev, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
	pthread_create(thread, NULL, call, guest);
	for (i = 0; i < PATIENCE_MS && received(guest) == before; i++)
		usleep(1000);
	return received(guest) != before;
}

static long let_go(struct guest *guest, pthread_t thread)
{
	void *ret;

	svatest_write(guest->dev, SVATEST_K_INV_HOLD, 0);
	pthread_join(thread, &ret);
	return (long)ret;
}

/* Whatever was submitted, interrupts were on again before the device completed it. */
TEST_F_TIMEOUT(irqsoff, no_section_waits, 600)
{
	void *(*calls[])(void *) = { unbinds, unmaps };
	struct guest *guest = &self->guest;
	struct sections sections;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, trace_start());
		EXPECT_TRUE(is_held(guest, &self->thread, calls[i]));
		EXPECT_EQ(0, trace_write("trace_marker", MARK));
		EXPECT_EQ(0, let_go(guest, self->thread));
		ASSERT_EQ(0, trace_write("tracing_on", "0"));
		ASSERT_EQ(0, trace_events("0"));
		ASSERT_EQ(0, trace_sections(&sections));
		ASSERT_EQ(0, trace_lost());
		EXPECT_LE(1, sections.submitted);
		EXPECT_EQ(1, sections.marks);
		EXPECT_EQ(0, sections.across);
	}
}

TEST_HARNESS_MAIN
