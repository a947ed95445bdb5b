/*
 * The walk: stages, page sizes, rights, reserved bits, input limits
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each case maps one page, changes a few bits, and makes one access. Either
 * the access must reach the page, or exactly one fault must be recorded with
 * every field as the specification has it.
 */

#include "qemu/osdep.h"
#include "svatest-walk.h"

#define IOVA    WALK_IOVA
#define HOLE    0x700000000000ull   /* nothing answers here */
#define ROM_IOVA (IOVA & ~(MiB2 - 1))   /* the first entry of its table */

static void walk_case(const void *opaque)
{
    Walk w = *(const Walk *)opaque;

    walk_begin(&w);
    if (w.mutate) {
        w.mutate(&w);
    }
    walk_go(&w);
    walk_check(&w);
    sva_quit(w.s);
}

/* A guest page that the second stage does not let be read */
static void hide_table(Walk *w, int level, uint64_t clear)
{
    uint64_t hpa = level == 4 ? w->fs.root :
        (sva_read64(w->s, vtd_slot(&w->fs, w->iova, level + 1)) & ADDR_MASK) -
        GiB1;

    sva_clear_bits(w->s, vtd_slot(&w->ss, GPA(hpa), 1), clear);
}

static void hide_4(Walk *w) { hide_table(w, 4, SS_R); }
static void hide_3(Walk *w) { hide_table(w, 3, SS_R); }
static void hide_2(Walk *w) { hide_table(w, 2, SS_R); }
static void hide_1(Walk *w) { hide_table(w, 1, SS_R); }
static void lose_4(Walk *w) { hide_table(w, 4, SS_ALL); }
static void lose_2(Walk *w) { hide_table(w, 2, SS_ALL); }
static void lock_4(Walk *w) { hide_table(w, 4, SS_W); }
static void lock_3(Walk *w) { hide_table(w, 3, SS_W); }
static void lock_1(Walk *w) { hide_table(w, 1, SS_W); }

/* Accessed everywhere and dirty: nothing is left to be set */
static void set_ad(Walk *w)
{
    int level;

    for (level = 1; level <= 4; level++) {
        sva_set_bits(w->s, vtd_slot(&w->fs, w->iova, level),
                     FS_A | (level == 1 ? FS_D : 0));
    }
}

static void lock_all_ad(Walk *w)
{
    int level;

    set_ad(w);
    for (level = 1; level <= 4; level++) {
        hide_table(w, level, SS_W);
    }
}

static void set_a_lock_1(Walk *w)
{
    set_ad(w);
    sva_clear_bits(w->s, w->fs_leaf, FS_D);
    hide_table(w, 1, SS_W);
}

static void fs_top_hole(Walk *w)
{
    w->entry.q[2] = (w->entry.q[2] & ~ADDR_MASK) | HOLE;
}

static void fs_top_gpa_limit(Walk *w)
{
    w->entry.q[2] = (w->entry.q[2] & ~ADDR_MASK) | 1ull << 39;
}

static void ss_top_hole(Walk *w)
{
    w->entry.q[0] = (w->entry.q[0] & ~ADDR_MASK) | HOLE;
}

static void fs_next_hole(Walk *w)
{
    sva_write64(w->s, vtd_slot(&w->fs, w->iova, 3), HOLE | FS_ALL);
}

static void fs_next_gpa_limit(Walk *w)
{
    sva_write64(w->s, vtd_slot(&w->fs, w->iova, 3), 1ull << 40 | FS_ALL);
}

static void ss_next_hole(Walk *w)
{
    sva_write64(w->s, vtd_slot(&w->ss, w->gpa, 3), HOLE | SS_ALL);
}

static void leaf_gpa_limit(Walk *w)
{
    sva_write64(w->s, w->fs_leaf, 1ull << 40 | FS_ALL);
}

static void fs_leaf_interrupt(Walk *w)
{
    sva_write64(w->s, w->fs_leaf, 0xfee00000 | FS_ALL);
}

static void ss_leaf_interrupt(Walk *w)
{
    sva_write64(w->s, w->ss_leaf, 0xfee00000 | SS_ALL);
}

static void ss_leaf_read_only(Walk *w)
{
    sva_clear_bits(w->s, w->ss_leaf, SS_W);
}

/* Aligned as such a page would be, if there were one */
static void fs_huge(Walk *w)
{
    sva_write64(w->s, vtd_slot(&w->fs, w->iova, 4), FS_ALL | FS_PS);
}

