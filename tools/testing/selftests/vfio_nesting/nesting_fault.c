// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests out, answers in; aborted transactions out
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "queue.h"

#define PATTERN		0x1122334455667788ULL

/* An address that nothing is mapped at */
static void *const nowhere = (void *)0x1000;

#define PAGE_REQ	VFIO_NESTING_FAULT_PAGE_REQ
#define PRI		(SVATEST_CF_ATS | SVATEST_CF_PRI)
#define RAW		(PRI | SVATEST_CF_TRUSTED)

/* A device whose page requests are answered by hand */
FIXTURE(request) {
	struct guest guest;
	struct vmm *vmm;
	struct vmm_device *dev;
	struct iommu_fault records[FAULT_ROOM];
	int fd;
};

/* A bound process that has no page the device could use; the file of faults */
static int open_without_pages(struct guest *guest)
{
	int ret = guest_open(guest, 0, 1);

	if (ret)
		return ret;
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) = 0;
	*pgtable_entry(&guest->pt, GVA_DST, SIZE_4K) = 0;
	return guest_bind(guest) ?: fault_open(guest->dev, PAGE_REQ);
}

FIXTURE_SETUP(request)
{
	self->fd = open_without_pages(&self->guest);
	ASSERT_LE(0, self->fd);
	self->vmm = &self->guest.vmm;
	self->dev = self->guest.dev;
	svatest_setup(self->dev, 0, GUEST_PASID, PRI);
}

FIXTURE_TEARDOWN(request)
{
	struct fault_counters counters;

	if (self->dev->fd >= 0) {
		EXPECT_EQ(0, fault_get_counters(self->dev, &counters));
		EXPECT_TRUE(fault_sums_up(&counters));
	}
	close(self->fd);
	guest_close(&self->guest);
}

static void start_fill(const struct vmm_device *dev, unsigned int channel,
		       uint64_t gva, uint32_t length)
{
	struct svatest_desc desc = {
		.op_flags = SVATEST_OP_FILL,
		.dst = gva,
		.length = length,
		.imm = PATTERN,
	};

	svatest_start(dev, channel, &desc);
}

/* Raw messages: @count requests with indexes from @index, last as @flags say */
static void start_requests(const struct vmm_device *dev, unsigned int channel,
			   uint32_t pasid, uint64_t gva, uint32_t count,
			   uint32_t aux)
{
	struct svatest_desc desc = {
		.op_flags = SVATEST_OP_PAGEREQ,
		.pasid = pasid == SVATEST_NO_PASID ? 0 :
			 SVATEST_DP_VALID | pasid,
		.src = gva,
		.length = count,
		.aux = aux,
	};

	svatest_start(dev, channel, &desc);
}

static void map_page(struct guest *guest, uint64_t gva, uint64_t gpa)
{
	pgtable_map(&guest->pt, gva, gpa, SIZE_4K, PGT_READ_WRITE);
}

