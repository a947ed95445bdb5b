/*
 * Devices of the host: which call follows from what the guest does
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "svatest-host.h"

/*
 * Events and states of a PASID table entry (6.2.2.1, 6.5.2.2, 6.5.2.1): which
 * invalidation makes the host follow. The entry is NEW, not bound before; GONE,
 * SAME, CHANGED to another table or MOVED to another domain since it was bound.
 */
enum { NEW, GONE, SAME, CHANGED, MOVED, STATES };

typedef struct Event {
    const char *name;
    void (*raise)(Host *h);
    bool found[STATES];     /* the change is found by it */
} Event;

#define OTHER_DID   9

static void raise_pasid(Host *h)
{
    host_pasid_flush(h, HPASID, HDID);
}

static void raise_pasid_other(Host *h)
{
    host_pasid_flush(h, HPASID, HDID + 1);
}

static void raise_other_pasid(Host *h)
{
    host_pasid_flush(h, HPASID ^ 1, HDID);
}

static void raise_domain(Host *h)
{
    host_flush(h, vtd_pc_q0(PC_DOMAIN, HDID, 0), 0);
}

static void raise_domain_other(Host *h)
{
    host_flush(h, vtd_pc_q0(PC_DOMAIN, HDID + 1, 0), 0);
}

static void raise_global(Host *h)
{
    host_flush(h, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
}

static void raise_context(Host *h)
{
    host_flush(h, vtd_ctx_q0(CTX_GLOBAL, 0, 0, 0), 0);
}

static void raise_context_device(Host *h)
{
    host_flush(h, vtd_ctx_q0(CTX_DEVICE, 0, SID0, 0), 0);
}

static void raise_context_masked(Host *h)
{
    host_flush(h, vtd_ctx_q0(CTX_DEVICE, 0, SID0 | 7, 3), 0);
}

static void raise_context_other(Host *h)
{
    host_flush(h, vtd_ctx_q0(CTX_DEVICE, 0, SID1, 0), 0);
}

static void raise_root(Host *h)
{
    vtd_set_root(h->s, TTM_SCALABLE);
    host_wait(h);
}

static void raise_iotlb(Host *h)
{
    host_flush(h, vtd_iotlb_q0(IOTLB_DOMAIN, OTHER_DID), 0);
}

static const Event events[] = {
    { "pasid", raise_pasid, { true, true, true, true, true } },
    { "pasid-of-other-domain", raise_pasid_other, { } },
    { "other-pasid", raise_other_pasid, { } },
    { "domain", raise_domain, { true, true, true, true, true } },
    { "other-domain", raise_domain_other, { } },
    { "global", raise_global, { true, true, true, true, true } },
    { "context-global", raise_context, { false, true, true, true, true } },
    { "context-device", raise_context_device,
      { false, true, true, true, true } },
    { "context-masked", raise_context_masked,
      { false, true, true, true, true } },
    { "context-of-other-device", raise_context_other, { } },
    { "root-pointer", raise_root, { true, true, true, true, true } },
    { "iotlb", raise_iotlb, { } },
};

/* A table of its own for each change */
static void change_table(Host *h, uint32_t pasid, uint16_t did)
{
    vtd_table(&h->fs, h->s, false, 4, NULL);
    host_entry(h, pasid, did);
}

static void event_case(const void *opaque, int state)
{
    const Event *e = opaque;
    Host h;

    if (state == NEW) {
        host_start(&h, HOST_UNIT, HOST_DEV);
        host_enable(&h);
        host_entry(&h, HPASID, HDID);
    } else {
        host_start_bound(&h, HOST_DEV);
    }
    switch (state) {
    case GONE:
        host_clear(&h, HPASID);
        break;
    case CHANGED:
        change_table(&h, HPASID, HDID);
        break;
    case MOVED:
        host_entry(&h, HPASID, OTHER_DID);
        break;
    default:
        break;
    }
    host_expect_none(&h);
    e->raise(&h);
    if (e->found[state] && (state == NEW || state == CHANGED)) {
        host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
    } else if (e->found[state] && state == GONE) {
        host_expect(&h, C_UNBIND, HPASID, 0, 0);
    }
    host_expect_none(&h);
    if (state == MOVED) {
        /* The domain that it had when it was found is the one that counts. */
        host_clear(&h, HPASID);
        host_pasid_flush(&h, HPASID, OTHER_DID);
        if (e->found[state]) {
            host_expect(&h, C_UNBIND, HPASID, 0, 0);
        }
        host_expect_none(&h);
    }
    host_quit(&h);
}

static void event_new(const void *opaque)
{
    event_case(opaque, NEW);
}

static void event_gone(const void *opaque)
{
    event_case(opaque, GONE);
}

static void event_same(const void *opaque)
{
    event_case(opaque, SAME);
}

static void event_changed(const void *opaque)
{
    event_case(opaque, CHANGED);
}

static void event_moved(const void *opaque)
{
    event_case(opaque, MOVED);
}

/* Entries that must not be bound, whatever the guest invalidates */
typedef struct Unwanted {
    const char *name;
    uint32_t pasid;
    uint64_t q0, q1, q2;    /* exclusive-or on the entry */
    uint64_t ctx, ctx1;     /* the same on the context entry */
    bool wanted;
} Unwanted;

static const Unwanted unwanted[] = {
    { "wanted", HPASID, .wanted = true },
    { "fault-processing-disabled", HPASID, PE_FPD, .wanted = true },
    { "largest", 0xfffff, .wanted = true },
    { "smallest", 1, .wanted = true },
    { "absent", HPASID, PE_P },
    { "second-stage", HPASID, PE_FIRST | PE_SECOND | PE_AW(2) },
    { "nested", HPASID, PE_FIRST | PE_NESTED | PE_AW(2) },
    { "pass-through", HPASID, PE_FIRST | PE_PT },
    { "type-0", HPASID, PE_FIRST },
    { "five-levels", HPASID, .q2 = PE_FSPM5 },
    { "supervisor", HPASID, .q2 = PE_SRE },
    { "write-protect", HPASID, .q2 = PE_WPE },
    { "second-stage-dirty", HPASID, PE_SSADE },
    { "reserved-0", HPASID, 1ull << 5 },
    { "reserved-1", HPASID, .q1 = 1ull << 20 },
    { "reserved-2", HPASID, .q2 = 1ull << 8 },
    { "beyond-memory", HPASID, .q2 = 1ull << 50 },
    { "zero", 0 },
    { "zero-not-of-rid", 0, .ctx1 = HPASID },
    { "rid-pasid", HPASID, .ctx1 = HPASID },
    { "no-pasids", HPASID, .ctx = CTX_PASIDE },
    { "beyond-directory", HPASID, .ctx = CTX_PDTS(7) },
    { "context-absent", HPASID, .ctx = CTX_P },
    { "context-reserved", HPASID, .ctx = 1 << 5 },
};

static void unwanted_case(const void *opaque)
{
    const Unwanted *u = opaque;
    uint64_t ctx;
    SvaEntry e;
    Host h;

    host_start(&h, HOST_UNIT, HOST_DEV);
    host_enable(&h);
    e = vtd_entry_first(&h.fs, HDID);
    e.q[0] ^= u->q0;
    e.q[1] ^= u->q1;
    e.q[2] ^= u->q2;
    vtd_bind(h.s, SID0, u->pasid, &e);
    ctx = vtd_context_at(h.s, SID0);
    sva_write64(h.s, ctx, sva_read64(h.s, ctx) ^ u->ctx);
    sva_write64(h.s, ctx + 8, sva_read64(h.s, ctx + 8) ^ u->ctx1);
    raise_context(&h);
    raise_global(&h);
    host_pasid_flush(&h, u->pasid, HDID);
    if (u->wanted) {
        host_expect(&h, C_BIND, u->pasid, h.fs.root, 48);
    }
    host_expect_none(&h);
    host_quit(&h);
}

static void test_five_levels(void)
{
    Host h;

    host_start(&h, HOST_UNIT ",x-fs5lp=on", HOST_DEV);
    host_enable(&h);
    vtd_table(&h.fs, h.s, false, 5, NULL);
    host_entry(&h, HPASID, HDID);
    host_pasid_flush(&h, HPASID, HDID);
    host_expect(&h, C_BIND, HPASID, h.fs.root, 57);
    host_quit(&h);
}

/* The directory is another one: all of it is looked at. */
static void test_directory(void)
{
    Host h;

    host_start_bound(&h, HOST_DEV);
    vtd_context(h.s, SID0, CTX_ALL);
    host_entry(&h, HPASID + 64, HDID);
    raise_context_device(&h);
    host_expect(&h, C_UNBIND, HPASID, 0, 0);
    host_expect(&h, C_BIND, HPASID + 64, h.fs.root, 48);
    host_expect_none(&h);
    host_quit(&h);
}

static void test_translation_off_on(void)
{
    Host h;

    host_start_bound(&h, HOST_DEV);
    vtd_gcmd(h.s, GSTS_TE, false);
    host_wait(&h);
    host_expect(&h, C_UNBIND, HPASID, 0, 0);
    host_expect_none(&h);
    /* As after a kexec: the tables are there before translation is on. */
    vtd_gcmd(h.s, GSTS_TE, true);
    while (!host_get(&h, H_BOUND)) {
        g_usleep(1000);
    }
    host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
    host_wait(&h);
    host_expect_none(&h);
    host_quit(&h);
}

static void mode_case(const void *opaque)
{
    const uint64_t *ttm = opaque;
    Host h;

    host_start_bound(&h, HOST_DEV);
    vtd_set_root(h.s, *ttm);
    host_wait(&h);
    host_expect(&h, C_UNBIND, HPASID, 0, 0);
    host_expect_none(&h);
    host_quit(&h);
}

static void test_reset(void)
{
    Host h;

    host_start_bound(&h, HOST_DEV);
    host_entry(&h, HPASID + 1, HDID);
    host_pasid_flush(&h, HPASID + 1, HDID);
    host_forget(&h);
    qtest_system_reset(h.s->qts);
    host_restart(&h);
    g_assert_cmphex(vtd_readl(h.s, VTD_GSTS), ==, 0);
    host_idle(&h);
    g_assert_cmpuint(host_get(&h, H_BOUND), ==, 0);
    g_assert_cmpuint(host_get(&h, H_COUNT) - h.seen, ==, 2);
    host_quit(&h);
}

/* Without translation tables say nothing. */
static void test_translation_off(void)
{
    Host h;

    host_start_bound(&h, HOST_DEV);
    vtd_gcmd(h.s, GSTS_TE, false);
    host_wait(&h);
    host_expect(&h, C_UNBIND, HPASID, 0, 0);
    raise_pasid(&h);
    raise_global(&h);
    raise_context(&h);
    host_expect_none(&h);
    host_quit(&h);
}

/* A scan looks at each PASID that is bound, whatever the one before it did. */
static void test_two_scans(void)
{
    Host h;

    host_start_bound(&h, HOST_DEV);
    raise_global(&h);
    host_entry(&h, HPASID + 1, HDID);
    host_pasid_flush(&h, HPASID + 1, HDID);
    host_forget(&h);
    change_table(&h, HPASID, HDID);
    host_entry(&h, HPASID + 1, HDID);
    raise_context(&h);
    g_assert_cmpuint(host_get(&h, H_COUNT) - h.seen, ==, 2);
    host_quit(&h);
}

/* Two devices of one guest: each follows its own entries. */
static void test_two_devices(void)
{
    uint64_t bar[6];
    Host h;

    host_start(&h, HOST_UNIT, HOST_DEV " -device svahost,id=h1,addr=5");
    sva_assign_bars(h.s, SID1, 0x10, bar);
    sva_cfg_writew(h.s, SID1, 0x04, 0x6);
    vtd_context(h.s, SID1, CTX_ALL);
    host_enable(&h);
    host_entry(&h, HPASID, HDID);
    host_pasid_flush(&h, HPASID, HDID);
    host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
    g_assert_cmpuint(qtest_readl(h.s->qts, bar[0] + H_COUNT), ==, 0);
    sva_write64(h.s, vtd_context_at(h.s, SID1),
                sva_read64(h.s, vtd_context_at(h.s, SID0)));
    raise_context(&h);
    g_assert_cmpuint(qtest_readl(h.s->qts, bar[0] + H_COUNT), ==, 1);
    host_expect_none(&h);
    host_quit(&h);
}

/* Requests without PASID, with and without help of the host */
typedef struct Rid {
    const char *name;
    uint64_t ttm;
    bool off, absent, no_root;
    SvaEntry (*entry)(const Host *h);
    unsigned mode;
} Rid;

static SvaEntry rid_pass(const Host *h)
{
    return vtd_entry_pt(1);
}

static SvaEntry rid_first(const Host *h)
{
    return vtd_entry_first(&h->fs, HDID);
}

static SvaEntry rid_second(const Host *h)
{
    return (SvaEntry) { { PE_P | PE_SECOND | PE_AW(2) | 0x1000, 1 } };
}

static const Rid rids[] = {
    { "translation-off", TTM_SCALABLE, .off = true, .entry = rid_first,
      .mode = RID_PASS },
    { "pass-through", TTM_SCALABLE, .entry = rid_pass, .mode = RID_PASS },
    { "first-stage", TTM_SCALABLE, .entry = rid_first, .mode = RID_FIRST },
    { "second-stage", TTM_SCALABLE, .entry = rid_second, .mode = RID_BLOCK },
    { "entry-absent", TTM_SCALABLE, .mode = RID_BLOCK },
    { "context-absent", TTM_SCALABLE, .absent = true, .entry = rid_pass,
      .mode = RID_BLOCK },
    { "abort", TTM_ABORT, .entry = rid_pass, .mode = RID_BLOCK },
    { "reserved-mode", TTM_RESERVED, .entry = rid_pass, .mode = RID_BLOCK },
    { "legacy", TTM_LEGACY, .entry = rid_pass, .mode = RID_BLOCK },
};

static void rid_setup(Host *h, const Rid *r, const char *dev)
{
    host_start(h, HOST_UNIT, dev);
    g_assert_true(host_mapped(h, 0x100000));
    vtd_context(h->s, SID0, CTX_ALL);
    if (r->entry) {
        SvaEntry e = r->entry(h);

        vtd_bind(h->s, SID0, 0, &e);
    }
    if (r->absent) {
        sva_clear_bits(h->s, vtd_context_at(h->s, SID0), CTX_P);
    }
    vtd_iq_init(h->s, true);
    vtd_set_root(h->s, r->ttm);
    if (!r->off) {
        vtd_gcmd(h->s, GSTS_TE, true);
    }
    host_idle(h);
}

static void rid_map_case(const void *opaque)
{
    const Rid *r = opaque;
    Host h;

    rid_setup(&h, r, HOST_DEV);
    g_assert_cmpint(host_mapped(&h, 0x100000), ==, r->mode == RID_PASS);
    host_expect_none(&h);
    /* A reset brings back the state without translation. */
    vtd_gcmd(h.s, GSTS_TE, false);
    g_assert_true(host_mapped(&h, 0x100000));
    host_quit(&h);
}

static void rid_call_case(const void *opaque)
{
    const Rid *r = opaque;
    Host h;

    rid_setup(&h, r, HOST_RID);
    g_assert_true(host_mapped(&h, 0x100000));
    if (r->mode == RID_FIRST) {
        host_expect(&h, C_SET_RID, RID_FIRST, h.fs.root, 48);
    } else if (r->mode != RID_PASS) {
        host_expect(&h, C_SET_RID, RID_BLOCK, 0, 0);
    }
    host_expect_none(&h);
    vtd_gcmd(h.s, GSTS_TE, false);
    host_idle(&h);
    if (r->mode != RID_PASS) {
        host_expect(&h, C_SET_RID, RID_PASS, 0, 0);
    }
    host_expect_none(&h);
    host_quit(&h);
}

/* The guest changes the entry while translation is on. */
static void test_rid_changes(void)
{
    SvaEntry first, pass = vtd_entry_pt(1);
    Host h;

    host_start(&h, HOST_UNIT, HOST_RID);
    host_enable(&h);
    host_forget(&h);
    first = vtd_entry_first(&h.fs, HDID);
    vtd_bind(h.s, SID0, 0, &first);
    host_flush(&h, vtd_pc_q0(PC_DOMAIN, 1, 0), 0);
    host_expect(&h, C_SET_RID, RID_FIRST, h.fs.root, 48);
    host_flush(&h, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
    host_expect_none(&h);
    vtd_table(&h.fs, h.s, false, 4, NULL);
    first = vtd_entry_first(&h.fs, HDID);
    vtd_bind(h.s, SID0, 0, &first);
    host_pasid_flush(&h, 0, HDID);
    host_expect(&h, C_SET_RID, RID_FIRST, h.fs.root, 48);
    vtd_bind(h.s, SID0, 0, &pass);
    raise_context_device(&h);
    host_expect(&h, C_SET_RID, RID_PASS, 0, 0);
    host_expect_none(&h);
    host_quit(&h);
}

/* What is not translated as wanted must not be translated otherwise. */
static void test_rid_error(void)
{
    SvaEntry first;
    Host h;

    host_start(&h, HOST_UNIT, HOST_RID);
    host_enable(&h);
    host_forget(&h);
    host_set(&h, H_RID_ERROR, 22);
    first = vtd_entry_first(&h.fs, HDID);
    vtd_bind(h.s, SID0, 0, &first);
    host_pasid_flush(&h, 0, 1);
    host_idle(&h);
    host_expect(&h, C_SET_RID, RID_FIRST, h.fs.root, 48);
    host_expect(&h, C_SET_RID, RID_BLOCK, 0, 0);
    host_expect_none(&h);
    g_assert_false(host_mapped(&h, 0x100000));
    host_quit(&h);
}

/* An error of an older call says nothing about a newer one. */
static void test_rid_late_error(void)
{
    SvaEntry first, pass = vtd_entry_pt(1);
    Host h;

    host_start(&h, HOST_UNIT, HOST_RID);
    host_enable(&h);
    host_forget(&h);
    host_set(&h, H_RID_ERROR, 22);
    host_set(&h, H_HOLD, 1);
    first = vtd_entry_first(&h.fs, HDID);
    vtd_bind(h.s, SID0, 0, &first);
    vtd_iq(h.s, vtd_pc_q0(PC_PASID, 1, 0), 0);
    vtd_bind(h.s, SID0, 0, &pass);
    vtd_iq(h.s, vtd_pc_q0(PC_PASID, 1, 0), 0);
    host_set(&h, H_STEP, 1);
    while (host_get(&h, H_PENDING) > 1) {
        g_usleep(1000);
    }
    host_set(&h, H_RID_ERROR, 0);
    host_set(&h, H_HOLD, 0);
    host_idle(&h);
    host_expect(&h, C_SET_RID, RID_FIRST, h.fs.root, 48);
    host_expect(&h, C_SET_RID, RID_PASS, 0, 0);
    host_expect_none(&h);
    host_quit(&h);
}

/* Invalidations of the IOTLB and of the device's cache */
typedef struct Inval {
    const char *name;
    uint64_t q0, q1;
    bool call;
    uint64_t addr, arg;     /* arg: size, and bit 0: leaf */
} Inval;

#define PIOTLB(gran, did, pasid) \
    (6 | (gran) << 4 | (uint64_t)(did) << 16 | (uint64_t)(pasid) << 32)
#define IOTLB(gran, did)    (2 | (gran) << 4 | (uint64_t)(did) << 16)
#define PDEV(sid, pasid) \
    (8 | (uint64_t)(sid) << 16 | (uint64_t)(pasid) << 32)
#define DEV(sid)            (3 | (uint64_t)(sid) << 32)
#define S_BIT               (1ull << 11)

static const Inval invals[] = {
    { "pasid", PIOTLB(PIOTLB_ALL, HDID, HPASID), 0, true, 0, 0 },
    { "page", PIOTLB(PIOTLB_PAGE, HDID, HPASID), HADDR, true, HADDR, KiB4 },
    { "page-leaf", PIOTLB(PIOTLB_PAGE, HDID, HPASID), HADDR | IH, true, HADDR,
      KiB4 | 1 },
    { "pages-512", PIOTLB(PIOTLB_PAGE, HDID, HPASID), HADDR | 9, true,
      HADDR & ~(MiB2 - 1), MiB2 },
    { "pages-2-to-the-51", PIOTLB(PIOTLB_PAGE, HDID, HPASID), HADDR | 51, true,
      0, 1ull << 63 },
    { "pages-2-to-the-63", PIOTLB(PIOTLB_PAGE, HDID, HPASID), HADDR | 63, true,
      0, 0 },
    { "page-negative", PIOTLB(PIOTLB_PAGE, HDID, HPASID), 0xffff800000001000,
      true, 0xffff800000001000, KiB4 },
    { "pasid-of-other-domain", PIOTLB(PIOTLB_ALL, HDID + 1, HPASID), 0 },
    { "page-of-other-domain", PIOTLB(PIOTLB_PAGE, HDID + 1, HPASID), HADDR },
    { "pasid-not-bound", PIOTLB(PIOTLB_ALL, HDID, HPASID + 1), 0 },
    { "global", IOTLB(IOTLB_GLOBAL, 0), 0, true, 0, 0 },
    { "domain", IOTLB(IOTLB_DOMAIN, HDID), 0, true, 0, 0 },
    { "domain-page", IOTLB(IOTLB_PAGE, HDID), HADDR, true, 0, 0 },
    { "other-domain", IOTLB(IOTLB_DOMAIN, HDID + 1), 0 },
    { "device-page", PDEV(SID0, HPASID), HADDR, true, HADDR, KiB4 },
    { "device-two-pages", PDEV(SID0, HPASID), (HADDR & ~0x1fffull) | S_BIT,
      true, HADDR & ~0x1fffull, 0x2000 },
    { "device-all", PDEV(SID0, HPASID), DEV_ALL | S_BIT, true, 0, 0 },
    { "device-global", PDEV(SID0, HPASID + 1), DEV_ALL | S_BIT | 1, true, 0,
      0 },
    { "device-pasid-not-bound", PDEV(SID0, HPASID + 1), HADDR },
    { "other-device", PDEV(SID1, HPASID), HADDR },
    { "device-without-pasid", DEV(SID0), HADDR },
};

static void inval_case(const void *opaque)
{
    const Inval *i = opaque;
    Host h;

    host_start_bound(&h, HOST_DEV);
    host_flush(&h, i->q0, i->q1);
    if (i->call) {
        host_expect(&h, C_INVALIDATE, HPASID, i->addr, i->arg);
    }
    host_expect_none(&h);
    host_quit(&h);
}

/* One call drops both caches; software asks for each of them. */
typedef struct Pair {
    const char *name;
    uint64_t first[2], second[2];
    bool apart;             /* by two writes of the tail */
    unsigned calls;
} Pair;

static const Pair pairs[] = {
    { "same-page", { PIOTLB(PIOTLB_PAGE, HDID, HPASID), HADDR },
      { PDEV(SID0, HPASID), HADDR }, false, 1 },
    { "all", { PIOTLB(PIOTLB_ALL, HDID, HPASID), 0 },
      { PDEV(SID0, HPASID), DEV_ALL | S_BIT }, false, 1 },
    { "all-then-page", { PIOTLB(PIOTLB_ALL, HDID, HPASID), 0 },
      { PDEV(SID0, HPASID), HADDR }, false, 1 },
    { "range-then-page", { PIOTLB(PIOTLB_PAGE, HDID, HPASID), HADDR | 9 },
      { PDEV(SID0, HPASID), HADDR }, false, 1 },
    { "apart", { PIOTLB(PIOTLB_PAGE, HDID, HPASID), HADDR },
      { PDEV(SID0, HPASID), HADDR }, true, 2 },
    { "other-page", { PIOTLB(PIOTLB_PAGE, HDID, HPASID), HADDR },
      { PDEV(SID0, HPASID), HADDR + KiB4 }, false, 2 },
    { "page-below", { PIOTLB(PIOTLB_PAGE, HDID, HPASID), HADDR },
      { PDEV(SID0, HPASID), HADDR - KiB4 }, false, 2 },
    { "page-then-all", { PIOTLB(PIOTLB_PAGE, HDID, HPASID), HADDR },
      { PDEV(SID0, HPASID), DEV_ALL | S_BIT }, false, 2 },
    { "page-then-range", { PIOTLB(PIOTLB_PAGE, HDID, HPASID), HADDR },
      { PDEV(SID0, HPASID), (HADDR & ~0x1fffull) | S_BIT }, false, 2 },
    { "other-pasid", { PIOTLB(PIOTLB_ALL, HDID, HPASID + 1), 0 },
      { PDEV(SID0, HPASID), HADDR }, false, 2 },
};

static void pair_case(const void *opaque)
{
    const Pair *p = opaque;
    uint64_t both[2][2] = {
        { p->first[0], p->first[1] }, { p->second[0], p->second[1] },
    };
    uint32_t before;
    Host h;

    host_start_bound(&h, HOST_DEV);
    host_entry(&h, HPASID + 1, HDID);
    host_pasid_flush(&h, HPASID + 1, HDID);
    before = host_get(&h, H_COUNT);
    host_queue(&h, both, p->apart ? 1 : 2);
    if (p->apart) {
        host_queue(&h, both + 1, 1);
    }
    host_wait(&h);
    g_assert_cmpuint(host_get(&h, H_COUNT) - before, ==, p->calls);
    host_quit(&h);
}

/* More than one call of a turn is remembered, but not without bound. */
static void test_covered(void)
{
    uint64_t many[20][2];
    uint32_t before;
    unsigned i;
    Host h;

    host_start_bound(&h, HOST_DEV);
    for (i = 0; i < 17; i++) {
        many[i][0] = PIOTLB(PIOTLB_PAGE, HDID, HPASID);
        many[i][1] = HADDR + i * KiB4;
    }
    for (i = 0; i < 3; i++) {
        many[17 + i][0] = PDEV(SID0, HPASID);
        many[17 + i][1] = HADDR + i * 8 * KiB4;
    }
    before = host_get(&h, H_COUNT);
    host_queue(&h, many, 20);
    host_wait(&h);
    g_assert_cmpuint(host_get(&h, H_COUNT) - before, ==, 18);
    /* Of another turn nothing is. */
    host_queue(&h, &many[1], 1);
    host_wait(&h);
    before = host_get(&h, H_COUNT);
    host_queue(&h, &many[16], 2);
    host_wait(&h);
    g_assert_cmpuint(host_get(&h, H_COUNT) - before, ==, 2);
    host_quit(&h);
}

/* Only PASIDs of the domain are invalidated, each of them. */
static void test_two_domains(void)
{
    Host h;

    host_start_bound(&h, HOST_DEV);
    host_entry(&h, HPASID + 1, OTHER_DID);
    host_pasid_flush(&h, HPASID + 1, OTHER_DID);
    host_forget(&h);
    host_flush(&h, vtd_iotlb_q0(IOTLB_DOMAIN, OTHER_DID), 0);
    host_expect(&h, C_INVALIDATE, HPASID + 1, 0, 0);
    host_expect_none(&h);
    host_flush(&h, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
    g_assert_cmpuint(host_get(&h, H_COUNT) - h.seen, ==, 2);
    host_forget(&h);
    host_flush(&h, vtd_iotlb_q0(IOTLB_DOMAIN, OTHER_DID), 0);
    host_expect(&h, C_INVALIDATE, HPASID + 1, 0, 0);
    host_expect_none(&h);
    host_quit(&h);
}

/* Requests without PASID have caches, too, once a table is theirs. */
static void test_rid_invalidations(void)
{
    SvaEntry first;
    Host h;

    host_start(&h, HOST_UNIT, HOST_RID);
    host_enable(&h);
    first = vtd_entry_first(&h.fs, HDID);
    vtd_bind(h.s, SID0, 0, &first);
    host_pasid_flush(&h, 0, 1);
    host_forget(&h);
    host_flush(&h, vtd_piotlb_q0(PIOTLB_ALL, HDID, 0), 0);
    host_expect(&h, C_INVALIDATE, NO_PASID, 0, 0);
    host_flush(&h, vtd_piotlb_q0(PIOTLB_ALL, HDID + 1, 0), 0);
    host_flush(&h, vtd_piotlb_q0(PIOTLB_ALL, HDID, 5), 0);
    host_flush(&h, vtd_iotlb_q0(IOTLB_DOMAIN, HDID + 1), 0);
    host_expect_none(&h);
    host_flush(&h, vtd_iotlb_q0(IOTLB_DOMAIN, HDID), 0);
    host_expect(&h, C_INVALIDATE, NO_PASID, 0, 0);
    host_flush(&h, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
    host_expect(&h, C_INVALIDATE, NO_PASID, 0, 0);
    host_flush(&h, DEV(SID0), HADDR);
    host_expect(&h, C_INVALIDATE, NO_PASID, HADDR, KiB4);
    host_expect_none(&h);
    host_quit(&h);
}

/* Their PASID is the one that the context entry names. */
static void test_rid_pasid(void)
{
    const uint32_t rid = 0x777;
    SvaEntry first;
    Host h;

    host_start(&h, HOST_UNIT, HOST_RID);
    vtd_context(h.s, SID0, CTX_ALL);
    sva_write64(h.s, vtd_context_at(h.s, SID0) + 8, rid);
    first = vtd_entry_first(&h.fs, HDID);
    vtd_bind(h.s, SID0, rid, &first);
    vtd_enable(h.s);
    host_wait(&h);
    host_expect(&h, C_SET_RID, RID_FIRST, h.fs.root, 48);
    host_forget(&h);
    host_flush(&h, vtd_piotlb_q0(PIOTLB_ALL, HDID, rid), 0);
    host_expect(&h, C_INVALIDATE, NO_PASID, 0, 0);
    host_flush(&h, vtd_piotlb_q0(PIOTLB_ALL, HDID, 0), 0);
    host_expect_none(&h);
    host_quit(&h);
}

/* Without a table of theirs they have none. */
static void test_rid_passes(void)
{
    Host h;

    host_start_bound(&h, HOST_RID);
    host_flush(&h, vtd_piotlb_q0(PIOTLB_ALL, 0, 0), 0);
    host_flush(&h, vtd_piotlb_q0(PIOTLB_ALL, 1, 0), 0);
    host_expect_none(&h);
    host_quit(&h);
}

/* What the unit refuses, the host is not told of. */
typedef struct Refused {
    const char *name;
    uint64_t q0;
} Refused;

static const Refused refusals[] = {
    { "context", 1 },
    { "pasid-cache", 7 | 2 << 4 },
    { "iotlb", 2 | HDID << 16 },
    { "pasid-iotlb", 6 | 1 << 4 | HDID << 16 | (uint64_t)HPASID << 32 },
};

static void refused_case(const void *opaque)
{
    const Refused *r = opaque;
    Host h;

    host_start_bound(&h, HOST_DEV);
    change_table(&h, HPASID, HDID);
    vtd_iq(h.s, r->q0, 0);
    g_assert_cmphex(vtd_readl(h.s, VTD_FSTS), ==, FSTS_IQE);
    g_assert_cmpuint(vtd_readq(h.s, VTD_IQER) & 0xf, ==, 4);
    host_idle(&h);
    host_expect_none(&h);
    host_quit(&h);
}

/* A queue too long for one turn of the main loop is served to its end. */
static void test_long_queue(void)
{
    const unsigned n = 16384;
    g_autofree uint64_t *desc = g_new0(uint64_t, n * 4);
    uint64_t base;
    unsigned i;
    Host h;

    host_start_bound(&h, HOST_DEV);
    base = sva_pages(h.s, n * 32, KiB4);
    for (i = 0; i < n; i++) {
        desc[i * 4] = cpu_to_le64(vtd_pc_q0(PC_PASID, HDID, HPASID + 1));
    }
    qtest_memwrite(h.s->qts, base, desc, n * 32);
    vtd_gcmd(h.s, GSTS_QIES, false);
    vtd_writeq(h.s, VTD_IQA, base | 1 << 11 | 7);
    vtd_writeq(h.s, VTD_IQT, 0);
    vtd_gcmd(h.s, GSTS_QIES, true);
    vtd_writeq(h.s, VTD_IQT, (n - 1) * 32);
    for (i = 0; i < 60000 && vtd_readq(h.s, VTD_IQH) != (n - 1) * 32; i++) {
        g_usleep(1000);
    }
    g_assert_cmphex(vtd_readq(h.s, VTD_IQH), ==, (n - 1) * 32);
    g_assert_cmphex(vtd_readl(h.s, VTD_FSTS), ==, 0);
    host_expect_none(&h);
    host_quit(&h);
}

int main(int argc, char **argv)
{
    static const uint64_t legacy = TTM_LEGACY, abort = TTM_ABORT;
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(events); i++) {
        static const struct {
            const char *name;
            void (*run)(const void *opaque);
        } states[STATES] = {
            { "new", event_new }, { "gone", event_gone },
            { "same", event_same }, { "changed", event_changed },
            { "moved", event_moved },
        };
        int j;

        for (j = 0; j < STATES; j++) {
            g_autofree char *path = g_strdup_printf(
                "/svatest/host/%s/%s", states[j].name, events[i].name);

            qtest_add_data_func(path, &events[i], states[j].run);
        }
    }
    SVA_ADD_TABLE("host/entry", unwanted, unwanted_case);
    SVA_ADD_TABLE("host/rid-map", rids, rid_map_case);
    SVA_ADD_TABLE("host/rid-call", rids, rid_call_case);
    SVA_ADD_TABLE("host/invalidate", invals, inval_case);
    SVA_ADD_TABLE("host/invalidate-pair", pairs, pair_case);
    qtest_add_data_func("/svatest/host/mode/legacy", &legacy, mode_case);
    qtest_add_data_func("/svatest/host/mode/abort", &abort, mode_case);
    qtest_add_func("/svatest/host/five-levels", test_five_levels);
    qtest_add_func("/svatest/host/directory", test_directory);
    qtest_add_func("/svatest/host/translation-off-on",
                   test_translation_off_on);
    qtest_add_func("/svatest/host/translation-off", test_translation_off);
    qtest_add_func("/svatest/host/covered", test_covered);
    SVA_ADD_TABLE("host/refused-descriptor", refusals, refused_case);
    qtest_add_func("/svatest/host/long-queue", test_long_queue);
    qtest_add_func("/svatest/host/two-domains", test_two_domains);
    qtest_add_func("/svatest/host/rid-late-error", test_rid_late_error);
    qtest_add_func("/svatest/host/reset", test_reset);
    qtest_add_func("/svatest/host/two-scans", test_two_scans);
    qtest_add_func("/svatest/host/two-devices", test_two_devices);
    qtest_add_func("/svatest/host/rid-changes", test_rid_changes);
    qtest_add_func("/svatest/host/rid-error", test_rid_error);
    qtest_add_func("/svatest/host/rid-pasid", test_rid_pasid);
    qtest_add_func("/svatest/host/rid-passes", test_rid_passes);
    qtest_add_func("/svatest/host/rid-invalidations", test_rid_invalidations);
    return g_test_run();
}
