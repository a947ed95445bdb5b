/*
 * Substreams of an SMMUv3, by tables built by hand
 *
 * The device is svatest, whose PASIDs are the SubstreamIDs. What the guest has
 * is where stage 2 says, or, with stage 1 alone, where the guest says. Sections
 * are those of the architecture, IHI 0070.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "smmuv3-drv.h"
#include "standard-headers/misc/svatest.h"

#define SID             0x18
#define SSID_BITS       8
#define NO_SSID         UINT32_MAX

#define BAR_REGS        0x10000000ull
#define BAR_MEM         0x10100000ull
#define CHANNEL         (BAR_REGS + SVATEST_R_CHANNEL(0))
#define DOORBELL        (BAR_REGS + SVATEST_R_DOORBELL(0))

/* Between an address of the guest and the one that stage 2 makes of it */
#define S2_OFFSET       0x40000000ull

#define VA              0x0012345000ull
#define NOWHERE         0x4000000000ull     /* no memory is there */

#define LINEAR          0
#define LEAF_4K         1
#define LEAF_64K        2

#define DSS_TERMINATE   0
#define DSS_BYPASS      1
#define DSS_SSID0       2

#define S1CDMAX(n)      ((uint64_t)(n) << 59)
#define S1FMT(n)        ((uint64_t)(n) << 4)

/* What a record tells of the transaction */
#define EVT_SSV         BIT_ULL(11)
#define EVT_PNU         BIT_ULL(33)
#define EVT_IND         BIT_ULL(34)
#define EVT_RNW         BIT_ULL(35)
#define EVT_S2          BIT_ULL(39)

/** Layout: of a table of CDs, and the stages that are on */
typedef struct Layout {
    unsigned config;
    unsigned fmt;
    unsigned bits;
} Layout;

/** Scene: a stream with substreams */
typedef struct Scene {
    Smmu smmu;
    Layout layout;
    uint64_t cds;       /* its table, or the first level of that */
} Scene;

/* An address as the guest has it in its tables */
static uint64_t guest(Scene *s, uint64_t addr)
{
    return s->layout.config == STE_BOTH ? addr - S2_OFFSET : addr;
}

static uint64_t guest_pages(Scene *s, uint64_t size)
{
    uint64_t addr = smmu_pages(&s->smmu, size);

    for (uint64_t i = 0; i < size; i += PAGE) {
        smmu_s2_map(&s->smmu, addr - S2_OFFSET + i, addr + i);
    }
    return addr;
}

static unsigned split(Scene *s)
{
    return s->layout.fmt == LINEAR ? 0 : s->layout.fmt == LEAF_4K ? 6 : 10;
}

static uint64_t l1cd(Scene *s, uint32_t ssid)
{
    return s->cds + (ssid >> split(s)) * 8;
}

/* Where the CD is; the leaf that it is in is made as needed. */
static uint64_t cd(Scene *s, uint32_t ssid)
{
    QTestState *qts = s->smmu.qts;
    uint64_t leaf;

    if (s->layout.fmt == LINEAR) {
        return s->cds + ssid * 64;
    }
    leaf = qtest_readq(qts, l1cd(s, ssid));
    if (!leaf) {
        leaf = guest(s, guest_pages(s, 64ull << split(s))) | 1;
        qtest_writeq(qts, l1cd(s, ssid), leaf);
    }
    leaf &= ~0xfffull;
    leaf += s->layout.config == STE_BOTH ? S2_OFFSET : 0;
    return leaf + (ssid & (BIT(split(s)) - 1)) * 64;
}

