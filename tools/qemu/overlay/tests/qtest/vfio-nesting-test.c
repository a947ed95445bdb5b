/*
 * vfio-pci,nesting=on with a svatest of the host
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * These cases need a kernel with VFIO nesting and two svatest devices that are
 * bound to vfio-pci, and are skipped without. No guest runs: tables are built
 * by hand in guest memory, and what the device then does goes through VFIO and
 * the host's IOMMU. Answers of the host come when they come: what a case waits
 * for, it polls for, many times.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "svatest-drv.h"
#include "qobject/qdict.h"

#define DRIVER  "/sys/bus/pci/drivers/vfio-pci"
#define UNIT    SVA_UNIT ",caching-mode=on"
#define PASID   ENV_PASID
#define OTHER   ENV_OTHER
#define DID     ENV_DID
#define IOVA    ENV_IOVA
#define OLD     ENV_OLD
#define NEW     ENV_NEW
#define POLLS   100000

/* The one with the wider PASIDs last in the machine, and first here */
static char *host[2];

/* What is waited for comes, or the case fails. */
#define POLL(condition) \
    do { \
        unsigned poll_n = POLLS; \
        while (!(condition) && --poll_n) { \
            g_usleep(100); \
        } \
        if (!poll_n) { \
            g_test_message("never: %s", #condition); \
            g_assert_not_reached(); \
        } \
    } while (0)

static void flush(Sva *s)
{
    vtd_wait(s);
    POLL(vtd_wait_done(s));
}

static char *device(unsigned n)
{
    return g_strdup_printf("-device vfio-pci,host=%s,id=t%u,addr=%u,nesting=on",
                           host[n], n, n + 4);
}

static void init_device(SvaDev *d, Sva *s, uint16_t sid)
{
    unsigned i;

    sva_dev_init(d, s, sid);
    /* What an earlier case left, the device may have kept over its reset. */
    sva_dev_writel(d, SVATEST_R_CONTROL, SVATEST_CTRL_RESET);
    POLL(!(sva_dev_readl(d, SVATEST_R_CONTROL) & SVATEST_CTRL_RESET));
    for (i = 0; i < 2; i++) {
        sva_dev_writel(d, i ? SVATEST_K_CLEAR : SVATEST_K_INV_HOLD, i);
    }
    sva_dev_start(d);
    sva_dev_pasid(d, true);
    sva_dev_ats(d, true);
}

/* The tables of an SvaEnv, translation still off */
static void prepare(SvaEnv *e, const char *more)
{
    g_autofree char *dev = device(0);
    g_autofree char *args = g_strdup_printf(UNIT " %s %s", dev, more);

    *e = (SvaEnv) { .s = sva_start(args) };
    init_device(&e->d, e->s, SID0);
    vtd_table(&e->fs, e->s, false, 4, NULL);
    e->old = sva_page(e->s);
    e->new = sva_page(e->s);
    sva_write64(e->s, e->old, OLD);
    sva_write64(e->s, e->new, NEW);
    e->leaf = vtd_map(&e->fs, IOVA, e->old, FS_ALL, 1);
    e->entry = vtd_entry_first(&e->fs, DID);
    vtd_context(e->s, SID0, CTX_ALL);
    vtd_pq_init(e->s, 0);
}

/* @rid: entry of requests without PASID */
static void enable_with(SvaEnv *e, const SvaEntry *rid)
{
    vtd_bind(e->s, SID0, 0, rid);
    vtd_set_root(e->s, TTM_SCALABLE);
    vtd_iq_init(e->s, true);
    vtd_gcmd(e->s, GSTS_TE, true);
    vtd_iq(e->s, vtd_ctx_q0(CTX_GLOBAL, 0, 0, 0), 0);
    vtd_iq(e->s, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
    vtd_iq(e->s, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
    flush(e->s);
}

static void enable(SvaEnv *e)
{
    SvaEntry pt = vtd_entry_pt(1);

    enable_with(e, &pt);
}

static void start(SvaEnv *e)
{
    prepare(e, "");
    enable(e);
}

static void tell_pasid(SvaEnv *e, uint32_t pasid)
{
    vtd_iq(e->s, vtd_pc_q0(PC_PASID, DID, pasid), 0);
    vtd_iq(e->s, vtd_piotlb_q0(PIOTLB_ALL, DID, pasid), 0);
    vtd_iq(e->s, vtd_pdev_q0(SID0, SID0, pasid), DEV_ALL | 1);
    flush(e->s);
}

static void bind_pasid(SvaEnv *e, uint32_t pasid)
{
    vtd_bind(e->s, SID0, pasid, &e->entry);
    tell_pasid(e, pasid);
}

static void unbind_pasid(SvaEnv *e, uint32_t pasid)
{
    vtd_unbind(e->s, SID0, pasid);
    tell_pasid(e, pasid);
}

static void page_requests(SvaEnv *e, bool on)
{
    sva_dev_pri(&e->d, on);
}

/* How a command that has been issued ends */
static SvaResult result(SvaDev *d)
{
    SvaResult r = { };

    POLL((r = sva_result(d)).status != SVATEST_ST_NONE);
    return r;
}

static SvaResult run(SvaDev *d, uint32_t pasid, uint32_t op, uint64_t addr)
{
    struct svatest_desc desc = {
        .op_flags = op, .pasid = sva_desc_pasid(pasid), .length = 8,
    };

    if ((op & 0xff) == SVATEST_OP_WRITE) {
        desc.src = 64;
        desc.dst = addr;
    } else {
        desc.src = addr;
    }
    sva_issue(d, &desc);
    return result(d);
}

static uint64_t peek(SvaDev *d, uint32_t pasid, uint64_t addr)
{
    SvaResult r = run(d, pasid, SVATEST_OP_READ, addr);

    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    return qtest_readq(d->s->qts, d->bar[SVATEST_BAR_MEM]);
}

static void expect_refused(SvaDev *d, uint32_t pasid, uint32_t op,
                           uint64_t addr)
{
    SvaResult r = run(d, pasid, op | SVATEST_F_UNTRANSLATED, addr);

    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
}

static void expect_fault(SvaEnv *e, uint8_t reason, uint32_t pasid,
                         uint64_t addr)
{
    SvaFault f = { };

    POLL(vtd_fault_next(e->s, &f));
    g_assert_cmphex(f.reason, ==, reason);
    g_assert_cmphex(f.sid, ==, SID0);
    g_assert_cmphex(f.pasid, ==, pasid);
    g_assert_cmphex(f.addr, ==, FI(addr));
}

/* Capabilities */

static void test_cap_pasid(void)
{
    SvaEnv e;
    unsigned cap;

    prepare(&e, "");
    cap = sva_ext_cap(e.s, SID0, CAP_PASID);
    g_assert_cmpuint(cap, !=, 0);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, cap + 4) & 6, ==, 0);
    g_assert_cmpuint(sva_cfg_readw(e.s, SID0, cap + 4) >> 8, >=, 4);
    /* only Enable can be written */
    sva_cfg_writew(e.s, SID0, cap + 6, 0xffff);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, cap + 6), ==, 1);
    sva_cfg_writew(e.s, SID0, cap + 6, 0);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, cap + 6), ==, 0);
    sva_quit(e.s);
}

