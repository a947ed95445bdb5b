/*
 * The invalidation queue: descriptors, errors, waits, time-outs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   0x8421u
#define DID     7
#define IOVA    0x10000000ull

typedef struct Desc {
    const char *name;
    uint64_t q0, q1, q2, q3;
} Desc;

#define BIT64(n)    (1ull << (n))
#define Q0_PASID    ((uint64_t)PASID << 32)
#define Q0_SID3     ((uint64_t)SID0 << 32 | (SID0 & 0xfull) << 12 | \
                     (uint64_t)(SID0 >> 4) << 52)
#define Q0_SID8     ((uint64_t)SID0 << 16 | (SID0 & 0xfull) << 12 | \
                     (uint64_t)(SID0 >> 4) << 52)

/* Complete and right: none of them may raise an error. */
static const Desc good[] = {
    { "context-global", 0x11 },
    { "context-domain", 0x21 | DID << 16 },
    { "context-device", 0x31 | (uint64_t)SID0 << 32 },
    { "context-device-mask", 0x31 | (uint64_t)SID0 << 32 | 3ull << 48 },
    { "iotlb-global", 0x12 },
    { "iotlb-domain", 0x22 | DID << 16 },
    { "iotlb-drain", 0x22 | DID << 16 | BIT64(6) | BIT64(7) },
    { "iotlb-page", 0x32 | DID << 16, IOVA },
    { "iotlb-page-mask", 0x32 | DID << 16, 18 },
    { "iotlb-page-hint", 0x32 | DID << 16, IOVA | IH },
    { "device-tlb", 0x3 | Q0_SID3, IOVA },
    { "device-tlb-all", 0x3 | Q0_SID3, DEV_ALL | 1 },
    { "device-tlb-pending", 0x3 | Q0_SID3 | 0x1full << 16, IOVA },
    { "interrupt-global", 0x4 },
    { "interrupt-index", 0x4 | 1 << 4 | 5ull << 32 },
    { "wait-fence", 0x5 | 1 << 6 },
    { "wait-interrupt", 0x5 | 1 << 4 },
    { "wait-drain", 0x5 | 1 << 7 | 1 << 6 },
    { "pasid-iotlb", 0x6 | 2 << 4 | DID << 16 | Q0_PASID },
    { "pasid-iotlb-page", 0x6 | 3 << 4 | DID << 16 | Q0_PASID, IOVA | IH | 9 },
    /* CAP.MAMV is no limit here. */
    { "pasid-iotlb-page-mask-19", 0x36 | DID << 16 | Q0_PASID, 19 },
    { "pasid-iotlb-page-mask-36", 0x36 | DID << 16 | Q0_PASID, 36 },
    { "pasid-iotlb-page-mask-63", 0x36 | DID << 16 | Q0_PASID, 63 },
    { "pasid-cache-domain", 0x7 | DID << 16 },
    { "pasid-cache-pasid", 0x17 | DID << 16 | Q0_PASID },
    { "pasid-cache-global", 0x37 },
    { "pasid-device-tlb", 0x8 | Q0_SID8 | Q0_PASID, IOVA },
    { "pasid-device-tlb-all", 0x8 | Q0_SID8 | Q0_PASID, DEV_ALL | 1 << 11 },
    { "pasid-device-tlb-global", 0x8 | Q0_SID8 | Q0_PASID,
      DEV_ALL | 1 << 11 | 1 },
    { "response", 0x9 | 1 << 4 | (uint64_t)SID0 << 16 | Q0_PASID, 4 | 5 << 3 },
};