/* One page at VA; returns the first table. */
static uint64_t map(Scene *s, uint64_t data)
{
    QTestState *qts = s->smmu.qts;
    uint64_t first = guest_pages(s, PAGE);
    uint64_t second = guest_pages(s, PAGE);
    uint64_t third = guest_pages(s, PAGE);

    qtest_writeq(qts, first + extract64(VA, 30, 9) * 8,
                 smmu_s1_table(guest(s, second)));
    qtest_writeq(qts, second + extract64(VA, 21, 9) * 8,
                 smmu_s1_table(guest(s, third)));
    qtest_writeq(qts, third + extract64(VA, 12, 9) * 8,
                 smmu_s1_page(guest(s, data)));
    return first;
}

/* An address space for a substream; returns its page at VA. */
static uint64_t add(Scene *s, uint32_t ssid, uint16_t asid)
{
    uint64_t data = guest_pages(s, PAGE);

    smmu_write_cd(&s->smmu, cd(s, ssid), 25, guest(s, map(s, data)), asid);
    return data;
}

static void set_ste(Scene *s, unsigned dss, uint64_t high)
{
    smmu_set_ste(&s->smmu, s->layout.config,
                 guest(s, s->cds) | S1FMT(s->layout.fmt) |
                 S1CDMAX(s->layout.bits), dss | high);
}

/* The address of an extended capability, in the function's own space */
static unsigned ext_cap(Smmu *m, unsigned id)
{
    unsigned at = 0x100;
    uint32_t head;

    do {
        head = qtest_readl(m->qts, smmu_config(m, at));
        if ((head & 0xffff) == id) {
            return at;
        }
        at = head >> 20;
    } while (at);
    g_assert_not_reached();
}

static void start_device(Smmu *m)
{
    QTestState *qts = m->qts;

    qtest_writeq(qts, smmu_config(m, 0x10), BAR_REGS);
    qtest_writeq(qts, smmu_config(m, 0x18), BAR_MEM);
    qtest_writew(qts, smmu_config(m, 0x04), 6);
    /* PASID Control: all that the function has */
    qtest_writew(qts, smmu_config(m, ext_cap(m, 0x1b) + 6), 7);
    g_assert_cmphex(qtest_readl(qts, BAR_REGS + SVATEST_R_MAGIC), ==,
                    SVATEST_MAGIC);
    qtest_writel(qts, BAR_REGS + SVATEST_R_CONTROL, SVATEST_CTRL_ENABLE);
    qtest_writel(qts, CHANNEL + SVATEST_C_FLAGS,
                 SVATEST_CF_ENABLE | SVATEST_CF_TRUSTED);
}

static void start_with(Scene *s, const Layout *layout, const char *options)
{
    g_autofree char *all = g_strdup_printf("-device svatest,addr=3 %s",
                                           options);
    unsigned low = layout->fmt == LEAF_4K ? 6 : 10;
    uint64_t size = 64ull << layout->bits;

    memset(s, 0, sizeof(*s));
    s->layout = *layout;
    smmu_start(&s->smmu, all, SID, 7);
    if (layout->fmt != LINEAR) {
        size = 8ull << MAX((int)(layout->bits - low), 3);
    }
    s->cds = guest_pages(s, MAX(size, PAGE));
    start_device(&s->smmu);
    set_ste(s, DSS_TERMINATE, 0);
}

static void start(Scene *s, const Layout *layout)
{
    start_with(s, layout, "-global arm-smmuv3.x-ssid-bits=8");
}

static void stop(Scene *s)
{
    qtest_quit(s->smmu.qts);
}

/** access_flags: eight bytes read or written; returns the status */
static unsigned access_flags(Scene *s, uint32_t ssid, uint64_t addr,
                             bool write, uint32_t flags)
{
    QTestState *qts = s->smmu.qts;
    const struct svatest_desc desc = {
        .op_flags = (write ? SVATEST_OP_WRITE : SVATEST_OP_READ) | flags,
        .pasid = ssid == NO_SSID ? 0 : SVATEST_DP_VALID | ssid,
        .src = write ? 0 : addr,
        .dst = write ? addr : 0,
        .length = 8,
    };
    uint32_t status = 0;

    qtest_memwrite(qts, DOORBELL + SVATEST_D_DESC, &desc, sizeof(desc));
    qtest_writel(qts, DOORBELL + SVATEST_D_START, 1);
    for (int i = 0; i < 200 && !(status & SVATEST_IMM_DONE); i++) {
        status = qtest_readl(qts, DOORBELL + SVATEST_D_STATUS);
    }
    return SVATEST_IMM_STATUS(status);
}