static void test_cap_offset(void)
{
    g_autofree char *args = g_strdup_printf(
        UNIT " -device vfio-pci,host=%s,addr=4,nesting=on,"
        "x-pasid-cap-offset=0xe00", host[0]);
    Sva *s = sva_start(args);

    g_assert_cmphex(sva_ext_cap(s, SID0, CAP_PASID), ==, 0xe00);
    sva_quit(s);
}

static void test_cap_pri(void)
{
    SvaEnv e;
    unsigned cap;

    prepare(&e, "");
    cap = sva_ext_cap(e.s, SID0, CAP_PRI);
    g_assert_cmpuint(cap, !=, 0);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, cap + 4), ==, 0);
    g_assert_cmphex(sva_pri_status(&e.d) & 0x1ff, ==, 0x100);
    sva_pri_allocate(&e.d, 7);
    g_assert_cmphex(sva_cfg_readl(e.s, SID0, cap + 12), ==, 7);
    sva_pri_control(&e.d, 1);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, cap + 4), ==, 1);
    g_assert_cmphex(sva_pri_status(&e.d) & 0x1ff, ==, 0);
    sva_pri_control(&e.d, 0);
    g_assert_cmphex(sva_pri_status(&e.d) & 0x1ff, ==, 0x100);
    /* Reset is no state. */
    sva_pri_control(&e.d, 2);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, cap + 4), ==, 0);
    sva_quit(e.s);
}

static uint16_t host_config(unsigned n, unsigned offset)
{
    g_autofree char *path = g_strdup_printf(DRIVER "/%s/config", host[n]);
    uint16_t value = 0;
    int fd = open(path, O_RDONLY);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(pread(fd, &value, sizeof(value), offset), ==,
                    sizeof(value));
    close(fd);
    return le16_to_cpu(value);
}

/* What the guest writes to the controls does not reach the device. */
static void test_cap_private(void)
{
    SvaEnv e;
    unsigned ats, pri, pasid;

    prepare(&e, "");
    ats = sva_ext_cap(e.s, SID0, CAP_ATS);
    pri = sva_ext_cap(e.s, SID0, CAP_PRI);
    pasid = sva_ext_cap(e.s, SID0, CAP_PASID);
    sva_cfg_writew(e.s, SID0, ats + 6, 0);
    sva_cfg_writew(e.s, SID0, pri + 4, 0);
    sva_cfg_writew(e.s, SID0, pasid + 6, 0);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, ats + 6), ==, 0);
    g_assert_cmphex(host_config(0, ats + 6) & 0x8000, ==, 0x8000);
    g_assert_cmphex(host_config(0, pri + 4) & 1, ==, 1);
    g_assert_cmphex(host_config(0, pasid + 6) & 1, ==, 1);
    sva_quit(e.s);
}

/* Bindings */

static void test_bind(void)
{
    SvaEnv e;

    start(&e);
    bind_pasid(&e, PASID);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    g_assert_cmphex(run(&e.d, PASID, SVATEST_OP_WRITE, IOVA).status, ==,
                    SVATEST_ST_OK);
    sva_quit(e.s);
}

static void test_bind_before_te(void)
{
    SvaEnv e;

    prepare(&e, "");
    vtd_bind(e.s, SID0, PASID, &e.entry);
    enable(&e);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    sva_quit(e.s);
}

static void test_bind_replace(void)
{
    SvaTable fs;
    SvaEnv e;

    start(&e);
    bind_pasid(&e, PASID);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    vtd_table(&fs, e.s, false, 4, NULL);
    vtd_map(&fs, IOVA, e.new, FS_ALL, 1);
    e.entry = vtd_entry_first(&fs, DID);
    bind_pasid(&e, PASID);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, NEW);
    sva_quit(e.s);
}

