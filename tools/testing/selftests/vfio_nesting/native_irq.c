// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of a device, as the kernel's driver gets them
 *
 * What is waited for is a number of interrupts, by the driver and in
 * /proc/interrupts, and no register is asked before they have come.
 */
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "native.h"
#include "pgtable.h"
#include "svatest.h"

#define COMMANDS	5
#define PATTERN		0x1122334455667788ULL

/* Whoever waits for so long waits for ever; who waits for nothing does not. */
#define COMES_MS	60000
#define NOT_MS		200

/* The kernel moves an interrupt again when the last move is over. */
#define MOVES		1000

#define MAX_CPUS	8
#define BLANK		"\n "
#define ECAP_IR		(1ULL << 3)

/**
 * struct line - what /proc/interrupts says of a vector
 * @irq: its number in the kernel
 * @total: how often it has come
 * @on: the same, by column
 * @chip: name of the interrupt chip
 */
struct line {
	int irq;
	unsigned long total;
	unsigned long on[MAX_CPUS];
	char chip[64];
};

/* Of "NN: count... chip hwirq name" */
static bool parse(char *text, const char *name, struct line *line)
{
	char *colon = strchr(text, ':'), *word, *last = NULL;
	unsigned int cpu = 0;

	memset(line, 0, sizeof(*line));
	if (!colon || !isdigit(colon[-1]))
		return false;
	line->irq = atoi(text);
	for (word = strtok(colon + 1, BLANK); word; word = strtok(NULL, BLANK)) {
		if (isdigit(word[0]) && !line->chip[0] && cpu < MAX_CPUS) {
			line->on[cpu] = strtoul(word, NULL, 10);
			line->total += line->on[cpu++];
		} else if (!line->chip[0]) {
			snprintf(line->chip, sizeof(line->chip), "%s", word);
		}
		last = word;
	}
	return last && !strcmp(last, name);
}

static bool look(const struct vmm_device *dev, unsigned int vector, struct line *line)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char text[512], name[64];
	bool found = false;

	snprintf(name, sizeof(name), "svatest-%s-%u", dev->name, vector);
	while (file && !found && fgets(text, sizeof(text), file))
		found = parse(text, name, line);
	if (file)
		fclose(file);
	return found;
}

static unsigned long total(const struct vmm_device *dev, unsigned int vector)
{
	struct line line;

	return look(dev, vector, &line) ? line.total : -1UL;
}

static unsigned int channels(const struct vmm_device *dev)
{
	return SVATEST_FEAT_CHANNELS(svatest_read(dev, SVATEST_R_FEATURES));
}

/* Channel n has vector n + 1. */
static void channel_setup(const struct vmm_device *dev, unsigned int channel)
{
	uint32_t base = SVATEST_R_CHANNEL(channel);

	svatest_write(dev, base + SVATEST_C_FLAGS, 0);
	svatest_write(dev, base + SVATEST_C_VECTOR, channel + 1);
	svatest_setup(dev, channel, SVATEST_NO_PASID, 0);
}

static void start(const struct vmm_device *dev, unsigned int channel, uint32_t flags)
{
	struct svatest_desc desc = { .op_flags = SVATEST_OP_NOP | flags };

	svatest_start(dev, channel, &desc);
}

FIXTURE(irq) {
	struct vmm_device dev;
};

FIXTURE_SETUP(irq)
{
	struct vmm_device *dev = &self->dev;
	unsigned int i;

	ASSERT_EQ(0, native_open(dev, 0, NULL));
	svatest_write(dev, SVATEST_R_CONTROL, SVATEST_CTRL_RESET);
	for (i = 0; i < channels(dev); i++)
		channel_setup(dev, i);
}

FIXTURE_TEARDOWN(irq)
{
	native_close(&self->dev);
}

TEST_F(irq, of_each_channel)
{
	struct vmm_device *dev = &self->dev;
	unsigned int channel, i;
	unsigned long before;
	uint64_t count;

	ASSERT_LT(0, channels(dev));
	for (channel = 0; channel < channels(dev); channel++) {
		before = total(dev, channel + 1);
		ASSERT_NE(-1UL, before);
		for (i = 0, count = 0; i < COMMANDS; i++) {
			start(dev, channel, SVATEST_F_IRQ);
			EXPECT_EQ(0, native_irq_wait(dev, channel + 1, COMES_MS,
						     &count));
			EXPECT_EQ(i + 1, count);
			EXPECT_FALSE(svatest_busy(dev, channel));
		}
		EXPECT_EQ(before + COMMANDS, total(dev, channel + 1));
	}
	EXPECT_EQ(0, total(dev, 0));
}

/* What the device has written is there when its interrupt is. */
TEST_F(irq, behind_the_data)
{
	struct vmm_device *dev = &self->dev;
	uint64_t *page = aligned_alloc(SIZE_4K, SIZE_4K);
	volatile uint64_t *word = page;
	uint64_t dma, count = 0;
	struct svatest_desc fill = {
		.op_flags = SVATEST_OP_FILL | SVATEST_F_IRQ, .length = SIZE_4K,
	};
	unsigned int i;

	ASSERT_NE(NULL, page);
	memset(page, 0, SIZE_4K);
	ASSERT_EQ(0, native_map(dev, page, SIZE_4K, SVATEST_DMA_FROM_DEVICE, &dma));
	fill.dst = dma;
	for (i = 0; i < COMMANDS; i++) {
		fill.imm = PATTERN + i;
		svatest_start(dev, 0, &fill);
		EXPECT_EQ(0, native_irq_wait(dev, 1, COMES_MS, &count));
		EXPECT_EQ(PATTERN + i, word[SIZE_4K / 8 - 1]);
	}
	ASSERT_EQ(0, native_unmap(dev, dma));
	free(page);
}