static void ss_huge(Walk *w)
{
    sva_write64(w->s, vtd_slot(&w->ss, w->gpa, 4), SS_ALL | SS_PS);
}

/* No page walk snoop: neither A nor D can be set */
static void no_snoop(Walk *w)
{
    w->entry.q[1] &= ~PE_PWSNP;
}

static void no_snoop_nothing_to_set(Walk *w)
{
    no_snoop(w);
    set_ad(w);
}

static void no_snoop_dirty(Walk *w)
{
    no_snoop_nothing_to_set(w);
    sva_clear_bits(w->s, w->fs_leaf, FS_D);
}

static void no_snoop_second_set(Walk *w)
{
    int level;

    no_snoop(w);
    for (level = 1; level <= 4; level++) {
        sva_set_bits(w->s, vtd_slot(&w->ss, w->gpa, level), SS_A);
    }
}

/* The leaf table in the firmware, which no write changes */
static void fs_leaf_in_rom(Walk *w)
{
    sva_write64(w->s, vtd_slot(&w->fs, w->iova, 2), SVA_ROM | FS_ALL | FS_A);
}

static void ss_leaf_in_rom(Walk *w)
{
    sva_write64(w->s, vtd_slot(&w->ss, w->gpa, 2), SVA_ROM | SS_ALL | SS_A);
}

static void pt_interrupt(Walk *w)
{
    w->iova = 0xfee00000;
}

/* NEST=0, SSTS=0; and FS1GP=0 */
#define FOR_HOSTS   SVA_UNIT ",caching-mode=on -device svatest,addr=4"
#define NO_GIANTS   SVA_UNIT ",caching-mode=on,fs1gp=off " \
                    "-device svatest,addr=4"