static void test_unbind(void)
{
    SvaEnv e;

    start(&e);
    bind_pasid(&e, PASID);
    bind_pasid(&e, OTHER);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    unbind_pasid(&e, PASID);
    expect_refused(&e.d, PASID, SVATEST_OP_READ, IOVA);
    /* another one is not concerned, and the number can be had again */
    g_assert_cmphex(peek(&e.d, OTHER, IOVA), ==, OLD);
    bind_pasid(&e, PASID);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    sva_quit(e.s);
}

static void test_te_off(void)
{
    SvaEnv e;

    start(&e);
    bind_pasid(&e, PASID);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    vtd_gcmd(e.s, GSTS_TE, false);
    flush(e.s);
    expect_refused(&e.d, PASID, SVATEST_OP_READ, IOVA);
    vtd_gcmd(e.s, GSTS_TE, true);
    flush(e.s);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    sva_quit(e.s);
}

/* Invalidations: the device has a stale translation until it is told. */

typedef struct Invalidation {
    const char *name;
    void (*tell)(SvaEnv *e);
} Invalidation;

static void by_page(SvaEnv *e)
{
    vtd_iq(e->s, vtd_piotlb_q0(PIOTLB_PAGE, DID, PASID), IOVA);
    vtd_iq(e->s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
}

static void by_pasid(SvaEnv *e)
{
    vtd_iq(e->s, vtd_piotlb_q0(PIOTLB_ALL, DID, PASID), 0);
    vtd_iq(e->s, vtd_pdev_q0(SID0, SID0, PASID), DEV_ALL | 1);
}

static void by_device(SvaEnv *e)
{
    vtd_iq(e->s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
}

static void by_domain(SvaEnv *e)
{
    vtd_iq(e->s, vtd_iotlb_q0(IOTLB_DOMAIN, DID), 0);
}

static void by_global(SvaEnv *e)
{
    vtd_iq(e->s, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
}

static const Invalidation invalidations[] = {
    { "page", by_page },
    { "pasid", by_pasid },
    { "device", by_device },
    { "domain", by_domain },
    { "global", by_global },
};

static void test_invalidate(const void *opaque)
{
    const Invalidation *inv = opaque;
    SvaEnv e;

    start(&e);
    bind_pasid(&e, PASID);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    sva_write64(e.s, e.leaf, e.new | FS_ALL);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    inv->tell(&e);
    flush(e.s);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, NEW);
    sva_quit(e.s);
}

/* Page requests */

#define ABSENT  (IOVA + 16 * KiB4)

/* A command that meets an absent page, and its request in the guest's queue */
static unsigned ask(SvaEnv *e, uint32_t pasid)
{
    uint64_t d[4];

    sva_issue(&e->d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_READ, .pasid = sva_desc_pasid(pasid),
        .src = ABSENT, .length = 8,
    });
    POLL(vtd_pq_next(e->s, d));
    g_assert_cmphex(d[0] & 0xff, ==, 1);
    g_assert_cmphex((d[0] >> 16) & 0xffff, ==, SID0);
    g_assert_cmphex((d[0] >> 32) & 0xfffff, ==, pasid);
    g_assert_cmphex(d[1] & ~0xfffull, ==, ABSENT);
    g_assert_cmphex(d[1] & 7, ==, 1 | 4);
    return (d[1] >> 3) & 0x1ff;
}

static void answer(SvaEnv *e, uint32_t pasid, unsigned prgi, unsigned code)
{
    vtd_iq(e->s, vtd_resp_q0(SID0, pasid, code), vtd_resp_q1(prgi));
    flush(e->s);
}

static void start_pri(SvaEnv *e)
{
    start(e);
    page_requests(e, true);
    bind_pasid(e, PASID);
}

static void test_request(void)
{
    SvaEnv e;
    unsigned prgi;

    start_pri(&e);
    for (unsigned i = 0; i < 3; i++) {
        prgi = ask(&e, PASID);
        vtd_map(&e.fs, ABSENT, e.new, FS_ALL, 1);
        answer(&e, PASID, prgi, 0);
        g_assert_cmphex(result(&e.d).status, ==, SVATEST_ST_OK);
        g_assert_cmphex(qtest_readq(e.s->qts, e.d.bar[SVATEST_BAR_MEM]), ==,
                        NEW);
        vtd_map(&e.fs, ABSENT, 0, 0, 1);
        by_pasid(&e);
        flush(e.s);
    }
    sva_quit(e.s);
}

static void test_request_invalid(void)
{
    SvaEnv e;

    start_pri(&e);
    answer(&e, PASID, ask(&e, PASID), 1);
    g_assert_cmphex(result(&e.d).status, !=, SVATEST_ST_OK);
    sva_quit(e.s);
}

/* An answer to a group that nobody asked about goes nowhere. */
static void test_request_made_up(void)
{
    SvaEnv e;
    unsigned prgi;

    start_pri(&e);
    prgi = ask(&e, PASID);
    answer(&e, PASID, prgi ^ 1, 1);
    answer(&e, OTHER, prgi, 1);
    vtd_map(&e.fs, ABSENT, e.new, FS_ALL, 1);
    answer(&e, PASID, prgi, 0);
    answer(&e, PASID, prgi, 1);
    g_assert_cmphex(result(&e.d).status, ==, SVATEST_ST_OK);
    sva_quit(e.s);
}

/* The host has page requests on; the guest has them off. */
static void test_request_off(void)
{
    SvaEnv e;

    start_pri(&e);
    sva_pri_control(&e.d, 0);
    sva_issue(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_READ, .pasid = sva_desc_pasid(PASID),
        .src = ABSENT, .length = 8,
    });
    g_assert_cmphex(result(&e.d).status, !=, SVATEST_ST_OK);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_quit(e.s);
}

