// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the file of the faults costs, beside that of iommufd
 *
 * Both have an IOMMU in software. A system call for each group lets its device
 * send one, then all that are there are read at once and answered at once, in
 * the same way on both sides. Never a verdict: figures depend on what else the
 * host does. It hits both alike, as they take turns.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../../../drivers/iommu/iommufd/iommufd_test.h"
#include "../../../../drivers/vfio/vfio_nesting_test.h"
#include "../kselftest.h"
#include "bench.h"
#include "fault.h"

#define GROUPS_MAX	64
/* Groups that a side has before it is the other one's turn */
#define TURN		1024
#define TURNS		101

/* Where the time of a turn goes */
enum phase { SENT, READ, ANSWERED, PHASES };

/**
 * struct side - a file of faults and the device behind it
 * @name: whose it is
 * @device: sends a group on the ioctl @send with @request
 * @faults: the file
 * @grpid: index of the group, in @request
 * @record_size: of what is read of a group
 * @answer_size: of what is written for a group
 * @reply: makes the answer to a record
 */
struct side {
	const char *name;
	int device;
	int faults;
	unsigned long send;
	void *request;
	uint32_t *grpid;
	size_t record_size;
	size_t answer_size;
	void (*reply)(const void *record, void *answer);
};

/* Ours */

static struct vfio_nesting_test_request our_request = {
	.addr = 0x1000,
	.pasid = VFIO_NESTING_TEST_PASID,
	.perm = IOMMU_FAULT_PERM_READ,
};

static void our_reply(const void *record, void *answer)
{
	const struct iommu_fault *fault = record;
	struct iommu_page_response *resp = answer;

	*resp = fault_response(fault, IOMMU_PAGE_RESP_SUCCESS);
}

static void our_open(struct side *side)
{
	*side = (struct side) {
		.name = "ours",
		.send = VFIO_NESTING_TEST_REQUEST,
		.request = &our_request,
		.grpid = &our_request.grpid,
		.record_size = sizeof(struct iommu_fault),
		.answer_size = sizeof(struct iommu_page_response),
		.reply = our_reply,
	};
	side->device = open("/dev/vfio_nesting_test", O_RDWR);
	if (side->device < 0)
		bench_die("no /dev/vfio_nesting_test");
	side->faults = ioctl(side->device, VFIO_NESTING_TEST_OPEN_FAULTS);
	if (side->faults < 0)
		bench_die("no faults of the test device");
}

/* Theirs */

static struct iommu_test_cmd iommufd_request = {
	.size = sizeof(iommufd_request),
	.op = IOMMU_TEST_OP_TRIGGER_IOPF,
	.trigger_iopf = {
		.pasid = 0,	/* none */
		.perm = IOMMU_PGFAULT_PERM_READ,
		.addr = 0x1000,
	},
};

static void iommufd_reply(const void *record, void *answer)
{
	const struct iommu_hwpt_pgfault *fault = record;
	struct iommu_hwpt_page_response *resp = answer;

	*resp = (struct iommu_hwpt_page_response) {
		.cookie = fault->cookie,
		.code = IOMMUFD_PAGE_RESP_SUCCESS,
	};
}

static void iommufd_call(int fd, unsigned long command, void *argument)
{
	if (ioctl(fd, command, argument))
		bench_die("iommufd refuses to make its mock device");
}

static void iommufd_open(struct side *side)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iommu_fault_alloc fault = { .size = sizeof(fault) };
	struct iommu_hwpt_selftest table = {};
	struct iommu_hwpt_alloc parent = {
		.size = sizeof(parent), .flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
	};
	struct iommu_hwpt_alloc hwpt = {
		.size = sizeof(hwpt), .flags = IOMMU_HWPT_FAULT_ID_VALID,
		.data_type = IOMMU_HWPT_DATA_SELFTEST,
		.data_len = sizeof(table),
		.data_uptr = (uintptr_t)&table,
	};
	struct iommu_test_cmd device = {
		.size = sizeof(device), .op = IOMMU_TEST_OP_MOCK_DOMAIN,
	};
	struct iommu_test_cmd replace = {
		.size = sizeof(replace), .op = IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE,
	};
	int fd = open("/dev/iommu", O_RDWR);

	if (fd < 0)
		bench_die("no /dev/iommu");
	iommufd_call(fd, IOMMU_IOAS_ALLOC, &ioas);
	device.id = ioas.out_ioas_id;
	iommufd_call(fd, IOMMU_TEST_CMD, &device);
	iommufd_call(fd, IOMMU_FAULT_QUEUE_ALLOC, &fault);
	parent.dev_id = device.mock_domain.out_idev_id;
	parent.pt_id = ioas.out_ioas_id;
	iommufd_call(fd, IOMMU_HWPT_ALLOC, &parent);
	hwpt.dev_id = device.mock_domain.out_idev_id;
	hwpt.pt_id = parent.out_hwpt_id;
	hwpt.fault_id = fault.out_fault_id;
	iommufd_call(fd, IOMMU_HWPT_ALLOC, &hwpt);
	replace.id = device.mock_domain.out_stdev_id;
	replace.mock_domain_replace.pt_id = hwpt.out_hwpt_id;
	iommufd_call(fd, IOMMU_TEST_CMD, &replace);

	iommufd_request.trigger_iopf.dev_id = device.mock_domain.out_idev_id;
	*side = (struct side) {
		.name = "iommufd",
		.device = fd,
		.faults = fault.out_fault_fd,
		.send = IOMMU_TEST_CMD,
		.request = &iommufd_request,
		.grpid = &iommufd_request.trigger_iopf.grpid,
		.record_size = sizeof(struct iommu_hwpt_pgfault),
		.answer_size = sizeof(struct iommu_hwpt_page_response),
		.reply = iommufd_reply,
	};
}

