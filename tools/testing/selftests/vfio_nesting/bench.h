/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What benchmarks share. They measure, and never give a verdict.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>

/* Seconds, from some time on */
double bench_now(void);

/* End the program, which cannot measure because of @what */
__attribute__((noreturn))
void bench_die(const char *what);

/* From the least to the greatest */
void bench_sort(double *samples, size_t count);

#endif
