/*
 * Address translation services: translation and translated requests, the
 * device's cache and its invalidations
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   ENV_PASID
#define OTHER   ENV_OTHER
#define DID     ENV_DID
#define IOVA    ENV_IOVA
#define HOLE    0x700000000000ull
#define OLD     ENV_OLD
#define NEW     ENV_NEW

typedef SvaEnv Env;

static void env_start(Env *e)
{
    sva_env_start(e, "", "");
}

#define RIGHTS (SVATEST_DET_READ | SVATEST_DET_WRITE)

static void test_translate(void)
{
    Env e = { };
    SvaResult r;

    env_start(&e);
    r = sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_READ | SVATEST_AUX_WRITE, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.result & ~0xfffull, ==, e.old);
    g_assert_cmphex(r.detail & RIGHTS, ==, RIGHTS);
    g_assert_cmpuint(SVATEST_DET_SIZE_LG2(r.detail), ==, 12);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* D is set when write right is granted, unless the request says NW. */
static void dirty_case(const void *opaque)
{
    uint32_t flags = GPOINTER_TO_UINT(opaque);
    Env e = { };
    SvaResult r;

    env_start(&e);
    r = sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_READ |
                  (flags ? 0 : SVATEST_AUX_WRITE), flags);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(sva_read64(e.s, e.leaf) & (FS_A | FS_D), ==,
                    FS_A | (flags ? 0 : FS_D));
    g_assert_cmphex(r.detail & SVATEST_DET_WRITE, ==,
                    flags ? 0 : SVATEST_DET_WRITE);
    sva_quit(e.s);
}

/* A missing page or right is an answer, not a fault. */
enum { LEAF, CONTEXT, DIRECTORY, ENTRY };

typedef struct Answer {
    const char *name;
    uint64_t iova, clear;
    uint32_t rights;
    int where, quad;
    uint64_t set;
} Answer;

static const Answer answers[] = {
    { "absent", IOVA, FS_P, 0 },
    { "supervisor", IOVA, FS_US, 0 },
    { "read-only", IOVA, FS_RW, SVATEST_DET_READ },
    { "no-table", IOVA + (1ull << 39), 0, 0 },
    { "not-canonical", 1ull << 47, 0, 0 },
    { "leaf-reserved", IOVA, 0, 0, LEAF, 0, 1ull << 51 },
    { "directory-absent", IOVA, 1, 0, DIRECTORY },
    { "entry-absent", IOVA, PE_P, 0, ENTRY },
    { "top-access", IOVA, ADDR_MASK, 0, ENTRY, 2, HOLE },
};

static uint64_t entry_at(Env *e, int where, int quad)
{
    uint64_t at = where == CONTEXT ? vtd_context_at(e->s, SID0) :
                  where == DIRECTORY ? vtd_dir_at(e->s, SID0, PASID) :
                  where == ENTRY ? vtd_entry_at(e->s, SID0, PASID) : e->leaf;

    return at + quad * 8;
}

static void answer_case(const void *opaque)
{
    const Answer *a = opaque;
    Env e = { };
    SvaResult r;
    uint64_t at;

    env_start(&e);
    at = entry_at(&e, a->where, a->quad);
    sva_clear_bits(e.s, at, a->clear);
    sva_set_bits(e.s, at, a->set);
    r = sva_xlate(&e.d, PASID, a->iova,
                  SVATEST_AUX_READ | SVATEST_AUX_WRITE, 0);
    vtd_expect_no_fault(e.s);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), !=, SVATEST_REASON_UR);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), !=, SVATEST_REASON_CA);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.detail & RIGHTS, ==, a->rights);
    /* The same access without ATS is a fault. */
    if (!a->rights) {
        g_assert_false(sva_access(&e.d, PASID, a->iova, A_READ));
        vtd_fault_clear(e.s);
    }
    sva_quit(e.s);
}

/* Wrong tables end a translation request and are recorded, AT=01. */
typedef struct Broken {
    const char *name;
    uint8_t fault;
    int where;
    int quad;
    uint64_t set, clear;
} Broken;

