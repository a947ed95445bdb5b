/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A window: memory of the guest that a device writes to, over and over
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest.h"

#define WINDOW_SIZE	SIZE_2M

/* 1 GiB of virtual addresses from GVA_DST on, all of them the window at @gpa */
void window_map(struct pgtable *pt, uint64_t gpa);

/* Is a byte of @memory written after the call? It is cleared for that. */
bool window_is_quiet(void *memory);

/* The contrary. The device may be late, on a machine that has much to do. */
bool window_is_written(void *memory);

#endif
