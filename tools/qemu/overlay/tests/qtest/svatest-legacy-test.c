/*
 * Legacy mode: memory requests, translation and translated requests through
 * tables that know no PASID
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   ENV_PASID
#define OLD     ENV_OLD
#define NEW     ENV_NEW
#define IOVA    0x2468ace000ull         /* within three levels */
#define HOLE    0x700000000000ull
#define MSI     0xfee00000ull
#define DID     3

/* Context entry of 128 bits, lower half: TT; upper half: AW, DID */
#define TT_MEMORY   (0ull << 2)
#define TT_ATS      (1ull << 2)
#define TT_PASS     (2ull << 2)
#define TT_RESERVED (3ull << 2)
#define TT_MASK     (3ull << 2)
#define HI(levels)  (DID << 8 | ((levels) - 2))

#define RIGHTS  (SVATEST_DET_READ | SVATEST_DET_WRITE)
#define WANTED  (SVATEST_AUX_READ | SVATEST_AUX_WRITE)

/** Legacy: SID0 with ATS on, one page of a second-stage table at IOVA */
typedef struct Legacy {
    SvaEnv e;
    Sva *s;
    SvaDev *d;
    SvaTable ss;
    uint64_t ctx;       /* context entry */
    uint64_t leaf;
    uint64_t scalable;  /* the root table of the environment */
} Legacy;

static void legacy_start_levels(Legacy *l, const char *unit, uint64_t tt,
                                int levels)
{
    uint64_t table;

    sva_env_start(&l->e, unit, "");
    l->s = l->e.s;
    l->d = &l->e.d;
    l->scalable = l->s->root;
    l->s->root = sva_page(l->s);
    table = sva_page(l->s);
    sva_write64(l->s, l->s->root, table | 1);
    vtd_table(&l->ss, l->s, true, levels, NULL);
    l->leaf = vtd_map(&l->ss, IOVA, l->e.old, SS_ALL, 1);
    l->ctx = table + SID0 * 16;
    sva_write64(l->s, l->ctx, l->ss.root | tt | CTX_P);
    sva_write64(l->s, l->ctx + 8, HI(levels));
    vtd_set_root(l->s, TTM_LEGACY);
    vtd_iq_init(l->s, false);
}

static void legacy_start(Legacy *l, const char *unit, uint64_t tt)
{
    legacy_start_levels(l, unit, tt, 4);
}

static void flush_unit(Legacy *l)
{
    vtd_iq(l->s, vtd_ctx_q0(CTX_GLOBAL, 0, 0, 0), 0);
    vtd_iq(l->s, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
    g_assert_true(vtd_wait(l->s));
}

static void set_type(Legacy *l, uint64_t tt)
{
    uint64_t low = sva_read64(l->s, l->ctx) & ~TT_MASK;

    sva_write64(l->s, l->ctx, low | tt);
}

static SvaResult xlate(Legacy *l, uint64_t addr)
{
    return sva_xlate(l->d, NO_PASID, addr, WANTED, 0);
}

/* Where a translation request says that the page at IOVA is */
static uint64_t xlate_page(Legacy *l)
{
    SvaResult r = xlate(l, IOVA);

    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    return r.result;
}

static void expect_status(const SvaResult *r, unsigned reason)
{
    g_assert_cmphex(r->status, ==, SVATEST_ST_ACCESS);
    g_assert_cmpuint(SVATEST_DET_REASON(r->detail), ==, reason);
}

static void expect_reason(Legacy *l, uint8_t reason, uint64_t addr,
                          unsigned at)
{
    SvaFault f;

    g_assert_true(vtd_fault_next(l->s, &f));
    g_assert_cmphex(f.reason, ==, reason);
    g_assert_cmphex(f.sid, ==, SID0);
    g_assert_cmphex(f.pasid, ==, NO_PASID);
    g_assert_cmphex(f.addr, ==, addr);
    g_assert_cmpuint(f.at, ==, at);
    vtd_expect_no_fault(l->s);
}

/* Requests without PASID through the second stage */
static void test_memory(void)
{
    Legacy l = { };
    SvaFault f;

    legacy_start(&l, "", TT_MEMORY);
    sva_clear_bits(l.s, l.leaf, SS_W);
    g_assert_false(sva_access(l.d, NO_PASID, IOVA, A_WRITE));
    g_assert_true(vtd_fault_next(l.s, &f));
    g_assert_cmphex(f.reason, ==, 5);
    g_assert_cmphex(f.sid, ==, SID0);
    g_assert_cmphex(f.addr, ==, IOVA);
    g_assert_false(f.t1);
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, 0), ==, OLD);
    vtd_expect_no_fault(l.s);
    /* The unit's IOTLB knows the page until it is told. */
    sva_write64(l.s, l.leaf, l.e.new | SS_R);
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, 0), ==, OLD);
    vtd_iq(l.s, vtd_iotlb_q0(IOTLB_DOMAIN, DID), 0);
    g_assert_true(vtd_wait(l.s));
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, 0), ==, NEW);
    /* As well as the domain of the requester */
    sva_write64(l.s, l.ctx, 0);
    vtd_iq(l.s, vtd_iotlb_q0(IOTLB_DOMAIN, DID), 0);
    g_assert_true(vtd_wait(l.s));
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, 0), ==, NEW);
    flush_unit(&l);
    g_assert_false(sva_access(l.d, NO_PASID, IOVA, A_READ));
    expect_reason(&l, 2, IOVA, 0);
    sva_quit(l.s);
}