static void test_request_unbind(void)
{
    SvaEnv e;
    unsigned prgi;

    start_pri(&e);
    prgi = ask(&e, PASID);
    unbind_pasid(&e, PASID);
    g_assert_cmphex(result(&e.d).status, !=, SVATEST_ST_OK);
    answer(&e, PASID, prgi, 0);
    /* and the next one gets its own answer */
    bind_pasid(&e, PASID);
    prgi = ask(&e, PASID);
    vtd_map(&e.fs, ABSENT, e.new, FS_ALL, 1);
    answer(&e, PASID, prgi, 0);
    g_assert_cmphex(result(&e.d).status, ==, SVATEST_ST_OK);
    sva_quit(e.s);
}

static void test_request_stopped(void)
{
    SvaEnv e;
    unsigned prgi;
    uint64_t d[4];

    start_pri(&e);
    qtest_qmp_assert_success(e.s->qts, "{ 'execute': 'stop' }");
    sva_issue(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_READ, .pasid = sva_desc_pasid(PASID),
        .src = ABSENT, .length = 8,
    });
    g_usleep(200000);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    qtest_qmp_assert_success(e.s->qts, "{ 'execute': 'cont' }");
    POLL(vtd_pq_next(e.s, d));
    prgi = (d[1] >> 3) & 0x1ff;
    vtd_map(&e.fs, ABSENT, e.new, FS_ALL, 1);
    answer(&e, PASID, prgi, 0);
    g_assert_cmphex(result(&e.d).status, ==, SVATEST_ST_OK);
    sva_quit(e.s);
}

/* Faults */

static void test_fault_absent(void)
{
    SvaEnv e;

    start(&e);
    bind_pasid(&e, PASID);
    expect_refused(&e.d, PASID, SVATEST_OP_READ, ABSENT);
    expect_fault(&e, 0x71, PASID, ABSENT);
    sva_quit(e.s);
}

static void test_fault_write(void)
{
    SvaEnv e;

    start(&e);
    sva_clear_bits(e.s, e.leaf, FS_RW);
    bind_pasid(&e, PASID);
    expect_refused(&e.d, PASID, SVATEST_OP_WRITE, IOVA);
    expect_fault(&e, 0x85, PASID, IOVA);
    sva_quit(e.s);
}

static void test_fault_unbound(void)
{
    SvaFault f = { };
    SvaEnv e;

    start(&e);
    expect_refused(&e.d, PASID, SVATEST_OP_READ, IOVA);
    POLL(vtd_fault_next(e.s, &f));
    g_assert_cmphex(f.pasid, ==, PASID);
    g_assert_cmphex(f.sid, ==, SID0);
    sva_quit(e.s);
}

/* A table that points to where the guest has no memory */
static void test_fault_beyond(void)
{
    SvaEnv e;

    start(&e);
    vtd_map(&e.fs, IOVA, 0x7000000000, FS_ALL, 1);
    bind_pasid(&e, PASID);
    expect_refused(&e.d, PASID, SVATEST_OP_READ, IOVA);
    sva_quit(e.s);
}

/* A table where the guest has no memory: nothing is read there. */
static void test_fault_table_beyond(void)
{
    SvaTable fs;
    SvaEnv e;

    start(&e);
    vtd_table(&fs, e.s, false, 4, NULL);
    fs.root = 0x7000000000;
    e.entry = vtd_entry_first(&fs, DID);
    bind_pasid(&e, PASID);
    expect_refused(&e.d, PASID, SVATEST_OP_READ, IOVA);
    expect_fault(&e, 0x73, PASID, IOVA);
    sva_quit(e.s);
}

/* Registers take 32 and 64 bits; what else is written changes nothing. */
static void test_widths(void)
{
    uint32_t status;
    unsigned reg;
    SvaEnv e;

    start(&e);
    bind_pasid(&e, PASID);
    status = vtd_readl(e.s, VTD_GSTS);
    for (reg = 0; reg < 0x200; reg++) {
        qtest_writeb(e.s->qts, VTD_BASE + reg, 0xff);
        qtest_writew(e.s->qts, VTD_BASE + reg, 0xffff);
        if (reg & 3) {
            qtest_writel(e.s->qts, VTD_BASE + reg, UINT32_MAX);
        }
    }
    g_assert_cmphex(vtd_readl(e.s, VTD_GSTS), ==, status);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    unbind_pasid(&e, PASID);
    expect_refused(&e.d, PASID, SVATEST_OP_READ, IOVA);
    sva_quit(e.s);
}

/* Requests without PASID */

static void test_rid_mapped(void)
{
    SvaEnv e;

    prepare(&e, "");
    g_assert_cmphex(peek(&e.d, NO_PASID, e.old), ==, OLD);
    enable(&e);
    g_assert_cmphex(peek(&e.d, NO_PASID, e.new), ==, NEW);
    sva_quit(e.s);
}

