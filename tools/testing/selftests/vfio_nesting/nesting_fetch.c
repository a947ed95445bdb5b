// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space hands in is read once
 *
 * Whoever shares memory with the caller may change it between two reads, so the
 * second one may not be what was checked. A watchpoint of the CPU counts how often
 * the kernel reads a byte, each byte of each structure in turn.
 *
 * There is one exception: argsz, which says how much there is to be read. It is
 * read ahead, and again with the structure. Between the two the kernel looks at what
 * is behind the structure. That is memory that is missing here, and argsz becomes
 * another one meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"

/* A PASID that is allocated and not bound */
#define FREE_PASID	9

/* Zeros behind a structure */
#define TAIL		8

/* What is no operation: the other call of the container, a write to the file */
enum { PASID_REQUEST = VFIO_NESTING_OP_MASK + 1, ANSWER };

/**
 * struct call - a call that can be repeated
 * @name: of the call
 * @op: VFIO_IOMMU_NESTING_OP_*, %PASID_REQUEST or %ANSWER
 * @size: of its structure
 * @ret: what it returns
 */
struct call {
	const char *name;
	uint32_t op;
	size_t size;
	int ret;
};

/* Which of them has entries */
#define ARRAY		0

static const struct call calls[] = {
	[ARRAY] = { "invalidate_array", VFIO_IOMMU_NESTING_OP_CACHE_INVLD_ARRAY,
		    sizeof(struct vfio_nesting_invalidate_array) },
	{ "bind", VFIO_IOMMU_NESTING_OP_BIND_PGTBL,
	  sizeof(struct iommu_gpasid_bind_data) },
	{ "unbind", VFIO_IOMMU_NESTING_OP_UNBIND_PGTBL,
	  sizeof(struct iommu_gpasid_bind_data) },
	{ "invalidate", VFIO_IOMMU_NESTING_OP_CACHE_INVLD,
	  sizeof(struct iommu_cache_invalidate_info) },
	{ "page_resp", VFIO_IOMMU_NESTING_OP_PAGE_RESP,
	  sizeof(struct iommu_page_response), -ENOENT },
	{ "get_fault_fd", VFIO_IOMMU_NESTING_OP_GET_FAULT_FD,
	  sizeof(struct vfio_nesting_fault_fd), -EBUSY },
	{ "set_rid", VFIO_IOMMU_NESTING_OP_SET_RID, sizeof(struct iommu_rid_config) },
	{ "get_device_info", VFIO_IOMMU_NESTING_OP_GET_DEVICE_INFO,
	  sizeof(struct vfio_nesting_device_info) },
	{ "drain", VFIO_IOMMU_NESTING_OP_DRAIN, 0 },
	{ "fault_timeout", VFIO_IOMMU_NESTING_OP_FAULT_TIMEOUT,
	  sizeof(struct vfio_nesting_fault_timeout) },
	{ "pasid_request", PASID_REQUEST,
	  sizeof(struct vfio_iommu_type1_pasid_request), -ENOSPC },
	{ "answer", ANSWER, sizeof(struct iommu_page_response), -ENOENT },
};

#define CALLS	(sizeof(calls) / sizeof(calls[0]))

/**
 * struct made - a call that is made
 * @call: the call
 * @data: all that is handed in
 * @head: size of what goes before the structure
 * @size: of all
 */
struct made {
	const struct call *call;
	uint8_t *data;
	size_t head;
	size_t size;
};

/**
 * struct scene - what the calls need
 * @guest: the guest, with a process that is bound
 * @faults: file of the faults of its device
 * @memory: two pages, where calls are made
 * @entry: the entry of an array
 */
struct scene {
	struct guest guest;
	int faults;
	uint8_t *memory;
	struct iommu_cache_invalidate_info entry;
};

FIXTURE(fetch) {
	struct scene scene;
};

FIXTURE_SETUP(fetch)
{
	struct scene *scene = &self->scene;

	ASSERT_EQ(0, guest_open(&scene->guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&scene->guest));
	ASSERT_EQ(FREE_PASID,
		  vmm_pasid_alloc(&scene->guest.vmm, FREE_PASID, FREE_PASID));
	scene->faults = fault_open(scene->guest.dev, VFIO_NESTING_FAULT_PAGE_REQ);
	ASSERT_LE(0, scene->faults);
	scene->memory = mmap(NULL, 2 * SIZE_4K, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, scene->memory);
	vmm_addr_info(&scene->entry, GUEST_CACHES, GUEST_PASID, GVA_SRC, SIZE_4K, 1);
	svatest_setup(scene->guest.dev, 0, GUEST_PASID, SVATEST_CF_ATS);
}

