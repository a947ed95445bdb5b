// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest with a PASID table of its own: it boots another kernel, its device is reset,
 * is taken away, comes later, sends interrupts and asks for pages
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/pci_regs.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"
#include "pasid_table.h"
#include "window.h"

#define ATS		SVATEST_CF_ATS
#define PRI		(SVATEST_CF_ATS | SVATEST_CF_PRI)
#define OLD		0x5352435352435352ULL	/* see guest_make() */
#define NEW		0x2e30000000000000ULL
#define PATTERN		0x1122334455667788ULL
#define BITS		16

/* PASIDs: of a process that reads, of one whose pages are missing, of DMA */
#define READER		5
#define ASKER		6
#define WORKER		0x4321

/* Channels: guest_seen() has the first one. */
#define CHANNEL_DMA	1
#define CHANNEL_ASK	2

/*
 * A guest and its table, which two devices have: a process that reads, one that has
 * nothing yet, and one whose memory a device writes to all the time.
 */
FIXTURE(life) {
	struct guest guest;
	struct vmm *vmm;
	struct vmm_device *dev, *other;
	struct pgtable empty, window_pt;
	struct pasid_table table;
	uint64_t window;
	struct iommu_fault records[FAULT_ROOM];
	int fault_fd;
};

FIXTURE_VARIANT(life) {
	uint32_t channel_flags;
};

FIXTURE_VARIANT_ADD(life, untranslated) { 0 };
FIXTURE_VARIANT_ADD(life, ats) { ATS };

FIXTURE_SETUP(life)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, 0, 2));
	self->vmm = &guest->vmm;
	self->dev = guest->dev;
	self->other = &self->vmm->devices[1];
	self->window = vmm_alloc(self->vmm, WINDOW_SIZE, WINDOW_SIZE);
	pgtable_init(&self->empty, self->vmm, 4);
	pgtable_init(&self->window_pt, self->vmm, 4);
	window_map(&self->window_pt, self->window);
	pasid_table_init(&self->table, self->vmm, BITS);
	pasid_table_map(&self->table, READER, &guest->pt);
	pasid_table_map(&self->table, ASKER, &self->empty);
	pasid_table_map(&self->table, WORKER, &self->window_pt);
	self->fault_fd = fault_open(self->dev, VFIO_NESTING_FAULT_PAGE_REQ);
	ASSERT_LE(0, self->fault_fd);
	ASSERT_EQ(0, pasid_table_set(&self->table, NULL));
}

FIXTURE_TEARDOWN(life)
{
	struct fault_counters counters;

	EXPECT_EQ(0, fault_get_counters(self->dev, &counters));
	EXPECT_TRUE(fault_sums_up(&counters));
	close(self->fault_fd);
	guest_close(&self->guest);
}

#define SEEN_BY(dev, pasid)	\
	guest_seen(&self->guest, dev, pasid, variant->channel_flags)
#define SEEN(pasid)		SEEN_BY(self->dev, pasid)
#define SEEN_FLAT(pasid)	\
	guest_seen_flat(&self->guest, self->dev, pasid, variant->channel_flags)

/* For much longer than a test takes, in small slices */
static void start_dma(const struct vmm_device *dev, uint32_t flags)
{
	const struct svatest_desc fill = {
		.op_flags = SVATEST_OP_FILL,
		.dst = GVA_DST,
		.length = SIZE_1G,
		.imm = PATTERN,
	};

	svatest_setup(dev, CHANNEL_DMA, WORKER, flags);
	svatest_write(dev, SVATEST_K_SLICE_BYTES, 64);
	svatest_start(dev, CHANNEL_DMA, &fill);
}

static bool dma_was_refused(const struct vmm_device *dev)
{
	return svatest_wait(dev, CHANNEL_DMA).status != SVATEST_ST_OK;
}

/* A device that waits for a page, and the record of that */
static int start_asking(const struct vmm_device *dev, int fault_fd,
			struct iommu_fault *records)
{
	svatest_setup(dev, CHANNEL_ASK, ASKER, PRI);
	svatest_start_fill(dev, CHANNEL_ASK, GVA_DST, PATTERN, 8);
	return fault_next_group(fault_fd, records);
}

