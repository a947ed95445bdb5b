/*
 * Fault reasons of the root, context and PASID structures, fault records,
 * fault processing disable, overflow and the fault event
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   0xfedcbu
#define DID     0x4321
#define IOVA    0x7654321fe000ull
#define HOLE    0x700000000000ull
#define MAGIC   0x1122334455667788ull

/* A requester with one first-stage page at IOVA, everything right */
typedef struct Env {
    Sva *s;
    SvaDev d;
    SvaTable fs;
    uint64_t data, leaf;
    uint64_t root, context, dir, entry;     /* where they are */
    uint64_t rid_entry;
} Env;

static void env_start(Env *e)
{
    SvaEntry pe;

    e->s = sva_start(SVA_MACHINE);
    sva_dev_init(&e->d, e->s, SID0);
    sva_dev_pasid(&e->d, true);
    vtd_table(&e->fs, e->s, false, 4, NULL);
    e->data = sva_page(e->s);
    sva_write64(e->s, e->data, MAGIC);
    e->leaf = vtd_map(&e->fs, IOVA, e->data, FS_ALL, 1);
    vtd_context(e->s, SID0, CTX_ALL);
    pe = vtd_entry_first(&e->fs, DID);
    vtd_bind(e->s, SID0, PASID, &pe);
    vtd_bind(e->s, SID0, 0, &pe);
    e->root = vtd_root_at(e->s, SID0);
    e->context = vtd_context_at(e->s, SID0);
    e->dir = vtd_dir_at(e->s, SID0, PASID);
    e->entry = vtd_entry_at(e->s, SID0, PASID);
    e->rid_entry = vtd_entry_at(e->s, SID0, 0);
}

/* One word of one structure changed: address, bits to set, bits to clear */
typedef enum { ROOT, CONTEXT, DIRECTORY, ENTRY, RID_ENTRY } Where;

typedef struct Reason {
    const char *name;
    uint8_t fault;
    Where where;
    int quad;
    uint64_t set, clear;
    bool rid;           /* the request has no PASID */
} Reason;

static uint64_t where_at(const Env *e, Where where)
{
    switch (where) {
    case ROOT:
        return e->root;
    case CONTEXT:
        return e->context;
    case DIRECTORY:
        return e->dir;
    case ENTRY:
        return e->entry;
    default:
        return e->rid_entry;
    }
}