TEST_F(request, page_is_mapped)
{
	struct iommu_fault_page_request *prm = &self->records[0].prm;
	struct guest *guest = &self->guest;

	start_fill(self->dev, 0, GVA_DST + 64, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(IOMMU_FAULT_PAGE_REQ, self->records[0].type);
	EXPECT_EQ(0, self->records[0].padding);
	EXPECT_EQ(IOMMU_FAULT_PAGE_REQUEST_PASID_VALID |
		  IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE |
		  IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID |
		  IOMMU_FAULT_PAGE_REQUEST_COOKIE_VALID, prm->flags);
	EXPECT_EQ(GUEST_PASID, prm->pasid);
	EXPECT_EQ(GVA_DST, prm->addr);
	EXPECT_NE(0, prm->perm & IOMMU_FAULT_PERM_WRITE);
	EXPECT_EQ(0, prm->perm & (IOMMU_FAULT_PERM_EXEC | IOMMU_FAULT_PERM_PRIV));
	EXPECT_NE(0, prm->cookie);
	EXPECT_TRUE(svatest_busy(self->dev, 0));

	map_page(guest, GVA_DST, guest->dst);
	EXPECT_EQ(0, fault_answer(self->fd, &self->records[0],
				  IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
	EXPECT_EQ(PATTERN, *(uint64_t *)(vmm_ptr(self->vmm, guest->dst) + 64));
}

TEST_F(request, group_of_many_pages)
{
	struct guest *guest = &self->guest;
	unsigned int i;

	svatest_write(self->dev, SVATEST_R_CHANNEL(0) + SVATEST_C_FLAGS, 0);
	svatest_write(self->dev, SVATEST_R_CHANNEL(0) + SVATEST_C_PRG_PAGES, 8);
	svatest_write(self->dev, SVATEST_R_CHANNEL(0) + SVATEST_C_FLAGS,
		      SVATEST_CF_ENABLE | PRI);
	start_fill(self->dev, 0, GVA_DST, 8 * SIZE_4K);
	ASSERT_EQ(8, fault_next_group(self->fd, self->records));
	for (i = 0; i < 8; i++) {
		struct iommu_fault_page_request *prm = &self->records[i].prm;

		EXPECT_EQ(GVA_DST + i * SIZE_4K, prm->addr);
		EXPECT_EQ(self->records[0].prm.grpid, prm->grpid);
		EXPECT_EQ(i == 7, !!(prm->flags &
				     IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE));
		EXPECT_EQ(i == 7, !!(prm->flags &
				     IOMMU_FAULT_PAGE_REQUEST_COOKIE_VALID));
		map_page(guest, prm->addr, guest_page(self->vmm, 0));
	}
	EXPECT_EQ(0, fault_answer(self->fd, &self->records[7],
				  IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
}

/* A group is read as a whole or stays where it is */
TEST_F(request, room_for_less_than_a_group)
{
	const uint32_t aux = SVATEST_PR_READ | SVATEST_PR_LAST;

	svatest_setup(self->dev, 1, GUEST_PASID, RAW);
	start_requests(self->dev, 1, GUEST_PASID, GVA_SRC, 3, aux | 7);
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 1).status);
	ASSERT_TRUE(fault_wait(self->fd, 60000));
	EXPECT_EQ(-EINVAL, fault_read(self->fd, self->records, 1));
	EXPECT_EQ(-EINVAL, fault_read(self->fd, self->records, 2));
	EXPECT_EQ(-1, read(self->fd, self->records, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->fd, self->records, 63));
	EXPECT_EQ(EINVAL, errno);
	/* Memory that is not there loses nothing either. */
	EXPECT_EQ(-1, read(self->fd, nowhere, sizeof(self->records)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(3, fault_read(self->fd, self->records, 3));
	EXPECT_EQ(7, self->records[2].prm.grpid);
	EXPECT_EQ(0, fault_answer(self->fd, &self->records[2],
				  IOMMU_PAGE_RESP_INVALID));
}

TEST_F(request, nothing_to_read)
{
	EXPECT_FALSE(fault_wait(self->fd, 0));
	EXPECT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, fault_read(self->fd, self->records, 1));
}

FIXTURE(rights) {
	struct guest guest;
	struct iommu_fault records[FAULT_ROOM];
	int fd;
};

FIXTURE_VARIANT(rights) {
	uint32_t aux;
	uint32_t perm;
};

#define PERM(x)	IOMMU_FAULT_PERM_##x

FIXTURE_VARIANT_ADD(rights, read) { SVATEST_PR_READ, PERM(READ) };
FIXTURE_VARIANT_ADD(rights, write) { SVATEST_PR_WRITE, PERM(WRITE) };
FIXTURE_VARIANT_ADD(rights, both) {
	SVATEST_PR_READ | SVATEST_PR_WRITE, PERM(READ) | PERM(WRITE) };
FIXTURE_VARIANT_ADD(rights, exec) {
	SVATEST_PR_READ | SVATEST_PR_EXEC, PERM(READ) | PERM(EXEC) };
FIXTURE_VARIANT_ADD(rights, priv) {
	SVATEST_PR_WRITE | SVATEST_PR_PRIV, PERM(WRITE) | PERM(PRIV) };
FIXTURE_VARIANT_ADD(rights, priv_exec) {
	SVATEST_PR_READ | SVATEST_PR_EXEC | SVATEST_PR_PRIV,
	PERM(READ) | PERM(EXEC) | PERM(PRIV) };

FIXTURE_SETUP(rights)
{
	struct iommu_gpasid_bind_data data;

	ASSERT_EQ(0, guest_open(&self->guest, 0, 1));
	vmm_bind_data(&data, GUEST_PASID, self->guest.pt.root, 4);
	data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_SRE;
	ASSERT_EQ(0, vmm_nesting_op(&self->guest.vmm, NULL,
				    VFIO_NESTING_OP_BIND_PGTBL, &data,
				    sizeof(data)));
	self->fd = fault_open(self->guest.dev, PAGE_REQ);
	ASSERT_LE(0, self->fd);
	svatest_setup(self->guest.dev, 0, GUEST_PASID, RAW);
}

FIXTURE_TEARDOWN(rights)
{
	close(self->fd);
	guest_close(&self->guest);
}

/* Whatever it asks for is passed on, and at an address of 5 levels as well */
TEST_F(rights, passed_on)
{
	static const uint64_t addresses[] = {
		GVA_SRC, 0x00ab7e4000000000ULL, 0xffff800000001000ULL,
		0xfffffffffffff000ULL, 0,
	};
	unsigned int i;

	for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct iommu_fault_page_request *prm = &self->records[0].prm;

		start_requests(self->guest.dev, 0, GUEST_PASID, addresses[i], 1,
			       variant->aux | SVATEST_PR_LAST | (40 + i));
		ASSERT_EQ(1, fault_next_group(self->fd, self->records));
		EXPECT_EQ(addresses[i], prm->addr);
		EXPECT_EQ(variant->perm, prm->perm);
		EXPECT_EQ(40 + i, prm->grpid);
		EXPECT_EQ(0, fault_answer(self->fd, &self->records[0],
					  IOMMU_PAGE_RESP_INVALID));
		EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->guest.dev, 0).status);
	}
}

TEST_F(request, code_success_and_no_page)
{
	svatest_write(self->dev, SVATEST_R_CHANNEL(0) + SVATEST_C_FLAGS, 0);
	svatest_write(self->dev, SVATEST_R_CHANNEL(0) + SVATEST_C_RETRIES, 2);
	svatest_write(self->dev, SVATEST_R_CHANNEL(0) + SVATEST_C_FLAGS,
		      SVATEST_CF_ENABLE | PRI);
	start_fill(self->dev, 0, GVA_DST, 8);
	/* The device tries again as often as it was told. */
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_SUCCESS));
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_SUCCESS));
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_RETRY, svatest_wait(self->dev, 0).status);
}

TEST_F(request, code_invalid)
{
	start_fill(self->dev, 0, GVA_DST, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_INVALID));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
}

TEST_F(request, code_failure)
{
	start_fill(self->dev, 0, GVA_DST, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_FAILURE));
	EXPECT_EQ(SVATEST_ST_PAGE_FAILURE, svatest_wait(self->dev, 0).status);
	EXPECT_NE(0, svatest_read(self->dev, SVATEST_R_ERROR) &
		  SVATEST_ERR_RESPONSE);
	EXPECT_EQ(1, svatest_counter(self->dev, SVATEST_CNT_RESP_FAILURE));
}

/* EXPECT_ANSWER(errno, change...): a good answer with one change is refused */
#define EXPECT_ANSWER(err, change) do {					\
	struct iommu_page_response resp = good;				\
	change;								\
	EXPECT_EQ(-(err), fault_write(self->fd, &resp, 1));		\
	EXPECT_EQ(-(err), fault_answer_op(self->vmm, self->dev, &resp)); \
	EXPECT_TRUE(svatest_busy(self->dev, 0));			\
} while (0)

