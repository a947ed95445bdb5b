// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of a machine: its device is reset, unplugged and plugged, it is stopped
 *
 * It runs in a guest; the VM reads lines that begin with @ and has the VMM do so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "native.h"
#include "pgtable.h"
#include "svatest.h"

#define PATTERN		0x1122334455667788ULL

/* The last device, which is behind a root port */
#define PLUGGED		1

/* So many that a second of pause comes before the last of them */
#define PAGES		1024

/* What does not come in this time does not come. */
#define TRIES		1200
#define TRY_US		100000
#define LIFE_SECONDS	300

static uint64_t *new_memory(uint64_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void say(const char *what)
{
	printf("%s\n", what);
	fflush(stdout);
}

static bool wait_for(const char *name, bool there)
{
	char path[64];
	unsigned int tries;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", name);
	for (tries = 0; tries < TRIES; tries++) {
		if (!access(path, F_OK) == there)
			return true;
		usleep(TRY_US);
	}
	return false;
}

static void channel_setup(const struct vmm_device *dev, uint32_t pasid)
{
	uint32_t base = SVATEST_R_CHANNEL(0);

	svatest_write(dev, base + SVATEST_C_FLAGS, 0);
	svatest_write(dev, base + SVATEST_C_PRG_PAGES, 4);
	svatest_write(dev, base + SVATEST_C_RETRIES, 8);
	svatest_setup(dev, 0, pasid, SVATEST_CF_ATS | SVATEST_CF_PRI);
}

/* A page that comes on request */
static bool works(const struct vmm_device *dev)
{
	uint64_t *page = new_memory(SIZE_4K);
	unsigned int status = svatest_fill(dev, 0, (uintptr_t)page, PATTERN, SIZE_4K);
	bool good = status == SVATEST_ST_OK && page[SIZE_4K / 8 - 1] == PATTERN;

	munmap(page, SIZE_4K);
	return good;
}

FIXTURE(life) {
	struct vmm_device dev;
	int pasid;
};

FIXTURE_SETUP(life)
{
	ASSERT_EQ(0, native_open(&self->dev, PLUGGED, NULL));
	self->pasid = native_bind(&self->dev);
	ASSERT_LT(0, self->pasid);
	channel_setup(&self->dev, self->pasid);
	ASSERT_TRUE(works(&self->dev));
}

FIXTURE_TEARDOWN(life)
{
	native_close(&self->dev);
}

TEST_F_TIMEOUT(life, reset, LIFE_SECONDS)
{
	ASSERT_EQ(0, vmm_device_sysfs(&self->dev, "reset", "1"));
	channel_setup(&self->dev, self->pasid);
	EXPECT_TRUE(works(&self->dev));
}

/* The device goes on meanwhile, and has to wait for its next page. */
TEST_F_TIMEOUT(life, stopped, LIFE_SECONDS)
{
	uint8_t *memory = (uint8_t *)new_memory(PAGES * SIZE_4K);
	struct svatest_desc touch = {
		.op_flags = SVATEST_OP_TOUCH, .dst = (uintptr_t)memory,
		.length = PAGES * SIZE_4K, .imm = 0x5a, .imm2 = SIZE_4K,
		.aux = SVATEST_AUX_WRITE,
	};
	unsigned int i, wrong = 0;

	svatest_start(&self->dev, 0, &touch);
	say("@pause");
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(&self->dev, 0).status);
	for (i = 0; i < PAGES; i++)
		wrong += memory[i * SIZE_4K] != 0x5a;
	EXPECT_EQ(0, wrong);
	EXPECT_LT(900000000ULL, svatest_counter(&self->dev, SVATEST_CNT_LONGEST_WAIT));
}

/* By the hot-plug of the root port, which waits five seconds each way. */
TEST_F_TIMEOUT(life, unplugged, LIFE_SECONDS)
{
	struct vmm_device *dev = &self->dev;

	native_close(dev);
	say("@unplug");
	ASSERT_TRUE(wait_for(dev->name, false));
	say("@plug");
	ASSERT_TRUE(wait_for(dev->name, true));
	ASSERT_EQ(0, native_open(dev, PLUGGED, NULL));
	self->pasid = native_bind(dev);
	ASSERT_LT(0, self->pasid);
	channel_setup(dev, self->pasid);
	EXPECT_TRUE(works(dev));
}

TEST_HARNESS_MAIN
