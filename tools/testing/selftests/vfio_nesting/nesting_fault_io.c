// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file of a device's faults: reads and writes in several pieces, and answers
 * of more than one length
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"

#define RAW	(SVATEST_CF_ATS | SVATEST_CF_PRI | SVATEST_CF_TRUSTED)

/* Groups of one request that wait for an answer when a test begins */
#define GROUPS	3

/* As much of an answer as was known before there were cookies */
#define SHORT	24

/* Longer than what the kernel knows */
#define LONG	40

FIXTURE(io) {
	struct guest guest;
	struct vmm_device *dev;
	struct iommu_fault records[FAULT_ROOM];
	int fd;
};

static void ask(struct vmm_device *dev, unsigned int pages, uint32_t index)
{
	svatest_start_requests(dev, 1, GUEST_PASID, GVA_SRC, pages,
			       SVATEST_PR_READ | SVATEST_PR_LAST | index);
	svatest_wait(dev, 1);
}

/* Have all requests come in, as far as can be seen without reading them? */
static bool groups_wait(struct vmm_device *dev, uint64_t requests)
{
	struct fault_counters counters = {};
	unsigned int i;

	for (i = 0; i < 6000 && counters.waiting != requests; i++) {
		if (fault_get_counters(dev, &counters))
			return false;
		usleep(10000);
	}
	return counters.waiting == requests;
}

FIXTURE_SETUP(io)
{
	unsigned int i;

	self->fd = fault_open_guest(&self->guest);
	ASSERT_LE(0, self->fd);
	self->dev = self->guest.dev;
	svatest_setup(self->dev, 1, GUEST_PASID, RAW);
	for (i = 0; i < GROUPS; i++)
		ask(self->dev, 1, i + 1);
	ASSERT_TRUE(groups_wait(self->dev, GROUPS));
}

FIXTURE_TEARDOWN(io)
{
	close(self->fd);
	guest_close(&self->guest);
}

/* What one read() would return, in pieces of a record each */
TEST_F(io, readv_takes_what_is_there)
{
	struct iovec pieces[GROUPS + 2];
	unsigned int i;

	for (i = 0; i < GROUPS + 2; i++) {
		pieces[i].iov_base = &self->records[i];
		pieces[i].iov_len = sizeof(self->records[i]);
	}
	EXPECT_EQ(GROUPS * sizeof(self->records[0]),
		  readv(self->fd, pieces, GROUPS + 2));
	for (i = 0; i < GROUPS; i++)
		EXPECT_EQ(i + 1, self->records[i].prm.grpid);
}

/* Pieces may end anywhere, also in the middle of a record */
TEST_F(io, readv_in_odd_pieces)
{
	uint8_t *to = (uint8_t *)self->records;
	struct iovec pieces[] = {
		{ to, 7 }, { to + 7, 100 }, { to + 107, 0 }, { to + 107, 85 },
	};
	unsigned int i;

	EXPECT_EQ(192, readv(self->fd, pieces, 4));
	for (i = 0; i < GROUPS; i++)
		EXPECT_EQ(i + 1, self->records[i].prm.grpid);
}

TEST_F(io, group_over_several_pieces)
{
	struct iovec pieces[] = {
		{ &self->records[0], sizeof(self->records[0]) },
		{ &self->records[1], sizeof(self->records[1]) },
		{ &self->records[2], sizeof(self->records[2]) },
	};

	ASSERT_EQ(GROUPS, fault_read(self->fd, self->records, FAULT_ROOM));
	ask(self->dev, 3, 9);
	ASSERT_TRUE(groups_wait(self->dev, GROUPS + 3));
	EXPECT_EQ(-1, readv(self->fd, pieces, 2));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(3 * sizeof(self->records[0]), readv(self->fd, pieces, 3));
	EXPECT_EQ(9, self->records[2].prm.grpid);
	EXPECT_EQ(0, fault_answer(self->fd, &self->records[2],
				  IOMMU_PAGE_RESP_INVALID));
}

/* A piece that is not there loses nothing of those before it */
TEST_F(io, readv_into_nowhere)
{
	struct iovec pieces[] = {
		{ self->records, sizeof(self->records[0]) },
		{ (void *)0x1000, sizeof(self->records[0]) },
	};

	EXPECT_EQ(-1, readv(self->fd, pieces, 2));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(GROUPS, fault_read(self->fd, self->records, FAULT_ROOM));
}

TEST_F(io, does_not_block)
{
	struct iovec piece = { self->records, sizeof(self->records) };

	EXPECT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(GROUPS * sizeof(self->records[0]), readv(self->fd, &piece, 1));
	EXPECT_EQ(-1, readv(self->fd, &piece, 1));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-EAGAIN, fault_read(self->fd, self->records, 1));
}

/* Three answers in pieces that end in the middle of an answer */
TEST_F(io, answers_over_several_pieces)
{
	struct iommu_page_response answers[GROUPS];
	uint8_t *from = (uint8_t *)answers;
	struct iovec pieces[] = {
		{ from, 5 }, { from + 5, 40 }, { from + 45, 51 },
	};
	struct fault_counters counters;

	ASSERT_EQ(0, fault_gather(self->fd, answers, GROUPS,
				  IOMMU_PAGE_RESP_INVALID));
	EXPECT_EQ(sizeof(answers), writev(self->fd, pieces, 3));
	ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	EXPECT_EQ(GROUPS, counters.ends[FAULT_INVALID]);
	EXPECT_EQ(0, counters.waiting);
}