/* ------------------------------------------------------------ another kernel */

/* What the VMM does when the guest says nothing, or switches translation off first */
enum { STRAIGHT, UNSET, BYPASS, ABORT, WAYS };

static int leave_old_kernel(struct vmm *vmm, unsigned int way)
{
	switch (way) {
	case UNSET:
		return pasid_table_unset(vmm, NULL);
	case BYPASS:
		return pasid_table_mode(vmm, NULL, IOMMU_PASID_CONFIG_BYPASS);
	case ABORT:
		return pasid_table_mode(vmm, NULL, IOMMU_PASID_CONFIG_ABORT);
	default:
		return 0;
	}
}

/*
 * A kernel is started by another one that has stopped nothing: DMA goes on, and a page
 * request waits. Of the old table nothing is left when the new one is in force.
 */
TEST_F_TIMEOUT(life, next_kernel, 120)
{
	struct pasid_table next;
	struct pgtable fresh;
	unsigned int way;
	uint64_t page;

	page = guest_page(self->vmm, NEW);
	pgtable_init(&fresh, self->vmm, 4);
	pgtable_map(&fresh, GVA_SRC, page, SIZE_4K, PGT_READ_WRITE);
	pgtable_map(&fresh, GVA_DST, self->guest.dst, SIZE_4K, PGT_READ_WRITE);
	pasid_table_init(&next, self->vmm, 20);
	pasid_table_map(&next, 0, &fresh);
	pasid_table_map(&next, READER, &fresh);

	for (way = STRAIGHT; way < WAYS; way++) {
		ASSERT_EQ(0, pasid_table_set(&self->table, NULL));
		EXPECT_EQ(OLD, SEEN(READER));
		start_dma(self->dev, variant->channel_flags);
		EXPECT_TRUE(window_is_written(vmm_ptr(self->vmm, self->window)));
		ASSERT_EQ(1, start_asking(self->dev, self->fault_fd, self->records));

		EXPECT_EQ(0, leave_old_kernel(self->vmm, way));
		if (way != STRAIGHT) {
			EXPECT_TRUE(window_is_quiet(vmm_ptr(self->vmm, self->window)));
			EXPECT_EQ(0, SEEN(READER));
			EXPECT_EQ(way == ABORT ? 0 : OLD, SEEN_FLAT(SVATEST_NO_PASID));
		}
		ASSERT_EQ(0, pasid_table_set(&next, NULL));
		EXPECT_TRUE(window_is_quiet(vmm_ptr(self->vmm, self->window)));
		EXPECT_TRUE(dma_was_refused(self->dev));
		EXPECT_NE(SVATEST_ST_OK, svatest_wait(self->dev, CHANNEL_ASK).status);
		EXPECT_EQ(-ENOENT, fault_answer(self->fault_fd, self->records,
						IOMMU_PAGE_RESP_SUCCESS));
		EXPECT_EQ(NEW, SEEN(READER));
		EXPECT_EQ(NEW, SEEN(SVATEST_NO_PASID));
		EXPECT_EQ(NEW, SEEN_BY(self->other, READER));
		EXPECT_EQ(0, SEEN(ASKER));
		EXPECT_EQ(0, SEEN(WORKER));
	}
}

/* --------------------------------------------------------------------- reset */

static int reset(struct vmm_device *dev)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	if (ioctl(dev->fd, VFIO_DEVICE_RESET))
		return -errno;
	return pwrite(dev->fd, &command, sizeof(command), dev->config + PCI_COMMAND) ==
	       sizeof(command) ? 0 : -EIO;
}

