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
#include <time.h>

#include "../kselftest.h"
#include "fault.h"
#include "guest.h"

#define SECONDS		2
#define SAMPLES_MAX	100000
#define TRACED		300

#define TRACING		"/sys/kernel/tracing/"

static struct guest guest;
static int fault_fd;
static double samples[SAMPLES_MAX];

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

__attribute__((noreturn))
static void die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Send @count groups, answer them with as few writes as reads; number of writes */
static unsigned int round_trip(unsigned int count)
{
	struct svatest_desc desc = {
		.op_flags = SVATEST_OP_PAGEREQ,
		.pasid = SVATEST_DP_VALID | GUEST_PASID,
		.src = GVA_SRC,
		.length = count,
		.aux = SVATEST_PR_READ | SVATEST_PR_LAST |
		       SVATEST_PR_DISTINCT | SVATEST_PR_WAIT,
	};
	struct iommu_page_response answers[64];
	struct iommu_fault records[64];
	unsigned int left = count, writes = 0;
	int got, i;

	svatest_start(guest.dev, 0, &desc);
	while (left) {
		got = fault_read(fault_fd, records, ARRAY_SIZE(records));
		for (i = 0; i < got; i++)
			answers[i] = fault_response(&records[i],
						    IOMMU_PAGE_RESP_SUCCESS);
		if (got <= 0 || fault_write(fault_fd, answers, got) != got)
			die("a group is lost");
		left -= got;
		writes++;
	}
	if (svatest_wait(guest.dev, 0).status != SVATEST_ST_OK)
		die("the device did not get its answers");
	return writes;
}

static void measure(unsigned int outstanding)
{
	unsigned int rounds = 0, writes = 0, i;
	double begin = now(), start, sum = 0;

	while (now() < begin + SECONDS && rounds < SAMPLES_MAX) {
		start = now();
		writes += round_trip(outstanding);
		samples[rounds] = now() - start;
		sum += samples[rounds++];
	}
	qsort(samples, rounds, sizeof(samples[0]), by_value);
	for (i = 0; i < rounds; i++)
		samples[i] *= 1e6;
	printf("# bench %2u outstanding: %6.0f requests/s, %.1f answers a write, ",
	       outstanding, outstanding * rounds / sum,
	       (double)outstanding * rounds / writes);
	printf("until the last: mean %.0f us, p50 %.0f, p99 %.0f\n",
	       sum / rounds * 1e6, samples[rounds / 2],
	       samples[rounds * 99 / 100]);
}

static void set_trace(const char *file, const char *value)
{
	FILE *stream = fopen(file, "w");

	if (!stream || fputs(value, stream) < 0 || fclose(stream))
		die("there is no tracing");
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
		die("there is no trace");
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
		die("the kernel did not trace a group");
	for (i = 1; i < ARRAY_SIZE(stage); i++)
		printf("# bench  1 outstanding: %s to %s %.0f us\n",
		       stage[i - 1], stage[i], sum[i] / groups * 1e6);
}

int main(void)
{
	printf("TAP version 13\n1..1\n");
	if (guest_open(&guest, 0, 1) || guest_bind(&guest))
		die("no device");
	fault_fd = fault_open(guest.dev, VFIO_NESTING_FAULT_PAGE_REQ);
	if (fault_fd < 0)
		die("no faults");
	svatest_setup(guest.dev, 0, GUEST_PASID, SVATEST_CF_ATS |
		      SVATEST_CF_PRI | SVATEST_CF_TRUSTED);
	measure(1);
	measure(8);
	measure(64);
	stages();
	printf("ok 1 - measured\n");
	return 0;
}
