/*
 * The unit as a whole: registers, resets, translation off or aborted, interrupt
 * messages, requests of an ordinary device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   ENV_PASID
#define IOVA    ENV_IOVA
#define MSI     0xfee00000ull

typedef SvaEnv Env;

static void expect_reason(Env *e, uint8_t reason, uint16_t sid, unsigned at)
{
    SvaFault f;

    g_assert_true(vtd_fault_next(e->s, &f));
    g_assert_cmphex(f.reason, ==, reason);
    g_assert_cmphex(f.sid, ==, sid);
    g_assert_cmpuint(f.at, ==, at);
    vtd_expect_no_fault(e->s);
}

/* 11.4: each half of a register of 64 bits may be accessed by itself. */
static void test_halves(void)
{
    Env e = { };

    sva_env_start(&e, "", "");
    g_assert_cmphex(vtd_readl(e.s, VTD_CAP) |
                    (uint64_t)vtd_readl(e.s, VTD_CAP + 4) << 32, ==,
                    vtd_readq(e.s, VTD_CAP));
    g_assert_false(sva_access(&e.d, 0x77, IOVA, A_READ));
    g_assert_cmphex(vtd_readl(e.s, VTD_FRCD) |
                    (uint64_t)vtd_readl(e.s, VTD_FRCD + 4) << 32, ==, IOVA);
    g_assert_cmphex(vtd_readl(e.s, VTD_FRCD + 8) |
                    (uint64_t)vtd_readl(e.s, VTD_FRCD + 12) << 32, ==,
                    vtd_readq(e.s, VTD_FRCD + 8));
    /* F is bit 127, and nothing else clears it. */
    vtd_writel(e.s, VTD_FRCD, 1u << 31);
    vtd_writel(e.s, VTD_FRCD + 4, 1u << 31);
    vtd_writel(e.s, VTD_FRCD + 8, 1u << 31);
    vtd_writel(e.s, VTD_FRCD + 12, ~(1u << 31));
    vtd_writeq(e.s, VTD_FRCD, 1ull << 63);
    vtd_writeq(e.s, VTD_FRCD + 8, ~(1ull << 63));
    g_assert_cmphex(vtd_readq(e.s, VTD_FRCD + 8) >> 63, ==, 1);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, FSTS_PPF);
    vtd_writel(e.s, VTD_FRCD + 12, 1u << 31);
    g_assert_cmphex(vtd_readq(e.s, VTD_FRCD + 8) >> 63, ==, 0);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, 0);
    /* Behind the last record there is nothing. */
    vtd_writeq(e.s, VTD_FRCD + 8 * 16, UINT64_MAX);
    vtd_writeq(e.s, VTD_FRCD + 8 * 16 + 8, UINT64_MAX);
    g_assert_cmphex(vtd_readq(e.s, VTD_FRCD + 8 * 16), ==, 0);
    g_assert_cmphex(vtd_readq(e.s, VTD_FRCD + 8 * 16 + 8), ==, 0);
    /* Two registers of 32 bits by one write */
    vtd_writeq(e.s, VTD_FEDATA - 4, 0x12ull << 32 | EVENT_IM);
    g_assert_cmphex(vtd_readl(e.s, VTD_FEDATA), ==, 0x12);
    g_assert_cmphex(vtd_readl(e.s, VTD_FECTL), ==, EVENT_IM);
    /* The tail by its low half */
    vtd_writel(e.s, VTD_IQT, vtd_readl(e.s, VTD_IQH));
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, 0);
    sva_write64(e.s, e.s->iq + vtd_readq(e.s, VTD_IQT), 5 | 1 << 6);
    vtd_writel(e.s, VTD_IQT, vtd_readl(e.s, VTD_IQT) + 32);
    g_assert_cmphex(vtd_readq(e.s, VTD_IQH), ==, vtd_readq(e.s, VTD_IQT));
    sva_quit(e.s);
}