/*
 * 6.5.1: a unit of major version 6 or later ignores invalidations by register
 * and tells 00b as what it did, with a queue and without.
 */
static void test_by_register(void)
{
    const uint64_t requests[] = { 1ull << 63 | 1ull << 61,  /* ICC, global */
                                  1ull << 63 | 1ull << 60 }; /* IVT, global */
    const unsigned regs[] = { VTD_CCMD, VTD_IOTLB };
    Legacy l = { };
    unsigned i;

    legacy_start(&l, "", TT_MEMORY);
    g_assert_true(vtd_wait(l.s));
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, 0), ==, OLD);
    sva_write64(l.s, l.leaf, l.e.new | SS_ALL);
    sva_write64(l.s, l.ctx, 0);
    for (i = 0; i < 4; i++) {
        vtd_writeq(l.s, regs[i % 2], requests[i % 2]);
        g_assert_cmphex(vtd_readq(l.s, regs[i % 2]), ==,
                        requests[i % 2] & ~(1ull << 63));
        g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, 0), ==, OLD);
        if (i == 1) {
            vtd_gcmd(l.s, GSTS_QIES, false);
        }
    }
    sva_quit(l.s);
}

/* 31h: no request may have a PASID, whatever TT says. */
static void test_pasid(void)
{
    Legacy l = { };
    SvaResult r;
    unsigned at;
    SvaFault f;

    legacy_start(&l, "", TT_ATS);
    for (at = 0; at < 3; at++) {
        if (at == 1) {
            r = sva_xlate(l.d, PASID, IOVA, WANTED, 0);
            expect_status(&r, SVATEST_REASON_UR);
        } else {
            g_assert_false(sva_access(l.d, PASID, IOVA,
                                      A_READ | (at ? A_RAW : 0)));
        }
        g_assert_true(vtd_fault_next(l.s, &f));
        g_assert_cmphex(f.reason, ==, 0x31);
        g_assert_cmphex(f.pasid, ==, PASID);
        g_assert_cmpuint(f.at, ==, at);
        vtd_expect_no_fault(l.s);
    }
    sva_quit(l.s);
}

typedef struct Size {
    const char *name;
    int levels, level;
} Size;

static const Size sizes[] = {
    { "4k", 4, 1 },
    { "2m", 4, 2 },
    { "1g", 4, 3 },
    { "three-levels/4k", 3, 1 },
    { "three-levels/1g", 3, 3 },
};

static void size_case(const void *opaque)
{
    const Size *z = opaque;
    unsigned shift = 12 + 9 * (z->level - 1);
    uint64_t mask = (1ull << shift) - 1;
    uint64_t page;
    Legacy l = { };
    SvaResult r;

    legacy_start_levels(&l, "", TT_ATS, z->levels);
    page = z->level > 1 ? 2 * GiB1 : l.e.old;
    vtd_map(&l.ss, IOVA & ~mask, page, SS_ALL, z->level);
    r = xlate(&l, IOVA);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.result, ==, page + (IOVA & mask));
    g_assert_cmphex(r.detail & RIGHTS, ==, RIGHTS);
    g_assert_cmpuint(SVATEST_DET_SIZE_LG2(r.detail), ==, shift);
    g_assert_cmphex(r.detail & (SVATEST_DET_U | SVATEST_DET_GLOBAL), ==, 0);
    vtd_expect_no_fault(l.s);
    sva_quit(l.s);
}