static const Broken brokens[] = {
    { "context-absent", 0x41, CONTEXT, 0, 0, CTX_P },
    { "ats-off", 0x44, CONTEXT, 0, 0, CTX_DTE | CTX_PRE },
    { "pasid-off", 0x45, CONTEXT, 0, 0, CTX_PASIDE },
    { "directory-reserved", 0x52, DIRECTORY, 0, 1 << 2 },
    { "entry-reserved", 0x5a, ENTRY, 0, 1 << 11, 0 },
    { "entry-invalid", 0x5b, ENTRY, 0, 0, 7 << 6 },
};

static void broken_case(const void *opaque)
{
    const Broken *b = opaque;
    Env e = { };
    uint64_t at;
    SvaResult r;
    SvaFault f;

    env_start(&e);
    at = entry_at(&e, b->where, b->quad);
    sva_clear_bits(e.s, at, b->clear);
    sva_set_bits(e.s, at, b->set);
    r = sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_READ, 0);
    g_assert_cmphex(r.status, !=, SVATEST_ST_OK);
    g_assert_true(vtd_fault_next(e.s, &f));
    g_assert_cmphex(f.reason, ==, b->fault);
    g_assert_cmphex(f.sid, ==, SID0);
    g_assert_cmphex(f.pasid, ==, PASID);
    g_assert_cmphex(f.addr, ==, IOVA);
    g_assert_cmpuint(f.at, ==, 1);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/*
 * Pass-through, with a PASID and without: what is translated is as large as
 * possible, but never overlaps the interrupt range (4.2.3, SGN.8).
 */
static void pass_case(const void *opaque)
{
    uint32_t pasid = GPOINTER_TO_UINT(opaque);
    const struct {
        uint64_t addr;
        unsigned shift;
    } asks[] = {
        { 0x40001000, 30 }, { 0x7fffffff000, 30 }, { 0xfedff000, 12 },
        { 0xc0000000, 12 }, { 0xfef00000, 12 }, { 0xbffff000, 30 },
    };
    SvaEntry pt = vtd_entry_pt(DID);
    Env e = { };
    SvaResult r;
    unsigned i;

    env_start(&e);
    vtd_bind(e.s, SID0, pasid == NO_PASID ? 0 : pasid, &pt);
    for (i = 0; i < ARRAY_SIZE(asks); i++) {
        r = sva_xlate(&e.d, pasid, asks[i].addr,
                      SVATEST_AUX_READ | SVATEST_AUX_WRITE, 0);
        g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
        g_assert_cmphex(r.result, ==, asks[i].addr);
        g_assert_cmphex(r.detail & (RIGHTS | SVATEST_DET_U), ==, RIGHTS);
        g_assert_cmpuint(SVATEST_DET_SIZE_LG2(r.detail), ==, asks[i].shift);
    }
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* With a PASID an input address in the interrupt range is like any other. */
static void test_interrupt_input(void)
{
    Env e = { };
    SvaResult r;

    env_start(&e);
    vtd_map(&e.fs, 0xfee00000, e.new, FS_ALL, 1);
    r = sva_xlate(&e.d, PASID, 0xfee00000, SVATEST_AUX_READ, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.result, ==, e.new);
    g_assert_cmphex(r.detail & (RIGHTS | SVATEST_DET_U), ==, RIGHTS);
    sva_quit(e.s);
}

/* An access ends with that; a missing page is another matter. */
static void test_refused(void)
{
    Env e = { };
    SvaResult r;

    sva_env_start_pri(&e, "");
    sva_clear_bits(e.s, vtd_context_at(e.s, SID0), CTX_DTE | CTX_PRE);
    r = sva_env_touch(&e, IOVA, 1, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    g_assert_cmphex(r.result, ==, IOVA);
    g_assert_cmphex(r.detail, ==,
                    SVATEST_DET_READ | SVATEST_REASON_UR << 8);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_FAULTS), ==, 1);
    sva_ats_again(&e.d);
    r = sva_env_run(&e, (struct svatest_desc) {
        .op_flags = SVATEST_OP_PREFETCH, .src = IOVA, .length = KiB4,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    g_assert_cmphex(r.detail, ==,
                    SVATEST_DET_READ | SVATEST_REASON_UR << 8);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_FAULTS), ==, 2);
    sva_ats_again(&e.d);
    sva_set_bits(e.s, vtd_context_at(e.s, SID0), CTX_DTE | CTX_PRE);
    vtd_flush_all(e.s);
    r = sva_env_touch(&e, HOLE, 1, SVATEST_F_NO_PRI);
    g_assert_cmphex(r.status, ==, SVATEST_ST_NO_RIGHT);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_FAULTS), ==, 2);
    sva_quit(e.s);
}