/* That the device has stopped a PASID, and that it has met an error */
TEST_F(irq, of_the_function)
{
	struct vmm_device *dev = &self->dev;
	uint64_t count = 0;

	svatest_write(dev, SVATEST_R_PASID_STOP, 1);
	EXPECT_EQ(0, native_irq_wait(dev, 0, COMES_MS, &count));
	EXPECT_EQ(SVATEST_INTR_STOPPED, svatest_read(dev, SVATEST_R_INTR_CAUSE));
	svatest_write(dev, SVATEST_R_CHANNEL(0) + SVATEST_C_PASID, 1);
	EXPECT_EQ(0, native_irq_wait(dev, 0, COMES_MS, &count));
	EXPECT_EQ(SVATEST_INTR_STOPPED | SVATEST_INTR_ERROR,
		  svatest_read(dev, SVATEST_R_INTR_CAUSE));
	EXPECT_EQ(2, count);
	EXPECT_EQ(2, total(dev, 0));
}

TEST_F(irq, none_unasked)
{
	struct vmm_device *dev = &self->dev;
	uint64_t count = 0;

	start(dev, 0, 0);
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(dev, 0).status);
	EXPECT_EQ(-ETIMEDOUT, native_irq_wait(dev, 1, NOT_MS, &count));
	EXPECT_EQ(-ETIMEDOUT, native_irq_wait(dev, 1, 0, &count));
	EXPECT_EQ(0, count);
	EXPECT_EQ(0, total(dev, 1));

	/* Another number than that is there already. */
	count = 7;
	EXPECT_EQ(0, native_irq_wait(dev, 1, 0, &count));
	EXPECT_EQ(0, count);
}

TEST_F(irq, held_back)
{
	struct vmm_device *dev = &self->dev;
	uint64_t count = 0;

	svatest_write(dev, SVATEST_R_INTR_MASK, SVATEST_INTR_CHANNEL(0));
	start(dev, 0, SVATEST_F_IRQ);
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(dev, 0).status);
	EXPECT_EQ(-ETIMEDOUT, native_irq_wait(dev, 1, NOT_MS, &count));
	svatest_write(dev, SVATEST_R_INTR_MASK, 0);
	EXPECT_EQ(0, native_irq_wait(dev, 1, COMES_MS, &count));
	EXPECT_EQ(1, count);
}

static int move_to(int irq, unsigned int cpu)
{
	char path[64];
	FILE *file;
	int ret;

	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity_list", irq);
	file = fopen(path, "w");
	if (!file)
		return -errno;
	ret = fprintf(file, "%u\n", cpu) < 0 ? -errno : 0;
	return fclose(file) ? -errno : ret;
}

/* How many more come elsewhere; the kernel moves one when it comes, if it may. */
static unsigned int until_on(const struct vmm_device *dev, unsigned int cpu)
{
	struct line before, after;
	unsigned int elsewhere;
	uint64_t count = 0;

	for (elsewhere = 0; elsewhere < MOVES; elsewhere++) {
		if (!look(dev, 1, &before))
			return MOVES;
		count = before.total;
		start(dev, 0, SVATEST_F_IRQ);
		if (native_irq_wait(dev, 1, COMES_MS, &count) ||
		    !look(dev, 1, &after) || after.total != before.total + 1)
			return MOVES;
		if (after.on[cpu] == before.on[cpu] + 1)
			return elsewhere;
	}
	return MOVES;
}

TEST_F(irq, by_the_cpu_wanted)
{
	struct vmm_device *dev = &self->dev;
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN), cpu, i;
	struct line line;

	ASSERT_GE(MAX_CPUS, cpus);
	ASSERT_TRUE(look(dev, 1, &line));
	for (i = 0; i < 2 * cpus; i++) {
		cpu = i % cpus;
		ASSERT_EQ(0, move_to(line.irq, cpu));
		EXPECT_GT(MOVES, until_on(dev, cpu));
		EXPECT_EQ(0, until_on(dev, cpu));
	}
}

static bool unit_remaps(void)
{
	return native_unit_ecap() & ECAP_IR;
}

TEST_F(irq, remapped_where_the_unit_does)
{
	struct line line;

	ASSERT_TRUE(look(&self->dev, 0, &line));
	TH_LOG("chip %s", line.chip);
	EXPECT_EQ(unit_remaps(), !strncmp(line.chip, "IR-", 3));
	EXPECT_NE(NULL, strstr(line.chip, "MSIX"));
}

/* The reset of a device is not that of its interrupts. */
TEST_F(irq, after_reset)
{
	struct vmm_device *dev = &self->dev;
	uint64_t count = 0;

	ASSERT_EQ(0, vmm_device_sysfs(dev, "reset", "1"));
	channel_setup(dev, 0);
	start(dev, 0, SVATEST_F_IRQ);
	EXPECT_EQ(0, native_irq_wait(dev, 1, COMES_MS, &count));
	EXPECT_EQ(1, count);
}

TEST_F(irq, refused)
{
	struct vmm_device *dev = &self->dev;
	uint64_t count = 3;

	EXPECT_EQ(-EINVAL, native_irq_wait(dev, channels(dev) + 1, 0, &count));
	EXPECT_EQ(-EINVAL, native_irq_wait(dev, -1U, 0, &count));
	EXPECT_EQ(3, count);
	EXPECT_EQ(-1, ioctl(dev->fd, SVATEST_IRQ_WAIT, NULL));
	EXPECT_EQ(EFAULT, errno);
}

TEST_HARNESS_MAIN