static void test_rid_absent(void)
{
    SvaEnv e;

    start(&e);
    vtd_unbind(e.s, SID0, 0);
    vtd_iq(e.s, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
    flush(e.s);
    expect_refused(&e.d, NO_PASID, SVATEST_OP_READ, e.old);
    sva_quit(e.s);
}

/* The guest changes its entry of requests without PASID, and says so. */
static void set_rid(SvaEnv *e, const SvaEntry *entry)
{
    vtd_bind(e->s, SID0, 0, entry);
    vtd_iq(e->s, vtd_pc_q0(PC_PASID, 1, 0), 0);
    vtd_iq(e->s, vtd_pc_q0(PC_PASID, DID, 0), 0);
    flush(e->s);
}

static void start_rid(SvaEnv *e)
{
    start(e);
    set_rid(e, &e->entry);
    g_assert_cmphex(peek(&e->d, NO_PASID, IOVA), ==, OLD);
}

static void test_rid_first(void)
{
    SvaEntry pt = vtd_entry_pt(1);
    SvaEnv e;

    start(&e);
    bind_pasid(&e, PASID);
    set_rid(&e, &e.entry);
    g_assert_cmphex(peek(&e.d, NO_PASID, IOVA), ==, OLD);
    expect_refused(&e.d, NO_PASID, SVATEST_OP_READ, e.new);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    set_rid(&e, &pt);
    g_assert_cmphex(peek(&e.d, NO_PASID, e.new), ==, NEW);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    sva_quit(e.s);
}

static void test_rid_before_te(void)
{
    SvaEnv e;

    prepare(&e, "");
    enable_with(&e, &e.entry);
    g_assert_cmphex(peek(&e.d, NO_PASID, IOVA), ==, OLD);
    sva_quit(e.s);
}

static void test_rid_replace(void)
{
    SvaEntry entry;
    SvaTable fs;
    SvaEnv e;

    start_rid(&e);
    vtd_table(&fs, e.s, false, 4, NULL);
    vtd_map(&fs, IOVA, e.new, FS_ALL, 1);
    entry = vtd_entry_first(&fs, DID);
    set_rid(&e, &entry);
    g_assert_cmphex(peek(&e.d, NO_PASID, IOVA), ==, NEW);
    sva_quit(e.s);
}

/* A PASID is still bound when no request without one passes. */
static void test_rid_block(void)
{
    SvaEnv e;

    start_rid(&e);
    bind_pasid(&e, PASID);
    vtd_unbind(e.s, SID0, 0);
    vtd_iq(e.s, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
    flush(e.s);
    expect_refused(&e.d, NO_PASID, SVATEST_OP_READ, IOVA);
    expect_refused(&e.d, NO_PASID, SVATEST_OP_READ, e.old);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    sva_quit(e.s);
}

static void test_rid_te_off(void)
{
    SvaEnv e;

    start_rid(&e);
    vtd_gcmd(e.s, GSTS_TE, false);
    flush(e.s);
    g_assert_cmphex(peek(&e.d, NO_PASID, e.new), ==, NEW);
    vtd_gcmd(e.s, GSTS_TE, true);
    flush(e.s);
    g_assert_cmphex(peek(&e.d, NO_PASID, IOVA), ==, OLD);
    sva_quit(e.s);
}

static void test_rid_fault(void)
{
    SvaEnv e;

    start_rid(&e);
    expect_refused(&e.d, NO_PASID, SVATEST_OP_READ, ABSENT);
    expect_fault(&e, 0x71, NO_PASID, ABSENT);
    sva_quit(e.s);
}

static void rid_by_page(SvaEnv *e)
{
    vtd_iq(e->s, vtd_piotlb_q0(PIOTLB_PAGE, DID, 0), IOVA);
    vtd_iq(e->s, vtd_dev_q0(SID0, SID0), IOVA);
}

static void rid_by_pasid(SvaEnv *e)
{
    vtd_iq(e->s, vtd_piotlb_q0(PIOTLB_ALL, DID, 0), 0);
    vtd_iq(e->s, vtd_dev_q0(SID0, SID0), DEV_ALL | 1);
}

static void rid_by_device(SvaEnv *e)
{
    vtd_iq(e->s, vtd_dev_q0(SID0, SID0), IOVA);
}

static const Invalidation rid_invalidations[] = {
    { "page", rid_by_page },
    { "pasid", rid_by_pasid },
    { "device", rid_by_device },
    { "domain", by_domain },
    { "global", by_global },
};

static void test_rid_invalidate(const void *opaque)
{
    const Invalidation *inv = opaque;
    SvaEnv e;

    start_rid(&e);
    sva_write64(e.s, e.leaf, e.new | FS_ALL);
    g_assert_cmphex(peek(&e.d, NO_PASID, IOVA), ==, OLD);
    inv->tell(&e);
    flush(e.s);
    g_assert_cmphex(peek(&e.d, NO_PASID, IOVA), ==, NEW);
    sva_quit(e.s);
}

/* Nothing of the guest's tables is left after a reset of the machine. */
static void test_rid_reset(void)
{
    SvaEnv e;

    start_rid(&e);
    bind_pasid(&e, PASID);
    qtest_system_reset(e.s->qts);
    sva_config_space(e.s);
    init_device(&e.d, e.s, SID0);
    g_assert_cmphex(peek(&e.d, NO_PASID, e.old), ==, OLD);
    expect_refused(&e.d, PASID, SVATEST_OP_READ, IOVA);
    sva_quit(e.s);
}

/* ROM is no memory of the second stage, and RAM beside it is. */
static void test_rom(void)
{
    SvaEnv e;

    prepare(&e, "");
    expect_refused(&e.d, NO_PASID, SVATEST_OP_READ, SVA_ROM);
    g_assert_cmphex(peek(&e.d, NO_PASID, e.old), ==, OLD);
    sva_quit(e.s);
}

/* The second stage has the memory of the device, and not that of another. */
static void test_device_memory(void)
{
    g_autofree char *more = device(1);
    uint64_t own;
    SvaDev d;
    SvaEnv e;

    prepare(&e, more);
    init_device(&d, e.s, SID1);
    own = e.d.bar[SVATEST_BAR_MEM] + KiB4;
    qtest_writeq(e.s->qts, own, OLD);
    g_assert_cmphex(peek(&e.d, NO_PASID, own), ==, OLD);
    expect_refused(&e.d, NO_PASID, SVATEST_OP_READ,
                   d.bar[SVATEST_BAR_MEM] + KiB4);
    sva_quit(e.s);
}

/* Life of the machine */

static void test_reset(void)
{
    SvaEnv e;

    start_pri(&e);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    ask(&e, PASID);
    qtest_system_reset(e.s->qts);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, sva_ext_cap(e.s, SID0, CAP_PRI)
                                  + 4), ==, 0);
    sva_quit(e.s);
}