/* The device forgets what it was at, and the table stays. */
TEST_F(life, reset_in_the_middle)
{
	start_dma(self->dev, variant->channel_flags);
	EXPECT_TRUE(window_is_written(vmm_ptr(self->vmm, self->window)));
	ASSERT_EQ(1, start_asking(self->dev, self->fault_fd, self->records));
	EXPECT_EQ(OLD, SEEN(READER));
	ASSERT_EQ(0, reset(self->dev));
	EXPECT_TRUE(window_is_quiet(vmm_ptr(self->vmm, self->window)));
	EXPECT_EQ(-ENOENT, fault_answer(self->fault_fd, self->records,
					IOMMU_PAGE_RESP_SUCCESS));

	EXPECT_EQ(OLD, SEEN(READER));
	EXPECT_EQ(OLD, SEEN_FLAT(SVATEST_NO_PASID));
	start_dma(self->dev, variant->channel_flags);
	EXPECT_TRUE(window_is_written(vmm_ptr(self->vmm, self->window)));
	ASSERT_EQ(1, start_asking(self->dev, self->fault_fd, self->records));
	EXPECT_EQ(ASKER, self->records[0].prm.pasid);
	pasid_table_clear(&self->table, WORKER);
	EXPECT_EQ(0, pasid_table_sync(&self->table, NULL, WORKER));
	EXPECT_TRUE(dma_was_refused(self->dev));
	EXPECT_TRUE(window_is_quiet(vmm_ptr(self->vmm, self->window)));
}

#define ROUNDS	60

struct crowd {
	struct pasid_table *table;
	struct vmm_device *dev;
	atomic_bool stop;
	int error;
};

static void *set_and_unset(void *arg)
{
	struct crowd *crowd = arg;
	unsigned int i;
	int ret;

	for (i = 0; !atomic_load(&crowd->stop); i++) {
		ret = pasid_table_set(crowd->table, i % 3 ? crowd->dev : NULL);
		if (!ret)
			ret = pasid_table_sync_all(crowd->table, NULL);
		if (!ret && i % 2)
			ret = pasid_table_unset(crowd->table->vmm, NULL);
		if (ret)
			crowd->error = ret;
	}
	return NULL;
}

/* Whatever a reset meets, the table that is set after it holds. */
TEST_F_TIMEOUT(life, resets_meanwhile, 120)
{
	struct crowd crowd = { .table = &self->table, .dev = self->dev };
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, set_and_unset, &crowd));
	for (i = 0; i < ROUNDS; i++) {
		EXPECT_EQ(0, reset(self->dev));
		SEEN(READER);
	}
	atomic_store(&crowd.stop, true);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, crowd.error);
	ASSERT_EQ(0, pasid_table_set(&self->table, NULL));
	EXPECT_EQ(OLD, SEEN(READER));
	EXPECT_EQ(OLD, SEEN_BY(self->other, READER));
}

/* -------------------------------------------------------------- taken away */

static pid_t run(const char *command)
{
	pid_t child = vfork();

	if (!child) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(1);
	}
	return child;
}

static bool ended_well(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child && !status;
}

/*
 * The administrator takes the device away in the middle of DMA, VFIO asks its owner for
 * it, and the owner lets go. That is the end of its table, and of nothing else.
 */