static const Reason reasons[] = {
    { "root/absent", 0x39, ROOT, 0, 0, 1 },
    { "root/absent/rid", 0x39, ROOT, 0, 0, 1, true },
    { "root/reserved/low", 0x3a, ROOT, 0, 1 << 1 },
    { "root/reserved/bit-11", 0x3a, ROOT, 0, 1 << 11 },
    { "root/reserved/address", 0x3a, ROOT, 0, 1ull << 63 },
    { "context/access", 0x40, ROOT, 0, HOLE, ADDR_MASK },
    { "context/absent", 0x41, CONTEXT, 0, 0, CTX_P },
    { "context/absent/rid", 0x41, CONTEXT, 0, 0, CTX_P, true },
    { "context/reserved/bit-5", 0x42, CONTEXT, 0, 1 << 5 },
    { "context/reserved/bit-8", 0x42, CONTEXT, 0, 1 << 8 },
    { "context/reserved/pointer", 0x42, CONTEXT, 0, 1ull << 62 },
    { "context/reserved/bit-85", 0x42, CONTEXT, 1, 1 << 21 },
    { "context/reserved/bit-127", 0x42, CONTEXT, 1, 1ull << 63 },
    { "context/reserved/quad-2", 0x42, CONTEXT, 2, 1 },
    { "context/reserved/quad-3", 0x42, CONTEXT, 3, 1ull << 63 },
    { "context/reserved/rid", 0x42, CONTEXT, 3, 1, 0, true },
    { "context/pasid-off", 0x45, CONTEXT, 0, 0, CTX_PASIDE },
    { "context/pasid-limit", 0x46, CONTEXT, 0, 0, CTX_PDTS(1) },
    { "context/rid-pasid-limit", 0x43, CONTEXT, 1, 0xfffff, 0, true },
    { "context/rid-pasid-limit/with-pasid", 0x43, CONTEXT, 1, 0xfffff },
    { "context/page-requests-alone", 0x43, CONTEXT, 0, 0, CTX_DTE },
    { "context/page-requests-alone/rid", 0x43, CONTEXT, 0, 0, CTX_DTE, true },
    { "directory/access", 0x50, CONTEXT, 0, HOLE, ADDR_MASK },
    { "directory/access/rid", 0x50, CONTEXT, 0, HOLE, ADDR_MASK, true },
    { "directory/absent", 0x51, DIRECTORY, 0, 0, 1 },
    { "directory/reserved/bit-2", 0x52, DIRECTORY, 0, 1 << 2 },
    { "directory/reserved/bit-11", 0x52, DIRECTORY, 0, 1 << 11 },
    { "directory/reserved/address", 0x52, DIRECTORY, 0, 1ull << 63 },
    { "entry/access", 0x58, DIRECTORY, 0, HOLE, ADDR_MASK },
    { "entry/absent", 0x59, ENTRY, 0, 0, PE_P },
    { "entry/absent/rid", 0x59, RID_ENTRY, 0, 0, PE_P, true },
    { "entry/reserved/bit-10", 0x5a, ENTRY, 0, 1 << 10 },
    { "entry/reserved/bit-11", 0x5a, ENTRY, 0, 1 << 11 },
    { "entry/reserved/bit-80", 0x5a, ENTRY, 1, 1 << 16 },
    { "entry/reserved/bit-86", 0x5a, ENTRY, 1, 1 << 22 },
    { "entry/reserved/bit-136", 0x5a, ENTRY, 2, 1 << 8 },
    { "entry/reserved/bit-139", 0x5a, ENTRY, 2, 1 << 11 },
    { "entry/reserved/quad-3", 0x5a, ENTRY, 3, 1 },
    { "entry/reserved/quad-4", 0x5a, ENTRY, 4, 1ull << 63 },
    { "entry/reserved/quad-5", 0x5a, ENTRY, 5, 1 << 7 },
    { "entry/reserved/quad-6", 0x5a, ENTRY, 6, 1 },
    { "entry/reserved/quad-7", 0x5a, ENTRY, 7, 1ull << 63 },
    { "entry/invalid/type-0", 0x5b, ENTRY, 0, 0, 7 << 6 },
    { "entry/invalid/type-5", 0x5b, ENTRY, 0, 5 << 6, 7 << 6 },
    { "entry/invalid/type-7", 0x5b, ENTRY, 0, 7 << 6, 7 << 6 },
    { "entry/invalid/type/rid", 0x5b, RID_ENTRY, 0, 0, 7 << 6, true },
    { "entry/invalid/levels", 0x5b, ENTRY, 2, 2 << 2 },
    { "entry/invalid/five-levels", 0x5b, ENTRY, 2, 1 << 2 },
    { "entry/invalid/second-width-0", 0x5b, ENTRY, 0, PE_SECOND, 7 << 6 },
    { "entry/invalid/second-width-3", 0x5b, ENTRY, 0,
      PE_SECOND | PE_AW(3), 7 << 6 },
    { "entry/invalid/nested-width-0", 0x5b, ENTRY, 0, PE_NESTED },
};

/* PDTS has to be small for these. */
static bool limit_case(const Reason *r)
{
    return r->fault == 0x46 || (r->fault == 0x43 && r->quad == 1);
}

static void reason_case(const void *opaque)
{
    const Reason *r = opaque;
    uint64_t at;
    Env e = { };

    env_start(&e);
    at = where_at(&e, r->where) + r->quad * 8;
    if (limit_case(r)) {
        /* 2^(1 + 13) PASIDs */
        sva_clear_bits(e.s, e.context, 7ull << 9);
        sva_set_bits(e.s, e.context, CTX_PDTS(1));
        if (r->quad) {
            sva_set_bits(e.s, at, 0x4000);
        }
    } else {
        sva_clear_bits(e.s, at, r->clear);
        sva_set_bits(e.s, at, r->set);
    }
    vtd_enable(e.s);
    g_assert_false(sva_access(&e.d, r->rid ? NO_PASID : PASID, IOVA, A_WRITE));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = r->fault, .sid = SID0, .addr = IOVA,
        .pasid = r->rid ? NO_PASID : PASID,
    });
    g_assert_cmphex(sva_read64(e.s, e.data), ==, MAGIC);
    sva_quit(e.s);
}

