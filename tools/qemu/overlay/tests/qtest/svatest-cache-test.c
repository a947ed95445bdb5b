/*
 * The unit's caches: stale until exactly the right invalidation
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A case fills a cache by one access, changes the structure behind it, sees
 * that the old content is still in use, sends one descriptor, and looks whether
 * the old or the new content is in use then.
 *
 * By Table 17 the IOTLB answers without the context and PASID caches, so what
 * is in those two is seen by pages only that were not accessed before.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "svatest-drv.h"

#define PASID   0x12345u
#define OTHER   0x12346u
#define DID     0x0101
#define DID2    0x0202
#define IOVA    0x3456789000ull     /* fits 39 bits */
#define OLD     0x0101010101010101ull
#define NEW     0x0202020202020202ull
#define SID_FN(n)   (SID0 + (n))

typedef enum { CTX = 1, PC, FIRST, FIRST_2M, SECOND, NESTED, NESTED_SS } What;

typedef struct Inv {
    uint8_t type;
    uint8_t gran;
    uint16_t did;
    uint32_t pasid;     /* for type 1: the requester */
    uint64_t q1;        /* for type 1: the function mask */
} Inv;

typedef struct Cache {
    const char *name;
    What what;
    Inv inv;
    bool flushes;
} Cache;

typedef struct Env {
    Sva *s;
    SvaDev d;
    SvaTable fs, ss;
    uint64_t old, new;
    uint64_t leaf, ss_leaf;
    SvaEntry entry;
    What what;
    unsigned fresh;     /* pages after IOVA that were accessed */
} Env;

#define FRESH   8

static void env_start_unit(Env *e, What what, const char *unit)
{
    g_autofree char *args = g_strdup_printf(
        SVA_UNIT "%s -device svatest,id=t0,addr=4 "
        "-device svatest,id=t1,addr=5", unit);
    int level = what == FIRST_2M ? 2 : 1;
    uint64_t size = level == 2 ? MiB2 : KiB4;
    uint64_t off = IOVA & (size - 1);
    unsigned i;

    e->s = sva_start(args);
    sva_dev_init(&e->d, e->s, SID0);
    sva_dev_pasid(&e->d, true);
    e->old = sva_pages(e->s, size, size);
    e->new = sva_pages(e->s, size, size);
    sva_write64(e->s, e->old + off, OLD);
    sva_write64(e->s, e->new + off, NEW);
    vtd_table(&e->ss, e->s, true, 4, NULL);
    switch (what) {
    case SECOND:
        e->ss_leaf = vtd_map(&e->ss, IOVA, e->old, SS_ALL, 1);
        e->entry = vtd_entry_second(&e->ss, DID);
        break;
    case NESTED:
    case NESTED_SS:
        vtd_table(&e->fs, e->s, false, 4, &e->ss);
        e->leaf = vtd_map(&e->fs, IOVA, GPA(e->old), FS_ALL, 1);
        e->ss_leaf = vtd_map(&e->ss, GPA(e->old), e->old, SS_ALL, 1);
        vtd_map(&e->ss, GPA(e->new), e->new, SS_ALL, 1);
        e->entry = vtd_entry_nested(&e->fs, DID);
        break;
    default:
        vtd_table(&e->fs, e->s, false, 4, NULL);
        e->leaf = vtd_map(&e->fs, IOVA & ~(size - 1), e->old, FS_ALL, level);
        for (i = 1; level == 1 && i < FRESH; i++) {
            vtd_map(&e->fs, IOVA + i * KiB4, e->old, FS_ALL, 1);
        }
        e->entry = vtd_entry_first(&e->fs, DID);
    }
    e->what = what;
    vtd_context(e->s, SID0, CTX_ALL);
    vtd_bind(e->s, SID0, PASID, &e->entry);
    vtd_enable(e->s);
}

static void env_start(Env *e, What what)
{
    env_start_unit(e, what, "");
}

static void change(Env *e, What what)
{
    switch (what) {
    case CTX:
        sva_clear_bits(e->s, vtd_context_at(e->s, SID0), CTX_PASIDE);
        break;
    case PC:
        sva_clear_bits(e->s, vtd_entry_at(e->s, SID0, PASID), PE_P);
        break;
    case FIRST:
        sva_write64(e->s, e->leaf, e->new | FS_ALL);
        break;
    case FIRST_2M:
        sva_write64(e->s, e->leaf, e->new | FS_ALL | FS_PS);
        break;
    case NESTED:
        sva_write64(e->s, e->leaf, GPA(e->new) | FS_ALL);
        break;
    case SECOND:
    case NESTED_SS:
        sva_write64(e->s, e->ss_leaf, e->new | SS_ALL);
        break;
    }
}

static void invalidate(Sva *s, const Inv *i)
{
    switch (i->type) {
    case 1:
        vtd_iq(s, vtd_ctx_q0(i->gran, i->did, i->pasid, i->q1), 0);
        break;
    case 2:
        vtd_iq(s, vtd_iotlb_q0(i->gran, i->did), i->q1);
        break;
    case 3:
        vtd_iq(s, vtd_dev_q0(SID0, SID0), DEV_ALL | 1);
        break;
    case 6:
        vtd_iq(s, vtd_piotlb_q0(i->gran, i->did, i->pasid), i->q1);
        break;
    case 7:
        vtd_iq(s, vtd_pc_q0(i->gran, i->did, i->pasid), 0);
        break;
    case 8:
        vtd_iq(s, vtd_pdev_q0(SID0, SID0, i->pasid), DEV_ALL | 1 << 11);
        break;
    }
    g_assert_true(vtd_wait(s));
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, 0);
}

/* Where the cache that the case is about shows */
static uint64_t probe(Env *e)
{
    if (e->what != CTX && e->what != PC) {
        return IOVA;
    }
    g_assert_cmpuint(e->fresh, <, FRESH);
    return IOVA + e->fresh++ * KiB4;
}

static void expect_old(Env *e)
{
    g_assert_cmphex(sva_peek(&e->d, PASID, probe(e), A_READ), ==, OLD);
    vtd_expect_no_fault(e->s);
}

static void expect_new(Env *e, What what)
{
    uint64_t addr = probe(e);

    if (what == CTX || what == PC) {
        g_assert_false(sva_access(&e->d, PASID, addr, A_READ));
        vtd_expect_fault(e->s, &(SvaFault) {
            .reason = what == CTX ? 0x45 : 0x59, .sid = SID0, .pasid = PASID,
            .addr = addr, .t1 = true,
        });
    } else {
        g_assert_cmphex(sva_peek(&e->d, PASID, addr, A_READ), ==, NEW);
        vtd_expect_no_fault(e->s);
    }
}

static void cache_case(const void *opaque)
{
    const Cache *c = opaque;
    Env e = { };

    env_start(&e, c->what);
    expect_old(&e);
    change(&e, c->what);
    expect_old(&e);
    invalidate(e.s, &c->inv);
    if (c->flushes) {
        expect_new(&e, c->what);
    } else {
        expect_old(&e);
    }
    sva_quit(e.s);
}