TEST_F(request, answers_refused)
{
	struct iommu_page_response good;

	start_fill(self->dev, 0, GVA_DST, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	good = fault_response(self->records, IOMMU_PAGE_RESP_INVALID);

	EXPECT_ANSWER(EINVAL, resp.argsz = 0);
	EXPECT_ANSWER(EINVAL, resp.argsz = 23);
	EXPECT_ANSWER(EINVAL, resp.argsz = 33);
	EXPECT_ANSWER(EINVAL, resp.version = 0);
	EXPECT_ANSWER(EINVAL, resp.version = 2);
	EXPECT_ANSWER(EINVAL, resp.flags |= 4);
	EXPECT_ANSWER(EINVAL, resp.code = 3);
	EXPECT_ANSWER(EINVAL, resp.code = 0xf);
	EXPECT_ANSWER(ENOENT, resp.pasid++);
	EXPECT_ANSWER(ENOENT, resp.flags = IOMMU_PAGE_RESP_COOKIE_VALID);
	EXPECT_ANSWER(ENOENT, resp.grpid++);
	EXPECT_ANSWER(ENOENT, resp.grpid |= 1U << 31);
	EXPECT_ANSWER(ENOENT, resp.cookie++);
	EXPECT_ANSWER(ENOENT, resp.cookie = 0);

	/* The file takes answers of one size, the operation a zero tail. */
	good.argsz = 24;
	EXPECT_EQ(-EINVAL, fault_write(self->fd, &good, 1));
	EXPECT_EQ(-E2BIG, fault_answer_op(self->vmm, self->dev, &good));
	good.argsz = sizeof(good);

	/* Lengths that are no number of answers, and memory that is not there */
	EXPECT_EQ(-1, write(self->fd, &good, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->fd, &good, 31));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->fd, self->records, 33));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->fd, nowhere, 32));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(svatest_busy(self->dev, 0));

	EXPECT_EQ(1, fault_write(self->fd, &good, 1));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
	/* Once is enough. */
	EXPECT_EQ(-ENOENT, fault_write(self->fd, &good, 1));
	EXPECT_EQ(-ENOENT, fault_answer_op(self->vmm, self->dev, &good));
	EXPECT_EQ(1, svatest_counter(self->dev, SVATEST_CNT_RESP_INVALID));
}

TEST_F(request, answer_by_operation)
{
	struct guest *guest = &self->guest;
	struct iommu_page_response resp;

	start_fill(self->dev, 0, GVA_DST, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	map_page(guest, GVA_DST, guest->dst);
	resp = fault_response(self->records, IOMMU_PAGE_RESP_SUCCESS);
	/* An old caller has no cookie. */
	resp.argsz = 24;
	resp.flags = IOMMU_PAGE_RESP_PASID_VALID;
	EXPECT_EQ(0, vmm_nesting_op(self->vmm, NULL, VFIO_NESTING_OP_PAGE_RESP,
				    &resp, 24));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
}

TEST_F(request, many_answers_at_once)
{
	const uint32_t aux = SVATEST_PR_READ | SVATEST_PR_LAST |
			     SVATEST_PR_DISTINCT;
	struct iommu_page_response resps[40];
	unsigned int i;

	svatest_setup(self->dev, 1, GUEST_PASID, RAW);
	start_requests(self->dev, 1, GUEST_PASID, GVA_SRC, 40, aux | 100);
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 1).status);
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(1, fault_next_group(self->fd, self->records));
		/* In the order in which they were sent */
		EXPECT_EQ(100 + i, self->records[0].prm.grpid);
		resps[i] = fault_response(self->records, IOMMU_PAGE_RESP_INVALID);
	}
	/* One that is wrong ends the write before it; the others count. */
	resps[25].cookie += 1000;
	EXPECT_EQ(25, fault_write(self->fd, resps, 40));
	EXPECT_EQ(-ENOENT, fault_write(self->fd, resps + 25, 15));
	resps[25].cookie -= 1000;
	EXPECT_EQ(15, fault_write(self->fd, resps + 25, 15));
	EXPECT_EQ(40, svatest_counter(self->dev, SVATEST_CNT_RESP_UNKNOWN) +
		  svatest_counter(self->dev, SVATEST_CNT_RESP_INVALID));
}

FIXTURE(batch) {
	struct guest guest;
	int fd;
};

FIXTURE_VARIANT(batch) {
	unsigned int answers;
};

FIXTURE_VARIANT_ADD(batch, of_1) { 1 };
FIXTURE_VARIANT_ADD(batch, of_16) { 16 };
FIXTURE_VARIANT_ADD(batch, of_17) { 17 };
FIXTURE_VARIANT_ADD(batch, of_64) { 64 };

FIXTURE_SETUP(batch)
{
	ASSERT_EQ(0, guest_open(&self->guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&self->guest));
	self->fd = fault_open(self->guest.dev, PAGE_REQ);
	ASSERT_LE(0, self->fd);
	svatest_setup(self->guest.dev, 0, GUEST_PASID, RAW);
}

FIXTURE_TEARDOWN(batch)
{
	close(self->fd);
	guest_close(&self->guest);
}

/* The hardware is waited for once for 16 answers that come in one write. */
TEST_F(batch, waits)
{
	const struct vmm_device *dev = self->guest.dev;
	const unsigned int count = variant->answers;
	struct iommu_page_response resps[64];
	struct queue_use use;
	int mark;

	start_requests(dev, 0, GUEST_PASID, GVA_SRC, count,
		       SVATEST_PR_READ | SVATEST_PR_LAST | SVATEST_PR_DISTINCT |
		       SVATEST_PR_WAIT);
	ASSERT_EQ(0, fault_gather(self->fd, resps, count,
				  IOMMU_PAGE_RESP_SUCCESS));
	mark = queue_mark();
	ASSERT_LE(0, mark);
	EXPECT_EQ(count, fault_write(self->fd, resps, count));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(dev, 0).status);
	ASSERT_EQ(0, queue_used(dev, mark, &use));
	EXPECT_EQ(count, use.responses);
	EXPECT_LT(0, use.waits);
	EXPECT_GE((count + 15) / 16, use.waits);
}