/* A missing page or right is an answer, not a fault. */
typedef struct Answer {
    const char *name;
    uint64_t iova;
    uint64_t leaf;      /* of the page at IOVA, 0: as it is */
    uint32_t detail;
} Answer;

static const Answer answers[] = {
    { "absent", IOVA, HOLE, 0 },
    { "read-only", IOVA, HOLE | SS_R, SVATEST_DET_READ },
    { "write-only", IOVA, HOLE | SS_W, SVATEST_DET_WRITE },
    { "no-table", IOVA + GiB1, 0, 0 },
    { "beyond-width", IOVA + (1ull << 39), 0, 0 },
    { "messages", MSI + 0x1000, 0, SVATEST_DET_WRITE | SVATEST_DET_U },
};

static void answer_case(const void *opaque)
{
    const Answer *a = opaque;
    Legacy l = { };
    SvaResult r;

    legacy_start_levels(&l, "", TT_ATS, 3);
    if (a->leaf) {
        sva_write64(l.s, l.leaf, a->leaf);
    }
    r = xlate(&l, a->iova);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.detail & (RIGHTS | SVATEST_DET_U), ==, a->detail);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==, 0);
    vtd_expect_no_fault(l.s);
    sva_quit(l.s);
}

/* Wrong tables end a translation request and are recorded. */
enum { ROOT_POINTER, ROOT, CONTEXT, CONTEXT_HIGH, TABLE, LEAF };

typedef struct Broken {
    const char *name;
    uint8_t fault;
    int where;
    bool abort;         /* the tables cannot be read, or are garbage */
    uint64_t clear, set;
} Broken;

static const Broken brokens[] = {
    { "root-access", 0x8, ROOT_POINTER, true, ADDR_MASK, HOLE },
    { "root-absent", 0x1, ROOT, false, 1 },
    { "root-reserved", 0xa, ROOT, true, 0, 1 << 1 },
    { "context-access", 0x9, ROOT, true, ADDR_MASK, HOLE },
    { "context-absent", 0x2, CONTEXT, false, CTX_P },
    { "context-reserved", 0xb, CONTEXT, true, 0, 1 << 4 },
    { "type-reserved", 0x3, CONTEXT, true, 0, TT_RESERVED },
    { "type-memory", 0xd, CONTEXT, false, TT_MASK, TT_MEMORY },
    { "type-pass-through", 0xd, CONTEXT, false, TT_MASK, TT_PASS },
    { "width", 0x3, CONTEXT_HIGH, true, 0, 3 },
    { "top-access", 0x3, CONTEXT, true, ADDR_MASK, HOLE },
    { "table-access", 0x7, TABLE, true, ADDR_MASK, HOLE },
    { "leaf-reserved", 0xc, LEAF, true, 0, 1ull << 51 },
    { "leaf-transient", 0xc, LEAF, true, 0, 1ull << 62 },
    { "leaf-snoop", 0xc, LEAF, true, 0, 1ull << 11 },
    { "to-messages", 0xe, LEAF, true, ADDR_MASK, MSI },
};

static void break_table(Legacy *l, const Broken *b)
{
    uint64_t at = b->where == ROOT ? l->s->root :
                  b->where == CONTEXT ? l->ctx :
                  b->where == CONTEXT_HIGH ? l->ctx + 8 :
                  b->where == TABLE ? vtd_slot(&l->ss, IOVA, 2) : l->leaf;

    if (b->where == ROOT_POINTER) {
        l->s->root = b->set;
        vtd_set_root(l->s, TTM_LEGACY);
        return;
    }
    sva_clear_bits(l->s, at, b->clear);
    sva_set_bits(l->s, at, b->set);
}