static const Cache caches[] = {
    { "context/context-global", CTX, { 1, CTX_GLOBAL }, true },
    { "context/context-device", CTX, { 1, CTX_DEVICE, 0, SID0 }, true },
    { "context/context-other-device", CTX, { 1, CTX_DEVICE, 0, SID1 }, false },
    { "context/context-other-function", CTX,
      { 1, CTX_DEVICE, 0, SID_FN(1) }, false },
    { "context/context-mask-1", CTX,
      { 1, CTX_DEVICE, 0, SID_FN(4), 1 }, true },
    { "context/context-mask-1-other", CTX,
      { 1, CTX_DEVICE, 0, SID_FN(2), 1 }, false },
    { "context/context-mask-2", CTX,
      { 1, CTX_DEVICE, 0, SID_FN(6), 2 }, true },
    { "context/context-mask-2-other", CTX,
      { 1, CTX_DEVICE, 0, SID_FN(1), 2 }, false },
    { "context/context-mask-3", CTX,
      { 1, CTX_DEVICE, 0, SID_FN(7), 3 }, true },
    { "context/context-mask-3-other", CTX,
      { 1, CTX_DEVICE, 0, SID1 + 7, 3 }, false },
    { "context/pasid-global", CTX, { 7, PC_GLOBAL }, false },
    { "context/iotlb-global", CTX, { 2, IOTLB_GLOBAL }, false },
    { "context/pasid-iotlb", CTX, { 6, PIOTLB_ALL, DID, PASID }, false },
    { "context/device-tlb", CTX, { 8, 0, 0, PASID }, false },

    { "pasid/pasid-domain", PC, { 7, PC_DOMAIN, DID }, true },
    { "pasid/pasid-domain-other", PC, { 7, PC_DOMAIN, DID2 }, false },
    { "pasid/pasid-pasid", PC, { 7, PC_PASID, DID, PASID }, true },
    { "pasid/pasid-pasid-other", PC, { 7, PC_PASID, DID, OTHER }, false },
    { "pasid/pasid-pasid-other-domain", PC,
      { 7, PC_PASID, DID2, PASID }, false },
    { "pasid/pasid-global", PC, { 7, PC_GLOBAL }, true },
    { "pasid/context-global", PC, { 1, CTX_GLOBAL }, false },
    { "pasid/context-device", PC, { 1, CTX_DEVICE, 0, SID0 }, false },
    { "pasid/iotlb-global", PC, { 2, IOTLB_GLOBAL }, false },
    { "pasid/iotlb-domain", PC, { 2, IOTLB_DOMAIN, DID }, false },
    { "pasid/pasid-iotlb", PC, { 6, PIOTLB_ALL, DID, PASID }, false },
    { "pasid/device-tlb", PC, { 8, 0, 0, PASID }, false },

    { "first/pasid-iotlb", FIRST, { 6, PIOTLB_ALL, DID, PASID }, true },
    { "first/pasid-iotlb-other", FIRST, { 6, PIOTLB_ALL, DID, OTHER }, false },
    { "first/pasid-iotlb-other-domain", FIRST,
      { 6, PIOTLB_ALL, DID2, PASID }, false },
    { "first/pasid-iotlb-page", FIRST,
      { 6, PIOTLB_PAGE, DID, PASID, IOVA }, true },
    { "first/pasid-iotlb-page-leaf-only", FIRST,
      { 6, PIOTLB_PAGE, DID, PASID, IOVA | IH }, true },
    { "first/pasid-iotlb-page-other", FIRST,
      { 6, PIOTLB_PAGE, DID, PASID, IOVA + KiB4 }, false },
    { "first/pasid-iotlb-page-other-pasid", FIRST,
      { 6, PIOTLB_PAGE, DID, OTHER, IOVA }, false },
    { "first/pasid-iotlb-page-other-domain", FIRST,
      { 6, PIOTLB_PAGE, DID2, PASID, IOVA }, false },
    { "first/pasid-iotlb-page-mask", FIRST,
      { 6, PIOTLB_PAGE, DID, PASID, ((IOVA & ~0x7fffull) + 0x8000) | 3 },
      false },
    { "first/pasid-iotlb-page-mask-in", FIRST,
      { 6, PIOTLB_PAGE, DID, PASID, (IOVA & ~0xffffull) | 4 }, true },
    { "first/pasid-iotlb-page-mask-6-other", FIRST,
      { 6, PIOTLB_PAGE, DID, PASID, ((IOVA & ~0x3ffffull) + 0x40000) | 6 },
      false },
    { "first/pasid-iotlb-page-mask-18", FIRST,
      { 6, PIOTLB_PAGE, DID, PASID, (IOVA & ~0x3fffffffull) | 18 }, true },
    { "first/pasid-iotlb-page-mask-27", FIRST,
      { 6, PIOTLB_PAGE, DID, PASID, 27 }, true },
    { "first/pasid-iotlb-page-mask-63", FIRST,
      { 6, PIOTLB_PAGE, DID, PASID, 63 }, true },
    { "first/iotlb-global", FIRST, { 2, IOTLB_GLOBAL }, true },
    { "first/iotlb-domain", FIRST, { 2, IOTLB_DOMAIN, DID }, true },
    { "first/iotlb-domain-other", FIRST, { 2, IOTLB_DOMAIN, DID2 }, false },
    { "first/iotlb-page", FIRST, { 2, IOTLB_PAGE, DID, 0, IOVA }, true },
    { "first/iotlb-page-any-address", FIRST,
      { 2, IOTLB_PAGE, DID, 0, 0x5000 }, true },
    { "first/iotlb-page-other-domain", FIRST,
      { 2, IOTLB_PAGE, DID2, 0, IOVA }, false },
    { "first/pasid-global", FIRST, { 7, PC_GLOBAL }, false },
    { "first/pasid-pasid", FIRST, { 7, PC_PASID, DID, PASID }, false },
    { "first/context-global", FIRST, { 1, CTX_GLOBAL }, false },
    { "first/device-tlb", FIRST, { 3 }, false },
    { "first/pasid-device-tlb", FIRST, { 8, 0, 0, PASID }, false },
    { "first-2m/pasid-iotlb-page-first", FIRST_2M,
      { 6, PIOTLB_PAGE, DID, PASID, IOVA & ~(MiB2 - 1) }, true },
    { "first-2m/pasid-iotlb-page-last", FIRST_2M,
      { 6, PIOTLB_PAGE, DID, PASID, IOVA | (MiB2 - KiB4) }, true },
    { "first-2m/pasid-iotlb-page-beyond", FIRST_2M,
      { 6, PIOTLB_PAGE, DID, PASID, (IOVA | (MiB2 - KiB4)) + KiB4 }, false },

    { "second/iotlb-global", SECOND, { 2, IOTLB_GLOBAL }, true },
    { "second/iotlb-domain", SECOND, { 2, IOTLB_DOMAIN, DID }, true },
    { "second/iotlb-domain-other", SECOND, { 2, IOTLB_DOMAIN, DID2 }, false },
    { "second/iotlb-page", SECOND, { 2, IOTLB_PAGE, DID, 0, IOVA }, true },
    { "second/iotlb-page-other", SECOND,
      { 2, IOTLB_PAGE, DID, 0, IOVA + KiB4 }, false },
    { "second/iotlb-page-below", SECOND,
      { 2, IOTLB_PAGE, DID, 0, IOVA - KiB4 }, false },
    { "second/iotlb-page-other-domain", SECOND,
      { 2, IOTLB_PAGE, DID2, 0, IOVA }, false },
    { "second/iotlb-page-mask", SECOND,
      { 2, IOTLB_PAGE, DID, 0, (IOVA & ~0xffffull) | 4 }, true },
    { "second/iotlb-page-mask-other", SECOND,
      { 2, IOTLB_PAGE, DID, 0, ((IOVA & ~0x7fffull) + 0x8000) | 3 }, false },
    { "second/pasid-iotlb", SECOND, { 6, PIOTLB_ALL, DID, PASID }, true },
    { "second/pasid-iotlb-other", SECOND,
      { 6, PIOTLB_ALL, DID, OTHER }, false },
    { "second/pasid-iotlb-page", SECOND,
      { 6, PIOTLB_PAGE, DID, PASID, IOVA }, false },
    { "second/pasid-global", SECOND, { 7, PC_GLOBAL }, false },
    { "second/context-global", SECOND, { 1, CTX_GLOBAL }, false },

    { "nested/pasid-iotlb", NESTED, { 6, PIOTLB_ALL, DID, PASID }, true },
    { "nested/pasid-iotlb-page", NESTED,
      { 6, PIOTLB_PAGE, DID, PASID, IOVA }, true },
    { "nested/pasid-iotlb-page-other", NESTED,
      { 6, PIOTLB_PAGE, DID, PASID, IOVA - KiB4 }, false },
    { "nested/pasid-iotlb-other", NESTED,
      { 6, PIOTLB_ALL, DID, OTHER }, false },
    { "nested/iotlb-domain", NESTED, { 2, IOTLB_DOMAIN, DID }, true },
    { "nested/iotlb-domain-other", NESTED, { 2, IOTLB_DOMAIN, DID2 }, false },
    { "nested/pasid-global", NESTED, { 7, PC_GLOBAL }, false },
    { "nested/second/iotlb-domain", NESTED_SS, { 2, IOTLB_DOMAIN, DID }, true },
    { "nested/second/iotlb-page-any-address", NESTED_SS,
      { 2, IOTLB_PAGE, DID, 0, 0x5000 }, true },
    { "nested/second/iotlb-page-other-domain", NESTED_SS,
      { 2, IOTLB_PAGE, DID2, 0, 0x5000 }, false },
    { "nested/second/iotlb-global", NESTED_SS, { 2, IOTLB_GLOBAL }, true },
    { "nested/second/pasid-iotlb", NESTED_SS,
      { 6, PIOTLB_ALL, DID, PASID }, true },
};