/* What can be written, what is cleared by writing it */
static void test_masks(void)
{
    static const struct {
        unsigned reg;
        uint64_t mask;
    } regs[] = {
        { VTD_PQH, 0x7ffe0 }, { VTD_PQT, 0x7ffe0 },
        { VTD_PQA, 0x0000fffffffff007 }, { VTD_IQER, 0 }, { VTD_PRS - 4, 0 },
        { VTD_PECTL, 0xffffull << 32 | EVENT_IM },
        { VTD_PEADDR, 0xfffffffffffffffc },
    };
    Env e = { };
    unsigned i;

    sva_env_start(&e, "", "");
    for (i = 0; i < ARRAY_SIZE(regs); i++) {
        vtd_writeq(e.s, regs[i].reg, UINT64_MAX);
        g_test_message("register 0x%x", regs[i].reg);
        g_assert_cmphex(vtd_readq(e.s, regs[i].reg), ==, regs[i].mask);
    }
    vtd_pq_init(e.s, 0);
    sva_page_request(&e.d, PASID, IOVA, 130, SVATEST_PR_READ |
                     SVATEST_PR_SAME_ADDR);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, PRS_PPR | PRS_PRO);
    vtd_writel(e.s, VTD_PRS, PRS_PRO);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, PRS_PPR);
    vtd_writel(e.s, VTD_PRS, PRS_PPR);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, 0);
    sva_dev_writel(&e.d, SVATEST_K_INV_DONE, 1);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, FSTS_ICE);
    vtd_writel(e.s, VTD_FSTS, FSTS_ICE);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, 0);
    sva_quit(e.s);
}

/* The index of the records starts anew when nothing is translated (7.2.1). */
static void test_record_index(void)
{
    Env e = { };

    sva_env_start(&e, "", "");
    g_assert_false(sva_access(&e.d, 0x77, IOVA, A_READ));
    expect_reason(&e, 0x51, SID0, 0);
    g_assert_false(sva_access(&e.d, 0x77, IOVA, A_READ));
    g_assert_true(vtd_readq(e.s, VTD_FRCD + 16 + 8) >> 63);
    expect_reason(&e, 0x51, SID0, 0);
    /* Not by any other command */
    vtd_set_root(e.s, TTM_SCALABLE);
    g_assert_false(sva_access(&e.d, 0x77, IOVA, A_READ));
    g_assert_true(vtd_readq(e.s, VTD_FRCD + 32 + 8) >> 63);
    expect_reason(&e, 0x51, SID0, 0);
    vtd_gcmd(e.s, GSTS_TE, false);
    vtd_gcmd(e.s, GSTS_TE, true);
    g_assert_false(sva_access(&e.d, 0x77, IOVA, A_READ));
    g_assert_true(vtd_readq(e.s, VTD_FRCD + 8) >> 63);
    sva_quit(e.s);
}

