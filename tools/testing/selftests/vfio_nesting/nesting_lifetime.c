// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a binding, in every way there is, while the device does DMA
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "guest.h"
#include "needs_svatest.h"
#include "window.h"

#define PATTERN		0x1122334455667788ULL
#define OTHER		0x99aabbccddeeff00ULL

static const uint32_t channel_flags[] = { 0, SVATEST_CF_ATS };

FIXTURE(dma) {
	struct guest guest;
	uint64_t window;
};

FIXTURE_VARIANT(dma) {
	unsigned int devices;
};

FIXTURE_VARIANT_ADD(dma, one_device) { 1 };
FIXTURE_VARIANT_ADD(dma, two_devices) { 2 };

/* How much of it the device's cache has room for, on one of two channels */
#define PREFETCHED	(2000 * SIZE_4K)

/*
 * Both kinds of channel on every device, for much longer than a test takes. The
 * one that uses the device's cache has what it needs for some time in there, so
 * nothing but an invalidation stops it.
 */
static void start_dma(struct guest *guest)
{
	unsigned int i, channel;

	for (i = 0; i < guest->vmm.ndevices; i++) {
		struct vmm_device *dev = &guest->vmm.devices[i];

		for (channel = 0; channel < 2; channel++) {
			struct svatest_desc fill = {
				.op_flags = SVATEST_OP_FILL,
				.dst = GVA_DST + channel * SIZE_1G / 2,
				.length = SIZE_1G / 2,
				.imm = PATTERN,
			};
			struct svatest_desc prefetch = {
				.op_flags = SVATEST_OP_PREFETCH,
				.src = fill.dst,
				.length = PREFETCHED,
				.aux = SVATEST_AUX_READ | SVATEST_AUX_WRITE,
			};

			svatest_setup(dev, channel, GUEST_PASID,
				      channel_flags[channel]);
			/* In small slices, so that it takes its time */
			svatest_write(dev, SVATEST_K_SLICE_BYTES, 64);
			if (channel_flags[channel] & SVATEST_CF_ATS)
				svatest_run(dev, channel, &prefetch);
			svatest_start(dev, channel, &fill);
		}
	}
}

FIXTURE_SETUP(dma)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, 0, variant->devices));
	self->window = vmm_alloc(&guest->vmm, WINDOW_SIZE, WINDOW_SIZE);
	window_map(&guest->pt, self->window);
	ASSERT_EQ(0, vmm_bind(&guest->vmm, NULL, GUEST_PASID, guest->pt.root, 4));
}

FIXTURE_TEARDOWN(dma)
{
	guest_close(&self->guest);
}

static bool guest_is_quiet(struct guest *guest, uint64_t window)
{
	return window_is_quiet(vmm_ptr(&guest->vmm, window));
}

static bool guest_is_written(struct guest *guest, uint64_t window)
{
	return window_is_written(vmm_ptr(&guest->vmm, window));
}

/* Commands still under way, and something written already */
static bool dma_is_running(struct guest *guest)
{
	unsigned int i, channel;

	for (i = 0; i < guest->vmm.ndevices; i++)
		for (channel = 0; channel < 2; channel++)
			if (!svatest_busy(&guest->vmm.devices[i], channel))
				return false;
	return true;
}

/* All commands ended, and not well */
static bool dma_was_refused(struct guest *guest)
{
	unsigned int i, channel;

	for (i = 0; i < guest->vmm.ndevices; i++)
		for (channel = 0; channel < 2; channel++)
			if (svatest_wait(&guest->vmm.devices[i],
					 channel).status == SVATEST_ST_OK)
				return false;
	return true;
}

static bool dma_has_ended(struct guest *guest, uint64_t window)
{
	return guest_is_quiet(guest, window) && dma_was_refused(guest);
}

TEST_F(dma, control)
{
	struct guest *guest = &self->guest;

	/* The way in which the other tests look at memory can say no. */
	start_dma(guest);
	EXPECT_TRUE(dma_is_running(guest));
	EXPECT_TRUE(guest_is_written(guest, self->window));
	EXPECT_TRUE(dma_is_running(guest));
}