/* Does a read at @addr get what is in the page @data? */
static bool reads(Scene *s, uint32_t ssid, uint64_t addr, uint64_t data)
{
    static uint64_t mark = 0x5a5a00000000;
    QTestState *qts = s->smmu.qts;

    qtest_writeq(qts, data, ++mark);
    qtest_writeq(qts, BAR_MEM, 0);
    return access_flags(s, ssid, addr, false, 0) == SVATEST_ST_OK &&
           qtest_readq(qts, BAR_MEM) == mark;
}

static bool sees(Scene *s, uint32_t ssid, uint64_t data)
{
    return reads(s, ssid, VA, data);
}

/* A read at VA is refused. One record says so, which the caller may look at. */
static void refused(Scene *s, uint32_t ssid)
{
    smmu_drain(&s->smmu);
    g_assert_cmphex(access_flags(s, ssid, VA, false, 0), ==,
                    SVATEST_ST_ACCESS);
}

static void expect_event(Scene *s, unsigned type, uint32_t ssid, bool ssv)
{
    Smmu *m = &s->smmu;
    uint64_t word = smmu_event(m, 0);

    g_assert_cmpuint(smmu_events(m), ==, 1);
    g_assert_cmphex(word & 0xff, ==, type);
    g_assert_cmphex(word & EVT_SSV, ==, ssv ? EVT_SSV : 0);
    g_assert_cmphex(extract64(word, 12, 20), ==, ssid);
    g_assert_cmphex(word >> 32, ==, SID);
}

#define expect_refused(s, ssid, type, told, ssv) do {   \
    refused(s, ssid);                                   \
    expect_event(s, type, told, ssv);                   \
} while (0)

static const Layout linear = { STE_BOTH, LINEAR, 4 };
static const Layout two_levels = { STE_BOTH, LEAF_4K, 8 };

/* What the unit says of itself */
static void test_id(void)
{
    Scene s;

    start(&s, &linear);
    g_assert_cmpuint(extract32(smmu_reg(&s.smmu, IDR1), 6, 5), ==, SSID_BITS);
    g_assert_cmpuint(extract32(smmu_reg(&s.smmu, IDR0), 19, 1), ==, 1);
    stop(&s);
    start_with(&s, &linear, "");
    g_assert_cmpuint(extract32(smmu_reg(&s.smmu, IDR1), 6, 5), ==, 0);
    g_assert_cmpuint(extract32(smmu_reg(&s.smmu, IDR0), 19, 1), ==, 0);
    stop(&s);
}

/* 5.2, S1CDMax: it is ignored, and nobody knows PASIDs. */
static void test_unit_without(void)
{
    uint64_t data;
    Scene s;

    start_with(&s, &linear, "");
    data = add(&s, 0, 1);
    g_assert_true(sees(&s, NO_SSID, data));
    g_assert_false(sees(&s, 1, data));
    stop(&s);
}

/* Each substream has its CD: all of a few, some of many, the last. */
static void test_layout(const void *opaque)
{
    const Layout *layout = opaque;
    uint32_t last = BIT(layout->bits) - 1, step = last / 8 + 1;
    uint64_t data[BIT(SSID_BITS)];
    Scene s;

    start(&s, layout);
    for (uint32_t ssid = 0; ssid < last; ssid += step) {
        data[ssid] = add(&s, ssid, ssid + 1);
    }
    data[last] = add(&s, last, last + 1);
    for (uint32_t ssid = 0; ssid < last; ssid += step) {
        g_assert_true(sees(&s, ssid, data[ssid]));
    }
    g_assert_true(sees(&s, last, data[last]));
    g_assert_cmpuint(smmu_events(&s.smmu), ==, 0);
    expect_refused(&s, last + 1, C_BAD_SUBSTREAMID, last + 1, false);
    expect_refused(&s, SVATEST_PASID_MASK, C_BAD_SUBSTREAMID,
                   SVATEST_PASID_MASK, false);
    stop(&s);
}