/* What was absent is not remembered: no invalidation needed (CM=0). */
typedef enum { NP_CTX, NP_ROOT, NP_DIR, NP_ENTRY, NP_FS, NP_SS } Absent;

static void absent_case(const void *opaque)
{
    Absent what = GPOINTER_TO_INT(opaque);
    uint64_t at, bit = 1;
    Env e = { };

    env_start(&e, what == NP_SS ? SECOND : FIRST);
    switch (what) {
    case NP_CTX:
        at = vtd_context_at(e.s, SID0);
        break;
    case NP_ROOT:
        at = vtd_root_at(e.s, SID0);
        break;
    case NP_DIR:
        at = vtd_dir_at(e.s, SID0, PASID);
        break;
    case NP_ENTRY:
        at = vtd_entry_at(e.s, SID0, PASID);
        break;
    case NP_FS:
        at = e.leaf;
        break;
    default:
        at = e.ss_leaf;
        bit = SS_ALL;
    }
    sva_clear_bits(e.s, at, bit);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    vtd_fault_clear(e.s);
    sva_set_bits(e.s, at, bit);
    expect_old(&e);
    sva_quit(e.s);
}

/* A hit does not skip the check of rights. */
static void test_hit_rights(void)
{
    Env e = { };

    env_start(&e, FIRST);
    sva_clear_bits(e.s, e.leaf, FS_RW);
    expect_old(&e);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_WRITE));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x85, .sid = SID0, .pasid = PASID, .addr = IOVA,
    });
    expect_old(&e);
    sva_quit(e.s);
}

/* Revoked write right is still granted until the invalidation. */
static void test_stale_write(void)
{
    Env e = { };

    env_start(&e, FIRST);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_WRITE));
    sva_clear_bits(e.s, e.leaf, FS_RW);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_WRITE));
    invalidate(e.s, &(Inv) { 6, PIOTLB_PAGE, DID, PASID, IOVA });
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_WRITE));
    sva_quit(e.s);
}

/*
 * Two requesters with one domain id and PASID, but other tables: that is
 * against 6.2.3.1, and tells what a cache is looked up by. The IOTLB by source
 * id, paging structures by domain id and PASID.
 */
static void share_case(const void *opaque)
{
    bool tables = GPOINTER_TO_INT(opaque);
    SvaTable other;
    SvaEntry entry;
    SvaDev d1;
    Env e = { };

    e.s = sva_start(tables ? SVA_UNIT ",x-walk-cache=on"
                    " -device svatest,addr=4 -device svatest,addr=5" :
                    SVA_MACHINE);
    sva_dev_init(&e.d, e.s, SID0);
    sva_dev_init(&d1, e.s, SID1);
    sva_dev_pasid(&e.d, true);
    sva_dev_pasid(&d1, true);
    e.old = sva_page(e.s);
    e.new = sva_page(e.s);
    sva_write64(e.s, e.old, OLD);
    sva_write64(e.s, e.new, NEW);
    vtd_table(&e.fs, e.s, false, 4, NULL);
    vtd_table(&other, e.s, false, 4, NULL);
    vtd_map(&e.fs, IOVA, e.old, FS_ALL, 1);
    vtd_map(&other, IOVA, e.new, FS_ALL, 1);
    vtd_context(e.s, SID0, CTX_ALL);
    vtd_context(e.s, SID1, CTX_ALL);
    entry = vtd_entry_first(&e.fs, DID);
    vtd_bind(e.s, SID0, PASID, &entry);
    entry = vtd_entry_first(&other, DID);
    vtd_bind(e.s, SID1, PASID, &entry);
    vtd_enable(e.s);
    expect_old(&e);
    g_assert_cmphex(sva_peek(&d1, PASID, IOVA, A_READ), ==,
                    tables ? OLD : NEW);
    sva_quit(e.s);
}

/*
 * What forgetting the IOTLB looks like: the entry is gone, the cache of the
 * table that held it was flushed, and the translation is still there.
 */
typedef enum { CLEARED, OTHER_DOMAIN, NO_CONTEXT, OTHER_ROOT } Forget;

static void forget_case(const void *opaque)
{
    Forget how = GPOINTER_TO_INT(opaque);
    SvaTable other;
    Env e = { };

    env_start(&e, FIRST);
    expect_old(&e);
    switch (how) {
    case CLEARED:
        vtd_unbind(e.s, SID0, PASID);
        break;
    case OTHER_DOMAIN:
        vtd_table(&other, e.s, false, 4, NULL);
        vtd_map(&other, IOVA, e.new, FS_ALL, 1);
        e.entry = vtd_entry_first(&other, DID2);
        vtd_bind(e.s, SID0, PASID, &e.entry);
        break;
    case NO_CONTEXT:
        sva_clear_bits(e.s, vtd_context_at(e.s, SID0), CTX_P);
        break;
    case OTHER_ROOT:
        sva_clear_bits(e.s, vtd_root_at(e.s, SID0), 1);
        break;
    }
    invalidate(e.s, &(Inv) { 1, CTX_GLOBAL });
    invalidate(e.s, &(Inv) { 7, PC_GLOBAL });
    expect_old(&e);
    /* It belongs to the domain of the time it was made. */
    if (how == OTHER_DOMAIN) {
        invalidate(e.s, &(Inv) { 6, PIOTLB_ALL, DID2, PASID });
        expect_old(&e);
    }
    invalidate(e.s, &(Inv) { 6, PIOTLB_ALL, DID, PASID });
    if (how == OTHER_DOMAIN) {
        expect_new(&e, FIRST);
    } else {
        g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    }
    sva_quit(e.s);
}