/* Each register's writable bits as in 11.4, whatever is written */
static void test_all_masks(void)
{
    static const struct {
        unsigned reg;
        uint32_t mask, fixed;   /* writable; what reads as it is */
    } regs[] = {
        { 0x00, 0, 0x60 },
        { VTD_CAP, 0, 0x226f0606 }, { VTD_CAP + 4, 0, 0x81d2078c },
        { VTD_ECAP, 0, 0xa4f00f5f }, { VTD_ECAP + 4, 0, 0x0413ef9a },
        { VTD_GSTS, 0 },
        { VTD_RTADDR, 0xfffffc00 }, { VTD_RTADDR + 4, 0xffff },
        { VTD_FSTS, 0 },
        { VTD_FECTL, EVENT_IM }, { VTD_FEDATA, 0xffff },
        { VTD_FEADDR, 0xfffffffc }, { VTD_FEADDR + 4, 0xffffffff },
        { VTD_IQH, 0 }, { VTD_IQH + 4, 0 }, { VTD_IQT + 4, 0 },
        { VTD_IQA, 0xfffff807 }, { VTD_IQA + 4, 0xffff },
        { VTD_ICS, 0 },
        { VTD_IECTL, EVENT_IM }, { VTD_IEDATA, 0xffff },
        { VTD_IEADDR, 0xfffffffc }, { VTD_IEADDR + 4, 0xffffffff },
        { VTD_IQER, 0 }, { VTD_IQER + 4, 0 },
        { VTD_PQH, 0x7ffe0 }, { VTD_PQH + 4, 0 },
        { VTD_PQT, 0x7ffe0 }, { VTD_PQT + 4, 0 },
        { VTD_PQA, 0xfffff007 }, { VTD_PQA + 4, 0xffff },
        { VTD_PRS - 4, 0 }, { VTD_PRS, 0 },
        { VTD_PECTL, EVENT_IM }, { VTD_PEDATA, 0xffff },
        { VTD_PEADDR, 0xfffffffc }, { VTD_PEADDR + 4, 0xffffffff },
        { 0x100, 0 }, { 0x108, 0 }, { 0x180, 0 }, { 0x300, 0 }, { 0x400, 0 },
        { 0xdc0, 0 }, { 0xe00, 0 }, { 0xe30, 0 },
    };
    Sva *s = sva_start(SVA_MACHINE);
    unsigned i, bit;

    for (i = 0; i < ARRAY_SIZE(regs); i++) {
        for (bit = 0; bit < 33; bit++) {
            uint32_t value = bit == 32 ? UINT32_MAX : 1u << bit;

            vtd_writel(s, regs[i].reg, value);
            g_test_message("register 0x%x", regs[i].reg);
            g_assert_cmphex(vtd_readl(s, regs[i].reg), ==,
                            (value & regs[i].mask) | regs[i].fixed);
        }
    }
    sva_quit(s);
}

/* Without x2APIC messages have no upper address. */
static void test_no_extended_interrupts(void)
{
    static const unsigned regs[] = { VTD_FEADDR + 4, VTD_IEADDR + 4 };
    Sva *s = sva_start("-device intel-iommu,intremap=on,eim=off,"
                       "x-scalable-mode=on,x-nested=on,device-iotlb=on");
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(regs); i++) {
        vtd_writel(s, regs[i], UINT32_MAX);
        g_assert_cmphex(vtd_readl(s, regs[i]), ==, 0);
    }
    sva_quit(s);
}

