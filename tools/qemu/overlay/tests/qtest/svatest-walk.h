/*
 * One page mapped in any of the modes, and one access to it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_SVATEST_WALK_H
#define TESTS_QTEST_SVATEST_WALK_H

#include "svatest-drv.h"

#define WALK_PASID  0xabcdeu
#define WALK_DID    0x1234
#define WALK_IOVA   0x123456789000ull   /* every level uses another index */
#define WALK_MAGIC  0x5356415445535421ull

typedef enum { FIRST, SECOND, NESTED, PASS } Mode;

typedef struct Walk Walk;
struct Walk {
    const char *name;
    Mode mode;
    unsigned how;
    uint8_t fault;      /* expected reason, 0: the access succeeds */

    const char *machine;            /* NULL means SVA_MACHINE */

    /* What differs from a plain mapping of 4 KiB at WALK_IOVA */
    bool rid;           /* no PASID on the request */
    int fs_page, ss_page;           /* level of the leaf, 0 means 1 */
    int ss_levels;                  /* 0 means 4 */
    uint64_t iova;                  /* 0 means WALK_IOVA */
    int fs_at, ss_at;               /* level to change, 0 means the leaf */
    uint64_t fs_set, fs_clear, ss_set, ss_clear;
    uint64_t q0, q2;                /* added to the PASID entry */
    void (*mutate)(struct Walk *w);

    /* Filled by the runner */
    Sva *s;
    SvaDev d;
    SvaTable fs, ss;
    uint64_t data, gpa;             /* the page; where stage two finds it */
    uint64_t fs_leaf, ss_leaf;      /* entries in memory */
    SvaEntry entry;
};

/** walk_setup: tables for the page; @w->s is a machine */
void walk_setup(Walk *w);

/** walk_begin: a machine with the tables, which the caller may change */
void walk_begin(Walk *w);

/** walk_go: the tables are as they shall be */
void walk_go(Walk *w);

/** walk_check: the access, and what must come of it */
void walk_check(Walk *w);

#endif
