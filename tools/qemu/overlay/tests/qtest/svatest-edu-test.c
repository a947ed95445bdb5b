/*
 * An ordinary device, edu, under the unit: requests without PASID, interrupts
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kvm-unit-tests asks eleven things of a VT-d unit from inside a guest that
 * knows edu. The same eleven are asked here of three machines: the unit without
 * x-nested, and the unit with it in legacy and in scalable mode.
 */

#include "qemu/osdep.h"
#include "svatest-vtd.h"

#define VTD_IRTA        0x0b8
#define GSTS_IRTPS      (1u << 24)
#define GSTS_IRES       (1u << 25)
#define CAP_SAGAW_39    (1ull << 9)
#define CAP_SLLPS_2M    (1ull << 34)
#define CAP_SLLPS_1G    (1ull << 35)

#define EDU_SID         BDF(0, 6, 0)
#define IOAPIC_SID      0xff00          /* as the DMAR table of q35 has it */
#define DID             9

/* edu: registers and commands */
#define EDU_IRQ_STATUS  0x24
#define EDU_IRQ_RAISE   0x60
#define EDU_IRQ_ACK     0x64
#define EDU_DMA_SRC     0x80
#define EDU_DMA_DST     0x88
#define EDU_DMA_COUNT   0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_RUN         1
#define EDU_TO_RAM      2
#define EDU_BUFFER      0x40000ull

/* Within the 28 address bits that edu has */
#define SRC_IOVA        0x3456000ull
#define DST_IOVA        0x3457000ull
#define LARGE_IOVA      0x5000000ull

#define IOAPIC          0xfec00000ull
#define MSI_VECTOR      0x61
#define INTX_VECTOR     0x62
#define IOAPIC_VECTOR   0x63    /* what the pin would have without remapping */

typedef enum Mode {
    STOCK,
    LEGACY,
    SCALABLE,
} Mode;

typedef struct Edu {
    Sva *s;
    uint64_t bar[6];
    SvaTable ss;        /* three levels: 39 bits */
    uint64_t src;
    uint64_t dst;
    uint64_t large;
} Edu;

typedef void EduCheck(Edu *u);

/* Translation tables: one second-stage table for the device */
static void tables(Edu *u, Mode mode)
{
    Sva *s = u->s;

    vtd_table(&u->ss, s, true, 3, NULL);
    u->src = sva_page(s);
    u->dst = sva_page(s);
    u->large = sva_pages(s, MiB2, MiB2);
    vtd_map(&u->ss, SRC_IOVA, u->src, SS_ALL, 1);
    vtd_map(&u->ss, DST_IOVA, u->dst, SS_ALL, 1);
    vtd_map(&u->ss, LARGE_IOVA & ~(MiB2 - 1), u->large, SS_ALL, 2);
    if (mode == SCALABLE) {
        SvaEntry entry = vtd_entry_second(&u->ss, DID);

        vtd_context(s, EDU_SID, CTX_P);
        vtd_bind(s, EDU_SID, 0, &entry);
    } else {
        uint64_t context = sva_page(s);

        sva_write64(s, s->root, context | 1);
        sva_write64(s, context + EDU_SID * 16, u->ss.root | CTX_P);
        sva_write64(s, context + EDU_SID * 16 + 8, DID << 8 | 1);
    }
}

static void remapping_entry(Sva *s, uint64_t table, unsigned index,
                            unsigned vector, bool level, uint16_t sid)
{
    sva_write64(s, table + index * 16, 1 | level << 4 | vector << 16);
    /* the whole requester id is verified */
    sva_write64(s, table + index * 16 + 8, 1 << 18 | sid);
}

/* Entry 0 is the message of edu, entry 1 its pin at the I/O APIC. */
static void interrupts(Sva *s)
{
    uint64_t table = sva_page(s);

    remapping_entry(s, table, 0, MSI_VECTOR, false, EDU_SID);
    remapping_entry(s, table, 1, INTX_VECTOR, true, IOAPIC_SID);
    vtd_writeq(s, VTD_IRTA, table | 7);         /* 256 entries */
    vtd_gcmd(s, GSTS_IRTPS, true);
    vtd_iq(s, 4, 0);                            /* entry cache, global */
    g_assert_true(vtd_wait(s));
    vtd_gcmd(s, GSTS_IRES, true);
}