/* All of them as in 11.4, nothing of before in records or caches */
static void test_reset(void)
{
    static const struct {
        unsigned reg;
        uint32_t value;
    } regs[] = {
        { 0x00, 0x60 }, { VTD_GSTS }, { VTD_RTADDR }, { VTD_FSTS },
        { VTD_FECTL, EVENT_IM },
        { VTD_FEDATA }, { VTD_FEADDR }, { VTD_IQH }, { VTD_IQT }, { VTD_IQA },
        { VTD_ICS }, { VTD_IECTL, EVENT_IM }, { VTD_IQER }, { VTD_IQER + 4 },
        { VTD_PQH }, { VTD_PQT }, { VTD_PQA }, { VTD_PRS },
        { VTD_PECTL, EVENT_IM }, { VTD_PEDATA }, { VTD_PEADDR },
        { VTD_PEADDR + 4 }, { VTD_FRCD + 12 },
    };
    Env e = { }, f = { };
    unsigned i;

    sva_env_start(&e, ",prq-delay-us=1000", "");
    sva_dev_pri(&e.d, true);
    for (i = 0; i < 3; i++) {
        g_assert_false(sva_access(&e.d, 0x77 + i, IOVA, A_READ));
    }
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ));
    vtd_writel(e.s, VTD_PEDATA, 0x55);
    vtd_writel(e.s, VTD_PEADDR, 0xfee01000);
    vtd_writel(e.s, VTD_PEADDR + 4, 0x55);
    vtd_writeq(e.s, VTD_PQT, 0x40);
    sva_page_request(&e.d, PASID, IOVA, 1, SVATEST_PR_READ);
    qtest_clock_step(e.s->qts, 1000 * 1000);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, PRS_PPR);
    /* A request under way, an error, a wait for who never completes */
    sva_page_request(&e.d, PASID, IOVA, 1, SVATEST_PR_READ);
    sva_dev_writel(&e.d, SVATEST_K_INV_DONE, 1);
    vtd_writel(e.s, VTD_FSTS, FSTS_ICE);
    sva_dev_writel(&e.d, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    g_assert_false(vtd_wait(e.s));

    qtest_system_reset(e.s->qts);
    for (i = 0; i < ARRAY_SIZE(regs); i++) {
        g_test_message("register 0x%x", regs[i].reg);
        g_assert_cmphex(vtd_readl(e.s, regs[i].reg), ==, regs[i].value);
    }
    /* The same set-up again, as from the beginning */
    e.s->waits = 0;
    qtest_memset(e.s->qts, e.s->status, 0, 8);
    qtest_outl(e.s->qts, 0xcf8, 0x80000060);
    qtest_outl(e.s->qts, 0xcfc, 0xb0000000 | 1);
    f = e;
    sva_dev_init(&f.d, e.s, SID0);
    sva_dev_pasid(&f.d, true);
    vtd_pq_init(e.s, 0);
    /* Neither the old root nor what was found through it is left. */
    vtd_writeq(e.s, VTD_RTADDR, 0);
    vtd_gcmd(e.s, GSTS_TE, true);
    g_assert_false(sva_access(&f.d, PASID, IOVA, A_READ));
    expect_reason(&f, 0x31, SID0, 0);
    g_assert_cmphex(vtd_readq(e.s, VTD_FRCD), ==, IOVA);
    vtd_gcmd(e.s, GSTS_TE, false);
    vtd_set_root(e.s, TTM_SCALABLE);
    sva_clear_bits(e.s, vtd_entry_at(e.s, SID0, PASID), PE_P);
    vtd_gcmd(e.s, GSTS_TE, true);
    g_assert_false(sva_access(&f.d, PASID, IOVA, A_READ));
    expect_reason(&f, 0x59, SID0, 0);
    vtd_iq_init(e.s, true);
    g_assert_true(vtd_wait_flags(e.s, WAIT_SW | WAIT_PD));
    qtest_clock_step(e.s->qts, 2000ll * 1000 * 1000);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS) & 0xff, ==, 0);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, 0);
    g_assert_cmpuint(sva_dev_counter(&f.d, SVATEST_CNT_UNIT_FAULTS), ==, 2);
    g_assert_cmpuint(sva_dev_counter(&f.d, SVATEST_CNT_UNIT_UNEXPECTED), ==,
                     0);
    sva_quit(e.s);
}

/* Translation off: ordinary requests pass, nothing else does. */
static void test_off(void)
{
    Env e = { };
    SvaResult r;

    sva_env_start(&e, "", "");
    vtd_gcmd(e.s, GSTS_TE, false);
    g_assert_cmphex(sva_peek(&e.d, NO_PASID, e.old, 0), ==, ENV_OLD);
    g_assert_false(sva_access(&e.d, PASID, e.old, A_READ));
    g_assert_false(sva_access(&e.d, PASID, e.old, A_WRITE));
    g_assert_false(sva_access(&e.d, NO_PASID, e.old, A_READ | A_RAW));
    g_assert_false(sva_access(&e.d, NO_PASID, MSI, A_READ));
    r = sva_xlate(&e.d, NO_PASID, e.old, SVATEST_AUX_READ, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==, SVATEST_REASON_UR);
    vtd_expect_no_fault(e.s);
    g_assert_cmphex(sva_read64(e.s, e.old), ==, ENV_OLD);
    sva_quit(e.s);
}

static void page_request_refused(Env *e)
{
    SvaResult r = sva_run(&e->d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_PAGEREQ, .pasid = sva_desc_pasid(PASID),
        .src = IOVA, .aux = SVATEST_PR_READ | SVATEST_PR_LAST |
                            SVATEST_PR_WAIT,
    });

    g_assert_cmphex(r.status, ==, SVATEST_ST_PAGE_INVALID);
    g_assert_cmpuint(vtd_pq_count(e->s), ==, 0);
    g_assert_cmphex(vtd_readl(e->s, VTD_PRS), ==, 0);
}