/* Rights of the cache are those of the request that filled it. */
static void test_rights_privileged(void)
{
    Env e = { };

    env_start(&e);
    sva_set_bits(e.s, vtd_entry_at(e.s, SID0, PASID) + 16, PE_SRE);
    sva_clear_bits(e.s, e.leaf, FS_US);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ | A_PRIV | A_ATS));
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ | A_ATS));
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* No request to execute is served, so no translation says that it may. */
static void test_rights_execute(void)
{
    Env e = { };

    env_start(&e);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ | A_ATS));
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_EXEC | A_ATS));
    vtd_expect_no_fault(e.s);
    /* XD of an entry is ignored. */
    sva_set_bits(e.s, e.leaf, FS_XD);
    vtd_flush_all(e.s);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_WRITE | A_ATS));
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* ATS off at the function: the channel's wish for it does not matter. */
static void test_off(void)
{
    unsigned cap;
    Env e = { };

    env_start(&e);
    cap = sva_ext_cap(e.s, SID0, 0x0f);
    sva_cfg_writew(e.s, SID0, cap + 6, 0);
    sva_clear_bits(e.s, vtd_context_at(e.s, SID0), CTX_DTE | CTX_PRE);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, OLD);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_TRANSLATIONS), ==, 0);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* A translated request needs the context entry and DTE, nothing else. */
static void test_translated(void)
{
    Env e = { };
    SvaFault f;

    env_start(&e);
    g_assert_cmphex(sva_peek(&e.d, NO_PASID, e.new, A_RAW), ==, NEW);
    vtd_unbind(e.s, SID0, 0);
    vtd_flush_all(e.s);
    g_assert_cmphex(sva_peek(&e.d, NO_PASID, e.new, A_RAW), ==, NEW);
    sva_clear_bits(e.s, vtd_context_at(e.s, SID0), CTX_DTE | CTX_PRE);
    vtd_flush_all(e.s);
    g_assert_false(sva_access(&e.d, NO_PASID, e.new, A_READ | A_RAW));
    g_assert_true(vtd_fault_next(e.s, &f));
    g_assert_cmphex(f.reason, ==, 0x44);
    g_assert_cmpuint(f.at, ==, 2);
    sva_quit(e.s);
}

/* The device's cache: stale until exactly the right invalidation */
typedef struct Inv {
    const char *name;
    bool rid;           /* the request that fills the cache has no PASID */
    bool flushes;
    uint64_t q0, q1;
} Inv;

#define TYPE3(sid)          (3 | ((sid) & 0xfull) << 12 | \
                             (uint64_t)(sid) << 32 | \
                             (uint64_t)((sid) >> 4) << 52)
#define TYPE8(sid, pasid)   (8 | ((sid) & 0xfull) << 12 | \
                             (uint64_t)(sid) << 16 | (uint64_t)(pasid) << 32 | \
                             (uint64_t)((sid) >> 4) << 52)
#define S8      (1 << 11)