TEST_F_TIMEOUT(life, device_is_taken_away, 120)
{
	struct vmm_device *gone = self->other;
	char command[128], *bindings;
	struct guest again;
	unsigned int i;
	pid_t child;
	int event;

	for (i = 0; i < VMM_REMOVALS; i++) {
		EXPECT_EQ(OLD, SEEN_BY(gone, READER));
		start_dma(gone, variant->channel_flags);
		EXPECT_TRUE(window_is_written(vmm_ptr(self->vmm, self->window)));
		event = eventfd(0, 0);
		ASSERT_LE(0, event);
		ASSERT_EQ(0, vmm_device_irq(gone, VFIO_PCI_REQ_IRQ_INDEX, event));
		snprintf(command, sizeof(command), vmm_removals[i].away, gone->name);
		child = run(command);
		ASSERT_TRUE(fault_wait(event, 60000));
		close(event);
		/* Nothing is taken from it before. */
		EXPECT_TRUE(svatest_busy(gone, CHANNEL_DMA));
		EXPECT_EQ(OLD, SEEN_BY(gone, READER));
		vmm_device_close(gone);
		EXPECT_TRUE(window_is_quiet(vmm_ptr(self->vmm, self->window)));
		EXPECT_TRUE(ended_well(child));
		close(gone->group);
		gone->group = -1;
		bindings = guest_bindings();
		EXPECT_EQ(NULL, strstr(bindings, gone->name));
		EXPECT_NE(NULL, strstr(bindings, self->dev->name));
		free(bindings);

		/* The other one goes on, alone. */
		EXPECT_EQ(OLD, SEEN(READER));
		EXPECT_EQ(0, pasid_table_sync_all(&self->table, NULL));
		EXPECT_EQ(0, pasid_table_set(&self->table, NULL));
		EXPECT_EQ(OLD, SEEN(READER));

		/* It comes back as good as new, to another owner and to this one. */
		snprintf(command, sizeof(command), vmm_removals[i].back, gone->name);
		ASSERT_TRUE(ended_well(run(command)));
		ASSERT_EQ(0, guest_open(&again, 1, 1));
		EXPECT_EQ(0, guest_seen(&again, again.dev, READER, variant->channel_flags));
		EXPECT_EQ(OLD, guest_seen_flat(&again, again.dev, SVATEST_NO_PASID,
					       variant->channel_flags));
		EXPECT_EQ(0, guest_bind(&again));
		EXPECT_EQ(OLD, guest_seen(&again, again.dev, GUEST_PASID,
					  variant->channel_flags));
		guest_close(&again);
		self->vmm->ndevices = 1;
		ASSERT_EQ(0, vmm_attach(self->vmm, 1));
		EXPECT_EQ(0, SEEN_BY(gone, READER));
		ASSERT_EQ(0, pasid_table_set(&self->table, gone));
	}
}

/* -------------------------------------------------------------- comes later */

static bool has_no_table(struct guest *guest, struct vmm_device *dev, uint32_t flags)
{
	return !guest_seen(guest, dev, READER, flags) &&
	       guest_seen_flat(guest, dev, SVATEST_NO_PASID, flags) == OLD;
}

/* Opened again, and plugged in: what it gets is asked for. */
TEST_F(life, device_comes_later)
{
	struct vfio_nesting_device_info info;
	struct vmm_device *late;
	unsigned int i;

	vmm_device_close(self->other);
	ASSERT_EQ(0, pasid_table_set(&self->table, NULL));
	ASSERT_EQ(0, vmm_device_open(self->other));
	ASSERT_EQ(0, vmm_attach(self->vmm, 2));
	for (i = 1; i < 3; i++) {
		late = &self->vmm->devices[i];
		EXPECT_TRUE(has_no_table(&self->guest, late, variant->channel_flags));
		/* What it could have can be asked. */
		ASSERT_EQ(0, vmm_device_info(self->vmm, late, &info));
		EXPECT_EQ(20, info.pasid_bits);
		/* The table of the others is none of its own. */
		EXPECT_EQ(0, pasid_table_sync_all(&self->table, NULL));
		EXPECT_EQ(0, pasid_table_unset(self->vmm, late));
		EXPECT_TRUE(has_no_table(&self->guest, late, variant->channel_flags));
		EXPECT_EQ(0, vmm_bind(self->vmm, late, GUEST_PASID, self->guest.pt.root, 4));
		EXPECT_EQ(OLD, SEEN_BY(late, GUEST_PASID));
		/* A bind for all is one for those too that have a table. */
		EXPECT_EQ(-EBUSY, vmm_bind(self->vmm, NULL, GUEST_PASID,
					   self->guest.pt.root, 4));
		EXPECT_EQ(-EBUSY, pasid_table_set(&self->table, late));
		EXPECT_EQ(0, vmm_unbind(self->vmm, late, GUEST_PASID));
		ASSERT_EQ(0, pasid_table_set(&self->table, late));
		EXPECT_EQ(OLD, SEEN_BY(late, READER));
	}
	EXPECT_EQ(OLD, SEEN(READER));
	/* From now on it is like the others. */
	pasid_table_clear(&self->table, READER);
	EXPECT_EQ(0, pasid_table_sync(&self->table, NULL, READER));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, SEEN_BY(&self->vmm->devices[i], READER));
}