TEST_F(dma, unbind)
{
	struct guest *guest = &self->guest;

	start_dma(guest);
	EXPECT_TRUE(dma_is_running(guest));
	EXPECT_EQ(0, vmm_unbind(&guest->vmm, NULL, GUEST_PASID));
	EXPECT_TRUE(dma_has_ended(guest, self->window));
}

TEST_F(dma, free_pasid)
{
	struct guest *guest = &self->guest;

	start_dma(guest);
	EXPECT_TRUE(dma_is_running(guest));
	EXPECT_EQ(0, vmm_pasid_free(&guest->vmm, GUEST_PASID, GUEST_PASID));
	EXPECT_TRUE(dma_has_ended(guest, self->window));

	/* The number is there for a new owner at once. */
	EXPECT_EQ(GUEST_PASID,
		  vmm_pasid_alloc(&guest->vmm, GUEST_PASID, GUEST_PASID));
	EXPECT_EQ(0, guest_bind(guest));
}

TEST_F(dma, replace)
{
	struct guest *guest = &self->guest;
	uint64_t fresh = vmm_alloc(&guest->vmm, WINDOW_SIZE, WINDOW_SIZE);
	struct pgtable other;

	pgtable_init(&other, &guest->vmm, 4);
	window_map(&other, fresh);
	start_dma(guest);
	EXPECT_TRUE(dma_is_running(guest));
	EXPECT_EQ(0, vmm_bind(&guest->vmm, NULL, GUEST_PASID, other.root, 4));
	EXPECT_TRUE(guest_is_quiet(guest, self->window));

	/* What was in between may have been refused; what comes now is not. */
	start_dma(guest);
	EXPECT_TRUE(dma_is_running(guest));
	EXPECT_TRUE(guest_is_written(guest, fresh));
	EXPECT_TRUE(guest_is_quiet(guest, self->window));
}