FIXTURE_TEARDOWN(fetch)
{
	struct scene *scene = &self->scene;

	/* What was bound works, by the table that it was bound to. */
	EXPECT_EQ(guest_peek(&scene->guest.vmm, scene->guest.src),
		  guest_copied(&scene->guest, 0));
	munmap(scene->memory, 2 * SIZE_4K);
	close(scene->faults);
	guest_close(&scene->guest);
}

static void fill(struct scene *scene, const struct call *call, void *to)
{
	struct vfio_iommu_type1_pasid_request *request = to;
	struct vfio_nesting_invalidate_array *array = to;
	struct iommu_page_response *response = to;

	switch (call->op) {
	case PASID_REQUEST:
		request->flags = VFIO_IOMMU_FLAG_ALLOC_PASID;
		request->range.min = FREE_PASID;
		request->range.max = FREE_PASID;
		break;
	case VFIO_IOMMU_NESTING_OP_BIND_PGTBL:
		vmm_bind_data(to, GUEST_PASID, scene->guest.pt.root, 4);
		break;
	case VFIO_IOMMU_NESTING_OP_UNBIND_PGTBL:
		vmm_bind_data(to, FREE_PASID, 0, 4);
		break;
	case VFIO_IOMMU_NESTING_OP_CACHE_INVLD:
		memcpy(to, &scene->entry, sizeof(scene->entry));
		break;
	case VFIO_IOMMU_NESTING_OP_CACHE_INVLD_ARRAY:
		array->entry_len = sizeof(scene->entry);
		array->entry_num = 1;
		array->entries = (uintptr_t)&scene->entry;
		break;
	case VFIO_IOMMU_NESTING_OP_PAGE_RESP:
	case ANSWER:
		response->version = IOMMU_PAGE_RESP_VERSION_1;
		break;
	case VFIO_IOMMU_NESTING_OP_SET_RID:
		vmm_rid_config(to, IOMMU_RID_PASS, 0, 4);
		break;
	}
}

/* Make @call with @tail bytes behind its structure, so that the structure ends at @end */
static struct made make(struct scene *scene, const struct call *call,
			uint8_t *end, size_t tail)
{
	struct vfio_iommu_type1_nesting_op *op;
	struct vfio_nesting_device *device;
	struct made made = { .call = call };

	if (call->op <= VFIO_NESTING_OP_MASK)
		made.head = sizeof(*op) + sizeof(*device);
	made.size = made.head + call->size + tail;
	made.data = end - call->size - made.head;
	memset(made.data, 0, made.size - tail);
	if (made.head) {
		op = (void *)made.data;
		op->argsz = made.size;
		op->flags = call->op | VFIO_NESTING_FLAG_DEVICE;
		device = (void *)(op + 1);
		device->fd = scene->guest.dev->fd;
	}
	if (call->size) {
		fill(scene, call, made.data + made.head);
		*(uint32_t *)(made.data + made.head) = call->size + tail;
	}
	return made;
}

static int let_run(struct scene *scene, const struct made *made)
{
	int container = scene->guest.vmm.container, ret;

	switch (made->call->op) {
	case ANSWER:
		ret = write(scene->faults, made->data, made->size);
		break;
	case PASID_REQUEST:
		ret = ioctl(container, VFIO_IOMMU_PASID_REQUEST, made->data);
		break;
	default:
		ret = ioctl(container, VFIO_IOMMU_NESTING_OP, made->data);
	}
	return ret < 0 ? -errno : ret;
}

/* Accesses of the kernel to @byte in the course of the call */
static long accesses(struct scene *scene, const struct made *made,
		     const uint8_t *byte, unsigned int type)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = type,
		.bp_addr = (uintptr_t)byte,
		.bp_len = HW_BREAKPOINT_LEN_1,
		.pinned = 1,
		.exclude_user = 1,
	};
	int fd = syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0UL);
	uint64_t count;
	bool good;

	good = fd >= 0 && let_run(scene, made) == made->call->ret &&
	       read(fd, &count, sizeof(count)) == sizeof(count);
	close(fd);
	return good ? count : -1;
}