static void test_off_page_request(void)
{
    Env e = { };

    sva_env_start(&e, "", "");
    vtd_gcmd(e.s, GSTS_TE, false);
    page_request_refused(&e);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* TTM 11b aborts everything: RTA.4. */
static void test_abort(void)
{
    Env e = { };
    SvaResult r;

    sva_env_start(&e, "", "");
    vtd_set_root(e.s, TTM_ABORT);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    expect_reason(&e, 0x33, SID0, 0);
    g_assert_false(sva_access(&e.d, NO_PASID, IOVA, A_READ));
    expect_reason(&e, 0x33, SID0, 0);
    g_assert_false(sva_access(&e.d, NO_PASID, e.old, A_READ | A_RAW));
    expect_reason(&e, 0x33, SID0, 2);
    r = sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_READ, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==, SVATEST_REASON_UR);
    expect_reason(&e, 0x33, SID0, 1);
    page_request_refused(&e);
    expect_reason(&e, 0x33, SID0, 0);
    sva_quit(e.s);
}

/* 30h: TTM 10b is reserved. Address bits beyond the host's do not exist. */
static void root_case(const void *opaque)
{
    bool mode = GPOINTER_TO_INT(opaque);
    Env e = { };

    sva_env_start(&e, "", "");
    e.s->root |= mode ? 0 : 0xffffull << 48;
    vtd_set_root(e.s, mode ? TTM_RESERVED : TTM_SCALABLE);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ) != mode);
    if (mode) {
        expect_reason(&e, 0x30, SID0, 0);
        g_assert_false(sva_access(&e.d, NO_PASID, IOVA, A_READ));
        expect_reason(&e, 0x30, SID0, 0);
    }
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* Without PASID this is no address: a write is a message, no table is asked. */
static void test_message(void)
{
    Env e = { };
    SvaResult r;

    sva_env_start(&e, "", "");
    vtd_unbind(e.s, SID0, 0);
    qtest_writel(e.s->qts, e.d.bar[SVATEST_BAR_MEM], 0x75);
    r = sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_WRITE | SVATEST_F_UNTRANSLATED, .dst = MSI,
        .length = 4,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_true(sva_vector(e.s, 0x75));
    vtd_expect_no_fault(e.s);
    /* It cannot be read, nor written by more or less than four bytes (3.15). */
    g_assert_false(sva_access(&e.d, NO_PASID, MSI, A_READ));
    expect_reason(&e, 0x87, SID0, 0);
    g_assert_false(sva_access(&e.d, NO_PASID, MSI, A_WRITE));
    expect_reason(&e, 0x87, SID0, 0);
    g_assert_false(sva_access(&e.d, NO_PASID, MSI, A_ATOMIC));
    expect_reason(&e, 0x87, SID0, 0);
    sva_quit(e.s);
}

/* Four bytes, as a message has them, and what they do elsewhere */
static bool access_dword(Env *e, uint32_t op, uint32_t flags, uint64_t addr)
{
    bool to = op == SVATEST_OP_WRITE;
    SvaResult r = sva_run(&e->d, &(struct svatest_desc) {
        .op_flags = op | flags, .dst = to ? addr : 0, .src = to ? 0 : addr,
        .length = 4,
    });

    g_assert_true(r.status == SVATEST_ST_OK || r.status == SVATEST_ST_ACCESS);
    return r.status == SVATEST_ST_OK;
}