/* An answer that is late must not hit a younger group with the same index */
TEST_F(request, index_used_again)
{
	const uint32_t aux = SVATEST_PR_READ | SVATEST_PR_LAST | 9;
	struct iommu_page_response old, new;

	svatest_setup(self->dev, 1, GUEST_PASID, RAW);
	start_requests(self->dev, 1, GUEST_PASID, GVA_SRC, 1, aux);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	old = fault_response(self->records, IOMMU_PAGE_RESP_INVALID);
	svatest_wait(self->dev, 1);
	EXPECT_EQ(1, fault_write(self->fd, &old, 1));

	start_requests(self->dev, 1, GUEST_PASID, GVA_SRC, 1, aux);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	new = fault_response(self->records, IOMMU_PAGE_RESP_INVALID);
	svatest_wait(self->dev, 1);
	EXPECT_EQ(old.grpid, new.grpid);
	EXPECT_NE(old.cookie, new.cookie);
	EXPECT_EQ(-ENOENT, fault_write(self->fd, &old, 1));
	EXPECT_EQ(1, fault_write(self->fd, &new, 1));
}

TEST_F(request, guest_pasid_of_another_number)
{
	struct guest *guest = &self->guest;
	struct iommu_gpasid_bind_data data;

	EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID));
	vmm_bind_data(&data, GUEST_PASID, guest->pt.root, 4);
	data.flags = IOMMU_SVA_GPASID_VAL;
	data.gpasid = 777;
	ASSERT_EQ(0, vmm_nesting_op(self->vmm, NULL, VFIO_NESTING_OP_BIND_PGTBL,
				    &data, sizeof(data)));
	start_fill(self->dev, 0, GVA_DST, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(777, self->records[0].prm.pasid);
	map_page(guest, GVA_DST, guest->dst);
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
}

/* Wait until the kernel has @groups groups of the device waiting */
static bool groups_wait(const struct vmm_device *dev, uint64_t groups)
{
	struct fault_counters counters = {};
	unsigned int i;

	for (i = 0; i < 6000; i++) {
		if (fault_get_counters(dev, &counters))
			return false;
		if (counters.waiting == groups)
			return true;
		usleep(10000);
	}
	return false;
}

/* The end, while a request waits: before it is read, and after */
FIXTURE(ending) {
	struct guest guest;
	struct vmm *vmm;
	struct vmm_device *dev;
	struct iommu_fault records[FAULT_ROOM];
	int fd;
};

FIXTURE_VARIANT(ending) {
	bool read;
	unsigned int groups;
};

FIXTURE_VARIANT_ADD(ending, unread) { false, 1 };
FIXTURE_VARIANT_ADD(ending, read) { true, 1 };
FIXTURE_VARIANT_ADD(ending, many_unread) { false, 30 };
FIXTURE_VARIANT_ADD(ending, many_read) { true, 30 };

FIXTURE_SETUP(ending)
{
	const uint32_t aux = SVATEST_PR_READ | SVATEST_PR_LAST |
			     SVATEST_PR_DISTINCT;
	unsigned int i;

	self->fd = open_without_pages(&self->guest);
	ASSERT_LE(0, self->fd);
	self->vmm = &self->guest.vmm;
	self->dev = self->guest.dev;

	/* One command that waits, and more requests beside it */
	svatest_setup(self->dev, 1, GUEST_PASID, RAW);
	if (variant->groups > 1) {
		start_requests(self->dev, 1, GUEST_PASID, GVA_SRC,
			       variant->groups - 1, aux | 200);
		EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 1).status);
	}
	svatest_setup(self->dev, 0, GUEST_PASID, PRI);
	start_fill(self->dev, 0, GVA_DST, 8);
	ASSERT_TRUE(groups_wait(self->dev, variant->groups));
	for (i = 0; variant->read && i < variant->groups; i++)
		ASSERT_EQ(1, fault_next_group(self->fd, self->records));
}

FIXTURE_TEARDOWN(ending)
{
	close(self->fd);
	guest_close(&self->guest);
}

TEST_F(ending, unbind)
{
	EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
	if (variant->read)
		EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
						IOMMU_PAGE_RESP_SUCCESS));
}

TEST_F(ending, free)
{
	EXPECT_EQ(0, vmm_pasid_free(self->vmm, 0, ~0U));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
	if (variant->read)
		EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
						IOMMU_PAGE_RESP_SUCCESS));
}

TEST_F(ending, replace)
{
	struct guest *guest = &self->guest;
	struct pgtable other;

	pgtable_init(&other, self->vmm, 4);
	pgtable_map(&other, GVA_DST, guest->dst, SIZE_4K, PGT_READ_WRITE);
	EXPECT_EQ(0, vmm_bind(self->vmm, NULL, GUEST_PASID, other.root, 4));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
	if (variant->read)
		EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
						IOMMU_PAGE_RESP_SUCCESS));
	/* With the new table everything is as it should be. */
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(self->dev, 0, GVA_DST, PATTERN, 8));
}

TEST_F(ending, file_closed)
{
	struct fault_counters counters;

	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
	ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	EXPECT_EQ(0, counters.waiting);
	EXPECT_EQ(variant->groups, counters.ends[FAULT_CLOSE]);
	/* What comes now has nobody to go to. */
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID,
		  svatest_fill(self->dev, 0, GVA_DST, PATTERN, 8));

	/* The next file starts from nothing. */
	self->fd = fault_open(self->dev, PAGE_REQ);
	ASSERT_LE(0, self->fd);
	EXPECT_FALSE(fault_wait(self->fd, 0));
	if (variant->read)
		EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
						IOMMU_PAGE_RESP_SUCCESS));
	start_fill(self->dev, 0, GVA_DST, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_INVALID));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
}