static const Inv invs[] = {
    { "pasid/all", false, true, TYPE8(SID0, PASID), DEV_ALL | S8 },
    { "pasid/page", false, true, TYPE8(SID0, PASID), IOVA },
    { "pasid/page-other", false, false, TYPE8(SID0, PASID), IOVA + KiB4 },
    { "pasid/8k", false, true, TYPE8(SID0, PASID),
      (IOVA & ~0x1fffull) | S8 },
    { "pasid/8k-other", false, false, TYPE8(SID0, PASID),
      ((IOVA & ~0x1fffull) + 0x2000) | S8 },
    { "pasid/16k", false, true, TYPE8(SID0, PASID),
      (IOVA & ~0x3fffull) | 0x1000 | S8 },
    { "pasid/16k-other", false, false, TYPE8(SID0, PASID),
      ((IOVA & ~0x3fffull) - 0x4000) | 0x1000 | S8 },
    { "pasid/other-pasid", false, false, TYPE8(SID0, OTHER), DEV_ALL | S8 },
    { "pasid/other-device", false, false, TYPE8(SID1, PASID), DEV_ALL | S8 },
    { "pasid/global-other-pasid", false, true, TYPE8(SID0, OTHER),
      DEV_ALL | S8 | 1 },
    { "pasid/global-page", false, true, TYPE8(SID0, OTHER), IOVA | 1 },
    { "pasid/global-other-page", false, false, TYPE8(SID0, OTHER),
      (IOVA + KiB4) | 1 },
    { "pasid/device-tlb-without-pasid", false, false, TYPE3(SID0),
      DEV_ALL | 1 },
    { "pasid/pasid-iotlb", false, false, 0x26 | DID << 16 |
      (uint64_t)PASID << 32 },
    { "pasid/iotlb", false, false, 0x12 },
    { "pasid/pasid-cache", false, false, 0x37 },
    { "pasid/context", false, false, 0x11 },
    { "rid/all", true, true, TYPE3(SID0), DEV_ALL | 1 },
    { "rid/page", true, true, TYPE3(SID0), IOVA },
    { "rid/page-other", true, false, TYPE3(SID0), IOVA - KiB4 },
    { "rid/8k", true, true, TYPE3(SID0), (IOVA & ~0x1fffull) | 1 },
    { "rid/other-device", true, false, TYPE3(SID1), DEV_ALL | 1 },
    { "rid/with-pasid", true, false, TYPE8(SID0, 0), DEV_ALL | S8 },
};

static void inv_case(const void *opaque)
{
    const Inv *i = opaque;
    uint32_t pasid = i->rid ? NO_PASID : PASID;
    Env e = { };

    env_start(&e);
    g_assert_cmphex(sva_peek(&e.d, pasid, IOVA, A_ATS), ==, OLD);
    sva_write64(e.s, e.leaf, e.new | FS_ALL);
    g_assert_cmphex(sva_peek(&e.d, pasid, IOVA, A_ATS), ==, OLD);
    /* the unit's own caches first, as a driver has to */
    vtd_iq(e.s, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
    vtd_iq(e.s, i->q0, i->q1);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_peek(&e.d, pasid, IOVA, A_ATS), ==,
                    i->flushes ? NEW : OLD);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_UNIT_PFSID), ==, 0);
    sva_quit(e.s);
}

/* Invalidating the device before the unit brings the old page back. */
static void test_wrong_order(void)
{
    Env e = { };

    env_start(&e);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, OLD);
    sva_write64(e.s, e.leaf, e.new | FS_ALL);
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, OLD);
    vtd_iq(e.s, vtd_piotlb_q0(PIOTLB_ALL, DID, PASID), 0);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, OLD);
    sva_quit(e.s);
}

static void test_disable(void)
{
    Env e = { };

    env_start(&e);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, OLD);
    sva_write64(e.s, e.leaf, e.new | FS_ALL);
    vtd_iq(e.s, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
    g_assert_true(vtd_wait(e.s));
    sva_dev_ats(&e.d, false);
    sva_dev_ats(&e.d, true);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, NEW);
    sva_quit(e.s);
}

/* PFSID must name the function; a wrong one is counted. */
static void pfsid_case(const void *opaque)
{
    bool pasid = GPOINTER_TO_INT(opaque);
    Env e = { };

    env_start(&e);
    vtd_iq(e.s, pasid ? vtd_pdev_q0(SID0, SID1, PASID) :
           vtd_dev_q0(SID0, SID1), IOVA);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_UNIT_PFSID), ==, 1);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, 0);
    sva_quit(e.s);
}

/* A held acknowledgement holds the wait behind it. */
static void test_hold(void)
{
    Env e = { };

    env_start(&e);
    sva_dev_writel(&e.d, SVATEST_K_INV_HOLD, 100);
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    g_assert_false(vtd_wait(e.s));
    qtest_clock_step(e.s->qts, 99 * 1000);
    g_assert_false(vtd_wait_done(e.s));
    qtest_clock_step(e.s->qts, 2 * 1000);
    g_assert_true(vtd_wait_done(e.s));
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, 0);
    sva_quit(e.s);
}