/* The same seen through ATS: a translation request is answered by the IOTLB. */
static void test_forget_ats(void)
{
    Env e = { };

    env_start(&e, FIRST);
    sva_dev_ats(&e.d, true);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, OLD);
    vtd_unbind(e.s, SID0, PASID);
    invalidate(e.s, &(Inv) { 7, PC_PASID, DID, PASID });
    invalidate(e.s, &(Inv) { 8, 0, 0, PASID });
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, OLD);
    invalidate(e.s, &(Inv) { 6, PIOTLB_ALL, DID, PASID });
    invalidate(e.s, &(Inv) { 8, 0, 0, PASID });
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ | A_ATS));
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* A hit serves the kind of request that the entry was made for. */
static void test_hit_kinds(void)
{
    Env e = { };
    SvaResult r;

    env_start(&e, FIRST);
    sva_dev_ats(&e.d, true);
    sva_clear_bits(e.s, vtd_context_at(e.s, SID0), CTX_DTE | CTX_PRE);
    expect_old(&e);
    r = sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_READ, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x44, .sid = SID0, .pasid = PASID, .addr = IOVA, .t1 = true,
        .at = 1,
    });
    /* As well if no dirty bit has to be set */
    r = sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_READ, SVATEST_F_NO_WRITE);
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x44, .sid = SID0, .pasid = PASID, .addr = IOVA, .t1 = true,
        .at = 1,
    });
    /* Nor one of privileged requests, which were not allowed. */
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ | A_PRIV));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x5d, .sid = SID0, .pasid = PASID, .addr = IOVA, .t1 = true,
        .priv = true,
    });
    /* Nor one of requests to execute, which no entry allows. */
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ | A_EXEC));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x5c, .sid = SID0, .pasid = PASID, .addr = IOVA, .t1 = true,
        .exe = true,
    });
    /* A refusal out of the cache heeds FPD as it was. */
    sva_clear_bits(e.s, e.leaf, FS_RW);
    sva_set_bits(e.s, vtd_entry_at(e.s, SID0, PASID), PE_FPD);
    vtd_flush_all(e.s);
    expect_old(&e);
    sva_clear_bits(e.s, vtd_entry_at(e.s, SID0, PASID), PE_FPD);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_WRITE));
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* Where privileged requests are allowed a hit serves them, too. */
static void test_hit_privileged(void)
{
    Env e = { };

    env_start(&e, FIRST);
    e.entry.q[2] |= PE_SRE;
    vtd_bind(e.s, SID0, PASID, &e.entry);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_PRIV), ==, OLD);
    change(&e, FIRST);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_PRIV), ==, OLD);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* The second stage gives them what it gives to others. */
static void test_hit_privileged_write(void)
{
    Env e = { };

    env_start(&e, SECOND);
    e.entry.q[2] |= PE_SRE;
    vtd_bind(e.s, SID0, PASID, &e.entry);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_WRITE | A_PRIV));
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_WRITE | A_PRIV));
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* Right that was added is effective after an invalidation, not before. */
static void test_more_right(void)
{
    Env e = { };

    env_start(&e, FIRST);
    sva_clear_bits(e.s, e.leaf, FS_RW);
    expect_old(&e);
    sva_set_bits(e.s, e.leaf, FS_RW);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_WRITE));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x85, .sid = SID0, .pasid = PASID, .addr = IOVA,
    });
    invalidate(e.s, &(Inv) { 6, PIOTLB_PAGE, DID, PASID, IOVA | IH });
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_WRITE));
    sva_quit(e.s);
}

/* Other tags, other translations: same DID with two PASIDs, two DIDs */
static void test_tags(void)
{
    SvaTable other;
    SvaEntry entry;
    Env e = { };

    env_start(&e, FIRST);
    vtd_table(&other, e.s, false, 4, NULL);
    vtd_map(&other, IOVA, e.new, FS_ALL, 1);
    entry = vtd_entry_first(&other, DID);
    vtd_bind(e.s, SID0, OTHER, &entry);
    entry = vtd_entry_first(&other, DID2);
    vtd_context(e.s, SID1, CTX_ALL);
    vtd_bind(e.s, SID1, PASID, &entry);
    sva_dev_init(&e.d, e.s, SID0);
    sva_dev_pasid(&e.d, true);
    expect_old(&e);
    g_assert_cmphex(sva_peek(&e.d, OTHER, IOVA, A_READ), ==, NEW);
    expect_old(&e);
    sva_dev_init(&e.d, e.s, SID1);
    sva_dev_pasid(&e.d, true);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_READ), ==, NEW);
    sva_quit(e.s);
}

/* Setting the root pointer flushes everything (CAP.ESRTPS). */
static void root_case(const void *opaque)
{
    What what = GPOINTER_TO_INT(opaque);
    Env e = { };

    env_start(&e, what);
    expect_old(&e);
    change(&e, what);
    expect_old(&e);
    vtd_set_root(e.s, TTM_SCALABLE);
    expect_new(&e, what);
    sva_quit(e.s);
}

static void test_requester_without_pasid(void)
{
    Env e = { };

    env_start(&e, FIRST);
    vtd_bind(e.s, SID0, 0, &e.entry);
    g_assert_cmphex(sva_peek(&e.d, NO_PASID, IOVA, A_READ), ==, OLD);
    change(&e, FIRST);
    g_assert_cmphex(sva_peek(&e.d, NO_PASID, IOVA, A_READ), ==, OLD);
    invalidate(e.s, &(Inv) { 6, PIOTLB_ALL, DID, PASID });
    g_assert_cmphex(sva_peek(&e.d, NO_PASID, IOVA, A_READ), ==, OLD);
    invalidate(e.s, &(Inv) { 6, PIOTLB_ALL, DID, 0 });
    g_assert_cmphex(sva_peek(&e.d, NO_PASID, IOVA, A_READ), ==, NEW);
    sva_quit(e.s);
}

/*
 * The walk cache: an invalidation with the hint IH, which says that nothing but
 * leaf entries changed, keeps the tables above. Here another leaf table was put
 * in place, so what follows tells whether the old one is still in use.
 */
typedef struct Hint {
    const char *name;
    Inv inv;
    bool kept;
} Hint;

static const Hint hints[] = {
    { "page", { 6, PIOTLB_PAGE, ENV_DID, ENV_PASID, ENV_IOVA } },
    { "page-hint", { 6, PIOTLB_PAGE, ENV_DID, ENV_PASID, ENV_IOVA | IH },
      true },
    { "page-other", { 6, PIOTLB_PAGE, ENV_DID, ENV_PASID,
                      ENV_IOVA + MiB2 }, true },
    { "pasid", { 6, PIOTLB_ALL, ENV_DID, ENV_PASID } },
    { "pasid-other", { 6, PIOTLB_ALL, ENV_DID, ENV_OTHER }, true },
    { "iotlb-page", { 2, IOTLB_PAGE, ENV_DID, 0, ENV_IOVA } },
    /* IH is for tables of the second stage here. */
    { "iotlb-page-hint", { 2, IOTLB_PAGE, ENV_DID, 0, ENV_IOVA | IH } },
    { "iotlb-page-any-address", { 2, IOTLB_PAGE, ENV_DID, 0, 0x5000 | IH } },
    { "pasid-iotlb-mask", { 6, PIOTLB_PAGE, ENV_DID, ENV_PASID, 36 } },
    { "iotlb-domain", { 2, IOTLB_DOMAIN, ENV_DID } },
    { "iotlb-domain-other", { 2, IOTLB_DOMAIN, DID2 }, true },
    { "iotlb-global", { 2, IOTLB_GLOBAL } },
};

static void new_leaf_table(SvaEnv *e)
{
    uint64_t page = sva_page(e->s);

    sva_write64(e->s, page + (ENV_IOVA >> 12 & 0x1ff) * 8, e->new | FS_ALL);
    sva_write64(e->s, vtd_slot(&e->fs, ENV_IOVA, 2), page | FS_ALL);
}

/* The IOTLB's own entry of the page has to go in any case. */
static void hint_case(const void *opaque)
{
    const Hint *h = opaque;
    SvaEnv e = { };

    sva_env_start(&e, ",x-walk-cache=on", "");
    g_assert_cmphex(sva_peek(&e.d, ENV_PASID, ENV_IOVA, 0), ==, OLD);
    new_leaf_table(&e);
    invalidate(e.s, &h->inv);
    invalidate(e.s, &(Inv) { 6, PIOTLB_PAGE, ENV_DID, ENV_PASID,
                             ENV_IOVA | IH });
    g_assert_cmphex(sva_peek(&e.d, ENV_PASID, ENV_IOVA, 0), ==,
                    h->kept ? OLD : NEW);
    sva_quit(e.s);
}

/*
 * Tables of every level, of both stages: one access makes them known, then an
 * entry at @level gets another table. A page that only shares that table with
 * the first one tells whether the old table is still in use.
 */