static void test_fmt_reserved(void)
{
    const Layout layout = { STE_BOTH, LINEAR, 4 };
    uint64_t data;
    Scene s;

    start(&s, &layout);
    data = add(&s, 3, 1);
    smmu_set_ste(&s.smmu, STE_BOTH, guest(&s, s.cds) | S1FMT(3) | S1CDMAX(4),
                 0);
    g_assert_true(sees(&s, 3, data));
    stop(&s);
}

/* 5.2: substreams where the entry has none */
static void test_disabled(void)
{
    uint64_t data;
    Scene s;

    start(&s, &linear);
    data = add(&s, 0, 1);
    smmu_set_ste(&s.smmu, STE_BOTH, guest(&s, s.cds) | S1FMT(LEAF_64K), 0);
    g_assert_true(sees(&s, NO_SSID, data));
    expect_refused(&s, 0, C_BAD_SUBSTREAMID, 0, false);
    expect_refused(&s, 5, C_BAD_SUBSTREAMID, 5, false);

    smmu_set_ste(&s.smmu, STE_STAGE_2, S1CDMAX(31), 0);
    g_assert_true(reads(&s, NO_SSID, data - S2_OFFSET, data));
    expect_refused(&s, 5, C_BAD_SUBSTREAMID, 5, false);
    smmu_set_ste(&s.smmu, STE_BYPASS, S1CDMAX(31), 0);
    g_assert_true(reads(&s, NO_SSID, data, data));
    expect_refused(&s, 5, C_BAD_SUBSTREAMID, 5, false);
    smmu_set_ste(&s.smmu, STE_ABORT, 0, 0);
    refused(&s, 5);
    g_assert_cmpuint(smmu_events(&s.smmu), ==, 0);
    stop(&s);
}

/* As many as the unit has are legal, one bit more is not. */
static void test_too_many(void)
{
    const Layout most = { STE_BOTH, LINEAR, SSID_BITS };
    uint64_t data;
    Scene s;

    start(&s, &most);
    data = add(&s, 7, 1);
    g_assert_true(sees(&s, 7, data));
    s.layout.bits++;
    set_ste(&s, DSS_TERMINATE, 0);
    expect_refused(&s, 7, C_BAD_STE, 7, true);
    expect_refused(&s, NO_SSID, C_BAD_STE, 0, false);
    stop(&s);
}

/* 5.2, S1DSS: what becomes of a transaction without SubstreamID */
static void test_dss(const void *opaque)
{
    const Layout *layout = opaque;
    uint64_t first, second, flat;
    Scene s;

    start(&s, layout);
    first = add(&s, 0, 1);
    second = add(&s, 1, 2);
    flat = guest(&s, first);

    for (unsigned dss = 0; dss < 4; dss++) {
        set_ste(&s, dss, 0);
        g_assert_true(sees(&s, 1, second));
        g_assert_cmpint(reads(&s, NO_SSID, flat, first), ==,
                        dss == DSS_BYPASS);
        g_assert_cmpint(sees(&s, NO_SSID, first), ==, dss == DSS_SSID0);
        g_assert_cmpint(sees(&s, 0, first), ==, dss != DSS_SSID0);
    }
    set_ste(&s, DSS_TERMINATE, 0);
    expect_refused(&s, NO_SSID, F_STREAM_DISABLED, 0, false);
    set_ste(&s, 3, 0);
    expect_refused(&s, NO_SSID, F_STREAM_DISABLED, 0, false);
    set_ste(&s, DSS_SSID0, 0);
    expect_refused(&s, 0, F_STREAM_DISABLED, 0, false);
    stop(&s);
}