/* Never acknowledged: time-out, waits dropped, the queue stands */
static void test_time_out(void)
{
    Env e = { };

    env_start(&e);
    sva_dev_writel(&e.d, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    g_assert_false(vtd_wait(e.s));
    qtest_clock_step(e.s->qts, 120ll * 1000 * 1000 * 1000);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, FSTS_ITE);
    g_assert_cmphex((vtd_readq(e.s, VTD_IQER) >> 32) & 0xffff, ==, SID0);
    g_assert_false(vtd_wait_done(e.s));
    sva_dev_writel(&e.d, SVATEST_K_INV_HOLD, 0);
    vtd_writel(e.s, VTD_FSTS, FSTS_ITE);
    g_assert_false(vtd_wait_done(e.s));
    g_assert_true(vtd_wait(e.s));
    sva_quit(e.s);
}

static void test_unexpected(void)
{
    Env e = { };

    env_start(&e);
    sva_dev_writel(&e.d, SVATEST_K_INV_DONE, 1);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, FSTS_ICE);
    g_assert_cmphex(vtd_readq(e.s, VTD_IQER) >> 48, ==, SID0);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_UNIT_UNEXPECTED), ==,
                     1);
    sva_quit(e.s);
}

/* What the answer says of a page beside its address */
typedef struct Attr {
    const char *name;
    uint64_t fs_set, fs_clear, q2;
    uint32_t flags;
    unsigned aux;
    uint32_t want;
} Attr;

#define SIZE4K  (12u << 24)
#define ALL     (SVATEST_AUX_READ | SVATEST_AUX_EXEC)
static const Attr attrs[] = {
    { "plain", 0, 0, 0, 0, SVATEST_AUX_READ, RIGHTS | SIZE4K },
    /* G of an entry is ignored, and XD is. */
    { "global", FS_G, 0, 0, 0, SVATEST_AUX_READ, RIGHTS | SIZE4K },
    { "execute-disabled", FS_XD, 0, 0, 0, SVATEST_AUX_READ, RIGHTS | SIZE4K },
    /* SPT.5: success without any right */
    { "execute", 0, 0, 0, 0, ALL, SIZE4K },
    { "privileged-execute", 0, 0, PE_SRE, SVATEST_F_PRIV, ALL,
      SVATEST_DET_PRIV | SIZE4K },
    { "privileged", 0, FS_US, PE_SRE, SVATEST_F_PRIV, SVATEST_AUX_READ,
      RIGHTS | SVATEST_DET_PRIV | SIZE4K },
    { "privileged-off", 0, FS_US, 0, SVATEST_F_PRIV, SVATEST_AUX_READ,
      SVATEST_DET_PRIV | SIZE4K },
    { "privileged-write-protect", 0, FS_RW, PE_SRE | PE_WPE, SVATEST_F_PRIV,
      SVATEST_AUX_WRITE, SVATEST_DET_READ | SVATEST_DET_PRIV | SIZE4K },
    { "privileged-no-write-protect", 0, FS_RW, PE_SRE, SVATEST_F_PRIV,
      SVATEST_AUX_WRITE, RIGHTS | SVATEST_DET_PRIV | SIZE4K },
    { "privileged-absent", 0, FS_P, PE_SRE, SVATEST_F_PRIV, SVATEST_AUX_READ,
      SVATEST_DET_PRIV | SIZE4K },
    /* NW: W is 0 even where write right and D are set. */
    { "no-write", FS_A | FS_D, 0, 0, SVATEST_F_NO_WRITE, SVATEST_AUX_READ,
      SVATEST_DET_READ | SIZE4K },
};