/* ------------------------------------------------ interrupts, pages, faults */

/* They are not translated, whatever the table says of accesses without PASID. */
TEST_F(life, interrupts_arrive)
{
	struct svatest_desc interrupt = { .op_flags = SVATEST_OP_IRQ };
	int event = eventfd(0, 0);
	unsigned int i;

	ASSERT_LE(0, event);
	ASSERT_EQ(0, vmm_device_irq(self->dev, VFIO_PCI_MSIX_IRQ_INDEX, event));
	svatest_setup(self->dev, 0, SVATEST_NO_PASID, variant->channel_flags);
	for (i = 0; i < 6; i++) {
		switch (i) {
		case 1:
			pasid_table_map(&self->table, 0, &self->empty);
			EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, 0));
			break;
		case 2:
			pasid_table_clear(&self->table, 0);
			EXPECT_EQ(0, pasid_table_set(&self->table, self->dev));
			break;
		case 3:
			EXPECT_EQ(0, pasid_table_mode(self->vmm, self->dev,
						      IOMMU_PASID_CONFIG_ABORT));
			break;
		case 4:
			EXPECT_EQ(0, pasid_table_mode(self->vmm, self->dev,
						      IOMMU_PASID_CONFIG_BYPASS));
			break;
		case 5:
			EXPECT_EQ(0, pasid_table_unset(self->vmm, self->dev));
			break;
		}
		EXPECT_EQ(SVATEST_ST_OK, svatest_run(self->dev, 0, &interrupt).status);
		EXPECT_TRUE(fault_wait(event, 60000)) {
			TH_LOG("step %u", i);
		}
		eventfd_read(event, &(eventfd_t){ 0 });
	}
	close(event);
}

/* Of entry 0, without a PASID in the record */
TEST_F(life, pages_and_faults_without_pasid)
{
	struct iommu_fault_page_request *prm = &self->records[0].prm;
	struct iommu_fault record;

	pasid_table_map(&self->table, 0, &self->empty);
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, 0));
	svatest_setup(self->dev, CHANNEL_ASK, SVATEST_NO_PASID, PRI);
	svatest_start_fill(self->dev, CHANNEL_ASK, GVA_DST, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(self->fault_fd, self->records));
	EXPECT_EQ(0, prm->flags & IOMMU_FAULT_PAGE_REQUEST_PASID_VALID);
	EXPECT_EQ(GVA_DST, prm->addr);
	pgtable_map(&self->empty, GVA_DST, self->guest.dst, SIZE_4K, PGT_READ_WRITE);
	EXPECT_EQ(0, fault_answer(self->fault_fd, self->records, IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, CHANNEL_ASK).status);
	EXPECT_EQ(PATTERN, guest_peek(self->vmm, self->guest.dst));

	svatest_setup(self->dev, 0, SVATEST_NO_PASID, 0);
	EXPECT_EQ(SVATEST_ST_ACCESS, svatest_touch(self->dev, 0, GVA_SRC, true, 0));
	ASSERT_EQ(1, fault_next_event(self->fault_fd, &record));
	EXPECT_EQ(IOMMU_FAULT_REASON_PTE_FETCH, record.event.reason);
	EXPECT_EQ(IOMMU_FAULT_UNRECOV_ADDR_VALID, record.event.flags);
	EXPECT_EQ(GVA_SRC, record.event.addr);

	/* The entry that goes takes the request along. */
	svatest_start_fill(self->dev, CHANNEL_ASK, GVA_DST + SIZE_4K, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(self->fault_fd, self->records));
	pasid_table_clear(&self->table, 0);
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, 0));
	EXPECT_EQ(-ENOENT, fault_answer(self->fault_fd, self->records,
					IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_NE(SVATEST_ST_OK, svatest_wait(self->dev, CHANNEL_ASK).status);
}

TEST_HARNESS_MAIN