/* One thing wrong in each */
static const Desc bad[] = {
    { "type-0", 0x0 },
    { "type-10", 0xa },
    { "type-15", 0xf },
    { "type-high-bit", 0x11 | BIT64(9) },
    { "type-top-bit", 0x25 | BIT64(11) },
    { "context/granularity", 0x01 },
    { "context/bit-6", 0x11 | BIT64(6) },
    { "context/bit-12", 0x11 | BIT64(12) },
    { "context/bit-50", 0x11 | BIT64(50) },
    { "context/bit-63", 0x11 | BIT64(63) },
    { "context/quad-1", 0x11, 1 },
    { "context/quad-1-top", 0x11, BIT64(63) },
    { "context/quad-2", 0x11, 0, 1 },
    { "context/quad-3", 0x11, 0, 0, BIT64(63) },
    { "iotlb/granularity", 0x02 },
    { "iotlb/bit-8", 0x12 | BIT64(8) },
    { "iotlb/bit-12", 0x12 | BIT64(12) },
    { "iotlb/bit-32", 0x12 | BIT64(32) },
    { "iotlb/bit-63", 0x12 | BIT64(63) },
    { "iotlb/quad-1-bit-7", 0x32, BIT64(7) },
    { "iotlb/quad-1-bit-11", 0x32, BIT64(11) },
    { "iotlb/mask-too-large", 0x32, 19 },
    { "iotlb/quad-2", 0x12, 0, BIT64(40) },
    { "iotlb/quad-3", 0x12, 0, 0, 1 },
    { "device-tlb/bit-4", 0x3 | Q0_SID3 | BIT64(4), IOVA },
    { "device-tlb/bit-8", 0x3 | Q0_SID3 | BIT64(8), IOVA },
    { "device-tlb/bit-21", 0x3 | Q0_SID3 | BIT64(21), IOVA },
    { "device-tlb/bit-48", 0x3 | Q0_SID3 | BIT64(48), IOVA },
    { "device-tlb/bit-51", 0x3 | Q0_SID3 | BIT64(51), IOVA },
    { "device-tlb/quad-1-bit-1", 0x3 | Q0_SID3, IOVA | BIT64(1) },
    { "device-tlb/quad-1-bit-11", 0x3 | Q0_SID3, IOVA | BIT64(11) },
    { "device-tlb/quad-2", 0x3 | Q0_SID3, IOVA, 1 },
    { "interrupt/bit-5", 0x4 | BIT64(5) },
    { "interrupt/bit-26", 0x4 | BIT64(26) },
    { "interrupt/bit-48", 0x4 | BIT64(48) },
    { "interrupt/quad-1", 0x4, 1 },
    { "wait/bit-8", 0x5 | WAIT_FN | BIT64(8) },
    { "wait/bit-12", 0x5 | WAIT_FN | BIT64(12) },
    { "wait/bit-31", 0x5 | WAIT_FN | BIT64(31) },
    { "wait/quad-1-bit-0", 0x5 | WAIT_FN, 1 },
    { "wait/quad-1-bit-1", 0x5 | WAIT_FN, 2 },
    { "wait/quad-2", 0x5 | WAIT_FN, 0, 1 },
    { "wait/quad-3", 0x5 | WAIT_FN, 0, 0, 1 },
    { "pasid-iotlb/granularity-0", 0x6 | Q0_PASID },
    { "pasid-iotlb/granularity-1", 0x16 | Q0_PASID },
    { "pasid-iotlb/bit-6", 0x26 | BIT64(6) },
    { "pasid-iotlb/bit-8", 0x26 | BIT64(8) },
    { "pasid-iotlb/bit-12", 0x26 | BIT64(12) },
    { "pasid-iotlb/bit-52", 0x26 | BIT64(52) },
    { "pasid-iotlb/bit-63", 0x26 | BIT64(63) },
    { "pasid-iotlb/quad-1-bit-7", 0x36, BIT64(7) },
    { "pasid-iotlb/quad-1-bit-11", 0x36, BIT64(11) },
    { "pasid-iotlb/quad-2", 0x26, 0, 1 },
    { "pasid-cache/granularity", 0x27 },
    { "pasid-cache/bit-6", 0x37 | BIT64(6) },
    { "pasid-cache/bit-15", 0x37 | BIT64(15) },
    { "pasid-cache/bit-52", 0x37 | BIT64(52) },
    { "pasid-cache/quad-1", 0x37, 1 },
    { "pasid-cache/quad-2", 0x37, 0, 1 },
    { "pasid-cache/quad-3", 0x37, 0, 0, 1 },
    { "pasid-device-tlb/quad-1-bit-1", 0x8 | Q0_SID8, IOVA | BIT64(1) },
    { "pasid-device-tlb/quad-1-bit-10", 0x8 | Q0_SID8, IOVA | BIT64(10) },
    { "pasid-device-tlb/quad-2", 0x8 | Q0_SID8, IOVA, 1 },
    { "pasid-device-tlb/quad-3", 0x8 | Q0_SID8, IOVA, 0, 1 },
    { "response/bit-5", 0x19 | BIT64(5) },
    { "response/bit-8", 0x19 | BIT64(8) },
    { "response/bit-52", 0x19 | BIT64(52) },
    { "response/bit-63", 0x19 | BIT64(63) },
    { "response/quad-1-bit-0", 0x19, 4 | 1 },
    { "response/quad-1-bit-12", 0x19, 4 | BIT64(12) },
    { "response/quad-1-bit-63", 0x19, 4 | BIT64(63) },
    { "response/quad-2", 0x19, 4, 1 },
    { "response/quad-3", 0x19, 4, 0, BIT64(63) },
};