static void test_flr(void)
{
    SvaEnv e;
    unsigned prgi;

    start_pri(&e);
    ask(&e, PASID);
    sva_dev_flr(&e.d);
    g_assert_cmphex(sva_pri_status(&e.d) & 0x100, ==, 0x100);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, sva_ext_cap(e.s, SID0, CAP_ATS)
                                  + 6), ==, 0);
    /* The tables of the guest still say that it is bound. */
    sva_dev_start(&e.d);
    sva_dev_pasid(&e.d, true);
    sva_dev_ats(&e.d, true);
    page_requests(&e, true);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    prgi = ask(&e, PASID);
    vtd_map(&e.fs, ABSENT, e.new, FS_ALL, 1);
    answer(&e, PASID, prgi, 0);
    g_assert_cmphex(result(&e.d).status, ==, SVATEST_ST_OK);
    sva_quit(e.s);
}

/* Two devices have the same PASID and are told of separately. */
static void test_two(void)
{
    g_autofree char *more = device(1);
    SvaEntry pt = vtd_entry_pt(1);
    SvaTable fs;
    SvaEntry entry;
    SvaDev d;
    SvaEnv e;

    prepare(&e, more);
    init_device(&d, e.s, SID1);
    vtd_context(e.s, SID1, CTX_ALL);
    vtd_bind(e.s, SID1, 0, &pt);
    vtd_table(&fs, e.s, false, 4, NULL);
    vtd_map(&fs, IOVA, e.new, FS_ALL, 1);
    entry = vtd_entry_first(&fs, DID);
    vtd_bind(e.s, SID0, OTHER & 0xf, &e.entry);
    vtd_bind(e.s, SID1, OTHER & 0xf, &entry);
    enable(&e);
    g_assert_cmphex(peek(&e.d, OTHER & 0xf, IOVA), ==, OLD);
    g_assert_cmphex(peek(&d, OTHER & 0xf, IOVA), ==, NEW);
    sva_quit(e.s);
}

/* A device leaves a root port and comes back. */
static void test_unplug(void)
{
    g_autofree char *args = g_strdup_printf(
        UNIT " -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "
        "-device pcie-root-port,id=rp,addr=3,chassis=1,slot=1 "
        "-device vfio-pci,host=%s,id=t0,bus=rp,nesting=on", host[0]);
    Sva *s = sva_start(args);
    uint16_t port = BDF(0, 3, 0);
    unsigned i, cap = sva_cap(s, port, CAP_PCIE);
    QDict *event;

    g_assert_cmpuint(cap, !=, 0);
    for (i = 0; i < 2; i++) {
        qtest_qmp_assert_success(s->qts, "{ 'execute': 'device_del', "
                                 "'arguments': { 'id': 't0' } }");
        /* What the guest does: power and its indicator go off. */
        sva_cfg_writew(s, port, cap + 0x18, 0x0100);
        sva_cfg_writew(s, port, cap + 0x18, 0x0700);
        event = qtest_qmp_eventwait_ref(s->qts, "DEVICE_DELETED");
        qobject_unref(event);
        sva_cfg_writew(s, port, cap + 0x18, 0x0100);
        qtest_qmp_assert_success(s->qts, "{ 'execute': 'device_add', "
                                 "'arguments': { 'driver': 'vfio-pci', "
                                 "'id': 't0', 'bus': 'rp', 'nesting': true, "
                                 "'host': %s } }", host[0]);
    }
    sva_quit(s);
}

/* A message of the device, by the guest's table of MSI-X vectors */
static void test_interrupt(void)
{
    uint64_t at;
    SvaEnv e;

    prepare(&e, "");
    at = e.d.bar[SVATEST_BAR_MSIX];
    qtest_writel(e.s->qts, at, e.new);
    qtest_writel(e.s->qts, at + 4, e.new >> 32);
    qtest_writel(e.s->qts, at + 8, 0x4021);
    qtest_writel(e.s->qts, at + 12, 0);
    sva_cfg_writew(e.s, SID0, sva_cap(e.s, SID0, CAP_MSIX) + 2, 0x8000);
    sva_issue(&e.d, &(struct svatest_desc) { .op_flags = SVATEST_OP_IRQ });
    g_assert_cmphex(result(&e.d).status, ==, SVATEST_ST_OK);
    POLL(qtest_readl(e.s->qts, e.new) == 0x4021);
    sva_quit(e.s);
}