static void test_message_kinds(void)
{
    Env e = { };

    sva_env_start(&e, "", "");
    qtest_writel(e.s->qts, e.d.bar[SVATEST_BAR_MEM], 0x77);
    g_assert_false(access_dword(&e, SVATEST_OP_READ, SVATEST_F_UNTRANSLATED,
                                MSI));
    expect_reason(&e, 0x87, SID0, 0);
    g_assert_false(access_dword(&e, SVATEST_OP_WRITE, SVATEST_F_TRANSLATED,
                                MSI));
    expect_reason(&e, 0x87, SID0, 2);
    g_assert_false(sva_vector(e.s, 0x77));
    /* To another address it is an ordinary write. */
    g_assert_true(access_dword(&e, SVATEST_OP_WRITE, SVATEST_F_UNTRANSLATED,
                               IOVA));
    g_assert_cmphex(sva_read64(e.s, e.old), ==, (ENV_OLD & ~0xffffffffull) |
                    0x77);
    vtd_expect_no_fault(e.s);
    /* What is refused heeds FPD. */
    sva_set_bits(e.s, vtd_context_at(e.s, SID0), CTX_FPD);
    vtd_flush_all(e.s);
    g_assert_false(sva_access(&e.d, NO_PASID, MSI, A_READ));
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/*
 * A remappable message whose table entry is absent: fault 22h. The record has
 * the index of the entry instead of an address (9.9, 11.4.14).
 */
static void test_message_remapped(void)
{
    const unsigned index = 0x123;
    uint64_t table;
    Env e = { };

    sva_env_start(&e, "", "");
    table = sva_pages(e.s, 16 * KiB4, 16 * KiB4);
    vtd_writeq(e.s, VTD_IRTA, table | 11);
    vtd_gcmd(e.s, GSTS_IRTPS, true);
    vtd_gcmd(e.s, GSTS_IRES, true);
    qtest_writel(e.s->qts, e.d.bar[SVATEST_BAR_MEM], 0);
    access_dword(&e, SVATEST_OP_WRITE, SVATEST_F_UNTRANSLATED,
                 MSI | index << 5 | 1 << 4);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, FSTS_PPF);
    g_assert_cmphex(vtd_readq(e.s, VTD_FRCD), ==, (uint64_t)index << 48);
    g_assert_cmphex(vtd_readq(e.s, VTD_FRCD + 8) & ~(1ull << 62), ==,
                    1ull << 63 | 0x22ull << 32 | SID0);
    sva_quit(e.s);
}

/* Asked for by ATS: untranslated access only, and then a message as well */
static void test_message_translation(void)
{
    Env e = { };
    SvaResult r;

    sva_env_start(&e, "", "");
    r = sva_xlate(&e.d, NO_PASID, MSI + 0x2abc, SVATEST_AUX_WRITE, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.detail & (SVATEST_DET_U | SVATEST_DET_WRITE |
                                SVATEST_DET_READ), ==,
                    SVATEST_DET_U | SVATEST_DET_WRITE);
    qtest_writel(e.s->qts, e.d.bar[SVATEST_BAR_MEM], 0x76);
    r = sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_WRITE, .dst = MSI, .length = 4,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_true(sva_vector(e.s, 0x76));
    /* A translated request may not go there. */
    g_assert_false(sva_access(&e.d, NO_PASID, MSI, A_WRITE | A_RAW));
    expect_reason(&e, 0x87, SID0, 2);
    /* S.2: who does not want to write gets nothing. */
    r = sva_xlate(&e.d, NO_PASID, MSI, SVATEST_AUX_READ, SVATEST_F_NO_WRITE);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.detail & (SVATEST_DET_U | SVATEST_DET_WRITE |
                                SVATEST_DET_READ), ==, 0);
    /* What the tables say of the requester comes first. */
    sva_clear_bits(e.s, vtd_context_at(e.s, SID0), CTX_DTE | CTX_PRE);
    vtd_flush_all(e.s);
    g_assert_false(sva_access(&e.d, NO_PASID, MSI, A_WRITE | A_RAW));
    expect_reason(&e, 0x44, SID0, 2);
    sva_quit(e.s);
}

/* An ordinary device: its requests come by way of its address space. */

#define EDU_SID     BDF(0, 6, 0)
#define EDU_IOVA    0x3456000ull    /* it has 28 address bits */
#define EDU_BUFFER  0x40000ull
#define EDU_RUN     1
#define EDU_TO_RAM  2

typedef struct Edu {
    Env e;
    uint64_t bar[6];
    SvaTable fs;
} Edu;

