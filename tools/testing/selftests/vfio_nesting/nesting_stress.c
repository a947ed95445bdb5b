// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests in, answers out, and a consumer that does everything wrong
 *
 *	nesting_stress [requests [seed]]
 *
 * Whatever the consumer does, the device gets exactly one answer for each group
 * of page requests that it has sent.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "guest.h"

#define AT_A_TIME	50

static struct guest guest;
static int fault_fd;
static struct iommu_page_response answers[AT_A_TIME];
static unsigned int pending;

__attribute__((noreturn))
static void fail(const char *what)
{
	printf("not ok 1 - %s\n", what);
	exit(1);
}

static void open_faults(void)
{
	fault_fd = fault_open(guest.dev, VFIO_NESTING_FAULT_PAGE_REQ);
	if (fault_fd < 0)
		fail("the file of the faults does not open");
	pending = 0;
}

static void set_up(void)
{
	if (guest_bind(&guest))
		fail("bind");
	svatest_setup(guest.dev, 0, GUEST_PASID, SVATEST_CF_ATS |
		      SVATEST_CF_PRI | SVATEST_CF_TRUSTED);
}

static unsigned int send_requests(void)
{
	static uint32_t index;
	unsigned int count = 1 + rand() % AT_A_TIME;
	struct svatest_desc desc = {
		.op_flags = SVATEST_OP_PAGEREQ,
		.pasid = SVATEST_DP_VALID | GUEST_PASID,
		.src = GVA_SRC,
		.length = count,
		.aux = SVATEST_PR_READ | SVATEST_PR_LAST | SVATEST_PR_DISTINCT |
		       (index & SVATEST_PR_PRGI_MASK),
	};

	index += count;
	if (svatest_run(guest.dev, 0, &desc).status != SVATEST_ST_OK)
		fail("the device does not send");
	return count;
}

/* Take what is there; keep the answers to it for now */
static void read_some(void)
{
	struct iommu_fault records[AT_A_TIME];
	int i, got;

	if (!fault_wait(fault_fd, rand() % 2))
		return;
	got = fault_read(fault_fd, records, AT_A_TIME - pending);
	for (i = 0; i < got; i++)
		if (records[i].type == IOMMU_FAULT_PAGE_REQ)
			answers[pending++] = fault_response(&records[i], rand() % 2);
}

/* An answer that is wrong must be refused, and change nothing */
static void answer_wrongly(void)
{
	struct iommu_page_response wrong;

	if (!pending)
		return;
	wrong = answers[rand() % pending];
	switch (rand() % 4) {
	case 0:
		wrong.cookie += 1ULL << 40;
		break;
	case 1:
		wrong.pasid++;
		break;
	case 2:
		wrong.code = 3;
		break;
	default:
		wrong.flags = ~0U;
		break;
	}
	if (fault_write(fault_fd, &wrong, 1) >= 0)
		fail("a wrong answer is taken");
}

/* All of them, or the first few, or the last first */
static void answer_some(void)
{
	unsigned int count, i;
	int ret;

	if (!pending)
		return;
	count = 1 + rand() % pending;
	ret = fault_write(fault_fd, answers, count);
	if (ret < 0 && ret != -ENOENT)
		fail("answers are not taken");
	/* Once more: late, or double */
	for (i = 0; ret > 0 && i < (unsigned int)ret; i++)
		if (fault_write(fault_fd, &answers[i], 1) != -ENOENT)
			fail("a second answer is taken");
	pending = 0;
}

static void close_and_open(void)
{
	close(fault_fd);
	if (rand() % 2)
		send_requests();
	open_faults();
}

static void bind_again(void)
{
	if (rand() % 2) {
		if (vmm_unbind(&guest.vmm, NULL, GUEST_PASID))
			fail("unbind");
	} else {
		if (vmm_pasid_free(&guest.vmm, 0, ~0U) ||
		    vmm_pasid_alloc(&guest.vmm, GUEST_PASID,
				    GUEST_PASID) != GUEST_PASID)
			fail("PASID");
	}
	if (rand() % 2)
		send_requests();
	if (guest_bind(&guest))
		fail("bind");
}

static uint64_t answers_got(void)
{
	const struct vmm_device *dev = guest.dev;

	return svatest_counter(dev, SVATEST_CNT_RESP_SUCCESS) +
	       svatest_counter(dev, SVATEST_CNT_RESP_INVALID) +
	       svatest_counter(dev, SVATEST_CNT_RESP_FAILURE) +
	       svatest_counter(dev, SVATEST_CNT_RESP_UNKNOWN) +
	       svatest_counter(dev, SVATEST_CNT_RESP_DROPPED);
}

/* After an unbind nothing is under way: each group has had its answer. */
static uint64_t balance(void)
{
	struct fault_counters counters;
	uint64_t groups, got;

	if (vmm_unbind(&guest.vmm, NULL, GUEST_PASID) ||
	    fault_get_counters(guest.dev, &counters))
		fail("the end");
	groups = svatest_counter(guest.dev, SVATEST_CNT_GROUPS);
	got = answers_got();
	if (groups != got) {
		printf("# %llu groups, %llu answers\n",
		       (unsigned long long)groups, (unsigned long long)got);
		fail("the device has as many answers as questions");
	}
	if (counters.waiting || !fault_sums_up(&counters))
		fail("the kernel's counters add up");
	return groups;
}

/* The device too goes away now and then. */
static void close_device(void)
{
	close(fault_fd);
	vmm_device_close(guest.dev);
	if (vmm_device_open(guest.dev))
		fail("the device does not open");
	open_faults();
}

int main(int argc, char **argv)
{
	uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 0) : 20000;
	unsigned int round;
	uint64_t done = 0;

	srand(argc > 2 ? strtoul(argv[2], NULL, 0) : 1);
	printf("TAP version 13\n1..1\n");
	if (guest_open(&guest, 0, 1))
		fail("no device");
	open_faults();

	while (done < wanted) {
		set_up();
		for (round = 0; round < 200; round++) {
			send_requests();
			switch (rand() % 8) {
			case 0:
				close_and_open();
				break;
			case 1:
				bind_again();
				break;
			case 2:
				break;
			default:
				read_some();
				answer_wrongly();
				answer_some();
				break;
			}
		}
		done += balance();
		close_device();
	}
	printf("# %llu groups\n", (unsigned long long)done);
	printf("ok 1 - as many answers as questions\n");
	close(fault_fd);
	guest_close(&guest);
	return 0;
}