/* The largest PASID that PDTS allows is fine, the next one is not. */
static void test_pasid_limit_edge(void)
{
    Env e = { };
    SvaEntry pe;

    env_start(&e);
    pe = vtd_entry_first(&e.fs, DID);
    vtd_bind(e.s, SID0, 0x3fff, &pe);
    vtd_bind(e.s, SID0, 0x4000, &pe);
    sva_clear_bits(e.s, e.context, 7ull << 9);
    sva_set_bits(e.s, e.context, CTX_PDTS(1));
    vtd_enable(e.s);
    g_assert_true(sva_access(&e.d, 0x3fff, IOVA, A_READ));
    g_assert_false(sva_access(&e.d, 0x4000, IOVA, A_READ));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x46, .sid = SID0, .pasid = 0x4000, .addr = IOVA, .t1 = true,
    });
    sva_quit(e.s);
}

/* Clearing PASID 0 (a blocked RID) leaves the other PASIDs alone. */
static void test_rid_is_independent(void)
{
    Env e = { };

    env_start(&e);
    vtd_unbind(e.s, SID0, 0);
    vtd_enable(e.s);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ));
    vtd_expect_no_fault(e.s);
    g_assert_false(sva_access(&e.d, NO_PASID, IOVA, A_READ));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x59, .sid = SID0, .pasid = NO_PASID, .addr = IOVA,
        .t1 = true,
    });
    sva_quit(e.s);
}

static void test_ttm_abort(void)
{
    Env e = { };

    env_start(&e);
    vtd_enable(e.s);
    vtd_set_root(e.s, TTM_ABORT);
    vtd_flush_all(e.s);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_WRITE));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x33, .sid = SID0, .pasid = PASID, .addr = IOVA,
    });
    g_assert_false(sva_access(&e.d, NO_PASID, IOVA, A_WRITE));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x33, .sid = SID0, .pasid = NO_PASID, .addr = IOVA,
    });
    g_assert_cmphex(sva_read64(e.s, e.data), ==, MAGIC);
    sva_quit(e.s);
}

static void test_ttm_legacy_pasid(void)
{
    Env e = { };

    env_start(&e);
    vtd_enable(e.s);
    vtd_set_root(e.s, TTM_LEGACY);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x31, .sid = SID0, .pasid = PASID, .addr = IOVA, .t1 = true,
    });
    sva_quit(e.s);
}

static void test_root_access(void)
{
    Env e = { };

    env_start(&e);
    e.s->root = HOLE;
    vtd_enable(e.s);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x38, .sid = SID0, .pasid = PASID, .addr = IOVA, .t1 = true,
    });
    sva_quit(e.s);
}

