// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measure operations by their least cost, for benchmarks
 */
#include <stdio.h>

#include "bench.h"
#include "measure.h"

#define REPEAT		5	/* runs; the least is what the operation takes */

void measure_operation(const struct vmm_device *meter, struct measured *result,
		       void (*operation)(unsigned int n),
		       void (*before)(unsigned int n), unsigned int n,
		       unsigned int syscalls)
{
	struct cost cost;
	double start;
	unsigned int i;

	*result = (struct measured) { .syscalls = syscalls };
	for (i = 0; i < REPEAT; i++) {
		if (before)
			before(n);
		cost_begin(meter, &cost);
		start = bench_now();
		operation(n);
		start = bench_now() - start;
		cost_end(meter, &cost);
		if (!i || cost.ticks < result->best.ticks) {
			result->best = cost;
			result->seconds = start;
		}
	}
}

void measure_print(const char *what, const char *side, unsigned int n,
		   unsigned int devices, unsigned int pasids,
		   const struct measured *result)
{
	printf("# bench %-22s %-8s %5u %2u %6u %6llu %6llu %6u %10llu %9.0f\n",
	       what, side, n, devices, pasids,
	       (unsigned long long)result->best.descriptors,
	       (unsigned long long)result->best.waits, result->syscalls,
	       (unsigned long long)result->best.ticks, result->seconds * 1e6);
	fflush(stdout);
}

void must(int ret, const char *what)
{
	if (ret < 0)
		bench_die(what);
}