static void attr_case(const void *opaque)
{
    const Attr *a = opaque;
    Env e = { };
    SvaResult r;
    int i;

    env_start(&e);
    sva_set_bits(e.s, e.leaf, a->fs_set);
    sva_clear_bits(e.s, e.leaf, a->fs_clear);
    e.entry.q[2] |= a->q2;
    vtd_bind(e.s, SID0, PASID, &e.entry);
    /* The second time from the unit's IOTLB */
    for (i = 0; i < 2; i++) {
        r = sva_xlate(&e.d, PASID, IOVA + 0x123, a->aux, a->flags);
        g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
        g_assert_cmphex(r.detail, ==, a->want);
        if (a->want & RIGHTS) {
            g_assert_cmphex(r.result, ==, e.old + 0x123);
        }
        /* Write right may be used without asking again: dirty by now. */
        g_assert_cmphex(!!(sva_read64(e.s, e.leaf) & FS_D), ==,
                        !!((a->want & SVATEST_DET_WRITE) ||
                           (a->fs_set & FS_D)));
    }
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* Nested and second stage: the smaller page, the common rights */
typedef struct Stage {
    const char *name;
    bool nested;
    uint64_t fs_clear, ss_clear, ss_upper_clear;
    uint32_t want;
} Stage;

static const Stage stages[] = {
    { "second/both", false, 0, 0, 0, RIGHTS | SIZE4K },
    { "second/read", false, 0, SS_W, 0, SVATEST_DET_READ | SIZE4K },
    { "second/write", false, 0, SS_R, 0, SVATEST_DET_WRITE | SIZE4K },
    { "second/none", false, 0, SS_ALL, 0, SIZE4K },
    { "second/no-common", false, 0, SS_R, SS_W, SIZE4K },
    { "nested/both", true, 0, 0, 0, RIGHTS | SIZE4K },
    { "nested/read-first", true, FS_RW, 0, 0, SVATEST_DET_READ | SIZE4K },
    { "nested/read-second", true, 0, SS_W, 0, SVATEST_DET_READ | SIZE4K },
    { "nested/write", true, 0, SS_R, 0, SVATEST_DET_WRITE | SIZE4K },
    { "nested/no-common", true, FS_RW, SS_R, 0, SIZE4K },
    { "nested/none", true, 0, SS_ALL, 0, SIZE4K },
    { "nested/supervisor", true, FS_US, 0, 0, SIZE4K },
};

static void stage_case(const void *opaque)
{
    const Stage *c = opaque;
    uint64_t leaf, ss_leaf, gpa;
    SvaTable fs, ss;
    SvaEntry entry;
    Env e = { };
    SvaResult r;

    env_start(&e);
    gpa = c->nested ? 0x4000000000ull + e.old : IOVA;
    vtd_table(&ss, e.s, true, 4, NULL);
    ss_leaf = vtd_map(&ss, gpa, e.old, SS_ALL & ~c->ss_clear, 1);
    entry = vtd_entry_second(&ss, 77);
    if (c->nested) {
        vtd_table(&fs, e.s, false, 4, &ss);
        leaf = vtd_map(&fs, IOVA, gpa, FS_ALL & ~c->fs_clear, 1);
        entry = vtd_entry_nested(&fs, 77);
    }
    entry.q[0] |= PE_SSADE;
    sva_clear_bits(e.s, vtd_slot(&ss, gpa, 2), c->ss_upper_clear);
    vtd_bind(e.s, SID0, PASID, &entry);
    r = sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_READ | SVATEST_AUX_WRITE, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.detail, ==, c->want);
    /* Dirty exactly if write right was given */
    g_assert_cmphex(!!(sva_read64(e.s, ss_leaf) & SS_D), ==,
                    !!(c->want & SVATEST_DET_WRITE));
    if (c->nested) {
        g_assert_cmphex(!!(sva_read64(e.s, leaf) & FS_D), ==,
                        !!(c->want & SVATEST_DET_WRITE));
    }
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* Translations of one answer are of one size: the second page is not told. */
static void test_sizes_differ(void)
{
    uint64_t iova = 0x5000000000ull, big;
    Env e = { };

    env_start(&e);
    big = sva_pages(e.s, MiB2, MiB2);
    vtd_map(&e.fs, iova, big, FS_ALL, 2);
    sva_env_map(&e, iova - KiB4);
    sva_dev_writel(&e.d, SVATEST_K_CLEAR, 1);
    g_assert_cmphex(sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_CRC, .pasid = sva_desc_pasid(PASID),
        .src = iova - KiB4, .length = 3 * KiB4,
    }).status, ==, SVATEST_ST_OK);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_TRANSLATIONS), ==, 2);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* NW: read right only, and no D; a later write asks again. */
