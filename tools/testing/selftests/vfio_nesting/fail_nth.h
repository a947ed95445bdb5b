/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Letting one allocation or copy of a call fail, of those that the kernel makes for
 * this thread
 */
#ifndef FAIL_NTH_H
#define FAIL_NTH_H

#include <stdbool.h>

/* Let every kind of them fail, without a word in the log: a file, or -errno */
int fail_nth_open(void);

/* Let the @nth fail from now on; 0 for none */
bool fail_nth_arm(int fd, unsigned int nth);

/* No more: how many were left until the one that fails, 0 if it has, -1 if nobody says */
int fail_nth_disarm(int fd);

#endif