typedef struct Level {
    const char *name;
    What what;
    int level;
    bool kept;
    Inv inv;
    bool dirty;     /* SSADE: the walk sets bits as well */
    bool request;   /* instead of an invalidation: a page request, Table 27 */
} Level;

static const Level levels[] = {
    { "first/1", FIRST, 2, true },
    { "first/2", FIRST, 3, true },
    { "first/3", FIRST, 4, true },
    { "first/1/page", FIRST, 2, false, { 6, PIOTLB_PAGE, DID, PASID, IOVA } },
    { "first/3/page", FIRST, 4, false, { 6, PIOTLB_PAGE, DID, PASID, IOVA } },
    { "first/3/page-hint", FIRST, 4, true,
      { 6, PIOTLB_PAGE, DID, PASID, IOVA | IH } },
    { "first/1/page-other-2m", FIRST, 2, true,
      { 6, PIOTLB_PAGE, DID, PASID, IOVA + MiB2 } },
    { "first/1/mask-other-2m", FIRST, 2, true,
      { 6, PIOTLB_PAGE, DID, PASID, ((IOVA & ~0x3ffffull) + MiB2) | 6 } },
    { "first/3/page-other-1g", FIRST, 4, false,
      { 6, PIOTLB_PAGE, DID, PASID, IOVA + GiB1 } },
    { "first/3/pasid", FIRST, 4, false, { 6, PIOTLB_ALL, DID, PASID } },
    { "first/3/pasid-other", FIRST, 4, true, { 6, PIOTLB_ALL, DID, OTHER } },
    { "first/3/pasid-other-domain", FIRST, 4, true,
      { 6, PIOTLB_ALL, DID2, PASID } },
    { "first/1/page-below", FIRST, 2, true,
      { 6, PIOTLB_PAGE, DID, PASID, IOVA - MiB2 } },
    { "first/3/pasid-cache", FIRST, 4, true, { 7, PC_GLOBAL } },
    { "second/1", SECOND, 2, true },
    { "second/2", SECOND, 3, true },
    { "second/3", SECOND, 4, true },
    { "second/3/page", SECOND, 4, false, { 2, IOTLB_PAGE, DID, 0, IOVA } },
    { "second/3/page-hint", SECOND, 4, true,
      { 2, IOTLB_PAGE, DID, 0, IOVA | IH } },
    { "second/1/page-other-2m", SECOND, 2, true,
      { 2, IOTLB_PAGE, DID, 0, IOVA + MiB2 } },
    { "second/3/domain-other", SECOND, 4, true, { 2, IOTLB_DOMAIN, DID2 } },
    { "second/1/pasid", SECOND, 2, true, { 6, PIOTLB_ALL, DID, PASID } },
    { "second/1/dirty", SECOND, 2, true, .dirty = true },
    { "second/3/dirty", SECOND, 4, true, .dirty = true },
    { "nested/second/1/dirty", NESTED_SS, 2, true, .dirty = true },
    { "second/2/domain", SECOND, 3, false, { 2, IOTLB_DOMAIN, DID } },
    { "nested/1", NESTED, 2, true },
    { "nested/2", NESTED, 3, true },
    { "nested/3", NESTED, 4, true },
    { "nested/3/page", NESTED, 4, false, { 6, PIOTLB_PAGE, DID, PASID, IOVA } },
    { "nested/2/domain", NESTED, 3, false, { 2, IOTLB_DOMAIN, DID } },
    { "nested/1/second-page-hint", NESTED, 2, false,
      { 2, IOTLB_PAGE, DID, 0, 0x5000 | IH } },
    /* Second-stage tables under a nested translation */
    { "nested/second/1", NESTED_SS, 2, true },
    { "nested/second/2", NESTED_SS, 3, true },
    { "nested/second/3", NESTED_SS, 4, true },
    { "nested/second/3/pasid", NESTED_SS, 4, true,
      { 6, PIOTLB_ALL, DID, PASID } },
    { "nested/second/3/global", NESTED_SS, 4, false, { 2, IOTLB_GLOBAL } },
    { "nested/second/1/page-request", NESTED_SS, 2, false, .request = true },
    { "second/1/page-request", SECOND, 2, false, .request = true },
    { "first/1/page-request", FIRST, 2, false, .request = true },
};

/* Another table under the entry of @addr at @level, with one page */
static void exchange(SvaTable *t, uint64_t addr, int level, uint64_t out)
{
    uint64_t at = vtd_slot(t, addr, level);
    SvaTable copy;

    vtd_table(&copy, t->s, t->second, t->levels, t->under);
    vtd_map(&copy, addr, out, t->second ? SS_ALL : FS_ALL, 1);
    sva_write64(t->s, at, sva_read64(t->s, vtd_slot(&copy, addr, level)));
}

static void level_case(const void *opaque)
{
    const Level *l = opaque;
    uint64_t bit = 1ull << (12 + 9 * (l->level - 2));
    uint64_t far = IOVA ^ bit;
    Env e = { };

    env_start_unit(&e, l->what, ",x-walk-cache=on,x-cache-size=0");
    if (l->dirty) {
        e.entry.q[0] |= PE_SSADE;
        vtd_bind(e.s, SID0, PASID, &e.entry);
    }
    expect_old(&e);
    switch (l->what) {
    case FIRST:
    case NESTED:
        vtd_map(&e.fs, far, l->what == NESTED ? GPA(e.old) : e.old, FS_ALL, 1);
        exchange(&e.fs, far, l->level,
                 l->what == NESTED ? GPA(e.new) : e.new);
        break;
    case SECOND:
        vtd_map(&e.ss, far, e.old, SS_ALL, 1);
        exchange(&e.ss, far, l->level, e.new);
        break;
    default:
        far = IOVA + KiB4;
        vtd_map(&e.fs, far, GPA(e.old) ^ bit, FS_ALL, 1);
        vtd_map(&e.ss, GPA(e.old) ^ bit, e.old, SS_ALL, 1);
        exchange(&e.ss, GPA(e.old) ^ bit, l->level, e.new);
    }
    if (l->inv.type) {
        invalidate(e.s, &l->inv);
    }
    if (l->request) {
        vtd_pq_init(e.s, 0);
        sva_dev_ats(&e.d, true);
        sva_dev_pri(&e.d, true);
        sva_page_request(&e.d, PASID, IOVA, 1, SVATEST_PR_READ);
        g_assert_cmpuint(vtd_pq_count(e.s), ==, 1);
    }
    if (l->what == NESTED_SS && !l->kept) {
        /* The new table has no room for those of the first stage. */
        g_assert_false(sva_access(&e.d, PASID, far, A_READ));
    } else {
        g_assert_cmphex(sva_peek(&e.d, PASID, far, A_READ), ==,
                        l->kept ? OLD : NEW);
    }
    sva_quit(e.s);
}

/* A page request drops the table as well: it may have been exchanged. */
static void test_walk_cache_request(void)
{
    SvaEnv e = { };

    sva_env_start(&e, ",x-walk-cache=on", "");
    sva_dev_pri(&e.d, true);
    g_assert_cmphex(sva_peek(&e.d, ENV_PASID, ENV_IOVA, 0), ==, OLD);
    new_leaf_table(&e);
    sva_page_request(&e.d, ENV_PASID, ENV_IOVA, 1, SVATEST_PR_READ);
    g_assert_cmphex(sva_peek(&e.d, ENV_PASID, ENV_IOVA, 0), ==, NEW);
    sva_quit(e.s);
}

/* Without one IH makes no difference. */
static void test_no_walk_cache(void)
{
    SvaEnv e = { };

    sva_env_start(&e, "", "");
    g_assert_cmphex(sva_peek(&e.d, ENV_PASID, ENV_IOVA, 0), ==, OLD);
    new_leaf_table(&e);
    invalidate(e.s, &(Inv) { 6, PIOTLB_PAGE, ENV_DID, ENV_PASID,
                             ENV_IOVA | IH });
    g_assert_cmphex(sva_peek(&e.d, ENV_PASID, ENV_IOVA, 0), ==, NEW);
    sva_quit(e.s);
}