static void test_no_write_then_write(void)
{
    Env e = { };

    env_start(&e);
    g_assert_cmphex(sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_READ | SVATEST_F_NO_WRITE,
        .pasid = sva_desc_pasid(PASID), .src = IOVA, .length = 8,
    }).status, ==, SVATEST_ST_OK);
    g_assert_cmphex(sva_read64(e.s, e.leaf) & FS_D, ==, 0);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_WRITE | A_ATS));
    g_assert_cmphex(sva_read64(e.s, e.leaf) & FS_D, ==, FS_D);
    sva_quit(e.s);
}

/* What the unit has cached is good enough for one who may not write. */
static void test_read_only_cached(void)
{
    Env e = { };
    SvaResult r;

    env_start(&e);
    sva_clear_bits(e.s, e.leaf, FS_RW);
    r = sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_READ, 0);
    g_assert_cmphex(r.result, ==, e.old);
    sva_write64(e.s, e.leaf, e.new | FS_P | FS_US);
    r = sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_READ, 0);
    g_assert_cmphex(r.result, ==, e.old);
    /* More right becomes effective by an invalidation only. */
    sva_write64(e.s, e.leaf, e.new | FS_ALL);
    r = sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_WRITE, 0);
    g_assert_cmphex(r.result, ==, e.old);
    g_assert_cmphex(r.detail & RIGHTS, ==, SVATEST_DET_READ);
    vtd_iq(e.s, vtd_piotlb_q0(PIOTLB_PAGE, DID, PASID), IOVA | IH);
    g_assert_true(vtd_wait(e.s));
    r = sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_WRITE, 0);
    g_assert_cmphex(r.result, ==, e.new);
    g_assert_cmphex(r.detail & RIGHTS, ==, RIGHTS);
    sva_quit(e.s);
}

/* A fault of a page that was asked for ahead is not recorded. */
static void test_fault_ahead(void)
{
    Env e = { };

    env_start(&e);
    sva_env_map(&e, IOVA + KiB4);
    sva_env_map(&e, IOVA + 2 * KiB4);
    sva_set_bits(e.s, vtd_slot(&e.fs, IOVA + KiB4, 1), 1ull << 51);
    g_assert_cmphex(sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_TOUCH, .pasid = sva_desc_pasid(PASID),
        .dst = IOVA, .length = 2 * KiB4, .imm2 = 2 * KiB4,
    }).status, ==, SVATEST_ST_OK);
    vtd_expect_no_fault(e.s);
    /* Nor is anything asked for behind what is wanted. */
    sva_clear_bits(e.s, vtd_slot(&e.fs, IOVA + KiB4, 1), 1ull << 51);
    sva_dev_ats(&e.d, false);
    sva_dev_ats(&e.d, true);
    g_assert_cmphex(sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_CRC, .pasid = sva_desc_pasid(PASID),
        .src = IOVA, .length = 2 * KiB4,
    }).status, ==, SVATEST_ST_OK);
    g_assert_cmphex(sva_read64(e.s, vtd_slot(&e.fs, IOVA + KiB4, 1)) & FS_A,
                    ==, FS_A);
    g_assert_cmphex(sva_read64(e.s, vtd_slot(&e.fs, IOVA + 2 * KiB4, 1)) &
                    FS_A, ==, 0);
    sva_quit(e.s);
}

/* A request for some pages ends where one is missing. */
static void test_several_pages(void)
{
    Env e = { };
    SvaResult r;
    int i;

    env_start(&e);
    sva_dev_writel(&e.d, SVATEST_K_CLEAR, 1);
    for (i = 1; i < 6; i++) {
        sva_env_map(&e, IOVA + i * KiB4);
    }
    sva_clear_bits(e.s, vtd_slot(&e.fs, IOVA + 3 * KiB4, 1), FS_P);
    r = sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_CRC, .pasid = sva_desc_pasid(PASID),
        .src = IOVA, .length = 6 * KiB4,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_NO_RIGHT);
    g_assert_cmphex(r.result, ==, IOVA + 3 * KiB4);
    g_assert_cmphex(r.bytes, ==, 3 * KiB4);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_TRANSLATIONS), ==, 2);
    g_assert_cmpuint(sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_ATC_DUMP,
    }).result, ==, 3);
    /* Nor is anything asked for behind the last page that is wanted. */
    g_assert_cmphex(sva_read64(e.s, vtd_slot(&e.fs, IOVA + 4 * KiB4, 1)) &
                    FS_A, ==, 0);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* No further than the command goes, up to the end of the address space */