static void edu_start(Edu *u)
{
    SvaEntry entry;

    u->e.s = sva_start(SVA_UNIT " -device svatest,addr=4 -device edu,addr=6");
    sva_assign_bars(u->e.s, EDU_SID, 0x10, u->bar);
    sva_cfg_writew(u->e.s, EDU_SID, 4, 6);
    vtd_table(&u->fs, u->e.s, false, 4, NULL);
    u->e.old = sva_page(u->e.s);
    sva_write64(u->e.s, u->e.old, ENV_OLD);
    u->e.leaf = vtd_map(&u->fs, EDU_IOVA, u->e.old, FS_ALL, 1);
    entry = vtd_entry_first(&u->fs, 9);
    vtd_context(u->e.s, EDU_SID, CTX_P);
    vtd_bind(u->e.s, EDU_SID, 0, &entry);
    vtd_enable(u->e.s);
}

static void edu_dma(Edu *u, uint64_t iova, unsigned command)
{
    QTestState *qts = u->e.s->qts;
    bool out = command & EDU_TO_RAM;

    qtest_writeq(qts, u->bar[0] + 0x80, out ? EDU_BUFFER : iova);
    qtest_writeq(qts, u->bar[0] + 0x88, out ? iova : EDU_BUFFER);
    qtest_writeq(qts, u->bar[0] + 0x90, 8);
    qtest_writeq(qts, u->bar[0] + 0x98, command | EDU_RUN);
    qtest_clock_step(qts, 200 * 1000 * 1000);
    g_assert_cmphex(qtest_readq(qts, u->bar[0] + 0x98) & EDU_RUN, ==, 0);
}

static void test_ordinary(void)
{
    uint64_t page;
    SvaFault f;
    Edu u = { };

    edu_start(&u);
    page = sva_page(u.e.s);
    vtd_map(&u.fs, EDU_IOVA + KiB4, page, FS_ALL, 1);
    edu_dma(&u, EDU_IOVA, 0);
    edu_dma(&u, EDU_IOVA + KiB4, EDU_TO_RAM);
    g_assert_cmphex(sva_read64(u.e.s, page), ==, ENV_OLD);
    vtd_expect_no_fault(u.e.s);
    g_assert_cmphex(sva_read64(u.e.s, u.e.leaf) & (FS_A | FS_D), ==, FS_A);
    /* Stale until it is invalidated, then a fault */
    sva_clear_bits(u.e.s, u.e.leaf, FS_RW);
    vtd_iq(u.e.s, vtd_iotlb_q0(IOTLB_DOMAIN, 9), 0);
    g_assert_true(vtd_wait(u.e.s));
    edu_dma(&u, EDU_IOVA, EDU_TO_RAM);
    vtd_expect_fault(u.e.s, &(SvaFault) {
        .reason = 0x85, .sid = EDU_SID, .pasid = NO_PASID, .addr = EDU_IOVA,
    });
    /* A word at a time is translated. */
    sva_dev_init(&u.e.d, u.e.s, SID0);
    g_assert_cmpuint(sva_dev_counter(&u.e.d, SVATEST_CNT_UNIT_FAULTS), ==, 2);
    edu_dma(&u, EDU_IOVA + 2 * KiB4, 0);
    g_assert_true(vtd_fault_next(u.e.s, &f));
    g_assert_cmpuint(sva_dev_counter(&u.e.d, SVATEST_CNT_UNIT_FAULTS), ==, 4);
    g_assert_cmphex(f.reason, ==, 0x71);
    g_assert_cmphex(f.addr, ==, EDU_IOVA + 2 * KiB4);
    g_assert_true(f.t1);
    vtd_set_root(u.e.s, TTM_ABORT);
    sva_write64(u.e.s, page, ENV_NEW);
    edu_dma(&u, EDU_IOVA + KiB4, EDU_TO_RAM);
    g_assert_cmphex(sva_read64(u.e.s, page), ==, ENV_NEW);
    expect_reason(&u.e, 0x33, EDU_SID, 0);
    sva_quit(u.e.s);
}

/* A large page, of which the access is some part */
static void test_ordinary_large(void)
{
    uint64_t big;
    Edu u = { };

    edu_start(&u);
    big = sva_pages(u.e.s, MiB2, MiB2);
    vtd_map(&u.fs, 0x5000000 & ~(MiB2 - 1), big, FS_ALL, 2);
    sva_write64(u.e.s, big + 0x123458, ENV_NEW);
    edu_dma(&u, (0x5000000 & ~(MiB2 - 1)) + 0x123458, 0);
    edu_dma(&u, EDU_IOVA, EDU_TO_RAM);
    g_assert_cmphex(sva_read64(u.e.s, u.e.old), ==, ENV_NEW);
    sva_quit(u.e.s);
}