static void good_case(const void *opaque)
{
    const Desc *desc = opaque;
    Sva *s = sva_start(SVA_MACHINE);
    SvaDev d;

    sva_dev_init(&d, s, SID0);
    sva_dev_pasid(&d, true);
    sva_dev_ats(&d, true);
    vtd_enable(s);
    vtd_iq4(s, desc->q0, desc->q1, desc->q2, desc->q3);
    g_assert_true(vtd_wait(s));
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, 0);
    g_assert_cmphex(vtd_readq(s, VTD_IQH), ==, vtd_readq(s, VTD_IQT));
    sva_quit(s);
}

static void put_wait(Sva *s, uint64_t at)
{
    s->waits++;
    sva_write64(s, at, 5 | WAIT_SW | (uint64_t)s->waits << 32);
    sva_write64(s, at + 8, s->status);
    sva_write64(s, at + 16, 0);
    sva_write64(s, at + 24, 0);
}

/*
 * The head stays on the bad descriptor, nothing behind it is done. When it was
 * replaced and IQE cleared, the queue goes on.
 */
static void bad_case(const void *opaque)
{
    const Desc *desc = opaque;
    Sva *s = sva_start(SVA_MACHINE);
    uint64_t head;

    vtd_enable(s);
    head = vtd_readq(s, VTD_IQH);
    vtd_iq4(s, desc->q0, desc->q1, desc->q2, desc->q3);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, FSTS_IQE);
    /* 11.4.9.9: 3 is a type that is not known, 4 a reserved field */
    g_assert_cmphex(vtd_readq(s, VTD_IQER), ==,
                    g_str_has_prefix(desc->name, "type") ? 3 : 4);
    g_assert_cmphex(vtd_readq(s, VTD_IQH), ==, head);
    g_assert_false(vtd_wait(s));
    g_assert_cmphex(vtd_readq(s, VTD_IQH), ==, head);

    put_wait(s, s->iq + head);
    put_wait(s, s->iq + head + 32);
    vtd_writel(s, VTD_FSTS, FSTS_IQE);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, 0);
    g_assert_true(vtd_wait(s));
    g_assert_cmphex(vtd_readq(s, VTD_IQH), ==, vtd_readq(s, VTD_IQT));
    sva_quit(s);
}

/*
 * Table 26: which descriptors there are in which mode, and with which width;
 * the error otherwise, 11.4.9.9
 */
typedef struct InMode {
    const char *name;
    uint64_t ttm;
    bool wide;
    uint8_t error;      /* of every descriptor, or of those of scalable mode */
} InMode;

static const InMode in_modes[] = {
    { "legacy/128", TTM_LEGACY, false, 3 },
    { "legacy/256", TTM_LEGACY, true, 3 },
    { "scalable/128", TTM_SCALABLE, false, 5 },
    { "scalable/256", TTM_SCALABLE, true, 0 },
    { "reserved/128", TTM_RESERVED, false, 7 },
    { "reserved/256", TTM_RESERVED, true, 7 },
    { "abort/128", TTM_ABORT, false, 5 },
    { "abort/256", TTM_ABORT, true, 0 },
};