/* Reads of it; the CPU can watch for writes, or for both. -1 if the call goes wrong */
static long reads(struct scene *scene, const struct made *made,
		  const uint8_t *byte)
{
	long all = accesses(scene, made, byte, HW_BREAKPOINT_RW);
	long writes = accesses(scene, made, byte, HW_BREAKPOINT_W);

	return all < 0 || writes < 0 ? -1 : all - writes;
}

/* Structures, and with an operation what goes before it */
TEST_F_TIMEOUT(fetch, each_byte_is_read_once, 120)
{
	struct scene *scene = &self->scene;
	const struct call *call;
	struct made made;
	size_t at;

	for (call = calls; call < calls + CALLS; call++) {
		made = make(scene, call, scene->memory + SIZE_4K / 2, 0);
		for (at = 0; at < made.size; at++)
			EXPECT_EQ(at - made.head < sizeof(uint32_t) ? 2 : 1,
				  reads(scene, &made, made.data + at)) {
				TH_LOG("%s, byte %zu", call->name, at);
			}
	}
}

TEST_F_TIMEOUT(fetch, each_byte_of_an_entry_is_read_once, 120)
{
	struct scene *scene = &self->scene;
	struct made made = make(scene, &calls[ARRAY], scene->memory + SIZE_4K / 2, 0);
	size_t at;

	for (at = 0; at < sizeof(scene->entry); at++)
		EXPECT_EQ(at < sizeof(uint32_t) ? 2 : 1,
			  reads(scene, &made, (uint8_t *)&scene->entry + at)) {
			TH_LOG("byte %zu", at);
		}
}

/**
 * struct change - what happens while the kernel waits for memory
 * @uffd: says that it does
 * @made: the call
 * @argsz: of the structure from then on
 */
struct change {
	int uffd;
	const struct made *made;
	uint32_t argsz;
};

/* What was read already is not to be read again. */
static void *change_what_was_read(void *arg)
{
	const struct change *change = arg;
	uint8_t *data = change->made->data;
	struct uffdio_zeropage zero = { .range.len = SIZE_4K };
	struct uffd_msg msg;

	if (read(change->uffd, &msg, sizeof(msg)) != sizeof(msg))
		return NULL;
	memset(data, 0xff, change->made->head);
	*(uint32_t *)(data + change->made->head) = change->argsz;
	zero.range.start = msg.arg.pagefault.address & -SIZE_4K;
	ioctl(change->uffd, UFFDIO_ZEROPAGE, &zero);
	return NULL;
}

TEST_F(fetch, size_that_changes_between_its_reads)
{
	struct scene *scene = &self->scene;
	const uint32_t sizes[] = { 0, 8, 9, 4096, 4097, ~0U };
	volatile uint8_t *tail = scene->memory + SIZE_4K;
	const struct call *call;
	struct change change;
	struct made made;
	pthread_t thread;
	unsigned int i;

	change.uffd = vmm_stall(scene->memory + SIZE_4K, SIZE_4K, 0);
	ASSERT_LE(0, change.uffd);
	change.made = &made;
	for (call = calls; call < calls + CALLS; call++) {
		for (i = 0; call->size && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			ASSERT_EQ(0, madvise((void *)tail, SIZE_4K, MADV_DONTNEED));
			made = make(scene, call, (uint8_t *)tail, TAIL);
			change.argsz = sizes[i];
			ASSERT_EQ(0, pthread_create(&thread, NULL,
						    change_what_was_read, &change));
			EXPECT_EQ(call->ret, let_run(scene, &made)) {
				TH_LOG("%s, argsz %u", call->name, sizes[i]);
			}
			/* It has been looked at: nothing else changes what was read. */
			EXPECT_EQ(call->op == VFIO_IOMMU_NESTING_OP_GET_DEVICE_INFO ?
				  call->size : sizes[i],
				  *(uint32_t *)(made.data + made.head));
			(void)*tail;
			EXPECT_EQ(0, pthread_join(thread, NULL));
		}
	}
	close(change.uffd);
}

TEST_HARNESS_MAIN