/* A reset of the root pointer forgets tables, too. */
static void test_walk_cache_root(void)
{
    SvaEnv e = { };

    sva_env_start(&e, ",x-walk-cache=on", "");
    g_assert_cmphex(sva_peek(&e.d, ENV_PASID, ENV_IOVA, 0), ==, OLD);
    new_leaf_table(&e);
    vtd_set_root(e.s, TTM_SCALABLE);
    g_assert_cmphex(sva_peek(&e.d, ENV_PASID, ENV_IOVA, 0), ==, NEW);
    sva_quit(e.s);
}

/* What the entries above the table allow is remembered with it. */
typedef struct Above {
    const char *name;
    uint64_t set, clear, q2;
    unsigned how;
    uint8_t fault;
} Above;

static const Above aboves[] = {
    { "read-only", 0, FS_RW, 0, A_WRITE, 0x85 },
    { "supervisor", 0, FS_US, PE_SRE, A_READ, 0x81 },
    { "nothing", 0, 0, 0, A_WRITE, 0 },
};

static void above_case(const void *opaque)
{
    const Above *a = opaque;
    uint64_t next = ENV_IOVA + KiB4;
    SvaEnv e = { };
    SvaFault f;

    sva_env_start(&e, ",x-walk-cache=on", "");
    vtd_map(&e.fs, next, e.new, FS_ALL, 1);
    sva_set_bits(e.s, vtd_slot(&e.fs, ENV_IOVA, 3), a->set);
    sva_clear_bits(e.s, vtd_slot(&e.fs, ENV_IOVA, 3), a->clear);
    e.entry.q[2] |= a->q2;
    vtd_bind(e.s, SID0, ENV_PASID, &e.entry);
    /* The table gets known by a request that is allowed. */
    g_assert_true(sva_access(&e.d, ENV_PASID, ENV_IOVA,
                             a->q2 & PE_SRE ? A_READ | A_PRIV : A_READ));
    sva_set_bits(e.s, vtd_slot(&e.fs, ENV_IOVA, 3), a->clear);
    sva_clear_bits(e.s, vtd_slot(&e.fs, ENV_IOVA, 3), a->set);
    g_assert_cmpuint(sva_access(&e.d, ENV_PASID, next, a->how), ==, !a->fault);
    if (a->fault) {
        g_assert_true(vtd_fault_next(e.s, &f));
        g_assert_cmphex(f.reason, ==, a->fault);
    }
    vtd_expect_no_fault(e.s);
    /* And it stays what it was after it was of use. */
    g_assert_cmpuint(sva_access(&e.d, ENV_PASID, ENV_IOVA, a->how), ==,
                     !a->fault);
    sva_quit(e.s);
}

/* The same of the second stage */
typedef struct SecondAbove {
    const char *name;
    uint64_t clear;
    unsigned first, then;
    uint8_t fault;
} SecondAbove;

static const SecondAbove second_aboves[] = {
    { "no-write", SS_W, A_READ, A_WRITE, 0x85 },
    { "no-read", SS_R, A_WRITE, A_READ, 0x86 },
    { "all", 0, A_READ, A_WRITE, 0 },
};

static void second_above_case(const void *opaque)
{
    const SecondAbove *a = opaque;
    uint64_t next = IOVA + KiB4;
    SvaFault f;
    Env e = { };

    env_start_unit(&e, SECOND, ",x-walk-cache=on");
    vtd_map(&e.ss, next, e.old, SS_ALL, 1);
    sva_clear_bits(e.s, vtd_slot(&e.ss, IOVA, 3), a->clear);
    g_assert_true(sva_access(&e.d, PASID, IOVA, a->first));
    sva_set_bits(e.s, vtd_slot(&e.ss, IOVA, 3), a->clear);
    g_assert_cmpuint(sva_access(&e.d, PASID, next, a->then), ==, !a->fault);
    if (a->fault) {
        g_assert_true(vtd_fault_next(e.s, &f));
        g_assert_cmphex(f.reason, ==, a->fault);
    }
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* A walk that ends with a fault leaves nothing in the caches (6.2.5). */
static void test_walk_cache_refused(void)
{
    Env e = { };

    env_start_unit(&e, SECOND, ",x-walk-cache=on");
    e.entry.q[0] |= PE_SSADE;
    e.entry.q[1] &= ~PE_PWSNP;
    vtd_bind(e.s, SID0, PASID, &e.entry);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x7c, .sid = SID0, .pasid = PASID, .addr = IOVA, .t1 = true,
    });
    e.entry.q[1] |= PE_PWSNP;
    vtd_bind(e.s, SID0, PASID, &e.entry);
    invalidate(e.s, &(Inv) { 7, PC_GLOBAL });
    exchange(&e.ss, IOVA, 2, e.new);
    expect_new(&e, SECOND);
    sva_quit(e.s);
}

/*
 * x-check-stale looks at memory for each hit: it sets no bit, and what it comes
 * by is not cached.
 */
static void test_check_marks_nothing(void)
{
    Env e = { };

    env_start_unit(&e, SECOND, ",x-check-stale=on");
    e.entry.q[0] |= PE_SSADE;
    vtd_bind(e.s, SID0, PASID, &e.entry);
    expect_old(&e);
    g_assert_cmphex(sva_read64(e.s, e.ss_leaf) & SS_A, ==, SS_A);
    sva_clear_bits(e.s, e.ss_leaf, SS_A);
    expect_old(&e);
    g_assert_cmphex(sva_read64(e.s, e.ss_leaf) & SS_A, ==, 0);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_UNIT_STALE), ==, 0);
    sva_quit(e.s);
}

static void test_check_fills_nothing(void)
{
    Env e = { };

    env_start_unit(&e, SECOND, ",x-check-stale=on,x-walk-cache=on");
    expect_old(&e);
    /* The tables above the page go, its translation stays. */
    invalidate(e.s, &(Inv) { 2, IOTLB_PAGE, DID, 0, IOVA + KiB4 });
    expect_old(&e);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_UNIT_STALE), ==, 0);
    exchange(&e.ss, IOVA, 2, e.new);
    invalidate(e.s, &(Inv) { 2, IOTLB_PAGE, DID, 0, IOVA | IH });
    expect_new(&e, SECOND);
    sva_quit(e.s);
}

/* A table that is narrower by now does not grant what it did. */
static void test_check_width(void)
{
    uint64_t far = IOVA | 1ull << 40, lower;
    Env e = { };

    env_start_unit(&e, SECOND, ",x-check-stale=on");
    vtd_map(&e.ss, far, e.old, SS_ALL, 1);
    g_assert_true(sva_access(&e.d, PASID, far, A_READ));
    lower = sva_read64(e.s, vtd_slot(&e.ss, far, 4)) & ADDR_MASK;
    e.entry.q[0] &= ~(ADDR_MASK | PE_AW(7));
    e.entry.q[0] |= lower | PE_AW(1);
    vtd_bind(e.s, SID0, PASID, &e.entry);
    g_assert_true(sva_access(&e.d, PASID, far, A_READ));
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_UNIT_STALE), ==, 1);
    sva_quit(e.s);
}