static void mode_case(const void *opaque)
{
    static const uint64_t q0[] = {
        [1] = 0x11, [2] = 0x12, [3] = 0x3 | Q0_SID3, [4] = 0x4,
        [5] = 0x5 | WAIT_FN, [6] = 0x26, [7] = 0x37, [8] = 0x8 | Q0_SID8,
        [9] = 0x19 | (uint64_t)SID0 << 16, [10] = 0x1a,
    };
    const InMode *m = opaque;
    unsigned type;

    for (type = 1; type < ARRAY_SIZE(q0); type++) {
        uint8_t error = type == 10 && !m->error ? 3 :
                        type < 6 && m->error == 3 ? 0 : m->error;
        Sva *s = sva_start(SVA_MACHINE);

        g_test_message("type %u", type);
        vtd_set_root(s, m->ttm);
        vtd_iq_init(s, m->wide);
        vtd_iq(s, q0[type], type == 9 ? 4 : 0);
        g_assert_cmphex(vtd_readl(s, VTD_FSTS) & 0xff, ==,
                        error ? FSTS_IQE : 0);
        g_assert_cmphex(vtd_readq(s, VTD_IQER), ==, error);
        g_assert_cmphex(vtd_readq(s, VTD_IQH), ==,
                        error ? 0 : vtd_readq(s, VTD_IQT));
        sva_quit(s);
    }
}

/* Without device TLBs there are no descriptors for them (11.4.9.9: 3). */
static void test_no_device_tlb(void)
{
    static const uint64_t q0[] = { 0x3, 0x8, 0x9 };
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(q0); i++) {
        Sva *s = sva_start("-device intel-iommu,intremap=on,eim=on,"
                           "x-scalable-mode=on,x-nested=on");

        vtd_enable(s);
        vtd_iq(s, q0[i], 0);
        g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, FSTS_IQE);
        g_assert_cmpuint(vtd_readq(s, VTD_IQER), ==, 3);
        sva_quit(s);
    }
}

/* Ignored: status address bits beyond the host's width */
static void test_wait_wide_address(void)
{
    Sva *s = sva_start(SVA_MACHINE);

    vtd_enable(s);
    s->waits++;
    vtd_iq(s, 5 | WAIT_SW | (uint64_t)s->waits << 32,
           s->status | 0xffffull << 48);
    g_assert_true(vtd_wait_done(s));
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, 0);
    sva_quit(s);
}

/* The first one to blame stays until the status is cleared. */
static void test_blame(void)
{
    Sva *s = sva_start(SVA_MACHINE);
    SvaDev d[2];

    vtd_enable(s);
    sva_dev_init(&d[0], s, SID0);
    sva_dev_init(&d[1], s, SID1);
    sva_dev_writel(&d[0], SVATEST_K_INV_DONE, 9);
    sva_dev_writel(&d[1], SVATEST_K_INV_DONE, 9);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, FSTS_ICE);
    g_assert_cmphex(vtd_readq(s, VTD_IQER) >> 48, ==, SID0);
    vtd_writel(s, VTD_FSTS, FSTS_ICE);
    sva_dev_writel(&d[1], SVATEST_K_INV_DONE, 9);
    g_assert_cmphex(vtd_readq(s, VTD_IQER) >> 48, ==, SID1);
    sva_quit(s);
}

static void test_wait_status(void)
{
    Sva *s = sva_start(SVA_MACHINE);

    vtd_enable(s);
    sva_write64(s, s->status, 0xaaaaaaaabbbbbbbbull);
    s->waits = 0x12345677;
    g_assert_true(vtd_wait(s));
    g_assert_cmphex(sva_read64(s, s->status), ==, 0xaaaaaaaa12345678ull);
    /* Fence only: no status, no interrupt */
    g_assert_false(vtd_wait_flags(s, WAIT_FN));
    g_assert_cmphex(sva_read64(s, s->status), ==, 0xaaaaaaaa12345678ull);
    g_assert_cmphex(vtd_readl(s, VTD_ICS), ==, 0);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, 0);
    sva_quit(s);
}

/* A fence is a descriptor like others; software waits for the rest of them. */
static void test_counters(void)
{
    Sva *s = sva_start(SVA_MACHINE);
    uint64_t descriptors, waits;
    SvaDev d;

    sva_dev_init(&d, s, SID0);
    vtd_enable(s);
    descriptors = sva_dev_counter(&d, SVATEST_CNT_UNIT_DESCRIPTORS);
    waits = sva_dev_counter(&d, SVATEST_CNT_UNIT_WAITS);
    vtd_iq(s, 0x12, 0);
    vtd_iq(s, 0x37, 0);
    g_assert_false(vtd_wait_flags(s, WAIT_FN));
    g_assert_true(vtd_wait(s));
    vtd_wait_flags(s, WAIT_IF);
    /* Not served, so not counted */
    vtd_iq(s, 0x0, 0);
    g_assert_cmpuint(sva_dev_counter(&d, SVATEST_CNT_UNIT_DESCRIPTORS), ==,
                     descriptors + 3);
    g_assert_cmpuint(sva_dev_counter(&d, SVATEST_CNT_UNIT_WAITS), ==,
                     waits + 2);
    sva_quit(s);
}