static void test_last_page(void)
{
    const uint64_t top = 0xfffffffffffff000ull;
    uint64_t page;
    Env e = { };

    env_start(&e);
    page = sva_env_map(&e, top);
    sva_write64(e.s, page + 0xff0, ENV_NEW);
    g_assert_cmphex(sva_peek(&e.d, PASID, top + 0xff0, A_ATS), ==, NEW);
    g_assert_cmphex(sva_peek(&e.d, PASID, top + 0xff0, 0), ==, NEW);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* A large page gives a large translation, dropped by any page of it. */
static void test_large(void)
{
    uint64_t iova = 0x5000000000ull, big;
    Env e = { };
    SvaResult r;

    env_start(&e);
    big = sva_pages(e.s, MiB2, MiB2);
    vtd_map(&e.fs, iova, big, FS_ALL, 2);
    sva_write64(e.s, big + 0x123000, NEW);
    r = sva_xlate(&e.d, PASID, iova + 0x123000, SVATEST_AUX_READ, 0);
    g_assert_cmpuint(SVATEST_DET_SIZE_LG2(r.detail), ==, 21);
    g_assert_cmphex(r.result, ==, big + 0x123000);
    sva_dev_writel(&e.d, SVATEST_K_CLEAR, 1);
    g_assert_cmphex(sva_peek(&e.d, PASID, iova + 0x123000, A_ATS), ==, NEW);
    g_assert_cmphex(sva_peek(&e.d, PASID, iova, A_ATS), ==, 0);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_TRANSLATIONS), ==, 1);
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), iova + 0x1000);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_peek(&e.d, PASID, iova, A_ATS), ==, 0);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_TRANSLATIONS), ==, 2);
    sva_quit(e.s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    SVA_ADD_TABLE("ats/answer", answers, answer_case);
    SVA_ADD_TABLE("ats/broken", brokens, broken_case);
    SVA_ADD_TABLE("ats/cache", invs, inv_case);
    SVA_ADD_TABLE("ats/attribute", attrs, attr_case);
    SVA_ADD_TABLE("ats/stages", stages, stage_case);
#define ADD(name, fn) qtest_add_func("/svatest/ats/" name, fn)
    qtest_add_data_func("/svatest/ats/pass-through/pasid",
                        GUINT_TO_POINTER(0x9abcf), pass_case);
    qtest_add_data_func("/svatest/ats/pass-through/no-pasid",
                        GUINT_TO_POINTER(NO_PASID), pass_case);
    ADD("interrupt-input", test_interrupt_input);
    ADD("sizes-differ", test_sizes_differ);
    ADD("no-write-then-write", test_no_write_then_write);
    ADD("read-only-cached", test_read_only_cached);
    ADD("fault-ahead", test_fault_ahead);
    ADD("several-pages", test_several_pages);
    ADD("last-page", test_last_page);
    ADD("large", test_large);
    ADD("translate", test_translate);
    ADD("refused", test_refused);
    ADD("rights/privileged", test_rights_privileged);
    ADD("rights/execute", test_rights_execute);
    ADD("off", test_off);
    ADD("translated", test_translated);
    ADD("cache/wrong-order", test_wrong_order);
    ADD("cache/disable", test_disable);
    ADD("hold", test_hold);
    ADD("time-out", test_time_out);
    ADD("unexpected-completion", test_unexpected);
    qtest_add_data_func("/svatest/ats/dirty/write", GUINT_TO_POINTER(0),
                        dirty_case);
    qtest_add_data_func("/svatest/ats/dirty/no-write",
                        GUINT_TO_POINTER(SVATEST_F_NO_WRITE), dirty_case);
    qtest_add_data_func("/svatest/ats/pfsid/device-tlb",
                        GINT_TO_POINTER(false), pfsid_case);
    qtest_add_data_func("/svatest/ats/pfsid/pasid-device-tlb",
                        GINT_TO_POINTER(true), pfsid_case);
    return g_test_run();
}