/*
 * The device does not say that it has dropped its translations. The host waits
 * for it, for seconds; the VMM does not.
 */
static void test_withheld(void)
{
    int64_t begin, at, took, longest;
    SvaEnv e;

    start(&e);
    bind_pasid(&e, PASID);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    sva_dev_writel(&e.d, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);

    begin = g_get_monotonic_time();
    by_pasid(&e);
    vtd_wait(e.s);
    longest = g_get_monotonic_time() - begin;
    while (!vtd_wait_done(e.s)) {
        at = g_get_monotonic_time();
        qtest_qmp_assert_success(e.s->qts, "{ 'execute': 'query-status' }");
        longest = MAX(longest, g_get_monotonic_time() - at);
    }
    took = g_get_monotonic_time() - begin;
    sva_dev_writel(&e.d, SVATEST_K_INV_HOLD, 0);
    g_test_message("%" PRId64 " us for the host, %" PRId64 " us at most for "
                   "the VMM", took, longest);
    /* A unit waits for a second, the kernel more than once. */
    g_assert_cmpint(took, >, 1000000);
    g_assert_cmpint(longest, <, took / 2);
    sva_quit(e.s);
}

/*
 * It does not say so however often it is told: the host cuts it off, which the
 * guest sees as a fault without PASID and address, until the device is reset.
 */
static void test_cut_off(void)
{
    SvaFault f = { };
    unsigned i;
    SvaEnv e;

    start(&e);
    bind_pasid(&e, PASID);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    sva_dev_writel(&e.d, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
    for (i = 0; i < 8 && !vtd_fault_next(e.s, &f); i++) {
        by_pasid(&e);
        flush(e.s);
    }
    POLL(f.reason || vtd_fault_next(e.s, &f));
    g_assert_cmphex(f.reason, ==, 0x41);
    g_assert_cmphex(f.sid, ==, SID0);
    g_assert_cmphex(f.pasid, ==, NO_PASID);
    expect_refused(&e.d, PASID, SVATEST_OP_READ, IOVA);
    expect_refused(&e.d, NO_PASID, SVATEST_OP_READ, e.old);

    sva_dev_writel(&e.d, SVATEST_K_INV_HOLD, 0);
    sva_dev_flr(&e.d);
    sva_dev_start(&e.d);
    sva_dev_pasid(&e.d, true);
    sva_dev_ats(&e.d, true);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    g_assert_cmphex(peek(&e.d, NO_PASID, e.old), ==, OLD);
    sva_quit(e.s);
}

/* The VMM dies, a page request unanswered: the next one has a device as new. */
static void test_killed(void)
{
    unsigned prgi;
    pid_t pid;
    SvaEnv e;

    start_pri(&e);
    ask(&e, PASID);
    pid = qtest_pid(e.s->qts);
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    /* What is left of it: qtest_quit() does not take such an end. */
    g_free(e.s);

    start(&e);
    page_requests(&e, true);
    expect_refused(&e.d, PASID, SVATEST_OP_READ, IOVA);
    bind_pasid(&e, PASID);
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    prgi = ask(&e, PASID);
    vtd_map(&e.fs, ABSENT, e.new, FS_ALL, 1);
    answer(&e, PASID, prgi, 0);
    g_assert_cmphex(result(&e.d).status, ==, SVATEST_ST_OK);
    sva_quit(e.s);
}

/* Neither a migration nor a snapshot, and the machine goes on. */
static void test_migration(void)
{
    g_autofree char *said = NULL;
    QDict *error;
    SvaEnv e;

    start(&e);
    bind_pasid(&e, PASID);
    error = qtest_qmp_assert_failure_ref(e.s->qts,
                                         "{ 'execute': 'migrate', "
                                         "'arguments': {'uri': 'exec:true'} }");
    g_test_message("%s", qdict_get_str(error, "desc"));
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"),
                            "VFIO migration is not supported in kernel"));
    qobject_unref(error);
    said = qtest_hmp(e.s->qts, "savevm now");
    g_test_message("%s", said);
    g_assert_nonnull(strstr(said, "VFIO migration is not supported in kernel"));
    g_assert_cmphex(peek(&e.d, PASID, IOVA), ==, OLD);
    sva_quit(e.s);
}

/* Refusals: what QEMU says, and that it says so */

typedef struct Refusal {
    const char *name;
    const char *args;   /* %s is the device */
    const char *message;
} Refusal;

static const Refusal refusals[] = {
    { "no-unit", "-device vfio-pci,nesting=on,host=%s",
      "nesting=on needs -device intel-iommu,x-nested=on,caching-mode=on" },
    { "unit-without", "-device intel-iommu,caching-mode=on "
      "-device vfio-pci,nesting=on,host=%s",
      "nesting=on needs -device intel-iommu,x-nested=on,caching-mode=on" },
    { "unit-behind", "-device vfio-pci,nesting=on,host=%s " UNIT,
      "nesting=on needs -device intel-iommu,x-nested=on,caching-mode=on" },
    { "not-nesting", UNIT " -device vfio-pci,host=%s",
      "use nesting=on" },
    { "cap-offset", UNIT " -device vfio-pci,nesting=on,"
      "x-pasid-cap-offset=0x102,host=%s",
      "no room for a PASID capability at 0x102" },
    { "five-levels", UNIT ",x-fs5lp=on -device vfio-pci,nesting=on,host=%s",
      "x-fs5lp=off" },
};