/* In nested mode the second stage's right on the table is remembered. */
static void walk_cache_nested_case(const void *opaque)
{
    bool locked = GPOINTER_TO_INT(opaque);
    uint64_t table, gpa_entry;
    SvaTable fs, ss;
    SvaEntry entry;
    SvaEnv e = { };
    int level;

    sva_env_start(&e, ",x-walk-cache=on", "");
    vtd_table(&ss, e.s, true, 4, NULL);
    vtd_table(&fs, e.s, false, 4, &ss);
    vtd_map(&ss, GPA(e.old), e.old, SS_ALL, 1);
    vtd_map(&fs, ENV_IOVA, GPA(e.old), FS_ALL | FS_A, 1);
    for (level = 2; level <= 4; level++) {
        sva_set_bits(e.s, vtd_slot(&fs, ENV_IOVA, level), FS_A);
    }
    table = sva_read64(e.s, vtd_slot(&fs, ENV_IOVA, 2)) & ADDR_MASK;
    gpa_entry = vtd_slot(&ss, table, 1);
    entry = vtd_entry_nested(&fs, DID2);
    if (locked) {
        sva_clear_bits(e.s, gpa_entry, SS_W);
    } else {
        entry.q[0] |= PE_SSADE;
    }
    vtd_bind(e.s, SID0, 0x9abcf, &entry);
    g_assert_true(sva_access(&e.d, 0x9abcf, ENV_IOVA, A_READ));
    if (locked) {
        sva_set_bits(e.s, gpa_entry, SS_W);
    } else {
        g_assert_cmphex(sva_read64(e.s, gpa_entry) & SS_D, ==, 0);
    }
    /* D has to be set in the table, for which this is needed. */
    g_assert_cmpuint(sva_access(&e.d, 0x9abcf, ENV_IOVA, A_WRITE), ==,
                     !locked);
    if (locked) {
        vtd_expect_fault(e.s, &(SvaFault) {
            .reason = 0x77, .sid = SID0, .pasid = 0x9abcf, .addr = ENV_IOVA,
        });
    } else {
        g_assert_cmphex(sva_read64(e.s, gpa_entry) & SS_D, ==, SS_D);
    }
    sva_quit(e.s);
}

/* Write right alone: enough for a write from the cache, not for a read */
static void test_write_only(void)
{
    Env e = { };

    env_start(&e, SECOND);
    sva_clear_bits(e.s, e.ss_leaf, SS_R);
    qtest_writeq(e.s->qts, e.d.bar[SVATEST_BAR_MEM] + 64, 0x33);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_WRITE));
    g_assert_cmphex(sva_read64(e.s, e.old), ==, 0x33);
    sva_write64(e.s, e.ss_leaf, e.new | SS_W);
    qtest_writeq(e.s->qts, e.d.bar[SVATEST_BAR_MEM] + 64, 0x44);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_WRITE));
    g_assert_cmphex(sva_read64(e.s, e.old), ==, 0x44);
    g_assert_cmphex(sva_read64(e.s, e.new), ==, NEW);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x86, .sid = SID0, .pasid = PASID, .addr = IOVA, .t1 = true,
    });
    sva_quit(e.s);
}

/* The first stage has its D set: the second decides about right and dirt. */
static void nested_dirty_case(const void *opaque)
{
    bool right = GPOINTER_TO_INT(opaque);
    Env e = { };

    env_start(&e, NESTED);
    sva_set_bits(e.s, e.leaf, FS_A | FS_D);
    if (right) {
        e.entry.q[0] |= PE_SSADE;
        vtd_bind(e.s, SID0, PASID, &e.entry);
    } else {
        sva_clear_bits(e.s, e.ss_leaf, SS_W);
    }
    expect_old(&e);
    g_assert_cmpuint(sva_access(&e.d, PASID, IOVA, A_WRITE), ==, right);
    if (right) {
        g_assert_cmphex(sva_read64(e.s, e.ss_leaf) & SS_D, ==, SS_D);
    } else {
        vtd_expect_fault(e.s, &(SvaFault) {
            .reason = 0x85, .sid = SID0, .pasid = PASID, .addr = IOVA,
        });
    }
    sva_quit(e.s);
}

/* A large page has no leaf table to be remembered. */
static void test_walk_cache_large(void)
{
    uint64_t iova = 0x5000000000ull, big;
    SvaEnv e = { };

    sva_env_start(&e, ",x-walk-cache=on", "");
    big = sva_pages(e.s, MiB2, MiB2);
    sva_write64(e.s, big + 0x3000, NEW);
    vtd_map(&e.fs, iova, big, FS_ALL, 2);
    g_assert_true(sva_access(&e.d, ENV_PASID, iova, A_READ));
    invalidate(e.s, &(Inv) { 6, PIOTLB_PAGE, ENV_DID, ENV_PASID, iova | IH });
    g_assert_cmphex(sva_peek(&e.d, ENV_PASID, iova + 0x3000, 0), ==, NEW);
    sva_quit(e.s);
}

/* Pass-through is cached with the PASID's tag as well. */
static void test_pass_through(void)
{
    SvaEnv e = { };
    SvaEntry pt = vtd_entry_pt(ENV_DID);

    sva_env_start(&e, "", "");
    vtd_map(&e.fs, e.old, e.new, FS_ALL, 1);
    vtd_bind(e.s, SID0, 0x9abcf, &pt);
    g_assert_cmphex(sva_peek(&e.d, 0x9abcf, e.old, 0), ==, OLD);
    vtd_bind(e.s, SID0, 0x9abcf, &e.entry);
    invalidate(e.s, &(Inv) { 7, PC_PASID, ENV_DID, 0x9abcf });
    g_assert_cmphex(sva_peek(&e.d, 0x9abcf, e.old, 0), ==, OLD);
    /* By page only as the second stage is (Table 24) */
    invalidate(e.s, &(Inv) { 6, PIOTLB_PAGE, ENV_DID, 0x9abcf, e.old });
    g_assert_cmphex(sva_peek(&e.d, 0x9abcf, e.old, 0), ==, OLD);
    invalidate(e.s, &(Inv) { 6, PIOTLB_ALL, ENV_DID, 0x9abcf });
    g_assert_cmphex(sva_peek(&e.d, 0x9abcf, e.old, 0), ==, NEW);
    sva_quit(e.s);
}

/* Fault processing disable is part of what is cached. */
static void fpd_case(const void *opaque)
{
    bool context = GPOINTER_TO_INT(opaque);
    const uint64_t beyond = IOVA + FRESH * KiB4;
    uint64_t at;
    Env e = { };

    env_start(&e, FIRST);
    at = context ? vtd_context_at(e.s, SID0) :
                   vtd_entry_at(e.s, SID0, PASID);
    sva_set_bits(e.s, at, PE_FPD);
    expect_old(&e);
    sva_clear_bits(e.s, at, PE_FPD);
    g_assert_false(sva_access(&e.d, PASID, beyond, A_READ));
    vtd_expect_no_fault(e.s);
    vtd_flush_all(e.s);
    g_assert_false(sva_access(&e.d, PASID, beyond, A_READ));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x71, .sid = SID0, .pasid = PASID, .addr = beyond,
        .t1 = true,
    });
    sva_quit(e.s);
}

/* An entry that is not valid is not remembered either. */
static void test_invalid_entry(void)
{
    Env e = { };

    env_start(&e, FIRST);
    sva_set_bits(e.s, vtd_entry_at(e.s, SID0, PASID), PE_PT);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x5b, .sid = SID0, .pasid = PASID, .addr = IOVA, .t1 = true,
    });
    sva_clear_bits(e.s, vtd_entry_at(e.s, SID0, PASID), PE_PT);
    expect_old(&e);
    sva_quit(e.s);
}

