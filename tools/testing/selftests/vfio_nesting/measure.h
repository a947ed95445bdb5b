/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measure operations by their least cost, for benchmarks
 */
#ifndef MEASURE_H
#define MEASURE_H

#include "cost.h"

/**
 * struct measured - the least of several runs
 * @best: of each figure
 * @seconds: by the clock
 * @syscalls: that the operation took
 */
struct measured {
	struct cost best;
	double seconds;
	unsigned int syscalls;
};

/* Run @before, which is not measured and may be NULL, and @operation, with @n */
void measure_operation(const struct vmm_device *meter, struct measured *result,
		       void (*operation)(unsigned int n),
		       void (*before)(unsigned int n), unsigned int n,
		       unsigned int syscalls);
void measure_print(const char *what, const char *side, unsigned int n,
		   unsigned int devices, unsigned int pasids,
		   const struct measured *result);

/* The end if @ret is an error */
void must(int ret, const char *what);

#endif