static void broken_case(const void *opaque)
{
    const Broken *b = opaque;
    bool table = b->where >= TABLE || b->clear == ADDR_MASK;
    Legacy l = { };
    SvaResult r;

    legacy_start(&l, "", TT_ATS);
    break_table(&l, b);
    r = xlate(&l, IOVA);
    expect_status(&r, b->abort ? SVATEST_REASON_CA : SVATEST_REASON_UR);
    expect_reason(&l, b->fault, IOVA, 1);
    /* A memory request meets the same, unless only the others are blocked. */
    if (b->fault != 0xd) {
        g_assert_false(sva_access(l.d, NO_PASID, IOVA, A_READ));
        expect_reason(&l, b->fault, IOVA, 0);
    }
    /* A translated one as far as it goes, to the context entry */
    if (!table || b->where <= ROOT) {
        g_assert_false(sva_access(l.d, NO_PASID, l.e.new, A_READ | A_RAW));
        expect_reason(&l, b->fault, l.e.new, 2);
    }
    sva_quit(l.s);
}

/* FPD keeps qualified faults out of the records. */
static void silent_case(const void *opaque)
{
    const Broken *b = opaque;
    bool qualified = b->where > ROOT;
    Legacy l = { };
    SvaResult r;

    legacy_start(&l, "", TT_ATS);
    sva_set_bits(l.s, l.ctx, CTX_FPD);
    break_table(&l, b);
    r = xlate(&l, IOVA);
    expect_status(&r, b->abort ? SVATEST_REASON_CA : SVATEST_REASON_UR);
    if (qualified) {
        vtd_expect_no_fault(l.s);
    } else {
        expect_reason(&l, b->fault, IOVA, 1);
    }
    sva_quit(l.s);
}

/* A translated request needs TT=01b, nothing else; messages are none. */
static void test_translated(void)
{
    Legacy l = { };

    legacy_start(&l, "", TT_ATS);
    g_assert_cmphex(sva_peek(l.d, NO_PASID, l.e.new, A_RAW), ==, NEW);
    g_assert_true(sva_access(l.d, NO_PASID, l.e.new, A_WRITE | A_RAW));
    vtd_expect_no_fault(l.s);
    g_assert_false(sva_access(l.d, NO_PASID, MSI, A_WRITE | A_RAW));
    expect_reason(&l, 0xe, MSI, 2);
    sva_quit(l.s);
}

/* TT=01b is reserved where there is no device TLB. */
static void test_no_device_tlb(void)
{
    Legacy l = { };
    SvaResult r;

    legacy_start(&l, ",device-iotlb=off", TT_ATS);
    r = xlate(&l, IOVA);
    expect_status(&r, SVATEST_REASON_CA);
    expect_reason(&l, 3, IOVA, 1);
    g_assert_false(sva_access(l.d, NO_PASID, IOVA, A_READ));
    expect_reason(&l, 3, IOVA, 0);
    sva_quit(l.s);
}

/* Both rights of the page, and memory in the end */
static void test_access(void)
{
    Legacy l = { };

    legacy_start(&l, "", TT_ATS);
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, A_ATS), ==, OLD);
    qtest_writeq(l.s->qts, l.d->bar[SVATEST_BAR_MEM] + 64, NEW);
    g_assert_true(sva_access(l.d, NO_PASID, IOVA, A_WRITE | A_ATS));
    g_assert_cmphex(sva_read64(l.s, l.e.old), ==, NEW);
    g_assert_true(sva_access(l.d, NO_PASID, IOVA, A_ATOMIC | A_ATS));
    g_assert_cmphex(sva_read64(l.s, l.e.old), ==, NEW + 1);
    g_assert_cmpuint(sva_dev_counter(l.d, SVATEST_CNT_TRANSLATIONS), ==, 1);
    /* Not from the cache, the unit says the same. */
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, 0), ==, NEW + 1);
    vtd_expect_no_fault(l.s);
    sva_quit(l.s);
}

