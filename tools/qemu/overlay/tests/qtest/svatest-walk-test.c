/*
 * The walk: stages, page sizes, rights, accessed and dirty bits, input limits
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each case maps one page, changes a few bits, and makes one access. Either
 * the access must reach the page, or exactly one fault must be recorded with
 * every field as the specification has it.
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   0xabcdeu
#define DID     0x1234
#define IOVA    0x123456789000ull   /* every level uses another index */
#define MAGIC   0x5356415445535421ull
#define HOLE    0x700000000000ull   /* nothing answers here */
#define ROM_IOVA (IOVA & ~(MiB2 - 1))   /* the first entry of its table */

typedef enum { FIRST, SECOND, NESTED, PASS } Mode;

typedef struct Walk Walk;
struct Walk {
    const char *name;
    Mode mode;
    unsigned how;
    uint8_t fault;      /* expected reason, 0: the access succeeds */

    /* What differs from a plain mapping of 4 KiB at IOVA */
    bool rid;           /* no PASID on the request */
    int fs_page, ss_page;           /* level of the leaf, 0 means 1 */
    int ss_levels;                  /* 0 means 4 */
    uint64_t iova;                  /* 0 means IOVA */
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

static uint64_t page_size(int level)
{
    return 1ull << (12 + 9 * ((level ?: 1) - 1));
}

/* Memory that a page of @size can name; the tail of it holds the data */
static uint64_t data_page(Sva *s, uint64_t size)
{
    if (size > MiB2) {
        return 0;       /* one giant page over all memory */
    }
    return sva_pages(s, size, size);
}

static void walk_setup(Walk *w)
{
    uint64_t fsz = page_size(w->fs_page), ssz = page_size(w->ss_page);
    uint64_t size = w->mode == FIRST ? fsz :
                    w->mode == SECOND ? ssz : MAX(fsz, ssz);
    uint64_t base = data_page(w->s, size);
    uint64_t in;
    Sva *s = w->s;

    w->iova = w->iova ?: IOVA;
    /* With a giant page the offset must name memory that is ours. */
    w->data = size > MiB2 ? sva_page(s) :
              base + ((w->iova & (size - 1)) & ~0xfffull);
    if (size > MiB2) {
        w->iova = (w->iova & ~(size - 1)) | w->data;
    }
    in = w->iova & ~(fsz - 1);

    if (w->mode != FIRST && w->mode != PASS) {
        vtd_table(&w->ss, s, true, w->ss_levels ?: 4, NULL);
    }
    switch (w->mode) {
    case FIRST:
        vtd_table(&w->fs, s, false, 4, NULL);
        w->fs_leaf = vtd_map(&w->fs, in, w->data & ~(fsz - 1),
                             FS_ALL, w->fs_page ?: 1);
        w->entry = vtd_entry_first(&w->fs, DID);
        break;
    case SECOND:
        w->gpa = w->iova;
        w->ss_leaf = vtd_map(&w->ss, w->gpa & ~(ssz - 1),
                             w->data & ~(ssz - 1), SS_ALL, w->ss_page ?: 1);
        w->entry = vtd_entry_second(&w->ss, DID);
        break;
    case NESTED:
        vtd_table(&w->fs, s, false, 4, &w->ss);
        w->gpa = 0x2000000000ull + w->data;
        w->fs_leaf = vtd_map(&w->fs, in, w->gpa & ~(fsz - 1), FS_ALL,
                             w->fs_page ?: 1);
        w->ss_leaf = vtd_map(&w->ss, w->gpa & ~(ssz - 1),
                             w->data & ~(ssz - 1), SS_ALL, w->ss_page ?: 1);
        w->entry = vtd_entry_nested(&w->fs, DID);
        break;
    case PASS:
        w->iova = w->data;
        w->entry = vtd_entry_pt(DID);
        break;
    }
    if (w->fs_set | w->fs_clear) {
        uint64_t at = w->fs_at ? vtd_slot(&w->fs, in, w->fs_at) : w->fs_leaf;

        sva_set_bits(s, at, w->fs_set);
        sva_clear_bits(s, at, w->fs_clear);
    }
    if (w->ss_set | w->ss_clear) {
        uint64_t at = w->ss_at ? vtd_slot(&w->ss, w->gpa, w->ss_at) :
                      w->ss_leaf;

        sva_set_bits(s, at, w->ss_set);
        sva_clear_bits(s, at, w->ss_clear);
    }
    w->entry.q[0] |= w->q0;
    w->entry.q[2] |= w->q2;
    sva_write64(s, w->data, MAGIC);
}

static void walk_check(Walk *w)
{
    uint32_t pasid = w->rid ? NO_PASID : PASID;
    bool ok = sva_access(&w->d, pasid, w->iova, w->how);

    if (!w->fault) {
        vtd_expect_no_fault(w->s);
        g_assert_true(ok);
        if (w->how & (A_WRITE | A_ATOMIC)) {
            g_assert_cmphex(sva_read64(w->s, w->data), !=, MAGIC);
        } else {
            g_assert_cmphex(sva_peek(&w->d, pasid, w->iova, w->how), ==, MAGIC);
        }
        return;
    }
    g_assert_false(ok);
    g_assert_cmphex(sva_read64(w->s, w->data), ==, MAGIC);
    vtd_expect_fault(w->s, &(SvaFault) {
        .reason = w->fault,
        .sid = SID0,
        .pasid = pasid,
        .addr = w->iova,
        .t1 = !(w->how & A_WRITE),
        .t2 = !!(w->how & A_ATOMIC),
        .exe = !!(w->how & A_EXEC),
        .priv = !!(w->how & A_PRIV),
    });
}

static void walk_case(const void *opaque)
{
    Walk w = *(const Walk *)opaque;

    w.s = sva_start(SVA_MACHINE);
    sva_dev_init(&w.d, w.s, SID0);
    sva_dev_pasid(&w.d, true);
    walk_setup(&w);
    if (w.mutate) {
        w.mutate(&w);
    }
    vtd_context(w.s, SID0, CTX_ALL);
    vtd_bind(w.s, SID0, w.rid ? 0 : PASID, &w.entry);
    vtd_enable(w.s);
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

static void hide_4(Walk *w) { hide_table(w, 4, SS_ALL); }
static void hide_3(Walk *w) { hide_table(w, 3, SS_ALL); }
static void hide_2(Walk *w) { hide_table(w, 2, SS_ALL); }
static void hide_1(Walk *w) { hide_table(w, 1, SS_ALL); }
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

static const Walk walks[] = {
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

    /* First stage: execute */
    { "first/exec/allowed", FIRST, A_READ | A_EXEC, .q2 = PE_NXE },
    { "first/exec/disabled/1", FIRST, A_READ | A_EXEC, 0x82, .q2 = PE_NXE,
      .fs_set = FS_XD },
    { "first/exec/disabled/2", FIRST, A_READ | A_EXEC, 0x82, .q2 = PE_NXE,
      .fs_at = 2, .fs_set = FS_XD },
    { "first/exec/disabled/4", FIRST, A_READ | A_EXEC, 0x82, .q2 = PE_NXE,
      .fs_at = 4, .fs_set = FS_XD },
    { "first/exec/read-of-disabled", FIRST, A_READ, .q2 = PE_NXE,
      .fs_set = FS_XD },
    { "nested/exec/disabled", NESTED, A_READ | A_EXEC, 0x82, .q2 = PE_NXE,
      .fs_set = FS_XD },

    /*
     * First stage: reserved bits. Address bits from the host address width on
     * are reserved in each entry (9.7), so an output beyond it is 72h. 83h is
     * for the one address that no entry holds: that of pass-through. In nested
     * mode they are part of a guest address instead, too large for the second
     * stage.
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

    { "nested/address-beyond/leaf", NESTED, A_READ, 0x84,
      .fs_set = 1ull << 51 },
    { "nested/address-beyond/table", NESTED, A_READ, 0x74, .fs_at = 2,
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
    { "nested/canonical", NESTED, A_READ, 0x80, .iova = 0x800000000000 },
    { "second/width/48", SECOND, A_READ, 0x84, .iova = 1ull << 48 },
    { "second/width/39", SECOND, A_READ, 0x84, .ss_levels = 3,
      .iova = 1ull << 39 },
    { "second/width/upper-half", SECOND, A_WRITE, 0x84,
      .iova = 0xffff800000000000 },
    { "nested/width/leaf", NESTED, A_READ, 0x84, .ss_levels = 3,
      .mutate = leaf_gpa_limit },
    { "nested/width/top-table", NESTED, A_READ, 0x74, .ss_levels = 3,
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
    { "second/no-read/1", SECOND, A_READ, 0x79, .ss_clear = SS_R },
    { "second/no-read/3", SECOND, A_READ, 0x79, .ss_at = 3,
      .ss_clear = SS_R },
    { "second/no-write/1", SECOND, A_WRITE, 0x79, .ss_clear = SS_W },
    { "second/no-write/2", SECOND, A_WRITE, 0x79, .ss_at = 2,
      .ss_clear = SS_W },
    { "second/no-write/4", SECOND, A_WRITE, 0x79, .ss_at = 4,
      .ss_clear = SS_W },
    { "second/no-write/read", SECOND, A_READ, .ss_clear = SS_W },
    { "second/no-write/atomic", SECOND, A_ATOMIC, 0x79, .ss_clear = SS_W },
    { "second/no-read/atomic", SECOND, A_ATOMIC, 0x79, .ss_clear = SS_R },
    { "nested/no-write/second", NESTED, A_WRITE, 0x79, .ss_clear = SS_W },
    { "nested/no-write/second/read", NESTED, A_READ, .ss_clear = SS_W },
    { "nested/no-read/second", NESTED, A_READ, 0x79, .ss_clear = SS_R },
    { "nested/no-write/second/atomic", NESTED, A_ATOMIC, 0x79,
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
    { "second/exec", SECOND, A_READ | A_EXEC },
    /* First-stage controls of the entry do not matter. */
    { "second/exec/priv", SECOND, A_READ | A_EXEC | A_PRIV,
      .q2 = PE_SRE | PE_SMEP | PE_NXE },
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
    { "second/update-fails", SECOND, A_READ, 0x78, .iova = ROM_IOVA,
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

/* Accessed and dirty bits: what the entries hold after one access */
typedef struct Bits {
    const char *name;
    Walk w;
    uint64_t fs_leaf, fs_upper;     /* expected A/D of the first stage */
    uint64_t ss_leaf, ss_upper;     /* ... of the page in the second */
    uint64_t ss_table;              /* ... of a first-stage table in it */
} Bits;

/*
 * 3.6.2: A is set in every entry used for a translation, D in the last one on
 * a write. What a walk that ends in a fault has "used" is left open: it may
 * have set A on its way. It may not have set D, as nothing was written.
 */
static uint64_t fs_bits(const Bits *b)
{
    return b->w.fault ? FS_D : FS_A | FS_D;
}

static void bits_case(const void *opaque)
{
    const Bits *b = opaque;
    Walk w = b->w;
    int level;

    w.s = sva_start(SVA_MACHINE);
    sva_dev_init(&w.d, w.s, SID0);
    sva_dev_pasid(&w.d, true);
    walk_setup(&w);
    vtd_context(w.s, SID0, CTX_ALL);
    vtd_bind(w.s, SID0, PASID, &w.entry);
    vtd_enable(w.s);
    g_assert_cmpuint(sva_access(&w.d, PASID, w.iova, w.how), ==, !w.fault);

    if (w.mode != SECOND) {
        for (level = w.fs_page ?: 1; level <= 4; level++) {
            uint64_t e = sva_read64(w.s, vtd_slot(&w.fs, w.iova, level));

            g_assert_cmphex(e & fs_bits(b), ==,
                            level == (w.fs_page ?: 1) ? b->fs_leaf :
                            b->fs_upper);
        }
    }
    if (w.mode != FIRST) {
        for (level = w.ss_page ?: 1; level <= 4; level++) {
            uint64_t e = sva_read64(w.s, vtd_slot(&w.ss, w.gpa, level));

            g_assert_cmphex(e & (SS_A | SS_D), ==,
                            level == (w.ss_page ?: 1) ? b->ss_leaf :
                            b->ss_upper);
        }
    }
    if (w.mode == NESTED) {
        uint64_t e = sva_read64(w.s, vtd_slot(&w.ss, GPA(w.fs.root), 1));

        g_assert_cmphex(e & (SS_A | SS_D), ==, b->ss_table);
    }
    sva_quit(w.s);
}

static const Bits bits[] = {
    { "first/read", { "", FIRST, A_READ }, FS_A, FS_A },
    { "first/write", { "", FIRST, A_WRITE }, FS_A | FS_D, FS_A },
    { "first/atomic", { "", FIRST, A_ATOMIC }, FS_A | FS_D, FS_A },
    { "first/2m/read", { "", FIRST, A_READ, .fs_page = 2 }, FS_A, FS_A },
    { "first/2m/write", { "", FIRST, A_WRITE, .fs_page = 2 },
      FS_A | FS_D, FS_A },
    { "first/1g/write", { "", FIRST, A_WRITE, .fs_page = 3 },
      FS_A | FS_D, FS_A },
    { "first/refused-write-is-not-dirty",
      { "", FIRST, A_WRITE, 0x85, .fs_clear = FS_RW } },
    { "second/off/write", { "", SECOND, A_WRITE } },
    { "second/read", { "", SECOND, A_READ, .q0 = PE_SSADE },
      .ss_leaf = SS_A, .ss_upper = SS_A },
    { "second/write", { "", SECOND, A_WRITE, .q0 = PE_SSADE },
      .ss_leaf = SS_A | SS_D, .ss_upper = SS_A },
    { "second/2m/write", { "", SECOND, A_WRITE, .q0 = PE_SSADE, .ss_page = 2 },
      .ss_leaf = SS_A | SS_D, .ss_upper = SS_A },
    { "nested/off/read", { "", NESTED, A_READ }, FS_A, FS_A },
    { "nested/off/write", { "", NESTED, A_WRITE }, FS_A | FS_D, FS_A },
    { "nested/read", { "", NESTED, A_READ, .q0 = PE_SSADE },
      FS_A, FS_A, SS_A, SS_A, SS_A | SS_D },
    { "nested/write", { "", NESTED, A_WRITE, .q0 = PE_SSADE },
      FS_A | FS_D, FS_A, SS_A | SS_D, SS_A, SS_A | SS_D },
};

/* A cached clean page is walked again on the first write. */
static void test_dirty_after_clean(const void *opaque)
{
    Walk w = { .mode = GPOINTER_TO_INT(opaque), .q0 = PE_SSADE };
    uint64_t leaf, dirty;

    if (w.mode == FIRST) {
        w.q0 = 0;
    }
    w.s = sva_start(SVA_MACHINE);
    sva_dev_init(&w.d, w.s, SID0);
    sva_dev_pasid(&w.d, true);
    walk_setup(&w);
    vtd_context(w.s, SID0, CTX_ALL);
    vtd_bind(w.s, SID0, PASID, &w.entry);
    vtd_enable(w.s);
    leaf = w.mode == SECOND ? w.ss_leaf : w.fs_leaf;
    dirty = w.mode == SECOND ? SS_D : FS_D;
    g_assert_true(sva_access(&w.d, PASID, w.iova, A_READ));
    g_assert_cmphex(sva_read64(w.s, leaf) & dirty, ==, 0);
    g_assert_true(sva_access(&w.d, PASID, w.iova, A_WRITE));
    g_assert_cmphex(sva_read64(w.s, leaf) & dirty, ==, dirty);
    if (w.mode == NESTED) {
        g_assert_cmphex(sva_read64(w.s, w.ss_leaf) & SS_D, ==, SS_D);
    }
    sva_quit(w.s);
}

/* One first-stage 2 MiB page over two 4 KiB pages far from each other */
static void test_nested_splinter(void)
{
    Walk w = { .mode = NESTED, .fs_page = 2, .iova = IOVA & ~(MiB2 - 1) };
    uint64_t other;

    w.s = sva_start(SVA_MACHINE);
    sva_dev_init(&w.d, w.s, SID0);
    sva_dev_pasid(&w.d, true);
    walk_setup(&w);
    other = sva_page(w.s);
    sva_write64(w.s, other, ~MAGIC);
    vtd_map(&w.ss, w.gpa + KiB4, other, SS_ALL, 1);
    vtd_context(w.s, SID0, CTX_ALL);
    vtd_bind(w.s, SID0, PASID, &w.entry);
    vtd_enable(w.s);
    g_assert_cmphex(sva_peek(&w.d, PASID, w.iova, 0), ==, MAGIC);
    g_assert_cmphex(sva_peek(&w.d, PASID, w.iova + KiB4, 0), ==, ~MAGIC);
    sva_quit(w.s);
}

/* The mode is a property of the PASID entry, not of the unit. */
static void test_modes_side_by_side(void)
{
    static const Mode modes[] = { FIRST, SECOND, NESTED, PASS };
    Sva *s = sva_start(SVA_MACHINE);
    Walk w[4] = { };
    int i;

    vtd_context(s, SID0, CTX_ALL);
    for (i = 0; i < 4; i++) {
        w[i].mode = modes[i];
        w[i].s = s;
        walk_setup(&w[i]);
        w[i].entry.q[1] += i;
        sva_write64(s, w[i].data, MAGIC + i);
        vtd_bind(s, SID0, 0x10000 * i + i + 1, &w[i].entry);
    }
    sva_dev_init(&w[0].d, s, SID0);
    sva_dev_pasid(&w[0].d, true);
    vtd_enable(s);
    for (i = 0; i < 4; i++) {
        g_assert_cmphex(sva_peek(&w[0].d, 0x10000 * i + i + 1, w[i].iova, 0),
                        ==, MAGIC + i);
    }
    sva_quit(s);
}

/* The pass-through entry still ends at the width of the host. */
static void test_pass_limit(void)
{
    Walk w = { .mode = PASS };

    w.s = sva_start(SVA_MACHINE);
    sva_dev_init(&w.d, w.s, SID0);
    sva_dev_pasid(&w.d, true);
    walk_setup(&w);
    vtd_context(w.s, SID0, CTX_ALL);
    vtd_bind(w.s, SID0, PASID, &w.entry);
    vtd_enable(w.s);
    g_assert_false(sva_access(&w.d, PASID, w.data | 1ull << 48, A_READ));
    vtd_expect_fault(w.s, &(SvaFault) {
        .reason = 0x83, .sid = SID0, .pasid = PASID,
        .addr = w.data | 1ull << 48, .t1 = true,
    });
    sva_quit(w.s);
}

/* A large page around the interrupt range: all but that can be reached. */
static void test_interrupt_in_page(void)
{
    uint64_t iova = 0x4000000000ull;
    Walk w = { .mode = FIRST };
    SvaResult r;

    w.s = sva_start(SVA_MACHINE);
    sva_dev_init(&w.d, w.s, SID0);
    sva_dev_pasid(&w.d, true);
    sva_dev_ats(&w.d, true);
    walk_setup(&w);
    vtd_map(&w.fs, iova, 3 * GiB1, FS_ALL, 3);
    vtd_context(w.s, SID0, CTX_ALL);
    vtd_bind(w.s, SID0, PASID, &w.entry);
    vtd_enable(w.s);
    r = sva_xlate(&w.d, PASID, iova + SVA_ROM - 3 * GiB1, SVATEST_AUX_READ, 0);
    g_assert_cmphex(r.result, ==, SVA_ROM);
    g_assert_cmpuint(SVATEST_DET_SIZE_LG2(r.detail), ==, 12);
    g_assert_cmphex(sva_peek(&w.d, PASID, iova + SVA_ROM - 3 * GiB1, 0), ==,
                    sva_read64(w.s, SVA_ROM));
    g_assert_false(sva_access(&w.d, PASID, iova + 0x3eeff000, A_READ));
    vtd_expect_fault(w.s, &(SvaFault) {
        .reason = 0x87, .sid = SID0, .pasid = PASID,
        .addr = iova + 0x3eeff000, .t1 = true,
    });
    sva_quit(w.s);
}

/* RID_PASID may be another number than 0. */
static void test_rid_pasid(void)
{
    Walk w = { .mode = FIRST, .rid = true };

    w.s = sva_start(SVA_MACHINE);
    sva_dev_init(&w.d, w.s, SID0);
    walk_setup(&w);
    vtd_context(w.s, SID0, CTX_ALL);
    sva_write64(w.s, vtd_context_at(w.s, SID0) + 8, 0x54321);
    vtd_bind(w.s, SID0, 0x54321, &w.entry);
    vtd_enable(w.s);
    walk_check(&w);
    sva_quit(w.s);
}

/* Five levels, if the unit has them: 57 bits, and canonical for those */
typedef struct Five {
    const char *name;
    bool nested;
    uint64_t iova;
    unsigned how;
    uint8_t fault;
} Five;

static const Five fives[] = {
    { "read", false, 0xab123456789000ull, A_READ },
    { "write", false, 0xab123456789000ull, A_WRITE },
    { "upper-half", false, 0xff55123456789000ull, A_READ },
    { "48-bit-not-canonical", false, 0x800000000000ull, A_READ },
    { "not-canonical", false, 0x0100000000000000ull, A_READ, 0x80 },
    { "not-canonical-high", false, 0xfe55123456789000ull, A_READ, 0x80 },
    { "nested/write", true, 0xab123456789000ull, A_WRITE },
    { "nested/not-canonical", true, 0x0100000000000000ull, A_READ, 0x80 },
};

static void five_case(const void *opaque)
{
    const Five *f = opaque;
    SvaTable ss;
    Walk w = { .how = f->how, .fault = f->fault, .iova = f->iova };
    uint64_t leaf;

    w.s = sva_start(SVA_UNIT ",x-fs5lp=on -device svatest,addr=4");
    sva_dev_init(&w.d, w.s, SID0);
    sva_dev_pasid(&w.d, true);
    w.data = sva_page(w.s);
    sva_write64(w.s, w.data, MAGIC);
    vtd_table(&ss, w.s, true, 4, NULL);
    vtd_table(&w.fs, w.s, false, 5, f->nested ? &ss : NULL);
    vtd_map(&ss, GPA(w.data), w.data, SS_ALL, 1);
    leaf = vtd_map(&w.fs, f->iova, f->nested ? GPA(w.data) : w.data, FS_ALL,
                   1);
    w.entry = f->nested ? vtd_entry_nested(&w.fs, DID) :
                          vtd_entry_first(&w.fs, DID);
    vtd_context(w.s, SID0, CTX_ALL);
    vtd_bind(w.s, SID0, PASID, &w.entry);
    vtd_enable(w.s);
    walk_check(&w);
    g_assert_cmphex(sva_read64(w.s, leaf) & (FS_A | FS_D), ==,
                    f->fault ? 0 : f->how & A_WRITE ? FS_A | FS_D : FS_A);
    sva_quit(w.s);
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    SVA_ADD_TABLE("walk/five-levels", fives, five_case);
    for (i = 0; i < ARRAY_SIZE(walks); i++) {
        g_autofree char *path = g_strdup_printf("/svatest/walk/%s",
                                                walks[i].name);
        qtest_add_data_func(path, &walks[i], walk_case);
    }
    for (i = 0; i < ARRAY_SIZE(bits); i++) {
        g_autofree char *path = g_strdup_printf("/svatest/bits/%s",
                                                bits[i].name);
        qtest_add_data_func(path, &bits[i], bits_case);
    }
    qtest_add_data_func("/svatest/bits/dirty-after-clean/first",
                        GINT_TO_POINTER(FIRST), test_dirty_after_clean);
    qtest_add_data_func("/svatest/bits/dirty-after-clean/second",
                        GINT_TO_POINTER(SECOND), test_dirty_after_clean);
    qtest_add_data_func("/svatest/bits/dirty-after-clean/nested",
                        GINT_TO_POINTER(NESTED), test_dirty_after_clean);
    qtest_add_func("/svatest/walk/nested/splinter", test_nested_splinter);
    qtest_add_func("/svatest/walk/modes-side-by-side",
                   test_modes_side_by_side);
    qtest_add_func("/svatest/walk/pass/limit", test_pass_limit);
    qtest_add_func("/svatest/walk/interrupt-in-page", test_interrupt_in_page);
    qtest_add_func("/svatest/walk/rid-pasid", test_rid_pasid);
    return g_test_run();
}