TEST_F(ending, device_closed)
{
	struct pollfd pollfd = { .fd = self->fd, .events = POLLIN };
	struct fault_counters counters;

	vmm_device_close(self->dev);
	EXPECT_EQ(1, poll(&pollfd, 1, 0));
	EXPECT_EQ(POLLERR | POLLHUP, pollfd.revents);
	EXPECT_EQ(-ENODEV, fault_read(self->fd, self->records, FAULT_ROOM));
	EXPECT_EQ(-ENODEV, fault_answer(self->fd, self->records,
					IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(-ENOENT, fault_get_counters(self->dev, &counters));

	/* The old file stays dead when the device comes back. */
	ASSERT_EQ(0, vmm_device_open(self->dev));
	EXPECT_EQ(-ENODEV, fault_read(self->fd, self->records, FAULT_ROOM));
	close(self->fd);
	self->fd = fault_open(self->dev, PAGE_REQ);
	EXPECT_LE(0, self->fd);
}

TEST_F(ending, deadline)
{
	struct fault_counters counters;
	unsigned int i, old;

	/* The groups of the set-up have the usual time; they end otherwise. */
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
	self->fd = fault_open(self->dev, PAGE_REQ);
	ASSERT_LE(0, self->fd);

	old = fault_set_timeout(100);
	start_requests(self->dev, 1, GUEST_PASID, GVA_SRC, variant->groups,
		       SVATEST_PR_READ | SVATEST_PR_LAST | SVATEST_PR_DISTINCT);
	start_fill(self->dev, 0, GVA_DST, 8);
	for (i = 0; variant->read && i <= variant->groups; i++)
		ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
	fault_set_timeout(old);
	if (variant->read)
		EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
						IOMMU_PAGE_RESP_SUCCESS));
	ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	EXPECT_EQ(variant->groups + 1, counters.ends[FAULT_DEADLINE]);
	EXPECT_EQ(0, counters.waiting);
}

TEST(killed_with_requests_waiting)
{
	struct iommu_fault records[FAULT_ROOM];
	struct guest guest;
	int ready[2], status, fd;
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	child = fork();
	ASSERT_NE(-1, child);
	if (!child) {
		if (guest_open(&guest, 0, 1) || guest_bind(&guest))
			_exit(1);
		fd = fault_open(guest.dev, PAGE_REQ);
		svatest_setup(guest.dev, 0, GUEST_PASID, PRI);
		start_fill(guest.dev, 0, GVA_DST + SIZE_2M, 8);
		if (fault_next_group(fd, records) != 1 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	EXPECT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));

	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&guest));
	fd = fault_open(guest.dev, PAGE_REQ);
	EXPECT_LE(0, fd);
	svatest_setup(guest.dev, 0, GUEST_PASID, PRI);
	EXPECT_EQ(guest_peek(&guest.vmm, guest.src), guest_copied(&guest, 0));
	close(fd);
	guest_close(&guest);
}

TEST(no_file)
{
	struct guest guest;

	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&guest));
	svatest_setup(guest.dev, 0, GUEST_PASID, PRI);
	/* Page requests are off, so there is nothing to wait for. */
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(guest.dev, 0, GVA_DST + SIZE_2M,
					      PATTERN, 8));
	guest_close(&guest);
}

TEST(file_without_page_requests)
{
	struct guest guest;
	int fd;

	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&guest));
	fd = fault_open(guest.dev, 0);
	ASSERT_LE(0, fd);
	svatest_setup(guest.dev, 0, GUEST_PASID, PRI);
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(guest.dev, 0, GVA_DST + SIZE_2M,
					      PATTERN, 8));
	close(fd);
	guest_close(&guest);
}

/* What the device asks while the file of its faults is open without them */
static void expect_unheard(struct __test_metadata *_metadata,
			   struct guest *guest, int fd)
{
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_DST + SIZE_2M,
					      PATTERN, 8));
	EXPECT_FALSE(fault_wait(fd, 0));
	EXPECT_EQ(0, close(fd));
}

/* Each file has what it was opened with, whatever the one before it had */
TEST(opened_with_and_without_page_requests)
{
	struct iommu_fault records[FAULT_ROOM];
	struct guest guest;
	int fd;

	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&guest));
	svatest_setup(guest.dev, 0, GUEST_PASID, PRI);
	fd = fault_open(guest.dev, 0);
	ASSERT_LE(0, fd);
	expect_unheard(_metadata, &guest, fd);

	fd = fault_open(guest.dev, PAGE_REQ);
	ASSERT_LE(0, fd);
	start_fill(guest.dev, 0, GVA_DST + SIZE_2M, 8);
	ASSERT_EQ(1, fault_next_group(fd, records));
	EXPECT_EQ(0, fault_answer(fd, records, IOMMU_PAGE_RESP_INVALID));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(guest.dev, 0).status);
	EXPECT_EQ(0, close(fd));

	/* The device still asks, and the kernel answers. */
	fd = fault_open(guest.dev, 0);
	ASSERT_LE(0, fd);
	expect_unheard(_metadata, &guest, fd);
	guest_close(&guest);
}

struct reader {
	int fd;
	int ret;
	pid_t tid;
};

static void *read_records(void *arg)
{
	struct iommu_fault records[FAULT_ROOM];
	struct reader *reader = arg;

	__atomic_store_n(&reader->tid, gettid(), __ATOMIC_RELAXED);
	reader->ret = fault_read(reader->fd, records, FAULT_ROOM);
	return NULL;
}

/* Wait until a thread sleeps; it has nothing to do but read */
static void wait_for_sleep(const struct reader *reader)
{
	char path[64], state = 0;
	unsigned int i;
	FILE *file;
	pid_t tid;

	for (i = 0; i < 6000 && state != 'S'; i++) {
		usleep(10000);
		tid = __atomic_load_n(&reader->tid, __ATOMIC_RELAXED);
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
		file = tid ? fopen(path, "r") : NULL;
		if (!file)
			continue;
		if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		fclose(file);
	}
}