/* 5.3.1 and 7.3.9: entries of the first level that lead nowhere */
static void test_l1cd(void)
{
    const uint64_t beyond = 1ull << 44;
    uint64_t good;
    Scene s;

    start(&s, &two_levels);
    add(&s, 0x41, 1);
    good = qtest_readq(s.smmu.qts, l1cd(&s, 0x41));

    expect_refused(&s, 0x81, C_BAD_SUBSTREAMID, 0x81, false);
    qtest_writeq(s.smmu.qts, l1cd(&s, 0x41), good & ~1ull);
    expect_refused(&s, 0x41, C_BAD_SUBSTREAMID, 0x41, false);
    qtest_writeq(s.smmu.qts, l1cd(&s, 0x41), good | beyond);
    expect_refused(&s, 0x41, C_BAD_SUBSTREAMID, 0x41, false);
    /* Bits that are reserved do no harm. */
    qtest_writeq(s.smmu.qts, l1cd(&s, 0x41), good | 0xff00000000000ffe);
    access_flags(&s, 0x41, VA, false, 0);
    smmu_drain(&s.smmu);
    g_assert_cmphex(access_flags(&s, 0x41, VA, false, 0), ==, SVATEST_ST_OK);
    /* The first CD, for what has no SubstreamID */
    set_ste(&s, DSS_SSID0, 0);
    expect_refused(&s, NO_SSID, C_BAD_SUBSTREAMID, 0, false);
    stop(&s);
}

/* 7.3.13: both levels are read through stage 2. */
static void expect_fetch_fault(Scene *s, uint32_t ssid, uint64_t addr)
{
    Smmu *m = &s->smmu;

    smmu_s2_unmap(m, (addr & -PAGE) - S2_OFFSET);
    smmu_command(m, CMD_NSNH_ALL, 0);
    smmu_forget_ste(m);
    expect_refused(s, ssid, F_TRANSLATION, ssid, true);
    g_assert_cmphex(smmu_event(m, 1) & EVT_S2, ==, EVT_S2);
    g_assert_cmphex(extract64(smmu_event(m, 1), 40, 2), ==, CLASS_CD);
    g_assert_cmphex(smmu_event(m, 2), ==, VA);
    g_assert_cmphex(smmu_event(m, 3), ==, (addr & -PAGE) - S2_OFFSET);
}

static void test_fetch_stage_2(void)
{
    const Layout large = { STE_BOTH, LINEAR, 8 };
    uint64_t at;
    Scene s;

    start(&s, &two_levels);
    add(&s, 0x41, 1);
    at = cd(&s, 0x41);
    expect_fetch_fault(&s, 0x41, at);
    expect_fetch_fault(&s, 0x41, l1cd(&s, 0x41));
    stop(&s);

    /* The page of a linear table that the CD is in */
    start(&s, &large);
    add(&s, 0x41, 1);
    expect_fetch_fault(&s, 0x41, cd(&s, 0x41));
    stop(&s);
}

/* 7.3.10: an external abort has the physical address. */
static void test_fetch_abort(void)
{
    const Layout layout = { STE_STAGE_1, LEAF_4K, 8 };
    Scene s;

    start(&s, &layout);
    qtest_writeq(s.smmu.qts, l1cd(&s, 0x41), NOWHERE | 1);
    expect_refused(&s, 0x41, F_CD_FETCH, 0x41, true);
    g_assert_cmphex(smmu_event(&s.smmu, 3), ==, NOWHERE + 64);
    s.cds = NOWHERE;
    set_ste(&s, DSS_SSID0, 0);
    expect_refused(&s, 0x41, F_CD_FETCH, 0x41, true);
    g_assert_cmphex(smmu_event(&s.smmu, 3), ==, NOWHERE + 8);
    expect_refused(&s, NO_SSID, F_CD_FETCH, 0, false);
    g_assert_cmphex(smmu_event(&s.smmu, 3), ==, NOWHERE);
    stop(&s);
}