TEST_F(dma, unmap_second_stage)
{
	struct guest *guest = &self->guest;

	start_dma(guest);
	EXPECT_TRUE(dma_is_running(guest));
	/* All of it goes: type1 splits no mapping. */
	EXPECT_EQ(0, vmm_unmap_dma(&guest->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	EXPECT_TRUE(dma_has_ended(guest, self->window));

	/* The binding outlives that, and works as soon as memory is there. */
	EXPECT_EQ(0, vmm_map_dma(&guest->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	start_dma(guest);
	EXPECT_TRUE(dma_is_running(guest));
	EXPECT_TRUE(guest_is_written(guest, self->window));
}

TEST_F(dma, device_closed)
{
	struct guest *guest = &self->guest;
	unsigned int i;
	char *text;

	start_dma(guest);
	EXPECT_TRUE(dma_is_running(guest));
	for (i = 0; i < guest->vmm.ndevices; i++)
		vmm_device_close(&guest->vmm.devices[i]);
	EXPECT_TRUE(guest_is_quiet(guest, self->window));
	text = guest_bindings();
	EXPECT_EQ(NULL, strstr(text, guest->dev->name));
	free(text);

	/* Nothing of it is left when the device comes back. */
	EXPECT_EQ(0, vmm_device_open(guest->dev));
	svatest_setup(guest->dev, 0, GUEST_PASID, 0);
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_fill(guest->dev, 0, GVA_DST, PATTERN, 8));
	EXPECT_EQ(0, guest_bind(guest));
	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_fill(guest->dev, 0, GVA_DST, PATTERN, 8));
}

/* The last device: of the same machine, or of another one */
TEST_F(dma, other_device_goes_on)
{
	struct guest *guest = &self->guest, other;
	struct vmm_device *last = &guest->vmm.devices[1];
	uint64_t window = self->window;
	struct guest *owner = guest;

	if (guest->vmm.ndevices < 2) {
		owner = &other;
		ASSERT_EQ(0, guest_open(owner, 1, 1));
		window = vmm_alloc(&owner->vmm, WINDOW_SIZE, WINDOW_SIZE);
		window_map(&owner->pt, window);
		ASSERT_EQ(0, guest_bind(owner));
		start_dma(owner);
		last = owner->dev;
	}
	start_dma(guest);
	EXPECT_TRUE(dma_is_running(guest));
	vmm_device_close(guest->dev);
	EXPECT_TRUE(svatest_busy(last, 0));
	EXPECT_TRUE(svatest_busy(last, 1));
	EXPECT_TRUE(guest_is_written(owner, window));
	if (owner != guest) {
		EXPECT_TRUE(guest_is_quiet(guest, self->window));
		guest_close(owner);
	}
}

/* The files of the container in every order, the device doing DMA */
FIXTURE(closing) {
	struct guest guest;
	uint64_t window;
	void *memory;
};

FIXTURE_VARIANT(closing) {
	const char *order;
};

FIXTURE_VARIANT_ADD(closing, device_group_container) { "dgc" };
FIXTURE_VARIANT_ADD(closing, device_container_group) { "dcg" };
FIXTURE_VARIANT_ADD(closing, group_device_container) { "gdc" };
FIXTURE_VARIANT_ADD(closing, group_container_device) { "gcd" };
FIXTURE_VARIANT_ADD(closing, container_device_group) { "cdg" };
FIXTURE_VARIANT_ADD(closing, container_group_device) { "cgd" };
/* The PASID first, at each place */
FIXTURE_VARIANT_ADD(closing, pasid_device_group_container) { "pdgc" };
FIXTURE_VARIANT_ADD(closing, device_pasid_container_group) { "dpcg" };
FIXTURE_VARIANT_ADD(closing, group_pasid_device_container) { "gpdc" };

FIXTURE_SETUP(closing)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	self->window = vmm_alloc(&guest->vmm, WINDOW_SIZE, WINDOW_SIZE);
	self->memory = vmm_ptr(&guest->vmm, self->window);
	window_map(&guest->pt, self->window);
	ASSERT_EQ(0, guest_bind(guest));
	start_dma(guest);
	ASSERT_TRUE(dma_is_running(guest));
}

FIXTURE_TEARDOWN(closing)
{
	/* All that is left is memory. */
	munmap(self->guest.vmm.memory, VMM_MEMORY_SIZE);
	close(self->guest.vmm.memfd);
}

TEST_F(closing, nothing_is_left)
{
	struct guest *guest = &self->guest;
	const char *step;
	char *text;

	for (step = variant->order; *step; step++) {
		switch (*step) {
		case 'd':
			vmm_device_close(guest->dev);
			EXPECT_TRUE(window_is_quiet(self->memory));
			break;
		case 'g':
			EXPECT_EQ(0, close(guest->dev->group));
			break;
		case 'c':
			EXPECT_EQ(0, close(guest->vmm.container));
			break;
		case 'p':
			EXPECT_EQ(0, vmm_pasid_free(&guest->vmm, 0, ~0U));
			EXPECT_TRUE(window_is_quiet(self->memory));
			break;
		}
	}
	EXPECT_TRUE(window_is_quiet(self->memory));
	text = guest_bindings();
	EXPECT_EQ(NULL, strstr(text, guest->dev->name));
	free(text);
}

/* Killed in the middle: memory is shared with the one who looks on */
FIXTURE(killed) {
	void *memory;
	int pipe[2];
	int memfd;
	pid_t child;
};

static void child_works(int ready)
{
	struct guest guest;
	uint64_t window;

	if (guest_open(&guest, 0, 2))
		_exit(1);
	window = vmm_alloc(&guest.vmm, WINDOW_SIZE, WINDOW_SIZE);
	window_map(&guest.pt, window);
	if (vmm_bind(&guest.vmm, NULL, GUEST_PASID, guest.pt.root, 4))
		_exit(1);
	start_dma(&guest);
	/* Where to find the memory: a file of ours, and the place in it */
	if (dprintf(ready, "%d %llu\n", guest.vmm.memfd,
		    (unsigned long long)(window - VMM_GPA_BASE)) < 0)
		_exit(1);
	for (;;)
		pause();
}

FIXTURE_SETUP(killed)
{
	unsigned long long offset;
	char line[64] = "", path[64];
	int fd;

	ASSERT_EQ(0, pipe(self->pipe));
	self->child = fork();
	ASSERT_NE(-1, self->child);
	if (!self->child)
		child_works(self->pipe[1]);

	ASSERT_LT(0, read(self->pipe[0], line, sizeof(line) - 1));
	ASSERT_EQ(2, sscanf(line, "%d %llu", &fd, &offset));
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", self->child, fd);
	self->memfd = open(path, O_RDWR);
	ASSERT_NE(-1, self->memfd);
	self->memory = mmap(NULL, WINDOW_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			    self->memfd, offset);
	ASSERT_NE(MAP_FAILED, self->memory);
}

FIXTURE_TEARDOWN(killed)
{
	munmap(self->memory, WINDOW_SIZE);
	close(self->memfd);
	close(self->pipe[0]);
	close(self->pipe[1]);
}

TEST_F(killed, in_the_middle_of_dma)
{
	struct guest guest;
	int status;
	char *text;

	EXPECT_TRUE(window_is_written(self->memory));
	EXPECT_EQ(0, kill(self->child, SIGKILL));
	EXPECT_EQ(self->child, waitpid(self->child, &status, 0));
	EXPECT_TRUE(window_is_quiet(self->memory));

	/* The next owner starts from nothing, with the same PASID. */
	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	text = guest_bindings();
	EXPECT_EQ(NULL, strstr(text, guest.dev->name));
	free(text);
	svatest_setup(guest.dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	EXPECT_EQ(0, guest_copied(&guest, 0));
	EXPECT_EQ(0, guest_bind(&guest));
	EXPECT_EQ(guest_peek(&guest.vmm, guest.src), guest_copied(&guest, 0));
	guest_close(&guest);
}

/* A PASID that had another table: nothing of the old one is cached */
FIXTURE(reuse) {
	struct guest guest;
	struct pgtable other;
	uint64_t page;
};

FIXTURE_VARIANT(reuse) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(reuse, untranslated) { 0 };
FIXTURE_VARIANT_ADD(reuse, ats) { SVATEST_CF_ATS };

FIXTURE_SETUP(reuse)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	self->page = guest_page(&guest->vmm, OTHER);
	pgtable_init(&self->other, &guest->vmm, 4);
	pgtable_map(&self->other, GVA_SRC, self->page, SIZE_4K, PGT_READ_ONLY);
	pgtable_map(&self->other, GVA_DST, guest->dst, SIZE_4K, PGT_READ_WRITE);
	ASSERT_EQ(0, guest_bind(guest));
	svatest_setup(guest->dev, 0, GUEST_PASID, variant->flags);
	ASSERT_EQ(guest_peek(&guest->vmm, guest->src), guest_copied(guest, 0));
}

FIXTURE_TEARDOWN(reuse)
{
	guest_close(&self->guest);
}

static int bind_other(struct guest *guest, struct pgtable *other)
{
	return vmm_bind(&guest->vmm, guest->dev, GUEST_PASID, other->root, 4);
}

TEST_F(reuse, after_unbind)
{
	struct guest *guest = &self->guest;

	EXPECT_EQ(0, vmm_unbind(&guest->vmm, NULL, GUEST_PASID));
	EXPECT_EQ(0, guest_copied(guest, 0));
	EXPECT_EQ(0, bind_other(guest, &self->other));
	EXPECT_EQ(OTHER, guest_copied(guest, 0));
}

/* The only PASID in a part of the host's table, a part that goes with it */
#define LONELY		200

TEST_F(reuse, only_one_in_its_table)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(LONELY, vmm_pasid_alloc(&guest->vmm, LONELY, LONELY));
	ASSERT_EQ(0, vmm_bind(&guest->vmm, guest->dev, LONELY, guest->pt.root, 4));
	svatest_setup(guest->dev, 0, LONELY, variant->flags);
	EXPECT_EQ(guest_peek(&guest->vmm, guest->src), guest_copied(guest, 0));
	EXPECT_EQ(0, vmm_unbind(&guest->vmm, NULL, LONELY));
	EXPECT_EQ(0, guest_copied(guest, 0));
	EXPECT_EQ(0, vmm_bind(&guest->vmm, guest->dev, LONELY, self->other.root, 4));
	EXPECT_EQ(OTHER, guest_copied(guest, 0));
}