/* A page that can only be written has no right for anything else. */
static void test_write_only(void)
{
    Legacy l = { };
    SvaResult r;

    legacy_start(&l, "", TT_ATS);
    sva_clear_bits(l.s, l.leaf, SS_R);
    g_assert_true(sva_access(l.d, NO_PASID, IOVA, A_WRITE | A_ATS));
    g_assert_false(sva_access(l.d, NO_PASID, IOVA, A_READ | A_ATS));
    g_assert_false(sva_access(l.d, NO_PASID, IOVA, A_ATOMIC | A_ATS));
    r = sva_run(l.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_PREFETCH, .src = IOVA, .length = 2 * KiB4,
        .aux = SVATEST_AUX_WRITE,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmpuint(r.result, ==, 1);
    vtd_expect_no_fault(l.s);
    sva_quit(l.s);
}

/* The unit's caches: a translation is kept until its domain is flushed. */
typedef struct Flush {
    const char *name;
    bool flushes;
    uint64_t q0, q1;
} Flush;

static const Flush flushes[] = {
    { "iotlb/global", true, 0x12 },
    { "iotlb/domain", true, 0x22 | DID << 16 },
    { "iotlb/other-domain", false, 0x22 | (DID + 1) << 16 },
    { "iotlb/page", true, 0x32 | DID << 16, IOVA },
    { "iotlb/other-page", false, 0x32 | DID << 16, IOVA + KiB4 },
    { "iotlb/context", false, 0x11 },
};

static void flush_case(const void *opaque)
{
    const Flush *f = opaque;
    Legacy l = { };

    legacy_start(&l, "", TT_ATS);
    g_assert_cmphex(xlate_page(&l), ==, l.e.old);
    sva_write64(l.s, l.leaf, l.e.new | SS_ALL);
    g_assert_cmphex(xlate_page(&l), ==, l.e.old);
    vtd_iq(l.s, f->q0, f->q1);
    g_assert_true(vtd_wait(l.s));
    g_assert_cmphex(xlate_page(&l), ==, f->flushes ? l.e.new : l.e.old);
    sva_quit(l.s);
}

static const Flush context_flushes[] = {
    { "context/global", true, 0x11 },
    { "context/domain", true, 0x21 | DID << 16 },
    { "context/device", true, 0x31 | DID << 16 | (uint64_t)SID0 << 32 },
    { "context/other-device", false, 0x31 | (uint64_t)SID1 << 32 },
    { "context/iotlb", false, 0x12 },
};

static void context_flush_case(const void *opaque)
{
    const Flush *f = opaque;
    Legacy l = { };
    SvaResult r;

    legacy_start(&l, "", TT_ATS);
    g_assert_cmphex(xlate_page(&l), ==, l.e.old);
    set_type(&l, TT_MEMORY);
    g_assert_cmphex(xlate_page(&l), ==, l.e.old);
    g_assert_true(sva_access(l.d, NO_PASID, l.e.new, A_READ | A_RAW));
    vtd_iq(l.s, f->q0, f->q1);
    g_assert_true(vtd_wait(l.s));
    /* The IOTLB does not ask the context entry; another page does. */
    vtd_map(&l.ss, IOVA + KiB4, l.e.new, SS_ALL, 1);
    r = xlate(&l, IOVA + KiB4);
    if (f->flushes) {
        expect_status(&r, SVATEST_REASON_UR);
        expect_reason(&l, 0xd, IOVA + KiB4, 1);
        g_assert_cmphex(xlate_page(&l), ==, l.e.old);
    } else {
        g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    }
    g_assert_true(sva_access(l.d, NO_PASID, l.e.new, A_READ | A_RAW) !=
                  f->flushes);
    sva_quit(l.s);
}

/* The endpoint's cache needs an invalidation of its own, after the unit's. */
static void test_device_tlb(void)
{
    Legacy l = { };

    legacy_start(&l, "", TT_ATS);
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, A_ATS), ==, OLD);
    sva_write64(l.s, l.leaf, l.e.new | SS_ALL);
    vtd_iq(l.s, vtd_iotlb_q0(IOTLB_DOMAIN, DID), 0);
    g_assert_true(vtd_wait(l.s));
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, A_ATS), ==, OLD);
    vtd_iq(l.s, vtd_dev_q0(SID1, SID1), DEV_ALL | 1);
    g_assert_true(vtd_wait(l.s));
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, A_ATS), ==, OLD);
    vtd_iq(l.s, vtd_dev_q0(SID0, SID0), IOVA);
    g_assert_true(vtd_wait(l.s));
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, A_ATS), ==, NEW);
    g_assert_cmphex(vtd_readl(l.s, VTD_FSTS), ==, 0);
    sva_quit(l.s);
}