/* Answers of @stride bytes each; shorter ones have no cookie */
static void spread(uint8_t *to, const struct iommu_page_response *answers,
		   unsigned int count, size_t stride)
{
	struct iommu_page_response answer;
	unsigned int i;

	memset(to, 0, count * stride);
	for (i = 0; i < count; i++) {
		answer = answers[i];
		answer.argsz = stride;
		if (stride < sizeof(answer))
			answer.flags &= ~IOMMU_PAGE_RESP_COOKIE_VALID;
		memcpy(to + i * stride, &answer,
		       stride < sizeof(answer) ? stride : sizeof(answer));
	}
}

TEST_F(io, length_of_an_answer)
{
	const size_t strides[] = { SHORT, LONG, SIZE_4K };
	struct iommu_page_response answers[GROUPS];
	uint8_t *buffer = calloc(2, SIZE_4K);
	struct fault_counters counters;
	unsigned int i;

	ASSERT_NE(NULL, buffer);
	ASSERT_EQ(0, fault_gather(self->fd, answers, GROUPS,
				  IOMMU_PAGE_RESP_INVALID));
	/* One in each length that is fine */
	for (i = 0; i < GROUPS; i++) {
		spread(buffer, &answers[i], 1, strides[i]);
		EXPECT_EQ(strides[i], write(self->fd, buffer, strides[i]));
	}
	ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	EXPECT_EQ(GROUPS, counters.ends[FAULT_INVALID]);
	free(buffer);
}

TEST_F(io, several_short_answers)
{
	struct iommu_page_response answers[GROUPS];
	uint8_t buffer[GROUPS * SHORT];

	ASSERT_EQ(0, fault_gather(self->fd, answers, GROUPS,
				  IOMMU_PAGE_RESP_INVALID));
	spread(buffer, answers, GROUPS, SHORT);
	EXPECT_EQ(sizeof(buffer), write(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(-1, write(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(ENOENT, errno);
}

TEST_F(io, several_long_answers)
{
	struct iommu_page_response answers[GROUPS];
	uint8_t buffer[GROUPS * LONG];

	ASSERT_EQ(0, fault_gather(self->fd, answers, GROUPS,
				  IOMMU_PAGE_RESP_INVALID));
	spread(buffer, answers, GROUPS, LONG);
	/* The second one asks for something that the kernel does not know. */
	buffer[2 * LONG - 1] = 1;
	EXPECT_EQ(LONG, write(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(-1, write(self->fd, buffer + LONG, 2 * LONG));
	EXPECT_EQ(E2BIG, errno);
	buffer[2 * LONG - 1] = 0;
	EXPECT_EQ(2 * LONG, write(self->fd, buffer + LONG, 2 * LONG));
}

/* Refused, and the groups wait on */
TEST_F(io, lengths_refused)
{
	struct iommu_page_response answers[GROUPS];
	uint8_t *buffer = calloc(2, 2 * SIZE_4K);
	const struct {
		uint32_t argsz;
		size_t size;
		int err;
	} bad[] = {
		{ 0, 32, EINVAL }, { 16, 32, EINVAL }, { 23, 46, EINVAL },
		{ 28, 56, EINVAL }, { 36, 72, EINVAL }, { 32, 48, EINVAL },
		{ 32, 31, EINVAL }, { 24, 25, EINVAL }, { 32, 3, EINVAL },
		{ 32, 0, EINVAL }, { 48, 32, EINVAL },
		{ 4104, 4104, E2BIG }, { 0xfffffff8, 32, E2BIG },
	};
	struct fault_counters counters;
	unsigned int i;

	ASSERT_NE(NULL, buffer);
	ASSERT_EQ(0, fault_gather(self->fd, answers, GROUPS,
				  IOMMU_PAGE_RESP_INVALID));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		spread(buffer, answers, 1, sizeof(answers[0]));
		((struct iommu_page_response *)buffer)->argsz = bad[i].argsz;
		EXPECT_EQ(-1, write(self->fd, buffer, bad[i].size)) {
			TH_LOG("argsz %u, size %zu", bad[i].argsz, bad[i].size);
		}
		EXPECT_EQ(bad[i].err, errno) {
			TH_LOG("argsz %u, size %zu", bad[i].argsz, bad[i].size);
		}
	}
	/* All of a write are of one length: the second is not. */
	spread(buffer, answers, 2, sizeof(answers[0]));
	((struct iommu_page_response *)buffer)[1].argsz = 24;
	EXPECT_EQ(sizeof(answers[0]), write(self->fd, buffer,
					    2 * sizeof(answers[0])));
	ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	EXPECT_EQ(1, counters.ends[FAULT_INVALID]);
	EXPECT_EQ(GROUPS - 1, counters.waiting);
	free(buffer);
}

/* Those before memory that is not there are given */
TEST_F(io, answers_that_end_in_nowhere)
{
	struct iommu_page_response answers[GROUPS], *last;
	uint8_t *page;

	page = mmap(NULL, 2 * SIZE_4K, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + SIZE_4K, SIZE_4K));
	last = (void *)(page + SIZE_4K - 2 * sizeof(*last));
	ASSERT_EQ(0, fault_gather(self->fd, answers, GROUPS,
				  IOMMU_PAGE_RESP_INVALID));
	memcpy(last, answers, 2 * sizeof(*last));
	EXPECT_EQ(2 * sizeof(*last), write(self->fd, last, 3 * sizeof(*last)));
	EXPECT_EQ(-1, write(self->fd, page + SIZE_4K, sizeof(*last)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, fault_write(self->fd, &answers[2], 1));
	munmap(page, SIZE_4K);
}

TEST_HARNESS_MAIN
