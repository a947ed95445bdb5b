// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests: the way to the owner of the device, and the answer back
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"
#include "queue.h"

#define PATTERN		0x1122334455667788ULL
#define PAGE_REQ	VFIO_NESTING_FAULT_PAGE_REQ
#define PRI		(SVATEST_CF_ATS | SVATEST_CF_PRI)
#define RAW		(PRI | SVATEST_CF_TRUSTED)

/* An address that nothing is mapped at */
static void *const nowhere = (void *)0x1000;

/* A device whose page requests are answered by hand */
FIXTURE(request) {
	struct guest guest;
	struct vmm *vmm;
	struct vmm_device *dev;
	struct iommu_fault records[FAULT_ROOM];
	int fd;
};

FIXTURE_SETUP(request)
{
	self->fd = fault_open_guest(&self->guest);
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

TEST_F(request, page_is_mapped)
{
	struct iommu_fault_page_request *prm = &self->records[0].prm;
	struct guest *guest = &self->guest;

	svatest_start_fill(self->dev, 0, GVA_DST + 64, PATTERN, 8);
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

	guest_map_page(guest, GVA_DST, guest->dst);
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
	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8 * SIZE_4K);
	ASSERT_EQ(8, fault_next_group(self->fd, self->records));
	for (i = 0; i < 8; i++) {
		struct iommu_fault_page_request *prm = &self->records[i].prm;

		EXPECT_EQ(GVA_DST + i * SIZE_4K, prm->addr);
		EXPECT_EQ(self->records[0].prm.grpid, prm->grpid);
		EXPECT_EQ(i == 7, !!(prm->flags &
				     IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE));
		EXPECT_EQ(i == 7, !!(prm->flags &
				     IOMMU_FAULT_PAGE_REQUEST_COOKIE_VALID));
		guest_map_page(guest, prm->addr, guest_page(self->vmm, 0));
	}
	EXPECT_EQ(0, fault_answer(self->fd, &self->records[7],
				  IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
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
				    VFIO_IOMMU_NESTING_OP_BIND_PGTBL, &data,
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

		svatest_start_requests(self->guest.dev, 0, GUEST_PASID, addresses[i], 1,
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
	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
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
	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_INVALID));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(self->dev, 0).status);
}

TEST_F(request, code_failure)
{
	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
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

	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
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

	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	guest_map_page(guest, GVA_DST, guest->dst);
	resp = fault_response(self->records, IOMMU_PAGE_RESP_SUCCESS);
	/* An old caller has no cookie. */
	resp.argsz = 24;
	resp.flags = IOMMU_PAGE_RESP_PASID_VALID;
	EXPECT_EQ(0, vmm_nesting_op(self->vmm, NULL, VFIO_IOMMU_NESTING_OP_PAGE_RESP,
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
	svatest_start_requests(self->dev, 1, GUEST_PASID, GVA_SRC, 40, aux | 100);
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

	svatest_start_requests(dev, 0, GUEST_PASID, GVA_SRC, count,
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
	svatest_start_requests(self->dev, 1, GUEST_PASID, GVA_SRC, 1, aux);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	old = fault_response(self->records, IOMMU_PAGE_RESP_INVALID);
	svatest_wait(self->dev, 1);
	EXPECT_EQ(1, fault_write(self->fd, &old, 1));

	svatest_start_requests(self->dev, 1, GUEST_PASID, GVA_SRC, 1, aux);
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
	ASSERT_EQ(0, vmm_nesting_op(self->vmm, NULL, VFIO_IOMMU_NESTING_OP_BIND_PGTBL,
				    &data, sizeof(data)));
	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(777, self->records[0].prm.pasid);
	guest_map_page(guest, GVA_DST, guest->dst);
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
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
	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(GVA_DST, self->records[0].prm.addr);
	guest_map_page(guest, GVA_DST, guest->dst);
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
}

TEST_F(request, pasid_stopped_by_the_device)
{
	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
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
	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(0, fault_answer(self->fd, self->records, IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(1, svatest_counter(self->dev, SVATEST_CNT_RESP_DROPPED));
	/* The device waits for ever, the host does not. */
	EXPECT_TRUE(svatest_busy(self->dev, 0));
	EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID));
}

TEST_HARNESS_MAIN