static void test_bad_cd(void)
{
    Scene s;

    start(&s, &linear);
    expect_refused(&s, 6, C_BAD_CD, 6, true);
    set_ste(&s, DSS_SSID0, 0);
    expect_refused(&s, NO_SSID, C_BAD_CD, 0, false);
    stop(&s);
}

/* 7.3.13, and 13.7: the record tells what kind of access it was. */
static void test_fault(void)
{
    const struct {
        bool write;
        uint32_t flags;
        uint64_t told;
    } kinds[] = {
        { true, 0, 0 },
        { false, 0, EVT_RNW },
        { true, SVATEST_F_PRIV, EVT_PNU },
        { false, SVATEST_F_PRIV, EVT_RNW | EVT_PNU },
        { false, SVATEST_F_EXEC, EVT_RNW | EVT_IND },
    };
    Scene s;

    start(&s, &linear);
    add(&s, 0, 1);
    add(&s, 9, 2);
    set_ste(&s, DSS_SSID0, 0);
    for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
        smmu_drain(&s.smmu);
        g_assert_cmphex(access_flags(&s, 9, VA + PAGE, kinds[i].write,
                                     kinds[i].flags), ==, SVATEST_ST_ACCESS);
        expect_event(&s, F_TRANSLATION, 9, true);
        g_assert_cmphex(smmu_event(&s.smmu, 1) &
                        (EVT_RNW | EVT_PNU | EVT_IND | EVT_S2), ==,
                        kinds[i].told);
        g_assert_cmphex(smmu_event(&s.smmu, 2), ==, VA + PAGE);
    }
    smmu_drain(&s.smmu);
    g_assert_cmphex(access_flags(&s, NO_SSID, VA + PAGE, true, 0), ==,
                    SVATEST_ST_ACCESS);
    expect_event(&s, F_TRANSLATION, 0, false);
    stop(&s);
}

/* 7.3.1: records of different substreams are not the same. */
static void test_merge(void)
{
    Scene s;

    start(&s, &linear);
    set_ste(&s, DSS_TERMINATE, BIT_ULL(19));
    for (int i = 0; i < 3; i++) {
        access_flags(&s, 1, VA, false, 0);
    }
    g_assert_cmpuint(smmu_events(&s.smmu), ==, 1);
    access_flags(&s, 2, VA, false, 0);
    g_assert_cmpuint(smmu_events(&s.smmu), ==, 2);
    stop(&s);
}

static void invalidate_cd(Scene *s, uint32_t sid, uint32_t ssid)
{
    smmu_command(&s->smmu, CMD_CFGI_CD | (uint64_t)ssid << 12 |
                 (uint64_t)sid << 32, 1);
}

/* 4.3.3: a CD stays until it is invalidated; what is for others spares it. */
static void test_cfgi_cd(void)
{
    const uint32_t ssids[] = { 0, 1, 2, 3, NO_SSID };
    uint64_t old[5], new[5];
    Scene s;

    start(&s, &linear);
    set_ste(&s, DSS_SSID0, 0);
    for (int i = 1; i < 4; i++) {
        old[i] = add(&s, i, i);
        g_assert_true(sees(&s, i, old[i]));
    }
    old[4] = add(&s, 0, 4);
    g_assert_true(sees(&s, NO_SSID, old[4]));
    for (int i = 1; i < 4; i++) {
        new[i] = add(&s, i, 10 + i);
    }
    new[4] = add(&s, 0, 14);

    invalidate_cd(&s, SID, 2);
    invalidate_cd(&s, SID + 1, 1);
    invalidate_cd(&s, SID, 0x102);
    for (int i = 1; i < 5; i++) {
        g_assert_true(sees(&s, ssids[i], ssids[i] == 2 ? new[i] : old[i]));
    }
    /* The first one is the one for what has no SubstreamID. */
    invalidate_cd(&s, SID, 0);
    g_assert_true(sees(&s, 1, old[1]));
    g_assert_true(sees(&s, NO_SSID, new[4]));
    smmu_command(&s.smmu, CMD_CFGI_CD_ALL | (uint64_t)SID << 32, 0);
    g_assert_true(sees(&s, 1, new[1]));
    g_assert_true(sees(&s, 3, new[3]));

    old[1] = new[1];
    new[1] = add(&s, 1, 21);
    g_assert_true(sees(&s, 1, old[1]));
    smmu_forget_ste(&s.smmu);
    g_assert_true(sees(&s, 1, new[1]));
    stop(&s);
}