/* Both */

static void send_groups(const struct side *side, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		*side->grpid = i;
		if (ioctl(side->device, side->send, side->request))
			bench_die("a group cannot be sent");
	}
}

static void read_groups(const struct side *side, char *records,
			unsigned int count)
{
	size_t size = GROUPS_MAX * side->record_size;

	if (read(side->faults, records, size) !=
	    (ssize_t)(count * side->record_size))
		bench_die("a group is lost");
}

static void answer_groups(const struct side *side, const char *records,
			  unsigned int count)
{
	char answers[GROUPS_MAX * sizeof(struct iommu_page_response)]
		__attribute__((aligned(8)));
	size_t size = count * side->answer_size;
	unsigned int i;

	for (i = 0; i < count; i++)
		side->reply(records + i * side->record_size,
			    answers + i * side->answer_size);
	if (write(side->faults, answers, size) != (ssize_t)size)
		bench_die("an answer was not taken");
}

static void lap(double *phases, enum phase phase, double *last)
{
	double at;

	if (!phases)
		return;
	at = bench_now();
	phases[phase] += (at - *last) * 1e9 / TURN;
	*last = at;
}

/*
 * Nanoseconds for a group when @count are outstanding. With @phases they are
 * divided up, and more, as the clock is not cheap in a virtual machine.
 */
static double turn(const struct side *side, unsigned int count, double *phases)
{
	char records[GROUPS_MAX * sizeof(struct iommu_fault)]
		__attribute__((aligned(8)));
	double begin = bench_now(), last = begin;
	unsigned int i;

	for (i = 0; i < TURN; i += count) {
		send_groups(side, count);
		lap(phases, SENT, &last);
		read_groups(side, records, count);
		lap(phases, READ, &last);
		answer_groups(side, records, count);
		lap(phases, ANSWERED, &last);
	}
	return (bench_now() - begin) * 1e9 / TURN;
}

static double median(double *samples)
{
	bench_sort(samples, TURNS);
	return samples[TURNS / 2];
}

static void compare(const struct side *sides, unsigned int count)
{
	static double samples[2][TURNS];
	double ours, theirs;
	unsigned int t, s;

	for (t = 0; t < TURNS; t++)
		for (s = 0; s < 2; s++)
			samples[s][t] = turn(&sides[s], count, NULL);
	ours = median(samples[0]);
	theirs = median(samples[1]);
	printf("# bench %2u outstanding: %5.0f ns a group, iommufd %5.0f ns, ratio %.2f\n",
	       count, ours, theirs, theirs / ours);
}

static void divide(const struct side *sides, unsigned int count)
{
	static double samples[2][PHASES][TURNS];
	unsigned int t, s, p;

	for (t = 0; t < TURNS; t++) {
		for (s = 0; s < 2; s++) {
			double phases[PHASES] = {};

			turn(&sides[s], count, phases);
			for (p = 0; p < PHASES; p++)
				samples[s][p][t] = phases[p];
		}
	}
	for (s = 0; s < 2; s++)
		printf("# bench %2u outstanding, %s: sent %.0f ns, read %.0f, answered %.0f\n",
		       count, sides[s].name, median(samples[s][SENT]),
		       median(samples[s][READ]), median(samples[s][ANSWERED]));
}

int main(void)
{
	struct side sides[2];
	cpu_set_t cpus;

	printf("TAP version 13\n1..1\n");
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		bench_die("the program cannot stay on a processor");
	our_open(&sides[0]);
	iommufd_open(&sides[1]);
	compare(sides, 1);
	compare(sides, 8);
	compare(sides, 64);
	divide(sides, 64);
	printf("ok 1 - measured\n");
	return 0;
}
