// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a page request of a guest's device costs, from the device and back
 *
 * The device sends groups and waits for the answers; they are read from the
 * file of faults and answered there. Never a verdict: figures depend on what
 * else the host does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kselftest.h"
#include "bench.h"
#include "fault.h"
#include "guest.h"
#include "queue.h"

#define SECONDS		2
#define SAMPLES_MAX	100000
#define TRACED		300
#define ANSWERS_MAX	64

#define TRACING		"/sys/kernel/tracing/"

static struct guest guest;
static int fault_fd;
static double samples[SAMPLES_MAX];

/* The device sends @count groups, and has done so when all are answered */
static void start_requests(unsigned int count)
{
	const struct svatest_desc desc = {
		.op_flags = SVATEST_OP_PAGEREQ,
		.pasid = SVATEST_DP_VALID | GUEST_PASID,
		.src = GVA_SRC,
		.length = count,
		.aux = SVATEST_PR_READ | SVATEST_PR_LAST |
		       SVATEST_PR_DISTINCT | SVATEST_PR_WAIT,
	};

	svatest_start(guest.dev, 0, &desc);
}

static void wait_for_device(void)
{
	if (svatest_wait(guest.dev, 0).status != SVATEST_ST_OK)
		bench_die("the device did not get its answers");
}

/* Answer @count groups with as few writes as reads; the number of writes */
static unsigned int round_trip(unsigned int count)
{
	struct iommu_page_response answers[ANSWERS_MAX];
	struct iommu_fault records[ANSWERS_MAX];
	unsigned int left = count, writes = 0;
	int got, i;

	start_requests(count);
	while (left) {
		got = fault_read(fault_fd, records, ARRAY_SIZE(records));
		for (i = 0; i < got; i++)
			answers[i] = fault_response(&records[i],
						    IOMMU_PAGE_RESP_SUCCESS);
		if (got <= 0 || fault_write(fault_fd, answers, got) != got)
			bench_die("a group is lost");
		left -= got;
		writes++;
	}
	wait_for_device();
	return writes;
}

/* What the invalidation queue is used for when @count answers are in a write */
static void count_descriptors(unsigned int count)
{
	struct iommu_page_response answers[ANSWERS_MAX];
	struct queue_use use;
	int mark;

	start_requests(count);
	if (fault_gather(fault_fd, answers, count, IOMMU_PAGE_RESP_SUCCESS))
		bench_die("a group is lost");
	mark = queue_mark();
	if (fault_write(fault_fd, answers, count) != (int)count)
		bench_die("an answer was not taken");
	wait_for_device();
	if (mark < 0 || queue_used(guest.dev, mark, &use))
		bench_die("the invalidation queue cannot be read");
	printf("# bench %2u answers in a write: %u descriptors, %u waits\n",
	       count, use.responses, use.waits);
}

/* How many of @us, which are in order, are below each edge and not below the last */
static void print_histogram(unsigned int outstanding, const double *us, unsigned int count)
{
	unsigned int i = 0, below;
	double edge;

	printf("# bench %2u outstanding, rounds by us:", outstanding);
	for (edge = 16; i < count; edge *= 1.25) {
		for (below = i; i < count && us[i] < edge; i++)
			;
		if (i)
			printf(" %.0f:%u", edge, i - below);
	}
	printf("\n");
}

static void measure(unsigned int outstanding)
{
	unsigned int rounds = 0, writes = 0, i;
	double begin = bench_now(), start, sum = 0;

	while (bench_now() < begin + SECONDS && rounds < SAMPLES_MAX) {
		start = bench_now();
		writes += round_trip(outstanding);
		samples[rounds] = bench_now() - start;
		sum += samples[rounds++];
	}
	bench_sort(samples, rounds);
	for (i = 0; i < rounds; i++)
		samples[i] *= 1e6;
	printf("# bench %2u outstanding: %6.0f requests/s, %.1f answers a write, ",
	       outstanding, outstanding * rounds / sum,
	       (double)outstanding * rounds / writes);
	printf("until the last: mean %.0f us, p50 %.0f, p99 %.0f\n",
	       sum / rounds * 1e6, samples[rounds / 2],
	       samples[rounds * 99 / 100]);
	print_histogram(outstanding, samples, rounds);
}

static void set_trace(const char *file, const char *value)
{
	FILE *stream = fopen(file, "w");

	if (!stream || fputs(value, stream) < 0 || fclose(stream))
		bench_die("there is no tracing");
}

/* Where the time goes, by what the kernel says of each group */
static void stages(void)
{
	static const char *const stage[] = {
		"seen", "delivered", "read", "taken", "answered",
	};
	double sum[ARRAY_SIZE(stage)] = {}, last = 0, at;
	unsigned int i, groups = 0, next = 0;
	char line[512], event[64];
	FILE *trace;

	set_trace(TRACING "trace", "");
	set_trace(TRACING "events/iommu_fault/enable", "1");
	for (i = 0; i < TRACED; i++)
		round_trip(1);
	set_trace(TRACING "events/iommu_fault/enable", "0");

	trace = fopen(TRACING "trace", "r");
	if (!trace)
		bench_die("there is no trace");
	/* One group at a time, so its events follow each other. */
	while (fgets(line, sizeof(line), trace)) {
		char *where = strstr(line, ": iommu_fault_");

		if (!where)
			continue;
		*where = 0;
		at = strtod(strrchr(line, ' '), NULL);
		if (sscanf(where + strlen(": iommu_fault_"), "%63[a-z]",
			   event) != 1 || strcmp(event, stage[next])) {
			next = 0;
			continue;
		}
		if (next)
			sum[next] += at - last;
		last = at;
		next = (next + 1) % ARRAY_SIZE(stage);
		groups += !next;
	}
	fclose(trace);
	if (!groups)
		bench_die("the kernel did not trace a group");
	for (i = 1; i < ARRAY_SIZE(stage); i++)
		printf("# bench  1 outstanding: %s to %s %.0f us\n",
		       stage[i - 1], stage[i], sum[i] / groups * 1e6);
}

int main(void)
{
	printf("TAP version 13\n1..1\n");
	if (guest_open(&guest, 0, 1) || guest_bind(&guest))
		bench_die("no device");
	fault_fd = fault_open(guest.dev, VFIO_NESTING_FAULT_PAGE_REQ);
	if (fault_fd < 0)
		bench_die("no faults");
	svatest_setup(guest.dev, 0, GUEST_PASID, SVATEST_CF_ATS |
		      SVATEST_CF_PRI | SVATEST_CF_TRUSTED);
	measure(1);
	measure(8);
	measure(64);
	stages();
	count_descriptors(1);
	count_descriptors(16);
	count_descriptors(64);
	printf("ok 1 - measured\n");
	return 0;
}