static void test_wait_both(void)
{
    Sva *s = sva_start(SVA_MACHINE);

    vtd_enable(s);
    g_assert_true(vtd_wait_flags(s, WAIT_SW | WAIT_IF | WAIT_FN));
    g_assert_cmphex(vtd_readl(s, VTD_ICS), ==, 1);
    sva_quit(s);
}

static void test_wait_drain_idle(void)
{
    Sva *s = sva_start(SVA_MACHINE);

    vtd_enable(s);
    g_assert_true(vtd_wait_flags(s, WAIT_SW | WAIT_PD));
    g_assert_true(vtd_wait_flags(s, WAIT_SW | WAIT_PD | WAIT_FN));
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, 0);
    sva_quit(s);
}

static void test_wait_event(void)
{
    Sva *s = sva_start(SVA_MACHINE);

    vtd_enable(s);
    g_assert_cmphex(vtd_readl(s, VTD_IECTL), ==, EVENT_IM);
    vtd_writel(s, VTD_IEDATA, 0x61);
    vtd_writel(s, VTD_IEADDR, 0xfee00000);
    vtd_wait_flags(s, WAIT_IF);
    g_assert_cmphex(vtd_readl(s, VTD_ICS), ==, 1);
    g_assert_cmphex(vtd_readl(s, VTD_IECTL), ==, EVENT_IM | EVENT_IP);
    g_assert_false(sva_vector(s, 0x61));
    vtd_writel(s, VTD_IECTL, 0);
    g_assert_true(sva_vector(s, 0x61));
    g_assert_cmphex(vtd_readl(s, VTD_IECTL), ==, 0);
    /* IWC still stands: no second message */
    vtd_writel(s, VTD_IEDATA, 0x62);
    vtd_wait_flags(s, WAIT_IF);
    g_assert_false(sva_vector(s, 0x62));
    vtd_writel(s, VTD_ICS, 1);
    g_assert_cmphex(vtd_readl(s, VTD_ICS), ==, 0);
    vtd_wait_flags(s, WAIT_IF);
    g_assert_true(sva_vector(s, 0x62));
    sva_quit(s);
}

/* Queue errors raise the fault event. */
static void test_error_event(void)
{
    Sva *s = sva_start(SVA_MACHINE);

    vtd_enable(s);
    vtd_writel(s, VTD_FEDATA, 0x63);
    vtd_writel(s, VTD_FEADDR, 0xfee00000);
    vtd_writel(s, VTD_FECTL, 0);
    vtd_iq(s, 0, 0);
    g_assert_true(sva_vector(s, 0x63));
    sva_quit(s);
}

static void test_wrap(void)
{
    Sva *s = sva_start(SVA_MACHINE);
    int i;

    vtd_enable(s);
    for (i = 0; i < 130; i++) {
        g_assert_true(vtd_wait(s));
    }
    g_assert_cmphex(vtd_readq(s, VTD_IQH), ==, vtd_readq(s, VTD_IQT));
    /* Behind a wait the queue may be turned off. */
    vtd_gcmd(s, GSTS_QIES, false);
    g_assert_cmphex(vtd_readl(s, VTD_GSTS) & GSTS_QIES, ==, 0);
    sva_quit(s);
}

/* Many descriptors behind one doorbell, done in order up to the tail */
static void test_batch(void)
{
    Sva *s = sva_start(SVA_MACHINE);
    int i;

    vtd_set_root(s, TTM_SCALABLE);
    vtd_iq_init(s, true);
    for (i = 0; i < 20; i++) {
        put_wait(s, s->iq + i * 32);
    }
    vtd_writeq(s, VTD_IQT, 10 * 32);
    g_assert_cmphex(qtest_readl(s->qts, s->status), ==, 10);
    g_assert_cmphex(vtd_readq(s, VTD_IQH), ==, 10 * 32);
    vtd_writeq(s, VTD_IQT, 20 * 32);
    g_assert_true(vtd_wait_done(s));
    sva_quit(s);
}