/* Without translation a request without PASID reaches memory as it is. */
static void test_translation_off(void)
{
    Env e = { };

    env_start(&e);
    g_assert_true(sva_access(&e.d, NO_PASID, e.data, A_READ));
    vtd_enable(e.s);
    g_assert_false(sva_access(&e.d, NO_PASID, e.data, A_READ));
    vtd_fault_clear(e.s);
    vtd_gcmd(e.s, GSTS_TE, false);
    g_assert_true(sva_access(&e.d, NO_PASID, e.data, A_READ));
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* Fault processing disable: the request is blocked, nothing is recorded. */
typedef struct Fpd {
    const char *name;
    Where fpd;
    Where where;        /* what is wrong besides */
    uint64_t clear;     /* 0: the page is absent instead */
} Fpd;

static const Fpd fpds[] = {
    { "context/page", CONTEXT, CONTEXT, 0 },
    { "context/absent", CONTEXT, CONTEXT, CTX_P },
    { "context/entry-absent", CONTEXT, ENTRY, PE_P },
    { "context/directory-absent", CONTEXT, DIRECTORY, 1 },
    { "directory/page", DIRECTORY, DIRECTORY, 0 },
    { "directory/absent", DIRECTORY, DIRECTORY, 1 },
    { "directory/entry-absent", DIRECTORY, ENTRY, PE_P },
    { "entry/page", ENTRY, ENTRY, 0 },
    { "entry/absent", ENTRY, ENTRY, PE_P },
    { "entry/invalid", ENTRY, ENTRY, 7 << 6 },
};

static void fpd_case(const void *opaque)
{
    const Fpd *f = opaque;
    Env e = { };

    env_start(&e);
    if (f->clear) {
        sva_clear_bits(e.s, where_at(&e, f->where), f->clear);
    } else {
        sva_clear_bits(e.s, e.leaf, FS_P);
    }
    sva_set_bits(e.s, where_at(&e, f->fpd), 1 << 1);
    vtd_enable(e.s);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* FPD of one PASID is no business of another one. */
static void test_fpd_other_pasid(void)
{
    Env e = { };

    env_start(&e);
    sva_set_bits(e.s, e.entry, PE_FPD);
    vtd_enable(e.s);
    g_assert_false(sva_access(&e.d, 0x7, IOVA, A_READ));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x59, .sid = SID0, .pasid = 0x7, .addr = IOVA, .t1 = true,
    });
    sva_quit(e.s);
}

static void bad_page(Env *e, unsigned n)
{
    g_assert_false(sva_access(&e->d, PASID, IOVA + (n + 1) * KiB4, A_READ));
}

static void expect_bad_page(Env *e, unsigned n)
{
    SvaFault f;

    g_assert_true(vtd_fault_next(e->s, &f));
    g_assert_cmphex(f.reason, ==, 0x71);
    g_assert_cmphex(f.addr, ==, IOVA + (n + 1) * KiB4);
}

/* Keep clear of the end of the table that IOVA is in */
static void overflow_start(Env *e)
{
    env_start(e);
    vtd_enable(e->s);
}

static void test_eight_records(void)
{
    Env e = { };
    unsigned i;

    overflow_start(&e);
    g_assert_cmphex((vtd_readq(e.s, VTD_CAP) >> 40) & 0xff, ==, 7);
    g_assert_cmphex((vtd_readq(e.s, VTD_CAP) >> 24) & 0x3ff, ==,
                    VTD_FRCD / 16);
    for (i = 0; i < 8; i++) {
        bad_page(&e, i);
    }
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS) & (FSTS_PFO | FSTS_PPF), ==,
                    FSTS_PPF);
    for (i = 0; i < 8; i++) {
        expect_bad_page(&e, i);
    }
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

static void test_overflow(void)
{
    Env e = { };
    unsigned i;

    overflow_start(&e);
    for (i = 0; i < 10; i++) {
        bad_page(&e, i);
    }
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS) & (FSTS_PFO | FSTS_PPF), ==,
                    FSTS_PFO | FSTS_PPF);
    for (i = 0; i < 8; i++) {
        expect_bad_page(&e, i);
    }
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS) & (FSTS_PFO | FSTS_PPF), ==,
                    FSTS_PFO);
    /* Nothing is recorded as long as PFO stands. */
    bad_page(&e, 20);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS) & FSTS_PPF, ==, 0);
    vtd_writel(e.s, VTD_FSTS, FSTS_PFO);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS) & FSTS_PFO, ==, 0);
    bad_page(&e, 21);
    expect_bad_page(&e, 21);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

static void test_record_index(void)
{
    Env e = { };
    unsigned i;

    overflow_start(&e);
    for (i = 0; i < 3; i++) {
        bad_page(&e, i);
    }
    g_assert_cmphex((vtd_readl(e.s, VTD_FSTS) >> 8) & 0xff, ==, 0);
    for (i = 0; i < 3; i++) {
        expect_bad_page(&e, i);
    }
    vtd_expect_no_fault(e.s);
    bad_page(&e, 3);
    g_assert_cmphex((vtd_readl(e.s, VTD_FSTS) >> 8) & 0xff, ==, 3);
    g_assert_true(vtd_readq(e.s, VTD_FRCD + 3 * 16 + 8) >> 63);
    sva_quit(e.s);
}