/* x-check-stale compares with these tables, too. */
static void test_stale(void)
{
    Legacy l = { };

    legacy_start(&l, ",x-check-stale=on", TT_ATS);
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, A_ATS), ==, OLD);
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, A_ATS), ==, OLD);
    g_assert_cmphex(xlate_page(&l), ==, l.e.old);
    g_assert_cmpuint(sva_dev_counter(l.d, SVATEST_CNT_UNIT_STALE), ==, 0);
    /* A hit in the endpoint's cache, one in the unit's */
    sva_write64(l.s, l.leaf, l.e.new | SS_ALL);
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, A_ATS), ==, OLD);
    g_assert_cmpuint(sva_dev_counter(l.d, SVATEST_CNT_UNIT_STALE), ==, 1);
    g_assert_cmphex(xlate_page(&l), ==, l.e.old);
    g_assert_cmpuint(sva_dev_counter(l.d, SVATEST_CNT_UNIT_STALE), ==, 2);
    /* Pass-through has a page there, but another one. */
    sva_write64(l.s, l.leaf, l.e.old | SS_ALL);
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, A_ATS), ==, OLD);
    g_assert_cmpuint(sva_dev_counter(l.d, SVATEST_CNT_UNIT_STALE), ==, 2);
    set_type(&l, TT_PASS);
    g_assert_cmphex(sva_peek(l.d, NO_PASID, IOVA, A_ATS), ==, OLD);
    g_assert_cmpuint(sva_dev_counter(l.d, SVATEST_CNT_UNIT_STALE), ==, 3);
    sva_quit(l.s);
}

/* The same where the page is where pass-through has it */
static void test_stale_identity(void)
{
    Legacy l = { };
    uint64_t page;

    legacy_start(&l, ",x-check-stale=on", TT_ATS);
    page = l.e.old;
    vtd_map(&l.ss, page, page, SS_ALL, 1);
    g_assert_cmphex(sva_peek(l.d, NO_PASID, page, A_ATS), ==, OLD);
    set_type(&l, TT_PASS);
    sva_write64(l.s, vtd_slot(&l.ss, page, 1), 0);
    g_assert_cmphex(sva_peek(l.d, NO_PASID, page, A_ATS), ==, OLD);
    g_assert_cmpuint(sva_dev_counter(l.d, SVATEST_CNT_UNIT_STALE), ==, 0);
    sva_quit(l.s);
}

/* Nothing of one mode is left in the other: the change empties the caches. */
static void test_mode_change(void)
{
    Legacy l = { };
    uint64_t root;
    SvaResult r;

    legacy_start(&l, "", TT_ATS);
    root = l.s->root;
    g_assert_cmphex(xlate_page(&l), ==, l.e.old);
    l.s->root = l.scalable;
    vtd_set_root(l.s, TTM_SCALABLE);
    r = sva_xlate(l.d, PASID, ENV_IOVA, WANTED, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.result & ~0xfffull, ==, l.e.old);
    r = xlate(&l, ENV_IOVA);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.result & ~0xfffull, ==, l.e.old);
    sva_write64(l.s, l.leaf, l.e.new | SS_ALL);
    l.s->root = root;
    vtd_set_root(l.s, TTM_LEGACY);
    g_assert_cmphex(xlate_page(&l), ==, l.e.new);
    vtd_expect_no_fault(l.s);
    sva_quit(l.s);
}

#define ADD(name, fn) qtest_add_func("/svatest/legacy/" name, fn)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("memory", test_memory);
    ADD("pasid", test_pasid);
    ADD("by-register", test_by_register);
    SVA_ADD_TABLE("legacy/size", sizes, size_case);
    SVA_ADD_TABLE("legacy/answer", answers, answer_case);
    SVA_ADD_TABLE("legacy/broken", brokens, broken_case);
    SVA_ADD_TABLE("legacy/silent", brokens, silent_case);
    ADD("translated", test_translated);
    ADD("no-device-tlb", test_no_device_tlb);
    ADD("access", test_access);
    ADD("write-only", test_write_only);
    SVA_ADD_TABLE("legacy/cache", flushes, flush_case);
    SVA_ADD_TABLE("legacy/cache", context_flushes, context_flush_case);
    ADD("device-tlb", test_device_tlb);
    ADD("stale", test_stale);
    ADD("stale-identity", test_stale_identity);
    ADD("mode-change", test_mode_change);
    return g_test_run();
}