/* 65536 pages and no more: then everything goes. With 0 nothing ever does. */
static void capacity_case(const void *opaque)
{
    bool endless = GPOINTER_TO_INT(opaque);
    const unsigned pages = 65536;
    uint64_t base = 0x600000000000ull, data;
    g_autofree uint64_t *table = g_new(uint64_t, 512);
    SvaEnv e = { };
    unsigned i;

    sva_env_start(&e, endless ? ",x-cache-size=0" : "", "");
    data = sva_page(e.s);
    for (i = 0; i < 512; i++) {
        table[i] = cpu_to_le64(data | FS_ALL | FS_A);
    }
    for (i = 0; i < pages + 512; i += 512) {
        uint64_t slot = vtd_slot(&e.fs, base + i * KiB4, 1);

        qtest_memwrite(e.s->qts, slot, table, KiB4);
    }
    sva_dev_writel(&e.d, SVATEST_K_SLICE_BYTES, SVATEST_MEM_SIZE);
    sva_dev_writel(&e.d, SVATEST_K_SLICE_CMDS, 256);
    for (i = 0; i < 2; i++) {
        struct svatest_desc d = {
            .op_flags = SVATEST_OP_TOUCH | SVATEST_F_UNTRANSLATED,
            .pasid = sva_desc_pasid(ENV_PASID), .dst = base,
            .length = pages * KiB4, .imm2 = KiB4,
        };

        g_assert_cmphex(sva_run(&e.d, &d).status, ==, SVATEST_ST_OK);
        vtd_map(&e.fs, base, e.old, FS_ALL, 1);
        g_assert_cmphex(sva_peek(&e.d, ENV_PASID, base, 0), ==, 0);
    }
    g_assert_true(sva_access(&e.d, ENV_PASID, base + pages * KiB4, A_READ));
    g_assert_cmphex(sva_peek(&e.d, ENV_PASID, base, 0), ==, endless ? 0 : OLD);
    sva_quit(e.s);
}

/* Each of the caches starts anew for one entry more than it has room for. */
static void test_small_pasid_cache(void)
{
    Env e = { };

    env_start_unit(&e, PC, ",x-cache-size=1");
    vtd_bind(e.s, SID0, OTHER, &e.entry);
    expect_old(&e);
    change(&e, PC);
    expect_old(&e);
    g_assert_true(sva_access(&e.d, OTHER, IOVA, A_READ));
    expect_new(&e, PC);
    sva_quit(e.s);
}

static void test_small_walk_cache(void)
{
    Env e = { };

    /* Three tables are on the way to a page. */
    env_start_unit(&e, FIRST, ",x-walk-cache=on,x-cache-size=3");
    vtd_bind(e.s, SID0, OTHER, &e.entry);
    expect_old(&e);
    exchange(&e.fs, IOVA, 4, e.new);
    invalidate(e.s, &(Inv) { 6, PIOTLB_PAGE, DID, PASID, IOVA | IH });
    expect_old(&e);
    g_assert_true(sva_access(&e.d, OTHER, IOVA, A_READ));
    invalidate(e.s, &(Inv) { 6, PIOTLB_PAGE, DID, PASID, IOVA | IH });
    expect_new(&e, FIRST);
    sva_quit(e.s);
}

int main(int argc, char **argv)
{
    static const char *const absent[] = {
        [NP_CTX] = "context", [NP_ROOT] = "root", [NP_DIR] = "directory",
        [NP_ENTRY] = "entry", [NP_FS] = "first", [NP_SS] = "second",
    };
    static const char *const forgotten[] = {
        [CLEARED] = "cleared-entry", [OTHER_DOMAIN] = "other-domain",
        [NO_CONTEXT] = "cleared-context", [OTHER_ROOT] = "cleared-root",
    };
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(caches); i++) {
        g_autofree char *path = g_strdup_printf("/svatest/cache/%s",
                                                caches[i].name);
        qtest_add_data_func(path, &caches[i], cache_case);
    }
    for (i = 0; i < ARRAY_SIZE(absent); i++) {
        g_autofree char *path = g_strdup_printf("/svatest/cache/absent/%s",
                                                absent[i]);
        qtest_add_data_func(path, GINT_TO_POINTER(i), absent_case);
    }
    qtest_add_func("/svatest/cache/hit-rights", test_hit_rights);
    qtest_add_func("/svatest/cache/stale-write", test_stale_write);
    qtest_add_data_func("/svatest/cache/two-requesters",
                        GINT_TO_POINTER(false), share_case);
    qtest_add_data_func("/svatest/walk-cache/two-requesters",
                        GINT_TO_POINTER(true), share_case);
    for (i = 0; i < ARRAY_SIZE(forgotten); i++) {
        g_autofree char *path = g_strdup_printf("/svatest/cache/forgotten/%s",
                                                forgotten[i]);
        qtest_add_data_func(path, GINT_TO_POINTER(i), forget_case);
    }
    qtest_add_func("/svatest/cache/forgotten/ats", test_forget_ats);
    qtest_add_func("/svatest/cache/hit-kinds", test_hit_kinds);
    qtest_add_func("/svatest/cache/hit-privileged", test_hit_privileged);
    qtest_add_func("/svatest/cache/hit-privileged/write",
                   test_hit_privileged_write);
    qtest_add_func("/svatest/cache/check-stale/marks-nothing",
                   test_check_marks_nothing);
    qtest_add_func("/svatest/cache/check-stale/fills-nothing",
                   test_check_fills_nothing);
    qtest_add_func("/svatest/cache/check-stale/width", test_check_width);
    qtest_add_func("/svatest/walk-cache/refused", test_walk_cache_refused);
    qtest_add_func("/svatest/cache/more-right", test_more_right);
    qtest_add_func("/svatest/cache/capacity/pasid", test_small_pasid_cache);
    qtest_add_func("/svatest/walk-cache/capacity", test_small_walk_cache);
    SVA_ADD_TABLE("walk-cache/level", levels, level_case);
    qtest_add_func("/svatest/cache/tags", test_tags);
    qtest_add_data_func("/svatest/cache/root-pointer/context",
                        GINT_TO_POINTER(CTX), root_case);
    qtest_add_data_func("/svatest/cache/root-pointer/pasid",
                        GINT_TO_POINTER(PC), root_case);
    qtest_add_data_func("/svatest/cache/root-pointer/first",
                        GINT_TO_POINTER(FIRST), root_case);
    qtest_add_data_func("/svatest/cache/root-pointer/second",
                        GINT_TO_POINTER(SECOND), root_case);
    SVA_ADD_TABLE("walk-cache/hint", hints, hint_case);
    SVA_ADD_TABLE("walk-cache/above", aboves, above_case);
    SVA_ADD_TABLE("walk-cache/above-second", second_aboves, second_above_case);
    qtest_add_func("/svatest/walk-cache/page-request",
                   test_walk_cache_request);
    qtest_add_func("/svatest/walk-cache/off", test_no_walk_cache);
    qtest_add_func("/svatest/walk-cache/root-pointer", test_walk_cache_root);
    qtest_add_data_func("/svatest/walk-cache/nested/dirty",
                        GINT_TO_POINTER(false), walk_cache_nested_case);
    qtest_add_data_func("/svatest/walk-cache/nested/locked",
                        GINT_TO_POINTER(true), walk_cache_nested_case);
    qtest_add_data_func("/svatest/cache/fpd/context", GINT_TO_POINTER(true),
                        fpd_case);
    qtest_add_data_func("/svatest/cache/fpd/entry", GINT_TO_POINTER(false),
                        fpd_case);
    qtest_add_func("/svatest/walk-cache/large-page", test_walk_cache_large);
    qtest_add_func("/svatest/cache/write-only", test_write_only);
    qtest_add_data_func("/svatest/cache/nested-dirty/right",
                        GINT_TO_POINTER(true), nested_dirty_case);
    qtest_add_data_func("/svatest/cache/nested-dirty/no-right",
                        GINT_TO_POINTER(false), nested_dirty_case);
    qtest_add_func("/svatest/cache/pass-through", test_pass_through);
    qtest_add_func("/svatest/cache/invalid-entry", test_invalid_entry);
    qtest_add_data_func("/svatest/cache/capacity/default",
                        GINT_TO_POINTER(false), capacity_case);
    qtest_add_data_func("/svatest/cache/capacity/endless",
                        GINT_TO_POINTER(true), capacity_case);
    qtest_add_func("/svatest/cache/requester-without-pasid",
                   test_requester_without_pasid);
    return g_test_run();
}