/* device-iotlb=off: no ATS, no page requests, and what belongs to them */
static void test_no_device_tlb(void)
{
    const char *args = "-device intel-iommu,intremap=on,eim=on,"
        "x-scalable-mode=on,x-nested=on -device svatest,addr=4";
    Env e = { };

    e.s = sva_start(args);
    sva_dev_init(&e.d, e.s, SID0);
    sva_dev_pasid(&e.d, true);
    g_assert_cmphex(vtd_readq(e.s, VTD_ECAP), ==, 0x0013e99884f00f5b);
    vtd_context(e.s, SID0, CTX_P | CTX_PASIDE | CTX_DTE);
    vtd_enable(e.s);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    expect_reason(&e, 0x42, SID0, 0);
    vtd_context(e.s, SID0, CTX_P | CTX_PASIDE | CTX_PRE);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    expect_reason(&e, 0x42, SID0, 0);
    vtd_context(e.s, SID0, CTX_P | CTX_PASIDE);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    expect_reason(&e, 0x51, SID0, 0);
    vtd_writel(e.s, VTD_PEDATA, 0x55);
    vtd_writeq(e.s, VTD_PQA, 0x100000);
    g_assert_cmphex(vtd_readl(e.s, VTD_PEDATA), ==, 0);
    g_assert_cmphex(vtd_readq(e.s, VTD_PQA), ==, 0);
    g_assert_cmphex(vtd_readl(e.s, VTD_PECTL), ==, 0);
    /* Bit 7 of other descriptors is no PD. */
    vtd_iq(e.s, vtd_iotlb_q0(IOTLB_GLOBAL, 0) | 3 << 6, 0);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS) & 0xff, ==, 0);
    /* A response is no descriptor, PD no flag. */
    vtd_iq(e.s, vtd_resp_q0(SID0, PASID, 0), vtd_resp_q1(0));
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS) & 0xff, ==, FSTS_IQE);
    g_assert_cmpuint(vtd_readq(e.s, VTD_IQER), ==, 3);
    sva_write64(e.s, e.s->iq + vtd_readq(e.s, VTD_IQH), 5 | WAIT_FN);
    sva_write64(e.s, e.s->iq + vtd_readq(e.s, VTD_IQH) + 8, 0);
    vtd_writel(e.s, VTD_FSTS, FSTS_IQE);
    g_assert_true(vtd_wait(e.s));
    g_assert_false(vtd_wait_flags(e.s, WAIT_SW | WAIT_PD));
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS) & 0xff, ==, FSTS_IQE);
    g_assert_cmpuint(vtd_readq(e.s, VTD_IQER), ==, 4);
    sva_quit(e.s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/svatest/unit/" name, fn)
    ADD("register-halves", test_halves);
    ADD("reset/masks", test_masks);
    ADD("reset/values", test_reset);
    ADD("record-index", test_record_index);
    ADD("masks", test_all_masks);
    ADD("masks/no-extended-interrupts", test_no_extended_interrupts);
    ADD("off/requests", test_off);
    ADD("off/page-request", test_off_page_request);
    ADD("abort", test_abort);
    qtest_add_data_func("/svatest/unit/root/mode", GINT_TO_POINTER(true),
                        root_case);
    qtest_add_data_func("/svatest/unit/root/address", GINT_TO_POINTER(false),
                        root_case);
    ADD("message/write", test_message);
    ADD("message/translation", test_message_translation);
    ADD("message/kinds", test_message_kinds);
    ADD("message/remapped", test_message_remapped);
    ADD("ordinary-device/pages", test_ordinary);
    ADD("ordinary-device/large-page", test_ordinary_large);
    ADD("no-device-tlb", test_no_device_tlb);
    return g_test_run();
}