TEST_F(request, device_closed_under_a_reader)
{
	struct reader reader = { .fd = self->fd };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, read_records, &reader));
	wait_for_sleep(&reader);
	vmm_device_close(self->dev);
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENODEV, reader.ret);
}

/* As many as may wait; then they end, and their records stay */
static bool leave_records(struct guest *guest, struct fault_counters *counters)
{
	uint64_t groups = counters->groups + counters->limit;
	unsigned int i;

	start_requests(guest->dev, 1, GUEST_PASID, GVA_SRC, counters->limit,
		       SVATEST_PR_READ | SVATEST_PR_LAST | SVATEST_PR_DISTINCT);
	svatest_wait(guest->dev, 1);
	for (i = 0; i < 6000; i++) {
		if (fault_get_counters(guest->dev, counters))
			return false;
		if (counters->groups == groups)
			return !vmm_unbind(&guest->vmm, NULL, GUEST_PASID) &&
			       !guest_bind(guest);
		usleep(10000);
	}
	return false;
}

#define RING		1024
#define RING_EVENTS	256

/* Page requests first, then aborted accesses, until there is room for none */
static bool fill_ring(struct guest *guest, struct fault_counters *counters)
{
	const uint64_t no_room = counters->ends[FAULT_NO_ROOM];
	const uint64_t lost = counters->lost;
	unsigned int sent = 0;

	while (counters->ends[FAULT_NO_ROOM] == no_room)
		if (!leave_records(guest, counters))
			return false;
	while (counters->lost == lost && sent++ < 100000) {
		svatest_fill(guest->dev, 2, GVA_SRC, PATTERN, 8);
		if (fault_get_counters(guest->dev, counters))
			return false;
	}
	return counters->lost > lost;
}

/* Number of page requests, which are in order */
static unsigned int count_requests(const struct iommu_fault *records, int count)
{
	unsigned int requests = 0;
	uint64_t cookie = 0;
	int i;

	for (i = 0; i < count; i++) {
		if (records[i].type != IOMMU_FAULT_PAGE_REQ)
			continue;
		if (records[i].prm.cookie <= cookie)
			return 0;
		cookie = records[i].prm.cookie;
		requests++;
	}
	return requests;
}

/* Page requests and events have a share each, and none takes the other's. */
TEST_F_TIMEOUT(request, full_of_records, 120)
{
	struct iommu_fault *records = calloc(RING, sizeof(*records));
	struct fault_counters counters;
	unsigned int round;
	uint64_t told;

	ASSERT_NE(NULL, records);
	svatest_setup(self->dev, 1, GUEST_PASID, RAW);
	svatest_setup(self->dev, 2, GUEST_PASID, 0);
	ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	for (round = 0; round < 2; round++) {
		told = counters.groups - counters.ends[FAULT_NO_ROOM];
		ASSERT_TRUE(fill_ring(&self->guest, &counters));
		EXPECT_EQ(RING - RING_EVENTS, counters.groups -
			  counters.ends[FAULT_NO_ROOM] - told);
		ASSERT_EQ(RING, fault_read(self->fd, records, RING));
		EXPECT_EQ(RING - RING_EVENTS, count_requests(records, RING));

		/* There is room again, and what was lost is told on the way. */
		start_fill(self->dev, 0, GVA_DST, 8);
		ASSERT_EQ(1, fault_next_group(self->fd, self->records));
		EXPECT_EQ(0, fault_answer(self->fd, self->records,
					  IOMMU_PAGE_RESP_INVALID));
		EXPECT_EQ(SVATEST_ST_PAGE_INVALID,
			  svatest_wait(self->dev, 0).status);
		ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	}
	free(records);
}

TEST(opening)
{
	struct vfio_nesting_fault_fd request = { .argsz = sizeof(request) };
	const unsigned int op = VFIO_NESTING_OP_GET_FAULT_FD;
	struct iommu_page_response response = {
		.argsz = sizeof(response),
		.version = IOMMU_PAGE_RESP_VERSION_1,
		.flags = IOMMU_PAGE_RESP_PASID_VALID,
		.pasid = GUEST_PASID,
	};
	struct iommu_nesting_info info;
	uint32_t longer[4] = {};
	struct guest guest;
	int fd;

	ASSERT_EQ(0, guest_open(&guest, 0, 2));
	ASSERT_EQ(0, vmm_nesting_info(&guest.vmm, &info));
	EXPECT_NE(0, info.features & IOMMU_NESTING_FEAT_PAGE_RESP);

	/* Two devices, and none is named */
	EXPECT_EQ(-EINVAL, vmm_nesting_op(&guest.vmm, NULL, op, &request,
					  sizeof(request)));
	request.argsz = 7;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(&guest.vmm, guest.dev, op, &request,
					  sizeof(request)));
	request.argsz = sizeof(request);
	request.flags = 2;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(&guest.vmm, guest.dev, op, &request,
					  sizeof(request)));
	request.flags = 1U << 31;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(&guest.vmm, guest.dev, op, &request,
					  sizeof(request)));
	request.flags = 0;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(&guest.vmm, guest.dev, op, &request,
					  sizeof(request) - 1));
	/* What follows must be zero, inside of the payload and behind it. */
	memcpy(longer, &request, sizeof(request));
	longer[2] = 1;
	EXPECT_EQ(-E2BIG, vmm_nesting_op(&guest.vmm, guest.dev, op, longer,
					 sizeof(longer)));
	longer[0] = sizeof(longer);
	EXPECT_EQ(-E2BIG, vmm_nesting_op(&guest.vmm, guest.dev, op, longer,
					 sizeof(longer)));
	longer[2] = 0;
	longer[0] = sizeof(longer) + 1;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(&guest.vmm, guest.dev, op, longer,
					  sizeof(longer)));

	/* There is nothing to answer. */
	EXPECT_EQ(-ENOENT, fault_answer_op(&guest.vmm, guest.dev, &response));

	fd = fault_open(guest.dev, PAGE_REQ);
	EXPECT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(-EBUSY, fault_open(guest.dev, PAGE_REQ));
	EXPECT_EQ(-EBUSY, fault_open(guest.dev, 0));
	close(fd);
	fd = fault_open(guest.dev, PAGE_REQ);
	EXPECT_LE(0, fd);
	close(fd);
	vmm_device_close(guest.dev);
	EXPECT_EQ(-EBADF, fault_open(guest.dev, PAGE_REQ));
	guest_close(&guest);
}