/* Translations are tagged by the ASID: substreams can share one. */
static void test_asid(void)
{
    QTestState *qts;
    uint64_t data, other;
    Scene s;

    start(&s, &linear);
    qts = s.smmu.qts;
    data = add(&s, 1, 5);
    qtest_writeq(qts, cd(&s, 2) + 8, qtest_readq(qts, cd(&s, 1) + 8));
    qtest_writeq(qts, cd(&s, 2), qtest_readq(qts, cd(&s, 1)));
    other = add(&s, 3, 6);
    g_assert_true(sees(&s, 1, data));
    g_assert_true(sees(&s, 2, data));
    g_assert_true(sees(&s, 3, other));
    stop(&s);
}

/* More than the cache holds */
static void test_many(void)
{
    const Layout layout = { STE_BOTH, LINEAR, 11 };
    uint64_t data, root;
    Scene s;

    start_with(&s, &layout, "-global arm-smmuv3.x-ssid-bits=20");
    data = guest_pages(&s, PAGE);
    root = guest(&s, map(&s, data));
    for (unsigned i = 0; i < 1200; i++) {
        smmu_write_cd(&s.smmu, cd(&s, i), 25, root, 1);
        g_assert_true(sees(&s, i, data));
    }
    g_assert_true(sees(&s, 0, data));
    stop(&s);
}

/* What is not a request to memory of the function itself */
static void test_requests(void)
{
    uint64_t data;
    Scene s;

    start(&s, &linear);
    data = add(&s, 1, 1);
    g_assert_true(sees(&s, 1, data));
    /* There is no ATS, so no translated requests. */
    g_assert_cmphex(access_flags(&s, 1, data, false, SVATEST_F_TRANSLATED),
                    ==, SVATEST_ST_ACCESS);
    /* The stream of another function, of which no entry is valid */
    qtest_writel(s.smmu.qts, BAR_REGS + SVATEST_K_DEVFN_OFFSET, 1);
    smmu_drain(&s.smmu);
    g_assert_false(sees(&s, 1, data));
    g_assert_cmphex(smmu_event(&s.smmu, 0), ==,
                    C_BAD_STE | EVT_SSV | 1 << 12 | (SID + 1ull) << 32);
    qtest_writel(s.smmu.qts, BAR_REGS + SVATEST_K_DEVFN_OFFSET, 0);
    g_assert_true(sees(&s, 1, data));
    /* The unit is off: all passes. */
    smmu_set_reg(&s.smmu, CR0, 0xc);
    g_assert_true(reads(&s, 1, data, data));
    stop(&s);
}