static void test_refused(const void *opaque)
{
    const Refusal *r = opaque;
    g_autofree char *args = g_strdup_printf(r->args, host[0]);
    g_autofree char *said = sva_refused(args);

    g_assert_nonnull(strstr(said, r->message));
}

static bool find_devices(void)
{
    GDir *dir = g_dir_open(DRIVER, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_strdup_printf(DRIVER "/%s/vendor", name);
        g_autofree char *text = NULL;
        unsigned vendor;

        if (!g_file_get_contents(path, &text, NULL, NULL) ||
            sscanf(text, "%x", &vendor) != 1 || vendor != SVATEST_VENDOR_ID) {
            continue;
        }
        if (!host[0] || strcmp(name, host[0]) > 0) {
            g_free(host[1]);
            host[1] = host[0];
            host[0] = g_strdup(name);
        } else if (!host[1] || strcmp(name, host[1]) > 0) {
            g_free(host[1]);
            host[1] = g_strdup(name);
        }
    }
    g_clear_pointer(&dir, g_dir_close);
    return host[1];
}

#define ADD_TABLE(group, table, fn) \
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) { \
        g_autofree char *path = g_strdup_printf("/vfio-nesting/" group "/%s", \
                                                table[i].name); \
        qtest_add_data_func(path, &table[i], fn); \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!find_devices()) {
        g_test_message("no two svatest of the host are bound to vfio-pci");
        return g_test_run();
    }
    qtest_add_func("/vfio-nesting/cap/pasid", test_cap_pasid);
    qtest_add_func("/vfio-nesting/cap/offset", test_cap_offset);
    qtest_add_func("/vfio-nesting/cap/pri", test_cap_pri);
    qtest_add_func("/vfio-nesting/cap/private", test_cap_private);
    qtest_add_func("/vfio-nesting/bind/read", test_bind);
    qtest_add_func("/vfio-nesting/bind/before-te", test_bind_before_te);
    qtest_add_func("/vfio-nesting/bind/replace", test_bind_replace);
    qtest_add_func("/vfio-nesting/bind/unbind", test_unbind);
    qtest_add_func("/vfio-nesting/bind/te-off", test_te_off);
    ADD_TABLE("invalidate", invalidations, test_invalidate);
    qtest_add_func("/vfio-nesting/request/answered", test_request);
    qtest_add_func("/vfio-nesting/request/invalid", test_request_invalid);
    qtest_add_func("/vfio-nesting/request/made-up", test_request_made_up);
    qtest_add_func("/vfio-nesting/request/off", test_request_off);
    qtest_add_func("/vfio-nesting/request/unbind", test_request_unbind);
    qtest_add_func("/vfio-nesting/request/stopped", test_request_stopped);
    qtest_add_func("/vfio-nesting/fault/absent", test_fault_absent);
    qtest_add_func("/vfio-nesting/fault/write", test_fault_write);
    qtest_add_func("/vfio-nesting/fault/unbound", test_fault_unbound);
    qtest_add_func("/vfio-nesting/fault/beyond", test_fault_beyond);
    qtest_add_func("/vfio-nesting/fault/table-beyond",
                   test_fault_table_beyond);
    qtest_add_func("/vfio-nesting/widths", test_widths);
    qtest_add_func("/vfio-nesting/rid/mapped", test_rid_mapped);
    qtest_add_func("/vfio-nesting/rid/absent", test_rid_absent);
    qtest_add_func("/vfio-nesting/rid/first-stage", test_rid_first);
    qtest_add_func("/vfio-nesting/rid/before-te", test_rid_before_te);
    qtest_add_func("/vfio-nesting/rid/replace", test_rid_replace);
    qtest_add_func("/vfio-nesting/rid/block", test_rid_block);
    qtest_add_func("/vfio-nesting/rid/te-off", test_rid_te_off);
    qtest_add_func("/vfio-nesting/rid/fault", test_rid_fault);
    qtest_add_func("/vfio-nesting/rid/reset", test_rid_reset);
    ADD_TABLE("rid/invalidate", rid_invalidations, test_rid_invalidate);
    qtest_add_func("/vfio-nesting/memory/rom", test_rom);
    qtest_add_func("/vfio-nesting/memory/device", test_device_memory);
    qtest_add_func("/vfio-nesting/life/reset", test_reset);
    qtest_add_func("/vfio-nesting/life/flr", test_flr);
    qtest_add_func("/vfio-nesting/life/two", test_two);
    qtest_add_func("/vfio-nesting/life/unplug", test_unplug);
    qtest_add_func("/vfio-nesting/life/interrupt", test_interrupt);
    qtest_add_func("/vfio-nesting/life/withheld", test_withheld);
    qtest_add_func("/vfio-nesting/life/cut-off", test_cut_off);
    qtest_add_func("/vfio-nesting/life/killed", test_killed);
    qtest_add_func("/vfio-nesting/life/migration", test_migration);
    ADD_TABLE("refused", refusals, test_refused);
    return g_test_run();
}