/* Two guests: what the one gets wrong is not felt by the other */
FIXTURE(neighbours) {
	struct guest bad, good;
	struct iommu_fault records[FAULT_ROOM];
	int bad_fd, good_fd;
};

FIXTURE_SETUP(neighbours)
{
	ASSERT_EQ(0, guest_open(&self->bad, 0, 1));
	ASSERT_EQ(0, guest_open(&self->good, 1, 1));
	ASSERT_EQ(0, guest_bind(&self->bad));
	ASSERT_EQ(0, guest_bind(&self->good));
	self->bad_fd = fault_open(self->bad.dev, PAGE_REQ);
	self->good_fd = fault_open(self->good.dev, PAGE_REQ);
	ASSERT_LE(0, self->bad_fd);
	ASSERT_LE(0, self->good_fd);
	svatest_setup(self->bad.dev, 0, GUEST_PASID, RAW);
	svatest_setup(self->good.dev, 0, GUEST_PASID, PRI);
}

FIXTURE_TEARDOWN(neighbours)
{
	struct fault_counters counters;

	EXPECT_EQ(0, fault_get_counters(self->good.dev, &counters));
	EXPECT_TRUE(fault_sums_up(&counters));
	EXPECT_EQ(counters.groups, counters.ends[FAULT_SUCCESS]);
	close(self->bad_fd);
	close(self->good_fd);
	guest_close(&self->bad);
	guest_close(&self->good);
}

/* One request of the good device, from the question to the end */
static bool good_is_served(struct guest *good, int fd, uint64_t page)
{
	struct iommu_fault records[FAULT_ROOM];
	uint64_t gva = GVA_DST + SIZE_2M + page * SIZE_4K;

	start_fill(good->dev, 0, gva, 8);
	/* Hardware may have answered for us, with an overflow. */
	while (!fault_wait(fd, 10))
		if (!svatest_busy(good->dev, 0))
			return false;
	if (fault_next_group(fd, records) != 1 || records[0].prm.addr != gva)
		return false;
	map_page(good, gva, good->dst);
	return !fault_answer(fd, records, IOMMU_PAGE_RESP_SUCCESS) &&
	       svatest_wait(good->dev, 0).status == SVATEST_ST_OK;
}

TEST_F(neighbours, answers_of_a_stranger)
{
	struct iommu_page_response resp;

	start_fill(self->good.dev, 0, GVA_DST + SIZE_2M, 8);
	ASSERT_EQ(1, fault_next_group(self->good_fd, self->records));
	resp = fault_response(self->records, IOMMU_PAGE_RESP_FAILURE);
	EXPECT_EQ(-ENOENT, fault_write(self->bad_fd, &resp, 1));
	EXPECT_EQ(-ENOENT, fault_answer_op(&self->bad.vmm, NULL, &resp));
	EXPECT_EQ(-ENOENT, fault_answer_op(&self->bad.vmm, self->good.dev, &resp));
	EXPECT_TRUE(svatest_busy(self->good.dev, 0));

	map_page(&self->good, GVA_DST + SIZE_2M, self->good.dst);
	EXPECT_EQ(0, fault_answer(self->good_fd, self->records,
				  IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->good.dev, 0).status);
}

/* Many more requests than credits, and nobody who reads them */
TEST_F(neighbours, flood_with_a_dead_consumer)
{
	struct fault_counters counters;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		start_requests(self->bad.dev, 0, GUEST_PASID, GVA_SRC, 500,
			       SVATEST_PR_READ | SVATEST_PR_LAST |
			       SVATEST_PR_DISTINCT);
		EXPECT_TRUE(good_is_served(&self->good, self->good_fd, i));
		svatest_wait(self->bad.dev, 0);
	}

	ASSERT_EQ(0, fault_get_counters(self->bad.dev, &counters));
	EXPECT_LE(counters.waiting, counters.limit);
	EXPECT_LT(0, counters.ends[FAULT_OVER_LIMIT]);
	EXPECT_TRUE(fault_sums_up(&counters));
	/* It comes back to life. */
	EXPECT_EQ(0, close(self->bad_fd));
	self->bad_fd = fault_open(self->bad.dev, PAGE_REQ);
	EXPECT_LE(0, self->bad_fd);
	EXPECT_TRUE(good_is_served(&self->good, self->good_fd, i));
}

#define FLOODS		20
#define FLOOD		500

/* Ten thousand requests from each of two others take nothing from its credit. */
TEST_F_TIMEOUT(neighbours, two_floods, 300)
{
	struct fault_counters counters;
	struct guest second;
	unsigned int i;
	int fd;

	ASSERT_EQ(0, guest_open(&second, 2, 1));
	ASSERT_EQ(0, guest_bind(&second));
	fd = fault_open(second.dev, PAGE_REQ);
	ASSERT_LE(0, fd);
	svatest_setup(second.dev, 0, GUEST_PASID, RAW);

	for (i = 0; i < FLOODS; i++) {
		const uint32_t aux = SVATEST_PR_READ | SVATEST_PR_LAST |
				     SVATEST_PR_DISTINCT;

		start_requests(self->bad.dev, 0, GUEST_PASID, GVA_SRC, FLOOD, aux);
		start_requests(second.dev, 0, GUEST_PASID, GVA_SRC, FLOOD, aux);
		EXPECT_TRUE(good_is_served(&self->good, self->good_fd, i));
		svatest_wait(self->bad.dev, 0);
		svatest_wait(second.dev, 0);
	}

	ASSERT_EQ(0, fault_get_counters(second.dev, &counters));
	EXPECT_EQ(counters.limit, counters.waiting);
	EXPECT_LT(0, counters.ends[FAULT_OVER_LIMIT]);
	EXPECT_TRUE(fault_sums_up(&counters));
	/* Of the victim all were answered by its guest, none by the host. */
	ASSERT_EQ(0, fault_get_counters(self->good.dev, &counters));
	EXPECT_EQ(FLOODS, counters.groups);
	EXPECT_EQ(FLOODS, counters.ends[FAULT_SUCCESS]);
	close(fd);
	guest_close(&second);
}