static void edu_start(Edu *u, Mode mode)
{
    Sva *s = sva_start(mode == STOCK ?
        "-device intel-iommu,intremap=on,eim=on -device edu,addr=6" :
        "-device intel-iommu,intremap=on,eim=on,x-scalable-mode=on,"
        "x-nested=on,device-iotlb=on -device edu,addr=6");

    u->s = s;
    sva_assign_bars(s, EDU_SID, 0x10, u->bar);
    sva_cfg_writew(s, EDU_SID, 4, 6);
    tables(u, mode);
    vtd_set_root(s, mode == SCALABLE ? TTM_SCALABLE : TTM_LEGACY);
    vtd_iq_init(s, mode == SCALABLE);
    vtd_iq(s, vtd_ctx_q0(CTX_GLOBAL, 0, 0, 0), 0);
    if (mode == SCALABLE) {
        vtd_iq(s, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
    }
    vtd_iq(s, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
    g_assert_true(vtd_wait(s));
    vtd_gcmd(s, GSTS_TE, true);
    interrupts(s);
}

static void expect_status(Edu *u, uint32_t bit)
{
    g_assert_cmphex(vtd_readl(u->s, VTD_GSTS) & bit, ==, bit);
}

static void check_fault_status(Edu *u)
{
    g_assert_cmphex(vtd_readl(u->s, VTD_FSTS), ==, 0);
}

static void check_queue(Edu *u)
{
    expect_status(u, GSTS_QIES);
}

static void check_root(Edu *u)
{
    expect_status(u, GSTS_RTPS);
}

static void check_interrupt_table(Edu *u)
{
    expect_status(u, GSTS_IRTPS);
}

static void check_translation(Edu *u)
{
    expect_status(u, GSTS_TE);
}

static void check_remapping(Edu *u)
{
    expect_status(u, GSTS_IRES);
}

static void check_width(Edu *u)
{
    g_assert_cmphex(vtd_readq(u->s, VTD_CAP) & CAP_SAGAW_39, ==, CAP_SAGAW_39);
}

static void edu_dma(Edu *u, uint64_t iova, bool to_ram)
{
    QTestState *qts = u->s->qts;

    qtest_writeq(qts, u->bar[0] + EDU_DMA_SRC, to_ram ? EDU_BUFFER : iova);
    qtest_writeq(qts, u->bar[0] + EDU_DMA_DST, to_ram ? iova : EDU_BUFFER);
    qtest_writeq(qts, u->bar[0] + EDU_DMA_COUNT, 4);
    qtest_writeq(qts, u->bar[0] + EDU_DMA_COMMAND,
                 EDU_RUN | (to_ram ? EDU_TO_RAM : 0));
    qtest_clock_step(qts, 200 * 1000 * 1000);
    g_assert_cmphex(qtest_readq(qts, u->bar[0] + EDU_DMA_COMMAND) & EDU_RUN,
                    ==, 0);
}

/* Four bytes, no more, from one address to another */
static void copy(Edu *u, uint64_t iova, uint64_t at)
{
    sva_write64(u->s, at, 0x1122334455667788ull);
    sva_write64(u->s, u->dst + 8, UINT64_MAX);
    edu_dma(u, iova, false);
    edu_dma(u, DST_IOVA + 8, true);
    g_assert_cmphex(sva_read64(u->s, u->dst + 8), ==, 0xffffffff55667788ull);
    check_fault_status(u);
}

static void check_copy(Edu *u)
{
    copy(u, SRC_IOVA, u->src);
}

/* Advertised, and in use */
static void check_large(Edu *u)
{
    uint64_t want = CAP_SLLPS_2M | CAP_SLLPS_1G;

    g_assert_cmphex(vtd_readq(u->s, VTD_CAP) & want, ==, want);
    copy(u, LARGE_IOVA + 0x123450, u->large + LARGE_IOVA % MiB2 + 0x123450);
}

static void edu_interrupt(Edu *u, unsigned vector)
{
    QTestState *qts = u->s->qts;

    g_assert_false(sva_vector(u->s, vector));
    qtest_writel(qts, u->bar[0] + EDU_IRQ_RAISE, 1);
    g_assert_cmphex(qtest_readl(qts, u->bar[0] + EDU_IRQ_STATUS), ==, 1);
    g_assert_true(sva_vector(u->s, vector));
    qtest_writel(qts, u->bar[0] + EDU_IRQ_ACK, 1);
    check_fault_status(u);
}

static void ioapic_write(Edu *u, unsigned reg, uint32_t value)
{
    qtest_writel(u->s->qts, IOAPIC, reg);
    qtest_writel(u->s->qts, IOAPIC + 0x10, value);
}

/* Which of the PCI pins it is depends on the slot: all lead to entry 1. */
static void check_pin(Edu *u)
{
    for (unsigned pin = 16; pin < 24; pin++) {
        ioapic_write(u, 0x11 + 2 * pin, 1 << 17 | 1 << 16);
        ioapic_write(u, 0x10 + 2 * pin, 1 << 15 | IOAPIC_VECTOR);
    }
    edu_interrupt(u, INTX_VECTOR);
}

static void check_message(Edu *u)
{
    unsigned cap = sva_cap(u->s, EDU_SID, 0x05);

    g_assert_cmpuint(cap, !=, 0);
    sva_cfg_writel(u->s, EDU_SID, cap + 4, 0xfee00000 | 1 << 4);
    sva_cfg_writel(u->s, EDU_SID, cap + 8, 0);
    sva_cfg_writew(u->s, EDU_SID, cap + 12, 0);
    sva_cfg_writew(u->s, EDU_SID, cap + 2, 1);
    edu_interrupt(u, MSI_VECTOR);
}

static const struct {
    const char *name;
    EduCheck *check;
} checks[] = {
    { "fault-status", check_fault_status },
    { "queue", check_queue },
    { "root-table", check_root },
    { "interrupt-table", check_interrupt_table },
    { "translation", check_translation },
    { "interrupt-remapping", check_remapping },
    { "39-bits", check_width },
    { "large-pages", check_large },
    { "copy", check_copy },
    { "pin-interrupt", check_pin },
    { "message-interrupt", check_message },
};

static void edu_case(const void *opaque)
{
    unsigned which = GPOINTER_TO_UINT(opaque);
    Edu u = { };

    edu_start(&u, which / ARRAY_SIZE(checks));
    checks[which % ARRAY_SIZE(checks)].check(&u);
    sva_quit(u.s);
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {
        [STOCK] = "stock", [LEGACY] = "legacy", [SCALABLE] = "scalable",
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(modes) * ARRAY_SIZE(checks); i++) {
        g_autofree char *path =
            g_strdup_printf("/svatest/edu/%s/%s",
                            modes[i / ARRAY_SIZE(checks)],
                            checks[i % ARRAY_SIZE(checks)].name);

        qtest_add_data_func(path, GUINT_TO_POINTER(i), edu_case);
    }
    return g_test_run();
}