TEST_F(reuse, after_free)
{
	struct guest *guest = &self->guest;

	EXPECT_EQ(0, vmm_pasid_free(&guest->vmm, GUEST_PASID, GUEST_PASID));
	EXPECT_EQ(GUEST_PASID,
		  vmm_pasid_alloc(&guest->vmm, GUEST_PASID, GUEST_PASID));
	EXPECT_EQ(0, guest_copied(guest, 0));
	EXPECT_EQ(0, bind_other(guest, &self->other));
	EXPECT_EQ(OTHER, guest_copied(guest, 0));
}

TEST_F(reuse, by_replacement)
{
	struct guest *guest = &self->guest;

	EXPECT_EQ(0, bind_other(guest, &self->other));
	EXPECT_EQ(OTHER, guest_copied(guest, 0));
	EXPECT_EQ(0, guest_bind(guest));
	EXPECT_EQ(guest_peek(&guest->vmm, guest->src), guest_copied(guest, 0));
	/* Once more the same: nothing happens. */
	EXPECT_EQ(0, guest_bind(guest));
	EXPECT_EQ(guest_peek(&guest->vmm, guest->src), guest_copied(guest, 0));
}

TEST_F(reuse, after_close)
{
	struct guest *guest = &self->guest;

	vmm_device_close(guest->dev);
	ASSERT_EQ(0, vmm_device_open(guest->dev));
	svatest_setup(guest->dev, 0, GUEST_PASID, variant->flags);
	EXPECT_EQ(0, guest_copied(guest, 0));
	EXPECT_EQ(0, bind_other(guest, &self->other));
	EXPECT_EQ(OTHER, guest_copied(guest, 0));
}