/* A fault equal to a pending one in requester, PASID and page is one record. */
static void test_collapse(void)
{
    Env e = { };

    overflow_start(&e);
    bad_page(&e, 0);
    bad_page(&e, 0);
    bad_page(&e, 0);
    expect_bad_page(&e, 0);
    vtd_expect_no_fault(e.s);
    bad_page(&e, 0);
    expect_bad_page(&e, 0);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

static void test_no_collapse(void)
{
    Env e = { };
    SvaFault f;

    overflow_start(&e);
    bad_page(&e, 0);
    bad_page(&e, 1);
    g_assert_false(sva_access(&e.d, 0x77, IOVA + KiB4, A_READ));
    g_assert_false(sva_access(&e.d, NO_PASID, IOVA + KiB4, A_READ));
    expect_bad_page(&e, 0);
    expect_bad_page(&e, 1);
    g_assert_true(vtd_fault_next(e.s, &f));
    g_assert_cmphex(f.pasid, ==, 0x77);
    g_assert_cmphex(f.reason, ==, 0x51);
    g_assert_true(vtd_fault_next(e.s, &f));
    g_assert_cmphex(f.pasid, ==, NO_PASID);
    g_assert_cmphex(f.reason, ==, 0x71);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

static void test_two_requesters(void)
{
    Env e = { };
    SvaDev other;
    SvaFault f;

    env_start(&e);
    sva_dev_init(&other, e.s, SID1);
    sva_dev_pasid(&other, true);
    vtd_enable(e.s);
    bad_page(&e, 0);
    g_assert_false(sva_access(&other, PASID, IOVA + KiB4, A_WRITE));
    expect_bad_page(&e, 0);
    g_assert_true(vtd_fault_next(e.s, &f));
    g_assert_cmphex(f.reason, ==, 0x41);
    g_assert_cmphex(f.sid, ==, SID1);
    g_assert_false(f.t1);
    sva_quit(e.s);
}

static void set_event(Sva *s, unsigned ctl, unsigned vector)
{
    vtd_writel(s, ctl + 4, vector);
    vtd_writel(s, ctl + 8, 0xfee00000);
}

static void test_event(void)
{
    Env e = { };

    overflow_start(&e);
    g_assert_cmphex(vtd_readl(e.s, VTD_FECTL), ==, EVENT_IM);
    set_event(e.s, VTD_FECTL, 0x51);
    vtd_writel(e.s, VTD_FECTL, 0);
    bad_page(&e, 0);
    g_assert_true(sva_vector(e.s, 0x51));
    g_assert_cmphex(vtd_readl(e.s, VTD_FECTL), ==, 0);
    /* No further message as long as a fault is pending */
    set_event(e.s, VTD_FECTL, 0x52);
    bad_page(&e, 1);
    g_assert_false(sva_vector(e.s, 0x52));
    vtd_fault_clear(e.s);
    bad_page(&e, 2);
    g_assert_true(sva_vector(e.s, 0x52));
    sva_quit(e.s);
}

static void test_event_masked(void)
{
    Env e = { };

    overflow_start(&e);
    set_event(e.s, VTD_FECTL, 0x53);
    bad_page(&e, 0);
    g_assert_false(sva_vector(e.s, 0x53));
    g_assert_cmphex(vtd_readl(e.s, VTD_FECTL), ==, EVENT_IM | EVENT_IP);
    vtd_writel(e.s, VTD_FECTL, 0);
    g_assert_true(sva_vector(e.s, 0x53));
    g_assert_cmphex(vtd_readl(e.s, VTD_FECTL), ==, 0);
    sva_quit(e.s);
}

/* Serving the fault before unmasking leaves nothing to be sent. */
static void test_event_served(void)
{
    Env e = { };

    overflow_start(&e);
    set_event(e.s, VTD_FECTL, 0x54);
    bad_page(&e, 0);
    bad_page(&e, 1);
    expect_bad_page(&e, 0);
    g_assert_cmphex(vtd_readl(e.s, VTD_FECTL), ==, EVENT_IM | EVENT_IP);
    vtd_fault_clear(e.s);
    g_assert_cmphex(vtd_readl(e.s, VTD_FECTL), ==, EVENT_IM);
    vtd_writel(e.s, VTD_FECTL, 0);
    g_assert_false(sva_vector(e.s, 0x54));
    sva_quit(e.s);
}

/* The same for an event that is no record */
static void test_event_status(void)
{
    Env e = { };

    overflow_start(&e);
    set_event(e.s, VTD_FECTL, 0x55);
    vtd_iq(e.s, 0, 0);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, FSTS_IQE);
    g_assert_cmphex(vtd_readl(e.s, VTD_FECTL), ==, EVENT_IM | EVENT_IP);
    sva_write64(e.s, e.s->iq + vtd_readq(e.s, VTD_IQH), 5 | WAIT_FN);
    vtd_writel(e.s, VTD_FSTS, FSTS_IQE);
    g_assert_cmphex(vtd_readl(e.s, VTD_FECTL), ==, EVENT_IM);
    vtd_writel(e.s, VTD_FECTL, 0);
    g_assert_false(sva_vector(e.s, 0x55));
    sva_quit(e.s);
}

static void test_reset(void)
{
    Env e = { };

    overflow_start(&e);
    bad_page(&e, 0);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ));
    qtest_system_reset(e.s->qts);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, 0);
    g_assert_cmphex(vtd_readl(e.s, VTD_GSTS), ==, 0);
    g_assert_cmphex(vtd_readq(e.s, VTD_FRCD + 8), ==, 0);
    g_assert_cmphex(vtd_readl(e.s, VTD_PECTL), ==, EVENT_IM);
    sva_quit(e.s);
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(reasons); i++) {
        g_autofree char *path = g_strdup_printf("/svatest/fault/reason/%s",
                                                reasons[i].name);
        qtest_add_data_func(path, &reasons[i], reason_case);
    }
    for (i = 0; i < ARRAY_SIZE(fpds); i++) {
        g_autofree char *path = g_strdup_printf("/svatest/fault/fpd/%s",
                                                fpds[i].name);
        qtest_add_data_func(path, &fpds[i], fpd_case);
    }
    qtest_add_func("/svatest/fault/reason/context/pasid-limit-edge",
                   test_pasid_limit_edge);
    qtest_add_func("/svatest/fault/rid-is-independent",
                   test_rid_is_independent);
    qtest_add_func("/svatest/fault/ttm/abort", test_ttm_abort);
    qtest_add_func("/svatest/fault/ttm/legacy-with-pasid",
                   test_ttm_legacy_pasid);
    qtest_add_func("/svatest/fault/reason/root/access", test_root_access);
    qtest_add_func("/svatest/fault/translation-off", test_translation_off);
    qtest_add_func("/svatest/fault/fpd/other-pasid", test_fpd_other_pasid);
    qtest_add_func("/svatest/fault/record/eight", test_eight_records);
    qtest_add_func("/svatest/fault/record/overflow", test_overflow);
    qtest_add_func("/svatest/fault/record/index", test_record_index);
    qtest_add_func("/svatest/fault/record/collapse", test_collapse);
    qtest_add_func("/svatest/fault/record/no-collapse", test_no_collapse);
    qtest_add_func("/svatest/fault/record/two-requesters",
                   test_two_requesters);
    qtest_add_func("/svatest/fault/event/sent", test_event);
    qtest_add_func("/svatest/fault/event/masked", test_event_masked);
    qtest_add_func("/svatest/fault/event/served", test_event_served);
    qtest_add_func("/svatest/fault/event/status", test_event_status);
    qtest_add_func("/svatest/fault/reset", test_reset);
    return g_test_run();
}