/* Pages of a command that are translated one by one */
static void test_copy(void)
{
    QTestState *qts;
    struct svatest_desc desc = {
        .op_flags = SVATEST_OP_FILL, .pasid = SVATEST_DP_VALID | 1,
        .dst = VA + PAGE - 8, .length = 16, .imm = 0x1122334455667788,
    };
    uint64_t data, next, table;
    Scene s;

    start(&s, &linear);
    qts = s.smmu.qts;
    data = guest_pages(&s, PAGE);
    smmu_page(&s.smmu);
    next = guest_pages(&s, PAGE);
    table = map(&s, data);
    smmu_write_cd(&s.smmu, cd(&s, 1), 25, guest(&s, table), 1);
    /* The third table is the last of the three pages. */
    qtest_writeq(qts, table + 2 * PAGE + extract64(VA + PAGE, 12, 9) * 8,
                 smmu_s1_page(guest(&s, next)));
    qtest_memwrite(qts, DOORBELL + SVATEST_D_DESC, &desc, sizeof(desc));
    qtest_writel(qts, DOORBELL + SVATEST_D_START, 1);
    while (!(qtest_readl(qts, DOORBELL + SVATEST_D_STATUS) &
             SVATEST_IMM_DONE)) {
        /* It takes one slice. */
    }
    g_assert_cmphex(qtest_readq(qts, data + PAGE - 8), ==, desc.imm);
    g_assert_cmphex(qtest_readq(qts, next), ==, desc.imm);
    stop(&s);
}

static void add_layout(const char *path, const Layout *layout,
                       void (*test)(const void *))
{
    qtest_add_data_func(path, layout, test);
}

int main(int argc, char **argv)
{
    static const Layout layouts[] = {
        { STE_BOTH, LINEAR, 1 }, { STE_BOTH, LINEAR, 8 },
        { STE_BOTH, LEAF_4K, 4 }, { STE_BOTH, LEAF_4K, 8 },
        { STE_BOTH, LEAF_64K, 8 },
        { STE_STAGE_1, LINEAR, 8 }, { STE_STAGE_1, LEAF_4K, 8 },
        { STE_STAGE_1, LEAF_64K, 8 },
    };
    static const char * const names[] = {
        "linear-1", "linear-8", "leaf-4k-4", "leaf-4k-8", "leaf-64k-8",
        "stage-1-linear", "stage-1-leaf-4k", "stage-1-leaf-64k",
    };

    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/smmuv3/ssid/id", test_id);
    qtest_add_func("/smmuv3/ssid/unit-without", test_unit_without);
    for (int i = 0; i < ARRAY_SIZE(layouts); i++) {
        g_autofree char *path = g_strdup_printf("/smmuv3/ssid/table/%s",
                                                names[i]);

        add_layout(path, &layouts[i], test_layout);
    }
    qtest_add_func("/smmuv3/ssid/table/reserved", test_fmt_reserved);
    qtest_add_func("/smmuv3/ssid/disabled", test_disabled);
    qtest_add_func("/smmuv3/ssid/too-many", test_too_many);
    add_layout("/smmuv3/ssid/dss/both-stages", &linear, test_dss);
    add_layout("/smmuv3/ssid/dss/two-levels", &two_levels, test_dss);
    add_layout("/smmuv3/ssid/dss/stage-1", &layouts[5], test_dss);
    qtest_add_func("/smmuv3/ssid/l1cd", test_l1cd);
    qtest_add_func("/smmuv3/ssid/fetch/stage-2", test_fetch_stage_2);
    qtest_add_func("/smmuv3/ssid/fetch/abort", test_fetch_abort);
    qtest_add_func("/smmuv3/ssid/fault/cd", test_bad_cd);
    qtest_add_func("/smmuv3/ssid/fault/kinds", test_fault);
    qtest_add_func("/smmuv3/ssid/fault/merge", test_merge);
    qtest_add_func("/smmuv3/ssid/cache/cfgi-cd", test_cfgi_cd);
    qtest_add_func("/smmuv3/ssid/cache/asid", test_asid);
    qtest_add_func("/smmuv3/ssid/cache/many", test_many);
    qtest_add_func("/smmuv3/ssid/requests", test_requests);
    qtest_add_func("/smmuv3/ssid/pages", test_copy);
    return g_test_run();
}