/*
 * A device that keeps its translations over a reset, which close makes VFIO do:
 * only the invalidation at the end of the binding takes them away.
 */
TEST_F(reuse, device_that_forgets_nothing)
{
	struct guest *guest = &self->guest;

	svatest_write(guest->dev, SVATEST_K_LIE, SVATEST_KL_KEEP_FLR);
	vmm_device_close(guest->dev);
	ASSERT_EQ(0, vmm_device_open(guest->dev));
	svatest_setup(guest->dev, 0, GUEST_PASID, variant->flags);
	EXPECT_EQ(0, guest_copied(guest, 0));
	EXPECT_EQ(0, bind_other(guest, &self->other));
	EXPECT_EQ(OTHER, guest_copied(guest, 0));
	svatest_write(guest->dev, SVATEST_K_LIE, 0);
}

#define MANY		64

/* What is free when the call returns is bound no more, however much it was */
TEST(many_freed_at_once)
{
	struct guest guest;
	char *text;
	int i;

	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	for (i = 100; i < 100 + MANY; i++) {
		ASSERT_EQ(i, vmm_pasid_alloc(&guest.vmm, i, i));
		ASSERT_EQ(0, vmm_bind(&guest.vmm, NULL, i, guest.pt.root, 4));
	}
	EXPECT_EQ(0, vmm_pasid_free(&guest.vmm, 100, 100 + MANY - 1));
	text = guest_bindings();
	EXPECT_EQ(NULL, strstr(text, guest.dev->name));
	free(text);
	guest_close(&guest);
}

/* A child has the files too: they close with the last of both */
TEST(forked)
{
	struct guest guest;
	pid_t child;
	int status;

	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&guest));
	svatest_setup(guest.dev, 0, GUEST_PASID, 0);
	child = fork();
	ASSERT_NE(-1, child);
	if (!child)
		_exit(0);
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(guest_peek(&guest.vmm, guest.src), guest_copied(&guest, 0));
	guest_close(&guest);
}

TEST_HARNESS_MAIN