static const Walk walks[] = {
    /* What the unit's capabilities leave (SPT.4.2, 9.7) */
    { "for-hosts/second", SECOND, A_READ, 0x5b, .machine = FOR_HOSTS },
    { "for-hosts/nested", NESTED, A_READ, 0x5b, .machine = FOR_HOSTS },
    { "for-hosts/pass", PASS, A_READ, .machine = FOR_HOSTS },
    { "for-hosts/1g", FIRST, A_READ, .fs_page = 3, .machine = FOR_HOSTS },
    { "no-1g/1g", FIRST, A_READ, 0x72, .fs_page = 3, .machine = NO_GIANTS },
    { "no-1g/2m", FIRST, A_READ, .fs_page = 2, .machine = NO_GIANTS },
    { "no-1g/4k", FIRST, A_READ, .machine = NO_GIANTS },

    /* Plain access, all modes, with and without PASID */
    { "first/read", FIRST, A_READ },
    { "first/write", FIRST, A_WRITE },
    { "first/atomic", FIRST, A_ATOMIC },
    { "first/rid/read", FIRST, A_READ, .rid = true },
    { "first/rid/write", FIRST, A_WRITE, .rid = true },
    { "first/2m/read", FIRST, A_READ, .fs_page = 2 },
    { "first/2m/write", FIRST, A_WRITE, .fs_page = 2 },
    { "first/1g/read", FIRST, A_READ, .fs_page = 3 },
    { "first/1g/write", FIRST, A_WRITE, .fs_page = 3 },
    { "first/upper-half/read", FIRST, A_READ, .iova = 0xffff923456789000 },
    { "first/top-page/read", FIRST, A_READ, .iova = 0xfffffffffffff000 },
    { "first/low-page/read", FIRST, A_READ, .iova = 0x1000 },
    { "second/read", SECOND, A_READ },
    { "second/write", SECOND, A_WRITE },
    { "second/atomic", SECOND, A_ATOMIC },
    { "second/rid/read", SECOND, A_READ, .rid = true },
    { "second/rid/write", SECOND, A_WRITE, .rid = true },
    { "second/2m/read", SECOND, A_READ, .ss_page = 2 },
    { "second/1g/write", SECOND, A_WRITE, .ss_page = 3 },
    { "second/39-bit/read", SECOND, A_READ, .ss_levels = 3,
      .iova = 0x3456789000 },
    { "second/39-bit/2m/write", SECOND, A_WRITE, .ss_levels = 3, .ss_page = 2,
      .iova = 0x3456789000 },
    { "second/write-only/write", SECOND, A_WRITE, .ss_clear = SS_R },
    { "nested/read", NESTED, A_READ },
    { "nested/write", NESTED, A_WRITE },
    { "nested/atomic", NESTED, A_ATOMIC },
    { "nested/rid/read", NESTED, A_READ, .rid = true },
    { "nested/2m-over-4k/read", NESTED, A_READ, .fs_page = 2 },
    { "nested/4k-over-2m/read", NESTED, A_READ, .ss_page = 2 },
    { "nested/2m-over-2m/write", NESTED, A_WRITE, .fs_page = 2, .ss_page = 2 },
    { "nested/39-bit/read", NESTED, A_READ, .ss_levels = 3 },
    { "pass/read", PASS, A_READ },
    { "pass/write", PASS, A_WRITE },
    { "pass/rid/read", PASS, A_READ, .rid = true },
    { "pass/rid/write", PASS, A_WRITE, .rid = true },

    /* First stage: absent, at each level */
    { "first/absent/1", FIRST, A_READ, 0x71, .fs_clear = FS_P },
    { "first/absent/2", FIRST, A_READ, 0x71, .fs_at = 2, .fs_clear = FS_P },
    { "first/absent/3", FIRST, A_READ, 0x71, .fs_at = 3, .fs_clear = FS_P },
    { "first/absent/4", FIRST, A_READ, 0x71, .fs_at = 4, .fs_clear = FS_P },
    { "first/absent/write", FIRST, A_WRITE, 0x71, .fs_clear = FS_P },
    { "first/absent/atomic", FIRST, A_ATOMIC, 0x71, .fs_clear = FS_P },
    { "first/absent/rid", FIRST, A_READ, 0x71, .rid = true,
      .fs_clear = FS_P },
    { "nested/absent/1", NESTED, A_READ, 0x71, .fs_clear = FS_P },
    { "nested/absent/4", NESTED, A_WRITE, 0x71, .fs_at = 4,
      .fs_clear = FS_P },

    /* First stage: read only, at each level */
    { "first/read-only/read", FIRST, A_READ, .fs_clear = FS_RW },
    { "first/read-only/1", FIRST, A_WRITE, 0x85, .fs_clear = FS_RW },
    { "first/read-only/2", FIRST, A_WRITE, 0x85, .fs_at = 2,
      .fs_clear = FS_RW },
    { "first/read-only/3", FIRST, A_WRITE, 0x85, .fs_at = 3,
      .fs_clear = FS_RW },
    { "first/read-only/4", FIRST, A_WRITE, 0x85, .fs_at = 4,
      .fs_clear = FS_RW },
    { "first/read-only/2m", FIRST, A_WRITE, 0x85, .fs_page = 2,
      .fs_clear = FS_RW },
    { "first/read-only/atomic", FIRST, A_ATOMIC, 0x85, .fs_clear = FS_RW },
    { "first/read-only/rid", FIRST, A_WRITE, 0x85, .rid = true,
      .fs_clear = FS_RW },
    { "nested/read-only/first", NESTED, A_WRITE, 0x85, .fs_clear = FS_RW },

    /* First stage: supervisor page and supervisor request */
    { "first/supervisor/1", FIRST, A_READ, 0x81, .fs_clear = FS_US },
    { "first/supervisor/2", FIRST, A_READ, 0x81, .fs_at = 2,
      .fs_clear = FS_US },
    { "first/supervisor/3", FIRST, A_READ, 0x81, .fs_at = 3,
      .fs_clear = FS_US },
    { "first/supervisor/4", FIRST, A_WRITE, 0x81, .fs_at = 4,
      .fs_clear = FS_US },
    { "nested/supervisor/1", NESTED, A_READ, 0x81, .fs_clear = FS_US },
    { "first/priv/sre-off", FIRST, A_READ | A_PRIV, 0x5d },
    { "nested/priv/sre-off", NESTED, A_READ | A_PRIV, 0x5d },
    { "first/priv/user-page", FIRST, A_READ | A_PRIV, .q2 = PE_SRE },
    { "first/priv/supervisor-page", FIRST, A_READ | A_PRIV, .q2 = PE_SRE,
      .fs_clear = FS_US },
    { "first/priv/write-protect-off", FIRST, A_WRITE | A_PRIV, .q2 = PE_SRE,
      .fs_clear = FS_RW },
    { "first/priv/write-protect-on", FIRST, A_WRITE | A_PRIV, 0x85,
      .q2 = PE_SRE | PE_WPE, .fs_clear = FS_RW },
    { "first/priv/sre-user-request", FIRST, A_READ, 0x81, .q2 = PE_SRE,
      .fs_clear = FS_US },
    { "first/wpe-off/user-write", FIRST, A_WRITE, 0x85, .fs_clear = FS_RW },

    /* Execute: refused by the PASID entry, of whatever kind (ECAP.ERS=0) */
    { "first/exec", FIRST, A_READ | A_EXEC, 0x5c },
    { "first/exec/priv", FIRST, A_READ | A_EXEC | A_PRIV, 0x5c,
      .q2 = PE_SRE },
    { "first/execute-disable", FIRST, A_WRITE, .fs_set = FS_XD },
    { "second/exec", SECOND, A_READ | A_EXEC, 0x5c },
    { "nested/exec", NESTED, A_READ | A_EXEC, 0x5c },
    { "pass/exec", PASS, A_READ | A_EXEC, 0x5c },

    /*
     * First stage: reserved bits. Address bits from the host address width on
     * are reserved in each entry (9.7), so an output beyond it is 72h. 83h is
     * for the one address that no entry holds: that of pass-through.
     */
    { "first/reserved/address-1", FIRST, A_READ, 0x72, .fs_set = 1ull << 51 },
    { "first/reserved/address-2", FIRST, A_READ, 0x72, .fs_at = 2,
      .fs_set = 1ull << 50 },
    { "first/reserved/address-3", FIRST, A_READ, 0x72, .fs_at = 3,
      .fs_set = 1ull << 49 },
    { "first/reserved/address-4", FIRST, A_READ, 0x72, .fs_at = 4,
      .fs_set = 1ull << 48 },
    { "first/reserved/size-4", FIRST, A_READ, 0x72, .fs_at = 4,
      .fs_set = FS_PS },
    { "first/reserved/size-4-aligned", FIRST, A_READ, 0x72,
      .mutate = fs_huge },
    { "first/reserved/2m-low", FIRST, A_READ, 0x72, .fs_page = 2,
      .fs_set = 1 << 13 },
    { "first/reserved/2m-high", FIRST, A_READ, 0x72, .fs_page = 2,
      .fs_set = 1 << 20 },
    { "first/reserved/1g", FIRST, A_READ, 0x72, .fs_page = 3,
      .fs_set = 1 << 29 },
    { "nested/reserved/size-4", NESTED, A_READ, 0x72, .fs_at = 4,
      .fs_set = FS_PS },

    { "nested/reserved/address-1", NESTED, A_READ, 0x72,
      .fs_set = 1ull << 51 },
    { "nested/reserved/address-2", NESTED, A_READ, 0x72, .fs_at = 2,
      .fs_set = 1ull << 48 },
    /* Absent comes first. */
    { "first/absent/reserved", FIRST, A_READ, 0x71, .fs_set = 1ull << 51,
      .fs_clear = FS_P },
    /* Bit 12 of a large page is no address bit (PAT). */
    { "first/2m/pat", FIRST, A_READ, .fs_page = 2, .fs_set = 1 << 12 },

    /* First stage: structures that cannot be read */
    { "first/access/top", FIRST, A_READ, 0x73, .mutate = fs_top_hole },
    { "first/access/next", FIRST, A_READ, 0x70, .mutate = fs_next_hole },

    /* Input limits */
    { "first/canonical/lowest-bad", FIRST, A_READ, 0x80,
      .iova = 0x800000000000 },
    { "first/canonical/highest-bad", FIRST, A_READ, 0x80,
      .iova = 0xffff7ffffffff000 },
    { "first/canonical/bit-62", FIRST, A_WRITE, 0x80,
      .iova = IOVA | 1ull << 62 },
    { "nested/levels", NESTED, A_READ, 0x5b, .q2 = PE_FSPM5 },
    { "nested/canonical", NESTED, A_READ, 0x80, .iova = 0x800000000000 },
    { "second/width/48", SECOND, A_READ, 0x84, .iova = 1ull << 48 },
    { "second/width/39", SECOND, A_READ, 0x84, .ss_levels = 3,
      .iova = 1ull << 39 },
    { "second/width/upper-half", SECOND, A_WRITE, 0x84,
      .iova = 0xffff800000000000 },
    { "nested/width/leaf", NESTED, A_READ, 0x74, .ss_levels = 3,
      .mutate = leaf_gpa_limit },
    { "nested/width/top-table", NESTED, A_READ, 0x5b, .ss_levels = 3,
      .mutate = fs_top_gpa_limit },
    { "nested/width/next-table", NESTED, A_READ, 0x74, .ss_levels = 3,
      .mutate = fs_next_gpa_limit },

    /* Second stage: rights at each level */
    { "second/absent/1", SECOND, A_READ, 0x79, .ss_clear = SS_ALL },
    { "second/absent/2", SECOND, A_READ, 0x79, .ss_at = 2,
      .ss_clear = SS_ALL },
    { "second/absent/3", SECOND, A_READ, 0x79, .ss_at = 3,
      .ss_clear = SS_ALL },
    { "second/absent/4", SECOND, A_WRITE, 0x79, .ss_at = 4,
      .ss_clear = SS_ALL },
    { "second/absent/rid", SECOND, A_READ, 0x79, .rid = true,
      .ss_clear = SS_ALL },
    { "second/no-read/1", SECOND, A_READ, 0x86, .ss_clear = SS_R },
    { "second/no-read/3", SECOND, A_READ, 0x86, .ss_at = 3,
      .ss_clear = SS_R },
    { "second/no-write/1", SECOND, A_WRITE, 0x85, .ss_clear = SS_W },
    { "second/no-write/2", SECOND, A_WRITE, 0x85, .ss_at = 2,
      .ss_clear = SS_W },
    { "second/no-write/4", SECOND, A_WRITE, 0x85, .ss_at = 4,
      .ss_clear = SS_W },
    { "second/no-write/read", SECOND, A_READ, .ss_clear = SS_W },
    { "second/no-write/atomic", SECOND, A_ATOMIC, 0x85, .ss_clear = SS_W },
    { "second/no-read/atomic", SECOND, A_ATOMIC, 0x86, .ss_clear = SS_R },
    { "nested/no-write/second", NESTED, A_WRITE, 0x85, .ss_clear = SS_W },
    { "nested/no-write/second/priv", NESTED, A_WRITE | A_PRIV, 0x85,
      .q2 = PE_SRE, .ss_clear = SS_W },
    { "nested/no-write/second/read", NESTED, A_READ, .ss_clear = SS_W },
    { "nested/no-read/second", NESTED, A_READ, 0x86, .ss_clear = SS_R },
    { "nested/absent/second", NESTED, A_READ, 0x79, .ss_clear = SS_ALL },
    { "nested/no-write/second/atomic", NESTED, A_ATOMIC, 0x85,
      .ss_clear = SS_W },

    /* Second stage: reserved bits and structures that cannot be read */
    { "second/reserved/address-1", SECOND, A_READ, 0x7a,
      .ss_set = 1ull << 51 },
    { "second/reserved/address-3", SECOND, A_READ, 0x7a, .ss_at = 3,
      .ss_set = 1ull << 48 },
    { "second/reserved/size-4", SECOND, A_READ, 0x7a, .ss_at = 4,
      .ss_set = SS_PS },
    { "second/reserved/size-4-aligned", SECOND, A_READ, 0x7a,
      .mutate = ss_huge },
    { "first/second-stage-control", FIRST, A_WRITE,
      .q0 = PE_SSADE | PE_AW(1) | HOLE },
    /* First-stage controls of the entry do not matter. */
    { "second/priv", SECOND, A_READ | A_PRIV, .q2 = PE_SRE | PE_WPE },
    { "second/priv/write", SECOND, A_WRITE | A_PRIV, .q2 = PE_SRE },
    { "second/priv/sre-off", SECOND, A_READ | A_PRIV, 0x5d },
    { "second/reserved/2m", SECOND, A_READ, 0x7a, .ss_page = 2,
      .ss_set = 1 << 12 },
    { "second/reserved/1g", SECOND, A_READ, 0x7a, .ss_page = 3,
      .ss_set = 1 << 21 },
    { "second/absent/reserved", SECOND, A_READ, 0x79, .ss_set = 1ull << 51,
      .ss_clear = SS_ALL },
    { "second/rights-of-different-entries", SECOND, A_READ, 0x79, .ss_at = 2,
      .ss_clear = SS_R, .mutate = ss_leaf_read_only },
    { "second/reserved/address-4", SECOND, A_READ, 0x7a, .ss_at = 4,
      .ss_set = 1ull << 50 },
    { "nested/reserved/second", NESTED, A_READ, 0x7a,
      .ss_set = 1ull << 51 },
    { "second/access/top", SECOND, A_READ, 0x7b, .mutate = ss_top_hole },
    { "second/access/next", SECOND, A_READ, 0x78, .mutate = ss_next_hole },

    /* Nested: what the second stage says about first-stage tables */
    { "nested/table/no-read-top", NESTED, A_READ, 0x75, .mutate = hide_4 },
    { "nested/table/no-read-3", NESTED, A_READ, 0x76, .mutate = hide_3 },
    { "nested/table/no-read-2", NESTED, A_READ, 0x76, .mutate = hide_2 },
    { "nested/table/no-read-1", NESTED, A_WRITE, 0x76, .mutate = hide_1 },
    { "nested/table/absent-top", NESTED, A_READ, 0x79, .mutate = lose_4 },
    { "nested/table/absent-2", NESTED, A_READ, 0x79, .mutate = lose_2 },
    /* With SSADE write right is needed even to read a table. */
    { "nested/table/no-write-ssade", NESTED, A_READ, 0x77, .q0 = PE_SSADE,
      .mutate = lock_all_ad },
    { "nested/table/no-write-a-top", NESTED, A_READ, 0x77, .mutate = lock_4 },
    { "nested/table/no-write-a-3", NESTED, A_READ, 0x77, .mutate = lock_3 },
    { "nested/table/no-write-a-leaf", NESTED, A_READ, 0x77,
      .mutate = lock_1 },
    { "nested/table/no-write-d", NESTED, A_WRITE, 0x77,
      .mutate = set_a_lock_1 },
    { "nested/table/no-write-but-clean-read", NESTED, A_READ,
      .mutate = set_a_lock_1 },
    { "nested/table/no-write-needed", NESTED, A_WRITE,
      .mutate = lock_all_ad },

    /* A and D that cannot be set: not snooped, or not writable */
    { "first/no-snoop/read", FIRST, A_READ, 0x90, .mutate = no_snoop },
    { "first/no-snoop/dirty", FIRST, A_WRITE, 0x90,
      .mutate = no_snoop_dirty },
    { "first/no-snoop/clean", FIRST, A_READ, .mutate = no_snoop_dirty },
    { "first/no-snoop/nothing-to-set", FIRST, A_WRITE,
      .mutate = no_snoop_nothing_to_set },
    { "nested/no-snoop", NESTED, A_READ, 0x90, .mutate = no_snoop },
    { "second/no-snoop/off", SECOND, A_WRITE, .mutate = no_snoop },
    { "second/no-snoop/read", SECOND, A_READ, 0x7c, .q0 = PE_SSADE,
      .mutate = no_snoop },
    { "second/no-snoop/dirty", SECOND, A_WRITE, 0x7c, .q0 = PE_SSADE,
      .mutate = no_snoop_second_set },
    { "second/no-snoop/nothing-to-set", SECOND, A_READ, .q0 = PE_SSADE,
      .mutate = no_snoop_second_set },
    { "first/update-fails", FIRST, A_READ, 0x91, .iova = ROM_IOVA,
      .mutate = fs_leaf_in_rom },
    { "second/update-fails", SECOND, A_READ, 0x7d, .iova = ROM_IOVA,
      .q0 = PE_SSADE, .mutate = ss_leaf_in_rom },

    /* The interrupt range */
    { "first/interrupt-output", FIRST, A_WRITE, 0x87,
      .mutate = fs_leaf_interrupt },
    { "first/interrupt-output/rid", FIRST, A_WRITE, 0x87, .rid = true,
      .mutate = fs_leaf_interrupt },
    { "first/interrupt-output/read", FIRST, A_READ, 0x87,
      .mutate = fs_leaf_interrupt },
    { "second/interrupt-output", SECOND, A_WRITE, 0x87,
      .mutate = ss_leaf_interrupt },
    { "nested/interrupt-output", NESTED, A_WRITE, 0x87,
      .mutate = ss_leaf_interrupt },
    { "pass/interrupt-output", PASS, A_WRITE, 0x87, .mutate = pt_interrupt },
    { "first/interrupt-input-with-pasid", FIRST, A_READ,
      .iova = 0xfee00000 },
    { "second/interrupt-input-with-pasid", SECOND, A_READ,
      .iova = 0xfee00000 },
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    SVA_ADD_TABLE("walk", walks, walk_case);
    return g_test_run();
}