/* More than the unit's queue holds: hardware answers, and all go on */
TEST_F_TIMEOUT(neighbours, overflow_of_the_queue, 300)
{
	uint32_t aux = SVATEST_PR_READ | SVATEST_PR_LAST |
		       SVATEST_PR_DISTINCT | SVATEST_PR_SAME_ADDR;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		start_requests(self->bad.dev, 0, GUEST_PASID, GVA_SRC, 4000,
			       aux);
		svatest_wait(self->bad.dev, 0);
	}
	/* Answered by hardware until the host has emptied the queue */
	for (i = 0; !good_is_served(&self->good, self->good_fd, 0); i++)
		ASSERT_GT(10000, i);
	for (i = 1; i < 10; i++)
		EXPECT_TRUE(good_is_served(&self->good, self->good_fd, i));
	EXPECT_EQ(0, vmm_unbind(&self->bad.vmm, NULL, GUEST_PASID));
}

/* Groups that never end */
TEST_F(neighbours, no_last)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		start_requests(self->bad.dev, 0, GUEST_PASID, GVA_SRC, 1000,
			       SVATEST_PR_READ | SVATEST_PR_DISTINCT);
		EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->bad.dev, 0).status);
		EXPECT_TRUE(good_is_served(&self->good, self->good_fd, i));
	}
	EXPECT_FALSE(fault_wait(self->bad_fd, 0));
	EXPECT_EQ(0, vmm_unbind(&self->bad.vmm, NULL, GUEST_PASID));
}

TEST_F(neighbours, requests_for_nobody)
{
	uint32_t aux = SVATEST_PR_READ | SVATEST_PR_LAST | 3;

	/* Without PASID, for one that is not bound, for the neighbour's number */
	start_requests(self->bad.dev, 0, SVATEST_NO_PASID, GVA_SRC, 1, aux);
	svatest_wait(self->bad.dev, 0);
	start_requests(self->bad.dev, 0, GUEST_PASID + 1, GVA_SRC, 1, aux + 1);
	svatest_wait(self->bad.dev, 0);
	start_requests(self->bad.dev, 0, (1 << 20) - 1, GVA_SRC, 1, aux + 2);
	svatest_wait(self->bad.dev, 0);
	EXPECT_TRUE(good_is_served(&self->good, self->good_fd, 0));
	/* Whoever sent them may hear that something was wrong, no more. */
	while (fault_wait(self->bad_fd, 100)) {
		ASSERT_LT(0, fault_read(self->bad_fd, self->records, 1));
		EXPECT_EQ(IOMMU_FAULT_DMA_UNRECOV, self->records[0].type);
		TH_LOG("reason %u PASID %u flags %#x", self->records[0].event.reason,
		       self->records[0].event.pasid, self->records[0].event.flags);
	}
}

TEST_F(neighbours, requester_id_of_the_other)
{
	uint32_t good = 0, bad = 0;

	/* Devices 1 and 2 of bus 0 */
	ASSERT_EQ(1, sscanf(self->good.dev->name, "0000:00:%x.0", &good));
	ASSERT_EQ(1, sscanf(self->bad.dev->name, "0000:00:%x.0", &bad));
	svatest_write(self->bad.dev, SVATEST_K_DEVFN_OFFSET,
		      ((good - bad) * 8) & 0xff);
	start_requests(self->bad.dev, 0, GUEST_PASID, GVA_SRC, 1,
		       SVATEST_PR_READ | SVATEST_PR_LAST | 3);
	svatest_wait(self->bad.dev, 0);
	svatest_write(self->bad.dev, SVATEST_K_DEVFN_OFFSET, 0);
	/* It is told to the one whose id it is, who can answer it; no more. */
	ASSERT_EQ(1, fault_next_group(self->good_fd, self->records));
	EXPECT_EQ(GVA_SRC, self->records[0].prm.addr);
	EXPECT_EQ(0, fault_answer(self->good_fd, self->records,
				  IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_TRUE(good_is_served(&self->good, self->good_fd, 0));
}

TEST_F(request, stop_marker)
{
	struct guest *guest = &self->guest;
	struct svatest_desc marker = {
		.op_flags = SVATEST_OP_STOPMARK,
		.pasid = SVATEST_DP_VALID | GUEST_PASID,
	};

	svatest_setup(self->dev, 1, GUEST_PASID, RAW);
	EXPECT_EQ(SVATEST_ST_OK, svatest_run(self->dev, 1, &marker).status);
	/* It is no request, and nobody hears of it. */
	start_fill(self->dev, 0, GVA_DST, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(GVA_DST, self->records[0].prm.addr);
	map_page(guest, GVA_DST, guest->dst);
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
}

TEST_F(request, pasid_stopped_by_the_device)
{
	start_fill(self->dev, 0, GVA_DST, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	svatest_write(self->dev, SVATEST_R_PASID_STOP,
		      SVATEST_STOP_MARKER | GUEST_PASID);
	EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID));
	EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
					IOMMU_PAGE_RESP_SUCCESS));
}

TEST_F(request, response_lost_by_the_device)
{
	svatest_write(self->dev, SVATEST_K_RESP_DROP, 1);
	start_fill(self->dev, 0, GVA_DST, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(1, svatest_counter(self->dev, SVATEST_CNT_RESP_DROPPED));
	/* The device waits for ever, the host does not. */
	EXPECT_TRUE(svatest_busy(self->dev, 0));
	EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID));
}

TEST_HARNESS_MAIN