static void test_disabled(void)
{
    Sva *s = sva_start(SVA_MACHINE);

    vtd_set_root(s, TTM_SCALABLE);
    vtd_writeq(s, VTD_IQA, s->iq | 1 << 11);
    g_assert_false(vtd_wait(s));
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, 0);
    sva_quit(s);
}

/* The queue in memory that does not answer is an error, not the end. */
static void test_fetch_error(void)
{
    Sva *s = sva_start(SVA_MACHINE);

    s->iq = 0x700000000000ull;
    vtd_set_root(s, TTM_SCALABLE);
    vtd_iq_init(s, true);
    vtd_writeq(s, VTD_IQT, 32);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, FSTS_IQE);
    g_assert_cmpuint(vtd_readq(s, VTD_IQER), ==, 2);
    sva_quit(s);
}

/* A tail beyond the queue, or in the middle of a descriptor */
static void tail_case(const void *opaque)
{
    bool beyond = GPOINTER_TO_INT(opaque);
    Sva *s = sva_start(SVA_MACHINE);

    vtd_enable(s);
    vtd_writeq(s, VTD_IQT, beyond ? 0x1000 : 0x10);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, FSTS_IQE);
    g_assert_cmpuint(vtd_readq(s, VTD_IQER), ==, beyond ? 1 : 6);
    sva_quit(s);
}

/* The status cannot be written. */
static void test_wait_hole(void)
{
    Sva *s = sva_start(SVA_MACHINE);

    vtd_enable(s);
    s->status = 0x700000000000ull;
    vtd_iq(s, 5 | WAIT_SW, s->status);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, FSTS_IQE);
    sva_quit(s);
}

/* The bad descriptor is still at the head: the same error again. */
static void test_error_again(void)
{
    Sva *s = sva_start(SVA_MACHINE);

    vtd_enable(s);
    vtd_writel(s, VTD_FEDATA, 0x64);
    vtd_writel(s, VTD_FEADDR, 0xfee00000);
    vtd_writel(s, VTD_FECTL, EVENT_IM);
    vtd_iq(s, 0xf, 0);
    g_assert_cmphex(vtd_readl(s, VTD_FECTL), ==, EVENT_IM | EVENT_IP);
    vtd_writel(s, VTD_FSTS, FSTS_IQE);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, FSTS_IQE);
    put_wait(s, s->iq + vtd_readq(s, VTD_IQH));
    vtd_writel(s, VTD_FSTS, FSTS_IQE);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, 0);
    /* Nothing is left to be told. */
    g_assert_cmphex(vtd_readl(s, VTD_FECTL), ==, EVENT_IM);
    g_assert_true(vtd_wait_done(s));
    sva_quit(s);
}

/* The queue serves descriptors of a function that is not there. */
static void test_no_such_device(void)
{
    Sva *s = sva_start(SVA_MACHINE);

    vtd_enable(s);
    vtd_iq(s, vtd_dev_q0(BDF(3, 9, 1), BDF(3, 9, 1)), IOVA);
    vtd_iq(s, vtd_pdev_q0(BDF(3, 9, 1), BDF(3, 9, 1), PASID), IOVA);
    vtd_iq(s, vtd_resp_q0(BDF(3, 9, 1), PASID, 0), vtd_resp_q1(3));
    g_assert_true(vtd_wait(s));
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, 0);
    sva_quit(s);
}

/* Held by two endpoints for different times: the wait needs both. */
static void test_pending_two(void)
{
    Sva *s = sva_start(SVA_MACHINE);
    SvaDev d[2];
    int i;

    vtd_enable(s);
    for (i = 0; i < 2; i++) {
        sva_dev_init(&d[i], s, i ? SID1 : SID0);
        sva_dev_writel(&d[i], SVATEST_K_INV_HOLD, i ? 100 : 300);
        vtd_iq(s, vtd_pdev_q0(d[i].sid, d[i].sid, PASID), IOVA);
    }
    g_assert_false(vtd_wait(s));
    qtest_clock_step(s->qts, 200 * 1000);
    g_assert_false(vtd_wait_done(s));
    qtest_clock_step(s->qts, 200 * 1000);
    g_assert_true(vtd_wait_done(s));
    qtest_clock_step(s->qts, 2000ll * 1000 * 1000);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, 0);
    g_assert_cmpuint(sva_dev_counter(&d[0], SVATEST_CNT_UNIT_UNEXPECTED), ==,
                     0);
    sva_quit(s);
}

/* Who completes what it was not asked for completes nothing of another one. */
static void test_pending_foreign(void)
{
    Sva *s = sva_start(SVA_MACHINE);
    SvaDev d[2];

    vtd_enable(s);
    sva_dev_init(&d[0], s, SID0);
    sva_dev_init(&d[1], s, SID1);
    sva_dev_writel(&d[0], SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
    vtd_iq(s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    g_assert_false(vtd_wait(s));
    /* The first one has the tag 0. */
    sva_dev_writel(&d[1], SVATEST_K_INV_DONE, 0);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, FSTS_ICE);
    g_assert_cmphex(vtd_readq(s, VTD_IQER) >> 48, ==, SID1);
    g_assert_false(vtd_wait_done(s));
    sva_dev_writel(&d[0], SVATEST_K_INV_DONE, 0);
    g_assert_true(vtd_wait_done(s));
    sva_quit(s);
}

/* Out of order: the older one still has its own time. */
static void test_pending_order(void)
{
    Sva *s = sva_start(SVA_MACHINE);
    SvaDev d;

    vtd_enable(s);
    sva_dev_init(&d, s, SID0);
    sva_dev_writel(&d, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
    vtd_iq(s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    qtest_clock_step(s->qts, 600ll * 1000 * 1000);
    sva_dev_writel(&d, SVATEST_K_INV_HOLD, 100);
    vtd_iq(s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    qtest_clock_step(s->qts, 100 * 1000);
    g_assert_false(vtd_wait(s));
    qtest_clock_step(s->qts, 399ll * 1000 * 1000);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, 0);
    qtest_clock_step(s->qts, 1000 * 1000);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, FSTS_ITE);
    sva_quit(s);
}

/* Two take too long: the wait is dropped once, what is behind it is not. */
static void test_time_out_again(void)
{
    Sva *s = sva_start(SVA_MACHINE);
    uint64_t behind;
    SvaDev d;

    vtd_enable(s);
    sva_dev_init(&d, s, SID0);
    sva_dev_writel(&d, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
    vtd_iq(s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    qtest_clock_step(s->qts, 500ll * 1000 * 1000);
    vtd_iq(s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    g_assert_false(vtd_wait(s));
    behind = vtd_readq(s, VTD_IQT);
    g_assert_false(vtd_wait(s));
    qtest_clock_step(s->qts, 500ll * 1000 * 1000);
    g_assert_cmphex(vtd_readq(s, VTD_IQH), ==, behind);
    qtest_clock_step(s->qts, 500ll * 1000 * 1000);
    g_assert_cmphex(vtd_readq(s, VTD_IQH), ==, behind);
    vtd_writel(s, VTD_FSTS, FSTS_ITE);
    g_assert_true(vtd_wait_done(s));
    /* With nothing waiting the head stays where it is. */
    vtd_iq(s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    behind = vtd_readq(s, VTD_IQT);
    qtest_clock_step(s->qts, 1000ll * 1000 * 1000);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, FSTS_ITE);
    g_assert_cmphex(vtd_readq(s, VTD_IQH), ==, behind);
    sva_quit(s);
}

/* A status that goes to the unit's own tail register, from outside of it */
static void test_wait_into_tail(void)
{
    Sva *s = sva_start(SVA_MACHINE);
    uint64_t tail;
    SvaDev d;

    vtd_enable(s);
    sva_dev_init(&d, s, SID0);
    sva_dev_writel(&d, SVATEST_K_INV_HOLD, 100);
    vtd_iq(s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    tail = vtd_readq(s, VTD_IQT) + 32;
    vtd_iq(s, 5 | WAIT_SW | tail << 32, VTD_BASE + VTD_IQT);
    qtest_clock_step(s->qts, 200 * 1000);
    g_assert_cmphex(vtd_readq(s, VTD_IQT), ==, tail);
    g_assert_cmphex(vtd_readq(s, VTD_IQH), ==, tail);
    g_assert_true(vtd_wait(s));
    sva_quit(s);
}

/* One of two takes too long: its id is told, the other one's time goes on. */
static void test_time_out_two(void)
{
    Sva *s = sva_start(SVA_MACHINE);
    SvaDev d[2];
    int i;

    vtd_enable(s);
    for (i = 0; i < 2; i++) {
        sva_dev_init(&d[i], s, i ? SID1 : SID0);
        sva_dev_writel(&d[i], SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
        vtd_iq(s, vtd_pdev_q0(d[i].sid, d[i].sid, PASID), IOVA);
        qtest_clock_step(s->qts, 600ll * 1000 * 1000);
    }
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, FSTS_ITE);
    g_assert_cmphex(vtd_readq(s, VTD_IQER) >> 32 & 0xffff, ==, SID0);
    vtd_writel(s, VTD_FSTS, FSTS_ITE);
    g_assert_false(vtd_wait(s));
    qtest_clock_step(s->qts, 300ll * 1000 * 1000);
    g_assert_false(vtd_wait_done(s));
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, 0);
    qtest_clock_step(s->qts, 200ll * 1000 * 1000);
    g_assert_cmphex(vtd_readl(s, VTD_FSTS), ==, FSTS_ITE);
    g_assert_cmphex(vtd_readq(s, VTD_IQER) >> 32 & 0xffff, ==, SID1);
    /* Nothing is fetched as long as ITE stands, and the wait was dropped. */
    g_assert_false(vtd_wait(s));
    vtd_writel(s, VTD_FSTS, FSTS_ITE);
    g_assert_true(vtd_wait_done(s));
    sva_quit(s);
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(good); i++) {
        g_autofree char *path = g_strdup_printf("/svatest/queue/good/%s",
                                                good[i].name);
        qtest_add_data_func(path, &good[i], good_case);
    }
    for (i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autofree char *path = g_strdup_printf("/svatest/queue/bad/%s",
                                                bad[i].name);
        qtest_add_data_func(path, &bad[i], bad_case);
    }
    SVA_ADD_TABLE("queue/mode", in_modes, mode_case);
    qtest_add_func("/svatest/queue/no-device-tlb", test_no_device_tlb);
    qtest_add_func("/svatest/queue/wait/wide-address", test_wait_wide_address);
    qtest_add_func("/svatest/queue/blame", test_blame);
    qtest_add_func("/svatest/queue/wait/status", test_wait_status);
    qtest_add_func("/svatest/queue/wait/both", test_wait_both);
    qtest_add_func("/svatest/queue/counters", test_counters);
    qtest_add_func("/svatest/queue/wait/drain-idle", test_wait_drain_idle);
    qtest_add_func("/svatest/queue/wait/event", test_wait_event);
    qtest_add_func("/svatest/queue/error-event", test_error_event);
    qtest_add_func("/svatest/queue/wrap", test_wrap);
    qtest_add_func("/svatest/queue/batch", test_batch);
    qtest_add_func("/svatest/queue/disabled", test_disabled);
    qtest_add_func("/svatest/queue/fetch-error", test_fetch_error);
    qtest_add_data_func("/svatest/queue/tail/beyond", GINT_TO_POINTER(true),
                        tail_case);
    qtest_add_data_func("/svatest/queue/tail/unaligned",
                        GINT_TO_POINTER(false), tail_case);
    qtest_add_func("/svatest/queue/wait/hole", test_wait_hole);
    qtest_add_func("/svatest/queue/error-again", test_error_again);
    qtest_add_func("/svatest/queue/no-such-device", test_no_such_device);
    qtest_add_func("/svatest/queue/pending/two", test_pending_two);
    qtest_add_func("/svatest/queue/pending/foreign", test_pending_foreign);
    qtest_add_func("/svatest/queue/pending/order", test_pending_order);
    qtest_add_func("/svatest/queue/pending/time-out-again",
                   test_time_out_again);
    qtest_add_func("/svatest/queue/wait/into-tail", test_wait_into_tail);
    qtest_add_func("/svatest/queue/pending/time-out", test_time_out_two);
    return g_test_run();
}
